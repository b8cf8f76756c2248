"""The gateway agent: a small process in the home that dials our server and runs a local driver on its behalf.

It knows no store, no API and no pages, and imports neither database nor numerics (``simulated.py`` apart), so that it
starts on a small computer. Start with ``agent.py``; ``keeper.py`` gives pumps back, ``start.py`` puts it together.
"""

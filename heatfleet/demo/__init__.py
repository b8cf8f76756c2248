"""``heatfleet demo``: everything in one process on one machine, and ``--once``: a week with and without us, in memory.

Start with ``once.py`` (the comparison) or ``live.py`` (the running demo).
"""

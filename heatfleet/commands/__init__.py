"""The bodies of ``heatfleet COMMAND``, one file per family; ``cli.py`` only lists them.

Parse, call one thing below, print. Heavy imports stay inside the functions so that ``--help`` is quick.
Start with ``demo.py``.
"""

"""One folder per heat-pump cloud or gateway protocol, and ``kit/`` = what every driver is given.

A vendor's words live only in its own folder; vendors do not know each other.
Start with ``kit/driver.py``.
"""

"""The use cases, one page each: load, decide, save, hand on.

Flows meet only through the job queue; they do not import each other (only ``toolbox.py``).
Start with ``plan.py`` and ``steer.py``.
"""

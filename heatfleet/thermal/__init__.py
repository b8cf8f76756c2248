"""Physics and learning: COP, sun, building, hot-water tank, simulate, identify.

Arrays in, arrays out; knows numpy and numba (hplib only in ``cop.py``, pvlib only in ``sun.py``), no domain words,
no I/O.
``simulate.py`` is the only forward model of the house; start there.
"""

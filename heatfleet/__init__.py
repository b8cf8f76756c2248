"""heatfleet: connects, watches, plans, steers and trades fleets of heat pumps.

The house in one line: everything that decides is a pure function, everything that touches the world is handed in,
one flow is one page. Start reading in ``docs/tour.md``, then ``heatfleet/app.py``.
"""

__version__ = "0.1.0"

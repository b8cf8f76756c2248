"""heatfleet: connects, watches, plans, steers and trades fleets of heat pumps.

The house in one line: everything that decides is a pure function, everything that touches the world is handed in,
one flow is one page. Start reading in ``docs/tour.md``, then ``heatfleet/app.py``.
"""

import os

__version__ = "0.1.0"

# Our matrices are small: more threads of NumPy's BLAS gain nothing, and two processes that share a machine wait for
# each other's (four times as slow). It reads this once, when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

"""How the planner's kernels are compiled: kept on disk, without the interpreter's lock, dividing as numpy does.

``compiled`` and ``inlined`` may make no arrays: without a runtime that counts references nothing of the kind is
counted in the inner loops either, which two threads on the same arrays would hinder each other by.
"""

from __future__ import annotations

from numba import njit

allocating = njit(cache=True, nogil=True, error_model="numpy")
compiled = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
inlined = njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)

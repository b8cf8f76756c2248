"""NumPy's BLAS keeps to one thread, unless the operator says otherwise: processes share their machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TASKS = Path("/proc/self/task")
MULTIPLY = (
    f"import heatfleet, os, numpy as np; np.ones((600, 600)) @ np.ones((600, 600)); print(len(os.listdir('{TASKS}')))"
)


def threads(**environment: str) -> int:
    given = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", MULTIPLY], env=given | environment, capture_output=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not TASKS.exists(), reason="threads are counted where the kernel tells of them")
def test_a_process_multiplies_with_one_thread() -> None:
    assert threads() == 1


@pytest.mark.skipif(not TASKS.exists() or (os.cpu_count() or 1) < 2, reason="needs two cores and a kernel that tells")
def test_the_operator_may_want_more() -> None:
    assert threads(OPENBLAS_NUM_THREADS="2") == 2

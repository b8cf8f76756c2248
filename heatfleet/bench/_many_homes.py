"""A whole fleet planned at once, in a process of its own so that its memory can be told from everything else's."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from time import perf_counter, process_time
from typing import Any

import numpy as np

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import solve

DIFFERENT = 1_000


def copies(problem: Problem, homes: int) -> Problem:
    """The same homes over and over, ``homes`` in all; every array is a copy."""
    index = np.arange(homes) % problem.homes
    arrays: dict[str, Any] = {name: value[index] for name, value in vars(problem).items() if _by_home(value)}
    return replace(problem, **arrays)


def _by_home(value: object) -> bool:
    return isinstance(value, np.ndarray)


def measured(homes: int, steps: int, seed: int, threads: int = 2) -> dict[str, float]:
    """Seconds on the clock and of the processors, and GiB of memory at most, of planning ``homes`` homes ``fast``.

    The memory is that of the whole process, the problem's own arrays included.
    """
    given = json.dumps([homes, steps, seed, threads])
    code = "import sys; from heatfleet.bench import _many_homes; _many_homes.main(sys.argv[1])"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, given], check=True, capture_output=True, text=True, timeout=1800
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(given: str) -> None:
    """What the process of :func:`measured` does."""
    homes, steps, seed, threads = json.loads(given)
    few = random_problem(min(DIFFERENT, homes), seed, Kind(steps=steps))
    solve(few, "fast", threads)
    problem = copies(few, homes)
    begin, cpu = perf_counter(), process_time()
    solve(problem, "fast", threads)
    found = {"homes": homes, "wall_s": round(perf_counter() - begin, 4), "cpu_s": round(process_time() - cpu, 4)}
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(json.dumps({**found, "peak_gib": round(peak_gib, 2)}))

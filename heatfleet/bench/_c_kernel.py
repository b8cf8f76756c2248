"""A plain C backward kernel doing the work of one pass of ours, compiled by the system's compiler: the roofline."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from heatfleet.planning.arrays import batch_of, home_of
from heatfleet.planning.grid_kernel import CELLS, GUARD, grid_for, lay_grid
from heatfleet.planning.kernel import MARGIN_K
from heatfleet.planning.problem import Problem
from heatfleet.planning.space_kernel import backward, work_for
from heatfleet.thermal.arrays import Array

SOURCE = """
#include <math.h>
enum { SIZE = CELLS + 2 * GUARD };
static void best(float *restrict out, const float *restrict base, const float *restrict after, const float *shift,
                 int first, int last) {
    for (int i = 0; i < CELLS; i++) out[i] = 1e9f;
    for (int k = first; k < last; k++) {
        int left = (int)floorf(shift[k]);
        float f = shift[k] - left, e = 1.0f - f;
        const float *a = after + GUARD + left, *b = base + k * CELLS;
        for (int i = 0; i < CELLS; i++) {
            float value = b[i] + e * a[i] + f * a[i + 1];
            out[i] = value < out[i] ? value : out[i];
        }
    }
}
static void extend(float *row) {
    float *low = row + GUARD, *high = low + CELLS - 1, down = fmaxf(low[0] - low[1], 0.0f), up = high[0] - high[-1];
    for (int i = 1; i <= GUARD; i++) { low[-i] = low[0] + i * down; high[i] = high[0] + i * up; }
}
/* cost, shift, cold, hot: (step, action); width: (step); rows: (step + 1, mode, SIZE), the last step filled */
void backward(int steps, int on, int off, int actions, float penalty, const float *cost, const float *shift,
              const float *cold, const float *hot, const float *width, float *rows) {
    float base[8 * CELLS], turned[2][CELLS];
    int modes = on + off;
    for (int t = steps - 1; t >= 0; t--) {
        const float *after = rows + (long)(t + 1) * modes * SIZE, *s = shift + t * actions;
        float *now = rows + (long)t * modes * SIZE;
        for (int k = 0; k < actions; k++)
            for (int i = 0; i < CELLS; i++)
                base[k * CELLS + i] = cost[t * actions + k] + penalty * (
                    fmaxf(cold[t * actions + k] - i * width[t], 0) + fmaxf(hot[t * actions + k] + i * width[t], 0));
        for (int m = 0; m < modes; m++) {
            float *out = m == 0 ? turned[0] : m == on ? turned[1] : now + (m - 1) * SIZE + GUARD;
            best(out, base, after + m * SIZE, s, m < on ? 1 : 0, m < on ? actions : 1);
        }
        for (int i = 0; i < CELLS; i++) {
            float go = on == 1 ? turned[0][i] : now[(on - 2) * SIZE + GUARD + i];
            float rest = off == 1 ? turned[1][i] : now[(modes - 2) * SIZE + GUARD + i];
            now[(on - 1) * SIZE + GUARD + i] = fminf(go, turned[1][i]);
            now[(modes - 1) * SIZE + GUARD + i] = fminf(rest, turned[0][i]);
        }
        for (int m = 0; m < modes; m++) extend(now + m * SIZE);
    }
}
"""
# -ffast-math itself would set the whole process to flush small numbers to zero when the library is loaded.
_FAST = ("-fno-math-errno", "-fno-trapping-math", "-ffinite-math-only", "-fno-signed-zeros", "-fassociative-math")
FLAGS = ("-O3", "-march=native", *_FAST, "-shared", "-fPIC", "-lm")
REFERENCE_CELLS = 64  # of the kernel that the bar was set with


def compiler() -> str | None:
    """The system's C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compiled(cells: int) -> Callable[..., object]:
    """The kernel for rows of ``cells``."""
    found = compiler()
    assert found is not None, "ask compiler() first"
    with tempfile.TemporaryDirectory(prefix="heatfleet-bench-") as folder:
        source, library = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
        source.write_text(SOURCE, encoding="utf-8")
        sizes = (f"-DCELLS={cells}", f"-DGUARD={GUARD}")
        subprocess.run([found, *sizes, str(source), "-o", str(library), *FLAGS], check=True)  # noqa: S603
        kernel: Callable[..., object] = ctypes.CDLL(str(library)).backward
        return kernel


class PlainC:
    """One home's work for the C kernel, with rows of some number of cells."""

    def __init__(self, problem: Problem, i: int, cells: int) -> None:
        batch, rules = batch_of(problem)
        self.home, self.rules, steps = home_of(batch, rules, i), rules, problem.steps
        self.grid = grid_for(steps, problem.space_actions + 1)
        self.nominal = np.zeros(steps + 1)
        lay_grid(self.home, self.nominal, MARGIN_K, self.grid)
        places = np.arange(cells + 2 * GUARD) - GUARD
        self.rows = np.zeros((steps + 1, rules.min_on + rules.min_off, len(places)), np.float32)
        self.rows[-1] = -self.home.slow[3] * (self.grid.first[-1] + places * self.grid.width[-1])
        self._arrays = [np.ascontiguousarray(value, dtype=np.float32) for value in self._inputs()]
        self._kernel, self.cells = compiled(cells), cells

    def _inputs(self) -> tuple[Array, ...]:
        """Cost of every step and action, by how many cells it shifts, how far from the limits cell 0 lands, widths."""
        home, first, width = self.home, self.grid.first, self.home.slow[0] * self.grid.width[:-1]
        heat, cost = home.heat[:, :-1], home.cost[:, :-1].copy()
        landing = (home.slow[0] * first[:-1] + home.slow_w)[:, None] + home.slow[1] * heat
        fast = home.fast_w[:, None] + home.fast[1] * heat
        cost[-1] -= home.fast[3] * fast[-1]
        cold, hot = home.low[:, None] - landing - fast, landing + fast - home.high[:, None]
        return cost, (landing - first[1:, None]) / width[:, None], cold, hot, width

    def run(self, times: int = 1) -> None:
        """Backward passes into ``rows``."""
        pointers = [value.ctypes.data_as(ctypes.c_void_p) for value in (*self._arrays, self.rows)]
        steps, actions = self._arrays[0].shape
        penalty = ctypes.c_float(self.home.penalty)
        for _ in range(times):
            self._kernel(steps, self.rules.min_on, self.rules.min_off, actions, penalty, *pointers)

    def off_by(self) -> float:
        """The largest difference from the values of our kernel, in units of the home's dearest step."""
        steps, modes, actions = self.home.heat.shape[0], self.rows.shape[1], self.home.heat.shape[1]
        work, slots = work_for(steps, modes, actions), np.zeros(steps, np.bool_)
        backward(self.home, self.grid, work, self.nominal, slots, 0.0, self.rules.min_on, self.rules.min_off)
        self.run()
        cells = np.s_[0, :, GUARD : GUARD + CELLS]
        return float(np.abs(self.rows[cells] - work.rows[cells]).max())

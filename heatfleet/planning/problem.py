"""The planning problem of many heat pumps as arrays, and its instance file.

One action per home and step: ``0..A-1`` heat the house (0 = MIN, the compressor does not heat), ``A`` charges the tank.
The field names, shapes and units are those of the file, so that anybody can judge a plan with a simulator of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

import numpy as np

from heatfleet.domain.errors import Invalid
from heatfleet.thermal.arrays import Array

FileOrPath = str | Path | IO[bytes]


@dataclass(frozen=True)
class Problem:
    """What is asked, for homes (home,) and steps (step,); A space-heating actions, n = 1 or 2 building states.

    A state evolves as ``x' = a x + b·heat + w`` and the tank as ``T' = tank_a T + tank_b·heat + tank_w``; penalties
    apply to the state after each step: ``step_h·(comfort_penalty·dist(x[0], band) + dhw_penalty·dist(T, tank band))``.
    Optional arrays are None where nothing is asked.
    """

    step_h: float  # [h]
    comfort_penalty: float  # [currency/(K·h)]
    dhw_penalty: float  # [currency/(K·h)]
    min_on_steps: int
    min_off_steps: int
    price: Array  # (home, step) [currency/kWh]
    space_energy: Array  # (home, step, A) [kWh per step]
    space_heat: Array  # (home, step, A) [kW]
    dhw_energy: Array  # (home, step) [kWh per step]
    dhw_heat: Array  # (home, step) [kW]
    a: Array  # (home, n, n)
    b: Array  # (home, n) [K/kW]
    w: Array  # (home, step, n) [K]
    indoor_min: Array  # (home, step) [°C]
    indoor_max: Array  # (home, step) [°C]
    x0: Array  # (home, n) [°C]
    tank_a: Array  # (home,)
    tank_b: Array  # (home,) [K/kW]
    tank_w: Array  # (home, step) [K]
    tank_min: Array  # (home,) or (home, step) [°C]
    tank_max: Array  # (home,) or (home, step) [°C]
    tank0: Array  # (home,) [°C]
    state_weight: Array  # (home, n)
    value_x: Array  # (home,) [currency/K]
    value_tank: Array  # (home,) [currency/K]
    allowed: Array | None = None  # (home, step, A+1) bool
    run_action0: Array | None = None  # (home,) action before step 0
    run_steps0: Array | None = None  # (home,) for how many steps that run has lasted
    max_starts_day: Array | None = None  # (home,) compressor starts in 24 h from step 0
    dose_deadline_step: Array | None = None  # (home,) the dose must be complete before this step; negative = none
    dose_temp: Array | None = None  # (home,) [°C]
    dose_steps: Array | None = None  # (home,) steps in a row at dose_temp
    start_cost: Array | None = None  # (home,) [currency] per compressor start; ours, not in plain files

    @property
    def homes(self) -> int:
        """Number of homes."""
        return int(self.price.shape[0])

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.price.shape[1])

    @property
    def space_actions(self) -> int:
        """Number A of space-heating actions; A itself is the hot-water action."""
        return int(self.space_energy.shape[2])

    @property
    def hot_water_action(self) -> int:
        """The action that charges the tank."""
        return self.space_actions


@dataclass(frozen=True)
class Solution:
    """A plan for every home: the action per step and what it costs.

    ``objective = cost + penalty + start cost − terminal value of the stored heat`` [currency].
    """

    action: Array  # int8 (home, step)
    cost: Array  # (home,) electricity
    penalty: Array  # (home,) discomfort
    objective: Array  # (home,)
    bound: Array | None = None  # (home,) proven lower bound of the objective, where one was computed


_SCALARS = ("step_h", "comfort_penalty", "dhw_penalty", "min_on_steps", "min_off_steps")
_INTEGERS = ("run_action0", "run_steps0", "max_starts_day", "dose_deadline_step", "dose_steps")
_H, _T, _A, _N = "home", "step", "A", "n"
_SHAPES: dict[str, tuple[str, ...]] = {
    "price": (_H, _T), "space_energy": (_H, _T, _A), "space_heat": (_H, _T, _A), "dhw_energy": (_H, _T),
    "dhw_heat": (_H, _T), "a": (_H, _N, _N), "b": (_H, _N), "w": (_H, _T, _N), "indoor_min": (_H, _T),
    "indoor_max": (_H, _T), "x0": (_H, _N), "tank_a": (_H,), "tank_b": (_H,), "tank_w": (_H, _T), "tank_min": (_H,),
    "tank_max": (_H,), "tank0": (_H,), "state_weight": (_H, _N), "value_x": (_H,), "value_tank": (_H,),
    "allowed": (_H, _T, "A+1"), "run_action0": (_H,), "run_steps0": (_H,), "max_starts_day": (_H,),
    "dose_deadline_step": (_H,), "dose_temp": (_H,), "dose_steps": (_H,), "start_cost": (_H,),
}  # fmt: skip
_PER_STEP_TOO = ("tank_min", "tank_max")
REQUIRED = tuple(f.name for f in fields(Problem) if f.default is not None)


def make_problem(**arrays: object) -> Problem:
    """A checked problem from anything array-like; :class:`Invalid` names the array and what is wrong with it."""
    missing = [name for name in REQUIRED if arrays.get(name) is None]
    if missing:
        raise _wrong(missing[0], f"is missing (so are: {', '.join(missing[1:])})" if missing[1:] else "is missing")
    unknown = sorted(set(arrays) - set(_SHAPES) - set(_SCALARS))
    if unknown:
        raise _wrong(unknown[0], "is no array of a planning problem")
    scalars = {name: _scalar(name, arrays[name]) for name in _SCALARS}
    typed = {name: _typed(name, arrays[name]) for name in _SHAPES if arrays.get(name) is not None}
    _check_shapes(typed)
    problem = Problem(**scalars, **typed)  # type: ignore[arg-type]
    _check_values(problem)
    return problem


def read_problem(path: FileOrPath) -> Problem:
    """The problem of an instance file (NPZ); :class:`Invalid` when it is not one."""
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise _wrong("instance", "is a single array, not an .npz archive")
        with file:
            return make_problem(**{name: file[name] for name in file.files})
    except (ValueError, EOFError, BadZipFile) as error:
        raise _wrong("instance", f"is not a readable .npz archive: {error}") from error


def write_problem(path: FileOrPath, problem: Problem) -> None:
    """Write the instance file (NPZ, compressed); absent optional arrays are left out."""
    values = {f.name: getattr(problem, f.name) for f in fields(problem)}
    np.savez_compressed(path, **{name: value for name, value in values.items() if value is not None})


def write_solution(path: FileOrPath, solution: Solution) -> None:
    """Write the plan (NPZ): action, cost, penalty, objective, and bound where one was computed."""
    values = {f.name: getattr(solution, f.name) for f in fields(solution)}
    np.savez_compressed(path, **{name: value for name, value in values.items() if value is not None})


def _wrong(name: str, what: str) -> Invalid:
    return Invalid.field(name, what, where="instance")


def _scalar(name: str, value: object) -> float | int:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iufb":
        raise _wrong(name, f"must be one number, not shape {array.shape}")
    number = float(array.reshape(()))
    whole = name.endswith("_steps")
    low = 1e-6 if name == "step_h" else 0.0
    if not low <= number < 1e9 or (whole and number != int(number)):
        raise _wrong(name, f"must be a {'whole ' if whole else ''}number of at least {low:g}, not {number}")
    return int(number) if whole else number


def _typed(name: str, value: object) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise _wrong(name, f"must be numbers, not {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise _wrong(name, f"holds {array[where]} at {where}")
    kind = bool if name == "allowed" else np.int64 if name in _INTEGERS else np.float64
    return np.ascontiguousarray(array, dtype=kind)


def _check_shapes(arrays: dict[str, Array]) -> None:
    energy, building = arrays["space_energy"], arrays["b"]
    if energy.ndim != 3 or building.ndim != 2:
        name = "space_energy" if energy.ndim != 3 else "b"
        raise _wrong(name, f"must have shape ({', '.join(_SHAPES[name])}), not {arrays[name].shape}")
    size = {_H: energy.shape[0], _T: energy.shape[1], _A: energy.shape[2], "A+1": energy.shape[2] + 1}
    size[_N] = building.shape[1]
    if size[_N] not in (1, 2):
        raise _wrong("b", f"must have 1 or 2 building states, not {size[_N]}")
    if not 1 <= size[_A] <= 100 or size[_T] < 1:
        raise _wrong("space_energy", f"must have steps and 1 to 100 actions, not shape {energy.shape}")
    for name, array in arrays.items():
        wanted = tuple(size[axis] for axis in _SHAPES[name])
        if array.shape != wanted and not (name in _PER_STEP_TOO and array.shape == (size[_H], size[_T])):
            raise _wrong(name, f"must have shape ({', '.join(_SHAPES[name])}) = {wanted}, not {array.shape}")


def _check_values(problem: Problem) -> None:
    for low, high in (("indoor_min", "indoor_max"), ("tank_min", "tank_max")):
        bottom, top = getattr(problem, low), getattr(problem, high)
        if bottom.ndim == top.ndim and (bottom > top).any():
            raise _wrong(low, f"lies above {high} at {tuple(int(i) for i in np.argwhere(bottom > top)[0])}")
    if (problem.dhw_heat < 0).any():
        raise _wrong("dhw_heat", "must not be negative")
    if (problem.tank_a <= 0).any() or (problem.tank_a > 1).any():
        raise _wrong("tank_a", "must lie in (0, 1]")
    _check_building(problem.a)
    if problem.run_action0 is not None and not _within(problem.run_action0, 0, problem.space_actions):
        raise _wrong("run_action0", f"must lie between 0 and {problem.space_actions}")
    for name in ("run_steps0", "max_starts_day", "dose_steps", "start_cost"):
        value = getattr(problem, name)
        if value is not None and (value < 0).any():
            raise _wrong(name, "must not be negative")
    dose = [problem.dose_deadline_step, problem.dose_temp, problem.dose_steps]
    if any(d is None for d in dose) and any(d is not None for d in dose):
        raise _wrong("dose_temp", "dose_deadline_step, dose_temp and dose_steps come together")


def _check_building(a: Array) -> None:
    """No building state may grow by itself; swinging (complex eigenvalues, a strong feedback on the room) may be."""
    size = np.abs(np.linalg.eigvals(a))
    if (size > 1 + 1e-9).any() or (size <= 0).any():
        raise _wrong("a", f"must have eigenvalues of size in (0, 1], not {float(size.max()):g}")


def _within(values: Array, low: int, high: int) -> bool:
    return bool((values >= low).all() and (values <= high).all())

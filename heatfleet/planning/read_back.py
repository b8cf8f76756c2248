"""Reads a solved problem back as plans: per quarter-hour the state, what to expect, and one reason.

A reason is said only where it is true of the solved problem: prices are compared with those around them, limits with
what would happen without the run of steps in question (:mod:`heatfleet.planning.counterfactual`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import numpy as np

from heatfleet.domain.levers import STATES
from heatfleet.domain.plans import NO_DETAIL, PlanStep, Reason, ReasonDetail, TankAim, Unsteered
from heatfleet.domain.time_grid import MTU
from heatfleet.planning.counterfactual import OwnControl, charges_planned, energy_of, left_out
from heatfleet.planning.evaluate import Evaluation, evaluate
from heatfleet.planning.hot_water import TankPlans
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import LOW, MID
from heatfleet.thermal.arrays import Array

NEAR_LIMIT_K = 0.2
LOOK_AROUND_STEPS = 24
HOUR_STEPS = 2  # either way; a single quarter-hour makes no time cheap
SLACK = 0.01  # a price this much off the mean around it is neither cheap nor dear
CODES = tuple(Reason)
NONE = -1


@dataclass(frozen=True)
class Marks:
    """Steps (home, step) with a cause of their own; None = none. The later one counts where two are marked."""

    sun: Array | None = None  # the roof is expected to make more than is used
    away: Array | None = None
    learning: Array | None = None
    quota: Array | None = None  # no more writes to the pump
    grid_limit: Array | None = None
    paused: Array | None = None


@dataclass(frozen=True)
class Reasons:
    """Of each step (home, step): index into :data:`CODES` and what it refers to, as steps; ``NONE`` = nothing."""

    codes: Array
    since: Array
    until: Array
    by: Array
    side: Array  # index into :data:`SIDES`


SIDES = ("low", "high")


def read_back(
    problem: Problem, solution: Solution, start_at: datetime, marks: Marks = Marks(), own: OwnControl | None = None,
    tanks: TankPlans | None = None, state0: Array | None = None,
) -> list[tuple[PlanStep, ...]]:  # fmt: skip
    """The plan of each home, its steps beginning at ``start_at`` (aware UTC, on a quarter-hour).

    ``state0`` (home,) is the state in force before; None = MID.
    """
    action = solution.action
    found = evaluate(problem, action)
    states = steering_states(problem, action, state0)
    gain, breaks = left_out(problem, action, states, found)
    why = reasons(problem, action, found, breaks, marks)
    tank = np.where(charges_planned(problem), found.tank, np.nan)
    columns = (
        states, action == problem.hot_water_action, energy_of(problem, action) / problem.step_h, found.indoor,
        tank, problem.price, why.codes, why.since, why.until, why.by, why.side,
        np.where(action == MID, np.nan, gain),
    )  # fmt: skip
    starts = [start_at + t * MTU for t in range(problem.steps + 1)]
    detail = _details(starts)
    unsteered = _unsteered(own, problem)
    aims = [[None] * problem.homes if tanks is None else tanks.aims(t) for t in range(problem.steps)]
    return [
        tuple(
            _step(detail, *values)
            for values in zip(
                starts[:-1], *(c[i].tolist() for c in columns), unsteered(i), (a[i] for a in aims), strict=True
            )
        )
        for i in range(problem.homes)
    ]


def _details(starts: Sequence[datetime]) -> Callable[[int, int, int, int], ReasonDetail]:
    """Steps as instants; what equal steps refer to is one object."""

    @cache
    def detail(since: int, until: int, by: int, side: int) -> ReasonDetail:
        if since == until == by == side == NONE:
            return NO_DETAIL
        begin, end, deadline = (None if step == NONE else starts[step] for step in (since, until, by))
        return ReasonDetail(begin, end, deadline, None if side == NONE else SIDES[side])

    return detail


def _unsteered(own: OwnControl | None, problem: Problem) -> Callable[[int], Sequence[Unsteered | None]]:
    """Of a home, what each step would be like under its owner's own control."""
    if own is None:
        return lambda i: [None] * problem.steps
    columns = (own.power_kw, own.found.indoor, np.where(charges_planned(problem), own.found.tank, np.nan))
    return lambda i: [Unsteered(*v) for v in zip(*(c[i].tolist() for c in columns), strict=True)]


def _step(
    detail: Callable[[int, int, int, int], ReasonDetail], at: datetime, state: int, water: bool, power: float,
    indoor: float, tank: float, price: float, code: int, since: int, until: int, by: int, side: int, gain: float,
    own: Unsteered | None, aim: TankAim | None,
) -> PlanStep:  # fmt: skip
    refers = detail(since, until, by, side)
    acts = None if math.isnan(gain) else gain
    return PlanStep(at, STATES[state], water, power, indoor, tank, price, CODES[code], refers, acts, own, aim)


def steering_states(problem: Problem, action: Array, state0: Array | None = None) -> Array:
    """Index of the steering state to ask for in each step (home, step).

    While the tank is charged the state before it stays (``state0`` (home,) before step 0; None = MID), so that no
    lever moves for nothing: more than MID only if that is what comes after it, too, and never MIN, which some pumps
    take as a block of the compressor.
    """
    water, states = problem.hot_water_action, action.astype(np.int64)
    after = np.full(action.shape, MID)
    for t in range(action.shape[1] - 2, -1, -1):
        after[:, t] = np.where(states[:, t + 1] == water, after[:, t + 1], states[:, t + 1])
    before = np.full(problem.homes, MID) if state0 is None else state0
    for t in range(action.shape[1]):
        kept = np.clip(before, LOW, np.maximum(after[:, t], MID))
        before = states[:, t] = np.where(states[:, t] == water, kept, states[:, t])
    assert states.max(initial=0) < len(STATES), f"a plan with {problem.space_actions} actions is not one of our states"
    return states


def reasons(problem: Problem, action: Array, found: Evaluation, breaks: Array, marks: Marks = Marks()) -> Reasons:
    """Why each step is as it is; ``breaks`` as :func:`heatfleet.planning.counterfactual.left_out` found it."""
    cheap, dear = price_sides(problem.price)
    usual = _mean_around(problem.price, LOOK_AROUND_STEPS)
    cold, warm = _near_limits(problem, found)
    water = action == problem.hot_water_action
    more, less = (action > MID) & ~water, action < MID
    dear_from, dear_end = _ahead(dear, problem.price, 1.0)
    cheap_from, _ = _ahead(cheap, problem.price, -1.0)
    table = (  # the first row that fits counts
        (_in_dose(problem, found, water), Reason.DISINFECTION),
        (water, Reason.HOT_WATER),
        (more & cheap & (problem.price < usual), Reason.CHEAP_NOW),
        (less & dear & (problem.price > usual), Reason.DEAR_NOW),
        (more & cold | less & warm | (action == MID) & cold & dear, Reason.COMFORT_LIMIT),
        (more & (dear_from != NONE), Reason.DEAR_LATER),
        (less & (cheap_from != NONE), Reason.CHEAP_LATER),
        ((more | less) & (breaks != NONE), Reason.COMFORT_LIMIT),
    )
    codes = np.select([fits for fits, _ in table], [_code(r) for _, r in table], _code(Reason.STEADY))
    forbidden = less if problem.allowed is None else less & ~problem.allowed[:, :, MID]
    codes = _marked(codes, water, more, forbidden, marks)
    paused = codes == _code(Reason.PAUSE)
    is_dear, is_dear_later = codes == _code(Reason.DEAR_NOW), codes == _code(Reason.DEAR_LATER)
    ends = [dear_end, _end_of_run(dear), _end_of_run(paused)]
    is_limit = codes == _code(Reason.COMFORT_LIMIT)
    return Reasons(
        codes,
        since=np.select([is_dear_later, codes == _code(Reason.CHEAP_LATER)], [dear_from, cheap_from], NONE),
        until=np.select([is_dear_later, is_dear, paused], ends, NONE),
        by=np.where(codes == _code(Reason.HOT_WATER), breaks, NONE),
        side=np.where(is_limit, np.where(less, SIDES.index("high"), SIDES.index("low")), NONE),
    )


def _code(reason: Reason) -> int:
    return CODES.index(reason)


def _near_limits(problem: Problem, found: Evaluation) -> tuple[Array, Array]:
    """Steps that begin or end within ``NEAR_LIMIT_K`` of the lower, and of the upper comfort limit, (home, step)."""
    before = np.concatenate([problem.x0[:, :1], found.indoor[:, :-1]], axis=1)
    cold = np.minimum(before, found.indoor) < problem.indoor_min + NEAR_LIMIT_K
    warm = np.maximum(before, found.indoor) > problem.indoor_max - NEAR_LIMIT_K
    return cold, warm


def _marked(codes: Array, water: Array, more: Array, forbidden: Array, marks: Marks) -> Array:
    """The codes with causes from outside put over them; a limit is only named where it forbids MID."""
    known = (
        (marks.sun, more | water, Reason.SOLAR_SURPLUS),
        (marks.away, ~water, Reason.AWAY),
        (marks.learning, ~water, Reason.LEARNING),
        (marks.quota, ~water, Reason.QUOTA),
        (marks.grid_limit, forbidden, Reason.GRID_LIMIT),
        (marks.paused, ~water, Reason.PAUSE),
    )
    for steps, where, reason in known:
        if steps is not None:
            codes = np.where(steps & where, _code(reason), codes)
    return codes


def price_sides(price: Array) -> tuple[Array, Array]:
    """Whether the hour around each step is cheaper, or dearer, than the six hours around it, each (home, step)."""
    hour, mean = _mean_around(price, HOUR_STEPS), _mean_around(price, LOOK_AROUND_STEPS)
    slack = SLACK * np.abs(mean)
    return hour < mean - slack, hour > mean + slack


def _mean_around(price: Array, reach: int) -> Array:
    """Mean of ``reach`` steps before, after, and the step itself, (home, step)."""
    steps = price.shape[1]
    total = np.concatenate([np.zeros((len(price), 1)), np.cumsum(price, axis=1)], axis=1)
    low = np.maximum(np.arange(steps) - reach, 0)
    high = np.minimum(np.arange(steps) + reach + 1, steps)
    mean: Array = (total[:, high] - total[:, low]) / (high - low)
    return mean


def _end_of_run(flags: Array) -> Array:
    """First step after the run of flagged steps each one is in, (home, step); NONE outside and to the very end."""
    end = np.full(flags.shape, NONE)
    for t in range(flags.shape[1] - 2, -1, -1):
        end[:, t] = np.where(~flags[:, t], NONE, np.where(flags[:, t + 1], end[:, t + 1], t + 1))
    return end


def _ahead(flags: Array, price: Array, sign: float) -> tuple[Array, Array]:
    """The next flagged run that begins within six hours: its first step and its end, (home, step), or NONE.

    It counts only where ``sign`` times the price has risen by then.
    """
    steps = flags.shape[1]
    begin = np.full(flags.shape, NONE)
    for t in range(steps - 2, -1, -1):
        begin[:, t] = np.where(flags[:, t + 1] & ~flags[:, t], t + 1, begin[:, t + 1])
    at = np.maximum(begin, 0)
    rises = sign * (np.take_along_axis(price, at, axis=1) - price) > SLACK * np.abs(price)
    begin = np.where((begin != NONE) & (begin - np.arange(steps) <= LOOK_AROUND_STEPS) & rises, begin, NONE)
    end = np.take_along_axis(_end_of_run(flags), at, axis=1)
    return begin, np.where(begin == NONE, NONE, end)


def _in_dose(problem: Problem, found: Evaluation, water: Array) -> Array:
    """Steps that charge the tank up to a due dose, or hold it there, before the deadline, (home, step)."""
    if problem.dose_deadline_step is None or problem.dose_temp is None:
        return np.zeros(water.shape, bool)
    before = np.arange(problem.steps)[None, :] < problem.dose_deadline_step[:, None]
    dose: Array = water & before & (found.tank >= problem.dose_temp[:, None] - 1e-6)
    for t in range(problem.steps - 2, -1, -1):
        dose[:, t] |= water[:, t] & dose[:, t + 1]
    return dose

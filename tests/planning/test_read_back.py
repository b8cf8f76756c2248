"""Reasons are true of the solved problem; leaving out a run and the owner's own control are judged exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from heatfleet.domain.plans import PlanStep, Reason
from heatfleet.domain.time_grid import MTU
from heatfleet.planning.counterfactual import OwnControl, left_out, outlooks, own_control
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.read_back import NEAR_LIMIT_K, Marks, read_back, steering_states
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, LOW, MAX, MID, MIN, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import ended_when_full, left_alone
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import prior

HOMES, STEPS = 12, 144
START = datetime(2024, 1, 8, tzinfo=UTC)
Facts = tuple


def facts(seed: int, **freedom: object) -> Facts:
    """Homes in different weather under one random tariff."""
    rng, one = np.random.default_rng(seed), np.ones((HOMES, STEPS))
    hour = np.arange(STEPS) / 4
    price = 0.25 + 0.1 * np.sin(hour / 24 * 4 * np.pi + seed) + np.repeat(rng.normal(0, 0.03, STEPS // 4), 4)
    horizon = Horizon(
        price=one * price, outdoor_c=one * rng.uniform(-8, 12, (HOMES, 1)), ghi_kw_m2=0 * one,
        quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)), indoor_min_c=20.5 * one, indoor_max_c=22.5 * one,
        dhw_min_c=45 * one, dhw_max_c=52 * one,
    )  # fmt: skip
    present = Present(rng.uniform(20.6, 22.2, HOMES), np.full(HOMES, 49.0), *(np.full(HOMES, v) for v in (21.0, 2, 20)))
    may = Freedom(np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool))
    return prior(None, np.full(HOMES, -10.0)), horizon, present, replace(may, **freedom)  # type: ignore[type-var]


def solved(given: Facts) -> tuple[Problem, Solution]:
    problem = build_problem(*given)
    problem = build_problem(*given, seen=solve(problem))
    return problem, solve(problem)


def alone_on(problem: Problem) -> tuple[Solution, OwnControl]:
    """The owner's own control of these homes, whose tanks are heated to 52 °C."""
    alone = left_alone(problem, full_c(problem))
    return alone, own_control(ended_when_full(problem, alone.action, full_c(problem)), alone)


def full_c(problem: Problem) -> Array:
    return np.full(problem.price.shape, 52.0)


def without(problem: Problem, action: Array, home: int, step: int) -> Array:
    """The plan of one home without the run that ``step`` is in."""
    states, trial = steering_states(problem, action), action.copy()
    row = action[home]
    begin = step
    while begin and row[begin - 1] == row[step]:
        begin -= 1
    end = step
    while end < row.size and row[end] == row[step]:
        trial[home, end] = states[home, end] if row[step] == HOT_WATER else MID
        end += 1
    trial[home, begin:step] = states[home, begin:step] if row[step] == HOT_WATER else MID
    return trial


def mean_around(price: Array, step: int) -> float:
    return float(price[max(step - 24, 0) : step + 25].mean())


def hour_around(price: Array, step: int) -> float:
    return float(price[max(step - 2, 0) : step + 3].mean())


def index(at: datetime | None) -> int:
    assert at is not None
    return (at - START) // MTU


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_every_reason_is_true_of_the_plan(seed: int) -> None:
    problem, solution = solved(facts(seed))
    found = evaluate(problem, solution.action)
    seen = set()
    for home, steps in enumerate(read_back(problem, solution, START)):
        for t, step in enumerate(steps):
            check_step(problem, solution.action, home, t, step, found.indoor[home])
            seen.add(step.reason)
    assert {Reason.CHEAP_NOW, Reason.DEAR_NOW, Reason.HOT_WATER, Reason.COMFORT_LIMIT} <= seen


def check_step(problem: Problem, action: Array, home: int, t: int, step: PlanStep, indoor: Array) -> None:
    price, kind = problem.price[home], action[home, t]
    if step.reason in {Reason.CHEAP_NOW, Reason.DEAR_LATER}:
        assert MID < kind < HOT_WATER
    if step.reason in {Reason.DEAR_NOW, Reason.CHEAP_LATER}:
        assert kind < MID
    if step.reason is Reason.CHEAP_NOW:
        assert price[t] < mean_around(price, t)
    elif step.reason is Reason.DEAR_NOW:
        assert price[t] > mean_around(price, t)
        if step.detail.until:
            end = index(step.detail.until)
            assert all(hour_around(price, s) > mean_around(price, s) for s in range(t, end))
            assert hour_around(price, end) <= mean_around(price, end) * 1.01 + 1e-12
    elif step.reason is Reason.DEAR_LATER:
        later = index(step.detail.since)
        assert t < later <= t + 24
        assert price[later] > price[t]
        assert hour_around(price, later) > mean_around(price, later)
    elif step.reason is Reason.CHEAP_LATER:
        later = index(step.detail.since)
        assert t < later <= t + 24
        assert price[later] < price[t]
    elif step.reason is Reason.COMFORT_LIMIT:
        before = indoor[t - 1] if t else problem.x0[home, 0]
        low, high = problem.indoor_min[home], problem.indoor_max[home]
        near = min(before, indoor[t]) < low[t] + NEAR_LIMIT_K if step.detail.side == "low" else (
            max(before, indoor[t]) > high[t] - NEAR_LIMIT_K
        )  # fmt: skip
        alone = evaluate(problem, without(problem, action, home, t)).indoor[home] if not near else indoor
        broken = (alone < low - 1e-9).any() if step.detail.side == "low" else (alone > high + 1e-9).any()
        assert near or broken
    elif step.reason is Reason.HOT_WATER and step.detail.by is not None:
        tank = evaluate(problem, without(problem, action, home, t)).tank[home]
        by = index(step.detail.by)
        assert by >= t
        assert tank[by] < problem.tank_min[home, by] if problem.tank_min.ndim == 2 else problem.tank_min[home]


def test_what_leaving_out_a_run_costs_is_the_planners_own_objective() -> None:
    problem, solution = solved(facts(5))
    found = evaluate(problem, solution.action)
    gain, _ = left_out(problem, solution.action, steering_states(problem, solution.action), found)
    assert (gain[solution.action == MID] == 0).all()
    for home in range(3):
        for t in range(0, STEPS, 17):
            trial = without(problem, solution.action, home, t)
            run = int((trial[home] != solution.action[home]).sum())
            if run and solution.action[home, t] not in {MID, HOT_WATER}:
                worse = evaluate(problem, trial).objective[home] - found.objective[home]
                assert gain[home, t] * run == pytest.approx(worse)
    told = [s.cost_of_not_acting for s in read_back(problem, solution, START)[0]]
    assert [value is None for value in told] == (solution.action[0] == MID).tolist()


def test_hot_water_is_compared_with_a_charge_at_the_last_moment() -> None:
    problem, solution = solved(facts(5))
    found = evaluate(problem, solution.action)
    gain, breaks = left_out(problem, solution.action, steering_states(problem, solution.action), found)
    homes, steps = np.nonzero((solution.action == HOT_WATER) & (breaks >= 0))
    assert homes.size
    for home, t in zip(homes[:20], steps[:20], strict=True):
        trial = without(problem, solution.action, home, t)
        run = int((trial[home] != solution.action[home]).sum())
        trial[home, breaks[home, t] : breaks[home, t] + run] = HOT_WATER
        worse = evaluate(problem, trial).objective[home] - found.objective[home]
        assert gain[home, t] * run == pytest.approx(worse)


def test_a_charge_moves_no_lever_that_goes_back_after_it() -> None:
    problem, _ = solved(facts(2))
    action = np.full((HOMES, problem.steps), MID, np.int8)
    action[:, 1:9] = np.array([MAX, HOT_WATER, MAX, HOT_WATER, HOT_WATER, LOW, HOT_WATER, MIN])
    action[:, 10:12] = HOT_WATER
    found = steering_states(problem, action)[0]
    assert found[:13].tolist() == [MID, MAX, MAX, MAX, MID, MID, LOW, LOW, MIN, MID, MID, MID, MID]
    action[:, 0], action[:, 9:] = HOT_WATER, HOT_WATER
    assert steering_states(problem, action)[0, :2].tolist() == [MID, MAX]
    in_force = np.resize([MAX, MID, LOW, MIN], HOMES)
    assert steering_states(problem, action, in_force)[:4, 0].tolist() == [MAX, MID, LOW, LOW]
    assert steering_states(problem, action)[0, 9:].tolist() == [LOW] * (problem.steps - 9)


def test_the_own_control_keeps_its_state_and_its_tank_warm() -> None:
    problem, solution = solved(facts(2))
    alone, own = alone_on(problem)
    action = alone.action
    assert set(np.unique(action)) <= {MID, HOT_WATER}
    assert (own.found.tank > 44.0).all()
    assert (own.found.tank < 52.1).all()
    ended = ended_when_full(problem, action, full_c(problem))
    assert own.power_kw.sum(1) * problem.step_h == pytest.approx(energy(ended, action))
    plans = read_back(problem, solution, START, own=own)
    first = plans[0][0].own
    assert first is not None
    assert first.indoor_temp_c == own.found.indoor[0, 0]


def energy(problem: Problem, action: Array) -> Array:
    both = np.concatenate([problem.space_energy, problem.dhw_energy[:, :, None]], axis=2)
    return np.take_along_axis(both, action[:, :, None].astype(int), axis=2)[:, :, 0].sum(1)


def test_a_plan_that_is_the_own_control_saves_nothing() -> None:
    problem, _ = solved(facts(2))
    alone, own = alone_on(problem)
    for beside in outlooks(ended_when_full(problem, alone.action, full_c(problem)), alone, own):
        assert beside.saving == pytest.approx(0.0, abs=1e-12)
        assert beside.saving_at_equal_temperature == pytest.approx(0.0, abs=1e-12)
        assert beside.cost == beside.own_cost


def test_heat_stored_at_the_end_counts() -> None:
    problem, _ = solved(facts(4))
    alone, own = alone_on(problem)
    action = alone.action.copy()
    action[:, -8:] = MAX
    beside = outlooks(problem, replace(alone, action=action), own)
    assert all(b.cost > b.own_cost and b.stored_worth > 0 for b in beside)
    assert all(b.saving == pytest.approx(b.own_cost - b.cost + b.stored_worth) for b in beside)


def test_rooms_kept_warmer_are_paid_for_by_what_they_lose() -> None:
    """A house at rest that is kept a kelvin warmer by MAX: at equal temperature nothing is saved or lost but COP."""
    problem, _ = solved(facts(4))
    alone, own = alone_on(problem)
    warm = replace(problem, x0=problem.x0 + 1.0)
    beside = outlooks(warm, alone, own)
    still = outlooks(problem, alone, own)
    assert all(b.warmth_cost > 0 for b in beside)
    assert all(b.warmth_cost == pytest.approx(0.0, abs=1e-12) for b in still)
    for b in beside:  # heat that leaves through the walls is what warmth costs; a house loses at most 1 kW/K
        assert b.warmth_cost < 1.0 * 36 * problem.price.max()


def test_without_us_a_pause_and_a_missing_lever_hold_too() -> None:
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[:, 10:20] = np.arange(5) == 0
    allowed[0, :, HOT_WATER] = False
    problem = build_problem(*facts(1, allowed=allowed))
    action = alone_on(problem)[0].action
    assert (action[:, 10:20] == 0).all()
    assert HOT_WATER not in action[0]


def test_without_us_the_pump_disinfects_itself_where_it_is_due() -> None:
    due = {"dose_deadline_step": np.where(np.arange(HOMES) == 0, 90, -1)}
    _, own = alone_on(build_problem(*facts(1, **due)))
    assert own.found.dose_missed.sum() == 0
    assert own.found.tank[0].max() >= 60.0
    assert own.found.tank[1].max() < 55.0
    assert own.found.tank[0, :70].max() < 55.0, "not before it is due"


def test_only_the_charges_of_a_dose_are_called_disinfection() -> None:
    problem, solution = solved(facts(1, dose_deadline_step=np.full(HOMES, 90)))
    found = evaluate(problem, solution.action)
    for home, steps in enumerate(read_back(problem, solution, START)):
        named = [t for t, step in enumerate(steps) if step.reason is Reason.DISINFECTION]
        assert named
        assert max(named) < 90
        assert all(solution.action[home, t] == HOT_WATER for t in named)
        assert found.tank[home, max(named)] >= 59.5


def test_a_tank_we_may_not_charge_is_not_foretold() -> None:
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[0, :, HOT_WATER] = False
    problem, solution = solved(facts(1, allowed=allowed))
    plans = read_back(problem, solution, START, own=alone_on(problem)[1])
    assert all(np.isnan(s.dhw_temp_c) and s.own and np.isnan(s.own.dhw_temp_c) for s in plans[0])
    assert not any(np.isnan(s.dhw_temp_c) for s in plans[1])


def test_causes_from_outside_come_before_prices() -> None:
    problem, solution = solved(facts(3))
    marked = np.zeros((HOMES, STEPS), bool)
    marked[0, 20:40] = True
    for name, reason in (("paused", Reason.PAUSE), ("quota", Reason.QUOTA), ("away", Reason.AWAY)):
        steps = read_back(problem, solution, START, Marks(**{name: marked}))[0]
        assert {s.reason for s in steps[20:40]} <= {reason, Reason.HOT_WATER}
    paused = read_back(problem, solution, START, Marks(paused=marked))[0]
    ends = {s.detail.until for s in paused if s.reason is Reason.PAUSE}
    assert START + 40 * MTU in ends
    everywhere = ~np.zeros((HOMES, STEPS), bool)
    assert Reason.GRID_LIMIT not in {s.reason for s in read_back(problem, solution, START, Marks(grid_limit=marked))[0]}
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[0, 20:40, MID:HOT_WATER] = False
    tight, answer = solved(facts(3, allowed=allowed))
    limited = read_back(tight, answer, START, Marks(grid_limit=everywhere))[0]
    for t, step in enumerate(limited):
        assert (step.reason is Reason.GRID_LIMIT) == (20 <= t < 40 and answer.action[0, t] < MID)
    sunny = read_back(problem, solution, START, Marks(sun=everywhere))[0]
    for t, step in enumerate(sunny):
        assert (step.reason is Reason.SOLAR_SURPLUS) == (solution.action[0, t] > MID)


def test_an_end_beyond_the_horizon_is_not_told() -> None:
    problem, solution = solved(facts(3))
    steps = read_back(problem, solution, START, Marks(paused=~np.zeros((HOMES, STEPS), bool)))[0]
    assert START + STEPS * MTU not in {s.detail.until for s in steps}
    assert steps[-1].detail.until is None
    assert steps[-1].start_at == START + timedelta(hours=36) - MTU

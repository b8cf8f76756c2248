"""Our control of simulated homes: learn, plan, steer, with the same pure parts as the flows.

It sees what a platform sees: readings with noise, forecasts with errors, prices published by then. Nothing in here
looks at the homes' parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from heatfleet.demo.control_book import ControlBook
from heatfleet.demo.loop import DAY, Loop
from heatfleet.demo.scenario import Scenario
from heatfleet.domain.levers import STATES, Lever, allowed_states, levers_in_use
from heatfleet.domain.market_day import visible_until
from heatfleet.domain.plans import PlanStep, Reason, TankAim
from heatfleet.domain.policy import COLDER_THAN_OWN_K, comfort_at
from heatfleet.domain.pool import pool_raise_k
from heatfleet.domain.tariff import carried_on
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.flows.toolbox_outlook import BLOCK_DELTA_K, delta_k, limits_c
from heatfleet.planning.hot_water import (
    TankPlans,
    learned_hysteresis_k,
    tank_plans,
    with_charges,
    without_charges,
)
from heatfleet.planning.mirror import is_day_of_cooling, mirrored
from heatfleet.planning.pool import PoolPlans, Swim, free_steps, pool_plans
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.read_back import steering_states
from heatfleet.planning.smooth import smooth
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, MID, Freedom, Horizon, Present, build_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block, Cooled, Swum
from heatfleet.thermal.cooling import cold_kw
from heatfleet.thermal.grey_box import Past, estimate_state
from heatfleet.thermal.identify import learn
from heatfleet.thermal.model import ThermalModels, prior
from heatfleet.weather.forecast import with_forecast_errors

LEARN_EVERY_STEPS = 2 * DAY
BLOCK_DAYS = 14
REPLAN_STEPS, REPLAN_STEPS_WARM_UP = 4, 8
PLAN_STEPS = 112
STATE_STEPS = 2 * DAY  # how far back the walls' temperature is estimated from
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # the comfort of these homes is the same at any time


@dataclass(frozen=True)
class Ahead:
    """What a planner is told of its ``PLAN_STEPS`` steps."""

    price: Array  # (step,)
    outdoor_c: Array  # (place, step)
    ghi_kw_m2: Array  # (place, step)
    quarter_of_day: Array  # (step,) int


class Outlook:
    """What a real planner knows: published prices, forecasts with errors, learned models. Benches tell it more."""

    def ahead(self, scenario: Scenario, step: int) -> Ahead:
        """The time from ``step`` on."""
        s, ahead = scenario, slice(step, step + PLAN_STEPS)
        grid = TimeGrid(s.grid.at(step), PLAN_STEPS)
        told = [
            with_forecast_errors(t[ahead], g[ahead], grid, grid.start_at, s.seed + place)
            for place, (t, g) in enumerate(zip(s.outdoor_c, s.ghi_kw_m2, strict=True))
        ]
        outdoor_c, ghi = (np.stack(parts) for parts in zip(*told, strict=True))
        return Ahead(known_prices(s, step), outdoor_c, ghi, s.local_quarter[ahead])

    def models(self, learned: ThermalModels, scenario: Scenario, step: int) -> ThermalModels:
        """The models to plan with from ``step`` on."""
        return learned


class PlannedControl:
    """Our control, and its memory: models and the plan in force."""

    def __init__(self, loop: Loop, outlook: Outlook | None = None, learned: ThermalModels | None = None) -> None:
        scenario, homes = loop.scenario, loop.scenario.homes.count
        self.outlook = outlook or Outlook()
        unknown = prior(None, np.full(homes, scenario.design_outdoor_c))
        self.usual, self.learned = unknown.building, unknown if learned is None else learned
        self.learned_at: int | None = None
        self.setpoint_c = np.array([own.indoor_setpoint_c for own in loop.book.own])
        self.cooling_setpoint_c = np.array([own.cooling_setpoint_c for own in loop.book.own])
        self.cools = np.zeros(homes, bool)
        self.freedoms = _freedom(loop.book, cooling=False), _freedom(loop.book, cooling=True)
        self.bands = _bands(loop.book, cooling=False), _bands(loop.book, cooling=True)
        self.pools: PoolPlans | None = None
        self.solution: Solution | None = None
        self.problem: Problem | None = None
        self.tanks: TankPlans | None = None
        self.made = 0
        self.states: Array = np.full((homes, 1), MID)

    def steer(self, loop: Loop) -> Array:
        """Learn and plan when it is time, then decide for every home; the states asked for (home,)."""
        step = loop.step
        if self.learned_at is None or step - self.learned_at >= LEARN_EVERY_STEPS:
            self.learned, self.learned_at = learn(self._block(loop), self.learned, self.usual), step
        replan_steps = REPLAN_STEPS if step >= loop.scenario.counted else REPLAN_STEPS_WARM_UP
        if self.solution is None or step - self.made >= replan_steps:
            self._plan(loop)
        assert self.solution is not None
        actions = self.solution.action[:, step - self.made]
        states = self.states[:, step - self.made]
        aims, swims = self._aims(step - self.made), self._swims(step - self.made)
        heats = [plan_step(loop.now, *each) for each in zip(states, actions, aims, strict=True)]
        steps = [
            replace(step, cooling=cools, pool_heating=swims)
            for step, cools, swims in zip(heats, self.cools.tolist(), swims, strict=True)
        ]
        loop.book.steer(loop.now, steps, loop.latest())
        return states

    def _aims(self, step: int) -> list[TankAim | None]:
        """What is wanted of each tank in a step of the plan."""
        assert self.tanks is not None
        return self.tanks.aims(step)

    def _swims(self, step: int) -> list[bool | None]:
        """Whether each pool is heated in a step of the plan; None = not ours."""
        assert self.pools is not None
        planned, heats = self.pools.is_planned.tolist(), self.pools.heats[:, step].tolist()
        return [one if ours else None for one, ours in zip(heats, planned, strict=True)]

    def _plan(self, loop: Loop) -> None:
        step, since = loop.step, loop.step - self.made
        models, ahead = self.outlook.models(self.learned, loop.scenario, step), self.outlook.ahead(loop.scenario, step)
        self.cools = _cools(loop, ahead)
        horizon, present = self._horizon(loop, ahead), self._present(loop)
        freedom = _today(*self.freedoms, self.cools)
        facts = (*mirrored(models, horizon, present, self.cools), freedom)
        goes_on = self.solution is not None and since <= REPLAN_STEPS_WARM_UP
        earlier = _carried_on(self.solution, since) if self.solution is not None and goes_on else None
        self.problem = build_problem(*facts, seen=earlier)
        self.tanks = tank_plans(models, horizon, present, freedom)
        in_force = self.states[:, since - 1] if goes_on else np.full(len(self.setpoint_c), MID)
        house = without_charges(self.problem, self.tanks)
        self.solution, self.made = with_charges(smooth(house, solve(house), in_force), self.tanks), step
        self.states = steering_states(self.problem, self.solution.action[:, : REPLAN_STEPS_WARM_UP + 1], in_force)
        swim = _swim(loop, free_steps(self.problem, self.solution.action))
        self.pools = pool_plans(models.pool, horizon.price, (horizon.outdoor_c, horizon.ghi_kw_m2), swim)

    def _horizon(self, loop: Loop, ahead: Ahead) -> Horizon:
        s, homes = loop.scenario, loop.scenario.homes.count
        bands = np.where(self.cools[:, None], self.bands[1], self.bands[0])
        low, high, dhw_low, dhw_high = (np.repeat(bands[:, i : i + 1], PLAN_STEPS, axis=1) for i in range(4))
        return Horizon(
            price=np.tile(ahead.price, (homes, 1)),
            outdoor_c=ahead.outdoor_c[s.place_of],
            ghi_kw_m2=ahead.ghi_kw_m2[s.place_of],
            quarter_of_day=np.tile(ahead.quarter_of_day, (homes, 1)),
            indoor_min_c=low,
            indoor_max_c=high,
            dhw_min_c=dhw_low,
            dhw_max_c=dhw_high,
        )

    def _present(self, loop: Loop) -> Present:
        seen, step = loop.sensors.seen, loop.step
        back = slice(max(0, step - STATE_STEPS), step)
        past = Past(
            seen.indoor_c[:, back],
            seen.outdoor_c[:, back],
            loop.scenario.drive.ghi_kw_m2[:, back],
            (seen.heat_kwh * seen.house_share)[:, back] * 4.0,
        )
        models = self.outlook.models(self.learned, loop.scenario, step)
        cold = cold_kw(seen.cooling_kwh[:, back] * 4.0, past.outdoor_c, models.cooling)
        air_c, mass_c = estimate_state(replace(past, heat_kw=past.heat_kw - cold), models.building).T
        running = seen.energy_kwh[:, step - 1] > 0.05
        action = np.where(seen.is_charging[:, step - 1] == 1.0, HOT_WATER, np.where(running, MID, 0))
        return Present(
            indoor_c=air_c,
            tank_c=seen.tank_c[:, step - 1],
            setpoint_c=np.where(self.cools, self.cooling_setpoint_c, self.setpoint_c),
            run_action=action,
            run_steps=np.full(len(action), 16),
            mass_c=mass_c,
            own_hysteresis_k=learned_hysteresis_k(*self._tank_past(loop)),
        )

    def _tank_past(self, loop: Loop) -> tuple[Array, Array, Array, Array]:
        """Tank and setpoint as read, whether it was charged, whether we had asked for it, (home, step)."""
        seen, back = loop.sensors.seen, slice(max(0, loop.step - BLOCK_DAYS * DAY), loop.step)
        charges, boosted = seen.water_share[:, back] > 0.0, seen.is_boosted[:, back] > 0.0
        return seen.tank_c[:, back], seen.dhw_setpoint_c[:, back], charges, boosted

    def _block(self, loop: Loop) -> Block:
        step, s = loop.step, loop.sensors.seen
        back = slice(max(0, step - BLOCK_DAYS * DAY), step)
        blocked = s.shift_k[:, back] <= BLOCK_DELTA_K / 2
        house = np.where(blocked, np.nan, s.house_share[:, back])
        count = back.stop - back.start
        return Block(
            indoor_c=s.indoor_c[:, back],
            outdoor_c=s.outdoor_c[:, back],
            ghi_kw_m2=loop.scenario.drive.ghi_kw_m2[:, back],
            space_heat_kw=s.heat_kwh[:, back] * house * 4.0,
            space_power_kw=s.energy_kwh[:, back] * house * 4.0,
            dhw_heat_kw=(s.heat_kwh * s.water_share)[:, back] * 4.0,
            dhw_power_kw=(s.energy_kwh * s.water_share)[:, back] * 4.0,
            tank_c=s.tank_c[:, back],
            setpoint_c=np.repeat(self.setpoint_c[:, None], count, axis=1),
            shift_k=s.shift_k[:, back],
            quarter_of_day=np.tile(loop.scenario.local_quarter[back], (len(self.setpoint_c), 1)),
            water_c=s.water_c[:, back],
            cooling=Cooled(
                s.cooling_kwh[:, back] * 4.0,
                np.repeat(self.cooling_setpoint_c[:, None], count, axis=1),
                s.cooling_shift_k[:, back],
            ),
            pool=Swum(s.pool_c[:, back], s.pool_heat_kwh[:, back] * 4.0, s.pool_kwh[:, back] * 4.0),
        )


def known_prices(scenario: Scenario, step: int) -> Array:
    """Prices of the plan's steps (``PLAN_STEPS``,): published ones, beyond them those of a day before."""
    now = scenario.grid.at(step)
    known_steps = (visible_until(now, scenario.zone) - now) // MTU
    start = max(0, step - DAY)
    known = scenario.price[start : step + PLAN_STEPS].copy()
    known[step - start + known_steps :] = np.nan
    return carried_on(known)[step - start :]


def _carried_on(solution: Solution, steps: int) -> Solution:
    """The earlier plan from now on, its last action going on."""
    rest = solution.action[:, steps:]
    action = np.concatenate([rest, np.repeat(rest[:, -1:], steps, axis=1)], axis=1)
    return Solution(action, solution.cost, solution.penalty, solution.objective)


def plan_step(at: datetime, state: int, action: int, tank: TankAim | None = None) -> PlanStep:
    """A step that asks for the ``state``-th state, and for a charge where ``action`` is one or ``tank`` says so."""
    reason = Reason.HOT_WATER if action == HOT_WATER else Reason.STEADY
    return PlanStep(at, STATES[state], action == HOT_WATER, 0.0, 0.0, 0.0, 0.0, reason, tank=tank)


def _cools(loop: Loop, ahead: Ahead) -> Array:
    """Homes (home,) that cool today, if they do anything for the rooms, as they show it and the weather has it."""
    seen, back, running = loop.sensors.seen, slice(max(0, loop.step - DAY), loop.step), loop.sensors.seen.heat_kwh > 0.0
    heated = np.sum((seen.house_share * running)[:, back], axis=1)
    cooled = np.nansum(seen.cooling_share[:, back], axis=1)
    outdoor_c = ahead.outdoor_c[loop.scenario.place_of][:, :DAY].mean(axis=1)
    may = loop.book.can_cool & bool(loop.book.policy.is_space_cooling_enabled)
    return may & is_day_of_cooling(np.nan_to_num(heated), cooled, outdoor_c)


def _today(heating: Freedom, cooling: Freedom, cools: Array) -> Freedom:
    """What may be done today."""
    where = cools[:, None]
    return replace(
        heating,
        delta_k=np.where(where, cooling.delta_k, heating.delta_k),
        states=np.where(where, cooling.states, heating.states),
    )


def _swim(loop: Loop, is_free: Array) -> Swim:
    """What is known and wanted of the pools that are ours."""
    policy, own_c = loop.book.policy, np.array([own.pool_setpoint_c for own in loop.book.own])
    pool_c = loop.sensors.seen.pool_c[:, loop.step - 1]
    ours = loop.book.has_pool & bool(policy.is_pool_heating_enabled)
    return Swim(np.where(ours, pool_c, np.nan), own_c, np.full(len(own_c), pool_raise_k(policy)), is_free)


def _bands(book: ControlBook, cooling: bool) -> Array:
    """Lowest and highest in rooms and tank [°C], (home, 4), as owners want them."""
    return np.array([limits_c(comfort_at(book.policy, own, LONG_AGO, cooling)) for own in book.own])


def _freedom(book: ControlBook, cooling: bool) -> Freedom:
    """What level and levers permit, per home, while it heats or cools."""
    policy, deltas, states = book.policy, [], []
    for levers in book.ranges:
        ranges = levers_in_use(levers, cooling)
        allowed = allowed_states(policy.optimization_level, ranges)
        states.append([state in allowed for state in STATES])
        deltas.append([delta_k(policy, ranges, state) for state in STATES])
    may = np.ones((len(states), PLAN_STEPS, HOT_WATER + 1), bool)
    may[:, :, HOT_WATER] = bool(policy.is_hot_water_heating_enabled)
    colder = np.full(len(states), COLDER_THAN_OWN_K)
    boost, hold = (np.array([lever in r for r in book.ranges]) for lever in (Lever.DHW_BOOST, Lever.DHW_SETPOINT_C))
    return Freedom(
        np.array(deltas), np.array(states), may, colder_than_own_k=colder, can_boost=boost, can_hold=hold
    )  # fmt: skip

"""Our control of simulated homes: read, learn, plan, steer, with the same pure parts as the flows.

It sees what a platform sees: readings with noise, forecasts with errors, prices published by then. Nothing in here
looks at the homes' parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from heatfleet.demo.control_book import POLICY, ControlBook
from heatfleet.demo.scenario import Scenario
from heatfleet.domain.levers import STATES, Lever, Ranges, allowed_states
from heatfleet.domain.market_day import visible_until
from heatfleet.domain.plans import PlanStep, Reason
from heatfleet.domain.policy import COLDER_THAN_OWN_K, OwnSettings, comfort_at
from heatfleet.domain.steering import has_room_to_plan
from heatfleet.domain.tariff import carried_on
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.flows.toolbox_outlook import BLOCK_DELTA_K, RAISED_DELTA_K, delta_k
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.read_back import steering_states
from heatfleet.planning.smooth import smooth
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, MID, Freedom, Horizon, Present, build_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import Past, estimate_state
from heatfleet.thermal.identify import Block, learn
from heatfleet.thermal.model import ThermalModels, prior
from heatfleet.thermal.simulate import States, Trace, simulate
from heatfleet.thermal.simulate_kernel import TRACE
from heatfleet.vendors.sandbox.homes import LEVERS, STEP_H
from heatfleet.weather.forecast import with_forecast_errors

DAY = 96
OBSERVE_DAYS = 7  # of the warm-up: the owner's own control, watched
LEARN_EVERY_STEPS = 2 * DAY
BLOCK_DAYS = 14
REPLAN_STEPS, REPLAN_STEPS_WARM_UP = 4, 8
PLAN_STEPS = 112
STATE_STEPS = 2 * DAY  # how far back the walls' temperature is estimated from
NOISE_SD = {"indoor_c": 0.05, "outdoor_c": 0.2, "tank_c": 0.15, "flow_c": 0.15, "return_c": 0.15}
HEATING, HOT_WATER_MODE = 2.0, 3.0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # the comfort of these homes is the same at any time


@dataclass
class Readings:
    """What has been read, (home, step), filled as time goes on; NaN where nothing was yet."""

    indoor_c: Array
    outdoor_c: Array
    tank_c: Array
    water_above_room_k: Array
    energy_kwh: Array
    heat_kwh: Array
    water_share: Array  # of the time the pump ran: how much it heated the tank
    is_charging: Array
    shift_k: Array

    @classmethod
    def empty(cls, homes: int, steps: int) -> Readings:
        """Nothing read yet."""
        return cls(*(np.full((homes, steps), np.nan) for _ in cls.__dataclass_fields__))


Progress = Callable[[int, int], None]


def run_ours(scenario: Scenario, states: States, book: ControlBook, progress: Progress) -> tuple[States, Trace, Array]:
    """States at the end, the trace of all steps (home, step, ·) and the plan's actions (home, step)."""
    control = _Control(scenario, book)
    cubes = []
    actions = np.full((scenario.homes.count, scenario.grid.count), MID)
    for step in range(scenario.grid.count):
        if step >= OBSERVE_DAYS * DAY:
            actions[:, step] = control.steer(step)
        states, trace = quarter(scenario, states, book, step)
        control.read(step, trace)
        cubes.append(merged(trace.cube, 1))
        progress(step + 1, scenario.grid.count)
    return states, Trace(np.concatenate(cubes, axis=1)), actions


def quarter(scenario: Scenario, states: States, book: ControlBook, step: int) -> tuple[States, Trace]:
    """One quarter-hour in three steps of five minutes, as often as a pump is read."""
    return simulate(scenario.homes, states, book.inputs(), scenario.fine(step, step + 1), STEP_H)


def merged(cube: Array, quarters: int) -> Array:
    """A trace in five-minute steps (home, 3·quarter, ·) as quarter-hours (home, quarter, ·)."""
    parts = cube.reshape(cube.shape[0], quarters, 3, cube.shape[2])
    whole: Array = parts.sum(axis=2)
    for name in ("indoor_mean_c", "power_kw"):
        whole[..., TRACE.index(name)] /= 3.0
    for name in ("indoor_c", "tank_c", "flow_c", "return_c", "mode"):
        whole[..., TRACE.index(name)] = parts[:, :, -1, TRACE.index(name)]
    whole[..., TRACE.index("tank_min_c")] = parts[..., TRACE.index("tank_min_c")].min(axis=2)
    return whole


class _Control:
    """The loop's memory: readings, models, the plan in force."""

    def __init__(self, scenario: Scenario, book: ControlBook) -> None:
        self.scenario, self.book = scenario, book
        homes = scenario.homes.count
        self.seen = Readings.empty(homes, scenario.grid.count)
        self.rng = np.random.default_rng([scenario.seed, 0x524541])
        self.models: ThermalModels = prior(None, np.full(homes, scenario.design_outdoor_c))
        self.freedom = _freedom(book)
        self.setpoint_c = np.array([own.indoor_setpoint_c for own in book.own])
        self.comfort = [comfort_at(POLICY, own, LONG_AGO) for own in book.own]
        self.solution: Solution | None = None
        self.problem: Problem | None = None
        self.made = 0
        self.states: Array = np.full((homes, 1), MID)

    def read(self, step: int, trace: Trace) -> None:
        """Note what the sensors show at the end of ``step``; ``trace`` is its three five-minute steps."""
        s = self.seen
        s.indoor_c[:, step] = self._sensed("indoor_c", trace.indoor_c[:, -1])
        s.tank_c[:, step] = self._sensed("tank_c", trace.tank_c[:, -1])
        s.outdoor_c[:, step] = self._sensed("outdoor_c", self.scenario.drive.outdoor_c[:, step])
        flow, back = (self._sensed(n, getattr(trace, n)[:, -1]) for n in ("flow_c", "return_c"))
        s.water_above_room_k[:, step] = 0.5 * (flow + back) - s.indoor_c[:, step]
        s.energy_kwh[:, step] = np.round((trace.energy_space_kwh + trace.energy_dhw_kwh).sum(axis=1), 3)
        s.heat_kwh[:, step] = np.round((trace.heat_space_kwh + trace.heat_dhw_kwh).sum(axis=1), 3)
        water, house = (np.mean(trace.mode == mode, axis=1) for mode in (HOT_WATER_MODE, HEATING))
        s.water_share[:, step] = water / np.maximum(water + house, 1e-9)
        s.is_charging[:, step] = trace.mode[:, -1] == HOT_WATER_MODE
        s.shift_k[:, step] = self._shift_in_force()

    def _sensed(self, name: str, value: Array) -> Array:
        rounded: Array = np.round(value + self.rng.normal(0.0, NOISE_SD[name], value.shape), 1)
        return rounded

    def _shift_in_force(self) -> Array:
        settings = dict(zip(LEVERS, self.book.settings.T, strict=True))
        state = settings[Lever.SG_READY_STATE]
        signal = np.where(state == 1.0, BLOCK_DELTA_K, np.where(state >= 3.0, RAISED_DELTA_K, 0.0))
        shift: Array = settings[Lever.INDOOR_SETPOINT_C] - self.setpoint_c + settings[Lever.CURVE_OFFSET_K] + signal
        return shift

    def steer(self, step: int) -> Array:
        """Learn and plan when it is time, then decide for every home; the actions in force (home,)."""
        since = step - OBSERVE_DAYS * DAY
        if since % LEARN_EVERY_STEPS == 0:
            self.models = learn(self._block(step), self.models)
        if since % (REPLAN_STEPS if step >= self.scenario.counted else REPLAN_STEPS_WARM_UP) == 0:
            self._plan(step)
        assert self.solution is not None
        assert self.problem is not None
        now = self.scenario.grid.at(step)
        actions = self.solution.action[:, step - self.made]
        states = self.states[:, step - self.made]
        seen = np.stack([a[:, step - 1] for a in (self.seen.indoor_c, self.seen.tank_c, self.seen.is_charging)], axis=1)
        self.book.steer(now, [_plan_step(now, s, a) for s, a in zip(states, actions, strict=True)], seen)
        return states

    def _plan(self, step: int) -> None:
        horizon, present = self._horizon(step), self._present(step)
        earlier = None if self.solution is None else _carried_on(self.solution, step - self.made)
        self.problem = build_problem(self.models, horizon, present, self.freedom, seen=earlier)
        in_force = self.states[:, 0 if self.solution is None else step - self.made - 1]
        self.solution, self.made = smooth(self.problem, solve(self.problem), in_force), step
        self.states = steering_states(self.problem, self.solution.action[:, : REPLAN_STEPS_WARM_UP + 1])

    def _horizon(self, step: int) -> Horizon:
        s, ahead = self.scenario, slice(step, step + PLAN_STEPS)
        grid = TimeGrid(s.grid.at(step), PLAN_STEPS)
        homes = s.homes.count
        outdoor_c, ghi = zip(
            *(
                with_forecast_errors(t[ahead], g[ahead], grid, s.grid.at(step), s.seed + place)
                for place, (t, g) in enumerate(zip(s.outdoor_c, s.ghi_kw_m2, strict=True))
            ),
            strict=True,
        )
        bands = np.array([[c.indoor_min_c, c.indoor_max_c, c.dhw_min_c, c.dhw_max_c] for c in self.comfort])
        low, high, dhw_low, dhw_high = (np.repeat(bands[:, i : i + 1], PLAN_STEPS, axis=1) for i in range(4))
        return Horizon(
            price=np.tile(known_prices(s, step), (homes, 1)),
            outdoor_c=np.stack(outdoor_c)[s.place_of],
            ghi_kw_m2=np.stack(ghi)[s.place_of],
            quarter_of_day=np.tile(s.local_quarter[ahead], (homes, 1)),
            indoor_min_c=low,
            indoor_max_c=high,
            dhw_min_c=dhw_low,
            dhw_max_c=dhw_high,
        )

    def _present(self, step: int) -> Present:
        back = slice(max(0, step - STATE_STEPS), step)
        past = Past(
            self.seen.indoor_c[:, back],
            self.seen.outdoor_c[:, back],
            self.scenario.drive.ghi_kw_m2[:, back],
            (self.seen.heat_kwh * (1.0 - self.seen.water_share))[:, back] * 4.0,
        )
        air_c, mass_c = estimate_state(past, self.models.building).T
        running = self.seen.energy_kwh[:, step - 1] > 0.05
        action = np.where(self.seen.is_charging[:, step - 1] == 1.0, HOT_WATER, np.where(running, MID, 0))
        return Present(
            indoor_c=air_c,
            tank_c=self.seen.tank_c[:, step - 1],
            setpoint_c=self.setpoint_c,
            run_action=action,
            run_steps=np.full(len(action), 16),
            mass_c=mass_c,
        )

    def _block(self, step: int) -> Block:
        back, s = slice(max(0, step - BLOCK_DAYS * DAY), step), self.seen
        blocked = s.shift_k[:, back] <= BLOCK_DELTA_K / 2
        house = np.where(blocked, np.nan, 1.0 - s.water_share[:, back])
        count = back.stop - back.start
        return Block(
            indoor_c=s.indoor_c[:, back],
            outdoor_c=s.outdoor_c[:, back],
            ghi_kw_m2=self.scenario.drive.ghi_kw_m2[:, back],
            space_heat_kw=s.heat_kwh[:, back] * house * 4.0,
            space_power_kw=s.energy_kwh[:, back] * house * 4.0,
            dhw_heat_kw=(s.heat_kwh * s.water_share)[:, back] * 4.0,
            dhw_power_kw=(s.energy_kwh * s.water_share)[:, back] * 4.0,
            tank_c=s.tank_c[:, back],
            setpoint_c=np.repeat(self.setpoint_c[:, None], count, axis=1),
            shift_k=s.shift_k[:, back],
            quarter_of_day=np.tile(self.scenario.local_quarter[back], (len(self.setpoint_c), 1)),
            water_above_room_k=s.water_above_room_k[:, back],
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


def _plan_step(at: datetime, state: int, action: int) -> PlanStep:
    reason = Reason.HOT_WATER if action == HOT_WATER else Reason.STEADY
    return PlanStep(at, STATES[state], action == HOT_WATER, 0.0, 0.0, 0.0, 0.0, reason)


def _freedom(book: ControlBook) -> Freedom:
    """What level and levers permit, per home."""
    deltas, states = [], []
    for ranges in book.ranges:
        allowed = allowed_states(POLICY.optimization_level, ranges)
        states.append([state in allowed for state in STATES])
        deltas.append([delta_k(POLICY, ranges, state) for state in STATES])
    may = np.ones((len(states), PLAN_STEPS, HOT_WATER + 1), bool)
    may[:, :, HOT_WATER] = np.array([_may_charge(*both) for both in zip(book.ranges, book.own, strict=True)])[:, None]
    colder = np.full(len(states), COLDER_THAN_OWN_K)
    return Freedom(np.array(deltas), np.array(states), may, colder_than_own_k=colder)


def _may_charge(ranges: Ranges, own: OwnSettings) -> bool:
    """Whether a charge can be asked for, and there is anything to gain by it."""
    return Lever.DHW_BOOST in ranges and has_room_to_plan(comfort_at(POLICY, own, LONG_AGO))

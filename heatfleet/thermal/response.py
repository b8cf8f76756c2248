"""How a pump's own controller answers: heat over outdoor temperature, room temperature and steering shift, and its COP.

Every weather-compensated controller asks for heat along a straight line in outdoor and room temperature, and a
steering shift moves both temperatures alike (a setpoint raised by 1 K is a world colder by 1 K). So three numbers
say what all steering states lead to; they are learned from what was seen, shrunk to a prior of the same home.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array, means
from heatfleet.thermal.sensed import quantile

HOUR_STEPS, SPELL_STEPS = 4, 20
IDLE_SHARE = 0.45
SWING_SHARE = 0.1
UNTOUCHED_STEPS, LEAST_UNTOUCHED = 24, 192
DEMAND_SD = np.array([1.0, 0.5, 0.6])  # uncertainty of foot, outdoor and indoor slope, relative to the prior's size
COP_SD = np.array([0.8, 0.04, 0.15])
COP_PER_FLOW_K = 0.088  # hplib's generic regulated air-to-water map
COP_PER_LOAD = 0.7  # from best to full speed
DEMAND_NOISE, COP_NOISE = 0.1, 0.35
DELAY_STEPS, LEAST_MOVES, PRIOR_MOVES = 10, 12, 20
STANDBY_HIGHEST_KW, PRIOR_IDLE_STEPS = 0.15, 50
MIN_HEAT_KW, COP_LOWEST, COP_HIGHEST = 0.05, 1.2, 7.5


@dataclass(frozen=True)
class Response:
    """A batch of pump responses; every field (home,)."""

    foot_kw: Array  # heat at 0 °C outdoors with the room at the owner's setpoint and no shift
    outdoor_kw_per_k: Array  # negative
    indoor_kw_per_k: Array  # negative; per kelvin above the owner's setpoint
    heat_min_kw: Array  # below this the compressor cycles
    heat_max_kw: Array
    cop_foot: Array  # COP at 0 °C and no load
    cop_outdoor_per_k: Array
    cop_heat_per_kw: Array  # negative
    dhw_heat_kw: Array
    dhw_cop_foot: Array  # COP of a charge at 0 °C
    dhw_cop_outdoor_per_k: Array
    standby_kw: Array
    delay_h: Array  # from a changed steering state to half of what it changes
    habit_above_own_k: Array  # how much warmer than the setpoint the rooms were under the pump's own control
    habit_outdoor_c: Array  # and in which mean weather that was
    habit_ghi_kw_m2: Array

    def demand_kw(self, outdoor_c: Array, above_own_k: Array, shift_k: Array | float) -> Array:
        """Heat the controller asks for [kW], unclipped; arguments broadcast against (home, …)."""
        f, o, i = (_column(v, outdoor_c) for v in (self.foot_kw, self.outdoor_kw_per_k, self.indoor_kw_per_k))
        return f + o * (outdoor_c - shift_k) + i * (above_own_k - shift_k)

    def heat_kw(self, outdoor_c: Array, above_own_k: Array, shift_k: Array | float) -> Array:
        """Heat delivered [kW]: the demand, between nothing and the pump's largest."""
        high = _column(self.heat_max_kw, outdoor_c)
        return np.clip(self.demand_kw(outdoor_c, above_own_k, shift_k), 0.0, high)

    def energy_kw(self, heat_kw: Array, outdoor_c: Array) -> Array:
        """Electric power [kW] for a mean heat; below the smallest output the pump cycles at it."""
        line = (self.cop_foot, self.cop_outdoor_per_k, self.cop_heat_per_kw, self.heat_min_kw)
        foot, slope, load, low = (_column(values, outdoor_c) for values in line)
        cop = np.clip(foot + slope * outdoor_c + load * np.maximum(heat_kw, low), COP_LOWEST, COP_HIGHEST)
        return heat_kw / cop

    def cycles_per_h(self, heat_kw: Array) -> Array:
        """Compressor starts per hour while it cycles to give a mean heat below its smallest output.

        A controller that lets ``SWING_SHARE`` of the largest hourly heat run up or down between switching on and off
        needs that long to use up what it lacks, and to make it up again.
        """
        low, high = _column(self.heat_min_kw, heat_kw), _column(self.heat_max_kw, heat_kw)
        below = np.clip(heat_kw, 0.0, low)
        cycles: Array = below * (low - below) / (low * 2.0 * SWING_SHARE * high)
        return cycles

    def dhw_energy_kw(self, outdoor_c: Array) -> Array:
        """Electric power [kW] of a hot-water charge."""
        foot, slope = _column(self.dhw_cop_foot, outdoor_c), _column(self.dhw_cop_outdoor_per_k, outdoor_c)
        return _column(self.dhw_heat_kw, outdoor_c) / np.clip(foot + slope * outdoor_c, COP_LOWEST, COP_HIGHEST)


def _column(value: Array, like: Array) -> Array:
    """(home,) shaped so that it broadcasts against ``like`` (home, …)."""
    return np.reshape(value, (len(value),) + (1,) * (np.ndim(like) - 1))


@dataclass(frozen=True)
class Seen:
    """What was seen of the pumps, (home, step) means per quarter-hour; NaN where nothing was."""

    outdoor_c: Array
    ghi_kw_m2: Array
    above_own_k: Array  # indoor minus the owner's setpoint
    shift_k: Array  # steering shift in force
    space_heat_kw: Array
    space_power_kw: Array
    dhw_heat_kw: Array
    dhw_power_kw: Array
    water_above_room_k: Array  # mean of flow and return minus indoors


def prior_response(ua_kw_per_k: Array, own_setpoint_c: Array, gains_kw: Array) -> Response:
    """What a well-set pump of such a home does; sized for −10 °C with a third in reserve."""
    ua, own = np.asarray(ua_kw_per_k, float), np.asarray(own_setpoint_c, float)
    largest = np.maximum(1.3 * ua * (own + 10.0), 4.0)
    return Response(
        foot_kw=ua * own - gains_kw,
        outdoor_kw_per_k=-ua,
        indoor_kw_per_k=-3.0 * ua,
        heat_min_kw=0.35 * largest,
        heat_max_kw=largest,
        cop_foot=np.full_like(ua, 4.9),
        cop_outdoor_per_k=np.full_like(ua, 0.13),
        cop_heat_per_kw=-0.044 / ua,  # 0.088 per kelvin of flow (hplib), emitters of about 2 ua
        dhw_heat_kw=0.8 * largest,
        dhw_cop_foot=np.full_like(ua, 2.1),
        dhw_cop_outdoor_per_k=np.full_like(ua, 0.08),
        standby_kw=np.full_like(ua, 0.012),
        delay_h=np.full_like(ua, 0.5),
        habit_above_own_k=np.zeros_like(ua),
        habit_outdoor_c=np.full_like(ua, 5.0),
        habit_ghi_kw_m2=np.full_like(ua, 0.05),
    )


def learn_response(seen: Seen, prior: Response) -> Response:
    """Responses fitted to what was seen, shrunk to ``prior`` (ridge in units of the prior's own size); (home,)."""
    low, high = _output_range(seen, prior)
    foot, outdoor, indoor = _fit_demand(seen, prior, high).T
    cop = _fit_cop(seen, prior, low).T
    dhw_heat, dhw_foot, dhw_outdoor = _fit_dhw(seen, prior).T
    habit_k, habit_outdoor_c, habit_ghi = _habit(seen, prior)
    return Response(
        foot_kw=foot,
        outdoor_kw_per_k=np.minimum(outdoor, -0.02),
        indoor_kw_per_k=np.minimum(indoor, -0.02),
        heat_min_kw=low,
        heat_max_kw=high,
        cop_foot=cop[0],
        cop_outdoor_per_k=cop[1],
        cop_heat_per_kw=np.minimum(cop[2], -0.01),
        dhw_heat_kw=dhw_heat,
        dhw_cop_foot=dhw_foot,
        dhw_cop_outdoor_per_k=dhw_outdoor,
        standby_kw=_standby(seen, prior),
        delay_h=_delay(seen, prior),
        habit_above_own_k=habit_k,
        habit_outdoor_c=habit_outdoor_c,
        habit_ghi_kw_m2=habit_ghi,
    )


def _output_range(seen: Seen, prior: Response) -> tuple[Array, Array]:
    """Smallest and largest heat output [kW] seen in the midst of a run, or the prior's where hardly any was.

    The smallest is one of medians of three: a defrost takes a third of the heat of every fifth quarter-hour.
    """
    heat, running = seen.space_heat_kw, seen.space_heat_kw > MIN_HEAT_KW
    midst = np.zeros_like(running)
    midst[:, 1:-1] = running[:, :-2] & running[:, 1:-1] & running[:, 2:]
    enough = np.sum(midst, axis=1) >= 100
    calm = heat.copy()
    calm[:, 1:-1] = np.median(np.stack([heat[:, :-2], heat[:, 1:-1], heat[:, 2:]]), axis=0)
    low, high = (quantile(np.where(midst, v, np.nan), [q])[:, 0] for v, q in ((calm, 0.05), (heat, 0.998)))
    # the largest heat seen is a lower bound only: colder days and higher shifts ask for more
    return np.where(enough, low, prior.heat_min_kw), np.where(
        enough, np.maximum(high, 0.8 * prior.heat_max_kw), prior.heat_max_kw
    )


def _hourly(values: Array) -> Array:
    """Means over four steps (home, hour); NaN where one of them is."""
    return _means(values, HOUR_STEPS)


def _spells(values: Array) -> Array:
    """Means over ``SPELL_STEPS`` (home, spell); NaN where one of them is."""
    return _means(values, SPELL_STEPS)


def _means(values: Array, length: int) -> Array:
    steps = values.shape[1] // length * length
    return means(values[:, values.shape[1] - steps :], length)


def _fit_demand(seen: Seen, prior: Response, high_kw: Array) -> Array:
    """Foot, outdoor and indoor slope (home, 3), from spells of several hours in which the pump hardly idled.

    Whole spells, hot water included: what a charge or a pause of a cycling pump takes from the rooms is made up for
    afterwards, so only the mean is what the controller asked for.
    """
    is_water = seen.dhw_heat_kw > MIN_HEAT_KW
    is_idle = (seen.space_heat_kw <= MIN_HEAT_KW) & ~is_water
    heat, shift = _spells(seen.space_heat_kw), _spells(seen.shift_k)
    use = (_spells(is_idle.astype(float)) < IDLE_SHARE) & (heat > 2 * MIN_HEAT_KW) & (heat < 0.9 * high_kw[:, None])
    x = np.stack([np.ones_like(heat), _spells(seen.outdoor_c) - shift, _spells(seen.above_own_k) - shift], axis=2)
    centre = np.stack([prior.foot_kw, prior.outdoor_kw_per_k, prior.indoor_kw_per_k], axis=1)
    return ridge(x, heat, use, centre, DEMAND_SD * np.abs(centre), DEMAND_NOISE * high_kw)


def _habit(seen: Seen, prior: Response) -> tuple[Array, Array, Array]:
    """Mean room temperature above the setpoint [K] while nobody had steered for hours, and the weather by then.

    The prior's where that was rare.
    """
    touched = np.cumsum(~(np.abs(seen.shift_k) < 0.01), axis=1)
    before = np.pad(touched, ((0, 0), (UNTOUCHED_STEPS, 0)))[:, : touched.shape[1]]
    untouched = (touched == before) & ~np.isnan(seen.above_own_k)
    count = untouched.sum(axis=1)

    def mean(values: Array, otherwise: Array) -> Array:
        total = np.where(untouched, values, 0.0).sum(axis=1)
        return np.where(count >= LEAST_UNTOUCHED, total / np.maximum(count, 1), otherwise)

    return (
        mean(seen.above_own_k, prior.habit_above_own_k),
        mean(seen.outdoor_c, prior.habit_outdoor_c),
        mean(seen.ghi_kw_m2, prior.habit_ghi_kw_m2),
    )


def _standby(seen: Seen, prior: Response) -> Array:
    """Power of the idle pump [kW], (home,): the mean, as meters count in coarse steps, shrunk to the prior."""
    power = seen.space_power_kw
    idle = (seen.space_heat_kw <= MIN_HEAT_KW) & ~(seen.dhw_heat_kw > MIN_HEAT_KW) & (power < STANDBY_HIGHEST_KW)
    total, count = np.where(idle, power, 0.0).sum(axis=1), idle.sum(axis=1)
    return (total + PRIOR_IDLE_STEPS * prior.standby_kw) / (count + PRIOR_IDLE_STEPS)


def _delay(seen: Seen, prior: Response) -> Array:
    """Delay [h] (home,) of the heat behind the steering shift: the lag at which both changed most alike.

    Changes of hourly means, so that a compressor that cycles does not look like an answer; the prior's delay goes on
    where the pump was hardly steered.
    """
    heat, shift = np.nan_to_num(seen.space_heat_kw + seen.dhw_heat_kw), np.clip(np.nan_to_num(seen.shift_k), -3.0, 3.0)
    if heat.shape[1] <= 4 * HOUR_STEPS + DELAY_STEPS:
        return prior.delay_h
    total = np.cumsum(heat, axis=1)
    hourly = total[:, HOUR_STEPS:] - total[:, :-HOUR_STEPS]
    answer = hourly[:, HOUR_STEPS:] - hourly[:, :-HOUR_STEPS]  # heat of the hour after less that of the hour before
    asked = np.diff(shift, axis=1)
    length = answer.shape[1] - DELAY_STEPS
    alike = np.stack(
        [
            _sum_of_products(asked[:, HOUR_STEPS : HOUR_STEPS + length], answer[:, n : n + length])
            for n in range(DELAY_STEPS + 1)
        ],
        1,
    )
    moved = (np.abs(asked[:, HOUR_STEPS : HOUR_STEPS + length]) > 0.2).sum(axis=1)
    found = 0.25 * np.argmax(alike, axis=1)
    known = (moved >= LEAST_MOVES) & (alike.max(axis=1) > 0.0)
    shrunk = (moved * found + PRIOR_MOVES * prior.delay_h) / (moved + PRIOR_MOVES)
    return np.where(known, shrunk, prior.delay_h)


def _sum_of_products(a: Array, b: Array) -> Array:
    return np.einsum("ht,ht->h", a, b)


def _fit_cop(seen: Seen, prior: Response, low_kw: Array) -> Array:
    """COP's foot, outdoor slope and load slope (home, 3), from hours in which the compressor heated all the time.

    Hours, because a defrost takes heat from one quarter and would look like a poor COP at low load.
    """
    pure = ~(seen.dhw_heat_kw > MIN_HEAT_KW) & (seen.space_heat_kw > 0.97 * low_kw[:, None])
    heat, power = (_hourly(np.where(pure, v, np.nan)) for v in (seen.space_heat_kw, seen.space_power_kw))
    use = (heat > low_kw[:, None]) & (power > MIN_HEAT_KW)
    cop = np.clip(heat / np.where(use, power, 1.0), COP_LOWEST, 9.0)
    x = np.stack([np.ones_like(heat), _hourly(seen.outdoor_c), heat], axis=2)
    centre = np.stack([prior.cop_foot, prior.cop_outdoor_per_k, prior.cop_heat_per_kw], axis=1)
    centre[:, 2] = _load_slope(seen, prior)
    scale = np.stack([np.ones(len(heat)), np.ones(len(heat)), np.abs(centre[:, 2])], axis=1)
    return ridge(x, cop, use, centre, COP_SD * scale, np.full(len(heat), COP_NOISE))


def _load_slope(seen: Seen, prior: Response) -> Array:
    """COP lost per kW of heat (home,), from the water temperature it takes to give a kW to the rooms.

    Cold weather and high load come together, so a regression alone spreads the loss over both and finds load harmless.
    """
    use = (seen.space_heat_kw > 5 * MIN_HEAT_KW) & (seen.water_above_room_k > 1.0)
    heat, lift = (np.where(use, v, 0.0) for v in (seen.space_heat_kw, seen.water_above_room_k))
    emitter = (heat**2).sum(axis=1) / np.maximum((heat * lift).sum(axis=1), 1e-9)
    slope = -COP_PER_FLOW_K / np.clip(emitter, 0.05, 3.0) - COP_PER_LOAD / prior.heat_max_kw
    return np.where(use.sum(axis=1) >= 100, slope, prior.cop_heat_per_kw)


def _fit_dhw(seen: Seen, prior: Response) -> Array:
    """Heat [kW], COP foot and outdoor slope of hot-water charges (home, 3)."""
    heat, power = seen.dhw_heat_kw, seen.dhw_power_kw
    use = (heat > 5 * MIN_HEAT_KW) & (power > MIN_HEAT_KW) & ~(seen.space_heat_kw > MIN_HEAT_KW)
    enough = use.sum(axis=1) >= 8
    full = quantile(np.where(use, heat, np.nan), [0.6])[:, 0]
    heat, power = (_hourly(np.where(use, v, 0.0)) for v in (heat, power))
    use = heat > 0.0
    cop = np.clip(heat / np.where(use, power, 1.0), COP_LOWEST, 7.0)
    x = np.stack([np.ones_like(heat), _hourly(seen.outdoor_c)], axis=2)
    centre = np.stack([prior.dhw_cop_foot, prior.dhw_cop_outdoor_per_k], axis=1)
    line = ridge(x, cop, use, centre, np.tile([0.8, 0.04], (len(heat), 1)), np.full(len(heat), COP_NOISE))
    return np.column_stack([np.where(enough, full, prior.dhw_heat_kw), line])


def ridge(x: Array, y: Array, use: Array, centre: Array, sd: Array, noise: Array, weight: Array | None = None) -> Array:
    """Least squares with a normal prior, batched: (home, k) from x (home, n, k), y (home, n), use (home, n).

    ``centre`` and ``sd`` (home, k) are the prior, ``noise`` (home,) the standard deviation of y, ``weight`` (home, n)
    what a value counts (None = one).
    """
    good = use & np.isfinite(y) & np.isfinite(x).all(axis=2)
    counts = good if weight is None else np.where(good, weight, 0.0)
    xs, rest = np.where(good[:, :, None], x, 0.0), np.where(good, y, 0.0)
    rest = rest - (xs @ centre[:, :, None])[:, :, 0]
    weighed = xs * (counts / np.square(noise)[:, None])[:, :, None]
    matrix = np.swapaxes(weighed, 1, 2) @ xs + np.eye(x.shape[2]) / np.square(sd)[:, None, :]
    right = np.swapaxes(weighed, 1, 2) @ rest[:, :, None]
    solved: Array = centre + np.linalg.solve(matrix, right)[:, :, 0]
    return solved

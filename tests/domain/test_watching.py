"""What a poll says of readings and moved levers; energy by the hour; what a kilowatt-hour costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from heatfleet.domain.energy import by_hour, energy_between
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Quality, Reading, Snapshot
from heatfleet.domain.steering import BACK_OFF
from heatfleet.domain.tariff import Contract, carried_on, price_per_kwh
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.domain.verdicts import SentCommand, Verdict
from heatfleet.domain.watching import MovedLever, Standing, fresh_readings, watch_lever

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RANGE = LeverRange(5, 30, 0.5)


def snapshot(setpoint_c: float | None = None, *readings: Reading) -> Snapshot:
    own = () if setpoint_c is None else (Reading(Channel.INDOOR_SETPOINT_C, NOW, setpoint_c),)
    return Snapshot("x", NOW, (*own, *readings))


def moved(value: float = 23.0, minutes_ago: int = 30, confirmed: bool = True, **other: object) -> MovedLever:
    at = NOW - minutes_ago * MINUTE
    command = SentCommand(Lever.INDOOR_SETPOINT_C, value, 21.0, at, at + 6 * MINUTE, confirmed)
    return MovedLever(command, 21.0, at + 60 * MINUTE, **other)  # type: ignore[arg-type]


def test_fresh_readings_are_the_newest_plausible_ones() -> None:
    old = Reading(Channel.INDOOR_TEMP_C, NOW - 40 * MINUTE, 19.0)
    readings = (
        Reading(Channel.DHW_TEMP_C, NOW - 3 * MINUTE, 48.0),
        Reading(Channel.DHW_TEMP_C, NOW - 2 * MINUTE, 48.5, Quality.ESTIMATED),
        Reading(Channel.FLOW_TEMP_C, NOW, 900.0),
        old,
    )
    fresh = fresh_readings(snapshot(21.0, *readings), NOW, 5 * MINUTE)
    assert fresh.values == {Channel.INDOOR_SETPOINT_C: 21.0, Channel.DHW_TEMP_C: 48.5}
    assert fresh.at == NOW - 2 * MINUTE, "the age of the sensors, not of the settings"
    assert (fresh.estimated, fresh.stale) == ((Channel.DHW_TEMP_C,), (Channel.INDOOR_TEMP_C,))
    assert fresh_readings(snapshot(21.0, old), NOW, 5 * MINUTE).at is None


def test_a_pump_that_tells_nothing_but_its_setting_is_not_blind() -> None:
    assert fresh_readings(snapshot(21.0), NOW, 5 * MINUTE).at == NOW


def test_a_lever_that_ends_by_itself_is_not_taken_for_the_owners_hand() -> None:
    ends = LeverRange(5, 30, 0.5, expires_by_itself=True)
    outcome = watch_lever(moved(), snapshot(21.0), NOW, ends)
    assert (outcome.standing, outcome.backed_off_until) == (Standing.RESTORED, None), "its carrier lost contact"
    assert watch_lever(moved(), snapshot(19.0), NOW, ends).standing is Standing.OVERRIDDEN


@pytest.mark.parametrize(
    ("lever", "seen_c", "verdict", "standing"),
    [
        (moved(), 23.0, Verdict.CONFIRMED, Standing.CONFIRMED),
        (moved(value=21.0), 21.0, Verdict.CONFIRMED, Standing.RESTORED),
        (moved(minutes_ago=3, confirmed=False), 21.0, Verdict.WAITING, None),
        (moved(confirmed=False), 21.0, Verdict.UNCONFIRMED, None),
        (moved(), 19.0, Verdict.OVERRIDDEN, Standing.OVERRIDDEN),
        (moved(), 21.0, Verdict.OVERRIDDEN, Standing.OVERRIDDEN),
        (moved(minutes_ago=55), 21.0, Verdict.CONFIRMED, Standing.RESTORED),
        (moved(is_rejected=True), 21.0, Verdict.REJECTED, Standing.RESTORED),
        (moved(is_rejected=True), 22.0, Verdict.REJECTED, None),
        (moved(is_shown=False), None, Verdict.CONFIRMED, Standing.CONFIRMED),
        (moved(value=21.0, is_shown=False), None, Verdict.CONFIRMED, Standing.RESTORED),
    ],
)
def test_watch_lever(lever: MovedLever, seen_c: float | None, verdict: Verdict, standing: Standing | None) -> None:
    outcome = watch_lever(lever, snapshot(seen_c), NOW, RANGE)
    assert (outcome.verdict, outcome.standing) == (verdict, standing)
    if standing is Standing.OVERRIDDEN:
        assert (outcome.own_value, outcome.backed_off_until) == (seen_c, NOW + BACK_OFF)


def test_energy_between_two_readings() -> None:
    meter = [{Channel.ENERGY_KWH: v, Channel.POWER_KW: 2.0} for v in (100.0, 100.5, 3.0)]
    then = NOW + 15 * MINUTE
    assert energy_between(meter[0], NOW, meter[1], then) == (0.5, Quality.MEASURED)
    assert energy_between(meter[1], NOW, meter[2], then) == (0.5, Quality.ESTIMATED), "a meter reset counts by power"
    assert energy_between({Channel.POWER_KW: 2.0}, NOW, {Channel.POWER_KW: 2.0}, NOW + 60 * MINUTE) is None
    assert energy_between(meter[1], then, meter[0], NOW) is None


def test_energy_falls_into_its_hours() -> None:
    parts = dict(by_hour(NOW - 30 * MINUTE, NOW + 90 * MINUTE, 4.0))
    assert parts == {NOW - 60 * MINUTE: 1.0, NOW: 2.0, NOW + 60 * MINUTE: 1.0}


def test_price_per_kwh() -> None:
    grid = TimeGrid(NOW, 4)
    wholesale = np.array([100.0, -50.0, np.nan, 0.0])
    assert np.allclose(price_per_kwh(wholesale, 0.15, None, grid), [0.25, 0.10, np.nan, 0.15], equal_nan=True)
    entries = [{"price": 0.4, "timestamp": "2025-01-15T12:30:00Z"}, {"price": 0.3, "timestamp": "2025-01-15T12:15:00Z"}]
    some = price_per_kwh(wholesale, 0.15, Contract.of(entries, True), grid)
    assert some.tolist() == [0.25, 0.3, 0.4, 0.4]
    assert price_per_kwh(wholesale, 0.15, Contract.of(entries[:1], True), grid).tolist() == [0.4] * 4
    spot = price_per_kwh(wholesale, 0.15, Contract.of(entries, False), grid)
    assert spot[0] == 0.25


def test_unknown_prices_are_those_of_the_day_before() -> None:
    prices = np.concatenate([np.arange(96.0), np.full(100, np.nan)])
    assert carried_on(prices)[96:].tolist() == [*range(96), 0, 1, 2, 3]
    assert np.isnan(carried_on(np.full(200, np.nan))).all()

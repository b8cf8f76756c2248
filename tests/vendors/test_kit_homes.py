"""The virtual homes do not care who looks: same seed, weather and writes, same homes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.levers import Lever
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate_columns import COOLING
from heatfleet.vendors.kit.emulation import homes as kit_homes
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes, mild_winter, warm_summer
from heatfleet.vendors.kit.emulation.roofs import draw_roofs

START = datetime(2024, 1, 8, 6, 2, 11, tzinfo=UTC)
END = START + timedelta(hours=9)
ELEMENT_KWH = 3.0 / 12.0
ACTIVITY, CONSUMED, DELIVERED, EXPORT = map(SENSORS.index, ("activity", "consumed", "delivered", "export"))


def homes(seed: int = 3, count: int = 6) -> VirtualHomes:
    return VirtualHomes(count, seed, mild_winter, START)


def shown(some: VirtualHomes, now: datetime) -> list[tuple[datetime, list[float]]]:
    some.advance(now)
    return [(at, values.tolist()) for at, values in (some.sensors(home, now) for home in range(some.count))]


def steer(some: VirtualHomes, looks_at: list[datetime]) -> None:
    """Write twice in the morning; look at the given instants in between."""
    writes = {
        START + timedelta(hours=1): (0, Lever.INDOOR_SETPOINT_C, 19.0),
        START + timedelta(hours=2): (2, Lever.SG_READY_STATE, 1.0),
    }
    for now in sorted({*looks_at, *writes}):
        some.advance(now)
        if now in writes:
            home, lever, value = writes[now]
            some.write(home, lever, value, now)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9 * 3600), max_size=40))
def test_looking_changes_nothing(seconds: list[int]) -> None:
    quiet, watched = homes(), homes()
    steer(quiet, [])
    steer(watched, [START + timedelta(seconds=s) for s in seconds])
    assert shown(quiet, END) == shown(watched, END)


def test_seeds_differ() -> None:
    assert shown(homes(3), END) != shown(homes(4), END)


def test_a_restart_goes_on() -> None:
    through, stopped = homes(), homes()
    middle = START + timedelta(hours=2, minutes=1)
    steer(through, [middle])
    steer(stopped, [middle])
    kept = json.loads(msgspec.json.encode(stopped.to_state()))
    resumed = VirtualHomes(6, 3, mild_winter, END)
    resumed.from_state(kept)
    assert shown(resumed, END) == shown(through, END)


def test_a_state_of_another_version_is_not_taken_over() -> None:
    some = homes()
    kept = some.to_state()
    assert some.can_go_on(kept)
    assert not some.can_go_on(kept | {"columns": kept["columns"][:-1]})
    assert not homes(4).can_go_on(kept)


def test_roofs_feed_in_what_is_left_and_move_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same homes with and without their roofs differ by what the roofs give, and by nothing else."""
    noon, night = (datetime(2024, 1, 8, hour, 4, 59, tzinfo=UTC) for hour in (12, 22))
    with_roofs = homes()
    drawn = draw_roofs(6, 3)
    monkeypatch.setattr(kit_homes, "draw_roofs", lambda *_: replace(drawn, roof_kw_per_kw_m2=np.zeros(6)))
    without = homes()
    roofed = [home for home in range(6) if with_roofs.shows(home, "export")]
    assert roofed == np.flatnonzero(drawn.roof_kw_per_kw_m2).tolist()
    assert 0 < len(roofed) < 6
    assert not any(without.shows(home, "export") for home in range(6))
    for now in (noon, night):
        told, dark = (np.array([values for _, values in shown(some, now)]) for some in (with_roofs, without))
        assert np.array_equal(told[:, :EXPORT], dark[:, :EXPORT])
        ghi_kw_m2 = mild_winter(TimeGrid(with_roofs.at - with_roofs.step, 1, with_roofs.step))[1]
        assert told[:, EXPORT] - dark[:, EXPORT] == pytest.approx(drawn.roof_kw_per_kw_m2 * ghi_kw_m2)
        assert (dark[:, EXPORT] < -dark[:, SENSORS.index("input")]).all(), "the household takes its own"
        assert (ghi_kw_m2 > 0.2) == (now is noon)


def test_the_heat_meter_counts_no_cold() -> None:
    some = VirtualHomes(6, 2, warm_summer, START)
    cools = [home for home in range(6) if some.has(home, Lever.COOLING_SETPOINT_C)]
    assert [home for home in range(6) if some.has(home, Lever.POOL_SETPOINT_C)] == [0]
    for home in cools:
        some.write(home, Lever.COOLING_SETPOINT_C, 20.0, START)
    read, at, cooled = {}, START, 0
    for _ in range(24 * 12):
        at += timedelta(minutes=5)
        some.advance(at)
        now = {home: some.sensors(home, at)[1] for home in cools}
        for home, sensors in now.items():
            before = read.get(home)
            if before is not None and sensors[ACTIVITY] == before[ACTIVITY] == COOLING:
                rise_kwh = sensors[DELIVERED] - before[DELIVERED]
                assert min(abs(rise_kwh), abs(rise_kwh - ELEMENT_KWH)) < 1e-6, "the tank's element may run meanwhile"
                assert sensors[CONSUMED] > before[CONSUMED]
                cooled += 1
        read = now
    assert cooled > 100


@pytest.mark.parametrize("home", range(6))
def test_a_write_shows_late_and_stays(home: int) -> None:
    some = homes()
    effective_at = some.write(home, Lever.DHW_SETPOINT_C, 55.0, START)
    assert 5 <= (effective_at - START).total_seconds() <= 60
    own = some.own_settings(home)[Lever.DHW_SETPOINT_C]
    assert some.setting(home, Lever.DHW_SETPOINT_C, effective_at - timedelta(milliseconds=1)) == own
    assert some.setting(home, Lever.DHW_SETPOINT_C, effective_at) == 55.0
    some.advance(END)
    assert some.setting(home, Lever.DHW_SETPOINT_C, END) == 55.0


def test_a_later_write_never_loses_against_an_earlier_one() -> None:
    some = homes()
    for i in range(30):
        last = some.write(0, Lever.INDOOR_SETPOINT_C, 18.0 + i % 7, START + timedelta(seconds=i))
    assert some.setting(0, Lever.INDOOR_SETPOINT_C, last) == 18.0 + 29 % 7


def test_a_block_ends_by_itself_after_two_hours() -> None:
    some = homes()
    begins = some.write(2, Lever.SG_READY_STATE, 1.0, START)
    some.write(2, Lever.SG_READY_STATE, 1.0, START + timedelta(hours=1))
    for now, state in [(begins, 1.0), (begins + timedelta(minutes=119), 1.0), (begins + timedelta(hours=2), 2.0)]:
        some.advance(now)
        assert some.setting(2, Lever.SG_READY_STATE, now) == state
    some.write(2, Lever.SG_READY_STATE, 3.0, begins + timedelta(hours=3))
    some.advance(END)
    assert some.setting(2, Lever.SG_READY_STATE, END) == 3.0


def test_a_block_that_is_lifted_leaves_no_fallback() -> None:
    some = homes()
    some.write(2, Lever.SG_READY_STATE, 1.0, START)
    some.write(2, Lever.SG_READY_STATE, 3.0, START + timedelta(minutes=30))
    some.advance(END)
    assert some.setting(2, Lever.SG_READY_STATE, END) == 3.0


def energy(some: VirtualHomes, hours: float) -> Array:
    now = START + timedelta(hours=hours)
    some.advance(now)
    return np.array([some.sensors(home, now)[1][SENSORS.index("consumed")] for home in range(some.count)])


@pytest.mark.parametrize(
    ("home", "lever", "value"),
    [(0, Lever.INDOOR_SETPOINT_C, 17.0), (1, Lever.CURVE_OFFSET_K, -5.0)],
)
def test_a_lever_saves_heat_and_touches_one_home_only(home: int, lever: Lever, value: float) -> None:
    own, steered = homes(), homes()
    steered.write(home, lever, value, START)
    used, saved = energy(own, 24), energy(steered, 24)
    others = [i for i in range(6) if i != home]
    assert saved[home] < used[home] - 0.5
    np.testing.assert_array_equal(saved[others], used[others])


def test_owners_have_plausible_settings() -> None:
    some = homes(count=30)
    for home in range(30):
        own = some.own_settings(home)
        assert 20.0 <= own[Lever.INDOOR_SETPOINT_C] <= 22.0
        assert 48.0 <= own[Lever.DHW_SETPOINT_C] <= 52.0
        assert (own[Lever.CURVE_OFFSET_K], own[Lever.SG_READY_STATE], own[Lever.DHW_BOOST]) == (0.0, 2.0, 0.0)


def test_every_tank_is_disinfected_once_a_week() -> None:
    some = homes()
    hottest = np.zeros(6)
    for hour in range(8 * 24 * 4):
        now = START + timedelta(minutes=15 * hour)
        some.advance(now)
        tank = np.array([some.sensors(home, now)[1][SENSORS.index("tank")] for home in range(6)])
        hottest = np.maximum(hottest, tank)
    assert (hottest > 58.0).all(), hottest

"""Long runs: the same simulation, sums instead of traces, whatever the pieces and the threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from heatfleet.thermal.homes import draw_homes
from heatfleet.thermal.simulate import Inputs, initial_states, simulate
from heatfleet.thermal.simulate_totals import BELOW_SETPOINT_K, Stretch, Totals, simulate_totals
from tests.thermal.test_simulate import DAY, HOMES, drive, part

DAYS = 5
SUMMER_C = 24.0
WHAT = drive(HOMES, 3.0, DAYS)
PERIOD = np.repeat(np.arange(DAYS), DAY)


def pieces(*cuts: int) -> Iterator[Stretch]:
    """The same days in pieces."""
    for first, last in zip((0, *cuts), (*cuts, DAYS * DAY), strict=True):
        yield Stretch(part(WHAT, first, last), PERIOD[first:last])


def summed(*cuts: int, threads: int = 2) -> tuple[np.ndarray, Totals]:  # type: ignore[type-arg]
    end, totals = simulate_totals(
        HOMES, initial_states(HOMES, 3.0), Inputs.own(HOMES), pieces(*cuts), periods=DAYS, threads=threads
    )
    return end.matrix, totals


def test_totals_are_the_sums_of_the_trace() -> None:
    end, totals = summed(96, 200)
    states, trace = simulate(HOMES, initial_states(HOMES, 3.0), Inputs.own(HOMES), WHAT)
    energy = trace.energy_kwh
    assert np.array_equal(end, states.matrix)
    assert totals.energy_kwh == pytest.approx(energy.sum(axis=1))
    assert totals.starts == pytest.approx(trace.starts.sum(axis=1))
    assert totals.mean_indoor_c == pytest.approx(trace.indoor_mean_c.mean(axis=1))
    assert totals.fleet_kw == pytest.approx(trace.power_kw.sum(axis=0))
    assert totals.energy_by_period_kwh == pytest.approx(energy.reshape(HOMES.count, DAYS, DAY).sum(axis=2))
    cold = trace.indoor_mean_c < (HOMES.own_indoor_setpoint_c - BELOW_SETPOINT_K)[:, None]
    assert totals.cold_h == pytest.approx(cold.sum(axis=1) * 0.25)
    assert totals.cold_water_h == pytest.approx((trace.tank_min_c < 45.0).sum(axis=1) * 0.25)
    assert totals.scop == pytest.approx(totals.heat_kwh / energy.sum(axis=1))


def test_pieces_and_threads_change_nothing() -> None:
    (end, one), (same_end, same) = summed(threads=1), summed(3, 100, 101, 400, threads=3)
    assert np.array_equal(end, same_end)
    assert same.sums == pytest.approx(one.sums)


def test_the_balance_closes_in_winter_and_summer() -> None:
    assert np.abs(summed(96)[1].balance_error).max() < 1e-9
    homes = draw_homes(30, 5)
    days = Stretch(drive(homes, SUMMER_C, DAYS), PERIOD)
    _, totals = simulate_totals(homes, initial_states(homes, SUMMER_C), Inputs.own(homes), [days], periods=DAYS)
    assert np.abs(totals.balance_error).max() < 1e-9
    assert totals.cold_kwh.sum() > 10.0
    assert totals.heat_pool_kwh.sum() > 10.0
    apart = totals.energy_space_kwh + totals.energy_dhw_kwh
    assert totals.energy_kwh == pytest.approx(apart + totals.energy_cooling_kwh + totals.energy_pool_kwh)
    assert totals.energy_by_period_kwh.sum(axis=1) == pytest.approx(totals.energy_kwh)
    assert totals.heat_kwh == pytest.approx(totals.heat_space_kwh + totals.heat_dhw_kwh + totals.heat_pool_kwh)


def test_a_broken_source_of_weeks_is_heard_of() -> None:
    def broken() -> Iterator[Stretch]:
        yield from list(pieces(96))[:1]
        raise OSError("no more weather")

    with pytest.raises(OSError, match="no more weather"):
        simulate_totals(HOMES, initial_states(HOMES), Inputs.own(HOMES), broken(), periods=DAYS)

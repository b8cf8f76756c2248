"""What a roof leaves over: learned from its export, expected with the sun, never invented."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.surplus import learn_surplus

DAYS, DAY = 10, 96


def world(roof_kw: float, household_kw: float, seed: int) -> tuple[Array, Array, Array]:
    """Export, the pump's power and the sun of one home (1, step)."""
    rng, hour = np.random.default_rng(seed), np.arange(DAYS * DAY) / 4 % 24
    ghi = 0.6 * np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0) * np.repeat(rng.uniform(0.1, 1.0, DAYS), DAY)
    power = 1.6 * (rng.random(DAYS * DAY) < 0.4)
    export = roof_kw * ghi - household_kw - power + rng.normal(0.0, 0.2, DAYS * DAY)
    return export[None, :], power[None, :], ghi[None, :]


@settings(max_examples=20, deadline=None)
@given(roof_kw=st.floats(4.0, 15.0), household_kw=st.floats(0.1, 1.5), seed=st.integers(0, 99))
def test_a_roof_is_learned_whatever_the_pump_drew(roof_kw: float, household_kw: float, seed: int) -> None:
    export, power, ghi = world(roof_kw, household_kw, seed)
    found = learn_surplus(export, power, ghi)
    assert found.is_known[0]
    left = np.maximum(roof_kw * ghi - household_kw, 0.0)
    assert np.abs(found.expected_kw(ghi) - left).max() < 0.15 * roof_kw
    share = found.covered_share(ghi, np.array([2.0]))
    assert ((share >= 0.0) & (share <= 1.0)).all()
    assert (share[found.expected_kw(ghi) < 2.0] == 0.0).all()
    assert np.isclose(found.pump_kw[0], 1.6)


def test_what_was_hardly_seen_or_has_nothing_to_do_with_the_sun_is_not_foreseen() -> None:
    export, power, ghi = world(8.0, 0.5, 1)
    nothing = np.full(export.shape, np.nan)
    few = np.where(np.arange(DAYS * DAY) < DAY, export, np.nan)
    noise = np.random.default_rng(2).normal(0.0, 2.0, export.shape)
    for seen in (nothing, few, noise):
        found = learn_surplus(seen, power, ghi)
        assert not found.is_known[0]
        assert (found.covered_share(ghi, np.array([0.5])) == 0.0).all()
    assert learn_surplus(export, nothing, ghi).is_known[0], "a pump that tells no power"

"""What a pump's answer is learned from."""

from __future__ import annotations

import numpy as np

from heatfleet.thermal.response import Seen, learn_response, prior_response

HOMES, STEPS = 2, 960


def test_the_smallest_output_is_not_that_of_a_defrost() -> None:
    """A defrost takes a third of the heat of every fifth quarter-hour."""
    heat = np.full((HOMES, STEPS), 3.0)
    heat[:, ::5] = 2.0
    zero, outdoor = np.zeros((HOMES, STEPS)), np.tile(np.sin(np.arange(STEPS) / 50.0), (HOMES, 1))
    seen = Seen(outdoor, zero, zero, zero, heat, heat / 3.5, zero, zero, heat / 0.4)
    learned = learn_response(seen, prior_response(np.full(HOMES, 0.2), np.full(HOMES, 21.0), np.full(HOMES, 0.3)))
    np.testing.assert_allclose(learned.heat_min_kw, 3.0)
    rare = np.zeros((HOMES, STEPS))
    rare[:, :50] = 3.0
    unseen = Seen(outdoor, zero, zero, zero, rare, rare / 3.5, zero, zero, rare / 0.4)
    before = prior_response(np.full(HOMES, 0.2), np.full(HOMES, 21.0), np.full(HOMES, 0.3))
    np.testing.assert_allclose(learn_response(unseen, before).heat_min_kw, before.heat_min_kw)

"""How much of what could be saved was saved: the optimisation score of homes."""

from __future__ import annotations

import numpy as np

from heatfleet.thermal.arrays import Array

DAYS = 7
LEAST_DAYS = 6  # of the seven, on which it is known what was done
LEAST_KNOWN = 0.8  # share of a day's quarter-hours
LEAST_ACHIEVABLE = 0.002  # of the costs: where less than that can be saved, its share says nothing


def optimization_score(own: Array, realised: Array, best: Array, known_share: Array) -> Array:
    """Share of the achievable saving that was realised, (home,) in 0..100; NaN where it cannot be told.

    Parameters
    ----------
    own, realised, best : (home, day) [currency] what the last seven days cost under the owner's own control, as they
        were, and at their best; NaN for a day that is not known.
    known_share : (home, day) share of the day in which it is known what was done.
    """
    counts = (np.nan_to_num(known_share) >= LEAST_KNOWN) & np.isfinite(own) & np.isfinite(realised) & np.isfinite(best)
    achievable, saved, cost = (np.where(counts, v, 0.0).sum(axis=1) for v in (own - best, own - realised, np.abs(own)))
    is_known = (counts.sum(axis=1) >= LEAST_DAYS) & (achievable > LEAST_ACHIEVABLE * cost) & (achievable > 0.0)
    share = np.clip(saved / np.where(is_known, achievable, 1.0), 0.0, 1.0)
    return np.where(is_known, 100.0 * share, np.nan)

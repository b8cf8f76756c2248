"""Forecasts for honest simulation: the weather that will come, seen through errors as large as real ones.

Temperature errors grow with the lead time h as 0.5·h^0.34 K (0.5 K at 1 h, 1.5 K at 24 h, 1.9 K at 48 h) and follow
each other as an AR(1) process with a memory of 12 h. Irradiance errors are factors of the same kind. A new "model run"
draws new errors every six hours, as the weather services do; within a run successive forecasts agree.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import MTU, TimeGrid, floor_mtu

MEMORY_H = 12.0
RUN_H = 6
ERROR_AT_1H_K = 0.5
GROWTH = 0.34
LARGEST_ERROR_K = 2.0
_SUN_ERROR = 0.12  # of the logarithm, at 1 h
_LARGEST_SUN_ERROR = 0.4


def with_forecast_errors(
    temp_c: Floats, ghi_kw_m2: Floats | None, grid: TimeGrid, made_at: datetime, seed: int
) -> tuple[Floats, Floats | None]:
    """What a forecast made at ``made_at`` says of weather that will be ``temp_c`` (step,), ``ghi_kw_m2`` (step,).

    Steps that have begun by ``made_at`` stay as they are. The same seed gives the same errors.

    Returns
    -------
    temp_c : (step,) [°C]
    ghi_kw_m2 : (step,) [kW/m²], or None where there is none
    """
    lead_h = np.maximum((np.arange(grid.count) - grid.index(made_at)) * grid.step_h, 0.0)
    noise_k, noise_sun = _noise(grid, made_at, seed)
    forecast_c = temp_c + error_k(lead_h) * noise_k
    if ghi_kw_m2 is None:
        return forecast_c, None
    size = np.minimum(_SUN_ERROR * lead_h**GROWTH, _LARGEST_SUN_ERROR)
    return forecast_c, np.minimum(ghi_kw_m2 * np.exp(size * noise_sun - size**2 / 2), np.maximum(ghi_kw_m2, 1.1))


def error_k(lead_h: Floats) -> Floats:
    """Standard error (step,) [K] of a temperature forecast by lead time (step,) [h]; zero at no lead."""
    size: Floats = np.minimum(ERROR_AT_1H_K * lead_h**GROWTH, LARGEST_ERROR_K)
    return size


def _noise(grid: TimeGrid, made_at: datetime, seed: int) -> tuple[Floats, Floats]:
    """Two AR(1) series (step,) of unit variance that depend on the model run and the instant, not on the grid's cut."""
    run = int(made_at.astimezone(UTC).timestamp()) // (RUN_H * 3600)
    run_at = datetime.fromtimestamp(run * RUN_H * 3600, UTC)
    first = max(0, (run_at - grid.start_at) // MTU)
    skipped = max(0, (floor_mtu(grid.start_at) - run_at) // MTU)
    rng = np.random.default_rng([seed & 0xFFFFFFFF, run])
    white = rng.standard_normal((max(grid.count - first, 0) + skipped, 2))
    keep = float(np.exp(-grid.step_h / MEMORY_H))
    state, fresh = np.zeros(2), float(np.sqrt(1.0 - keep**2))
    series = np.zeros((white.shape[0], 2))
    for i, shock in enumerate(white):
        state = shock if i == 0 else keep * state + fresh * shock
        series[i] = state
    noise = np.zeros((grid.count, 2))
    noise[first:] = series[skipped:]
    return noise[:, 0], noise[:, 1]

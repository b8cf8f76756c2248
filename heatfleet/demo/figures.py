"""What a simulated week cost and how warm it was: the figures of one run, and ours against the owner's own control.

All inputs are true values of the simulation (not readings): a judge may look behind the sensors, flows may not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.simulate import Trace

EQUAL_TEMPERATURE_K = 0.2


@dataclass(frozen=True)
class RunFigures:
    """Figures of one run, per home (home,) or, after :meth:`total`, of the fleet."""

    cost: Array  # currency, as metered
    energy_kwh: Array
    mean_price: Array  # currency/kWh paid
    discomfort_kh: Array  # K·h outside the owner's band
    mean_indoor_c: Array
    starts: Array
    dhw_min_c: Array
    unserved_dhw_kwh: Array
    stored_heat_kwh_end: Array  # heat in building, tank and pool above 0 °C
    building_heat_kwh_end: Array  # the building's part of it

    def total(self) -> RunFigures:
        """The homes in sum; temperatures as mean (indoor) and minimum (hot water)."""
        reduce: dict[str, Callable[[Array], Array]] = {"mean_indoor_c": np.mean, "dhw_min_c": np.min}
        values = {name: reduce.get(name, np.sum)(value) for name, value in vars(self).items()}
        values["mean_price"] = np.divide(values["cost"], values["energy_kwh"])
        return RunFigures(**values)

    def home(self, i: int) -> dict[str, float]:
        """The figures of one home, JSON-able."""
        return {name: round(float(value[i]), 4) for name, value in vars(self).items()}

    def rounded(self) -> dict[str, float]:
        """JSON-able numbers, four decimals."""
        return {name: round(float(value), 4) for name, value in asdict(self).items()}


def run_figures(
    trace: Trace, price: Array, band: tuple[Array, Array], stored_heat_kwh: tuple[Array, Array]
) -> RunFigures:
    """Figures per home of a counted window.

    Parameters
    ----------
    trace : (home, step) of the window.
    price : currency/kWh, (home, step) or (step,).
    band : lowest and highest indoor temperature the owner wants [°C], (home, step).
    stored_heat_kwh : at the end of the window, and the building's part of it, each (home,).
    """
    energy_kwh = trace.energy_kwh
    below, above = band[0] - trace.indoor_mean_c, trace.indoor_mean_c - band[1]
    cost = (energy_kwh * price).sum(axis=1)
    return RunFigures(
        cost=cost,
        energy_kwh=energy_kwh.sum(axis=1),
        mean_price=cost / np.maximum(energy_kwh.sum(axis=1), 1e-9),
        discomfort_kh=(np.clip(below, 0, None) + np.clip(above, 0, None)).sum(axis=1) * 0.25,
        mean_indoor_c=trace.indoor_mean_c.mean(axis=1),
        starts=trace.starts.sum(axis=1),
        dhw_min_c=trace.tank_min_c.min(axis=1),
        unserved_dhw_kwh=trace.unserved_kwh.sum(axis=1),
        stored_heat_kwh_end=stored_heat_kwh[0],
        building_heat_kwh_end=stored_heat_kwh[1],
    )


@dataclass(frozen=True)
class Comparison:
    """Ours against the owner's own control, over the same homes, weather, prices and people."""

    baseline: RunFigures
    optimised: RunFigures
    heat_per_energy: float  # mean COP of both runs, values the heat (in summer the cold) left in the walls
    mean_price: float
    demand_per_kelvin: Array  # (home,) share of the energy a kelvin indoors costs; negative where it was cooled
    is_cooled: Array  # (home,) bool: homes whose walls are worth more the colder they are

    def of(self, homes: Array) -> Comparison:
        """Only some of the homes."""
        per_home = {name: getattr(self, name)[homes] for name in ("demand_per_kelvin", "is_cooled")}
        return replace(self, baseline=take(self.baseline, homes), optimised=take(self.optimised, homes), **per_home)

    @property
    def home_savings(self) -> Array:
        """Baseline cost minus ours, ours corrected for the heat stored at the end [currency], (home,)."""
        base, ours = self.baseline, self.optimised
        left_kwh = ours.stored_heat_kwh_end - base.stored_heat_kwh_end
        left_kwh -= 2.0 * np.multiply(self.is_cooled, ours.building_heat_kwh_end - base.building_heat_kwh_end)
        return base.cost - ours.cost + left_kwh / self.heat_per_energy * self.mean_price

    @property
    def home_savings_equal_temperature(self) -> Array:
        """The same had the homes been as warm as with the owner's own control [currency], (home,).

        The kelvins we were cooler are charged at what a kelvin costs: mean heat demand is proportional to the
        difference between indoors and outdoors. Where rooms were cooled, the kelvins we were warmer are.
        """
        cooler_k = self.baseline.mean_indoor_c - self.optimised.mean_indoor_c
        found: Array = self.home_savings - cooler_k * self.demand_per_kelvin * self.baseline.cost
        return found

    @property
    def savings(self) -> float:
        """The homes' savings in sum [currency]."""
        return float(self.home_savings.sum())

    @property
    def savings_percent(self) -> float | None:
        """Savings as a share of the baseline cost [%]; None when that is not positive."""
        cost = float(self.baseline.total().cost)
        return 100.0 * self.savings / cost if cost > 0 else None

    @property
    def savings_percent_equal_temperature(self) -> float | None:
        """Savings had the homes been as warm as with the owner's own control [%]; None like ``savings_percent``."""
        if self.savings_percent is None:
            return None
        return 100.0 * float(self.home_savings_equal_temperature.sum()) / float(self.baseline.cost.sum())


def compare(runs: tuple[RunFigures, RunFigures], traces: tuple[Trace, Trace], outdoor_c: Array) -> Comparison:
    """The comparison of (owner's own control, ours)."""
    heat = sum(float((t.heat_kwh + t.cold_kwh).sum()) for t in traces)
    energy = sum(float(t.energy_kwh.sum()) for t in traces)
    is_cooled = traces[0].cold_kwh.sum(axis=1) > traces[0].heat_space_kwh.sum(axis=1)
    mean_price = float(np.sum(runs[0].cost) / max(float(np.sum(runs[0].energy_kwh)), 1e-9))
    per_kelvin = _demand_per_kelvin(runs[0], traces[0], outdoor_c, is_cooled)
    return Comparison(*runs, heat / max(energy, 1e-9), mean_price, per_kelvin, is_cooled)


def _demand_per_kelvin(base: RunFigures, trace: Trace, outdoor_c: Array, is_cooled: Array) -> Array:
    """Share of a home's electricity that one kelvin indoors costs, (home,), as a mean of those heated or cooled.

    Sun and people are worth 3 K outdoors in winter and, with the sun of summer, 5 K.
    """
    found = np.zeros(len(is_cooled))
    for homes, used, sign, free_k in (
        (~is_cooled, trace.energy_space_kwh, 1.0, 3.0),
        (is_cooled, trace.energy_cooling_kwh, -1.0, 5.0),
    ):
        if homes.any():
            share = float(used[homes].sum()) / max(float(base.energy_kwh[homes].sum()), 1e-9)
            spread_k = sign * (float(np.mean(base.mean_indoor_c[homes])) - float(np.mean(outdoor_c[homes])) - free_k)
            found[homes] = sign * share / max(spread_k, 1.0)
    return found

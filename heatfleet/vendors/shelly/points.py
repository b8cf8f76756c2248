"""What relays say in our words: contacts as an SG-Ready state, watts and watt-hours as power and energy. Pure.

The two contacts of SG-Ready, K1:K2: 1:0 blocked (1), 0:0 the pump's own programme (2), 0:1 recommended on (3),
1:1 forced on (4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from heatfleet.domain.levers import LeverRange
from heatfleet.domain.readings import Channel, Reading

CONTACTS: Mapping[int, tuple[bool, bool]] = {1: (True, False), 2: (False, False), 3: (False, True), 4: (True, True)}
"""SG-Ready state → whether K1 and K2 are closed."""
_STATES = {contacts: state for state, contacts in CONTACTS.items()}

WH_PER_KWH = 1000.0
WATT_MINUTES_PER_KWH = 60_000.0


@dataclass(frozen=True)
class Outputs:
    """What one relay shows: its contacts by channel, and what it measures where it does."""

    is_closed: Mapping[int, bool] = field(default_factory=dict)
    power_kw: float | None = None
    energy_kwh: float | None = None


def sg_ready_state(is_k1_closed: bool, is_k2_closed: bool) -> int:
    """The state that the contacts signal."""
    return _STATES[is_k1_closed, is_k2_closed]


def outputs_of_second(status: Mapping[str, Any]) -> Outputs:
    """A relay of the second generation or later: ``Shelly.GetStatus``."""
    switches = {int(key[7:]): part for key, part in status.items() if key.startswith("switch:") and key[7:].isdigit()}
    found = Outputs({channel: bool(part["output"]) for channel, part in switches.items()})
    for power, energy in _meters(status):
        return replace(found, power_kw=_scaled(power, 1000.0), energy_kwh=_scaled(energy, WH_PER_KWH))
    return found


def _meters(status: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Watts and watt-hours of each meter, those made for measuring first."""
    if "em:0" in status:
        yield status["em:0"].get("total_act_power"), status.get("emdata:0", {}).get("total_act")
    if "em1:0" in status:
        yield status["em1:0"].get("act_power"), status.get("em1data:0", {}).get("total_act_energy")
    for key in ("pm1:0", "switch:0"):
        part = status.get(key, {})
        if "apower" in part:
            yield part["apower"], part.get("aenergy", {}).get("total")


def outputs_of_first(status: Mapping[str, Any]) -> Outputs:
    """A relay of the first generation: ``/status``; its meters count watt-minutes, its energy meters watt-hours."""
    closed = {channel: bool(relay["ison"]) for channel, relay in enumerate(status.get("relays", ()))}
    phases = [meter for meter in status.get("emeters", ()) if meter.get("is_valid", True)]
    if phases:
        power, energy = (sum(float(phase[name]) for phase in phases) for name in ("power", "total"))
        return Outputs(closed, power / 1000.0, energy / WH_PER_KWH)
    for meter in status.get("meters", ()):
        if meter.get("is_valid", True) and "total" in meter:
            return Outputs(closed, _scaled(meter["power"], 1000.0), _scaled(meter["total"], WATT_MINUTES_PER_KWH))
    return Outputs(closed)


def to_readings(state: int, meter: Outputs, at: datetime) -> tuple[Reading, ...]:
    """The readings of one pump."""
    values = {
        Channel.SG_READY_STATE: float(state),
        Channel.POWER_KW: meter.power_kw,
        Channel.ENERGY_KWH: meter.energy_kwh,
    }
    return tuple(Reading(channel, at, value) for channel, value in values.items() if value is not None)


def range_of(promised: LeverRange, *, has_k1: bool, has_k2: bool) -> LeverRange:
    """The states that the contacts at hand can signal."""
    return replace(promised, minimum=1.0 if has_k1 else 2.0, maximum=3.0 if has_k2 else 2.0)


def _scaled(value: Any, per_unit: float) -> float | None:
    return float(value) / per_unit if isinstance(value, int | float) else None

"""What one heat pump can tell and what can be moved on it, and its form in ``heat_pumps.capabilities``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel


@dataclass(frozen=True)
class Capabilities:
    """Channels and levers of this very device, and which uses it serves."""

    channels: frozenset[Channel] = frozenset()
    levers: Mapping[Lever, LeverRange] = field(default_factory=dict)
    has_hot_water: bool = True
    has_space_heating: bool = True

    @property
    def uses(self) -> dict[str, bool]:
        """By the policy's field: which uses the device serves; cooling and the pool only where we can move them."""
        return {
            "is_space_heating_enabled": self.has_space_heating,
            "is_hot_water_heating_enabled": self.has_hot_water,
            "is_pool_heating_enabled": Lever.POOL_SETPOINT_C in self.levers,
            "is_space_cooling_enabled": Lever.COOLING_SETPOINT_C in self.levers,
        }

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "channels": sorted(self.channels),
            "levers": {str(lever): asdict(what) for lever, what in self.levers.items()},
            "has_hot_water": self.has_hot_water,
            "has_space_heating": self.has_space_heating,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Capabilities:
        """Capabilities from their stored form; channels and levers this version does not know are left out."""
        channels, levers = set(Channel), set(Lever)
        return cls(
            channels=frozenset(Channel(name) for name in stored.get("channels", ()) if name in channels),
            levers={Lever(n): LeverRange(**what) for n, what in stored.get("levers", {}).items() if n in levers},
            has_hot_water=stored.get("has_hot_water", True),
            has_space_heating=stored.get("has_space_heating", True),
        )

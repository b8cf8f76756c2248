"""The emulated heat pumps behind the cloud: their points as they show them, and what a write does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from heatfleet.domain.clock import Clock
from heatfleet.domain.levers import Lever
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes
from heatfleet.vendors.myuplink.emulated_points import MODELS, NOTHING, Model, Spec

UNCHANGED_FOR = timedelta(days=3)
DEMAND_C = (51.0, 54.5, 58.0)
TANK_C = (50.0, 52.5, 55.0)
"""Hot-water setpoint of the virtual home at each demand: what a compressor reaches without its electric heater."""
LEVERS: Mapping[str, Lever] = {
    "setpoint": Lever.INDOOR_SETPOINT_C,
    "offset": Lever.CURVE_OFFSET_K,
    "demand": Lever.DHW_SETPOINT_C,
    "boost": Lever.DHW_BOOST,
    "sg_request": Lever.SG_READY_STATE,
}
_PRIORITIES = (10.0, 10.0, 30.0, 20.0, 30.0, 60.0, 40.0)
_COMPRESSOR = (20.0, 20.0, 60.0, 60.0, 130.0, 60.0, 60.0)
_PLAYED = {"smart_price": 0.0, "smart_demand": 0.0, "sg_on": 0.0}

Values = dict[str, float]


class Pumps:
    """The heat pumps of the virtual homes; what the homes do not have is played."""

    def __init__(self, homes: VirtualHomes, clock: Clock) -> None:
        self.homes, self._clock = homes, clock
        self.played = [dict(_PLAYED) for _ in range(homes.count)]
        self.offline: dict[int, list[dict[str, Any]]] = {}
        self._changes: dict[tuple[int, int], tuple[float | str, datetime]] = {}
        self._started_at = self.now

    def move_in(self) -> None:
        """Every owner wants a medium amount of hot water."""
        for home in range(self.homes.count):
            self.homes.owner_sets(home, Lever.DHW_SETPOINT_C, TANK_C[1], self.now)

    @property
    def now(self) -> datetime:
        """The homes' instant."""
        return self._clock.fleet_now()

    def points(self, home: int) -> list[dict[str, Any]]:
        """The points as version 2 shows them; the last ones of a pump that is off line."""
        return self.offline.get(home) or self._render(home)

    def _render(self, home: int) -> list[dict[str, Any]]:
        values, told_at = self.values(home), self.homes.sensors(home, self.now)[0]
        shown = model_of(home).shown(values)
        return [self._point(home, spec, values, told_at) for spec in shown]

    def _point(self, home: int, spec: Spec, values: Values, told_at: datetime) -> dict[str, Any]:
        value = _shown(spec, values)
        at = self._changed_at((home, model_of(home).specs.index(spec)), value, told_at, spec)
        low, high, step = spec.limits or (None, None, None)
        raw = 1.0 / float(spec.scale)
        return {
            "category": model_of(home).product,
            "parameterId": spec.id,
            "parameterName": spec.name,
            "parameterUnit": spec.unit,
            "writable": spec.writable,
            "timestamp": at.isoformat(timespec="seconds"),
            "value": value,
            "strVal": f"{value:g}{spec.unit}" if isinstance(value, float) else value,
            "smartHomeCategories": list(spec.categories),
            "minValue": None if low is None else low * raw,
            "maxValue": None if high is None else high * raw,
            "stepValue": 1 if step is None else step * raw,
            "enumValues": [{"value": key, "text": text, "icon": ""} for key, text in spec.choices],
            "scaleValue": spec.scale,
            "zoneId": None,
        }

    def _changed_at(self, key: tuple[int, int], value: float | str, told_at: datetime, spec: Spec) -> datetime:
        """When the point last changed: the cloud is told of changes only."""
        before = self._changes.get(key)
        if before is None:
            is_setting = bool(spec.moves) or not isinstance(spec.shows, str)
            self._changes[key] = value, self._started_at - UNCHANGED_FOR if is_setting else told_at
        elif before[0] != value:
            self._changes[key] = value, max(told_at, self.now if spec.moves else told_at)
        return self._changes[key][1]

    def values(self, home: int) -> Values:
        """What the home's points may show."""
        sensed = dict(zip(SENSORS, map(float, self.homes.sensors(home, self.now)[1]), strict=True))
        played, activity = self.played[home], int(sensed["activity"])
        settings = {name: self.homes.setting(home, lever, self.now) for name, lever in LEVERS.items()}
        demand = _level(settings["demand"], TANK_C)
        sg = settings["sg_request"]
        return {
            **sensed, **settings, **played,
            "demand": 4.0 if played["smart_demand"] and "F" in model_of(home).product else float(demand),
            "sg_request": sg - 1.0,
            "sg_state": {1.0: 20.0, 2.0: 10.0, 3.0: 30.0, 4.0: 40.0}[sg],
            "amps": sensed["input"] / 3 / 0.23,
            "watts": sensed["input"] * 1000.0,
            "heat_space": sensed["delivered"] * 0.75,
            "heat_dhw": sensed["delivered"] * 0.25,
            "hertz": 0.0 if activity < 2 else 20.0 + 25.0 * sensed["input"],
            "priority": _PRIORITIES[activity],
            "compressor": _COMPRESSOR[activity],
            "degree_minutes": -180.0 if activity == 2 else -60.0,
        }  # fmt: skip

    def move(self, home: int, spec: Spec, value: float, *, is_ignored: bool) -> str:
        """What the cloud says of a write; a device that is off line takes it and nothing happens."""
        if not spec.moves:
            return "error: read only"  # whatever ``writable`` says
        if home not in self.offline and not is_ignored:
            if spec.moves in LEVERS:
                lever = LEVERS[spec.moves]
                self.homes.write(home, lever, self.physical(spec.moves, value), self.now)
            elif spec.moves != NOTHING:
                self.played[home][spec.moves] = value
        return "modified"

    def physical(self, name: str, value: float) -> float:
        """A point's value as the home's own setting."""
        if name == "demand":
            return TANK_C[min(2, int(value))]
        if name == "sg_request":
            return value + 1.0
        return float(value > 0) if name == "boost" else value

    def set_offline(self, home: int, is_offline: bool) -> None:
        """Let the cloud go on showing the pump's last values, or the real ones again."""
        self.offline.pop(home, None)
        if is_offline:
            self.offline[home] = self._render(home)

    def owner_sets(self, home: int, lever: Lever, value: float) -> None:
        """Let the owner turn a knob: holds at once."""
        name = next(name for name, one in LEVERS.items() if one is lever)
        if name == "demand":
            value = TANK_C[_level(value, DEMAND_C)]
        if name == "sg_request":
            self.played[home]["sg_on"] = 1.0
        self.homes.owner_sets(home, lever, value, self.now)

    def play(self, home: int, name: str, value: float) -> None:
        """Set what is only played: smart_price, smart_demand, sg_on."""
        assert name in _PLAYED
        self.played[home][name] = value


def _level(setpoint_c: float, levels_c: Sequence[float]) -> int:
    """The demand whose setpoint is nearest."""
    return min(range(3), key=lambda level: abs(setpoint_c - levels_c[level]))


def model_of(home: int) -> Model:
    """The product in a home; homes take turns."""
    return MODELS[home % len(MODELS)]


def _shown(spec: Spec, values: Values) -> float | str:
    if spec.shows == "hello":
        return "Hello"
    value = values[spec.shows] if isinstance(spec.shows, str) else spec.shows
    return round(float(value), 1 if spec.scale == "0.1" else 0)


def takes(spec: Spec, value: object) -> bool:
    """Whether a value is one the point has; values come as texts."""
    if not isinstance(value, str | int | float):
        return False
    try:
        number = float(value)
    except ValueError:
        return False
    if spec.choices:
        return any(float(key) == number for key, _ in spec.choices)
    return spec.limits is None or spec.limits[0] <= number <= spec.limits[1]


def scaled(point: Mapping[str, Any]) -> dict[str, Any]:
    """The point as version 3 shows it."""
    scale = float(point["scaleValue"])
    limits = {key: None if point[key] is None else point[key] * scale for key in ("minValue", "maxValue", "stepValue")}
    return {**point, **limits}

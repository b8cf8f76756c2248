"""Which points of one device carry what: category first, then the ids of its family, then the name. Pure.

The result, a :class:`DeviceMap`, is made anew from every answer, because points come and go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.vendors.myuplink import words
from heatfleet.vendors.myuplink.shapes import Index, VendorPoint, Zone, number
from heatfleet.vendors.myuplink.words import Family, Word

Promised = Mapping[Lever, LeverRange]


@dataclass(frozen=True)
class Setting:
    """A point that can be moved; ``on`` = what switches it on, where it is a switch.

    With ``zone_id`` the zone is what is moved, and tells its setpoint where there is no point for it.
    """

    parameter_id: str
    limits: LeverRange
    on: str = "1"
    zone_id: str = ""


@dataclass(frozen=True)
class DeviceMap:
    """Where one device's quantities and levers are."""

    family: Family
    sensors: Mapping[Channel, tuple[str, ...]]  # ids to be added up
    settings: Mapping[Lever, Setting]
    mode: str = ""
    has_sg_request: bool = False
    has_unused_room_setpoint: bool = False
    stops_c: tuple[float, float, float] = words.USUAL_STOPS_C
    zone: str = ""
    currents: tuple[str, ...] = field(default=())

    @property
    def has_space_lever(self) -> bool:
        """Whether space heating can be steered."""
        return bool({Lever.SG_READY_STATE, Lever.CURVE_OFFSET_K, Lever.INDOOR_SETPOINT_C} & set(self.settings))

    @property
    def needs_zones(self) -> bool:
        """Whether only the device's zones may tell the room, or can be steered."""
        return not self.has_space_lever or Channel.INDOOR_TEMP_C not in self.sensors

    @property
    def wants_zones(self) -> bool:
        """Whether a zone, if there is one, has to be moved in place of the room setpoint's own point."""
        return self.needs_zones or (self.family is not Family.F and Lever.INDOOR_SETPOINT_C in self.settings)


@dataclass(frozen=True)
class _Book:
    """The points of one answer, and how to read their limits."""

    index: Index
    family: Family
    is_scaled: bool

    def sensor(self, word: Word) -> tuple[VendorPoint, ...]:
        """The points to be added up; none when nothing measures it."""
        told = self.index.of_category(word.category)
        for alternative in (*(p.id for p in _best(told, word)), *word.ids(self.family)):
            found = [self.index.first(part, word.name) for part in alternative.split("+")]
            if all(point is not None and point.number is not None for point in found):
                return tuple(point for point in found if point is not None)
        return tuple(self.index.named(word.name)[:1])

    def setting(self, word: Word) -> VendorPoint | None:
        """The point to be moved. One in our table counts whatever ``writable`` says, which lies; others must say so."""
        told = [point for point in self.index.of_category(word.category) if _may_move(point)]
        for point in _best(told, word):
            if point.id in word.ids(self.family) or (point.writable and len({p.id for p in told}) == 1):
                return point
        for parameter_id in word.ids(self.family):
            found = self.index.first(parameter_id, word.name)
            if found is not None and _may_move(found):
                return found
        named = [point for point in self.index.named(word.name) if point.writable and _may_move(point)]
        return next(iter(named), None)


def _may_move(point: VendorPoint) -> bool:
    return point.number is not None and point.id not in words.NEVER_WRITTEN


def _best(points: Sequence[VendorPoint], word: Word) -> list[VendorPoint]:
    """Points of one category, those we know by id first, then those whose name fits."""
    known = {*word.f_ids, *word.s_ids}

    def strange(point: VendorPoint) -> tuple[bool, bool]:
        return point.id not in known, not (word.name and word.name.search(point.name))

    return sorted(points, key=strange)


def resolve(points: Sequence[VendorPoint], product: str, promised: Promised, *, is_scaled: bool) -> DeviceMap:
    """The map of a device that showed ``points``; ``promised`` = the manifest's levers."""
    index = Index(points)
    family = words.family_of(product, index.ids)
    book = _Book(index, family, is_scaled)
    sensors = {channel: book.sensor(word) for channel, word in words.SENSORS.items()}
    mode = book.sensor(words.MODE)
    stops_c = _stops_c(index)
    settings = {**_climate(book, promised), **_hot_water(book, promised, stops_c)}
    if index.first(words.SG_SWITCH) is not None:
        settings[Lever.SG_READY_STATE] = Setting(words.SG_REQUEST, promised[Lever.SG_READY_STATE])
    setpoint = book.setting(words.ROOM_SETPOINT)
    return DeviceMap(
        family=family,
        sensors={channel: tuple(point.id for point in found) for channel, found in sensors.items() if found},
        settings=settings,
        mode=mode[0].id if mode else "",
        has_sg_request=index.first(words.SG_REQUEST) is not None,
        has_unused_room_setpoint=setpoint is not None and Lever.INDOOR_SETPOINT_C not in settings,
        stops_c=stops_c,
        zone="" if setpoint is None or setpoint.zone_id is None else str(setpoint.zone_id),
        currents=_currents(index),
    )


def with_zones(known: DeviceMap, zones: Sequence[Zone], promised: Promised) -> DeviceMap:
    """``known`` with the room's zone, through which its setpoint is moved from now on, whatever point shows it."""
    usable = [zone for zone in zones if zone.is_usable]
    own = [zone for zone in usable if str(zone.zone_id) == known.zone]
    zone = next(iter(own or usable), None)
    if zone is None:
        return known
    zone_id, point = str(zone.zone_id), known.settings.get(Lever.INDOOR_SETPOINT_C)
    if point is None:
        setting = Setting("", _zone_limits(zone, promised[Lever.INDOOR_SETPOINT_C]), zone_id=zone_id)
    else:
        setting = replace(point, zone_id=zone_id)
    return replace(known, settings={**known.settings, Lever.INDOOR_SETPOINT_C: setting}, zone=zone_id)


def _zone_limits(zone: Zone, promised: LeverRange) -> LeverRange:
    low, high = number(zone.setpoint_range_min), number(zone.setpoint_range_max)
    if low is None or high is None or low >= high:
        return promised
    return replace(promised, minimum=max(low, promised.minimum), maximum=min(high, promised.maximum))


def _climate(book: _Book, promised: Promised) -> dict[Lever, Setting]:
    """Curve offset, and the room setpoint where a room sensor is in use."""
    found = {}
    offset, setpoint = book.setting(words.CURVE_OFFSET), book.setting(words.ROOM_SETPOINT)
    if offset is not None:
        found[Lever.CURVE_OFFSET_K] = _set(offset, promised[Lever.CURVE_OFFSET_K], book)
    if setpoint is not None and _uses_room_sensor(book):
        found[Lever.INDOOR_SETPOINT_C] = _set(setpoint, promised[Lever.INDOOR_SETPOINT_C], book)
    return found


def _uses_room_sensor(book: _Book) -> bool:
    switch = book.index.first(words.USE_ROOM_SENSOR)
    if switch is not None:
        return switch.number == 1
    return bool(book.sensor(words.SENSORS[Channel.INDOOR_TEMP_C]))


def _hot_water(book: _Book, promised: Promised, stops_c: tuple[float, float, float]) -> dict[Lever, Setting]:
    """More hot water, and the demand, which is out of reach while the pump's smart control chooses it."""
    found = {}
    boost, demand = book.setting(words.MORE_HOT_WATER), book.setting(words.DEMAND)
    if boost is not None:
        found[Lever.DHW_BOOST] = Setting(boost.id, promised[Lever.DHW_BOOST], _on(boost))
    if demand is not None and demand.number in (0, 1, 2) and not _is_smart(book.index):
        low, high = stops_c[0], stops_c[2]
        limits = replace(promised[Lever.DHW_SETPOINT_C], minimum=low, maximum=high, step=(high - low) / 2)
        found[Lever.DHW_SETPOINT_C] = Setting(demand.id, limits)
    return found


def _is_smart(index: Index) -> bool:
    switch = index.first(words.SMART_SWITCH)
    return switch is not None and switch.number == 1


def _on(boost: VendorPoint) -> str:
    """The value that asks once for more hot water: 1, or the smallest choice above 0 where there is no 1."""
    keys = sorted(key for one in boost.enum_values or () if (key := number(one.value)) is not None and key > 0)
    return "1" if not keys or 1.0 in keys else f"{keys[0]:g}"


def _set(point: VendorPoint, promised: LeverRange, book: _Book) -> Setting:
    return Setting(point.id, point.limits(promised, is_scaled=book.is_scaled))


def _stops_c(index: Index) -> tuple[float, float, float]:
    """Where charges end at small, medium and large demand: the device's own figures, else the factory's."""
    own = [found.number if (found := index.first(id_)) else None for id_ in words.STOP_TEMPERATURES]
    low, middle, high = own
    if low is None or middle is None or high is None or not low < middle < high:
        return words.USUAL_STOPS_C
    return low, middle, high


def _currents(index: Index) -> tuple[str, ...]:
    """The three phases' current sensors, if all are there."""
    found = [index.first(id_) for id_ in words.PHASE_CURRENTS]
    return words.PHASE_CURRENTS if all(point and point.number is not None for point in found) else ()

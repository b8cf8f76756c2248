"""The cloud's points in our words and units, and our levers in its words. Pure.

A point's timestamp is when its value last *changed*. What a device that is connected shows is therefore true as of
the newest timestamp among its points; what a disconnected one shows is as old as each point says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import MODES, Channel, Notice, OperationalMode, Quality, Reading
from heatfleet.vendors.kit.driver import Write
from heatfleet.vendors.myuplink import words
from heatfleet.vendors.myuplink.mapping import DeviceMap, Setting
from heatfleet.vendors.myuplink.shapes import Index, Notification, VendorPoint, Zone, number, plain, utc
from heatfleet.vendors.myuplink.words import Word

VOLTAGE_V = 230.0
UNITS = {"W": 1e-3, "Wh": 1e-3, "MWh": 1e3}
MOST_TEXT = 300
OFF, REQUEST_NORMAL = "0", 1
NAMELESS = Word()

SMART_PRICE_ON = (
    "The pump's own smart price adaption is on and works against our steering: switch it off while we steer."
)


@dataclass(frozen=True)
class Moment:
    """When a device was asked, and whether the cloud hears it: True, False, None = nobody has asked."""

    now: datetime
    is_connected: bool | None = None


@dataclass(frozen=True)
class Answer:
    """What one device showed."""

    points: Sequence[VendorPoint]
    zones: Sequence[Zone] = ()

    @cached_property
    def index(self) -> Index:
        """The points, found quickly."""
        return Index(self.points)

    def as_of(self, moment: Moment) -> datetime:
        """The instant for which the points of a device that is not known to be disconnected are true."""
        newest = self.index.newest_at
        if moment.is_connected or newest is None:
            return moment.now
        return min(newest, moment.now)


def to_readings(answer: Answer, known: DeviceMap, moment: Moment) -> tuple[Reading, ...]:
    """All readings the answer holds; values outside a channel's physical range are left out."""
    found = [*_sensors(answer, known), *_power(answer, known), *_mode(answer, known), *_settings(answer, known)]
    as_of = answer.as_of(moment)
    readings = []
    for channel, value, source in found:
        told_at = source[0].at if source else None
        is_old = moment.is_connected is False and told_at is not None
        at = min(told_at, moment.now) if is_old and told_at is not None else as_of
        quality = Quality.ESTIMATED if source and _is_estimated(channel, source, known) else Quality.MEASURED
        readings.append(Reading(channel, at, value, quality))
    return tuple(reading for reading in readings if reading.is_plausible)


Found = tuple[Channel, float, Sequence[VendorPoint]]


def _is_estimated(channel: Channel, source: Sequence[VendorPoint], known: DeviceMap) -> bool:
    by_current = channel is Channel.POWER_KW and source[0].id in known.currents
    return by_current or channel is Channel.DHW_SETPOINT_C


def _sensors(answer: Answer, known: DeviceMap) -> Iterator[Found]:
    for channel, ids in known.sensors.items():
        points = _points(answer, ids, words.SENSORS[channel])
        if channel is not Channel.POWER_KW and len(points) == len(ids):
            yield channel, sum(_in_our_unit(point) for point in points), points
    if Channel.INDOOR_TEMP_C not in known.sensors:
        zone = next((zone for zone in answer.zones if str(zone.zone_id) == known.zone), None)
        if zone is not None and (temperature := number(zone.temperature)) is not None:
            yield Channel.INDOOR_TEMP_C, temperature, ()


def _power(answer: Answer, known: DeviceMap) -> Iterator[Found]:
    """Measured power (with additional heat where the meter leaves it out), else phase currents at 230 V."""
    measured = _points(answer, known.sensors.get(Channel.POWER_KW, ()), words.SENSORS[Channel.POWER_KW])
    if measured:
        extra_ids = words.EXTRA_HEAT.ids(known.family) if measured[0].id in words.COMPRESSOR_ONLY else ()
        extra = _points(answer, extra_ids)
        yield Channel.POWER_KW, sum(map(_in_our_unit, (*measured, *extra))), measured
    elif currents := _points(answer, known.currents):
        yield Channel.POWER_KW, VOLTAGE_V / 1000.0 * sum(p.number or 0.0 for p in currents), currents


def _mode(answer: Answer, known: DeviceMap) -> Iterator[Found]:
    point = answer.index.first(known.mode)
    if point is None or point.number is None:
        return
    compressor = answer.index.first(words.DEFROSTING[0])
    table = words.MODES.get(words.SAME_MODES.get(point.id, point.id), words.MODES["49994"])
    mode = table.get(round(point.number))
    if compressor is not None and compressor.number is not None and round(compressor.number) in words.DEFROSTING[1]:
        mode = OperationalMode.DEFROST
    if mode is not None:
        yield Channel.MODE, float(MODES.index(mode)), (point,)


def _settings(answer: Answer, known: DeviceMap) -> Iterator[Found]:
    """The levers as they stand."""
    for lever, setting in known.settings.items():
        word = words.SETTINGS.get(lever)
        point = answer.index.first(setting.parameter_id, word.name if word else None)
        if lever is Lever.SG_READY_STATE:
            switch = answer.index.first(words.SG_SWITCH)
            yield Channel.SG_READY_STATE, _sg_state(answer), () if switch is None else (switch,)
        elif not setting.parameter_id:
            yield from _zone_setpoint(answer, setting)
        elif point is not None and point.number is not None:
            yield Channel(lever.value), _lever_value(lever, point.number, known), (point,)


def _zone_setpoint(answer: Answer, setting: Setting) -> Iterator[Found]:
    zone = next((zone for zone in answer.zones if str(zone.zone_id) == setting.zone_id), None)
    if zone is not None and (value := number(zone.setpoint_heat)) is not None:
        yield Channel.INDOOR_SETPOINT_C, value, ()


def _lever_value(lever: Lever, value: float, known: DeviceMap) -> float:
    if lever is Lever.DHW_BOOST:
        return float(value > 0)
    if lever is Lever.DHW_SETPOINT_C:
        limits = known.settings[lever].limits
        return limits.minimum + value * limits.step
    return value


def _sg_state(answer: Answer) -> float:
    """1 blocked … 4 free: what is requested while requests are on, else 2, the pump's own programme."""
    switch, request, state = (answer.index.first(i) for i in (words.SG_SWITCH, words.SG_REQUEST, words.SG_STATE))
    if switch is None or switch.number != 1:
        return 2.0
    if request is not None and request.number is not None:
        return request.number + 1.0
    return words.SG_STATES.get(round(state.number), 2.0) if state is not None and state.number is not None else 2.0


def _points(answer: Answer, ids: Sequence[str], word: Word = NAMELESS) -> list[VendorPoint]:
    found = (answer.index.first(id_, word.name) for id_ in ids)
    return [point for point in found if point is not None and point.number is not None]


def _in_our_unit(point: VendorPoint) -> float:
    assert point.number is not None
    return point.number * UNITS.get(plain(point.parameter_unit), 1.0)


# Our levers in the cloud's words


@dataclass(frozen=True)
class Patch:
    """What to send for some writes: points first to be switched on, points, zones; levers nothing can be sent for."""

    before: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    levers: Mapping[str, Lever] = field(default_factory=dict)
    unknown: tuple[Lever, ...] = ()


def to_patch(writes: Sequence[Write], known: DeviceMap) -> Patch:
    """What to send; the last write wins where a lever comes twice."""
    values = {write.lever: write.value for write in writes}
    before, points, zones = dict[str, str](), dict[str, str](), dict[str, Mapping[str, float]]()
    levers = dict[str, Lever]()
    for lever, value in values.items():
        setting = known.settings.get(lever)
        if setting is None:
            continue
        if setting.zone_id:
            zones[setting.zone_id] = {"setpointHeat": value}
        elif lever is Lever.SG_READY_STATE:
            asked = _sg_patch(value, known)
            before |= asked.before
            points |= asked.points
            levers |= dict.fromkeys(asked.points, lever)
        else:
            points[setting.parameter_id] = _text(lever, value, setting)
            levers[setting.parameter_id] = lever
    unknown = tuple(lever for lever in values if lever not in known.settings)
    return Patch(before, points, zones, levers, unknown)


def _sg_patch(value: float, known: DeviceMap) -> Patch:
    """Requests are switched on before one is made, for only then is there a point for it; state 2 switches them off."""
    request = str(round(value) - 1)
    if round(value) - 1 == REQUEST_NORMAL:
        normal = {words.SG_REQUEST: request} if known.has_sg_request else {}
        return Patch(points={**normal, words.SG_SWITCH: OFF})
    return Patch(before={words.SG_SWITCH: "1"}, points={words.SG_REQUEST: request})


def _text(lever: Lever, value: float, setting: Setting) -> str:
    if lever is Lever.DHW_BOOST:
        return setting.on if value > 0 else OFF
    if lever is Lever.DHW_SETPOINT_C:
        return f"{round((value - setting.limits.minimum) / setting.limits.step):d}"
    return f"{round(value, 3):g}"


# What its owner should know


def to_notices(
    answer: Answer, notifications: Sequence[Notification], external_device_id: str, now: datetime
) -> tuple[Notice, ...]:
    """The alarms and messages of this device that stand, and what we see ourselves."""
    said = [
        Notice(f"alarm:{one.id}", _message(one), utc(one.created_datetime) or now)
        for one in notifications
        if one.device_id in (None, external_device_id)
    ]
    for parameter_id in words.SMART_PRICE:
        point = answer.index.first(parameter_id)
        if point is not None and point.number == 1:
            said.append(Notice("smart_price", SMART_PRICE_ON, point.at or now))
    return tuple(said)


def _message(one: Notification) -> str:
    parts = [plain(one.header), plain(one.description)]
    text = ": ".join(part for part in parts if part) or f"alarm {one.id}"
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"

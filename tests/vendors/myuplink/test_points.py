"""Points as the cloud really sends them: recordings, and every trap by name. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import MODES, Channel, OperationalMode, Quality, Reading
from heatfleet.vendors.kit.driver import Write
from heatfleet.vendors.kit.registry import find_vendors
from heatfleet.vendors.myuplink import words
from heatfleet.vendors.myuplink.emulated_points import MODELS
from heatfleet.vendors.myuplink.mapping import DeviceMap, resolve, with_zones
from heatfleet.vendors.myuplink.points import Answer, Moment, to_notices, to_patch, to_readings
from heatfleet.vendors.myuplink.shapes import Device, Notification, Systems, VendorPoint, Zone, number
from heatfleet.vendors.myuplink.words import Family, brand_of, family_of

RECORDINGS = Path(__file__).parents[4] / "shared" / "fixtures" / "myuplink"
PROMISED = find_vendors()["myuplink"].manifest.levers
NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)


def recorded(name: str, kind: Any) -> Any:
    if not (RECORDINGS / name).exists():
        pytest.skip(f"the recordings are not here: {RECORDINGS}")
    return msgspec.json.decode((RECORDINGS / name).read_bytes(), type=kind)


def point(parameter_id: str, value: object, name: str = "", **more: Any) -> VendorPoint:
    content = {"parameterId": parameter_id, "value": value, "parameterName": name, "timestamp": NOW.isoformat(), **more}
    return msgspec.json.decode(json.dumps(content), type=VendorPoint)


def mapped(*points: VendorPoint, product: str = "F730 CU 3x400V", is_scaled: bool = False) -> DeviceMap:
    return resolve(points, product, PROMISED, is_scaled=is_scaled)


def read(*points: VendorPoint, product: str = "F730 CU 3x400V", moment: Moment | None = None) -> dict[Channel, Reading]:
    known = mapped(*points, product=product)
    return {r.channel: r for r in to_readings(Answer(points), known, moment or Moment(NOW))}


def values(*points: VendorPoint, product: str = "F730 CU 3x400V") -> dict[Channel, float]:
    return {channel: reading.value for channel, reading in read(*points, product=product).items()}


# Recordings


def test_a_recorded_f730_is_understood() -> None:
    points = recorded("device_points_nibe_f730.json", list[VendorPoint])
    known = mapped(*points)
    readings = {r.channel: r for r in to_readings(Answer(points), known, Moment(NOW))}
    assert known.family is Family.F
    assert {channel: round(r.value, 3) for channel, r in readings.items()} == {
        Channel.OUTDOOR_TEMP_C: -9.3,
        Channel.INDOOR_TEMP_C: 21.2,
        Channel.FLOW_TEMP_C: 39.7,
        Channel.RETURN_TEMP_C: 34.4,
        Channel.DHW_TEMP_C: 46.0,
        Channel.DEGREE_MINUTES: -875.0,
        Channel.POWER_KW: 2.093,
        Channel.MODE: float(MODES.index(OperationalMode.HEATING)),
        Channel.CURVE_OFFSET_K: 1.0,
        Channel.INDOOR_SETPOINT_C: 14.5,
        Channel.DHW_BOOST: 0.0,
        Channel.DHW_SETPOINT_C: 51.0,
    }
    assert {c for c, r in readings.items() if r.quality is Quality.ESTIMATED} == {
        Channel.POWER_KW,
        Channel.DHW_SETPOINT_C,
    }
    offset, setpoint = known.settings[Lever.CURVE_OFFSET_K], known.settings[Lever.INDOOR_SETPOINT_C]
    assert (offset.parameter_id, setpoint.parameter_id) == ("47011", "47398")
    assert (offset.limits.minimum, offset.limits.maximum, offset.limits.step) == (-10, 10, 1)
    assert (setpoint.limits.minimum, setpoint.limits.maximum, setpoint.limits.step) == (5, 30, 0.5)


def test_a_recorded_ctc_with_two_points_can_do_nothing_for_us() -> None:
    points = recorded("device_points_ctc_i555.json", list[VendorPoint])
    known = mapped(*points, product="EcoZenith i555 Pro")
    assert to_readings(Answer(points), known, Moment(NOW)) == ()
    assert known.settings == {}
    assert known.needs_zones


def test_recorded_systems_and_devices_are_understood() -> None:
    [system, *_] = recorded("systems-2dev.json", Systems).systems
    assert len(system.devices) == 2
    assert not system.is_only_viewed
    for name in ("device.json", "device-2dev.json"):
        device = recorded(name, Device)
        assert (device.is_connected, device.product.name) == (True, "F730 CU 3x400V")


# Traps


def test_trap_limits_of_version_2_are_raw_and_those_of_version_3_are_not() -> None:
    raw = point("47398", 20.0, minValue=50.0, maxValue=250.0, stepValue=5.0, scaleValue="0.1")
    scaled = point("47398", 20.0, minValue=5.0, maxValue=25.0, stepValue=0.5, scaleValue="0.1")
    room = point("40033", 21.0)
    for one, is_scaled in ((raw, False), (scaled, True)):
        limits = mapped(one, room, is_scaled=is_scaled).settings[Lever.INDOOR_SETPOINT_C].limits
        assert (limits.minimum, limits.maximum, limits.step) == (5.0, 25.0, 0.5)


def test_trap_a_missing_sensor_is_not_minus_32768() -> None:
    assert values(point("40008", -32768), point("40071", 33.0)) == {Channel.FLOW_TEMP_C: 33.0}, "the next one counts"
    assert values(point("40004", -32768, smartHomeCategories=["sh-outdoorTemp"])) == {}


def test_trap_names_hold_soft_hyphens() -> None:
    assert values(point("9001", -60.0, "De\u00adgree min\u00adutes"), product="Somebody's") == {
        Channel.DEGREE_MINUTES: -60.0
    }


def test_trap_names_come_in_several_languages_at_once_so_ids_and_categories_go_first() -> None:
    found = values(
        point("40004", 1.5, "Aktuell utetemp (BT1)"),
        point("40033", 21.0, "Raumtemperatur (BT50)"),
        point("40013", 47.0, "Hot water top (BT7)"),
    )
    assert found == {Channel.OUTDOOR_TEMP_C: 1.5, Channel.INDOOR_TEMP_C: 21.0, Channel.DHW_TEMP_C: 47.0}


def test_trap_a_parameter_id_may_come_several_times_with_other_names() -> None:
    found = values(point("40940", 12.0, "Gradminuten (Anzeige)"), point("40940", -90.0, "Degree minutes"))
    assert found == {Channel.DEGREE_MINUTES: -90.0}


def test_trap_ids_need_not_be_numbers_and_values_may_be_texts() -> None:
    odd = [point("148072r", 700), point("99000", "Hello"), point("7", None), point("8x", True), point("40004", "-3.5")]
    assert values(*odd) == {Channel.OUTDOOR_TEMP_C: -3.5}


def test_trap_writable_lies_in_both_directions() -> None:
    silent = mapped(point("47398", 20.0, writable=False), point("40033", 21.0))
    assert silent.settings[Lever.INDOOR_SETPOINT_C].parameter_id == "47398", "ours may be written whatever it says"
    named = "Heating offset climate system 1"
    boasting = mapped(*(point(id_, 0.0, named, writable=True) for id_ in sorted(words.NEVER_WRITTEN)))
    assert boasting.settings == {}, "these say they can be written and cannot, or must not"
    unknown = mapped(point("5", 0.0, named, writable=False), product="Somebody's")
    assert unknown.settings == {}, "one we do not know must say so itself"


def test_trap_one_category_may_be_claimed_by_two_points() -> None:
    both = [
        point("47007", 7, "Excluded", writable=True, smartHomeCategories=["sh-indoorSpOffsHeat"]),
        point("47011", 1, "Heating offset", writable=True, smartHomeCategories=["sh-indoorSpOffsHeat"]),
    ]
    assert mapped(*both).settings[Lever.CURVE_OFFSET_K].parameter_id == "47011"
    strangers = [
        point(id_, 1, "Offset", writable=True, smartHomeCategories=["sh-indoorSpOffsHeat"]) for id_ in ("1", "2")
    ]
    assert Lever.CURVE_OFFSET_K not in mapped(*strangers, product="Somebody's").settings, "which one? neither"


def test_trap_choices_come_unsorted_and_as_fractions() -> None:
    choices = [{"value": key, "text": ""} for key in ("8.7", "0", "3", "12")]
    boost = point("77", 0, "Extra", writable=True, smartHomeCategories=["sh-hwBoost"], enumValues=choices)
    known = mapped(boost, product="Somebody's")
    assert to_patch([Write(Lever.DHW_BOOST, 1.0)], known).points == {"77": "3"}
    assert to_patch([Write(Lever.DHW_BOOST, 0.0)], known).points == {"77": "0"}


def test_trap_the_category_text_is_a_menu_and_not_a_model() -> None:
    menu = [point("40004", 1.0, category="NIBEF F730 CU 3x400V"), point("8", 30.0, category="Add. heat")]
    assert mapped(*menu, product="").family is Family.F
    assert family_of("S735-7", frozenset()) is Family.S
    assert family_of("VVM S320", frozenset()) is Family.S
    assert family_of("NIBE F1255-6 PC", frozenset()) is Family.F
    assert family_of("SMO 40", frozenset()) is Family.F
    assert family_of("SMO S40", frozenset()) is Family.S
    assert family_of("EcoZenith i555", frozenset({"61590"})) is Family.OTHER
    assert [brand_of(name) for name in ("F730 CU", "EcoZenith i555", "Høiax Connected 300", "Contura X")] == [
        "NIBE", "CTC", "Høiax", "Contura",
    ]  # fmt: skip


def sg(on: int, *more: VendorPoint) -> tuple[VendorPoint, ...]:
    return (point("10613", on, writable=True), *more)


def test_trap_points_appear_after_a_write_of_10613() -> None:
    before, after = sg(0), sg(1, point("10614", 2), point("3260", 30))
    known = mapped(*before, product="S735-7")
    asks = to_patch([Write(Lever.SG_READY_STATE, 3.0)], known)
    assert (asks.before, asks.points) == ({"10613": "1"}, {"10614": "2"}), "switched on first, then asked"
    assert values(*before, product="S735-7") == {Channel.SG_READY_STATE: 2.0}
    assert values(*after, product="S735-7") == {Channel.SG_READY_STATE: 3.0}
    assert values(*sg(1), product="S735-7") == {Channel.SG_READY_STATE: 2.0}, "not there yet"
    assert values(*sg(1, point("3260", 20)), product="S735-7") == {Channel.SG_READY_STATE: 1.0}
    gives_back = to_patch([Write(Lever.SG_READY_STATE, 2.0)], mapped(*after, product="S735-7"))
    assert (gives_back.before, gives_back.points) == ({}, {"10614": "1", "10613": "0"}), "as the owner had it"


def test_trap_a_point_that_did_not_change_has_an_old_timestamp_and_is_true_all_the_same() -> None:
    old = (NOW - timedelta(days=90)).isoformat()
    new = (NOW - timedelta(minutes=2)).isoformat()
    points = (point("47011", 1, timestamp=old), point("40004", 3.0, timestamp=new))
    assert {r.at for r in read(*points).values()} == {NOW - timedelta(minutes=2)}
    connected = read(*points, moment=Moment(NOW, is_connected=True))
    assert {r.at for r in connected.values()} == {NOW}


def test_trap_a_disconnected_device_answers_with_old_values() -> None:
    old, newer = NOW - timedelta(days=90), NOW - timedelta(hours=3)
    points = (point("47011", 1, timestamp=old.isoformat()), point("40004", 3.0, timestamp=newer.isoformat()))
    lost = read(*points, moment=Moment(NOW, is_connected=False))
    assert {c: r.at for c, r in lost.items()} == {Channel.CURVE_OFFSET_K: old, Channel.OUTDOOR_TEMP_C: newer}
    unknown = read(*points)
    assert max(r.at for r in unknown.values()) == newer, "nothing is newer than what the device last told"


def test_trap_timestamps_in_another_zone_or_from_the_future() -> None:
    other = read(point("40004", 3.0, timestamp="2025-01-15T12:59:00+01:00"))[Channel.OUTDOOR_TEMP_C]
    assert (other.at, other.at.utcoffset()) == (NOW - timedelta(minutes=1), timedelta(0))
    naive = read(point("40004", 3.0, timestamp="2025-01-15T11:59:00"))[Channel.OUTDOOR_TEMP_C]
    assert naive.at == NOW - timedelta(minutes=1)
    assert read(point("40004", 3.0, timestamp="2031-01-01T00:00:00Z"))[Channel.OUTDOOR_TEMP_C].at == NOW


def test_trap_a_room_setpoint_without_a_room_sensor_moves_nothing() -> None:
    off = mapped(point("47398", 20.0), point("47394", 0), point("40033", 21.0))
    assert (off.has_unused_room_setpoint, off.settings) == (True, {})
    assert mapped(point("47398", 20.0)).has_unused_room_setpoint
    assert Lever.INDOOR_SETPOINT_C in mapped(point("47398", 20.0), point("47394", 1)).settings


def test_trap_a_demand_that_smart_control_chooses_is_not_ours_to_move() -> None:
    assert Lever.DHW_SETPOINT_C in mapped(point("47041", 1)).settings
    assert Lever.DHW_SETPOINT_C not in mapped(point("47041", 4)).settings
    assert Lever.DHW_SETPOINT_C not in mapped(point("30338", 1), point("30337", 1), product="S735-7").settings
    unreachable = to_patch([Write(Lever.DHW_SETPOINT_C, 51.0)], mapped(point("47041", 4)))
    assert (unreachable.points, unreachable.unknown) == ({}, (Lever.DHW_SETPOINT_C,))


# Translation


@pytest.mark.parametrize(("level", "shown_c"), [(0, 51.0), (1, 54.5), (2, 58.0)])
def test_a_demand_counts_as_the_temperature_at_which_its_charge_ends(level: int, shown_c: float) -> None:
    known = mapped(point("47041", level))
    assert values(point("47041", level))[Channel.DHW_SETPOINT_C] == shown_c
    assert to_patch([Write(Lever.DHW_SETPOINT_C, shown_c)], known).points == {"47041": str(level)}


def test_the_pumps_own_stop_temperatures_count_where_it_shows_them() -> None:
    known = mapped(point("47041", 2), point("47049", 45.0), point("47048", 50.0), point("47047", 55.0))
    limits = known.settings[Lever.DHW_SETPOINT_C].limits
    assert (limits.minimum, limits.maximum, limits.step) == (45.0, 55.0, 5.0)


def test_power_is_measured_where_it_can_be_and_estimated_from_currents_otherwise() -> None:
    measured = read(point("22130", 1500, parameterUnit="W"), product="S735-7")[Channel.POWER_KW]
    assert (measured.value, measured.quality) == (1.5, Quality.MEASURED)
    amps = [point(id_, value, parameterUnit="A") for id_, value in (("40079", 2.0), ("40081", 3.0), ("40083", 5.0))]
    estimated = read(*amps)[Channel.POWER_KW]
    assert (estimated.value, estimated.quality) == (pytest.approx(2.3), Quality.ESTIMATED)
    assert Channel.POWER_KW not in read(*amps[:2]), "all phases or none"
    with_heater = read(point("43141", 1.2, parameterUnit="kW"), point("43084", 3.0, parameterUnit="kW"), *amps)
    assert with_heater[Channel.POWER_KW].value == pytest.approx(4.2)


def test_heat_is_added_up_from_the_widest_pair_of_meters() -> None:
    pair = (point("44300", 900.0), point("44298", 300.0), point("44308", 800.0), point("44306", 250.0))
    assert values(*pair)[Channel.HEAT_KWH] == 1200.0
    assert values(*pair[2:])[Channel.HEAT_KWH] == 1050.0
    assert Channel.HEAT_KWH not in values(pair[0])


@pytest.mark.parametrize(
    ("points", "mode"),
    [
        ((point("49994", 20),), OperationalMode.HOT_WATER),
        ((point("49994", 10),), OperationalMode.STANDBY),
        ((point("49994", 41),), OperationalMode.POOL_HEATING),
        ((point("55000", 30), point("1965", 130)), OperationalMode.DEFROST),
        ((point("55000", 30), point("1965", 60)), OperationalMode.HEATING),
        ((point("14950", 3),), OperationalMode.HOT_WATER),
        ((point("49994", 77),), None),
    ],
)
def test_priority_says_what_the_pump_does(points: tuple[VendorPoint, ...], mode: OperationalMode | None) -> None:
    product = "F730" if points[0].id == "49994" else "S735-7"
    assert values(*points, product=product) == ({} if mode is None else {Channel.MODE: float(MODES.index(mode))})


def test_a_zone_steers_the_room_where_nothing_else_does() -> None:
    zone = {"zoneId": "3", "supportedModes": "off,heat", "temperature": 20.4, "setpointHeat": 21.5}
    limits = {"setpointRangeMin": 10, "setpointRangeMax": 26}
    usable = msgspec.convert(zone | limits, Zone)
    known = with_zones(mapped(point("61", 1.0), product="EcoPart"), [usable], PROMISED)
    found = {r.channel: r.value for r in to_readings(Answer([point("61", 1.0)], [usable]), known, Moment(NOW))}
    assert found == {Channel.INDOOR_TEMP_C: 20.4, Channel.INDOOR_SETPOINT_C: 21.5}
    assert to_patch([Write(Lever.INDOOR_SETPOINT_C, 20.5)], known).zones == {"3": {"setpointHeat": 20.5}}
    for spoiled in ({"commandOnly": True}, {"isCelsius": False}, {"supportedModes": "cool"}, {"setpointHeat": None}):
        useless = msgspec.convert(zone | spoiled, Zone)
        assert with_zones(mapped(product="EcoPart"), [useless], PROMISED).settings == {}


def test_a_points_own_zone_is_moved_where_there_are_several() -> None:
    zones = [
        msgspec.convert({"zoneId": id_, "supportedModes": "heat", "setpointHeat": 20.0}, Zone) for id_ in ("1", "4")
    ]
    known = mapped(point("47751", 21.0, zoneId="4"), point("48351", 20.5), product="SMO S40")
    assert known.wants_zones
    assert not known.needs_zones
    patch = to_patch([Write(Lever.INDOOR_SETPOINT_C, 22.0)], with_zones(known, zones, PROMISED))
    assert (patch.points, patch.zones) == ({}, {"4": {"setpointHeat": 22.0}})


def test_notices_are_the_devices_own_and_what_works_against_us() -> None:
    said = [
        Notification(1, "here", 2, "Low\u00ad pressure", "Call somebody.", NOW),
        Notification(2, "elsewhere", 2, "Not ours", "", NOW),
        Notification("x3", None, 1, "", "", None),
    ]
    answer = Answer([point("4789", 1)])
    told = {notice.key: notice.message for notice in to_notices(answer, said, "here", NOW)}
    assert told["alarm:1"] == "Low pressure: Call somebody."
    assert told["alarm:x3"] == "alarm x3"
    assert "smart price adaption" in told["smart_price"]
    assert len(told) == 3
    assert to_notices(Answer([point("4789", 0)]), [], "here", NOW) == ()


scraps = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))


@given(st.lists(st.tuples(st.sampled_from([s.id for m in MODELS for s in m.specs]), scraps, scraps), max_size=30))
def test_whatever_is_sent_readings_are_plausible_and_nothing_breaks(rows: list[tuple[str, Any, Any]]) -> None:
    points = [
        VendorPoint(parameter_id=id_, value=value, min_value=low, max_value=value, step_value=low, timestamp=NOW)
        for id_, value, low in rows
    ]
    for product in ("F730", "S735-7", "EcoZenith"):
        known = resolve(points, product, PROMISED, is_scaled=False)
        assert all(r.is_plausible for r in to_readings(Answer(points), known, Moment(NOW)))
        for lever, setting in known.settings.items():
            promised = PROMISED[lever]
            assert setting.parameter_id not in words.NEVER_WRITTEN
            assert setting.limits.minimum < setting.limits.maximum
            assert lever is Lever.DHW_SETPOINT_C or promised.minimum <= setting.limits.minimum


def test_numbers_are_numbers_only() -> None:
    assert [number(value) for value in (1, "2.5", "", "x", None, True, float("nan"), "inf")] == [
        1.0, 2.5, None, None, None, None, None, None,
    ]  # fmt: skip

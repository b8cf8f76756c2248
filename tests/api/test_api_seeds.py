"""The partner documents' requests as written there (hosts, ids, placeholder values and past dates apart)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from heatfleet.api.openapi import build_openapi
from heatfleet.api.routes import HANDLERS
from heatfleet.api.schemas import HeatPumpDetailOutput
from tests.api_server import Api

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
SCHEMA = build_openapi(HANDLERS)

REGISTER = {
    "is_pause_power_active": False,
    "is_smart_optimization_active": False,
    "device_model": {
        "device_type": {"short_name": "<string>", "long_name": "<string>"},
        "manufacturer": "<string>",
        "model": "<string>",
        "year": 123,
        "cloud_service_id": None,
    },
    "price_zone": "AT",
    "building_id": None,
    "pause_power_until": "2023-11-07T05:31:56Z",
    "comment": "<string>",
    "last_monitoring_executed_at": "2023-11-07T05:31:56Z",
    "is_inverter_forced_mode_enabled": False,
    "is_forecasting_enabled": False,
    "is_trading_enabled": False,
    "actual_steering_state": "unknown",
    "indoor_target_temperature_offset": 1,
    "dhw_standard_temperature": 48,
    "is_hot_water_heating_enabled": False,
    "is_space_heating_enabled": False,
    "is_pool_heating_enabled": False,
    "is_space_cooling_enabled": False,
    "heating_policy_name": "<string>",
    "maximum_temperature_limit": 23,
    "minimum_temperature_limit": 20,
    "minimum_dhw_temperature_limit": 42,
    "is_heating_policy_enabled": False,
    "away_mode_start": "2023-11-07T05:31:56Z",
    "away_mode_end": "2023-11-08T05:31:56Z",
    "is_away_mode_enabled": True,
    "away_mode_minimum_temperature_limit": 16,
    "optimization_level": "Mid",
}


async def test_register_policy_away_pause_and_read(api: Api) -> None:
    user_id = await api.user()
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps"
    pump = await api.call("POST", path, REGISTER)
    assert pump.status == 200
    assert pump.body["device_model"]["year"] == 123
    one = f"{path}/{pump.body['id']}"
    for body in (
        {
            "is_smart_optimization_active": True,
            "is_heating_policy_enabled": True,
            "minimum_temperature_limit": 20.0,
            "maximum_temperature_limit": 22.5,
            "dhw_standard_temperature": 48.0,
            "minimum_dhw_temperature_limit": 42.0,
        },
        {
            "is_away_mode_enabled": True,
            "away_mode_start": "2024-01-15T08:00:00Z",
            "away_mode_end": "2024-01-20T18:00:00Z",
            "away_mode_minimum_temperature_limit": 16.0,
            "away_mode_minimum_dhw_temperature_limit": 35.0,
        },
        {"pause_power_until": "2024-01-15T14:00:00Z", "pause_power_active": True},
    ):
        answer = await api.call("PUT", one, body)
        assert answer.status == 200, answer.body
        known = {k: v for k, v in body.items() if k != "pause_power_active"}
        assert {k: answer.body[k] for k in known} == known
    listed = await api.call("GET", path, headers={"Content-Type": "application/json"})
    assert isinstance(listed.body, list)
    assert listed.body[0]["owner"]["id"] == str(user_id)


async def test_onboarding_session(api: Api) -> None:
    user_id = await api.user()
    body = {
        "language": "de",
        "price_zone_default": "AT",
        "is_smart_optimization_active_default": True,
        "success_url": "https://my-customerportal.com/success",
        "cancel_url": "https://my-customerportal.com/error",
        "user_id": str(user_id),
    }
    made = await api.call("POST", "/device-onboarding", body)
    assert made.status == 200
    assert set(made.body) == {
        "authentication_url", "id", "user", "success_url", "cancel_url", "expiration_date", "object_id",
        "external_metadata",
    }  # fmt: skip
    assert made.body["authentication_url"] == f"{api.url}/connect?onboarding_session_id={made.body['id']}"
    assert made.body["expiration_date"] == "2024-01-09"
    assert made.body["object_id"] is None
    assert (await api.call("GET", f"/device-onboarding/{made.body['id']}")).body == made.body


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the partner documents are not beside this checkout")
def test_every_field_of_the_documents_is_served() -> None:
    served = set(HeatPumpDetailOutput.__struct_fields__)
    texts = {path.name[:3]: path.read_text(encoding="utf-8") for path in SEEDS.iterdir()}
    answer = texts["000"].split("\n{\n", 2)[2].split("\n}\n")[0]
    assert set(re.findall(r'^  "(\w+)":', answer, re.MULTILINE)) <= served
    component = texts["003"].split("    HeatPumpDetailOutput:\n")[1].split("      required:\n")[0]
    fields = set(re.findall(r"^        (\w+):$", component, re.MULTILINE))
    assert len(fields) > 60
    assert fields <= served
    properties = SCHEMA["components"]["schemas"]["HeatPumpDetailOutput"]
    required = texts["003"].split("      required:\n")[1].split("      title")[0]
    assert set(re.findall(r"- (\w+)", required)) == set(properties["required"])


def _kinds(schema: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Type, format, longest text and values of each alternative; parts of their own by what they hold."""
    found = set()
    for one in schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or [schema]:
        name = one.get("$ref", "").rpartition("/")[2]
        part = SCHEMA["components"]["schemas"].get(name, one)
        if name and "enum" not in part:
            found.add((name.rpartition("__")[2].removesuffix("Schema"),))
        elif "const" in one or "enum" in part:
            found.add((one.get("const"), *sorted(part.get("enum", ()))))
        else:
            found.add((part.get("type"), part.get("format"), part.get("maxLength")))
    return found


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the partner documents are not beside this checkout")
@pytest.mark.parametrize(
    "name",
    ["HeatPumpDetailOutput", "DeviceModelOutput", "DeviceTypeOutput", "OwnerOutput", "ReauthenticateProjection",
     "InformationActionProjection", "PriceZone"],
)  # fmt: skip
def test_types_defaults_and_limits_are_those_of_the_document(name: str) -> None:
    yaml = pytest.importorskip("yaml")
    (text,) = [path.read_text(encoding="utf-8") for path in SEEDS.iterdir() if path.name.startswith("003")]
    document = yaml.safe_load(text.split("````yaml", 1)[1].split("\n", 1)[1].split("\n````")[0])
    theirs, ours = document["components"]["schemas"][name], SCHEMA["components"]["schemas"][name]
    assert sorted(theirs.get("enum", ())) == sorted(ours.get("enum", ()))
    assert set(theirs.get("required", ())) == set(ours.get("required", ()))
    for field, wanted in theirs.get("properties", {}).items():
        served = ours["properties"][field]
        kinds = _kinds(wanted)
        if ("number", None, None) in kinds:
            kinds.discard(("string", None, None))  # decimals are answered as numbers
        if "const" in wanted:
            kinds = {(wanted["const"],)}
            served = {"const": (served.get("enum") or [served.get("const")])[0]}
        assert _kinds(served) == kinds, field
        if "default" in wanted:
            assert served["default"] == wanted["default"], field


def test_the_schema_names_its_parts_as_promised() -> None:
    assert SCHEMA["openapi"] == "3.1.0"
    assert SCHEMA["info"]["title"] == "heatfleet Partner API"
    names = {"HeatPumpDetailOutput", "DeviceModelOutput", "DeviceTypeOutput", "OwnerOutput", "PriceZone"}
    names |= {"ReauthenticateProjection", "InformationActionProjection", "Problem"}
    assert names <= set(SCHEMA["components"]["schemas"])
    assert set(SCHEMA["components"]["securitySchemes"]["OAuth2"]["flows"]) == {"password", "clientCredentials"}
    operations = [op for item in SCHEMA["paths"].values() for op in item.values()]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    assert "retrieve_heat_pump" in ids
    assert all(op["summary"] and op["tags"] and op["responses"] for op in operations)


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [ref for item in value.values() for ref in references(item)]
        return [ref for item in value for ref in references(item)] if isinstance(value, list) else []

    there = {f"#/components/{kind}/{name}" for kind, parts in SCHEMA["components"].items() for name in parts}
    assert set(references(SCHEMA)) <= there

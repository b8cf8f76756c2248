"""Examples the schema shows: written here where the words matter, made from the schema otherwise."""

from __future__ import annotations

from typing import Any, Final

_USER = "018f3c9a-1b2c-7d3e-8f40-5a6b7c8d9e0f"
_PUMP = "018f3c9b-4d5e-7f60-9182-a3b4c5d6e7f8"
_BUILDING = "018f3c9c-0a1b-7c2d-8e3f-405162738495"
_ORG = "018f3c98-7a6b-7c5d-9e4f-3a2b1c0d9e8f"
_SOME_ID = "018f3c9d-2b3c-7d4e-8f50-6a7b8c9d0e1f"
_INSTANT = "2026-01-15T10:30:00Z"
_CUE = f"/api/partners/v2.0/cues/{_SOME_ID}"

IDS: Final = {
    "org_id": _ORG,
    "user_id": _USER,
    "user": _USER,
    "heat_pump_id": _PUMP,
    "building_id": _BUILDING,
    "building": _BUILDING,
}
EXAMPLES: Final[dict[str, Any]] = {
    "TokenInput": {"grant_type": "client_credentials", "client_id": _SOME_ID, "client_secret": "…"},
    "UserInput": {
        "email": "ada@example.com",
        "role": "user",
        "first_name": "Ada",
        "zip_code": "1010",
        "country_iso2": "AT",
    },
    "UserChange": {"first_name": "Ada", "external_user_id": "K-4711"},
    "BuildingInput": {"name": "Home", "property_type": "Detached", "property_size_m2": 140, "num_occupants": 3},
    "BuildingChange": {"num_occupants": 4, "photovoltaic": True},
    "DeviceModelInput": {"manufacturer": "Example", "model": "Air 8"},
    "HeatPumpInput": {
        "is_smart_optimization_active": True,
        "is_heating_policy_enabled": True,
        "minimum_temperature_limit": 20.0,
        "maximum_temperature_limit": 22.5,
        "dhw_standard_temperature": 48.0,
        "minimum_dhw_temperature_limit": 42.0,
    },
    "OnboardingInput": {
        "language": "de",
        "price_zone_default": "AT",
        "is_smart_optimization_active_default": True,
        "success_url": "https://portal.example.com/success",
        "cancel_url": "https://portal.example.com/error",
        "user_id": _USER,
    },
    "CueResolveInput": {
        "success_url": "https://portal.example.com/success",
        "cancel_url": "https://portal.example.com/error",
        "language": "de",
    },
    "SettingsInput": {
        "name": "Stadtwerke Beispiel",
        "colour": "#005ca9",
        "frame_ancestors": ["https://portal.example.com"],
        "redirect_hosts": ["portal.example.com"],
        "hold_out_share": 0.05,
    },
    "GridLimitInput": {
        "heat_pump_ids": [_PUMP],
        "limit_w": 4200,
        "starts_at": _INSTANT,
        "ends_at": "2026-01-15T12:30:00Z",
        "connected_power_w": {_PUMP: 6500},
    },
    "CueStateInput": {"state": "success"},
    "ResolutionLink": {
        "url": f"{_CUE}/resolve?secret=…",
        "required_parameters": ["success_url", "cancel_url"],
    },
    "InformationActionProjection": {
        "code": "information",
        "resolution_link": {"url": f"{_CUE}/information/resolve?secret=…", "required_parameters": []},
        "metadata": {"message": "The manufacturer's cloud was not reachable this morning."},
        "sent_at": _INSTANT,
    },
    "HeatPumpDetailOutput": {
        "id": _PUMP,
        "created_at": _INSTANT,
        "updated_at": "2026-01-15T14:25:00Z",
        "connection_status": "ok",
        "monitoring_status": "ok",
        "steering_status": "ok",
        "owner": {"id": _USER, "email": "ada@example.com", "first_name": "Ada", "last_name": None, "external_id": None},
        "building": _BUILDING,
        "is_authenticated": True,
        "is_smart_optimization_active": True,
        "device_model": {
            "manufacturer": "Example",
            "model": "Air 8",
            "device_type": {"short_name": "hp_atw", "long_name": "Heat Pump (Air-to-Water)"},
            "year": None,
        },
        "price_zone": "AT",
        "lifecycle_state": "authenticated",
        "current_mode": "max",
        "operational_mode": "heating",
        "current_power_consumption_w": 2500,
        "indoor_actual_temperature": 21.5,
        "outdoor_temperature": 5.3,
        "consumption_last_day_kwh": 45.3,
        "actions": [],
    },
    "Problem": {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is no such heat pump.",
        "instance": f"/api/partners/v2.0/org/{_ORG}/users/{_USER}/heat-pumps/{_PUMP}",
        "request_id": "5a8f1c0e9b7d4c3f8a2e6d1b0c9f8e7a",
    },
    "OAuthErrorOutput": {"error": "invalid_client", "error_description": "The client is not known."},
}
ERROR_ITEM: Final = {"loc": ["body", "price_zone"], "msg": "is not a price zone", "type": "enum"}
_TEXTS: Final = {
    "email": "ada@example.com",
    "name": "Home",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "town": "Wien",
    "zip_code": "1010",
    "street_and_number": "Stephansplatz 1",
    "country": "AT",
    "country_iso2": "AT",
    "currency": "EUR",
    "currency_energy_price": "EUR",
    "manufacturer": "Example",
    "model": "Air 8",
    "access_token": "eyJhbGciOi…",
    "token_type": "Bearer",
    "scope": "read write",
}


def example_of(name: str, schemas: dict[str, Any]) -> Any:
    """An example of the component ``name``."""
    return EXAMPLES[name] if name in EXAMPLES else _made(name, schemas[name], schemas, 0)


def _made(field: str, schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    """Some value of ``schema``; ``field`` is the name it stands under."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return EXAMPLES[name] if name in EXAMPLES else _made(field, schemas[name], schemas, depth + 1)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return _made(field, schema[word][0], schemas, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    if kind == "array":
        return [_made(field, schema.get("items", {}), schemas, depth + 1)] if depth < 4 else []
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: _made(name, what, schemas, depth + 1) for name, what in fields.items()}
    return _scalar(field, kind, schema)


def _scalar(field: str, kind: str, schema: dict[str, Any]) -> Any:
    if kind == "string":
        formats = {"uuid": IDS.get(field, _SOME_ID), "date-time": _INSTANT, "date": "2026-01-15"}
        text = formats.get(schema.get("format", "")) or _TEXTS.get(field)
        return text or ("https://portal.example.com/" if field.endswith("url") else "text")[: schema.get("maxLength")]
    if kind == "null":
        return None
    if kind == "boolean":
        return schema.get("default", True)
    low, high = schema.get("minimum", 0), schema.get("maximum", 100)
    return (
        schema["default"] if schema.get("default") is not None else min(max(21 if kind == "number" else 3, low), high)
    )

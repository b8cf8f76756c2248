"""Examples the schema shows: a request and an answer of each important kind."""

from __future__ import annotations

from typing import Any, Final

_USER = "018f3c9a-1b2c-7d3e-8f40-5a6b7c8d9e0f"
_PUMP = "018f3c9b-4d5e-7f60-9182-a3b4c5d6e7f8"
_BUILDING = "018f3c9c-0a1b-7c2d-8e3f-405162738495"

EXAMPLES: Final[dict[str, Any]] = {
    "TokenInput": {"grant_type": "client_credentials", "client_id": "018f3c99-…", "client_secret": "…"},
    "UserInput": {
        "email": "ada@example.com",
        "role": "user",
        "first_name": "Ada",
        "zip_code": "1010",
        "country_iso2": "AT",
    },
    "BuildingInput": {"name": "Home", "property_type": "Detached", "property_size_m2": 140, "num_occupants": 3},
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
    "HeatPumpDetailOutput": {
        "id": _PUMP,
        "created_at": "2026-01-15T10:30:00Z",
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
}

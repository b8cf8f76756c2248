"""What the Partner API takes: one Struct per body; a field left out stays as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Decimal = float
IndoorCelsius = Annotated[float, Meta(ge=5, le=35)]
HotWaterCelsius = Annotated[float, Meta(ge=30, le=65)]
Instant = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=255)]
ShortText = Annotated[str, Meta(max_length=100)]
Kelvins = Annotated[int, Meta(ge=-100, le=100)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2, description="ISO 3166 alpha-2")]
Url = Annotated[str, Meta(max_length=8000, min_length=1)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s]+@[^@\s]+(?!\s)$")]
Flag = bool | UnsetType
NullFlag = bool | None | UnsetType
NullDecimal = Decimal | None | UnsetType
SolarPower = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000,
        description="Power fed into the grid [W] from which the pump is raised to use it"
        " (`is_inverter_forced_mode_enabled`); it goes on while a quarter of this is left.",
    ),
]
NullInstant = Instant | None | UnsetType
NullText = Text | None | UnsetType


class DeviceTypeInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """What kind of device a model is."""

    short_name: Text | UnsetType = UNSET
    long_name: Text | UnsetType = UNSET


class DeviceModelInput(Struct, kw_only=True):
    """Make and model; `cloud_service` is another spelling of `cloud_service_id`."""

    device_type: DeviceTypeInput | UnsetType = UNSET
    manufacturer: Annotated[str, Meta(max_length=255, min_length=1)]
    model: Annotated[str, Meta(max_length=255, min_length=1)]
    year: Annotated[int, Meta(ge=0, le=9999)] | UnsetType | None = UNSET
    cloud_service_id: UUID | UnsetType | None = UNSET


class HeatPumpInput(Struct, kw_only=True):
    """Settings of a heat pump; read-only fields of the answer may be sent along and are ignored."""

    is_pause_power_active: Flag = UNSET
    is_smart_optimization_active: Flag = UNSET
    device_model: dict[str, Any] | UnsetType | None = UNSET
    device_model_id: UUID | UnsetType | None = UNSET
    price_zone: Annotated[str, Meta(max_length=20, description="A PriceZone; DE means DE_LU.")] | UnsetType = UNSET
    building_id: UUID | UnsetType | None = UNSET
    pause_power_until: NullInstant = UNSET
    comment: Annotated[str, Meta(max_length=300)] | UnsetType | None = UNSET
    is_inverter_forced_mode_enabled: Flag = UNSET
    min_solar_power_w: SolarPower | UnsetType = UNSET
    is_forecasting_enabled: Flag = UNSET
    is_trading_enabled: Flag = UNSET
    indoor_target_temperature_offset: Annotated[float, Meta(ge=-5, le=5)] | UnsetType | None = UNSET
    dhw_standard_temperature: HotWaterCelsius | UnsetType | None = UNSET
    is_hot_water_heating_enabled: NullFlag = UNSET
    is_space_heating_enabled: NullFlag = UNSET
    is_pool_heating_enabled: NullFlag = UNSET
    is_space_cooling_enabled: NullFlag = UNSET
    heating_policy_name: ShortText | UnsetType | None = UNSET
    maximum_temperature_limit: IndoorCelsius | UnsetType | None = UNSET
    minimum_temperature_limit: IndoorCelsius | UnsetType | None = UNSET
    minimum_dhw_temperature_limit: HotWaterCelsius | UnsetType | None = UNSET
    is_heating_policy_enabled: NullFlag = UNSET
    away_mode_start: NullInstant = UNSET
    away_mode_end: NullInstant = UNSET
    is_away_mode_enabled: NullFlag = UNSET
    away_mode_minimum_temperature_limit: IndoorCelsius | UnsetType | None = UNSET
    away_mode_minimum_dhw_temperature_limit: HotWaterCelsius | UnsetType | None = UNSET
    optimization_level: Literal["Low", "Mid", "Max"] | UnsetType | None = UNSET
    temperature_delta_override_for_slight_change: Kelvins | UnsetType | None = UNSET
    temperature_delta_override_for_significant_change: Kelvins | UnsetType | None = UNSET


class UserInput(Struct, kw_only=True):
    """A user; `email` and `role` are required when creating."""

    email: Email
    role: Literal["admin", "staff", "user"]
    external_user_id: NullText = UNSET
    first_name: NullText = UNSET
    last_name: NullText = UNSET
    street_and_number: NullText = UNSET
    street_add_info: NullText = UNSET
    zip_code: NullText = UNSET
    town: NullText = UNSET
    country_iso2: Country | UnsetType | None = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET


class BuildingInput(Struct, kw_only=True):
    """A building; `name` is required when creating."""

    name: Annotated[str, Meta(max_length=100, min_length=1)]
    property_type: (
        Literal["Detached", "Semi-detached", "Bungalow", "Terraced", "End-terrace", "Flat"] | UnsetType | None
    ) = UNSET
    property_size_m2: Annotated[float, Meta(ge=0, le=1000000.0)] | UnsetType | None = UNSET
    property_age: Annotated[int, Meta(ge=0, le=5000)] | UnsetType | None = UNSET
    num_occupants: Annotated[int, Meta(ge=0, le=10000)] | UnsetType | None = UNSET
    occupant_type: NullText = UNSET
    space_heating: NullText = UNSET
    water_heating: NullText = UNSET
    photovoltaic: Flag = UNSET
    street_and_number: NullText = UNSET
    street_add_info: NullText = UNSET
    zip_code: NullText = UNSET
    town: NullText = UNSET
    country_iso2: Country | UnsetType | None = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET


class OnboardingInput(Struct, kw_only=True):
    """What an onboarding session shall do."""

    language: Literal["sv", "de", "en", "fr", "hu", "it", "et", "pl", "ro"]
    price_zone_default: Annotated[str, Meta(max_length=20, description="A PriceZone; DE means DE_LU.")]
    success_url: Url
    cancel_url: Url
    user_id: UUID
    is_smart_optimization_active_default: Flag = UNSET
    building_id: UUID | UnsetType | None = UNSET
    device_type: Literal["hp"] | UnsetType | None = UNSET
    external_metadata: dict[str, Any] | UnsetType = UNSET


class CueResolveInput(Struct, kw_only=True):
    """Where the owner goes after signing in again; camelCase spellings are accepted, too."""

    success_url: Url
    cancel_url: Url
    language: Literal["sv", "de", "en", "fr", "hu", "it", "et", "pl", "ro"] | UnsetType = UNSET
    location: dict[str, Any] | str | UnsetType | None = UNSET
    client_info: dict[str, Any] | str | UnsetType | None = UNSET


class CueStateInput(Struct, kw_only=True):
    """How an action ended."""

    state: Literal["success", "fail"]
    payload: dict[str, Any] | UnsetType | None = UNSET
    location: dict[str, Any] | str | UnsetType | None = UNSET
    client_info: dict[str, Any] | str | UnsetType | None = UNSET


class TokenInput(Struct, kw_only=True):
    """A token request (RFC 6749), form-encoded or JSON; the client may also come by HTTP Basic."""

    grant_type: Literal["client_credentials", "password", "refresh_token"]
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    password: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET


HEAT_PUMP_ALIASES: Final = {"pause_power_active": "is_pause_power_active"}
CUE_ALIASES: Final = {"successUrl": "success_url", "cancelUrl": "cancel_url", "clientInfo": "client_info"}
MODEL_ALIASES: Final = {"cloud_service": "cloud_service_id"}
MODEL_READ_ONLY: Final = frozenset({"cloud_service_instructions", "cloud_service_signup_link"})

"""What the Partner API answers; names and fields are a contract."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from msgspec import Meta, Struct

from heatfleet.domain.price_zones import PriceZone

Status = Literal["ok", "warning", "error", "unknown"]
NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


class DeviceTypeOutput(Struct, kw_only=True):
    """What kind of device a model is."""

    short_name: Annotated[str, Meta(max_length=255, title="String identifier of device type")]
    long_name: Annotated[str, Meta(max_length=255, title="Description of device type")]


class DeviceModelOutput(Struct, kw_only=True):
    """Make and model, and the cloud service it hangs on."""

    device_type: DeviceTypeOutput
    cloud_service_instructions: str | None = None
    cloud_service_signup_link: str | None = None
    manufacturer: Annotated[str, Meta(max_length=255, title="Manufacturer or brand")]
    model: Annotated[str, Meta(max_length=255, title="Model")]
    year: Annotated[int | None, Meta(title="Model year (if available)")] = None
    cloud_service: UUID | None = None


class OwnerOutput(Struct, kw_only=True):
    """The user the heat pump belongs to; ``external_id`` is the user's ``external_user_id``."""

    id: UUID
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_id: str | None = None


class ResolutionLink(Struct, kw_only=True):
    """Where an action is resolved."""

    url: Annotated[
        str,
        Meta(
            description="Relative URL the caller hits to resolve the action. Already includes the action's ID and a"
            " signed `secret` query parameter; the secret is bound to the member and expires 1 hour after issuance."
        ),
    ]
    required_parameters: Annotated[
        list[str], Meta(description="Names of the body fields the caller must supply when resolving the action.")
    ]


class ReauthenticateProjection(Struct, kw_only=True, tag_field="code", tag="reauthenticate"):
    """The owner must sign in at the manufacturer again."""

    resolution_link: ResolutionLink


class InformationActionProjection(Struct, kw_only=True, tag_field="code", tag="information"):
    """A message for the owner, under `metadata.message`."""

    resolution_link: ResolutionLink
    metadata: dict[str, Any] = {}
    sent_at: datetime


class HeatPumpDetailOutput(Struct):
    """A heat pump: its settings, its state, its latest readings."""

    # made by position in ``api/views.py``, which serves lists of hundreds
    device_model: DeviceModelOutput | None
    owner: OwnerOutput
    connection_status: Status
    monitoring_status: Status
    steering_status: Status
    created_at: datetime
    updated_at: datetime
    price_zone: PriceZone = PriceZone.AT
    id: UUID | None = None
    building: UUID | None = None
    deleted_at: Annotated[datetime | None, Meta(description="When set, the device is considered deleted.")] = None
    lifecycle_state: Annotated[
        str, Meta(max_length=20, description="pending, authenticated, error, disconnected or deleted")
    ] = "authenticated"
    lifecycle_error: Annotated[str | None, Meta(description="Why lifecycle_state is 'error'.")] = None
    pause_power_until: datetime | None = None
    is_pause_power_active: Annotated[bool, Meta(title="Pause function currently active")] = False
    external_device_id: Annotated[str, Meta(max_length=255)] | None = ""
    is_authenticated: bool | None = False
    is_smart_optimization_active: bool = False
    optimization_score: Annotated[
        Annotated[float, Meta(ge=0, le=100)] | None,
        Meta(
            description="0 to 100: share of the achievable saving realised over the last 7 days, that of a plan made"
            " afterwards against the owner's own control, all three modelled alike. Null before, where hardly anything"
            " can be saved, and while the pump is not optimised."
        ),
    ] = None
    current_mode: Annotated[
        str | None,
        Meta(
            description="Steering state in force: min, low, mid, max; null while not steering. On a day on which the"
            " home is cooled it is that of the cooling, mirrored: min off, low warmer, mid the owner's own, max colder."
        ),
    ] = None
    comment: Annotated[str, Meta(max_length=300)] | None = None
    current_state_last_updated_at: datetime | None = None
    last_monitoring_executed_at: datetime | None = None
    is_inverter_forced_mode_enabled: bool = False
    is_forecasting_enabled: bool = False
    is_trading_enabled: bool = False
    actual_steering_state: Annotated[
        str, Meta(max_length=20, description="The state nearest to the settings last read back from the device.")
    ] = "unknown"
    indoor_target_temperature_offset: float | None = None
    dhw_standard_temperature: float | None = None
    is_hot_water_heating_enabled: bool | None = False
    is_space_heating_enabled: bool | None = False
    is_pool_heating_enabled: Annotated[
        bool | None, Meta(description="Takes effect where the heat pump has the lever `pool_setpoint_c`.")
    ] = False
    is_space_cooling_enabled: Annotated[
        bool | None, Meta(description="Takes effect where the heat pump has the lever `cooling_setpoint_c`.")
    ] = False
    heating_policy_name: Annotated[str, Meta(max_length=100)] | None = None
    maximum_temperature_limit: float | None = None
    minimum_temperature_limit: float | None = None
    minimum_dhw_temperature_limit: float | None = None
    is_heating_policy_enabled: bool | None = False
    heating_policy_last_updated_at: datetime | None = None
    heating_policy_last_updated_utc: Annotated[
        datetime | None, Meta(description="The same.", extra_json_schema={"deprecated": True})
    ] = None
    away_mode_start: datetime | None = None
    away_mode_end: datetime | None = None
    is_away_mode_enabled: bool | None = True
    away_mode_minimum_temperature_limit: float | None = None
    away_mode_minimum_dhw_temperature_limit: float | None = None
    away_mode_last_updated_at: datetime | None = None
    min_solar_power_w: int = 2000
    consumption_last_updated_at: datetime | None = None
    optimization_level: Annotated[str, Meta(max_length=10, description="Low, Mid or Max")] | None = "Mid"
    needs_gateway: bool | None = False
    temperature_delta_override_for_slight_change: Annotated[
        int | None, Meta(title="Slight temperature change override", description="Kelvins or steps, MIN to LOW.")
    ] = None
    temperature_delta_override_for_significant_change: Annotated[
        int | None, Meta(title="Significant temperature delta override", description="Kelvins or steps, MIN to MAX.")
    ] = None
    # two decimals are what readings in single precision are worth
    inlet_temperature: Annotated[float | None, Meta(description="Water into the heat pump (return) [°C].")] = None
    outlet_temperature: Annotated[float | None, Meta(description="Water out of the heat pump (flow) [°C].")] = None
    dhw_temperature: float | None = None
    outdoor_temperature: float | None = None
    indoor_actual_temperature: float | None = None
    indoor_target_temperature: float | None = None
    consumption_last_day_kwh: Annotated[float | None, Meta(description="Last 24 hours.")] = None
    consumption_last_week_kwh: Annotated[float | None, Meta(description="Last 7 days.")] = None
    consumption_last_month_kwh: Annotated[float | None, Meta(description="Last 30 days.")] = None
    # worked out
    operational_mode: Annotated[str, Meta(max_length=100)] | None = None
    current_power_consumption_w: int | None = None
    is_inverter_forced_mode_active: Annotated[
        bool,
        Meta(
            description="True while the pump is raised to use what the roof feeds into the grid. Needs a measured"
            " export; without one it stays false, and an `information` action with `metadata.code`"
            " `no_export_reading` says so."
        ),
    ] = False
    inverter_forced_mode_since: Annotated[
        datetime | None,
        Meta(description="When enough was fed into the grid last, within 24 hours; year 1 = not yet."),
    ] = NEVER
    embeddable_url: Annotated[str | None, Meta(description="Connect page of this device, to embed.")] = None
    authorization_url: Annotated[str | None, Meta(description="Connect page of this device, full page.")] = None
    action_needed: Annotated[
        bool,
        Meta(
            description="True when something must be done before the device can work normally; `actions` say what:"
            " `reauthenticate`, or `information` with `metadata.code` `nothing_to_optimise` (no use is enabled) or"
            " `subscription_needed` (the maker wants to be paid before it takes settings)."
        ),
    ] = False
    has_notification: Annotated[bool, Meta(description="True when a message for the owner is unread.")] = False
    actions: list[ReauthenticateProjection | InformationActionProjection] = []


class UserOutput(Struct, kw_only=True):
    """A person of the organisation."""

    id: UUID
    email: str
    role: Literal["admin", "staff", "user"]
    external_user_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    street_and_number: str | None = None
    street_add_info: str | None = None
    zip_code: str | None = None
    town: str | None = None
    country_iso2: str | None = None
    country: Annotated[str | None, Meta(description="The same as country_iso2.")] = None
    latitude: float | None = None
    longitude: float | None = None
    location_last_updated: datetime | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


class BuildingOutput(Struct, kw_only=True):
    """A building of a user."""

    id: UUID
    name: str
    property_type: str | None = None
    property_size_m2: float | None = None
    property_age: int | None = None
    num_occupants: int | None = None
    occupant_type: str | None = None
    space_heating: str | None = None
    water_heating: str | None = None
    photovoltaic: bool = False
    street_and_number: str | None = None
    street_add_info: str | None = None
    zip_code: str | None = None
    town: str | None = None
    country_iso2: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


class OnboardingOutput(Struct, kw_only=True):
    """An onboarding session; send the person's browser to `authentication_url`."""

    authentication_url: str
    id: UUID
    user: UUID
    success_url: str
    cancel_url: str
    expiration_date: Annotated[date, Meta(description="Good to the end of this day, UTC.")]
    object_id: Annotated[UUID | None, Meta(description="The device, once it is connected.")] = None
    external_metadata: dict[str, Any] = {}


class MeOutput(Struct, kw_only=True):
    """Who the token speaks for."""

    org_id: UUID
    role: Literal["admin", "staff", "user"]
    user_id: UUID | None = None
    client_id: UUID | None = None


class RedirectOutput(Struct, kw_only=True):
    """Where to send the person's browser."""

    redirect_url: str


class ActionOutput(Struct, kw_only=True):
    """The action that was ended."""

    action_id: UUID


class Health(Struct, kw_only=True):
    """Whether the server can work."""

    status: Literal["ok"] = "ok"


class OAuthErrorOutput(Struct, kw_only=True):
    """An error of the token endpoint (RFC 6749 §5.2)."""

    error: str
    error_description: str

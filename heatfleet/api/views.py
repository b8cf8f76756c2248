"""Rows into answers: what the store knows of a heat pump or a person, in the API's words."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any

from heatfleet.api.call import Call
from heatfleet.api.schemas import (
    NEVER,
    BuildingOutput,
    DeviceModelOutput,
    DeviceTypeOutput,
    HeatPumpDetailOutput,
    InformationActionProjection,
    OwnerOutput,
    ReauthenticateProjection,
    ResolutionLink,
    UserOutput,
)
from heatfleet.api.services import BASE
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.readings import MODES
from heatfleet.domain.solar import SolarSurplus
from heatfleet.store.buildings import Building
from heatfleet.store.cues import ACTION_NEEDED
from heatfleet.store.heat_pump_views import HeatPumpView
from heatfleet.store.users import User

_READ_AS = {
    "inlet_temperature": "return_temp_c",
    "outlet_temperature": "flow_temp_c",
    "dhw_temperature": "dhw_temp_c",
    "outdoor_temperature": "outdoor_temp_c",
    "indoor_actual_temperature": "indoor_temp_c",
    "indoor_target_temperature": "indoor_setpoint_c",
    "consumption_last_day_kwh": "consumption_last_day_kwh",
    "consumption_last_week_kwh": "consumption_last_week_kwh",
    "consumption_last_month_kwh": "consumption_last_month_kwh",
}
_STORED_AS = {
    "heating_policy_last_updated_utc": "heating_policy_last_updated_at",
    "current_state_last_updated_at": "read_at",
    "last_monitoring_executed_at": "polled_at",
    "actual_steering_state": "actual_state",
}
_FIELDS = HeatPumpDetailOutput.__struct_fields__
_BY_POSITION = _FIELDS[2 : _FIELDS.index("inlet_temperature")]  # after device_model and owner, before the readings
_stored = attrgetter(*(_STORED_AS.get(name, name) for name in _BY_POSITION))
_readings = attrgetter(*_READ_AS.values())
_BUILDING = tuple(n for n in BuildingOutput.__struct_fields__ if n != "country")
_USER = tuple(n for n in UserOutput.__struct_fields__ if n != "country")
LINK_PURPOSE = "connect-device"


def show_heat_pump(row: HeatPumpView, call: Call, surplus: SolarSurplus | None = None) -> HeatPumpDetailOutput:
    """The heat pump as the API answers it; ``surplus`` for one that may be raised to use solar power."""
    shown = HeatPumpDetailOutput(_model(row), _owner(row), *_stored(row), *map(_two_decimals, _readings(row)))
    is_resumed, is_back = _run_out(row, call.services.clock.fleet_now())
    if is_resumed:
        shown.is_pause_power_active = False
    if is_back:
        shown.away_mode_start = shown.away_mode_end = None
    if row.actual_state is None:
        shown.actual_steering_state = "unknown"
    if row.mode is not None:
        shown.operational_mode = MODES[round(row.mode)]
    if row.power_kw is not None:
        shown.current_power_consumption_w = round(row.power_kw * 1000)
    if row.cues:
        _add_actions(shown, row.cues, call)
    if not row.is_authenticated and row.deleted_at is None:
        _add_links(shown, row, call)
    if surplus is not None:
        shown.is_inverter_forced_mode_active = surplus.is_enough and row.current_mode == SteeringState.MAX
        shown.inverter_forced_mode_since = surplus.since or NEVER
    return shown


def version_shown(row: HeatPumpView, call: Call) -> int:
    """The version of what is shown: already the next one where something has run out that is not written down yet."""
    return row.version + any(_run_out(row, call.services.clock.fleet_now()))


def _run_out(row: HeatPumpView, now: datetime) -> tuple[bool, bool]:
    """Whether a pause, and whether an absence is over that nobody has written down yet."""
    until, end = row.pause_power_until, row.away_mode_end
    return row.is_pause_power_active and (until is None or until <= now), end is not None and end <= now


def _two_decimals(value: float | None) -> float | None:
    return None if value is None else round(value * 100.0) / 100.0


def _owner(row: HeatPumpView) -> OwnerOutput:
    return OwnerOutput(
        id=row.user_id,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        external_id=row.external_user_id,
    )


def _model(row: HeatPumpView) -> DeviceModelOutput | None:
    if row.manufacturer is None or row.model is None:
        return None
    return DeviceModelOutput(
        device_type=DeviceTypeOutput(short_name=row.short_name or "", long_name=row.long_name or ""),
        cloud_service_instructions=row.instructions,
        cloud_service_signup_link=row.signup_link,
        manufacturer=row.manufacturer,
        model=row.model,
        year=row.year,
        cloud_service=row.cloud_service_id,
    )


def _add_actions(shown: HeatPumpDetailOutput, cues: list[dict[str, Any]], call: Call) -> None:
    for cue in cues:
        secret = _secret(call, "cue", f"{cue['id']}|{call.who().name}")
        url = f"{BASE}/cues/{cue['id']}"
        if cue["code"] == "reauthenticate":
            link = ResolutionLink(
                url=f"{url}/resolve?secret={secret}", required_parameters=["success_url", "cancel_url"]
            )
            shown.actions.append(ReauthenticateProjection(resolution_link=link))
            shown.action_needed = True
        else:
            link = ResolutionLink(url=f"{url}/information/resolve?secret={secret}", required_parameters=[])
            sent_at = datetime.fromisoformat(cue["sent_at"])
            shown.actions.append(
                InformationActionProjection(resolution_link=link, metadata=cue["metadata"], sent_at=sent_at)
            )
            shown.has_notification = True
            shown.action_needed = shown.action_needed or cue["metadata"].get("code") in ACTION_NEEDED


def _add_links(shown: HeatPumpDetailOutput, row: HeatPumpView, call: Call) -> None:
    """The Connect page of this very device, while nobody has signed in for it."""
    secret = _secret(call, LINK_PURPOSE, f"{call.who().org_id}|{row.id}")
    shown.authorization_url = f"{call.services.public_url}/connect/device?secret={secret}"
    shown.embeddable_url = f"{shown.authorization_url}&embed=1"


def _secret(call: Call, purpose: str, subject: str) -> str:
    return call.services.secrets.sign(purpose, subject, call.services.clock.wall_now())


def show_user(row: User) -> UserOutput:
    """The user as the API answers it."""
    return UserOutput(**{name: getattr(row, name) for name in _USER}, country=row.country_iso2)


def show_building(row: Building) -> BuildingOutput:
    """The building as the API answers it."""
    return BuildingOutput(**{name: getattr(row, name) for name in _BUILDING}, country=row.country_iso2)

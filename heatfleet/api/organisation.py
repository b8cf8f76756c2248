"""Settings of the organisation: name and looks, where pages may be embedded, surcharges, defaults."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import Decimal, NullDecimal
from heatfleet.api.onboarding import check_url
from heatfleet.api.operation import Doc, answer, if_match, operation
from heatfleet.api.parse import read_body
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right
from heatfleet.domain.default_comfort import check_default_comfort
from heatfleet.domain.errors import FieldError, Invalid, NotFound
from heatfleet.domain.logos import MAX_TEXT, read_logo
from heatfleet.domain.price_zones import zone_facts
from heatfleet.flows import organisation as flow
from heatfleet.store import organisations

SETTINGS = f"{BASE}/org/{{org_id:uuid}}/settings"
_TAG = "Organisation"
_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_NAME}|::1")
_ORIGIN = re.compile(rf"(https://(?=[^/]{{1,253}}\Z){_NAME}|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{{1,5}})?")
_MOST_PER_KWH = 1000.0
MAX_URL = 8000

Place = Annotated[str, Meta(max_length=300, min_length=1)]
Places = Annotated[list[Place], Meta(max_length=100)]


class DefaultComfortInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """Comfort of new heat pumps that bring none of their own [°C]; the rules are those of a heat pump."""

    minimum_temperature_limit: NullDecimal = UNSET
    maximum_temperature_limit: NullDecimal = UNSET
    dhw_standard_temperature: NullDecimal = UNSET
    minimum_dhw_temperature_limit: NullDecimal = UNSET


class SettingsInput(Struct, kw_only=True):
    """Settings of the organisation; each field that is sent replaces the former value as a whole."""

    name: Annotated[str, Meta(max_length=255, min_length=1)] | UnsetType = UNSET
    logo_url: (
        Annotated[
            str,
            Meta(
                max_length=MAX_TEXT,
                min_length=1,
                description="`data:` address (PNG, JPEG, WebP or SVG, at most 24 kB): shown on the pages, served by us."
                " An https address is kept, but pages never load anything from elsewhere.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    colour: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$", max_length=7)] | UnsetType | None = UNSET
    frame_ancestors: Annotated[Places, Meta(description="Origins that may embed Connect pages.")] | UnsetType = UNSET
    redirect_hosts: (
        Annotated[Places, Meta(description="Hosts that onboarding may lead back to; empty = any.")] | UnsetType
    ) = UNSET
    surcharge_per_zone: (
        Annotated[dict[str, Decimal], Meta(description="Price zone → currency/kWh on top of the wholesale price.")]
        | UnsetType
    ) = UNSET
    default_comfort: DefaultComfortInput | UnsetType | None = UNSET
    hold_out_share: (
        Annotated[float, Meta(ge=0, le=1, description="Share of the fleet left unsteered, to compare with.")]
        | UnsetType
    ) = UNSET
    trading_deadline: Literal["14:30", "23:30"] | UnsetType = UNSET
    carbon_price_per_kg: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=10,
                description="What a kilogram of CO2 counts when planning, in the currency of the prices; 0 = nothing."
                " Needs carbon intensities of the price zone.",
            ),
        ]
        | UnsetType
    ) = UNSET


class DefaultComfortOutput(Struct, kw_only=True, frozen=True):
    """Comfort of new heat pumps that bring none of their own [°C]; null = none."""

    minimum_temperature_limit: float | None = None
    maximum_temperature_limit: float | None = None
    dhw_standard_temperature: float | None = None
    minimum_dhw_temperature_limit: float | None = None


class SettingsOutput(Struct, kw_only=True, frozen=True):
    """Settings of the organisation."""

    id: UUID
    name: str
    logo_url: str | None
    colour: str | None
    frame_ancestors: list[str]
    redirect_hosts: list[str]
    surcharge_per_zone: dict[str, float]
    default_comfort: DefaultComfortOutput
    hold_out_share: float
    trading_deadline: str
    carbon_price_per_kg: float
    created_at: datetime
    updated_at: datetime


_READ_ONLY = frozenset({"id", "created_at", "updated_at"})


@operation(
    "GET",
    SETTINGS,
    Doc(
        "retrieve_settings",
        "Get the organisation's settings",
        _TAG,
        right=Right.READ_SETTINGS,
        answer=SettingsOutput,
        has_version=True,
    ),
)
async def retrieve_settings(call: Call, org_id: UUID) -> ApiResponse:
    """The settings."""
    return await _show(call, org_id)


@operation(
    "PUT PATCH",
    SETTINGS,
    Doc(
        "update_settings",
        "Change the organisation's settings",
        _TAG,
        right=Right.CHANGE_SETTINGS,
        answer=SettingsOutput,
        body=SettingsInput,
        has_version=True,
        description="Send only what changes; lists and objects are replaced as a whole. `default_comfort` is given to"
        " heat pumps registered or connected from now on.",
    ),
)
async def update_settings(call: Call, org_id: UUID) -> ApiResponse:
    """The changed settings."""
    await flow.change_settings(call.act(org_id), _read(await call.body()), if_match(call))
    return await _show(call, org_id)


def _read(raw: bytes) -> dict[str, Any]:
    changes = read_body(raw, SettingsInput, partial=True, read_only=_READ_ONLY)
    if changes.get("logo_url") is not None:
        _check_logo(changes["logo_url"])
    for name, pattern, what in (
        ("frame_ancestors", _ORIGIN, "must be an https origin such as https://portal.example.com (http for loopback)"),
        ("redirect_hosts", _HOST, "must be a host name such as portal.example.com"),
    ):
        if name in changes:
            changes[name] = _places(name, changes[name], pattern, what)
    if "surcharge_per_zone" in changes:
        changes["surcharge_per_zone"] = _surcharges(changes["surcharge_per_zone"])
    if "default_comfort" in changes:
        comfort = changes["default_comfort"] or DefaultComfortInput()
        given = {k: v for k, v in msgspec.structs.asdict(comfort).items() if v is not UNSET}
        changes["default_comfort"] = check_default_comfort(given)
    return changes


def _check_logo(text: str) -> None:
    """Raises :class:`Invalid` unless a small picture, or an address where there is one."""
    if not text.startswith("data:"):
        if len(text) > MAX_URL:
            raise Invalid.field("logo_url", f"must not be longer than {MAX_URL} characters", "too_long")
        check_url("logo_url", text)
        return
    try:
        read_logo(text)
    except ValueError as fault:
        raise Invalid.field("logo_url", str(fault), "logo") from None


def _places(name: str, given: list[str], pattern: re.Pattern[str], what: str) -> list[str]:
    """The places in lower case, each once; raises :class:`Invalid` naming every wrong one."""
    places = [place.lower() for place in given]
    wrong = [FieldError(("body", name, i), what, "place") for i, p in enumerate(places) if not pattern.fullmatch(p)]
    if wrong:
        raise Invalid(*wrong)
    return list(dict.fromkeys(places))


def _surcharges(given: dict[str, float]) -> dict[str, float]:
    """Zone → surcharge, under the zones' own names; :class:`Invalid` names unknown zones and absurd prices."""
    found: dict[str, float] = {}
    for zone, per_kwh in given.items():
        known = "DE_LU" if zone == "DE" else zone
        loc = ("body", "surcharge_per_zone", zone[:100])
        try:
            zone_facts(known)
        except Invalid:
            raise Invalid(FieldError(loc, "is not a price zone", "enum")) from None
        if abs(per_kwh) > _MOST_PER_KWH:
            raise Invalid(FieldError(loc, f"must lie within ±{_MOST_PER_KWH:g} per kWh", "range"))
        if found.setdefault(known, per_kwh) != per_kwh:
            raise Invalid(FieldError(loc, "DE and DE_LU are the same zone", "conflict"))
    return found


async def _show(call: Call, org_id: UUID) -> ApiResponse:
    async with call.services.database.read(org_id) as tx:
        found = await organisations.get(tx, org_id)
    if found is None:
        raise NotFound("There is no such organisation.")
    shown = {name: getattr(found, name) for name in SettingsOutput.__struct_fields__}
    shown["default_comfort"] = DefaultComfortOutput(**found.default_comfort)
    return answer(SettingsOutput(**shown), found.version)


HANDLERS = (retrieve_settings, update_settings)

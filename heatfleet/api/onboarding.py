"""Onboarding sessions: a partner asks for one, then sends the person to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import OnboardingInput
from heatfleet.api.operation import Doc, answer, operation
from heatfleet.api.parse import read_body
from heatfleet.api.schemas import OnboardingOutput
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right, allow
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.domain.price_zones import parse_price_zone
from heatfleet.flows import onboarding as flow
from heatfleet.store import onboarding

_TAG = "Device Onboarding"
_READ_ONLY = frozenset(OnboardingOutput.__struct_fields__)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@operation(
    "POST",
    f"{BASE}/device-onboarding",
    Doc(
        "create_device_onboarding",
        "Create an onboarding session",
        _TAG,
        answer=OnboardingOutput,
        errors=(404,),
        body=OnboardingInput,
        description="Send the person's browser to `authentication_url`. After success it comes back to"
        " `success_url` with `deviceId` added to its query.",
    ),
)
async def create_device_onboarding(call: Call) -> ApiResponse:
    """The new session."""
    principal = call.who()
    fields = read_body(
        await call.body(), OnboardingInput, partial=False, read_only=_READ_ONLY - {"success_url", "cancel_url"}
    )
    allow(principal, Right.ONBOARD, principal.org_id, fields["user_id"])
    for name in ("success_url", "cancel_url"):
        check_url(name, fields[name])
    fields["price_zone_default"] = str(parse_price_zone(fields["price_zone_default"], "price_zone_default"))
    session_id = await flow.create_session(call.act(principal.org_id), flow.NewSession(**fields))
    return await _show(call, session_id)


@operation(
    "GET",
    f"{BASE}/device-onboarding/{{session_id:uuid}}",
    Doc(
        "retrieve_device_onboarding",
        "Get an onboarding session",
        _TAG,
        answer=OnboardingOutput,
        errors=(404,),
    ),
)
async def retrieve_device_onboarding(call: Call, session_id: UUID) -> ApiResponse:
    """One session."""
    return await _show(call, session_id)


def check_url(name: str, url: str) -> None:
    """Raises :class:`Invalid` unless absolute https, or http to loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or any(c.isspace() or not c.isprintable() or c == "\\" for c in url) or "@" in parts.netloc:
        raise Invalid.field(name, "must be an absolute URL without a user name", "url")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise Invalid.field(name, "must be https (http for loopback only)", "url")


async def _show(call: Call, session_id: UUID) -> ApiResponse:
    principal = call.who()
    async with call.services.database.read(principal.org_id) as tx:
        session = await onboarding.get(tx, principal.org_id, session_id)
    if session is None:
        raise NotFound("There is no such onboarding session.")
    allow(principal, Right.ONBOARD, principal.org_id, session.user_id)
    shown: dict[str, Any] = {
        name: getattr(session, name) for name in ("id", "success_url", "cancel_url", "external_metadata")
    }
    output = OnboardingOutput(
        **shown,
        authentication_url=f"{call.services.public_url}/connect?onboarding_session_id={session.id}",
        user=session.user_id,
        expiration_date=(session.expires_at - timedelta(days=1)).date(),
        object_id=session.heat_pump_id,
    )
    return answer(output)


HANDLERS = (create_device_onboarding, retrieve_device_onboarding)

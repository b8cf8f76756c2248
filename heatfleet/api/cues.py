"""Resolving the actions a heat pump shows: signing in again, messages read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import CUE_ALIASES, CueResolveInput, CueStateInput
from heatfleet.api.onboarding import check_url
from heatfleet.api.operation import Doc, Param, answer, operation
from heatfleet.api.parse import read_fields, read_json, rename
from heatfleet.api.schemas import ActionOutput, RedirectOutput
from heatfleet.api.services import BASE
from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.permissions import Right, allow
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.flows import cues as flow
from heatfleet.flows import onboarding
from heatfleet.flows.toolbox import Act
from heatfleet.store import cues
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET

_TAG = "Actions"
_SECRET = (Param("secret", str, "The signed secret of the action's resolution link."),)
_ONE = f"{BASE}/cues/{{cue_id:uuid}}"


@operation(
    "POST",
    f"{_ONE}/resolve",
    Doc(
        "resolve_reauthentication",
        "Start signing in again",
        _TAG,
        answer=RedirectOutput,
        errors=(404,),
        body=CueResolveInput,
        query=_SECRET,
        description="Send the owner's browser to `redirect_url`.",
    ),
)
async def resolve(call: Call, cue_id: UUID) -> ApiResponse:
    """Where the owner signs in again."""
    principal = call.who()
    fields = _read(await call.body(), CueResolveInput)
    for name in ("success_url", "cancel_url"):
        check_url(name, fields[name])
    _check_secret(call, cue_id)
    act = call.act(principal.org_id)
    waiting = await flow.reauthentication(act, cue_id)
    allow(principal, Right.ONBOARD, principal.org_id, waiting.pump.user_id)
    wanted = onboarding.NewSession(
        user_id=waiting.pump.user_id,
        language=fields.get("language", "en"),
        price_zone_default=waiting.pump.price_zone,
        success_url=fields["success_url"],
        cancel_url=fields["cancel_url"],
        heat_pump_id=waiting.pump.id,
    )
    session_id = await onboarding.create_session(act, wanted)
    url = f"{call.services.public_url}/connect/heat-pumps?onboarding_session_id={session_id}"
    return answer(RedirectOutput(redirect_url=url))


@operation(
    "POST",
    f"{_ONE}/information/resolve",
    Doc(
        "resolve_information",
        "Mark a message as read",
        _TAG,
        answer=ActionOutput,
        errors=(404,),
        query=_SECRET,
    ),
)
async def resolve_information(call: Call, cue_id: UUID) -> ApiResponse:
    """The action."""
    act = call.act(call.who().org_id)
    _check_secret(call, cue_id)
    await flow.settle(act, cue_id, "information", "resolved", {})
    return answer(ActionOutput(action_id=cue_id))


@operation(
    "POST",
    f"{_ONE}/state",
    Doc(
        "report_action_state",
        "Tell how an action ended",
        _TAG,
        answer=ActionOutput,
        errors=(401, 404),
        body=CueStateInput,
        query=_SECRET,
        is_open=True,
        description="Needs the secret only.",
    ),
)
async def report_state(call: Call, cue_id: UUID) -> ApiResponse:
    """The action."""
    member = _member(call, cue_id)
    fields = _read(await call.body(), CueStateInput)
    async with call.services.database.read(FLEET) as tx:
        cue = await cues.find_by_secret(tx, cue_id)
    if cue is None:
        raise NotFound("There is no such action, or it is done.")
    state = {"success": "resolved", "fail": "failed"}[fields["state"]]
    act = Act(call.services.database, call.services.clock, Actor(member, call.request_id), cue.org_id)
    await flow.settle(act, cue_id, cue.code, state, fields)
    return answer(ActionOutput(action_id=cue_id))


def _member(call: Call, cue_id: UUID) -> str:
    """Whom the secret was given to; raises :class:`Unauthenticated` unless it is for this very action."""
    secret = call.query.get("secret", "")
    subject = call.services.secrets.open("cue", secret, call.services.clock.wall_now())
    named, _, member = subject.partition("|")
    if named != str(cue_id):
        raise Unauthenticated("This link is not valid.")
    return member


def _check_secret(call: Call, cue_id: UUID) -> None:
    """The secret is the caller's own; anything else is as if the action did not exist."""
    try:
        member = _member(call, cue_id)
    except Unauthenticated:
        member = ""
    if member != call.who().name:
        raise NotFound("There is no such action, or its link has expired.")


def _read(raw: bytes, kind: Any) -> dict[str, Any]:
    if not raw:
        raise Invalid.field("body", "is required", "missing")
    return read_fields(rename(read_json(raw), CUE_ALIASES), kind, partial=False)


HANDLERS = (resolve, resolve_information, report_state)

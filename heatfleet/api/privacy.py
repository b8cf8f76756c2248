"""A person's data: the export (erasure is a way of deleting a user, see ``users.py``)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar.response import Stream
from msgspec import Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.operation import JSON, Doc, operation
from heatfleet.api.users import USERS
from heatfleet.auth.permissions import Right, allow_role
from heatfleet.domain.errors import NotFound
from heatfleet.flows import privacy
from heatfleet.flows.toolbox import Act
from heatfleet.store import users

Rows = list[dict[str, Any]]


class ExportOutput(Struct, kw_only=True):
    """Everything kept of a person, under the names it has in the database; no secrets."""

    user: Rows
    buildings: Rows
    energy_contracts: Rows
    heat_pumps: Rows
    connections: Rows
    consents: Rows
    onboarding_sessions: Rows
    cues: Rows
    commands: Rows
    audit: Rows
    thermal_models: Rows
    plan_steps: Rows
    energy_hours: Rows
    telemetry: Rows


@operation(
    "GET",
    f"{USERS}/{{user_id:uuid}}/export",
    Doc(
        "export_user",
        "Get everything kept of a user",
        "Privacy",
        right=Right.EXPORT_USER,
        answer=ExportOutput,
        description="One JSON document with a named list for each kind of row; also of a deleted user until erased."
        " It is streamed and may be large.",
    ),
)
async def export_user(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The user's data, streamed."""
    async with call.services.database.read(org_id) as tx:
        user = await users.get(tx, org_id, user_id, include_deleted=True)
    if user is None:
        raise NotFound("There is no such user.")
    allow_role(call.who(), Right.EXPORT_USER, user_id, user.role)
    act = call.act(org_id)
    await privacy.note_export(act, user_id)
    headers = {"Content-Disposition": f'attachment; filename="user-{user_id}.json"', "Cache-Control": "no-store"}
    return Stream(_written(act, user_id), media_type=JSON, headers=headers)


async def _written(act: Act, user_id: UUID) -> AsyncIterator[bytes]:
    """The document, page by page."""
    open_section, comma = "", b""
    async for section, rows in privacy.export(act, user_id):
        if section != open_section:
            yield (b"]," if open_section else b"{") + msgspec.json.encode(section) + b":["
            open_section, comma = section, b""
        for row in rows:
            yield comma + msgspec.json.encode(row)
            comma = b","
    yield b"]}"


HANDLERS = (export_user,)

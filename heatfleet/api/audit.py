"""The audit log: who changed what, when, from what to what."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import Instant
from heatfleet.api.operation import PAGE, Doc, Param, operation, page
from heatfleet.api.parse import Query
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right
from heatfleet.store import audit


class AuditOutput(msgspec.Struct, frozen=True):
    """One change; `before` and `after` hold the changed fields only, never a secret."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


@operation(
    "GET",
    f"{BASE}/org/{{org_id:uuid}}/audit",
    Doc(
        "list_audit",
        "Read the audit log",
        "Organisation",
        right=Right.READ_AUDIT,
        answer=AuditOutput,
        is_list=True,
        query=(
            Param("object_kind", str, "Only objects of this kind, such as user or heat_pump."),
            Param("object_id", UUID, "Only this object."),
            Param("actor", str, "Only what this actor did: client:ID, user:ID or flow:NAME."),
            Param("from", datetime, "Only from this instant on."),
            Param("to", datetime, "Only before this instant."),
            *PAGE,
        ),
        description="Oldest first. `request_id` is the X-Request-Id of the request that made the change.",
    ),
)
async def list_audit(call: Call, org_id: UUID) -> ApiResponse:
    """A page of the log."""
    query = Query(call.query)
    after, limit = query.page()
    wanted = audit.AuditFilter(
        object_kind=query.take("object_kind", str),
        object_id=query.take("object_id", UUID),
        actor=query.take("actor", str),
        from_at=query.take("from", Instant),
        to_at=query.take("to", Instant),
        after=after,
        limit=limit + 1,
    )
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await audit.find(tx, org_id, wanted)
    return page(call, rows, limit, lambda row: AuditOutput(*msgspec.structs.astuple(row)))


HANDLERS = (list_audit,)

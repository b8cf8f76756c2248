"""Limits of the grid (§14a EnWG): dim a group of heat pumps, take it back, prove what they did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import Decimal, Instant
from heatfleet.api.operation import PAGE, Doc, answer, nothing, operation, page
from heatfleet.api.parse import Query, read_fields, read_json, rename
from heatfleet.api.pump_reads import FROM, TO, take_window
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right
from heatfleet.domain.errors import FieldError, Invalid, NotFound
from heatfleet.flows import grid_limits as flow
from heatfleet.flows.grid_limits import NewLimit
from heatfleet.store import grid_limits
from heatfleet.store.database import ReadTx
from heatfleet.store.grid_limits import GridLimit, Share

LIMITS = f"{BASE}/org/{{org_id:uuid}}/grid-limits"
ONE_LIMIT = f"{LIMITS}/{{grid_limit_id:uuid}}"
_TAG = "Grid limits"
_EVIDENCE_MOST = 5000
_ALIASES = {"from": "starts_at", "until": "ends_at"}


class GridLimitInput(Struct, kw_only=True):
    """What a group may draw: either `heat_pump_ids` or `building_id`; `from` and `until` are taken too."""

    limit_w: Annotated[int, Meta(ge=0, le=1_000_000_000, description="Of all together.")]
    starts_at: Annotated[Instant, Meta(description="Fleet time.")]
    ends_at: Annotated[Instant, Meta(description="Fleet time, at most 7 days later.")]
    heat_pump_ids: Annotated[list[UUID], Meta(min_length=1, max_length=10_000)] | UnsetType = UNSET
    building_id: UUID | UnsetType = UNSET
    connected_power_w: (
        Annotated[
            dict[UUID, Decimal],
            Meta(description="Heat pump → electric power on its plate, backup heater included, where it is known."),
        ]
        | UnsetType
    ) = UNSET


class ConnectionOutput(Struct, kw_only=True, frozen=True):
    """One grid connection under a limit."""

    heat_pump_ids: list[UUID]
    minimum_w: Annotated[int, Meta(description="What it must be left: 4200, or 0.4 of more than 11000 connected.")]
    limit_w: Annotated[int, Meta(description="What the heat pumps behind it may draw together.")]


class GridLimitOutput(Struct, kw_only=True, frozen=True):
    """A limit of a group of heat pumps."""

    id: UUID
    limit_w: Annotated[int, Meta(description="As asked for.")]
    effective_limit_w: Annotated[int, Meta(description="With the minimum of every connection.")]
    starts_at: datetime
    ends_at: datetime
    connections: list[ConnectionOutput]
    unsteered_heat_pump_ids: Annotated[
        list[UUID], Meta(description="Those we cannot dim: not optimised, or not connected.")
    ]
    created_by: str
    created_at: datetime
    ended_at: Annotated[datetime | None, Meta(description="When it was taken back before its end.")] = None


class EvidenceOutput(Struct, kw_only=True, frozen=True):
    """What one heat pump did in one quarter-hour under the limit."""

    heat_pump_id: UUID
    at: datetime
    limit_w: int
    power_w: Annotated[int | None, Meta(description="As last read.")]
    read_at: datetime | None
    steering_state: str | None


class GridLimitDetailOutput(GridLimitOutput, kw_only=True, frozen=True):
    """A limit with its proof."""

    evidence: Annotated[list[EvidenceOutput], Meta(description=f"In order of time, {_EVIDENCE_MOST} at most.")]


_READ_ONLY = frozenset({*GridLimitDetailOutput.__struct_fields__}) - {"limit_w", "starts_at", "ends_at"}


@operation(
    "GET",
    LIMITS,
    Doc(
        "list_grid_limits",
        "List limits of the grid",
        _TAG,
        right=Right.READ_GRID_LIMITS,
        answer=GridLimitOutput,
        is_list=True,
        query=PAGE,
        description="Past ones included, for two years.",
    ),
)
async def list_grid_limits(call: Call, org_id: UUID) -> ApiResponse:
    """A page of limits."""
    query = Query(call.query)
    after, limit = query.page()
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await grid_limits.find(tx, org_id, after, limit + 1)
        parts = await _parts(tx, [row.id for row in rows])
    return page(call, rows, limit, lambda row: GridLimitOutput(**_shown(row, parts)))


@operation(
    "POST",
    LIMITS,
    Doc(
        "create_grid_limit",
        "Limit what a group of heat pumps draws",
        _TAG,
        right=Right.LIMIT_GRID,
        answer=GridLimitOutput,
        body=GridLimitInput,
        description="Heat pumps of one building are behind one grid connection and are limited together, also those not"
        " named. Every connection is left its minimum; the rest is shared alike. The heat pumps are planned and steered"
        " at once; what they then do is noted every quarter-hour.",
    ),
)
async def create_grid_limit(call: Call, org_id: UUID) -> ApiResponse:
    """The new limit."""
    limit_id = await flow.create(call.act(org_id), _read(await call.body()))
    return answer(GridLimitOutput(**await _one(call, org_id, limit_id)))


@operation(
    "GET",
    ONE_LIMIT,
    Doc(
        "retrieve_grid_limit",
        "Get a limit of the grid with its proof",
        _TAG,
        right=Right.READ_GRID_LIMITS,
        answer=GridLimitDetailOutput,
        query=(FROM, TO),
        description=f"At most {_EVIDENCE_MOST} lines of proof: where there are more, ask for less time.",
    ),
)
async def retrieve_grid_limit(call: Call, org_id: UUID, grid_limit_id: UUID) -> ApiResponse:
    """The limit and what the heat pumps did under it."""
    since, until = take_window(Query(call.query))
    shown = await _one(call, org_id, grid_limit_id)
    async with call.services.database.read(org_id) as tx:
        noted = await grid_limits.evidence(tx, grid_limit_id, since, until, _EVIDENCE_MOST)
    evidence = [
        EvidenceOutput(
            heat_pump_id=one.heat_pump_id, at=one.at, limit_w=one.limit_w, power_w=one.power_w, read_at=one.read_at,
            steering_state=one.state,
        )
        for one in noted
    ]  # fmt: skip
    return answer(GridLimitDetailOutput(**shown, evidence=evidence))


@operation(
    "DELETE",
    ONE_LIMIT,
    Doc(
        "end_grid_limit",
        "Take a limit of the grid back",
        _TAG,
        right=Right.LIMIT_GRID,
        status=204,
        description="At once. The limit and its proof stay on record.",
    ),
)
async def end_grid_limit(call: Call, org_id: UUID, grid_limit_id: UUID) -> ApiResponse:
    """Nothing."""
    await flow.end(call.act(org_id), grid_limit_id)
    return nothing()


def _read(raw: bytes) -> NewLimit:
    given = read_fields(rename(read_json(raw), _ALIASES), GridLimitInput, partial=False, read_only=_READ_ONLY)
    if ("heat_pump_ids" in given) == ("building_id" in given):
        raise Invalid(FieldError(("body", "heat_pump_ids"), "either these or building_id must be given", "conflict"))
    connected = given.get("connected_power_w", {})
    wrong = [id_ for id_, power in connected.items() if not 0 <= power <= 1e5]
    if wrong:
        loc = ("body", "connected_power_w", str(wrong[0]))
        raise Invalid(FieldError(loc, "must lie between 0 and 100000", "range"))
    ids = tuple(dict.fromkeys(given.get("heat_pump_ids", ())))
    return NewLimit(**{**given, "heat_pump_ids": ids, "connected_power_w": connected})


async def _one(call: Call, org_id: UUID, limit_id: UUID) -> dict[str, Any]:
    """The fields of one limit; raises :class:`NotFound`."""
    async with call.services.database.read(org_id) as tx:
        found = await grid_limits.get(tx, org_id, limit_id)
        if found is None:
            raise NotFound("There is no such limit.")
        return _shown(found, await _parts(tx, [limit_id]))


async def _parts(tx: ReadTx, limit_ids: Sequence[UUID]) -> dict[UUID, tuple[list[Share], list[UUID]]]:
    """Of each limit its shares, and the heat pumps that we cannot dim."""
    found: dict[UUID, tuple[list[Share], list[UUID]]] = defaultdict(lambda: ([], []))
    for share in await grid_limits.shares_of(tx, limit_ids):
        found[share.limit_id][0].append(share)
    for limit_id, heat_pump_id in await grid_limits.unsteered(tx, limit_ids):
        found[limit_id][1].append(heat_pump_id)
    return found


def _shown(row: GridLimit, parts: dict[UUID, tuple[list[Share], list[UUID]]]) -> dict[str, Any]:
    shares, unsteered = parts[row.id]
    groups = defaultdict(list)
    for share in shares:
        groups[share.connection].append(share)
    values = {
        name: value for name, value in msgspec.structs.asdict(row).items() if name not in {"org_id", "effective_w"}
    }
    return values | {
        "effective_limit_w": row.effective_w,
        "unsteered_heat_pump_ids": unsteered,
        "connections": [
            ConnectionOutput(
                heat_pump_ids=[share.heat_pump_id for share in same],
                minimum_w=same[0].least_w,
                limit_w=same[0].connection_w,
            )
            for same in groups.values()
        ],
    }


HANDLERS = (list_grid_limits, create_grid_limit, retrieve_grid_limit, end_grid_limit)

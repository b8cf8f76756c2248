"""Machine clients of the organisation: list, make (the secret is shown once), revoke."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.operation import PAGE, Doc, answer, nothing, operation, page
from heatfleet.api.parse import Query, read_body
from heatfleet.api.services import BASE
from heatfleet.auth.passwords import new_secret, secret_digest
from heatfleet.auth.permissions import Right
from heatfleet.flows import organisation
from heatfleet.store import clients

CLIENTS = f"{BASE}/org/{{org_id:uuid}}/clients"
_TAG = "Organisation"


class ClientInput(msgspec.Struct, kw_only=True):
    """A machine client; the name is for people."""

    name: Annotated[str, Meta(max_length=100, min_length=1)]


class ClientOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A machine client; `id` is the `client_id` of the token endpoint."""

    id: UUID
    name: str
    created_at: datetime
    revoked_at: datetime | None


class NewClientOutput(ClientOutput, frozen=True, kw_only=True):
    """A machine client just made, with its secret, which is shown here and never again."""

    client_secret: str


_READ_ONLY = frozenset(ClientOutput.__struct_fields__)


@operation(
    "GET",
    CLIENTS,
    Doc(
        "list_clients",
        "List the organisation's machine clients",
        _TAG,
        right=Right.MANAGE_CLIENTS,
        answer=ClientOutput,
        is_list=True,
        query=PAGE,
        description="Revoked ones included, without secrets.",
    ),
)
async def list_clients(call: Call, org_id: UUID) -> ApiResponse:
    """A page of clients."""
    query = Query(call.query)
    after, limit = query.page()
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await clients.find(tx, org_id, after, limit + 1)
    return page(call, rows, limit, _show)


@operation(
    "POST",
    CLIENTS,
    Doc(
        "create_client",
        "Create a machine client",
        _TAG,
        right=Right.MANAGE_CLIENTS,
        answer=NewClientOutput,
        body=ClientInput,
        description="Keep `client_secret`: it is shown in this answer only. Repeated with the same `Idempotency-Key`"
        " the request is answered 409, for the secret is not kept.",
    ),
)
async def create_client(call: Call, org_id: UUID) -> ApiResponse:
    """The new client and its secret."""
    name = read_body(await call.body(), ClientInput, partial=False, read_only=_READ_ONLY - {"name"})["name"]
    secret = new_secret()
    client_id = await organisation.create_client(call.act(org_id), name, secret_digest(secret))
    async with call.services.database.read(org_id) as tx:
        client = await clients.get(tx, org_id, client_id)
    assert client is not None
    made = NewClientOutput(**msgspec.structs.asdict(_show(client)), client_secret=secret)
    return answer(made, headers={"Cache-Control": "no-store"})


@operation(
    "DELETE",
    f"{CLIENTS}/{{client_id:uuid}}",
    Doc(
        "revoke_client",
        "Revoke a machine client",
        _TAG,
        right=Right.MANAGE_CLIENTS,
        status=204,
        description="For good. Its access tokens, and those of people who signed in through it, end within 30 seconds.",
    ),
)
async def revoke_client(call: Call, org_id: UUID, client_id: UUID) -> ApiResponse:
    """Nothing."""
    await organisation.revoke_client(call.act(org_id), client_id)
    return nothing()


def _show(client: clients.Client) -> ClientOutput:
    return ClientOutput(id=client.id, name=client.name, created_at=client.created_at, revoked_at=client.revoked_at)


HANDLERS = (list_clients, create_client, revoke_client)

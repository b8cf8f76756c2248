"""The server about itself: who am I, keys, health."""

from __future__ import annotations

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.operation import Doc, answer, operation
from heatfleet.api.schemas import Health, MeOutput
from heatfleet.api.services import BASE
from heatfleet.store import health
from heatfleet.store.database import FLEET

_TAG = "Server"


@operation("GET", f"{BASE}/me", Doc("retrieve_me", "Who the token speaks for", "Authentication", answer=MeOutput))
async def me(call: Call) -> ApiResponse:
    """Organisation, role, person or client of the token."""
    who = call.who()
    return answer(MeOutput(org_id=who.org_id, role=who.role.value, user_id=who.user_id, client_id=who.client_id))


@operation(
    "GET",
    "/.well-known/jwks.json",
    Doc("retrieve_jwks", "Public keys of the access tokens", "Authentication", is_open=True),
)
async def jwks(call: Call) -> ApiResponse:
    """The key set."""
    return answer(
        call.services.keys.jwks(call.services.clock.wall_now()), headers={"Cache-Control": "public, max-age=60"}
    )


@operation("GET", "/healthz", Doc("healthz", "The process is alive", _TAG, answer=Health, is_open=True))
async def healthz(call: Call) -> ApiResponse:
    """ok."""
    return answer(Health())


@operation("GET", "/readyz", Doc("readyz", "The server can work", _TAG, answer=Health, errors=(503,), is_open=True))
async def readyz(call: Call) -> ApiResponse:
    """ok, once the database answers."""
    async with call.services.database.read(FLEET) as tx:
        await health.ping(tx)
    return answer(Health())


HANDLERS = (me, jwks, healthz, readyz)

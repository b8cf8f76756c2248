"""Machine clients over the API, and the end of tokens: within 30 seconds, in every process, without asking again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.api.edge import Edge
from heatfleet.auth import passwords
from heatfleet.auth.keys import load_keys
from heatfleet.auth.tokens import AccessTokens
from heatfleet.store.ids import new_id
from tests.api_server import Answer, Api

WITHIN = timedelta(seconds=30)
SIGN_IN = {"grant_type": "password", "username": "ada@example.com", "password": "correct horse"}


def clients(api: Api) -> str:
    return f"/org/{api.org_id}/clients"


async def sign_in(api: Api, **fields: Any) -> Answer:
    return await api.call("POST", "/auth/token", fields, token=None)


async def as_client(api: Api, made: Answer, **fields: Any) -> Answer:
    fields = fields or {"grant_type": "client_credentials"}
    return await sign_in(api, client_id=made.body["id"], client_secret=made.body["client_secret"], **fields)


async def ada(api: Api, role: str = "user") -> UUID:
    return await api.user(role, email="ada@example.com", password_hash=await passwords.hash_password("correct horse"))


async def me(api: Api, token: str) -> int:
    return (await api.call("GET", "/me", token=token)).status


async def test_the_secret_is_shown_once_and_works_at_once(api: Api) -> None:
    made = await api.call("POST", clients(api), {"name": "portal"})
    assert made.status == 200
    assert made.headers["cache-control"] == "no-store"
    assert set(made.body) == {"id", "name", "created_at", "revoked_at", "client_secret"}
    listed = await api.call("GET", clients(api))
    assert listed.body == [{name: value for name, value in made.body.items() if name != "client_secret"}]
    token = await as_client(api, made)
    assert await me(api, token.body["access_token"]) == 200


async def test_a_repeated_creation_makes_no_second_client_and_its_secret_is_kept_nowhere(api: Api) -> None:
    token, key = api.token(), {"Idempotency-Key": "once"}
    made = await api.call("POST", clients(api), {"name": "portal"}, token=token, headers=key)
    again = await api.call("POST", clients(api), {"name": "portal"}, token=token, headers=key)
    assert (made.status, again.status) == (200, 409)
    assert len((await api.call("GET", clients(api))).body) == 1
    async with api.services.database.read(api.org_id) as tx:
        kept = await tx.value("select string_agg(encode(answer, 'escape'), '') from idempotency_keys")
    assert made.body["client_secret"] not in kept


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 101}, {"name": None}, {"name": "x", "secret": "s"}])
async def test_wrong_clients_are_422(api: Api, body: dict[str, Any]) -> None:
    assert (await api.call("POST", clients(api), body)).status == 422


async def test_clients_are_paged(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.call("POST", clients(api), {"name": name})
    first = await api.call("GET", f"{clients(api)}?limit=2")
    assert [client["name"] for client in first.body] == ["a", "b"]
    following = first.headers["link"].split(">")[0][1:]
    assert [client["name"] for client in (await api.call("GET", f"/{following}")).body] == ["c"]


async def test_a_revoked_client_ends_with_all_its_tokens(api: Api, clock: Any) -> None:
    await ada(api)
    kept = await as_client(api, await api.call("POST", clients(api), {"name": "other"}))
    made = await api.call("POST", clients(api), {"name": "portal"})
    own = (await as_client(api, made)).body["access_token"]
    person = (await as_client(api, made, **SIGN_IN)).body
    for token in (own, person["access_token"]):
        assert await me(api, token) == 200
    one = f"{clients(api)}/{made.body['id']}"
    assert (await api.call("DELETE", one)).status == 204
    assert (await api.call("DELETE", one)).status == 204
    assert (await as_client(api, made)).status == 401
    clock.advance(WITHIN)
    for token in (own, person["access_token"]):
        refused = await api.call("GET", "/me", token=token)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert await me(api, kept.body["access_token"]) == 200
    assert (await api.call("GET", clients(api))).body[1]["revoked_at"] is not None
    assert (await api.call("DELETE", f"{clients(api)}/{new_id()}")).status == 404


@pytest.mark.parametrize("end", ["role", "password", "deletion"])
async def test_role_password_and_deletion_end_what_a_person_holds(api: Api, clock: Any, end: str) -> None:
    user_id = await ada(api, "staff")
    held = (await sign_in(api, **SIGN_IN)).body
    assert await me(api, held["access_token"]) == 200
    one = f"/org/{api.org_id}/users/{user_id}"
    if end == "role":
        assert (await api.call("PUT", one, {"role": "user"})).status == 200
    elif end == "deletion":
        assert (await api.call("DELETE", one)).status == 204
    else:
        await set_password(api, user_id)
    fresh = await sign_in(api, **SIGN_IN)
    assert fresh.status == (400 if end == "deletion" else 200)
    clock.advance(WITHIN)
    assert await me(api, held["access_token"]) == 401
    refreshed = await sign_in(api, grant_type="refresh_token", refresh_token=held["refresh_token"])
    assert (refreshed.status, refreshed.body["error"]) == (400, "invalid_grant")
    if end != "deletion":
        assert await me(api, fresh.body["access_token"]) == 200


async def set_password(api: Api, user_id: UUID) -> None:
    invite = await api.call("POST", f"/org/{api.org_id}/users/{user_id}/invite")
    async with api.session.get(invite.body["url"]) as page:
        assert page.status == 200
    form = {"secret": invite.body["url"].partition("secret=")[2], "password": "correct horse"}
    form["repeated"] = form["password"]
    async with api.session.post(invite.body["url"].partition("?")[0], data=form) as done:
        assert done.status == 200, await done.text()


async def test_other_changes_of_a_person_end_nothing(api: Api, clock: Any) -> None:
    user_id = await ada(api)
    held = (await sign_in(api, **SIGN_IN)).body["access_token"]
    await api.call("PUT", f"/org/{api.org_id}/users/{user_id}", {"first_name": "Augusta", "role": "user"})
    clock.advance(WITHIN)
    assert await me(api, held) == 200


class Process:
    """One more web process: its own memory, the same database and key folder."""

    def __init__(self, api: Api) -> None:
        tokens = AccessTokens(load_keys(api.services.keys.sign_key))
        self._edge = Edge(self._inner, replace(api.services, tokens=tokens, keys=tokens.ring))
        self.reads, self._seen = 0, False
        keep_up = tokens.revoked._read

        async def counted(*args: Any) -> None:
            self.reads += 1
            await keep_up(*args)

        tokens.revoked._read = counted  # type: ignore[method-assign]

    async def _inner(self, scope: Any, receive: Any, send: Any) -> None:
        self._seen = scope["heatfleet"].principal is not None

    async def accepts(self, token: str) -> bool:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope: Any = {"type": "http", "method": "GET", "path": "/x", "headers": headers, "client": ("1.1.1.1", 1)}
        await self._edge(scope, None, None)  # type: ignore[arg-type]
        return self._seen


async def test_a_token_ends_in_every_process_also_after_a_quiet_hour(api: Api, clock: Any) -> None:
    made = await api.call("POST", clients(api), {"name": "portal"})
    token = (await as_client(api, made)).body["access_token"]
    busy, quiet = Process(api), Process(api)
    assert await busy.accepts(token)
    assert await quiet.accepts(token)
    await api.call("DELETE", f"{clients(api)}/{made.body['id']}")
    clock.advance(WITHIN)
    assert not await busy.accepts(token)
    clock.advance(timedelta(hours=1))
    assert not await quiet.accepts(token)
    assert not await Process(api).accepts(token)


async def test_checking_tokens_asks_the_database_once_in_seconds_not_with_every_request(api: Api, clock: Any) -> None:
    process, token = Process(api), api.token()
    for _ in range(50):
        assert await process.accepts(token)
    assert process.reads == 1
    clock.advance(timedelta(seconds=6))
    for _ in range(50):
        assert await process.accepts(token)
    assert process.reads <= 2


async def test_revocations_are_forgotten_when_they_refuse_nothing_any_more(api: Api, clock: Any) -> None:
    for name in ("a", "b"):
        made = await api.call("POST", clients(api), {"name": name})
        await api.call("DELETE", f"{clients(api)}/{made.body['id']}")
        clock.advance(timedelta(days=1))
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select count(*) from revocations") == 1

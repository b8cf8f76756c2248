"""The invitation page over HTTP: a password is set once, and every wrong turn says so."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from heatfleet.flows.invites import PURPOSE
from heatfleet.web.languages import LANGUAGES
from tests.api_server import Answer, Api

PASSWORD = "correct horse battery"


async def invite(api: Api, user_id: UUID) -> str:
    made = await api.call("POST", f"/org/{api.org_id}/users/{user_id}/invite")
    assert made.status == 200, made.body
    return parse_qs(urlsplit(made.body["url"]).query)["secret"][0]


async def see(api: Api, secret: str, **more: Any) -> Answer:
    return await api.call("GET", "//invite", token=None, params={"secret": secret}, **more)


async def submit(api: Api, secret: str, password: str = PASSWORD, repeated: str | None = None) -> Answer:
    fields = {"secret": secret, "password": password, "repeated": password if repeated is None else repeated}
    return await api.call("POST", "//invite", token=None, data=fields)


async def sign_in(api: Api, email: str, password: str) -> Answer:
    body = {"grant_type": "password", "username": email, "password": password}
    return await api.call("POST", "/auth/token", body, token=None)


async def test_a_person_sets_a_password_and_signs_in(api: Api) -> None:
    user_id = await api.user(email="ada@example.com")
    secret = await invite(api, user_id)
    form = await see(api, secret)
    assert form.status == 200
    assert "ada@example.com" in form.body.decode()
    assert (await see(api, secret)).status == 200, "looking spends nothing"
    done = await submit(api, secret)
    assert (done.status, done.headers["location"]) == (303, "/invite/done?language=en")
    assert (await api.call("GET", f"//{done.headers['location'][1:]}", token=None)).status == 200
    assert (await sign_in(api, "ada@example.com", PASSWORD)).status == 200


async def test_a_link_is_good_once_and_dies_with_any_newer_password(api: Api) -> None:
    user_id = await api.user()
    first, second = await invite(api, user_id), await invite(api, user_id)
    assert (await submit(api, second)).status == 303
    for spent in (first, second):
        assert (await see(api, spent)).status == 410
        assert (await submit(api, spent, "another password")).status == 410
    again = await invite(api, user_id)
    assert (await submit(api, again, "another password")).status == 303


async def test_two_who_use_one_link_at_once_do_not_both_win(api: Api) -> None:
    secret = await invite(api, await api.user())
    answers = await asyncio.gather(*(submit(api, secret, f"password number {n}") for n in range(4)))
    assert sorted(answer.status for answer in answers) == [303, 410, 410, 410]


async def test_a_new_password_ends_the_persons_sessions_and_is_noted_without_it(api: Api) -> None:
    user_id = await api.user(email="ada@example.com")
    await submit(api, await invite(api, user_id))
    tokens = (await sign_in(api, "ada@example.com", PASSWORD)).body
    before = (await api.call("GET", f"/org/{api.org_id}/users/{user_id}")).headers["etag"]
    await submit(api, await invite(api, user_id), "another password")
    api.services.clock.wall += timedelta(seconds=21)  # type: ignore[attr-defined]
    me = await api.call("GET", "/me", token=tokens["access_token"])
    assert me.status == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await api.call("POST", "/auth/token", refresh, token=None)).status == 400
    assert (await sign_in(api, "ada@example.com", PASSWORD)).status == 400
    assert (await api.call("GET", f"/org/{api.org_id}/users/{user_id}")).headers["etag"] == before
    async with api.services.database.read(api.org_id) as tx:
        rows = await tx.fetch("select actor, before, after from audit where action = 'set_password'")
    assert [tuple(row) for row in rows] == [(f"user:{user_id}", None, None)] * 2


@pytest.mark.parametrize(
    ("password", "repeated", "says"),
    [
        ("short", "short", "at least 8 characters"),
        ("", "", "at least 8 characters"),
        ("x" * 1001, "x" * 1001, "too long"),
        (PASSWORD, PASSWORD + "!", "not the same"),
    ],
)
async def test_a_wrong_password_shows_the_form_again(api: Api, password: str, repeated: str, says: str) -> None:
    secret = await invite(api, await api.user())
    again = await submit(api, secret, password, repeated)
    assert again.status == 422
    assert says in re.sub(r"\s+", " ", again.body.decode())
    assert f'value="{secret}"' in again.body.decode()
    assert (await submit(api, secret)).status == 303


async def test_a_link_that_is_not_ours_or_whose_person_is_gone_is_404(api: Api) -> None:
    user_id = await api.user()
    secret = await invite(api, user_id)
    other = api.services.secrets.sign(PURPOSE + "-x", "a|b|c", api.services.clock.wall_now())
    for wrong in ("", "x.y", secret + "x", secret[:-4], "é", other):
        assert (await see(api, wrong)).status == 404, wrong
        assert (await submit(api, wrong)).status == 404, wrong
    assert (await api.call("GET", "//invite", token=None)).status == 404
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute("update users set deleted_at = now() where id = $1", user_id)
    assert (await see(api, secret)).status == 404
    assert (await submit(api, secret)).status == 404


async def test_the_page_lets_nothing_in_and_tells_nobody(api: Api) -> None:
    user_id = await api.user(email="o'<b>x@example.com")
    page = await see(api, await invite(api, user_id))
    policy = page.headers["content-security-policy"]
    assert "form-action 'self';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert b"<b>x" not in page.body
    assert b"<script" not in page.body


async def test_it_speaks_the_persons_language(api: Api) -> None:
    secret = await invite(api, await api.user())
    titles = set()
    for language in LANGUAGES:
        page = await api.call("GET", "//invite", token=None, params={"secret": secret, "language": language})
        assert f'<html lang="{language}">' in page.body.decode()
        titles.add(re.search(r"<h1>(.+)</h1>", page.body.decode())[1])  # type: ignore[index]
    assert len(titles) == len(LANGUAGES)
    german = await see(api, secret, headers={"Accept-Language": "de-AT"})
    assert '<html lang="de">' in german.body.decode()
    assert 'name="language" value="de"' in german.body.decode()
    odd = await api.call("GET", "//invite", token=None, params={"secret": secret, "language": "../x"})
    assert '<html lang="en">' in odd.body.decode()

"""Links to the owner's page: who may make them, whom they let in, and when they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.auth.errors import Unauthenticated
from heatfleet.flows import home
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.store.ids import new_id
from tests.api_server import Api
from tests.web.homes import Owner, connected_pump, make_link, text


def path(org_id: UUID, user_id: UUID, pump_id: UUID) -> str:
    return f"/org/{org_id}/users/{user_id}/heat-pumps/{pump_id}/home-link"


async def entered(api: Api, user_id: UUID, pump_id: UUID) -> Owner:
    owner = Owner(api, user_id, pump_id)
    await owner.open(await make_link(api, user_id, pump_id))
    return owner


async def test_a_link_lives_400_days_and_is_noted_without_its_secret(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    made = await api.call("POST", path(api.org_id, user_id, pump_id))
    assert made.body["url"].startswith(f"{api.url}/home?secret=")
    assert made.body["expires_at"] == "2025-02-11T06:00:00Z"
    assert made.headers["cache-control"] == "no-store"
    async with api.services.database.read(api.org_id) as tx:
        after = await tx.value("select after from audit where action = 'home_link' and object_id = $1", pump_id)
    assert after == {"expires_at": "2025-02-11T06:00:00Z", "revoke_older": False}


async def test_who_may_make_a_link_for_whom(api: Api, clock: Any, other_org_id: UUID) -> None:
    me, you = await api.user(), await api.user()
    mine, yours = await connected_pump(api, me, clock.now), await connected_pump(api, you, clock.now)
    staff, user = api.token("staff", await api.user("staff")), api.token("user", me)
    for token, org_id, user_id, pump_id, status in (
        (None, api.org_id, me, mine, 401),
        ("admin", other_org_id, me, mine, 404),
        ("admin", api.org_id, you, mine, 404),
        ("admin", api.org_id, me, new_id(), 404),
        ("admin", api.org_id, me, mine, 200),
        (staff, api.org_id, you, yours, 200),
        (user, api.org_id, me, mine, 200),
        (user, api.org_id, you, yours, 404),
        (user, api.org_id, me, yours, 404),
    ):
        answer = await api.call("POST", path(org_id, user_id, pump_id), token=token)
        assert answer.status == status, (user_id, pump_id, status)


async def test_no_list_or_object_shows_a_link(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    await make_link(api, user_id, pump_id)
    for where in (f"/org/{api.org_id}/heat-pumps", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}"):
        assert "/home?" not in str((await api.call("GET", where)).body)


async def test_the_secret_becomes_a_cookie_of_this_page_alone(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    owner = Owner(api, user_id, pump_id)
    came = await owner.open(await make_link(api, user_id, pump_id))
    assert (came.status, came.headers["location"]) == (303, f"/home/{pump_id}")
    assert came.headers["referrer-policy"] == "no-referrer"
    cookie = came.headers["set-cookie"]
    assert f"Path=/home/{pump_id};" in cookie
    assert {"HttpOnly", "SameSite=lax", "Max-Age=34560000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie, "this server speaks plain HTTP"
    page = await owner.see()
    assert owner.last.status == 200
    assert owner.cookies["heatfleet_home"] not in page


async def test_over_https_the_cookie_is_secure(api: Api, clock: Any) -> None:
    from heatfleet.web.home import HomePages
    from heatfleet.web.pages import go

    pages, answer = HomePages(replace(api.services, public_url="https://pumps.example")), go("/")
    pages._set_cookie(answer, "name", "value", "/home/x")
    assert answer.cookies[0].secure
    assert answer.cookies[0].httponly


async def test_a_link_opens_one_page_only(api: Api, clock: Any) -> None:
    me, you = await api.user(), await api.user()
    mine, yours = await connected_pump(api, me, clock.now), await connected_pump(api, you, clock.now)
    owner = await entered(api, me, mine)
    for method, where in (("GET", ""), ("GET", "/disconnect"), ("POST", "/save/resume"), ("POST", "/disconnect")):
        answer = await owner.ask(method, f"/home/{yours}{where}")
        assert answer.status == 404, where
        assert "Air 8" not in text(answer)


async def test_without_a_cookie_or_with_a_wrong_one_there_is_a_page_that_says_so(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    owner = Owner(api, user_id, pump_id)
    assert "Open this page with your link" in await owner.see()
    assert owner.last.status == 403
    secret = (await make_link(api, user_id, pump_id)).partition("secret=")[2]
    now = clock.wall_now()
    other_purpose = api.services.secrets.sign("home-form", home.HomeKey(api.org_id, pump_id, user_id, 1).subject, now)
    for wrong in ("x.y", secret + "x", secret[:-4], other_purpose):
        assert "This link is not valid" in text(await owner.ask("GET", f"/home?secret={wrong}")), wrong
        assert owner.last.status == 404
        owner.cookies["heatfleet_home"] = wrong
        assert "This link is not valid" in await owner.see()
    assert (await owner.ask("GET", "/home")).status == 403


async def test_a_link_expires_and_the_cookie_with_it(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    link = await make_link(api, user_id, pump_id)
    owner = Owner(api, user_id, pump_id)
    await owner.open(link)
    clock.wall += home.LIFE - timedelta(seconds=1)
    assert (await owner.open(link)).status == 303
    clock.wall += timedelta(seconds=1)
    assert (await owner.open(link)).status == 410
    assert "This link has expired" in await owner.see()
    assert owner.last.status == 410


@pytest.mark.parametrize("how", ["newer link", "user deleted", "pump deleted", "disconnected"])
async def test_what_ends_a_link(api: Api, clock: Any, how: str) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    link = await make_link(api, user_id, pump_id)
    owner = await entered(api, user_id, pump_id)
    other = await make_link(api, user_id, pump_id)
    assert (await owner.open(link)).status == 303, "another link ends none"
    if how == "newer link":
        newest = await make_link(api, user_id, pump_id, revoke_older="true")
    elif how == "user deleted":
        await api.call("DELETE", f"/org/{api.org_id}/users/{user_id}")
    elif how == "pump deleted":
        await api.call("DELETE", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}")
    else:
        assert (await owner.send("disconnect", sure="yes")).status == 303
    status = 410 if how in {"newer link", "disconnected"} else 404
    for old in (link, other):
        assert (await owner.open(old)).status == status
    await owner.see()
    assert owner.last.status == status
    assert (await owner.ask("POST", f"{owner.path}/save/resume")).status == status
    if how == "newer link":
        assert (await owner.open(newest)).status == 303
        await owner.see()
        assert owner.last.status == 200
    if how == "disconnected":
        assert (await api.call("POST", path(api.org_id, user_id, pump_id))).status == 409


async def test_a_link_stays_dead_when_the_pump_is_connected_again(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    link = await make_link(api, user_id, pump_id)
    owner = await entered(api, user_id, pump_id)
    await owner.send("disconnect", sure="yes")
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute("update heat_pumps set lifecycle_state = 'authenticated' where id = $1", pump_id)
    assert (await owner.open(link)).status == 410
    assert (await owner.open(await make_link(api, user_id, pump_id))).status == 303


async def test_the_link_for_the_done_page(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    act = Act(api.services.database, clock, Actor("test"), api.org_id)
    link = await home.home_link(act, api.services.secrets, api.services.public_url, pump_id)
    assert link is not None
    assert (await Owner(api, user_id, pump_id).open(link)).status == 303
    assert await home.home_link(act, api.services.secrets, api.services.public_url, new_id()) is None


async def test_a_secret_says_its_purpose(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    secret = (await make_link(api, user_id, pump_id)).partition("secret=")[2]
    for other in ("invite", "cue", "connect-device", "connect-state", "home-form"):
        with pytest.raises(Unauthenticated):
            api.services.secrets.open(other, secret, clock.wall_now())


async def test_pages_count_towards_the_rate_limit(api: Api, clock: Any) -> None:
    user_id = await api.user()
    owner = await entered(api, user_id, await connected_pump(api, user_id, clock.now))
    before = int(owner.last.headers["ratelimit-remaining"])
    await owner.see()
    assert int(owner.last.headers["ratelimit-remaining"]) == before - 1

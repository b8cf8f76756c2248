"""Invitations by the API: who may send them, whom to, what the link says."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from heatfleet.store.ids import new_id
from tests.api_server import Api


def invite(org_id: UUID, user_id: UUID) -> str:
    return f"/org/{org_id}/users/{user_id}/invite"


async def test_an_invite_is_a_link_for_three_days_and_is_noted_without_its_secret(api: Api) -> None:
    user_id = await api.user()
    made = await api.call("POST", invite(api.org_id, user_id))
    assert made.status == 200, made.body
    assert made.body["url"].startswith(f"{api.url}/invite?secret=")
    assert made.body["expires_at"] == "2024-01-11T06:00:00Z"
    assert made.headers["cache-control"] == "no-store"
    async with api.services.database.read(api.org_id) as tx:
        after = await tx.value("select after from audit where action = 'invite' and object_id = $1", user_id)
    assert after == {"expires_at": "2024-01-11T06:00:00Z"}


async def test_who_may_invite_whom(api: Api, other_org_id: UUID) -> None:
    user_id, staff_id, admin_id = await api.user(), await api.user("staff"), await api.user("admin")
    staff, user = api.token("staff", staff_id), api.token("user", user_id)
    for token, org_id, invited, status in (
        (None, api.org_id, user_id, 401),
        ("admin", other_org_id, user_id, 404),
        ("admin", api.org_id, new_id(), 404),
        ("admin", api.org_id, admin_id, 200),
        (staff, api.org_id, user_id, 200),
        (staff, api.org_id, staff_id, 403),
        (staff, api.org_id, admin_id, 403),
        (user, api.org_id, user_id, 403),
        (user, api.org_id, staff_id, 403),
    ):
        assert (await api.call("POST", invite(org_id, invited), token=token)).status == status, (token, invited)


@pytest.mark.parametrize("life", [timedelta(hours=71, minutes=59), timedelta(hours=72)])
async def test_a_link_lives_for_72_hours_of_the_wall_clock(api: Api, life: timedelta) -> None:
    made = await api.call("POST", invite(api.org_id, await api.user()))
    api.services.clock.wall += life  # type: ignore[attr-defined]
    async with api.session.get(made.body["url"]) as page:
        assert page.status == (200 if life < timedelta(hours=72) else 410)

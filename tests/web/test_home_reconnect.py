"""Who has disconnected connects again: by the heat pump's own link, or as a new one, but not before all is restored."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from heatfleet.flows.monitor import monitor
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store.database import FLEET
from heatfleet.vendors.kit.grants import SealKeys
from tests.api_server import Answer, Api
from tests.web import journey
from tests.web.homes import Owner, make_link, text

URLS = {"success_url": "https://portal.example/ok", "cancel_url": "https://portal.example/no"}


async def sign_in(api: Api, session_id: str) -> Answer:
    """A person's way through the Connect pages, to the very end or as far as it goes."""
    back = await journey.sign_in(api, session_id)
    return await journey.finish(api, session_id) if back.status == 303 else back


async def new_session(api: Api, user_id: UUID) -> str:
    body = {"language": "en", "price_zone_default": "AT", "user_id": str(user_id)}
    return str((await api.call("POST", "/device-onboarding", body | URLS)).body["id"])


def device_of(answer: Answer) -> UUID:
    assert answer.status == 303, text(answer)
    return UUID(parse_qs(urlsplit(answer.headers["location"]).query)["deviceId"][0])


async def disconnected(api: Api, user_id: UUID) -> Owner:
    """An owner who has connected a heat pump and disconnected it on their page."""
    pump_id = device_of(await sign_in(api, await new_session(api, user_id)))
    owner = Owner(api, user_id, pump_id)
    await owner.open(await make_link(api, user_id, pump_id))
    assert (await owner.send("disconnect", sure="yes")).status == 303
    return owner


async def read_all(api: Api, clock: Any) -> None:
    """The worker's next look at every pump."""
    await monitor(Tools(api.services.database, clock, api.vendors, SealKeys((bytes(32),))))


async def test_a_disconnected_pump_can_be_connected_anew_once_it_is_forgotten(api: Api, clock: Any) -> None:
    user_id = await api.user()
    owner = await disconnected(api, user_id)
    early = await sign_in(api, await new_session(api, user_id))
    assert "still being restored" in text(early)
    await read_all(api, clock)
    again = device_of(await sign_in(api, await new_session(api, user_id)))
    assert again != owner.pump_id
    states = {
        pump["id"]: pump["lifecycle_state"] for pump in (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body
    }
    assert states == {str(owner.pump_id): "disconnected", str(again): "authenticated"}


async def test_by_its_own_link_it_comes_back_as_it_was_but_optimisation_stays_off(api: Api, clock: Any) -> None:
    owner = await disconnected(api, await api.user())
    await read_all(api, clock)
    seen = await owner.settings()
    assert (seen["is_authenticated"], seen["external_device_id"]) == (False, "")
    async with api.session.get(seen["authorization_url"], allow_redirects=False) as link:
        session_id = parse_qs(urlsplit(link.headers["location"]).query)["onboarding_session_id"][0]
    assert device_of(await sign_in(api, session_id)) == owner.pump_id
    seen = await owner.settings()
    assert (seen["lifecycle_state"], seen["is_authenticated"]) == ("authenticated", True)
    assert seen["is_smart_optimization_active"] is False
    assert seen["external_device_id"] == "dev-1"


async def test_its_own_link_works_even_while_something_is_owed(api: Api, clock: Any) -> None:
    """Else a lost sign-in could keep the owner's settings from ever coming back."""
    owner = await disconnected(api, await api.user())
    async with api.services.database.write(FLEET) as tx:
        await tx.execute("update connections set status = 'lost'")
    async with api.session.get((await owner.settings())["authorization_url"], allow_redirects=False) as link:
        session_id = parse_qs(urlsplit(link.headers["location"]).query)["onboarding_session_id"][0]
    assert device_of(await sign_in(api, session_id)) == owner.pump_id


async def test_the_last_page_of_connecting_leads_to_the_owners_page(api: Api, clock: Any) -> None:
    pump = await api.pump(await api.user())
    async with api.session.get(pump["authorization_url"], allow_redirects=False) as link:
        session_id = parse_qs(urlsplit(link.headers["location"]).query)["onboarding_session_id"][0]
    done = (await sign_in(api, session_id)).headers["location"]
    async with api.session.get(done) as last:
        found = re.search(r'href="([^"]*/home\?secret=[^"]+)"', await last.text())
    assert found is not None
    owner = Owner(api, UUID(pump["owner"]["id"]), UUID(pump["id"]))
    await owner.open(found[1])
    await owner.see()
    assert owner.last.status == 200
    clock.wall += timedelta(days=2)
    for later in (done, f"{api.url}/connect/done?deviceId={pump['id']}"):
        async with api.session.get(later) as last:
            assert "/home?" not in await last.text(), "neither an old session nor a bare id gives a link"

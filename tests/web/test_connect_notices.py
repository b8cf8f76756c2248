"""What a maker says of a heat pump when it is connected is there for its owner at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp

from heatfleet.store.database import Database
from heatfleet.vendors.kit.emulation.cloud import Place
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.myuplink.emulator import PASSWORD, Emulator, device_id, username
from tests.api_server import running_api
from tests.vendors.serving import served
from tests.web import journey


async def test_one_of_two_heat_pumps_is_chosen_and_its_notice_is_an_action(
    database: Database, clock: Any, org_id: UUID, key_file: Path
) -> None:
    cloud = Emulator(Place(clock, mild_winter), [[0, 1]])
    cloud.raise_alarm(device_id(1), 183, "Clean the air filter")
    vendors = VendorSession(clock)
    async with served(cloud) as root:
        registry = load_registry(vendors.http, {"myuplink": dict(cloud.config(root))})
        async with running_api(database, clock, org_id, key_file, registry) as api, aiohttp.ClientSession() as browser:
            user_id = await api.user()
            urls = {"success_url": "https://portal.example/ok", "cancel_url": "https://portal.example/no"}
            body = {"language": "sv", "price_zone_default": "SE_3", "user_id": str(user_id), **urls}
            session_id = (await api.call("POST", "/device-onboarding", body)).body["id"]
            away = await journey.agree(api, session_id, "myuplink")
            answer = await sign_in_by_redirect(browser, away.headers["location"], username(0), PASSWORD)
            back = await api.call("GET", "//connect/callback", token=None, params=dict(answer))
            assert "/connect/choose" in back.headers["location"], back.body
            chosen = {"onboarding_session_id": session_id, "device": device_id(1)}
            await api.call("POST", "//connect/choose", token=None, data=chosen)
            done = await journey.finish(api, session_id)
            device = parse_qs(urlsplit(done.headers["location"]).query)["deviceId"][0]
            pump = (await api.call("GET", f"/org/{org_id}/users/{user_id}/heat-pumps/{device}")).body
            assert (pump["device_model"]["manufacturer"], pump["device_model"]["model"]) == ("NIBE", "S735-7")
            [action] = [one for one in pump["actions"] if one["metadata"].get("code") == "notice"]
            assert (action["code"], action["metadata"]["message"]) == ("information", "Clean the air filter")
            assert pump["has_notification"]
    await vendors.close()

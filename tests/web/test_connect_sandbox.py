"""The Connect pages against the sandbox cloud: from the session to a pump with readings, over HTTP only."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp

from heatfleet.store.database import Database
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.sandbox.emulator import PASSWORD, Emulator
from tests.api_server import running_api
from tests.vendors.serving import served
from tests.web.journey import agree, device_of, finish


async def test_a_sandbox_pump_is_connected_and_read(
    database: Database, clock: Any, org_id: UUID, key_file: Path
) -> None:
    cloud = Emulator(seed=2, homes_count=3, clock=clock, weather=mild_winter, calls_per_minute=60)
    vendors = VendorSession(clock)
    async with served(cloud) as root:
        registry = load_registry(vendors.http, {"sandbox": dict(cloud.config(root))})
        async with running_api(database, clock, org_id, key_file, registry) as api, aiohttp.ClientSession() as browser:
            user_id = await api.user()
            body = {"language": "sv", "price_zone_default": "SE_3", "user_id": str(user_id)}
            urls = {"success_url": "https://portal.example/ok", "cancel_url": "https://portal.example/no"}
            made = await api.call("POST", "/device-onboarding", body | urls)
            step = (await agree(api, made.body["id"], "sandbox")).headers["location"]
            answer = await sign_in_by_redirect(browser, step, cloud.username(1), PASSWORD)
            back = await api.call("GET", "//connect/callback", token=None, params=dict(answer))
            assert back.status == 303, back.body
            device = device_of(await finish(api, made.body["id"]))
            pump = (await api.call("GET", f"/org/{org_id}/users/{user_id}/heat-pumps/{device}")).body
            assert pump["price_zone"] == "SE_3"
            assert 10 < pump["indoor_actual_temperature"] < 30
            assert pump["device_model"]["cloud_service"] is not None
            assert pump["operational_mode"] in {"off", "standby", "heating", "hot water", "defrost"}
    await vendors.close()

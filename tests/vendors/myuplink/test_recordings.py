"""The driver against what real installations have sent, served over HTTP as it was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.vendors.kit.driver import Driver, Grant, Hindrance, Write
from heatfleet.vendors.kit.emulation.asgi import EmulatedCloud, Request, Response, answer, fail
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from tests.vendors.myuplink.test_points import RECORDINGS
from tests.vendors.serving import served

ROBIN, BATMAN = (f"{name}-r-1234-20240201-123456-aa-bb-cc-dd-ee-ff" for name in ("robin", "batman"))
FILES = {
    "/v2/systems/me": "systems-2dev.json",
    f"/v2/devices/{ROBIN}/points": "device_points_nibe_f730.json",
    f"/v2/devices/{BATMAN}/points": "device_points_ctc_i555.json",
}
TOKENS = {"access_token": "opaque", "refresh_token": "r", "expires_in": 3600, "token_type": "Bearer"}


class Recorded(EmulatedCloud):
    """Answers from files; takes every PATCH and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.patched: list[Any] = []

    async def handle(self, request: Request) -> Response:
        if request.path == "/oauth/token":
            return answer(TOKENS)
        if request.path.endswith("/subscriptions"):
            return Response(204)
        if request.path.endswith("/notifications/active"):
            return answer({"page": 1, "itemsPerPage": 10, "numItems": 0, "notifications": []})
        if request.method == "PATCH":
            self.patched.append(request.json())
            return answer({"status": 200, "payload": dict.fromkeys(request.json(), "modified")})
        if request.path in FILES:
            return Response(200, (RECORDINGS / FILES[request.path]).read_bytes())
        fail(404, "not_recorded")


@pytest.fixture
async def replay(clock: Any) -> AsyncIterator[tuple[Recorded, Driver, Grant]]:
    if not RECORDINGS.exists():
        pytest.skip(f"the recordings are not here: {RECORDINGS}")
    clock.now += timedelta(days=3650)
    cloud, session = Recorded(), VendorSession(clock)
    async with served(cloud) as root:
        config = {"base_url": root, "client_id": "i", "client_secret": "s"}
        driver = load_registry(session.http, {"myuplink": config}).driver("myuplink")
        yield cloud, driver, await driver.finish_sign_in({"code": "c"}, "http://localhost/callback")
        await session.close()


async def test_a_recorded_system_is_listed_with_what_it_can_do(replay: tuple[Recorded, Driver, Grant]) -> None:
    _, driver, grant = replay
    [robin] = await driver.list_devices(grant)  # the other one shows nothing that we know
    assert (robin.external_device_id, robin.model) == (ROBIN, "F730 CU 3x400V")
    assert robin.name == "Gotham City (F730 CU 3x400V 2222)", "told from the other one"
    assert set(robin.levers) == {
        Lever.CURVE_OFFSET_K, Lever.INDOOR_SETPOINT_C, Lever.DHW_BOOST, Lever.DHW_SETPOINT_C,
    }  # fmt: skip
    reasons = {one.what: one.why for one in robin.cannot}
    assert reasons[Lever.CURVE_OFFSET_K] is Hindrance.SUBSCRIPTION
    assert reasons[Channel.ENERGY_KWH] is Hindrance.MODEL


async def test_a_recorded_device_is_read_as_current_while_the_cloud_hears_it(
    replay: tuple[Recorded, Driver, Grant],
) -> None:
    _, driver, grant = replay
    [snapshot] = await driver.read(grant, [ROBIN])
    assert isinstance(snapshot, Snapshot)
    assert snapshot.value(Channel.OUTDOOR_TEMP_C) == -9.3
    assert {reading.at for reading in snapshot.readings} == {snapshot.polled_at}
    assert snapshot.notices == ()


async def test_writes_go_out_in_the_recorded_words(replay: tuple[Recorded, Driver, Grant]) -> None:
    cloud, driver, grant = replay
    writes = [Write(Lever.CURVE_OFFSET_K, -2.0), Write(Lever.INDOOR_SETPOINT_C, 21.5), Write(Lever.DHW_BOOST, 1.0)]
    assert (await driver.write(grant, ROBIN, writes)).accepted
    assert cloud.patched == [{"47011": "-2", "47398": "21.5", "50004": "1"}]

"""The contract over a real broker: the real agent, topics, last will, what lies at the broker, what foreigners say."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiomqtt
import msgspec
import pytest

from heatfleet.bridge.mqtt import carry
from heatfleet.clocks import RealClock
from heatfleet.domain.errors import Invalid, TryAgain
from heatfleet.domain.readings import Channel
from heatfleet.store import gateways
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.driver import Write
from heatfleet.vendors.kit.gateway_contract import Ack, AckStatus, Command, Profile, State
from heatfleet.vendors.kit.mqtt_topics import client_of, device_topic, online_topic, parse_topic
from tests.bridge.world import RANGE, STATE, Server, agent_process, claimed, server_of, until

pytestmark = pytest.mark.external
MOSQUITTO = shutil.which("mosquitto")


@pytest.fixture
def unused_port() -> int:
    """A port for a broker of the test's own."""
    if MOSQUITTO is None:
        pytest.skip("needs the broker mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
async def broker(unused_port: int, tmp_path: Path) -> AsyncIterator[str]:
    """A Mosquitto of the test's own."""
    async with mosquitto(unused_port, tmp_path) as url:
        yield url


@asynccontextmanager
async def mosquitto(port: int, folder: Path) -> AsyncIterator[str]:
    assert MOSQUITTO is not None
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", str(config), stderr=asyncio.subprocess.DEVNULL)
    url = f"mqtt://127.0.0.1:{port}"
    try:
        await until(lambda: _answers(url), aiomqtt.MqttError)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _answers(url: str) -> bool:
    async with client_of(url, f"probe-{uuid4().hex}"):
        return True


@asynccontextmanager
async def carrying(server: Server, url: str) -> AsyncIterator[None]:
    task = asyncio.create_task(carry(server.services, url))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_pair_read_steer_confirm_and_last_will(
    database: Database, org_id: UUID, broker: str, tmp_path: Path
) -> None:
    async with server_of(database, RealClock(), org_id) as server, carrying(server, broker):
        code = await server.code()
        arguments = ["--simulate", "--mqtt", broker, "--server", server.url, "--code", code]
        async with agent_process(*arguments, state_dir=tmp_path) as process:
            grant = await claimed(server, code)
            [device] = await server.driver.list_devices(grant)
            assert await until(lambda: _done(server, grant, device.external_device_id, 3.0), TryAgain, every_s=0.3)
            [snapshot] = await server.driver.read(grant, [device.external_device_id])
            assert snapshot.value(Channel.SG_READY_STATE) == 3.0
            process.send_signal(signal.SIGKILL)
            await process.wait()
            await until(lambda: _is_offline(server, UUID(grant.account_id)), every_s=0.1)
            with pytest.raises(TryAgain) as fault:
                await server.driver.write(grant, device.external_device_id, [Write(STATE, 1.0, 60)])
            assert fault.value.code == "device_offline"


async def _done(server: Server, grant: Any, device: str, state: float) -> bool:
    receipt = await server.driver.write(grant, device, [Write(STATE, state, 900)])
    return bool(receipt.accepted)


async def _is_offline(server: Server, gateway_id: UUID) -> bool:
    async with server.services.database.read(FLEET) as tx:
        gateway = await gateways.get(tx, gateway_id)
    return gateway is not None and not gateway.is_online(server.services.clock.wall_now())


async def test_a_command_that_lies_at_the_broker_is_nobodys_wish(
    database: Database, org_id: UUID, broker: str, tmp_path: Path
) -> None:
    async with server_of(database, RealClock(), org_id) as server, carrying(server, broker):
        code = await server.code()
        paired = await server.paired(code)
        (tmp_path / "gateway.json").write_bytes(
            msgspec.json.encode({"server": server.url, "gateway_id": paired.gateway_id, "token": paired.token})
        )
        device = f"virtual-{paired.gateway_id}"
        now = RealClock().wall_now()
        topics = (device_topic(paired.gateway_id, device, "cmd"), device_topic(paired.gateway_id, device, "ack"))
        async with client_of(broker, "test") as client:
            await client.subscribe(topics[1], qos=1)
            retained = Command(new_id(), device, {str(STATE): 1.0}, 7000, now)
            await client.publish(topics[0], msgspec.json.encode(retained), qos=1, retain=True)
            async with agent_process("--simulate", "--mqtt", broker, state_dir=tmp_path):
                grant = await claimed(server, code)
                fresh = Command(new_id(), device, {str(STATE): 3.0}, 900, RealClock().wall_now())
                for command in (fresh, fresh):
                    await client.publish(topics[0], msgspec.json.encode(command), qos=1)
                acks = [await _ack(client) for _ in range(2)]
                assert acks == [Ack(fresh.id, AckStatus.DONE), Ack(fresh.id, AckStatus.REPLAYED, acks[1].detail)]
                [snapshot] = await server.driver.read(grant, [device])
                assert snapshot.value(Channel.SG_READY_STATE) == 3.0


async def _ack(client: aiomqtt.Client) -> Ack:
    async with asyncio.timeout(30):
        message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    return msgspec.json.decode(message.payload, type=Ack)


async def test_strangers_and_nonsense_change_nothing(database: Database, org_id: UUID, broker: str) -> None:
    async with server_of(database, RealClock(), org_id) as server, carrying(server, broker):
        code = await server.code()
        paired = await server.paired(code)
        async with client_of(broker, "stranger") as client:
            for gateway_id in (uuid4(), paired.gateway_id):
                await client.publish(online_topic(gateway_id), b"1", qos=1)
                for payload in (b"", b"{", b'{"type":"state"}', b"x" * 70_000):
                    await client.publish(device_topic(gateway_id, "pump", "state"), payload, qos=1)
            await client.publish("hp/no-uuid/online", b"1", qos=1)
            profile = Profile("Pump", "SG-Ready", "x", [str(STATE)], {str(STATE): RANGE})
            last = State("last", RealClock().wall_now(), profile, {})
            await client.publish(device_topic(paired.gateway_id, "last", "state"), msgspec.json.encode(last), qos=1)
            await until(lambda: _devices(database), every_s=0.1)
        assert await _devices(database) == ["last"]


async def _devices(database: Database) -> list[str]:
    async with database.read(FLEET) as tx:
        return [row[0] for row in await tx.fetch("select device_id from gateway_devices")]


async def test_server_and_agent_survive_a_restart_of_the_broker(
    database: Database, org_id: UUID, tmp_path: Path, unused_port: int
) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_of(database, RealClock(), org_id))
        async with mosquitto(unused_port, tmp_path) as url:
            await stack.enter_async_context(carrying(server, url))
            code = await server.code()
            arguments = ["--simulate", "--mqtt", url, "--server", server.url, "--code", code]
            await stack.enter_async_context(agent_process(*arguments, state_dir=tmp_path))
            grant = await claimed(server, code)
        async with mosquitto(unused_port, tmp_path):
            device = f"virtual-{grant.account_id}"
            assert await until(lambda: _done(server, grant, device, 3.0), TryAgain, every_s=0.3)


def test_topics() -> None:
    one = UUID(int=1)
    assert device_topic(one, "relay/1#2", "state") == f"hp/{one}/relay%2F1%232/state"
    assert parse_topic(f"hp/{one}/x/state") == (one, "state")
    assert parse_topic(f"hp/{one}/online") == (one, "online")
    assert [parse_topic(t) for t in ("hp/x/online", "other", f"hp/{one}", "")] == [None] * 4
    for url in ("http://x", "mqtt://", "x"):
        with pytest.raises(Invalid):
            client_of(url, "x")

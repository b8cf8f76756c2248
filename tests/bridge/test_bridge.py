"""The bridge: who gets in, what is saved, how commands cross processes, what is shown out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from heatfleet.domain.errors import AccessLost, NotFound, TryAgain
from heatfleet.domain.readings import Channel
from heatfleet.flows import gateway as flow
from heatfleet.flows.toolbox import Act
from heatfleet.store import gateway_signals, gateways, onboarding, privacy
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET, Database
from heatfleet.store.gateway_signals import Signal, What
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import NewConnection
from heatfleet.vendors.kit.driver import Write
from heatfleet.vendors.kit.gateway_contract import MAX_DEVICES, Ack, AckStatus
from heatfleet.vendors.kit.grants import TokenStale
from tests.bridge.world import STATE, Server, joined, server_of, until

MAX = [Write(STATE, 3.0, 900.0)]


@pytest.fixture
async def server(database: Database, clock: Any, org_id: UUID) -> AsyncIterator[Server]:
    async with server_of(database, clock, org_id) as running:
        yield running


async def test_without_a_token_there_is_nothing(server: Server) -> None:
    for path in ("/gateway/devices", "/gateway/devices/x/commands"):
        method = server.session.get if path.endswith("devices") else server.session.post
        for headers in ({}, {"Authorization": "Bearer guess"}):
            async with method(server.url + path, headers=headers) as answer:
                assert answer.status == 401
    for token in ("", "guess"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with server.socket(token):
                pytest.fail("let in")
        assert refused.value.status == 403


async def test_only_a_person_who_signs_in_gets_a_code(server: Server) -> None:
    for state in ("", "forged.state", await _expired(server)):
        assert (await server.post("/gateway/pairings", {"state": state}))[0] in (401, 404)


async def _expired(server: Server) -> str:
    state = await server.state()
    async with server.services.database.write(FLEET) as tx:
        await tx.execute("update onboarding_sessions set state = 'cancelled'")
    return state


async def test_pairing_waits_for_the_agent_and_for_a_pump(server: Server, clock: Any) -> None:
    code = await server.code()
    assert len(code) == 9
    with pytest.raises(TryAgain) as pending:
        await server.driver.finish_sign_in({"code": code}, "")
    assert pending.value.code == "sign_in_pending"
    paired = await server.paired(code.lower().replace("-", " "))
    with pytest.raises(TryAgain):
        await server.driver.finish_sign_in({"code": code}, "")
    async with server.socket(paired.token) as socket:
        await socket.receive()
        await socket.tell()
        await until(lambda: _has_told(server, paired.gateway_id))
        grant = await server.driver.finish_sign_in({"code": code}, "")
        assert grant.account_id == str(paired.gateway_id)
        assert [d.external_device_id for d in await server.driver.list_devices(grant)] == ["pump-1"]
    status, _ = await server.post("/gateway/pair", {"code": code})
    assert status == 404, "a code pairs one agent"
    clock.advance(timedelta(minutes=61))
    with pytest.raises(AccessLost):
        await server.driver.finish_sign_in({"code": code}, "")


async def _has_told(server: Server, gateway_id: UUID) -> bool:
    async with server.services.database.read(FLEET) as tx:
        return await gateways.has_devices(tx, gateway_id)


async def _read(server: Server, home: Any, *devices: str) -> Any:
    """The snapshots of all these pumps, or none."""
    found = await server.driver.read(home.grant, devices)
    return found if len(found) == len(devices) else []


async def test_a_page_that_asks_twice_gets_the_same_grant(server: Server) -> None:
    async with joined(server) as home:
        again = await server.driver.finish_sign_in({"code": home.code}, "")
        assert again == home.grant
        assert await server.driver.list_devices(home.grant)
    async with joined(server) as other:
        assert other.grant.secret != home.grant.secret


async def test_when_the_owners_account_ends_so_does_the_gateway(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        connection = NewConnection(new_id(), server.user_id, "sgready", home.grant.account_id, b"sealed", None)
        async with server.services.database.write(FLEET) as tx:
            await onboarding.insert_connection(tx, server.org_id, connection, clock.now)
            assert await privacy.forget_grants(tx, [connection.id], clock.now) == 1
        assert await home.socket.closed() == 4409
        with pytest.raises(TokenStale):
            await server.driver.list_devices(home.grant)


async def test_guessing_codes_is_slowed_down(server: Server) -> None:
    statuses = [(await server.post("/gateway/pair", {"code": f"AAAA-{n:04}"}))[0] for n in range(25)]
    assert statuses[:20] == [404] * 20
    assert set(statuses[20:]) == {429}


async def test_what_a_gateway_tells_is_read_by_its_driver(server: Server, clock: Any) -> None:
    async with joined(server, ["pump-1", "pump-2"]) as home:
        snapshots = await server.driver.read(home.grant, ["pump-2", "gone"])
        assert [s.external_device_id for s in snapshots] == ["pump-2"]
        assert snapshots[0].value(Channel.SG_READY_STATE) == 2.0
        assert snapshots[0].readings[0].at == clock.fleet_now()


async def test_instants_are_moved_onto_the_fleet_clock(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        wrong = clock.wall_now() - timedelta(days=9000)  # a small computer without a clock of its own
        old = {str(STATE): (wrong - timedelta(seconds=90), 3.0)}
        await home.socket.tell(sent_at=wrong, readings=old)
        await home.socket.tell("pump-2")
        snapshots = await until(lambda: _read(server, home, "pump-1", "pump-2"))
        assert snapshots[0].readings[0].at == clock.fleet_now() - timedelta(seconds=90)
        await home.socket.tell(readings={})
        await home.socket.tell("pump-3")
        snapshots = await until(lambda: _read(server, home, "pump-1", "pump-3"))
        assert snapshots[0].value(Channel.SG_READY_STATE) == 3.0, "one that cannot be read keeps its last values"


async def test_a_command_goes_there_and_its_answer_comes_back(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        command = await home.socket.command()
        assert (command.device, command.writes, command.ttl_s) == ("pump-1", {"sg_ready_state": 3.0}, 900.0)
        assert command.issued_at == clock.wall_now()
        await home.socket.send(Ack(command.id, AckStatus.DONE))
        receipt = await sending
        assert receipt.accepted
        assert receipt.vendor_reference == str(command.id)


@pytest.mark.parametrize("status", [AckStatus.FAILED, AckStatus.EXPIRED, AckStatus.REPLAYED])
async def test_a_command_that_was_not_done_is_tried_again(server: Server, status: AckStatus) -> None:
    async with joined(server) as home:
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        await home.socket.send(Ack((await home.socket.command()).id, status))
        with pytest.raises(TryAgain) as fault:
            await sending
        assert fault.value.code == "device_offline"


async def test_a_refusal_is_a_refusal(server: Server) -> None:
    async with joined(server) as home:
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        await home.socket.send(Ack((await home.socket.command()).id, AckStatus.REFUSED, "no contact 2"))
        receipt = await sending
        assert not receipt.accepted
        assert receipt.rejected == (STATE,)


async def test_nobody_waits_for_a_silent_gateway_for_long(database: Database, clock: Any, org_id: UUID) -> None:
    async with server_of(database, clock, org_id, answer_within_s=0.05) as server, joined(server) as home:
        with pytest.raises(TryAgain):
            await server.driver.write(home.grant, "pump-1", MAX)


async def test_a_gateway_that_has_gone_is_off_line_at_once(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        gateway_id = home.paired.gateway_id
    await until(lambda: _is_offline(server, gateway_id))
    with pytest.raises(TryAgain) as fault:
        await server.driver.write(home.grant, "pump-1", MAX)
    assert fault.value.code == "device_offline"
    assert await server.driver.read(home.grant, ["pump-1"]), "its last values can still be read"


async def _is_offline(server: Server, gateway_id: UUID) -> bool:
    gateway = await _gateway(server, gateway_id)
    return not gateway.is_online(server.services.clock.wall_now())


async def test_a_server_that_was_killed_leaves_no_gateway_on_line_for_long(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        clock.advance(timedelta(seconds=151))
        assert await _is_offline(server, home.paired.gateway_id)


async def test_commands_cross_processes(database: Database, clock: Any, org_id: UUID) -> None:
    """The worker asks one process, the gateway's connection is held by another."""
    one, other = server_of(database, clock, org_id), server_of(database, clock, org_id)
    async with one as here, other as there, joined(here) as home:
        sending = asyncio.create_task(there.driver.write(home.grant, "pump-1", MAX))
        command = await home.socket.command()
        await home.socket.send(Ack(command.id, AckStatus.DONE))
        assert (await sending).accepted


async def test_a_command_is_sent_once_and_not_after_its_end(server: Server, clock: Any) -> None:
    async with joined(server) as home:
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        command = await home.socket.command()
        await home.socket.send(Ack(command.id, AckStatus.DONE))
        await sending
        async with server.services.database.write(FLEET) as tx:
            await tx.execute("update gateway_commands set sent_at = null")
        clock.advance(timedelta(seconds=901))
        gateway = await _gateway(server, home.paired.gateway_id)
        assert await flow.take_commands(server.services.database, clock, gateway) == []


async def _gateway(server: Server, gateway_id: UUID) -> Any:
    async with server.services.database.read(FLEET) as tx:
        return await gateways.get(tx, gateway_id)


async def test_the_newest_connection_counts(server: Server) -> None:
    async with joined(server) as home, server.socket(home.paired.token) as newer:
        await newer.receive()
        assert await home.socket.closed() == 4409
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        await newer.send(Ack((await newer.command()).id, AckStatus.DONE))
        assert (await sending).accepted


async def test_a_connection_elsewhere_counts_too(database: Database, clock: Any, org_id: UUID) -> None:
    one, other = server_of(database, clock, org_id), server_of(database, clock, org_id)
    async with one as here, other as there, joined(here) as home, there.socket(home.paired.token) as newer:
        await newer.receive()
        assert await home.socket.closed() == 4409


async def test_a_revoked_gateway_ends_at_once(server: Server, clock: Any, org_id: UUID, other_org_id: UUID) -> None:
    async with joined(server) as home:
        gateway_id = home.paired.gateway_id
        with pytest.raises(NotFound):
            await flow.revoke(Act(server.services.database, clock, Actor("test"), other_org_id), gateway_id)
        await flow.revoke(Act(server.services.database, clock, Actor("test"), org_id), gateway_id)
        assert await home.socket.closed() == 4409
        with pytest.raises(TokenStale):
            await server.driver.list_devices(home.grant)
        with pytest.raises(AccessLost):
            await server.driver.refresh(home.grant)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with server.socket(home.paired.token):
                pytest.fail("let in")


async def test_a_grant_reaches_its_own_gateway_only(
    database: Database, clock: Any, org_id: UUID, other_org_id: UUID
) -> None:
    one, other = server_of(database, clock, org_id), server_of(database, clock, other_org_id)
    async with one as ours, other as theirs, joined(ours) as home, joined(theirs, ["pump-9"]) as foreign:
        assert [d.external_device_id for d in await ours.driver.list_devices(home.grant)] == ["pump-1"]
        path, body = "/gateway/devices/pump-9/commands", {"writes": {"sg_ready_state": 3}, "ttl_s": 60}
        status, _ = await ours.post(path, body, home.grant.secret["secret"])
        assert status == 404
        await home.socket.send(Ack((await _one_command(theirs, foreign)).id, AckStatus.DONE))
        await home.socket.tell("pump-2")
        await until(lambda: _read(ours, home, "pump-2"))
        async with database.read(FLEET) as tx:
            assert await tx.value("select count(*) from gateway_commands where status is not null") == 0
    for org, pumps in ((org_id, 2), (other_org_id, 1)):
        async with database.read(org) as tx:
            assert await tx.value("select count(*) from gateways") == 1
            assert await tx.value("select count(*) from gateway_devices") == pumps


async def _one_command(server: Server, home: Any) -> Any:
    sending = asyncio.create_task(server.driver.write(home.grant, "pump-9", MAX))
    command = await home.socket.command()
    sending.cancel()
    return command


async def test_what_a_home_says_of_itself_does_not_reach_the_catalogue(server: Server) -> None:
    async with joined(server) as home:
        [device] = await server.driver.list_devices(home.grant)
        assert (device.manufacturer, device.model) == ("SG-Ready", "heat pump behind a gateway")


@pytest.mark.parametrize("name", ["x" * 101, "", "zero \x00"])
async def test_names_that_are_none_are_shown_out(server: Server, name: str) -> None:
    async with joined(server) as home:
        await home.socket.tell(name)
        assert await home.socket.closed() == 4400


@pytest.mark.parametrize("nonsense", ["no json", "[]", '{"type":"state"}', '{"type":"root"}'])
async def test_nonsense_is_shown_out(server: Server, nonsense: str) -> None:
    async with joined(server) as home:
        await home.socket.raw.send_str(nonsense)
        assert await home.socket.closed() == 4400


async def test_large_messages_and_many_of_them_are_shown_out(server: Server) -> None:
    async with joined(server) as home:
        await home.socket.tell("x" * 70_000)
        assert await home.socket.closed() == 1009
    async with joined(server) as home:
        for _ in range(130):
            await home.socket.send(Ack(UUID(int=1), AckStatus.DONE))
        assert await home.socket.closed() == 4429


async def test_a_gateway_has_a_limited_number_of_pumps(server: Server) -> None:
    async with joined(server, [f"pump-{n}" for n in range(MAX_DEVICES)]) as home:
        await home.socket.tell("one-too-many")
        assert await home.socket.closed() == 4400


async def test_a_command_without_a_sane_end_is_not_taken(server: Server) -> None:
    async with joined(server) as home:
        for ttl_s in (0, -1, 7201, "x", None):
            body = {"writes": {"sg_ready_state": 3}, "ttl_s": ttl_s}
            status, _ = await server.post("/gateway/devices/pump-1/commands", body, home.grant.secret["secret"])
            assert status == 422, ttl_s


async def test_lost_signals_are_looked_for_when_the_listening_is_back(server: Server) -> None:
    """The listening connection is cut; a command put meanwhile is found, because whoever comes back looks."""
    async with joined(server) as home:
        database = server.services.database
        async with database.write(FLEET) as tx:
            cut = await tx.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and query like 'LISTEN%' and pid <> pg_backend_pid()"
            )
        assert len(cut) == 1
        sending = asyncio.create_task(server.driver.write(home.grant, "pump-1", MAX))
        await home.socket.send(Ack((await home.socket.command()).id, AckStatus.DONE))
        assert (await sending).accepted


async def test_signals_are_heard_across_connections(database: Database) -> None:
    heard: asyncio.Queue[Signal] = asyncio.Queue()
    signal = Signal(What.ANSWER, UUID(int=1), UUID(int=2))
    async with gateway_signals.listening(database, heard.put_nowait):
        async with database.write(FLEET) as tx:
            await gateway_signals.send(tx, signal)
        assert await asyncio.wait_for(heard.get(), 10) == signal

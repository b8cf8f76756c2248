"""A gateway in a home is paired, tells of its pumps, takes commands, and is revoked: what the bridge does to the store.

Codes, tokens and secrets are random, told once and kept as SHA-256.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import Conflict, FieldError, Invalid, NotFound
from heatfleet.flows.toolbox import Act, SessionOver
from heatfleet.store import audit, gateway_commands, gateway_signals, gateways, onboarding
from heatfleet.store.audit import Actor, Entry
from heatfleet.store.database import FLEET, Database, WriteTx
from heatfleet.store.gateway_commands import GatewayCommand
from heatfleet.store.gateway_signals import Signal, What
from heatfleet.store.gateways import Gateway, NewGateway, Told
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.gateway_contract import MAX_DEVICES, MAX_READINGS, MAX_TEXT, MAX_TTL_S, Ack, State

CODE_LIFE = timedelta(hours=1)
STATE_EVERY_S = 60.0
ONLINE_FOR = timedelta(seconds=2.5 * STATE_EVERY_S)
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that look alike
_BRIDGE = Actor("flow:gateway")


def digest_of(secret: str) -> bytes:
    """What is stored of a token or secret."""
    return sha256(secret.encode()).digest()


def _code_digest(code: str) -> bytes:
    """What is stored of a pairing code, however it was typed."""
    return digest_of(re.sub(r"[^A-Z0-9]", "", code.upper()))


async def begin_pairing(database: Database, clock: Clock, session_id: UUID) -> str:
    """A code for the person of an onboarding session; good for a quarter of an hour."""
    now = clock.wall_now()
    letters = [secrets.choice(_LETTERS) for _ in range(8)]
    code = "".join(letters[:4]) + "-" + "".join(letters[4:])
    async with database.write(FLEET) as tx:
        session = await onboarding.find_for_connect(tx, session_id)
        if session is None or session.state != "open" or session.expires_at <= now:
            raise SessionOver("unknown" if session is None else session.state, session)
        new = NewGateway(new_id(), session.org_id, session.user_id, _code_digest(code), now + CODE_LIFE)
        await gateways.insert(tx, new, now)
    return code


async def pair(database: Database, clock: Clock, code: str) -> tuple[UUID, str]:
    """The gateway's id and the agent's token; :class:`NotFound` for a code that is unknown, over or used."""
    now, token = clock.wall_now(), secrets.token_urlsafe(32)
    async with database.write(FLEET) as tx:
        gateway = await gateways.by_code(tx, _code_digest(code), now)
        if gateway is None or gateway.paired_at is not None:
            raise NotFound("The pairing code is unknown, over or used.")
        await gateways.pair(tx, gateway.id, digest_of(token), now)
        await _record(tx, gateway, "pair", now)
    return gateway.id, token


async def claim(database: Database, clock: Clock, code: str, key: bytes) -> tuple[UUID, str]:
    """The gateway's id and the driver's secret, the same each time until the code is over.

    A page that asks twice must not make the grant worthless that its first question got: so the secret follows from
    ``key``, which only the server knows. :class:`NotFound` for a code that is unknown or over, :class:`Conflict` until
    the gateway has told of a pump.
    """
    now, digest = clock.wall_now(), _code_digest(code)
    async with database.write(FLEET) as tx:
        gateway = await gateways.by_code(tx, digest, now)
        if gateway is None:
            raise NotFound("The pairing code is unknown or over.")
        if gateway.paired_at is None or not await gateways.has_devices(tx, gateway.id):
            raise Conflict("The gateway has not told of a heat pump yet.")
        secret = hmac.new(key, b"gateway grant" + gateway.id.bytes + digest, sha256).hexdigest()
        await gateways.claim(tx, gateway.id, digest_of(secret), now)
        await _record(tx, gateway, "claim", now)
    return gateway.id, secret


async def revoke(act: Act, gateway_id: UUID) -> None:
    """Ends a gateway for good and its connection at once; :class:`NotFound`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        if not await gateways.revoke(tx, act.org_id, gateway_id, now):
            raise NotFound("There is no such gateway.")
        await gateway_signals.send(tx, Signal(What.SESSION, gateway_id))
        await audit.record(tx, act.org_id, act.actor, Entry("revoke", "gateway", gateway_id), now)


async def begin_session(database: Database, clock: Clock, gateway: Gateway, carrier: str) -> UUID:
    """The id of the connection that counts from now on; an older one is told to go."""
    session_id = new_id()
    async with database.write(gateway.org_id) as tx:
        await gateways.begin_session(tx, gateway.id, session_id, carrier, clock.wall_now() + ONLINE_FOR)
        await gateway_signals.send(tx, Signal(What.SESSION, gateway.id, session_id))
    return session_id


async def end_session(database: Database, gateway: Gateway, session_id: UUID) -> None:
    """The connection is gone."""
    async with database.write(gateway.org_id) as tx:
        await gateways.end_session(tx, gateway.id, session_id)


async def heard(database: Database, clock: Clock, gateway: Gateway, *, is_farewell: bool = False) -> None:
    """The gateway is there (or, by its last will, gone)."""
    async with database.write(gateway.org_id) as tx:
        await gateways.keep_online(tx, gateway.id, None if is_farewell else clock.wall_now() + ONLINE_FOR)


async def save_state(database: Database, clock: Clock, gateway: Gateway, state: State) -> None:
    """What the gateway tells of a pump, its instants moved onto the fleet clock; :class:`Invalid`."""
    texts = (state.device, state.profile.name, state.profile.manufacturer, state.profile.model)
    if not all(1 <= len(text) <= MAX_TEXT for text in texts) or len(state.readings) > MAX_READINGS:
        raise Invalid(FieldError(("state",), "a text that is empty or too long, or too many readings"))
    now, fleet_now = clock.wall_now(), clock.fleet_now()
    readings = {name: _on_fleet_clock(value, state.sent_at, fleet_now) for name, value in state.readings.items()}
    profile = msgspec.to_builtins(state.profile)
    async with database.write(gateway.org_id) as tx:
        saved = await gateways.save_device(tx, gateway, Told(state.device, profile, readings), now, MAX_DEVICES)
        await gateways.keep_online(tx, gateway.id, now + ONLINE_FOR)
    if not saved:
        raise Invalid(FieldError(("state", "device"), f"a gateway has at most {MAX_DEVICES} heat pumps"))


def _on_fleet_clock(value: tuple[datetime, float], sent_at: datetime, now: datetime) -> tuple[str, float]:
    """A value at the instant at which it was measured; the gateway's clock only says how old it was when sent."""
    at, number = value
    return (now - max(timedelta(0), sent_at - at)).isoformat(), number


async def put_command(
    database: Database, clock: Clock, gateway: Gateway, device_id: str, wanted: tuple[Mapping[str, float], float]
) -> UUID:
    """The id of a command on its way; ``wanted`` = (lever values, how long they last [s]).

    :class:`NotFound` for an unknown pump, :class:`Conflict` when the gateway is off line, :class:`Invalid`.
    """
    writes, ttl_s = wanted
    now = clock.wall_now()
    if not 0 < ttl_s <= MAX_TTL_S or not writes:
        raise Invalid(FieldError(("body", "ttl_s"), f"a command lasts more than 0 and at most {MAX_TTL_S:.0f} s"))
    command = GatewayCommand(new_id(), gateway.id, gateway.org_id, device_id, dict(writes), ttl_s, now)
    async with database.write(gateway.org_id) as tx:
        if device_id not in {device.device_id for device in await gateways.devices(tx, gateway.id)}:
            raise NotFound("The gateway has no such heat pump.")
        if not gateway.is_online(now):
            raise Conflict("The gateway is off line.")
        await gateway_commands.insert(tx, command)
        await gateway_signals.send(tx, Signal(What.COMMAND, gateway.id))
    return command.id


async def take_commands(database: Database, clock: Clock, gateway: Gateway) -> list[GatewayCommand]:
    """What waits for the gateway, for whoever holds its connection; nobody else gets it."""
    async with database.write(gateway.org_id) as tx:
        return await gateway_commands.take(tx, gateway.id, clock.wall_now())


async def settle(database: Database, clock: Clock, gateway: Gateway, ack: Ack) -> None:
    """What became of a command; an answer nobody waits for is dropped."""
    values = (gateway.id, ack.id, ack.status.value, ack.detail[:200])
    async with database.write(gateway.org_id) as tx:
        if await gateway_commands.settle(tx, values, clock.wall_now()):
            await gateway_signals.send(tx, Signal(What.ANSWER, gateway.id, ack.id))


async def _record(tx: WriteTx, gateway: Gateway, action: str, now: datetime) -> None:
    after: dict[str, Any] = {"user_id": str(gateway.user_id)}
    await audit.record(tx, gateway.org_id, _BRIDGE, Entry(action, "gateway", gateway.id, None, after), now)

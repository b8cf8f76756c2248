"""The same contract over a broker: what gateways publish is saved, what waits for them is published.

Several processes share one subscription, so that each message is taken once; a command is taken from the database by
whichever process is first. Who may publish as which gateway is the broker's business: see docs/gateway.md.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from uuid import UUID, uuid4

import aiomqtt
import msgspec
import structlog

from heatfleet.bridge.inbox import take
from heatfleet.bridge.services import BridgeServices
from heatfleet.domain.errors import Invalid
from heatfleet.flows import gateway as flow
from heatfleet.processes import until_first
from heatfleet.store import gateways
from heatfleet.store.database import FLEET
from heatfleet.store.gateways import Gateway
from heatfleet.store.health import UNREACHABLE
from heatfleet.vendors.kit.gateway_contract import MAX_MESSAGE_BYTES, Command
from heatfleet.vendors.kit.mqtt_topics import ONLINE, ROOT, client_of, device_topic, parse_topic

SHARED = "$share/heatfleet"
CARRIER = "mqtt"
AGAIN_S = (1.0, 60.0)
MAX_WAITING = 10_000

log = structlog.get_logger("heatfleet.bridge")


async def carry(services: BridgeServices, url: str) -> None:
    """For ever: connects to the broker at ``url``, again with growing pauses when it is lost."""
    pause_s, longest_s = AGAIN_S
    while True:
        try:
            async with client_of(url, f"heatfleet-{uuid4().hex[:12]}") as client, services.hub.listening():
                pause_s = AGAIN_S[0]
                log.info("in contact with the broker")
                await Carrier(services, client).run()
        except (aiomqtt.MqttError, OSError) as fault:
            log.warning("no contact to the broker", error=str(fault)[:200], again_in_s=pause_s)
        except UNREACHABLE as fault:
            log.warning("the database does not answer", error=type(fault).__name__, again_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, longest_s)


class Carrier:
    """One connection to the broker."""

    def __init__(self, services: BridgeServices, client: aiomqtt.Client) -> None:
        self._services, self._client = services, client
        self._waiting: OrderedDict[UUID, None] = OrderedDict()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until the broker is lost."""
        for what in (f"{ROOT}/+/online", f"{ROOT}/+/+/state", f"{ROOT}/+/+/ack"):
            await self._client.subscribe(f"{SHARED}/{what}", qos=1)
        with self._services.hub.carrying(self._note):
            await until_first(self._receive(), self._deliver())

    def _note(self, gateway_id: UUID) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting[gateway_id] = None
        self._wake.set()

    async def _receive(self) -> None:
        async for message in self._client.messages:
            found = parse_topic(str(message.topic))
            if found is not None and isinstance(message.payload, bytes) and len(message.payload) <= MAX_MESSAGE_BYTES:
                await self._take(*found, message.payload)

    async def _take(self, gateway_id: UUID, what: str, payload: bytes) -> None:
        services = self._services
        gateway = await self._gateway(gateway_id)
        if gateway is None:
            return
        if what == "online":
            await self._online(gateway, is_there=payload == ONLINE)
            return
        try:
            await take(services, gateway, payload)
        except Invalid as fault:
            log.warning("a gateway says nonsense", gateway=str(gateway_id), error=str(fault)[:200])

    async def _online(self, gateway: Gateway, *, is_there: bool) -> None:
        services = self._services
        if is_there:
            await flow.begin_session(services.database, services.clock, gateway, CARRIER)
            self._note(gateway.id)
        elif gateway.carrier == CARRIER:
            await flow.heard(services.database, services.clock, gateway, is_farewell=True)

    async def _deliver(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                gateway_id, _ = self._waiting.popitem(last=False)
                gateway = await self._gateway(gateway_id)
                if gateway is not None and gateway.carrier == CARRIER:
                    await self._send(gateway)

    async def _send(self, gateway: Gateway) -> None:
        services = self._services
        for c in await flow.take_commands(services.database, services.clock, gateway):
            command = Command(c.id, c.device_id, c.writes, c.ttl_s, c.issued_at)
            topic = device_topic(gateway.id, c.device_id, "cmd")
            await self._client.publish(topic, msgspec.json.encode(command), qos=1)

    async def _gateway(self, gateway_id: UUID) -> Gateway | None:
        """A paired gateway that was not revoked, or None."""
        async with self._services.database.read(FLEET) as tx:
            found = await gateways.get(tx, gateway_id)
        return found if found is not None and found.paired_at is not None else None

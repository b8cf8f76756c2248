"""The same contract over a broker: topics below ``hp/GATEWAY``, states retained, farewell as the last will."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import aiomqtt
import msgspec

from heatfleet.domain.clock import Clock
from heatfleet.gateway.link import Dial, Link, LinkLost
from heatfleet.vendors.kit.gateway_contract import MAX_MESSAGE_BYTES, FromGateway, State, ToGateway, Welcome
from heatfleet.vendors.kit.mqtt_topics import OFFLINE, ONLINE, client_of, device_topic, online_topic

STATE_EVERY_S = 60.0


class _Broker:
    def __init__(self, client: aiomqtt.Client, gateway_id: UUID, clock: Clock) -> None:
        self._client, self._gateway_id, self._clock = client, gateway_id, clock
        self._messages = aiter(client.messages)
        self._is_greeted = False
        self._device_of: dict[UUID, str] = {}

    async def receive(self) -> ToGateway:
        """A greeting of our own first: a broker has no clock."""
        if not self._is_greeted:
            self._is_greeted = True
            return Welcome(self._clock.wall_now(), STATE_EVERY_S)
        while True:
            try:
                message = await anext(self._messages)
            except aiomqtt.MqttError as fault:
                raise LinkLost(str(fault)) from None
            payload = message.payload
            if message.retain or not isinstance(payload, bytes) or len(payload) > MAX_MESSAGE_BYTES:
                continue  # a command that lies at the broker is nobody's wish any more
            try:
                found: ToGateway = msgspec.json.decode(payload, type=ToGateway)
            except msgspec.DecodeError as fault:
                raise LinkLost(f"the broker brings what we do not understand: {fault}") from None
            if not isinstance(found, Welcome):
                self._device_of = {found.id: found.device}
                return found

    async def send(self, message: FromGateway) -> None:
        is_state = isinstance(message, State)
        device = message.device if isinstance(message, State) else self._device_of.get(message.id, "-")
        topic = device_topic(self._gateway_id, device, "state" if is_state else "ack")
        try:
            await self._client.publish(topic, msgspec.json.encode(message), qos=1, retain=is_state)
        except aiomqtt.MqttError as fault:
            raise LinkLost(str(fault)) from None


def dialling_broker(url: str, gateway_id: UUID, clock: Clock) -> Dial:
    """How to reach the broker at ``url`` (``mqtt://user:password@host:1883``, ``mqtts://…``) as this gateway."""

    @asynccontextmanager
    async def dial() -> AsyncIterator[Link]:
        will = aiomqtt.Will(online_topic(gateway_id), OFFLINE, qos=1, retain=True)
        try:
            async with client_of(url, f"gateway-{gateway_id}", will) as client:
                await client.subscribe(device_topic(gateway_id, "+", "cmd"), qos=1)
                await client.publish(online_topic(gateway_id), ONLINE, qos=1, retain=True)
                try:
                    yield _Broker(client, gateway_id, clock)
                finally:
                    await client.publish(online_topic(gateway_id), OFFLINE, qos=1, retain=True)
        except (aiomqtt.MqttError, OSError) as fault:
            raise LinkLost(f"broker: {fault}") from None

    return dial

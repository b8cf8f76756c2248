"""Topics of the gateway contract, and a client for the broker that an address names.

``hp/GATEWAY/DEVICE/state`` (retained), ``…/cmd``, ``…/ack``, and ``hp/GATEWAY/online`` (retained, last will). Device
ids are percent-encoded. Who may publish where is the broker's business: see docs/gateway.md.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

import aiomqtt

from heatfleet.domain.errors import Invalid

ROOT = "hp"
ONLINE, OFFLINE = b"1", b"0"
TIMEOUT_S = 15.0
KEEPALIVE_S = 30


def online_topic(gateway_id: UUID | str) -> str:
    """Whether the gateway is there."""
    return f"{ROOT}/{gateway_id}/online"


def device_topic(gateway_id: UUID | str, device: str, what: str) -> str:
    """``what`` (state, cmd, ack) of one pump; device ``+`` = all."""
    return f"{ROOT}/{gateway_id}/{device if device == '+' else quote(device, safe='')}/{what}"


def parse_topic(topic: str) -> tuple[UUID, str] | None:
    """The gateway and what is told of it (state, ack, online); None for a topic that is not of ours."""
    parts = topic.split("/")
    if parts[0] != ROOT or len(parts) not in (3, 4):
        return None
    try:
        return UUID(parts[1]), parts[-1]
    except ValueError:
        return None


def client_of(url: str, identifier: str, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    """A client that connects when entered; :class:`Invalid` for an address that is none of a broker."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise Invalid.field("mqtt", "must be mqtt://user:password@host:1883 or mqtts://…", where="settings")
    is_tls = parts.scheme == "mqtts"
    return aiomqtt.Client(
        parts.hostname,
        parts.port or (8883 if is_tls else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        will=will,
        timeout=TIMEOUT_S,
        keepalive=KEEPALIVE_S,
        tls_params=aiomqtt.TLSParameters() if is_tls else None,
    )

"""What a gateway says, over whichever carrier, is saved."""

from __future__ import annotations

import msgspec

from heatfleet.bridge.services import BridgeServices
from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.flows import gateway as flow
from heatfleet.store.gateways import Gateway
from heatfleet.vendors.kit.gateway_contract import FromGateway, State

NUL = b"\\u0000"


async def take(services: BridgeServices, gateway: Gateway, raw: bytes) -> None:
    """Saves a state or an answer; :class:`Invalid` for nonsense, and for texts that the database cannot keep."""
    if NUL in raw:
        raise Invalid(FieldError(("message",), "a text with a zero character"))
    try:
        message = msgspec.json.decode(raw, type=FromGateway)
    except msgspec.DecodeError as fault:
        raise Invalid(FieldError(("message",), str(fault))) from None
    if isinstance(message, State):
        await flow.save_state(services.database, services.clock, gateway, message)
    else:
        await flow.settle(services.database, services.clock, gateway, message)

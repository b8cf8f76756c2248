"""Writes to one pump on their way to its vendor, and those that only keep standing what stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from heatfleet.domain.errors import OutsideWorldError
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor, side_by_side
from heatfleet.store.connections import Connection
from heatfleet.vendors.kit.driver import Driver, Grant, Receipt, Write


@dataclass(frozen=True)
class Address:
    """Where a pump is reached."""

    connection: Connection
    external_device_id: str


def writing(
    tools: Tools, address: Address, writes: Sequence[Write]
) -> Callable[[], Awaitable[Receipt | OutsideWorldError]]:
    """The call that sends ``writes`` together; what it answers, or the fault as a value."""

    async def write() -> Receipt | OutsideWorldError:
        async def call(driver: Driver, grant: Grant) -> Receipt:
            return await driver.write(grant, address.external_device_id, writes)

        return await ask_vendor(tools, address.connection, call)

    return write


async def renew(tools: Tools, renewals: Mapping[UUID, tuple[Address, Sequence[Write]]]) -> None:
    """Sends again what stands and would else end by itself.

    No command, and no part of the day's budget: nothing moves. One that fails needs no care either: the next round
    renews, and a pump that has meanwhile gone back to its own programme is seen so by the next reading.
    """
    await side_by_side({id_: writing(tools, address, writes) for id_, (address, writes) in renewals.items()})

"""What the worker's flows share: the tools they are handed, and talking to vendors on behalf of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import AccessLost, Invalid, NotFound, OutsideWorldError, Refused
from heatfleet.store import connections
from heatfleet.store.connections import Connection
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.driver import Driver, Grant
from heatfleet.vendors.kit.grants import GrantStore, SealKeys, grant_aad, open_sealed, seal, with_grant

CALLS_AT_ONCE = 6  # a refresh holds two database connections

T = TypeVar("T")
Key = TypeVar("Key")
Result = TypeVar("Result")


class Vendors(Protocol):
    """What flows need of the registry."""

    def driver(self, name: str) -> Driver:
        """One vendor's driver; raises :class:`NotFound` or :class:`Invalid`."""
        ...


@dataclass(frozen=True)
class Tools:
    """What every flow of the worker is handed; ``executor`` None = arrays are worked on in place."""

    database: Database
    clock: Clock
    vendors: Vendors
    seal_keys: SealKeys
    executor: Executor | None = None
    telemetry_raw_days: int = 8
    telemetry_retention_days: int = 730


async def ask_vendor(
    tools: Tools, connection: Connection, call: Callable[[Driver, Grant], Awaitable[T]]
) -> T | OutsideWorldError:
    """What ``call`` answers with a good grant, or the fault as a value."""
    try:
        if connection.grant_sealed is None:
            raise AccessLost("nobody has signed in", code="no_grant")
        driver = tools.vendors.driver(connection.vendor)
        store = _grant_store(tools, connection)
        return await with_grant(driver, store, tools.clock, lambda grant: call(driver, grant))
    except OutsideWorldError as fault:
        return fault
    except (NotFound, Invalid) as fault:
        return Refused(str(fault), code="vendor_not_available")


def _grant_store(tools: Tools, connection: Connection) -> GrantStore:
    """The grant of a connection that has just been read: first as it was read, then as it is stored by now."""
    aad = grant_aad(connection.org_id, connection.id, connection.vendor)
    just_read: list[Connection | None] = [connection]

    async def load() -> Grant:
        if not just_read:
            async with tools.database.read(FLEET) as tx:
                just_read.append(await connections.get(tx, connection.org_id, connection.id))
        stored = just_read.pop()
        if stored is None or stored.grant_sealed is None:
            raise AccessLost("the connection is gone", code="no_grant")
        return open_sealed(stored.grant_sealed, tools.seal_keys, aad)

    async def save(grant: Grant) -> None:
        sealed = seal(grant, tools.seal_keys, aad)
        async with tools.database.write(FLEET) as tx:
            await connections.save_grant(tx, connection, sealed, grant.expires_at, tools.clock.wall_now())

    return GrantStore(load, save, lambda: connections.refreshing(tools.database, connection.id))


async def side_by_side(
    jobs: Mapping[Key, Callable[[], Awaitable[Result]]], at_once: int = CALLS_AT_ONCE
) -> dict[Key, Result]:
    """All results by key, at most ``at_once`` at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(job: Callable[[], Awaitable[Result]]) -> Result:
        async with gate:
            return await job()

    results = await asyncio.gather(*(one(job) for job in jobs.values()))
    return dict(zip(jobs, results, strict=True))


async def in_executor(tools: Tools, work: Callable[..., T], *args: object) -> T:
    """The result of heavy array work, done wherever the operator said."""
    if tools.executor is None:
        return work(*args)
    return await asyncio.get_running_loop().run_in_executor(tools.executor, work, *args)


def newest(*ats: datetime | None) -> datetime | None:
    """The latest of the instants that are known."""
    return max((at for at in ats if at is not None), default=None)


def grouped(ids: Sequence[UUID], key: Callable[[UUID], UUID]) -> dict[UUID, list[UUID]]:
    """The ids by their key, in order."""
    groups: dict[UUID, list[UUID]] = {}
    for id_ in ids:
        groups.setdefault(key(id_), []).append(id_)
    return groups

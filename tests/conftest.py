"""What every test may ask for: a fresh migrated database, a clock that stands still, organisations."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.embedded import APP, DATABASE, OWNER, SUPERUSER, EmbeddedPostgres
from heatfleet.store.ids import new_id
from heatfleet.store.migrate import migrate
from tests.support import FUZZ

START_AT = datetime(2024, 1, 8, 6, 0, tzinfo=UTC)
_numbers = count(1)

# How fast the machine is fails no test, nor does luck: ``make nightly`` looks elsewhere each time.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("heatfleet", settings.get_profile("explore"), derandomize=True)
settings.load_profile("heatfleet")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-examples", type=int, default=FUZZ.examples, help="cases per operation of the fuzzing tests"
    )
    parser.addoption("--update-pictures", action="store_true", help="draw the pictures of docs/connect anew")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_configure(config: pytest.Config) -> None:
    FUZZ.examples = config.getoption("--fuzz-examples")


class FakeClock:
    """Both clocks of the house, standing still until a test moves them."""

    def __init__(self, now: datetime) -> None:
        self.wall = now
        self.fleet = now

    @property
    def now(self) -> datetime:
        """The fleet's now; setting it sets both clocks."""
        return self.fleet

    @now.setter
    def now(self, at: datetime) -> None:
        self.wall = self.fleet = at

    def wall_now(self) -> datetime:
        return self.wall

    def fleet_now(self) -> datetime:
        return self.fleet

    def advance(self, by: timedelta) -> datetime:
        """Moves both clocks on; the fleet's new now."""
        self.wall += by
        self.fleet += by
        return self.fleet


@pytest.fixture
def clock() -> FakeClock:
    """Monday 2024-01-08 06:00 UTC, until moved."""
    return FakeClock(START_AT)


@pytest.fixture(scope="session")
def postgres_home() -> Iterator[Path]:
    """A state folder the server's user can reach, removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="heatfleet-tests-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(postgres_home: Path) -> Iterator[EmbeddedPostgres]:
    """One server per test process; its database ``heatfleet`` is the migrated template, which no test touches."""
    server = EmbeddedPostgres(postgres_home, durable=False)
    asyncio.run(server.start())
    try:
        asyncio.run(migrate(server.owner_dsn, APP))
        yield server
    finally:
        state = server.layout.state
        asyncio.run(server.stop())
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
async def database_name(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a fresh copy of the migrated template, dropped after the test."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(postgres.dsn(SUPERUSER, "postgres"))
    try:
        await admin.execute(f"create database {name} template {DATABASE} owner {OWNER} strategy file_copy")
        yield name
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def database(postgres: EmbeddedPostgres, database_name: str) -> AsyncIterator[Database]:
    """A fresh migrated database, as the application's role."""
    opened = await open_database(postgres.dsn(APP, database_name), max_size=10)
    yield opened
    await asyncio.wait_for(opened.close(), 10)


async def make_organisation(database: Database, name: str) -> UUID:
    """An organisation that exists."""
    org_id = new_id()
    async with database.write(FLEET) as tx:
        await tx.execute("insert into organisations (id, name) values ($1, $2)", org_id, name)
    return org_id


@pytest.fixture
async def org_id(database: Database) -> UUID:
    """An organisation."""
    return await make_organisation(database, "Stadtwerke Test")


@pytest.fixture
async def other_org_id(database: Database) -> UUID:
    """Another organisation, whose rows must stay unseen."""
    return await make_organisation(database, "Another one")

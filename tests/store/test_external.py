"""The same on somebody else's PostgreSQL (15 or newer); skipped where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from heatfleet.domain.errors import HeatfleetError
from heatfleet.settings import Settings
from heatfleet.store import doctor
from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.doctor import Level
from heatfleet.store.ids import new_id
from heatfleet.store.migrate import head, migrate
from heatfleet.store.provider import external_urls, provide_database
from tests.conftest import FakeClock

pytestmark = pytest.mark.external
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
ROLES = ("heatfleet_test_owner", "heatfleet_test_creator")
NAME = "heatfleet_external_test"


@pytest.fixture
async def admin() -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(SERVER, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL with trust at 127.0.0.1:5432: {error}")
    await _clean(connection)
    await connection.execute(f"create role {ROLES[0]} login")
    await connection.execute(f"create role {ROLES[1]} login createrole")
    yield connection
    await _clean(connection)
    await connection.close()


async def _clean(connection: asyncpg.Connection) -> None:
    await connection.execute(f"drop database if exists {NAME} with (force)")
    for role in (*ROLES, "heatfleet_app"):
        await connection.execute(f"drop role if exists {role}")


def url(role: str) -> str:
    return urlsplit(SERVER)._replace(netloc=f"{role}@127.0.0.1:5432", path=f"/{NAME}").geturl()


async def see(database: Database, org_id: UUID) -> int:
    """How many users the organisation sees, after one was added to another organisation."""
    other = new_id()
    async with database.write(FLEET) as tx:
        await tx.execute("insert into organisations (id, name) values ($1, 'a'), ($2, 'b')", org_id, other)
        await tx.execute(
            "insert into users (id, org_id, email, role) values ($1, $2, 'x@example.com', 'user')", new_id(), other
        )
    async with database.read(org_id) as tx:
        return await tx.value("select count(*) from users")


@pytest.mark.parametrize(("role", "works_as"), [(ROLES[0], ROLES[0]), (ROLES[1], "heatfleet_app")])
async def test_migrations_and_row_security_hold_there(
    admin: asyncpg.Connection, tmp_path: Path, clock: FakeClock, role: str, works_as: str
) -> None:
    await admin.execute(f"create database {NAME} owner {role}")
    async with provide_database(url(role), tmp_path) as urls:
        assert await migrate(urls.owner_url, urls.app_role) == head()
        database = await open_database(urls.app_url, role=urls.app_role)
        async with database.write(FLEET) as tx:
            assert await tx.value("select current_user") == works_as
            await tx.execute("select ensure_week(now())")
        assert await see(database, new_id()) == 0
        await database.close()
    clock.wall = await admin.fetchval("select now()")
    findings = {found.what: found for found in await doctor.database(Settings(database_url=url(role)), clock)}
    expected = Level.OK if works_as == "heatfleet_app" else Level.WARN
    assert findings["organisations apart"].level is expected
    assert findings["database"].ok


async def test_the_doctor_refuses_a_superuser_and_changes_nothing(admin: asyncpg.Connection, clock: FakeClock) -> None:
    await admin.execute(f"create database {NAME}")
    findings = {found.what: found for found in await doctor.database(Settings(database_url=url("postgres")), clock)}
    found = findings["organisations apart"]
    assert found.level is Level.FAIL
    assert "superuser" in found.detail
    assert "create role" in found.detail
    assert "heatfleet migrate" in findings["database"].detail
    assert await admin.fetchval("select count(*) from pg_roles where rolname = 'heatfleet_app'") == 0


async def test_a_wrong_address_is_one_line() -> None:
    for wrong in (
        "postgresql://nobody@127.0.0.1:1/x",
        "http://example.com",
        "postgresql://u@127.0.0.1:5432/no_such_db",
    ):
        with pytest.raises(HeatfleetError, match="cannot connect") as caught:
            await external_urls(wrong)
        assert "\n" not in str(caught.value)

"""Migrations: once, in order, by one at a time; afterwards the application may work and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from heatfleet.store import migrate as migrations
from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.embedded import APP, OWNER, SUPERUSER, EmbeddedPostgres
from heatfleet.store.embedded_files import DatabaseUnavailable
from heatfleet.store.migrate import head, migrate


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a database without tables."""
    admin = await asyncpg.connect(postgres.dsn(SUPERUSER, "postgres"))
    await admin.execute(f"create database empty owner {OWNER} template template0")
    yield "empty"
    await admin.execute("drop database empty with (force)")
    await admin.close()


def test_history_is_one_line_in_the_order_of_the_file_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    line = [script.revision for script in scripts.walk_revisions()]
    assert line == sorted(line, reverse=True)
    assert scripts.get_heads() == [head()]


async def test_many_at_once_and_again(postgres: EmbeddedPostgres, empty: str) -> None:
    dsn = postgres.dsn(OWNER, empty)
    assert set(await asyncio.gather(*(migrate(dsn, APP) for _ in range(3)))) == {head()}
    connection = await asyncpg.connect(dsn)
    before = await connection.fetchval("select max(oid::bigint) from pg_class")
    assert await migrate(dsn, APP) == head()
    assert await connection.fetchval("select max(oid::bigint) from pg_class") == before
    await connection.close()


async def test_a_failed_migration_leaves_nothing(
    postgres: EmbeddedPostgres, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = postgres.dsn(OWNER, empty)
    blocker = await asyncpg.connect(dsn)
    await blocker.execute("create table pgqueuer (id int)")  # in the way of the second migration
    with pytest.raises(Exception, match="already exists"):
        await migrate(dsn, APP)
    assert await blocker.fetchval("select to_regclass('users') is null and to_regclass('alembic_version') is null")
    await blocker.close()


async def test_who_may_not_migrate_is_told(postgres: EmbeddedPostgres, empty: str, database_name: str) -> None:
    assert await migrate(postgres.dsn(APP, database_name), APP) == head()  # nothing to do is fine
    admin = await asyncpg.connect(postgres.dsn(SUPERUSER, "postgres"))
    await admin.execute(f"grant connect on database empty to {APP}")
    await admin.close()
    with pytest.raises(DatabaseUnavailable, match="may not change its tables; run `heatfleet migrate`"):
        await migrate(postgres.dsn(APP, empty), APP)


async def test_a_database_of_a_newer_heatfleet_is_refused(postgres: EmbeddedPostgres, database_name: str) -> None:
    dsn = postgres.dsn(OWNER, database_name)
    connection = await asyncpg.connect(dsn)
    await connection.execute("update alembic_version set version_num = '9999_future'")
    await connection.close()
    with pytest.raises(DatabaseUnavailable, match="newer than this version"):
        await migrate(dsn, APP)


async def test_the_application_cannot_change_tables_or_go_round_the_policies(database: Database) -> None:
    async with database.write(FLEET) as tx:
        await tx.execute("select ensure_week('2024-01-08')")
        await tx.execute("select ensure_week('2024-01-08')")
        partition = await tx.value("select inhrelid::regclass::text from pg_inherits limit 1")
    for sql in (
        "alter table users disable row level security",
        "drop table users",
        "truncate users",
        "create table mine (id int)",
        "set session_replication_role = replica",
        "update alembic_version set version_num = 'x'",
        f"select * from {partition}",
    ):
        async with database.pool.acquire() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)


async def test_every_table_with_an_organisation_has_forced_row_security(database: Database) -> None:
    async with database.read(FLEET) as tx:
        rows = await tx.fetch(
            "select relname from pg_class c join pg_attribute a on attrelid = c.oid and attname = 'org_id'"
            " where relkind in ('r', 'p') and not relispartition and not (relrowsecurity and relforcerowsecurity)"
        )
    assert rows == []


async def test_json_goes_in_and_out_as_python_values(postgres: EmbeddedPostgres, database: Database) -> None:
    async with database.read(FLEET) as tx:
        value = {"a": [1, 2.5, None, "ü"]}
        assert await tx.value("select $1::jsonb", value) == value


async def test_a_read_transaction_cannot_write(database: Database) -> None:
    async with database.read(FLEET) as tx:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await tx.value("insert into fleet_clock (fleet_at) values (now()) returning 1")


async def test_scope_and_errors_do_not_leak_to_the_next_user_of_a_connection(
    postgres: EmbeddedPostgres, database_name: str
) -> None:
    single = await open_database(postgres.dsn(APP, database_name), max_size=1)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _divide_by_zero(single)
    async with single.pool.acquire() as connection:
        assert await connection.fetchval("select current_setting('heatfleet.org', true)") in (None, "")
    await single.close()


async def _divide_by_zero(database: Database) -> None:
    async with database.write(FLEET) as tx:
        await tx.execute("select 1 / 0")

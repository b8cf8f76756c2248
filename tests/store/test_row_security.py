"""Row-level security binds the application's role: what no query asks for, it still does not get."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id

INSERT_USER = "insert into users (id, org_id, email, role) values ($1, $2, $3, 'user')"


async def add_user(database: Database, org_id: UUID) -> UUID:
    user_id = new_id()
    async with database.write(org_id) as tx:
        await tx.execute(INSERT_USER, user_id, org_id, f"{user_id}@example.com")
    return user_id


async def test_a_foreign_organisation_sees_nothing_even_without_where(
    database: Database, org_id: UUID, other_org_id: UUID
) -> None:
    await add_user(database, org_id)
    async with database.read(other_org_id) as tx:
        assert await tx.value("select count(*) from users") == 0
        assert await tx.fetch("select id from organisations") == [(other_org_id,)]
    async with database.read(FLEET) as tx:
        assert await tx.value("select count(*) from users") == 1


async def test_without_a_scope_nothing_is_seen(database: Database, org_id: UUID) -> None:
    await add_user(database, org_id)
    async with database.pool.acquire() as connection:
        assert await connection.fetchval("select count(*) from users") == 0
        assert await connection.fetchval("select count(*) from organisations") == 0


async def test_rows_cannot_be_written_or_moved_into_another_organisation(
    database: Database, org_id: UUID, other_org_id: UUID
) -> None:
    user_id = await add_user(database, org_id)
    async with database.write(other_org_id) as tx:
        assert await tx.execute("update users set first_name = 'x' where id = $1", user_id) == 0
        assert await tx.execute("delete from users where id = $1", user_id) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.write(other_org_id) as tx:
            await tx.execute(INSERT_USER, new_id(), org_id, "smuggled@example.com")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.write(org_id) as tx:
            await tx.execute("update users set org_id = $1", other_org_id)

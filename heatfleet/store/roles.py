"""Who may do what in the database, and as whom the application works.

``heatfleet_app`` may read and write rows, owns nothing and cannot bypass row-level security. Partitions get no rights
of their own: they are reached through their parent, whose policies then hold; reached directly they would not. The
exception are weeks of telemetry, which take inserts (COPY) and guard the scope themselves (``guard_week``).
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

APP_ROLE = "heatfleet_app"

_GRANTS = """
grant usage on schema public to {role};
grant usage, select on all sequences in schema public to {role};
grant execute on all functions in schema public to {role};
do $$
declare name regclass;
begin
  for name in select oid from pg_class where relnamespace = 'public'::regnamespace
    and relkind in ('r', 'p') and not relispartition and relname <> 'alembic_version' loop
    execute format('grant select, insert, update, delete on %s to {role}', name);
  end loop;
  for name in select oid from pg_class where relnamespace = 'public'::regnamespace
    and relkind in ('r', 'p') and relispartition loop
    execute format('revoke all on %s from {role}', name);
  end loop;
  perform guard_week(inhrelid::regclass) from pg_inherits where inhparent = 'telemetry'::regclass;
end $$;
grant select on alembic_version to {role};
"""


@dataclass(frozen=True)
class Standing:
    """What a role of the database may do."""

    name: str
    is_superuser: bool
    bypasses_rls: bool
    creates_roles: bool

    @property
    def is_bound(self) -> bool:
        """Whether row-level security binds this role."""
        return not (self.is_superuser or self.bypasses_rls)


async def standing(connection: asyncpg.Connection) -> Standing:
    """What the role of this session may do."""
    row = await connection.fetchrow(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user"
    )
    assert row is not None
    return Standing(*row)


async def app_role_for(connection: asyncpg.Connection, *, look_only: bool = False) -> str | None:
    """``heatfleet_app``, made if this session may make it; None when it has to work under its own name.

    Own name is good enough only when that role is bound by row-level security (``heatfleet doctor`` says so).
    """
    if not await _exists(connection):
        own = await standing(connection)
        if look_only or not (own.is_superuser or own.creates_roles):
            return None
        await _create(connection)
    if not look_only and not await _may_become(connection):
        await _join(connection)
    return APP_ROLE if await _may_become(connection) else None


async def _exists(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("select true from pg_roles where rolname = $1", APP_ROLE))


async def _join(connection: asyncpg.Connection) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"grant {APP_ROLE} to current_user")
    except asyncpg.InsufficientPrivilegeError:
        return  # then it stays what it is; the caller looks again


async def _create(connection: asyncpg.Connection) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"create role {APP_ROLE} nologin nosuperuser nobypassrls")
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return  # another database of the same server was quicker; the role belongs to all of them


async def _may_become(connection: asyncpg.Connection) -> bool:
    """Whether ``set role`` works; PostgreSQL 16 and newer tell membership from the right to become."""
    kind = "set" if connection.get_server_version().major >= 16 else "member"
    return bool(await connection.fetchval("select pg_has_role(current_user, $1::name, $2)", APP_ROLE, kind))


async def grant_rights(connection: asyncpg.Connection, role: str) -> None:
    """Gives ``role`` what the application needs, and nothing more; safe to repeat."""
    await connection.execute(_GRANTS.format(role=_quoted(role)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

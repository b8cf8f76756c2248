"""People of an organisation: end users, staff, admins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store import revocations
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, insert_row, many, one, unique, update_row


class User(msgspec.Struct, frozen=True):
    """One person."""

    id: UUID
    org_id: UUID
    email: str
    role: str
    external_user_id: str | None
    first_name: str | None
    last_name: str | None
    street_and_number: str | None
    street_add_info: str | None
    zip_code: str | None
    town: str | None
    country_iso2: str | None
    latitude: float | None
    longitude: float | None
    location_last_updated: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class Login(msgspec.Struct, frozen=True):
    """What sign-in needs to know of a person."""

    id: UUID
    org_id: UUID
    role: str
    password_hash: str | None
    token_version: int


class UserFilter(msgspec.Struct, frozen=True):
    """Which users a list shows; ``after`` and ``limit`` page by id."""

    role: str | None = None
    q: str | None = None
    include_deleted: bool = False
    after: UUID | None = None
    limit: int = 500


WRITABLE = frozenset(User.__struct_fields__) - {"id", "org_id", "version", "created_at", "updated_at"}
_SETTABLE = WRITABLE | {"password_hash"}
ENDS_TOKENS = frozenset({"role", "password_hash", "deleted_at"})
_COLUMNS, _LOGIN = columns(User), columns(Login)
BEGINS_WITH = " or ".join(
    f"starts_with({name}_key, {{}})" for name in ("email", "first_name", "last_name", "external_user_id")
)
"""Which people a search for ``{}`` (lower case) finds."""
_EMAIL = ("users_email", "Another user of the organisation has this e-mail.")


async def insert(tx: WriteTx, org_id: UUID, user_id: UUID, fields: Mapping[str, Any], now: datetime) -> None:
    """A new user with ``fields`` (``password_hash`` may be among them)."""
    with unique(*_EMAIL):
        await insert_row(tx, "users", {"id": user_id, "org_id": org_id}, fields, _SETTABLE, now)


async def get(tx: ReadTx, org_id: UUID, user_id: UUID, include_deleted: bool = False) -> User | None:
    """The user, or None."""
    sql = f"select {_COLUMNS} from users where org_id = $1 and id = $2 and (deleted_at is null or $3)"
    return one(User, await tx.row(sql, org_id, user_id, include_deleted))


async def get_for_update(tx: WriteTx, org_id: UUID, user_id: UUID) -> User | None:
    """The living user, locked until the transaction ends, or None."""
    sql = f"select {_COLUMNS} from users where org_id = $1 and id = $2 and deleted_at is null for update"
    return one(User, await tx.row(sql, org_id, user_id))


async def get_login(tx: ReadTx, org_id: UUID, user_id: UUID) -> Login | None:
    """The living user as sign-in knows them, or None."""
    sql = f"select {_LOGIN} from users where org_id = $1 and id = $2 and deleted_at is null"
    return one(Login, await tx.row(sql, org_id, user_id))


async def get_login_unchanging(tx: WriteTx, org_id: UUID, user_id: UUID) -> Login | None:
    """As :func:`get_login`; role, password and deletion wait until the transaction ends."""
    sql = f"select {_LOGIN} from users where org_id = $1 and id = $2 and deleted_at is null for share"
    return one(Login, await tx.row(sql, org_id, user_id))


async def update(
    tx: WriteTx, org_id: UUID, user_id: UUID, changes: Mapping[str, Any], version: int, now: datetime
) -> None:
    """The changed fields and the new version; role, password and deletion end what the person was signed in with."""
    with unique(*_EMAIL):
        await update_row(tx, "users", (org_id, user_id), changes, _SETTABLE, version, now)
    if ENDS_TOKENS & changes.keys():
        await revocations.end_tokens_of_user(tx, org_id, user_id, now)


async def find(tx: ReadTx, org_id: UUID, wanted: UserFilter) -> list[User]:
    """Users in order of id, at most ``wanted.limit``."""
    sql = f"""
        select {_COLUMNS} from users
        where org_id = $1 and ($2::text is null or role = $2) and (deleted_at is null or $3)
          and ($4::uuid is null or id > $4)
          and ($5::text is null or {BEGINS_WITH.replace("{}", "$5")})
        order by id limit $6"""
    q = None if wanted.q is None else wanted.q.lower()
    args = (wanted.role, wanted.include_deleted, wanted.after, q, wanted.limit)
    return many(User, await tx.fetch(sql, org_id, *args))


async def find_for_sign_in(tx: ReadTx, email: str, org_id: UUID | None) -> list[Login]:
    """Living people with this e-mail, in ``org_id`` or anywhere; at most five."""
    sql = f"""
        select {_LOGIN} from users
        where lower(email) = lower($1) and deleted_at is null and ($2::uuid is null or org_id = $2)
        order by id limit 5"""
    return many(Login, await tx.fetch(sql, email, org_id))

"""Who calls: an organisation, a role, and the person or client behind it."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

import msgspec


class Role(StrEnum):
    """Admin: everything of the organisation; staff: all end users and devices; user: own objects."""

    ADMIN = "admin"
    STAFF = "staff"
    USER = "user"


class Principal(msgspec.Struct, frozen=True):
    """The caller of one request; either ``user_id`` or ``client_id`` is set (clients count as admin)."""

    org_id: UUID
    role: Role
    user_id: UUID | None = None
    client_id: UUID | None = None

    @property
    def name(self) -> str:
        """``client:ID`` or ``user:ID``, for audit, limits and idempotency."""
        return f"user:{self.user_id}" if self.user_id else f"client:{self.client_id}"

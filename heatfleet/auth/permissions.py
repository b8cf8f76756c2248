"""Who may do what: one table, read here and nowhere else.

A foreign organisation and, for role ``user``, somebody else's object are :class:`NotFound` (existence is not revealed);
a known thing with too low a role is :class:`Forbidden`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from uuid import UUID

from heatfleet.auth.principal import Principal, Role
from heatfleet.domain.errors import Forbidden, NotFound


class Reach(IntEnum):
    """Whose things a right covers."""

    NONE = 0
    OWN = 1  # the caller's own objects
    END_USERS = 2  # everybody with role ``user``, and oneself
    ALL = 3


class Right(StrEnum):
    """What can be done."""

    LIST_USERS = "list_users"
    CREATE_USER = "create_user"
    READ_USER = "read_user"
    CHANGE_USER = "change_user"
    CHANGE_ROLE = "change_role"
    DELETE_USER = "delete_user"
    INVITE_USER = "invite_user"
    EXPORT_USER = "export_user"
    READ_BUILDING = "read_building"
    CHANGE_BUILDING = "change_building"
    READ_CONTRACT = "read_contract"
    CHANGE_CONTRACT = "change_contract"
    LIST_FLEET = "list_fleet"
    READ_HEAT_PUMP = "read_heat_pump"
    CHANGE_HEAT_PUMP = "change_heat_pump"
    ONBOARD = "onboard"
    READ_CATALOGUE = "read_catalogue"
    READ_SETTINGS = "read_settings"
    CHANGE_SETTINGS = "change_settings"
    MANAGE_CLIENTS = "manage_clients"
    READ_AUDIT = "read_audit"
    READ_GRID_LIMITS = "read_grid_limits"
    LIMIT_GRID = "limit_grid"


_N, _O, _E, _A = Reach.NONE, Reach.OWN, Reach.END_USERS, Reach.ALL
TABLE: dict[Right, dict[Role, Reach]] = {
    right: {Role.ADMIN: admin, Role.STAFF: staff, Role.USER: user}
    for right, admin, staff, user in (
        (Right.LIST_USERS, _A, _E, _N),
        (Right.CREATE_USER, _A, _E, _N),
        (Right.READ_USER, _A, _E, _O),
        (Right.CHANGE_USER, _A, _E, _O),
        (Right.CHANGE_ROLE, _A, _N, _N),
        (Right.DELETE_USER, _A, _E, _O),
        (Right.INVITE_USER, _A, _E, _N),
        (Right.EXPORT_USER, _A, _E, _O),
        (Right.READ_BUILDING, _A, _A, _O),
        (Right.CHANGE_BUILDING, _A, _A, _O),
        (Right.READ_CONTRACT, _A, _A, _O),
        (Right.CHANGE_CONTRACT, _A, _A, _O),
        (Right.LIST_FLEET, _A, _A, _N),
        (Right.READ_HEAT_PUMP, _A, _A, _O),
        (Right.CHANGE_HEAT_PUMP, _A, _A, _O),
        (Right.ONBOARD, _A, _A, _O),
        (Right.READ_CATALOGUE, _A, _A, _N),
        (Right.READ_SETTINGS, _A, _A, _N),
        (Right.CHANGE_SETTINGS, _A, _N, _N),
        (Right.MANAGE_CLIENTS, _A, _N, _N),
        (Right.READ_AUDIT, _A, _N, _N),
        (Right.READ_GRID_LIMITS, _A, _A, _N),
        (Right.LIMIT_GRID, _A, _A, _N),
    )
}


def reach(principal: Principal, right: Right) -> Reach:
    """How far the caller's role carries ``right``."""
    return TABLE[right][principal.role]


def allow(principal: Principal, right: Right, org_id: UUID, owner_id: UUID | None = None) -> Reach:
    """How far ``right`` carries on ``org_id``'s things of ``owner_id`` (None = of the whole organisation)."""
    if principal.org_id != org_id:
        raise NotFound("There is no such organisation.")
    granted = TABLE[right][principal.role]
    if granted is Reach.NONE or (granted is Reach.OWN and owner_id is None):
        raise Forbidden("Your role does not allow this.")
    if granted is Reach.OWN and owner_id != principal.user_id:
        raise NotFound("There is no such user.")
    return granted


def allow_role(principal: Principal, right: Right, user_id: UUID | None, role: str) -> None:
    """Nothing when ``right`` covers a user of ``role``; staff do not reach other staff or admins."""
    if reach(principal, right) is Reach.END_USERS and role != Role.USER and user_id != principal.user_id:
        raise Forbidden("Your role does not reach staff and admin users.")

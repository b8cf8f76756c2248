"""Everything kept of a person, for the person: which columns of which tables, page by page.

Columns are named one by one, so that no secret, hash or sealed grant can slip in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np

from heatfleet.domain.compaction import CHANNELS
from heatfleet.store.buildings import Building
from heatfleet.store.contracts import EnergyContract
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.rows import columns, many
from heatfleet.store.telemetry_history import samples
from heatfleet.store.users import User

PAGE: Final = 500
WEEK = timedelta(days=7)
Rows = list[dict[str, Any]]
_MINE = "{0}.org_id = $1 and {0}.user_id = $2"
_OF_PUMPS = "{0}.org_id = $1 and {0}.heat_pump_id in (select id from heat_pumps where org_id = $1 and user_id = $2)"


class Section(msgspec.Struct, frozen=True):
    """One kind of rows with an id, named by what it is in the export."""

    name: str
    columns: str
    of: str  # table and joins; the rows' own table is x
    where: str = _MINE.format("x")


class Series(msgspec.Struct, frozen=True):
    """One kind of rows of each heat pump along time."""

    name: str
    columns: str
    at: str


class Span(msgspec.Struct, frozen=True):
    """From when to when (both included) a series of one heat pump has rows."""

    heat_pump_id: UUID
    first_at: datetime
    last_at: datetime

    def weeks(self) -> Iterator[datetime]:
        """The start of every week (from Monday, UTC) the span touches."""
        first = self.first_at.astimezone(UTC)
        at = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=first.weekday())
        while at <= self.last_at:
            yield at
            at += WEEK


def _named(kind: type[msgspec.Struct]) -> str:
    return columns(kind, "x")


_THINGS: Final = """
  select id from users where org_id = $1 and id = $2
  union all select id from buildings where org_id = $1 and user_id = $2
  union all select id from energy_contracts where org_id = $1 and user_id = $2
  union all select id from heat_pumps where org_id = $1 and user_id = $2
  union all select id from onboarding_sessions where org_id = $1 and user_id = $2
  union all select q.id from cues q join heat_pumps h on h.id = q.heat_pump_id where h.org_id = $1 and h.user_id = $2"""

SECTIONS: Final = (
    Section("user", _named(User), "users x", "x.org_id = $1 and x.id = $2"),
    Section("buildings", _named(Building), "buildings x"),
    Section("energy_contracts", _named(EnergyContract), "energy_contracts x"),
    Section(
        "heat_pumps",
        f"{_named(HeatPump)}, x.created_at, x.updated_at, m.manufacturer, m.model, m.year, (select jsonb_object_agg("
        "b.lever, b.own_value) from baselines b where b.heat_pump_id = x.id) as own_settings",
        "heat_pumps x left join device_models m on m.id = x.device_model_id",
    ),
    Section(
        "connections", "x.id, x.vendor, x.account_id, x.status, x.error_code, x.created_at, x.updated_at",
        "connections x",
    ),
    Section(
        "consents",
        "x.id, x.heat_pump_id, x.vendor, x.scopes, x.language, x.text_version, x.given_at, x.withdrawn_at",
        "consents x",
    ),
    Section(
        "onboarding_sessions",
        "x.id, x.language, x.price_zone_default, x.is_smart_optimization_active_default, x.success_url, x.cancel_url,"
        " x.building_id, x.device_type, x.external_metadata, x.state, x.heat_pump_id, x.expires_at, x.created_at",
        "onboarding_sessions x",
    ),
    Section(
        "cues", "x.id, x.heat_pump_id, x.code, x.metadata, x.state, x.sent_at, x.resolved_at", "cues x",
        _OF_PUMPS.format("x"),
    ),
    Section(
        "commands",
        "x.id, x.heat_pump_id, x.lever, x.value, x.previous_value, x.state, x.purpose, x.reason_code, x.status,"
        " x.attempt, x.issued_at, x.ends_at, x.settle_at, x.receipt, x.confirmed_at",
        "commands x",
        _OF_PUMPS.format("x"),
    ),
    Section(
        # What the person did to others is said without its values: those are the others' data.
        "audit",
        "x.id, x.at, x.actor, x.action, x.object_kind, x.object_id, case when t.id is not null then x.before end"
        " as before, case when t.id is not null then x.after end as after",
        f"audit x left join ({_THINGS}) t on t.id = x.object_id",
        "x.org_id = $1 and (t.id is not null or x.actor = 'user:' || $2::uuid)",
    ),
)  # fmt: skip

SERIES: Final = (
    Series("thermal_models", "heat_pump_id, version, kind, parameters, error_24h_k, fitted_at, in_force", "fitted_at"),
    Series(
        "plan_steps",
        "heat_pump_id, start_at, state, hot_water, power_kw, indoor_temp_c, dhw_temp_c, price, reason_code, made_at,"
        " model_version, policy_version, reason_detail, cost_of_not_acting, own_power_kw, own_indoor_temp_c,"
        " own_dhw_temp_c",
        "start_at",
    ),
    Series(
        "score_days",
        "heat_pump_id, day, own_cost, realised_cost, best_cost, known_share",
        "(day::timestamp at time zone 'UTC')",
    ),
    Series("grid_limit_shares", "heat_pump_id, limit_id, limit_w, starts_at, ends_at", "starts_at"),
    Series("grid_limit_evidence", "heat_pump_id, limit_id, at, limit_w, power_w, read_at, state", "at"),
    Series("energy_hours", "heat_pump_id, hour_at, energy_kwh, quality", "hour_at"),
)


async def page(tx: ReadTx, section: Section, org_id: UUID, user_id: UUID, after: UUID | None) -> Rows:
    """The next rows of a section in order of id, at most ``PAGE``."""
    sql = f"""
        select {section.columns} from {section.of} where {section.where} and ($3::uuid is null or x.id > $3)
        order by x.id limit {PAGE}"""
    return [dict(row) for row in await tx.fetch(sql, org_id, user_id, after)]


async def spans(tx: ReadTx, series: Series, org_id: UUID, user_id: UUID) -> list[Span]:
    """From when to when each of the user's heat pumps has rows of a series."""
    sql = f"""
        select h.id, s.first_at, s.last_at from heat_pumps h cross join lateral (
          select min({series.at}) as first_at, max({series.at}) as last_at from {series.name} s
          where s.heat_pump_id = h.id) s
        where h.org_id = $1 and h.user_id = $2 and s.first_at is not null order by h.id"""
    return many(Span, await tx.fetch(sql, org_id, user_id))


async def week(tx: ReadTx, series: Series, org_id: UUID, heat_pump_id: UUID, since: datetime) -> Rows:
    """The rows of a series of one heat pump in the week from ``since`` on."""
    sql = f"""
        select {series.columns} from {series.name}
        where org_id = $1 and heat_pump_id = $2 and {series.at} >= $3 and {series.at} < $4 order by {series.at}"""
    return [dict(row) for row in await tx.fetch(sql, org_id, heat_pump_id, since, since + WEEK)]


async def telemetry_spans(tx: ReadTx, org_id: UUID, user_id: UUID) -> list[Span]:
    """From when to when each of the user's heat pumps has telemetry, packed or not."""
    sql = """
        select h.id, least(t.first_at, p.first_at), greatest(t.last_at, p.last_at) from heat_pumps h
          cross join lateral (select min(at) as first_at, max(at) as last_at from telemetry
            where heat_pump_id = h.id) t
          cross join lateral (select min(day)::timestamp at time zone 'UTC' as first_at,
              max(day)::timestamp at time zone 'UTC' + interval '1 day' as last_at from telemetry_packed
            where heat_pump_id = h.id) p
        where h.org_id = $1 and h.user_id = $2 and coalesce(t.first_at, p.first_at) is not null order by h.id"""
    return many(Span, await tx.fetch(sql, org_id, user_id))


async def telemetry_week(tx: ReadTx, org_id: UUID, heat_pump_id: UUID, since: datetime) -> Rows:
    """What was read of one heat pump in the week from ``since`` on; ``estimated`` and ``modelled`` name channels."""
    found = await samples(tx, org_id, heat_pump_id, since, since + WEEK)
    return [
        {
            "heat_pump_id": heat_pump_id,
            "at": datetime.fromtimestamp(int(at_s), UTC),
            **{c.value: float(v) for c, v in zip(CHANNELS, values, strict=True) if not np.isnan(v)},
            "estimated": _named_by(int(estimated)),
            "modelled": _named_by(int(modelled)),
        }
        for at_s, values, estimated, modelled in zip(
            found.at_s, found.values.T, found.estimated, found.modelled, strict=True
        )
    ]


def _named_by(mask: int) -> list[str]:
    """The channels of a mask."""
    return [channel.value for bit, channel in enumerate(CHANNELS) if mask >> bit & 1]

"""Plans: one row per quarter-hour; a newer plan replaces an older one from its first step on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Outlook, Plan, PlanStep, Reason, ReasonDetail, TankAim, Unsteered
from heatfleet.domain.time_grid import MTU, floor_mtu
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one
from heatfleet.store.telemetry import ensure_weeks


class PlanRow(msgspec.Struct, frozen=True):
    """One quarter-hour of the plan of one pump, see the table."""

    heat_pump_id: UUID
    org_id: UUID
    start_at: datetime
    state: str
    hot_water: bool
    power_kw: float
    indoor_temp_c: float | None
    dhw_temp_c: float | None
    price: float | None
    reason_code: str
    made_at: datetime
    model_version: int
    policy_version: int
    reason_detail: dict[str, Any] | None = None
    cost_of_not_acting: float | None = None
    own_power_kw: float | None = None
    own_indoor_temp_c: float | None = None
    own_dhw_temp_c: float | None = None
    charge_below_c: float | None = None
    hold_c: float | None = None
    is_tank_planned: bool = False
    cooling: bool = False
    pool_heating: bool | None = None
    pool_temp_c: float | None = None

    @property
    def detail(self) -> ReasonDetail:
        """What the reason refers to."""
        return ReasonDetail.of(self.reason_detail)


class OutlookRow(msgspec.Struct, frozen=True):
    """The newest plan of one pump as a whole, see the table."""

    heat_pump_id: UUID
    org_id: UUID
    start_at: datetime
    end_at: datetime
    cost: float
    own_cost: float
    stored_worth: float
    indoor_mean_c: float
    own_indoor_mean_c: float
    warmth_cost: float

    @property
    def outlook(self) -> Outlook:
        """As the domain knows it."""
        return Outlook(*(getattr(self, name) for name in Outlook._fields))


_COLUMNS = columns(PlanRow)
_INSERT = f"""
insert into plan_steps ({_COLUMNS})
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bool[], $6::real[], $7::real[],
  $8::real[], $9::real[], $10::text[], $11::timestamptz[], $12::int[], $13::int[], $14::jsonb[], $15::real[],
  $16::real[], $17::real[], $18::real[], $19::real[], $20::real[], $21::bool[], $22::bool[],
  $23::bool[], $24::real[])"""
_UNKNOWN = (None,) * len(Unsteered._fields)
_NOTHING = TankAim(None, None)
_INSERT_OUTLOOKS = f"""
insert into plan_outlooks ({columns(OutlookRow)})
select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::float8[], $6::float8[],
  $7::float8[], $8::float8[], $9::float8[], $10::float8[])"""


async def replace(tx: WriteTx, plans: Mapping[UUID, Plan]) -> list[UUID]:
    """The pumps whose plan came into force: all but deleted ones and those whose policy has changed since."""
    given = {id_: plan for id_, plan in plans.items() if plan.steps}
    if not given:
        return []
    current = await tx.fetch(
        """select h.id, h.org_id from heat_pumps h join unnest($1::uuid[], $2::int[]) as p(id, version)
             on h.id = p.id and h.policy_version = p.version where h.deleted_at is null order by h.id for share of h""",
        list(given),
        [plan.policy_version for plan in given.values()],
    )
    starts = [given[row[0]].steps[0].start_at for row in current]
    await tx.execute(
        """delete from plan_steps s using unnest($1::uuid[], $2::timestamptz[]) as p(id, from_at)
           where s.heat_pump_id = p.id and s.start_at >= p.from_at and s.start_at >= $3""",
        [row[0] for row in current],
        starts,
        min(starts, default=None),
    )
    rows = [row for id_, org_id in current for row in _rows(id_, org_id, given[id_])]
    if rows:
        await ensure_weeks(tx, min(starts), max(given[row[0]].steps[-1].start_at for row in current))
        await tx.execute(_INSERT, *zip(*rows, strict=True))
    await _replace_outlooks(tx, [(id_, org_id, given[id_]) for id_, org_id in current])
    return [row[0] for row in current]


def _rows(heat_pump_id: UUID, org_id: UUID, plan: Plan) -> list[tuple[object, ...]]:
    tail = (plan.made_at, plan.model_version, plan.policy_version)
    return [
        (
            heat_pump_id, org_id, s.start_at, s.state.value, s.hot_water, s.power_kw, s.indoor_temp_c, s.dhw_temp_c,
            s.price, s.reason.value, *tail, s.detail.given() or None, s.cost_of_not_acting, *(s.own or _UNKNOWN),
            *(s.tank or _NOTHING), s.tank is not None, s.cooling, s.pool_heating, s.pool_temp_c,
        )
        for s in plan.steps
    ]  # fmt: skip


async def _replace_outlooks(tx: WriteTx, made: Sequence[tuple[UUID, UUID, Plan]]) -> None:
    await tx.execute("delete from plan_outlooks where heat_pump_id = any($1)", [id_ for id_, _, _ in made])
    rows = [
        (id_, org_id, plan.steps[0].start_at, plan.steps[-1].start_at + MTU, *plan.outlook)
        for id_, org_id, plan in made
        if plan.outlook is not None
    ]
    if rows:
        await tx.execute(_INSERT_OUTLOOKS, *zip(*rows, strict=True))


async def in_force(tx: ReadTx, heat_pump_ids: Sequence[UUID], at: datetime) -> dict[UUID, PlanStep]:
    """The step of each pump's plan that holds ``at``; pumps without one are left out."""
    sql = f"select {_COLUMNS} from plan_steps where heat_pump_id = any($1) and start_at = $2"
    rows = many(PlanRow, await tx.fetch(sql, list(heat_pump_ids), floor_mtu(at)))
    return {row.heat_pump_id: step_of(row) for row in rows}


async def planned_at(tx: ReadTx, at: datetime) -> list[UUID]:
    """The pumps that have a plan at ``at``."""
    return [row[0] for row in await tx.fetch("select heat_pump_id from plan_steps where start_at = $1", floor_mtu(at))]


async def paused(
    tx: ReadTx, heat_pump_ids: Sequence[UUID], since: datetime, until: datetime
) -> dict[UUID, set[datetime]]:
    """The quarter-hours of a time that were planned as a pause, by pump; pumps without any are left out."""
    sql = f"""
        select heat_pump_id, array_agg(start_at) from plan_steps
        where heat_pump_id = any($1) and start_at >= $2 and start_at < $3 and reason_code = '{Reason.PAUSE}'
        group by heat_pump_id"""
    return {row[0]: set(row[1]) for row in await tx.fetch(sql, list(heat_pump_ids), since, until)}


async def of_pump(tx: ReadTx, org_id: UUID, heat_pump_id: UUID, since: datetime, until: datetime) -> list[PlanRow]:
    """The steps of one pump's plan in a time, in order."""
    sql = f"""
        select {_COLUMNS} from plan_steps where org_id = $1 and heat_pump_id = $2 and start_at >= $3 and start_at < $4
        order by start_at"""
    return many(PlanRow, await tx.fetch(sql, org_id, heat_pump_id, since, until))


async def outlook(tx: ReadTx, org_id: UUID, heat_pump_id: UUID) -> OutlookRow | None:
    """The newest plan of one pump as a whole."""
    sql = f"select {columns(OutlookRow)} from plan_outlooks where org_id = $1 and heat_pump_id = $2"
    return one(OutlookRow, await tx.row(sql, org_id, heat_pump_id))


async def drop_future(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> int:
    """How many steps that begin after ``now`` were dropped: these pumps are no longer planned."""
    await tx.execute("delete from plan_outlooks where heat_pump_id = any($1)", list(heat_pump_ids))
    sql = "delete from plan_steps where heat_pump_id = any($1) and start_at > $2"
    return await tx.execute(sql, list(heat_pump_ids), now)


def step_of(row: PlanRow) -> PlanStep:
    """The row as the domain knows it; numbers that were not planned are NaN."""
    nan = float("nan")
    indoor_c, dhw_c, price = (nan if v is None else v for v in (row.indoor_temp_c, row.dhw_temp_c, row.price))
    state, reason = SteeringState(row.state), Reason(row.reason_code)
    tank = TankAim(row.charge_below_c, row.hold_c) if row.is_tank_planned else None
    numbers = (row.power_kw, indoor_c, dhw_c, price)
    return PlanStep(
        row.start_at, state, row.hot_water, *numbers, reason, row.detail, tank=tank, cooling=row.cooling,
        pool_heating=row.pool_heating, pool_temp_c=row.pool_temp_c,
    )  # fmt: skip

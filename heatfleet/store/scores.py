"""What days cost beside what they could have cost, and the optimisation score that follows from a week of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many


class ScoreDay(msgspec.Struct, frozen=True):
    """One local day of one pump [currency], all modelled alike, see the table."""

    heat_pump_id: UUID
    org_id: UUID
    day: date
    own_cost: float
    realised_cost: float
    best_cost: float
    known_share: float


async def save_days(tx: WriteTx, days: Sequence[ScoreDay]) -> None:
    """The days, again if they were there already."""
    if not days:
        return
    sql = f"""
        insert into score_days ({columns(ScoreDay)})
        select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::float8[], $5::float8[], $6::float8[], $7::float8[])
        on conflict (heat_pump_id, day) do update set own_cost = excluded.own_cost,
          realised_cost = excluded.realised_cost, best_cost = excluded.best_cost, known_share = excluded.known_share"""
    await tx.execute(sql, *([getattr(day, name) for day in days] for name in ScoreDay.__struct_fields__))


async def days_since(tx: ReadTx, heat_pump_ids: Sequence[UUID], first: date) -> list[ScoreDay]:
    """The days of these pumps from ``first`` on."""
    sql = f"select {columns(ScoreDay)} from score_days where heat_pump_id = any($1) and day >= $2"
    return many(ScoreDay, await tx.fetch(sql, list(heat_pump_ids), first))


async def save_scores(tx: WriteTx, scores: Mapping[UUID, float | None]) -> None:
    """The score of each of these pumps, None where it cannot be told."""
    sql = """
        update device_latest l set optimization_score = s.score
        from unnest($1::uuid[], $2::real[]) as s(pump, score) where l.heat_pump_id = s.pump"""
    await tx.execute(sql, list(scores), list(scores.values()))


async def forget(tx: WriteTx, before: date) -> int:
    """How many days before ``before`` were dropped."""
    return await tx.execute("delete from score_days where day < $1", before)


async def drop_unsteered(tx: WriteTx) -> int:
    """How many pumps that are no longer optimised lost their score."""
    sql = """
        update device_latest l set optimization_score = null from heat_pumps h
        where h.id = l.heat_pump_id and l.optimization_score is not null
          and (h.deleted_at is not null or not h.is_smart_optimization_active)"""
    return await tx.execute(sql)

"""At night yesterday is weighed: what each home cost, would have cost without us, and could have cost at its best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import TimeGrid, day_of, local_midnight
from heatfleet.fleet.score import DAYS, optimization_score
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows import toolbox_past
from heatfleet.flows.toolbox_extras import extras
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_homes import Loaded, home_of, load, models_of
from heatfleet.flows.toolbox_nights import in_turn
from heatfleet.planning.hindsight import Day, Lived, Worth, worth_of
from heatfleet.planning.state import MID, Freedom, Horizon
from heatfleet.store import plans, scores
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.scores import ScoreDay
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.block import Block
from heatfleet.thermal.model import ThermalModels

STEPS = 96
DAY = timedelta(days=1)
KEPT_DAYS = 30


async def score_tonight(tools: Tools) -> int:
    """How many homes whose turn it is in this hour of their night have been weighed."""
    weighed = 0
    async for pumps in in_turn(tools):
        for end_at, same in _by_midnight(pumps, tools.clock.fleet_now()).items():
            weighed += len(await score(tools, [pump.id for pump in same], end_at))
    async with tools.database.write(FLEET) as tx:
        await scores.forget(tx, (tools.clock.fleet_now() - KEPT_DAYS * DAY).date())
        await scores.drop_unsteered(tx)
    return weighed


def _by_midnight(pumps: Sequence[HeatPump], now: datetime) -> dict[datetime, list[HeatPump]]:
    """Pumps by the instant at which their day began."""
    found = defaultdict(list)
    for pump in pumps:
        zone = zone_time(pump.price_zone)
        found[local_midnight(day_of(now, zone), zone)].append(pump)
    return found


async def score(tools: Tools, heat_pump_ids: Sequence[UUID], end_at: datetime) -> list[UUID]:
    """The optimised pumps whose last 24 hours before ``end_at`` are weighed and whose score is new."""
    grid = TimeGrid(end_at - DAY, STEPS)
    async with tools.database.read(FLEET) as tx:
        loaded = await load(tx, sorted(set(heat_pump_ids)), only_optimised=True)
        around = await outlook.surroundings(tx, [loaded.sites[p.id] for p in loaded.pumps], grid, end_at)
        past = await toolbox_past.past(tx, loaded, TimeGrid(grid.start_at - DAY, 2 * STEPS))
        extra = await extras(tx, loaded, around, grid, end_at)
        paused = await plans.paused(tx, [pump.id for pump in loaded.pumps], grid.start_at, grid.end_at)
    if not loaded.pumps:
        return []
    homes = [_home(loaded, pump) for pump in loaded.pumps]
    expected, seen = extra.priced(outlook.horizon(homes, around, grid)), toolbox_past.seen(homes, past)
    still = np.array([[at in paused.get(pump.id, ()) for at in grid] for pump in loaded.pumps])
    priced = np.flatnonzero(~np.isnan(expected.price).any(axis=1))
    pumps, homes = [loaded.pumps[i] for i in priced], [homes[i] for i in priced]
    if not pumps:
        return []
    free = extra.of(priced).limited(outlook.freedom(homes, still[priced], grid))
    day = _day(homes, take(expected, priced), take(seen, priced), free)
    found = await in_executor(tools, weigh, models_of(loaded, pumps, end_at), _steps(take(seen, priced), 0), day)
    await _save(tools, pumps, found, grid.start_at)
    return [pump.id for pump in pumps]


def _home(loaded: Loaded, pump: HeatPump) -> outlook.Home:
    """The home without what only holds now: what its levers wait for, and when its tank is due."""
    return replace(home_of(loaded, pump), held_until=None, disinfection_last_at=None)


def _day(homes: Sequence[outlook.Home], expected: Horizon, seen: Block, freedom: Freedom) -> Day:
    """The second half of what was seen as a day; how it began is the end of the first."""
    before, lived = _steps(seen, 0), _steps(seen, 1)
    now = outlook.present(homes)
    present = replace(
        now,
        indoor_c=_last(before.indoor_c, np.where(np.isnan(lived.indoor_c[:, 0]), now.setpoint_c, lived.indoor_c[:, 0])),
        tank_c=_last(before.tank_c, now.tank_c),
        run_action=np.full(len(homes), MID),
    )
    horizon = replace(
        expected,
        outdoor_c=np.where(np.isnan(lived.outdoor_c), expected.outdoor_c, lived.outdoor_c),
        ghi_kw_m2=np.where(np.isnan(lived.ghi_kw_m2), expected.ghi_kw_m2, lived.ghi_kw_m2),
    )
    return Day(
        horizon, present, freedom,
        Lived(lived.tank_c, lived.dhw_heat_kw, lived.dhw_power_kw, lived.space_power_kw, lived.shift_k),
    )  # fmt: skip


def _steps(seen: Block, half: int) -> Block:
    """The first or the second day of what was seen."""
    return take(seen, np.s_[:, half * STEPS : (half + 1) * STEPS])


def _last(values: Array, otherwise: Array) -> Array:
    """The last known value of each row."""
    known = ~np.isnan(values)
    last = values.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), values[np.arange(len(values)), last], otherwise)


def weigh(learned: ThermalModels, before: Block, day: Day) -> Worth:
    """What the day came to, begun with the walls as the day before left them."""
    present = toolbox_past.estimated(day.present, before, learned, day.horizon)
    return worth_of(learned, replace(day, present=present))


async def _save(tools: Tools, pumps: Sequence[HeatPump], found: Worth, start_at: datetime) -> None:
    """The day of each pump, and the score of its last seven."""
    days = [
        ScoreDay(
            pump.id, pump.org_id, day_of(start_at, zone_time(pump.price_zone)), float(found.own[i]),
            float(found.realised[i]), float(found.best[i]), float(found.known_share[i]),
        )
        for i, pump in enumerate(pumps)
    ]  # fmt: skip
    last = max(one.day for one in days)
    async with tools.database.write(FLEET) as tx:
        await scores.save_days(tx, days)
        known = await scores.days_since(tx, [pump.id for pump in pumps], last - (DAYS - 1) * DAY)
        await scores.save_scores(tx, _scores([pump.id for pump in pumps], known, last))


def _scores(heat_pump_ids: Sequence[UUID], known: Sequence[ScoreDay], last: date) -> dict[UUID, float | None]:
    """The score of each pump, None where it cannot be told."""
    rows = {id_: row for row, id_ in enumerate(heat_pump_ids)}
    week = np.full((4, len(rows), DAYS), np.nan)
    for one in known:
        at = DAYS - 1 - (last - one.day).days
        if 0 <= at < DAYS:
            week[:, rows[one.heat_pump_id], at] = one.own_cost, one.realised_cost, one.best_cost, one.known_share
    found = optimization_score(*week)
    return {id_: None if np.isnan(found[row]) else round(float(found[row]), 1) for id_, row in rows.items()}

"""A home is learnt from its telemetry, once there is enough of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from msgspec import structs

from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import MTU
from heatfleet.flows.learn import learn, learn_tonight
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_homes import load, models_of
from heatfleet.flows.toolbox_past import hysteresis_k, last_days, past
from heatfleet.store import models, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.thermal.model import ThermalModels
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.store.worlds import small_fleet

UA_KW_PER_K, CAPACITY_KWH_PER_K, COP = 0.2, 14.0, 3.5
SETPOINT_C, HYSTERESIS_K = 52.0, 6.0


def lived(pump: UUID, org_id: UUID, end_at: datetime, days: int) -> list[TelemetryRow]:
    """Telemetry of a plain one-mass house under a heating curve, with meters."""
    steps = days * 96
    start_at = end_at - steps * MTU
    hours = np.arange(steps) / 4
    outdoor = 2.0 + 5.0 * np.sin(hours / 24 * 2 * np.pi) + 2.0 * np.sin(hours / 61)
    indoor, heat_kwh, rows = 21.0, 0.0, []
    for n in range(steps):
        heat_kw = 0.22 * (20.5 - outdoor[n]) + 0.5 * (21.0 - indoor) + (0.8 if n // 8 % 3 == 0 else 0.0)
        heat_kwh += heat_kw / 4
        indoor += (heat_kw - UA_KW_PER_K * (indoor - outdoor[n])) / 4 / CAPACITY_KWH_PER_K
        values = {
            Channel.INDOOR_TEMP_C: round(indoor, 2),
            Channel.OUTDOOR_TEMP_C: float(outdoor[n]),
            Channel.HEAT_KWH: 100.0 + heat_kwh,
            Channel.ENERGY_KWH: 50.0 + heat_kwh / COP,
            Channel.POWER_KW: heat_kw / COP,
            Channel.MODE: 2.0,
            Channel.CURVE_OFFSET_K: 0.0,
            Channel.DHW_TEMP_C: 48.0 + float(np.sin(n / 9)),
        }
        at = start_at + n * MTU + MTU / 2
        rows.append(TelemetryRow(pump, org_id, at, at, values))
    return rows


async def test_a_home_gets_a_better_model(database: Database, clock: FakeClock, org_id: UUID) -> None:
    seen, unseen = await small_fleet(database, org_id, clock.now, 2)
    tools = Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]
    assert await learn(tools, [seen, unseen]) == []
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, lived(seen, org_id, clock.now, 8))
    assert await learn(tools, [seen, unseen]) == [seen]
    async with database.read(org_id) as tx:
        model = (await models.in_force(tx, [seen, unseen]))[seen]
    assert model.version == 1
    assert model.kind in {"ols", "grey_box"}
    assert model.error_24h_k is not None
    assert model.error_24h_k < 0.3


async def test_the_own_hot_water_programme_is_learned_from_a_fortnight(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    """A tank that is charged every other day shows too little of its programme in two days."""
    (pump,) = await small_fleet(database, org_id, clock.now, 1)
    tools = Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]
    rows = [
        structs.replace(row, values={**row.values, **tank_of(n)})
        for n, row in enumerate(lived(pump, org_id, clock.now, 12))
    ]
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, rows)
    assert await learn(tools, [pump]) == [pump]
    async with database.read(org_id) as tx:
        loaded = await load(tx, [pump], only_optimised=False)
        lately = await past(tx, loaded, last_days(clock.now, 2))
    learned = models_of(loaded, loaded.pumps, clock.now)
    assert np.isnan(hysteresis_k(lately, with_nothing(learned))).all()
    assert np.allclose(hysteresis_k(lately, learned), HYSTERESIS_K, atol=0.5)


def tank_of(step: int) -> dict[Channel, float]:
    """A tank that falls to its programme's start in two days and is charged within an hour."""
    since, charge = step % 192, 4
    low = SETPOINT_C - HYSTERESIS_K
    if since < charge:
        return {Channel.DHW_SETPOINT_C: SETPOINT_C, Channel.DHW_TEMP_C: low + (since + 1) * HYSTERESIS_K / charge,
                Channel.MODE: 3.0}  # fmt: skip
    fallen = HYSTERESIS_K * (since - charge) / (191 - charge)
    return {Channel.DHW_SETPOINT_C: SETPOINT_C, Channel.DHW_TEMP_C: SETPOINT_C - fallen}


def with_nothing(learned: ThermalModels) -> ThermalModels:
    return replace(learned, tank=replace(learned.tank, own_hysteresis_k=np.zeros(learned.count)))


async def test_homes_take_turns_over_the_night(database: Database, clock: FakeClock, org_id: UUID) -> None:
    ids = await small_fleet(database, org_id, clock.now, 3)
    tools = Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]
    clock.now = clock.now.replace(hour=22)
    async with database.write(FLEET) as tx:
        for pump in ids:
            await telemetry.save(tx, lived(pump, org_id, clock.now, 5))
    turns = []
    for _ in range(8):
        turns.append(await learn_tonight(tools))
        clock.advance(timedelta(hours=1))
    assert sum(turns) == 3
    assert turns[0] == turns[1] == turns[-1] == 0, "only in the small hours"

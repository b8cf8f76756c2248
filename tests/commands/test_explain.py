"""``heatfleet explain``: what it reads, its table, its JSON, its picture, and what it does not understand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs
from typer.testing import CliRunner

from heatfleet.cli import app
from heatfleet.commands import explain_table, show
from heatfleet.commands.explain_picture import draw_plan
from heatfleet.domain.errors import NotFound
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Outlook, Plan, PlanStep, Reason, ReasonDetail, Unsteered
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import MTU
from heatfleet.flows.explain import Explained, explain, planned_pumps
from heatfleet.store import fleet_clock, plans, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.store.telemetry import TelemetryRow
from tests.conftest import FakeClock
from tests.store.worlds import add_connection, add_pump, add_user

STEPS = 40
VALUES = {Channel.INDOOR_TEMP_C: 21.0, Channel.DHW_TEMP_C: 49.0, Channel.INDOOR_SETPOINT_C: 21.0}


@pytest.fixture
async def pump_id(database: Database, clock: FakeClock, org_id: UUID) -> UUID:
    """A pump with ten hours of plan from the clock's now on: all states, hot water in the second hour."""
    user_id = await add_user(database, org_id)
    key = (user_id, await add_connection(database, org_id, user_id, b"", clock.now))
    pump = await add_pump(database, org_id, key, clock.now)
    states = tuple(SteeringState)
    steps = [
        PlanStep(
            clock.now + n * MTU, states[n // 10], 4 <= n < 8, 1 + 0.1 * n, 21 + 0.01 * n, 48 + 0.1 * n, 0.1 - 0.004 * n,
            Reason.HOT_WATER if 4 <= n < 8 else Reason.CHEAP_NOW, ReasonDetail(by=clock.now + timedelta(hours=5)),
            0.01, Unsteered(1.5, 20.8, 47.0),
        )
        for n in range(STEPS)
    ]  # fmt: skip
    made = Plan(tuple(steps), clock.now, 1, 1, Outlook(4.5, 5.0, 0.25, 21.5, 21.2, 0.1))
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, [TelemetryRow(pump, org_id, clock.now, clock.now, VALUES)])
        assert await plans.replace(tx, {pump: made}) == [pump]
    return pump


@pytest.fixture
async def found(database: Database, clock: FakeClock, pump_id: UUID) -> Explained:
    return await explain(database, clock, pump_id, 24.0)


async def test_a_plan_is_read_with_its_limits_from_now_on(
    database: Database, clock: FakeClock, pump_id: UUID, found: Explained
) -> None:
    assert [pump.id for pump in await planned_pumps(database, clock)] == [pump_id]
    assert (len(found.rows), len(found.comfort), found.currency) == (STEPS, STEPS, "EUR")
    assert (found.comfort[0].indoor_min_c, found.comfort[0].indoor_max_c) == (20.5, 22.5)
    assert len((await explain(database, clock, pump_id, 2.0)).rows) == 8
    clock.advance(timedelta(hours=1))
    assert len((await explain(database, clock, pump_id, 24.0)).rows) == STEPS - 4


async def test_while_it_cools_the_band_is_around_what_is_set_for_cooling(
    database: Database, clock: FakeClock, pump_id: UUID
) -> None:
    values = {Channel.COOLING_SETPOINT_C: 24.0}
    async with database.write(FLEET) as tx:
        row = await tx.row("select org_id from heat_pumps where id = $1", pump_id)
        await telemetry.save(tx, [TelemetryRow(pump_id, row[0], clock.now + MTU, clock.now + MTU, values)])
        await tx.execute("update plan_steps set cooling = start_at >= $1", clock.now + timedelta(hours=5))
    comfort = (await explain(database, clock, pump_id, 24.0)).comfort
    bands = [(c.indoor_min_c, c.indoor_max_c) for c in comfort]
    assert bands == [(20.5, 22.5)] * 20 + [(22.5, 24.5)] * 20


async def test_a_demos_own_time_counts(database: Database, clock: FakeClock, pump_id: UUID) -> None:
    async with database.write(FLEET) as tx:
        await fleet_clock.save(tx, clock.now + timedelta(hours=2))
    assert len((await explain(database, clock, pump_id, 24.0)).rows) == STEPS - 8


async def test_what_is_not_there_is_said(database: Database, clock: FakeClock, pump_id: UUID) -> None:
    with pytest.raises(NotFound, match="no connected heat pump"):
        await explain(database, clock, new_id(), 24.0)
    clock.advance(timedelta(days=2))
    with pytest.raises(NotFound, match="nothing is planned"):
        await explain(database, clock, pump_id, 24.0)
    assert await planned_pumps(database, clock) == []


async def test_the_table_has_every_step_and_the_sum(found: Explained, capsys: pytest.CaptureFixture[str]) -> None:
    explain_table.print_plan(found, "en")
    text = capsys.readouterr().out
    assert text.count("Mon 0") + text.count("Mon 1") == STEPS
    for word in ("Min", "ECO", "Comfort", "Boost", "hot water", "12:00", "4.50 EUR", "0.75", "0.85", "modelled"):
        assert word in text, word
    assert explain_table.verdict(found.outlook, "EUR") in " ".join(text.split()) if found.outlook else False


async def test_json_has_the_stored_plan_with_its_sentences(
    found: Explained, capsys: pytest.CaptureFixture[str]
) -> None:
    show.json_line(explain_table.as_json(found, "de"))
    read = json.loads(capsys.readouterr().out)
    assert len(read["steps"]) == STEPS
    assert read["steps"][4]["text"] == "Jetzt wird Warmwasser bereitet, damit um 12:00 genug da ist."
    assert read["outlook"]["saving"] == pytest.approx(0.75)


@pytest.mark.parametrize(("name", "begin"), [("plan.png", b"\x89PNG"), ("plan.SVG", b"<?xml")])
async def test_the_picture_is_written(found: Explained, tmp_path: Path, name: str, begin: bytes) -> None:
    draw_plan(found, "hu", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begin)


async def test_a_narrow_terminal_has_room_for_the_reasons(
    summer: Explained, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    explain_table.print_plan(summer, "en")
    text = capsys.readouterr().out
    assert "…" not in text
    assert explain_table.BAR[-1] not in text


@pytest.fixture
def summer(found: Explained) -> Explained:
    """The same hours cooled, the pool heated in the last ten steps."""
    rows = [
        structs.replace(row, cooling=True, pool_heating=n >= STEPS - 10, pool_temp_c=27.0 + 0.01 * n)
        for n, row in enumerate(found.rows)
    ]
    return replace(found, rows=rows)


async def test_a_summer_day_is_told_as_one_of_cooling_and_of_the_pool(
    found: Explained, summer: Explained, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    explain_table.print_plan(found, "en")
    assert not re.search("cool|pool", capsys.readouterr().out)
    explain_table.print_plan(summer, "en")
    text = capsys.readouterr().out
    assert text.count("cooling Min") == 10
    assert text.count("cooling Boost + pool") == 10
    for word in ("┃ pool ┃", "27.4", "· cooling", "cooled ahead", "pool is heated"):
        assert word in " ".join(text.split()), word
    steps = explain_table.as_json(summer, "de")["steps"]
    assert (steps[-1]["text"], steps[-1]["pool_heating"]) == (
        "Strom ist gerade günstig, deshalb werden die Räume vorgekühlt.",
        True,
    )


async def test_the_picture_of_a_summer_day_has_a_pool_and_says_that_it_is_cooled(
    found: Explained, summer: Explained, tmp_path: Path
) -> None:
    def words(shown: Explained) -> set[str]:
        draw_plan(shown, "en", tmp_path / "plan.svg")
        return set(re.findall(r">([^<>]+)</text>", (tmp_path / "plan.svg").read_text("utf-8")))

    assert words(summer) - words(found) >= {"cooling", "pool °C"}
    waiting = [structs.replace(row, pool_heating=False, pool_temp_c=None) for row in found.rows]
    assert words(replace(found, rows=waiting)) - words(found) >= {"pool °C"}


async def test_an_unknown_past_still_makes_a_picture(found: Explained, tmp_path: Path) -> None:
    """Plans of an older version, a tank that is not foretold, prices that are not known."""
    nan = float("nan")
    rows = [
        structs.replace(
            row, price=None, dhw_temp_c=nan, own_power_kw=None, own_indoor_temp_c=None, own_dhw_temp_c=None,
            hot_water=False,
        )
        for row in found.rows[:1]
    ]  # fmt: skip
    bare = replace(found, rows=rows, comfort=found.comfort[:1], outlook=None)
    draw_plan(bare, "en", tmp_path / "plan.png")
    explain_table.print_plan(bare, "en")
    assert (tmp_path / "plan.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--list", "018f2c3e-0000-7000-8000-000000000000"],
        ["not-an-id"],
        ["018f2c3e-0000-7000-8000-000000000000", "--language", "xx"],
        ["018f2c3e-0000-7000-8000-000000000000", "--out", "plan.pdf"],
        ["018f2c3e-0000-7000-8000-000000000000", "--hours", "0"],
    ],
)
def test_what_is_not_understood_exits_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["explain", *words]).exit_code == 2

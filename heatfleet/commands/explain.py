"""``heatfleet explain``: why a heat pump does what it does, as a table and as a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from heatfleet.commands import show
from heatfleet.domain.errors import Invalid

if TYPE_CHECKING:
    from heatfleet.flows.explain import Explained
    from heatfleet.settings import Settings

PICTURES = (".png", ".svg")


def explain(
    heat_pump_id: Annotated[UUID | None, typer.Argument(help="Which; --list shows them.", show_default=False)] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the heat pumps that have a plan.")] = False,
    hours: Annotated[float, typer.Option(help="From now on.", min=0.25, max=744)] = 24.0,
    language: Annotated[str, typer.Option(help="Of the sentences: en de et fr hu it pl ro sv.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Draw a picture into this file, .png or .svg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout instead of the table.")] = False,
    home: Annotated[Path | None, typer.Option(help="State folder [default: that of HEATFLEET_HOME].")] = None,
) -> None:
    """Explain the plan of a heat pump, quarter-hour by quarter-hour.

    Price, state, expected temperatures and power, one sentence each, and what doing nothing would cost. Works beside
    a running `heatfleet up` or `heatfleet demo`, and alone.

    Examples: heatfleet explain --list        heatfleet explain 018f… --language de --out plan.png
    """
    _check(heat_pump_id, list_, language, out)
    settings = show.settings_with(home=home)
    if list_:
        asyncio.run(_list(settings, as_json))
        return
    assert heat_pump_id is not None
    found = asyncio.run(_explained(settings, heat_pump_id, hours))
    from heatfleet.commands import explain_table

    if as_json:
        show.json_line(explain_table.as_json(found, language))
    else:
        explain_table.print_plan(found, language)
    if out is not None:
        from heatfleet.commands.explain_picture import draw_plan

        draw_plan(found, language, out)
        show.note(f"picture: {out}")


def _check(heat_pump_id: UUID | None, list_: bool, language: str, out: Path | None) -> None:
    from heatfleet.domain.reasons import LANGUAGES

    if (heat_pump_id is None) != list_:
        raise typer.BadParameter("name one heat pump, or ask for --list", param_hint="HEAT_PUMP_ID")
    if language not in LANGUAGES:
        raise typer.BadParameter(f"must be one of {', '.join(LANGUAGES)}", param_hint="--language")
    if out is not None and out.suffix.lower() not in PICTURES:
        raise typer.BadParameter("must end in .png or .svg", param_hint="--out")
    if out is not None and not out.absolute().parent.is_dir():
        raise Invalid.field(str(out), "no such folder", where="--out")


async def _explained(settings: Settings, heat_pump_id: UUID, hours: float) -> Explained:
    from heatfleet.app import house_at
    from heatfleet.flows.explain import explain as look

    async with house_at(settings, attach=True) as house:
        return await look(house.database, house.clock, heat_pump_id, hours)


async def _list(settings: Settings, as_json: bool) -> None:
    from heatfleet.app import house_at
    from heatfleet.flows.explain import planned_pumps

    async with house_at(settings, attach=True) as house:
        pumps = await planned_pumps(house.database, house.clock)
    if as_json:
        show.json_line([{"id": p.id, "org_id": p.org_id, "name": p.name, "price_zone": p.price_zone} for p in pumps])
    for pump in () if as_json else pumps:
        show.line(f"{pump.id}  {pump.price_zone:6}  {pump.name or pump.external_device_id}")
    if not pumps:
        show.note("no heat pump has a plan")

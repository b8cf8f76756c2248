"""``heatfleet diagnose``: one heat pump from all sides, to be pasted into a ticket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from heatfleet.commands import show

if TYPE_CHECKING:
    from heatfleet.settings import Settings


def diagnose(
    heat_pump_id: Annotated[UUID, typer.Argument(help="Which.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line instead of text.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the vendor.")] = False,
) -> None:
    """Report on one heat pump, redacted.

    Connection and grant, statuses and why, last polls and commands, baselines and what is owed, call budget, cues,
    plan, and what the vendor answers now (two calls). No secret, name, address or serial number is in it.

    Example: heatfleet diagnose 018f2c3e-0000-7000-8000-000000000000 > ticket.txt
    """
    report = asyncio.run(_report(show.settings_with(), heat_pump_id, ask=not offline))
    if as_json:
        show.json_line(report)
    else:
        for text in lines(report):
            show.line(text)


async def _report(settings: Settings, heat_pump_id: UUID, *, ask: bool) -> dict[str, Any]:
    from heatfleet.app import house_at, tools_of
    from heatfleet.flows.diagnose import diagnose as look

    async with house_at(settings, attach=True) as house:
        return await look(tools_of(house), house.registry, heat_pump_id, ask=ask)


def lines(value: object, indent: str = "") -> Iterator[str]:
    """A nested report as indented lines."""
    if isinstance(value, Mapping):
        items: list[tuple[str, object]] = [(f"{key}:", item) for key, item in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        items = [("-", item) for item in value]
    else:
        yield f"{indent}{_plain(value)}"
        return
    for head, item in items:
        if isinstance(item, Mapping | list | tuple) and item:
            yield f"{indent}{head}"
            yield from lines(item, indent + "  ")
        else:
            yield f"{indent}{head} {_plain(item)}"


def _plain(value: object) -> str:
    if value is None or value in ([], {}, ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

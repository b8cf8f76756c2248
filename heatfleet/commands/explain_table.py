"""A plan on the terminal: a line per quarter-hour, and what it costs beside doing nothing; or the same as JSON."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heatfleet.domain.price_zones import zone_time
from heatfleet.flows.explain import Explained
from heatfleet.flows.toolbox_words import Words
from heatfleet.store.plans import OutlookRow, PlanRow

STATES = {"min": ("Min", "blue"), "low": ("ECO", "cyan"), "mid": ("Comfort", "default"), "max": ("Boost", "red")}
BAR, BAR_CELLS = "▏▎▍▌▋▊▉█", 8


def words_of(found: Explained, language: str) -> Words:
    """The sentences of a language, at the clock of the pump's price zone."""
    return Words(language, zone_time(found.pump.price_zone))


def title_of(found: Explained) -> str:
    """Which pump, and where its prices come from."""
    return f"{found.pump.name or found.pump.external_device_id} · {found.pump.price_zone}"


def as_json(found: Explained, language: str) -> dict[str, Any]:
    """The plan's rows as they are stored, each with its sentence."""
    words = words_of(found, language)
    return {
        "heat_pump_id": found.pump.id,
        "currency": found.currency,
        "outlook": found.outlook and _outlook(found.outlook),
        "steps": [msgspec.structs.asdict(row) | {"text": words.why_of(row)} for row in found.rows],
    }


def _outlook(row: OutlookRow) -> dict[str, Any]:
    equal = row.outlook.saving_at_equal_temperature
    return msgspec.structs.asdict(row) | {"saving": row.outlook.saving, "saving_at_equal_temperature": equal}


def print_plan(found: Explained, language: str) -> None:
    """The table and the sum on stdout."""
    console = Console()
    words = words_of(found, language)
    highest = max((abs(row.price or 0.0) for row in found.rows), default=0.0)
    table = Table(title=f"{title_of(found)} · {found.currency}/kWh", title_justify="left", header_style="bold")
    for name, justify in (("time", "left"), ("price", "left"), ("state", "left"), ("kW", "right"), ("°C room", "right"),
                          ("°C tank", "right"), ("why", "left")):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=name != "why")  # type: ignore[arg-type]
    last = ""
    for row in found.rows:
        why = words.why_of(row)
        table.add_row(
            *_cells(row, words, highest), Text("″" if why == last else why, style="" if why != last else "dim")
        )
        last = why
    console.print(table)
    if found.outlook is not None:
        console.print(verdict(found.outlook, found.currency), highlight=False, markup=False)


def _cells(row: PlanRow, words: Words, highest: float) -> tuple[Text, ...]:
    local = row.start_at.astimezone(words.zone)
    name, style = STATES[row.state]
    state = Text(name, style=style)
    if row.hot_water:
        state.append(" + hot water", style="magenta")
    return (
        Text(f"{local:%a %H:%M}"),
        Text("–") if row.price is None else _price(row.price, highest),
        state,
        Text(f"{row.power_kw:.2f}"),
        Text(_degrees(row.indoor_temp_c)),
        Text(_degrees(row.dhw_temp_c)),
    )


def _degrees(temp_c: float | None) -> str:
    return "–" if temp_c is None or math.isnan(temp_c) else f"{temp_c:.1f}"


def _price(price: float, highest: float) -> Text:
    """The number and a bar beside it, its length in eighths of a cell."""
    eighths = round(8 * BAR_CELLS * abs(price) / highest) if highest else 0
    bar = BAR[-1] * (eighths // 8) + (BAR[eighths % 8 - 1] if eighths % 8 else "")
    return Text.assemble(f"{price:7.3f} ", (bar, "green" if price < 0 else "yellow"))


def verdict(row: OutlookRow, currency: str) -> str:
    """What the whole plan costs and what doing nothing would, as the home's model expects it."""
    found, hours = row.outlook, (row.end_at - row.start_at).total_seconds() / 3600
    return (
        f"over {hours:g} h: {found.cost:.2f} {currency}, left alone {found.own_cost:.2f} {currency},"
        f" heat stored at the end worth {found.stored_worth:+.2f} {currency}: expected saving {found.saving:.2f}"
        f" {currency}, at equal room temperature {found.saving_at_equal_temperature:.2f} {currency} (modelled; indoors"
        f" {found.indoor_mean_c:.1f} °C on average, left alone {found.own_indoor_mean_c:.1f} °C)"
    )

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
BAR, BAR_CELLS, ROOM_FOR_BARS = "▏▎▍▌▋▊▉█", 8, 100


def words_of(found: Explained, language: str) -> Words:
    """The sentences of a language, at the clock of the pump's price zone."""
    return Words(language, zone_time(found.pump.price_zone))


def title_of(found: Explained) -> str:
    """Which pump, where its prices come from, and whether it cools."""
    name = found.pump.name or found.pump.external_device_id
    return f"{name} · {found.pump.price_zone}{' · cooling' * any(row.cooling for row in found.rows)}"


def has_pool(found: Explained) -> bool:
    """Whether a pool is planned."""
    return any(row.pool_heating is not None for row in found.rows)


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
    bar_cells = BAR_CELLS if console.width >= ROOM_FOR_BARS else 0
    table = Table(title=f"{title_of(found)} · {found.currency}/kWh, kW, °C", title_justify="left", header_style="bold")
    pool = ("pool",) if has_pool(found) else ()
    for name in ("time", "price", "state", "power", "room", "tank", *pool, "why"):
        is_number = name in {"power", "room", "tank", "pool"}
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name not in {"state", "why"})
    last = ""
    for row in found.rows:
        why = f"{words.why_of(row)} {words.pool(heating=True)}" if row.pool_heating else words.why_of(row)
        price = Text("–") if row.price is None else _price(row.price, highest, bar_cells)
        cells = (*_cells(row, words, price), *(Text(_degrees(row.pool_temp_c)) for _ in pool))
        table.add_row(*cells, Text("″" if why == last else why, style="" if why != last else "dim"))
        last = why
    console.print(table)
    if found.outlook is not None:
        console.print(verdict(found.outlook, found.currency), highlight=False, markup=False)


def _cells(row: PlanRow, words: Words, price: Text) -> tuple[Text, ...]:
    local = row.start_at.astimezone(words.zone)
    name, style = STATES[row.state]
    state = Text.assemble("cooling " * row.cooling, (name, style))
    if row.hot_water:
        state.append(" + hot water", style="magenta")
    if row.pool_heating:
        state.append(" + pool", style="green")
    return (
        Text(f"{local:%a %H:%M}"),
        price,
        state,
        Text(f"{row.power_kw:.2f}"),
        Text(_degrees(row.indoor_temp_c)),
        Text(_degrees(row.dhw_temp_c)),
    )


def _degrees(temp_c: float | None) -> str:
    return "–" if temp_c is None or math.isnan(temp_c) else f"{temp_c:.1f}"


def _price(price: float, highest: float, bar_cells: int) -> Text:
    """The number and a bar beside it, its length in eighths of a cell."""
    eighths = round(8 * bar_cells * abs(price) / highest) if highest else 0
    bar = BAR[-1] * (eighths // 8) + (BAR[eighths % 8 - 1] if eighths % 8 else "")
    return Text.assemble(f"{price:7.3f}", " " * bool(bar), (bar, "green" if price < 0 else "yellow"))


def verdict(row: OutlookRow, currency: str) -> str:
    """What the whole plan costs and what doing nothing would, as the home's model expects it."""
    found, hours = row.outlook, (row.end_at - row.start_at).total_seconds() / 3600
    return (
        f"over {hours:g} h: {found.cost:.2f} {currency}, left alone {found.own_cost:.2f} {currency},"
        f" stored at the end worth {found.stored_worth:+.2f} {currency}: expected saving {found.saving:.2f}"
        f" {currency}, at equal room temperature {found.saving_at_equal_temperature:.2f} {currency} (modelled; indoors"
        f" {found.indoor_mean_c:.1f} °C on average, left alone {found.own_indoor_mean_c:.1f} °C)"
    )

"""What ``heatfleet demo --once`` prints: progress on stderr, a line per home, the sum, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Run = Mapping[str, float]

SUM = (
    ("cost", "cost [{currency}]", "{:.2f}"),
    ("energy_kwh", "energy [kWh]", "{:.1f}"),
    ("mean_price", "mean price paid [{currency}/kWh]", "{:.4f}"),
    ("discomfort_kh", "discomfort [K·h]", "{:.2f}"),
    ("mean_indoor_c", "mean indoor [°C]", "{:.2f}"),
    ("starts", "compressor starts", "{:.0f}"),
    ("dhw_min_c", "coldest hot water [°C]", "{:.1f}"),
    ("unserved_dhw_kwh", "hot water not served [kWh]", "{:.2f}"),
    ("stored_heat_kwh_end", "heat stored at the end [kWh]", "{:.1f}"),
)
PER_HOME = (
    ("cost", "cost", "{:.2f}"),
    ("discomfort_kh", "discomfort [K·h]", "{:.2f}"),
    ("mean_indoor_c", "mean indoor [°C]", "{:.2f}"),
    ("starts", "starts", "{:.0f}"),
    ("dhw_min_c", "coldest hot water [°C]", "{:.1f}"),
)


@contextmanager
def progress(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, moved by the function it yields; one plain line where stderr is no terminal."""
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{text} …", markup=False)
        yield lambda done, of: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(text)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def show_comparison(result: Mapping[str, Any], *, to_stderr: bool) -> None:
    """A line per home, the sum, what was saved, and from which data."""
    console = Console(stderr=to_stderr)
    console.print(per_home(result["per_home"]))
    console.print(in_sum(result))
    for line in (
        verdict(result),
        *summer(result),
        str(result["data"]),
        *result["notes"],
        f"picture: {result['picture']}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def per_home(homes: list[Mapping[str, Any]]) -> Table:
    """Each home under its owner's own control → under ours."""
    table = Table(title="per home: own control → heatfleet", title_justify="left")
    table.add_column("home", justify="right")
    for _, label, _form in PER_HOME:
        table.add_column(Text(label), justify="right")
    for one in homes:
        cells = [f"{form.format(one['baseline'][k])} → {form.format(one['optimised'][k])}" for k, _, form in PER_HOME]
        table.add_row(str(one["home"]), *cells)
    return table


def in_sum(result: Mapping[str, Any]) -> Table:
    """All homes together."""
    title = f"in sum: {result['homes']} homes, {result['days']} days from {result['start']}, {result['zone']}"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("own control", justify="right")
    table.add_column("heatfleet", justify="right")
    for key, label, form in SUM:
        pair = (form.format(result[run][key]) for run in ("baseline", "optimised"))
        table.add_row(Text(label.format(currency=result["currency"])), *pair)
    return table


def verdict(result: Mapping[str, Any]) -> str:
    """One line: what was saved, corrected for stored heat, with its tariff, weather and seed."""
    percent, equal = result["savings_percent"], result["savings_percent_equal_temperature"]
    text = f"saved {result['savings']:.2f} {result['currency']}"
    text += "" if percent is None else f" = {percent:.1f} % of the corrected cost"
    text += "" if equal is None else f" ({equal:.1f} % at equal indoor temperature)"
    where = (
        f"spot + {result['adder']:g} {result['currency']}/kWh, {result['mean_outdoor_c']:.1f} °C outdoors on average"
    )
    return f"{text}; {where}; seed {result['seed']}; {result['seconds']:.1f} s"


def summer(result: Mapping[str, Any]) -> list[str]:
    """A line each about the homes that were cooled and those whose pool was heated, where there were any."""
    said = {"cooled": "homes that were cooled", "pool": "homes with a heated pool"}
    return [_part(result[name], text, result["currency"]) for name, text in said.items() if name in result]


def _part(part: Mapping[str, Any], text: str, currency: str) -> str:
    own, ours = part["baseline"], part["optimised"]
    equal = part["savings_percent_equal_temperature"]
    return (
        f"the {part['homes']} {text}: {own['cost']:.2f} → {ours['cost']:.2f} {currency}"
        + ("" if equal is None else f", {equal:.1f} % saved at equal indoor temperature")
        + f", discomfort {own['discomfort_kh']:.0f} → {ours['discomfort_kh']:.0f} K·h"
        + f", indoors {own['mean_indoor_c']:.2f} → {ours['mean_indoor_c']:.2f} °C"
    )

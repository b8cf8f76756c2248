"""``heatfleet simulate``: a fleet under its owners' own control, as fast as the machine allows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from heatfleet.commands import show

HELP = """Simulate a fleet of homes for days or years.

Every home has walls, people, sun, a tank and a heat pump with its own controller; nobody steers.
Without database or network. Same seed, same homes, people and synthetic weather.

\b
Examples:
  heatfleet simulate                                       100 homes, a year
  heatfleet simulate --homes 10000 --png fleet.png         and a picture
  heatfleet simulate --days 14 --start 2024-01-08 --weather FILE.csv
  heatfleet simulate --json | jq .a_home.scop

Columns of the table are over homes: p10 means that a tenth of the homes has less.
"""


def simulate(
    homes: Annotated[int, typer.Option(help="How many homes.", min=1, max=1_000_000)] = 100,
    days: Annotated[int, typer.Option(help="How many local days.", min=1, max=3660)] = 365,
    start: Annotated[str, typer.Option(help="First local day, as 2025-01-01.")] = "2025-01-01",
    zone: Annotated[str, typer.Option(help="Price zone: place, local time and design temperature.")] = "DE_LU",
    weather: Annotated[str, typer.Option(help="A weather CSV, or 'synthetic'.")] = "synthetic",
    seed: Annotated[int, typer.Option(help="Same seed, same homes and people.", min=0)] = 1,
    threads: Annotated[int, typer.Option(help="Cores to use.", min=1, max=256)] = 2,
    png: Annotated[Path | None, typer.Option(help="Draw one home and the fleet into this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json/--table", help="JSON on stdout, or tables.")] = False,
) -> None:
    file = None if weather == "synthetic" else Path(weather)
    show.must_exist(file)
    from heatfleet.commands.comparison import progress
    from heatfleet.demo.long_run import LongOptions, simulate_fleet

    options = LongOptions(homes, days, start, zone, file, seed, threads, png)
    with progress(f"simulating {homes} homes for {days} days") as moved:
        result = simulate_fleet(options, moved)
    if as_json:
        show.json_line(result)
    else:
        show_figures(result)


simulate.__doc__ = HELP


def show_figures(result: Mapping[str, Any]) -> None:
    """Tables of the spread over homes and of the months, and one line each on data, energy balance and speed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from heatfleet.demo.long_run import FIGURES

    console = Console()
    title = f"{result['homes']} homes, {result['days']} days from {result['start']}, {result['zone']}: a home"
    table = Table(title=title, title_justify="left")
    for column in ("", "mean", "p10", "median", "p90"):
        table.add_column(column, justify="right" if column else "left")
    for name, spread in result["a_home"].items():
        table.add_row(Text(FIGURES[name]), *(f"{value:,.2f}" for value in spread.values()))
    console.print(table)
    by_month = (f"{month}: {value:,.0f}" for month, value in result["energy_kwh_by_month"].items())
    for line in (f"electricity of the fleet by month [kWh]: {'  '.join(by_month)}", *_lines(result)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(result: Mapping[str, Any]) -> list[str]:
    speed = f"{result['seconds']:.1f} s, {result['home_years_a_second']:.0f} home-years a second"
    return [
        f"fleet: heat per electricity {result['fleet_scop']:.2f}, peak {result['fleet_peak_kw_a_home']:.2f} kW a home, "
        f"{result['mean_outdoor_c']:.1f} °C outdoors on average; seed {result['seed']}",
        result["data"],
        *result["notes"],
        f"energy balance closes to {result['balance_error']:.0e}; {speed}",
        *([f"picture: {result['picture']}"] if result["picture"] else []),
    ]

"""``heatfleet demo``: the running demo, or with ``--once`` a week compared as fast as possible."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from heatfleet.commands import show
from heatfleet.processes import follow_parent

HELP = """Run everything with a virtual fleet.

In one go: database, API, Connect page and virtual homes behind an emulated vendor cloud.

\b
Examples:
  heatfleet demo                                  24 homes, prices and weather of now
  heatfleet demo --homes 100 --speed 600          more homes, up to ten minutes a second
  heatfleet demo --json                           one JSON line on stdout when ready
  heatfleet demo --once --homes 50 --days 7       compare a week with and without steering

Ctrl-C gives every pump back to its owner's settings, then stops everything.
What it made (users, keys, database) stays in --home; the next start continues there.
"""


def demo(
    home: Annotated[Path | None, typer.Option(help="State folder [default: your user data folder].")] = None,
    port: Annotated[int, typer.Option(help="Port of API, docs and Connect page.", min=0, max=65535)] = 8000,
    homes: Annotated[int, typer.Option(help="How many virtual homes.", min=1, max=5000)] = 24,
    speed: Annotated[float, typer.Option(help="Fleet time runs at most this many times real time.", min=1.0)] = 60.0,
    prices: Annotated[Path | None, typer.Option(help="Prices from this CSV instead of the live source.")] = None,
    weather: Annotated[Path | None, typer.Option(help="Weather from this CSV instead of the live source.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same homes.")] = 1,
    adder: Annotated[float, typer.Option(help="Grid fees and taxes on top of spot [currency/kWh].")] = 0.15,
    once: Annotated[bool, typer.Option("--once", help="Simulate the days with and without us, print, exit.")] = False,
    days: Annotated[int, typer.Option(help="With --once: days to compare.", min=1, max=366)] = 7,
    start: Annotated[str | None, typer.Option(help="With --once: first local day, as 2024-01-08.")] = None,
    zone: Annotated[str, typer.Option(help="Price zone; with --once any column of the price file.")] = "DE_LU",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable stdout; logs go to stderr.")] = False,
    follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    options: dict[str, Any] = {
        "home": resolve_home(home), "port": port, "homes": homes, "speed": speed, "prices": prices,
        "weather": weather, "seed": seed, "adder": adder, "days": days, "start": start, "zone": zone, "json": as_json,
    }  # fmt: skip
    for file in (prices, weather):
        show.must_exist(file)
    prepare_home(options["home"])
    if follow:
        follow_parent()
    if once:
        compare_once(options)
    else:
        run_live(options)


demo.__doc__ = HELP


def resolve_home(home: Path | None) -> Path:
    """The state folder, absolute."""
    from heatfleet.settings import default_home

    return (home or default_home()).expanduser().absolute()


def prepare_home(home: Path) -> None:
    """Make the state folder and point numba's kernel cache into it; must run before numba is imported."""
    from heatfleet.settings import use_numba_cache
    from heatfleet.store.embedded_files import make_home

    make_home(home)
    probe = home / f".write-test-{os.getpid()}"
    probe.write_bytes(b"\0" * 4096)
    probe.unlink()
    assert "numba" not in sys.modules, "numba was imported before its cache folder was set"
    use_numba_cache(home / "numba-cache")


def run_live(options: dict[str, Any]) -> None:
    """The running demo, until Ctrl-C or SIGTERM."""
    from heatfleet.demo.live import DemoOptions, run

    names = ("home", "port", "homes", "speed", "prices", "weather", "seed", "adder", "zone", "json")
    run(DemoOptions(**{name: options[name] for name in names}))


def compare_once(options: dict[str, Any]) -> None:
    """The comparison: progress on stderr, table, and with ``--json`` the object as the last line of stdout."""
    from heatfleet.commands.comparison import progress, show_comparison
    from heatfleet.demo.once import run_once

    with progress("simulating with and without steering") as moved:
        result = run_once(options, moved)
    show_comparison(result, to_stderr=options["json"])
    if options["json"]:
        show.json_line({key: value for key, value in result.items() if key != "per_home"})

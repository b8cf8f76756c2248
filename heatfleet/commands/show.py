"""What the commands print: tables, JSON lines, progress; people read stderr and panels, programs read stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from heatfleet.domain.errors import Invalid

if TYPE_CHECKING:
    from heatfleet.app import House
    from heatfleet.flows.toolbox import Act
    from heatfleet.settings import Settings


def settings_with(**changes: Any) -> Settings:
    """The settings of the environment, with options of the command line in front; one clear line for a wrong one."""
    from pydantic import ValidationError

    from heatfleet.settings import PREFIX, Settings

    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{PREFIX}{'.'.join(map(str, first['loc'])).upper()}"
        raise Invalid.field(name, first["msg"], where="settings") from None


async def act_in(house: House, org_id: UUID) -> Act:
    """The command line at work in an organisation; :class:`NotFound` when there is none with this id."""
    from heatfleet.domain.errors import NotFound
    from heatfleet.flows.toolbox import Act
    from heatfleet.store import organisations
    from heatfleet.store.audit import Actor

    async with house.database.read(org_id) as tx:
        if await organisations.get(tx, org_id) is None:
            raise NotFound(f"there is no organisation {org_id}; make one with: heatfleet org create NAME")
    return Act(house.database, house.clock, Actor("flow:command_line"), org_id)


def json_line(value: Any) -> None:
    """One JSON document on one line of stdout."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "__struct_fields__"):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


def line(text: str) -> None:
    """One line on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def must_exist(file: Path | None) -> None:
    """Fails with one clear line when a file named on the command line is not there."""
    if file is not None and not file.is_file():
        raise Invalid.field(str(file), "no such file", where="file")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """A spinner on stderr while something runs; one plain line where stderr is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        note(f"{text} …")
        yield
        return
    with console.status(text):
        yield


ROWS = (
    ("cost", "cost", "{:.2f}"),
    ("energy_kwh", "energy [kWh]", "{:.1f}"),
    ("mean_price", "mean price paid [per kWh]", "{:.4f}"),
    ("discomfort_kh", "discomfort [K·h]", "{:.2f}"),
    ("mean_indoor_c", "mean indoor [°C]", "{:.2f}"),
    ("starts", "compressor starts", "{:.0f}"),
    ("dhw_min_c", "coldest hot water [°C]", "{:.1f}"),
    ("unserved_dhw_kwh", "hot water not served [kWh]", "{:.2f}"),
    ("stored_heat_kwh_end", "heat stored at the end [kWh]", "{:.1f}"),
)


def comparison(result: Mapping[str, Any], *, to_stderr: bool = False) -> None:
    """The table of ``heatfleet demo --once``."""
    from rich.console import Console
    from rich.table import Table

    title = f"{result['homes']} homes, {result['days']} days from {result['start']}, {result['zone']}"
    table = Table("", "own control", "heatfleet", title=title, caption=str(result["data"]))
    for key, label, form in ROWS:
        pair = (result["baseline"].get(key), result["optimised"].get(key))
        table.add_row(label, *("-" if value is None else form.format(value) for value in pair))
    console = Console(stderr=to_stderr)
    console.print(table)
    console.print(_verdict(result))


def _verdict(result: Mapping[str, Any]) -> str:
    percent, equal = result.get("savings_percent"), result.get("savings_percent_equal_temperature")
    text = f"saved {result['savings']:.2f}"
    if percent is not None:
        text += f" ({percent:.1f} %)"
    if equal is not None:
        text += f", {equal:.1f} % at equal indoor temperature"
    return f"{text}; adder {result['adder']} per kWh; {result['seconds']:.1f} s"

"""What the commands print: tables, JSON lines, progress; people read stderr and panels, programs read stdout."""

from __future__ import annotations

import json
import sys
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

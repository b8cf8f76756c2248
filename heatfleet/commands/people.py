"""``heatfleet org|client|user|prices …``: the first rows of a new installation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with

Org = Annotated[UUID, typer.Option("--org", help="The organisation's id.")]


def create_org(name: Annotated[str, typer.Argument(help="Name of the organisation.")]) -> None:
    """Create an organisation; prints its id as JSON.

    Example: heatfleet org create "Stadtwerke Beispiel"
    """
    from heatfleet.app import create_organisation

    show.json_line(asyncio.run(create_organisation(settings_with(), name)))


def create_client(
    org: Org, name: Annotated[str, typer.Option(help="A name you will recognise.")] = "command line"
) -> None:
    """Create a machine client; prints id and secret as JSON. The secret is shown once and never again.

    Example: heatfleet client create --org 018f…
    """
    from heatfleet.app import create_client as create

    show.json_line(asyncio.run(create(settings_with(), org, name)))


def create_user(
    org: Org,
    email: Annotated[str, typer.Option(help="E-mail address, unique in the organisation.")],
    role: Annotated[str, typer.Option(help="admin, staff or user.")] = "user",
    password: Annotated[
        str | None, typer.Option(help="For admin and staff; asked for when left out.", show_default=False)
    ] = None,
) -> None:
    """Create a person; prints the id as JSON.

    Example: heatfleet user create --org 018f… --email ada@example.com --role admin
    """
    from heatfleet.app import create_user as create

    if role != "user" and password is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    show.json_line(asyncio.run(create(settings_with(), org, email, role, password)))


def import_prices(
    file: Annotated[Path, typer.Argument(help="CSV: SMARD's own export, or start_utc and one column per zone.")],
) -> None:
    """Import wholesale prices from a CSV file; importing the same file again changes nothing.

    Example: heatfleet prices import gro_handelspreise.csv
    """
    show.must_exist(file)
    from heatfleet.app import import_prices as bring_in

    show.json_line(asyncio.run(bring_in(settings_with(), file)))

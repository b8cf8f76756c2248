"""``heatfleet org|client|user|prices|carbon …``: the first rows of a new installation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with

Org = Annotated[UUID, typer.Option("--org", help="The organisation's id.")]


def create_org(name: Annotated[str, typer.Argument(help="Name of the organisation.")]) -> None:
    """Create an organisation; prints its id as JSON.

    Example: heatfleet org create "Stadtwerke Beispiel"
    """

    async def work() -> dict[str, Any]:
        from heatfleet.app import house_at
        from heatfleet.flows import organisation

        async with house_at(settings_with(), attach=True) as house:
            return {"org_id": await organisation.create_organisation(house.database, house.clock, name), "name": name}

    show.json_line(asyncio.run(work()))


def create_client(
    org: Org, name: Annotated[str, typer.Option(help="A name you will recognise.")] = "command line"
) -> None:
    """Create a machine client; prints id and secret as JSON. The secret is shown once and never again.

    Example: heatfleet client create --org 018f…
    """

    async def work() -> dict[str, Any]:
        from heatfleet.app import house_at
        from heatfleet.auth.passwords import new_secret, secret_digest
        from heatfleet.flows import organisation

        async with house_at(settings_with(), attach=True) as house:
            secret = new_secret()
            client_id = await organisation.create_client(await show.act_in(house, org), name, secret_digest(secret))
            return {"org_id": org, "client_id": client_id, "client_secret": secret, "name": name}

    show.json_line(asyncio.run(work()))


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
    if role not in ("admin", "staff", "user"):
        raise typer.BadParameter("must be admin, staff or user", param_hint="--role")
    if role != "user" and password is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    show.json_line(asyncio.run(_create_user(org, {"email": email, "role": role}, password)))


async def _create_user(org: UUID, fields: dict[str, Any], password: str | None) -> dict[str, Any]:
    from heatfleet.app import house_at
    from heatfleet.auth.passwords import MIN_LENGTH, hash_password
    from heatfleet.domain.errors import Invalid
    from heatfleet.flows import accounts

    if password is not None and len(password) < MIN_LENGTH:
        raise Invalid.field("--password", f"at least {MIN_LENGTH} characters", where="user")
    hashed = {} if password is None else {"password_hash": await hash_password(password)}
    async with house_at(settings_with(), attach=True) as house:
        user_id = await accounts.create_user(await show.act_in(house, org), {**fields, **hashed})
    return {"org_id": org, "user_id": user_id, **fields}


def import_prices(
    file: Annotated[Path, typer.Argument(help="CSV: SMARD's own export, or start_utc and one column per zone.")],
) -> None:
    """Import wholesale prices from a CSV file; importing the same file again changes nothing.

    Example: heatfleet prices import gro_handelspreise.csv
    """
    show.json_line(asyncio.run(_import(file, is_carbon=False)))


def import_carbon(
    file: Annotated[Path, typer.Argument(help="CSV: start_utc and one column per zone, gCO2/kWh.")],
) -> None:
    """Import carbon intensities from a CSV file; importing the same file again changes nothing.

    Example: heatfleet carbon import intensities.csv
    """
    show.json_line(asyncio.run(_import(file, is_carbon=True)))


async def _import(file: Path, *, is_carbon: bool) -> object:
    show.must_exist(file)
    from heatfleet.app import house_at
    from heatfleet.flows import fetch
    from heatfleet.markets.prices_file import load_carbon, load_prices

    read = (load_carbon if is_carbon else load_prices)(file)
    async with house_at(settings_with(), attach=True) as house:
        save = fetch.import_carbon if is_carbon else fetch.import_prices
        return await save(house.database, house.clock, read)

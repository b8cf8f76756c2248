"""``heatfleet gateway``: the agent in the home; ``heatfleet gateways``: the operator's list of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from heatfleet.commands import show

if TYPE_CHECKING:
    from heatfleet.settings import Settings


def gateway(
    server: Annotated[str, typer.Option(help="Address of the server; needed the first time.")] = "",
    code: Annotated[str, typer.Option(help="Pairing code from the Connect page; needed the first time.")] = "",
    relay: Annotated[
        list[str] | None, typer.Option(help="Relay at SG-Ready contact 1: address, #1 = channel 1.")
    ] = None,
    second_relay: Annotated[list[str] | None, typer.Option(help="Relay at contact 2, if it is another one.")] = None,
    meter: Annotated[list[str] | None, typer.Option(help="Energy meter on the heat pump's supply.")] = None,
    user: Annotated[str, typer.Option(help="User name of the relays.")] = "admin",
    password_file: Annotated[Path | None, typer.Option(help="File with the relays' password.")] = None,
    mqtt: Annotated[str, typer.Option(help="Broker to use instead of the WebSocket, mqtt://user:pw@host.")] = "",
    simulate: Annotated[bool, typer.Option("--simulate", help="A virtual heat pump instead of relays.")] = False,
    speed: Annotated[float, typer.Option(help="With --simulate: times real time, as the demo's.", min=1.0)] = 1.0,
    seed: Annotated[int, typer.Option(help="With --simulate: which home.")] = 1,
    state_dir: Annotated[Path | None, typer.Option(help="Folder for token and journal.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object per line.")] = False,
    follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    """Join the heat pump of this home to a server: the gateway agent.

    Dials out, so no port has to be opened. Gives the heat pump back to its own programme when a command's time has
    passed, contact is lost, or it is stopped.

    Examples: heatfleet gateway --server https://heat.example.com --code ABCD-EFGH --relay 192.168.1.20
              heatfleet gateway --server http://127.0.0.1:8000 --code ABCD-EFGH --simulate --speed 60
    """
    from heatfleet.gateway import start
    from heatfleet.logs import setup_logging
    from heatfleet.processes import follow_parent

    if not simulate and not relay and not second_relay:
        raise typer.BadParameter("name the relay, or ask for --simulate", param_hint="--relay")
    answers = {
        "contact_1": ",".join(relay or ()),
        "contact_2": ",".join(second_relay or ()),
        "meter": ",".join(meter or ()),
        "username": user,
        "password": password_file.read_text(encoding="utf-8").strip() if password_file else "",
    }
    if follow:
        follow_parent()
    setup_logging("info", as_json=log_json)
    simulation = start.Simulation(seed, speed) if simulate else None
    folder = (state_dir or default_folder()).expanduser().absolute()
    asyncio.run(start.run(start.AgentOptions(folder, server, code, answers, simulation, mqtt)))


def default_folder() -> Path:
    """Where an agent keeps its token when nobody says."""
    import platformdirs

    return Path(platformdirs.user_data_dir("heatfleet-gateway", appauthor=False))


def list_gateways(
    org: Annotated[UUID, typer.Option(help="Organisation.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
) -> None:
    """List the gateways of an organisation: since when, over what, whether they are there."""
    asyncio.run(_list(show.settings_with(), org, as_json))


def revoke_gateway(
    gateway_id: Annotated[UUID, typer.Argument(help="Which; `heatfleet gateways list` shows them.")],
    org: Annotated[UUID, typer.Option(help="Its organisation.")],
) -> None:
    """Revoke a gateway: its token is worthless from now on and its connection ends at once."""
    asyncio.run(_revoke(show.settings_with(), org, gateway_id))
    show.note(f"revoked {gateway_id}")


async def _list(settings: Settings, org_id: UUID, as_json: bool) -> None:
    from heatfleet.app import house_at
    from heatfleet.store import gateways

    async with house_at(settings, attach=True) as house:
        now = house.clock.wall_now()
        async with house.database.read(org_id) as tx:
            found = await gateways.of_organisation(tx, org_id)
    rows = [
        {"id": g.id, "user_id": g.user_id, "carrier": g.carrier, "paired_at": g.paired_at, "online": g.is_online(now)}
        for g in found
    ]
    if as_json:
        show.json_line(rows)
    for row in () if as_json else rows:
        show.line(f"{row['id']}  {row['carrier']:9}  {'online' if row['online'] else 'offline'}  {row['paired_at']}")
    if not rows:
        show.note("no gateway is paired")


async def _revoke(settings: Settings, org_id: UUID, gateway_id: UUID) -> None:
    from heatfleet.app import house_at
    from heatfleet.flows.gateway import revoke
    from heatfleet.flows.toolbox import Act
    from heatfleet.store.audit import Actor

    async with house_at(settings, attach=True) as house:
        await revoke(Act(house.database, house.clock, Actor("cli:gateways"), org_id), gateway_id)

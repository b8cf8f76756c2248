"""The command line: lists the commands, turns expected errors into one clear line and an exit code.

0 = done, 1 = something expected went wrong, 2 = the command was not understood.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

import typer

from heatfleet.commands import demo, diagnose, gateway, keys, look, new_driver, people, serve, simulate, vendors
from heatfleet.commands.explain import explain as explain_plan
from heatfleet.domain.errors import HeatfleetError

HELP = """Connects, watches, plans and steers fleets of heat pumps.

\b
Try it:            heatfleet demo
Compare a week:    heatfleet demo --once --homes 50 --days 7
Simulate a year:   heatfleet simulate --homes 100
Run it for real:   heatfleet up
Look into it:      heatfleet doctor      heatfleet settings      heatfleet diagnose HEAT_PUMP

Settings come from HEATFLEET_… variables; `heatfleet settings` shows them all.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode=None)  # fmt: skip
org = typer.Typer(help="Organisations.", no_args_is_help=True)
client = typer.Typer(help="Machine clients of the Partner API.", no_args_is_help=True)
user = typer.Typer(help="People.", no_args_is_help=True)
signing = typer.Typer(help="Keys that sign access tokens.", no_args_is_help=True)
gateways = typer.Typer(help="Gateways in homes.", no_args_is_help=True)
prices = typer.Typer(help="Wholesale prices.", no_args_is_help=True)
carbon = typer.Typer(help="Carbon intensity of electricity.", no_args_is_help=True)

COMMANDS: tuple[Callable[..., None], ...] = (
    demo.demo, serve.up, serve.web, serve.worker, serve.migrate, serve.release, serve.backup, serve.restore,
    simulate.simulate, gateway.gateway, look.settings, look.doctor, look.plan, explain_plan,
    diagnose.diagnose, vendors.vendors, new_driver.new_driver, look.bench, look.version,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)
for name, group in (
    ("org", org),
    ("client", client),
    ("user", user),
    ("keys", signing),
    ("gateways", gateways),
    ("prices", prices),
    ("carbon", carbon),
):
    app.add_typer(group, name=name)
org.command("create")(people.create_org)
client.command("create")(people.create_client)
user.command("create")(people.create_user)
signing.command("rotate")(keys.rotate)
signing.command("list")(keys.list_keys)
gateways.command("list")(gateway.list_gateways)
gateways.command("revoke")(gateway.revoke_gateway)
prices.command("import")(people.import_prices)
carbon.command("import")(people.import_carbon)


def main() -> None:
    """Runs the command line; the entry point of ``heatfleet``."""
    try:
        app()
    except HeatfleetError as error:
        fail(str(error))
    except OSError as error:
        fail(explain(error))
    except KeyboardInterrupt:
        sys.exit(130)


def fail(text: str) -> None:
    """One line on stderr, exit code 1."""
    sys.stderr.write(f"heatfleet: {text}\n")
    sys.exit(1)


def explain(error: OSError) -> str:
    """One line for a person: what is wrong and what to do."""
    where = f" {error.filename}" if error.filename else ""
    hints = {
        errno.EACCES: f"no permission for{where}; choose another folder with --home",
        errno.EPERM: f"no permission for{where}; choose another folder with --home",
        errno.EROFS: f"cannot write to{where}: read-only; choose another folder with --home",
        errno.ENOSPC: f"the disk is full{':' if where else ''}{where}; free some space or choose another --home",
        errno.ENOTDIR: f"not a folder:{where}",
        errno.EEXIST: f"not a folder:{where}",
    }
    return hints.get(error.errno or 0) or f"{error.strerror or error}{':' if where else ''}{where}"

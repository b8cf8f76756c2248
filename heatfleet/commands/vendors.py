"""``heatfleet vendors``: what can be connected, from the manifests and the level the contract has measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heatfleet.commands import show

if TYPE_CHECKING:
    from heatfleet.vendors.kit.quota import Budget
    from heatfleet.vendors.kit.registry import FoundVendor

HEAD = """# What can be connected

Written by `heatfleet vendors --markdown` from the manifests in `heatfleet/vendors/`; do not edit it. The level is
measured by the contract that [drivers.md](drivers.md) describes, against the vendor's emulator: bronze reads, silver
survives, gold steers and confirms. No driver has been tried against a live cloud by us unless its README says so.
"""


def vendors(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/vendors.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """List the vendors that can be connected.

    Brands, countries, sign-in, levers, call budgets, and the level the contract has measured.

    Examples: heatfleet vendors        heatfleet vendors --markdown > docs/vendors.md
    """
    from heatfleet.vendors.kit.registry import find_vendors

    found = sorted(find_vendors().values(), key=lambda one: one.manifest.title.casefold())
    if as_json:
        show.json_line([facts(one) for one in found])
    elif markdown:
        show.line(page(found).rstrip())
    else:
        for one in found:
            show.line(_short(one))


def facts(vendor: FoundVendor) -> dict[str, Any]:
    """What there is to say of one vendor, in plain values."""
    from heatfleet.vendors.kit.levels import kept_level

    manifest = vendor.manifest
    return {
        "name": manifest.name,
        "title": manifest.title,
        "level": kept_level(vendor.package),
        "brands": list(manifest.brands),
        "countries": list(manifest.countries),
        "sign_in": manifest.sign_in,
        "is_official": manifest.is_official,
        "needs_gateway": manifest.needs_gateway,
        "channels": sorted(manifest.channels - {str(lever) for lever in manifest.levers}),
        "levers": {str(lever): _lever(manifest.levers[lever]) for lever in sorted(manifest.levers)},
        "poll_interval_s": manifest.poll_interval_s,
        "account_budget": _budgets(manifest.account_budgets),
        "app_budget": _budgets(manifest.app_budgets),
        "on_contact_lost": manifest.on_contact_lost,
        "settings": {key: what.help for key, what in manifest.config.items()},
    }


def page(found: Sequence[FoundVendor]) -> str:
    """The page docs/vendors.md."""
    told = [facts(one) for one in found]
    rows = ["| vendor | level | brands | countries | sign-in | official | gateway |", "|---|---|---|---|---|---|---|"]
    return "\n".join([HEAD, *rows, *map(_row, told), "", *map(_section, told)])


def _row(one: dict[str, Any]) -> str:
    title = f"[{one['title']}](#{one['name']})"
    where = f"{_listed(one['brands'])} | {_places(one['countries'])} | {one['sign_in'].replace('_', ' ')}"
    return f"| {title} | {one['level']} | {where} | {_yes(one['is_official'])} | {_yes(one['needs_gateway'])} |"


def _section(one: dict[str, Any]) -> str:
    levers = "; ".join(f"`{name}` {text}" for name, text in one["levers"].items()) or "none"
    settings = "; ".join(f"`{key}`: {text}" for key, text in one["settings"].items()) or "none"
    return f"""## {one["name"]}
{one["title"]}: {_listed(one["brands"])}.

- Reads {_listed([f"`{name}`" for name in one["channels"]])}; every {one["poll_interval_s"]} s unless told otherwise.
- Moves {levers}.
- Calls of an account: {one["account_budget"]}; of an app: {one["app_budget"]}. Both are [settings](operations.md).
- When contact is lost: {one["on_contact_lost"]}
- Settings: {settings}.
"""


def _lever(what: Any) -> str:
    ends = "ends by itself" if what.expires_by_itself else "stays until changed"
    return f"{what.minimum:g} to {what.maximum:g}, step {what.step:g}, {ends}"


def _budgets(budgets: Sequence[Budget]) -> str:
    return " and ".join(f"{one.calls} {_span(one.per_s)}" for one in budgets) or "unlimited"


def _span(seconds: float) -> str:
    for unit_s, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit_s and seconds % unit_s == 0:
            count = int(seconds // unit_s)
            return f"in {count} {unit}s" if count > 1 else f"per {unit}"
    return f"in {seconds:g} seconds"


def _short(vendor: FoundVendor) -> str:
    one = facts(vendor)
    levers = " ".join(one["levers"]) or "no levers"
    return f"{one['name']:12} {one['level']:7} {_listed(one['brands'])}; {_places(one['countries'])}; {levers}"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts)


def _places(countries: Sequence[str]) -> str:
    return "anywhere" if "*" in countries else ", ".join(countries)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"

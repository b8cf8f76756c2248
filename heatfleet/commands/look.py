"""``heatfleet settings|doctor|plan|bench|version``: look into it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with
from heatfleet.domain.errors import Invalid


def settings() -> None:
    """Show every setting, secrets withheld."""
    from heatfleet.settings import describe

    meanings = describe()
    for name, value in settings_with().redacted().items():
        show.line(f"# {meanings[name]}")
        show.line(f"{name}={value}")


def doctor() -> None:
    """Say what is right and wrong here.

    Database, keys, disk, clock, sources; exit code 1 when something is wrong.
    """
    from heatfleet.app import look_over

    findings = asyncio.run(look_over(settings_with()))
    for finding in findings:
        show.line(f"{finding.level.upper():5} {finding.what}: {finding.detail}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def plan(
    instance: Annotated[Path, typer.Option(help="A planning problem (.npz; arrays as in planning/problem.py).")],
    out: Annotated[Path, typer.Option(help="Where the plan goes.")],
    quality: Annotated[str | None, typer.Option(help="fast or best.")] = None,
) -> None:
    """Solve a planning problem from a file.

    Without database or network.

    Example: heatfleet plan --instance problem.npz --out plan.npz
    """
    show.must_exist(instance)
    from heatfleet.planning.instance import plan_instance

    show.json_line(plan_instance(instance, out, quality=quality))


def bench(
    name: Annotated[str | None, typer.Argument(help="Which; without a name they are listed.")] = None,
    option: Annotated[list[str] | None, typer.Option("--set", help="key=value for the bench; repeatable.")] = None,
) -> None:
    """Measure something, print JSON.

    Each figure stands beside a named reference from the same run.

    Examples: heatfleet bench        heatfleet bench api        heatfleet bench planner --set homes=1000
    """
    names = bench_names()
    if name is None:
        for each in names:
            show.line(each)
        return
    if name not in names:
        raise Invalid.field(name, f"no such bench; there are: {', '.join(names)}", where="bench")
    from importlib import import_module

    run = import_module(f"heatfleet.bench.{name.replace('-', '_')}").run
    try:
        found = run(**dict(_pair(text) for text in option or []))
    except ModuleNotFoundError as error:
        brought = f"needs the package {error.name}; `make .venv/.dev` or `pip install 'heatfleet[dev]'` brings it"
        raise Invalid.field(name, brought, where="bench") from error
    show.json_line(found)


def bench_names() -> list[str]:
    """Modules of ``heatfleet/bench``, with dashes."""
    import pkgutil

    import heatfleet.bench

    modules = (m.name for m in pkgutil.iter_modules(heatfleet.bench.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Invalid.field(text, "write key=value", where="--set")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def version() -> None:
    """Print the version."""
    from heatfleet import __version__

    show.line(__version__)

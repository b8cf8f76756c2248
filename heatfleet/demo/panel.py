"""What a person sees of the running demo: ready line or panel, and the live table. Values in, texts out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from heatfleet.store.fleet_table import FleetCounts, FleetRow

ROWS_SHOWN, LINES_AROUND = 60, 8
WIDE, ONLY_WHERE_WIDE = 94, ("outdoor", "steering")
STATES = {"min": ("Min", "cyan"), "low": ("ECO", "green"), "mid": ("Comfort", "white"), "max": ("Boost", "red")}
REASONS = {
    "cheap_now": "cheap now", "dear_now": "dear now", "comfort_limit": "comfort limit", "hot_water": "hot water",
    "disinfection": "disinfection", "pause": "paused", "away": "away", "learning": "learning",
    "own_programme": "own programme", "steady": "steady", "cheap_later": "cheap later", "dear_later": "dear later",
    "grid_limit": "grid limit", "quota": "quota", "solar_surplus": "sun",
}  # fmt: skip


@dataclass(frozen=True)
class Ready:
    """Everything somebody needs to start: the fields of the ``--json`` line, in its order."""

    base_url: str
    docs_url: str
    connect_url: str
    backoffice_url: str | None
    org_id: str
    client_id: str
    client_secret: str
    user_id: str
    admin_email: str
    admin_password: str
    home: str

    def line(self) -> str:
        """The one line of stdout."""
        return json.dumps({"ready": True, **asdict(self)})


@dataclass(frozen=True)
class Now:
    """The moment the table shows."""

    fleet_at: datetime
    speed_reached: float
    speed: float
    counts: FleetCounts
    rows: Sequence[FleetRow]


def panel(ready: Ready, notes: Sequence[str]) -> Panel:
    """URLs, credentials, and where prices and weather come from."""
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("API docs", ready.docs_url), ("Connect page", ready.connect_url),
        ("", "(one sandbox heat pump is left to click in)"),
        ("admin", f"{ready.admin_email}   {ready.admin_password}"), ("organisation", ready.org_id),
        ("client", ready.client_id), ("secret", ready.client_secret), ("user", ready.user_id), ("state", ready.home),
    ):  # fmt: skip
        facts.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    parts: list[RenderableType] = [facts, Text(), *(Text(note) for note in notes)]
    return Panel(Group(*parts), title="heatfleet demo is running", subtitle="Ctrl-C restores every pump and stops")


def curl_lines(ready: Ready) -> list[str]:
    """A token, then the fleet."""
    base = ready.base_url
    return [
        f"TOKEN=$(curl -s {base}/auth/token -d grant_type=client_credentials -d client_id={ready.client_id} "
        f"-d client_secret={ready.client_secret} | cut -d'\"' -f4)",
        f'curl -s -H "Authorization: Bearer $TOKEN" {base}/org/{ready.org_id}/heat-pumps',
    ]


def headline(now: Now) -> str:
    """One line: fleet time, speed, price, how many we steer."""
    price = next((row.price_per_mwh for row in now.rows if row.price_per_mwh is not None), None)
    power_kw = sum(row.power_kw or 0.0 for row in now.rows)
    parts = [
        f"fleet time {now.fleet_at:%a %d %b %H:%M} UTC",
        f"{now.speed_reached:.0f}x (at most {now.speed:.0f}x)",
        "no price" if price is None else f"{price / 10:.1f} ct/kWh spot",
        f"{now.counts.steering} of {now.counts.heat_pumps} heat pumps steered",
        f"{power_kw:.1f} kW",
    ]
    return " · ".join(parts)


def table(now: Now, height: int, width: int = WIDE) -> Group:
    """The live table below its headline, in at most ``height`` lines; narrow windows see fewer columns."""
    live = Table()
    shown = now.rows[: max(1, height - LINES_AROUND)]
    columns = (
        ("heat pump", "left"), ("state", "left"), ("why", "left"), ("indoor", "right"), ("outdoor", "right"),
        ("hot water", "right"), ("power", "right"), ("steering", "left"),
    )  # fmt: skip
    kept = [n for n, (name, _) in enumerate(columns) if width >= WIDE or name not in ONLY_WHERE_WIDE]
    for name, side in (columns[n] for n in kept):
        # "why" is the one that gives way; its texts never wrap, so a row stays a line
        live.add_column(name, justify="right" if side == "right" else "left", no_wrap=name != "why")
    for row in shown:
        texts = cells(row)
        live.add_row(*(texts[n] for n in kept))
    hidden = now.counts.heat_pumps - len(shown)
    if hidden > 0:
        live.caption = f"and {hidden} more"
    return Group(Text(headline(now), style="bold"), live)


def cells(row: FleetRow) -> list[Text]:
    """One row of the table."""
    name, colour = STATES.get(row.current_state or "", (row.control_state, "dim"))
    why = REASONS.get(row.reason_code or "", "") + (" + hot water" if row.hot_water else "")
    return [
        Text(row.name), Text(name, style=colour),
        Text(why if row.current_state else "", no_wrap=True, overflow="ellipsis"),
        Text(number(row.indoor_temp_c, "°C")), Text(number(row.outdoor_temp_c, "°C")),
        Text(number(row.dhw_temp_c, "°C")), Text(number(row.power_kw, "kW", 2)), Text(row.steering_status),
    ]  # fmt: skip


def number(value: float | None, unit: str, digits: int = 1) -> str:
    """``21.4 °C``, or a dash."""
    return "–" if value is None else f"{value:.{digits}f} {unit}"

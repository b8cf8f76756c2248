"""What a person and a program see: the ready line, the panel, the table, the credentials kept."""

from __future__ import annotations

import io
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console

from heatfleet.demo import credentials
from heatfleet.demo.credentials import Credentials
from heatfleet.demo.panel import Now, Ready, curl_lines, headline, panel, table
from heatfleet.demo.watch import announce
from heatfleet.store.fleet_table import FleetCounts, FleetRow

READY = Ready(
    "http://x/api", "http://x/docs", "http://x/connect", None, "o", "c", "s", "u", "a@b.example", "p", "/home"
)
NOW = datetime(2024, 1, 8, 6, 0, tzinfo=UTC)
WHO = Credentials("o", "c", "s", "u", "a@b.example", "p")


def row(number: int, **changed: object) -> FleetRow:
    """A heat pump being steered."""
    values: dict[str, object] = {
        "id": UUID(int=number), "name": f"Home {number}", "control_state": "steering", "current_state": "max",
        "steering_status": "ok", "connection_status": "ok", "indoor_temp_c": 21.04, "outdoor_temp_c": -3.0,
        "dhw_temp_c": None, "power_kw": 1.5, "reason_code": "cheap_now", "hot_water": True, "polled_at": NOW,
        "price_per_mwh": 84.0,
    }  # fmt: skip
    return FleetRow(**{**values, **changed})  # type: ignore[arg-type]


def drawn(thing: object, width: int = 120) -> str:
    """As text."""
    out = io.StringIO()
    Console(file=out, width=width).print(thing)
    return out.getvalue()


def test_the_ready_line_is_one_json_object() -> None:
    line = READY.line()
    assert "\n" not in line
    assert json.loads(line)["backoffice_url"] is None
    assert json.loads(line)["ready"] is True


def test_the_panel_tells_everything() -> None:
    text = drawn(panel(READY, ["prices: file"]))
    assert all(word in text for word in ("http://x/connect", "a@b.example", "prices: file", "Ctrl-C"))
    assert "client_id=c" in curl_lines(READY)[0]


def test_the_table_shows_states_and_what_is_not_known() -> None:
    now = Now(NOW, 58.6, 60.0, FleetCounts(3, 2, 0), [row(1), row(2), row(3, current_state=None, power_kw=None)])
    text = drawn(table(now, 40))
    assert "Boost" in text
    assert "cheap now + hot water" in text
    assert "21.0 °C" in text
    assert "–" in text
    assert "59x (at most 60x)" in headline(now)
    assert "8.4 ct/kWh" in headline(now)


def test_a_small_window_says_how_many_are_hidden() -> None:
    now = Now(NOW, 60.0, 60.0, FleetCounts(50, 50, 0), [row(n) for n in range(50)])
    text = drawn(table(now, 18))
    assert "and 40 more" in text
    assert len(text.splitlines()) <= 18


def test_eighty_columns_cut_no_figure() -> None:
    rows = [row(n, dhw_temp_c=48.2, control_state="observing", current_state=None) for n in (1, 23)]
    now = Now(NOW, 60.0, 60.0, FleetCounts(3, 2, 0), [*rows, row(24, dhw_temp_c=50.1, power_kw=11.25)])
    text = drawn(table(now, 24, 80), 80)
    assert all(word in text for word in ("Home 23", "observing", "Boost", "21.0 °C", "50.1 °C", "11.25 kW"))
    assert len(text.splitlines()) == 2 + 4 + 3


def test_the_connect_url_can_be_copied_from_a_narrow_window(capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:8000/connect?onboarding_session_id=01a1f99a-1bc6-7000-8ef5-42c07f506cdd"
    announce(replace(READY, connect_url=url), [], as_json=False)
    assert url in capsys.readouterr().out.splitlines()


def test_credentials_are_kept_closed_and_whole(tmp_path: Path) -> None:
    assert credentials.load(tmp_path) is None
    credentials.keep(tmp_path, WHO)
    assert credentials.load(tmp_path) == WHO
    assert stat.S_IMODE((tmp_path / credentials.FILE).stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_the_street_stays_as_it_was_built(tmp_path: Path) -> None:
    assert credentials.same_street(tmp_path, 24, 1) == (24, 1)
    assert credentials.same_street(tmp_path, 100, 2) == (24, 1)

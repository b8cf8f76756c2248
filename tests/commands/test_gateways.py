"""``heatfleet gateways`` and what ``heatfleet gateway`` does not understand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from heatfleet.cli import app
from heatfleet.commands import gateway as commands
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.settings import Settings
from heatfleet.store.database import Database
from tests.bridge.world import joined, server_of


@pytest.fixture
def house(database: Database, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find the test's database."""

    @asynccontextmanager
    async def house_at(settings: Settings, *, attach: bool) -> AsyncIterator[Any]:
        yield SimpleNamespace(database=database, clock=clock)

    monkeypatch.setattr("heatfleet.app.house_at", house_at)


@pytest.mark.usefixtures("house")
async def test_gateways_are_listed_and_revoked(
    database: Database, clock: Any, org_id: UUID, other_org_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    async with server_of(database, clock, org_id) as server, joined(server) as home:
        gateway_id = home.paired.gateway_id
        await commands._list(Settings(), org_id, True)
        [row] = json.loads(capsys.readouterr().out)
        assert (row["id"], row["carrier"], row["online"]) == (str(gateway_id), "websocket", True)
        await commands._list(Settings(), org_id, False)
        assert "online" in capsys.readouterr().out
        with pytest.raises(NotFound):
            await commands._revoke(Settings(), other_org_id, gateway_id)
        await commands._revoke(Settings(), org_id, gateway_id)
        assert await home.socket.closed() == 4409
        await commands._list(Settings(), org_id, True)
        assert capsys.readouterr().out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [[], ["--simulate", "--speed", "0"], ["--relay"], ["--no-such-thing"]])
def test_what_is_not_understood_exits_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["gateway", *words]).exit_code == 2


@pytest.mark.parametrize("words", [[], ["--server", "http://heat.example.com", "--code", "AAAA-AAAA"]])
def test_what_cannot_be_is_said(words: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["gateway", "--simulate", "--state-dir", str(tmp_path), *words])
    assert isinstance(result.exception, Invalid)

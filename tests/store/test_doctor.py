"""The doctor names what is wrong and says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heatfleet.settings import Settings
from heatfleet.store import doctor
from heatfleet.store.doctor import Level
from heatfleet.store.embedded import EmbeddedPostgres
from tests.conftest import FakeClock


async def test_a_running_installation_is_looked_at_without_disturbing_it(
    postgres: EmbeddedPostgres, postgres_home: Path
) -> None:
    clock = FakeClock(datetime.now(UTC))
    findings = await doctor.database(Settings(home=postgres_home), clock)
    assert [found.level for found in findings] == [Level.OK] * 3, findings
    assert postgres.pid is not None


async def test_a_wrong_clock_is_found(postgres: EmbeddedPostgres, postgres_home: Path) -> None:
    for wrong, says in (
        (datetime(1970, 1, 1, tzinfo=UTC), "set its clock"),
        (datetime.now(UTC) + timedelta(hours=1), "NTP"),
    ):
        findings = {
            found.what: found for found in await doctor.database(Settings(home=postgres_home), FakeClock(wrong))
        }
        assert says in findings["clock"].detail
        assert not findings["clock"].ok


def test_keys_that_others_can_read_are_found(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert doctor.keys(settings).level is Level.WARN
    settings.key_path.mkdir()
    settings.seal_key_path.write_bytes(b"x")
    settings.seal_key_path.chmod(0o644)
    found = doctor.keys(settings)
    assert (found.level, f"chmod 600 {settings.seal_key_path}" in found.detail) == (Level.FAIL, True)
    settings.seal_key_path.chmod(0o600)
    assert doctor.keys(settings).level is Level.OK


def test_a_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.disk(tmp_path / "not" / "yet").ok
    monkeypatch.setattr(doctor, "DISK_FAIL_MB", 10**12)
    assert not doctor.disk(tmp_path).ok

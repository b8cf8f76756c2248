"""Settings: typed, described, and secrets stay secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heatfleet.settings import Settings, child_environment, describe, use_numba_cache, vendor_settings


def test_the_environment_is_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATFLEET_PORT", "9000")
    monkeypatch.setenv("HEATFLEET_HOME", "~/x")
    settings = Settings()
    assert settings.port == 9000
    assert settings.home == Path.home() / "x"
    assert settings.base_url == "http://127.0.0.1:9000"
    assert settings.dsn is None
    monkeypatch.setenv("HEATFLEET_PORT", "99999")
    with pytest.raises(ValueError, match="port"):
        Settings()


def test_secrets_are_not_shown() -> None:
    settings = Settings(database_url="postgresql://u:geheim@db/x", entsoe_api_key="geheim", master_key="geheim")
    shown = settings.redacted()
    assert "geheim" not in str(shown) + repr(settings)
    assert shown["HEATFLEET_DATABASE_URL"] == "postgresql://u:***@db/x"
    assert shown["HEATFLEET_ENTSOE_API_KEY"] == "(set)"


def test_every_setting_is_described() -> None:
    assert all(len(text) > 20 for text in describe().values())


def test_vendor_settings_are_gathered_by_vendor() -> None:
    found = vendor_settings({"HEATFLEET_VENDOR_MYUPLINK_CLIENT_ID": "a", "HEATFLEET_PORT": "1"})
    assert found == {"myuplink": {"client_id": "a"}}


def test_children_get_what_was_changed_in_code(tmp_path: Path) -> None:
    env = child_environment(Settings(home=tmp_path, entsoe_api_key="k", log_json=True), database_url="postgresql://x")
    assert env["HEATFLEET_HOME"] == str(tmp_path)
    assert env["HEATFLEET_ENTSOE_API_KEY"] == "k"
    assert env["HEATFLEET_DATABASE_URL"] == "postgresql://x"
    assert Settings.model_validate({"log_json": env["HEATFLEET_LOG_JSON"]}).log_json is True


def test_compiled_kernels_of_other_sources_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    (tmp_path / "older").mkdir()
    use_numba_cache(tmp_path)
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.parent == tmp_path
    assert not (tmp_path / "older").exists()
    use_numba_cache(tmp_path)
    assert Path(os.environ["NUMBA_CACHE_DIR"]) == folder

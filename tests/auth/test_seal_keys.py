"""Keys that seal vendor credentials: made once, closed to others, or given by the settings."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from heatfleet.auth.seal_keys import load_seal_keys
from heatfleet.domain.errors import Invalid

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def text(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


def test_the_file_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "seal.key"
    first = load_seal_keys(None, file)
    assert load_seal_keys(None, file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["seal.key"]


def test_the_setting_comes_first_newest_in_front(tmp_path: Path) -> None:
    assert load_seal_keys(text(TWO, ONE), tmp_path / "unused").keys == (TWO, ONE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["short", "%%%", text(b"x" * 31)])
def test_a_wrong_key_is_told_without_showing_it(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="32 bytes") as error:
        load_seal_keys(wrong, tmp_path / "unused")
    assert wrong not in str(error.value)

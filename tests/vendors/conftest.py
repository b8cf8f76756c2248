"""Emulated clouds served over real HTTP on a loopback port, and retries that do not wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries happen as often as they would, at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield

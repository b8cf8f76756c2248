"""Schemathesis finds nothing: every operation that writes, all checks. ``--fuzz-examples 50`` looks longer."""

from __future__ import annotations

import pytest

from tests.api.fuzz import OPERATIONS, Server, fuzzed_server, look_at, server

__all__ = ["fuzzed_server", "server"]


@pytest.mark.parametrize("name", [name for name, found in OPERATIONS.items() if found.method != "get"])
def test_writing(name: str, server: Server) -> None:
    look_at(OPERATIONS[name], server)

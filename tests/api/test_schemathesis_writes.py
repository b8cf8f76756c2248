"""Schemathesis finds nothing: every operation that writes, all checks. ``--fuzz-examples 50`` looks longer."""

from __future__ import annotations

from typing import Any

from tests.api.fuzz import SETTINGS, Server, fuzzed_server, load_schema, server

__all__ = ["fuzzed_server", "server"]
WRITTEN = load_schema().exclude(method="GET")


@WRITTEN.parametrize()
@SETTINGS
def test_writing(case: Any, server: Server) -> None:
    server.try_out(case)

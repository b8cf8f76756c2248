"""Schemathesis finds nothing: every operation that reads, all checks. ``--fuzz-examples 50`` looks longer."""

from __future__ import annotations

from typing import Any

from tests.api.fuzz import SETTINGS, Server, fuzzed_server, load_schema, server

__all__ = ["fuzzed_server", "server"]
READ = load_schema().exclude(method=["POST", "PUT", "PATCH", "DELETE"])


@READ.parametrize()
@SETTINGS
def test_reading(case: Any, server: Server) -> None:
    server.try_out(case)

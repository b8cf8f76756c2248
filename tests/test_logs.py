"""Logs: one line each, and nothing that sounds like a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from heatfleet.logs import setup_logging


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_without_secrets() -> None:
    stream = io.StringIO()
    setup_logging("info", as_json=True, stream=stream)
    structlog.get_logger("heatfleet.test").info("signed in", client_secret="abc", zone="DE_LU")
    logging.getLogger("other").warning("plain %s", "text")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["event"] == "signed in"
    assert first["client_secret"] == "***"
    assert first["zone"] == "DE_LU"
    assert second["event"] == "plain text"


def test_an_error_is_one_json_line() -> None:
    stream = io.StringIO()
    setup_logging("info", as_json=True, stream=stream)
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("heatfleet.test").exception("failed")
    assert "broken" in json.loads(stream.getvalue())["exception"]


def test_the_level_holds() -> None:
    stream = io.StringIO()
    setup_logging("warning", as_json=False, stream=stream)
    structlog.get_logger("heatfleet.test").info("quiet")
    assert stream.getvalue() == ""

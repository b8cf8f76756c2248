"""Logging: one line each on stderr, for people or as JSON; whatever is named like a secret is starred."""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

SECRET = re.compile(r"password|secret|token|authorization|cookie|api_key|grant|master_key", re.IGNORECASE)
QUIET = ("uvicorn.error", "asyncio", "pgqueuer", "alembic", "numba", "matplotlib")


def setup_logging(level: str, as_json: bool, stream: TextIO | None = None) -> None:
    """From here on structlog and the standard library write to ``stream`` (stderr)."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        star_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(shared, as_json, colours=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def formatter(shared: list[Processor], as_json: bool, colours: bool) -> logging.Formatter:
    """How a line looks."""
    # Plain tracebacks: the pretty ones show local variables, and with them secrets.
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)
    last: Processor = structlog.processors.JSONRenderer() if as_json else console
    errors: list[Processor] = [structlog.processors.ExceptionRenderer()] if as_json else []
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *errors, last],
    )


def star_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event with values of secret-sounding keys starred."""
    return {key: "***" if SECRET.search(key) and value else value for key, value in event.items()}

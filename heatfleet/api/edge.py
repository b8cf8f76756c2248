"""The outermost layer: request id, token, rate limit and clock headers, for every request once."""

from __future__ import annotations

import asyncio
import logging
import re
from uuid import uuid4

import msgspec
import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from heatfleet.api.call import SCOPE_KEY, Call
from heatfleet.api.metrics import Metrics
from heatfleet.api.problems import MEDIA_TYPE, problem
from heatfleet.api.services import Services
from heatfleet.auth.errors import Unauthenticated

log = structlog.get_logger()
UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_WINDOW_S = 60


class Edge:
    """Wraps the application; the answers of all inner layers pass through it."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services
        self.metrics = Metrics(services)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(services.rate_limit_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        loop, metrics = asyncio.get_running_loop(), self.metrics
        began_s = loop.time()
        call = await self._greet(scope)
        headers = [(b"x-request-id", call.request_id.encode()), (b"x-content-type-options", b"nosniff")]
        headers += self._clock_header()
        allowed = True
        if scope["path"] not in UNLIMITED:
            allowed, limit_headers = await self._limit(call)
            headers += limit_headers

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
                _note(scope, call, message["status"])
                metrics.note(scope, message["status"], loop.time() - began_s)
            await send(message)

        metrics.in_progress += 1
        try:
            await (self._app(_routed(scope), receive, answer) if allowed else _too_many(scope, answer))
        finally:
            metrics.in_progress -= 1

    async def _greet(self, scope: Scope) -> Call:
        """What is known of the caller before routing."""
        request_id = authorization = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                request_id = value.decode()
        client = scope.get("client")
        call = Call(self._services, request_id or uuid4().hex, client[0] if client else "")
        scope[SCOPE_KEY] = call  # type: ignore[literal-required]
        if authorization is not None and authorization[:7].lower() == b"bearer ":
            try:
                now, tokens = self._services.clock.wall_now(), self._services.tokens
                await tokens.revoked.keep_up(self._services.database, now)
                call.principal = tokens.check(authorization[7:].strip().decode("latin-1"), now)
            except Unauthenticated as refusal:
                call.refusal = refusal
        return call

    def _clock_header(self) -> list[tuple[bytes, bytes]]:
        wall, fleet = self._services.clock.wall_now(), self._services.clock.fleet_now()
        if abs((wall - fleet).total_seconds()) < 1:
            return []
        return [(b"x-fleet-time", fleet.isoformat(timespec="seconds").replace("+00:00", "Z").encode())]

    async def _limit(self, call: Call) -> tuple[bool, list[tuple[bytes, bytes]]]:
        key = call.principal.name if call.principal else call.address
        allowed = await self._limiter.hit(self._item, key)
        stats = await self._limiter.get_window_stats(self._item, key)
        left_s = stats.reset_time - self._services.clock.wall_now().timestamp()
        reset = b"%d" % min(max(round(left_s), 0), _WINDOW_S)
        headers = [
            (b"ratelimit-limit", b"%d" % self._item.amount),
            (b"ratelimit-remaining", b"%d" % stats.remaining),
            (b"ratelimit-reset", reset),
        ]
        return allowed, headers if allowed else [*headers, (b"retry-after", reset)]


def _routed(scope: Scope) -> Scope:
    """OPTIONS goes on as a method nobody has, so that it is answered 405 with the path's own methods."""
    return scope if scope["method"] != "OPTIONS" else {**scope, "method": "-"}  # type: ignore


def _note(scope: Scope, call: Call, status: int) -> None:
    """The request's log line; reads that went well only show at debug, they are most of the traffic."""
    method = scope["method"] if scope["type"] == ScopeType.HTTP else ""
    level = logging.DEBUG if status < 400 and method in {"GET", "HEAD"} else logging.INFO
    if logging.getLogger().isEnabledFor(level):
        who = call.principal.name if call.principal else None
        log.log(level, "request", request_id=call.request_id, method=method, path=scope["path"], status=status, who=who)


async def _too_many(scope: Scope, send: Send) -> None:
    body = msgspec.json.encode(problem(scope, 429, "Too many requests; wait as long as Retry-After says."))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})

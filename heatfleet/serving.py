"""An ASGI application on a socket of ours, in this process, ended by an event and not by signals."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import uvicorn

BACKLOG = 1024
DRAIN_S = 5
MAX_SOCKET_MESSAGE_BYTES = 65_536
STARTED_WITHIN_S = 30.0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; ``OSError`` with a line for people when the port is in use or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = {errno.EADDRINUSE: "it is in use", errno.EACCES: "this user may not"}.get(error.errno or 0)
        raise OSError(0, f"cannot listen on {host}:{port}: {why or error.strerror}; choose another --port") from None
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """The port it listens on."""
    return int(listener.getsockname()[1])


def settle_garbage() -> None:
    """What the start has made stays for good: later collections look only at what came after it."""
    gc.collect()
    gc.freeze()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, listener: socket.socket, *, proxies: str = "127.0.0.1") -> AsyncIterator[None]:
    """Serves while the block runs; at its end finishes open requests, at most ``DRAIN_S`` seconds long."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=DRAIN_S, server_header=False,
        proxy_headers=True, forwarded_allow_ips=proxies, ws="websockets-sansio", timeout_keep_alive=30,
        ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    try:
        async with asyncio.timeout(STARTED_WITHIN_S):
            while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.005)
        if task.done():
            task.result()
            raise RuntimeError("the web application did not start; see the log above")
        settle_garbage()
        yield
    finally:
        server.should_exit = True
        await task


class Mounted:
    """One application, with others below path prefixes; the first one gets the lifespan."""

    def __init__(self, main: Any, below: Mapping[str, Any]) -> None:
        self._main, self._below = main, below

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Dispatch by path."""
        path = scope.get("path", "")
        for prefix, app in self._below.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                await app(scope, receive, send)
                return
        await self._main(scope, receive, send)

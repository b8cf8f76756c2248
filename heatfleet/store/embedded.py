"""The embedded PostgreSQL and its supervisor: starts with us, dies with us, listens on one private socket.

``async with EmbeddedPostgres(home) as pg:`` then connect to ``pg.app_dsn`` (the application) or ``pg.owner_dsn``
(migrations). Roles: the superuser only bootstraps; ``heatfleet_owner`` owns the database; ``heatfleet_app`` owns
nothing, so row-level security binds it.

However the parent ends, the server ends too: stopped in order by :meth:`EmbeddedPostgres.stop`, else by a signal of
the kernel (Linux) or a waiting shell (elsewhere). Start it from a thread that lives as long as the process does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final
from urllib.parse import quote

import asyncpg

from heatfleet.store import embedded_child, embedded_stale
from heatfleet.store.embedded_binaries import WHEELS, Programs, Wheel, install_programs
from heatfleet.store.embedded_files import DatabaseUnavailable, Layout, cannot_write, make_private, prepare_layout

SUPERUSER: Final = "postgres"
OWNER: Final = "heatfleet_owner"
APP: Final = "heatfleet_app"
DATABASE: Final = "heatfleet"
LOCK_NAME: Final = "postgres.lock"
_POLL_S = 0.005
_LOG_MAX_BYTES = 5_000_000
_FRESH_NEEDS_BYTES = 120_000_000

_SERVER = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_completion_target": "0.9",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "random_page_cost": "1.1",
    "hot_standby": "off",
}
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}


class EmbeddedPostgres:
    """One PostgreSQL server of our own.

    ``durable=False`` gives up safety against power cuts for speed (tests). ``wheels`` says where programs may come
    from, in order.
    """

    def __init__(
        self, home: Path, *, user: str = "nobody", durable: bool = True, wheels: tuple[Wheel, ...] = WHEELS
    ) -> None:
        self.home = home.expanduser().absolute()
        self._user, self._durable, self._wheels = user, durable, wheels
        self._lock: int | None = None
        self._layout: Layout | None = None
        self._programs: Programs | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> EmbeddedPostgres:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def layout(self) -> Layout:
        """The folders in use; only while started."""
        assert self._layout is not None, "not started"
        return self._layout

    @property
    def programs(self) -> Programs:
        """The PostgreSQL programs in use; only while started."""
        assert self._programs is not None, "not started"
        return self._programs

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.layout.data(self.programs.major)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The address for one role and database."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.layout.run), safe='/')}&port=5432"

    @property
    def owner_dsn(self) -> str:
        """For migrations."""
        return self.dsn(OWNER)

    @property
    def app_dsn(self) -> str:
        """For the application."""
        return self.dsn(APP)

    def attach(self) -> None:
        """Makes the addresses of the server that another process runs on this home known."""
        self._layout = prepare_layout(self.home, self._user)

    async def start(self) -> None:
        """Ready when it returns; ``DatabaseUnavailable`` (one line) when it cannot be."""
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            self._layout = prepare_layout(self.home, self._user)
            self._lock = _take_lock(self.home)
            self._programs = await asyncio.to_thread(install_programs, self.layout.binaries, self._wheels)
            await self._make_data()
            await embedded_stale.clear(self.data, self.layout.socket)
            self._spawn()
            await self._until_ready()
            await _bootstrap(self.dsn(SUPERUSER, "postgres"))
            undo.pop_all()

    async def stop(self, patience_s: float = 10.0) -> None:
        """Ends the server: asks politely, then firmly, then kills."""
        if self._process is not None:
            for number, wait_s in ((signal.SIGINT, patience_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                if await self._ended_after(number, wait_s):
                    break
            self._process = None
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _ended_after(self, number: signal.Signals, wait_s: float) -> bool:
        assert self._process is not None
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while self._process.poll() is None and loop.time() < deadline:  # noqa: ASYNC110 - a process, not a task
            await asyncio.sleep(_POLL_S)
        return self._process.poll() is not None

    async def _make_data(self) -> None:
        """A new data folder when there is none; it appears whole or not at all."""
        if self.data.is_dir():
            return
        others = sorted(path.name for path in self.layout.state.glob("data-*"))
        if others:
            raise DatabaseUnavailable(
                f"{self.layout.state / others[-1]} was made by another PostgreSQL than {self.programs.major};"
                " install the wheel it was made with, or move the folder away"
            )
        if shutil.disk_usage(self.layout.state).free < _FRESH_NEEDS_BYTES:
            raise cannot_write(OSError(errno.ENOSPC, "no space left on device"), self.layout.state)
        draft = self.layout.state / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        make_private(draft, self.layout.account)
        await self._initdb(draft)
        draft.rename(self.data)

    async def _initdb(self, folder: Path) -> None:
        command = [self.programs.path("initdb"), "-D", str(folder), "-U", SUPERUSER, "-E", "UTF8", "--locale=C"]
        command += ["--auth-local=trust", "--auth-host=reject", *([] if self._durable else ["--no-sync"])]
        command = self._as_server_user(folder, command, dies_with=os.getpid())
        result = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env={"TZ": "UTC"}, check=False
        )
        if result.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise DatabaseUnavailable(_reason(result.stderr, f"cannot make the database in {folder}"))

    def _spawn(self) -> None:
        """Starts the server; no await in here, so that it is this thread whose end would end it."""
        layout = self.layout
        settings = _SERVER | ({} if self._durable else _THROWAWAY)
        settings |= {"unix_socket_directories": str(layout.run)} | _of_major(self.programs.major)
        server = [self.programs.path("postgres"), "-D", str(self.data)]
        server += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        kernel_watches = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        command = self._as_server_user(self.data, server, dies_with=os.getpid() if kernel_watches else 0)
        try:
            with _open_log(layout.log_file) as log:
                self._process = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            raise cannot_write(error, layout.state) from None
        if not kernel_watches:
            watch = f"cat >/dev/null; kill -QUIT {self._process.pid} 2>/dev/null; true"
            self._watchdog = subprocess.Popen(["/bin/sh", "-c", watch], stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603

    def _as_server_user(self, folder: Path, command: list[str], *, dies_with: int) -> list[str]:
        """``command`` run in ``folder`` as the server's user, ended by the kernel with the process ``dies_with``."""
        account = self.layout.account
        child = [sys.executable, "-I", "-S", embedded_child.__file__, str(dies_with)]
        return [*child, str(account.uid), str(account.gid), str(folder), *command]

    async def _until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns as soon as the server says so in its pid file (crash recovery may take a while)."""
        assert self._process is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not embedded_stale.is_ready(self.data, self._process.pid):
            if self._process.poll() is not None:
                raise DatabaseUnavailable(_reason(_tail(self.layout.log_file), "PostgreSQL did not start"))
            if loop.time() > deadline:
                raise DatabaseUnavailable(
                    f"PostgreSQL was not ready after {timeout_s:.0f} s; see {self.layout.log_file}"
                )
            await asyncio.sleep(_POLL_S)


def _of_major(major: int) -> dict[str, str]:
    return {"io_method": "sync"} if major >= 18 else {}


def holder(home: Path) -> str | None:
    """The process that runs the database of ``home`` now, or None."""
    try:
        lock = os.open(home / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock, 32, 0).decode().strip() or "unknown"
    finally:
        os.close(lock)
    return None


def _take_lock(home: Path) -> int:
    """A file descriptor that holds the home's lock as long as this process lives."""
    try:
        lock = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cannot_write(error, home) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise cannot_write(error, home) from None
        process = holder(home) or "just ended"
        raise DatabaseUnavailable(
            f"heatfleet is already running on {home} (process {process}); stop it or choose another --home"
        ) from None
    return lock


def _open_log(path: Path) -> BinaryIO:
    """The log to append to; only we can read it, for it quotes statements."""
    if path.exists() and path.stat().st_size > _LOG_MAX_BYTES:
        path.replace(path.with_suffix(".log.old"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _tail(path: Path) -> str:
    return path.read_bytes()[-20_000:].decode(errors="replace")


def _reason(said: str, what: str) -> str:
    """One line from what a PostgreSQL program said."""
    if "No space left on device" in said:
        return f"{what}: the disk is full; make room or choose another --home"
    lines = [line.strip() for line in said.splitlines() if "FATAL" in line or "PANIC" in line or "error:" in line]
    return f"{what}: {lines[-1] if lines else (said.strip().splitlines() or ['no reason given'])[-1]}"


async def _bootstrap(dsn: str) -> None:
    """Makes roles and database when they are missing."""
    connection = await asyncpg.connect(dsn)
    try:
        present = {row[0] for row in await connection.fetch("select rolname from pg_roles")}
        for role in (OWNER, APP):
            if role not in present:
                await connection.execute(f"create role {role} login")
        if not await connection.fetchval("select true from pg_database where datname = $1", DATABASE):
            await connection.execute(f"create database {DATABASE} owner {OWNER}")
        await connection.execute(f"revoke all on database {DATABASE} from public")
        await connection.execute(f"grant connect on database {DATABASE} to {APP}")
    finally:
        await connection.close()

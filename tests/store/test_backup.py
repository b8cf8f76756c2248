"""A backup is the whole installation: rows of every organisation, rights, keys."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from heatfleet.domain.errors import Conflict, NotFound
from heatfleet.settings import Settings
from heatfleet.store.backup import backup, restore
from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.ids import new_id
from heatfleet.store.migrate import head
from heatfleet.store.provider import provide_database
from tests.conftest import FakeClock


@pytest.fixture
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def add_user(database: Database, org_id: UUID) -> None:
    async with database.write(FLEET) as tx:
        await tx.execute("insert into organisations (id, name) values ($1, 'a')", org_id)
        await tx.execute("select ensure_week('2024-01-08')")
        await tx.execute("insert into telemetry (heat_pump_id, org_id, at) values ($1, $1, '2024-01-08')", org_id)


async def test_what_was_there_is_there_again(room: Path, clock: FakeClock) -> None:
    first, second, org_id = Settings(home=room / "a"), Settings(home=room / "b"), new_id()
    first.key_path.mkdir(parents=True)
    first.seal_key_path.write_text("key")
    async with provide_database(None, first.home) as urls:
        database = await open_database(urls.app_url)
        await add_user(database, org_id)
        made = await backup(first, clock, room / "copy")  # while it runs
        await database.close()
    assert made.revision == head()
    assert await restore(second, room / "copy") == head()
    assert second.seal_key_path.read_text() == "key"
    async with provide_database(None, second.home) as urls:
        database = await open_database(urls.app_url)
        async with database.read(org_id) as tx:
            assert await tx.value("select count(*) from telemetry") == 1
        async with database.read(new_id()) as tx:
            assert await tx.value("select count(*) from telemetry") == 0
        await database.close()
    with pytest.raises(Conflict, match="new --home"):
        await restore(second, room / "copy")
    with pytest.raises(Conflict, match="new folder"):
        await backup(first, clock, room / "copy")


def test_a_folder_that_is_no_backup_is_refused(room: Path) -> None:
    with pytest.raises(NotFound, match="no backup"):
        asyncio.run(restore(Settings(home=room / "a"), room))


def test_somebody_elses_database_is_left_alone(room: Path, clock: FakeClock) -> None:
    settings = Settings(home=room, database_url="postgresql://x/y")
    with pytest.raises(Conflict, match="pg_dump"):
        asyncio.run(backup(settings, clock, room / "copy"))

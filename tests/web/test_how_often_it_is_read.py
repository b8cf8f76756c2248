"""How often a new heat pump is read: as the operator wishes, more rarely where the vendor wants it so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.manifest import Manifest
from tests.api_server import running_api
from tests.support import FakeVendors
from tests.web import journey


class Rare(FakeVendors):
    """Vendors that want to be asked every quarter of an hour."""

    def manifest(self, name: str) -> Manifest:
        return replace(super().manifest(name), poll_interval_s=900)


@pytest.mark.parametrize(("wished_s", "found_s"), [(60, 900), (900, 900), (1200, 1200)])
def test_the_longer_of_both_counts(wished_s: int, found_s: int) -> None:
    counter = Counter(Rare(), SealKeys((bytes(32),)), "", wished_s)
    assert counter.interval_s("redirecting") == found_s


async def test_a_new_heat_pump_is_read_that_often(database: Database, clock: Any, org_id: UUID, key_file: Path) -> None:
    async with running_api(database, clock, org_id, key_file, Rare()) as api:
        session = await journey.session(api)
        await journey.sign_in(api, session["id"])
        await journey.finish(api, session["id"])
    async with database.read(FLEET) as tx:
        assert await tx.value("select interval_s from polls") == 900

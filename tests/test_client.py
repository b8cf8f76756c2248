"""The Python client, made anew from the committed schema, against a running server."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from heatfleet.auth.passwords import hash_password
from heatfleet.store.ids import new_id
from tests.api_server import Api, api, key_file

__all__ = ["api", "key_file"]
FOLDER = Path(__file__).parents[1] / "clients" / "python"


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "uv", *words], check=False, capture_output=True, text=True)


@pytest.fixture(scope="session")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """``heatfleet_client`` from the wheel that its build hook makes."""
    needs = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    wanted = [word for need in needs for word in ("--with", need)]
    found = uv("run", "--isolated", "--no-project", *wanted, "true")
    if found.returncode:
        pytest.skip(f"the generator cannot be installed here: {found.stderr.strip()[-200:]}")
    folder = tmp_path_factory.mktemp("client")
    built = uv("build", "--wheel", str(FOLDER), "--out-dir", str(folder))
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("heatfleet_client")
    sys.path.remove(str(folder))


@pytest.fixture
async def partner(client_package: ModuleType, api: Api) -> SimpleNamespace:
    """A signed-in client: ``call(module, operation, *ids, **more)`` runs one operation and returns what it parsed."""
    made = await api.call("POST", f"/org/{api.org_id}/clients", {"name": "portal"})
    client = client_package.sign_in(api.url, made.body["id"], made.body["client_secret"])
    models = importlib.import_module("heatfleet_client.models")

    def operation(name: str) -> ModuleType:
        return importlib.import_module(f"heatfleet_client.api.{name}")

    async def call(name: str, *ids: UUID, **more: Any) -> Any:
        return await operation(name).asyncio(*ids, client=client, **more)

    return SimpleNamespace(client=client, models=models, operation=operation, call=call, id=made.body["id"])


async def new_user(partner: SimpleNamespace, org_id: UUID) -> Any:
    body = partner.models.UserInput(email=f"{new_id().hex}@example.com", role="user")
    return await partner.call("users.create_user", org_id, body=body)


def test_every_module_of_the_client_can_be_imported(client_package: ModuleType) -> None:
    found = [module.name for module in pkgutil.walk_packages(client_package.__path__, "heatfleet_client.")]
    assert len([importlib.import_module(name) for name in found]) > 100


async def test_a_person_signs_in_and_stays_so(api: Api, partner: SimpleNamespace, client_package: ModuleType) -> None:
    m, token = partner.models, partner.operation("authentication.create_token")
    client = client_package.Client(base_url=api.url)
    await api.user(email="ada@example.com", password_hash=await hash_password("correct horse battery"))
    form = m.TokenInput(grant_type="password", username="ada@example.com", password="correct horse battery")
    first = await token.asyncio(client=client, body=form)
    form = m.TokenInput(grant_type="refresh_token", refresh_token=first.refresh_token)
    assert (await token.asyncio(client=client, body=form)).access_token
    again = await token.asyncio(client=client, body=form)
    assert isinstance(again, m.OAuthErrorOutput)
    assert again.error == "invalid_grant"


async def test_a_partner_registers_a_home_and_sets_its_policy(api: Api, partner: SimpleNamespace) -> None:
    m, call, org_id = partner.models, partner.call, api.org_id
    user = await new_user(partner, org_id)
    building = await call(
        "buildings.create_building", org_id, user.id, body=m.BuildingInput(name="Home", property_size_m2=140)
    )
    contract = await call(
        "energy_contracts.create_energy_contract",
        org_id,
        user.id,
        body=m.EnergyContractInput(
            energy_contract_type="spot_hourly", currency_energy_price="EUR", building_id=building.id
        ),
    )
    assert contract.building_id == building.id
    pump = await call(
        "user_heat_pumps.register_heat_pump",
        org_id,
        user.id,
        body=m.HeatPumpInput(price_zone="DE_LU", building_id=building.id),
    )
    assert pump.owner.id == user.id
    assert pump.lifecycle_state == "pending"
    policy = m.HeatPumpInput(minimum_temperature_limit=20, maximum_temperature_limit=22.5, comment="first")
    changed = await call("user_heat_pumps.update_heat_pump", org_id, user.id, pump.id, body=policy)
    assert (changed.minimum_temperature_limit, changed.maximum_temperature_limit) == (20, 22.5)
    assert changed.price_zone == "DE_LU", "what is not sent stays"
    cleared = await call(
        "user_heat_pumps.patch_heat_pump", org_id, user.id, pump.id, body=m.HeatPumpInput(comment=None)
    )
    assert not cleared.comment
    listed = await call("heat_pumps.list_heat_pumps", org_id, price_zone="DE_LU")
    assert [row.id for row in listed] == [pump.id]
    await call("user_heat_pumps.delete_heat_pump", org_id, user.id, pump.id)
    gone = await call("user_heat_pumps.retrieve_heat_pump", org_id, user.id, pump.id)
    assert isinstance(gone, m.Problem)


async def test_every_item_of_a_list_comes_page_after_page(
    api: Api, partner: SimpleNamespace, client_package: ModuleType
) -> None:
    users = {(await new_user(partner, api.org_id)).id for _ in range(5)}

    def read() -> list[UUID]:
        listing = partner.operation("users.list_users")
        return [user.id for user in client_package.every(listing, api.org_id, client=partner.client, limit=2)]

    found = await asyncio.to_thread(read)
    assert len(found) == len(set(found))
    assert users <= {*found}


async def test_errors_are_typed_problems(api: Api, partner: SimpleNamespace, client_package: ModuleType) -> None:
    m, org_id = partner.models, api.org_id
    missing = await partner.call("users.retrieve_user", org_id, new_id())
    assert isinstance(missing, m.Problem)
    assert (missing.status, missing.title) == (404, "Not found")
    user = await new_user(partner, org_id)
    pump = await partner.call("user_heat_pumps.register_heat_pump", org_id, user.id, body=m.HeatPumpInput())
    wrong = await partner.call(
        "user_heat_pumps.update_heat_pump",
        org_id,
        user.id,
        pump.id,
        body=m.HeatPumpInput(minimum_temperature_limit=22, maximum_temperature_limit=20),
    )
    assert isinstance(wrong, m.Problem)
    assert wrong.status == 422
    assert wrong.errors[0].loc[0] == "body"

    def read() -> None:
        [*client_package.every(partner.operation("heat_pumps.list_heat_pumps"), new_id(), client=partner.client)]

    with pytest.raises(importlib.import_module("heatfleet_client.errors").UnexpectedStatus):
        await asyncio.to_thread(read)


async def test_an_etag_guards_a_change(api: Api, partner: SimpleNamespace) -> None:
    m, user = partner.models, await new_user(partner, api.org_id)
    ids = (api.org_id, user.id)
    seen = await partner.operation("users.retrieve_user").asyncio_detailed(*ids, client=partner.client)
    body = m.UserChange(first_name="Ada")
    await partner.call("users.update_user", *ids, body=body, if_match=seen.headers["ETag"])
    late = await partner.call("users.update_user", *ids, body=body, if_match=seen.headers["ETag"])
    assert late.status == 412


async def test_it_signs_in_again_when_its_token_is_refused(api: Api, partner: SimpleNamespace) -> None:
    first = await partner.call("authentication.retrieve_me")
    partner.client.get_async_httpx_client().auth._token = "ended"
    assert await partner.call("authentication.retrieve_me") == first
    assert str(first.client_id) == partner.id


async def test_wrong_credentials_are_told(api: Api, partner: SimpleNamespace, client_package: ModuleType) -> None:
    client = client_package.sign_in(f"{api.url}/api/partners/v2.0/", partner.id, "wrong")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        await partner.operation("authentication.retrieve_me").asyncio(client=client)

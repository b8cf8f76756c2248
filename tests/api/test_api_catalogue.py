"""The catalogue: filled once, found by words, chosen for a heat pump."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from heatfleet.flows.catalogue import fill_catalogue, read_models
from heatfleet.store import device_models
from heatfleet.store.database import FLEET, Database
from heatfleet.store.device_models import ModelNames
from heatfleet.vendors.kit.manifest import Manifest
from tests.api_server import Api
from tests.support import FakeVendors


def manifest(name: str, *brands: str, **more: Any) -> Manifest:
    return replace(FakeVendors().manifests()[0], name=name, title=name.title(), brands=brands, **more)


async def names(api: Api, **query: str) -> list[tuple[str, str]]:
    found = await api.call("GET", f"/org/{api.org_id}/device-models", params=query)
    assert found.status == 200, found.body
    return [(item["manufacturer"], item["model"]) for item in found.body]


async def dump(database: Database) -> list[Any]:
    async with database.read(FLEET) as tx:
        return [str(row) for row in await tx.fetch("select m, xmin::text, xmax::text from device_models m order by id")]


async def test_filling_twice_changes_nothing_and_is_quick(database: Database) -> None:
    vendors = [manifest("one", "Nibe"), manifest("two", "Vaillant")]
    assert await fill_catalogue(database, vendors) > 3000
    before = await dump(database)
    began_s = time.perf_counter()
    assert await fill_catalogue(database, vendors) == 0
    assert time.perf_counter() - began_s < 1.5
    assert await dump(database) == before


async def test_a_model_hangs_on_the_cloud_whose_brand_its_makers_name_has_as_whole_words() -> None:
    vendors = [
        manifest("gateway", "Nibe"),
        manifest("reversed", "Vaillant", "Saunier Duval", is_official=False),
        manifest("short", "Vail", "Bos"),
        manifest("hit", "Hitachi"),
    ]
    found = {model.manufacturer: model.vendor for model in read_models(vendors)}
    assert found["Nibe"] == "gateway"
    assert found["Vaillant Deutschland"] == found["Saunier Duval Brand Group"] == "reversed"
    assert found["Johnson Controls-Hitachi AirConditioning Spain"] == "hit"
    assert found["Bosch Thermotechnik"] is None


async def test_a_vendor_that_comes_later_is_linked_and_ids_stay(database: Database, org_id: UUID) -> None:
    await fill_catalogue(database, [])
    async with database.read(FLEET) as tx:
        before = await tx.fetch("select id from device_models where manufacturer = 'Nibe' order by id")
    assert await fill_catalogue(database, [manifest("one", "Nibe")]) == len(before) > 10
    async with database.read(FLEET) as tx:
        sql = """
            select m.id from device_models m join cloud_services s on s.id = m.cloud_service_id where s.vendor = 'one'
            order by m.id"""
        assert await tx.fetch(sql) == before
    assert await fill_catalogue(database, []) == 0  # a vendor that is gone for a while loses nothing


async def test_a_model_that_was_there_already_does_not_clash(database: Database) -> None:
    models = {model.manufacturer: model for model in read_models([])}
    nibe = models["Nibe"]
    vendors = [manifest("one", "Nibe")]
    async with database.write(FLEET) as tx:
        await device_models.find_or_insert(tx, ModelNames("Nibe", nibe.model))
    await fill_catalogue(database, [])
    async with database.write(FLEET) as tx:
        service = await device_models.cloud_service_id(tx, device_models.CloudServiceFacts("one", "One"))
        await device_models.find_or_insert(tx, ModelNames("Nibe", nibe.model, cloud_service_id=service))
    await fill_catalogue(database, vendors)
    assert await fill_catalogue(database, vendors) == 0


@pytest.fixture
async def catalogue(api: Api) -> None:
    await fill_catalogue(api.services.database, [manifest("asking", "Nibe", instructions="Register first.")])


async def test_models_are_found_by_words_in_any_case(api: Api, catalogue: None) -> None:
    both = await names(api, q="NIBE f1145")
    assert both
    assert all(maker == "Nibe" and "f1145" in model.lower() for maker, model in both)
    assert await names(api, q="f1145 nibe") == both
    assert {maker for maker, _ in await names(api, manufacturer="vaillant")} == {"Vaillant Deutschland"}
    assert await names(api, manufacturer="vaillant", q="nibe") == []
    assert await names(api, q="100%_'") == []


async def test_models_are_paged_by_name(api: Api, catalogue: None) -> None:
    found, path = [], f"//api/partners/v2.0/org/{api.org_id}/device-models?manufacturer=nibe&limit=50"
    while path:
        part = await api.call("GET", path)
        found += [item["model"] for item in part.body]
        link = part.headers.get("Link")
        path = "/" + link.partition("<")[2].partition(">")[0] if link else ""
    assert len(found) == len(set(found)) > 50
    assert found == [model for _, model in await names(api, manufacturer="nibe")]


async def test_a_model_says_its_kind_and_cloud_service_and_can_be_chosen(api: Api, catalogue: None) -> None:
    (service,) = [s for s in (await services(api)) if s["name"] == "Asking"]
    item = (await api.call("GET", f"/org/{api.org_id}/device-models", params={"q": "nibe", "limit": "1"})).body[0]
    assert item["device_type"]["short_name"] in {"hp_atw", "hp_btw"}
    assert (item["cloud_service"], item["cloud_service_name"]) == (service["id"], "Asking")
    assert (item["cloud_service_instructions"], item["year"]) == ("Register first.", None)
    pump = await api.pump(await api.user(), device_model_id=item["id"])
    assert pump["device_model"] == {k: v for k, v in item.items() if k not in {"id", "cloud_service_name"}}


async def services(api: Api) -> list[dict[str, Any]]:
    return (await api.call("GET", f"/org/{api.org_id}/cloud-services")).body


async def test_cloud_services_say_whether_they_can_be_used_here(api: Api, catalogue: None) -> None:
    await fill_catalogue(api.services.database, [manifest("elsewhere", "Nobody")])
    here, elsewhere = await services(api)
    assert {k: here[k] for k in ("name", "is_available", "sign_in", "countries", "instructions")} == {
        "name": "Asking",
        "is_available": True,
        "sign_in": "form",
        "countries": ["*"],
        "instructions": "Register first.",
    }
    assert (elsewhere["is_available"], elsewhere["sign_in"], elsewhere["brands"]) == (False, None, [])
    limited = await api.call("GET", f"/org/{api.org_id}/cloud-services", params={"limit": "1"})
    assert len(limited.body) == 1
    assert 'rel="next"' in limited.headers["Link"]


async def test_what_one_organisation_typed_is_not_shown_to_another(api: Api, other_org_id: UUID) -> None:
    await api.pump(await api.user(), device_model={"manufacturer": "My cellar", "model": "Old one", "device_type": {}})
    assert await names(api, q="cellar") == [("My cellar", "Old one")]
    path = f"/org/{other_org_id}/device-models"
    assert (await api.call("GET", path, token=api.token(org_id=other_org_id))).body == []

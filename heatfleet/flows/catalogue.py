"""The catalogue of device models and cloud services is filled: from hplib's data and the vendors' manifests."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from heatfleet.store import device_models
from heatfleet.store.database import FLEET, Database
from heatfleet.store.device_models import CatalogueModel, CloudServiceFacts
from heatfleet.vendors.kit.manifest import Manifest

MODELS_FILE = "hplib/hplib_database_all.csv"  # Heat Pump Keymark data, CC BY 4.0: named in the API's documentation
_KINDS = {
    "Outdoor Air/Water": ("hp_atw", "Heat Pump (Air-to-Water)"),
    "Brine/Water": ("hp_btw", "Heat Pump (Brine-to-Water)"),
    "Water/Water": ("hp_wtw", "Heat Pump (Water-to-Water)"),
}


async def fill_catalogue(database: Database, manifests: Iterable[Manifest]) -> int:
    """How many models are new; doing it twice changes nothing. Models hang on the vendor whose brand made them."""
    known = sorted(manifests, key=lambda m: (not m.is_official, m.needs_gateway, m.name))
    async with database.write(FLEET) as tx:
        await device_models.save_cloud_services(tx, [facts_of(manifest) for manifest in known])
        return await device_models.add_models(tx, read_models(known))


def facts_of(manifest: Manifest) -> CloudServiceFacts:
    """What the catalogue says of a vendor."""
    return CloudServiceFacts(
        vendor=manifest.name,
        name=manifest.title,
        instructions=manifest.instructions or None,
        signup_link=manifest.signup_link or None,
        is_official=manifest.is_official,
        needs_gateway=manifest.needs_gateway,
    )


def read_models(manifests: Iterable[Manifest]) -> list[CatalogueModel]:
    """The models of the installed hplib, by maker and name; the first manifest with a matching brand is theirs."""
    rows = csv.DictReader(Path(str(distribution("hplib").locate_file(MODELS_FILE))).read_text("utf-8").splitlines())
    kinds = {(row["Manufacturer"].strip(), row["Model"].strip()): _KINDS[row["Type"]] for row in rows}
    brands = [(_words(brand), manifest.name) for manifest in manifests for brand in manifest.brands]
    vendors = {maker: _vendor(_words(maker), brands) for maker in {maker for maker, _ in kinds}}
    return [CatalogueModel(*name, *kind, vendors[name[0]]) for name, kind in sorted(kinds.items())]


def _vendor(maker: str, brands: list[tuple[str, str]]) -> str | None:
    return next((vendor for brand, vendor in brands if brand in maker), None)


def _words(name: str) -> str:
    """Lower case words, each between blanks, so that a part of a name is found as whole words only."""
    return " ".join(["", *re.findall(r"\w+", name.casefold()), ""])

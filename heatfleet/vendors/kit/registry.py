"""The vendors at hand: found by their ``manifest.toml``, made when first asked for.

A vendor is a package with ``manifest.toml`` and ``driver.Driver(http, config)``, in ``heatfleet/vendors/`` or named by
an installed distribution in the entry-point group ``heatfleet.vendors``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

from heatfleet.domain.errors import FieldError, Invalid, NotFound
from heatfleet.vendors.kit.driver import Driver
from heatfleet.vendors.kit.http import VendorHttp
from heatfleet.vendors.kit.manifest import Manifest, parse_manifest
from heatfleet.vendors.kit.quota import Left, parse_budgets

HOME = "heatfleet.vendors"
MAX_VENDORS = 1000
BUDGET_KEYS = {"app_budget": "app_budgets", "account_budget": "account_budgets"}
"""Settings that every vendor has → what of its manifest they replace."""

HttpFactory = Callable[[Manifest, Mapping[str, str]], VendorHttp]
VendorSettings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class FoundVendor:
    """A vendor's package and what its manifest says."""

    package: str
    manifest: Manifest


def find_vendors() -> dict[str, FoundVendor]:
    """All vendors by name; raises :class:`Invalid` for a broken manifest or a name that is taken."""
    found: dict[str, FoundVendor] = {}
    for package in _packages():
        manifest = parse_manifest((files(package) / "manifest.toml").read_text(encoding="utf-8"), package)
        if manifest.name in found:
            raise Invalid(
                FieldError((package, "name"), f"'{manifest.name}' is taken by {found[manifest.name].package}")
            )
        found[manifest.name] = FoundVendor(package, manifest)
    assert len(found) <= MAX_VENDORS
    return found


def _packages() -> Iterator[str]:
    for folder in sorted(files(HOME).iterdir(), key=lambda f: f.name):
        if (folder / "manifest.toml").is_file():
            yield f"{HOME}.{folder.name}"
    for entry in entry_points(group=HOME):
        yield entry.module


class Registry:
    """The vendors this installation can use."""

    def __init__(self, found: Mapping[str, FoundVendor], make_http: HttpFactory, settings: VendorSettings) -> None:
        self._make_http = make_http
        self._settings = {name: _without_budgets(given) for name, given in settings.items()}
        self._found = {name: _with_budgets(one, settings.get(name, {})) for name, one in found.items()}
        self._drivers: dict[str, Driver] = {}
        self._https: dict[str, VendorHttp] = {}

    def manifests(self) -> tuple[Manifest, ...]:
        """Manifests of the vendors whose required settings are there, by title."""
        usable = [f.manifest for f in self._found.values() if self.is_usable(f.manifest.name)]
        return tuple(sorted(usable, key=lambda m: m.title.casefold()))

    def all_manifests(self) -> tuple[Manifest, ...]:
        """Manifests of all vendors, usable or not."""
        return tuple(f.manifest for f in self._found.values())

    def manifest(self, name: str) -> Manifest:
        """The manifest of ``name``; :class:`NotFound` when there is no such vendor."""
        return self._vendor(name).manifest

    def is_usable(self, name: str) -> bool:
        """Whether the operator has given every required setting of ``name``."""
        return name in self._found and not self._found[name].manifest.missing_config(self._settings.get(name, {}))

    def driver(self, name: str) -> Driver:
        """The one driver of ``name``; :class:`NotFound` when unknown, :class:`Invalid` when settings are missing."""
        if name not in self._drivers:
            vendor = self._vendor(name)
            config = vendor.manifest.settled_config(self._settings.get(name, {}))
            http = self._https[name] = self._make_http(vendor.manifest, config)
            self._drivers[name] = import_module(f"{vendor.package}.driver").Driver(http, config)
        return self._drivers[name]

    def quota_left(self, name: str, account: str) -> Left | None:
        """What this process still lets out for an account; None while it has called nobody of this vendor."""
        return self._https[name].quota_left(account) if name in self._https else None

    def _vendor(self, name: str) -> FoundVendor:
        if name not in self._found:
            raise NotFound(f"no vendor '{name}'; known: {', '.join(sorted(self._found))}")
        return self._found[name]


def _without_budgets(given: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in given.items() if key not in BUDGET_KEYS}


def _with_budgets(vendor: FoundVendor, given: Mapping[str, str]) -> FoundVendor:
    """The vendor with the operator's call budgets in place of its manifest's; :class:`Invalid` for a wrong one."""
    changed: dict[str, Any] = {}
    for key, name in BUDGET_KEYS.items():
        if given.get(key):
            try:
                changed[name] = parse_budgets(given[key])
            except ValueError as fault:
                raise Invalid(FieldError((vendor.manifest.name, key), str(fault))) from None
    return replace(vendor, manifest=replace(vendor.manifest, **changed)) if changed else vendor


def load_registry(http_factory: HttpFactory, settings: VendorSettings) -> Registry:
    """The registry of all vendors found; ``settings`` = vendor name → its operator settings."""
    return Registry(find_vendors(), http_factory, settings)

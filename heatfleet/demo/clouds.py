"""The other makers of the demo: every vendor whose emulator has something to click in, served beside the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.resources import files

from heatfleet.vendors.kit.emulation.cloud import Place
from heatfleet.vendors.kit.emulation.contract import DemoCloud
from heatfleet.vendors.kit.registry import find_vendors

FOLDER = "/emulators"


def path_of(vendor: str) -> str:
    """Where a vendor's emulated cloud is mounted."""
    return f"{FOLDER}/{vendor}"


def other_clouds(place_of: Callable[[str], Place]) -> dict[str, DemoCloud]:
    """The emulated clouds by vendor; ``place_of`` = where one of this name stands."""
    found = {}
    for name, vendor in find_vendors().items():
        if (files(vendor.package) / "emulator.py").is_file():
            make = getattr(import_module(f"{vendor.package}.emulator"), "for_demo", None)
            if make is not None:
                found[name] = make(place_of(name))
    return found


def titles(clouds: Mapping[str, DemoCloud]) -> list[str]:
    """The names people know these vendors by."""
    return [find_vendors()[name].manifest.title for name in clouds]

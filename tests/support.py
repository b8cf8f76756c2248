"""A vendor for tests of the house around it: two devices at most, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

from heatfleet.domain.errors import AccessLost, NotFound
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.vendors.kit.driver import DeviceRef, FormField, FormStep, Grant, Receipt, RedirectStep, SignInStep, Write
from heatfleet.vendors.kit.manifest import Manifest, SignInKind

LEVERS = {Lever.INDOOR_SETPOINT_C: LeverRange(10, 30, 0.5)}
CHANNELS = frozenset({Channel.INDOOR_TEMP_C, Channel.OUTDOOR_TEMP_C, Channel.POWER_KW})

FUZZ = SimpleNamespace(examples=10)
"""How many cases of each kind the fuzzing tests make (``--fuzz-examples``)."""


class FakeDriver:
    """Signs in with code ``good``; every device reads 21.3 °C."""

    def __init__(self, step: str) -> None:
        self.step, self.devices, self.is_silent = step, ["dev-1"], False
        self.reads = 0

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> SignInStep:
        if self.step == "redirect":
            return RedirectStep(f"https://vendor.example/authorize?state={state}&redirect_uri={redirect_uri}")
        return FormStep((FormField("email", "E-mail", "email"), FormField("password", "Password", "password")))

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        if answer.get("code") != "good" and answer.get("password") != "good":
            raise AccessLost("the vendor does not know these credentials")
        return Grant("account-1", {"token": "t"})

    async def refresh(self, grant: Grant) -> Grant:
        return grant

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        return [DeviceRef(d, f"Pump {d}", "Maker", "Air 8", CHANNELS, LEVERS) for d in self.devices]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        self.reads += 1
        at = datetime(2024, 1, 8, 6, tzinfo=UTC)
        readings = (Reading(Channel.INDOOR_TEMP_C, at, 21.3), Reading(Channel.POWER_KW, at, 1.234))
        return [] if self.is_silent else [Snapshot(d, at, readings) for d in external_device_ids]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        return Receipt(True, datetime(2024, 1, 8, 6, tzinfo=UTC))


class FakeVendors:
    """Two vendors: one that redirects, one with a form."""

    def __init__(self) -> None:
        self.drivers = {"redirecting": FakeDriver("redirect"), "asking": FakeDriver("form")}

    def manifests(self) -> tuple[Manifest, ...]:
        kinds = {"redirecting": SignInKind.REDIRECT, "asking": SignInKind.FORM}
        return tuple(
            Manifest(name, name.title(), (name.title(),), ("*",), kind, CHANNELS, LEVERS, "own programme")
            for name, kind in kinds.items()
        )

    def manifest(self, name: str) -> Manifest:
        found = {manifest.name: manifest for manifest in self.manifests()}
        if name not in found:
            raise NotFound(name)
        return found[name]

    def driver(self, name: str) -> FakeDriver:
        return self.drivers[name]

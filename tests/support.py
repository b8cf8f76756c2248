"""A vendor for tests of the house around it: two devices at most, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

from heatfleet.domain.errors import AccessLost, NotFound, OutsideWorldError, TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.vendors.kit.driver import (
    Cannot,
    DeviceCodeStep,
    DeviceRef,
    FormField,
    FormStep,
    Grant,
    Hindrance,
    PairStep,
    Receipt,
    RedirectStep,
    SignInStep,
    Write,
)
from heatfleet.vendors.kit.manifest import Manifest, SignInKind

LEVERS = {Lever.INDOOR_SETPOINT_C: LeverRange(10, 30, 0.5)}
CHANNELS = frozenset({Channel.INDOOR_TEMP_C, Channel.OUTDOOR_TEMP_C, Channel.POWER_KW})

FUZZ = SimpleNamespace(examples=10)
"""How many cases of each kind the fuzzing tests make (``--fuzz-examples``)."""


CANNOT = (Cannot(Lever.DHW_BOOST, Hindrance.SUBSCRIPTION), Cannot(Channel.ENERGY_KWH, Hindrance.SENSOR))
AT = datetime(2024, 1, 8, 6, tzinfo=UTC)


class FakeDriver:
    """Signs in with code ``good``; every device reads 21.3 °C."""

    def __init__(self, step: str) -> None:
        self.step, self.devices, self.is_silent = step, ["dev-1"], False
        self.account, self.is_entered = "account-1", False
        self.fault: OutsideWorldError | None = None
        self.reads = self.refreshes = 0
        self.expires_at: datetime | None = None
        self.channels, self.levers, self.cannot = CHANNELS, LEVERS, CANNOT
        self.values = {Channel.INDOOR_TEMP_C: 21.3, Channel.POWER_KW: 1.234}

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> SignInStep:
        if self.step == "redirect":
            return RedirectStep(f"https://vendor.example/authorize?state={state}&redirect_uri={redirect_uri}")
        if self.step == "pair":
            return PairStep("GATE-4711")
        if self.step == "device_code":
            return DeviceCodeStep("https://vendor.example/device", "WDJB-MJHT", 7)
        asked = (FormField("email", "E-mail", "email", is_required=True),)
        asked += (FormField("password", "Password", "password", is_required=True), FormField("house", "House, if any"))
        return FormStep(asked)

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        self._raise()
        if self.step in {"pair", "device_code"}:
            assert answer["code"] in {"GATE-4711", "WDJB-MJHT"}
            if not self.is_entered:
                raise TryAgain("nobody has entered the code", after_s=5, code="sign_in_pending")
        elif answer.get("error"):
            raise AccessLost("the person said no", code=answer["error"])
        elif answer.get("code") != "good" and answer.get("password") != "good":
            raise AccessLost("the vendor does not know these credentials")
        return Grant(self.account, {"token": "t"}, self.expires_at)

    async def refresh(self, grant: Grant) -> Grant:
        self.refreshes += 1
        return Grant(grant.account_id, {"token": f"t{self.refreshes}"})

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        return [
            DeviceRef(d, f"Pump {d}", "Maker", "Air 8", self.channels, self.levers, cannot=self.cannot)
            for d in self.devices
        ]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        self._raise()
        self.reads += 1
        readings = tuple(Reading(channel, AT, value) for channel, value in self.values.items())
        return [] if self.is_silent else [Snapshot(d, AT, readings) for d in external_device_ids]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        return Receipt(True, AT)

    def _raise(self) -> None:
        if self.fault is not None:
            raise self.fault


KINDS = {
    "redirecting": SignInKind.REDIRECT,
    "asking": SignInKind.FORM,
    "pairing": SignInKind.PAIR,
    "coding": SignInKind.DEVICE_CODE,
}


class FakeVendors:
    """One vendor for each kind of sign-in."""

    def __init__(self) -> None:
        self.drivers = {name: FakeDriver(str(kind)) for name, kind in KINDS.items()}

    def manifests(self) -> tuple[Manifest, ...]:
        return tuple(
            Manifest(
                name, name.title(), (name.title(),), ("*",), kind, CHANNELS | {Channel.ENERGY_KWH}, LEVERS,
                "own programme", needs_gateway=kind is SignInKind.PAIR, is_official=kind is not SignInKind.FORM,
            )
            for name, kind in KINDS.items()
        )  # fmt: skip

    def manifest(self, name: str) -> Manifest:
        found = {manifest.name: manifest for manifest in self.manifests()}
        if name not in found:
            raise NotFound(name)
        return found[name]

    def driver(self, name: str) -> FakeDriver:
        return self.drivers[name]

"""What an emulator offers to the one contract that ``tests/vendors/test_every_driver.py`` runs over all vendors.

Each vendor's ``emulator.py`` has a function ``for_contract(clock) -> EmulatedVendor``; one that also has
``for_demo(place) -> DemoCloud`` stands beside the sandbox in ``heatfleet demo``, for people to click in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aiohttp

from heatfleet.domain.levers import Lever
from heatfleet.vendors.kit.driver import SignInStep
from heatfleet.vendors.kit.emulation.asgi import Receive, Scope, Send
from heatfleet.vendors.kit.emulation.faults import Faults


class EmulatedVendor(Protocol):
    """An emulated cloud that tests can steer from behind."""

    faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it over HTTP."""
        ...

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings when the emulator is reached at ``base_url``."""
        ...

    async def sign_in(self, session: aiohttp.ClientSession, step: SignInStep) -> Mapping[str, str]:
        """What a person with several heat pumps answers to ``step``."""
        ...

    def remove_device(self, external_device_id: str) -> None:
        """Let a heat pump vanish from its account."""
        ...

    def owner_sets(self, external_device_id: str, lever: Lever, value: float) -> None:
        """Let the owner change a setting by hand."""
        ...

    def revoke_all(self) -> None:
        """Let every owner withdraw consent."""
        ...


class DemoCloud(Protocol):
    """An emulated cloud as the demo serves it; its sign-in page shows who may sign in."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it over HTTP."""
        ...

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings when the demo is reached at ``base_url``."""
        ...

    def save(self) -> None:
        """Keep what must survive a restart."""
        ...

"""A cloud with virtual homes behind it: signing in, call limits, devices that vanish or ignore writes, restarts.

Time comes only from the clock handed in: fleet time for homes, writes and call limits, wall time for tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from heatfleet.domain.clock import Clock
from heatfleet.vendors.kit.driver import RedirectStep, SignInStep
from heatfleet.vendors.kit.emulation.asgi import EmulatedCloud, Request, fail
from heatfleet.vendors.kit.emulation.homes import VirtualHomes, Weather
from heatfleet.vendors.kit.emulation.kept import Kept
from heatfleet.vendors.kit.emulation.oauth import OAuthServer, Token
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.emulation.window import CallWindow

SAVE_EVERY_STEPS = 12

log = structlog.get_logger("heatfleet.emulation")


@dataclass(frozen=True)
class Place:
    """Where an emulated cloud stands: its clock and weather, where it is mounted, what it may keep, who may return."""

    clock: Clock
    weather: Weather
    seed: int = 1
    zone: str = "Europe/Berlin"
    base_path: str = ""
    state_path: Path | None = None
    redirect_origins: Sequence[str] = ()


class HomesCloud(EmulatedCloud):
    """Base of a cloud whose devices are virtual homes; a subclass answers in the vendor's words."""

    def __init__(self, place: Place, oauth: OAuthServer, homes_count: int, calls_per_minute: int) -> None:
        super().__init__(place.base_path)
        self.clock = place.clock
        self.homes = VirtualHomes(homes_count, place.seed, place.weather, place.clock.fleet_now(), place.zone)
        self.oauth = oauth
        oauth.base_path, oauth.redirect_origins = self.base_path, place.redirect_origins
        self._window = CallWindow(calls_per_minute, 60.0)
        self._removed: set[int] = set()
        self._ignoring: dict[int, int] = {}
        self._kept = Kept(place.state_path, self.to_state)
        self._saved_at = self.homes.at

    def enter(self, request: Request) -> tuple[Token, Mapping[str, str]]:
        """Who calls, and the headers that say what is left; 401 without a good token, 429 beyond the limit."""
        token = self.oauth.bearer(request)
        is_allowed, headers = self._window.count(token.account_id, self.now.timestamp())
        if not is_allowed:
            fail(429, "too_many_calls", headers)
        self.advance()
        return token, headers

    def advance(self) -> None:
        """Let the homes live on to now; about once a fleet hour they are kept."""
        self.homes.advance(self.clock.fleet_now())
        if (self.homes.at - self._saved_at) // (self.homes.step * SAVE_EVERY_STEPS):
            self.save()

    def takes_effect(self, home: int) -> bool:
        """Whether a write reaches the home, or is one of those a test lets vanish."""
        left = self._ignoring.get(home, 0)
        self._ignoring[home] = max(0, left - 1)
        return left == 0

    # What survives a restart

    def to_state(self) -> dict[str, Any]:
        """What must survive a restart, as JSON-ready values."""
        return {"homes": self.homes.to_state(), "oauth": self.oauth.to_state()}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Go on where ``to_state`` left off."""
        self.homes.from_state(state["homes"])
        self.oauth.from_state(state["oauth"])
        self._saved_at = self.homes.at

    def load(self) -> None:
        """Take over what an earlier run kept, if it is of these homes; a subclass calls it when it is ready."""
        state = self._kept.load()
        if state is None:
            return
        if self.homes.can_go_on(state["homes"]):
            self.from_state(state)
        else:
            log.warning("the kept state is of other homes and is not used", path=str(self._kept.path))

    def save(self) -> None:
        """Write the state file; does nothing without one."""
        self._kept.save()
        self._saved_at = self.homes.at

    # What a demo or a test does from behind

    def home_of(self, external_device_id: str) -> int:
        """The home behind a device's id."""
        raise NotImplementedError

    def installer(self) -> tuple[str, str]:
        """E-mail address and password of the account that sees all homes."""
        raise NotImplementedError

    async def sign_in(self, session: aiohttp.ClientSession, step: SignInStep) -> Mapping[str, str]:
        """What the installer answers to ``step``."""
        assert isinstance(step, RedirectStep)
        return await sign_in_by_redirect(session, step.url, *self.installer())

    def remove_device(self, external_device_id: str) -> None:
        """Let a heat pump vanish from its account."""
        self._removed.add(self.home_of(external_device_id))

    def ignore_writes(self, external_device_id: str, times: int = 1) -> None:
        """Let the next accepted writes have no effect."""
        self._ignoring[self.home_of(external_device_id)] = times

    def revoke_all(self) -> None:
        """Let every owner withdraw consent."""
        for account in self.oauth.accounts:
            self.oauth.revoke(account.account_id)

    @property
    def now(self) -> datetime:
        """The homes' instant."""
        return self.clock.fleet_now()

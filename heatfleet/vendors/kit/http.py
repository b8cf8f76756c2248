"""The one HTTP way out for drivers: quota, retries, time limits, size limits, address check, error taxonomy.

All vendors share one aiohttp session (no cookies, no redirects, no proxies from the environment). A driver never makes
its own. Nothing logged or raised here holds a query, a body, a header or an account name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import aiohttp
import msgspec
import stamina
import structlog

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import OutsideWorldError, TryAgain
from heatfleet.vendors.kit.answers import Answer, Passing, fault_of, protocol_changed, rate_limit
from heatfleet.vendors.kit.driver import Grant
from heatfleet.vendors.kit.manifest import Manifest
from heatfleet.vendors.kit.network import GuardedResolver, Network, is_within, parse_networks
from heatfleet.vendors.kit.quota import Left, Purpose, Quota
from heatfleet.vendors.kit.redact import redact_url

TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5.0
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 100
ATTEMPTS = 3
LONGEST_WAIT_HERE_S = 2.0
UNREACHABLE_AFTER_S = 60.0
MAX_DOWN = 100_000

_NO_OUTAGE = ("token_stale", "quota_exceeded")

log = structlog.get_logger("heatfleet.vendors")


@dataclass(frozen=True)
class Call:
    """One call of a vendor's interface. ``accept`` lists failure statuses the driver wants to read itself."""

    method: str
    url: str
    account: str = field(repr=False)  # whose budget it uses
    purpose: Purpose = Purpose.READ
    token: str = field(default="", repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    accept: frozenset[int] = frozenset()
    is_idempotent: bool = False  # a write that may be repeated; GET always may

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method == "GET" or self.is_idempotent


def call_for(grant: Grant, method: str, url: str) -> Call:
    """A call with the bearer token and budget of ``grant``; all but GET are writes that may be repeated."""
    is_write = method != "GET"
    purpose = Purpose.WRITE if is_write else Purpose.READ
    token = grant.secret["access_token"]
    return Call(method, url, grant.account_id, purpose, token, is_idempotent=is_write)


class VendorSession:
    """The shared session; its ``http`` is the factory that :func:`.registry.load_registry` wants."""

    def __init__(
        self,
        clock: Clock,
        *,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        connections: int = MAX_CONNECTIONS,
        processes: int = 1,
        budgets_in_fleet_time: bool = False,
    ) -> None:
        """Open the session; needs a running event loop. One of ``processes`` takes its part of every budget.

        ``budgets_in_fleet_time`` = the vendors are emulated and live on the fleet clock, and so do their limits.
        """
        self._clock, self._processes = clock, processes
        self._budget_now = clock.fleet_now if budgets_in_fleet_time else clock.wall_now
        self._resolver = GuardedResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=self._resolver, limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout_s, connect=connect_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "heatfleet"},
        )

    def http(self, manifest: Manifest, config: Mapping[str, str]) -> VendorHttp:
        """The way out for one vendor; what ``config`` has under ``…_url`` and ``networks`` becomes trusted."""
        for key, value in config.items():
            if key.endswith("_url") and value:
                self._resolver.trust(value)
        quota = Quota(manifest.app_budgets, manifest.account_budgets, self._processes)
        http = VendorHttp(self._session, self._resolver, manifest, self._clock, quota)
        http.networks = parse_networks(config.get("networks", ""))
        http.budget_now = self._budget_now
        return http

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class VendorHttp:
    """Sends the calls of one vendor's driver within its budgets."""

    def __init__(
        self, session: aiohttp.ClientSession, resolver: GuardedResolver, manifest: Manifest, clock: Clock, quota: Quota
    ) -> None:
        self.clock = clock
        self.manifest = manifest
        self._session, self._resolver = session, resolver
        self.networks: tuple[Network, ...] = ()  # of the operator: here addresses typed by people may lead
        self.budget_now: Callable[[], datetime] = clock.wall_now  # the clock that the vendor's limits go by
        self._quota = quota
        self._down: set[str] = set()

    async def send(self, call: Call) -> Answer:
        """The answer with a success status (or one in ``call.accept``); else ``TryAgain`` or ``Refused``."""
        if not is_within(call.url, self.networks):
            self._resolver.check(call.url)
        try:
            answer = await self._send_repeating(call)
        except OutsideWorldError as fault:
            self._note_down(call, fault)
            raise
        self._note_up(call)
        return answer

    async def _send_repeating(self, call: Call) -> Answer:
        async for attempt in stamina.retry_context(
            on=lambda fault: _wait_here(fault, call), attempts=ATTEMPTS, timeout=TIMEOUT_S, wait_initial=0.2
        ):
            with attempt:
                return await self._send_once(call)
        raise AssertionError("unreachable: the last attempt raises")

    async def _send_once(self, call: Call) -> Answer:
        self._spend(call)
        try:
            answer = await self._exchange(call)
        except TimeoutError:
            raise TryAgain("no answer in time", after_s=UNREACHABLE_AFTER_S, code="timeout") from None
        except (aiohttp.ClientError, OSError) as fault:
            detail = f"cannot talk to {redact_url(call.url)}: {type(fault).__name__}"
            raise Passing(detail, after_s=UNREACHABLE_AFTER_S, code="unreachable") from None
        self._learn_limits(call, answer)
        problem = fault_of(answer.status, answer.headers, self.clock.wall_now())
        if problem is not None and answer.status not in call.accept:
            raise problem
        return answer

    async def _exchange(self, call: Call) -> Answer:
        headers = dict(call.headers)
        body: bytes | aiohttp.FormData | None = None
        if call.token:
            headers["Authorization"] = f"Bearer {call.token}"
        if call.json is not None:
            headers.setdefault("Content-Type", "application/json")
            body = msgspec.json.encode(call.json)
        elif call.form is not None:
            body = aiohttp.FormData(dict(call.form))
        async with self._session.request(
            call.method, call.url, params=dict(call.params), data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await _read(response)
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)

    def quota_left(self, account: str) -> Left:
        """What this process still lets out for the account, as far as it knows."""
        return self._quota.left(account, self._now_s())

    def _spend(self, call: Call) -> None:
        wait_s = self._quota.take(call.account, call.purpose, self._now_s())
        if wait_s > 0:
            raise TryAgain("the call budget is used up", after_s=wait_s, code="quota_exceeded")

    def _learn_limits(self, call: Call, answer: Answer) -> None:
        scope = None if self.manifest.is_quota_header_per_app else call.account
        now_s = self._now_s()
        if answer.status == 429:
            fault = fault_of(429, answer.headers, self.clock.wall_now())
            assert isinstance(fault, TryAgain)
            self._quota.block(scope, now_s + fault.after_s, now_s)
        elif limit := rate_limit(answer.headers):
            self._quota.told(scope, limit.limit, limit.remaining, limit.reset_s, now_s)

    def _now_s(self) -> float:
        return self.budget_now().timestamp()

    def _note_down(self, call: Call, fault: OutsideWorldError) -> None:
        is_outage = isinstance(fault, TryAgain) and fault.code not in _NO_OUTAGE
        if is_outage and call.account not in self._down and len(self._down) < MAX_DOWN:
            self._down.add(call.account)
            log.warning("vendor account down", **self._names(call), code=fault.code, detail=fault.detail)

    def _note_up(self, call: Call) -> None:
        if call.account in self._down:
            self._down.discard(call.account)
            log.info("vendor account up", **self._names(call))

    def _names(self, call: Call) -> dict[str, str]:
        return {"vendor": self.manifest.name, "account": sha256(call.account.encode()).hexdigest()[:8]}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise protocol_changed(f"an answer of more than {MAX_BODY_BYTES} bytes")
    return bytes(content)


def _wait_here(fault: Exception, call: Call) -> bool | float:
    """Whether to repeat the call at once, and after how long [s]."""
    if not isinstance(fault, Passing) or not call.may_repeat:
        return False
    if fault.here_s is None:
        return True
    return fault.here_s if fault.here_s <= LONGEST_WAIT_HERE_S else False

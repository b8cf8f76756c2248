"""``/metrics`` for Prometheus: requests of this process, its pool and itself, and the fleet's figures.

Each process counts its own requests: scrape every one. The fleet's figures are the same from each.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from typing import Any, Final

from litestar import Response, get
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from heatfleet.api.call import ApiRequest, ApiResponse, call_of
from heatfleet.api.services import Services
from heatfleet.domain.errors import Forbidden
from heatfleet.store import fleet_figures
from heatfleet.store.database import FLEET
from heatfleet.store.fleet_figures import Figure

KEPT_S: Final = 15.0
_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
_FIGURES: Final = {
    "jobs": ("Jobs in the queue.", "status"),
    "due_polls": ("Heat pumps whose reading is due.", None),
    "heat_pumps": ("Heat pumps, deleted ones apart.", "steering_status"),
    "commands": ("Commands of the last hour.", "status"),
    "telemetry_rows": ("Telemetry rows written to the weeks that are kept.", None),
}
Observe = Callable[[float], None]


class Metrics(Collector):
    """What this process counts; ``note`` is called once per request."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.in_progress = 0
        self._bound: dict[tuple[str, int], tuple[Callable[[], None], Observe]] = {}
        self._figures, self._figures_until_s = list[Figure](), float("-inf")
        self._refreshing = asyncio.Lock()
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "heatfleet_requests", "Requests answered.", ("operation", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "heatfleet_request_seconds", "Time to the answer.", ("operation",), buckets=_BUCKETS_S,
            registry=self.registry,
        )  # fmt: skip
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def note(self, scope: Any, status: int, seconds: float) -> None:
        """One answered request; operations are named by their ids, everything else is ``other``."""
        handler = scope.get("route_handler")
        doc = None if handler is None else handler.opt.get("doc")
        key = ("other" if doc is None else doc.id, status // 100)
        bound = self._bound.get(key) or self._bind(*key)
        bound[0]()
        bound[1](seconds)

    def _bind(self, operation: str, status_class: int) -> tuple[Callable[[], None], Observe]:
        bound = self._requests.labels(operation, f"{status_class}xx").inc, self._durations.labels(operation).observe
        self._bound[operation, status_class] = bound
        return bound

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is known without counting."""
        pool = self._services.database.pool
        yield GaugeMetricFamily("heatfleet_requests_in_progress", "Requests being answered.", self.in_progress)
        connections = GaugeMetricFamily("heatfleet_database_connections", "Of the pool.", labels=("state",))
        connections.add_metric(("idle",), pool.get_idle_size())
        connections.add_metric(("used",), pool.get_size() - pool.get_idle_size())
        yield connections
        yield GaugeMetricFamily("heatfleet_database_connections_max", "Most the pool opens.", pool.get_max_size())
        yield from _families(self._figures)

    async def text(self) -> bytes:
        """The page."""
        loop = asyncio.get_running_loop()
        async with self._refreshing:
            if loop.time() >= self._figures_until_s:
                clock = self._services.clock
                async with self._services.database.read(FLEET) as tx:
                    self._figures = await fleet_figures.figures(tx, clock.fleet_now(), clock.wall_now())
                self._figures_until_s = loop.time() + KEPT_S
        return generate_latest(self.registry)


def _families(figures: Iterable[Figure]) -> Iterator[GaugeMetricFamily]:
    found = list(figures)
    for name, (words, label) in _FIGURES.items():
        family = GaugeMetricFamily(f"heatfleet_{name}", words, labels=(label,) if label else ())
        for figure in found:
            if figure.name == name:
                family.add_metric((figure.label,) if label else (), figure.value)
        yield family


@get("/metrics")
async def metrics(request: ApiRequest) -> ApiResponse:
    """The page, for callers with the token or, while none is set, from private addresses."""
    call = call_of(request)
    _allow(call.services.metrics_token, request.headers.get("authorization", ""), call.address)
    return Response(await request.app.state.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _allow(token: str | None, authorization: str, address: str) -> None:
    if token is not None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise Forbidden("Send the metrics token: Authorization: Bearer ….")
    elif not _is_private(address):
        raise Forbidden("Metrics are served to private addresses only, unless a token is set.")


def _is_private(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False


HANDLERS = (metrics,)

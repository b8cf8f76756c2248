"""The metrics page: what it counts, that it names nobody, and who may read it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from heatfleet.api.metrics import _allow
from heatfleet.domain.errors import Forbidden
from tests.api_server import Api


async def page(api: Api) -> str:
    answer = await api.call("GET", "//metrics", token=None)
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return answer.body.decode()


async def test_requests_are_counted_by_operation_and_status_class(api: Api) -> None:
    user_id = await api.user()
    for wanted in (user_id, user_id, api.org_id):
        await api.call("GET", f"/org/{api.org_id}/users/{wanted}")
    await api.call("GET", "/nothing")
    text = await page(api)
    assert 'heatfleet_requests_total{operation="retrieve_user",status="2xx"} 2.0' in text
    assert 'heatfleet_requests_total{operation="retrieve_user",status="4xx"} 1.0' in text
    assert 'heatfleet_requests_total{operation="other",status="4xx"} 1.0' in text
    assert 'heatfleet_request_seconds_count{operation="retrieve_user"} 3.0' in text
    assert "heatfleet_requests_in_progress 1.0" in text


async def test_the_fleet_is_told_without_ids(api: Api) -> None:
    await api.pump(await api.user())
    text = await page(api)
    assert 'heatfleet_heat_pumps{steering_status="unknown"} 1.0' in text
    for name in ("jobs", "due_polls", "commands", "telemetry_rows", "database_connections", "database_connections_max"):
        assert f"\n# TYPE heatfleet_{name} gauge" in text
    assert "process_cpu_seconds_total" in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)


async def test_the_fleets_figures_are_asked_for_once_in_a_while(api: Api) -> None:
    before = await page(api)
    await api.pump(await api.user())
    assert re.findall("heatfleet_heat_pumps.*", before) == re.findall("heatfleet_heat_pumps.*", await page(api))


@pytest.mark.parametrize(
    ("token", "sent", "address", "is_allowed"),
    [
        (None, "", "127.0.0.1", True),
        (None, "", "10.1.2.3", True),
        (None, "", "fd00::1", True),
        (None, "", "8.8.8.8", False),
        (None, "", "", False),
        ("s3cret", "Bearer s3cret", "8.8.8.8", True),
        ("s3cret", "Bearer other", "127.0.0.1", False),
        ("s3cret", "", "127.0.0.1", False),
    ],
)
def test_who_may_read_metrics(token: Any, sent: str, address: str, is_allowed: bool) -> None:
    if is_allowed:
        _allow(token, sent, address)
    else:
        with pytest.raises(Forbidden):
            _allow(token, sent, address)

"""The bench runs, small, and says what it measured."""

from __future__ import annotations

import json

from heatfleet.bench.api import run


def test_bench_api_runs_and_names_its_reference() -> None:
    measured = json.loads(json.dumps(run(requests=160, rounds=1, pumps=5)))
    operations = {"get_one", "list_100", "put"}
    assert set(measured["cpu_us_per_request"]) == {"token"} | operations | {f"floor_{name}" for name in operations}
    assert measured["reference"].startswith("floor")
    assert all(0.5 < measured["to_floor"][name] < 20 for name in operations)

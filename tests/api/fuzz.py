"""Schemathesis against the real server: every operation of the schema, with ids that exist in most of the cases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from heatfleet.api.openapi import build_openapi
from heatfleet.api.routes import HANDLERS
from heatfleet.store.database import open_database
from heatfleet.store.embedded import APP, DATABASE, OWNER, SUPERUSER, EmbeddedPostgres
from heatfleet.store.ids import new_id
from tests.api_server import Api, running_api
from tests.conftest import START_AT, FakeClock, make_organisation
from tests.support import FUZZ, FakeVendors

SCHEMA = build_openapi(HANDLERS)
CROSS_FIELD = {
    "register_heat_pump": "comfort, pause and away rules; ids that must exist",
    "update_heat_pump": "comfort, pause and away rules; ids that must exist",
    "patch_heat_pump": "comfort, pause and away rules; ids that must exist",
    "create_device_onboarding": "user_id must exist, URLs must be https",
    "resolve_reauthentication": "URLs must be https",
    "create_user": "countries are those of ISO 3166",
    "update_user": "countries are those of ISO 3166",
    "patch_user": "countries are those of ISO 3166",
    "create_building": "countries are those of ISO 3166",
    "update_building": "countries are those of ISO 3166",
    "patch_building": "countries are those of ISO 3166",
    "update_settings": "hosts, zones and currencies that there are, comfort rules",
    "patch_settings": "hosts, zones and currencies that there are, comfort rules",
    "create_energy_contract": "currencies of ISO 4217, prices in order, ids that must exist",
    "update_energy_contract": "currencies of ISO 4217, prices in order, ids that must exist",
    "patch_energy_contract": "currencies of ISO 4217, prices in order, ids that must exist",
    "retrieve_plan": "from before to",
    "list_commands": "from before to",
    "list_telemetry": "from before to, lists of known words",
    "retrieve_statistics": "lists of known words",
    "retrieve_savings": "from before to, lists of known words",
    "list_audit": "from before to",
    "create_grid_limit": "times that are to come, ids that must exist, a group or a building",
    "retrieve_grid_limit": "instants of our centuries",
}
"""Operations whose valid data may be 422, and by which rule the schema cannot say."""
TIMES = {"starts_at": START_AT.isoformat(), "ends_at": (START_AT + timedelta(hours=1)).isoformat()}
_ACCEPTED = ["2xx", "401", "403", "404", "409", "412", "429"]
CONFIG: dict[str, Any] = {
    "generation": {"allow-x00": False},
    "checks": {"positive_data_acceptance": {"expected-statuses": _ACCEPTED}},
    "operations": [
        {
            "include-operation-id": name,
            "checks": {"positive_data_acceptance": {"expected-statuses": [*_ACCEPTED, "400", "422"]}},
        }
        for name in (*CROSS_FIELD, "create_token")
    ],
}

SETTINGS = settings(
    max_examples=FUZZ.examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=FUZZ.examples <= 10
)


DOCUMENT = schemathesis.openapi.from_dict(SCHEMA, config=SchemathesisConfig.from_dict(CONFIG))
OPERATIONS = {found.ok().definition.raw["operationId"]: found.ok() for found in DOCUMENT.get_all_operations()}


def look_at(operation: Any, server: Server) -> None:
    """Every border case the schema names, then random valid and random invalid ones; all checks on all answers."""
    modes = list(GenerationMode)
    config = DOCUMENT.config.generation_for(operation=operation, phase="coverage")
    for case in DOCUMENT.iter_coverage_cases(operation, generation_modes=modes, generation_config=config):
        server.try_out(case)
    for mode in modes:
        strategy = operation.as_strategy(generation_mode=mode)
        with suppress(Unsatisfiable):  # nothing can be wrong where nothing is taken

            @SETTINGS
            @given(strategy)
            def send(case: Any) -> None:
                server.try_out(case)

            send()


class Server:
    """The API, served from a thread with its own loop, and one organisation at a time to try things on."""

    def __init__(self, api: Api, loop: asyncio.AbstractEventLoop) -> None:
        self.api, self._loop, self.session = api, loop, requests.Session()
        self.ids: dict[str, str] = {}
        self.secret = self.token = ""

    @property
    def headers(self) -> dict[str, str]:
        """Who calls: an administrator of the organisation."""
        return {"Authorization": f"Bearer {self.token}"}

    def wait(self, coroutine: Any) -> Any:
        """What the coroutine returns when it runs in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def renew(self) -> None:
        """A new organisation with one of everything the schema can create."""
        org_id = self.wait(make_organisation(self.api.services.database, f"Fuzz {new_id()}"))
        self.api.org_id = org_id
        self.token, self.ids = self.api.token(), {"org_id": str(org_id)}
        self.ids["user_id"] = str(self.wait(self.api.user()))
        for path in SCHEMA["paths"]:
            parent, _, last = path.rpartition("/")
            if last.startswith("{") and last[1:-1] not in self.ids and "post" in SCHEMA["paths"].get(parent, {}):
                self.ids[last[1:-1]] = self._create(parent)
        self._make_cue()

    def _create(self, path: str) -> str:
        (content,) = SCHEMA["paths"][path]["post"]["requestBody"]["content"].values()
        example = {**content["examples"]["example"]["value"]}
        known = self.ids | {"heat_pump_ids": [self.ids.get("heat_pump_id")], "connected_power_w": {}, **TIMES}
        example |= {name: value for name, value in known.items() if name in example}
        made = self.session.post(self.api.url + path.format(**self.ids), json=example, headers=self.headers)
        assert made.status_code == 200, f"the schema's own example for {path} is refused: {made.text}"
        return str(made.json()["id"])

    def _make_cue(self) -> None:
        self.ids["cue_id"] = str(new_id())
        self.wait(self._insert_cue())
        path = "/api/partners/v2.0/org/{org_id}/users/{user_id}/heat-pumps/{heat_pump_id}".format(**self.ids)
        actions = self.session.get(self.api.url + path, headers=self.headers).json()["actions"]
        (link,) = (a["resolution_link"]["url"] for a in actions if self.ids["cue_id"] in a["resolution_link"]["url"])
        (self.secret,) = parse_qs(urlsplit(link).query)["secret"]

    async def _insert_cue(self) -> None:
        async with self.api.services.database.write(self.api.org_id) as tx:
            await tx.execute(
                "insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at) values ($1, $2, $3, $4, $5, $6)",
                self.ids["cue_id"], self.api.org_id, self.ids["heat_pump_id"], "reauthenticate", {}, START_AT,
            )  # fmt: skip

    def fill(self, case: Any) -> None:
        """Existing ids into a valid case, in seven of eight; the secret of the action likewise."""
        if case.meta is None or _is_negative(case):
            return
        keep = str(case.path_parameters)[-3:-2] in {"0", "1"}
        if case.path_parameters and not keep:
            case.path_parameters.update({name: self.ids[name] for name in case.path_parameters if name in self.ids})
        if not keep and isinstance(case.query, dict) and "{cue_id}" in case.operation.path:
            case.query["secret"] = self.secret
        if isinstance(case.body, dict) and "user_id" in case.body and not keep:
            case.body["user_id"] = self.ids["user_id"]

    def try_out(self, case: Any) -> None:
        """Sends the case and checks the answer against the schema by every check there is."""
        self.fill(case)
        response = case.call_and_validate(base_url=self.api.url, session=self.session, headers=self.headers)
        if case.operation.method.upper() == "DELETE" and response.status_code < 300:
            self.renew()


def _is_negative(case: Any) -> bool:
    part = case.meta.components.get(ParameterLocation.PATH)
    return part is not None and part.mode is GenerationMode.NEGATIVE


@contextmanager
def serving_in_a_thread(postgres: EmbeddedPostgres, key_file: Path) -> Iterator[Server]:
    """The server on a database of its own."""
    ready, done = Future[Server](), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        name = f"fuzz_{new_id().hex}"
        admin = await asyncpg.connect(postgres.dsn(SUPERUSER, "postgres"))
        await admin.execute(f"create database {name} template {DATABASE} owner {OWNER} strategy file_copy")
        database = await open_database(postgres.dsn(APP, name), max_size=10)
        clock = FakeClock(START_AT)
        async with running_api(database, clock, new_id(), key_file, FakeVendors(), 10_000_000) as api:
            ready.set_result(Server(api, loop))
            await done.wait()
        await database.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()

    def work() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = _start(work)
    server = ready.result(60)
    try:
        yield server
    finally:
        server.session.close()
        loop.call_soon_threadsafe(done.set)
        thread.join(30)


@pytest.fixture(scope="module")
def fuzzed_server(postgres: EmbeddedPostgres, key_file: Path) -> Iterator[Server]:
    """The API in a thread, for tests that are not asynchronous."""
    with serving_in_a_thread(postgres, key_file) as running:
        yield running


@pytest.fixture
def server(fuzzed_server: Server) -> Server:
    """The API with a new organisation that has one of everything."""
    fuzzed_server.renew()
    return fuzzed_server


def _start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name="api", daemon=True)
    thread.start()
    return thread

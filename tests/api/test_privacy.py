"""A person leaves: what is deleted at once, what is given back first, what is exported, and that nothing stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from heatfleet.domain.errors import TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Plan, PlanStep, Reason
from heatfleet.domain.time_grid import MTU, floor_mtu
from heatfleet.flows import privacy
from heatfleet.flows.keep import refresh_consumption
from heatfleet.flows.monitor import monitor
from heatfleet.flows.release import count_owed, release
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import jobs, plans, revocations
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import Consent, insert_consent
from heatfleet.vendors.kit.driver import Grant
from heatfleet.vendors.kit.grants import grant_aad, seal
from tests.api_server import Api
from tests.conftest import FakeClock
from tests.flows.test_steer import KEYS, OWN, FakeDriver
from tests.store.worlds import add_connection, add_pump

EMAIL, NAME, PASSWORD_HASH = "ada_l%@example.com", "Adalovelace", "argon2-of-ada"
TOKEN = "the-vendors-token"


@dataclass
class Life:
    """One person with everything a person can have."""

    api: Api
    database: Database
    clock: FakeClock
    driver: FakeDriver
    tools: Tools
    user_id: UUID
    pump_id: UUID

    @property
    def path(self) -> str:
        return f"/org/{self.api.org_id}/users/{self.user_id}"

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        async with self.database.read(FLEET) as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def steered(self) -> None:
        """Their heat pump holds something of ours."""
        start = floor_mtu(self.clock.now)
        steps = [
            PlanStep(start + n * MTU, SteeringState.MIN, True, 1.0, 21, 48, 0.3, Reason.DEAR_NOW) for n in range(24)
        ]
        async with self.database.write(FLEET) as tx:
            version = await tx.value("select policy_version from heat_pumps where id = $1", self.pump_id)
            await plans.replace(tx, {self.pump_id: Plan(tuple(steps), start, 1, version)})
        await steer(self.tools)
        await self.minutes(8)

    async def minutes(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        await monitor(self.tools)

    async def do(self, name: JobName) -> None:
        """What the worker does with the jobs of one name."""
        found = await jobs.claim(self.database, 100, names=[name])
        if name is JobName.ERASE:
            await privacy.erase(self.tools, [job.payload for job in found])
        else:
            await release(self.tools, [UUID(job.payload["heat_pump_id"]) for job in found])
        await jobs.finish(self.database, found)


@pytest.fixture
async def life(api: Api, database: Database, clock: FakeClock) -> Life:
    body = {"email": EMAIL, "role": "user", "first_name": NAME, "last_name": NAME, "external_user_id": f"crm-{NAME}"}
    made = await api.call("POST", f"/org/{api.org_id}/users", body, headers={"Idempotency-Key": "make-ada"})
    user_id = UUID(made.body["id"])
    connection = await add_connection(database, api.org_id, user_id, b"", clock.now)
    sealed = seal(Grant("account", {"token": TOKEN}), KEYS, grant_aad(api.org_id, connection, "sandbox"))
    async with database.write(FLEET) as tx:
        await tx.execute("update connections set grant_sealed = $1, account_id = $2", sealed, EMAIL)
        await tx.execute("update users set password_hash = $1", PASSWORD_HASH)
    driver = FakeDriver(clock)
    tools = Tools(database, clock, driver, KEYS)
    pump_id = await add_pump(database, api.org_id, (user_id, connection), clock.now)
    found = Life(api, database, clock, driver, tools, user_id, pump_id)
    await monitor(tools)
    home = (await api.call("POST", f"{found.path}/buildings", {"name": f"{NAME}'s", "town": NAME})).body["id"]
    contract = {"energy_contract_type": "yearly", "energy_prices": [], "supplier": NAME, "building_id": home}
    assert (await api.call("POST", f"{found.path}/energy-contracts", contract)).status == 200
    settings = {"comment": NAME, "building_id": home}
    assert (await api.call("PUT", f"{found.path}/heat-pumps/{pump_id}", settings)).status == 200
    session = {
        "language": "en", "price_zone_default": "AT", "success_url": f"https://a.example/{NAME}",
        "cancel_url": "https://a.example", "user_id": str(user_id),
    }  # fmt: skip
    key = {"Idempotency-Key": "connect-ada"}
    assert (await api.call("POST", "/device-onboarding", session, headers=key)).status == 200
    async with database.write(FLEET) as tx:
        consent = Consent(user_id, pump_id, "sandbox", ["read"], "en", "1")
        await insert_consent(tx, api.org_id, consent, clock.now)
        cue = "insert into cues (id, org_id, heat_pump_id, code, sent_at) values ($1, $2, $3, 'information', $4)"
        await tx.execute(cue, new_id(), api.org_id, pump_id, clock.now)
        event = "insert into events (id, org_id, at, type, payload) values ($1, $2, $3, 'user', $4)"
        await tx.execute(event, new_id(), api.org_id, clock.now, {"email": EMAIL})
        await tx.execute("insert into refresh_tokens (token_sha256, org_id, user_id, family_id, expires_at)"
                         " values ('x', $1, $2, $2, $3)", api.org_id, user_id, clock.now)  # fmt: skip
    await found.steered()
    await refresh_consumption(tools)
    return found


# Deletion


async def test_deletion_takes_everything_along_and_is_seen_when_asked_for(life: Life) -> None:
    api, one = life.api, life.path
    version = (await api.call("GET", one)).headers["etag"]
    assert (await api.call("DELETE", one, headers={"If-Match": '"99"'})).status == 412
    assert (await api.call("DELETE", one, headers={"If-Match": version})).status == 204
    assert (await api.call("GET", one)).status == 404
    assert (await api.call("DELETE", one)).status == 404
    assert (await api.call("GET", f"{one}?include_deleted=true")).body["deleted_at"] is not None
    users = f"/org/{api.org_id}/users"
    assert (await api.call("GET", users)).body == []
    assert [u["id"] for u in (await api.call("GET", f"{users}?include_deleted=true")).body] == [str(life.user_id)]
    for things in ("buildings", "energy-contracts", "heat-pumps"):
        assert (await api.call("GET", f"{one}/{things}")).status == 404
        (thing,) = (await api.call("GET", f"{one}/{things}?include_deleted=true")).body
        assert thing["deleted_at"] is not None, things
        assert (await api.call("GET", f"{one}/{things}/{thing['id']}")).status == 404
        assert (await api.call("GET", f"{one}/{things}/{thing['id']}?include_deleted=true")).status == 200
    assert await life.rows("select distinct state, step from onboarding_sessions") == [("cancelled", {})]
    assert await life.rows("select count(*) from refresh_tokens where revoked_at is null") == [(0,)]
    assert await life.rows("select count(*) from users where password_hash is not null") == [(0,)]


async def test_the_email_can_be_used_again(life: Life) -> None:
    users = f"/org/{life.api.org_id}/users"
    again = {"email": EMAIL, "role": "user"}
    assert (await life.api.call("POST", users, again)).status == 409
    await life.api.call("DELETE", life.path)
    assert (await life.api.call("POST", users, again)).status == 200


async def test_settings_are_given_back_before_the_grant_is_forgotten(life: Life) -> None:
    assert life.driver.settings != OWN
    assert (await life.api.call("DELETE", life.path)).status == 204
    assert await life.rows("select grant_sealed is null from connections") == [(False,)]
    await life.do(JobName.RELEASE)
    await life.minutes(8)
    assert life.driver.settings == OWN
    assert await count_owed(life.tools) == 0
    assert await life.rows("select grant_sealed, status, error_code from connections") == [(None, "lost", "forgotten")]
    assert await life.rows("select count(*) from polls") == [(0,)]


async def test_a_deleted_pumps_grant_is_kept_while_another_needs_it(life: Life) -> None:
    ((connection,),) = await life.rows("select id from connections")
    other = await add_pump(life.database, life.api.org_id, (life.user_id, connection), life.clock.now)
    await life.api.call("DELETE", f"{life.path}/heat-pumps/{life.pump_id}")
    await life.do(JobName.RELEASE)
    await life.minutes(8)
    assert await life.rows("select grant_sealed is null, status from connections") == [(False, "ok")]
    await life.api.call("DELETE", f"{life.path}/heat-pumps/{other}")
    await life.minutes(8)
    assert await life.rows("select grant_sealed is null from connections") == [(True,)]


async def test_who_may_delete_whom(api: Api) -> None:
    staff, admin, user, other = [await api.user(role) for role in ("staff", "admin", "user", "user")]
    users = f"/org/{api.org_id}/users"
    by_staff, by_admin = api.token("staff", staff), api.token("admin", admin)
    assert (await api.call("DELETE", f"{users}/{admin}", token=by_staff)).status == 403
    assert (await api.call("DELETE", f"{users}/{other}", token=api.token("user", user))).status == 404
    assert (await api.call("DELETE", f"{users}/{other}", token=by_staff)).status == 204
    assert (await api.call("DELETE", f"{users}/{user}", token=api.token("user", user))).status == 204
    assert (await api.call("DELETE", f"{users}/{admin}", token=by_admin)).status == 409, "the last admin"
    assert (await api.call("GET", f"{users}/{admin}")).status == 200
    assert (await api.call("DELETE", f"{users}/{admin}")).status == 204, "a client may"
    assert (await api.call("DELETE", f"{users}/{new_id()}?erase=true")).status == 404


# Export


async def test_the_export_holds_everything_and_no_secret(life: Life) -> None:
    raw = await life.api.call("GET", f"{life.path}/export")
    assert raw.status == 200
    assert raw.headers["content-type"] == "application/json"
    found = raw.body
    empty = {section for section, rows in found.items() if not rows}
    assert empty <= {
        "thermal_models", "energy_hours", "score_days", "grid_limit_shares", "grid_limit_evidence",
    }, empty  # fmt: skip
    assert found["user"][0]["email"] == EMAIL
    assert found["heat_pumps"][0]["own_settings"]["curve_offset_k"] == 0
    assert found["connections"][0]["account_id"] == EMAIL
    assert "step" not in found["onboarding_sessions"][0]
    assert found["telemetry"][0]["indoor_temp_c"] == 21.5
    assert found["telemetry"][0]["at"].endswith("Z")
    assert len(found["plan_steps"]) == 24
    assert {entry["action"] for entry in found["audit"]} >= {"create", "change", "export"}
    text = msgspec.json.encode(found).decode()
    ((sealed,),) = await life.rows("select encode(grant_sealed, 'base64') from connections")
    for secret in (PASSWORD_HASH, TOKEN, sealed[:40], "password_hash", "grant_sealed", "token_sha256"):
        assert secret not in text, secret


async def test_the_export_is_whole_however_many_rows_and_weeks(life: Life) -> None:
    first = life.clock.now - timedelta(days=60)
    async with life.database.write(FLEET) as tx:
        days = [first + timedelta(days=n) for n in range(60)]
        await tx.fetch("select ensure_week(at) from unnest($1::timestamptz[]) at", days)
        await tx.execute(
            "insert into telemetry (heat_pump_id, org_id, at, power_kw) select $1, $2, at, 1 from"
            " unnest($3::timestamptz[]) at", life.pump_id, life.api.org_id, days,
        )  # fmt: skip
        await tx.execute(
            "insert into energy_hours (heat_pump_id, org_id, hour_at, energy_kwh, quality) select $1, $2, at, 1,"
            " 'measured' from unnest($3::timestamptz[]) at", life.pump_id, life.api.org_id, days,
        )  # fmt: skip
        await tx.execute(
            "insert into audit (id, org_id, actor, action, object_kind, object_id) select gen_random_uuid(), $1, 'x',"
            " 'look', 'user', $2 from generate_series(1, 1201)", life.api.org_id, life.user_id,
        )  # fmt: skip
    counts = {}
    for table in ("telemetry", "energy_hours"):
        ((counts[table],),) = await life.rows(f"select count(*) from {table}")
    found = (await life.api.call("GET", f"{life.path}/export")).body
    assert {table: len(found[table]) for table in counts} == counts
    assert sum(entry["action"] == "look" for entry in found["audit"]) == 1201


async def test_who_may_export_whom(life: Life) -> None:
    api = life.api
    staff, admin = await api.user("staff"), await api.user("admin")
    assert (await api.call("GET", f"{life.path}/export", token=api.token("user", life.user_id))).status == 200
    assert (await api.call("GET", f"{life.path}/export", token=api.token("user", staff))).status == 404
    path = f"/org/{api.org_id}/users/{admin}/export"
    assert (await api.call("GET", path, token=api.token("staff", staff))).status == 403
    assert (await api.call("GET", f"/org/{api.org_id}/users/{new_id()}/export")).status == 404
    await api.call("DELETE", life.path)
    assert (await api.call("GET", f"{life.path}/export")).status == 200, "as long as it is there"


# Erasure


async def left_of(life: Life, names: list[str]) -> dict[str, int]:
    """In how many rows of which table one of ``names`` stands."""
    tables = await life.rows(
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
        " and has_table_privilege(quote_ident(table_name), 'select')"
    )
    found = {}
    for (table,) in tables:
        texts = "t::text ilike any($1)"
        if table == "pgqueuer":
            texts += " or convert_from(payload, 'UTF8') ilike any($1)"
        if table == "idempotency_keys":
            texts += " or encode(answer, 'escape') ilike any($1)"
        sql = f'select count(*) from "{table}" t where {texts}'
        ((count,),) = await life.rows(sql, [f"%{name}%" for name in names])
        if count:
            found[table] = count
    return found


async def test_nothing_of_an_erased_person_is_left(life: Life) -> None:
    names = [EMAIL.replace("_", r"\_").replace("%", r"\%"), NAME, str(life.user_id), str(life.pump_id)]
    assert len(await left_of(life, names)) > 15
    assert (await life.api.call("DELETE", f"{life.path}?erase=true")).status == 204
    with pytest.raises(TryAgain):
        await life.do(JobName.ERASE)
    assert (await life.api.call("GET", f"{life.path}?include_deleted=true")).status == 200, "not restored yet"
    await life.do(JobName.RELEASE)
    await life.minutes(8)
    assert life.driver.settings == OWN
    await erased(life)
    assert set(await left_of(life, names)) <= {"audit"}
    assert set(await left_of(life, names[:2])) == set()
    about = await life.rows(
        "select count(*), count(before), count(after) from audit where object_id = any($1)",
        [life.user_id, life.pump_id],
    )
    assert about[0][0] > 3
    assert about[0][1:] == (0, 0)
    assert (await life.api.call("GET", f"{life.path}?include_deleted=true")).status == 404
    assert (await life.api.call("DELETE", f"{life.path}?erase=true")).status == 404


async def erased(life: Life) -> None:
    """Erasure runs; access tokens stay refused until none could live, then that is forgotten, too."""
    payload = {"org_id": str(life.api.org_id), "user_id": str(life.user_id), "until": life.clock.wall.isoformat()}
    with pytest.raises(TryAgain):
        await privacy.erase(life.tools, [payload])
    assert await life.rows("select count(*) from users") == [(0,)]
    life.clock.advance(revocations.LONGEST_LIFE)
    await privacy.erase(life.tools, [payload])
    await privacy.erase(life.tools, [payload])
    async with life.database.write(FLEET) as tx:
        await tx.execute("delete from pgqueuer where entrypoint = 'erase'")


async def test_a_deaf_pump_holds_up_erasure_for_a_day_only(life: Life) -> None:
    await life.api.call("DELETE", f"{life.path}?erase=true")
    (job,) = await jobs.claim(life.database, 10, names=[JobName.ERASE])
    life.clock.advance(timedelta(hours=23, minutes=59))
    with pytest.raises(TryAgain):
        await privacy.erase(life.tools, [job.payload])
    assert await life.rows("select count(*) from users") == [(1,)]
    life.clock.advance(timedelta(minutes=1))
    await privacy.erase(life.tools, [job.payload])
    assert await life.rows("select count(*) from users") == [(0,)]


async def test_a_deleted_person_can_be_erased_later_and_others_stay(life: Life) -> None:
    other = await life.api.user()
    await life.api.pump(other)
    await life.api.call("DELETE", life.path)
    assert await jobs.claim(life.database, 10, names=[JobName.ERASE]) == []
    assert (await life.api.call("DELETE", f"{life.path}?erase=true")).status == 204
    (job,) = await jobs.claim(life.database, 10, names=[JobName.ERASE])
    life.clock.advance(timedelta(days=1))
    await privacy.erase(life.tools, [job.payload])
    assert await life.rows("select id from users") == [(other,)]
    assert await life.rows("select user_id from heat_pumps") == [(other,)]
    ((kept,),) = await life.rows("select count(after) from audit where object_id = $1", other)
    assert kept == 1

"""What is intended with a heat pump and what was sent to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.heat_pumps import ONE
from heatfleet.api.languages import best_language
from heatfleet.api.operation import PAGE, Doc, answer, operation, page
from heatfleet.api.parse import Query
from heatfleet.api.pump_reads import FROM, TO, living_pump, require_order, take_window
from heatfleet.auth.permissions import Right
from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.errors import Invalid
from heatfleet.domain.price_zones import PriceZone, zone_time
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import MTU, STEP_H, TimeGrid, floor_mtu
from heatfleet.flows.toolbox_words import Words
from heatfleet.store import carbon, commands, plans, prices
from heatfleet.store.commands import Command
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.plans import OutlookRow, PlanRow
from heatfleet.store.sites import Site, sites
from heatfleet.vendors.kit.redact import redact

_TAG = "Plans"
MOST_DAYS = timedelta(days=31)
METERS = {Channel.POWER_KW, Channel.ENERGY_KWH}
State = Literal["min", "low", "mid", "max"]


class Why(Struct, kw_only=True):
    """Why a step is planned as it is."""

    code: str
    text: Annotated[str, Meta(description="One sentence for people, in the language of Content-Language.")]


class OwnControl(Struct, kw_only=True):
    """The same market time unit if the heat pump were left alone, as the home's model expects it."""

    expected_power_w: int
    expected_indoor_temperature: float
    expected_dhw_temperature: float | None
    cost: float | None


class PlanStepOutput(Struct, kw_only=True):
    """One market time unit of the plan; what is not known is null."""

    start: datetime
    end: datetime
    steering_state: Annotated[
        State, Meta(description="Of the heating, or of the cooling where `cooling` is true: min = off, max = coldest.")
    ]
    hot_water: Annotated[bool, Meta(description="Whether the tank is charged.")]
    cooling: Annotated[
        bool, Meta(description="Whether `steering_state` is asked of the cooling; a home heats or cools on a day.")
    ] = False
    pool_heating: Annotated[
        bool | None,
        Meta(description="Whether the pool is heated now or waits; null where it follows its own programme."),
    ] = None
    expected_power_w: int
    expected_indoor_temperature: float | None
    expected_dhw_temperature: float | None
    expected_pool_temperature: Annotated[float | None, Meta(description="null where the pool is not planned.")] = None
    price: Annotated[float | None, Meta(description="What the owner pays, currency/kWh.")]
    currency: Annotated[str, Meta(description="ISO 4217")]
    cost: Annotated[float | None, Meta(description="Of the expected electricity, in the currency.")]
    cost_of_not_acting: Annotated[
        float | None,
        Meta(
            description="What leaving this out would cost, discomfort and stored heat included (for hot water: what"
            " making it at the last moment would cost): that of the whole run of equal steps, shared evenly by them."
            " Negative where something else forbids to leave it out; null where"
            " the heat pump is left to its own control."
        ),
    ]
    own_control: OwnControl | None
    carbon_intensity_g_per_kwh: Annotated[
        float | None, Meta(description="CO2 of the price zone's electricity; null where none was imported.")
    ] = None
    why: Why


class PlanMetadata(Struct, kw_only=True):
    """What the newest steps shown were made from; null without a plan."""

    requested_at: datetime
    made_at: datetime | None = None
    model_version: Annotated[int | None, Meta(description="Of the home's thermal model; 0 is the general one.")] = None
    policy_version: int | None = None
    price_zone: PriceZone
    currency: str
    is_energy_modelled: Annotated[
        bool, Meta(description="The heat pump has no electricity meter: its power is known from a model only.")
    ]
    compared_from: Annotated[
        datetime | None,
        Meta(description="From here to `compared_to` the newest plan is compared with the owner's own control."),
    ] = None
    compared_to: datetime | None = None
    cost_of_plan: Annotated[
        float | None, Meta(description="Of electricity and, where it has a price, of its carbon.")
    ] = None
    cost_of_own_control: float | None = None
    worth_of_stored_heat: Annotated[
        float | None, Meta(description="Of what the plan leaves in house and tank beyond the own control.")
    ] = None
    expected_saving: Annotated[
        float | None, Meta(description="cost_of_own_control - cost_of_plan + worth_of_stored_heat.")
    ] = None
    expected_saving_at_equal_temperature: Annotated[
        float | None, Meta(description="If the own control were to keep the rooms as warm on average as the plan does.")
    ] = None
    mean_indoor_temperature: Annotated[float | None, Meta(description="Of the plan.")] = None
    mean_indoor_temperature_of_own_control: float | None = None
    is_saving_modelled: Annotated[
        bool, Meta(description="Always true: both sides are what the home's model expects, nothing of it is measured.")
    ] = True
    error: Annotated[str | None, Meta(description="Why there is nothing to show.")] = None


class PlanOutput(Struct, kw_only=True):
    """A plan; steps that have begun stay as they were planned."""

    metadata: PlanMetadata
    data: list[PlanStepOutput]


class CommandOutput(Struct, kw_only=True):
    """One write to one setting of the heat pump."""

    id: UUID
    issued_at: datetime
    lever: Annotated[str, Meta(description="Which setting, with its unit.")]
    value: float
    previous_value: float | None = None
    state: Annotated[State | None, Meta(description="The steering state it asks for; null for a release.")] = None
    purpose: Literal["steer", "hot_water", "pool", "disinfection", "release"]
    reason_code: str | None = None
    status: Literal["sent", "accepted", "confirmed", "unconfirmed", "rejected", "overridden"]
    attempt: int
    ends_at: Annotated[datetime, Meta(description="When the owner's own setting must be back.")]
    settle_at: Annotated[datetime, Meta(description="From when on it can be read back.")]
    confirmed_at: datetime | None = None
    receipt: Annotated[
        dict[str, Any] | None, Meta(description="What the manufacturer's service answered, personal data removed.")
    ] = None


@operation(
    "GET",
    f"{ONE}/plan",
    Doc(
        "retrieve_plan",
        "What is intended with a heat pump, and why",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=PlanOutput,
        query=(FROM, TO),
        description="From the current market time unit to the end of what is planned, unless `from` and `to` say else;"
        f" at most {MOST_DAYS.days} days. `Accept-Language` chooses the language of the sentences.",
    ),
)
async def retrieve_plan(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """The plan step by step."""
    since, until = take_window(Query(call.query))
    now = call.services.clock.fleet_now()
    since = floor_mtu(since or now)
    until = until or since + MOST_DAYS
    require_order(since, until)
    if until - since > MOST_DAYS:
        raise Invalid.field("from", f"asks for more than {MOST_DAYS.days} days", "range", "query")
    async with call.services.database.read(org_id) as tx:
        pump = await living_pump(tx, org_id, user_id, heat_pump_id)
        site = (await sites(tx, [pump.id]))[pump.id]
        rows = await plans.of_pump(tx, org_id, heat_pump_id, since, until)
        beside = await plans.outlook(tx, org_id, heat_pump_id)
        error = None if rows else await _why_nothing(tx, pump, now, until)
        emitted = await _carbon(tx, pump.price_zone, rows)
    metadata = _metadata(call, pump, site, rows)
    metadata.error = error
    if beside is not None and rows and beside.start_at <= rows[-1].start_at < beside.end_at:
        _compare(metadata, beside)
    words = Words(best_language(call.request.headers.get("accept-language", "")), zone_time(pump.price_zone))
    body = PlanOutput(metadata=metadata, data=[_step(row, metadata.currency, words) for row in rows])
    for step, g_per_kwh in zip(body.data, emitted, strict=True):
        step.carbon_intensity_g_per_kwh = g_per_kwh
    return answer(body, headers={"Content-Language": words.language, "Vary": "Accept-Language"})


def _compare(metadata: PlanMetadata, row: OutlookRow) -> None:
    """Fills in what the newest plan comes to beside the owner's own control."""
    found = row.outlook
    metadata.compared_from, metadata.compared_to = row.start_at, row.end_at
    metadata.cost_of_plan, metadata.cost_of_own_control = _cents(found.cost), _cents(found.own_cost)
    metadata.worth_of_stored_heat, metadata.expected_saving = _cents(found.stored_worth), _cents(found.saving)
    metadata.expected_saving_at_equal_temperature = _cents(found.saving_at_equal_temperature)
    metadata.mean_indoor_temperature = round(found.indoor_mean_c, 2)
    metadata.mean_indoor_temperature_of_own_control = round(found.own_indoor_mean_c, 2)


async def _carbon(tx: ReadTx, zone: str, rows: Sequence[PlanRow]) -> list[float | None]:
    """What a kilowatt-hour emits in each step [g], None where it is not known."""
    if not rows:
        return []
    grid = TimeGrid(rows[0].start_at, (rows[-1].start_at - rows[0].start_at) // MTU + 1)
    known = await carbon.carbon_on(tx, zone, grid)
    return [_known(float(known[grid.index(row.start_at)]), 1) for row in rows]


async def _why_nothing(tx: ReadTx, pump: HeatPump, now: datetime, until: datetime) -> str:
    """Why no step of this pump is planned before ``until``."""
    if until <= now:
        return "Nothing was planned in this time."
    if pump.connection_id is None or pump.lifecycle_state in {"pending", "disconnected"}:
        return "The heat pump is not connected."
    if not pump.is_smart_optimization_active:
        return "Smart optimisation is off: the heat pump follows its own programme."
    known = await prices.known_until(tx, pump.price_zone)
    if known is None or known < floor_mtu(now):
        return f"No electricity prices of {pump.price_zone} are known."
    return "Nothing is planned in this time yet."


def _metadata(call: Call, pump: HeatPump, site: Site, rows: Sequence[PlanRow]) -> PlanMetadata:
    newest = max(rows, key=lambda row: row.made_at, default=None)
    return PlanMetadata(
        requested_at=call.services.clock.wall_now(),
        made_at=newest.made_at if newest else None,
        model_version=newest.model_version if newest else None,
        policy_version=newest.policy_version if newest else None,
        price_zone=PriceZone(pump.price_zone),
        currency=site.currency,
        is_energy_modelled=not METERS & Capabilities.from_json(pump.capabilities).channels,
    )


def _step(row: PlanRow, currency: str, words: Words) -> PlanStepOutput:
    price = _known(row.price, 5)
    return PlanStepOutput(
        start=row.start_at,
        end=row.start_at + MTU,
        steering_state=row.state,  # type: ignore[arg-type]
        hot_water=row.hot_water,
        cooling=row.cooling,
        pool_heating=row.pool_heating,
        expected_power_w=round(row.power_kw * 1000),
        expected_indoor_temperature=_known(row.indoor_temp_c, 2),
        expected_dhw_temperature=_known(row.dhw_temp_c, 2),
        expected_pool_temperature=_known(row.pool_temp_c, 2),
        price=price,
        currency=currency,
        cost=_cost(price, row.power_kw),
        cost_of_not_acting=_known(row.cost_of_not_acting, 5),
        own_control=_own_control(row, price),
        why=Why(code=row.reason_code, text=words.why_of(row)),
    )


def _own_control(row: PlanRow, price: float | None) -> OwnControl | None:
    """None for a plan that was not compared."""
    if row.own_power_kw is None or row.own_indoor_temp_c is None:
        return None
    return OwnControl(
        expected_power_w=round(row.own_power_kw * 1000),
        expected_indoor_temperature=round(row.own_indoor_temp_c, 2),
        expected_dhw_temperature=_known(row.own_dhw_temp_c, 2),
        cost=_cost(price, row.own_power_kw),
    )


def _cost(price: float | None, power_kw: float) -> float | None:
    return None if price is None else round(price * power_kw * STEP_H, 5)


def _cents(value: float) -> float:
    """To a hundredth of a cent; nothing is 0, not −0."""
    return round(value, 4) + 0.0


def _known(value: float | None, digits: int) -> float | None:
    """Stored in single precision: so many digits are what it is worth."""
    return None if value is None or math.isnan(value) else round(value, digits)


@operation(
    "GET",
    f"{ONE}/commands",
    Doc(
        "list_commands",
        "What was sent to a heat pump, and what became of it",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=CommandOutput,
        is_list=True,
        query=(FROM, TO, *PAGE),
        description="Newest first.",
    ),
)
async def list_commands(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """A page of commands."""
    query = Query(call.query)
    after, limit = query.page()
    since, until = take_window(query)
    if since is not None and until is not None:
        require_order(since, until)
    async with call.services.database.read(org_id) as tx:
        await living_pump(tx, org_id, user_id, heat_pump_id)
        rows = await commands.of_pump(tx, (org_id, heat_pump_id), (since, until), after, limit + 1)
    return page(call, rows, limit, _show_command)


def _show_command(row: Command) -> CommandOutput:
    values = {name: getattr(row, name) for name in CommandOutput.__struct_fields__}
    return CommandOutput(**values | {"receipt": redact(row.receipt)})


HANDLERS = (retrieve_plan, list_commands)

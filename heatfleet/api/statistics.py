"""Consumption and savings of a heat pump over calendar periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.heat_pumps import ONE
from heatfleet.api.operation import Doc, Param, answer, operation
from heatfleet.api.parse import Query
from heatfleet.api.pump_reads import FROM, TO, living_pump, require_order, take_window
from heatfleet.auth.permissions import Right
from heatfleet.domain.calendar_periods import Period, Resolution, back, count, touched
from heatfleet.domain.errors import Invalid
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.store import energy_periods
from heatfleet.store.energy_periods import EnergySum

_TAG = "Statistics"
KEYWORDS = ("savings", "consumption")
PERIODS_BACK = {
    Resolution.DAY: 30,
    Resolution.WEEK: 12,
    Resolution.MONTH: 12,
    Resolution.QUARTER: 8,
    Resolution.YEAR: 5,
}
MOST_PERIODS = 1500
HOUR = timedelta(hours=1)
NO_SAVINGS = (
    "Savings are not available yet: they are measured against what the home would have used without us,"
    " and that comparison is not made yet."
)


class StatisticsQuery(Struct, kw_only=True, rename={"since": "from", "until": "to"}):
    """What was asked, with its defaults."""

    resolution: list[Resolution]
    keywords: list[str]
    since: Annotated[datetime | None, Meta(description="null: as far back as suits each resolution.")] = None
    until: datetime


class StatisticsUnits(Struct, kw_only=True):
    """Units of the figures."""

    consumption: str = "Wh"
    heat_pump: str = "Wh"
    savings: Annotated[str, Meta(description="ISO 4217 currency of total, low and high; percentage is in percent.")]


class StatisticsMetadata(Struct, kw_only=True):
    """How to read the figures; `error` says what could not be answered."""

    requested_at: datetime
    query: StatisticsQuery
    units: StatisticsUnits
    time_zone: Annotated[str, Meta(description="Whose midnights begin and end the periods.")]
    error: str | None = None


class StatisticsPeriod(Struct, kw_only=True):
    """A calendar period: days from local midnight, weeks from Monday."""

    start_period: datetime
    end_period: Annotated[datetime, Meta(description="The first instant after it.")]


class SavingsFigures(Struct, kw_only=True):
    """What was saved against the home without us; `low` to `high` is the 90 % interval."""

    total: float
    percentage: float
    low: float
    high: float
    coverage: Annotated[float, Meta(description="Share of the time with usable data, 0 to 1.")]


class ConsumptionFigures(Struct, kw_only=True):
    """Electricity of the heat pump."""

    total: Annotated[float | None, Meta(description="null where nothing is known.")] = None
    measured_share: Annotated[
        float | None, Meta(description="Share of the total that was measured, 0 to 1; the rest is estimated.")
    ] = None
    coverage: Annotated[float, Meta(description="Share of the period's hours up to now with data, 0 to 1.")]


class HeatPumpFigures(Struct, kw_only=True):
    """The heat pump's own electricity, measured where there is a meter, else estimated."""

    estimated_consumption_wh: float | None = None


class StatisticsRow(Struct, kw_only=True):
    """The figures of one period; those not asked for or not available are null."""

    resolution: Resolution
    period: StatisticsPeriod
    savings: SavingsFigures | None = None
    consumption: ConsumptionFigures | None = None
    heat_pump: HeatPumpFigures | None = None


class StatisticsOutput(Struct, kw_only=True):
    """Figures by period, one resolution after the other, oldest first."""

    metadata: StatisticsMetadata
    data: list[StatisticsRow]


@dataclass(frozen=True)
class _Wanted:
    """What a request asks for."""

    resolutions: tuple[Resolution, ...]
    keywords: tuple[str, ...]
    since: datetime | None
    until: datetime


_RESOLUTION = Param(
    "resolution", str, f"One or several of {', '.join(Resolution)}, separated by commas.", Resolution.DAY.value
)
_KEYWORDS = Param("keywords", str, f"One or several of {', '.join(KEYWORDS)}, separated by commas.", ",".join(KEYWORDS))
_DESCRIPTION = (
    "Periods are whole calendar periods on the clock of the heat pump's price zone; those that `from` to `to` touches"
    " are answered. Without `from`: the last "
    + ", ".join(f"{back_} × {resolution}" for resolution, back_ in PERIODS_BACK.items())
    + "."
)


@operation(
    "GET",
    f"{ONE}/statistics",
    Doc(
        "retrieve_statistics",
        "Consumption and savings by day, week, month, quarter or year",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=StatisticsOutput,
        query=(_RESOLUTION, _KEYWORDS, FROM, TO),
        description=_DESCRIPTION,
    ),
)
async def retrieve_statistics(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """Figures of what the keywords ask for."""
    query = Query(call.query)
    keywords = _listed(query, _KEYWORDS, KEYWORDS)
    return await _figures(call, (org_id, user_id, heat_pump_id), _wanted(call, query, keywords))


@operation(
    "GET",
    f"{ONE}/savings",
    Doc(
        "retrieve_savings",
        "Savings by day, week, month, quarter or year",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=StatisticsOutput,
        query=(FROM, TO, _RESOLUTION),
        description=_DESCRIPTION,
    ),
)
async def retrieve_savings(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """Savings, and the consumption they belong to."""
    return await _figures(call, (org_id, user_id, heat_pump_id), _wanted(call, Query(call.query), KEYWORDS))


def _wanted(call: Call, query: Query, keywords: tuple[str, ...]) -> _Wanted:
    resolutions = tuple(Resolution(name) for name in _listed(query, _RESOLUTION, tuple(Resolution)))
    since, until = take_window(query)
    until = until or call.services.clock.fleet_now()
    if since is not None:
        require_order(since, until)
    return _Wanted(resolutions, keywords, since, until)


def _listed(query: Query, param: Param, known: Sequence[str]) -> tuple[str, ...]:
    """The names a parameter lists, each once; raises :class:`Invalid` naming the first unknown one."""
    names = dict.fromkeys(name.strip() for name in query.take(param.name, str, param.default).split(","))
    for name in names:
        if name not in known:
            raise Invalid.field(param.name, f"unknown '{name[:100]}'; one of {', '.join(known)}", "enum", "query")
    return tuple(names)


async def _figures(call: Call, ids: tuple[UUID, UUID, UUID], wanted: _Wanted) -> ApiResponse:
    org_id, _, heat_pump_id = ids
    async with call.services.database.read(org_id) as tx:
        pump = await living_pump(tx, *ids)
        periods = _periods(wanted, pump.price_zone)
        spans = [(period.start_at, period.end_at) for period in periods]
        sums = await energy_periods.sums(tx, org_id, heat_pump_id, spans)
    now = call.services.clock.fleet_now()
    shows = "consumption" in wanted.keywords
    rows = [_row(period, one if shows else None, now) for period, one in zip(periods, sums, strict=True)]
    return answer(StatisticsOutput(metadata=_metadata(call, wanted, pump.price_zone), data=rows))


def _periods(wanted: _Wanted, price_zone: str) -> list[Period]:
    zone = zone_time(price_zone)
    found: list[Period] = []
    for resolution in wanted.resolutions:
        since = wanted.since or back(resolution, zone, wanted.until, PERIODS_BACK[resolution])
        if count(resolution, zone, since, wanted.until) > MOST_PERIODS:
            raise Invalid.field("from", f"asks for more than {MOST_PERIODS} periods of {resolution}", "range", "query")
        found += touched(resolution, zone, since, wanted.until)
    return found


def _row(period: Period, energy: EnergySum | None, now: datetime) -> StatisticsRow:
    row = StatisticsRow(
        resolution=period.resolution,
        period=StatisticsPeriod(start_period=period.start_at, end_period=period.end_at),
    )
    if energy is not None:
        total_wh = None if energy.energy_kwh is None else round(energy.energy_kwh * 1000, 1)
        row.heat_pump = HeatPumpFigures(estimated_consumption_wh=total_wh)
        row.consumption = ConsumptionFigures(
            total=total_wh,
            measured_share=round(energy.measured_kwh / energy.energy_kwh, 4) if energy.energy_kwh else None,
            coverage=_coverage(period, energy.hours, now),
        )
    return row


def _coverage(period: Period, hours: int, now: datetime) -> float:
    """Share of the hours that have begun by ``now``."""
    begun = -((period.start_at - min(period.end_at, now)) // HOUR)
    return round(min(hours / begun, 1.0), 4) if begun > 0 else 0.0


def _metadata(call: Call, wanted: _Wanted, price_zone: str) -> StatisticsMetadata:
    facts = zone_facts(price_zone)
    query: dict[str, Any] = {"since": wanted.since, "until": wanted.until}
    return StatisticsMetadata(
        requested_at=call.services.clock.wall_now(),
        query=StatisticsQuery(resolution=list(wanted.resolutions), keywords=list(wanted.keywords), **query),
        units=StatisticsUnits(savings=facts.currency),
        time_zone=facts.time_zone,
        error=NO_SAVINGS if "savings" in wanted.keywords else None,
    )


HANDLERS = (retrieve_statistics, retrieve_savings)

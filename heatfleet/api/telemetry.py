"""What was read of a heat pump: raw and rolled up, as JSON or CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import numpy as np
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.heat_pumps import ONE
from heatfleet.api.operation import JSON, Doc, Param, operation
from heatfleet.api.parse import Query
from heatfleet.api.pump_reads import FROM, TO, living_pump, require_order, take_window
from heatfleet.auth.permissions import Right
from heatfleet.domain.compaction import CHANNELS, LASTS, Samples, by_step, joined
from heatfleet.domain.errors import Invalid
from heatfleet.domain.readings import MODES, Channel, Quality
from heatfleet.store import telemetry_history
from heatfleet.store.database import ReadTx

CSV = "text/csv"
CONSUMPTION = "consumption_kwh"
STEPS = {"raw": 0, "15MIN": 900, "1HOUR": 3600, "1DAY": 86_400}
LONGEST_DAYS = {"raw": 31, "15MIN": 92, "1HOUR": 731, "1DAY": 7305}
_TABLES = {"1HOUR": "telemetry_hours", "1DAY": "telemetry_days"}
MOST_SAMPLES = 50_000
AT_ONCE = 500
DAY = timedelta(days=1)
_UNITS = {"c": "°C", "k": "K", "kw": "kW", "kwh": "kWh", "minutes": "K min"}


class TelemetryChannel(Struct, kw_only=True):
    """One measured quantity."""

    name: str
    unit: Annotated[str | None, Meta(description="null: the value is a state.")] = None
    aggregation: Annotated[
        Literal["mean", "last", "sum"],
        Meta(description="What a step of time tells: mean, last (meters that count up, settings) or sum."),
    ]
    labels: Annotated[list[str] | None, Meta(description="Where the value is a state: its names, from 0 on.")] = None


class TelemetryMetadata(Struct, kw_only=True):
    """What was asked, and how to read the values."""

    requested_at: datetime
    resolution: Literal["raw", "15MIN", "1HOUR", "1DAY"]
    start_period: Annotated[datetime, Meta(description="`from`, rounded down to the start of its step.")]
    end_period: Annotated[datetime, Meta(description="`to`; exclusive.")]
    channels: Annotated[list[TelemetryChannel], Meta(description="Those asked for; without `channels` those read.")]


class TelemetryValue(Struct, kw_only=True):
    """A value; one of a step of time is as good as the worst reading in it."""

    value: float
    quality: Quality


class TelemetryRow(Struct, kw_only=True):
    """One reading, or one step of time; channels without a value are left out."""

    timestamp: Annotated[datetime, Meta(description="UTC; of a step of time its start. Days are UTC days.")]
    values: Annotated[dict[str, TelemetryValue], Meta(description="By channel name.")]


class TelemetryOutput(Struct, kw_only=True):
    """Readings in order of time. Nothing is filled in: a gap has no row."""

    metadata: TelemetryMetadata
    data: list[TelemetryRow]


@dataclass(frozen=True)
class _Wanted:
    """What was asked for: names of channels, None = those there are."""

    names: tuple[str, ...] | None
    resolution: str
    start_at: datetime
    end_at: datetime

    @property
    def step_s(self) -> int:
        """Length of a step; 0 for raw readings."""
        return STEPS[self.resolution]


@dataclass(frozen=True)
class _Found:
    """Columns to show: instants (row,) and per name the values, None where missing, and their qualities."""

    names: list[str]
    ats: list[datetime]
    columns: list[list[tuple[float, Quality] | None]]


@operation(
    "GET",
    f"{ONE}/telemetry",
    Doc(
        "list_telemetry",
        "What was read of a heat pump",
        "Telemetry",
        right=Right.READ_HEAT_PUMP,
        answer=TelemetryOutput,
        query=(
            FROM,
            TO,
            Param("channels", str, "Names, comma-separated. Without it: all that were read."),
            Param("resolution", tuple(STEPS), "Readings as they came, or one row per step of time.", "raw"),
        ),
        description=(
            "The last 24 hours unless `from` and `to` say otherwise; at most 31 days of `raw`, 92 of `15MIN`, 731 of"
            " `1HOUR`, 7305 of `1DAY`. Hours and days also know `consumption_kwh`. Steps count from midnight UTC."
            " With `Accept: text/csv` the answer is a table: `timestamp`, then per channel its value and its quality."
        ),
    ),
)
async def list_telemetry(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """The readings."""
    wanted = _wanted(call)
    async with call.services.database.read(org_id) as tx:
        await living_pump(tx, org_id, user_id, heat_pump_id)
        samples = await _samples(tx, org_id, heat_pump_id, call.services.clock.fleet_now(), wanted)
        energy = await _consumption(tx, org_id, heat_pump_id, wanted)
    if samples.count > MOST_SAMPLES:
        raise Invalid.field(
            "from", f"there are more than {MOST_SAMPLES} readings: ask for less time, or coarser", "range", "query"
        )
    found = _columns(samples, energy, wanted)
    if CSV in call.request.headers.get("accept", ""):
        table = await _in_parts(found, _csv_rows, _csv_head(found), b"", b"")
        return ASGIResponse(body=table, media_type=CSV, encoding="utf-8")
    head = msgspec.json.encode(_metadata(call, wanted, found))
    body = await _in_parts(found, _json_rows, b'{"metadata":' + head + b',"data":[', b",", b"]}")
    return ASGIResponse(body=body, media_type=JSON)


def _wanted(call: Call) -> _Wanted:
    query = Query(call.query)
    names = query.take("channels", str)
    resolution = query.take("resolution", Literal["raw", "15MIN", "1HOUR", "1DAY"], "raw")  # type: ignore[arg-type]
    since, until = take_window(query)
    end_at = until or call.services.clock.fleet_now()
    start_at = since or end_at - DAY
    require_order(start_at, end_at)
    if end_at - start_at > timedelta(days=LONGEST_DAYS[resolution]):
        most = f"at most {LONGEST_DAYS[resolution]} days of {resolution} in one answer"
        raise Invalid.field("from", most, "range", "query")
    if STEPS[resolution]:
        start_at = datetime.fromtimestamp(start_at.timestamp() // STEPS[resolution] * STEPS[resolution], UTC)
    return _Wanted(_names(names, STEPS[resolution]), resolution, start_at, end_at)


def _names(text: str | None, step_s: int) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    known = [channel.value for channel in CHANNELS] + ([CONSUMPTION] if step_s >= STEPS["1HOUR"] else [])
    unknown = [name for name in names if name not in known]
    if unknown:
        say = f"{unknown[0][:100]!r} is no channel of this resolution; there are: {', '.join(known)}"
        raise Invalid.field("channels", say, "value", "query")
    return names


async def _samples(tx: ReadTx, org_id: UUID, heat_pump_id: UUID, now: datetime, wanted: _Wanted) -> Samples:
    """Readings, or steps; hours and days as rolled up until the day before yesterday, then from the readings."""
    read = partial(telemetry_history.samples, tx, org_id, heat_pump_id)
    if not wanted.step_s:
        return await read(wanted.start_at, wanted.end_at)
    table = _TABLES.get(wanted.resolution)
    if table is None:
        return by_step(await read(wanted.start_at, wanted.end_at), wanted.step_s)[0]
    fresh_at = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    until, since = min(fresh_at, wanted.end_at), max(fresh_at, wanted.start_at)
    rolled = await telemetry_history.rolled(tx, org_id, heat_pump_id, table, wanted.start_at, until)
    fresh = await read(since, max(since, wanted.end_at))
    return joined([rolled, by_step(fresh, wanted.step_s)[0]])


async def _consumption(
    tx: ReadTx, org_id: UUID, heat_pump_id: UUID, wanted: _Wanted
) -> dict[int, tuple[float, Quality]]:
    """Electricity by step (seconds since 1970 of its start), for hours and days."""
    if wanted.step_s < STEPS["1HOUR"] or (wanted.names is not None and CONSUMPTION not in wanted.names):
        return {}
    found: dict[int, tuple[float, Quality]] = {}
    order = list(Quality)
    hours = await telemetry_history.consumption(tx, org_id, heat_pump_id, wanted.start_at, wanted.end_at)
    for hour_at, kwh, quality in hours:
        step = int(hour_at.timestamp()) // wanted.step_s * wanted.step_s
        before, worst = found.get(step, (0.0, Quality.MEASURED))
        found[step] = (before + kwh, max(worst, Quality(quality), key=order.index))
    return found


def _columns(samples: Samples, energy: dict[int, tuple[float, Quality]], wanted: _Wanted) -> _Found:
    rows = {at: i for i, at in enumerate(sorted({*samples.at_s.tolist(), *energy}))} if wanted.step_s else None
    ats = list(rows) if rows is not None else samples.at_s.tolist()
    names, columns = [], []
    for i, channel in enumerate(CHANNELS):
        if wanted.names is None or channel.value in wanted.names:
            column: list[tuple[float, Quality] | None] = [None] * len(ats)
            for n, at, value, quality in _known(samples, i):
                column[n if rows is None else rows[at]] = (value, quality)
            if wanted.names is not None or any(column):
                names.append(channel.value)
                columns.append(column)
    if energy or (wanted.names is not None and CONSUMPTION in wanted.names):
        names.append(CONSUMPTION)
        columns.append([(round(energy[at][0], 3), energy[at][1]) if at in energy else None for at in ats])
    told = [n for n in range(len(ats)) if any(column[n] for column in columns)]
    shown = [[column[n] for n in told] for column in columns]
    return _Found(names, [datetime.fromtimestamp(ats[n], UTC) for n in told], shown)


def _known(samples: Samples, index: int) -> Sequence[tuple[int, int, float, Quality]]:
    """Position, second, value and quality of every value of a channel."""
    values = samples.values[index]
    which = np.flatnonzero(~np.isnan(values))
    grades = ((samples.modelled[which] >> index & 1) * 2) | (samples.estimated[which] >> index & 1)
    qualities = (Quality.MEASURED, Quality.ESTIMATED, Quality.MODELLED, Quality.MODELLED)
    shown = values[which].round(3).tolist()
    return [
        (n, at, value, qualities[grade])
        for n, at, value, grade in zip(
            which.tolist(), samples.at_s[which].tolist(), shown, grades.tolist(), strict=True
        )
    ]


def _metadata(call: Call, wanted: _Wanted, found: _Found) -> TelemetryMetadata:
    return TelemetryMetadata(
        requested_at=call.services.clock.wall_now(),
        resolution=wanted.resolution,  # type: ignore[arg-type]
        start_period=wanted.start_at,
        end_period=wanted.end_at,
        channels=[_channel(name) for name in found.names],
    )


def _channel(name: str) -> TelemetryChannel:
    if name == CONSUMPTION:
        return TelemetryChannel(name=name, unit="kWh", aggregation="sum")
    channel = Channel(name)
    aggregation: Literal["mean", "last"] = "last" if channel in LASTS else "mean"
    labels = [mode.value for mode in MODES] if channel is Channel.MODE else None
    return TelemetryChannel(name=name, unit=_UNITS.get(name.rpartition("_")[2]), aggregation=aggregation, labels=labels)


Rows = Callable[[_Found, range], bytes]


async def _in_parts(found: _Found, rows: Rows, head: bytes, between: bytes, tail: bytes) -> bytes:
    """The whole answer, made part by part so that a long one does not hold up other requests."""
    parts = []
    for start in range(0, len(found.ats), AT_ONCE):
        parts.append(rows(found, range(start, min(start + AT_ONCE, len(found.ats)))))
        await asyncio.sleep(0)
    return head + between.join(parts) + tail


def _json_rows(found: _Found, which: range) -> bytes:
    rows = []
    for n in which:
        values = {
            name: {"value": column[n][0], "quality": column[n][1]}  # type: ignore[index]
            for name, column in zip(found.names, found.columns, strict=True)
            if column[n] is not None
        }
        rows.append({"timestamp": found.ats[n], "values": values})
    return msgspec.json.encode(rows)[1:-1]


def _csv_head(found: _Found) -> bytes:
    return ",".join(["timestamp", *(f"{name},{name}_quality" for name in found.names)]).encode() + b"\r\n"


def _csv_rows(found: _Found, which: range) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    for n in which:
        row: list[Any] = [f"{found.ats[n]:%Y-%m-%dT%H:%M:%SZ}"]
        for column in found.columns:
            row += column[n] or ("", "")
        writer.writerow(row)
    return out.getvalue().encode()


HANDLERS = (list_telemetry,)

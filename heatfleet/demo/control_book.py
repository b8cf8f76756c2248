"""The levers of simulated homes as a platform sees them, and what :func:`decide` makes of a plan.

The same decision function as in the flows, without HTTP and without a database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from heatfleet.domain.levers import Lever, OptimizationLevel, Ranges
from heatfleet.domain.plans import PlanStep
from heatfleet.domain.policy import OwnSettings, Policy
from heatfleet.domain.situation import LeverFacts, LeverWrite, Situation
from heatfleet.domain.steering import decide
from heatfleet.thermal.arrays import Array, stack
from heatfleet.thermal.homes import Homes
from heatfleet.thermal.simulate import Inputs
from heatfleet.vendors.kit.emulation.homes import BLOCK_LASTS, LEVERS
from heatfleet.vendors.kit.manifest import Manifest

SPACE_LEVERS = LEVERS[:3]
"""Homes take turns in what can be steered, as in the sandbox cloud."""
OWN_SETPOINTS = (Lever.INDOOR_SETPOINT_C, Lever.DHW_SETPOINT_C, Lever.COOLING_SETPOINT_C, Lever.POOL_SETPOINT_C)
POLICY = Policy(
    is_smart_optimization_active=True,
    is_space_heating_enabled=True,
    is_hot_water_heating_enabled=True,
    is_space_cooling_enabled=True,
    is_pool_heating_enabled=True,
    optimization_level=OptimizationLevel.MID,
)


@dataclass
class _Record:
    own: float
    written: float | None = None
    written_at: datetime | None = None
    writes: deque[datetime] = field(default_factory=deque)
    blocks: deque[datetime] = field(default_factory=deque)

    def facts(self, now: datetime, read_back: float) -> LeverFacts:
        for times in (self.writes, self.blocks):
            while times and now - times[0] > timedelta(days=1):
                times.popleft()
        is_blocked = self.written == 1.0 and bool(self.blocks)
        return LeverFacts(
            own_value=self.own,
            read_back=read_back,
            written_value=self.written,
            written_at=self.written_at,
            writes_today=len(self.writes),
            blocks_today=len(self.blocks),
            blocked_since=self.blocks[-1] if is_blocked else None,
            is_owed=self.written is not None,
        )

    def note(self, write: LeverWrite, now: datetime, is_release: bool) -> None:
        self.written, self.written_at = (None if is_release else write.value), now
        if not is_release:
            self.writes.append(now)
        if write.lever is Lever.SG_READY_STATE and write.value == 1.0:
            self.blocks.append(now)


class ControlBook:
    """Settings in force of all homes, (home, lever), moved only by safe decisions."""

    def __init__(self, homes: Homes, manifest: Manifest, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.settings = stack(Inputs.own(homes))
        self.can_cool, self.has_pool = np.isfinite(homes.cooling_limit_c), homes.pool_capacity_kwh_per_k > 0.0
        self.ranges = [
            _ranges(manifest, home, can_cool=bool(cool), has_pool=bool(pool))
            for home, (cool, pool) in enumerate(zip(self.can_cool, self.has_pool, strict=True))
        ]
        self.own = [
            OwnSettings(**{str(lever): float(row[LEVERS.index(lever)]) for lever in OWN_SETPOINTS})
            for row in self.settings
        ]
        self._records = [
            {lever: _Record(self._value(home, lever)) for lever in r} for home, r in enumerate(self.ranges)
        ]
        self.writes = 0

    def inputs(self) -> Inputs:
        """What the pumps are told."""
        return Inputs(*(self.settings[:, i].copy() for i in range(len(LEVERS))))

    def steer(self, now: datetime, steps: Sequence[PlanStep | None], seen: Array) -> None:
        """Move what may be moved; ``seen`` as :meth:`Sensors.latest` reads it.

        Homes without a step get their owner's own values back.
        """
        for home, step in enumerate(steps):
            self._end_block(home, now)
            decision = decide(self._situation(home, now, step, seen[home]))
            for write in decision.writes:
                self._move(home, write, now, is_release=False)
            for write in decision.releases:
                self._move(home, write, now, is_release=True)

    def _situation(self, home: int, now: datetime, step: PlanStep | None, seen: Array) -> Situation:
        records, own = self._records[home], self.own[home]
        return Situation(
            now=now,
            policy=self.policy,
            ranges=self.ranges[home],
            levers={lever: record.facts(now, self._value(home, lever)) for lever, record in records.items()},
            wanted=step,
            own=own,
            indoor_temp_c=float(seen[0]),
            dhw_temp_c=float(seen[1]),
            pool_temp_c=None if np.isnan(seen[2]) else float(seen[2]),
            is_charging=bool(seen[3]),
            is_cooling=bool(seen[4] > 0.0),
            read_at=now,
            disinfection_last_at=now,  # the pumps keep their own weekly programme
        )

    def _value(self, home: int, lever: Lever) -> float:
        return float(self.settings[home, LEVERS.index(lever)])

    def _move(self, home: int, write: LeverWrite, now: datetime, *, is_release: bool) -> None:
        self.settings[home, LEVERS.index(write.lever)] = write.value
        self._records[home][write.lever].note(write, now, is_release)
        self.writes += 1

    def _end_block(self, home: int, now: datetime) -> None:
        """The pump itself ends an SG-Ready block after two hours."""
        record = self._records[home].get(Lever.SG_READY_STATE)
        if record and record.written == 1.0 and record.blocks and now - record.blocks[-1] >= BLOCK_LASTS:
            self.settings[home, LEVERS.index(Lever.SG_READY_STATE)] = 2.0


def _ranges(manifest: Manifest, home: int, *, can_cool: bool, has_pool: bool) -> Ranges:
    space = SPACE_LEVERS[home % len(SPACE_LEVERS)]
    boost = () if space is Lever.SG_READY_STATE else (Lever.DHW_BOOST,)
    cool = (Lever.COOLING_SETPOINT_C,) if can_cool else ()
    pool = (Lever.POOL_SETPOINT_C,) if has_pool else ()
    return {lever: manifest.levers[lever] for lever in (space, Lever.DHW_SETPOINT_C, *boost, *cool, *pool)}

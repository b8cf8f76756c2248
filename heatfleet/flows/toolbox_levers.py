"""What the store knows of a pump's levers, as steering looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from heatfleet.domain.levers import Lever
from heatfleet.domain.policy import OwnSettings
from heatfleet.domain.readings import Channel
from heatfleet.domain.situation import LeverFacts
from heatfleet.store.baselines import Baseline
from heatfleet.store.commands import Use


def lever_facts(
    owned: Sequence[Baseline], uses: Sequence[Use], values: Mapping[Channel, float], ranges: Mapping[Lever, object]
) -> dict[Lever, LeverFacts]:
    """What is known of each lever; an owner's value captured long ago counts only while ours is in force."""
    by_lever = {Lever(b.lever): b for b in owned}
    counts = {Lever(u.lever): u for u in uses}
    found = {}
    for lever in ranges:
        read_back = values.get(Channel(lever.value))
        baseline, use = by_lever.get(lever), counts.get(lever)
        known = LeverFacts(
            read_back=read_back,
            writes_today=use.writes if use else 0,
            blocks_today=use.blocks if use else 0,
        )
        found[lever] = known if baseline is None else _with_baseline(known, baseline)
    return found


def _with_baseline(known: LeverFacts, baseline: Baseline) -> LeverFacts:
    is_owed = baseline.release_owed_since is not None
    is_own = is_owed or known.read_back is None
    return replace(
        known,
        own_value=baseline.own_value if is_own else None,
        written_value=baseline.written_value,
        written_at=baseline.written_at,
        settle_at=baseline.settle_at,
        attempts=baseline.attempts,
        blocked_since=baseline.written_at,
        backed_off_until=baseline.backed_off_until,
        is_owed=is_owed,
    )


def own_settings(levers: Mapping[Lever, LeverFacts], values: Mapping[Channel, float]) -> OwnSettings:
    """The owner's setpoints: captured while ours are in force, else as read."""
    usual = OwnSettings()
    setpoints = (Lever.INDOOR_SETPOINT_C, Lever.DHW_SETPOINT_C, Lever.COOLING_SETPOINT_C, Lever.POOL_SETPOINT_C)
    return OwnSettings(**{str(lever): _own(levers, values, lever, getattr(usual, lever)) for lever in setpoints})


def _own(levers: Mapping[Lever, LeverFacts], values: Mapping[Channel, float], lever: Lever, usual: float) -> float:
    known = levers.get(lever)
    if known is not None and known.own_value is not None:
        return known.own_value
    return values.get(Channel(lever.value), usual)

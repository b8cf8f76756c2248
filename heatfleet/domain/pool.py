"""What the pool's setpoint should be: raised where it is heated, lowered where it waits, else the owner's own.

A pool comes after rooms and tank; the pump itself sees to that. The guards of levers come after it, in ``steering.py``.
"""

from __future__ import annotations

from heatfleet.domain.levers import Lever, SteeringState
from heatfleet.domain.plans import Reason
from heatfleet.domain.policy import Policy
from heatfleet.domain.situation import Purpose, Situation, Wish, own_value

COLD_K = 1.5  # below the owner's setpoint, no pool waits


def pool_raise_k(policy: Policy) -> float:
    """How far above the owner's setpoint a pool may be heated [K]."""
    return policy.deltas.delta_k(SteeringState.MAX, policy.optimization_level)


def pool_wish(situation: Situation, is_paused: bool) -> dict[Lever, Wish]:
    """What the pool's setpoint should be; nothing where the pump keeps its own programme."""
    lever, policy, wanted = Lever.POOL_SETPOINT_C, situation.policy, situation.wanted
    limits, own = situation.ranges.get(lever), own_value(situation, lever)
    if limits is None or own is None:
        return {}
    if is_paused:
        value = limits.clamp(own + policy.deltas.delta_k(SteeringState.MIN))
        return {lever: Wish(value, Purpose.POOL, Reason.PAUSE, None, True)}
    if wanted is None or wanted.pool_heating is None:
        return {}
    if wanted.pool_heating:
        return {lever: Wish(limits.clamp(own + pool_raise_k(policy)), Purpose.POOL, Reason.CHEAP_NOW)}
    if situation.pool_temp_c is None or situation.pool_temp_c <= own - COLD_K:
        return {}
    value = limits.clamp(own + policy.deltas.delta_k(SteeringState.LOW, policy.optimization_level))
    return {lever: Wish(value, Purpose.POOL, Reason.CHEAP_LATER)}

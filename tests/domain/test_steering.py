"""Whatever is planned and whatever is read: no decision breaks a guard."""

from __future__ import annotations

import timeit
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.batch import limit_batch
from heatfleet.domain.levers import SPACE_LEVERS, Lever, LeverRange, OptimizationLevel, SteeringState, allowed_states
from heatfleet.domain.plans import PlanStep, Reason, TankAim
from heatfleet.domain.policy import Comfort, OwnSettings, Policy, comfort_at
from heatfleet.domain.situation import ControlState, Decision, Guard, LeverFacts, Purpose, Situation, own_value
from heatfleet.domain.steering import (
    BLOCK_LONGEST,
    DWELL_MIN,
    DWELL_SLACK,
    WRITES_A_DAY,
    decide,
)

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
RANGES = {
    Lever.SG_READY_STATE: LeverRange(1, 4, 1),
    Lever.CURVE_OFFSET_K: LeverRange(-10, 10, 1),
    Lever.INDOOR_SETPOINT_C: LeverRange(5, 30, 0.5),
    Lever.DHW_SETPOINT_C: LeverRange(30, 65, 1, slowest_repeat_h=0.5),
    Lever.DHW_BOOST: LeverRange(0, 1, 1),
    Lever.COOLING_SETPOINT_C: LeverRange(18, 30, 0.5),
    Lever.POOL_SETPOINT_C: LeverRange(15, 35, 0.5),
}
ON = Policy(
    is_smart_optimization_active=True,
    is_space_heating_enabled=True,
    is_hot_water_heating_enabled=True,
    is_space_cooling_enabled=True,
    is_pool_heating_enabled=True,
    optimization_level=OptimizationLevel.MAX,
)


def step(
    state: SteeringState = SteeringState.LOW, hot_water: bool = False, tank: TankAim | None = None, **more: bool | None
) -> PlanStep:
    whole = PlanStep(NOW, state, hot_water, 1.0, 21.0, 48.0, 0.3, Reason.CHEAP_NOW, tank=tank)
    return replace(whole, **more)  # type: ignore[arg-type]


def facts(own: float, read: float | None = None, **other: object) -> LeverFacts:
    return LeverFacts(own_value=own, read_back=own if read is None else read, **other)  # type: ignore[arg-type]


def situation(**changes: object) -> Situation:
    base = Situation(
        NOW,
        ON,
        {lever: RANGES[lever] for lever in (Lever.CURVE_OFFSET_K, Lever.DHW_SETPOINT_C, Lever.DHW_BOOST)},
        {Lever.CURVE_OFFSET_K: facts(0), Lever.DHW_SETPOINT_C: facts(52), Lever.DHW_BOOST: facts(0)},
        wanted=step(),
        own=OwnSettings(dhw_setpoint_c=52.0),
        indoor_temp_c=21.5,
        dhw_temp_c=49.0,
        read_at=NOW - timedelta(minutes=3),
    )
    return replace(base, **changes)


def written(decision: Decision) -> dict[Lever, float]:
    return {w.lever: w.value for w in decision.writes}


# Properties -----------------------------------------------------------------------------------------------------------

temps = st.one_of(st.none(), st.floats(2, 32, allow_nan=False))
ages = st.floats(0, 30).map(lambda h: NOW - timedelta(hours=h))


@st.composite
def lever_facts(draw: st.DrawFn, lever: Lever) -> LeverFacts:
    limits = RANGES[lever]
    value = st.integers(int(limits.minimum), int(limits.maximum)).map(float)
    ours = draw(st.one_of(st.none(), value))
    at = draw(ages) if ours is not None else draw(st.one_of(st.none(), ages))
    blocked = ours == 1.0 and lever is Lever.SG_READY_STATE
    return LeverFacts(
        own_value=2.0 if lever is Lever.SG_READY_STATE else 0.0 if lever is Lever.DHW_BOOST else draw(value),
        read_back=ours if ours is not None and draw(st.booleans()) else draw(st.one_of(st.none(), value)),
        written_value=ours,
        written_at=at,
        settle_at=None if at is None else at + timedelta(hours=limits.settle_h),
        attempts=draw(st.integers(0, 4)),
        writes_today=draw(st.integers(0, 26)),
        blocks_today=draw(st.integers(0, 4)),
        blocked_since=at if blocked else None,
        backed_off_until=draw(st.sampled_from([None, None, NOW + timedelta(hours=1), NOW - timedelta(hours=1)])),
        is_owed=ours is not None or draw(st.booleans()),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    low = draw(st.one_of(st.none(), st.floats(15, 21)))
    flags = st.sampled_from([True, True, False, None])
    pause = draw(st.sampled_from([None, NOW + timedelta(hours=2), NOW - timedelta(hours=2)]))
    away = draw(st.booleans())
    return Policy(
        is_smart_optimization_active=draw(st.sampled_from([True, True, True, False])),
        is_space_heating_enabled=draw(flags),
        is_hot_water_heating_enabled=draw(flags),
        is_space_cooling_enabled=draw(flags),
        is_pool_heating_enabled=draw(flags),
        optimization_level=draw(st.sampled_from(OptimizationLevel)),
        is_heating_policy_enabled=draw(st.booleans()),
        minimum_temperature_limit=low,
        maximum_temperature_limit=None if low is None else low + draw(st.floats(0.5, 4)),
        indoor_target_temperature_offset=draw(st.sampled_from([None, 1.0, -2.0])),
        minimum_dhw_temperature_limit=draw(st.sampled_from([None, 40.0, 45.0, 48.0])),
        is_pause_power_active=draw(st.booleans()),
        pause_power_until=pause,
        away_mode_start=NOW - timedelta(days=1) if away else None,
        away_mode_end=NOW + timedelta(days=1) if away else None,
        away_mode_minimum_temperature_limit=draw(st.sampled_from([None, 12.0])),
    )


maybe_c = st.one_of(st.none(), st.floats(30, 65))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    levers = draw(st.sets(st.sampled_from(Lever)))
    aims = st.one_of(st.none(), st.builds(TankAim, maybe_c, maybe_c))
    seasons = {"cooling": st.booleans(), "pool_heating": st.sampled_from([None, True, False])}
    wanted = draw(st.one_of(st.none(), st.builds(step, st.sampled_from(SteeringState), st.booleans(), aims, **seasons)))
    return Situation(
        now=NOW,
        policy=draw(policies()),
        ranges={lever: RANGES[lever] for lever in Lever if lever in levers},
        levers={lever: draw(lever_facts(lever)) for lever in sorted(levers)},
        wanted=wanted,
        own=OwnSettings(draw(st.floats(18, 23)), draw(st.floats(44, 55))),
        indoor_temp_c=draw(temps),
        dhw_temp_c=draw(st.one_of(st.none(), st.floats(30, 65))),
        pool_temp_c=draw(st.one_of(st.none(), st.floats(10, 35))),
        is_cooling=draw(st.booleans()),
        read_at=draw(st.one_of(st.none(), st.floats(0, 2).map(lambda h: NOW - timedelta(hours=h)))),
        is_reachable=draw(st.sampled_from([True, True, False])),
        disinfection_last_at=draw(st.sampled_from([None, NOW - timedelta(days=1), NOW - timedelta(days=8)])),
    )


@settings(max_examples=600, deadline=None)
@given(situations())
def test_no_decision_breaks_a_guard(s: Situation) -> None:
    decision = decide(s)
    sent = [*decision.writes, *decision.releases]
    levers = [w.lever for w in sent]
    assert len(levers) == len(set(levers))
    if decision.control_state in (ControlState.LOST, ControlState.OBSERVING, ControlState.READY):
        assert not decision.writes
        assert decision.state is None
    for w in sent:
        assert w.ends_at > s.now
        assert w.ends_at - s.now <= timedelta(hours=2)
        assert w.lever in s.ranges
    for w in decision.releases:
        assert w.value == own_value(s, w.lever)
        assert w.purpose is Purpose.RELEASE
    for w in decision.writes:
        check_write(s, w.lever, w.value, w.purpose)
    for until in decision.holds.values():
        assert s.now < until <= s.now + timedelta(hours=1)


def check_write(s: Situation, lever: Lever, value: float, purpose: Purpose) -> None:
    known, limits, own = s.levers[lever], s.ranges[lever], own_value(s, lever)
    comfort = comfort_at(s.policy, s.own, s.now, s.cools)
    assert own is not None
    assert limits.minimum <= value <= limits.maximum
    assert known.backed_off_until is None or known.backed_off_until <= s.now
    assert known.writes_today < WRITES_A_DAY
    assert known.written_at is None or s.now - known.written_at >= DWELL_MIN - DWELL_SLACK
    is_space = lever in SPACE_LEVERS
    if lever is Lever.COOLING_SETPOINT_C:
        check_cooling(s, value - own, comfort)
        return
    if lever is Lever.POOL_SETPOINT_C:
        assert s.policy.is_pool_heating_enabled
        assert abs(value - own) <= 2.0 or value in (limits.minimum, limits.maximum)
        if s.policy.is_paused(s.now):
            assert value <= own
        return
    assert s.policy.is_space_heating_enabled if is_space else s.policy.is_hot_water_heating_enabled
    assert not (is_space and s.cools), "never both in one day"
    if lever is Lever.SG_READY_STATE and value == 1.0:
        assert known.blocks_today < 3
        assert not s.is_cooling or s.policy.is_paused(s.now), "a block would stop the pump's own cooling"
    if not is_space:
        if purpose is not Purpose.DISINFECTION and s.policy.is_paused(s.now):
            assert value == limits.minimum
        elif lever is Lever.DHW_SETPOINT_C and purpose is not Purpose.DISINFECTION:
            assert value >= min(comfort.dhw_min_c, limits.maximum) - 1e-9
            if s.dhw_temp_c is not None and s.dhw_temp_c <= comfort.dhw_min_c:
                assert value >= min(comfort.dhw_max_c, limits.maximum) - 1e-9
        return
    if s.policy.is_paused(s.now):
        assert value <= own, "paused never raises"
    if s.indoor_temp_c is not None:
        if s.indoor_temp_c <= comfort.indoor_min_c and not s.policy.is_paused(s.now):
            assert value >= own
        if s.indoor_temp_c <= 8.0:
            assert value >= own
        if s.indoor_temp_c >= comfort.indoor_max_c:
            assert value <= own


def check_cooling(s: Situation, shift_k: float, comfort: Comfort) -> None:
    assert s.policy.is_space_cooling_enabled
    assert s.cools
    if s.policy.is_paused(s.now):
        assert shift_k >= 0, "paused never cools more"
    elif s.indoor_temp_c is not None:
        assert not (shift_k > 0 and s.indoor_temp_c >= comfort.indoor_max_c), "too warm already"
        assert not (shift_k < 0 and s.indoor_temp_c <= comfort.indoor_min_c), "too cold already"


@settings(max_examples=300, deadline=None)
@given(situations())
def test_what_is_ours_is_given_back_when_we_may_not_steer(s: Situation) -> None:
    """Releases are always allowed: no dwell, no budget, no count of tries holds one back."""
    decision = decide(replace(s, policy=replace(s.policy, is_smart_optimization_active=False)))
    released = {w.lever for w in decision.releases}
    for lever, known in s.levers.items():
        seen = known.read_back if known.settle_at is None or (s.read_at and s.read_at >= known.settle_at) else None
        if known.written_value is None or seen is None:
            continue
        own = own_value(s, lever)
        assert own is not None
        assert (lever in released) == (not s.ranges[lever].equal(seen, own))


# Examples -------------------------------------------------------------------------------------------------------------


def test_a_plan_becomes_writes() -> None:
    decision = decide(situation(wanted=step(SteeringState.MIN, hot_water=True), dhw_temp_c=46.9))
    assert written(decision) == {Lever.CURVE_OFFSET_K: -2, Lever.DHW_BOOST: 1}
    assert decision.control_state is ControlState.STEERING
    assert decision.state is SteeringState.MIN
    assert all(w.previous_value in (0, 52) for w in decision.writes)


def test_what_the_pump_already_does_is_not_written_again_but_gets_a_new_end() -> None:
    levers = {Lever.CURVE_OFFSET_K: facts(0, -1, written_value=-1, written_at=NOW - timedelta(hours=1), is_owed=True)}
    decision = decide(situation(levers=levers, ranges={Lever.CURVE_OFFSET_K: RANGES[Lever.CURVE_OFFSET_K]}))
    assert decision.writes == decision.releases == ()
    assert decision.holds == {Lever.CURVE_OFFSET_K: NOW + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("indoor_c", "state", "guard"),
    [(20.4, SteeringState.MIN, Guard.TOO_COLD), (22.6, SteeringState.MAX, Guard.TOO_WARM)],
)
def test_the_measured_temperature_overrules_the_plan(indoor_c: float, state: SteeringState, guard: Guard) -> None:
    offset = facts(0, -1, written_value=-1, written_at=NOW - timedelta(minutes=15), is_owed=True)
    offset = replace(offset, settle_at=NOW - timedelta(minutes=10))
    decision = decide(situation(indoor_temp_c=indoor_c, wanted=step(state), levers={Lever.CURVE_OFFSET_K: offset}))
    assert [w.value for w in decision.releases] == [0]
    assert guard in {r.guard for r in decision.refusals}
    assert decision.state is SteeringState.MID


def test_a_cold_tank_is_charged_whatever_the_plan_says() -> None:
    held = {**situation().levers, Lever.DHW_SETPOINT_C: facts(52, 45, written_value=45.0, is_owed=True)}
    early = decide(situation(dhw_temp_c=46.4, levers=held))
    assert [w.value for w in early.releases] == [52], "first the owner's programme gets the tank back"
    assert Lever.DHW_BOOST not in written(early)
    assert written(decide(situation(dhw_temp_c=45.2)))[Lever.DHW_BOOST] == 1
    boosting = facts(0, 1, written_value=1.0, written_at=NOW - timedelta(minutes=30), is_owed=True)
    going_on = {**situation().levers, Lever.DHW_BOOST: boosting}
    assert Lever.DHW_BOOST in decide(situation(dhw_temp_c=48.8, levers=going_on)).holds
    assert [w.value for w in decide(situation(dhw_temp_c=51.8, levers=going_on)).releases] == [0]
    assert written(decide(situation(dhw_temp_c=48.0, is_charging=True)))[Lever.DHW_BOOST] == 1


def tanked(charge_below_c: float | None, hold_c: float | None, dhw_c: float, **changes: object) -> dict[Lever, float]:
    aim = TankAim(charge_below_c, hold_c)
    return written(decide(situation(wanted=step(SteeringState.MID, tank=aim), dhw_temp_c=dhw_c, **changes)))


def test_a_tank_is_charged_and_held_back_by_its_temperature() -> None:
    assert tanked(48.0, None, 47.9) == {Lever.DHW_BOOST: 1}
    assert tanked(48.0, None, 48.1) == {}
    assert tanked(None, 50.0, 48.0) == {Lever.DHW_SETPOINT_C: 50}
    assert tanked(None, 49.2, 48.0) == {Lever.DHW_SETPOINT_C: 50}, "rather less put off than more"
    assert tanked(None, 50.0, 51.0) == {}, "nothing to put off yet"
    assert tanked(48.0, 50.0, 47.0) == {Lever.DHW_BOOST: 1}, "a charge comes first"


def test_nothing_puts_off_a_charge_of_a_tank_near_its_minimum_or_one_that_has_begun() -> None:
    assert Lever.DHW_SETPOINT_C not in tanked(None, 50.0, 45.4)
    assert Lever.DHW_SETPOINT_C not in tanked(None, 50.0, 48.0, is_charging=True)
    assert tanked(None, 46.0, 48.0) == {Lever.DHW_SETPOINT_C: 48}, "no pump begins that close below its setpoint"
    held = {**situation().levers, Lever.DHW_SETPOINT_C: facts(52, 50, written_value=50.0, is_owed=True)}
    for dhw_c, charging in ((45.4, False), (48.0, True)):
        wanted = step(SteeringState.MID, tank=TankAim(None, 50.0))
        decision = decide(situation(wanted=wanted, levers=held, dhw_temp_c=dhw_c, is_charging=charging))
        assert 52 in [w.value for w in decision.releases]


def test_a_tank_whose_own_programme_lets_it_fall_below_its_minimum_is_charged_when_the_plan_says_so() -> None:
    assert tanked(44.5, None, 43.6, policy=NARROW)[Lever.DHW_BOOST] == 1
    assert tanked(43.0, None, 43.6, policy=NARROW) == {}, "no charge is forced on it"
    assert tanked(43.0, 50.0, 43.6, policy=NARROW) == {}, "and none is put off"


def test_pause_is_min_and_no_hot_water_and_frost_and_disinfection_hold() -> None:
    paused = replace(ON, is_pause_power_active=True, pause_power_until=NOW + timedelta(hours=1))
    decision = decide(situation(policy=paused, wanted=step(SteeringState.MAX, True), dhw_temp_c=40.0))
    assert decision.control_state is ControlState.PAUSED
    assert written(decision) == {Lever.CURVE_OFFSET_K: -2, Lever.DHW_SETPOINT_C: 30}
    frosty = decide(situation(policy=paused, indoor_temp_c=8.5))
    assert Lever.CURVE_OFFSET_K not in written(frosty)
    due = decide(situation(policy=paused, disinfection_last_at=NOW - timedelta(days=7)))
    assert written(due)[Lever.DHW_SETPOINT_C] == 62
    assert {w.purpose for w in due.writes if w.lever is Lever.DHW_SETPOINT_C} == {Purpose.DISINFECTION}


DOSE = replace(step(SteeringState.MID, hot_water=True), reason=Reason.DISINFECTION)
NARROW = replace(ON, dhw_standard_temperature=48.0)


def dosing(minutes: float) -> dict[Lever, LeverFacts]:
    """Levers as a dose that began some minutes ago has left them."""
    at = NOW - timedelta(minutes=minutes)
    ours = facts(52, 62, written_value=62.0, written_at=at, settle_at=at + timedelta(minutes=5), is_owed=True)
    return {**situation().levers, Lever.DHW_SETPOINT_C: ours}


@pytest.mark.parametrize("policy", [ON, NARROW], ids=["room to plan", "narrow tank"])
def test_a_planned_dose_is_given_and_goes_on_until_it_is_verified(policy: Policy) -> None:
    base = situation(policy=policy, disinfection_last_at=NOW - timedelta(days=6))
    decision = decide(replace(base, wanted=DOSE))
    assert written(decision) == {Lever.DHW_SETPOINT_C: 62, Lever.DHW_BOOST: 1}
    assert {w.purpose for w in decision.writes} == {Purpose.DISINFECTION}
    begun = replace(base, levers=dosing(60), dhw_temp_c=58.0)
    assert Lever.DHW_SETPOINT_C in decide(begun).holds, "also where the plan has moved on"
    verified = replace(begun, wanted=DOSE, disinfection_last_at=NOW - timedelta(minutes=5))
    assert [(w.lever, w.value) for w in decide(verified).releases] == [(Lever.DHW_SETPOINT_C, 52)]


def test_a_planned_dose_is_given_up_when_hopeless_or_paused_an_overdue_one_never() -> None:
    hopeless = situation(levers=dosing(6 * 60), disinfection_last_at=NOW - timedelta(days=6))
    assert [w.value for w in decide(hopeless).releases] == [52]
    pause = replace(ON, is_pause_power_active=True, pause_power_until=NOW + timedelta(hours=1))
    paused = situation(policy=pause, wanted=DOSE, disinfection_last_at=NOW - timedelta(days=6))
    assert written(decide(paused))[Lever.DHW_SETPOINT_C] == 30
    for s in (hopeless, paused):
        overdue = decide(replace(s, disinfection_last_at=NOW - timedelta(days=7)))
        assert written(overdue).get(Lever.DHW_SETPOINT_C, 62) == 62
        assert not overdue.releases
    large = replace(paused, disinfection_every=timedelta(hours=72), disinfection_last_at=NOW - timedelta(hours=72))
    assert written(decide(large))[Lever.DHW_SETPOINT_C] == 62


def test_an_overdue_dose_knows_no_level_and_no_plan_of_its_own() -> None:
    low = replace(ON, optimization_level=OptimizationLevel.LOW)
    late = situation(policy=low, disinfection_last_at=NOW - timedelta(days=7), wanted=step(SteeringState.MID))
    assert written(decide(late)) == {Lever.DHW_SETPOINT_C: 62, Lever.DHW_BOOST: 1}
    cold = {**RANGES, Lever.DHW_SETPOINT_C: LeverRange(30, 55, 1)}
    only_boost = {lever: cold[lever] for lever in (Lever.DHW_SETPOINT_C, Lever.DHW_BOOST)}
    assert written(decide(replace(late, ranges=only_boost))) == {Lever.DHW_SETPOINT_C: 55, Lever.DHW_BOOST: 1}
    nothing = {Lever.DHW_SETPOINT_C: LeverRange(30, 55, 1)}
    assert not written(decide(replace(late, ranges=nothing)))


def test_an_sg_ready_block_ends_after_two_hours() -> None:
    ranges = {Lever.SG_READY_STATE: RANGES[Lever.SG_READY_STATE]}
    for hours, gone in ((1.0, False), (1.75, False), (1.77, True), (2.0, True)):
        since = NOW - timedelta(hours=hours)
        known = LeverFacts(2.0, 1.0, 1.0, since, since + timedelta(minutes=15), blocked_since=since, is_owed=True)
        decision = decide(
            situation(ranges=ranges, levers={Lever.SG_READY_STATE: known}, wanted=step(SteeringState.MIN))
        )
        assert bool(decision.releases) == gone
        if not gone:
            assert decision.holds[Lever.SG_READY_STATE] <= since + BLOCK_LONGEST


def test_an_sg_ready_block_is_given_three_times_a_day() -> None:
    ranges = {Lever.SG_READY_STATE: RANGES[Lever.SG_READY_STATE]}
    for blocks, value in ((0, {Lever.SG_READY_STATE: 1.0}), (2, {Lever.SG_READY_STATE: 1.0}), (3, {})):
        known = LeverFacts(2.0, 2.0, blocks_today=blocks)
        decision = decide(
            situation(ranges=ranges, levers={Lever.SG_READY_STATE: known}, wanted=step(SteeringState.MIN))
        )
        assert written(decision) == value
        assert [r.guard for r in decision.refusals] == ([] if value else [Guard.BLOCK_LIMIT])


@pytest.mark.parametrize(("minimum", "maximum", "lost"), [(2, 3, SteeringState.MIN), (1, 2, SteeringState.MAX)])
def test_one_sg_ready_contact_has_one_side(minimum: float, maximum: float, lost: SteeringState) -> None:
    ranges = {Lever.SG_READY_STATE: LeverRange(minimum, maximum, 1)}
    states = {SteeringState.MIN, SteeringState.MID, SteeringState.MAX} - {lost}
    assert set(allowed_states(OptimizationLevel.MAX, ranges)) == states
    levers = {Lever.SG_READY_STATE: LeverFacts(2.0, 2.0)}
    assert not written(decide(situation(ranges=ranges, levers=levers, wanted=step(lost))))


@pytest.mark.parametrize("level", OptimizationLevel)
def test_levels_cap_the_states(level: OptimizationLevel) -> None:
    policy = replace(ON, optimization_level=level)
    values = {
        state: written(decide(situation(policy=policy, wanted=step(state)))).get(Lever.CURVE_OFFSET_K, 0)
        for state in SteeringState
    }
    assert list(values.values()) == {"Low": [-1, -1, 0, 1], "Mid": [-2, -1, 0, 1], "Max": [-2, -1, 0, 2]}[level.value]


def test_stale_readings_release() -> None:
    offset = facts(0, -1, written_value=-1, written_at=NOW - timedelta(hours=2), is_owed=True)
    decision = decide(situation(read_at=NOW - timedelta(minutes=31), levers={Lever.CURVE_OFFSET_K: offset}))
    assert decision.control_state is ControlState.LOST
    assert [w.value for w in decision.releases] == [0]


def test_a_used_up_budget_ends_at_the_owners_setting() -> None:
    offset = facts(0, 2, written_value=2, written_at=NOW - timedelta(hours=2), writes_today=19, is_owed=True)
    decision = decide(situation(levers={Lever.CURVE_OFFSET_K: offset}))
    assert [w.value for w in decision.releases] == [0]


def test_a_pause_has_what_is_kept_for_guards() -> None:
    """A plan that has used up its writes keeps nobody's pause from being kept."""
    paused = replace(ON, is_pause_power_active=True, pause_power_until=NOW + timedelta(hours=1))
    ranges = {Lever.CURVE_OFFSET_K: RANGES[Lever.CURVE_OFFSET_K]}
    for writes, moved in ((19, {Lever.CURVE_OFFSET_K: -2}), (WRITES_A_DAY, {})):
        offset = facts(0, 0, written_at=NOW - timedelta(hours=2), writes_today=writes)
        found = decide(situation(policy=paused, ranges=ranges, levers={Lever.CURVE_OFFSET_K: offset}))
        assert written(found) == moved


def test_a_batch_moves_at_most_half_a_large_fleet() -> None:
    assert len(limit_batch(range(15), 15).now) == 15
    assert len(limit_batch(range(900), 1000, already=450).now) == 50
    batch = limit_batch(range(900), 1000)
    assert (len(batch.now), len(batch.later)) == (500, 400)


def test_a_decision_is_cheap() -> None:
    s = situation(wanted=step(SteeringState.MAX, True))
    best = min(timeit.repeat(lambda: decide(s), number=200, repeat=5)) / 200
    assert best < 200e-6


@pytest.mark.parametrize(
    ("level", "value"), [(OptimizationLevel.LOW, 1.0), (OptimizationLevel.MID, 1.0), (OptimizationLevel.MAX, 2.0)]
)
def test_solar_surplus_raises_the_pump_within_its_level(level: OptimizationLevel, value: float) -> None:
    policy = replace(ON, optimization_level=level)
    found = decide(situation(policy=policy, wanted=step(SteeringState.MIN), has_solar_surplus=True))
    assert written(found) == {Lever.CURVE_OFFSET_K: value}
    assert (found.state, found.reason) == (SteeringState.MAX, Reason.SOLAR_SURPLUS)


def test_solar_surplus_raises_nothing_that_is_warm_paused_or_not_ours() -> None:
    warm = decide(situation(indoor_temp_c=22.6, has_solar_surplus=True))
    assert warm.state is not SteeringState.MAX
    assert Guard.TOO_WARM in {refusal.guard for refusal in warm.refusals}
    paused = replace(ON, is_pause_power_active=True, pause_power_until=NOW + timedelta(hours=1))
    assert decide(situation(policy=paused, has_solar_surplus=True)).state is SteeringState.MIN
    off = replace(ON, is_space_heating_enabled=False)
    assert Lever.CURVE_OFFSET_K not in written(decide(situation(policy=off, has_solar_surplus=True)))


# Cooling and pool -----------------------------------------------------------------------------------------------------


def summer(**changes: object) -> Situation:
    levers = (Lever.INDOOR_SETPOINT_C, Lever.COOLING_SETPOINT_C, Lever.POOL_SETPOINT_C)
    base = situation(
        ranges={lever: RANGES[lever] for lever in levers},
        levers={
            Lever.INDOOR_SETPOINT_C: facts(21),
            Lever.COOLING_SETPOINT_C: facts(25),
            Lever.POOL_SETPOINT_C: facts(28),
        },
        indoor_temp_c=24.6,
        pool_temp_c=27.5,
        is_cooling=True,
    )
    return replace(base, **changes)


@pytest.mark.parametrize(("state", "setpoint_c"), [("min", 27.0), ("low", 26.0), ("max", 23.0)])
def test_cooling_mirrors_heating(state: str, setpoint_c: float) -> None:
    decision = decide(summer(wanted=step(SteeringState(state), cooling=True)))
    assert written(decision) == {Lever.COOLING_SETPOINT_C: setpoint_c}
    assert decision.state is SteeringState(state)


def test_a_room_that_is_too_warm_gets_its_own_cooling_back() -> None:
    warm = summer(wanted=step(SteeringState.LOW, cooling=True), indoor_temp_c=25.4)
    decision = decide(warm)
    assert not decision.writes
    assert [r.guard for r in decision.refusals] == [Guard.TOO_WARM]
    cold = decide(summer(wanted=step(SteeringState.MAX, cooling=True), indoor_temp_c=23.4))
    assert [r.guard for r in cold.refusals] == [Guard.TOO_COLD]


def test_what_was_moved_for_cooling_is_given_back_on_a_day_of_heating() -> None:
    moved = facts(25, 23, written_value=23.0, written_at=NOW - timedelta(hours=1), is_owed=True)
    levers = {Lever.INDOOR_SETPOINT_C: facts(21), Lever.COOLING_SETPOINT_C: moved}
    decision = decide(summer(wanted=step(SteeringState.LOW), levers=levers, indoor_temp_c=21.5))
    assert [(r.lever, r.value) for r in decision.releases] == [(Lever.COOLING_SETPOINT_C, 25.0)]
    assert written(decision) == {Lever.INDOOR_SETPOINT_C: 20.0}


def test_a_paused_home_is_neither_cooled_nor_its_pool_heated() -> None:
    paused = replace(ON, is_pause_power_active=True, pause_power_until=NOW + timedelta(hours=2))
    decision = decide(summer(policy=paused, wanted=step(cooling=True, pool_heating=True), indoor_temp_c=27.0))
    assert written(decision) == {Lever.COOLING_SETPOINT_C: 27.0, Lever.POOL_SETPOINT_C: 26.0}


@pytest.mark.parametrize(
    ("heats", "pool_c", "setpoint_c"), [(True, 27.5, 30.0), (False, 27.5, 27.0), (False, 26.4, 28)]
)
def test_a_pool_is_heated_or_waits_but_does_not_get_cold(heats: bool, pool_c: float, setpoint_c: float) -> None:
    decision = decide(summer(wanted=step(SteeringState.MID, pool_heating=heats), pool_temp_c=pool_c))
    assert written(decision).get(Lever.POOL_SETPOINT_C, 28.0) == setpoint_c


def test_a_pool_is_left_alone_where_its_owner_says_so() -> None:
    decision = decide(summer(policy=replace(ON, is_pool_heating_enabled=False), wanted=step(pool_heating=True)))
    assert Lever.POOL_SETPOINT_C not in written(decision)

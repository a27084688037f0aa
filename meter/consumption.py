"""Consumption: a load over time takes credit, moves the registers, and opens or closes the relay.

The rule, second by second (the tests run it in exactly this slow way and compare):

1. At the start of a second the relay is *settled*: a finished test or wait ends, and supply is cut when credit has
   reached the cut level, unless the hour is friendly.
2. If supply is on, the second's flow is counted and paid. Too much power or unbalance for `trip_s` seconds in a row
   trips at the end of the second.
3. Credit that has sunk to the warning level is announced once.

`advance` does the same in jumps from one event to the next, so that a quarter of an hour costs no more than a second.

Exactness. One token unit is 360,000 watt seconds (0.1 kWh) or 360,000 seconds at one litre an hour (0.1 m³).
Weights, transformer ratios and money tariffs multiply the size of a *grain* instead of dividing the flow, so every debit is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from meter.profile import Friendly, Installation, Profile
from meter.state import Cause, State

FLOW_IN_UNIT = 360_000
FLOW_IN_KWH = 3_600_000
QUARTER = 900


@dataclass(frozen=True, slots=True)
class Scales:
    """How many grains things have, for one model as one meter is wired.

    `unit[a]`: grains in one token unit of account a. `counted`: grains of a register for one watt second.
    `kwh`: grains of a register in one kWh (or m³).
    """

    unit: tuple[int, ...]
    counted: int
    kwh: int
    account: tuple[int, ...]
    weight: tuple[int, ...]
    rate_step: int
    in_currency: tuple[bool, ...]

    @classmethod
    def of(cls, profile: Profile, installation: Installation) -> Scales:
        counted, whole = installation.counted_part
        places = {each.name: at for at, each in enumerate(profile.accounts)}
        return cls(
            unit=tuple(
                (FLOW_IN_KWH if each.in_currency else FLOW_IN_UNIT) * 1000 * whole
                for each in profile.accounts
            ),
            counted=counted,
            kwh=FLOW_IN_KWH * whole,
            account=tuple(places[each.account] for each in profile.registers),
            weight=tuple(each.weight_milli for each in profile.registers),
            rate_step=profile.tariff_rate_step,
            in_currency=tuple(each.in_currency for each in profile.accounts),
        )

    def debit(self, state: State, source: int) -> int:
        """Grains of credit taken for one watt second on this register, at the meter's present tariff rate."""
        price = state.tariff_rate * self.rate_step if self.in_currency[self.account[source]] else 1
        return self.counted * self.weight[source] * price


def units_of(grains: int, scale: int) -> int:
    """Whole token units as a display shows them: cut off, never rounded up, also below zero."""
    return grains // scale if grains >= 0 else -(-grains // scale)


def cut_level(profile: Profile, scales: Scales, state: State, account: int) -> int:
    """Credit at which supply is cut: zero, or the emergency credit below it while that is in use."""
    if state.emergency >> account & 1:
        return -profile.accounts[account].emergency_units * scales.unit[account]
    return 0


def low_level(profile: Profile, scales: Scales, account: int) -> int:
    return profile.accounts[account].low_units * scales.unit[account]


def is_friendly(friendly: Friendly, installation: Installation, state: State) -> bool:
    """Whether running out of credit does not cut now: a model's option, and none for a meter that lost its clock."""
    if not friendly.on or not state.clock_ok:
        return False
    local = datetime.fromtimestamp(
        state.now + state.clock_offset + installation.utc_offset_minutes * 60, tz=UTC
    )
    minute = local.hour * 60 + local.minute
    start, end = friendly.from_minute, friendly.to_minute
    at_night = start <= minute < end if start <= end else minute >= start or minute < end
    return (
        at_night or local.weekday() in friendly.weekdays or local.date().isoformat() in installation.holidays
    )


def settle(profile: Profile, installation: Installation, scales: Scales, state: State) -> None:
    """Bring the relay in line with credit and clocks, at this instant."""
    account = scales.account[state.source]
    causes = state.causes
    if causes & Cause.TEST and state.now >= state.test_until:
        causes &= ~Cause.TEST
    if (
        causes & (Cause.OVERLOAD | Cause.UNBALANCE)
        and profile.protection.restore == "auto"
        and state.now >= state.restore_at
    ):
        causes &= ~(Cause.OVERLOAD | Cause.UNBALANCE)
    if state.credit[account] > cut_level(profile, scales, state, account):
        causes &= ~Cause.CREDIT
    elif not causes & Cause.CREDIT and not is_friendly(profile.friendly, installation, state):
        causes |= Cause.CREDIT
        state.note("cut", profile.accounts[account].name)
    if state.credit[account] > low_level(profile, scales, account):
        state.low &= ~(1 << account)
    elif not state.low >> account & 1:
        state.low |= 1 << account
        state.note("low", profile.accounts[account].name)
    if state.causes != Cause.NONE and causes == Cause.NONE:
        state.note("supply on")
    state.causes = causes


def advance(
    profile: Profile,
    installation: Installation,
    scales: Scales,
    state: State,
    to: int,
    watts: int,
    spread: int,
) -> None:
    """Let a constant load act until `to`. `spread` is the difference between the strongest and the weakest phase."""
    assert to >= state.now, "a meter's time does not run backward"
    assert watts >= 0, "these meters count one direction"
    state.watts = watts
    debit = scales.debit(state, state.source) * watts
    account = scales.account[state.source]
    span = to - state.now
    quiet = (
        state.causes == Cause.NONE
        and state.powered
        and (state.power_limit_w == 0 or watts <= state.power_limit_w)
        and (state.unbalance_limit_w == 0 or spread <= state.unbalance_limit_w)
    )
    if quiet:
        state.over_s = state.unbalance_s = 0
        watched = (
            cut_level(profile, scales, state, account)
            if state.low >> account & 1
            else low_level(profile, scales, account)
        )
        if state.credit[account] - debit * span > watched:
            _flow(scales, state, watts, debit, span)
            return
    while state.now < to:
        settle(profile, installation, scales, state)
        span = _jump(profile, scales, state, to - state.now, watts, spread, debit)
        if not state.supply:
            state.over_s = state.unbalance_s = 0
            state.now += span
            continue
        _flow(scales, state, watts, debit, span)
        _protect(profile, state, watts, spread, span)
    settle(profile, installation, scales, state)


def _flow(scales: Scales, state: State, watts: int, debit: int, span: int) -> None:
    state.credit[scales.account[state.source]] -= debit * span
    state.totals[state.source] += watts * scales.counted * span
    state.now += span


def _jump(
    profile: Profile, scales: Scales, state: State, span: int, watts: int, spread: int, debit: int
) -> int:
    """Seconds until something can change, at most `span`."""
    if not state.powered:
        return span
    if not state.supply:
        for waiting, moment in (
            (state.causes & Cause.TEST, state.test_until),
            (state.causes & (Cause.OVERLOAD | Cause.UNBALANCE), state.restore_at),
        ):
            if waiting and moment > state.now:
                span = min(span, moment - state.now)
        if not state.causes & Cause.CREDIT:
            span = _to_quarter(state, span, scales, profile)
        return span
    account = scales.account[state.source]
    credit = state.credit[account]
    for level in (cut_level(profile, scales, state, account), low_level(profile, scales, account)):
        if debit and credit > level:
            span = min(span, -(-(credit - level) // debit))
    span = _to_quarter(state, span, scales, profile)
    if state.power_limit_w and watts > state.power_limit_w:
        span = min(span, profile.protection.trip_s - state.over_s)
    if state.unbalance_limit_w and spread > state.unbalance_limit_w:
        span = min(span, profile.protection.trip_s - state.unbalance_s)
    return max(span, 1)


def _to_quarter(state: State, span: int, scales: Scales, profile: Profile) -> int:
    """Credit is used up and supply stays on: the hour is friendly, so look again at the next quarter."""
    account = scales.account[state.source]
    if state.credit[account] > cut_level(profile, scales, state, account):
        return span
    return min(span, QUARTER - (state.now + state.clock_offset) % QUARTER)


def _protect(profile: Profile, state: State, watts: int, spread: int, span: int) -> None:
    over = bool(state.power_limit_w) and watts > state.power_limit_w
    askew = bool(state.unbalance_limit_w) and spread > state.unbalance_limit_w
    state.over_s = state.over_s + span if over else 0
    state.unbalance_s = state.unbalance_s + span if askew else 0
    rules = profile.protection
    for cause, seconds in ((Cause.OVERLOAD, state.over_s), (Cause.UNBALANCE, state.unbalance_s)):
        if seconds >= rules.trip_s:
            state.causes |= cause
            state.trips += 1
            state.restore_at = state.now + (
                rules.long_wait_s if state.trips % rules.tries == 0 else rules.wait_s
            )
            state.over_s = state.unbalance_s = 0
            state.note("overload" if cause is Cause.OVERLOAD else "unbalance", str(watts))
            return

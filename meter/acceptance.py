"""Judging one token, in the order of the checks: the one place that says what a meter answers (docs/reference/conformance.md, section 7).

    1 digits and format · 2 lock-out · 3 deciphering and CRC · 4 class, subclass and function of this model
    · 5 manufacturer · 6 key type · 7 key expiry · 8 TID used or old · 9 range and overflow · 10 apply

The first check that fails answers; nothing after it is looked at, and nothing has changed. A token refused by check 9
keeps its TID unspent, so a customer can come back with it. Test tokens (class 1) are read before the lock-out.
"""

from __future__ import annotations

from meter import key_change, lockout, readings, tid_memory
from meter.consumption import Scales
from meter.outcome import Outcome, Result, Shown
from meter.profile import Account, Installation, Profile
from meter.state import Cause, State
from sts import engine
from sts.errors import ClassReserved, CrcWrong, FormatWrong, StsError
from sts.keys import DecoderKey, KeyType, is_expired
from sts.tid import BaseDate
from sts.tokens import (
    ClearCredit,
    ClearTamper,
    Credit,
    CurrencyCredit,
    MeterTest,
    PhaseUnbalanceLimit,
    PowerLimit,
    SetTariffRate,
    Token,
    WaterFactor,
)
from sts.tokens.key_change import Section
from sts.tokens.management import Management

ALL_REGISTERS = 0xFFFF
TEST_BIT_RELAY = 1

MANAGEMENT: dict[type, str] = {
    PowerLimit: "power limit",
    ClearCredit: "clear credit",
    SetTariffRate: "set tariff rate",
    ClearTamper: "clear tamper",
    PhaseUnbalanceLimit: "phase unbalance limit",
    WaterFactor: "water factor",
}


def decoder_key(state: State) -> DecoderKey:
    """The key register as the token engine wants it."""
    return DecoderKey(
        value=bytes.fromhex(state.key_hex),
        ea=state.ea,
        key_type=KeyType(state.key_type),
        sgc=state.sgc,
        krn=state.krn,
        ti=state.ti,
        ken=state.ken,
        base_date=BaseDate(state.base_year),
    )


def judge(profile: Profile, installation: Installation, scales: Scales, state: State, digits: str) -> Result:
    """What the meter answers to these digits, with the registers changed accordingly. The relay follows in `settle`."""
    key_change.forget_stale(state, profile.key_set_limit_s)
    token, outcome = _read(state, digits)
    if isinstance(token, MeterTest):
        return _test(profile, installation, scales, state, token)
    wait = lockout.wait_left(state)
    if wait:
        return Result(Outcome.LOCKED_OUT, wait_s=wait)
    if token is None:
        result = Result(outcome)
    elif isinstance(token, Section):
        result = _key_change(state, token)
    elif isinstance(token, Credit | CurrencyCredit | Management):
        result = _spend(profile, scales, state, token)
    else:
        result = Result(Outcome.FUNCTION)
    lockout.count(profile.lockout, state, result.outcome)
    return result


def _read(state: State, digits: str) -> tuple[Token | None, Outcome]:
    """Checks 1 and 3, and of 4 what the standard itself leaves undefined."""
    try:
        return engine.read(digits, decoder_key(state)), Outcome.NONE
    except FormatWrong:
        return None, Outcome.FORMAT
    except CrcWrong:
        return None, Outcome.CRC
    except ClassReserved:
        return None, Outcome.FUNCTION
    except StsError:
        return None, Outcome.RANGE


def _test(
    profile: Profile, installation: Installation, scales: Scales, state: State, token: MeterTest
) -> Result:
    """Class 1: enciphered for nobody, so it only shows things and moves the relay for a moment."""
    if token.manufacturer not in (0, profile.manufacturer_code):
        return Result(Outcome.MANUFACTURER, "test")
    names = readings.control_names(token.control) if token.subclass in (0, 1) else []
    pages: list[Shown] = []
    for name in names:
        pages += readings.READINGS[name](profile, installation, scales, state)
    if not pages:
        return Result(Outcome.FUNCTION, "test")
    if token.control & TEST_BIT_RELAY:
        state.causes |= Cause.TEST
        state.test_until = state.now + profile.test_s
    return Result(Outcome.ACCEPTED, "test", pages=tuple(pages))


def _key_change(state: State, token: Section) -> Result:
    answer = key_change.take(state, token)
    if answer.outcome is Outcome.ACCEPTED:
        state.note("key changed", str(state.krn))
    return Result(answer.outcome, "key change", missing=answer.missing)


def _spend(
    profile: Profile, scales: Scales, state: State, token: Credit | CurrencyCredit | Management
) -> Result:
    """Credit and management tokens: everything that bears a TID."""
    is_credit = isinstance(token, Credit | CurrencyCredit)
    account = profile.account_at(token.subclass) if is_credit else None
    what = "credit" if is_credit else MANAGEMENT[type(token)]
    tid = token.tid
    if account is None and what not in profile.functions:
        return Result(Outcome.FUNCTION, what, tid=tid)
    refused = _key_refuses(state, is_credit, tid)
    if refused is not None:
        return Result(refused, what, tid=tid)
    if tid_memory.holds(state.tids, tid):
        return Result(Outcome.USED, what, tid=tid)
    if tid_memory.is_old(state.tids, profile.tid_memory, tid):
        return Result(Outcome.OLD, what, tid=tid)
    if isinstance(token, Management):
        result = Result(_manage(profile, scales, state, token), what, tid=tid)
    else:
        assert account is not None, "a credit without an account was refused above"
        result = _credit(profile.accounts[account], account, scales, state, token)
    if result.accepted:
        tid_memory.remember(state.tids, profile.tid_memory, tid)
    return result


def _key_refuses(state: State, is_credit: bool, tid: int) -> Outcome | None:
    kind = KeyType(state.key_type)
    if kind is KeyType.DITK:
        return Outcome.KEY_TYPE
    if is_credit:
        if kind is KeyType.DDTK:
            return Outcome.DEFAULT_KEY
        if kind is KeyType.DCTK:
            # A common key opens every meter of its group: on a numeric meter one credit would serve all (rules.md 9).
            return Outcome.KEY_TYPE
    return Outcome.KEY_EXPIRED if is_expired(state.ken, tid) else None


def _credit(
    account: Account, at: int, scales: Scales, state: State, token: Credit | CurrencyCredit
) -> Result:
    units = token.units if isinstance(token, Credit) else token.amount_1e5
    grains = units * scales.unit[at]
    after = state.credit[at] + grains
    if after > account.max_units * scales.unit[at]:
        return Result(Outcome.OVERFLOW, "credit", tid=token.tid)
    state.credit[at] = after
    state.loaded[at] += grains
    if after > 0:
        state.emergency &= ~(1 << at)
    state.trips = 0
    return Result(Outcome.ACCEPTED, "credit", units, account.name, token.tid)


def _manage(profile: Profile, scales: Scales, state: State, token: Management) -> Outcome:
    match token:
        case PowerLimit():
            if not 0 < token.value <= profile.protection.largest_power_limit_w:
                return Outcome.RANGE
            state.power_limit_w = token.value
        case PhaseUnbalanceLimit():
            if profile.phases < 2:
                return Outcome.RANGE
            state.unbalance_limit_w = token.value
        case SetTariffRate():
            state.tariff_rate = token.value
        case WaterFactor():
            state.water_factor = token.value
        case ClearTamper():
            state.tamper.clear()
            state.causes &= ~Cause.TAMPER
        case ClearCredit():
            return _clear(profile, scales, state, token.value)
    return Outcome.ACCEPTED


def _clear(profile: Profile, scales: Scales, state: State, register: int) -> Outcome:
    if register == ALL_REGISTERS:
        places = list(range(len(profile.accounts)))
    else:
        at = profile.account_at(register)
        if at is None:
            return Outcome.RANGE
        places = [at]
    for at in places:
        state.cleared[at] += state.credit[at]
        state.credit[at] = 0
    return Outcome.ACCEPTED

"""Every outcome of the meter, in the order of its checks; one row for each rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from meter import profile
from meter.outcome import Outcome
from meter.state import Cause
from meter.twin import Twin
from sts.keys import KeyType
from sts.tokens import (
    ClearCredit,
    ClearTamper,
    Credit,
    CurrencyCredit,
    MeterTest,
    PhaseUnbalanceLimit,
    PowerLimit,
    SetTariffRate,
    WaterFactor,
)

from .keying import a_key, a_token, a_twin, credit, forge, key_change

KEY = a_key()
DITK, DDTK, DCTK = (a_key(kind=kind) for kind in (KeyType.DITK, KeyType.DDTK, KeyType.DCTK))
NEW = a_key(2, krn=2)


def _used() -> tuple[Twin, str]:
    twin = a_twin()
    digits = credit()
    twin.enter(digits)
    return twin, digits


def _old() -> tuple[Twin, str]:
    twin = a_twin()
    for tid in range(1000, 1050):
        assert twin.enter(credit(1, tid=tid)).accepted
    return twin, credit(tid=999)


def _full() -> tuple[Twin, str]:
    return a_twin(units=9_999_000), credit(10_000)


def _locked() -> tuple[Twin, str]:
    twin = a_twin()
    for _ in range(3):
        twin.enter("1" * 20)
    return twin, credit()


def _second_section() -> tuple[Twin, str]:
    twin = a_twin()
    first, second, *_ = key_change(NEW)
    twin.enter(first)
    return twin, second


def _back_to_factory() -> tuple[Twin, str]:
    return a_twin(), key_change(a_key(2, kind=KeyType.DITK))[0]


ROWS: list[tuple[str, Callable[[], tuple[Twin, str]], Outcome]] = [
    ("letters", lambda: (a_twin(), "1234567890123456789x"), Outcome.FORMAT),
    ("nineteen digits", lambda: (a_twin(), "1" * 19), Outcome.FORMAT),
    ("twenty-one digits", lambda: (a_twin(), "1" * 21), Outcome.FORMAT),
    ("digits of another script", lambda: (a_twin(), "٣" * 20), Outcome.FORMAT),
    ("more than 66 bits", lambda: (a_twin(), "9" * 20), Outcome.FORMAT),
    ("a wait after wrong entries", _locked, Outcome.LOCKED_OUT),
    ("another meter's token", lambda: (a_twin(), credit(key=a_key(9))), Outcome.CRC),
    ("class 3", lambda: (a_twin(), forge(3, 0, 0, KEY)), Outcome.FUNCTION),
    ("a reserved class 0 subclass", lambda: (a_twin(), forge(0, 9, 0, KEY)), Outcome.FUNCTION),
    ("a reserved class 1 subclass", lambda: (a_twin(), forge(1, 4, 1, KEY)), Outcome.FUNCTION),
    ("an extended token set", lambda: (a_twin(), forge(2, 10, 0, KEY)), Outcome.FUNCTION),
    ("a maker's own token", lambda: (a_twin(), forge(2, 12, 0, KEY)), Outcome.FUNCTION),
    ("water on an electricity meter", lambda: (a_twin(), credit(subclass=1)), Outcome.FUNCTION),
    ("money on a unit meter", lambda: (a_twin(), a_token(CurrencyCredit(4, 7, 1000))), Outcome.FUNCTION),
    ("a water factor on electricity", lambda: (a_twin(), a_token(WaterFactor(5, 7, 1))), Outcome.FUNCTION),
    ("a set of three on EA07", lambda: _three_sections(), Outcome.FUNCTION),
    ("a test of no figure", lambda: (a_twin(), a_token(MeterTest(0, 1 << 30))), Outcome.FUNCTION),
    ("another maker's test", lambda: (a_twin(), a_token(MeterTest(0, 2, 12))), Outcome.MANUFACTURER),
    ("credit on the factory key", lambda: (a_twin(key=DITK), forge(0, 0, 5 << 40 | 9 << 16 | 1, DITK)), Outcome.KEY_TYPE),
    ("a limit on the factory key", lambda: (a_twin(key=DITK), forge(2, 0, 5 << 40 | 9 << 16 | 1, DITK)), Outcome.KEY_TYPE),
    ("credit on the default key", lambda: (a_twin(key=DDTK), forge(0, 0, 5 << 40 | 9 << 16 | 1, DDTK)), Outcome.DEFAULT_KEY),
    ("credit on a common key", lambda: (a_twin(key=DCTK), credit(key=DCTK)), Outcome.KEY_TYPE),
    ("back to the factory key", _back_to_factory, Outcome.KEY_TYPE),
    ("an expired key", lambda: (a_twin(key=a_key(ken=3)), credit(tid=4 << 16)), Outcome.KEY_EXPIRED),
    ("a used token", _used, Outcome.USED),
    ("an old token", _old, Outcome.OLD),
    ("more than the register holds", _full, Outcome.OVERFLOW),
    ("a power limit of nothing", lambda: (a_twin(), a_token(PowerLimit(5, 7, 0))), Outcome.RANGE),
    ("a power limit beyond the model", lambda: (a_twin(), a_token(PowerLimit(5, 7, 16_000))), Outcome.RANGE),
    ("clearing a register that is not there", lambda: (a_twin(), a_token(ClearCredit(5, 7, 2))), Outcome.RANGE),
    ("a tariff index of three digits", lambda: _odd_set(ti=100), Outcome.RANGE),
    ("credit", lambda: (a_twin(), credit()), Outcome.ACCEPTED),
    ("the last minute of KEN", lambda: (a_twin(key=a_key(ken=3)), credit(tid=(4 << 16) - 1, key=a_key(ken=3))), Outcome.ACCEPTED),
    ("the reserved minute", lambda: (a_twin(), credit(tid=1440 * 700 + 1)), Outcome.ACCEPTED),
    ("a first section", lambda: (a_twin(), key_change(NEW)[2]), Outcome.FIRST_SECTION),
    ("a second section", _second_section, Outcome.FURTHER_SECTION),
    ("a test token", lambda: (a_twin(), "56493153725450313471"), Outcome.ACCEPTED),
]  # fmt: skip


def _three_sections() -> tuple[Twin, str]:
    key = a_key(ea="07")
    first = 1 << 39 | 2 << 36 | 1 << 34 | 2 << 32
    return a_twin(key=key), forge(2, 3, first, key)


def _odd_set(ti: int) -> tuple[Twin, str]:
    key = a_key(ea="07")
    twin = a_twin(key=key)
    twin.enter(key_change(a_key(2, "07"), key)[0])
    return twin, forge(2, 4, 15 << 40 | ti << 32 | 77, key)


@pytest.mark.parametrize(("what", "build", "outcome"), ROWS, ids=[row[0] for row in ROWS])
def test_answers_with_the_outcome_of_the_first_check_that_fails(
    what: str, build: Callable[[], tuple[Twin, str]], outcome: Outcome
) -> None:
    twin, digits = build()
    before = (list(twin.state.credit), list(twin.state.tids), twin.state.key_hex)

    result = twin.enter(digits)

    assert result.outcome is outcome
    assert twin.state.last == int(outcome)
    if not result.accepted:
        assert (twin.state.credit, twin.state.tids, twin.state.key_hex) == before


def test_every_outcome_but_none_and_not_ready_has_a_row() -> None:
    assert {row[2] for row in ROWS} == set(Outcome) - {Outcome.NONE, Outcome.NOT_READY}


@pytest.mark.parametrize("ea", ["07", "11"])
def test_credit_adds_exactly_what_the_token_says_and_closes_the_relay(ea: str) -> None:
    key = a_key(ea=ea)
    twin = a_twin(key=key)
    assert not twin.state.supply

    result = twin.enter(credit(4276, key))

    assert (result.units, result.account, twin.credit_units()) == (4276, "electricity", 4276)
    assert twin.state.supply


def test_the_diary_tells_the_token_first_and_then_what_it_did() -> None:
    twin = a_twin()
    twin.enter(credit())
    assert [each.kind for each in twin.state.events][-2:] == ["accepted", "supply on"]


def test_a_refused_overflow_can_be_entered_again_later() -> None:
    twin, digits = _full()
    assert twin.enter(digits).outcome is Outcome.OVERFLOW
    twin.advance(twin.state.now + 3600 * 24 * 30, 5000)

    assert twin.enter(digits).outcome is Outcome.ACCEPTED


def test_a_token_out_of_order_is_accepted_once() -> None:
    twin = a_twin()
    newer, older = credit(tid=5001), credit(tid=5000)

    assert [twin.enter(each).outcome for each in (newer, older, older)] == [
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
        Outcome.USED,
    ]


def test_the_lock_out_comes_before_the_checksum_and_a_test_token_still_works() -> None:
    twin, digits = _locked()

    assert twin.enter("1" * 20).outcome is Outcome.LOCKED_OUT
    assert twin.enter("56493153725450313471").outcome is Outcome.ACCEPTED
    assert twin.enter(digits).outcome is Outcome.LOCKED_OUT


def test_management_tokens_set_what_they_say() -> None:
    twin = a_twin("three-phase-ct", units=50)
    twin.tamper("cover")
    for tid, token in enumerate(
        (
            PowerLimit(5, 1, 6000),
            PhaseUnbalanceLimit(5, 2, 900),
            SetTariffRate(5, 3, 77),
            ClearTamper(5, 4),
        )
    ):
        assert twin.enter(a_token(replace(token, tid=100 + tid))).accepted

    state = twin.state
    assert (state.power_limit_w, state.unbalance_limit_w, state.tariff_rate) == (6000, 900, 77)
    assert not state.tamper
    assert not state.causes & Cause.TAMPER
    assert twin.enter(a_token(ClearCredit(5, 200, 0xFFFF))).accepted
    assert twin.credit_units() == 0
    assert not state.supply


def test_a_water_meter_takes_water_and_its_factor() -> None:
    twin = a_twin("water")

    assert twin.enter(credit(subclass=1)).accepted
    assert twin.enter(a_token(WaterFactor(5, 9, 3))).accepted
    assert twin.state.water_factor == 3
    assert twin.enter(credit(subclass=0)).outcome is Outcome.FUNCTION


def test_a_money_meter_takes_money_also_taken_back() -> None:
    twin = a_twin("currency")

    assert twin.enter(a_token(CurrencyCredit(4, 20, 1_000_024))).accepted
    assert twin.enter(a_token(CurrencyCredit(4, 21, -500_024))).accepted
    assert twin.show("credit")[0].figure == "5.00"


def test_accepted_tokens_are_remembered_whole_and_refused_ones_by_their_tail() -> None:
    twin = a_twin()
    good, bad = credit(), credit(key=a_key(9))
    twin.enter(good)
    twin.enter(bad)

    assert [(each.tail, each.digits) for each in twin.state.tokens] == [(good[-4:], good), (bad[-4:], "")]


def test_profiles_can_widen_the_memory_of_tokens() -> None:
    wide = replace(profile.load("single-phase"), tid_memory=60)
    twin = a_twin(wide)
    for tid in range(1000, 1060):
        twin.enter(a_token(Credit(0, 5, tid, 1)))

    assert twin.enter(credit(tid=1000)).outcome is Outcome.USED
    assert twin.enter(credit(tid=999)).outcome is Outcome.OLD

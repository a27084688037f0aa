"""Key-change sets: taken apart, put together in any order, and refused when they do not belong together."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import EAS, KEY_LENGTH, decoder_key

from sts.errors import (
    AlgorithmUnknown,
    KeyChangeIncomplete,
    KeyChangeMismatch,
    KeyRevisionOutOfRange,
    ThirdSectionOpen,
)
from sts.tokens import KeyChange1, KeyChange2, KeyChange3, KeyChange4
from sts.tokens.key_change import assemble, sections


def _key(ea="11", **changes):
    return decoder_key(ea, **changes)


@given(
    EAS.flatmap(
        lambda ea: st.tuples(st.just(ea), st.binary(min_size=KEY_LENGTH[ea], max_size=KEY_LENGTH[ea]))
    ),
    st.integers(0, 255),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(0, 99),
    st.integers(0, 999_999),
    st.booleans(),
    st.randoms(),
)
def test_every_set_comes_together_in_any_order(algorithm_and_value, ken, krn, kind, ti, sgc, rollover, order):
    ea, value = algorithm_and_value
    key = _key(ea, value=value, ken=ken, krn=krn, key_type=kind, ti=f"{ti:02d}", sgc=f"{sgc:06d}")
    tokens = list(sections(key, rollover=rollover))
    assert [token.section for token in tokens] == ([1, 2] if ea == "07" else [1, 2, 3, 4])
    assert [token.subclass for token in tokens] == ([3, 4] if ea == "07" else [3, 4, 8, 9])
    order.shuffle(tokens)
    new = assemble(tokens, ea=ea)
    assert (new.value, new.key_type, new.krn, new.ken, new.ti, new.rollover) == (
        value,
        kind,
        krn,
        ken,
        key.ti,
        rollover,
    )
    assert new.sgc == (None if ea == "07" else key.sgc)
    assert value.hex() not in repr(new)


def test_a_section_entered_twice_does_no_harm():
    tokens = sections(_key())
    assert assemble((*tokens, tokens[0], tokens[3]), ea="11") == assemble(tokens, ea="11")


def test_roll_over_is_off_unless_it_is_asked_for():
    assert sections(_key())[0].rollover == 0
    assert sections(_key(), rollover=True)[0].rollover == 1
    assert sections(_key())[0].flag_3kct == 0


@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_set_that_is_not_complete_says_what_is_missing(ea):
    tokens = sections(_key(ea))
    for count in range(len(tokens)):
        for some in itertools.combinations(tokens, count):
            with pytest.raises(KeyChangeIncomplete) as refusal:
                assemble(some, ea=ea)
            present = {token.section for token in some}
            assert refusal.value.fields == {"missing": min(set(range(1, len(tokens) + 1)) - present)}


def test_two_different_tokens_of_one_section_do_not_belong_together():
    first, second = sections(_key("07"))
    for other in (replace(first, key_part=1), replace(first, krn=2)):
        with pytest.raises(KeyChangeMismatch) as refusal:
            assemble((first, second, other), ea="07")
        assert refusal.value.fields == {"reason": "two different tokens of section 1 were given"}


def test_a_set_of_three_is_refused_with_the_reason():
    with pytest.raises(ThirdSectionOpen):
        sections(_key("07"), flag_3kct=True)
    with pytest.raises(ThirdSectionOpen):
        sections(_key("11"), flag_3kct=True)
    first, second = sections(_key("07"))
    with pytest.raises(ThirdSectionOpen):
        assemble((replace(first, flag_3kct=1), second), ea="07")
    with pytest.raises(ThirdSectionOpen):
        assemble((first, second, KeyChange3(1, 2)), ea="07")


def test_fields_that_no_vendor_writes_are_refused():
    first, second, third, fourth = sections(_key())
    with pytest.raises(KeyChangeMismatch) as refusal:
        assemble((first, replace(second, ti=100), third, fourth), ea="11")
    assert refusal.value.fields == {"reason": "the tariff index has more than two digits"}
    assert assemble((first, replace(second, ti=99), third, fourth), ea="11").ti == "99"
    with pytest.raises(KeyChangeMismatch) as refusal:
        assemble((first, second, replace(third, sgc_low=0x240), replace(fourth, sgc_high=0xF4)), ea="11")
    assert refusal.value.fields == {"reason": "the supply group has more than six digits"}
    assert (
        assemble((first, second, replace(third, sgc_low=0x23F), replace(fourth, sgc_high=0xF4)), ea="11").sgc
        == "999999"
    )
    for krn in (0, 10):
        with pytest.raises(KeyRevisionOutOfRange):
            assemble((replace(first, krn=krn), second, third, fourth), ea="11")
    with pytest.raises(AlgorithmUnknown):
        assemble((first, second), ea="09")


def test_the_parts_of_a_key_stand_where_the_published_sets_have_them():
    value = bytes.fromhex("65d148a8dc577dd985528589c09ee8dd")
    tokens = sections(_key(value=value, ken=0xA5, krn=3, key_type=2, ti="91", sgc="321649"), rollover=True)
    assert tokens == (
        KeyChange1(0xA, 3, 1, 0, 2, 0x65D148A8),
        KeyChange2(0x5, 91, 0xC09EE8DD),
        KeyChange3(0x871, 0xDC577DD9),
        KeyChange4(0x04E, 0x85528589),
    )

"""The fast path says what the engine says, digit for digit and refusal for refusal."""

import os
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import EAS, NIBBLES, PAN_11, PAN_13, TIDS, UNITS, vending_key

from sts import amount, ciphers, dkga, drn, engine, fast, pan
from sts.errors import (
    AmountNotEncodable,
    CheckDigitWrong,
    DerivationMismatch,
    DerivationRefused,
    KeyExpired,
    KeyTypeRefuses,
    OutOfRange,
    StsError,
)
from sts.tokens import Credit

METERS = st.one_of(
    st.integers(0, 10**10 - 1).map(lambda n: pan.of("600727", drn.of(f"{n:010d}"))),
    st.integers(0, 10**12 - 1).map(lambda n: pan.of("0000", drn.of(f"{n:012d}"))),
)
SMALL = st.one_of(st.integers(0, 16384), UNITS)


def in_full(key, meter, ti, subclass, rnd, tid, units, ea):
    return engine.encode(Credit(subclass, rnd, tid, units), dkga.derive(key, pan=meter, ti=ti, ea=ea))


ISSUERS = {ea: fast.credit_issuer(vending_key(), ea=ea) for ea in ("07", "11")}


@given(EAS, METERS, st.integers(0, 99), st.integers(0, 3), NIBBLES, TIDS, SMALL)
def test_the_digits_are_those_of_the_engine(ea, meter, ti, subclass, rnd, tid, units):
    ti = f"{ti:02d}"
    assert ISSUERS[ea](meter, ti, subclass, rnd, tid, units) == in_full(
        vending_key(), meter, ti, subclass, rnd, tid, units, ea
    )


@pytest.mark.parametrize("ea", ["07", "11"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"value": bytes(20)},
        {"sgc": "098838"},
        {"krn": 9},
        {"base_date": 1993},
        {"base_date": 2035},
        {"ken": 200},
    ],
)
def test_every_part_of_the_vending_key_enters(ea, change):
    key = vending_key(**change)
    issue = fast.credit_issuer(key, ea=ea)
    for meter in (PAN_11, PAN_13):
        assert issue(meter, "07", 1, 2, 3, 4) == in_full(key, meter, "07", 1, 2, 3, 4, ea)


def test_the_other_derivation_takes_the_long_way():
    key = vending_key("02")
    issue = fast.credit_issuer(key, ea="07")
    assert issue(PAN_11, "07", 0, 5, 1000, 100) == in_full(key, PAN_11, "07", 0, 5, 1000, 100, "07")


@pytest.mark.parametrize("at", range(18))
@pytest.mark.parametrize("meter", [PAN_11, PAN_13])
def test_a_wrong_digit_of_the_meter_is_noticed(meter, at):
    for by in range(1, 10):
        wrong = meter[:at] + str((int(meter[at]) + by) % 10) + meter[at + 1 :]
        with pytest.raises(StsError):
            ISSUERS["11"](wrong, "07", 0, 5, 1000, 100)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("600727000000000017", "07", 0, 5, 1000, 100), CheckDigitWrong),
        (("", "07", 0, 5, 1000, 100), StsError),
        ((None, "07", 0, 5, 1000, 100), StsError),
        (("\ud800" * 18, "07", 0, 5, 1000, 100), StsError),
        (("\u0661" * 9, "07", 0, 5, 1000, 100), StsError),
        (("x" * 18, "07", 0, 5, 1000, 100), StsError),
        ((PAN_11, "7", 0, 5, 1000, 100), StsError),
        ((PAN_11, 7, 0, 5, 1000, 100), StsError),
        ((PAN_11, ["07"], 0, 5, 1000, 100), StsError),
        ((PAN_11, "07", 4, 5, 1000, 100), OutOfRange),
        ((PAN_11, "07", -1, 5, 1000, 100), OutOfRange),
        ((PAN_11, "07", 0, 16, 1000, 100), OutOfRange),
        ((PAN_11, "07", 0, -1, 1000, 100), OutOfRange),
        ((PAN_11, "07", 0, 5, 1 << 24, 100), OutOfRange),
        ((PAN_11, "07", 0, 5, -1, 100), OutOfRange),
        ((PAN_11, "07", 0, 5, 1000.0, 100), StsError),
        ((PAN_11, "07", "0", 5, 1000, 100), StsError),
        ((PAN_11, "07", 0, 5, 1000, 16385), AmountNotEncodable),
        ((PAN_11, "07", 0, 5, 1000, -1), StsError),
        ((PAN_11, "07", 0, 5, 1000, "100"), StsError),
        ((PAN_11, "07", 0, 5, 1000, None), StsError),
    ],
)
def test_a_refusal_is_the_engine_s(arguments, error):
    for ea in ("07", "11"):
        with pytest.raises(error):
            ISSUERS[ea](*arguments)


def test_a_key_of_another_type_or_expired_is_refused():
    for kind in (0, 1):
        with pytest.raises(KeyTypeRefuses):
            fast.credit_issuer(vending_key(key_type=kind), ea="11")(PAN_11, "07", 0, 5, 1000, 100)
    with pytest.raises(DerivationRefused):
        fast.credit_issuer(vending_key(key_type=3), ea="11")(PAN_11, "07", 0, 5, 1000, 100)
    issue = fast.credit_issuer(vending_key(ken=103), ea="11")
    assert issue(PAN_11, "07", 0, 5, 0x67FFFF, 100)
    with pytest.raises(KeyExpired):
        issue(PAN_11, "07", 0, 5, 0x680000, 100)
    with pytest.raises(DerivationMismatch):
        fast.credit_issuer(vending_key("02"), ea="11")


@pytest.mark.parametrize("ea", ["07", "11"])
def test_twenty_thousand_random_tokens_agree(ea):
    _compare(ea, 10_000, seed=62055)


@pytest.mark.long
@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_million_random_tokens_agree(ea):
    _compare(ea, 500_000, seed=int.from_bytes(os.urandom(4), "big"))


def _compare(ea, count, seed):
    draw = random.Random(seed)
    for _ in range(count // 500):
        key = vending_key(
            value=draw.randbytes(20), krn=draw.randrange(1, 10), base_date=draw.choice((1993, 2014, 2035))
        )
        issue = fast.credit_issuer(key, ea=ea)
        for _ in range(500):
            if draw.random() < 0.5:
                meter = pan.of("600727", drn.of(f"{draw.randrange(10**10):010d}"))
            else:
                meter = pan.of("0000", drn.of(f"{draw.randrange(10**12):012d}"))
            units = amount.decode(draw.randrange(65536) if draw.random() < 0.2 else draw.randrange(16384))
            asked = (
                meter,
                f"{draw.randrange(100):02d}",
                draw.randrange(4),
                draw.randrange(16),
                draw.randrange(1 << 24),
                units,
            )
            assert issue(*asked) == in_full(key, *asked, ea), f"seed {seed}: {asked}"


def test_what_is_in_order_does_not_take_the_long_way(monkeypatch):
    draw = random.Random(11)
    meters = [pan.of("600727", drn.of(f"{draw.randrange(10**10):010d}")) for _ in range(300)]
    meters += [pan.of("0000", drn.of(f"{draw.randrange(10**12):012d}")) for _ in range(300)]
    edges = [(0, 0, 0, 0), (3, 15, (1 << 24) - 1, amount.LARGEST_MANTISSA)]
    expected = [in_full(vending_key(), meters[0], "07", *edge, "11") for edge in edges]
    monkeypatch.setattr(dkga, "derive", None)
    issue = fast.credit_issuer(vending_key(), ea="11")
    assert [issue(meters[0], "07", *edge) for edge in edges] == expected
    for number, meter in enumerate(meters):
        assert len(issue(meter, f"{number % 100:02d}", 0, 5, 1000, 100)) == 20


@given(EAS, METERS, st.integers(0, 3), NIBBLES, TIDS, SMALL)
def test_with_a_key_that_is_there_it_says_the_same_and_reads_it_back(ea, meter, subclass, rnd, tid, units):
    key, cipher = dkga.derive(vending_key(), pan=meter, ti="07", ea=ea), ciphers.DEFAULT[ea]
    digits = fast.encode_credit(key, cipher, subclass, rnd, tid, units)
    assert digits == in_full(vending_key(), meter, "07", subclass, rnd, tid, units, ea)
    assert fast.decode_credit(digits, key, cipher) == (subclass, rnd, tid, units)


@given(EAS, st.integers(0, (1 << 66) - 1))
def test_what_is_no_credit_under_this_key_is_not_read_as_one(ea, number):
    key, cipher = dkga.derive(vending_key(), pan=PAN_11, ti="07", ea=ea), ciphers.DEFAULT[ea]
    digits = f"{number:020d}"
    try:
        said = engine.read(digits, key)
    except StsError:
        said = None
    expected = (said.subclass, said.rnd, said.tid, said.units) if isinstance(said, Credit) else None
    assert fast.decode_credit(digits, key, cipher) == expected


@pytest.mark.parametrize("bit", range(64))
@pytest.mark.parametrize("ea", ["07", "11"])
def test_a_cipher_that_turns_a_bit_is_noticed_when_it_is_read_back(ea, bit):
    key, right = dkga.derive(vending_key(), pan=PAN_11, ti="07", ea=ea), ciphers.DEFAULT[ea]
    wrong = replace(right, encipher=lambda key, block: right.encipher(key, block) ^ 1 << bit)
    assert fast.decode_credit(fast.encode_credit(key, wrong, 0, 5, 1000, 100), key, right) != (
        0,
        5,
        1000,
        100,
    )


def test_a_key_that_may_not_carry_a_credit_is_refused_as_the_engine_does():
    cipher = ciphers.DEFAULT["11"]
    for kind in (0, 1):
        key = dkga.derive(vending_key(key_type=kind), pan=PAN_11, ti="07", ea="11")
        with pytest.raises(KeyTypeRefuses):
            fast.encode_credit(key, cipher, 0, 5, 1000, 100)
    key = dkga.derive(vending_key(ken=103), pan=PAN_11, ti="07", ea="11")
    assert fast.encode_credit(key, cipher, 0, 5, 0x67FFFF, 100)
    with pytest.raises(KeyExpired):
        fast.encode_credit(key, cipher, 0, 5, 0x680000, 100)


@given(st.one_of(METERS, st.text(max_size=19), st.integers(0, 10**18 - 1).map(lambda n: f"{n:018d}")))
def test_a_number_is_a_meter_s_where_the_long_way_says_so(text):
    try:
        as_it_stands = pan.validate(text) == text
    except StsError:
        as_it_stands = False
    assert fast.is_pan(text) == as_it_stands

"""The engine: every token comes back, and every refusal has its name and its place in the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_cast import EAS, TOKENS, decoder_key
from sts_oracle import naive

from sts import ciphers, engine, tokens, wire
from sts.errors import (
    ClassReserved,
    CrcWrong,
    KeyExpired,
    KeyMissing,
    KeyTypeRefuses,
    TokenLengthWrong,
    TokenTooLarge,
    WrongType,
)

CREDIT = tokens.Credit(0, 5, 6778380, 1500)


@given(TOKENS, EAS)
def test_every_token_comes_back(token, ea):
    key = decoder_key(ea)
    digits = engine.encode(token, key)
    assert len(digits) == 20
    assert engine.decode(digits, key) == token
    assert engine.read(digits, key) == token


@given(TOKENS, EAS)
def test_reference_and_fast_ciphers_make_the_same_digits(token, ea):
    key = decoder_key(ea)
    assert engine.encode(token, key, ciphers=ciphers.REFERENCE) == engine.encode(token, key)


@given(TOKENS, st.integers(0, (1 << 64) - 1))
def test_the_oracle_in_strings_makes_the_same_digits(token, value):
    key = decoder_key("07", value.to_bytes(8, "big"))
    if token.token_class == 1:
        expected = naive.digits(naive.with_class(naive.block(1, token.subclass, token.pack()), 1))
    else:
        expected = naive.sta_token(token.token_class, token.subclass, token.pack(), value)
    assert engine.encode(token, key) == expected


def test_a_meter_test_needs_no_key_and_is_for_every_meter():
    token = tokens.MeterTest(0, 1)
    assert engine.encode(token) == "00000000000150997584"
    assert engine.decode("00000000000150997584") == token
    assert engine.decode("00000000000150997584", decoder_key("07")) == token


@pytest.mark.parametrize("token", [CREDIT, tokens.PowerLimit(1, 2, 3)])
def test_an_enciphered_token_needs_a_key(token):
    with pytest.raises(KeyMissing) as refusal:
        engine.encode(token)
    assert refusal.value.fields == {"token_class": token.token_class}
    digits = engine.encode(token, decoder_key())
    for function in (engine.decode, engine.read):
        with pytest.raises(KeyMissing) as refusal:
            function(digits)
        assert refusal.value.fields == {"token_class": token.token_class}


def test_another_key_fails_the_checksum():
    digits = engine.encode(CREDIT, decoder_key())
    with pytest.raises(CrcWrong):
        engine.decode(digits, decoder_key(value=bytes(16)))


def test_a_default_key_carries_settings_and_no_credit():
    default = decoder_key(key_type=1)
    with pytest.raises(KeyTypeRefuses):
        engine.encode(CREDIT, default)
    digits = engine.encode(CREDIT, decoder_key())
    with pytest.raises(KeyTypeRefuses):
        engine.decode(digits, default)
    assert engine.read(digits, default) == CREDIT
    limit = tokens.PowerLimit(1, 2, 3)
    assert engine.decode(engine.encode(limit, default), default) == limit


def test_an_expired_key_still_serves_key_change():
    expired = decoder_key(ken=0)
    with pytest.raises(KeyExpired):
        engine.encode(CREDIT, expired)
    with pytest.raises(KeyExpired):
        engine.decode(engine.encode(CREDIT, decoder_key()), expired)
    for section in tokens.key_change.sections(decoder_key()):
        assert engine.decode(engine.encode(section, expired), expired) == section


def test_the_checksum_comes_before_the_key_s_rules():
    digits = engine.encode(CREDIT, decoder_key())
    with pytest.raises(CrcWrong):
        engine.decode(digits, decoder_key(value=bytes(16), key_type=1))


@pytest.mark.parametrize(
    ("digits", "error"),
    [
        ("1" * 19, TokenLengthWrong),
        (str(1 << 66), TokenTooLarge),
        (naive.digits(naive.with_class("0" * 64, 3)), ClassReserved),
    ],
)
def test_digits_are_refused_before_any_key_is_asked_for(digits, error):
    with pytest.raises(error):
        engine.decode(digits)


@pytest.mark.parametrize("wrong", [None, "token", 5, object()])
def test_what_is_no_token_is_refused(wrong):
    with pytest.raises(WrongType) as refusal:
        engine.encode(wrong, decoder_key())
    assert refusal.value.fields["what"] == "A token"


@pytest.mark.parametrize("wrong", [bytes(16), "00" * 16, 5])
def test_what_is_no_key_is_refused(wrong):
    with pytest.raises(WrongType) as refusal:
        engine.encode(CREDIT, wrong)
    assert refusal.value.fields["what"] == "A key"
    with pytest.raises(WrongType):
        engine.read(engine.encode(CREDIT, decoder_key()), wrong)


def test_a_block_is_subclass_data_checksum():
    block = engine.to_block(CREDIT)
    assert block >> 60 == 0
    assert block >> 16 & (1 << 44) - 1 == CREDIT.pack()
    assert engine.from_block(0, block) == CREDIT
    for bit in range(64):
        with pytest.raises(CrcWrong):
            engine.from_block(0, block ^ 1 << bit)


def test_a_checksum_is_right_once_in_65536():
    block = engine.to_block(CREDIT)
    sound = 0
    for crc in range(65536):
        try:
            engine.from_block(0, block & ~0xFFFF | crc)
        except CrcWrong:
            continue
        sound += 1
    assert sound == 1


def test_the_class_is_covered_by_the_checksum():
    for other in (1, 2):
        with pytest.raises(CrcWrong):
            engine.from_block(other, engine.to_block(CREDIT))
    assert wire.extract_class(wire.from_digits(engine.encode(CREDIT, decoder_key())))[1] == 0

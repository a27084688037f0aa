"""The Luhn digit and both CRCs, by the published examples and by the bit-string oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_oracle import naive

from sts import checks

DIGITS = st.text("0123456789", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("payload", "digit"),
    [
        ("7992739871", "3"),
        ("0000000000", "0"),
        ("60072700000000000", "9"),
        ("010000000000", "8"),
        ("5", "9"),
        ("0", "0"),
    ],
)
def test_the_luhn_digit_is_the_one_in_print(payload, digit):
    assert checks.luhn_digit(payload) == digit


@given(DIGITS, st.data())
def test_every_single_wrong_digit_changes_the_luhn_digit(payload, data):
    place = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != payload[place]]))
    changed = payload[:place] + other + payload[place + 1 :]
    assert checks.luhn_digit(changed) != checks.luhn_digit(payload)


@given(DIGITS, st.data())
def test_neighbours_exchanged_are_noticed_except_nought_and_nine(payload, data):
    number = payload + checks.luhn_digit(payload)
    place = data.draw(st.integers(0, len(number) - 2))
    left, right = number[place], number[place + 1]
    swapped = number[:place] + right + left + number[place + 2 :]
    noticed = checks.luhn_digit(swapped[:-1]) != swapped[-1]
    assert noticed == (left != right and {left, right} != {"0", "9"})


def test_the_crc_is_that_of_the_public_glossary():
    assert checks.crc16(bytes.fromhex("00004A2D900FF2")) == 0x0FFA
    assert checks.crc16(bytes.fromhex("00004A2D900FF201")) == 0x7BC4
    assert checks.crc16(b"") == 0xFFFF
    assert checks.crc_of_token(0, 0, 0x4A2D900FF2) == 0x0FFA
    assert checks.crc_of_currency_token(0, 0, 0x4A2D900FF2) == 0x7BC4


@given(st.binary(max_size=12))
def test_the_crc_is_that_of_long_division(message):
    text = "".join(naive.binary(byte, 8) for byte in message)
    assert checks.crc16(message) == int(naive.crc(text), 2)


@given(st.integers(0, 2), st.integers(0, 15), st.integers(0, (1 << 44) - 1))
def test_the_crc_covers_class_subclass_and_data(token_class, subclass, data):
    assert checks.crc_of_token(token_class, subclass, data) == checks.crc16(
        (token_class << 48 | subclass << 44 | data).to_bytes(7, "big")
    )

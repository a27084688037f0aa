"""The frame of a token: class bits, digits, and every way in which digits can be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_oracle import naive

from sts import wire
from sts.errors import OutOfRange, TokenLengthWrong, TokenNotDigits, TokenTooLarge, WrongType

BLOCKS = st.integers(0, (1 << 64) - 1)
CLASSES = st.integers(0, 3)


@given(BLOCKS, CLASSES)
def test_class_bits_go_in_and_come_out(block, token_class):
    token = wire.insert_class(block, token_class)
    assert wire.extract_class(token) == (block, token_class)
    assert wire.from_digits(wire.to_digits(token)) == token
    assert wire.to_digits(token) == naive.digits(naive.with_class(naive.binary(block, 64), token_class))


def test_the_published_example():
    assert wire.insert_class(0xC45ED1619406DF95, 0) == 0x2C45ED1618406DF95
    assert wire.to_digits(0x2C45ED1618406DF95) == "51043465443420856213"


def test_the_ends_of_66_bits():
    assert wire.to_digits(0) == "0" * 20
    assert wire.to_digits((1 << 66) - 1) == "73786976294838206463"
    assert wire.from_digits("73786976294838206463") == (1 << 66) - 1
    with pytest.raises(TokenTooLarge):
        wire.from_digits("73786976294838206464")
    for token in (-1, 1 << 66):
        with pytest.raises(OutOfRange):
            wire.to_digits(token)
        with pytest.raises(OutOfRange) as refusal:
            wire.extract_class(token)
        assert refusal.value.fields["what"] == "A token"
    for block, token_class in ((1 << 64, 0), (-1, 0), (0, 4), (0, -1)):
        with pytest.raises(OutOfRange):
            wire.insert_class(block, token_class)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", TokenNotDigits),
        ("1" * 19, TokenLengthWrong),
        ("1" * 21, TokenLengthWrong),
        ("1111 1111 1111 1111 1111", TokenNotDigits),
        ("+1111111111111111111", TokenNotDigits),
        ("1_111111111111111111", TokenNotDigits),
        ("1111111111111111111\n", TokenNotDigits),
        ("1111111111111111111\u0661", TokenNotDigits),
        ("1111111111111111111\u00b2", TokenNotDigits),
        ("\uff11" * 20, TokenNotDigits),
        ("9" * 20, TokenTooLarge),
        ("1" * 5000, TokenLengthWrong),
        (12345678901234567890, WrongType),
        (b"1" * 20, WrongType),
        (None, WrongType),
    ],
)
def test_digits_that_are_no_token_have_their_error(text, error):
    with pytest.raises(error):
        wire.from_digits(text)


def test_the_error_counts_and_never_repeats_the_digits():
    with pytest.raises(TokenLengthWrong) as refusal:
        wire.from_digits("123456789012345")
    assert refusal.value.fields == {"found": 15}
    assert "123456789012345" not in str(refusal.value)


def test_people_read_groups_of_four_and_may_type_them():
    grouped = "5104 3465 4434 2085 6213"
    assert wire.group("51043465443420856213") == grouped
    assert wire.group(grouped) == grouped
    assert wire.compact(" 5104-3465\u00a04434\u202f2085\t6213") == "51043465443420856213"
    with pytest.raises(TokenLengthWrong):
        wire.group("5104 3465")
    with pytest.raises(WrongType) as refusal:
        wire.compact(5)
    assert refusal.value.fields == {"what": "A token", "expected": "text", "found": "int"}

"""Meter numbers: compact, validate, format; an error for each broken rule."""

import pytest

from sts import drn
from sts.errors import CheckDigitWrong, LengthWrong, NotDigits, WrongType


@pytest.mark.parametrize(
    ("body", "number", "code"),
    [
        ("0000000000", "00000000000", "00"),
        ("010000000000", "0100000000008", "0100"),
        ("5749472419", "57494724198", "57"),
        ("740289654865", "7402896548659", "7402"),
    ],
)
def test_a_body_gets_its_check_digit(body, number, code):
    assert drn.of(body) == number
    assert drn.validate(number) == number
    assert drn.manufacturer(number) == code


def test_people_may_group_what_they_type():
    assert drn.compact(" 5749-4724 198 ") == "57494724198"
    assert drn.validate("57 4947-2419 8") == "57494724198"
    assert drn.format("57494724198") == "57 4947 2419 8"
    assert drn.format("7402896548659") == "7402 8965 4865 9"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NotDigits),
        ("5749472419x", NotDigits),
        ("5749472419\u0668", NotDigits),
        ("5749472419\u00b2", NotDigits),
        ("5749472419", LengthWrong),
        ("574947241981", LengthWrong),
        ("57494724198123", LengthWrong),
        ("57494724199", CheckDigitWrong),
        ("75494724198", CheckDigitWrong),
        (57494724198, WrongType),
        (None, WrongType),
    ],
)
def test_a_broken_rule_has_its_own_error(text, error):
    with pytest.raises(error):
        drn.validate(text)


def test_the_error_counts_the_digits():
    with pytest.raises(LengthWrong) as refusal:
        drn.validate("123")
    assert refusal.value.fields == {"what": "A meter number (DRN)", "expected": "11 or 13", "found": 3}


@pytest.mark.parametrize(
    ("body", "error"),
    [("123456789", LengthWrong), ("12345678901", LengthWrong), ("1234 567890", NotDigits), (5, WrongType)],
)
def test_a_body_that_is_none_is_refused(body, error):
    with pytest.raises(error) as refusal:
        drn.of(body)
    assert refusal.value.fields["what"] == "Manufacturer code and serial number"

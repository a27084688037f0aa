"""Meter PANs: both issuers, both check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts import drn, pan
from sts.errors import CheckDigitWrong, IssuerMismatch, IssuerUnknown, LengthWrong, NotDigits, WrongType

METERS = [
    ("600727", "00000000000", "600727000000000009"),
    ("0000", "0100000000008", "000001000000000082"),
    ("600727", "57494724198", "600727574947241983"),
    ("0000", "7402896548659", "000074028965486592"),
]


@pytest.mark.parametrize(("iin", "number", "whole"), METERS)
def test_a_meter_number_has_its_pan_and_back(iin, number, whole):
    assert pan.of(iin, number) == whole
    assert pan.split(whole) == (iin, number)
    assert pan.validate(whole) == whole
    assert pan.format(whole) == f"{iin} {number} {whole[-1]}"
    assert pan.validate(pan.format(whole)) == pan.compact(pan.format(whole)) == whole


@given(st.text("0123456789", min_size=10, max_size=10), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_refused(body, place, by):
    good = pan.of("600727", drn.of(body))
    digit = str((int(good[place]) + by) % 10)
    with pytest.raises((CheckDigitWrong, IssuerUnknown)):
        pan.validate(good[:place] + digit + good[place + 1 :])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("60072700000000000", LengthWrong),
        ("6007270000000000090", LengthWrong),
        ("60072700000000000x", NotDigits),
        ("600727000000000008", CheckDigitWrong),
        ("600727000000000017", CheckDigitWrong),  # the last digit is right, that of the DRN is not
        ("600728000000000008", IssuerUnknown),
        (None, WrongType),
    ],
)
def test_a_broken_rule_has_its_own_error(text, error):
    with pytest.raises(error):
        pan.validate(text)


def test_the_error_says_which_check_digit_is_wrong():
    with pytest.raises(CheckDigitWrong) as refusal:
        pan.validate("600727000000000008")
    assert refusal.value.fields == {"what": "the meter PAN"}
    with pytest.raises(CheckDigitWrong) as refusal:
        pan.validate("600727000000000017")
    assert refusal.value.fields == {"what": "the meter number (DRN)"}


@pytest.mark.parametrize("iin", ["600728", "000", "", None, 600727, ["600727"]])
def test_an_issuer_that_is_none_is_refused(iin):
    with pytest.raises(IssuerUnknown):
        pan.of(iin, "00000000000")


@pytest.mark.parametrize(
    ("iin", "number", "expected", "found"),
    [("0000", "00000000000", 13, 11), ("600727", "0100000000008", 11, 13)],
)
def test_issuer_and_length_of_the_meter_number_belong_together(iin, number, expected, found):
    with pytest.raises(IssuerMismatch) as refusal:
        pan.of(iin, number)
    assert refusal.value.fields == {"iin": iin, "expected": expected, "found": found}

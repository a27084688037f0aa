"""Amounts as people type them: read one way or refused."""

import pytest

from vending.money import (
    AmountNotPositive,
    AmountNotUnderstood,
    AmountTooLarge,
    CurrencyUnknown,
    parse_amount,
    plain,
    round_cash,
)


@pytest.mark.parametrize(
    ("typed", "code", "minor"),
    [
        ("1500", "ZAR", 150000),
        ("1500.5", "ZAR", 150050),
        ("1500,50", "ZAR", 150050),
        ("1,500.00", "ZAR", 150000),
        ("1.500,00", "EUR", 150000),
        ("1 500,00", "EUR", 150000),
        ("1\u202f500", "EUR", 150000),
        ("1'500.05", "CHF", 150005),
        ("12,345,678", "ZAR", 1234567800),
        ("R 12.30", "ZAR", 1230),
        ("ZAR 12", "ZAR", 1200),
        ("500", "UGX", 500),
        ("1,500", "UGX", 1500),
        ("1.250", "KWD", 1250),
    ],
)
def test_reads_what_people_type(typed: str, code: str, minor: int) -> None:
    assert parse_amount(typed, code) == minor


@pytest.mark.parametrize(
    ("typed", "code", "refusal"),
    [
        ("", "ZAR", AmountNotUnderstood),
        ("abc", "ZAR", AmountNotUnderstood),
        ("1,500", "ZAR", AmountNotUnderstood),  # fifteen hundred, or one and a half
        ("1,5,0", "ZAR", AmountNotUnderstood),
        ("15.005", "ZAR", AmountNotUnderstood),
        ("1500.005", "ZAR", AmountNotUnderstood),
        ("1e5", "ZAR", AmountNotUnderstood),
        ("١٥٠", "ZAR", AmountNotUnderstood),
        ("12.5", "UGX", AmountNotUnderstood),
        ("0", "ZAR", AmountNotPositive),
        ("0.00", "ZAR", AmountNotPositive),
        ("-5", "ZAR", AmountNotPositive),
        ("99999999999999", "ZAR", AmountTooLarge),
        ("5", "XXX", CurrencyUnknown),  # ISO 4217 for “no currency”: a code that exists and is none
    ],
)
def test_refuses_what_reads_two_ways_or_not_at_all(typed: str, code: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        parse_amount(typed, code)


def test_the_plain_form_is_the_same_everywhere() -> None:
    assert plain(150000, "ZAR") == "R 1,500.00"
    assert plain(-5, "ZAR") == "−R 0.05"
    assert plain(1500, "UGX") == "USh 1,500"


@pytest.mark.parametrize(("minor", "rounded"), [(1234, 1230), (1235, 1230), (1236, 1240), (1230, 1230)])
def test_cash_rounds_to_coins_and_halves_in_the_customers_favour(minor: int, rounded: int) -> None:
    assert round_cash(minor, "ZAR") == rounded

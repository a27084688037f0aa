"""Amounts: the published edges, bounded error in the customer's favour, exactness after quantising."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sts_oracle import naive

from sts import amount
from sts.amount import CurrencyCode
from sts.errors import AmountNegative, AmountTooLarge, OutOfRange, RoundingUnknown, WrongType

UNITS = st.one_of(
    st.integers(0, amount.LARGEST_UNITS),
    st.sampled_from([0, 1, 16383, 16384, 16385, 180214, 180215, 180224, 1818524, 1818525, 1818624, 18201624]),
)
MONEY = st.one_of(
    st.integers(-(10**12), 10**12), st.integers(-amount.LARGEST_CURRENCY, amount.LARGEST_CURRENCY)
)
STEPS = ((16383, 1), (180214, 10), (1818524, 100), (18201624, 1000))


def _step(units):
    return next(step for last, step in STEPS if units <= last)


@pytest.mark.parametrize(
    ("units", "field", "decoded"),
    [
        (0, 0x0000, 0),
        (1, 0x0001, 1),
        (16383, 0x3FFF, 16383),
        (16384, 0x4000, 16384),
        (16385, 0x4001, 16394),
        (180214, 0x7FFF, 180214),
        (180215, 0x8000, 180224),
        (180223, 0x8000, 180224),
        (180225, 0x8001, 180324),
        (1818524, 0xBFFF, 1818524),
        (1818525, 0xC000, 1818624),
        (18201624, 0xFFFF, 18201624),
    ],
)
def test_the_field_is_the_published_one(units, field, decoded):
    assert amount.encode(units) == field
    assert amount.decode(field) == decoded


@pytest.mark.parametrize(
    ("units", "down", "up"),
    [
        (16383, 16383, 16383),
        (16385, 16384, 16394),
        (16393, 16384, 16394),
        (180213, 180204, 180214),
        (180220, 180214, 180224),
        (180323, 180224, 180324),
        (1818600, 1818524, 1818624),
        (18201623, 18200624, 18201624),
    ],
)
def test_quantising_names_both_neighbours(units, down, up):
    assert amount.quantise(units, "down") == down
    assert amount.quantise(units, "up") == up


@given(st.integers(0, 0xFFFF))
def test_every_field_comes_back(field):
    units = amount.decode(field)
    assert amount.encode(units) == field
    assert amount.is_exact(units)
    assert amount.quantise(units, "down") == amount.quantise(units, "up") == units


@given(UNITS)
def test_rounding_up_favours_the_customer_and_costs_less_than_a_step(units):
    up, down = amount.quantise(units, "up"), amount.quantise(units, "down")
    assert down <= units <= up
    assert up - units < _step(up)
    assert amount.decode(amount.encode(units)) == up
    assert amount.is_exact(units) == (up == units) == (down == units)
    assert amount.encode(units) == int(naive.amount(units), 2)


@given(UNITS, UNITS)
def test_more_units_never_make_a_smaller_field(one, other):
    assert (amount.encode(one) <= amount.encode(other)) or one > other


@pytest.mark.parametrize(
    "function", [amount.encode, lambda units: amount.quantise(units, "down"), amount.is_exact]
)
def test_an_amount_that_no_token_holds_is_refused(function):
    with pytest.raises(AmountTooLarge) as refusal:
        function(18201625)
    assert refusal.value.fields == {"largest": 18201624}
    with pytest.raises(AmountNegative):
        function(-1)
    for value in (1.0, "1", True, None):
        with pytest.raises(WrongType):
            function(value)


@pytest.mark.parametrize("rounding", ["nearest", "", None, "UP"])
def test_rounding_has_a_direction(rounding):
    with pytest.raises(RoundingUnknown):
        amount.quantise(5, rounding)
    with pytest.raises(RoundingUnknown):
        amount.quantise_currency(5, rounding)


@pytest.mark.parametrize("field", [-1, 65536])
def test_a_field_has_16_bits(field):
    with pytest.raises(OutOfRange):
        amount.decode(field)


@pytest.mark.parametrize(
    ("money", "code"),
    [
        (0, (0, 0)),
        (5, (0, 5)),
        (-5, (8, 5)),
        (16384, (0, 0x4000)),
        (180224, (0, 0x8000)),
        (1818624, (0, 0xC000)),
        (18202624, (1, 0x0000)),
        (-18202624, (9, 0x0000)),
        (amount.LARGEST_CURRENCY, (7, 0xFFFF)),
        (-amount.LARGEST_CURRENCY, (15, 0xFFFF)),
    ],
)
def test_money_has_a_sign_and_five_bits_of_exponent(money, code):
    assert amount.encode_currency(money) == CurrencyCode(*code)
    assert amount.decode_currency(CurrencyCode(*code)) == money
    assert amount.is_exact_currency(money)


@given(st.integers(0, 15), st.integers(0, 0xFFFF))
def test_every_currency_code_comes_back(sign_and_exponent, field):
    money = amount.decode_currency(CurrencyCode(sign_and_exponent, field))
    if money:
        assert amount.encode_currency(money) == (sign_and_exponent, field)
    assert amount.quantise_currency(money, "down") == amount.quantise_currency(money, "up") == money


@given(MONEY)
def test_money_is_rounded_by_magnitude(money):
    up, down = amount.quantise_currency(money, "up"), amount.quantise_currency(money, "down")
    assert abs(down) <= abs(money) <= abs(up)
    assert (up >= 0) == (money >= 0) or up == 0
    assert amount.decode_currency(amount.encode_currency(money)) == up
    assert amount.is_exact_currency(money) == (up == money)
    assert amount.quantise_currency(-money, "up") == -up


def test_money_out_of_range_is_refused():
    for money in (amount.LARGEST_CURRENCY + 1, -amount.LARGEST_CURRENCY - 1):
        with pytest.raises(AmountTooLarge) as refusal:
            amount.encode_currency(money)
        assert refusal.value.fields == {"largest": amount.LARGEST_CURRENCY}
    with pytest.raises(WrongType):
        amount.encode_currency(1.5)
    for code, what in (
        (CurrencyCode(16, 0), "The sign and exponent"),
        (CurrencyCode(-1, 0), "The sign and exponent"),
        (CurrencyCode(0, 65536), "An amount field"),
    ):
        with pytest.raises(OutOfRange) as out:
            amount.decode_currency(code)
        assert out.value.fields["what"] == what

"""Bit fields: what is packed is unpacked, and what does not fit is refused."""

import enum

import pytest

from sts.bits import Layout, fits, in_range, whole
from sts.errors import OutOfRange, WrongType

LAYOUT = Layout(rnd=4, tid=24, amount=16)


def test_the_first_field_is_the_most_significant():
    layout = Layout(rnd=4, tid=24, amount=16)
    assert layout.width == 44
    assert layout.pack(rnd=0xA, tid=0x123456, amount=0xBEEF) == 0xA123456BEEF
    assert layout.unpack(0xA123456BEEF) == {"rnd": 0xA, "tid": 0x123456, "amount": 0xBEEF}


@pytest.mark.parametrize(
    "values",
    [
        {"rnd": 16, "tid": 0, "amount": 0},
        {"rnd": 0, "tid": -1, "amount": 0},
        {"rnd": 0, "tid": 0, "amount": 65536},
    ],
)
def test_a_value_wider_than_its_field_is_refused(values):
    with pytest.raises(OutOfRange):
        LAYOUT.pack(**values)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, b"1"])
def test_only_whole_numbers_are_numbers(value):
    with pytest.raises(WrongType) as refusal:
        whole("It", value)
    assert refusal.value.fields == {"what": "It", "expected": "a whole number", "found": type(value).__name__}


def test_named_numbers_are_numbers():
    class Two(enum.IntEnum):
        TWO = 2

    assert whole("It", Two.TWO) == 2
    assert type(whole("It", Two.TWO)) is int


def test_the_ends_of_a_range_belong_to_it():
    assert [in_range("It", value, 1, 3) for value in (1, 2, 3)] == [1, 2, 3]
    for value in (0, 4):
        with pytest.raises(OutOfRange) as refusal:
            in_range("It", value, 1, 3)
        assert refusal.value.fields == {"what": "It", "low": 1, "high": 3}


def test_a_width_says_how_much_fits():
    assert fits("It", 15, 4) == 15
    assert fits("It", 0, 4) == 0
    with pytest.raises(OutOfRange):
        fits("It", 16, 4)

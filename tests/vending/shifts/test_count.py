"""Notes, coins and differences. Pure."""

from __future__ import annotations

import pytest

from vending.money import CURRENCIES
from vending.shifts.count import Count, Difference, differences, of_json, pieces_of
from vending.shifts.errors import CountInvalid


@pytest.mark.parametrize("code", sorted(CURRENCIES))
def test_every_amount_that_cash_can_pay_can_be_counted(code: str) -> None:
    pieces = pieces_of(code)
    worths = [piece.minor for piece in pieces]
    assert worths == sorted(set(worths), reverse=True)
    assert CURRENCIES[code].cash_step_minor % worths[-1] == 0
    assert any(piece.is_note for piece in pieces)
    assert [piece.is_note for piece in pieces] == sorted((piece.is_note for piece in pieces), reverse=True)


def test_a_count_adds_up_and_survives_being_stored() -> None:
    count = Count("ZAR", {20000: 2, 50: 3, 10: 0}, {"card": 1234, "cheque": 0})
    assert (count.cash_minor, count.counted("card"), count.counted("voucher")) == (40150, 1234, 0)
    again = of_json("ZAR", count.as_json())
    assert (again.cash_minor, again.counted("card")) == (40150, 1234)
    assert count.as_json() == {"pieces": {"20000": 2, "50": 3}, "sums": {"card": 1234}}


def test_differences_tell_each_way_that_either_side_knows() -> None:
    count = Count("ZAR", {1000: 5}, {"voucher": 700})
    found = differences(count, {"cash": 7000, "card": 300, "transfer": 900})
    assert found == (
        Difference("cash", 5000, 7000),
        Difference("card", 0, 300),
        Difference("voucher", 700, 0),
    )
    assert [one.minor for one in found] == [-2000, -300, 700]


@pytest.mark.parametrize(
    ("pieces", "sums"),
    [
        ({123: 1}, {}),
        ({1000: -1}, {}),
        ({1000: 10**7}, {}),
        ({}, {"card": -1}),
        ({}, {"cash": 5}),
        ({}, {"shells": 5}),
    ],
)
def test_refuses_what_cannot_be_counted(pieces: dict[int, int], sums: dict[str, int]) -> None:
    with pytest.raises(CountInvalid):
        Count("ZAR", pieces, sums)

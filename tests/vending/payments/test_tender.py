"""Paying one sale in several ways: what each part pays, and what is refused. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vending.errors import InvalidInput
from vending.money import currency, round_cash
from vending.payments.tender import (
    MOST_TENDERS,
    WAYS,
    ReferenceMissing,
    Tender,
    TenderTooLarge,
    TenderTooSmall,
    TenderTwice,
    TenderUnknown,
    account_of,
    channel_of,
    take,
)


def test_cash_pays_what_the_others_left_and_gives_the_change() -> None:
    cash, card = take((Tender("cash", 50_000), Tender("card", 70_003, "A-77 ")), 100_007, "ZAR")
    assert (card.amount_minor, card.change_minor, card.rounding_minor, card.reference) == (
        70_003,
        0,
        0,
        "A-77",
    )
    assert (cash.amount_minor, cash.change_minor, cash.rounding_minor) == (30_000, 20_000, -4)


def test_nothing_typed_is_exactly_what_is_due() -> None:
    (card,) = take((Tender("card", None, "9"),), 12_345, "ZAR")
    assert card.amount_minor == 12_345
    (cash,) = take((Tender("cash"),), 12_345, "ZAR")
    assert (cash.received_minor, cash.rounding_minor) == (12_340, -5)


def test_a_sale_that_money_kept_from_before_pays_needs_no_reference() -> None:
    (card,) = take((Tender("card"),), 0, "ZAR")
    assert card.amount_minor == 0
    assert take((), 0, "ZAR") == ()


@pytest.mark.parametrize(
    ("tenders", "due", "refusal"),
    [
        ((), 100, TenderTooSmall),
        ((Tender("cash", 90),), 100, TenderTooSmall),
        ((Tender("card", 90, "1"),), 100, TenderTooSmall),
        ((Tender("cash", -100),), 100, TenderTooSmall),
        ((Tender("card", 110, "1"),), 100, TenderTooLarge),
        ((Tender("card", 60, "1"), Tender("transfer", 60, "2")), 100, TenderTooLarge),
        ((Tender("card", 100, " "),), 100, ReferenceMissing),
        ((Tender("cheque", 100),), 100, ReferenceMissing),
        ((Tender("transfer", 100),), 100, ReferenceMissing),
        ((Tender("voucher", 100),), 100, ReferenceMissing),
        ((Tender("shells", 100),), 100, TenderUnknown),
        ((Tender("transfer", 100, "x" * 81),), 100, TenderUnknown),
        (
            (Tender("cash"),),
            5,
            TenderTooSmall,
        ),  # nobody has half of the smallest coin: it would be sold for nothing
        ((Tender("cash", 1000),), 4, TenderTooSmall),
        ((Tender("card", 96, "1"), Tender("cash")), 100, TenderTooSmall),
        ((Tender("cash", 50), Tender("cash", 50)), 100, TenderTwice),
        ((Tender("voucher", 50, "v-1"), Tender("voucher", 50, "V-1 ")), 100, TenderTwice),
        (tuple(Tender("card", 1, str(n)) for n in range(MOST_TENDERS + 1)), 100, TenderTwice),
    ],
)
def test_refuses(tenders: tuple[Tender, ...], due: int, refusal: type[InvalidInput]) -> None:
    with pytest.raises(refusal):
        take(tenders, due, "ZAR")


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.sampled_from(WAYS[1:]), st.integers(0, 10**6)), max_size=4),
    st.integers(0, 10**9),
    st.sampled_from(["ZAR", "KES", "EUR", "KWD", "UGX"]),
)
def test_what_is_taken_is_what_is_due_but_for_coins_that_do_not_exist(
    due: int, others: list[tuple[str, int]], over: int, code: str
) -> None:
    tenders = [Tender(way, amount, f"r{number}") for number, (way, amount) in enumerate(others)]
    tenders.append(Tender("cash", due + over))
    try:
        taken = take(tenders, due, code)
    except TenderTooLarge:
        assert sum(amount for _way, amount in others) > due
        return
    except TenderTooSmall:
        # The coins round up, and the customer gave the bare sum; or what is left is too little for any coin.
        left = due - sum(amount for _way, amount in others)
        assert over < currency(code).cash_step_minor or round_cash(left, code) == 0
        return
    assert sum(one.amount_minor - one.rounding_minor for one in taken) == due
    assert all(one.received_minor - one.change_minor == one.amount_minor for one in taken)
    assert all(one.rounding_minor == one.change_minor == 0 for one in taken if one.way != "cash")
    assert abs(taken[-1].rounding_minor) * 2 <= currency(code).cash_step_minor
    assert taken[-1].amount_minor % currency(code).cash_step_minor == 0


def test_the_channel_is_the_first_way_that_is_not_cash() -> None:
    assert channel_of(()) == ""
    assert channel_of((Tender("cash"),)) == "cash"
    assert channel_of((Tender("cash"), Tender("card", 5, "1"), Tender("transfer", 5, "2"))) == "card"


def test_each_way_has_an_account_for_each_drawer_and_a_balance_is_the_tenants_own() -> None:
    assert account_of("cash", "N1") == "cash/n1"
    assert account_of("cheque", "N1.B") == "cheque/n1.b"
    assert account_of("account", "N1", "tenant-1") == "customer/tenant-1"

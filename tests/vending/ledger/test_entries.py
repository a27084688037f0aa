"""Entries: what cannot be constructed, and what always holds for what can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vending.ledger.chart import ROOTS, is_money, root_of
from vending.ledger.entries import LARGEST, Entry, Leg, collected, credit, debit, reversal_of, transfer
from vending.ledger.errors import (
    AccountUnknown,
    EntryEmpty,
    EntryInvalid,
    EntryUnbalanced,
    LegInvalid,
    UnitUnknown,
)

CASH, CUSTOMER = "cash/till-3", "customer/t1"


def two(amount: int = 5, unit: str = "ZAR") -> tuple[Leg, ...]:
    return (Leg(CASH, unit, amount), Leg(CUSTOMER, unit, -amount))


LEGS = [
    ("zero", CASH, "ZAR", 0, LegInvalid),
    ("a fraction", CASH, "ZAR", 1.0, LegInvalid),
    ("a truth value", CASH, "ZAR", True, LegInvalid),
    ("too large", CASH, "ZAR", LARGEST + 1, LegInvalid),
    ("too small", CASH, "ZAR", -LARGEST - 1, LegInvalid),
    ("an unknown account", "purse/till-3", "ZAR", 1, AccountUnknown),
    ("an account without its second word", "cash", "ZAR", 1, AccountUnknown),
    ("an account with too many words", "cash/till/3", "ZAR", 1, AccountUnknown),
    ("an account with an empty word", "cash/", "ZAR", 1, AccountUnknown),
    ("an account with a space", "cash/till 3", "ZAR", 1, AccountUnknown),
    ("an account with a line break", "cash/till\n", "ZAR", 1, AccountUnknown),
    ("energy sold of no service", "energy/sold/steam", "electricity", 1, AccountUnknown),
    ("energy of no kind", "energy/lost/electricity", "electricity", 1, AccountUnknown),
    ("a unit of no kind", CASH, "kWh", 1, UnitUnknown),
    ("small letters for a currency", CASH, "zar", 1, UnitUnknown),
    ("money on an energy account", "energy/sold/electricity", "ZAR", 1, LegInvalid),
    ("energy on a money account", CASH, "electricity", 1, LegInvalid),
]


@pytest.mark.parametrize(
    ("account", "unit", "amount", "error"), [row[1:] for row in LEGS], ids=[row[0] for row in LEGS]
)
def test_refuses_a_leg_with(account: str, unit: str, amount: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        Leg(account, unit, amount)


def test_the_largest_leg_is_taken() -> None:
    assert Leg(CASH, "ZAR", LARGEST).amount == LARGEST
    assert Leg(CASH, "ZAR", -LARGEST).amount == -LARGEST


ENTRIES = [
    ("nothing", {"legs": ()}, EntryEmpty),
    ("one leg", {"legs": two()[:1]}, EntryEmpty),
    ("a cent too much", {"legs": (Leg(CASH, "ZAR", 6), Leg(CUSTOMER, "ZAR", -5))}, EntryUnbalanced),
    (
        "two currencies that cancel",
        {"legs": (Leg(CASH, "ZAR", 5), Leg(CUSTOMER, "USD", -5))},
        EntryUnbalanced,
    ),
    (
        "energy for money",
        {"legs": (Leg(CASH, "ZAR", 5), Leg("energy/sold/electricity", "electricity", -5))},
        EntryUnbalanced,
    ),
    ("a kind in capitals", {"kind": "Sale"}, EntryInvalid),
    ("no kind", {"kind": ""}, EntryInvalid),
    ("no source", {"source": ""}, EntryInvalid),
    ("a source with a space", {"source": "vend 1"}, EntryInvalid),
    ("a source with a line break", {"source": "vend/1\n"}, EntryInvalid),
    ("a long source", {"source": "v" * 121}, EntryInvalid),
    ("a long note", {"note": "n" * 501}, EntryInvalid),
    ("too many legs", {"legs": two() * 501}, EntryInvalid),
]


@pytest.mark.parametrize(("parts", "error"), [row[1:] for row in ENTRIES], ids=[row[0] for row in ENTRIES])
def test_refuses_an_entry_with(parts: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        Entry(**({"kind": "sale", "source": "vend/1", "legs": two()} | parts))  # type: ignore[arg-type]
    assert type(refused.value) is error


def test_the_limits_themselves_are_taken() -> None:
    assert Entry("s" * 40, "v" * 120, two() * 500, note="n" * 500)


def test_an_unbalanced_entry_says_by_how_much() -> None:
    with pytest.raises(EntryUnbalanced, match=r"\+1 ZAR"):
        Entry("sale", "vend/1", (Leg(CASH, "ZAR", 6), Leg(CUSTOMER, "ZAR", -5)))
    with pytest.raises(EntryUnbalanced, match=r"-1 ZAR"):
        Entry("sale", "vend/1", (Leg(CASH, "ZAR", 4), Leg(CUSTOMER, "ZAR", -5)))


def test_debit_and_credit_are_the_two_signs() -> None:
    assert debit(CASH, "ZAR", 5) == Leg(CASH, "ZAR", 5)
    assert credit(CASH, "ZAR", 5) == Leg(CASH, "ZAR", -5)
    assert debit(CASH, "ZAR", 1).amount == 1
    assert credit(CASH, "ZAR", 1).amount == -1


@pytest.mark.parametrize("amount", [0, -1, 1.5, True])
@pytest.mark.parametrize("side", [debit, credit])
def test_a_side_takes_whole_amounts_above_zero(side, amount) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LegInvalid) as refused:
        side(CASH, "ZAR", amount)
    assert refused.value.sentence == f"A {side.__name__} to {CASH} needs an amount above zero."
    assert refused.value.field == "amount"


def test_a_transfer_debits_one_and_credits_the_other() -> None:
    assert transfer("payment", "payment/1", "ZAR", 7, debited=CASH, credited=CUSTOMER).note == ""
    entry = transfer("payment", "payment/1", "ZAR", 7, debited=CASH, credited=CUSTOMER, note="cash")
    assert entry == Entry(
        "payment", "payment/1", (Leg(CASH, "ZAR", 7), Leg(CUSTOMER, "ZAR", -7)), None, "cash"
    )


def test_a_reversal_turns_every_leg_and_names_the_entry() -> None:
    entry = Entry("sale", "vend/1", two())
    back = reversal_of(entry, 41, source="refund/1", note="Wrong meter")
    assert back == Entry(
        "reversal", "refund/1", (Leg(CASH, "ZAR", -5), Leg(CUSTOMER, "ZAR", 5)), 41, "Wrong meter"
    )


def test_a_fingerprint_is_of_the_legs_alone() -> None:
    one = Entry("sale", "vend/1", two())
    assert one.fingerprint() == Entry("fee", "vend/2", two()[::-1], note="other").fingerprint()
    assert one.fingerprint() != Entry("sale", "vend/1", two(6)).fingerprint()
    assert one.fingerprint() != Entry("sale", "vend/1", two(5, "USD")).fingerprint()
    assert len(one.fingerprint()) == 32


amounts = st.integers(-LARGEST // 1000, LARGEST // 1000).filter(bool)
accounts = st.sampled_from([CASH, CUSTOMER, "sales/electricity", "tax/vat", "rounding", "bank/main"])


@given(st.lists(st.tuples(accounts, st.sampled_from(["ZAR", "USD"]), amounts), min_size=1, max_size=20))
def test_an_entry_can_be_built_exactly_when_every_unit_sums_to_zero(rows: list[tuple[str, str, int]]) -> None:
    legs = [Leg(*row) for row in rows]
    sums = {unit: sum(leg.amount for leg in legs if leg.unit == unit) for unit in ("ZAR", "USD")}
    closing = [Leg("suspense/x", unit, -amount) for unit, amount in sums.items() if amount]
    if closing:
        with pytest.raises((EntryUnbalanced, EntryEmpty)):
            Entry("sale", "vend/1", tuple(legs))
    whole = [*legs, *closing]
    if len(whole) >= 2:
        assert Entry("sale", "vend/1", tuple(whole))


@given(st.lists(st.tuples(accounts, st.sampled_from(["ZAR", "USD"]), amounts), max_size=20))
def test_collecting_legs_moves_the_same(rows: list[tuple[str, str, int]]) -> None:
    legs = [Leg(*row) for row in rows]
    found = collected(legs)
    places = [(leg.account, leg.unit) for leg in found]
    assert len(set(places)) == len(places)
    for account, unit in {(leg.account, leg.unit) for leg in legs}:
        before = sum(leg.amount for leg in legs if (leg.account, leg.unit) == (account, unit))
        after = sum(leg.amount for leg in found if (leg.account, leg.unit) == (account, unit))
        assert before == after
    order = list(dict.fromkeys((leg.account, leg.unit) for leg in legs))
    assert places == [place for place in order if place in places]


SIGNS = {"asset": 1, "expense": 1, "liability": -1, "income": -1, "equity": -1}


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_every_place_in_the_chart_can_be_posted_to(root) -> None:  # type: ignore[no-untyped-def]
    words = root.name.split("/")
    path = "/".join([*words, *["electricity"] * (root.depth[1] - len(words))])
    assert root_of(path) is root
    assert root.sign == SIGNS[root.kind]
    assert Leg(path, "ZAR" if root.money else "electricity", 1)


def test_units_are_money_or_energy() -> None:
    assert is_money("ZAR")
    assert not is_money("water")


def test_floors_stand_where_people_could_overdraw() -> None:
    assert {root.name for root in ROOTS if root.floor == 0} == {
        "customer",
        "kept",
        "deposit",
        "seller",
        "debt",
        "safe",
        "suspense",
        "adopted",
    }
    assert all(root.floor in (0, None) for root in ROOTS)


SENTENCES = [
    (
        lambda: Leg(CASH, "ZAR", 0),
        "A leg on cash/till-3 needs a whole amount, not zero and at most fifteen digits.",
        "amount",
    ),
    (
        lambda: Leg(CASH, "electricity", 1),
        "cash/till-3 does not hold electricity: money and energy have accounts of their own.",
        "unit",
    ),
    (
        lambda: Entry("Sale", "vend/1", two()),
        "The kind 'Sale' must be a short word of small letters and hyphens.",
        "kind",
    ),
    (
        lambda: Entry("sale", "vend 1", two()),
        "The source 'vend 1' must name one act, such as vend/6f0c2a.",
        "source",
    ),
    (lambda: Entry("sale", "vend/1", two(), note="n" * 501), "A note has at most 500 characters.", "note"),
    (
        lambda: Entry("sale", "vend/1", two()[:1]),
        "An entry needs at least two legs: what one account gains another gives.",
        "legs",
    ),
    (
        lambda: Entry("sale", "vend/1", two() * 501),
        "An entry has at most 1000 legs. Write several entries.",
        "legs",
    ),
    (
        lambda: Entry("sale", "vend/1", (Leg(CASH, "ZAR", 6), Leg(CUSTOMER, "ZAR", -5))),
        "The entry sale of vend/1 is +1 ZAR away from zero. Nothing was posted.",
        "ZAR",
    ),
]


@pytest.mark.parametrize(("build", "sentence", "field"), SENTENCES)
def test_a_refusal_says_what_is_wrong_and_where(build, sentence: str, field: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EntryInvalid) as refused:
        build()
    assert (refused.value.sentence, refused.value.field) == (sentence, field)

"""A working day at the drawer, and everything that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from desk_cast import Desk

from vending.access.policy import SYSTEM
from vending.audit import AuditEntry
from vending.errors import NotAllowed, VendingError
from vending.ledger import queries as books
from vending.payments.tender import Tender
from vending.shifts import banking, queries, service
from vending.shifts.count import Count
from vending.shifts.errors import (
    BankLineUnfit,
    BatchNotFound,
    CountLocked,
    LimitsCrossed,
    MoneyReasonMissing,
    NotYourShift,
    OwnDifference,
    SafeShort,
    SealTaken,
    ShiftBankedAlready,
    ShiftNotFound,
    ShiftNotOpen,
    ShiftOpenAlready,
    ShiftStateWrong,
    TillFull,
    WitnessUnfit,
)
from vending.shifts.limits import LimitRow, Limits, limits_of, set_limits
from vending.shifts.queries import ShiftView
from vending.vends import service as vends


def cash(minor: int, **sums: int) -> Count:
    """That much cash in coins of ten cents; how many pieces it was is not what these tests are about."""
    assert minor % 10 == 0
    return Count("ZAR", {10: minor // 10}, sums)


def sold(desk: Desk, shift: str, minor: int, *tenders: Tender, who: str = "thandi", till: str = "N1") -> str:
    basket = desk.basket(shift, minor, who=who, till=till)
    (outcome,) = desk.shop.sell(replace(basket, tenders=tenders) if tenders else basket)
    assert isinstance(outcome, vends.SaleOutcome), outcome
    return outcome.sale_key


def balance(desk: Desk, account: str) -> int:
    with desk.shop.db.reading() as session:
        return books.balance(session, account, "ZAR")


def look(desk: Desk, key: str) -> ShiftView:
    with desk.shop.db.reading() as session:
        return queries.one_shift(session, key)


def lock(desk: Desk, key: str, count: Count, who: str = "thandi") -> int:
    return service.lock_count(desk.shop.db, desk.shop.clock, desk.cast[who], key, count)


def close(desk: Desk, key: str, who: str = "thandi", **more: object) -> str:
    return service.close(desk.shop.db, desk.shop.clock, desk.cast[who], key, **more)  # type: ignore[arg-type]


def allow(desk: Desk, **limits: object) -> None:
    with desk.shop.db.writing() as session:
        set_limits(
            session,
            desk.shop.clock,
            desk.john,
            desk.site,
            LimitRow("", **limits),
            reason="Start",  # type: ignore[arg-type]
        )


def test_a_day_from_float_to_bank_line_keeps_every_cent(desk: Desk) -> None:
    key = desk.open()
    assert (balance(desk, "cash/n1"), balance(desk, f"safe/{desk.site}")) == (50_000, 950_000)
    sold(desk, key, 30_000)
    sold(desk, key, 20_000, Tender("card", None, "T-1"))
    sold(desk, key, 10_000, Tender("cheque", 4_000, "C-7"), Tender("cash"))
    service.drop(
        desk.shop.db, desk.shop.clock, desk.thandi, key, count=cash(20_000), bag="B-1", witness=desk.pieter
    )
    assert balance(desk, "cash/n1") == 66_000
    assert lock(desk, key, cash(64_000, card=20_000, cheque=4_000)) == 1
    view = look(desk, key)
    assert view.counts[0].expected == {
        "cash": 66_000,
        "card": 20_000,
        "cheque": 4_000,
        "voucher": 0,
        "transfer": 0,
    }
    with desk.shop.db.reading() as session:
        assert [(one.way, one.minor) for one in queries.differences_of(session, view)] == [
            ("cash", -2_000),
            ("card", 0),
            ("cheque", 0),
        ]
    batch = close(desk, key, reason="Gave too much change", bag="SEAL-9", deposit_minor=34_000)
    for way in ("cash", "card", "cheque"):
        assert balance(desk, f"{way}/n1") == 0
    assert balance(desk, "over-short/n1") == 2_000
    # In the safe again: the rest of a million, less what is in the bag for the bank (float, drop and drawer came back).
    assert balance(desk, f"safe/{desk.site}") == 950_000 + 20_000 + 64_000 - 34_000
    with desk.shop.db.reading() as session:
        bag = queries.one_batch(session, batch)
    assert (bag.number, bag.amounts, bag.state) == (
        "D-00001",
        {"cash": 34_000, "card": 20_000, "cheque": 4_000},
        "on the way",
    )
    for way, minor in (("cash", 33_900), ("card", 20_000), ("cheque", 4_000)):
        banking.match(
            desk.shop.db,
            desk.shop.clock,
            desk.amina,
            batch,
            way=way,
            amount_minor=minor,
            reference=f"LINE {way}",
            value_date=date(2026, 11, 21),
        )
    with desk.shop.db.reading() as session:
        bag = queries.one_batch(session, batch)
    assert (bag.state, bag.open_minor) == ("difference", {"cash": 100, "card": 0, "cheque": 0})
    banking.explain(
        desk.shop.db, desk.shop.clock, desk.amina, batch, way="cash", reason="A forged note was taken out"
    )
    with desk.shop.db.reading() as session:
        assert queries.one_batch(session, batch).state == "agreed"
    assert balance(desk, "over-short/bank") == 100
    assert balance(desk, "bank/main") == -1_000_000 + 57_900
    # Above what the site tolerates (nothing, here): somebody who did not count decides, once.
    service.decide(
        desk.shop.db, desk.shop.clock, desk.amina, key, outcome="charge", reason="Third time this month"
    )
    assert balance(desk, f"debt/{desk.thandi.key}/shortage") == 2_000
    assert balance(desk, "over-short/n1") == 0
    with desk.shop.db.reading() as session:
        acts = session.scalars(
            sa.select(AuditEntry.act)
            .where(AuditEntry.subject.in_([f"shift:{key}", f"bag:{batch}"]))
            .order_by(AuditEntry.id)
        ).all()
    assert acts == [
        "shift.opened",
        "shift.dropped",
        "shift.counted",
        "shift.closed",
        "bank.packed",
        "bank.matched",
        "bank.matched",
        "bank.matched",
        "bank.explained",
        "shift.decided",
    ]


def test_relief_is_a_second_drawer_and_each_shift_counts_its_own(desk: Desk) -> None:
    first = desk.open()
    sold(desk, first, 10_000)
    second = desk.open("pieter")
    assert look(desk, second).drawer == "n1.b"
    sold(desk, second, 25_000, who="pieter")
    sold(desk, first, 5_000)
    assert (balance(desk, "cash/n1"), balance(desk, "cash/n1.b")) == (65_000, 75_000)
    lock(desk, second, cash(75_000), "pieter")
    close(desk, second, "pieter")
    lock(desk, first, cash(65_000))
    close(desk, first)
    assert look(desk, first).closing == replace(
        look(desk, first).closing, differences={}, reason="", needs_decision=False, takings_minor=15_000
    )  # type: ignore[type-var]
    third = desk.open("pieter", float_minor=0, witness=None)
    assert look(desk, third).drawer == "n1"


def test_a_shift_crosses_midnight_and_reads_only_its_own_sales(desk: Desk) -> None:
    earlier = desk.open(float_minor=0)
    sold(desk, earlier, 7_000)
    lock(desk, earlier, cash(7_000))
    close(desk, earlier)
    desk.shop.clock.set(datetime(2026, 11, 20, 21, 50, tzinfo=UTC))
    key = desk.open()
    sold(desk, key, 10_000)
    desk.shop.clock.advance(timedelta(hours=2, minutes=30))
    sold(desk, key, 20_000, Tender("card", None, "77"))
    with desk.shop.db.reading() as session:
        before = queries.reading(session, queries.one_shift(session, key))
    assert [(one.way, one.payments, one.sold_minor) for one in before] == [
        ("cash", 1, 10_000),
        ("card", 1, 20_000),
    ]
    lock(desk, key, cash(60_000, card=20_000))
    close(desk, key)
    later = desk.open(float_minor=0)
    sold(desk, later, 9_000)
    with desk.shop.db.reading() as session:
        assert queries.reading(session, queries.one_shift(session, key)) == before


def test_money_that_lay_in_the_drawer_before_the_shift_is_not_its_own(desk: Desk) -> None:
    desk.shop.sell(desk.shop.basket(desk.shop.order("G-03", 12_000)))
    key = desk.open()
    sold(desk, key, 10_000)
    lock(desk, key, cash(60_000))
    close(desk, key)
    assert balance(desk, "cash/n1") == 12_000
    assert look(desk, key).closing.differences == {}  # type: ignore[union-attr]


def test_the_limit_blocks_the_sale_that_would_pass_it_until_cash_goes_to_the_safe(desk: Desk) -> None:
    allow(desk, takings_minor=30_000)
    key = desk.open()
    sold(desk, key, 25_000)
    (refused,) = desk.shop.sell(desk.basket(key, 6_000))
    assert isinstance(refused, TillFull)
    assert "310" not in refused.sentence
    sold(desk, key, 6_000, Tender("card", None, "by card"))
    with desk.shop.db.reading() as session:
        assert queries.room_of(session, queries.one_shift(session, key)) == 5_000
    service.drop(
        desk.shop.db, desk.shop.clock, desk.thandi, key, count=cash(20_000), bag="", witness=desk.amina
    )
    sold(desk, key, 6_000)
    # Two sales of one group that only together pass the limit: one is made.
    outcomes = desk.shop.sell(desk.basket(key, 12_000), desk.basket(key, 12_000))
    assert [type(one) for one in outcomes] == [vends.SaleOutcome, TillFull]


def test_a_person_may_have_another_limit_than_the_till_and_the_site(desk: Desk) -> None:
    allow(desk, takings_minor=30_000, tolerance_minor=1_000, special_minor=500)
    with desk.shop.db.writing() as session:
        for row in (
            LimitRow("till:N1", takings_minor=40_000, float_minor=20_000),
            LimitRow(f"person:{desk.thandi.key}", takings_minor=50_000, one_person=True),
        ):
            set_limits(session, desk.shop.clock, desk.john, desk.site, row, reason="Start")
        assert limits_of(session, desk.site, "N1", desk.thandi.key) == Limits(
            50_000, 20_000, 1_000, 500, True
        )
        assert limits_of(session, desk.site, "N1", desk.pieter.key) == Limits(
            40_000, 20_000, 1_000, 500, False
        )
        assert limits_of(session, desk.site, "N2", desk.pieter.key) == Limits(30_000, 0, 1_000, 500, False)
        with pytest.raises(LimitsCrossed):
            set_limits(
                session, desk.shop.clock, desk.john, desk.site, LimitRow("", takings_minor=-1), reason="Wrong"
            )


def test_one_recount_and_no_more(desk: Desk) -> None:
    key = desk.open()
    sold(desk, key, 10_000)
    assert lock(desk, key, cash(50_000)) == 1
    assert lock(desk, key, cash(59_000)) == 2
    with pytest.raises(CountLocked):
        lock(desk, key, cash(60_000))
    with pytest.raises(MoneyReasonMissing):
        close(desk, key)
    close(desk, key, reason="Cannot say where it went")
    assert look(desk, key).closing.differences == {"cash": -1_000}  # type: ignore[union-attr]


def test_a_count_that_fits_is_not_counted_again(desk: Desk) -> None:
    key = desk.open()
    lock(desk, key, cash(50_000))
    with pytest.raises(CountLocked):
        lock(desk, key, cash(40_000))


def test_a_typed_count_survives_and_is_nothing_until_it_is_locked(desk: Desk) -> None:
    key = desk.open()
    service.keep_draft(desk.shop.db, desk.shop.clock, desk.thandi, key, cash(12_340, card=55))
    with desk.shop.db.reading() as session:
        view = queries.one_shift(session, key)
        draft = queries.draft_of(session, view)
    assert draft is not None
    assert (draft.cash_minor, draft.counted("card")) == (12_340, 55)
    assert view.counts == ()
    sold(desk, key, 10_000)  # a typed count stops nothing
    lock(desk, key, cash(60_000))
    with desk.shop.db.reading() as session:
        assert queries.draft_of(session, queries.one_shift(session, key)) is None


def test_a_forgotten_shift_is_counted_and_closed_by_a_supervisor_and_decided_by_another(desk: Desk) -> None:
    key = desk.open()
    sold(desk, key, 10_000)
    with pytest.raises(ShiftOpenAlready):
        desk.open(till="N2")
    with pytest.raises(MoneyReasonMissing):
        service.close_forgotten(
            desk.shop.db, desk.shop.clock, desk.amina, key, count=cash(59_990), reason=" "
        )
    service.close_forgotten(
        desk.shop.db, desk.shop.clock, desk.amina, key, count=cash(59_990), reason="Went home ill"
    )
    view = look(desk, key)
    assert view.closing is not None
    assert (view.closing.forgotten, view.closing.closed_by_name, view.waits) == (True, desk.amina.name, True)
    with pytest.raises(OwnDifference):
        service.decide(
            desk.shop.db, desk.shop.clock, desk.amina, key, outcome="accept", reason="It is little"
        )
    service.decide(desk.shop.db, desk.shop.clock, desk.john, key, outcome="accept", reason="It is little")
    assert not look(desk, key).waits
    desk.open(till="N2")


def test_a_count_that_the_cashier_locked_stands_when_somebody_else_closes(desk: Desk) -> None:
    key = desk.open()
    lock(desk, key, cash(49_000))
    service.close_forgotten(
        desk.shop.db, desk.shop.clock, desk.amina, key, count=cash(1_000), reason="Left early"
    )
    assert look(desk, key).closing.differences == {"cash": -1_000}  # type: ignore[union-attr]


def test_too_much_money_waits_for_whoever_claims_it(desk: Desk) -> None:
    key = desk.open()
    lock(desk, key, cash(51_000))
    close(desk, key, reason="Somebody left his change")
    with pytest.raises(ShiftStateWrong):
        service.decide(desk.shop.db, desk.shop.clock, desk.amina, key, outcome="charge", reason="No sense")
    service.decide(
        desk.shop.db, desk.shop.clock, desk.amina, key, outcome="claim", reason="A customer will come"
    )
    assert (balance(desk, f"suspense/{key}"), balance(desk, "over-short/n1")) == (1_000, 0)
    with pytest.raises(ShiftStateWrong):
        service.decide(desk.shop.db, desk.shop.clock, desk.amina, key, outcome="accept", reason="Once more")


def test_small_differences_within_the_tolerance_need_nobody(desk: Desk) -> None:
    allow(desk, tolerance_minor=1_000)
    key = desk.open()
    lock(desk, key, cash(49_010))
    close(desk, key, reason="Coins are hard to count")
    assert not look(desk, key).waits
    with pytest.raises(ShiftStateWrong):
        service.decide(
            desk.shop.db, desk.shop.clock, desk.amina, key, outcome="accept", reason="Not asked for"
        )


def test_over_and_short_of_each_person(desk: Desk) -> None:
    for who, counts in (("thandi", (49_000, 50_000, 50_500)), ("pieter", (50_000,))):
        for minor in counts:
            key = desk.open(who)
            lock(desk, key, cash(minor), who)
            close(desk, key, who, reason="See the count")
    now = desk.shop.clock.now()
    with desk.shop.db.reading() as session:
        found = queries.over_short_by_person(
            session, desk.site, since=now - timedelta(days=1), until=now + timedelta(days=1)
        )
    assert [
        (one.cashier_name, one.shifts, one.with_difference, one.over_minor, one.short_minor) for one in found
    ] == [
        ("Pieter Botha", 1, 0, 0, 0),
        ("Thandi Nkosi", 3, 2, 500, 1_000),
    ]


def test_a_bag_holds_several_closed_shifts_once(desk: Desk) -> None:
    keys = []
    for who in ("thandi", "pieter"):
        key = desk.open(who)
        sold(desk, key, 10_000, who=who)
        lock(desk, key, cash(60_000), who)
        close(desk, key, who)
        keys.append(key)
    with desk.shop.db.reading() as session:
        assert {one.key for one in queries.list_shifts(session, desk.site, unbanked=True)} == set(keys)
    with pytest.raises(NotAllowed):
        banking.pack(desk.shop.db, desk.shop.clock, desk.thandi, keys, bag="S-1", count=cash(20_000))
    with pytest.raises(BankLineUnfit):
        banking.pack(desk.shop.db, desk.shop.clock, desk.amina, keys, bag="S-1", count=cash(20_010))
    key = banking.pack(desk.shop.db, desk.shop.clock, desk.amina, keys, bag="S-1", count=cash(20_000))
    with desk.shop.db.reading() as session:
        assert queries.list_shifts(session, desk.site, unbanked=True) == []
        assert len(queries.one_batch(session, key).shifts) == 2
        assert [one.key for one in queries.list_batches(session, desk.site)] == [key]


# --- refusals: one row per rule ---------------------------------------------------------------------------------------


def _sale(desk: Desk, key: str, **more: str) -> None:
    (outcome,) = desk.shop.sell(desk.basket(key, 5_000, **more))
    if isinstance(outcome, Exception):
        raise outcome


def _drop(
    desk: Desk, key: str, minor: int = 1_000, who: str = "thandi", witness: str | None = "amina"
) -> None:
    service.drop(
        desk.shop.db,
        desk.shop.clock,
        desk.cast[who],
        key,
        count=cash(minor),
        bag="B",
        witness=desk.cast[witness] if witness else None,
    )


REFUSALS: list[tuple[str, type[VendingError], Callable[[Desk, str], object]]] = [
    ("open twice", ShiftOpenAlready, lambda desk, _key: desk.open()),
    ("open without the right", NotAllowed, lambda desk, _key: desk.open("claire")),
    ("float without a second person", WitnessUnfit, lambda desk, _key: desk.open("pieter", witness=None)),
    ("float seen by oneself", WitnessUnfit, lambda desk, _key: desk.open("pieter", witness="pieter")),
    ("float seen by a tenant", WitnessUnfit, lambda desk, _key: desk.open("pieter", witness="coffee")),
    ("float that the safe has not", SafeShort, lambda desk, _key: desk.open("pieter", float_minor=950_010)),
    ("sale in another's shift", ShiftNotOpen, lambda desk, key: _sale(desk, key, who="pieter")),
    ("sale at another till", ShiftNotOpen, lambda desk, key: _sale(desk, key, till="N2")),
    ("sale in no shift of this name", ShiftNotOpen, lambda desk, _key: _sale(desk, "feedfeedfeedfeed")),
    ("drop of another", NotYourShift, lambda desk, key: _drop(desk, key, who="pieter")),
    ("drop alone", WitnessUnfit, lambda desk, key: _drop(desk, key, witness=None)),
    ("drop seen by oneself", WitnessUnfit, lambda desk, key: _drop(desk, key, witness="thandi")),
    ("drop of nothing", MoneyReasonMissing, lambda desk, key: _drop(desk, key, 0)),
    ("drop of more than there is", ShiftStateWrong, lambda desk, key: _drop(desk, key, 50_010)),
    ("count by a stranger", NotAllowed, lambda desk, key: lock(desk, key, cash(0), "pieter")),
    ("count in another currency", CountLocked, lambda desk, key: lock(desk, key, Count("EUR", {}))),
    ("count of no shift", ShiftNotFound, lambda desk, _key: lock(desk, "feedfeedfeedfeed", cash(0))),
    ("close before the count", ShiftStateWrong, lambda desk, key: close(desk, key)),
    ("decide before the close", ShiftStateWrong, lambda desk, key: service.decide(
        desk.shop.db, desk.shop.clock, desk.amina, key, outcome="accept", reason="Too early")),
    ("forced close by a colleague", NotAllowed, lambda desk, key: service.close_forgotten(
        desk.shop.db, desk.shop.clock, desk.pieter, key, count=cash(0), reason="Not mine")),
    ("forced close without a count", ShiftStateWrong, lambda desk, key: service.close_forgotten(
        desk.shop.db, desk.shop.clock, desk.amina, key, count=None, reason="Went home")),
    ("money from the bank by a cashier", NotAllowed, lambda desk, _key: service.bring_to_safe(
        desk.shop.db, desk.shop.clock, desk.thandi, site=desk.site, currency="ZAR", amount_minor=1, reason="Change")),
    ("bank an open shift", ShiftStateWrong, lambda desk, key: banking.pack(
        desk.shop.db, desk.shop.clock, desk.amina, [key], bag="S-1", count=cash(0))),
    ("bank nothing", ShiftStateWrong, lambda desk, _key: banking.pack(
        desk.shop.db, desk.shop.clock, desk.amina, [], bag="S-1", count=cash(0))),
    ("bank without a seal", SealTaken, lambda desk, key: banking.pack(
        desk.shop.db, desk.shop.clock, desk.amina, [key], bag=" ", count=cash(0))),
    ("match no bag", BatchNotFound, lambda desk, _key: banking.match(
        desk.shop.db, desk.shop.clock, desk.amina, "x", way="cash", amount_minor=1, reference="R-1",
        value_date=date(2026, 1, 1))),
]  # fmt: skip


def test_refuses_and_books_nothing(desk: Desk) -> None:
    """One desk for the whole table: a refusal leaves it as it was."""
    key = desk.open()
    with desk.shop.db.reading() as session:
        before = books.last_entry(session)
    for name, refusal, act in REFUSALS:
        with pytest.raises(refusal) as caught:
            act(desk, key)
        assert caught.value.sentence.endswith("."), name
        with desk.shop.db.reading() as session:
            assert books.last_entry(session) == before, name


def test_refuses_in_a_counted_shift_everything_that_moves_its_drawer(desk: Desk) -> None:
    key = desk.open()
    lock(desk, key, cash(49_000))
    with pytest.raises(ShiftNotOpen):
        _sale(desk, key)
    with pytest.raises(ShiftStateWrong):
        _drop(desk, key)
    close(desk, key, reason="See the count")
    with pytest.raises(ShiftNotOpen):
        _sale(desk, key)
    for again in (
        lambda: lock(desk, key, cash(50_000)),
        lambda: close(desk, key, reason="Once more"),
        lambda: service.keep_draft(desk.shop.db, desk.shop.clock, desk.thandi, key, cash(0)),
    ):
        with pytest.raises(ShiftStateWrong):
            again()


def test_refuses_a_bag_a_seal_and_a_bank_line_twice(desk: Desk) -> None:
    keys = []
    for _number in range(2):
        key = desk.open()
        sold(desk, key, 10_000)
        lock(desk, key, cash(60_000))
        close(desk, key)
        keys.append(key)
    first = banking.pack(desk.shop.db, desk.shop.clock, desk.amina, keys[:1], bag="S-1", count=cash(10_000))
    with pytest.raises(ShiftBankedAlready):
        banking.pack(desk.shop.db, desk.shop.clock, desk.amina, keys, bag="S-2", count=cash(10_000))
    with pytest.raises(SealTaken):
        banking.pack(desk.shop.db, desk.shop.clock, desk.amina, keys[1:], bag="S-1", count=cash(10_000))
    line = {"way": "cash", "amount_minor": 9_000, "reference": "LINE 1", "value_date": date(2026, 11, 21)}
    with pytest.raises(BankLineUnfit):
        banking.explain(desk.shop.db, desk.shop.clock, desk.john, first, way="cash", reason="Before any line")
    banking.match(desk.shop.db, desk.shop.clock, desk.amina, first, **line)  # type: ignore[arg-type]
    for wrong in (
        line,
        {**line, "reference": "line 1"},  # the same line of the bank in other letters
        {**line, "reference": "LINE 2", "way": "card"},
        {**line, "reference": "LINE 2", "amount_minor": 0},
        {**line, "reference": "x"},
    ):
        with pytest.raises(BankLineUnfit):
            banking.match(desk.shop.db, desk.shop.clock, desk.amina, first, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BankLineUnfit):  # who packed it does not explain it
        banking.explain(
            desk.shop.db, desk.shop.clock, desk.amina, first, way="cash", reason="It was my mistake"
        )
    with pytest.raises(MoneyReasonMissing):
        banking.explain(desk.shop.db, desk.shop.clock, desk.john, first, way="cash", reason=" ")
    banking.explain(
        desk.shop.db, desk.shop.clock, desk.john, first, way="cash", reason="A note too many was seen"
    )
    with pytest.raises(BankLineUnfit):
        banking.explain(
            desk.shop.db, desk.shop.clock, desk.john, first, way="cash", reason="Explained before"
        )


NEVER_EDITED = (
    ("shift", "float_minor"),
    ("shift_drop", "bag"),
    ("shift_count", "expected"),
    ("shift_closing", "reason"),
    ("shift_decision", "outcome"),
    ("bank_batch", "amounts"),
    ("bank_line", "amount_minor"),
)


def test_the_database_itself_refuses_to_change_what_happened(desk: Desk) -> None:
    key = desk.open()
    sold(desk, key, 10_000)
    _drop(desk, key)
    lock(desk, key, cash(58_000))
    batch = close(desk, key, reason="One thousand short", bag="SEAL")
    service.decide(desk.shop.db, desk.shop.clock, desk.amina, key, outcome="accept", reason="Seen it")
    banking.match(
        desk.shop.db,
        desk.shop.clock,
        desk.amina,
        batch,
        way="cash",
        amount_minor=9_000,
        reference="LINE",
        value_date=date(2026, 11, 21),
    )
    for table, column in NEVER_EDITED:
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with (
                pytest.raises(sa.exc.DatabaseError, match="append only"),
                desk.shop.db.migrating() as connection,
            ):
                connection.exec_driver_sql(statement)


def test_a_one_person_site_counts_alone_and_says_so(desk: Desk) -> None:
    allow(desk, one_person=True)
    key = desk.open(witness=None)
    _drop(desk, key, witness=None)
    assert look(desk, key).limits["one_person"] is True


def test_the_product_itself_may_open_a_demonstrations_shift(desk: Desk) -> None:
    key = service.open_shift(
        desk.shop.db,
        desk.shop.clock,
        desk.thandi,
        site=desk.site,
        currency="ZAR",
        till="N1",
        float_minor=10_000,
        witness=SYSTEM,
    )
    assert look(desk, key).witness_name == SYSTEM.name


def test_a_drop_of_more_than_the_drawer_holds_leaves_a_row_for_each_try(desk: Desk) -> None:
    key = desk.open()
    for minor in (90_000, 70_000):
        with pytest.raises(ShiftStateWrong, match="there is less in the drawer"):
            _drop(desk, key, minor)
    _drop(desk, key, 20_000)
    assert (balance(desk, "cash/n1"), balance(desk, f"safe/{desk.site}")) == (30_000, 970_000)
    with desk.shop.db.reading() as session:
        tried = session.scalars(
            sa.select(AuditEntry).where(AuditEntry.act == "shift.drop_refused").order_by(AuditEntry.id)
        ).all()
        assert [row.detail["amount_minor"] for row in tried] == [90_000, 70_000]
        assert all(row.subject == f"shift:{key}" for row in tried)

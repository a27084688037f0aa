"""Posting on both databases: what is posted, what is refused, and that twice is the same as once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import closing, queries, service
from vending.ledger.entries import Entry, credit, debit, transfer
from vending.ledger.errors import (
    AlreadyReversed,
    CeilingReached,
    EntryNotFound,
    FloorReached,
    HoldEnded,
    HoldNotFound,
    PeriodClosed,
    PeriodNotOver,
    SourcePostedDifferently,
)
from vending.ledger.service import Bounds, Hold, Settlement


class Manager:
    key = "m1"
    name = "Mara Manager"


def payment(
    source: str = "payment/1", amount: int = 50_000, tenant: str = "t1", till: str = "till-3"
) -> Entry:
    return transfer("payment", source, "ZAR", amount, debited=f"cash/{till}", credited=f"customer/{tenant}")


def sale(
    source: str = "vend/1", tenant: str = "t1", net: int = 43_464, tax: int = 6_519, units: int = 2073
) -> Entry:
    return Entry(
        "sale",
        source,
        (
            debit(f"customer/{tenant}", "ZAR", net + tax),
            credit("sales/electricity", "ZAR", net),
            credit("tax/vat", "ZAR", tax),
            debit("energy/meter/m1", "electricity", units),
            credit("energy/sold/electricity", "electricity", units),
        ),
    )


def test_posts_a_payment_and_a_sale(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        first, second = service.post(session, clock, [payment(), sale()])
    assert second > first
    with database.reading() as session:
        assert queries.balance(session, "customer/t1", "ZAR") == 17
        assert queries.balance(session, "cash/till-3", "ZAR") == 50_000
        assert queries.balance(session, "sales/electricity", "ZAR") == 43_464
        assert queries.balance(session, "energy/sold/electricity", "electricity") == 2073
        assert queries.balance(session, "customer/nobody", "ZAR") == 0


def test_the_same_source_twice_is_the_same_as_once(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        once = service.post(session, clock, [payment(), sale()])
    with database.writing() as session:
        again = service.post(session, clock, [payment(), sale(), payment("payment/2"), payment("payment/2")])
    assert again[:2] == once
    assert again[2] == again[3]
    with database.reading() as session:
        assert queries.balance(session, "cash/till-3", "ZAR") == 100_000


def test_the_same_source_with_other_amounts_is_refused_and_nothing_is_posted(
    database: Database, clock: FixedClock
) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
    with pytest.raises(SourcePostedDifferently), database.writing() as session:
        service.post(session, clock, [payment("payment/2"), payment(amount=50_001)])
    with database.reading() as session:
        assert queries.balance(session, "cash/till-3", "ZAR") == 50_000


def test_a_customer_cannot_spend_more_than_he_has(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment(amount=49_982)])
    with pytest.raises(FloorReached) as refused, database.writing() as session:
        service.post(session, clock, [sale()])
    assert (refused.value.path, refused.value.available) == ("customer/t1", -1)
    with database.reading() as session:
        assert queries.balance(session, "customer/t1", "ZAR") == 49_982
        assert queries.balance(session, "sales/electricity", "ZAR") == 0


def test_one_that_falls_short_in_a_batch_takes_the_whole_step_back(
    database: Database, clock: FixedClock
) -> None:
    with pytest.raises(FloorReached), database.writing() as session:
        service.post(session, clock, [payment(tenant="t2"), sale(tenant="t1")])
    with database.reading() as session:
        assert queries.trial_balance(session) == []


def test_what_is_held_cannot_be_spent_and_is_free_again_after_void(
    database: Database, clock: FixedClock
) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
        service.hold(session, clock, [Hold("vend/1", "customer/t1", "ZAR", 50_000)])
    with pytest.raises(FloorReached), database.writing() as session:
        service.hold(session, clock, [Hold("vend/2", "customer/t1", "ZAR", 1)])
    with pytest.raises(FloorReached), database.writing() as session:
        service.post(session, clock, [sale("vend/2", net=1, tax=1)])
    with database.writing() as session:
        service.hold(session, clock, [Hold("vend/1", "customer/t1", "ZAR", 50_000)])
        service.void(session, clock, ["vend/1"])
        service.void(session, clock, ["vend/1"])
    with database.reading() as session:
        assert queries.standing(session, [("customer/t1", "ZAR")])[0].available == 50_000


def test_a_hold_is_settled_by_the_sale_and_the_remainder_stays(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
        service.hold(session, clock, [Hold("vend/1", "customer/t1", "ZAR", 50_000)])
    for _ in range(2):
        with database.writing() as session:
            ids = service.settle(session, clock, [Settlement("vend/1", (sale(),))])
        assert len(ids[0]) == 1
    with database.reading() as session:
        found = queries.standing(session, [("customer/t1", "ZAR")])[0]
        assert (found.balance, found.held, found.available) == (17, 0, 17)


def test_a_hold_ends_one_way_only(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
        service.hold(session, clock, [Hold("vend/1", "customer/t1", "ZAR", 100)])
        service.void(session, clock, ["vend/1"])
    with pytest.raises(HoldEnded), database.writing() as session:
        service.settle(session, clock, [Settlement("vend/1", ())])
    with pytest.raises(HoldNotFound), database.writing() as session:
        service.void(session, clock, ["vend/9"])
    with pytest.raises(SourcePostedDifferently), database.writing() as session:
        service.hold(session, clock, [Hold("vend/1", "customer/t1", "ZAR", 101)])


def test_a_reversal_names_the_old_entry_and_happens_once(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        entry = service.post(session, clock, [payment()])[0]
        back = service.reverse(session, clock, entry, source="refund/1", note="Typed twice")
        assert service.reverse(session, clock, entry, source="refund/1", note="Typed twice") == back
    with pytest.raises(AlreadyReversed), database.writing() as session:
        service.reverse(session, clock, entry, source="refund/2", note="Again")
    with pytest.raises(EntryNotFound), database.writing() as session:
        service.reverse(session, clock, 999, source="refund/3", note="No such")
    with database.reading() as session:
        lines = queries.statement(session, "customer/t1", "ZAR").lines
        assert [(line.amount, line.balance, line.reverses) for line in lines] == [
            (50_000, 50_000, None),
            (-50_000, 0, entry),
        ]


def test_a_reversal_obeys_floors_too(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        entry, _ = service.post(session, clock, [payment(), sale()])
    with pytest.raises(FloorReached), database.writing() as session:
        service.reverse(session, clock, entry, source="refund/1", note="Too late")


def test_a_till_has_a_ceiling_when_one_is_set(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.set_bounds(
            session,
            clock,
            account="cash/till-3",
            unit="ZAR",
            bounds=Bounds(0, 60_000),
            actor=Manager,
            reason="Limit",
        )
        service.post(session, clock, [payment()])
    with pytest.raises(CeilingReached), database.writing() as session:
        service.post(session, clock, [payment("payment/2", amount=10_001)])
    with database.writing() as session:
        service.post(session, clock, [payment("payment/2", amount=10_000)])
        assert session.execute(sa.text("SELECT act FROM audit_entry")).scalars().all() == [
            "ledger.set_bounds"
        ]


def test_an_allowed_debt_moves_the_floor(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.set_bounds(
            session,
            clock,
            account="customer/t1",
            unit="ZAR",
            bounds=Bounds(-100),
            actor=Manager,
            reason="Credit",
        )
        service.post(session, clock, [sale(net=90, tax=10)])
    with pytest.raises(FloorReached), database.writing() as session:
        service.post(session, clock, [sale("vend/2", net=1, tax=1)])


def test_snapshots_change_no_balance(database: Database, clock: FixedClock) -> None:
    def post(first: int) -> None:
        with database.writing() as session:
            service.post(
                session, clock, [payment(f"payment/{n}", amount=n) for n in range(first, first + 10)]
            )

    post(1)
    assert closing.take_snapshots(database, least=5) == 2
    post(11)
    with database.reading() as session:
        assert queries.balance(session, "customer/t1", "ZAR") == sum(range(1, 21))
    assert closing.take_snapshots(database, least=5) == 2
    assert closing.take_snapshots(database, least=1) == 0
    with database.reading() as session:
        assert queries.balance(session, "cash/till-3", "ZAR") == sum(range(1, 21))


def test_nothing_is_dated_into_a_closed_period(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
    end = clock.now() + timedelta(hours=1)
    with pytest.raises(PeriodNotOver):
        closing.close_period(database, clock, until=end, actor=Manager, reason="Month end")
    clock.advance(timedelta(hours=2))
    digest = closing.close_period(database, clock, until=end, actor=Manager, reason="Month end")
    assert closing.close_period(database, clock, until=end, actor=Manager, reason="Month end") == digest
    with pytest.raises(PeriodNotOver):
        closing.close_period(
            database, clock, until=end - timedelta(minutes=1), actor=Manager, reason="Month end"
        )
    clock.advance(timedelta(hours=-1, minutes=-30))
    with pytest.raises(PeriodClosed), database.writing() as session:
        service.post(session, clock, [payment("payment/2")])


def test_a_statement_opens_and_closes(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
    clock.advance(timedelta(days=1))
    start = clock.now()
    with database.writing() as session:
        service.post(session, clock, [sale()])
    clock.advance(timedelta(days=1))
    end = clock.now()
    with database.writing() as session:
        service.post(session, clock, [payment("payment/2", amount=100)])
    with database.reading() as session:
        found = queries.statement(session, "customer/t1", "ZAR", since=start, until=end)
    assert (found.opening, [line.amount for line in found.lines], found.closing) == (50_000, [-49_983], 17)


def test_the_trial_balance_adds_up_in_every_unit(database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment(), sale()])
    with database.reading() as session:
        lines = queries.trial_balance(session)
    for unit in ("ZAR", "electricity"):
        own = [line for line in lines if line.unit == unit]
        assert sum(line.debits for line in own) == sum(line.credits for line in own) > 0


STATEMENTS = {
    "update": "UPDATE ledger_leg SET amount = amount + 1",
    "delete": "DELETE FROM ledger_entry",
    "rename": "UPDATE ledger_account SET path = 'cash/mine'",
    "unbalanced": "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (77, 0, 1, 'ZAR', 5), (77, 1, 2, 'ZAR', -4);"
    "INSERT INTO ledger_entry (id, kind, source, fingerprint, posted_at, legs, note) VALUES (77, 'x', 'x/1', 'f', '2026-11-21T00:00:00.000000Z', 2, '')",
    "of no entry": "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (77, 0, 1, 'ZAR', 5), (77, 1, 2, 'ZAR', -5)",
    "of no account": "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (77, 0, 1, 'ZAR', 5), (77, 1, 9999, 'ZAR', -5);"
    "INSERT INTO ledger_entry (id, kind, source, fingerprint, posted_at, legs, note) VALUES (77, 'x', 'x/1', 'f', '2026-11-21T00:00:00.000000Z', 2, '')",
    "added later": "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (1, 7, 1, 'ZAR', 5), (1, 8, 2, 'ZAR', -5)",
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_database_itself_refuses(name: str, database: Database, clock: FixedClock) -> None:
    with database.writing() as session:
        service.post(session, clock, [payment()])
    statements = STATEMENTS[name].split(";")
    if database.dialect == "postgresql":
        statements.reverse()  # the entry comes first there, because its legs refer to it
    with pytest.raises(sa.exc.DBAPIError), database.writing() as session:
        for statement in statements:
            session.execute(sa.text(statement))


def test_an_entry_without_legs_is_refused_on_sqlite(sqlite_database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), sqlite_database.writing() as session:
        session.execute(
            sa.text(
                "INSERT INTO ledger_entry (id, kind, source, fingerprint, posted_at, legs, note)"
                " VALUES (1, 'x', 'x/1', 'f', '2026-11-21T00:00:00.000000Z', 2, '')"
            )
        )

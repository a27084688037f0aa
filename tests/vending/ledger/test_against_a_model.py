"""The ledger against a model of a few lines, on both databases: any list of operations keeps the books at zero.

The machine runs on one database and uses accounts of its own in every run; the model is a dictionary of sums.
"""

import itertools
from collections import Counter
from datetime import timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import closing, queries, service
from vending.ledger.entries import Entry, credit, debit, transfer
from vending.ledger.errors import AlreadyReversed, FloorReached, HoldEnded
from vending.ledger.service import Hold, Settlement

RUNS = itertools.count(1)
TENANTS = st.integers(1, 3)
AMOUNTS = st.integers(1, 5000)


class Clerk:
    key = "c1"
    name = "Carla Clerk"


class Books(RuleBasedStateMachine):
    """Payments, sales, holds and their ends, reversals, snapshots, closes: each also done to the model."""

    database: Database
    clock: FixedClock

    def __init__(self) -> None:
        super().__init__()
        self.run = next(RUNS)
        self.acts = 0
        self.sums: Counter[tuple[str, str]] = Counter()
        self.holds: dict[str, tuple[str, int, str]] = {}
        self.posted: dict[int, Entry] = {}
        self.reversed: set[int] = set()

    def source(self, word: str) -> str:
        self.acts += 1
        return f"{word}/{self.run}-{self.acts}"

    def tenant(self, number: int) -> str:
        return f"customer/r{self.run}t{number}"

    def available(self, account: str) -> int:
        held = sum(
            amount for place, amount, state in self.holds.values() if place == account and state == "open"
        )
        return -self.sums[account, "ZAR"] - held

    def floors_hold_after(self, entry: Entry) -> bool:
        moved: Counter[str] = Counter()
        for leg in entry.legs:
            moved[leg.account] += leg.amount
        return all(
            self.available(account) - amount >= 0
            for account, amount in moved.items()
            if account.startswith("customer/") and amount > 0
        )

    def post(self, entry: Entry) -> None:
        expected = self.floors_hold_after(entry)
        try:
            with self.database.writing() as session:
                entry_id = service.post(session, self.clock, [entry])[0]
        except FloorReached:
            assert not expected
            return
        assert expected
        self.applied(entry_id, entry)

    def applied(self, entry_id: int, entry: Entry) -> None:
        assert entry_id not in self.posted
        self.posted[entry_id] = entry
        for leg in entry.legs:
            self.sums[leg.account, leg.unit] += leg.amount

    def sale(self, tenant: int, net: int, tax: int, units: int) -> Entry:
        return Entry(
            "sale",
            self.source("vend"),
            (
                debit(self.tenant(tenant), "ZAR", net + tax),
                credit(f"sales/r{self.run}", "ZAR", net),
                credit("tax/vat", "ZAR", tax),
                debit(f"energy/meter/r{self.run}m{tenant}", "electricity", units),
                credit("energy/sold/electricity", "electricity", units),
            ),
        )

    @rule(tenant=TENANTS, amount=AMOUNTS)
    def pay(self, tenant: int, amount: int) -> None:
        self.post(
            transfer(
                "payment", self.source("payment"), "ZAR", amount,
                debited=f"cash/r{self.run}", credited=self.tenant(tenant),
            )
        )  # fmt: skip

    @rule(tenant=TENANTS, net=AMOUNTS, tax=AMOUNTS, units=AMOUNTS)
    def sell(self, tenant: int, net: int, tax: int, units: int) -> None:
        self.post(self.sale(tenant, net, tax, units))

    @rule(data=st.data())
    def post_again(self, data: st.DataObject) -> None:
        if self.posted:
            entry_id = data.draw(st.sampled_from(sorted(self.posted)))
            with self.database.writing() as session:
                assert service.post(session, self.clock, [self.posted[entry_id]]) == [entry_id]

    @rule(tenant=TENANTS, amount=AMOUNTS)
    def hold(self, tenant: int, amount: int) -> None:
        account, source = self.tenant(tenant), self.source("vend")
        expected = self.available(account) >= amount
        try:
            with self.database.writing() as session:
                service.hold(session, self.clock, [Hold(source, account, "ZAR", amount)])
        except FloorReached:
            assert not expected
            return
        assert expected
        self.holds[source] = (account, amount, "open")

    @rule(data=st.data(), settle=st.booleans(), tax=st.integers(1, 9))
    def end(self, data: st.DataObject, settle: bool, tax: int) -> None:
        if not self.holds:
            return
        source = data.draw(st.sampled_from(sorted(self.holds)))
        account, amount, state = self.holds[source]
        outcome = "settled" if settle else "voided"
        entry = self.sale(int(account[-1]), max(amount - tax, 1), min(tax, max(amount - 1, 1)), 7)
        fits = amount > 1
        try:
            with self.database.writing() as session:
                if settle:
                    entries = (entry,) if fits and state == "open" else ()
                    ids = service.settle(session, self.clock, [Settlement(source, entries)])[0]
                else:
                    service.void(session, self.clock, [source])
        except HoldEnded:
            assert state not in ("open", outcome)
            return
        assert state in ("open", outcome)
        self.holds[source] = (account, amount, outcome)
        if settle and state == "open" and fits:
            self.applied(ids[0], entry)

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        if not self.posted:
            return
        entry_id = data.draw(st.sampled_from(sorted(self.posted)))
        old = self.posted[entry_id]
        source = self.source("reversal")
        expected = self.floors_hold_after(Entry("reversal", source, tuple(_turned(old))))
        try:
            with self.database.writing() as session:
                new = service.reverse(session, self.clock, entry_id, source=source, note="Model")
        except AlreadyReversed:
            assert entry_id in self.reversed
            return
        except FloorReached:
            assert not expected
            return
        assert entry_id not in self.reversed
        assert expected
        self.reversed.add(entry_id)
        self.applied(new, Entry("reversal", source, tuple(_turned(old)), entry_id, "Model"))

    @rule(least=st.integers(1, 8))
    def take_snapshots(self, least: int) -> None:
        closing.take_snapshots(self.database, least=least)

    @rule()
    def close_period(self) -> None:
        self.clock.advance(timedelta(minutes=1))
        closing.close_period(self.database, self.clock, until=self.clock.now(), actor=Clerk, reason="Model")

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        places = sorted(place for place in self.sums if f"r{self.run}" in place[0])
        with self.database.reading() as session:
            for found in queries.standing(session, places):
                sign = -1 if found.account.startswith(("customer/", "sales/")) else 1
                assert found.balance == sign * self.sums[found.account, found.unit]
                if found.account.startswith("customer/"):
                    assert found.available == self.available(found.account) >= 0

    def teardown(self) -> None:
        with self.database.reading() as session:
            rows = session.execute(sa.text("SELECT unit, sum(amount) FROM ledger_leg GROUP BY unit")).all()
            assert all(int(total) == 0 for _, total in rows)
            assert all(line.debits or line.credits for line in queries.trial_balance(session))


def _turned(entry: Entry):  # type: ignore[no-untyped-def]
    return (type(leg)(leg.account, leg.unit, -leg.amount) for leg in entry.legs)


def test_the_ledger_is_its_model(database: Database, clock: FixedClock) -> None:
    class Machine(Books):
        pass

    Machine.database, Machine.clock = database, clock
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

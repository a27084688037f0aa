"""The working days of a history's cashiers: the float in the morning, cash to the safe when the drawer fills, a blind count in
the evening, a bag to the bank, and the bank's line some days later.

Now and then a drawer is a little short or over; whether it is, and by how much, depends on the seed alone. All of it goes
through the services of the shift, by the people of the demonstration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time

from vending.access import people
from vending.access.policy import Actor, Grant
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration.people import seed_of
from vending.ledger import queries as ledger
from vending.shifts import banking
from vending.shifts import queries as shift_queries
from vending.shifts import service as shifts
from vending.shifts.count import COUNTED, Count, Difference, differences, pieces_of

CASHIERS = {"N1": "thandi", "N2": "pieter"}
EVENING = day_time(23, 30)  # of the clock in UTC: after the last hour in which tenants buy
FLOAT_MINOR = 50_000
FULL_MINOR = 1_000_000  # more than this does not stay in a drawer
NOTE_MINOR = 20_000  # what goes to the safe goes in these notes
BANK_DAYS = 2  # until a bag stands in the bank's statement


@dataclass(frozen=True, slots=True)
class OpenDrawer:
    shift: str
    till: str
    cashier: Actor


class Desk:
    """Two tills, each with a cashier of its own; the supervisor is the second person."""

    def __init__(self, db: Database, clock: FixedClock, site: str, currency: str, seed: int) -> None:
        self._db, self._clock, self._site, self._currency, self._seed = db, clock, site, currency, seed
        self._cashiers = {till: self._person(login, "cashier") for till, login in CASHIERS.items()}
        self._supervisor = self._person("amina", "supervisor")
        self._manager = self._person("john", "manager")
        self._day: date | None = None
        self._open: dict[str, OpenDrawer] = {}
        self._sold_at: set[str] = set()  # since the drawers were looked at
        self._bags: list[tuple[date, str]] = []

    def _person(self, login: str, role: str) -> Actor:
        with self._db.reading() as session:
            found = people.find_person(session, login)
        assert found is not None, f"{login} belongs to every demonstration"
        return Actor(found.key, found.name, frozenset({Grant(role, self._site)}))

    def comes_to(self, moment: datetime) -> bool:
        """Time goes on to this moment; whether a new day began. The days before it are closed at their own evening."""
        new = moment.date() != self._day
        if new:
            self.ends()
            self._day = moment.date()
        self._clock.set(moment)
        if new:
            self._bank(moment.date())
        return new

    def drawer(self, till: str) -> OpenDrawer:
        """The open drawer of a till; the first sale of the day opens it."""
        if till not in self._open:
            cashier = self._cashiers[till]
            key = shifts.open_shift(
                self._db,
                self._clock,
                cashier,
                site=self._site,
                currency=self._currency,
                till=till,
                float_minor=FLOAT_MINOR,
                witness=self._supervisor,
            )
            self._open[till] = OpenDrawer(key, till, cashier)
        self._sold_at.add(till)
        return self._open[till]

    def look_at_drawers(self) -> None:
        """What is too much for a drawer that sold since the last look goes to the safe."""
        for till in sorted(self._sold_at):
            drawer = self._open[till]
            with self._db.reading() as session:
                cash = ledger.balance(session, f"cash/{till.lower()}", self._currency)
            if cash > FULL_MINOR:
                notes = (cash - FLOAT_MINOR) // NOTE_MINOR
                shifts.drop(
                    self._db,
                    self._clock,
                    drawer.cashier,
                    drawer.shift,
                    count=Count(self._currency, {NOTE_MINOR: notes}),
                    bag="",
                    witness=self._supervisor,
                )
        self._sold_at.clear()

    def ends(self) -> None:
        """The evening of the day: every open drawer is counted, closed, and its takings are packed for the bank."""
        if self._day is None or not self._open:
            return
        self._clock.set(datetime.combine(self._day, EVENING, UTC))
        for till in sorted(self._open):
            drawer = self._open.pop(till)
            expected = self._expected(drawer)
            off = self._off(drawer.till)
            count = counted(self._currency, expected, off)
            found = self._count(drawer, count, expected)
            took = self._takings(drawer, count, expected)
            bag = shifts.close(
                self._db,
                self._clock,
                drawer.cashier,
                drawer.shift,
                reason="Counted twice, change was given wrongly" if found else "",
                bag=f"{self._day:%Y%m%d}-{till}" if took else "",
            )
            if bag:
                self._bags.append((self._day, bag))
            self._decide(drawer, found)

    def _takings(self, drawer: OpenDrawer, count: Count, expected: dict[str, int]) -> bool:
        """Whether there is anything for the bank."""
        with self._db.reading() as session:
            dropped = shift_queries.one_shift(session, drawer.shift).dropped_minor
        slips = any(minor > 0 for way, minor in expected.items() if way != "cash")
        return slips or count.cash_minor + dropped > FLOAT_MINOR

    def _count(self, drawer: OpenDrawer, count: Count, expected: dict[str, int]) -> Sequence[Difference]:
        """Blind, and once more when it does not fit."""
        shifts.lock_count(self._db, self._clock, drawer.cashier, drawer.shift, count)
        found = [one for one in differences(count, expected) if one.minor]
        if found:
            shifts.lock_count(self._db, self._clock, drawer.cashier, drawer.shift, count)
        return found

    def _decide(self, drawer: OpenDrawer, found: Sequence[Difference]) -> None:
        with self._db.reading() as session:
            waits = shift_queries.one_shift(session, drawer.shift).waits
        if waits:
            over = sum(one.minor for one in found) > 0
            shifts.decide(
                self._db,
                self._clock,
                self._supervisor,
                drawer.shift,
                outcome="claim" if over else "accept",
                reason="Looked at the roll and the drawer with the cashier",
            )

    def _bank(self, today: date) -> None:
        """Bags that have been on their way long enough stand in the bank's statement."""
        while self._bags and today - self._bags[0][0] >= timedelta(days=BANK_DAYS):
            day, bag = self._bags.pop(0)
            with self._db.reading() as session:
                batch = shift_queries.one_batch(session, bag)
            for way, minor in batch.amounts.items():
                if minor > 0:
                    banking.match(
                        self._db,
                        self._clock,
                        self._manager,
                        bag,
                        way=way,
                        amount_minor=minor,
                        reference=f"FNB {batch.number} {way}",
                        value_date=day + timedelta(days=BANK_DAYS),
                    )

    def _expected(self, drawer: OpenDrawer) -> dict[str, int]:
        with self._db.reading() as session:
            shift = shift_queries.one_shift(session, drawer.shift)
            return shift_queries.expected_now(session, shift)

    def _off(self, till: str) -> int:
        """How much the drawer is over (below zero: short): one evening in twelve a little, one in ninety more."""
        bits = seed_of(f"{self._seed} {self._day} {till} drawer")
        sign = 1 if bits & 1 else -1
        if bits % 90 == 7:
            return sign * (20 + (bits >> 8) % 40) * 100
        return sign * (1 + (bits >> 8) % 9) * 100 if bits % 12 == 5 else 0


def counted(currency: str, expected: dict[str, int], off: int) -> Count:
    """What somebody counts in a drawer that holds what the books expect, and that much more or less of it in cash."""
    rest, pieces = max(expected.get("cash", 0) + off, 0), {}
    for piece in pieces_of(currency):
        pieces[piece.minor], rest = divmod(rest, piece.minor)
    sums = {way: expected[way] for way in COUNTED if way != "cash" and expected.get(way, 0) > 0}
    return Count(currency, pieces, sums)

"""Looks at shifts, bags and differences: frozen values for pages, papers, reports and commands. Reads only.

`reading` and the counts' expected side are for people who do not count that drawer; pages of a cashier ask for them only
after the count is locked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.ledger import queries as books
from vending.shifts import service
from vending.shifts.banking import transit_of
from vending.shifts.count import WAYS, Count, Difference, differences, of_json
from vending.shifts.errors import BatchNotFound, ShiftNotFound
from vending.shifts.tables import (
    BankBatch,
    BankBatchShift,
    BankExplanation,
    BankLine,
    Shift,
    ShiftClosing,
    ShiftCount,
    ShiftDecision,
    ShiftDraft,
    ShiftDrop,
    ShiftStanding,
)


@dataclass(frozen=True, slots=True)
class DropView:
    amount_minor: int
    bag: str
    witness_name: str
    dropped_at: datetime


@dataclass(frozen=True, slots=True)
class CountView:
    round: int
    count: Count
    expected: dict[str, int]
    counted_by: str
    counted_by_name: str
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class ClosingView:
    differences: dict[str, int]
    reason: str
    forgotten: bool
    needs_decision: bool
    takings_minor: int
    through_entry: int
    closed_by_name: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionView:
    outcome: str
    reason: str
    decided_by_name: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class ShiftView:
    key: str
    number: str
    site_key: str
    till: str
    drawer: str
    cashier_key: str
    cashier_name: str
    currency: str
    float_minor: int
    limits: dict[str, Any]
    witness_name: str
    opened_at: datetime
    after_entry: int
    state: str
    drops: tuple[DropView, ...]
    counts: tuple[CountView, ...]
    closing: ClosingView | None
    decision: DecisionView | None
    batch: str  # the number of the bag that took it to the bank

    @property
    def dropped_minor(self) -> int:
        return sum(one.amount_minor for one in self.drops)

    @property
    def waits(self) -> bool:
        """A difference is booked and nobody has decided on it."""
        return self.closing is not None and self.closing.needs_decision and self.decision is None

    @property
    def net_difference_minor(self) -> int:
        return sum(self.closing.differences.values()) if self.closing else 0


@dataclass(frozen=True, slots=True)
class WayReading:
    """One way of paying in one shift. `payments`: how many; the rest is money as the books have it."""

    way: str
    payments: int
    sold_minor: int
    back_minor: int
    dropped_minor: int
    corrected_minor: int
    other_minor: int

    @property
    def has_anything(self) -> bool:
        return bool(
            self.payments or self.sold_minor or self.back_minor or self.corrected_minor or self.other_minor
        )


@dataclass(frozen=True, slots=True)
class BankLineView:
    way: str
    amount_minor: int
    reference: str
    value_date: str
    entered_by_name: str


@dataclass(frozen=True, slots=True)
class ExplanationView:
    way: str
    amount_minor: int
    reason: str
    explained_by_name: str
    explained_at: datetime


@dataclass(frozen=True, slots=True)
class BatchView:
    key: str
    number: str
    site_key: str
    currency: str
    bag: str
    amounts: dict[str, int]
    pieces: dict[int, int]
    total_minor: int
    packed_by: str
    packed_by_name: str
    packed_at: datetime
    shifts: tuple[str, ...]
    lines: tuple[BankLineView, ...]
    explanations: tuple[ExplanationView, ...]
    open_minor: dict[str, int]  # what the bank has not confirmed, and nobody has explained

    @property
    def state(self) -> str:
        if not any(self.open_minor.values()):
            return "agreed"
        return "difference" if self.lines else "on the way"


def open_of(session: Session, cashier_key: str) -> ShiftView | None:
    """The one shift of this person that is not closed."""
    key = session.scalar(
        sa.select(ShiftStanding.shift_key).where(
            ShiftStanding.cashier_key == cashier_key, ShiftStanding.state != "closed"
        )
    )
    return one_shift(session, key) if key is not None else None


def open_key(session: Session, cashier_key: str) -> str:
    """The key of this person's shift that takes money now, or nothing."""
    return (
        session.scalar(
            sa.select(ShiftStanding.shift_key).where(
                ShiftStanding.cashier_key == cashier_key, ShiftStanding.state == "open"
            )
        )
        or ""
    )


def one_shift(session: Session, key: str) -> ShiftView:
    found = _views(session, sa.select(Shift).where(Shift.key == key))
    if not found:
        raise ShiftNotFound("There is no such shift. Look at the list of shifts.")
    return found[0]


def list_shifts(
    session: Session,
    site_key: str,
    *,
    states: Collection[str] = ("open", "counted", "closed"),
    till: str | None = None,
    cashier_key: str | None = None,
    since: datetime | None = None,
    waiting: bool = False,
    unbanked: bool = False,
    most: int = 100,
) -> list[ShiftView]:
    """The newest first."""
    query = (
        sa.select(Shift)
        .join(ShiftStanding, ShiftStanding.shift_key == Shift.key)
        .where(Shift.site_key == site_key, ShiftStanding.state.in_(states))
        .order_by(Shift.id.desc())
        .limit(most)
    )
    if till is not None:
        query = query.where(Shift.till == till)
    if cashier_key is not None:
        query = query.where(Shift.cashier_key == cashier_key)
    if since is not None:
        query = query.where(Shift.opened_at >= since)
    if waiting:
        query = (
            query.join(ShiftClosing, ShiftClosing.shift_key == Shift.key)
            .outerjoin(ShiftDecision, ShiftDecision.shift_key == Shift.key)
            .where(ShiftClosing.needs_decision == 1, ShiftDecision.shift_key.is_(None))
        )
    if unbanked:
        query = query.outerjoin(BankBatchShift, BankBatchShift.shift_key == Shift.key).where(
            BankBatchShift.shift_key.is_(None), ShiftStanding.state == "closed"
        )
    return _views(session, query)


def draft_of(session: Session, shift: ShiftView) -> Count | None:
    row = session.get(ShiftDraft, shift.key)
    return of_json(shift.currency, row.count) if row is not None else None


def expected_now(session: Session, shift: ShiftView) -> dict[str, int]:
    """What the books hold in the drawer now. For people who do not count it, or after they did."""
    row = session.scalars(sa.select(Shift).where(Shift.key == shift.key)).one()
    return service.expected_of(session, row)


def differences_of(session: Session, shift: ShiftView) -> tuple[Difference, ...]:
    """The last locked count against the books; for a closed shift as they were when it was closed."""
    assert shift.counts, "a difference is known only after a count is locked"
    last = shift.counts[-1]
    if shift.closing is None:
        return differences(last.count, expected_now(session, shift))
    booked = shift.closing.differences
    expected = {way: last.count.counted(way) - booked.get(way, 0) for way in WAYS}
    return differences(last.count, expected)


def reading(session: Session, shift: ShiftView) -> tuple[WayReading, ...]:
    """X while it is open, Z when it is closed: what the ledger says moved through the drawer, by way of paying."""
    through = shift.closing.through_entry if shift.closing else None
    moved = books.movements(
        session,
        [f"{way}/{shift.drawer}" for way in WAYS],
        shift.currency,
        after=shift.after_entry,
        through=through,
    )
    answer = []
    for way in WAYS:
        own = [one for one in moved if one.account == f"{way}/{shift.drawer}"]
        by_kind: dict[str, int] = {}
        for one in own:
            by_kind[one.kind] = by_kind.get(one.kind, 0) + one.amount
        named = ("payment", "refund", "cash-drop", "tender-correction", *_OF_THE_SHIFT)
        answer.append(
            WayReading(
                way,
                sum(one.kind == "payment" for one in own),
                by_kind.get("payment", 0),
                -by_kind.get("refund", 0),
                -by_kind.get("cash-drop", 0),
                by_kind.get("tender-correction", 0),
                sum(amount for kind, amount in by_kind.items() if kind not in named),
            )
        )
    return tuple(one for one in answer if one.way == "cash" or one.has_anything)


_OF_THE_SHIFT = ("shift-float", "shift-difference", "shift-handover")


def room_of(session: Session, shift: ShiftView) -> int | None:
    """How much more cash the drawer may take before some goes to the safe; None without a limit."""
    most: int | None = shift.limits["takings_minor"]
    if most is None:
        return None
    return max(most + shift.float_minor - expected_now(session, shift)["cash"], 0)


@dataclass(frozen=True, slots=True)
class PersonDifferences:
    """Over and short of one person: how many shifts, how many did not fit, and what stands on over and short."""

    cashier_key: str
    cashier_name: str
    shifts: int
    with_difference: int
    over_minor: int
    short_minor: int


def over_short_by_person(
    session: Session, site_key: str, *, since: datetime, until: datetime
) -> list[PersonDifferences]:
    rows = session.execute(
        sa.select(Shift.cashier_key, Shift.cashier_name, ShiftClosing.differences)
        .join(ShiftClosing, ShiftClosing.shift_key == Shift.key)
        .where(Shift.site_key == site_key, ShiftClosing.closed_at >= since, ShiftClosing.closed_at < until)
        .order_by(Shift.id)
    ).all()
    found: dict[str, list[Any]] = {}
    for key, name, booked in rows:
        one = found.setdefault(key, [name, 0, 0, 0, 0])
        net = sum(booked.values())
        one[0] = name
        one[1] += 1
        one[2] += 1 if any(booked.values()) else 0
        one[3] += max(net, 0)
        one[4] += max(-net, 0)
    return [
        PersonDifferences(key, *values) for key, values in sorted(found.items(), key=lambda item: item[1][0])
    ]


# --- bags -------------------------------------------------------------------------------------------------------------


def one_batch(session: Session, key: str) -> BatchView:
    found = _batches(session, sa.select(BankBatch).where(BankBatch.key == key))
    if not found:
        raise BatchNotFound("There is no such bag. Look at the list of bags.")
    return found[0]


def list_batches(session: Session, site_key: str, *, most: int = 50) -> list[BatchView]:
    return _batches(
        session,
        sa.select(BankBatch).where(BankBatch.site_key == site_key).order_by(BankBatch.id.desc()).limit(most),
    )


def _batches(session: Session, query: Any) -> list[BatchView]:
    rows = list(session.scalars(query))
    keys = [row.key for row in rows]
    shifts: dict[str, list[str]] = {}
    for batch_key, number in session.execute(
        sa.select(BankBatchShift.batch_key, Shift.number)
        .join(Shift, Shift.key == BankBatchShift.shift_key)
        .where(BankBatchShift.batch_key.in_(keys))
        .order_by(Shift.id)
    ):
        shifts.setdefault(batch_key, []).append(number)
    lines: dict[str, list[BankLineView]] = {}
    for line in session.scalars(
        sa.select(BankLine)
        .where(BankLine.batch_key.in_(keys))
        .order_by(BankLine.entered_at, BankLine.reference)
    ):
        lines.setdefault(line.batch_key, []).append(
            BankLineView(line.way, line.amount_minor, line.reference, line.value_date, line.entered_by_name)
        )
    explained: dict[str, list[ExplanationView]] = {}
    for one in session.scalars(
        sa.select(BankExplanation)
        .where(BankExplanation.batch_key.in_(keys))
        .order_by(BankExplanation.explained_at)
    ):
        explained.setdefault(one.batch_key, []).append(
            ExplanationView(one.way, one.amount_minor, one.reason, one.explained_by_name, one.explained_at)
        )
    places = [(row, way, (transit_of(row.number, way), row.currency)) for row in rows for way in row.amounts]
    open_minor: dict[str, dict[str, int]] = {}
    if places:
        found = books.standing(session, [place for _row, _way, place in places])
        for (row, way, _place), standing in zip(places, found, strict=True):
            open_minor.setdefault(row.key, {})[way] = standing.balance
    return [
        BatchView(
            row.key,
            row.number,
            row.site_key,
            row.currency,
            row.bag,
            dict(row.amounts),
            {int(worth): number for worth, number in row.pieces.items()},
            row.total_minor,
            row.packed_by,
            row.packed_by_name,
            row.packed_at,
            tuple(shifts.get(row.key, ())),
            tuple(lines.get(row.key, ())),
            tuple(explained.get(row.key, ())),
            open_minor.get(row.key, {}),
        )
        for row in rows
    ]


# --- from rows to values ----------------------------------------------------------------------------------------------


def _views(session: Session, query: Any) -> list[ShiftView]:
    rows: Sequence[Shift] = list(session.scalars(query))
    keys = [row.key for row in rows]
    states = dict(
        session.execute(
            sa.select(ShiftStanding.shift_key, ShiftStanding.state).where(ShiftStanding.shift_key.in_(keys))
        ).all()
    )
    closings = {
        one.shift_key: ClosingView(
            dict(one.differences),
            one.reason,
            bool(one.forgotten),
            bool(one.needs_decision),
            one.takings_minor,
            one.through_entry,
            one.closed_by_name,
            one.closed_at,
        )
        for one in session.scalars(sa.select(ShiftClosing).where(ShiftClosing.shift_key.in_(keys)))
    }
    decisions = {
        one.shift_key: DecisionView(one.outcome, one.reason, one.decided_by_name, one.decided_at)
        for one in session.scalars(sa.select(ShiftDecision).where(ShiftDecision.shift_key.in_(keys)))
    }
    batches = dict(
        session.execute(
            sa.select(BankBatchShift.shift_key, BankBatch.number)
            .join(BankBatch, BankBatch.key == BankBatchShift.batch_key)
            .where(BankBatchShift.shift_key.in_(keys))
        ).all()
    )
    drops: dict[str, list[DropView]] = {}
    for drop in session.scalars(
        sa.select(ShiftDrop).where(ShiftDrop.shift_key.in_(keys)).order_by(ShiftDrop.id)
    ):
        drops.setdefault(drop.shift_key, []).append(
            DropView(drop.amount_minor, drop.bag, drop.witness_name, drop.dropped_at)
        )
    currencies = {row.key: row.currency for row in rows}
    counts: dict[str, list[CountView]] = {}
    for count in session.scalars(
        sa.select(ShiftCount).where(ShiftCount.shift_key.in_(keys)).order_by(ShiftCount.round)
    ):
        counts.setdefault(count.shift_key, []).append(
            CountView(
                count.round,
                of_json(currencies[count.shift_key], count.count),
                dict(count.expected),
                count.counted_by,
                count.counted_by_name,
                count.counted_at,
            )
        )
    return [
        ShiftView(
            row.key,
            row.number,
            row.site_key,
            row.till,
            row.drawer,
            row.cashier_key,
            row.cashier_name,
            row.currency,
            row.float_minor,
            dict(row.limits),
            row.witness_name,
            row.opened_at,
            row.after_entry,
            states[row.key],
            tuple(drops.get(row.key, ())),
            tuple(counts.get(row.key, ())),
            closings.get(row.key),
            decisions.get(row.key),
            batches.get(row.key, ""),
        )
        for row in rows
    ]

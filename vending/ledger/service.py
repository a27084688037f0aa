"""Posting to the ledger: post, hold, settle, void, reverse. Steps inside somebody's transaction; none of them commits.

Each takes lists, and a list of any size costs a handful of statements (decisions.md D3). An account with a floor or a
ceiling is locked by its own row while its bounds are checked, in the transaction that posts; an account without is never
locked, so that no row is shared by all sales (D5). Doing anything twice with the same source is the same as doing it
once; doing something else under a source that is taken is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit, rows
from vending.clock import Clock
from vending.db import UtcDateTime
from vending.ledger.batches import Batches, batches
from vending.ledger.chart import root_of
from vending.ledger.entries import Entry, Leg, reversal_of
from vending.ledger.errors import (
    AlreadyReversed,
    BoundsCrossed,
    CeilingReached,
    EntryNotFound,
    FloorReached,
    HoldEnded,
    HoldNotFound,
    LegInvalid,
    PeriodClosed,
    SourcePostedDifferently,
)
from vending.ledger.tables import (
    LedgerAccount,
    LedgerBound,
    LedgerEntry,
    LedgerHold,
    LedgerHoldEnd,
    LedgerLeg,
)


@dataclass(frozen=True, slots=True)
class Hold:
    """So much of an account is set aside for an act, until it is settled or voided. `source` is unique for ever."""

    source: str
    account: str
    unit: str
    amount: int

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise LegInvalid(f"A hold on {self.account} needs an amount above zero.", "amount")
        Leg(self.account, self.unit, self.amount)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A hold comes to its end by these entries."""

    source: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that an account may hold in one unit, in the direction in which it grows; None is none."""

    floor: int | None = None
    ceiling: int | None = None


@dataclass(frozen=True, slots=True)
class _Account:
    id: int
    path: str
    sign: int
    floor: int | None
    bounded: bool


_STAMP = UtcDateTime()


def post(session: Session, clock: Clock, entries: Sequence[Entry]) -> list[int]:
    """Posts entries and gives their ids, in order. One posted before under the same source gives its old id."""
    return _post(batches(session), clock, entries)


def _post(books: Batches, clock: Clock, entries: Sequence[Entry]) -> list[int]:
    if not entries:
        return []
    now = clock.now()
    legs = [leg for entry in entries for leg in entry.legs]
    accounts = _accounts(books, {leg.account for leg in legs}, now)
    _lock(books, accounts.values())
    stamp = _STAMP.process_bind_param(now, books.connection.dialect)
    fingerprints = [entry.fingerprint() for entry in entries]
    ids = books.add(
        [
            (entry.kind, entry.source, fingerprint, stamp, entry.reverses, entry.note)
            for entry, fingerprint in zip(entries, fingerprints, strict=True)
        ],
        [[(accounts[leg.account].id, leg.unit, leg.amount) for leg in entry.legs] for entry in entries],
    )
    moved: dict[tuple[str, str], int] = {}
    for entry, new in zip(entries, ids, strict=True):
        if new is not None:
            for leg in entry.legs:
                place = (leg.account, leg.unit)
                moved[place] = moved.get(place, 0) + leg.amount
    _check_bounds(books, accounts, moved)
    if None in ids:
        return _with_known(books, entries, ids, fingerprints)
    return [new for new in ids if new is not None]


def _with_known(
    books: Batches, entries: Sequence[Entry], ids: Sequence[int | None], fingerprints: Sequence[str]
) -> list[int]:
    """Fills in the ids of entries that were there before, if they said the same."""
    rows = books.known([entry.source for entry in entries])
    known = {(source, kind): (entry_id, fingerprint) for source, kind, entry_id, fingerprint in rows}
    found = []
    for entry, new, fingerprint in zip(entries, ids, fingerprints, strict=True):
        if new is not None:
            found.append(new)
            continue
        entry_id, old = known[entry.source, entry.kind]
        if old != fingerprint:
            raise SourcePostedDifferently(
                f"{entry.kind} of {entry.source} was posted before as entry {entry_id}, with other amounts. "
                "Nothing was posted; correct it by a reversal."
            )
        found.append(entry_id)
    return found


def hold(session: Session, clock: Clock, holds: Sequence[Hold]) -> None:
    """Sets amounts aside. What is held counts against the floor at once, though nothing is posted yet."""
    if not holds:
        return
    books = batches(session)
    now = clock.now()
    accounts = _accounts(books, {one.account for one in holds}, now)
    _lock(books, accounts.values())
    there = session.scalars(
        sa.select(LedgerHold).where(rows.among(LedgerHold.source, [one.source for one in holds]))
    )
    known = {row.source: (row.account_id, row.unit, row.amount) for row in there}
    new: list[dict[str, Any]] = []
    for one in holds:
        told = (accounts[one.account].id, one.unit, one.amount)
        if one.source not in known:
            known[one.source] = told
            new.append(
                dict(zip(("account_id", "unit", "amount"), told, strict=True))
                | {"source": one.source, "placed_at": now}
            )
        elif known[one.source] != told:
            raise SourcePostedDifferently(f"{one.source} holds another amount already. Nothing was held.")
    if new:
        rows.add(session, LedgerHold, new)
        _check_bounds(
            books, accounts, {(one.account, one.unit): -accounts[one.account].sign for one in holds}
        )


def settle(session: Session, clock: Clock, settlements: Sequence[Settlement]) -> list[list[int]]:
    """Ends holds and posts what they were for. The entries' ids, in order; the same again when done twice."""
    _end(session, clock, [one.source for one in settlements], "settled")
    entries = [entry for one in settlements for entry in one.entries]
    ids = iter(_post(batches(session), clock, entries))
    return [[next(ids) for _ in one.entries] for one in settlements]


def void(session: Session, clock: Clock, sources: Sequence[str]) -> None:
    """Ends holds without posting: what was set aside is free again."""
    _end(session, clock, sources, "voided")


def _end(session: Session, clock: Clock, sources: Sequence[str], outcome: str) -> None:
    session.flush()
    holds = session.execute(
        sa.select(LedgerHold.source, LedgerHold.id, LedgerHold.account_id, LedgerHoldEnd.outcome)
        .outerjoin(LedgerHoldEnd, LedgerHoldEnd.hold_id == LedgerHold.id)
        .where(rows.among(LedgerHold.source, sources))
    ).all()
    found = {row.source: row for row in holds}
    new = []
    for source in dict.fromkeys(sources):
        if source not in found:
            raise HoldNotFound(f"Nothing is held for {source}.")
        row = found[source]
        if row.outcome is None:
            new.append({"hold_id": row.id, "outcome": outcome, "ended_at": clock.now()})
        elif row.outcome != outcome:
            raise HoldEnded(f"What was held for {source} is {row.outcome} already and cannot be {outcome}.")
    if new:
        rows.add(session, LedgerHoldEnd, new)


def reverse(session: Session, clock: Clock, entry_id: int, *, source: str, note: str) -> int:
    """Takes an entry back by a new one that names it. Once only; floors hold for it as for every entry."""
    head = session.get(LedgerEntry, entry_id)
    if head is None:
        raise EntryNotFound(f"There is no entry {entry_id}.")
    earlier = session.scalar(sa.select(LedgerEntry).where(LedgerEntry.reverses == entry_id))
    if earlier is not None and earlier.source != source:
        raise AlreadyReversed(f"Entry {entry_id} was reversed before, by entry {earlier.id}.")
    return post(session, clock, [reversal_of(_entry(session, head), entry_id, source=source, note=note)])[0]


def _entry(session: Session, head: LedgerEntry) -> Entry:
    legs = session.execute(
        sa.select(LedgerAccount.path, LedgerLeg.unit, LedgerLeg.amount)
        .join(LedgerAccount, LedgerAccount.id == LedgerLeg.account_id)
        .where(LedgerLeg.entry_id == head.id)
        .order_by(LedgerLeg.place)
    ).all()
    return Entry(head.kind, head.source, tuple(Leg(*leg) for leg in legs), head.reverses, head.note)


def set_bounds(
    session: Session, clock: Clock, *, account: str, unit: str, bounds: Bounds, actor: Any, reason: str
) -> None:
    """Gives an account a floor, a ceiling or both in one unit, in place of its usual floor; the audit trail keeps it.

    The bounds hold for what is posted from now on: an account that stands outside them may only move towards them.
    """
    if bounds.floor is not None and bounds.ceiling is not None and bounds.floor > bounds.ceiling:
        raise BoundsCrossed("The floor lies above the ceiling.", "floor")
    books = batches(session)
    Leg(account, unit, 1)
    found = _accounts(books, {account}, clock.now())[account]
    books.lock([found.id])
    row = session.get(LedgerBound, (found.id, unit)) or LedgerBound(account_id=found.id, unit=unit)
    row.floor, row.ceiling = bounds.floor, bounds.ceiling
    session.add(row)
    session.flush()
    books.met.pop(account)  # it has bounds now
    audit.record(
        session,
        clock,
        actor=actor,
        act="ledger.set_bounds",
        subject=f"account:{account}",
        detail={"unit": unit, "floor": bounds.floor, "ceiling": bounds.ceiling},
        reason=reason,
    )


def _accounts(books: Batches, paths: Iterable[str], now: datetime) -> dict[str, _Account]:
    """The accounts of these paths, opened where they are new."""
    wanted = set(paths)
    found = books.meet(wanted)
    if len(found) < len(wanted):
        stamp = _STAMP.process_bind_param(now, books.connection.dialect)
        missing = {path: root_of(path) for path in sorted(wanted - found.keys())}
        opened = books.open_accounts(
            [(path, root.kind, root.sign, root.floor, stamp) for path, root in missing.items()]
        )
        closes_at = next((row[5] for row in found.values()), None)
        if found:
            # A new account has no bounds yet.
            books.met.update(
                (path, (path, new, missing[path].sign, missing[path].floor, False, closes_at))
                for path, new in opened
            )
        # Read: those that another transaction opened at the same moment, or all where nothing was known of the period.
        found = books.meet(wanted)
    rows = list(found.values())
    closed = _STAMP.process_result_value(rows[0][5], books.connection.dialect) if rows else None
    if closed is not None and now < closed:
        raise PeriodClosed(
            f"The books are closed up to {closed:%Y-%m-%d %H:%M} UTC, and this would be dated {now:%Y-%m-%d %H:%M}. Check the clock."
        )
    return {row[0]: _Account(row[1], row[0], row[2], row[3], bool(row[4])) for row in rows}


def _lock(books: Batches, accounts: Iterable[_Account]) -> None:
    bounded = [account.id for account in accounts if account.bounded or account.floor is not None]
    if bounded:
        books.lock(bounded)


def _check_bounds(books: Batches, accounts: dict[str, _Account], moved: dict[tuple[str, str], int]) -> None:
    """Refuses when a movement leaves an account outside its bounds. A movement towards them is never refused."""
    by_place = {
        (accounts[path].id, unit): (accounts[path], amount * accounts[path].sign)
        for (path, unit), amount in moved.items()
        if amount
        and (
            accounts[path].bounded or (accounts[path].floor is not None and amount * accounts[path].sign < 0)
        )
    }
    if not by_place:
        return
    for account_id, unit, legs, held, has_bound, floor, ceiling in books.standing(list(by_place)):
        account, direction = by_place[account_id, unit]
        balance = account.sign * int(legs)
        available = balance - int(held)
        least = floor if has_bound else account.floor
        if least is not None and direction < 0 and available < least:
            short = least - available
            raise FloorReached(
                f"{account.path} would be {short} {unit} below its floor. Nothing was posted.",
                account.path,
                unit,
                available,
            )
        if has_bound and ceiling is not None and direction > 0 and balance > ceiling:
            raise CeilingReached(
                f"{account.path} would be {balance - ceiling} {unit} above its ceiling. Nothing was posted.",
                account.path,
                unit,
                balance,
            )

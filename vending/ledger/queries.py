"""Reading the books: balances, statements, the trial balance. Balances are in the direction in which an account grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.ledger.batches import batches
from vending.ledger.chart import root_of
from vending.ledger.tables import LedgerAccount, LedgerEntry, LedgerLeg


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account holds, and what of it is set aside for acts that are not finished."""

    account: str
    unit: str
    balance: int
    held: int

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True, slots=True)
class TrialLine:
    account: str
    kind: str
    unit: str
    debits: int
    credits: int
    balance: int


@dataclass(frozen=True, slots=True)
class StatementLine:
    entry: int
    posted_at: datetime
    kind: str
    source: str
    note: str
    amount: int
    balance: int
    reverses: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One account in one unit over a half-open span of time: opening + sum of lines = closing."""

    account: str
    unit: str
    opening: int
    lines: tuple[StatementLine, ...]
    closing: int


def balance(session: Session, account: str, unit: str) -> int:
    """What the account holds; an account that nothing was posted to holds nothing."""
    return standing(session, [(account, unit)])[0].balance


def standing(session: Session, places: Sequence[tuple[str, str]]) -> list[Standing]:
    """Balance and holds of many accounts at once, in the order asked."""
    books = batches(session)
    rows = {path: row[1] for path, row in books.meet(path for path, _ in places).items()}
    ids = {rows[path]: path for path, _ in places if path in rows}
    found = {}
    if ids:
        wanted = [(rows[path], unit) for path, unit in dict.fromkeys(places) if path in rows]
        found = {(ids[row[0]], row[1]): row for row in books.standing(wanted)}
    answer = []
    for path, unit in places:
        sign = root_of(path).sign
        row = found.get((path, unit))
        answer.append(
            Standing(path, unit, sign * int(row[2]), int(row[3])) if row else Standing(path, unit, 0, 0)
        )
    return answer


def meet(session: Session, accounts: Iterable[str]) -> None:
    """Reads these accounts for the steps to come, all at once."""
    batches(session).meet(accounts)


def legs_of(session: Session, kind: str, source: str) -> list[tuple[str, str, int]]:
    """The legs of one entry, as account, unit and amount, debits above zero; none where it was not posted."""
    return [
        (path, unit, int(amount))
        for path, unit, amount in session.execute(
            sa.select(LedgerAccount.path, LedgerLeg.unit, LedgerLeg.amount)
            .join(LedgerLeg, LedgerLeg.account_id == LedgerAccount.id)
            .join(LedgerEntry, LedgerEntry.id == LedgerLeg.entry_id)
            .where(LedgerEntry.kind == kind, LedgerEntry.source == source)
            .order_by(LedgerLeg.place)
        )
    ]


def paths_under(session: Session, prefixes: Sequence[str]) -> dict[str, list[str]]:
    """The accounts whose paths begin with each of these prefixes, in order."""
    found: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
    for prefix, path in batches(session).under(list(found)):
        found[prefix].append(path)
    return found


def list_under(session: Session, prefix: str, unit: str) -> list[tuple[str, int]]:
    """The accounts whose path begins with `prefix` and what is available on each; those with nothing are left out."""
    found = standing(session, [(path, unit) for path in paths_under(session, [prefix])[prefix]])
    return [(one.account, one.available) for one in found if one.available]


@dataclass(frozen=True, slots=True)
class Movement:
    """One leg on an account; `amount` in the direction in which the account grows."""

    account: str
    entry: int
    posted_at: datetime
    kind: str
    source: str
    note: str
    amount: int


def last_entry(session: Session) -> int:
    """The highest entry so far; what is posted later has a higher one."""
    return int(session.scalar(sa.select(sa.func.max(LedgerEntry.id))) or 0)


def movements(
    session: Session, accounts: Sequence[str], unit: str, *, after: int, through: int | None = None
) -> list[Movement]:
    """What was posted to these accounts after one entry, up to and with another, in order."""
    query = (
        sa.select(
            LedgerAccount.path,
            LedgerEntry.id,
            LedgerEntry.posted_at,
            LedgerEntry.kind,
            LedgerEntry.source,
            LedgerEntry.note,
            LedgerLeg.amount,
        )
        .join(LedgerLeg, LedgerLeg.account_id == LedgerAccount.id)
        .join(LedgerEntry, LedgerEntry.id == LedgerLeg.entry_id)
        .where(LedgerAccount.path.in_(accounts), LedgerLeg.unit == unit, LedgerEntry.id > after)
        .order_by(LedgerEntry.id, LedgerLeg.place)
    )
    if through is not None:
        query = query.where(LedgerEntry.id <= through)
    return [
        Movement(path, entry, at, kind, source, note, root_of(path).sign * amount)
        for path, entry, at, kind, source, note, amount in session.execute(query)
    ]


def trial_balance(session: Session, *, before: datetime | None = None) -> list[TrialLine]:
    """Every account with its debits and credits. The debits and credits of each unit are equal, or the books are wrong."""
    amount = LedgerLeg.amount
    query = (
        sa.select(
            LedgerAccount.path,
            LedgerAccount.kind,
            LedgerAccount.sign,
            LedgerLeg.unit,
            sa.func.sum(sa.case((amount > 0, amount), else_=0)),
            sa.func.sum(sa.case((amount < 0, -amount), else_=0)),
        )
        .join(LedgerLeg, LedgerLeg.account_id == LedgerAccount.id)
        .group_by(LedgerAccount.path, LedgerAccount.kind, LedgerAccount.sign, LedgerLeg.unit)
        .order_by(LedgerAccount.path, LedgerLeg.unit)
    )
    if before is not None:
        query = query.join(LedgerEntry, LedgerEntry.id == LedgerLeg.entry_id).where(
            LedgerEntry.posted_at < before
        )
    return [
        TrialLine(path, kind, unit, int(debits), int(credits), sign * (int(debits) - int(credits)))
        for path, kind, sign, unit, debits, credits in session.execute(query)
    ]


def statement(
    session: Session, account: str, unit: str, *, since: datetime | None = None, until: datetime | None = None
) -> Statement:
    """Every movement of an account in a half-open span, with the balance after each."""
    sign = root_of(account).sign
    legs = (
        sa.select(
            LedgerLeg.amount, LedgerEntry.id, LedgerEntry.posted_at, LedgerEntry.kind, LedgerEntry.source
        )
        .add_columns(LedgerEntry.note, LedgerEntry.reverses)
        .join(LedgerEntry, LedgerEntry.id == LedgerLeg.entry_id)
        .join(LedgerAccount, LedgerAccount.id == LedgerLeg.account_id)
        .where(LedgerAccount.path == account, LedgerLeg.unit == unit)
    )
    opening = 0
    if since is not None:
        earlier = legs.where(LedgerEntry.posted_at < since).subquery()
        opening = sign * int(
            session.scalar(sa.select(sa.func.coalesce(sa.func.sum(earlier.c.amount), 0))) or 0
        )
        legs = legs.where(LedgerEntry.posted_at >= since)
    if until is not None:
        legs = legs.where(LedgerEntry.posted_at < until)
    lines = []
    running = opening
    for row in session.execute(legs.order_by(LedgerEntry.id, LedgerLeg.place)):
        running += sign * row.amount
        lines.append(
            StatementLine(
                row.id,
                row.posted_at,
                row.kind,
                row.source,
                row.note,
                sign * row.amount,
                running,
                row.reverses,
            )
        )
    return Statement(account, unit, opening, tuple(lines), running)

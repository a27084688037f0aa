"""`ampoule reconcile`'s second half: all four records, each day and supply group, and what does not agree. Read only.

The look at the log comes first and the look at the database after it, so that an order which is on its way between them is
seen as paid and open, and never as a difference.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from vending.auditor.matching.found import CODES, Difference, Found, Place, Sums
from vending.auditor.matching.of_log import LogEntry, match_log
from vending.auditor.matching.of_orders import match_orders
from vending.auditor.matching.of_sales import match_sales, match_series
from vending.auditor.records import Records

MOST_SHOWN = 20
DAYS_SHOWN = 31
SLACK = timedelta(days=1)  # an order that began in the window may have a token after it


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the site, both of them whole; None is without end."""

    since: date | None = None
    until: date | None = None

    def bounds(self, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        """Half open, from the first day's midnight to the midnight after the last."""
        after = self.until + timedelta(days=1) if self.until is not None else None
        return (
            datetime.combine(self.since, time(), zone) if self.since is not None else None,
            datetime.combine(after, time(), zone) if after is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Log:
    """The issuance log as it was read: its name, to which moment it is complete, and its entries from a moment on."""

    name: str
    complete_to: datetime
    entries: Callable[[datetime | None, datetime | None], Iterator[LogEntry]]


@dataclass(frozen=True, slots=True)
class Reconciled:
    window: Window
    differences: tuple[Difference, ...]
    sums: dict[Place, Sums]
    adopted: int
    in_flight: int
    other_logs: int
    rows: int
    entries: int

    @property
    def clean(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {
            "agree": self.clean,
            "since": self.window.since.isoformat() if self.window.since else None,
            "until": self.window.until.isoformat() if self.window.until else None,
            "rows": self.rows,
            "adopted": self.adopted,
            "in_flight": self.in_flight,
            "tokens_of_other_logs": self.other_logs,
            "differences": [
                {"code": one.code, "subject": one.subject, "sentence": one.sentence}
                for one in self.differences
            ],
            "days": [
                {
                    "day": day.isoformat(),
                    "sgc": sgc,
                    "service": service,
                    "entries": sums.log_entries,
                    "log_units": sums.log_units,
                    "token_units": sums.token_units,
                    "book_units": sums.book_units,
                    "receipt_units": sums.receipt_units,
                    "paid_minor": sums.paid_minor,
                    "booked_minor": sums.booked_minor,
                    "agree": sums.agree,
                }
                for (day, sgc, service), sums in sorted(self.sums.items())
            ],
        }

    def lines(self) -> list[str]:
        """For people: the days of each supply group, what does not agree, and one sentence at the end."""
        lines = [
            f"{'day':<11}{'group':<8}{'service':<13}{'tokens':>7}{'log':>13}{'database':>13}{'books':>13}{'receipts':>13}"
        ]
        days = sorted(self.sums.items())
        if len(days) > DAYS_SHOWN:
            lines.append(f"({len(days) - DAYS_SHOWN} earlier lines; --json has all)")
        for (day, sgc, service), sums in days[-DAYS_SHOWN:]:
            told = (sums.log_units, sums.token_units, sums.book_units, sums.receipt_units)
            lines.append(
                f"{day.isoformat():<11}{sgc or '-':<8}{service or '-':<13}{sums.log_entries:>7}"
                + "".join(f"{units / 10:>13,.1f}" for units in told)
                + ("" if sums.agree else "  DIFFER")
            )
        by_code: dict[str, int] = {}
        for one in self.differences:
            by_code[one.code] = by_code.get(one.code, 0) + 1
            if by_code[one.code] <= MOST_SHOWN:
                lines.append(f"DIFFERENCE  {one.sentence}")
        lines += [
            f"and {number - MOST_SHOWN} more: {CODES[code]} (--json has all)"
            for code, number in by_code.items()
            if number > MOST_SHOWN
        ]
        if self.adopted:
            lines.append(
                f"{self.adopted} tokens were adopted after a restore: what was paid for them is not known here."
            )
        if self.in_flight:
            lines.append(f"{self.in_flight} orders were being decided at that moment.")
        if self.other_logs:
            lines.append(f"{self.other_logs} tokens come from another log than this one, which was not read.")
        lines.append(
            f"{self.entries:,} tokens of the log and {self.rows:,} rows looked at: "
            + ("log, database, books and receipts agree." if self.clean else _count(len(self.differences)))
        )
        return lines


def _count(number: int) -> str:
    return "1 difference." if number == 1 else f"{number:,} differences."


def reconcile(
    connection: Connection,
    log: Log,
    *,
    now: datetime,
    window: Window,
    beside: Callable[[], Found | None] | None = None,
) -> Reconciled:
    """Everything on this connection, which should see one state throughout, against the log that was read before. Orders and
    sales may be matched beside (`second_process.py`)."""
    records = Records(connection)
    calendar = _Calendar(records, window)
    found = Found()
    with _no_collections():
        match_log(
            log.entries(calendar.since, calendar.until + SLACK if calendar.until is not None else None),
            records.tokens(log.name, calendar.since, calendar.until),
            records.standing,
            found,
            now=now,
            day_of=calendar.day_of,
            within=calendar.within,
            complete_to=log.complete_to,
        )
    elsewhere = beside() if beside is not None else None
    found.take(elsewhere if elsewhere is not None else match_books(connection, now=now, window=window))
    return Reconciled(
        window,
        tuple(found.differences),
        found.sums,
        found.adopted,
        found.in_flight,
        records.other_logs(log.name),
        found.rows,
        sum(sums.log_entries for sums in found.sums.values()),
    )


def match_books(connection: Connection, *, now: datetime, window: Window) -> Found:
    """The half that needs no log: orders, books, payments, receipts and what was announced."""
    records = Records(connection)
    calendar = _Calendar(records, window)
    found = Found()
    with _no_collections():
        match_orders(
            records.orders(),
            records.tokens_of_orders(),
            records.asked_of_orders(),
            records.books_of_orders(),
            records.refused(),
            found,
            now=now,
            day_of=calendar.day_of,
            within=calendar.within,
        )
        match_sales(
            records.sales(),
            records.paid_of_sales(),
            records.sold_of_sales(),
            records.books_of_sales(),
            found,
            day_of=calendar.day_of,
            within=calendar.within,
        )
        match_series(records.receipts(), records.last_receipts(), found)
    for order, times in records.events_twice():
        found.add("event-twice", order, f"The end of order {order} was announced {times} times.")
    return found


class _Calendar:
    """Which day a moment is at a site, and which moments the window holds."""

    def __init__(self, records: Records, window: Window) -> None:
        self._zones = {key: ZoneInfo(name) for key, name in records.zones().items()}
        self._first = next(iter(self._zones.values()), ZoneInfo("UTC"))
        self.since, self.until = window.bounds(self._first)

    def day_of(self, moment: datetime, site: str) -> date:
        return moment.astimezone(self._zones.get(site, self._first)).date()

    def within(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of small rows come and go, none of them in a ring: looking for rings takes a fifth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

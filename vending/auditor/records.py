"""The rows that reconciliation holds against each other: from the database in plain SQL, from the log line by line.

Every statement gives its rows in the order of what they are joined by, byte by byte on both databases, and is read as a
stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vending.auditor.matching.of_log import LogEntry, Standing, TokenRow, entry_of
from vending.auditor.matching.of_orders import AskedOf, BooksOf, OrderRow, TokensOf
from vending.auditor.matching.of_sales import PaidOf, SaleRow, SoldOf

_AT_ONCE = 5000

_TOKENS = """
SELECT t.sequence, t.part_id, t.order_id, coalesce(t.units, 0), t.digits, t.pan, t.salt, t.leaf, t.logged_at,
 coalesce(f.logged_at, t.logged_at), coalesce(v.service, ''), coalesce(s.site_key, ''), coalesce(s.content_hash, ''),
 coalesce(s.till = 'ADOPTED', false)
FROM token t LEFT JOIN token f ON f.order_id = t.order_id AND f.position = 1
 LEFT JOIN vend v ON v.order_id = t.order_id LEFT JOIN sale s ON s."key" = v.sale_key
WHERE t.log = :log{window} ORDER BY t.sequence, t.part_id{bytes}, t.position
"""

_ORDERS = """
SELECT v.order_id, v.kind, v.state, coalesce(v.keying ->> 'sgc', ''), v.service, v.units, v.free_units, v.paid_minor,
 v.returned_minor, v.paid_at, s.receipt, coalesce(s.site_key, ''), coalesce(f.logged_at, v.paid_at)
FROM vend v LEFT JOIN sale s ON s."key" = v.sale_key LEFT JOIN token f ON f.order_id = v.order_id AND f.position = 1
ORDER BY v.order_id{bytes}
"""

_TOKENS_OF = """
SELECT order_id, CAST(coalesce(sum(CASE WHEN kind = 'credit' THEN units END), 0) AS BIGINT),
 CAST(coalesce(sum(CASE WHEN kind IN ('allowance', 'free-issue', 'replacement') THEN units END), 0) AS BIGINT), count(DISTINCT part_id)
FROM token GROUP BY order_id ORDER BY order_id{bytes}
"""

_ASKED_OF = "SELECT order_id, count(*) FROM token_request GROUP BY order_id ORDER BY order_id{bytes}"

_BOOKS = """
SELECT substr(e.source, {after}), e.kind, min(e.posted_at), min(e.legs), count(l.place),
 CAST(coalesce(sum(CASE WHEN a.path NOT LIKE 'energy/%' THEN l.amount END), 0) AS BIGINT),
 CAST(coalesce(sum(CASE WHEN a.path LIKE 'energy/%' THEN l.amount END), 0) AS BIGINT),
 CAST(-coalesce(sum(CASE WHEN a.path LIKE 'energy/sold/%' THEN l.amount END), 0) AS BIGINT),
 CAST(-coalesce(sum(CASE WHEN a.path LIKE 'energy/free/%' OR a.path LIKE 'energy/replaced/%' THEN l.amount END), 0) AS BIGINT),
 CAST(coalesce(sum(CASE WHEN a.path LIKE 'held/%' THEN l.amount END), 0) AS BIGINT)
FROM ledger_entry e LEFT JOIN ledger_leg l ON l.entry_id = e.id LEFT JOIN ledger_account a ON a.id = l.account_id
WHERE e.source LIKE '{prefix}%'{kind} GROUP BY e.source, e.kind ORDER BY e.source{bytes}, e.kind
"""

_SALES = """
SELECT "key", receipt, total_minor, sold_at, content_hash, CAST(content AS TEXT) FROM sale ORDER BY "key"{bytes}
"""

_PAID_OF = """
SELECT sale_key, CAST(sum(amount_minor) AS BIGINT), CAST(sum(rounding_minor) AS BIGINT), min(taken_at) FROM payment
GROUP BY sale_key ORDER BY sale_key{bytes}
"""

_SOLD_OF = """
SELECT v.sale_key, v.order_id, v.state, coalesce(v.keying ->> 'sgc', ''), v.service, v.units, v.free_units,
 coalesce(s.site_key, ''), coalesce(f.logged_at, v.paid_at)
FROM vend v LEFT JOIN sale s ON s."key" = v.sale_key LEFT JOIN token f ON f.order_id = v.order_id AND f.position = 1
ORDER BY v.sale_key{bytes}
"""

_EVENTS = """
SELECT o.payload ->> 'order_id', count(*) FROM outbox o WHERE o.event IN ('vend issued', 'vend refused')
GROUP BY o.payload ->> 'order_id' HAVING count(*) > 1 ORDER BY 1
"""


class Records:
    """One consistent look at the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_postgresql = connection.dialect.name == "postgresql"

    def tokens(self, log: str, since: datetime | None, until: datetime | None) -> Iterator[TokenRow]:
        """Those whose order began in the window."""
        window, values = "", {"log": log}
        if since is not None:
            window, values = window + " AND coalesce(f.logged_at, t.logged_at) >= :since", {**values, "since": self._bound(since)}  # fmt: skip
        if until is not None:
            window, values = window + " AND coalesce(f.logged_at, t.logged_at) < :until", {**values, "until": self._bound(until)}  # fmt: skip
        for row in self._rows(_TOKENS, window=window, values=values):
            yield TokenRow._make(_with_moments(row, 8, 9))

    def newest_log(self) -> str:
        """The name of the log that the newest token is in; empty without tokens."""
        return next((row[0] for row in self._rows("SELECT log FROM token ORDER BY id DESC LIMIT 1")), "")

    def other_logs(self, log: str) -> int:
        return int(self._one("SELECT count(*) FROM token WHERE log <> :log", log=log))

    def standing(self, parts: Sequence[str]) -> dict[str, Standing]:
        """Where the orders of these requests stand."""
        asked = sa.text(
            "SELECT q.part_id, v.order_id, v.state, v.paid_at, t.sequence FROM token_request q"
            " JOIN vend v ON v.order_id = q.order_id LEFT JOIN token t ON t.part_id = q.part_id WHERE q.part_id IN :parts"
        ).bindparams(sa.bindparam("parts", expanding=True))
        found: dict[str, Standing] = {}
        if not parts:
            return found
        for part, order, state, paid_at, sequence in self._connection.execute(asked, {"parts": list(parts)}):
            before = found[part].sequences if part in found else ()
            found[part] = Standing(
                order, state, _moment(paid_at), before if sequence is None else (*before, int(sequence))
            )
        return found

    def orders(self) -> Iterator[OrderRow]:
        for row in self._rows(_ORDERS):
            yield OrderRow._make(_with_moments(row, 9, 12))

    def tokens_of_orders(self) -> Iterator[TokensOf]:
        return map(TokensOf._make, self._rows(_TOKENS_OF))

    def asked_of_orders(self) -> Iterator[AskedOf]:
        return map(AskedOf._make, self._rows(_ASKED_OF))

    def refused(self) -> dict[str, int]:
        """How many of its requests were refused, by order. Few."""
        return {
            row[0]: int(row[1])
            for row in self._rows(
                "SELECT q.order_id, count(*) FROM token_refusal f JOIN token_request q ON q.part_id = f.part_id GROUP BY q.order_id"
            )
        }

    def books_of_orders(self) -> Iterator[BooksOf]:
        return self._books("order/")

    def books_of_sales(self) -> Iterator[BooksOf]:
        return self._books("sale/", kind=" AND e.kind = 'payment'")

    def _books(self, prefix: str, kind: str = "") -> Iterator[BooksOf]:
        for row in self._rows(_BOOKS, prefix=prefix, after=str(len(prefix) + 1), kind=kind):
            yield BooksOf._make(_with_moments(row, 2))

    def sales(self) -> Iterator[SaleRow]:
        for row in self._rows(_SALES):
            yield SaleRow._make(_with_moments(row, 3))

    def paid_of_sales(self) -> Iterator[PaidOf]:
        for row in self._rows(_PAID_OF):
            yield PaidOf._make(_with_moments(row, 3))

    def sold_of_sales(self) -> Iterator[SoldOf]:
        for row in self._rows(_SOLD_OF):
            yield SoldOf._make(_with_moments(row, 8))

    def receipts(self) -> Iterator[str]:
        return (row[0] for row in self._rows("SELECT receipt FROM sale ORDER BY id"))

    def last_receipts(self) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in self._rows('SELECT series, "last" FROM receipt_series')}

    def events_twice(self) -> list[tuple[str, int]]:
        return [(row[0], int(row[1])) for row in self._rows(_EVENTS)]

    def zones(self) -> dict[str, str]:
        """The zone of each site, the first site first."""
        return {row[0]: row[1] for row in self._rows('SELECT "key", time_zone FROM site ORDER BY id')}

    def _bound(self, moment: datetime) -> Any:
        return moment if self._is_postgresql else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _one(self, statement: str, **values: Any) -> Any:
        return self._connection.execute(sa.text(statement), values).scalar_one()

    def _rows(self, statement: str, values: dict[str, Any] | None = None, **places: str) -> Iterator[Any]:
        """A stream: PostgreSQL orders by the site's language unless it is told to go byte by byte, as SQLite does."""
        spelt = statement.format(bytes=' COLLATE "C"' if self._is_postgresql else "", **places)
        found = self._connection.execute(
            sa.text(spelt), values or {}, execution_options={"stream_results": True, "yield_per": _AT_ONCE}
        )
        for some in found.partitions(_AT_ONCE):
            yield from some


def _with_moments(row: Sequence[Any], *places: int) -> list[Any]:
    told = list(row)
    for place in places:
        told[place] = _moment(told[place])
    return told


def _moment(value: Any) -> datetime:
    """A moment as the database gives it: PostgreSQL's driver makes one, SQLite keeps text."""
    return datetime.fromisoformat(value) if value.__class__ is str else value


# --- the log ----------------------------------------------------------------------------------------------------------

Fetch = Callable[[int, int], Sequence[bytes]]  # public halves from an entry on, some of them


def log_of_file(path: Path, since: datetime | None) -> Iterator[LogEntry]:
    """A copy of the log: one line an entry, the public half before the tab (docs/reference/issuance-log.md)."""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                entry = entry_of(line.partition(b"\t")[0])
                if entry is not None and (since is None or entry.at >= since):
                    yield entry


def last_of_file(path: Path) -> datetime | None:
    """When the last whole entry of the copy was written."""
    last = b""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                last = line
    return _at(last.partition(b"\t")[0]) if last else None


def log_of_module(
    fetch: Fetch, size: int, at_once: int, since: datetime | None, until: datetime | None
) -> Iterator[LogEntry]:
    """The log as the running module tells it. Its time never goes back, so the first entry of a window is found by halves."""
    first = 0 if since is None else _first_since(fetch, size, since)
    while first < size:
        lines = fetch(first, min(at_once, size - first))
        if not lines:
            return
        for line in lines:
            entry = entry_of(line)
            if entry is not None:
                if until is not None and entry.at >= until:
                    return
                yield entry
        first += len(lines)


def _first_since(fetch: Fetch, size: int, since: datetime) -> int:
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if _at(fetch(middle, 1)[0]) < since:
            low = middle + 1
        else:
            high = middle
    return low


def _at(data: bytes) -> datetime:
    return datetime.fromtimestamp(orjson.loads(data)["at"] / 1000, UTC)

"""The ledger's statements for many rows at once, spelt for each database: what makes a group of sales cheap.

A round trip costs more than a row, so a batch of any size is a handful of statements: arrays unfolded by the server on
PostgreSQL, prepared statements fed from a list on SQLite (where the database runs inside the process). Only rows go in
and out here; the rules are in `service.py`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from vending.ledger.tables import LedgerEntry, LedgerLeg
from vending.rows import as_json, insert_records, run

Rows = Sequence[tuple[Any, ...]]

# What an account holds in one unit: the last snapshot, the legs after it, what open holds set aside, and its bounds.
_STANDING = """
WITH places(account_id, unit) AS ({places})
SELECT p.account_id, p.unit,
  coalesce(s.amount, 0) + coalesce((SELECT sum(l.amount) FROM ledger_leg l
    WHERE l.account_id = p.account_id AND l.unit = p.unit AND l.entry_id > coalesce(s.through_entry, 0)), 0),
  coalesce((SELECT sum(h.amount) FROM ledger_hold h WHERE h.account_id = p.account_id AND h.unit = p.unit
    AND NOT EXISTS (SELECT 1 FROM ledger_hold_end e WHERE e.hold_id = h.id)), 0),
  b.account_id IS NOT NULL, b.floor, b.ceiling
FROM places p
LEFT JOIN ledger_snapshot s ON s.account_id = p.account_id AND s.unit = p.unit AND s.through_entry =
  (SELECT max(x.through_entry) FROM ledger_snapshot x WHERE x.account_id = p.account_id AND x.unit = p.unit)
LEFT JOIN ledger_bound b ON b.account_id = p.account_id AND b.unit = p.unit
"""

_ACCOUNTS = """
SELECT a.path, a.id, a.sign, a.floor, EXISTS (SELECT 1 FROM ledger_bound b WHERE b.account_id = a.id),
  (SELECT max(closes_at) FROM ledger_period)
FROM ledger_account a WHERE a.path {among}
"""

# A range of the index for each prefix: U+FFFF sorts after every letter that a path may have.
_UNDER = """
WITH p(prefix) AS ({prefixes})
SELECT p.prefix, a.path FROM p JOIN ledger_account a ON a.path >= p.prefix AND a.path < p.prefix || {last}
ORDER BY a.path
"""
_UNDER_SQLITE = _UNDER.format(prefixes="SELECT value FROM json_each(?)", last="char(65535)")
_NAMES = "SELECT json_array_elements_text(%s::json)"  # an array's driver looks at each name by itself
_UNDER_POSTGRESQL = _UNDER.format(prefixes=_NAMES, last="chr(65535)")
_ACCOUNTS_POSTGRESQL = _ACCOUNTS.format(among=f"= ANY (ARRAY({_NAMES}))")
_STANDING_POSTGRESQL = _STANDING.format(
    places="SELECT (value->>0)::bigint, value->>1 FROM json_array_elements(%s::json)"
)
_HEAD = ("kind", "source", "fingerprint", "posted_at", "reverses", "note", "legs")
_FOOT = ("entry_id", "place", "account_id", "unit", "amount")
_ADD_ENTRIES = (
    f"{insert_records(LedgerEntry, _HEAD)} ON CONFLICT (source, kind) DO NOTHING RETURNING source, kind, id"
)
_ADD_LEGS = insert_records(LedgerLeg, _FOOT)


class Batches(ABC):
    """What the service asks of the database inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Accounts that this transaction has met, as `accounts` gives them: they are never changed, and asked for by every step.
        self.met: dict[str, tuple[Any, ...]] = {}

    def meet(self, paths: Iterable[str]) -> dict[str, tuple[Any, ...]]:
        """Those of these accounts that exist; each is read once in a transaction."""
        wanted = set(paths)
        missing = sorted(wanted - self.met.keys())
        if missing:
            self.met.update((row[0], row) for row in self.accounts(missing))
        return {path: self.met[path] for path in wanted if path in self.met}

    def read(self, statement: str, *parameters: Any) -> list[Any]:
        return run(self.connection, statement, parameters)

    @abstractmethod
    def accounts(self, paths: Sequence[str]) -> list[Any]:
        """(path, id, sign, floor, has bounds, the moment up to which the books are closed) of those that exist."""

    @abstractmethod
    def under(self, prefixes: Sequence[str]) -> list[Any]:
        """(prefix, path) of every account whose path begins with one of the prefixes, by path."""

    @abstractmethod
    def open_accounts(self, rows: Rows) -> list[Any]:
        """Opens accounts: (path, kind, sign, floor, opened at), and gives (path, id) of those that were opened. One that
        exists already stays as it is."""

    @abstractmethod
    def lock(self, accounts: Sequence[int]) -> None:
        """Until the end of the transaction nobody else checks these accounts' bounds (decisions.md D5)."""

    @abstractmethod
    def add(self, entries: Rows, legs: Sequence[Rows]) -> list[int | None]:
        """Adds entries with their legs: (kind, source, fingerprint, posted at, reverses, note) and (account, unit, amount).

        The answer has the new id in each place, or None where source and kind were there before.
        """

    @abstractmethod
    def known(self, sources: Sequence[str]) -> list[Any]:
        """(source, kind, id, fingerprint) of the entries with these sources."""

    @abstractmethod
    def standing(self, places: Sequence[tuple[int, str]]) -> list[Any]:
        """(account, unit, sum of legs, open holds, has a bound, floor, ceiling) for each account and unit."""


class SqliteBatches(Batches):
    """One writer at a time: BEGIN IMMEDIATE is the lock, and ids can be counted on from the highest."""

    def accounts(self, paths: Sequence[str]) -> list[Any]:
        return self.read(_ACCOUNTS.format(among="IN (SELECT value FROM json_each(?))"), json.dumps(paths))

    def under(self, prefixes: Sequence[str]) -> list[Any]:
        return self.read(_UNDER_SQLITE, json.dumps(prefixes))

    def open_accounts(self, rows: Rows) -> list[Any]:
        columns = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(5))
        return self.read(
            f"INSERT INTO ledger_account (path, kind, sign, floor, opened_at) SELECT {columns} FROM json_each(?)"  # noqa: S608 — figures of ours
            " WHERE true ON CONFLICT (path) DO NOTHING RETURNING path, id",
            json.dumps([list(row) for row in rows]),
        )

    def lock(self, accounts: Sequence[int]) -> None:
        pass

    def add(self, entries: Rows, legs: Sequence[Rows]) -> list[int | None]:
        known = {(row[0], row[1]) for row in self.known([entry[1] for entry in entries])}
        next_id = self.read("SELECT coalesce(max(id), 0) FROM ledger_entry")[0][0]
        ids: list[int | None] = []
        heads: list[tuple[Any, ...]] = []
        feet: list[tuple[Any, ...]] = []
        for entry, own in zip(entries, legs, strict=True):
            kind, source, *rest = entry
            if (source, kind) in known:
                ids.append(None)
                continue
            known.add((source, kind))
            next_id += 1
            ids.append(next_id)
            heads.append((next_id, kind, source, *rest, len(own)))
            feet += [(next_id, place, *leg) for place, leg in enumerate(own)]
        if heads:
            self.connection.exec_driver_sql(
                "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (?, ?, ?, ?, ?)",
                feet,
            )
            self.connection.exec_driver_sql(
                "INSERT INTO ledger_entry (id, kind, source, fingerprint, posted_at, reverses, note, legs)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                heads,
            )
        return ids

    def known(self, sources: Sequence[str]) -> list[Any]:
        return self.read(
            "SELECT source, kind, id, fingerprint FROM ledger_entry WHERE source IN (SELECT value FROM json_each(?))",
            json.dumps(sources),
        )

    def standing(self, places: Sequence[tuple[int, str]]) -> list[Any]:
        listed = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
        return self.read(_STANDING.format(places=listed), json.dumps(places))


class PostgresqlBatches(Batches):
    """Arrays go over in one message each and are unfolded by the server."""

    def accounts(self, paths: Sequence[str]) -> list[Any]:
        return self.read(_ACCOUNTS_POSTGRESQL, json.dumps(paths))

    def under(self, prefixes: Sequence[str]) -> list[Any]:
        return self.read(_UNDER_POSTGRESQL, json.dumps(prefixes))

    def open_accounts(self, rows: Rows) -> list[Any]:
        # In order of path, so that two transactions that open the same accounts never wait for each other in a ring.
        columns = [list(column) for column in zip(*sorted(rows, key=itemgetter(0)), strict=True)]
        return self.read(
            "INSERT INTO ledger_account (path, kind, sign, floor, opened_at)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])"
            " ON CONFLICT (path) DO NOTHING RETURNING path, id",
            *columns,
        )

    def lock(self, accounts: Sequence[int]) -> None:
        self.read(
            "SELECT id FROM ledger_account WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE",
            sorted(accounts),
        )

    def add(self, entries: Rows, legs: Sequence[Rows]) -> list[int | None]:
        added = self.read(
            _ADD_ENTRIES,
            as_json(
                [
                    dict(zip(_HEAD, (*entry, len(own)), strict=True))
                    for entry, own in zip(entries, legs, strict=True)
                ]
            ),
        )
        new = {(row[0], row[1]): row[2] for row in added}
        ids: list[int | None] = []
        feet = []
        for entry, own in zip(entries, legs, strict=True):
            # The same source twice in one batch: the first carries the legs.
            found = new.pop((entry[1], entry[0]), None)
            ids.append(found)
            if found is not None:
                feet += [dict(zip(_FOOT, (found, place, *leg), strict=True)) for place, leg in enumerate(own)]
        if feet:
            self.read(_ADD_LEGS, as_json(feet))
        return ids

    def known(self, sources: Sequence[str]) -> list[Any]:
        return self.read(
            f"SELECT source, kind, id, fingerprint FROM ledger_entry WHERE source = ANY(ARRAY({_NAMES}))",  # noqa: S608 — a constant
            json.dumps(sources),
        )

    def standing(self, places: Sequence[tuple[int, str]]) -> list[Any]:
        return self.read(
            _STANDING_POSTGRESQL,
            json.dumps(places),
        )


_BOOKS = "books of the ledger"


def batches(session: Session) -> Batches:
    """The statements of this session's database, inside its transaction. Rows waiting in the session go first."""
    session.flush()
    found = session.info.get(_BOOKS)
    if isinstance(found, Batches):
        return found
    connection = session.connection()
    books = (
        SqliteBatches(connection) if connection.dialect.name == "sqlite" else PostgresqlBatches(connection)
    )
    session.info[_BOOKS] = books  # a session has one transaction (`db.Database`)
    return books

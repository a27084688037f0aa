"""What the recorder watches: acknowledged writes to the database or to the issuance log, by the product's own code.

`workload.py KIND FOLDER COUNT`. Each acknowledged step writes its number to the file ACK, after the commit or the sync that it
stands on. The kinds `wal-normal`, `delete-full` and `off` are SQLite as it must not be run: the battery must catch them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

Acknowledge = Callable[[int], None]

UNSAFE = {
    "wal-normal": ("WAL", "NORMAL"),
    "delete-full": ("DELETE", "FULL"),
    "off": ("WAL", "OFF"),
}


def main(kind: str, folder: Path, count: int) -> None:
    ack = os.open(folder / "ACK", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def acknowledge(number: int) -> None:
        os.write(ack, b"%d\n" % number)

    refused: set[str] = set()
    if kind == "log":
        log(folder, count, acknowledge, refused)
    elif kind == "database":
        database(folder, count, acknowledge, refused)
    else:
        _unsafe(kind, folder, count, acknowledge)


TABLE = "CREATE TABLE acked (n INTEGER PRIMARY KEY, twin INTEGER NOT NULL, pad TEXT NOT NULL) STRICT"


def database(folder: Path, count: int, acknowledge: Acknowledge, refused: set[str]) -> None:
    """Steps that the disk refuses are named in `refused` and done without, as a server does without them."""
    import sqlalchemy as sa

    from vending.db import Database, DiskFailing, DiskFull

    db = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
    with db.writing() as session:
        session.execute(sa.text(TABLE))
        # A checkpoint each few commits: its writes are where a database is most easily torn.
        session.execute(sa.text("PRAGMA wal_autocheckpoint = 7"))
    number = 0
    for step in range(1, count + 1):
        try:
            with db.writing() as session:
                session.execute(
                    sa.text("INSERT INTO acked VALUES (:n, :n, :pad)"),
                    {"n": number + 1, "pad": "x" * (step * 77 % 900)},
                )
                if number >= 5:  # a change of an older row, such as a vend that is released
                    session.execute(sa.text("UPDATE acked SET pad = '' WHERE n = :n"), {"n": number - 3})
            number += 1
            acknowledge(number)
            if step % 3 == 0:
                with db.reading() as session:
                    session.execute(sa.text("SELECT count(*) FROM acked")).scalar_one()
        except (DiskFull, DiskFailing) as error:
            refused.add(error.code)
    db.close()


def _unsafe(kind: str, folder: Path, count: int, acknowledge: Acknowledge) -> None:
    import sqlite3

    journal, sync = UNSAFE[kind]
    connection = sqlite3.connect(folder / "ampoule.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"PRAGMA synchronous = {sync}")
    connection.execute("PRAGMA wal_autocheckpoint = 7")
    connection.execute(TABLE)
    for number in range(1, count + 1):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO acked VALUES (?, ?, ?)", (number, number, "x" * (number % 900)))
        connection.execute("COMMIT")
        acknowledge(number)


def log(folder: Path, count: int, acknowledge: Acknowledge, refused: set[str]) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from keystore import entries
    from keystore.errors import LogFull
    from keystore.journal import Journal

    secret = AESGCM(bytes(32))
    journal = Journal(folder, secret)
    head, number = entries.GENESIS, 0
    while number < count:
        group, lines, last = number, [], head
        for place in range(number, number + 1 + number % 3):
            public = {"n": place, "prev": last, "g": group, "kind": "credit", "order": f"order-{place:08d}"}
            line, leaf = entries.write(public, {"pad": "x" * (place * 77 % 700)}, secret)
            last = leaf.hex()
            lines.append(line)
        try:
            journal.append(lines)
        except LogFull as error:
            refused.add(error.code)
            count -= 1
            continue
        head, number = last, number + len(lines)
        acknowledge(number)
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

"""What the recorder watches: acknowledged writes to the database or to the issuance log, by the product's own code.

`workload.py KIND FOLDER COUNT`. Each acknowledged step writes its number to the file ACK, after the commit or the sync that it
stands on. The kinds `wal-normal`, `delete-full` and `off` are SQLite as it must not be run: the battery must catch them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

UNSAFE = {
    "wal-normal": ("WAL", "NORMAL"),
    "delete-full": ("DELETE", "FULL"),
    "off": ("WAL", "OFF"),
}


def main(kind: str, folder: Path, count: int) -> None:
    ack = os.open(folder / "ACK", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def acknowledge(number: int) -> None:
        os.write(ack, b"%d\n" % number)

    if kind == "log":
        _log(folder, count, acknowledge)
    elif kind == "database":
        _database(folder, count, acknowledge)
    else:
        _unsafe(kind, folder, count, acknowledge)


TABLE = "CREATE TABLE acked (n INTEGER PRIMARY KEY, twin INTEGER NOT NULL, pad TEXT NOT NULL) STRICT"


def _database(folder: Path, count: int, acknowledge) -> None:  # type: ignore[no-untyped-def]
    import sqlalchemy as sa

    from vending.db import Database

    db = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
    with db.writing() as session:
        session.execute(sa.text(TABLE))
        # A checkpoint each few commits: its writes are where a database is most easily torn.
        session.execute(sa.text("PRAGMA wal_autocheckpoint = 7"))
    for number in range(1, count + 1):
        with db.writing() as session:
            session.execute(
                sa.text("INSERT INTO acked VALUES (:n, :n, :pad)"), {"n": number, "pad": "x" * (number % 900)}
            )
            if number % 5 == 0:  # a change of an older row, such as a vend that is released
                session.execute(sa.text("UPDATE acked SET pad = '' WHERE n = :n"), {"n": number - 3})
        acknowledge(number)
        if number % 3 == 0:
            with db.reading() as session:
                session.execute(sa.text("SELECT count(*) FROM acked")).scalar_one()
    db.close()


def _unsafe(kind: str, folder: Path, count: int, acknowledge) -> None:  # type: ignore[no-untyped-def]
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


def _log(folder: Path, count: int, acknowledge) -> None:  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from keystore import entries
    from keystore.journal import Journal

    secret = AESGCM(bytes(32))
    journal = Journal(folder, secret)
    head, number = entries.GENESIS, 0
    while number < count:
        group, lines = number, []
        for _ in range(1 + number % 3):
            public = {"n": number, "prev": head, "g": group, "kind": "credit", "order": f"order-{number:08d}"}
            line, leaf = entries.write(public, {"pad": "x" * (number % 700)}, secret)
            head = leaf.hex()
            lines.append(line)
            number += 1
        journal.append(lines)
        acknowledge(number)
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

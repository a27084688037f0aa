"""Brings a back-up into an empty folder, and proves on the way that it is whole: opened, sound, audited, fitting its log.

Everything is unpacked and judged in a folder beside the last place; only what passed every check is moved there. A drill
does the same and leaves nothing. Which sales the restored log may lack, nobody can know from the archive alone: so a restored
log waits for two approvers to fast-forward it before anything is sold (`vends/log_fence.py`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keystore import archive
from keystore.errors import KeystoreError
from vending import migrating
from vending.auditor import report
from vending.backup import snapshot
from vending.backup.snapshot import BackupDamaged, RestoreRefused, Say
from vending.db import Database

_WORK = ".restoring"
HEAD_NOTE = "head.txt"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `beyond` are orders of the log that the database does not know: `ampoule reconcile --adopt`."""

    made_at: datetime
    version: str
    sales: int
    checks: int
    rows: int
    log_entries: int | None
    beyond: int
    seconds: float


def restore(
    backup: Path, identity: Path, into: Path, *, database: str, drill: bool, keep_module: bool, say: Say
) -> Restored:
    """`database` is an empty PostgreSQL for back-ups that were made of one; "" for SQLite."""
    started = time.monotonic()
    if into.exists() and any(into.iterdir()):
        raise RestoreRefused(
            f"{into} is not empty. Restore into an empty folder; then let AMPOULE_VAR name it."
        )
    existed = into.exists()
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = into / _WORK
    try:
        say("opening", 0, 1)
        found = archive.unpack(backup, identity, work)
        if found.facts.get("holds") != "site":
            raise RestoreRefused(
                f"{backup.name} is a back-up of a module alone. `keystore restore` brings it back."
            )
        restored = _judged(found.facts, work, database, keep_module=keep_module, say=say, started=started)
        if not drill:
            _move(work, into, keep_module=keep_module)
        elif database:
            _empty_again(database)
        return restored
    except KeystoreError as error:
        raise BackupDamaged(f"The back-up does not restore: {error.sentence}") from error
    except OSError as error:
        raise RestoreRefused(
            f"The back-up could not be unpacked into {into} ({error.strerror or error}). Make room, then try again."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if not any(into.iterdir()) and not existed:
            into.rmdir()


def _judged(
    facts: dict[str, Any], work: Path, database: str, *, keep_module: bool, say: Say, started: float
) -> Restored:
    address = _database_of(facts, work, database, say)
    db = Database.open(address)
    try:
        migrating.bring_up_to_date(db)
    finally:
        db.close()
    say("auditing", 0, 1)
    log_file = work / "module" / "log" / "entries.log"
    has_log = log_file.exists()
    with _read(address) as connection:
        audited = report.run(connection, now=datetime.now(UTC))
        if not audited.clean:
            raise BackupDamaged(
                f"The restored database has {audited.faults} faults ({next(_faults(audited))}). Do not use it; take another back-up."
            )
        entries, beyond = _against_log(connection, log_file) if has_log else (None, 0)
    if has_log:
        say("verifying the log", 0, 1)
        _verify_log(work / "module" / "log")
        if not keep_module:
            _mark_restored(address, entries or 0)
    return Restored(
        datetime.fromisoformat(facts["made_at"]),
        facts["version"],
        facts["sales"],
        sum(1 for result in audited.results if not result.missing),
        sum(result.looked_at for result in audited.results if not result.missing),
        entries,
        beyond,
        time.monotonic() - started,
    )


def _database_of(facts: dict[str, Any], work: Path, database: str, say: Say) -> str:
    """The restored database's address, filled and sound."""
    if facts["dialect"] == "sqlite":
        if database:
            raise RestoreRefused(
                "This back-up was made of SQLite: restore it without --database, then `ampoule database copy` moves it to PostgreSQL."
            )
        say("checking the database", 0, 1)
        path = work / "database" / snapshot.SQLITE_FILE
        snapshot.sound(path, whole=True)
        return f"sqlite:///{path}"
    if not database:
        raise RestoreRefused(
            "This back-up was made of PostgreSQL: name an empty database, --database postgresql://owner@host/name."
        )
    db = Database.open(database)
    try:
        snapshot.put_into_postgresql(db, work / "database", facts["revision"], say)
    finally:
        db.close()
    return database


@contextmanager
def _read(address: str) -> Iterator[Connection]:
    db = Database.open(address, writable=False)
    try:
        with db.reading() as session:
            yield session.connection()
    finally:
        db.close()


def _faults(audited: report.Report) -> Iterator[str]:
    return (fault for result in audited.results for fault in result.faults)


def _against_log(connection: Connection, log_file: Path) -> tuple[int, int]:
    """Every token of the database stands in the log where it says, leaf for leaf. Gives the number of entries, and of
    orders that come after all that the database knows."""
    tokens = iter(
        connection.execute(
            sa.text(
                "SELECT DISTINCT sequence, leaf, order_id FROM token ORDER BY sequence"
            ).execution_options(stream_results=True)
        )
    )
    wanted = next(tokens, None)
    count, later = 0, []
    with open(log_file, "rb") as file:
        for line in file:
            data = line.partition(b"\t")[0]
            while wanted is not None and wanted[0] == count:
                if wanted[1] != sha256(b"\x00" + data).hexdigest():
                    raise BackupDamaged(
                        f"The token of order {wanted[2]} is not the one of entry {count} of the log. Do not use this back-up."
                    )
                wanted = next(tokens, None)
            if wanted is None:
                public = json.loads(data)
                if "tokens" in public:
                    later.append(public["order"])
            count += 1
    if wanted is not None:
        raise BackupDamaged(
            f"The database has a token of entry {wanted[0]}, and the log ends at {count}. Do not use this back-up."
        )
    known = set(
        connection.execute(
            sa.text("SELECT order_id FROM vend WHERE order_id IN :asked").bindparams(
                sa.bindparam("asked", expanding=True)
            ),
            {"asked": later},
        ).scalars()
    )
    return count, sum(order not in known for order in later)


def _verify_log(folder: Path) -> None:
    """By the stand-alone verifier, as an auditor would run it."""
    command = [str(Path(sys.executable).parent / "keystore"), "log", "verify", "--log", str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise BackupDamaged(f"The issuance log does not verify: {(told.stdout + told.stderr).strip()[-300:]}")


def _mark_restored(address: str, entries: int) -> None:
    from vending.clock import SystemClock
    from vending.vends import log_fence

    db = Database.open(address)
    try:
        with db.writing() as session:
            log_fence.mark_restored(session, SystemClock(), entries)
    finally:
        db.close()


def _move(work: Path, into: Path, *, keep_module: bool) -> None:
    database = work / "database" / snapshot.SQLITE_FILE
    if database.exists():
        database.rename(into / snapshot.SQLITE_FILE)
    for path in sorted((work / "site").iterdir()):
        target = into / "restored" / path.name if path.suffix in (".json", ".toml") else into / path.name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        path.rename(target)
    module = work / "module"
    if module.exists() and not keep_module:
        module.rename(into / "module")
        _write_head(into / "module")


def _write_head(module: Path) -> None:
    """The newest signed head of the log, for `keystore budget fast-forward --note`."""
    lines = (module / "log" / "checkpoints").read_text(encoding="utf-8").splitlines()
    if lines:
        (module / HEAD_NOTE).write_text(json.loads(lines[-1])["note"], encoding="utf-8")


def _empty_again(database: str) -> None:
    """After a drill on PostgreSQL: the tables that it made go."""
    db = Database.open(database)
    try:
        migrating.take_back(db, "base")
    finally:
        db.close()

"""Half of the matching in a process of its own, for a site of many orders: the log against the tokens here, orders and sales
there. Both see one state of the database, or everything is done here.

PostgreSQL lends a transaction's snapshot to another one. SQLite does not, so both begin to read and compare how far the
sale's records had come, until they are the same; nothing is locked, and no sale waits.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing.connection import Connection as Pipe

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vending.auditor import opening
from vending.auditor.matching.found import Found
from vending.auditor.reconciliation import Window, match_books

Beside = Callable[[], Found | None]
WORTH_IT = 100_000  # orders; starting another process takes about a second
TRIES = 200  # at a site that sells while it is looked at

_STATE = " UNION ALL ".join(
    f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 — names of ours
    for table in ("sale", "vend", "token", "payment", "ledger_entry", "outbox")
)


@contextmanager
def beside(
    address: str, connection: Connection, *, now: datetime, window: Window, worth_it: int = WORTH_IT
) -> Iterator[Beside | None]:
    """What the other process found, once it is asked; None where nobody else looks. Call it before the first look."""
    orders = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM vend")).scalar_one()
    if orders < worth_it:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # A daemon ends with us, so that a command that is broken off leaves nobody behind.
    process = context.Process(target=_work, args=(theirs, address, now, window), daemon=True)
    process.start()
    theirs.close()
    try:
        yield (lambda: _answer(ours)) if _agreed(ours, connection) else None
    finally:
        ours.close()
        process.kill()
        process.join()


def _answer(pipe: Pipe) -> Found | None:
    """What it found; None when it ended without an answer, so that it is done here."""
    try:
        found = pipe.recv()
    except (EOFError, OSError):
        return None
    assert isinstance(found, Found)
    return found


def _agreed(pipe: Pipe, connection: Connection) -> bool:
    """Whether both processes see one state now."""
    with suppress(EOFError, OSError):  # where the other has ended, this one sees one state still
        if connection.dialect.name == "postgresql":
            pipe.send(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            return bool(pipe.recv())
        for _ in range(TRIES):
            opening.look_anew(connection)
            pipe.send(_state(connection))
            if pipe.recv():
                return True
    return False


def _work(pipe: Pipe, address: str, now: datetime, window: Window) -> None:
    with opening.opened(address) as connection:
        if not _agreed_there(pipe, connection):
            return
        pipe.send(match_books(connection, now=now, window=window))


def _agreed_there(pipe: Pipe, connection: Connection) -> bool:
    if connection.dialect.name == "postgresql":
        snapshot = pipe.recv()
        connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        pipe.send(True)
        return True
    for _ in range(TRIES):
        state = pipe.recv()
        opening.look_anew(connection)
        same = _state(connection) == state
        pipe.send(same)
        if same:
            return True
    return False


def _state(connection: Connection) -> list[int]:
    return [row[0] for row in connection.exec_driver_sql(_STATE)]

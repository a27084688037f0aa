"""Work in the background: one port, and its two implementations over the same table, the outbox.

A job is an outbox row: written in the transaction of the act that caused it, so that the act and its consequences are
there together or not at all. It is done at least once, never twice at the same time, and again later and later when it
fails; after the last try it is a dead letter that people see and send again.

`ThreadQueue` is for SQLite: one process works on the file, so what is being worked on stands in its memory. `SharedQueue`
is for PostgreSQL: a worker holds an advisory lock of the server for each job, and the server lets go of it the moment the
worker's connection ends, however it ends. Neither needs a lease or a clock, so a long job stays its worker's own, and a
clock that jumps frees nothing.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from vending import audit, logs, outbox
from vending.clock import Clock
from vending.db import Database
from vending.errors import NotFound
from vending.outbox import Message, OutboxMessage

log = logging.getLogger(__name__)

LOOKED_AT = 50  # how many due rows a worker looks through for one that nobody has


class JobNotDead(NotFound):
    code = "job_not_dead"


class JobQueue(Protocol):
    """What a worker asks of the queue. One worker, one queue: it is used by one thread."""

    def take(self) -> Message | None:
        """The job that has been due for longest and that nobody works on; it is this worker's until it is given back."""
        ...

    def take_alike(self, message: Message) -> list[Message]:
        """Others of the same kind that are due and free, to be worked on together with one that this worker has."""
        ...

    def done(self, *messages: Message) -> None:
        """They are finished and never come again."""
        ...

    def failed(self, message: Message, error: str) -> None:
        """It comes again later, or becomes a dead letter after the last try."""
        ...

    def close(self) -> None:
        """Gives back what is held; others take it at once."""
        ...


def open_queue(db: Database, clock: Clock) -> JobQueue:
    """The implementation for the database of the site."""
    return SharedQueue(db, clock) if db.dialect == "postgresql" else ThreadQueue(db, clock)


class _Rows(ABC):
    """What both do alike: the rows."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def _due(self, event: str = "") -> list[Message]:
        with self._db.reading() as session:
            return outbox.list_due(session, self._clock, most=LOOKED_AT, event=event)

    def _still_due(self, messages: Sequence[Message]) -> list[Message]:
        """Those that nobody finished or put off between the look and the hold."""
        with self._db.reading() as session:
            return outbox.still_due(session, self._clock, messages)

    @abstractmethod
    def _hold(self, message: Message) -> bool:
        """Whether it is this worker's from now on; not where another has it."""

    @abstractmethod
    def _let_go(self, message: Message) -> None:
        """It is nobody's again."""

    def take(self) -> Message | None:
        for message in self._due():
            if not self._hold(message):
                continue
            if self._still_due([message]):
                return message
            self._let_go(message)
        return None

    def take_alike(self, message: Message) -> list[Message]:
        held = [one for one in self._due(message.event) if one.id != message.id and self._hold(one)]
        due = self._still_due(held) if held else []
        for one in held:
            if one not in due:
                self._let_go(one)
        return due

    def done(self, *messages: Message) -> None:
        with self._db.writing() as session:
            outbox.delivered(session, self._clock, messages)
        for message in messages:
            self._let_go(message)

    def failed(self, message: Message, error: str) -> None:
        with self._db.writing() as session:
            outbox.failed(session, self._clock, message, logs.clean(error))
        self._let_go(message)


class ThreadQueue(_Rows):
    """For the one process that a SQLite site is: `held` is shared by its threads."""

    _guard = threading.Lock()
    _held: set[tuple[str, int]] = set()  # noqa: RUF012 — shared by every queue of this process on purpose

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db, clock)
        self._mine: set[tuple[str, int]] = set()

    def _name(self, message: Message) -> tuple[str, int]:
        return str(self._db.url.database), message.id

    def _hold(self, message: Message) -> bool:
        name = self._name(message)
        with self._guard:
            if name in self._held:
                return False
            self._held.add(name)
        self._mine.add(name)
        return True

    def _let_go(self, message: Message) -> None:
        name = self._name(message)
        self._mine.discard(name)
        with self._guard:
            self._held.discard(name)

    def close(self) -> None:
        with self._guard:
            self._held.difference_update(self._mine)
        self._mine.clear()


class SharedQueue(_Rows):
    """For workers in several processes: PostgreSQL itself knows who holds what."""

    SPACE = 0x6A6F62  # the first half of the lock's name: jobs, and nothing else

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db, clock)
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            # The connection itself ends, and does not go back to the pool with its locks.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _ask(self, function: str, message: Message) -> bool:
        statement = sa.text(f"SELECT {function}(:space, :id)")
        if self._connection is None:
            self._connection = self._db.alone()
        try:
            found = self._connection.execute(
                statement, {"space": self.SPACE, "id": message.id % 2**31}
            ).scalar_one()
        except sa.exc.DBAPIError:
            # The server went away, and with it the locks; the next look begins with a new connection.
            self.close()
            raise
        return bool(found)

    def _hold(self, message: Message) -> bool:
        return self._ask("pg_try_advisory_lock", message)

    def _let_go(self, message: Message) -> None:
        self._ask("pg_advisory_unlock", message)


# ---- what people see and do

WAITING, DEAD, DONE = "waiting", "dead", "done"


@dataclass(frozen=True, slots=True)
class JobView:
    id: int
    event: str
    about: str
    state: str
    tries: int
    created_at: datetime
    due_at: datetime
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    waiting: int
    late: int  # due for more than a minute
    dead: int
    oldest_due: datetime | None


def _of(row: OutboxMessage) -> JobView:
    state = DEAD if row.dead_at else DONE if row.delivered_at else WAITING
    about = ", ".join(f"{name} {value}" for name, value in sorted(row.payload.items()))
    return JobView(
        row.id,
        row.event,
        logs.clean(about)[:200],
        state,
        row.tries,
        row.created_at,
        row.due_at,
        row.last_error,
    )


def list_jobs(
    session: Session, *, state: str = "", most: int = 100, only: sa.ColumnElement[bool] | None = None
) -> list[JobView]:
    """The newest first. `state` is waiting, dead or done; empty for all. `only`: a condition on the row, for who may see a
    part of them (`analytics.messages`)."""
    wanted = {
        WAITING: [OutboxMessage.delivered_at.is_(None), OutboxMessage.dead_at.is_(None)],
        DEAD: [OutboxMessage.dead_at.is_not(None)],
        DONE: [OutboxMessage.delivered_at.is_not(None)],
        "": [],
    }[state]
    rows = session.scalars(
        sa.select(OutboxMessage).where(*wanted, *_also(only)).order_by(OutboxMessage.id.desc()).limit(most)
    )
    return [_of(row) for row in rows]


def _also(only: sa.ColumnElement[bool] | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if only is None else (only,)


def count(session: Session, clock: Clock, *, only: sa.ColumnElement[bool] | None = None) -> Counts:
    open_ = (OutboxMessage.delivered_at.is_(None), OutboxMessage.dead_at.is_(None), *_also(only))
    late = OutboxMessage.due_at < clock.now() - timedelta(minutes=1)
    waiting, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(OutboxMessage.due_at)).where(*open_)
    ).one()
    return Counts(
        waiting,
        session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage).where(*open_, late)) or 0,
        session.scalar(
            sa.select(sa.func.count())
            .select_from(OutboxMessage)
            .where(OutboxMessage.dead_at.is_not(None), *_also(only))
        )
        or 0,
        oldest,
    )


def again(session: Session, clock: Clock, actor: Any, ids: Sequence[int]) -> int:
    """Sends dead letters again, from the first try on. The trail says who did."""
    rows = {
        row.id: row
        for row in session.scalars(
            sa.select(OutboxMessage).where(OutboxMessage.id.in_(ids), OutboxMessage.dead_at.is_not(None))
        )
    }
    missing = [str(number) for number in ids if number not in rows]
    if missing:
        raise JobNotDead(
            f"There is no dead letter with the number {', '.join(missing)}. `ampoule jobs dead` lists them; what only waits "
            "is tried again by itself."
        )
    for row in rows.values():
        outbox.send_again(session, clock, row.id)
        audit.record(
            session,
            clock,
            actor=actor,
            act="job sent again",
            subject=f"job:{row.id}",
            detail={"event": row.event, "last_error": row.last_error or ""},
        )
    return len(rows)


def drop_done(session: Session, clock: Clock, days: int, *, most: int = 5000) -> int:
    """Work that was done long ago leaves the list; what waits or died never does."""
    old = (
        sa.select(OutboxMessage.id)
        .where(OutboxMessage.delivered_at < clock.now() - timedelta(days=days))
        .limit(most)
    )
    found = session.scalars(old).all()
    session.execute(sa.delete(OutboxMessage).where(OutboxMessage.id.in_(found)))
    return len(found)

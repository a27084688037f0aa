"""What must follow an act: rows written in the act's own transaction, delivered by the worker at least once.

A reaction may therefore run twice, and is written so that twice is the same as once. What fails is tried again later and
later; after the last try it stays as a dead letter that people can see and send again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from vending import rows
from vending.clock import Clock
from vending.db import Base

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(hours=1)
TRIES = 12


class OutboxMessage(Base):
    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (sa.Index("ix_outbox_due", "delivered_at", "dead_at", "due_at"),)


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    event: str
    payload: dict[str, Any]
    tries: int


def emit(
    session: Session, clock: Clock, event: str, payload: dict[str, Any], *, after: timedelta | None = None
) -> None:
    now = clock.now()
    session.add(
        OutboxMessage(event=event, payload=payload, created_at=now, due_at=now + (after or timedelta()))
    )


def emit_all(session: Session, clock: Clock, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """The same as `emit` for each (event, payload), in one statement."""
    now = clock.now()
    rows.add(
        session,
        OutboxMessage,
        [
            {"event": event, "payload": payload, "created_at": now, "due_at": now, "tries": 0}
            for event, payload in messages
        ],
    )


_MESSAGE = (OutboxMessage.id, OutboxMessage.event, OutboxMessage.payload, OutboxMessage.tries)


def list_due(session: Session, clock: Clock, *, most: int = 50, event: str = "") -> list[Message]:
    """The oldest first; of one event alone where it is named."""
    rows = session.execute(
        sa.select(*_MESSAGE)
        .where(
            OutboxMessage.delivered_at.is_(None),
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.due_at <= clock.now(),
            *([OutboxMessage.event == event] if event else []),
        )
        .order_by(OutboxMessage.due_at, OutboxMessage.id)
        .limit(most)
    )
    return [Message(row.id, row.event, row.payload, row.tries) for row in rows]


def still_due(session: Session, clock: Clock, messages: Sequence[Message]) -> list[Message]:
    """Those that nobody finished or put off since they were looked at."""
    rows = session.execute(
        sa.select(OutboxMessage.id, OutboxMessage.tries).where(
            OutboxMessage.id.in_([message.id for message in messages]),
            OutboxMessage.delivered_at.is_(None),
            OutboxMessage.dead_at.is_(None),
            OutboxMessage.due_at <= clock.now(),
        )
    )
    tries = {row.id: row.tries for row in rows}
    return [message for message in messages if tries.get(message.id) == message.tries]


def delivered(session: Session, clock: Clock, messages: Sequence[Message]) -> None:
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id.in_([message.id for message in messages]))
        .values(delivered_at=clock.now(), last_error=None)
    )


def failed(session: Session, clock: Clock, message: Message, error: str) -> None:
    tries = message.tries + 1
    wait = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id == message.id)
        .values(
            tries=tries,
            last_error=error[:500],
            due_at=clock.now() + wait,
            dead_at=clock.now() if tries >= TRIES else None,
        )
    )


def list_dead(session: Session) -> list[OutboxMessage]:
    return list(
        session.scalars(
            sa.select(OutboxMessage).where(OutboxMessage.dead_at.is_not(None)).order_by(OutboxMessage.id)
        )
    )


def send_again(session: Session, clock: Clock, message_id: int) -> None:
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.dead_at.is_not(None))
        .values(dead_at=None, tries=0, due_at=clock.now())
    )

"""A message is asked for in the transaction of its cause, sent by the worker, and its row says how far it came.

Asking twice under one key is asking once, and what is accepted or refused for good is never sent again. Between the
station's answer and the commit that keeps it lies a moment: who dies there sends once more, under the same key. Tries and
waits are those of the jobs (`outbox.py`); after the last one the job is a dead letter and the row still says *waiting*, with
the last reason, so that `ampoule jobs again` goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import logs, outbox
from vending.clock import Clock
from vending.db import Database
from vending.notifications.channel import Accepted, Channel, ChannelError, Outgoing
from vending.notifications.tables import Notice

ASKED = "notice asked for"


@dataclass(frozen=True, slots=True)
class NoticeView:
    key: str
    sale_key: str
    channel: str
    recipient: str
    state: str
    tries: int
    reference: str
    error: str
    asked_at: datetime
    changed_at: datetime


def ask(session: Session, clock: Clock, key: str, *, sale_key: str, channel: str, recipient: str) -> bool:
    """Whether it is new: a message that was asked for before is not asked for again."""
    if session.scalar(sa.select(Notice.id).where(Notice.key == key)) is not None:
        return False
    now = clock.now()
    session.add(
        Notice(
            key=key, sale_key=sale_key, channel=channel, recipient=recipient, state="waiting",
            asked_at=now, changed_at=now,
        )
    )  # fmt: skip
    outbox.emit(session, clock, ASKED, {"notice": key})
    return True


def send(
    db: Database,
    clock: Clock,
    channels: Mapping[str, Channel],
    key: str,
    compose: Callable[[NoticeView], Outgoing],
) -> NoticeView:
    """One try. Raises what was temporary, so that the job comes again; nothing is open while the channel is asked."""
    with db.reading() as session:
        notice = _one(session, key)
    if notice.state != "waiting":
        return notice
    channel = channels.get(notice.channel)
    try:
        if channel is None:
            raise ChannelError(
                f"No channel for {notice.channel} is set up. `ampoule config show` names its settings; then send the job again.",
                permanent=False,
            )
        taken = channel.send(compose(notice))
    except ChannelError as error:
        _note(db, clock, key, error=error)
        if not error.permanent:
            raise
    else:
        _note(db, clock, key, taken=taken)
    with db.reading() as session:
        return _one(session, key)


def _note(
    db: Database, clock: Clock, key: str, *, taken: Accepted | None = None, error: ChannelError | None = None
) -> None:
    state = "accepted" if taken else "refused" if error and error.permanent else "waiting"
    with db.writing() as session:
        session.execute(
            sa.update(Notice)
            .where(Notice.key == key, Notice.state == "waiting")
            .values(
                state=state,
                tries=Notice.tries + 1,
                reference=taken.reference[:200] if taken else "",
                error=logs.clean(error.sentence)[:500] if error else "",
                changed_at=clock.now(),
            )
        )


def of_sale(session: Session, sale_key: str) -> list[NoticeView]:
    rows = session.scalars(sa.select(Notice).where(Notice.sale_key == sale_key).order_by(Notice.id))
    return [_view(row) for row in rows]


def _one(session: Session, key: str) -> NoticeView:
    return _view(session.scalars(sa.select(Notice).where(Notice.key == key)).one())


def _view(row: Notice) -> NoticeView:
    return NoticeView(
        row.key, row.sale_key, row.channel, row.recipient, row.state, row.tries, row.reference, row.error,
        row.asked_at, row.changed_at,
    )  # fmt: skip

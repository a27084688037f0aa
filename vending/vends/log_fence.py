"""The fence between the books and the module's log: nothing is sold while one of them is older than the other.

Every order is paid in the database before the module may issue it (decisions.md D2), so each credit entry of the log belongs
to a request of an order that stands here. One that does not means that this database is a restored, older one (or that somebody minted past
it): sales stay closed until `ampoule reconcile --adopt` has taken the missing orders in. The other way round, a log that is
shorter than what this database saw of it may give identifiers twice: the signed head that is kept here is shown to the module,
which then refuses by itself until two people fast-forward it.

`LogFence` is the module as pages and worker use it: the same port, `ready` only while both fit. Not here: taking the orders
in (`adopting.py`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import ModuleRefused
from keystore.module import (
    MAX_REQUESTS,
    ActSignature,
    AlreadyIssued,
    Approved,
    Cancelled,
    Checkpoint,
    Issued,
    MeterKeying,
    Proof,
    PublicEntry,
    Refused,
    Request,
    SecurityModule,
    Status,
    Verified,
)
from vending.clock import Clock
from vending.db import Database
from vending.vends.tables import LogMark, Token, TokenRequest

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0
CLOSED = "closed"
_BACK = 4096  # entries from the end in which a fast-forward is looked for


@dataclass(frozen=True, slots=True)
class Missing:
    """An entry of the log whose order this database does not know."""

    sequence: int
    order_id: str
    kind: str
    logged_at_ms: int
    meter: str  # the salted commitment of the meter's number
    units: int | None
    free: bool = False
    act_id: str | None = None  # of the approval that a free issue was given for


@dataclass(frozen=True, slots=True)
class Mark:
    log: str = ""
    checked_to: int = 0
    head_size: int = 0
    head_note: str = ""
    restored_size: int | None = None
    forwarded: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at both found. `reason` is empty when sales may go on."""

    log: str
    size: int
    missing: tuple[Missing, ...]
    others: tuple[Missing, ...]  # engineering tokens and key changes of that time: they move no money
    mark: Mark  # where the next look begins
    reason: str


def look(db: Database, module: SecurityModule, status: Status) -> Finding:
    """Holds the module's log against this database, from the mark on. Changes nothing here."""
    with db.reading() as session:
        mark = _mark(session)
        if mark.log != status.log:
            # A log that was never looked at, or another one: it is followed from its beginning. What a restore noted
            # before the first look holds for the log that it brought.
            mark = Mark(status.log, restored_size=None if mark.log else mark.restored_size)
        last = session.scalar(sa.select(sa.func.max(Token.sequence)).where(Token.log == status.log))
    seen = max(mark.checked_to, mark.head_size)
    if last is not None and mark.forwarded is None:
        seen = max(seen, last + 1)
    if seen > status.sequence:
        forwarded = _forwarded_since(module, status, mark.forwarded)
        if forwarded is None:
            return Finding(status.log, status.sequence, (), (), mark, _shorter(module, status, mark, seen))
        mark = replace(mark, checked_to=0, head_size=0, head_note="", forwarded=forwarded)
    missing: list[Missing] = []
    others: list[Missing] = []
    first, checked_to = mark.checked_to, mark.checked_to
    while first < status.sequence:
        public = [json.loads(entry.leaf_data) for entry in module.entries(first, MAX_REQUESTS)]
        if not public:
            break
        mark = _followed(mark, public)
        with db.reading() as session:
            for entry in _unknown(session, public):
                (missing if entry.kind == "credit" else others).append(entry)
        first += len(public)
        if not missing:
            checked_to = first
    mark = replace(mark, checked_to=checked_to)
    return Finding(
        status.log, status.sequence, tuple(missing), tuple(others), mark, _reason(mark, len(missing))
    )


def _followed(mark: Mark, public: Sequence[dict[str, Any]]) -> Mark:
    for entry in public:
        if (
            entry.get("act") == "fast-forward"
            and mark.restored_size is not None
            and entry["n"] >= mark.restored_size
        ):
            mark = replace(mark, restored_size=None, forwarded=entry["n"])
    return mark


def _unknown(session: Session, public: Sequence[dict[str, Any]]) -> list[Missing]:
    issued = {entry["order"]: entry for entry in public if "tokens" in entry}
    known = set(
        session.scalars(sa.select(TokenRequest.part_id).where(TokenRequest.part_id.in_(list(issued))))
    )
    return [
        Missing(
            entry["n"],
            order,
            entry["kind"],
            entry["at"],
            entry["meter"],
            entry.get("units"),
            entry.get("free") is True,
            entry.get("act_id"),
        )
        for order, entry in issued.items()
        if order not in known
    ]


def _forwarded_since(module: SecurityModule, status: Status, known: int | None) -> int | None:
    """The newest fast-forward that two people signed after the one already taken into account."""
    newest = None
    for first in range(max(0, status.sequence - _BACK), status.sequence, MAX_REQUESTS):
        for entry in module.entries(first, MAX_REQUESTS):
            public = json.loads(entry.leaf_data)
            if public.get("act") == "fast-forward" and (known is None or public["n"] > known):
                newest = int(public["n"])
    return newest


def _shorter(module: SecurityModule, status: Status, mark: Mark, seen: int) -> str:
    if mark.head_note:
        try:
            told = module.present_head(mark.head_note)
            if told.state == "behind":
                return told.reason
        except ModuleRefused:
            pass  # signed by another log: the sentence below says what to do
    return (
        f"The module's log has {status.sequence} entries, and this database saw {seen} of them: the log is an older copy. Bring "
        "the newer one back, or let two approvers fast-forward it: `ampoule reconcile --head` writes the note that they sign."
    )


def _reason(mark: Mark, missing: int) -> str:
    if mark.restored_size is not None:
        return (
            "This site was restored from a back-up, and what the module gave after it is not in its log. Let two approvers "
            "fast-forward the module (`keystore budget fast-forward`), then open new budgets."
        )
    if missing:
        orders = "1 order of the log is" if missing == 1 else f"{missing} orders of the log are"
        return (
            f"The database is older than the module's log: {orders} not in it. Stop the server, run "
            "`ampoule reconcile` to see them and `ampoule reconcile --adopt` to take them in, then start again."
        )
    return ""


# --- the mark ---------------------------------------------------------------------------------------------------------


def _mark(session: Session) -> Mark:
    row = session.get(LogMark, 1)
    if row is None:
        return Mark()
    return Mark(row.log, row.checked_to, row.head_size, row.head_note, row.restored_size, row.forwarded)


def head_note(session: Session) -> str:
    """The newest signed head that this database keeps; empty when it keeps none."""
    return _mark(session).head_note


def keep(session: Session, clock: Clock, mark: Mark) -> None:
    _store(session, mark, clock.now())


def mark_restored(session: Session, clock: Clock, entries: int) -> None:
    """The log beside this database was restored with so many entries; what it lacks is known to nobody."""
    _store(session, replace(_mark(session), restored_size=entries), clock.now())


def _store(session: Session, mark: Mark, now: datetime) -> None:
    row = session.get(LogMark, 1) or LogMark(id=1)
    row.log, row.checked_to, row.head_size, row.head_note = (
        mark.log,
        mark.checked_to,
        mark.head_size,
        mark.head_note,
    )
    row.restored_size, row.forwarded, row.changed_at = mark.restored_size, mark.forwarded, now
    session.add(row)


# --- the module behind the fence --------------------------------------------------------------------------------------


class LogFence:
    """The same port. Its status is `closed` while database and log do not fit."""

    def __init__(self, module: SecurityModule, db: Database, clock: Clock) -> None:
        self._module = module
        self._db = db
        self._clock = clock
        self._lock = threading.Lock()
        self._fits_to = -1  # the log fitted when it had so many entries
        self._log = ""
        self._reason = ""
        self._looked = float("-inf")

    def status(self) -> Status:
        status = self._module.status()
        if status.state != "ready":
            return status
        with self._lock:
            if status.log == self._log and 0 <= self._fits_to <= status.sequence:
                return status
            # A first look, another or a shorter log, or closed: look, but not at every click.
            if not self._reason or self._clock.monotonic() - self._looked >= LOOK_AGAIN_S:
                self._look(status)
            return replace(status, state=CLOSED, reason=self._reason) if self._reason else status

    def _look(self, status: Status) -> Finding:
        found = look(self._db, self._module, status)
        self._looked = self._clock.monotonic()
        self._log, self._reason = found.log, found.reason
        self._fits_to = -1 if found.reason else found.size
        return found

    def follow(self) -> Finding | None:
        """For the worker: looks at what is new and moves the mark, with a head that the module signs now."""
        status = self._module.status()
        with self._lock:
            if status.log == self._log and self._fits_to == status.sequence:
                return None
            found = self._look(status)
        if found.reason:
            log.error("sales are closed: %s", found.reason)
            return found
        head = self._module.checkpoint()
        with self._db.writing() as session:
            keep(session, self._clock, replace(found.mark, head_size=head.size, head_note=head.note))
        return found

    # The verbs pass through: an order that is paid is finished whether the fence is open or not.

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        return self._module.issue(requests)

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        return self._module.replay(order_ids)

    def cancel(self, order_ids: Sequence[str]) -> list[Cancelled | AlreadyIssued | Refused]:
        return self._module.cancel(order_ids)

    def approve(self, act: str, signatures: Sequence[ActSignature]) -> Approved | Refused:
        return self._module.approve(act, signatures)

    def verify(self, meter: MeterKeying, token: str) -> Verified:
        return self._module.verify(meter, token)

    def checkpoint(self) -> Checkpoint:
        return self._module.checkpoint()

    def proof(self, sequence: int) -> Proof:
        return self._module.proof(sequence)

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        return self._module.entries(first, limit)

    def consistency(self, first: int, second: int) -> tuple[str, ...]:
        return self._module.consistency(first, second)

    def present_head(self, note: str) -> Status:
        return self._module.present_head(note)

"""Commit 2 of a sale: tokens, settlement entry, outbox, in one transaction. That commit is the release.

It takes orders whose every part has the module's last word. A group that cannot be booked is released one by one, so that
nobody waits for a neighbour. An order that still cannot be booked has its tokens in the module's log already: it is
released with its money in suspense, for a person to place.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from keystore.module import Issued
from sts import tid as token_time
from vending import outbox, rows
from vending.clock import Clock
from vending.crashpoints import reach
from vending.db import Database, DiskFull
from vending.errors import VendingError
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg, collected
from vending.vends.outcome import Answered, Decision, decide
from vending.vends.plan import Settlement, set_aside, suspense_legs
from vending.vends.tables import AllowanceClaim, KeyChange, Token, TokenRefusal, Vend

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    order_id: str
    parts: tuple[Answered, ...]


def hold_name(order_id: str, place: int) -> str:
    return f"order/{order_id}/{place}"


@dataclass(frozen=True, slots=True)
class Released:
    """What was written when an order was decided: the columns of its row that changed, and its tokens."""

    changed: dict[str, Any]
    tokens: list[dict[str, Any]]


def release(db: Database, clock: Clock, answered: Sequence[OrderAnswered]) -> dict[str, Released]:
    """Gives what was committed here, by order; an order that somebody else decided meanwhile is not in it."""
    if not answered:
        return {}
    released: dict[str, Released] = {}
    try:
        released = _release_on_reserve(db, clock, answered)
    except DiskFull as full:
        # Paid and not released: the worker asks again, and the same tokens come as soon as there is room.
        log.error("%d orders wait for room to be released: %s", len(answered), full.code)
    except VendingError:
        for one in answered:
            try:
                released |= _release_on_reserve(db, clock, [one])
            except DiskFull as full:
                log.error("order %s waits for room to be released: %s", one.order_id, full.code)
            except VendingError as refused:
                log.error(
                    "order %s could not be booked (%s); its money is in suspense", one.order_id, refused.code
                )
                released |= _release(db, clock, [one], suspense=True)
    return released


_READ = (
    Vend.order_id,
    Vend.sale_key,
    Vend.kind,
    Vend.meter_key,
    Vend.pan,
    Vend.tenant_key,
    Vend.units,
    Vend.free_units,
    Vend.paid_minor,
    Vend.currency,
    Vend.keying,
    Vend.carries,
    Vend.settlement,
)


_PAID = (
    sa.select(*_READ)
    .where(rows.among(Vend.order_id), Vend.state == "paid")
    .order_by(Vend.id)
    .with_for_update()
)


@dataclass(slots=True)
class _Writing:
    """What a group of decided orders adds."""

    decided: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    key_changes: list[dict[str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    settled: list[ledger.Settlement] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def _release_on_reserve(db: Database, clock: Clock, answered: Sequence[OrderAnswered]) -> dict[str, Released]:
    """An order that is paid is ended even on a full disk: the reserve is there for it."""
    try:
        return _release(db, clock, answered)
    except DiskFull:
        if not db.give_up_reserve():
            raise
        return _release(db, clock, answered)


def _release(
    db: Database, clock: Clock, answered: Sequence[OrderAnswered], *, suspense: bool = False
) -> dict[str, Released]:
    by_order = {one.order_id: one.parts for one in answered}
    now = clock.now()
    with db.writing() as session:
        paid = rows.ask(session, _PAID, names=list(by_order))
        writing = _Writing()
        for row in paid:
            _one(row, by_order[row.order_id], writing, now, suspense=suspense)
        rows.change(session, Vend, "order_id", writing.decided)
        rows.add(session, Token, writing.tokens)
        rows.add(session, TokenRefusal, writing.refusals)
        rows.add(session, KeyChange, writing.key_changes)
        if writing.unclaimed:
            session.execute(
                sa.update(AllowanceClaim)
                .where(AllowanceClaim.order_id.in_(writing.unclaimed))
                .values(given_back_at=now)
            )
        if writing.carried:
            session.execute(
                sa.update(KeyChange)
                .where(KeyChange.order_id.in_(writing.carried), KeyChange.handed_out_at.is_(None))
                .values(handed_out_at=now)
            )
        # Holds end first: what they set aside is what the entries now take.
        if writing.voided:
            ledger.void(session, clock, writing.voided)
        if writing.settled:
            ledger.settle(session, clock, writing.settled)
        if writing.entries:
            ledger.post(session, clock, writing.entries)
        outbox.emit_all(session, clock, writing.events)
        reach("sale.before-release")
    released = {row["order_id"]: Released(row, []) for row in writing.decided}
    for token in writing.tokens:
        released[token["order_id"]].tokens.append(token)
    return released


def _one(
    row: Any,
    parts: Sequence[Answered],
    writing: _Writing,
    now: datetime,
    *,
    suspense: bool,
) -> None:
    settlement = Settlement.from_json(row.settlement)
    decision = decide(
        row.kind,
        parts,
        settlement,
        paid_minor=row.paid_minor,
        currency=row.currency,
        tenant_key=row.tenant_key,
    )
    units, free_units, returned_minor = _amounts(row, decision)
    writing.decided.append(
        {
            "order_id": row.order_id,
            "state": decision.state,
            "decided_at": now,
            "units": units,
            "free_units": free_units,
            "returned_minor": returned_minor,
            "refusal_code": decision.refusal.code if decision.refusal else None,
            "refusal_sentence": decision.refusal.sentence if decision.refusal else None,
        }
    )
    holds = [hold_name(row.order_id, place) for place in range(len(set_aside(settlement.legs)))]
    legs = decision.legs
    if suspense:
        legs = suspense_legs(legs, row.order_id)
    if decision.settles and not suspense:
        writing.settled += [ledger.Settlement(name, ()) for name in holds]
    else:
        writing.voided += holds
    booked = collected(Leg(account, unit, amount) for account, unit, amount in legs)
    if booked:
        writing.entries.append(Entry(decision.entry, f"order/{row.order_id}", booked))
    position = 0
    for one in parts:
        if isinstance(one.answer, Issued):
            tokens = token_rows(row.order_id, row.pan, one.part.part_id, one.part.kind, one.answer, position)
            position += len(tokens)
            writing.tokens += tokens
        else:
            writing.refusals.append(
                {
                    "part_id": one.part.part_id,
                    "code": one.answer.code,
                    "sentence": one.answer.sentence,
                    "refused_at": now,
                }
            )
            if one.part.kind == "allowance":
                writing.unclaimed.append(row.order_id)
        if one.part.kind == "key-change" and isinstance(one.answer, Issued):
            writing.key_changes.append(_key_change(row, one, now))
    if decision.state != "refused":
        writing.carried += row.carries
    event = "vend refused" if decision.state == "refused" else "vend issued"
    writing.events.append((event, {"order_id": row.order_id, "sale": row.sale_key}))


def _amounts(row: Any, decision: Decision) -> tuple[int, int, int]:
    """What was given in the end. An order that came whole keeps what it was planned with."""
    if decision.state == "issued":
        return row.units, row.free_units, 0
    return decision.units, decision.free_units, decision.returned_minor


def _key_change(row: Any, one: Answered, now: datetime) -> dict[str, Any]:
    assert row.meter_key is not None, "a key change is for a meter"
    return {
        "order_id": row.order_id,
        "meter_key": row.meter_key,
        "before": row.keying,
        "after": one.part.asked["to"],
        "rollover": one.part.asked["rollover"],
        "state": "released",
        "released_at": now,
        "evidence": {},
    }


def token_rows(
    order_id: str, pan: str | None, part_id: str, kind: str, answer: Issued, before: int = 0
) -> list[dict[str, Any]]:
    base = token_time.BaseDate(answer.base_date)
    minute = token_time.absolute_minute(answer.tid, base) if answer.tid is not None else None
    return [
        {
            "order_id": order_id,
            "part_id": part_id,
            "position": position,
            "kind": kind,
            "pan": pan,
            "absolute_minute": minute,
            "tid": answer.tid,
            "base_date": answer.base_date,
            "units": answer.units,
            "digits": digits,
            "sequence": answer.sequence,
            "logged_at": answer.logged_at,
            "log": answer.log,
            "salt": answer.salt,
            "leaf": answer.leaf,
            "signature": answer.signature,
        }
        for position, digits in enumerate(answer.tokens, before + 1)
    ]

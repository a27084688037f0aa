"""After a key change was released: seen at the meter, or taken back (rules.md 2, I-15).

A keypad meter never answers. So what is sold goes on under the new key at once, with the same set of tokens on every slip,
until somebody has seen the meter under it: read on the line, the displayed revision typed in, or a display test. Then the
meter's key data switch for good. Back to the old key go only two people, with what the display shows as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore import acts as module_texts
from keystore.module import MeterKeying, SecurityModule
from vending import audit
from vending.access import approvals, module_acts, policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import Database
from vending.errors import NotFound
from vending.estate import meters as estate_meters
from vending.estate import queries as estate
from vending.vends.errors import ActUnfit
from vending.vends.refunded_keys import refuse_refunded_key
from vending.vends.tables import KeyChange, Sale, Vend

SEEN_BY = {
    "reading": "read on the line",
    "display": "the displayed key revision was typed in",
    "test": "the result of a display test was typed in",
}
SUBJECT = "key-change:"


@dataclass(frozen=True, slots=True)
class KeyChangeView:
    order_id: str
    meter_key: str
    before: dict[str, Any]
    after: dict[str, Any]
    rollover: bool
    state: str
    released_at: datetime
    handed_out_at: datetime | None
    ended_at: datetime | None
    evidence: dict[str, Any]


def confirm(
    session: Session,
    clock: Clock,
    actor: Actor,
    order_id: str,
    *,
    seen_by: str,
    krn: int,
    ti: str | None = None,
    remark: str = "",
) -> None:
    """The meter was seen under its new key: from now on that is its key, and slips carry the set no longer. The sets before
    it were taken too, or it could not be there."""
    row = _open(session, order_id)
    meter = estate.list_meters(session, clock, [row.meter_key])[0]
    policy.require(actor, Permission.METER_KEY_DATA, meter.site_key)
    if seen_by not in SEEN_BY:
        raise ActUnfit(f"Say how it was seen: {', '.join(SEEN_BY)}.", "seen_by")
    if krn != row.after["krn"] or (ti is not None and ti != row.after["ti"]):
        raise ActUnfit(
            f"The meter shows key revision {krn}{f', tariff index {ti}' if ti is not None else ''}, and this key change leads "
            f"to revision {row.after['krn']}, tariff index {row.after['ti']}. It has not taken the tokens yet: enter them again.",
            "krn",
        )
    evidence = {"seen by": seen_by, "krn": krn, "ti": ti, "remark": remark}
    earlier = session.scalars(
        sa.select(KeyChange)
        .where(
            KeyChange.meter_key == row.meter_key,
            KeyChange.state == "released",
            KeyChange.released_at <= row.released_at,
        )
        .order_by(KeyChange.released_at, KeyChange.order_id)
        .with_for_update()
    ).all()
    for one in earlier:
        one.state, one.ended_at, one.ended_by, one.evidence = "confirmed", clock.now(), actor.key, evidence
        changed = {name: value for name, value in one.after.items() if name in estate_meters.KEY_FIELDS}
        estate_meters.change_key_data(
            session,
            clock,
            actor,
            one.meter_key,
            changed,
            evidence=f"{SEEN_BY[seen_by]}: revision {krn}",
            reason=remark or "key change confirmed",
        )


def ask_back(
    session: Session,
    clock: Clock,
    actor: Actor,
    order_id: str,
    *,
    krn: int,
    evidence: str,
    reason: str,
    for_module: str,
) -> str:
    """Asks that the meter be believed to be under its old key still: its display shows so. Gives the key of the request."""
    row = _open(session, order_id)
    meter = estate.list_meters(session, clock, [row.meter_key])[0]
    if krn != row.before["krn"]:
        raise ActUnfit(
            f"The old key has revision {row.before['krn']}, and the display shows {krn}. Look at the display again.",
            "krn",
        )
    if len(evidence.strip()) < 5:
        raise ActUnfit("Say what the display shows and who saw it.", "evidence")
    refuse_refunded_key(session, row.meter_key, row.before)
    return module_acts.ask(
        session,
        clock,
        actor,
        "set-meter-key",
        lambda: module_texts.set_meter_key(
            keying=MeterKeying(**row.before),
            evidence=f"displayed key revision {krn}: {evidence.strip()}",
            module=for_module,
            maker=actor.key,
            reason=reason,
            made=clock.now(),
        ),
        site=meter.site_key,
        subject=f"{SUBJECT}{order_id}",
        reason=reason,
        evidence=f"displayed key revision {krn}: {evidence.strip()}",
    )


def take_back(db: Database, clock: Clock, module: SecurityModule, actor: Actor, approval: str) -> None:
    """Carries the signed act to the module; then the key change and those after it have not happened. May run again."""
    with db.reading() as session:
        view = approvals.one_request(session, clock, actor, approval)
        used = approvals.standing_of(session, clock, approval)[0] == "used"
    order_id = view.subject.removeprefix(SUBJECT)
    if not used:
        module_acts.hand_in(db, clock, module, actor, approval)
    with db.writing() as session:
        row = session.scalar(sa.select(KeyChange).where(KeyChange.order_id == order_id).with_for_update())
        if row is None or row.state == "returned":
            return
        later = session.scalars(
            sa.select(KeyChange)
            .where(
                KeyChange.meter_key == row.meter_key,
                KeyChange.state == "released",
                KeyChange.released_at >= row.released_at,
            )
            .with_for_update()
        ).all()
        for one in later:
            one.state, one.ended_at, one.ended_by = "returned", clock.now(), actor.key
            one.evidence = {"approval": approval, "evidence": view.evidence}
        audit.record(
            session,
            clock,
            actor=actor,
            act="key change taken back",
            subject=f"meter:{row.meter_key}",
            detail={"order": order_id, "evidence": view.evidence},
            reason=view.reason,
        )


def list_key_changes(
    session: Session, site: str, *, states: tuple[str, ...] = ("released",), meter_key: str | None = None
) -> list[KeyChangeView]:
    """The board of key changes: what was issued, handed out, seen, taken back. The newest first."""
    query = (
        sa.select(KeyChange)
        .join(Vend, Vend.order_id == KeyChange.order_id)
        .join(Sale, Sale.key == Vend.sale_key)
        .where(Sale.site_key == site, KeyChange.state.in_(states))
        .order_by(KeyChange.released_at.desc())
        .limit(1000)
    )
    if meter_key is not None:
        query = query.where(KeyChange.meter_key == meter_key)
    return [
        KeyChangeView(
            row.order_id,
            row.meter_key,
            row.before,
            row.after,
            row.rollover,
            row.state,
            row.released_at,
            row.handed_out_at,
            row.ended_at,
            row.evidence,
        )
        for row in session.scalars(query)
    ]


def _open(session: Session, order_id: str) -> KeyChange:
    row = session.scalar(sa.select(KeyChange).where(KeyChange.order_id == order_id).with_for_update())
    if row is None:
        raise NotFound("There is no such key change here.")
    if row.state != "released":
        raise ActUnfit(f"This key change is {row.state} already; nothing is left to do.")
    return row

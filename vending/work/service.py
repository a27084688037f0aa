"""Work orders from opening to end, and visits: the signed file out, its results in, once.

A visit is signed with the office's key, which is made from the site's secret; the laptop in the meter room knows its public
half. What the file says and how it is worked through is `meter.visit`; here is which orders go out and what comes back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from meter import visit as files
from meter.errors import MeterError
from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.clock import Clock
from vending.db import new_key
from vending.errors import NotFound
from vending.estate import checks
from vending.estate import queries as estate
from vending.work.errors import OrderClosed, OrderUnfit, VisitEmpty, VisitResultsRefused
from vending.work.tables import WorkOrder, WorkResult, WorkVisit

# What an order can be about, and what a laptop does for it at the meter.
ACT_OF = {
    "inspection": files.Act.READ,
    "commissioning": files.Act.READ,
    "reading": files.Act.READ,
    "token": files.Act.TOKEN,
    "key-change": files.Act.TOKEN,
    "disconnect": files.Act.DISCONNECT,
    "reconnect": files.Act.RECONNECT,
}
KINDS = (*ACT_OF, "other")
OPEN = ("open", "started")
LASTS = timedelta(days=3)


def open_order(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    kind: str,
    title: str,
    note: str = "",
    meter: str | None = None,
    due_on: date | None = None,
) -> str:
    """Gives the key of the new order. Whoever sees reports or meters may ask for work; who does it is another matter."""
    if kind not in KINDS:
        raise OrderUnfit(f"An order is one of: {', '.join(KINDS)}.", "kind")
    if kind in ACT_OF and meter is None:
        raise OrderUnfit("Name the meter that this order is for.", "meter")
    if meter is not None and not estate.list_meters(session, clock, [meter], sites=(site,)):
        raise NotFound("There is no such meter here. Search by number, unit, name or telephone.")
    last = session.scalar(sa.select(sa.func.max(WorkOrder.number)).where(WorkOrder.site_key == site)) or 0
    order = WorkOrder(
        key=new_key(),
        site_key=site,
        number=last + 1,
        kind=kind,
        title=checks.line(title, "What is to be done", "title", most=120),
        note=" ".join(note.split())[:500],
        meter_key=meter,
        due_on=due_on,
        state="open",
        opened_by=actor.key,
        opened_by_name=actor.name,
        opened_at=clock.now(),
    )
    session.add(order)
    session.flush()
    _record(session, clock, actor, "work order opened", order, {"kind": kind, "title": order.title})
    return order.key


def start(session: Session, clock: Clock, actor: Actor, key: str) -> None:
    """Somebody takes the order on."""
    order = _open(session, key)
    policy.require(actor, Permission.METER_LINE, order.site_key)
    order.state, order.taken_by, order.taken_by_name = "started", actor.key, actor.name
    _record(session, clock, actor, "work order taken", order, {})


def end(session: Session, clock: Clock, actor: Actor, key: str, *, state: str, result: str) -> None:
    """Done, failed or cancelled, with what was found. Cancelling is for who opened it too."""
    order = _open(session, key)
    if state not in ("done", "failed", "cancelled"):
        raise OrderUnfit("An order ends as done, failed or cancelled.", "state")
    if not (state == "cancelled" and actor.key == order.opened_by):
        policy.require(actor, Permission.METER_LINE, order.site_key)
    order.state, order.ended_at, order.ended_by_name = state, clock.now(), actor.name
    order.result = checks.line(result, "What was found", "result", most=500)
    _record(session, clock, actor, f"work order {state}", order, {"result": order.result})


def office_key(vault: SiteSecret) -> Ed25519PrivateKey:
    """The key that signs visits, made from the site's secret: no file to lose, the same after a restore."""
    return Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(vault.row_seal({"for": "visit files"}).encode()).digest()
    )


def office_public_key(vault: SiteSecret) -> str:
    """What the laptop must know, as 64 hex digits."""
    return office_key(vault).public_key().public_bytes_raw().hex()


def make_visit(
    session: Session,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    *,
    site: str,
    orders: Sequence[str],
    tokens: Mapping[str, str],
) -> str:
    """The signed file for these open orders. `tokens`: order key -> the token that is to be entered there. An order that
    needs a token and has none yet stays at home."""
    policy.require(actor, Permission.METER_LINE, site)
    rows = session.scalars(
        sa.select(WorkOrder)
        .where(WorkOrder.key.in_(orders), WorkOrder.site_key == site, WorkOrder.state.in_(OPEN))
        .order_by(WorkOrder.id)
    ).all()
    meters = {
        one.key: one
        for one in estate.list_meters(session, clock, [row.meter_key for row in rows if row.meter_key])
    }
    taken = []
    for row in rows:
        act, meter = ACT_OF.get(row.kind), meters.get(row.meter_key or "")
        if act is None or meter is None or (act is files.Act.TOKEN and row.key not in tokens):
            continue
        place = f"{meter.space.code} {meter.space.floor}".strip() if meter.space else meter.label
        taken.append(
            files.WorkOrder(row.key, meter.pan, act, place, row.title, tokens.get(row.key, "") if act is files.Act.TOKEN else "")
        )  # fmt: skip
    if not taken:
        raise VisitEmpty(
            "No open order can be worked through with a laptop. Orders need a meter; tokens must be released first."
        )
    now, seed = clock.now(), secrets.token_bytes(32)
    visit = files.Visit(new_key(), estate.one_site(session, site).name, now, now + LASTS, tuple(taken), seed)
    session.add(
        WorkVisit(
            key=visit.visit_id,
            site_key=site,
            made_by=actor.key,
            made_by_name=actor.name,
            made_at=now,
            expires_at=visit.expires_at,
            orders={each.order_id: {"pan": each.pan, "act": each.act.value} for each in taken},
            seed_sealed=vault.seal(seed, f"visit {visit.visit_id}"),
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="visit file made",
        subject=f"site:{site}",
        detail={
            "visit": visit.visit_id,
            "orders": len(taken),
            "tokens": sum(bool(each.token) for each in taken),
        },
    )
    return files.seal(visit, office_key(vault))


def bring_results(
    session: Session, clock: Clock, vault: SiteSecret, actor: Actor, text: str, *, site: str
) -> tuple[int, int]:
    """(orders closed now, orders that stay open). The same file twice closes nothing twice."""
    policy.require(actor, Permission.METER_LINE, site)
    if len(text) > files.LONGEST_FILE:
        raise VisitResultsRefused(
            "The file is larger than any results. Choose the file that `meter visit` wrote.", "result"
        )
    row = _visit_of(session, text, site)
    visit = files.Visit(
        row.key,
        "",
        row.made_at.astimezone(UTC),
        row.expires_at.astimezone(UTC),
        tuple(files.WorkOrder(key, told["pan"], files.Act(told["act"])) for key, told in row.orders.items()),
        vault.open(row.seed_sealed, f"visit {row.key}"),
    )
    try:
        results = files.open_results(text, visit)
    except MeterError as refused:
        raise VisitResultsRefused(refused.sentence, "result") from None
    closed = set(
        session.scalars(sa.select(WorkResult.order_key).where(WorkResult.order_key.in_(list(row.orders))))
    )
    new = files.newly_closed(results, closed)
    for done in new:
        order = session.scalars(sa.select(WorkOrder).where(WorkOrder.key == done.order_id)).one()
        session.add(
            WorkResult(
                order_key=done.order_id,
                visit_key=row.key,
                meter_key=order.meter_key or "",
                status=done.status.value,
                at=done.at,
                sentence=done.sentence,
                readings=_readings(done),
                brought_by=actor.key,
                brought_at=clock.now(),
            )
        )
        if order.state in OPEN:
            order.state = "done" if done.status is files.Status.DONE else "failed"
            order.ended_at, order.ended_by_name, order.result = (
                done.at,
                row.made_by_name,
                done.sentence or done.status.value,
            )
            _record(session, clock, actor, f"work order {order.state}", order, {"visit": row.key})
    return len(new), len(row.orders) - len(closed) - len(new)


def _visit_of(session: Session, text: str, site: str) -> WorkVisit:
    import json

    wrong = VisitResultsRefused(
        "This is not the result file of a visit. Choose the file that `meter visit` wrote.", "result"
    )
    try:
        outer = json.loads(text)
        name = json.loads(outer["content"])["visit"]
    except (ValueError, KeyError, TypeError):
        raise wrong from None
    row = session.scalar(sa.select(WorkVisit).where(WorkVisit.key == str(name), WorkVisit.site_key == site))
    if row is None:
        raise VisitResultsRefused("These results belong to a visit that was not made here.", "result")
    return row


def _readings(done: files.Done) -> dict[str, Any]:
    return {
        "credit": None if done.credit is None else [done.credit.amount, done.credit.unit],
        "relay": done.relay,
        "totals": [list(total) for total in done.totals],
        "number": done.number,
    }


def _open(session: Session, key: str) -> WorkOrder:
    order = session.scalar(sa.select(WorkOrder).where(WorkOrder.key == key).with_for_update())
    if order is None:
        raise NotFound("There is no such work order here.")
    if order.state not in OPEN:
        raise OrderClosed(
            f"Work order W-{order.number} is {order.state}. Open a new one if there is more to do."
        )
    return order


def _record(
    session: Session, clock: Clock, actor: Actor, act: str, order: WorkOrder, detail: dict[str, Any]
) -> None:
    audit.record(
        session,
        clock,
        actor=actor,
        act=act,
        subject=f"meter:{order.meter_key}" if order.meter_key else f"site:{order.site_key}",
        detail={"order": f"W-{order.number}", **detail},
        reason=order.note or None,
    )

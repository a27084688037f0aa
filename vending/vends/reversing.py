"""Taking a sale back: a state machine with evidence (I-14). An order of its own, with an id of its own.

A  The token was never issued: the module cancels the order, so that it never can be, and the money is the customer's again.
B  The meter proves that it can no longer take the token: it was seen under another key after the token was made, and never
   returns to the old one. That it did not take the token before, it does not prove: two people agree, having looked at the
   meter. The sale is undone in the books, its tiers and free units are given back.
C  Two people agree, with a reason. The token may still be used, so its energy stays sold: what was paid for it goes back to
   the customer as a loss of the site, or against a debt of the customer. Debts that the sale recovered stay paid.

A top-up and a charge have no token; two people take their entry back (C), unless the account has spent the money already.
Every reversal gives a credit note with a number of its own series. The money is kept for the customer; paying it out of a
drawer is a payment of the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import MAX_REQUESTS, Cancelled, SecurityModule
from vending import audit, outbox
from vending.access import approvals, policy
from vending.access.policy import Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.clock import Clock
from vending.crashpoints import reach
from vending.db import Database
from vending.errors import NotFound
from vending.estate import queries as estate
from vending.ledger import queries as ledger_queries
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg, collected
from vending.vends import service
from vending.vends.content import content_hash
from vending.vends.errors import OrderIdReused, ReversalUnfit
from vending.vends.plan import ENTRIES, GAVE, Settlement, refund_legs, set_aside
from vending.vends.refunded_keys import identity
from vending.vends.releasing import hold_name
from vending.vends.tables import AllowanceClaim, Reversal, Sale, Token, TokenRefusal, TokenRequest, Vend

FORM = "ampoule-credit-note/1"
SERIES = "CN"
WHY = {
    "wrong-meter": "Sold to the wrong meter",
    "wrong-amount": "Sold for the wrong amount",
    "not-accepted": "The meter does not accept the token",
    "meter-replaced": "The meter was replaced",
    "other": "Another reason",
}
ACT = "sale-reversal"
# What was paid for the goods; the rest of a payment was a debt, or is kept.
_GOODS = ("sales", "tax", "levy", "fees", "rounding")


@dataclass(frozen=True, slots=True)
class ReversalView:
    order_id: str
    of_order: str
    way: str
    book_as: str
    state: str
    why: str
    reason: str
    evidence: dict[str, Any]
    amount_minor: int
    currency: str
    approval_key: str | None
    credit_note: str | None
    content: dict[str, Any]
    content_hash: str
    asked_by_name: str
    asked_at: datetime
    decided_at: datetime | None


def reverse(
    db: Database,
    clock: Clock,
    module: SecurityModule,
    actor: Actor,
    order_id: str,
    of_order: str,
    *,
    why: str,
    reason: str,
    book_as: str = "loss",
    evidence: dict[str, Any] | None = None,
    pays_tenant: str = "",
) -> ReversalView:
    """Begins a reversal under its own id and goes as far as evidence allows: A ends at once, B and C wait for the second
    person (`carry_out`). The same id again gives the same reversal. `pays_tenant`: who paid, where the meter was wrong."""
    if why not in WHY:
        raise ReversalUnfit(f"Choose why: {', '.join(WHY)}.")
    if book_as not in ("loss", "debt"):
        raise ReversalUnfit("What is given back without proof is booked as a loss or as a debt.")
    known = find(db, order_id)
    if known is not None:
        if known.of_order != of_order:
            raise OrderIdReused("This id was used for another reversal already. Open the page anew.")
        return known
    with db.reading() as session:
        row, site = _of(session, of_order)
        policy.require(actor, Permission.SALE_REVERSE, site)
        state, parts = row.state, _parts(session, of_order)
    asked = _Asked(order_id, of_order, why, " ".join(reason.split()), book_as, evidence or {}, pays_tenant)
    if len(asked.reason) < 5:
        raise ReversalUnfit(
            "Say what happened, in a few words: the second person and the credit note need it."
        )
    if state == "paid":
        if not parts:
            service.complete(db, clock, module, [of_order])
        elif _cancelled(module, parts):
            reach("reversal.after-tombstone")
            with db.writing() as session:
                cancelled = _cancel(session, clock, actor, asked)
                reach("reversal.before-commit")
            if cancelled:
                return _one(db, order_id)
        else:
            # Too late for A: the token exists. It is released, and the evidence decides.
            service.complete(db, clock, module, [of_order])
    with db.writing() as session:
        _begin(session, clock, actor, asked)
    return _one(db, order_id)


@dataclass(frozen=True, slots=True)
class _Asked:
    order_id: str
    of_order: str
    why: str
    reason: str
    book_as: str
    evidence: dict[str, Any]
    pays_tenant: str


def carry_out(db: Database, clock: Clock, vault: SiteSecret, actor: Actor, approval: str) -> ReversalView:
    """B or C, when the second person has agreed. Once: the request is used up in the same transaction."""
    with db.writing() as session:
        reversal = session.scalar(
            sa.select(Reversal).where(Reversal.approval_key == approval).with_for_update()
        )
        if reversal is None:
            raise NotFound("There is no such reversal here.")
        if reversal.state == "done":
            return _view(reversal)
        if reversal.state != "asked":
            raise ReversalUnfit(f"This reversal is {reversal.state}; nothing is left to do.")
        approvals.use(
            session,
            clock,
            vault,
            actor,
            approval,
            ACT,
            _agreed(reversal),
            site=reversal.site_key,
            subject=f"order:{reversal.of_order}",
        )
        row = _locked(session, reversal.of_order)
        if row.state not in GAVE:
            raise ReversalUnfit(f"This order is {row.state} meanwhile; there is nothing to take back.")
        legs = _posted(session, row)
        if reversal.way == "proved":
            if _proof(session, clock, row) is None:
                raise ReversalUnfit(
                    "The meter is back under the key of this token, so it can take it. Withdraw this reversal; ask for another."
                )
            _undo(session, clock, reversal, row, legs)
            _give_back_claim(session, row, clock.now())
        elif row.kind in ("account", "charge"):
            _undo(session, clock, reversal, row, legs)
        else:
            _compensate(session, clock, reversal, row)
        _finish(session, clock, actor, reversal, row)
        return _view(reversal)


def withdraw(db: Database, clock: Clock, actor: Actor, order_id: str) -> None:
    """The maker takes his request back; the order may be reversed by another one."""
    with db.writing() as session:
        row = session.scalar(sa.select(Reversal).where(Reversal.order_id == order_id).with_for_update())
        if row is None or row.state != "asked" or row.approval_key is None:
            raise NotFound("There is no such reversal waiting here.")
        if approvals.standing_of(session, clock, row.approval_key)[0] in ("open", "approved"):
            approvals.withdraw(session, clock, actor, row.approval_key)
        row.state, row.decided_at = "withdrawn", clock.now()


def find(db: Database, order_id: str) -> ReversalView | None:
    with db.reading() as session:
        row = session.get(Reversal, order_id)
        return _view(row) if row is not None else None


def of_orders(session: Session, order_ids: Sequence[str]) -> dict[str, ReversalView]:
    """The reversals of these orders that stand or wait."""
    rows = session.scalars(
        sa.select(Reversal).where(Reversal.of_order.in_(order_ids), Reversal.state != "withdrawn")
    )
    return {row.of_order: _view(row) for row in rows}


# --- A: never issued --------------------------------------------------------------------------------------------------


def _cancelled(module: SecurityModule, parts: Sequence[str]) -> bool:
    """Whether no part of the order can ever be issued any more."""
    try:
        answers = [
            answer
            for begin in range(0, len(parts), MAX_REQUESTS)
            for answer in module.cancel(list(parts[begin : begin + MAX_REQUESTS]))
        ]
    except KeystoreError as error:
        raise ReversalUnfit(
            f"Whether the token was made cannot be known now, so nothing was taken back: {error.sentence} Try again."
        ) from None
    return all(isinstance(answer, Cancelled) for answer in answers)


def _cancel(session: Session, clock: Clock, actor: Actor, asked: _Asked) -> bool:
    row = _locked(session, asked.of_order)
    if row.state != "paid":
        return False  # decided meanwhile by somebody who heard of the tombstone first
    now = clock.now()
    site = _site_of(session, row)
    holds = [
        hold_name(row.order_id, place)
        for place in range(len(set_aside(Settlement.from_json(row.settlement).legs)))
    ]
    if holds:
        ledger.void(session, clock, holds)
    row.state, row.decided_at, row.returned_minor = "cancelled", now, row.paid_minor
    row.units = row.free_units = 0
    session.execute(
        sa.insert(TokenRefusal),
        [
            {
                "part_id": part,
                "code": "order-cancelled",
                "sentence": "The order was cancelled.",
                "refused_at": now,
            }
            for part in _parts(session, row.order_id)
        ],
    )
    _give_back_claim(session, row, now)
    reversal = _new(session, clock, actor, asked, row, site, "cancelled", row.paid_minor)
    if row.paid_minor:
        assert row.tenant_key is not None, "money is taken from a customer"
        legs = refund_legs(row.paid_minor, row.currency, row.tenant_key, _payee(reversal, row))
        ledger.post(session, clock, [Entry("vend-cancelled", f"order/{row.order_id}", _legs(legs))])
    _number(session, clock, actor, reversal, row)
    outbox.emit(session, clock, "vend reversed", {"order_id": row.order_id, "reversal": asked.order_id})
    return True


# --- B and C ----------------------------------------------------------------------------------------------------------


def _begin(session: Session, clock: Clock, actor: Actor, asked: _Asked) -> None:
    row = _locked(session, asked.of_order)
    if row.state not in GAVE:
        raise ReversalUnfit(_NOTHING.get(row.state, f"This order is {row.state}; nothing can be taken back."))
    other = session.scalar(
        sa.select(Reversal.order_id).where(Reversal.of_order == row.order_id, Reversal.state != "withdrawn")
    )
    if other is not None:
        raise ReversalUnfit("A reversal of this order was begun already. Look at the order again.")
    site = _site_of(session, row)
    proof = _proof(session, clock, row)
    legs = _posted(session, row)
    no_token = row.kind in ("account", "charge")
    if proof is not None:
        amount = max(row.paid_minor - row.returned_minor, 0)
        reversal = _new(session, clock, actor, asked, row, site, "proved", amount)
        reversal.evidence = {**asked.evidence, "proof": proof}
    else:
        if row.kind in ("engineering", "key-change", "free-issue", "replacement"):
            raise ReversalUnfit("No money was paid for this, so there is none to give back.")
        amount = row.paid_minor - row.returned_minor if no_token else _goods(legs)
        if amount <= 0:
            raise ReversalUnfit(
                "Nothing was paid for energy in this order, so there is nothing to give back."
            )
        reversal = _new(session, clock, actor, asked, row, site, "agreed", amount)
        reversal.book_as = "entry" if no_token else asked.book_as
    session.flush()
    reversal.approval_key = approvals.ask(
        session,
        clock,
        actor,
        ACT,
        _agreed(reversal),
        site=site,
        subject=f"order:{row.order_id}",
        reason=asked.reason,
        evidence=WHY[asked.why],
        beneficiary=f"tenant:{row.tenant_key}" if row.tenant_key else None,
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="reversal asked for",
        subject=f"order:{row.order_id}",
        detail={
            "reversal": asked.order_id,
            "why": asked.why,
            "amount_minor": amount,
            "book as": reversal.book_as,
        },
        reason=asked.reason,
    )


_NOTHING = {
    "paid": "The token of this order is on its way; it is not known yet whether it was made. Try again in a moment.",
    "refused": "No token came for this order, and its money is the customer's already.",
    "cancelled": "This order was cancelled already, and its money is the customer's.",
    "reversed": "This order was reversed already.",
}


def _proof(session: Session, clock: Clock, row: Vend) -> dict[str, Any] | None:
    """What shows that the meter can never take these tokens: it was seen under another key after they were made, and no
    one of its later keys is the one they were made for. (Returning to that key is refused from then on.)"""
    if row.meter_key is None or row.kind not in ("credit", "allowance", "free-issue", "replacement"):
        return None
    made = session.scalar(sa.select(sa.func.max(Token.logged_at)).where(Token.order_id == row.order_id))
    if made is None:
        return None
    later = [one for one in estate.key_history(session, row.meter_key) if one.at > made]
    keys = [identity(_fields(one.keying)) for one in later]
    present = estate.list_meters(session, clock, [row.meter_key])[0]
    keys.append(identity(_fields(present.keying)))
    if not later or identity(row.keying) in keys:
        return None
    seen = max(later, key=lambda one: one.at)
    return {
        "seen under": list(identity(_fields(seen.keying))),
        "at": seen.at.isoformat(timespec="seconds"),
        "evidence": seen.evidence,
    }


def _fields(keying: Any) -> dict[str, Any]:
    return {name: getattr(keying, name) for name in keying.__dataclass_fields__}


def _goods(legs: Sequence[tuple[str, str, int]]) -> int:
    """What the customer paid for what this order gave: its income and taxes."""
    return -sum(amount for account, _unit, amount in legs if account.split("/")[0] in _GOODS)


def _undo(
    session: Session, clock: Clock, reversal: Reversal, row: Vend, legs: Sequence[tuple[str, str, int]]
) -> None:
    """The order's entry the other way round; what it was paid with is kept for the customer. Energy that the meter had was
    sold and is returned; it is not taken out of what was sold, because the module's log holds it too."""
    back: list[tuple[str, str, int]] = []
    for account, unit, amount in legs:
        if account.startswith("energy/"):
            if account.startswith("energy/meter/"):
                back += [(account, unit, -amount), (f"energy/returned/{unit}", unit, amount)]
        elif account.startswith("held/"):
            back.append((_payee(reversal, row), unit, -amount))
        else:
            back.append((account, unit, -amount))
    _post(session, clock, reversal, back)


def _payee(reversal: Reversal, row: Vend) -> str:
    """Where the money goes: it is kept for the customer, or it is the third-party seller's, who stands before him."""
    return Settlement.from_json(row.settlement).back or f"kept/{reversal.pays_tenant}"


def _compensate(session: Session, clock: Clock, reversal: Reversal, row: Vend) -> None:
    tenant = row.tenant_key
    against = "loss/reversals" if reversal.book_as == "loss" else f"debt/{tenant}/reversal"
    _post(
        session,
        clock,
        reversal,
        [
            (against, reversal.currency, reversal.amount_minor),
            (_payee(reversal, row), reversal.currency, -reversal.amount_minor),
        ],
    )


def _post(session: Session, clock: Clock, reversal: Reversal, legs: Sequence[tuple[str, str, int]]) -> None:
    booked = collected(Leg(account, unit, amount) for account, unit, amount in legs if amount)
    if booked:
        entry = Entry(
            "sale-reversed",
            f"reversal/{reversal.order_id}",
            booked,
            note=f"order {reversal.of_order}: {reversal.reason}"[:500],
        )
        ledger.post(session, clock, [entry])


def _finish(session: Session, clock: Clock, actor: Actor, reversal: Reversal, row: Vend) -> None:
    row.state = "reversed"
    _number(session, clock, actor, reversal, row)
    outbox.emit(session, clock, "vend reversed", {"order_id": row.order_id, "reversal": reversal.order_id})


def _agreed(reversal: Reversal) -> dict[str, Any]:
    """What the second person agrees to."""
    return {
        "reversal": reversal.order_id,
        "order": reversal.of_order,
        "why": reversal.why,
        "way": reversal.way,
        "book_as": reversal.book_as,
        "amount_minor": reversal.amount_minor,
        "currency": reversal.currency,
        "pays_tenant": reversal.pays_tenant,
    }


def _new(
    session: Session, clock: Clock, actor: Actor, asked: _Asked, row: Vend, site: str, way: str, amount: int
) -> Reversal:
    payer = asked.pays_tenant or row.tenant_key or ""
    if asked.pays_tenant and estate.one_tenant(session, asked.pays_tenant).site_key != site:
        raise NotFound("There is no such customer here. Search for the name again.")
    reversal = Reversal(
        order_id=asked.order_id,
        of_order=row.order_id,
        site_key=site,
        way=way,
        book_as="",
        state="asked",
        why=asked.why,
        reason=asked.reason,
        evidence=asked.evidence,
        pays_tenant=payer,
        amount_minor=amount,
        currency=row.currency,
        content={},
        content_hash="",
        asked_by=actor.key,
        asked_by_name=actor.name,
        asked_at=clock.now(),
    )
    session.add(reversal)
    return reversal


def _number(session: Session, clock: Clock, actor: Actor, reversal: Reversal, row: Vend) -> None:
    """The credit note: its number, its content, the end of the reversal (rules.md 28)."""
    now = clock.now()
    (number,) = service.next_numbers(session, [SERIES])
    receipt = session.scalars(sa.select(Sale.receipt).where(Sale.key == row.sale_key)).one()
    content = {
        "form": FORM,
        "number": number,
        "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "of_receipt": receipt,
        "of_order": row.order_id,
        "meter": row.pan or "",
        "service": row.service,
        "way": reversal.way,
        "why": reversal.why,
        "reason": reversal.reason,
        "amount_minor": reversal.amount_minor,
        "currency": reversal.currency,
    }
    reversal.credit_note, reversal.content, reversal.content_hash = number, content, content_hash(content)
    reversal.state, reversal.decided_at = "done", now
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="sale reversed",
        subject=f"order:{row.order_id}",
        detail={
            "reversal": reversal.order_id,
            "way": reversal.way,
            "credit note": number,
            "amount_minor": reversal.amount_minor,
            "approval": reversal.approval_key,
        },
        reason=reversal.reason,
    )


def _give_back_claim(session: Session, row: Vend, now: datetime) -> None:
    session.execute(
        sa.update(AllowanceClaim)
        .where(AllowanceClaim.order_id == row.order_id, AllowanceClaim.given_back_at.is_(None))
        .values(given_back_at=now)
    )


def _posted(session: Session, row: Vend) -> list[tuple[str, str, int]]:
    return ledger_queries.legs_of(session, ENTRIES.get(row.kind, row.kind), f"order/{row.order_id}")


def _legs(legs: Sequence[tuple[str, str, int]]) -> tuple[Leg, ...]:
    return tuple(Leg(account, unit, amount) for account, unit, amount in legs)


def _of(session: Session, order_id: str) -> tuple[Vend, str]:
    row = session.scalar(sa.select(Vend).where(Vend.order_id == order_id))
    if row is None:
        raise NotFound("There is no order under that number. Look at the receipt again.")
    return row, _site_of(session, row)


def _locked(session: Session, order_id: str) -> Vend:
    return session.execute(sa.select(Vend).where(Vend.order_id == order_id).with_for_update()).scalar_one()


def _site_of(session: Session, row: Vend) -> str:
    return session.scalars(sa.select(Sale.site_key).where(Sale.key == row.sale_key)).one()


def _parts(session: Session, order_id: str) -> list[str]:
    return list(
        session.scalars(
            sa.select(TokenRequest.part_id)
            .where(TokenRequest.order_id == order_id)
            .order_by(TokenRequest.position)
        )
    )


def _one(db: Database, order_id: str) -> ReversalView:
    found = find(db, order_id)
    assert found is not None, "it was written just now"
    return found


def _view(row: Reversal) -> ReversalView:
    return ReversalView(
        row.order_id,
        row.of_order,
        row.way,
        row.book_as,
        row.state,
        row.why,
        row.reason,
        row.evidence,
        row.amount_minor,
        row.currency,
        row.approval_key,
        row.credit_note,
        row.content,
        row.content_hash,
        row.asked_by_name,
        row.asked_at,
        row.decided_at,
    )

"""Tokens without money: free issue, replaced credit, engineering tokens, key changes. Each is an act of two people.

`request` writes the order down as it will be carried out, with the slip's content, and asks for the second person; the
approvers sign exactly these requests of the module (decisions.md D7, D8). `carry_out` hands the signed act to the module
and lets the order join the one way of every sale: complete, release, slip, recovery. A meter test needs no second person,
because the module wants none. What was not agreed to in time is withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore import acts as module_texts
from keystore.module import SecurityModule
from vending import audit
from vending.access import approvals, module_acts, policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, NotFound
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.ledger import queries as ledger
from vending.vends import facts, service, splitting
from vending.vends.content import FORM, content_hash
from vending.vends.errors import ActUnfit, OrderIdInvalid, OrderIdReused
from vending.vends.look import Look
from vending.vends.plan import Buyer, Legs, Planned, Settlement, energy_legs, is_order_id
from vending.vends.refunded_keys import refuse_refunded_key
from vending.vends.requests import Part, credit_parts, request_of
from vending.vends.tables import Sale, TokenAct, TokenRequest, Vend

SERIES = "ACT"  # slips without money have numbers of their own
ACTIONS = {
    "power-limit": "Power limit",
    "clear-credit": "Clear credit",
    "clear-tamper": "Clear tamper",
    "phase-unbalance-limit": "Phase unbalance limit",
    "meter-test": "Meter test",
}
LABELS = {"free-issue": "Free issue", "replacement": "Replaced credit", "key-change": "Key change"}
_APPROVED_AS = {
    "free-issue": "free-issue",
    "replacement": "free-issue",
    "engineering": "engineering-token",
    "key-change": "key-change",
}
_MAY_ASK = {
    "free-issue": Permission.SALE_FREE,
    "replacement": Permission.SALE_FREE,
    "engineering": Permission.ENGINEERING_TOKEN,
    "key-change": Permission.KEY_CHANGE,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants for a meter. `free-issue` and `replacement`: units. `replacement` may name the meter that the
    credit is taken from, and how much of it (a transfer). `engineering`: action and value. `key-change`: what changes in
    the key data, and whether the meter's memory of used tokens is cleared."""

    kind: str
    meter: str
    reason: str
    work_order: str = ""
    units: int = 0
    taken_from: str = ""
    taken_units: int = 0
    action: str = ""
    value: int = 0
    to: Mapping[str, Any] = field(default_factory=dict)
    rollover: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """`approval` is the key of the request for the second person; empty where none is needed."""

    order_id: str
    sale_key: str
    number: str
    approval: str


def request(
    db: Database, clock: Clock, actor: Actor, order_id: str, wanted: Wanted, *, site: str, for_module: str
) -> Asked:
    """Writes an act down and asks for the second person. The same order id again gives the same act."""

    def once() -> Asked:
        with db.writing() as session:
            return ask(session, clock, actor, order_id, wanted, site=site, for_module=for_module)

    try:
        return once()
    except sa.exc.IntegrityError:
        # The same page was sent twice at the same moment: the other one is there now, and the same id gives the same act.
        return once()


def ask(
    session: Session, clock: Clock, actor: Actor, order_id: str, wanted: Wanted, *, site: str, for_module: str
) -> Asked:
    """`for_module`: the module that the approvers' signatures shall be good for (`module_acts.name_of`)."""
    if wanted.kind not in _MAY_ASK:
        raise InvalidInput(f"{wanted.kind!r} is no act without money. Choose {', '.join(_MAY_ASK)}.", "kind")
    policy.require(actor, _MAY_ASK[wanted.kind], site)
    if not is_order_id(order_id):
        raise OrderIdInvalid(
            "An act needs an id of its own (a UUID), and this page brought none. Open the page anew and ask again."
        )
    if len(wanted.reason.split()) < 1 or len(wanted.reason.strip()) < 5:
        raise ActUnfit("Say why, in a few words: it stands on the slip and in the trail.", "reason")
    known = session.get(TokenAct, order_id)
    if known is not None:
        sale = session.scalars(sa.select(Sale).where(Sale.key == order_id)).one()
        if sale.fingerprint != _fingerprint(wanted, site):
            raise OrderIdReused(
                "This order id was used for another act already, so nothing was asked for. Open the page anew."
            )
        return Asked(order_id, sale.key, sale.receipt, known.approval_key or "")
    if session.scalar(sa.select(Vend.id).where(sa.or_(Vend.order_id == order_id, Vend.sale_key == order_id))):
        raise OrderIdReused(
            "This order id is a sale's already, so nothing was asked for. Open the page anew."
        )
    plan, tenant = _plan(session, clock, order_id, wanted, site)
    now = clock.now()
    (number,) = service.next_numbers(session, [SERIES])
    currency = estate.one_site(session, site).currency
    content = {
        "form": FORM,
        "receipt": number,
        "sold_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "currency": currency,
        "total_minor": 0,
        "orders": [plan.content()],
    }
    hashed = content_hash(content)
    needs_second = not (wanted.kind == "engineering" and wanted.action == "meter-test")
    session.add(
        Sale(
            key=order_id,
            receipt=number,
            site_key=site,
            till=SERIES,
            cashier_key=actor.key,
            cashier_name=actor.name,
            currency=currency,
            total_minor=0,
            fingerprint=_fingerprint(wanted, site),
            content=content,
            content_hash=hashed,
            copies=0,
            sold_at=now,
        )
    )
    session.flush()
    state = "asked" if needs_second else "paid"
    session.execute(sa.insert(Vend), [service.vend_row(plan, order_id, 1, currency, now, state=state)])
    session.execute(sa.insert(TokenRequest), service.request_rows(plan))
    approval = ""
    if needs_second:
        requests = [request_of(part, plan.buyer.keying, hashed, None) for part in plan.parts]
        beneficiary = f"tenant:{tenant}" if tenant and wanted.kind in ("free-issue", "replacement") else None
        approval = module_acts.ask(
            session,
            clock,
            actor,
            _APPROVED_AS[wanted.kind],
            lambda: module_texts.approve_requests(
                requests,
                module=for_module,
                maker=actor.key,
                reason=wanted.reason.strip(),
                made=now,
                beneficiary=beneficiary,
            ),
            site=site,
            subject=f"order:{order_id}",
            reason=wanted.reason,
            evidence=wanted.work_order,
        )
    session.add(
        TokenAct(
            order_id=order_id,
            kind=wanted.kind,
            meter_key=plan.buyer.meter_key,
            approval_key=approval or None,
            reason=wanted.reason.strip(),
            work_order=wanted.work_order.strip(),
            asked_by=actor.key,
            asked_at=now,
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act=f"{wanted.kind} asked for",
        subject=f"meter:{plan.buyer.meter_key}",
        detail={"order": order_id, "number": number, "work order": wanted.work_order},
        reason=wanted.reason,
    )
    return Asked(order_id, order_id, number, approval)


def carry_out(db: Database, clock: Clock, module: SecurityModule, actor: Actor, order_id: str) -> str:
    """Hands the signed act to the module and issues. May be called again after a crash at any line. Gives the state."""
    with db.reading() as session:
        act = session.get(TokenAct, order_id)
        if act is None:
            raise NotFound("There is no such act here.")
        approval = act.approval_key
        waiting = _state(session, order_id) == "asked"
        handed = approval is None or approvals.standing_of(session, clock, approval)[0] == "used"
    if waiting and approval is not None:
        if not handed:
            module_acts.hand_in(db, clock, module, actor, approval)
        settle_handed_in(db, clock)
    service.complete(db, clock, module, [order_id])
    with db.reading() as session:
        return _state(session, order_id)


def carry_out_approval(
    db: Database, clock: Clock, module: SecurityModule, actor: Actor, approval: str
) -> str:
    """The same by the key of the request, for what follows the second person's yes."""
    with db.reading() as session:
        order_id = session.scalar(sa.select(TokenAct.order_id).where(TokenAct.approval_key == approval))
    if order_id is None:
        raise NotFound("There is no such act here.")
    return carry_out(db, clock, module, actor, order_id)


def settle_handed_in(db: Database, clock: Clock) -> int:
    """What the module has accepted is due; what nobody agreed to in time is withdrawn. The worker calls it too, so that an
    act whose answer was lost goes on by itself. Gives how many orders moved."""
    with db.reading() as session:
        if session.scalar(sa.select(Vend.id).where(Vend.state == "asked").limit(1)) is None:
            return 0
    moved = 0
    with db.writing() as session:
        waiting = session.execute(
            sa.select(Vend, TokenAct.approval_key)
            .join(TokenAct, TokenAct.order_id == Vend.order_id)
            .where(Vend.state == "asked", TokenAct.approval_key.is_not(None))
            .order_by(Vend.id)
            .with_for_update(of=Vend)
        ).all()
        for row, approval in waiting:
            assert approval is not None, "what is asked for has its request"
            state, act_id = approvals.standing_of(session, clock, approval)
            if state == "used":
                row.state, row.approval, row.paid_at = "paid", act_id, clock.now()
            elif state in ("refused", "withdrawn", "expired"):
                row.state, row.decided_at = "withdrawn", clock.now()
                row.refusal_code, row.refusal_sentence = (
                    f"act-{state}",
                    f"The request was {state}; nothing was issued.",
                )
            else:
                continue
            moved += 1
    return moved


def withdraw(db: Database, clock: Clock, actor: Actor, order_id: str) -> None:
    """The maker takes the act back, before the module has it."""
    with db.writing() as session:
        act = session.get(TokenAct, order_id)
        if act is None or act.approval_key is None:
            raise NotFound("There is no such act here.")
        approvals.withdraw(session, clock, actor, act.approval_key)
    settle_handed_in(db, clock)


def _state(session: Session, order_id: str) -> str:
    return session.scalars(sa.select(Vend.state).where(Vend.order_id == order_id)).one()


def _fingerprint(wanted: Wanted, site: str) -> str:
    return content_hash({"site": site, **asdict(replace(wanted, to=dict(wanted.to)))})


def _plan(session: Session, clock: Clock, order_id: str, wanted: Wanted, site: str) -> tuple[Planned, str]:
    meter, carries = facts.under_key(
        Look(session, clock), estate.one_meter(session, clock, wanted.meter, sites=(site,))
    )
    if meter.state == "removed":
        raise ActUnfit(f"Meter {meter.drn} was taken off the wall ({meter.blocked_why}).", "meter")
    if meter.credit_in == "account" and wanted.kind in ("free-issue", "replacement"):
        raise ActUnfit(
            f"The credit of {meter.label} is kept on the account; correct the account instead.", "meter"
        )
    tenant = meter.tenant.key if meter.tenant is not None else ""
    buyer = Buyer(
        meter.key,
        meter.pan,
        meter.service,
        facts.SUBCLASS.get(meter.service, 0),
        tenant,
        meter.meter_class,
        asdict(meter.keying),
        0,
        meter.token_limit_units,
        carries if wanted.kind != "key-change" else (),
    )
    told: dict[str, Any] = {"reason": wanted.reason.strip()}
    if wanted.work_order.strip():
        told["work_order"] = wanted.work_order.strip()
    if wanted.kind == "engineering":
        parts, legs = _engineering(order_id, wanted), _taken(session, clock, wanted, site)
        told |= {"action": wanted.action, "value": wanted.value}
        label = ACTIONS[wanted.action]
    elif wanted.kind == "key-change":
        parts, legs = _key_change(session, order_id, wanted, meter), ()
        told |= {"to": dict(parts[0].asked["to"]), "rollover": wanted.rollover}
        label = LABELS[wanted.kind]
    else:
        parts, legs = _free(order_id, wanted, meter, buyer), _taken(session, clock, wanted, site)
        where = "free" if wanted.kind == "free-issue" else "replaced"
        legs = (*energy_legs(buyer, where, wanted.units), *legs)
        label = LABELS[wanted.kind]
    line = {"id": "act", "kind": "act", "label": label, "why": "", "amount_minor": 0}
    free = wanted.kind in ("free-issue", "replacement")
    settlement = Settlement((), legs) if free else Settlement(legs)
    return (
        Planned(
            order_id,
            wanted.kind,
            buyer,
            None,
            (line,),
            settlement,
            0,
            parts=parts,
            free_units=wanted.units if free else 0,
            facts=told,
        ),
        tenant,
    )


def _free(order_id: str, wanted: Wanted, meter: MeterView, buyer: Buyer) -> tuple[Part, ...]:
    if meter.service not in facts.SUBCLASS:
        raise ActUnfit(f"There is no token for {meter.service}.", "meter")
    if meter.keying.key_type != 2:
        raise ActUnfit(
            f"Meter {meter.drn} is not under its own key, so no credit can be issued. Make the key change first.",
            "meter",
        )
    if wanted.units <= 0:
        raise ActUnfit("Type an amount above zero.", "units")
    if wanted.units > splitting.most_units(meter.token_limit_units):
        raise ActUnfit("That is more than one order gives. Check the number of digits.", "units")
    return credit_parts(
        order_id,
        [(wanted.kind, units) for units in splitting.split(wanted.units, meter.token_limit_units)],
        service=buyer.service,
        subclass=buyer.subclass,
        meter_class=buyer.meter_class,
    )


def _taken(session: Session, clock: Clock, wanted: Wanted, site: str) -> Legs:
    """Credit that leaves a meter by this act: cleared by the token, or carried over to another meter."""
    if not wanted.taken_units:
        return ()
    source = estate.one_meter(session, clock, wanted.taken_from or wanted.meter, sites=(site,))
    there = ledger.balance(session, f"energy/meter/{source.key}", source.service)
    if not 0 < wanted.taken_units <= there:
        raise ActUnfit(
            f"The books know of {there / 10:,.1f} given to meter {source.drn}; no more than that can be taken from it.",
            "taken_units",
        )
    return (
        (f"energy/returned/{source.service}", source.service, wanted.taken_units),
        (f"energy/meter/{source.key}", source.service, -wanted.taken_units),
    )


def _engineering(order_id: str, wanted: Wanted) -> tuple[Part, ...]:
    if wanted.action not in ACTIONS:
        raise ActUnfit(f"Choose one of {', '.join(ACTIONS)}.", "action")
    if wanted.value < 0:
        raise ActUnfit("The value of an engineering token is zero or more.", "value")
    return (Part(order_id, 1, "engineering", None, {"action": wanted.action, "value": wanted.value}),)


def _key_change(session: Session, order_id: str, wanted: Wanted, meter: MeterView) -> tuple[Part, ...]:
    keying = asdict(meter.keying)
    unknown = set(wanted.to) - {"sgc", "krn", "ti", "key_type", "ken", "base_date", "dkga"}
    if unknown or not wanted.to:
        raise ActUnfit(
            "Say what changes: supply group, revision, tariff index, key type, expiry or base date.", "to"
        )
    after = {**keying, **wanted.to}
    if after == keying:
        raise ActUnfit("The meter has this key already. There is nothing to change.", "to")
    refuse_refunded_key(session, meter.key, after)
    return (Part(order_id, 1, "key-change", None, {"to": after, "rollover": wanted.rollover}),)


@dataclass(frozen=True, slots=True)
class ActView:
    """One act without money, for lists of open and finished work."""

    order_id: str
    number: str
    kind: str
    meter_key: str
    state: str
    reason: str
    work_order: str
    approval_key: str | None
    asked_by: str
    asked_at: datetime


_ACTS = (
    sa.select(TokenAct, Vend.state, Sale.receipt)
    .join(Vend, Vend.order_id == TokenAct.order_id)
    .join(Sale, Sale.key == Vend.sale_key)
)


def list_acts(
    session: Session, site: str, *, states: Sequence[str] = ("asked", "paid"), most: int = 200
) -> list[ActView]:
    rows = session.execute(
        _ACTS.where(Sale.site_key == site, Vend.state.in_(states)).order_by(Vend.id.desc()).limit(most)
    )
    return [_act_view(*row) for row in rows]


def find_act(session: Session, order_id: str) -> ActView | None:
    row = session.execute(_ACTS.where(TokenAct.order_id == order_id)).one_or_none()
    return _act_view(*row) if row is not None else None


def _act_view(act: TokenAct, state: str, number: str) -> ActView:
    return ActView(
        act.order_id,
        number,
        act.kind,
        act.meter_key,
        state,
        act.reason,
        act.work_order,
        act.approval_key,
        act.asked_by,
        act.asked_at,
    )

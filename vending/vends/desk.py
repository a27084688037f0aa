"""Money at the desk without a token: received for nobody, given back, or typed under the wrong way of paying.

Each is one transaction with one entry, in an open shift where a drawer is touched. A refund gives back what a customer has
with us (money kept, his account, unclaimed money that was his) and never takes a sale back: that is `reversing`. Within the
special limit of a shift a cashier gives back alone, with evidence; beyond it, and for every correction, a second person
says yes first (decisions.md D8), and the act is carried out as it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from vending import audit
from vending.access import approvals, policy
from vending.access.policy import Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.audit import Doer
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import InvalidInput, NotAllowed, NotFound, VendingError, said
from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.ledger import service as ledger
from vending.ledger.entries import transfer
from vending.ledger.errors import CeilingReached, FloorReached
from vending.money import plain
from vending.payments import kept, transfers
from vending.payments.kept import RefundMade
from vending.payments.tender import NEEDS_REFERENCE, ReferenceMissing, account_of
from vending.shifts import queries as shift_queries
from vending.shifts import service as shifts
from vending.shifts.errors import TillFull
from vending.vends import adopted_money, queries
from vending.vends.plan import is_order_id
from vending.vends.service import next_numbers

RECEIVED_BY = ("cash", "card", "cheque", "transfer")
GIVEN_BY = ("cash", "transfer")
BANK = "bank/main"


class RefundUnfit(InvalidInput):
    code = "refund_unfit"


class RefundBeyondLimit(NotAllowed):
    """A second person says yes to it first."""

    code = "refund_beyond_limit"


class CorrectionUnfit(VendingError):
    code = "correction_unfit"


# --- money that nobody can be named for -------------------------------------------------------------------------------


def receive_unclaimed(
    db: Database,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    till: str,
    shift: str,
    way: str,
    amount_minor: int,
    currency: str,
    reference: str,
    note: str,
) -> str:
    """Takes money and says what is known of it. It stays the payer's, in suspense, until somebody can name him."""
    policy.require(actor, Permission.SALE_MAKE, site)
    note, reference = " ".join(note.split()), " ".join(reference.split())
    if way not in RECEIVED_BY:
        raise RefundUnfit(f"Choose how the money came: {', '.join(RECEIVED_BY)}.", "way")
    if way in NEEDS_REFERENCE and not reference:
        raise ReferenceMissing(NEEDS_REFERENCE[way], "reference")
    if not 5 <= len(note) <= 300:
        raise RefundUnfit("Write what is known of this money: who brought it, for what, which unit.", "note")
    key = new_key()
    with db.writing() as session:
        drawer = _drawer(session, shift, site, till, actor)
        _use_transfer(session, clock, way, reference, f"unclaimed:{key}")
        _post(
            session,
            clock,
            transfer(
                "unclaimed",
                f"unclaimed/{key}",
                currency,
                amount_minor,
                debited=account_of(way, drawer),
                credited=f"suspense/{key}",
                note=note,
            ),
        )
        kept.receive(
            session,
            kept.UnclaimedMoney(
                key=key,
                site_key=site,
                way=way,
                currency=currency,
                amount_minor=amount_minor,
                reference=reference,
                note=note,
                till=till,
                shift=shift,
                received_by=actor.key,
                received_by_name=actor.name,
                received_at=clock.now(),
            ),
        )
        _record(session, clock, actor, "unclaimed.received", f"unclaimed:{key}", amount_minor, way, note)
    return key


def attribute(
    db: Database,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    account: str,
    tenant: str,
    amount_minor: int,
    currency: str,
    reason: str,
    evidence: str,
) -> None:
    """Unclaimed money finds its owner: it is kept for him and pays his next purchase first."""
    policy.require(actor, Permission.SHIFT_OTHERS, site)
    _check_told(reason, evidence)
    with db.writing() as session:
        _refuse_adopted(session, account)
        found = estate.one_tenant(session, tenant)
        if found.site_key != site:
            raise NotFound("There is no such tenant here. Search again by name.")
        _refuse_interest(actor, tenant)
        number = kept.next_end(session, account)
        _post(
            session,
            clock,
            transfer(
                "unclaimed-attributed",
                f"{account}/{number}",
                currency,
                amount_minor,
                debited=account,
                credited=f"kept/{tenant}",
                note=reason[:500],
            ),
        )
        _end(session, clock, actor, account, "attributed", tenant, amount_minor, currency, reason, evidence)


# --- refunds ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """What is to be given back. `request` comes from the page: the same one again is the same refund."""

    request: str
    site: str
    till: str
    shift: str
    source: str
    tenant: str
    way: str
    amount_minor: int
    currency: str
    reference: str
    reason: str
    evidence: str

    def content(self) -> dict[str, Any]:
        """What two people agree to."""
        return {
            "request": self.request,
            "till": self.till,
            "shift": self.shift,
            "source": self.source,
            "tenant": self.tenant,
            "way": self.way,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "reference": self.reference,
        }


def refund_of(content: Mapping[str, Any], *, site: str, reason: str, evidence: str) -> RefundAsked:
    return RefundAsked(site=site, reason=reason, evidence=evidence, **dict(content))


def ask_refund(db: Database, clock: Clock, actor: Actor, asked: RefundAsked) -> str:
    """For a refund beyond the limit: writes the request for a second person. Gives its key."""
    _check_refund(actor, asked)
    with db.writing() as session:
        shifts.for_moves(session, asked.shift)
        known = approvals.open_for(session, clock, "refund", f"refund:{asked.request}")
        if known is not None:
            return known
        return approvals.ask(
            session,
            clock,
            actor,
            "refund",
            asked.content(),
            site=asked.site,
            subject=f"refund:{asked.request}",
            reason=asked.reason,
            evidence=asked.evidence,
            beneficiary=f"tenant:{asked.tenant}" if asked.tenant else None,
        )


def refund(
    db: Database,
    clock: Clock,
    actor: Actor,
    asked: RefundAsked,
    *,
    approval: str = "",
    vault: SiteSecret | None = None,
) -> str:
    """Gives the money back and gives the refund's number. `actor` is who asked for it, also when a second person agreed."""
    _check_refund(actor, asked)
    with db.writing() as session:
        # The shift's row is locked by whoever moves its drawer: two refunds at once add up one after the other, and the
        # same page sent twice at once finds the first.
        shifts.for_moves(session, asked.shift)
        there = kept.find_refund(session, asked.request)
        if there is not None:
            if (there.source, there.amount_minor, there.way) != (asked.source, asked.amount_minor, asked.way):
                raise RefundUnfit("This page made another refund already. Open it anew.")
            return there.number
        _refuse_adopted(session, asked.source)
        drawer = _drawer(session, asked.shift, asked.site, asked.till, actor)
        if approval:
            assert vault is not None, "an approval is checked against the site's seal"
            approvals.use(
                session,
                clock,
                vault,
                actor,
                approval,
                "refund",
                asked.content(),
                site=asked.site,
                subject=f"refund:{asked.request}",
            )
        else:
            _require_within_limit(session, asked)
        (number,) = next_numbers(session, [f"{asked.till}-R"])
        _post(
            session,
            clock,
            transfer(
                "refund",
                f"refund/{asked.request}",
                asked.currency,
                asked.amount_minor,
                debited=asked.source,
                credited=account_of("cash", drawer) if asked.way == "cash" else BANK,
                note=asked.reason[:500],
            ),
        )
        kept.give_back(
            session,
            RefundMade(
                request=asked.request,
                number=number,
                site_key=asked.site,
                till=asked.till,
                shift=asked.shift,
                source=asked.source,
                tenant_key=asked.tenant,
                way=asked.way,
                currency=asked.currency,
                amount_minor=asked.amount_minor,
                reference=asked.reference,
                reason=asked.reason,
                evidence=asked.evidence,
                approval=approval,
                refunded_by=actor.key,
                refunded_by_name=actor.name,
                refunded_at=clock.now(),
            ),
        )
        if asked.source.startswith("suspense/"):
            _end(
                session, clock, actor, asked.source, "returned", asked.tenant, asked.amount_minor,
                asked.currency, asked.reason, asked.evidence,
            )  # fmt: skip
        _record(
            session,
            clock,
            actor,
            "refund.made",
            f"refund:{asked.request}",
            asked.amount_minor,
            asked.way,
            asked.reason,
        )
    return number


def _check_refund(actor: Actor, asked: RefundAsked) -> None:
    policy.require(actor, Permission.SALE_REVERSE, asked.site)
    if not is_order_id(asked.request):
        raise RefundUnfit(
            "A refund needs an id of its own (a UUID), and this page brought none. Open the page anew."
        )
    _check_told(asked.reason, asked.evidence)
    if asked.way not in GIVEN_BY:
        raise RefundUnfit("Money is given back in cash or by bank transfer.", "way")
    if asked.way == "transfer" and not asked.reference.strip():
        raise ReferenceMissing("Type the account that the money goes to.", "reference")
    if asked.amount_minor <= 0:
        raise RefundUnfit("A refund is more than nothing.", "amount")
    if asked.source not in (
        f"kept/{asked.tenant}",
        f"customer/{asked.tenant}",
    ) and not asked.source.startswith("suspense/"):
        raise RefundUnfit(
            "Choose where the money is: kept for the customer, on his account, or unclaimed.", "source"
        )
    _refuse_interest(actor, asked.tenant)


def _require_within_limit(session: Session, asked: RefundAsked) -> None:
    if not asked.shift:
        raise RefundBeyondLimit("Without an open shift a second person agrees to every refund. Ask for it.")
    limit = shift_queries.one_shift(session, asked.shift).limits["special_minor"]
    left = max(limit - kept.given_back_alone(session, asked.shift), 0)
    if asked.amount_minor > left:
        raise RefundBeyondLimit(
            f"You may give back {plain(left, asked.currency)} more in this shift alone. A supervisor agrees to this one first."
        )


# --- a way of paying typed wrongly ------------------------------------------------------------------------------------


def ask_correction(
    db: Database,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    sale: str,
    position: int,
    to_way: str,
    reference: str,
    reason: str,
    evidence: str,
) -> str:
    """Card typed for cash, or the other way round: asks a second person to put it right. Gives the request's key."""
    with db.writing() as session:
        content = {"sale": sale, "position": position, "to": to_way, "reference": " ".join(reference.split())}
        _correction(session, site, content)
        return approvals.ask(
            session,
            clock,
            actor,
            "tender-correction",
            content,
            site=site,
            subject=f"sale:{sale}",
            reason=reason,
            evidence=evidence,
        )


def correct_tender(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    approval: str,
    content: Mapping[str, Any],
    *,
    site: str,
) -> None:
    """Moves the money from one way of paying to the other, once. The sale, its receipt and its token stay as they are."""
    with db.writing() as session:
        approvals.use(
            session,
            clock,
            vault,
            actor,
            approval,
            "tender-correction",
            content,
            site=site,
            subject=f"sale:{content['sale']}",
        )
        from_way, amount, currency, drawer, shift = _correction(session, site, content)
        to_way = str(content["to"])
        _use_transfer(session, clock, to_way, str(content["reference"]), f"sale:{content['sale']}")
        _post(
            session,
            clock,
            transfer(
                "tender-correction",
                f"sale/{content['sale']}/{content['position']}",
                currency,
                amount,
                debited=account_of(to_way, drawer),
                credited=account_of(from_way, drawer),
            ),
        )
        kept.correct(
            session,
            kept.Corrected(
                approval=approval,
                sale_key=content["sale"],
                position=content["position"],
                from_way=from_way,
                to_way=to_way,
                reference=content["reference"],
                amount_minor=amount,
                currency=currency,
                shift=shift,
                corrected_by=actor.key,
                corrected_by_name=actor.name,
                corrected_at=clock.now(),
            ),
        )
        _record(
            session,
            clock,
            actor,
            "tender.corrected",
            f"sale:{content['sale']}",
            amount,
            f"{from_way}>{to_way}",
            "",
        )


def _correction(session: Session, site: str, content: Mapping[str, Any]) -> tuple[str, int, str, str, str]:
    """What a correction moves: way, amount, currency, drawer and shift of the payment as it stands."""
    sale = queries.one_sale(session, content["sale"])
    if sale.site_key != site:
        raise NotFound("There is no sale under that number at this site.")
    position = int(content["position"])
    if not 1 <= position <= len(sale.taken):
        raise CorrectionUnfit("This sale has no such payment. Look at the sale again.")
    if (sale.key, position) in kept.corrections_of(session, [sale.key]):
        raise CorrectionUnfit("This payment was corrected before. It is corrected once.")
    payment = sale.taken[position - 1]
    to_way = content["to"]
    if payment.way not in RECEIVED_BY or to_way not in RECEIVED_BY or to_way == payment.way:
        raise CorrectionUnfit(
            f"A payment can be moved between {', '.join(RECEIVED_BY)}, to another way than it stands under."
        )
    if to_way in NEEDS_REFERENCE and not content["reference"]:
        raise ReferenceMissing(NEEDS_REFERENCE[to_way], "reference")
    if to_way == "transfer":
        transfers.refuse_used(session, [str(content["reference"])])
    key = kept.shift_of_payment(session, sale.key, position)
    if not key:
        return payment.way, payment.amount_minor, sale.currency, sale.till, ""
    shift = shifts.for_sales(session, [key]).get(key)
    if shift is None or shift.state == "closed":
        raise CorrectionUnfit(
            "The shift of this sale is closed, and its difference is booked. The decision on that difference puts it right."
        )
    return payment.way, payment.amount_minor, sale.currency, shift.drawer, key


# --- steps ------------------------------------------------------------------------------------------------------------


def _drawer(session: Session, shift: str, site: str, till: str, actor: Actor) -> str:
    found = shifts.for_moves(session, shift) if shift else None
    return shifts.require_open(found, site=site, till=till, cashier_key=actor.key).drawer


def _use_transfer(session: Session, clock: Clock, way: str, reference: str, used_for: str) -> None:
    """The same line of the bank is neither sold to twice nor kept beside what it paid."""
    if way == "transfer":
        transfers.refuse_used(session, [reference])
        transfers.use(session, [(reference, used_for, clock.now())])


def _post(session: Session, clock: Clock, entry: Any) -> None:
    try:
        ledger.post(session, clock, [entry])
    except CeilingReached as refused:
        if refused.path.startswith("cash/"):
            raise TillFull(
                "This drawer holds as much cash as it may. Move cash to the safe first, then do this again."
            ) from None
        raise
    except FloorReached as refused:
        if refused.path.startswith("cash/"):
            raise RefundUnfit(
                "By the books the drawer does not hold that much. Give it by bank transfer.", "amount"
            ) from None
        raise RefundUnfit(
            "That is more than is there for this customer. Look at the sum again.", "amount"
        ) from None


def _check_told(reason: str, evidence: str) -> None:
    if len(reason.strip()) < 5:
        raise RefundUnfit("Say why, in a few words. It stays in the trail.", "reason")
    if len(evidence.strip()) < 3:
        raise RefundUnfit("Say what proves it: a paper that was shown, a bank line, a signature.", "evidence")


def _refuse_interest(actor: Actor, tenant: str) -> None:
    if f"tenant:{tenant}" in actor.interests:
        raise NotAllowed("This would be for your own benefit. Somebody without an interest in it does it.")


def _refuse_adopted(session: Session, account: str) -> None:
    if account.startswith("suspense/") and adopted_money.is_adopted(session, account):
        raise RefundUnfit(
            "This is an order taken in after a restore: its energy was given, and its money is looked for. A manager "
            "books it under Reports when it is found.",
            "source",
        )


def _end(
    session: Session,
    clock: Clock,
    actor: Actor,
    account: str,
    outcome: str,
    tenant: str,
    amount_minor: int,
    currency: str,
    reason: str,
    evidence: str,
) -> None:
    kept.end(
        session,
        kept.Ending(
            account=account,
            outcome=outcome,
            tenant_key=tenant,
            amount_minor=amount_minor,
            currency=currency,
            reason=reason,
            evidence=evidence,
            ended_by=actor.key,
            ended_by_name=actor.name,
            ended_at=clock.now(),
        ),
    )
    subject = f"unclaimed:{account.removeprefix('suspense/')}"
    _record(session, clock, actor, f"unclaimed.{outcome}", subject, amount_minor, tenant, reason)


def _record(
    session: Session,
    clock: Clock,
    actor: Any,
    act: str,
    subject: str,
    amount_minor: int,
    how: str,
    reason: str,
) -> None:
    audit.record(
        session,
        clock,
        actor=Doer(actor.key, actor.name),
        act=act,
        subject=subject,
        detail={"amount_minor": amount_minor, "how": how},
        reason=reason or None,
    )


# --- looks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """Money of a customer that may be given back, or that waits for its owner."""

    account: str
    available_minor: int
    known: str
    way: str
    reference: str
    received_by: str
    received_at: datetime | None


def list_unclaimed(session: Session, site: str, currency: str) -> list[Waiting]:
    """What stands in suspense, the oldest first: received at a desk, claimed from a counted drawer, or of an order."""
    rows = kept.unclaimed_of_site(session, site)
    found = []
    for account, available in books.list_under(session, "suspense/", currency):
        row = rows.get(account)
        if row is not None:
            found.append(
                Waiting(
                    account,
                    available,
                    row.note,
                    row.way,
                    row.reference,
                    row.received_by_name,
                    row.received_at,
                )
            )
        elif (other := _other_suspense(session, site, account)) is not None:
            known, at = other
            found.append(Waiting(account, available, known, "", "", "", at))
    return sorted(found, key=lambda one: one.received_at.isoformat() if one.received_at else "")


def _other_suspense(session: Session, site: str, account: str) -> tuple[str, datetime | None] | None:
    """Money over in a counted drawer, or an order that could not be booked. None: it belongs to another site."""
    name = account.removeprefix("suspense/")
    try:
        shift = shift_queries.one_shift(session, name)
    except VendingError:
        shift = None
    if shift is not None:
        at = shift.decision.decided_at if shift.decision else shift.opened_at
        return (said(f"Over in shift {shift.number}"), at) if shift.site_key == site else None
    sale = queries.sale_of_order(session, name)
    if sale is None or sale.site_key != site:
        return None
    if sale.till == adopted_money.SERIES:
        told = said(f"{sale.receipt}, taken in after a restore: what was paid is looked for")
        return told, sale.sold_at
    return said(f"Order {name}"), sale.sold_at

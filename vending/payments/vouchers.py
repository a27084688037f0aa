"""The register of vouchers: what each is worth, until when, and the one sale that used it.

A voucher is somebody's promise to pay (a mall's gift card, an employer's note). It is worth its whole face, once: it gives no
change, and the database refuses a second use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.errors import InvalidInput
from vending.money import plain
from vending.payments.tables import Voucher, VoucherUse
from vending.payments.tender import Taken, Tender

MOST = 5000


class VoucherUnfit(InvalidInput):
    """Not in the register, used before, over, or worth something else."""

    code = "voucher_unfit"


@dataclass(frozen=True, slots=True)
class VoucherView:
    number: str
    amount_minor: int
    currency: str
    issuer: str
    valid_until: date | None
    used_by: str  # the key of the sale, or nothing
    used_at: datetime | None


def number_of(text: str) -> str:
    return "".join(text.split()).replace("-", "").upper()


def add(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    numbers: Sequence[str],
    amount_minor: int,
    currency: str,
    issuer: str,
    valid_until: date | None,
    reason: str,
) -> int:
    """Enters vouchers of one issuer and one worth; gives how many. None of them, when one is there already."""
    policy.require(actor, Permission.SITE_EDIT, site)
    wanted = [number_of(text) for text in numbers if number_of(text)]
    if not 0 < len(wanted) <= MOST:
        raise VoucherUnfit(f"Enter 1 to {MOST} numbers, one on a line.", "numbers")
    if any(not 4 <= len(number) <= 40 for number in wanted):
        raise VoucherUnfit("The number of a voucher has four to forty characters.", "numbers")
    if len(set(wanted)) < len(wanted):
        raise VoucherUnfit("The same number stands here twice.", "numbers")
    if amount_minor <= 0:
        raise VoucherUnfit("A voucher is worth more than nothing.", "amount")
    issuer = " ".join(issuer.split())
    if not 2 <= len(issuer) <= 80:
        raise VoucherUnfit("Say who pays for these vouchers.", "issuer")
    there = session.scalars(sa.select(Voucher.number).where(Voucher.number.in_(wanted)).limit(1)).first()
    if there is not None:
        raise VoucherUnfit(f"Voucher {there} is in the register already. Nothing was entered.", "numbers")
    session.execute(
        sa.insert(Voucher),
        [
            {
                "number": number,
                "site_key": site,
                "amount_minor": amount_minor,
                "currency": currency,
                "issuer": issuer,
                "valid_until": valid_until.isoformat() if valid_until else None,
                "added_by": actor.key,
                "added_at": clock.now(),
            }
            for number in wanted
        ],
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="voucher.added",
        subject=f"site:{site}",
        detail={"how_many": len(wanted), "amount_minor": amount_minor, "issuer": issuer, "first": wanted[0]},
        reason=reason,
    )
    return len(wanted)


def worth(
    session: Session, tenders: Sequence[Tender], *, site: str, currency: str, today: date
) -> tuple[Tender, ...]:
    """The tenders with each voucher at its face, checked against the register. One statement, and none without vouchers."""
    numbers = [number_of(tender.reference) for tender in tenders if tender.way == "voucher"]
    if not numbers:
        return tuple(tenders)
    rows = session.execute(
        sa.select(Voucher, VoucherUse.sale_key)
        .outerjoin(VoucherUse, VoucherUse.number == Voucher.number)
        .where(Voucher.number.in_(numbers), Voucher.site_key == site)
    ).all()
    known = {row.number: (row, used) for row, used in rows}
    return tuple(
        _at_face(tender, known.get(number_of(tender.reference)), currency, today)
        if tender.way == "voucher"
        else tender
        for tender in tenders
    )


def _at_face(tender: Tender, found: tuple[Voucher, str | None] | None, currency: str, today: date) -> Tender:
    shown = tender.reference.strip()[:40]
    if found is None:
        raise VoucherUnfit(f"Voucher {shown!r} is not in the register. Read its number again.", "reference")
    row, used = found
    if used is not None:
        raise VoucherUnfit(f"Voucher {shown} was used before. A voucher pays once.", "reference")
    if row.valid_until is not None and date.fromisoformat(row.valid_until) < today:
        raise VoucherUnfit(
            f"Voucher {shown} was valid until {row.valid_until}. It pays nothing now.", "reference"
        )
    if row.currency != currency:
        raise VoucherUnfit(f"Voucher {shown} is in {row.currency}. Here {currency} is taken.", "reference")
    if tender.received_minor not in (None, row.amount_minor):
        raise VoucherUnfit(
            f"Voucher {shown} is worth {plain(row.amount_minor, currency)}, all of it at once.", "received"
        )
    return replace(tender, received_minor=row.amount_minor, reference=row.number)


def use(session: Session, taken: Sequence[tuple[str, Taken, datetime]]) -> None:
    """Marks the vouchers of these sales as used: (sale, taken, moment). The second use of one breaks its key."""
    rows = [
        {"number": one.reference, "sale_key": sale_key, "used_at": at}
        for sale_key, one, at in taken
        if one.way == "voucher"
    ]
    if rows:
        session.execute(sa.insert(VoucherUse), rows)


def list_vouchers(
    session: Session, site: str, *, text: str = "", unused: bool = False, offset: int = 0, most: int = 100
) -> list[VoucherView]:
    """The newest first."""
    query = (
        sa.select(Voucher, VoucherUse.sale_key, VoucherUse.used_at)
        .outerjoin(VoucherUse, VoucherUse.number == Voucher.number)
        .where(Voucher.site_key == site)
        .order_by(Voucher.id.desc())
        .offset(offset)
        .limit(most)
    )
    if text:
        query = query.where(Voucher.number.startswith(number_of(text), autoescape=True))
    if unused:
        query = query.where(VoucherUse.number.is_(None))
    return [
        VoucherView(
            row.number,
            row.amount_minor,
            row.currency,
            row.issuer,
            date.fromisoformat(row.valid_until) if row.valid_until else None,
            sale_key or "",
            used_at,
        )
        for row, sale_key, used_at in session.execute(query)
    ]

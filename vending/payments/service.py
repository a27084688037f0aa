"""Steps of a payment inside a sale's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import rows
from vending.payments import vouchers
from vending.payments.kept import corrections_of
from vending.payments.tables import Payment
from vending.payments.tender import Taken, TransferUsed


@dataclass(frozen=True, slots=True)
class PaymentOf:
    """A sale's payment, to be written."""

    sale_key: str
    taken: tuple[Taken, ...]
    currency: str
    till: str
    taken_by: str
    taken_at: datetime
    shift: str = ""


def record(session: Session, payments: Sequence[PaymentOf]) -> None:
    """Writes the tenders of many sales in one statement."""
    taken_rows = [
        {
            "sale_key": payment.sale_key,
            "position": position,
            "way": taken.way,
            "currency": payment.currency,
            "amount_minor": taken.amount_minor,
            "received_minor": taken.received_minor,
            "change_minor": taken.change_minor,
            "rounding_minor": taken.rounding_minor,
            "reference": taken.reference,
            "till": payment.till,
            "taken_by": payment.taken_by,
            "taken_at": payment.taken_at,
            "shift": payment.shift,
        }
        for payment in payments
        for position, taken in enumerate(payment.taken, 1)
    ]
    rows.add(session, Payment, taken_rows)
    vouchers.use(
        session,
        [(payment.sale_key, taken, payment.taken_at) for payment in payments for taken in payment.taken],
    )


def refuse_used_transfers(session: Session, taken: Sequence[Taken]) -> None:
    """The bank's reference of a transfer pays one sale: the same money is not sold twice. No statement without transfers."""
    references = [one.reference for one in taken if one.way == "transfer" and one.amount_minor]
    if not references:
        return
    used = session.execute(
        sa.select(Payment.reference, Payment.taken_at)
        .where(Payment.way == "transfer", Payment.reference.in_(references))
        .limit(1)
    ).first()
    if used is not None:
        raise TransferUsed(
            f"The bank transfer {used.reference} paid another sale on {used.taken_at:%Y-%m-%d}. Look at the bank's line again.",
            "reference",
        )


def list_of_sales(session: Session, sale_keys: Sequence[str]) -> dict[str, list[Taken]]:
    """How each sale was paid, in order; a way that was corrected as it is right."""
    rows = session.scalars(
        sa.select(Payment).where(Payment.sale_key.in_(sale_keys)).order_by(Payment.sale_key, Payment.position)
    )
    corrected = corrections_of(session, sale_keys)
    found: dict[str, list[Taken]] = {}
    for row in rows:
        right = corrected.get((row.sale_key, row.position))
        found.setdefault(row.sale_key, []).append(
            Taken(
                right.to_way if right else row.way,
                row.amount_minor,
                row.received_minor,
                row.change_minor,
                row.rounding_minor,
                right.reference if right else row.reference,
            )
        )
    return found


def shift_of_sale(session: Session, sale_key: str) -> str:
    """The key of the shift whose drawer took the money, empty where none did."""
    return (
        session.scalars(sa.select(Payment.shift).where(Payment.sale_key == sale_key).limit(1)).first() or ""
    )

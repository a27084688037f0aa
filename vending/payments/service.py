"""Steps of a payment inside a sale's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.payments.tables import Payment
from vending.payments.tender import Taken


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
    rows = [
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
    if rows:
        session.execute(sa.insert(Payment), rows)


def list_of_sales(session: Session, sale_keys: Sequence[str]) -> dict[str, list[Taken]]:
    rows = session.scalars(
        sa.select(Payment).where(Payment.sale_key.in_(sale_keys)).order_by(Payment.sale_key, Payment.position)
    )
    found: dict[str, list[Taken]] = {}
    for row in rows:
        found.setdefault(row.sale_key, []).append(
            Taken(
                row.way,
                row.amount_minor,
                row.received_minor,
                row.change_minor,
                row.rounding_minor,
                row.reference,
            )
        )
    return found

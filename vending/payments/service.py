"""Steps of a payment inside a sale's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import rows
from vending.payments import transfers, vouchers
from vending.payments.kept import corrections_of
from vending.payments.tables import Payment
from vending.payments.tender import Taken
from vending.rows import among


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
    transfers.use(
        session,
        [
            (taken.reference, f"sale:{payment.sale_key}", payment.taken_at)
            for payment in payments
            for taken in payment.taken
            if taken.way == "transfer"
        ],
    )


def refuse_used_transfers(session: Session, taken: Sequence[Taken]) -> None:
    """The bank's reference of a transfer pays once: the same money is not sold twice. No statement without transfers."""
    transfers.refuse_used(session, [one.reference for one in taken if one.way == "transfer"])


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


def shifts_of_sales(session: Session, sale_keys: Sequence[str]) -> dict[str, str]:
    """The keys of the shifts whose drawers took the money; a sale that no drawer took money for is not among them."""
    rows = session.execute(
        sa.select(Payment.sale_key, Payment.shift).where(
            among(Payment.sale_key, sale_keys), Payment.shift != ""
        )
    )
    return {row.sale_key: row.shift for row in rows}

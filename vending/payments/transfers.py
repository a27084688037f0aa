"""Bank transfers: the bank's reference of one pays once, whatever it pays for and however it is typed.

A sale, money that waits for its owner, a correction of how a sale was paid and a seller's deposit all take a reference for good,
in their own transaction. Whoever comes second is refused; the database's key decides between two at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.payments.tables import TransferUse
from vending.payments.tender import TransferUsed, same_paper


def refuse_used(session: Session, references: Sequence[str]) -> None:
    """No statement without references."""
    typed = {same_paper(reference): reference for reference in references if reference}
    if not typed:
        return
    used = session.scalar(sa.select(TransferUse).where(TransferUse.reference.in_(typed)).limit(1))
    if used is not None:
        raise _used(typed[used.reference], used)


def use_for(session: Session, reference: str, used_for: str, now: datetime) -> None:
    """Takes one reference; asked again for the same thing, it is taken already."""
    used = session.get(TransferUse, same_paper(reference))
    if used is None:
        use(session, [(reference, used_for, now)])
    elif used.used_for != used_for:
        raise _used(reference, used)


def _used(typed: str, used: TransferUse) -> TransferUsed:
    return TransferUsed(
        f"The bank transfer {typed} was used before, on {used.used_at:%Y-%m-%d}. Look at the bank's line again.",
        "reference",
    )


def use(session: Session, taken: Sequence[tuple[str, str, datetime]]) -> None:
    """Takes references for good: (reference, what it pays, moment). The second use of one breaks its key."""
    rows = [
        {"reference": same_paper(reference), "used_for": used_for, "used_at": at}
        for reference, used_for, at in taken
        if reference
    ]
    if rows:
        session.execute(sa.insert(TransferUse), rows)

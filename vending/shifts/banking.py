"""The way to the bank: closed shifts in a sealed bag, the deposit slip's number, and the bank's own lines.

What a bag says it holds stands on an account of its own in transit, one for each way of paying. The bank's line takes it
from there; what is left is the difference, which stays open on that account until somebody explains it by an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit, outbox
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import Database, new_key
from vending.ledger import queries as books
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg, collected, transfer
from vending.ledger.errors import FloorReached
from vending.money import plain
from vending.shifts.count import WAYS, Count
from vending.shifts.errors import (
    BankLineUnfit,
    BatchNotFound,
    MoneyReasonMissing,
    SafeShort,
    SealTaken,
    ShiftBankedAlready,
    ShiftStateWrong,
)
from vending.shifts.series import next_number
from vending.shifts.tables import (
    BankBatch,
    BankBatchShift,
    BankExplanation,
    BankLine,
    Shift,
    ShiftClosing,
    ShiftCount,
)

MOST_SHIFTS = 100


def transit_of(number: str, way: str) -> str:
    """The account of one bag's money of one way of paying, between the safe and the bank."""
    return f"bank/transit-{number.lower()}.{way}"


def pack(
    db: Database, clock: Clock, actor: Actor, shift_keys: Sequence[str], *, bag: str, count: Count
) -> str:
    """A supervisor packs the takings of closed shifts into one bag, counting it. Gives the bag's key."""
    try:
        with db.writing() as session:
            return pack_shifts(
                session,
                clock,
                actor,
                shift_keys,
                bag=bag,
                cash_minor=count.cash_minor,
                pieces=count.as_json()["pieces"],
            )
    except sa.exc.IntegrityError:
        raise ShiftBankedAlready(
            "Somebody packed a bag at the same moment. Look at the page again, then pack yours."
        ) from None


def pack_shifts(
    session: Session,
    clock: Clock,
    actor: Actor,
    shift_keys: Sequence[str],
    *,
    bag: str,
    cash_minor: int,
    pieces: dict[str, int] | None = None,
) -> str:
    """The same as a step. Cash is what was put in; the other ways of paying are what the shifts counted."""
    bag = " ".join(bag.split())
    if not 3 <= len(bag) <= 40:
        raise SealTaken("Type the number on the seal of the bag, three to forty characters.", "bag")
    wanted = list(dict.fromkeys(shift_keys))
    if not 0 < len(wanted) <= MOST_SHIFTS:
        raise ShiftStateWrong(f"A bag holds the takings of 1 to {MOST_SHIFTS} shifts. Choose them.")
    rows = session.execute(
        sa.select(Shift, ShiftClosing)
        .outerjoin(ShiftClosing, ShiftClosing.shift_key == Shift.key)
        .where(Shift.key.in_(wanted))
        .order_by(Shift.id)
    ).all()
    if len(rows) < len(wanted) or any(closing is None for _shift, closing in rows):
        raise ShiftStateWrong("Only closed shifts go to the bank. Close the others first.")
    places = {(shift.site_key, shift.currency) for shift, _closing in rows}
    if len(places) > 1:
        raise ShiftStateWrong("One bag holds shifts of one site and one currency. Pack them apart.")
    (site, currency) = places.pop()
    if any(shift.cashier_key != actor.key for shift, _closing in rows):
        policy.require(actor, Permission.SHIFT_OTHERS, site)
    _refuse_used(session, wanted, site, bag)
    amounts = _amounts(session, [shift for shift, _closing in rows])
    amounts["cash"] = cash_minor
    most = sum(max(closing.takings_minor, 0) for _shift, closing in rows)
    if not 0 <= cash_minor <= most:
        raise BankLineUnfit(
            f"These shifts have {plain(most, currency)} of takings for the bank; the float stays in the safe. "
            "Type what is in the bag.",
            "deposit",
        )
    amounts = {way: amount for way, amount in amounts.items() if amount}
    if not amounts:
        raise ShiftStateWrong("These shifts took no money, so there is nothing for the bank.")
    number, key = next_number(session, "D-"), new_key()
    session.add(
        BankBatch(
            key=key,
            number=number,
            site_key=site,
            currency=currency,
            bag=bag,
            amounts=amounts,
            pieces=pieces or {},
            total_minor=sum(amounts.values()),
            packed_by=actor.key,
            packed_by_name=actor.name,
            packed_at=clock.now(),
        )
    )
    session.flush()
    session.execute(sa.insert(BankBatchShift), [{"shift_key": shift, "batch_key": key} for shift in wanted])
    legs: list[Leg] = []
    for way, amount in amounts.items():
        source = f"safe/{site}" if way == "cash" else f"{way}/{site}"
        legs += [Leg(transit_of(number, way), currency, amount), Leg(source, currency, -amount)]
    try:
        ledger.post(session, clock, [Entry("bank-bag", f"bag/{key}", collected(legs))])
    except FloorReached:
        raise SafeShort(
            "By the books the safe holds less than that. Look at the takings of these shifts."
        ) from None
    audit.record(
        session,
        clock,
        actor=actor,
        act="bank.packed",
        subject=f"bag:{key}",
        detail={"number": number, "bag": bag, "amounts": amounts, "shifts": wanted},
    )
    # The slip comes out where the drawer was counted; a bag with shifts of several tills is printed from its page.
    tills = {shift.till for shift, _closing in rows}
    outbox.emit(session, clock, "bag packed", {"bag": key, "till": tills.pop() if len(tills) == 1 else ""})
    return key


def _refuse_used(session: Session, shift_keys: Sequence[str], site: str, bag: str) -> None:
    banked = session.scalars(
        sa.select(Shift.number)
        .join(BankBatchShift, BankBatchShift.shift_key == Shift.key)
        .where(Shift.key.in_(shift_keys))
    ).first()
    if banked is not None:
        raise ShiftBankedAlready(f"Shift {banked} is in a bag already. A shift goes to the bank once.")
    if session.scalar(sa.select(BankBatch.id).where(BankBatch.site_key == site, BankBatch.bag == bag)):
        raise SealTaken(f"The seal {bag} was used for another bag. Read its number again.", "bag")


def _amounts(session: Session, shifts: Sequence[Shift]) -> dict[str, int]:
    """What these shifts handed over besides cash: cheques in the bag, and what acquirers and others owe for slips."""
    keys = [shift.key for shift in shifts]
    found = dict.fromkeys(WAYS, 0)
    last: dict[str, Any] = {}
    for count in session.scalars(
        sa.select(ShiftCount).where(ShiftCount.shift_key.in_(keys)).order_by(ShiftCount.round)
    ):
        last[count.shift_key] = count
    for count in last.values():
        for way, minor in count.count["sums"].items():
            found[way] += minor
        found["transfer"] += max(count.expected.get("transfer", 0), 0)
    return found


def match(
    db: Database,
    clock: Clock,
    actor: Actor,
    key: str,
    *,
    way: str,
    amount_minor: int,
    reference: str,
    value_date: date,
) -> None:
    """A line of the bank's or acquirer's statement for this bag. What it leaves open stays open."""
    reference = " ".join(reference.split())
    if not 3 <= len(reference) <= 80:
        raise BankLineUnfit("Type the reference of the bank's line, three to eighty characters.", "reference")
    with db.writing() as session:
        batch = _batch(session, key)
        policy.require(actor, Permission.SHIFT_OTHERS, batch.site_key)
        if way not in batch.amounts:
            raise BankLineUnfit("Nothing of that way of paying is in this bag.", "way")
        if amount_minor <= 0:
            raise BankLineUnfit("The bank's line has an amount above zero.", "amount")
        same = sa.select(BankLine.reference).where(sa.func.upper(BankLine.reference) == reference.upper())
        if session.scalar(same.limit(1)) is not None:
            raise BankLineUnfit(
                "This line of the bank belongs to a bag already. A line is used once.", "reference"
            )
        session.add(
            BankLine(
                reference=reference,
                batch_key=key,
                way=way,
                amount_minor=amount_minor,
                value_date=value_date.isoformat(),
                entered_by=actor.key,
                entered_by_name=actor.name,
                entered_at=clock.now(),
            )
        )
        session.flush()
        number = session.scalar(
            sa.select(sa.func.count()).select_from(BankLine).where(BankLine.batch_key == key)
        )
        ledger.post(
            session,
            clock,
            [
                transfer(
                    "bank-line",
                    f"bag/{key}/line-{number}",
                    batch.currency,
                    amount_minor,
                    debited="bank/main",
                    credited=transit_of(batch.number, way),
                    note=reference,
                )
            ],
        )
        audit.record(
            session,
            clock,
            actor=actor,
            act="bank.matched",
            subject=f"bag:{key}",
            detail={"way": way, "amount_minor": amount_minor, "reference": reference},
        )


def explain(db: Database, clock: Clock, actor: Actor, key: str, *, way: str, reason: str) -> None:
    """Ends the open difference of a bag with a reason. Not by who packed it."""
    reason = " ".join(reason.split())
    if not 5 <= len(reason) <= 500:
        raise MoneyReasonMissing("Say in a few words why the bank's amount is another one.", "reason")
    with db.writing() as session:
        batch = _batch(session, key)
        policy.require(actor, Permission.SHIFT_OTHERS, batch.site_key)
        if batch.packed_by == actor.key:
            raise BankLineUnfit("You packed this bag. Somebody else explains its difference.")
        if way not in batch.amounts:
            raise BankLineUnfit("Nothing of that way of paying is in this bag.", "way")
        account = transit_of(batch.number, way)
        left = books.balance(session, account, batch.currency)
        if not left:
            raise BankLineUnfit("This bag and the bank agree. There is nothing to explain.")
        if not session.scalar(sa.select(BankLine.reference).where(BankLine.batch_key == key).limit(1)):
            raise BankLineUnfit("Enter the bank's line first; only what it leaves open is a difference.")
        explained = new_key()
        session.add(
            BankExplanation(
                key=explained,
                batch_key=key,
                way=way,
                amount_minor=left,
                reason=reason,
                explained_by=actor.key,
                explained_by_name=actor.name,
                explained_at=clock.now(),
            )
        )
        legs = (Leg("over-short/bank", batch.currency, left), Leg(account, batch.currency, -left))
        ledger.post(session, clock, [Entry("bank-difference", f"bag/{key}/{explained}", legs, note=reason)])
        audit.record(
            session,
            clock,
            actor=actor,
            act="bank.explained",
            subject=f"bag:{key}",
            detail={"way": way, "amount_minor": left},
            reason=reason,
        )


def _batch(session: Session, key: str) -> BankBatch:
    """Locked, so that two people who explain or match at once do it one after the other."""
    row = session.scalars(sa.select(BankBatch).where(BankBatch.key == key).with_for_update()).one_or_none()
    if row is None:
        raise BatchNotFound("There is no such bag. Look at the list of bags.")
    return row

"""The working day of a drawer: open with a float, drop cash to the safe, count blind, close, decide on the difference.

Every step is one transaction that locks where the shift stands, so a sale and a count never pass each other. What a step
moves is an entry in the ledger, and nothing that happened is edited: a correction is another entry. The drawer's ledger
accounts stand where they stood before the shift when it is closed: what was counted went to the safe, and
what is missing or too much stands on `over-short`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from vending.shifts import banking
from vending.shifts.count import UNCOUNTED, WAYS, Count, differences, of_json
from vending.shifts.errors import (
    CountLocked,
    MoneyReasonMissing,
    NotYourShift,
    OwnDifference,
    SafeShort,
    ShiftNotFound,
    ShiftNotOpen,
    ShiftOpenAlready,
    ShiftStateWrong,
    WitnessUnfit,
)
from vending.shifts.limits import limits_of
from vending.shifts.series import next_number
from vending.shifts.tables import (
    Shift,
    ShiftClosing,
    ShiftCount,
    ShiftDecision,
    ShiftDraft,
    ShiftDrop,
    ShiftStanding,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
OUTCOMES = ("accept", "claim", "charge")


@dataclass(frozen=True, slots=True)
class OpenShift:
    """What a sale must know of the shift that takes its money."""

    key: str
    site_key: str
    till: str
    drawer: str
    cashier_key: str
    currency: str
    state: str


# --- the morning ------------------------------------------------------------------------------------------------------


def open_shift(
    db: Database,
    clock: Clock,
    actor: Actor,
    *,
    site: str,
    currency: str,
    till: str,
    float_minor: int,
    witness: Actor | None,
) -> str:
    """One person, one drawer: the float comes out of the safe, seen by both. Gives the shift's key.

    At a till where a colleague's shift is open this is the relief: a second drawer, and the other shift stays as it is.
    """
    policy.require(actor, Permission.SHIFT_OWN, site)
    key = new_key()
    try:
        with db.writing() as session:
            _open(session, clock, actor, key, site, currency, till, float_minor, witness)
    except sa.exc.IntegrityError:
        raise ShiftOpenAlready(
            "Somebody opened a shift at the same moment. Look at the page again before you open yours."
        ) from None
    return key


def _open(
    session: Session,
    clock: Clock,
    actor: Actor,
    key: str,
    site: str,
    currency: str,
    till: str,
    float_minor: int,
    witness: Actor | None,
) -> None:
    standing = session.execute(
        sa.select(Shift.till, Shift.opened_at)
        .join(ShiftStanding, ShiftStanding.shift_key == Shift.key)
        .where(ShiftStanding.cashier_key == actor.key, ShiftStanding.state != "closed")
    ).first()
    if standing is not None:
        raise ShiftOpenAlready(
            f"Your shift at till {standing.till} is not closed yet. Close it first, or ask a supervisor to close it for you."
        )
    limits = limits_of(session, site, till, actor.key)
    if float_minor:
        _check_witness(actor, witness, site, one_person=limits.one_person)
    drawer = _free_drawer(session, till)
    now = clock.now()
    number = next_number(session, f"{till}-S")
    accounts = [f"{way}/{drawer}" for way in WAYS]
    base = {
        way: one.balance
        for way, one in zip(
            WAYS, books.standing(session, [(name, currency) for name in accounts]), strict=True
        )
        if one.balance
    }
    session.add(
        Shift(
            key=key,
            number=number,
            site_key=site,
            till=till,
            drawer=drawer,
            cashier_key=actor.key,
            cashier_name=actor.name,
            currency=currency,
            float_minor=float_minor,
            base=base,
            after_entry=books.last_entry(session),
            limits=limits.as_json(),
            witness_key=witness.key if witness else "",
            witness_name=witness.name if witness else "",
            opened_at=now,
        )
    )
    session.flush()
    session.add(ShiftStanding(shift_key=key, cashier_key=actor.key, drawer=drawer, state="open"))
    session.flush()
    cash = f"cash/{drawer}"
    if float_minor:
        _from_safe(
            session,
            clock,
            transfer(
                "shift-float", f"shift/{key}", currency, float_minor, debited=cash, credited=safe_of(site)
            ),
        )
    bottom = base.get("cash", 0)
    top = None if limits.takings_minor is None else bottom + float_minor + limits.takings_minor
    # The limit is a reservation in the books: the sale that would pass it cannot be posted, whichever process makes it.
    ledger.set_bounds(
        session,
        clock,
        account=cash,
        unit=currency,
        bounds=ledger.Bounds(floor=bottom, ceiling=top),
        actor=actor,
        reason=f"shift {number}",
    )
    _record(
        session,
        clock,
        actor,
        "shift.opened",
        key,
        {
            "number": number,
            "drawer": drawer,
            "float_minor": float_minor,
            "witness": witness.key if witness else None,
        },
    )


def safe_of(site_key: str) -> str:
    return f"safe/{site_key}"


def _free_drawer(session: Session, till: str) -> str:
    """The till's own drawer, or the next one beside it (relief)."""
    taken = set(session.scalars(sa.select(ShiftStanding.drawer).where(ShiftStanding.state != "closed")))
    names = [till.lower(), *(f"{till.lower()}.{letter}" for letter in LETTERS[1:])]
    free = next((name for name in names if name not in taken), None)
    if free is None:
        raise ShiftOpenAlready(
            f"All {len(names)} drawers of till {till} belong to shifts that are not closed. Ask a supervisor to close one."
        )
    return free


def _check_witness(actor: Actor, witness: Actor | None, site: str, *, one_person: bool) -> None:
    if witness is None:
        if one_person:
            return
        raise WitnessUnfit("Two people count cash that goes to or from the safe. Choose the second person.")
    if witness.key == actor.key:
        raise WitnessUnfit(
            "The second person is somebody else than you. Choose a colleague who counts with you."
        )
    if not any(
        policy.allowed(witness, permission, site)
        for permission in (Permission.SHIFT_OWN, Permission.SHIFT_OTHERS)
    ):
        raise WitnessUnfit(f"{witness.name} does not work with cash at this site. Choose another colleague.")


def _from_safe(session: Session, clock: Clock, entry: Entry) -> None:
    try:
        ledger.post(session, clock, [entry])
    except FloorReached as refused:
        raise SafeShort(
            f"The safe does not hold that much: {plain(refused.available + _out_of_safe(entry), entry.legs[0].unit)} "
            "is in it by the books. Take a smaller float, or have a supervisor bring money into the safe."
        ) from None


def _out_of_safe(entry: Entry) -> int:
    return -sum(leg.amount for leg in entry.legs if leg.account.startswith("safe/"))


def bring_to_safe(
    db: Database, clock: Clock, actor: Actor, *, site: str, currency: str, amount_minor: int, reason: str
) -> None:
    """Money from the bank into the safe: the first float of a site, and change later on."""
    policy.require(actor, Permission.SITE_EDIT, site)
    reason = _said(reason)
    key = new_key()
    with db.writing() as session:
        ledger.post(
            session,
            clock,
            [
                transfer(
                    "safe-filled",
                    f"safe/{key}",
                    currency,
                    amount_minor,
                    debited=safe_of(site),
                    credited="bank/main",
                    note=reason,
                )
            ],
        )
        audit.record(
            session,
            clock,
            actor=actor,
            act="safe.filled",
            subject=f"site:{site}",
            detail={"amount_minor": amount_minor, "currency": currency},
            reason=reason,
        )


# --- during the day ---------------------------------------------------------------------------------------------------


def for_sales(session: Session, keys: Sequence[str]) -> dict[str, OpenShift]:
    """The shifts of a group of sales, kept from being counted until the sale's transaction ends. One statement."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(Shift, ShiftStanding.state)
        .join(ShiftStanding, ShiftStanding.shift_key == Shift.key)
        .where(Shift.key.in_(wanted))
        .order_by(Shift.key)
        .with_for_update(read=True, of=ShiftStanding)
    ).all()
    return {
        row.key: OpenShift(row.key, row.site_key, row.till, row.drawer, row.cashier_key, row.currency, state)
        for row, state in rows
    }


def for_moves(session: Session, key: str) -> OpenShift | None:
    """The shift for an act whose sum is limited in it: locked alone, so that two such acts follow one another."""
    session.execute(
        sa.select(ShiftStanding.shift_key).where(ShiftStanding.shift_key == key).with_for_update()
    ).first()
    return for_sales(session, [key]).get(key)


def require_open(shift: OpenShift | None, *, site: str, till: str, cashier_key: str) -> OpenShift:
    """A sale, a refund and every other move of a drawer happens in an open shift of this person at this till."""
    if shift is None or shift.cashier_key != cashier_key or shift.site_key != site:
        raise ShiftNotOpen(
            f"You have no open shift at till {till}. Open your shift with the float, then go on."
        )
    if shift.till != till:
        raise ShiftNotOpen(
            f"Your shift is open at till {shift.till}, and this is till {till}. Go on there, or close it first."
        )
    if shift.state != "open":
        raise ShiftNotOpen(
            f"Your shift at till {till} is counted, so nothing more goes into or out of its drawer. "
            "Close it and open a new one."
        )
    return shift


def drop(
    db: Database, clock: Clock, actor: Actor, key: str, *, count: Count, bag: str, witness: Actor | None
) -> str:
    """Cash from the drawer to the safe, counted by two. It leaves the drawer and its limit at once."""
    bag = " ".join(bag.split())
    if len(bag) > 40:
        raise MoneyReasonMissing("The seal of a bag has at most 40 characters.", "bag")
    amount = count.cash_minor
    if amount <= 0:
        raise MoneyReasonMissing("Nothing was counted. Count the notes that go to the safe.", "count")
    drop_key = new_key()
    try:
        with db.writing() as session:
            _drop(session, clock, actor, key, drop_key, count, bag, witness)
    except FloorReached:
        with db.writing() as session:
            _record(session, clock, actor, "shift.drop_refused", key, {"amount_minor": amount, "bag": bag})
        # How much is missing would tell what the books expect, which nobody hears before the count. Who tries one amount
        # after the other to hear it leaves a row for each.
        raise ShiftStateWrong(
            "By the books there is less in the drawer than that. Count the money for the safe again."
        ) from None
    return drop_key


def _drop(
    session: Session,
    clock: Clock,
    actor: Actor,
    key: str,
    drop_key: str,
    count: Count,
    bag: str,
    witness: Actor | None,
) -> None:
    amount = count.cash_minor
    row = _lock(session, key, "open")
    _own(actor, row)
    _check_witness(actor, witness, row.site_key, one_person=row.limits["one_person"])
    ledger.post(
        session,
        clock,
        [
            transfer(
                "cash-drop",
                f"drop/{drop_key}",
                row.currency,
                amount,
                debited=safe_of(row.site_key),
                credited=f"cash/{row.drawer}",
                note=bag,
            )
        ],
    )
    session.add(
        ShiftDrop(
            key=drop_key,
            shift_key=key,
            amount_minor=amount,
            count=count.as_json(),
            bag=bag,
            witness_key=witness.key if witness else "",
            witness_name=witness.name if witness else "",
            dropped_at=clock.now(),
        )
    )
    _record(
        session,
        clock,
        actor,
        "shift.dropped",
        key,
        {"amount_minor": amount, "bag": bag, "witness": witness.key if witness else None},
    )


# --- the evening ------------------------------------------------------------------------------------------------------


def keep_draft(db: Database, clock: Clock, actor: Actor, key: str, count: Count) -> None:
    """What is typed so far. Nobody's money, and nobody's business but the counter's."""
    with db.writing() as session:
        row = _lock(session, key, "open", "counted")
        _may_count(actor, row)
        draft = session.get(ShiftDraft, key) or ShiftDraft(shift_key=key)
        draft.count, draft.changed_at = count.as_json(), clock.now()
        session.add(draft)


def lock_count(db: Database, clock: Clock, actor: Actor, key: str, count: Count) -> int:
    """The count as it is, for good; only now are the books looked at. Gives the round: the first, or the one recount."""
    with db.writing() as session:
        row = _lock(session, key, "open", "counted")
        _may_count(actor, row)
        return _count(session, clock, actor, row, count)


def _count(session: Session, clock: Clock, actor: Actor, row: Shift, count: Count) -> int:
    if count.currency != row.currency:
        raise CountLocked(f"This drawer holds {row.currency}. Load the page again.")
    rounds = _counts(session, row.key)
    if len(rounds) >= 2:
        raise CountLocked(
            "This drawer was counted twice already. Close the shift with the reason for the difference."
        )
    expected = expected_of(session, row)
    if rounds and not any(
        one.minor for one in differences(of_json(row.currency, rounds[-1].count), expected)
    ):
        raise CountLocked("The count fits the books, so there is nothing to count again. Close the shift.")
    number = len(rounds) + 1
    session.add(
        ShiftCount(
            shift_key=row.key,
            round=number,
            count=count.as_json(),
            expected=expected,
            counted_by=actor.key,
            counted_by_name=actor.name,
            counted_at=clock.now(),
        )
    )
    session.execute(
        sa.update(ShiftStanding).where(ShiftStanding.shift_key == row.key).values(state="counted")
    )
    session.execute(sa.delete(ShiftDraft).where(ShiftDraft.shift_key == row.key))
    session.flush()
    _record(
        session,
        clock,
        actor,
        "shift.counted",
        row.key,
        {"round": number, "count": count.as_json(), "expected": expected},
    )
    return number


def close(
    db: Database,
    clock: Clock,
    actor: Actor,
    key: str,
    *,
    reason: str = "",
    bag: str = "",
    deposit_minor: int | None = None,
) -> str:
    """The end (Z): books the difference, moves everything to the safe. With a seal, the bag for the bank is packed at
    once, and its key is the answer; else it is empty."""
    with db.writing() as session:
        row = _lock(session, key, "counted")
        _own(actor, row)
        takings = _close(session, clock, actor, row, reason, forgotten=False)
        if not bag.strip():
            return ""
        return banking.pack_shifts(
            session,
            clock,
            actor,
            [key],
            bag=bag,
            cash_minor=max(takings, 0) if deposit_minor is None else deposit_minor,
        )


def close_forgotten(
    db: Database, clock: Clock, actor: Actor, key: str, *, count: Count | None, reason: str
) -> None:
    """A shift whose cashier left it open, or whose count was locked and never closed: somebody else ends it, with a reason.

    A count that the cashier locked stands; without one, the drawer is counted now."""
    with db.writing() as session:
        row = _lock(session, key, "open", "counted")
        policy.require(actor, Permission.SHIFT_OTHERS, row.site_key)
        if row.cashier_key == actor.key:
            raise OwnDifference("This shift is your own. Count and close it on your own page.")
        reason = _said(reason)
        if not _counts(session, key):
            if count is None:
                raise ShiftStateWrong("Count the drawer of this shift first.")
            _refuse_who_read(session, actor, key)
            _count(session, clock, actor, row, count)
        _close(session, clock, actor, row, reason, forgotten=True)


def read_sums(db: Database, clock: Clock, actor: Actor, key: str) -> None:
    """Somebody who looks after shifts asks for an X with its sums. The trail keeps it: from now on he does not count it."""
    with db.writing() as session:
        row = session.scalars(sa.select(Shift).where(Shift.key == key)).one_or_none()
        if row is None:
            raise ShiftNotFound("There is no such shift. Look at the list of shifts.")
        policy.require(actor, Permission.SHIFT_OTHERS, row.site_key)
        if row.cashier_key == actor.key:
            raise OwnDifference("This drawer is your own. You hear its sums after you have counted it.")
        _record(session, clock, actor, "shift.sums_read", key, {})


def _refuse_who_read(session: Session, actor: Actor, key: str) -> None:
    read = sa.select(audit.AuditEntry.id).where(
        audit.AuditEntry.subject == f"shift:{key}",
        audit.AuditEntry.act == "shift.sums_read",
        audit.AuditEntry.actor == actor.key,
    )
    if session.scalar(read.limit(1)) is not None:
        raise OwnDifference("You have read the sums of this drawer. Somebody who has not counts it.")


def _close(session: Session, clock: Clock, actor: Actor, row: Shift, reason: str, *, forgotten: bool) -> int:
    count = of_json(row.currency, _counts(session, row.key)[-1].count)
    # The books are read again: a tender that a supervisor corrected after the count is no difference of the drawer.
    expected = expected_of(session, row)
    found = differences(count, expected)
    wrong = [one for one in found if one.minor]
    if wrong:
        reason = _said(reason)
    dropped = sum(one.amount_minor for one in _drops(session, row.key))
    takings = dropped + count.cash_minor - row.float_minor
    over_short = f"over-short/{row.till.lower()}"
    if wrong:
        legs = [Leg(f"{one.way}/{row.drawer}", row.currency, one.minor) for one in wrong]
        legs += [Leg(over_short, row.currency, -one.minor) for one in wrong]
        ledger.post(
            session,
            clock,
            [Entry("shift-difference", f"shift/{row.key}", tuple(legs), note=reason[:500])],
        )
    handed = {way: expected[way] if way in UNCOUNTED else count.counted(way) for way in WAYS}
    legs = []
    for way, amount in handed.items():
        if amount:
            target = safe_of(row.site_key) if way == "cash" else f"{way}/{row.site_key}"
            legs += [Leg(target, row.currency, amount), Leg(f"{way}/{row.drawer}", row.currency, -amount)]
    if legs:
        ledger.post(session, clock, [Entry("shift-handover", f"shift/{row.key}", collected(legs))])
    ledger.set_bounds(
        session,
        clock,
        account=f"cash/{row.drawer}",
        unit=row.currency,
        bounds=ledger.Bounds(),
        actor=actor,
        reason=f"shift {row.number} closed",
    )
    tolerance = 0 if forgotten else row.limits["tolerance_minor"]
    session.add(
        ShiftClosing(
            shift_key=row.key,
            differences={one.way: one.minor for one in wrong},
            reason=reason,
            forgotten=int(forgotten),
            needs_decision=int(any(abs(one.minor) > tolerance for one in wrong)),
            through_entry=books.last_entry(session),
            takings_minor=takings,
            closed_by=actor.key,
            closed_by_name=actor.name,
            closed_at=clock.now(),
        )
    )
    session.execute(sa.update(ShiftStanding).where(ShiftStanding.shift_key == row.key).values(state="closed"))
    session.execute(sa.delete(ShiftDraft).where(ShiftDraft.shift_key == row.key))
    session.flush()
    _record(
        session,
        clock,
        actor,
        "shift.closed_for_another" if forgotten else "shift.closed",
        row.key,
        {"differences": {one.way: one.minor for one in wrong}, "takings_minor": takings},
        reason or None,
    )
    outbox.emit(session, clock, "shift closed", {"shift": row.key})
    return takings


def decide(db: Database, clock: Clock, actor: Actor, key: str, *, outcome: str, reason: str) -> None:
    """What becomes of a difference: it stays on over and short (`accept`), it waits for who claims it (`claim`, when
    money was too much), or the cashier owes it (`charge`, when money was short). Once, by somebody who did not count."""
    reason = _said(reason)
    with db.writing() as session:
        row = _lock(session, key, "closed")
        policy.require(actor, Permission.SHIFT_OTHERS, row.site_key)
        closing = session.scalars(sa.select(ShiftClosing).where(ShiftClosing.shift_key == key)).one()
        if actor.key == row.cashier_key or actor.key in {one.counted_by for one in _counts(session, key)}:
            raise OwnDifference("You counted this drawer. Somebody who did not decides on the difference.")
        if not closing.needs_decision:
            raise ShiftStateWrong(
                "Nothing is to be decided here: the difference is within what the site tolerates."
            )
        if session.get(ShiftDecision, key) is not None:
            raise ShiftStateWrong("This difference is decided already. A decision is never edited.")
        net = sum(closing.differences.values())
        over_short = f"over-short/{row.till.lower()}"
        if outcome not in OUTCOMES:
            raise ShiftStateWrong("Choose what becomes of the difference.")
        if outcome == "claim":
            if net <= 0:
                raise ShiftStateWrong("Only money that is too much can wait for somebody to claim it.")
            entry = transfer(
                "shift-decision",
                f"shift/{key}",
                row.currency,
                net,
                debited=over_short,
                credited=f"suspense/{key}",
                note=reason[:500],
            )
            ledger.post(session, clock, [entry])
        if outcome == "charge":
            if net >= 0:
                raise ShiftStateWrong("Only money that is missing can be charged to the cashier.")
            entry = transfer(
                "shift-decision",
                f"shift/{key}",
                row.currency,
                -net,
                debited=f"debt/{row.cashier_key}/shortage",
                credited=over_short,
                note=reason[:500],
            )
            ledger.post(session, clock, [entry])
        session.add(
            ShiftDecision(
                shift_key=key,
                outcome=outcome,
                reason=reason,
                decided_by=actor.key,
                decided_by_name=actor.name,
                decided_at=clock.now(),
            )
        )
        _record(session, clock, actor, "shift.decided", key, {"outcome": outcome, "net_minor": net}, reason)


# --- what the books expect --------------------------------------------------------------------------------------------


def expected_of(session: Session, row: Shift) -> dict[str, int]:
    """What the ledger holds in the drawer of this shift, by way of paying. Asked only when a count is locked or later,
    and by reports for people who do not count it."""
    found = books.standing(session, [(f"{way}/{row.drawer}", row.currency) for way in WAYS])
    return {way: one.balance - row.base.get(way, 0) for way, one in zip(WAYS, found, strict=True)}


# --- steps ------------------------------------------------------------------------------------------------------------


def _lock(session: Session, key: str, *states: str) -> Shift:
    standing = session.scalars(
        sa.select(ShiftStanding).where(ShiftStanding.shift_key == key).with_for_update()
    ).one_or_none()
    if standing is None:
        raise ShiftNotFound("There is no such shift. Look at the list of shifts.")
    if standing.state not in states:
        told = {
            "open": "This shift is still open. Count its drawer first.",
            "counted": "The drawer of this shift is counted already, so nothing goes into or out of it any more.",
            "closed": "This shift is closed. A closed shift is never changed.",
        }
        raise ShiftStateWrong(told[standing.state])
    return session.scalars(sa.select(Shift).where(Shift.key == key)).one()


def _own(actor: Actor, row: Shift) -> None:
    policy.require(actor, Permission.SHIFT_OWN, row.site_key)
    if row.cashier_key != actor.key:
        raise NotYourShift(
            f"This is the shift of {row.cashier_name}. Only a supervisor closes it for somebody else."
        )


def _may_count(actor: Actor, row: Shift) -> None:
    if row.cashier_key != actor.key:
        policy.require(actor, Permission.SHIFT_OTHERS, row.site_key)
    else:
        _own(actor, row)


def _counts(session: Session, key: str) -> list[ShiftCount]:
    return list(
        session.scalars(sa.select(ShiftCount).where(ShiftCount.shift_key == key).order_by(ShiftCount.round))
    )


def _drops(session: Session, key: str) -> list[ShiftDrop]:
    return list(
        session.scalars(sa.select(ShiftDrop).where(ShiftDrop.shift_key == key).order_by(ShiftDrop.id))
    )


def _said(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) < 5:
        raise MoneyReasonMissing(
            "Say in a few words what happened. Whoever looks at it later goes by that.", "reason"
        )
    if len(reason) > 500:
        raise MoneyReasonMissing("A reason has at most 500 characters.", "reason")
    return reason


def _record(
    session: Session,
    clock: Clock,
    actor: Any,
    act: str,
    key: str,
    detail: Mapping[str, Any],
    reason: str | None = None,
) -> None:
    audit.record(
        session, clock, actor=actor, act=act, subject=f"shift:{key}", detail=dict(detail), reason=reason
    )

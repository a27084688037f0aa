"""The content of the papers of a shift, for every form of them: screen, A5, thermal. Pure: no page, no printer, no clock.

Amounts stay integers and moments stay moments; each form words them for its reader. `log_head` is the short head of the
issuance log at that moment (`module.checkpoint().short`), so that a paper in a safe says how far the log had come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vending.shifts.count import Difference
from vending.shifts.queries import BatchView, ShiftView, WayReading


@dataclass(frozen=True, slots=True)
class ShiftSlip:
    """X (in mid-shift, `differences` empty) or Z (the end). `ways` is empty on an X for whoever counts this drawer."""

    kind: str
    number: str
    till: str
    drawer: str
    cashier: str
    currency: str
    opened_at: datetime
    printed_at: datetime
    closed_at: datetime | None
    float_minor: int
    payments: int
    ways: tuple[WayReading, ...]
    drops: tuple[tuple[datetime, int, str, str], ...]  # moment, amount, seal, second person
    pieces: tuple[tuple[int, int], ...]  # worth of a note or coin, how many were counted
    differences: tuple[Difference, ...]
    recounted: bool
    reason: str
    forgotten_closed_by: str
    decision: str
    takings_minor: int
    bag: str
    one_person: bool
    log_head: str


def shift_slip(
    shift: ShiftView,
    ways: Sequence[WayReading],
    differences: Sequence[Difference],
    *,
    printed_at: datetime,
    blind: bool,
    log_head: str = "",
) -> ShiftSlip:
    """`blind`: the reader counts this drawer and has not locked the count, so no sum of the books stands on the paper."""
    closing = shift.closing
    last = shift.counts[-1] if shift.counts and not blind else None
    return ShiftSlip(
        "Z" if closing else "X",
        shift.number,
        shift.till,
        shift.drawer,
        shift.cashier_name,
        shift.currency,
        shift.opened_at,
        printed_at,
        closing.closed_at if closing else None,
        shift.float_minor,
        sum(one.payments for one in ways),
        () if blind else tuple(ways),
        tuple((one.dropped_at, one.amount_minor, one.bag, one.witness_name) for one in shift.drops),
        tuple(sorted(last.count.pieces.items(), reverse=True)) if last else (),
        () if blind else tuple(differences),
        len(shift.counts) > 1,
        closing.reason if closing else "",
        closing.closed_by_name if closing and closing.forgotten else "",
        shift.decision.outcome if shift.decision else "",
        closing.takings_minor if closing else 0,
        shift.batch,
        bool(shift.limits["one_person"]),
        log_head,
    )


@dataclass(frozen=True, slots=True)
class DepositSlip:
    """What goes into the bag: notes and coins where they were counted, and a sum for each way of paying."""

    number: str
    bag: str
    packed_at: datetime
    packed_by: str
    currency: str
    pieces: tuple[tuple[int, int], ...]
    amounts: tuple[tuple[str, int], ...]
    in_bag_minor: int  # cash and cheques; the other ways are claims that the same slip settles
    total_minor: int
    shifts: tuple[str, ...]
    log_head: str


IN_BAG = ("cash", "cheque")


def deposit_slip(batch: BatchView, *, log_head: str = "") -> DepositSlip:
    return DepositSlip(
        batch.number,
        batch.bag,
        batch.packed_at,
        batch.packed_by_name,
        batch.currency,
        tuple(sorted(batch.pieces.items(), reverse=True)),
        tuple(batch.amounts.items()),
        sum(batch.amounts.get(way, 0) for way in IN_BAG),
        batch.total_minor,
        batch.shifts,
        log_head,
    )

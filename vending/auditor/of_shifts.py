"""What must hold of drawers, bags and money without a token: I-04, I-21, and the cash rules 22 and 23."""

from __future__ import annotations

import json

from vending.auditor.check import Books, Check

_DRAWERS = (
    "SELECT s.key, s.number, s.drawer, s.currency, s.base, c.differences FROM shift s"
    " JOIN shift_closing c ON c.shift_key = s.key ORDER BY s.id"
)
_HELD = (
    "SELECT coalesce(sum(l.amount), 0) FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
    " JOIN shift_closing c ON c.shift_key = :shift WHERE a.path = :path AND l.unit = :unit"
    " AND l.entry_id <= c.through_entry"
)
_WAYS = ("cash", "card", "cheque", "voucher", "transfer")


def _value(stored: object) -> dict[str, int]:
    found = json.loads(stored) if isinstance(stored, str) else stored
    assert isinstance(found, dict)
    return found


def _drawers_are_empty(books: Books) -> list[str]:
    """A closed drawer stands where it stood before the shift: what was in it went to the safe or to over and short."""
    faults = []
    for key, number, drawer, unit, base, _differences in books.rows(_DRAWERS):
        before = _value(base)
        for way in _WAYS:
            held = int(books.rows(_HELD, shift=key, path=f"{way}/{drawer}", unit=unit)[0][0])
            if held != before.get(way, 0):
                faults.append(
                    f"shift {number}: {way}/{drawer} held {held} at its end, {before.get(way, 0)} before it"
                )
    return faults


def _differences_are_booked(books: Books) -> list[str]:
    """The difference that a shift tells is the one that stands on over and short."""
    faults = []
    for key, number, _drawer, unit, _base, differences in books.rows(_DRAWERS):
        told = sum(_value(differences).values())
        booked = books.rows(
            "SELECT coalesce(sum(l.amount), 0) FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id"
            " JOIN ledger_account a ON a.id = l.account_id WHERE e.kind = 'shift-difference' AND e.source = :source"
            " AND a.path LIKE 'over-short/%' AND l.unit = :unit",
            source=f"shift/{key}",
            unit=unit,
        )
        if -int(booked[0][0]) != told:
            faults.append(f"shift {number} tells a difference of {told}, and {-int(booked[0][0])} is booked")
    return faults


CHECKS = (
    Check(
        "shifts.drawers_are_empty",
        "I-04",
        "A drawer stands at its end where it stood before its shift.",
        ("shift", "shift_closing", "ledger_leg"),
        "SELECT count(*) FROM shift_closing",
        _drawers_are_empty,
    ),
    Check(
        "shifts.differences_are_booked",
        "I-04",
        "What was counted over or short is booked, to the cent.",
        ("shift", "shift_closing", "ledger_leg"),
        "SELECT count(*) FROM shift_closing",
        _differences_are_booked,
    ),
    Check(
        "shifts.follow_their_way",
        "I-21",
        "A shift is open, then counted, then closed; a decision belongs to a closed one that needs it, by somebody else.",
        ("shift", "shift_standing", "shift_count", "shift_closing", "shift_decision"),
        "SELECT count(*) FROM shift",
        "SELECT s.number, t.state FROM shift s LEFT JOIN shift_standing t ON t.shift_key = s.key"
        " LEFT JOIN shift_closing c ON c.shift_key = s.key LEFT JOIN shift_decision d ON d.shift_key = s.key"
        " WHERE t.state IS NULL OR (t.state = 'closed') <> (c.shift_key IS NOT NULL)"
        " OR (t.state = 'open') <> NOT EXISTS (SELECT 1 FROM shift_count n WHERE n.shift_key = s.key)"
        " OR (d.shift_key IS NOT NULL AND (c.needs_decision = 0 OR d.decided_by = s.cashier_key"
        "  OR EXISTS (SELECT 1 FROM shift_count n WHERE n.shift_key = s.key AND n.counted_by = d.decided_by)))"
        " OR c.closed_at < s.opened_at",
        "shift {0} is {1} without following the way",
    ),
    Check(
        "shifts.payments_in_time",
        "I-06",
        "A payment of a shift was taken at its till by its cashier, after its opening and before its count.",
        ("shift", "shift_count", "payment"),
        "SELECT count(*) FROM payment WHERE shift <> ''",
        "SELECT p.sale_key, p.shift FROM payment p LEFT JOIN shift s ON s.key = p.shift"
        " WHERE p.shift <> '' AND (s.key IS NULL OR s.till <> p.till OR s.cashier_key <> p.taken_by"
        " OR p.taken_at < s.opened_at OR p.taken_at >"
        " (SELECT min(n.counted_at) FROM shift_count n WHERE n.shift_key = s.key))",
        "sale {0} does not fit shift {1}",
    ),
    Check(
        "shifts.drops_seen_by_two",
        "I-04",
        "Cash that went to the safe is booked with the same amount, and was seen by a second person.",
        ("shift", "shift_drop", "ledger_entry", "ledger_leg"),
        "SELECT count(*) FROM shift_drop",
        "SELECT s.number, d.amount_minor FROM shift_drop d JOIN shift s ON s.key = d.shift_key"
        " LEFT JOIN ledger_entry e ON e.kind = 'cash-drop' AND e.source = 'drop/' || d.key"
        " LEFT JOIN ledger_leg l ON l.entry_id = e.id AND l.amount > 0"
        " WHERE l.amount IS NULL OR l.amount <> d.amount_minor OR d.witness_key = s.cashier_key",
        "shift {0}: the drop of {1} is not booked so, or was seen by the cashier alone",
    ),
    Check(
        "banking.bags_are_booked",
        "I-04",
        "A bag is booked with what it says it holds, and its lines and explanations come to no more.",
        ("bank_batch", "bank_line", "bank_explanation", "ledger_entry", "ledger_leg"),
        "SELECT count(*) FROM bank_batch",
        "SELECT b.number, b.total_minor, x.booked FROM bank_batch b LEFT JOIN (SELECT e.source, sum(l.amount) AS booked"
        " FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id WHERE e.kind = 'bank-bag' AND l.amount > 0"
        " GROUP BY e.source) x ON x.source = 'bag/' || b.key WHERE x.booked IS NULL OR x.booked <> b.total_minor",
        "bag {0} says {1}, and {2} is booked",
    ),
    Check(
        "refunds.are_booked",
        "I-04",
        "A refund is booked once, with its amount, out of what was the customer's.",
        ("refund", "ledger_entry", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM refund",
        "SELECT r.number, r.amount_minor FROM refund r WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e"
        " JOIN ledger_leg l ON l.entry_id = e.id JOIN ledger_account a ON a.id = l.account_id WHERE e.kind = 'refund'"
        " AND e.source = 'refund/' || r.request AND a.path = r.source AND l.amount = r.amount_minor)",
        "refund {0} of {1} is not in the books",
    ),
)

"""What must hold in the books: I-01 (balance), I-02 (append only, reversals), I-03 (floors), closed periods."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime

from vending.auditor.check import Books, Check

LEGS = "SELECT count(*) FROM ledger_leg"
ENTRIES = "SELECT count(*) FROM ledger_entry"
ACCOUNTS = "SELECT count(*) FROM ledger_account"


def _fingerprints(books: Books) -> list[str]:
    """Each entry carries a hash of its legs; it is computed again from the legs that are there now."""
    legs: dict[int, list[str]] = defaultdict(list)
    for entry, path, unit, amount in books.rows(
        "SELECT l.entry_id, a.path, l.unit, l.amount FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
    ):
        legs[entry].append(f"{path} {unit} {amount}")
    return [
        f"entry {entry} ({kind} of {source}): its legs are not those that were posted"
        for entry, kind, source, fingerprint in books.rows(
            "SELECT id, kind, source, fingerprint FROM ledger_entry ORDER BY id"
        )
        if hashlib.sha256("\n".join(sorted(legs[entry])).encode()).hexdigest()[:32] != fingerprint
    ]


def _periods(books: Books) -> list[str]:
    """The trial balance of each closed period, summed again, must give the digest that was kept."""
    faults = []
    for closes_at, digest in books.rows("SELECT closes_at, digest FROM ledger_period ORDER BY closes_at"):
        lines = sorted(
            f"{path} {unit} {int(debits)} {int(credits)}\n"
            for path, unit, debits, credits in books.rows(
                "SELECT a.path, l.unit, sum(CASE WHEN l.amount > 0 THEN l.amount ELSE 0 END),"
                " sum(CASE WHEN l.amount < 0 THEN -l.amount ELSE 0 END)"
                " FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
                " JOIN ledger_entry e ON e.id = l.entry_id WHERE e.posted_at < :closes_at GROUP BY a.path, l.unit",
                closes_at=closes_at,
            )
        )
        if hashlib.sha256("".join(lines).encode()).hexdigest() != digest:
            moment = closes_at if isinstance(closes_at, str) else _utc(closes_at)
            faults.append(f"the period closed at {moment} no longer has the balances it was closed with")
    return faults


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


CHECKS = (
    Check(
        "ledger.entries_balance",
        "I-01",
        "Every entry sums to zero in every unit.",
        ("ledger_leg", "ledger_entry"),
        ENTRIES,
        "SELECT entry_id, unit, sum(amount) FROM ledger_leg GROUP BY entry_id, unit HAVING sum(amount) <> 0 ORDER BY entry_id",
        "entry {0} is {2} {1} away from zero",
    ),
    Check(
        "ledger.books_balance",
        "I-01",
        "All accounts together hold nothing, in every unit.",
        ("ledger_leg",),
        LEGS,
        "SELECT unit, sum(amount) FROM ledger_leg GROUP BY unit HAVING sum(amount) <> 0",
        "the books are {1} {0} away from zero",
    ),
    Check(
        "ledger.entries_complete",
        "I-01",
        "Every entry has the number of legs it was posted with, and every leg has its entry.",
        ("ledger_leg", "ledger_entry"),
        LEGS,
        # Two halves instead of a full join, which SQLite works out by comparing each with each.
        "SELECT e.id, e.legs, coalesce(l.legs, 0) FROM ledger_entry e LEFT JOIN"
        " (SELECT entry_id, count(*) AS legs FROM ledger_leg GROUP BY entry_id) l ON l.entry_id = e.id"
        " WHERE l.legs IS NULL OR e.legs <> l.legs"
        " UNION ALL SELECT l.entry_id, 0, count(*) FROM ledger_leg l LEFT JOIN ledger_entry e ON e.id = l.entry_id"
        " WHERE e.id IS NULL GROUP BY l.entry_id",
        "entry {0} was posted with {1} legs and has {2}",
    ),
    Check(
        "ledger.entries_unchanged",
        "I-02",
        "The legs of every entry are those that were posted.",
        ("ledger_leg", "ledger_entry", "ledger_account"),
        ENTRIES,
        _fingerprints,
    ),
    Check(
        "ledger.reversals_mirror",
        "I-02",
        "A reversal names an earlier entry and takes back exactly its legs, once.",
        ("ledger_leg", "ledger_entry"),
        "SELECT count(*) FROM ledger_entry WHERE reverses IS NOT NULL",
        "SELECT e.id, e.reverses FROM ledger_entry e WHERE e.reverses IS NOT NULL AND (e.reverses >= e.id"
        " OR (SELECT count(*) FROM ledger_entry x WHERE x.reverses = e.reverses) > 1"
        " OR EXISTS (SELECT 1 FROM ledger_leg l WHERE l.entry_id IN (e.id, e.reverses)"
        " GROUP BY l.account_id, l.unit HAVING sum(l.amount) <> 0))",
        "entry {0} does not take back exactly entry {1}",
    ),
    Check(
        "ledger.floors",
        "I-03",
        "No account is below its floor, what is set aside included.",
        ("ledger_leg", "ledger_account", "ledger_bound", "ledger_hold", "ledger_hold_end"),
        "SELECT count(*) FROM ledger_account a WHERE a.floor IS NOT NULL"
        " OR EXISTS (SELECT 1 FROM ledger_bound b WHERE b.account_id = a.id)",
        "SELECT s.path, s.unit, s.balance - s.held, s.floor FROM (SELECT a.path, l.unit, a.sign * sum(l.amount) AS balance,"
        " coalesce((SELECT sum(h.amount) FROM ledger_hold h LEFT JOIN ledger_hold_end d ON d.hold_id = h.id"
        "  WHERE h.account_id = a.id AND h.unit = l.unit AND d.hold_id IS NULL), 0) AS held,"
        " CASE WHEN EXISTS (SELECT 1 FROM ledger_bound b WHERE b.account_id = a.id AND b.unit = l.unit)"
        "  THEN (SELECT b.floor FROM ledger_bound b WHERE b.account_id = a.id AND b.unit = l.unit) ELSE a.floor END AS floor"
        " FROM ledger_account a JOIN ledger_leg l ON l.account_id = a.id GROUP BY a.id, a.path, a.sign, a.floor, l.unit) s"
        " WHERE s.floor IS NOT NULL AND s.balance - s.held < s.floor ORDER BY s.path",
        "{0} has {2} {1} free, below its floor of {3}",
    ),
    Check(
        "ledger.accounts_in_place",
        "I-01",
        "Every account grows to the side of its kind, and holds money or energy as its path says.",
        ("ledger_leg", "ledger_account"),
        ACCOUNTS,
        "SELECT DISTINCT a.path, a.kind, coalesce(l.unit, '-') FROM ledger_account a"
        " LEFT JOIN ledger_leg l ON l.account_id = a.id WHERE"
        " a.sign <> CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END"
        " OR a.kind NOT IN ('asset', 'expense', 'liability', 'income', 'equity')"
        " OR (l.unit IS NOT NULL AND (a.path LIKE 'energy/%') <> (l.unit = lower(l.unit)))",
        "{0} ({1}) stands on the wrong side or holds {2}",
    ),
    Check(
        "ledger.snapshots",
        "I-01",
        "Every snapshot is the sum of the legs up to its entry.",
        ("ledger_leg", "ledger_snapshot", "ledger_account"),
        "SELECT count(*) FROM ledger_snapshot",
        "SELECT a.path, s.unit, s.through_entry FROM ledger_snapshot s JOIN ledger_account a ON a.id = s.account_id"
        " WHERE s.amount <> (SELECT coalesce(sum(l.amount), 0) FROM ledger_leg l"
        "  WHERE l.account_id = s.account_id AND l.unit = s.unit AND l.entry_id <= s.through_entry)",
        "the snapshot of {0} in {1} through entry {2} is not the sum of its legs",
    ),
    Check(
        "ledger.sources_once",
        "I-05",
        "One act is posted once: kind and source are unique.",
        ("ledger_entry",),
        ENTRIES,
        "SELECT kind, source, count(*) FROM ledger_entry GROUP BY kind, source HAVING count(*) > 1",
        "{0} of {1} is posted {2} times",
    ),
    Check(
        "ledger.periods",
        "I-02",
        "Closed periods have the balances they were closed with.",
        ("ledger_leg", "ledger_entry", "ledger_account", "ledger_period"),
        "SELECT count(*) FROM ledger_period",
        _periods,
    ),
    Check(
        "ledger.holds_end",
        "I-30",
        "Everything set aside longer than a day has come to its end.",
        ("ledger_hold", "ledger_hold_end"),
        "SELECT count(*) FROM ledger_hold",
        "SELECT h.source, h.amount, h.unit FROM ledger_hold h LEFT JOIN ledger_hold_end d ON d.hold_id = h.id"
        " WHERE d.hold_id IS NULL AND h.placed_at < :yesterday",
        "{0} still holds {1} {2} after more than a day",
    ),
)

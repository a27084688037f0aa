"""What must hold between orders, tokens, payments and the books: I-04 to I-08, I-11, I-21."""

from __future__ import annotations

from vending.auditor.check import Check

VENDS = "SELECT count(*) FROM vend"
TOKENS = "SELECT count(*) FROM token"

CHECKS = (
    Check(
        "sales.issued_have_tokens",
        "I-11",
        "An order that gave tokens has one for each request that was not refused; no other order has one.",
        ("vend", "token_request", "token_refusal", "token"),
        VENDS,
        "SELECT v.order_id, v.state, coalesce(r.asked, 0), coalesce(r.refused, 0), coalesce(t.given, 0) FROM vend v"
        " LEFT JOIN (SELECT q.order_id, count(*) AS asked, count(f.part_id) AS refused FROM token_request q"
        "  LEFT JOIN token_refusal f ON f.part_id = q.part_id GROUP BY q.order_id) r ON r.order_id = v.order_id"
        " LEFT JOIN (SELECT order_id, count(DISTINCT part_id) AS given FROM token GROUP BY order_id) t ON t.order_id = v.order_id"
        " WHERE coalesce(t.given, 0) <> CASE WHEN v.state IN ('issued', 'partly', 'reversed')"
        " THEN coalesce(r.asked, 0) - coalesce(r.refused, 0) ELSE 0 END"
        " OR (v.state = 'issued' AND coalesce(r.refused, 0) > 0) OR (v.state = 'partly' AND coalesce(r.refused, 0) = 0)"
        " OR (v.state = 'refused' AND coalesce(r.refused, 0) <> coalesce(r.asked, 0))"
        " OR (v.kind NOT IN ('account', 'charge') AND coalesce(r.asked, 0) = 0)"
        " OR (v.kind IN ('account', 'charge') AND coalesce(r.asked, 0) > 0)",
        "order {0} is {1}: {2} tokens asked for, {3} refused, {4} there",
    ),
    Check(
        "sales.tokens_answer_requests",
        "I-10",
        "Every token answers a request of its own order, of its kind and amount.",
        ("token_request", "token"),
        TOKENS,
        "SELECT t.id, t.part_id FROM token t LEFT JOIN token_request q ON q.part_id = t.part_id"
        " WHERE q.part_id IS NULL OR q.order_id <> t.order_id OR q.kind <> t.kind"
        " OR coalesce(q.units, 0) <> coalesce(t.units, 0)",
        "token row {0} is not what was asked for as {1}",
    ),
    Check(
        "sales.tokens_have_orders",
        "I-06",
        "Every token belongs to an order for its own meter.",
        ("vend", "token"),
        TOKENS,
        "SELECT t.id, t.order_id FROM token t LEFT JOIN vend v ON v.order_id = t.order_id"
        " WHERE v.order_id IS NULL OR coalesce(v.pan, '') <> t.pan",
        "token row {0} does not belong to the meter of order {1}",
    ),
    Check(
        "sales.tokens_carry_what_was_sold",
        "I-05",
        "The energy on an order's tokens is what it sold and what it gave free.",
        ("vend", "token"),
        "SELECT count(*) FROM vend WHERE state IN ('issued', 'partly', 'reversed')",
        "SELECT v.order_id, v.units, coalesce(t.sold, 0), v.free_units, coalesce(t.free, 0) FROM vend v"
        " LEFT JOIN (SELECT order_id, sum(CASE WHEN kind = 'credit' THEN units END) AS sold,"
        "  sum(CASE WHEN kind IN ('allowance', 'free-issue', 'replacement') THEN units END) AS free"
        "  FROM token GROUP BY order_id) t ON t.order_id = v.order_id"
        " WHERE v.state IN ('issued', 'partly', 'reversed')"
        " AND (v.units <> coalesce(t.sold, 0) OR v.free_units <> coalesce(t.free, 0))",
        "order {0} sold {1} and its tokens carry {2}; it gave {3} free and its tokens carry {4}",
    ),
    Check(
        "sales.minutes_rise",
        "I-08",
        "A meter's tokens have rising minutes in the order of the log, never the reserved 00:01.",
        ("token",),
        TOKENS,
        "SELECT pan, sequence, absolute_minute FROM (SELECT pan, log, sequence, absolute_minute,"
        " lag(absolute_minute) OVER (PARTITION BY pan, log ORDER BY sequence, position) AS earlier FROM token"
        " WHERE absolute_minute IS NOT NULL) o WHERE absolute_minute <= earlier OR absolute_minute % 1440 = 1",
        "meter {0}, log number {1}: the minute {2} does not rise, or is reserved",
    ),
    Check(
        "sales.paid_before_issued",
        "I-06",
        "What was issued was paid: the payments of a sale are its total, and its orders add up to no more.",
        ("sale", "vend", "payment"),
        "SELECT count(*) FROM sale",
        "SELECT s.key, s.total_minor, p.paid, v.asked FROM sale s"
        " LEFT JOIN (SELECT sale_key, sum(amount_minor) AS paid, sum(rounding_minor) AS rounded FROM payment"
        "  GROUP BY sale_key) p ON p.sale_key = s.key"
        " LEFT JOIN (SELECT sale_key, sum(paid_minor) AS asked FROM vend GROUP BY sale_key) v ON v.sale_key = s.key"
        " WHERE coalesce(v.asked, 0) <> s.total_minor OR coalesce(p.paid, 0) - coalesce(p.rounded, 0) <> s.total_minor",
        "sale {0}: total {1}, paid {2}, orders {3}",
    ),
    Check(
        "sales.energy_is_booked",
        "I-07",
        "Every order that gave energy is in the books with exactly its energy, and nothing else is there as given.",
        ("vend", "ledger_entry", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM vend WHERE state IN ('issued', 'partly', 'reversed')",
        # Both sides into one heap and summed up: a full join is worked out by SQLite by comparing each with each.
        "SELECT source, sum(sold), sum(booked_sold), sum(free), sum(booked_free) FROM"
        " (SELECT 'order/' || order_id AS source, units AS sold, 0 AS booked_sold, free_units AS free, 0 AS booked_free"
        "  FROM vend WHERE state IN ('issued', 'partly', 'reversed')"
        "  UNION ALL SELECT e.source, 0, CASE WHEN a.path LIKE 'energy/sold/%' THEN -l.amount ELSE 0 END, 0,"
        "  CASE WHEN a.path LIKE 'energy/sold/%' THEN 0 ELSE -l.amount END"
        "  FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id JOIN ledger_account a ON a.id = l.account_id"
        "  WHERE e.kind IN ('vend', 'free-issue', 'replacement') AND (a.path LIKE 'energy/sold/%'"
        "  OR a.path LIKE 'energy/free/%' OR a.path LIKE 'energy/replaced/%')) b"
        " GROUP BY source HAVING sum(sold) <> sum(booked_sold) OR sum(free) <> sum(booked_free)",
        "{0}: {1} sold, {2} of it in the books; {3} free, {4} of it in the books",
    ),
    Check(
        "sales.settled_as_planned",
        "I-04",
        "What an order took from the customer is what it was paid with: its entry empties what was held for it.",
        ("vend", "ledger_entry", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM vend WHERE state NOT IN ('asked', 'withdrawn', 'paid') AND paid_minor > 0",
        "SELECT v.order_id, v.paid_minor, coalesce(b.taken, 0) FROM vend v LEFT JOIN (SELECT e.source, sum(l.amount) AS taken"
        "  FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id JOIN ledger_account a ON a.id = l.account_id"
        "  WHERE a.path LIKE 'held/%' AND e.source LIKE 'order/%' GROUP BY e.source) b ON b.source = 'order/' || v.order_id"
        " WHERE v.state NOT IN ('asked', 'withdrawn', 'paid') AND v.paid_minor <> coalesce(b.taken, 0)",
        "order {0} was paid with {1}, and its entry took {2}",
    ),
    Check(
        "sales.allowance_once",
        "rules 16",
        "A claim of free units belongs to an order that gave them or may still, and stands once a month.",
        ("allowance_claim", "vend"),
        "SELECT count(*) FROM allowance_claim",
        "SELECT c.entitlement, c.month, count(*) FROM allowance_claim c LEFT JOIN vend v ON v.order_id = c.order_id"
        " WHERE c.given_back_at IS NULL GROUP BY c.entitlement, c.month"
        " HAVING count(*) > 1 OR min(CASE WHEN v.state = 'paid' OR (v.state IN ('issued', 'partly', 'reversed') AND v.free_units > 0)"
        " THEN 1 ELSE 0 END) = 0",
        "the free units of {0} in {1} are claimed {2} times, or by an order that did not give them",
    ),
    Check(
        "sales.key_changes_have_tokens",
        "I-15",
        "A key change has its whole set of two to four tokens, and its meter's key data switch on confirmation.",
        ("key_change", "token", "vend"),
        "SELECT count(*) FROM key_change",
        "SELECT k.order_id, k.state, count(t.id) FROM key_change k LEFT JOIN token t ON t.order_id = k.order_id"
        " AND t.kind = 'key-change' GROUP BY k.order_id, k.state, k.ended_at"
        " HAVING count(t.id) NOT BETWEEN 2 AND 4 OR (k.state = 'released') <> (k.ended_at IS NULL)",
        "key change {0} is {1} and has {2} tokens",
    ),
    Check(
        "sales.held_is_open",
        "I-04",
        "What is held for customers is what their open orders were paid with.",
        ("vend", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM ledger_account WHERE path LIKE 'held/%'",
        "SELECT h.path, h.unit, h.held, coalesce(o.paid, 0) FROM (SELECT a.path, l.unit, -sum(l.amount) AS held"
        " FROM ledger_account a JOIN ledger_leg l ON l.account_id = a.id WHERE a.path LIKE 'held/%' GROUP BY a.path, l.unit) h"
        " LEFT JOIN (SELECT 'held/' || tenant_key AS path, currency, sum(paid_minor) AS paid FROM vend WHERE state = 'paid'"
        " GROUP BY tenant_key, currency) o ON o.path = h.path AND o.currency = h.unit WHERE h.held <> coalesce(o.paid, 0)",
        "{0} holds {2} {1}, but open orders were paid with {3}",
    ),
    Check(
        "sales.acts_were_agreed",
        "I-06",
        "A token without money belongs to an act that the module accepted from two people; a meter test needs nobody.",
        ("vend", "token_act", "token_request", "approval_request", "audit_entry"),
        "SELECT count(*) FROM token_act",
        "SELECT v.order_id, v.kind FROM vend v LEFT JOIN token_act a ON a.order_id = v.order_id"
        " LEFT JOIN approval_request r ON r.key = a.approval_key"
        " LEFT JOIN token_request q ON q.order_id = v.order_id AND CAST(q.asked AS TEXT) LIKE '%meter-test%'"
        " WHERE v.kind IN ('free-issue', 'replacement', 'engineering', 'key-change')"
        " AND v.state NOT IN ('asked', 'withdrawn') AND q.part_id IS NULL"
        " AND (r.key IS NULL OR r.state <> 'used' OR coalesce(v.approval, '') <> r.act_id)"
        # Taken in from the log after a restore: the act was lost with the rest, and the log names the one that it was given for.
        " AND NOT (coalesce(v.approval, '') <> '' AND EXISTS (SELECT 1 FROM audit_entry x WHERE x.act = 'order.adopted'"
        " AND x.subject = 'sale:' || v.sale_key))",
        "{1} {0} was issued without an act of two people",
    ),
    Check(
        "sales.reversals_have_evidence",
        "I-14",
        "A reversal was cancelled in the module (A), or agreed to by two people, with the meter's proof (B) or without (C); its order says so.",
        ("reversal", "vend", "approval_request"),
        "SELECT count(*) FROM reversal",
        "SELECT x.order_id, x.way, coalesce(v.state, 'missing') FROM reversal x LEFT JOIN vend v ON v.order_id = x.of_order"
        " LEFT JOIN approval_request r ON r.key = x.approval_key WHERE x.state = 'done' AND ("
        " (x.way = 'cancelled' AND coalesce(v.state, '') <> 'cancelled')"
        " OR (x.way <> 'cancelled' AND coalesce(v.state, '') <> 'reversed')"
        " OR (x.way = 'proved' AND CAST(x.evidence AS TEXT) NOT LIKE '%\"proof\"%')"
        " OR (x.way <> 'cancelled' AND (r.key IS NULL OR r.state <> 'used' OR r.act <> 'sale-reversal'))"
        " OR x.credit_note IS NULL OR x.decided_at IS NULL)"
        " UNION ALL SELECT v.order_id, 'no', v.state FROM vend v WHERE v.state IN ('reversed', 'cancelled')"
        " AND NOT EXISTS (SELECT 1 FROM reversal x WHERE x.of_order = v.order_id AND x.state = 'done')",
        "reversal {0} ({1}): its evidence or its order does not bear it; the order is {2}",
    ),
    Check(
        "sales.reversals_are_booked",
        "I-04",
        "What a reversal gives back is in the books once, kept for the customer.",
        ("reversal", "ledger_entry", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM reversal WHERE state = 'done' AND way = 'agreed' AND book_as <> 'entry'",
        "SELECT x.order_id, x.amount_minor, coalesce(b.kept, 0) FROM reversal x LEFT JOIN (SELECT e.source, -sum(l.amount) AS kept"
        "  FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id JOIN ledger_account a ON a.id = l.account_id"
        "  WHERE e.kind = 'sale-reversed' AND (a.path LIKE 'kept/%' OR a.path LIKE 'seller/%') GROUP BY e.source) b ON b.source = 'reversal/' || x.order_id"
        " WHERE (x.state = 'done' AND x.way = 'agreed' AND x.book_as <> 'entry' AND x.amount_minor <> coalesce(b.kept, 0))"
        " OR (x.state <> 'done' AND b.kept IS NOT NULL)",
        "reversal {0} gives back {1}, and the books say {2}",
    ),
    Check(
        "sales.decided_once",
        "I-21",
        "A decided order says when; an open one does not.",
        ("vend",),
        VENDS,
        "SELECT order_id, state FROM vend WHERE (state IN ('asked', 'paid')) <> (decided_at IS NULL)"
        " OR state NOT IN ('asked', 'withdrawn', 'paid', 'issued', 'partly', 'cancelled', 'refused', 'reversed')"
        " OR decided_at < paid_at",
        "order {0} is {1} without following the way from paid",
    ),
    Check(
        "sales.tariffs_were_public",
        "I-04",
        "Every order was priced by a version that was published before it.",
        ("vend", "tariff_version", "tariff_publication"),
        VENDS,
        "SELECT v.order_id, v.tariff_version FROM vend v WHERE v.tariff_version <> '' AND NOT EXISTS (SELECT 1 FROM tariff_version t"
        " JOIN tariff_publication p ON p.version_id = t.id WHERE t.code || ' version ' || t.number = v.tariff_version"
        " AND p.published_at <= v.paid_at)",
        "order {0} was priced by {1}, which was not public then",
    ),
)

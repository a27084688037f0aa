"""What must hold between orders, tokens, payments and the books: I-04 to I-08, I-11, I-21."""

from __future__ import annotations

from vending.auditor.check import Check

VENDS = "SELECT count(*) FROM vend"
TOKENS = "SELECT count(*) FROM token"

CHECKS = (
    Check(
        "sales.issued_have_tokens",
        "I-11",
        "An issued order has a token, and no other order has one.",
        ("vend", "token"),
        VENDS,
        "SELECT v.order_id, v.state, count(t.id) FROM vend v LEFT JOIN token t ON t.order_id = v.order_id"
        " GROUP BY v.order_id, v.state HAVING (v.state = 'issued') <> (count(t.id) > 0)",
        "order {0} is {1} and has {2} tokens",
    ),
    Check(
        "sales.tokens_have_orders",
        "I-06",
        "Every token belongs to an order for its own meter.",
        ("vend", "token"),
        TOKENS,
        "SELECT t.id, t.order_id FROM token t LEFT JOIN vend v ON v.order_id = t.order_id"
        " WHERE v.order_id IS NULL OR v.pan <> t.pan",
        "token row {0} does not belong to the meter of order {1}",
    ),
    Check(
        "sales.tokens_carry_what_was_sold",
        "I-05",
        "The energy on an order's credit tokens is the energy that was sold.",
        ("vend", "token"),
        "SELECT count(*) FROM vend WHERE state = 'issued'",
        "SELECT v.order_id, v.units, sum(t.units) FROM vend v JOIN token t ON t.order_id = v.order_id AND t.kind = 'credit'"
        " GROUP BY v.order_id, v.units HAVING sum(t.units) <> v.units",
        "order {0} sold {1} and its tokens carry {2}",
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
        "Every issued order is in the books with exactly its energy, and nothing else is there as sold.",
        ("vend", "ledger_entry", "ledger_leg", "ledger_account"),
        "SELECT count(*) FROM vend WHERE state = 'issued'",
        "SELECT coalesce(v.source, b.source), coalesce(v.units, 0), coalesce(b.units, 0) FROM"
        " (SELECT 'order/' || order_id AS source, units FROM vend WHERE state = 'issued') v FULL OUTER JOIN"
        " (SELECT e.source, -sum(l.amount) AS units FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id"
        "  JOIN ledger_account a ON a.id = l.account_id WHERE e.kind = 'vend' AND a.path LIKE 'energy/sold/%'"
        "  GROUP BY e.source) b ON b.source = v.source WHERE v.units IS NULL OR b.units IS NULL OR v.units <> b.units",
        "{0}: {1} issued, {2} in the books",
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
        "sales.decided_once",
        "I-21",
        "A decided order says when; an open one does not.",
        ("vend",),
        VENDS,
        "SELECT order_id, state FROM vend WHERE (state = 'paid') <> (decided_at IS NULL)"
        " OR state NOT IN ('paid', 'issued', 'cancelled', 'refused') OR decided_at < paid_at",
        "order {0} is {1} without following the way from paid",
    ),
    Check(
        "sales.tariffs_were_public",
        "I-04",
        "Every order was priced by a version that was published before it.",
        ("vend", "tariff_version", "tariff_publication"),
        VENDS,
        "SELECT v.order_id, v.tariff_version FROM vend v WHERE NOT EXISTS (SELECT 1 FROM tariff_version t"
        " JOIN tariff_publication p ON p.version_id = t.id WHERE t.code || ' version ' || t.number = v.tariff_version"
        " AND p.published_at <= v.paid_at)",
        "order {0} was priced by {1}, which was not public then",
    ),
)

"""What must hold when tenants leave and meters are swapped: two people, and facts that follow."""

from __future__ import annotations

from vending.auditor.check import Check

CHECKS = (
    Check(
        "occupancy.moved_out",
        "I-17",
        "Who moved out by an act has no lease any more, and two people agreed.",
        ("move_out", "lease", "approval_request"),
        "SELECT count(*) FROM move_out",
        "SELECT o.key, o.lease_key FROM move_out o LEFT JOIN lease l ON l.key = o.lease_key"
        " LEFT JOIN approval_request r ON r.key = o.approval_key WHERE o.state = 'done'"
        " AND (l.ended_at IS NULL OR r.state <> 'used' OR r.act <> 'move-out' OR r.key IS NULL OR o.done_at IS NULL)",
        "move out {0}: the lease {1} goes on, or nobody agreed",
    ),
    Check(
        "occupancy.swapped",
        "rules 15",
        "A swapped meter is off the wall, two people agreed, and its replaced credit has an order of exactly that sum.",
        ("meter_swap", "meter", "vend", "approval_request"),
        "SELECT count(*) FROM meter_swap",
        "SELECT s.key, s.old_meter, s.units, coalesce(v.free_units, 0) FROM meter_swap s"
        " LEFT JOIN meter m ON m.key = s.old_meter LEFT JOIN vend v ON v.order_id = s.order_id"
        " LEFT JOIN approval_request r ON r.key = s.approval_key WHERE s.state = 'done' AND (m.state <> 'removed'"
        " OR m.key IS NULL OR r.key IS NULL OR r.state <> 'used' OR r.act <> 'meter-swap'"
        " OR (s.units > 0 AND (v.order_id IS NULL OR (v.state NOT IN ('refused', 'partly', 'withdrawn')"
        " AND v.free_units <> s.units))))",
        "swap {0}: meter {1} hangs on, nobody agreed, or {2} replaced and {3} ordered",
    ),
)

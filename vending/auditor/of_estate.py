"""What must hold in the estate: numbers that check, key data with its history, one tenant to a space, no ring of circuits."""

from __future__ import annotations

from vending.auditor.check import Books, Check

METERS = "SELECT count(*) FROM meter"


def _numbers(books: Books) -> list[str]:
    return [
        f"meter {pan}: its number does not check"
        for pan, drn in books.rows("SELECT pan, drn FROM meter ORDER BY pan")
        if not _checks(pan) or len(pan) != 18 or not pan[:-1].endswith(drn)
    ]


def _checks(digits: str) -> bool:
    """Luhn: every second digit from the right counts double, digits of a product are added; the sum ends in zero."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        if not digit.isdigit():
            return False
        value = int(digit) * (1 + place % 2)
        total += value // 10 + value % 10
    return bool(digits) and total % 10 == 0


def _circuits(books: Books) -> list[str]:
    parents = dict(books.rows("SELECT key, parent_key FROM circuit"))
    faults = []
    for key in parents:
        seen = {key}
        above = parents[key]
        while above is not None and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above is not None:
            faults.append(f"circuit {key} is above itself")
    return faults


CHECKS = (
    Check(
        "estate.numbers",
        "rules 18",
        "Every meter number is 18 digits that check and contains its decoder reference.",
        ("meter",),
        METERS,
        _numbers,
    ),
    Check(
        "estate.key_data",
        "I-15",
        "The key data of every meter is the last one of its history.",
        ("meter", "meter_key_data"),
        METERS,
        "SELECT m.pan, coalesce(h.sgc, 'none'), coalesce(h.krn, 0) FROM meter m LEFT JOIN meter_key_data h ON h.meter_key = m.key"
        " AND h.id = (SELECT max(x.id) FROM meter_key_data x WHERE x.meter_key = m.key)"
        " WHERE h.id IS NULL OR m.ea <> h.ea OR m.tct <> h.tct OR m.dkga <> h.dkga OR m.sgc <> h.sgc OR m.krn <> h.krn"
        " OR m.ti <> h.ti OR m.key_type <> h.key_type OR m.ken <> h.ken OR m.base_date <> h.base_date",
        "meter {0} does not have the key data its history ends with (supply group {1}, revision {2})",
    ),
    Check(
        "estate.one_tenant_a_space",
        "I-25",
        "No space is let twice at the same time.",
        ("lease",),
        "SELECT count(*) FROM lease",
        "SELECT a.space_key, a.key, b.key FROM lease a JOIN lease b ON b.space_key = a.space_key AND b.id > a.id"
        " WHERE a.ended_at IS NULL AND b.ended_at IS NULL AND (a.ends_on IS NULL OR b.starts_on < a.ends_on)"
        " AND (b.ends_on IS NULL OR a.starts_on < b.ends_on)",
        "space {0} is let twice, by the leases {1} and {2}",
    ),
    Check(
        "estate.sites_agree",
        "I-25",
        "A lease, its space and its tenant belong to one site.",
        ("lease", "space", "tenant"),
        "SELECT count(*) FROM lease",
        "SELECT l.key FROM lease l JOIN space s ON s.key = l.space_key JOIN tenant t ON t.key = l.tenant_key"
        " WHERE s.site_key <> l.site_key OR t.site_key <> l.site_key",
        "lease {0} joins a space or tenant of another site",
    ),
    Check(
        "estate.circuits",
        "rules 7",
        "No circuit is above itself.",
        ("circuit",),
        "SELECT count(*) FROM circuit",
        _circuits,
    ),
)

"""Sample contexts of a shift, from the float to the deposit, and of the person who decides."""

from __future__ import annotations

from look.samples.frames import SUPERVISOR, Sample

from vending.web import charts, glass

COUNT = {
    "currency": "R",
    "total": "4,835.50",
    "rows": [
        {"name": f"count-{minor}", "label": label, "minor": minor, "number": number, "sum": total}
        for label, minor, number, total in (
            ("R 200 note", 20000, "14", "2,800.00"),
            ("R 100 note", 10000, "12", "1,200.00"),
            ("R 50 note", 5000, "11", "550.00"),
            ("R 20 note", 2000, "8", "160.00"),
            ("R 10 note", 1000, "7", "70.00"),
            ("R 5 coin", 500, "6", "30.00"),
            ("R 2 coin", 200, "9", "18.00"),
            ("R 1 coin", 100, "5", "5.00"),
            ("50 c coin", 50, "5", "2.50"),
        )
    ],
}


SHIFT = {"till": "Till 3", "person": "Thandi M.", "opened": "07:58", "sales": 41}


MONEY = [{"label": "What"}, {"label": "Amount", "end": True}]


def close(step: int) -> Sample:
    return "cashier/shifts/close.html", {
        "step": step,
        "shift": SHIFT,
        "count": COUNT,
        "tenders": [
            {
                "name": "slips-card",
                "label": "Card slips",
                "value": "1,240.00",
                "hint": "The sum on the terminal's own report.",
            }
        ]
        if step == 1
        else [{"label": "Cash", "counted": "R 4,835.50"}, {"label": "Card slips", "counted": "R 1,240.00"}],
        "recounted": False,
        "result": [
            {
                "tender": "Cash",
                "counted": "4,835.50",
                "expected": "4,855.50",
                "text": "R 20.00 short",
                "state": "now",
            },
            {
                "tender": "Card slips",
                "counted": "1,240.00",
                "expected": "1,240.00",
                "text": "fits",
                "state": "on",
            },
        ],
        "reason": {"needed": step == 3, "value": "", "error": ""},
        "supervisor": {
            "text": "Differences above R 10.00 are decided by a supervisor. You may go home; the shift waits."
        }
        if step == 3
        else None,
        "slip": {"bag": "", "amount": "4,335.50"} if step == 3 else None,
        "urls": {"act": "/shift", "back": "/cashier/", "recount": "/shift?step=1"},
    }


def pages() -> dict[str, Sample]:
    return {
        "shift-open": (
            "cashier/shifts/open.html",
            {
                "shift": {"till": "Till 3", "person": "Thandi M.", "relief": ""},
                "drawers": [{"value": "d1", "label": "Drawer 3a"}],
                "drawer": "d1",
                "count": COUNT | {"total": "500.00"},
                "urls": {"act": "/shift", "back": "/"},
            },
        ),
        "shift-close-1": close(1),
        "shift-close-2": close(2),
        "shift-close-3": close(3),
        "shift-decide": (
            "supervisor/shift.html",
            {
                "frame": SUPERVISOR | {"menu": [{"label": "Shifts", "url": "/s", "current": True}]},
                "page": {
                    "title": "Shift of Thandi M., Friday",
                    "crumbs": [{"label": "Shifts", "url": "/s"}],
                    "facts": ["Till 3", "07:58 to 15:40", "41 sales"],
                    "lamp": {"state": "now", "text": "R 20.00 short"},
                },
                "result": [
                    {
                        "tender": "Cash",
                        "counted": "4,835.50",
                        "expected": "4,855.50",
                        "text": "R 20.00 short",
                        "state": "now",
                    },
                    {
                        "tender": "Card slips",
                        "counted": "1,240.00",
                        "expected": "1,240.00",
                        "text": "fits",
                        "state": "on",
                    },
                ],
                "counts": [["R 20 note", "8", "8"]],
                "reason": "I gave one customer a 20 too much, I think at 11:00.",
                "history": {
                    "svg": charts.bars(
                        [("Mon", 0), ("Tue", 5), ("Wed", 0), ("Thu", 0), ("Fri", 20)],
                        today=4,
                        label="Differences of the last five shifts: 0, 5, 0, 0 and 20 rand.",
                    ),
                    "title": "Differences of the last five shifts",
                    "note": "R",
                    "columns": MONEY,
                    "rows": [["Fri", "20.00"]],
                },
                "moves": [["12:10", "To the safe", "Thandi M., S. Pillay", "3,000.00"]],
                "decision": {
                    "action": "/d",
                    "options": [
                        {"value": "book", "label": "Book as short"},
                        {"value": "charge", "label": "Charge to the cashier"},
                    ],
                    "chosen": "book",
                },
            },
        ),
        "shift-watched": (
            "supervisor/shift.html",
            {
                "frame": SUPERVISOR | {"menu": [{"label": "Shifts", "url": "/s", "current": True}]},
                "page": {
                    "title": "Shift N3-S00118 of Thandi M.",
                    "crumbs": [{"label": "Shifts", "url": "/s"}],
                    "facts": ["Till N3", "07:58 to now", "41 payments"],
                    "lamp": {"state": "on", "text": "open"},
                    "actions": [
                        {"label": "Reading with sums (X)", "url": "/x", "post": True},
                        {"label": "Count and close it for the cashier", "url": "/c"},
                    ],
                },
                "result": [],
                "payments": [["Cash", "31"], ["Card", "10"]],
                "moves": [["12:10", "To the safe", "Thandi M., S. Pillay", "3,000.00"]],
                "decision": None,
            },
        ),
        "shift-forgotten": (
            "supervisor/counting.html",
            {
                "frame": SUPERVISOR,
                "page": {
                    "title": "Close the shift of Thandi M.",
                    "intro": "Count the whole drawer, float included.",
                },
                "count": COUNT,
                "count_title": "Cash in the drawer",
                "tenders": [
                    {
                        "name": "sum-card",
                        "label": "Card slips",
                        "value": "",
                        "hint": "The sum on the report.",
                        "error": "",
                    }
                ],
                "shifts": [
                    {"value": "s1", "label": "N3-S00118, Thandi M.: takings R 4,335.50", "checked": True},
                    {"value": "s2", "label": "N4-S00071, Joseph K.: takings R 1,200.00", "checked": False},
                ],
                "field_one": {
                    "name": "reason",
                    "label": "Why",
                    "value": "",
                    "hint": "",
                    "error": "Say why.",
                    "long": True,
                },
                "submit": "Count it and close the shift",
                "refused": "",
                "urls": {"act": "/c", "back": "/s"},
            },
        ),
        "bag": (
            "supervisor/bag.html",
            {
                "frame": SUPERVISOR,
                "page": {
                    "title": "Bag D-00118",
                    "facts": ["Seal B-2207", "packed by S. Pillay", "N3-S00118"],
                    "lamp": {"state": "now", "text": "difference open"},
                    "actions": [{"label": "Deposit slip", "url": "/d"}],
                },
                "ways": [
                    ["Cash", "4,335.50", "4,325.50", "", {"text": "10.00", "lamp": "half"}],
                    ["Card", "1,240.00", "1,240.00", "", {"text": "0.00", "lamp": "on"}],
                ],
                "lines": [["21 Nov 2026", "Cash", "DEP 0091", "S. Pillay", "4,325.50"]],
                "explained": [],
                "match": {
                    "action": "/m",
                    "ways": [{"value": "cash", "label": "Cash"}],
                    "way": "cash",
                    "amount": "",
                    "reference": "x",
                    "day": "2026-11-21",
                    "errors": {
                        "reference": "This line of the bank belongs to a bag already. A line is used once."
                    },
                    "currency": "R",
                },
                "explain": {
                    "action": "/e",
                    "ways": [{"value": "cash", "label": "Cash"}],
                    "reason": "",
                    "error": "",
                },
                "refused": "",
            },
        ),
        "shift-now": (
            "cashier/shifts/shift.html",
            {
                "shift": SHIFT | {"drawer": "Drawer 3a"},
                "figures_list": [
                    {"label": "Payments", "value": "41"},
                    {"label": "To the safe", "value": "3,000.00", "before": "R"},
                ],
                "tenders": [["Cash", "31"], ["Card", "10"]],
                "limit": {
                    "title": "Limit of this till",
                    "drawing": glass.scale(
                        top=20000,
                        major=5000,
                        unit="R",
                        parts=[(0, 14000, "dry", "")],
                        steps=[(20000, "limit")],
                        label="About 7 tenths of what this drawer may hold.",
                    ),
                    "text": "About 7 tenths of what this drawer may hold.",
                },
                "moves": [["12:10", "To the safe", "Thandi M., S. Pillay", "3,000.00"]],
                "urls": {"drop": "/d", "relief": "/r", "close": "/c", "back": "/cashier/", "print": "/p"},
            },
        ),
        "shift-drop": (
            "cashier/shifts/drop.html",
            {
                "shift": SHIFT,
                "count": COUNT,
                "witnesses": [{"value": "p", "label": "S. Pillay"}],
                "witness": "p",
                "bag": {"value": "B-2207"},
                "urls": {"act": "/d", "back": "/"},
            },
        ),
        "shift-relief": (
            "cashier/shifts/open.html",
            {
                "shift": {"till": "Till 3", "person": "Joseph K.", "relief": "Thandi M."},
                "drawers": [{"value": "b", "label": "Drawer 3b"}, {"value": "c", "label": "Drawer 3c"}],
                "drawer": "b",
                "float": {"value": "500.00", "currency": "R", "hint": "Usual float: R 500.00"},
                "witnesses": [{"value": "", "label": "Choose"}, {"value": "p", "label": "S. Pillay"}],
                "witness": "p",
                "witness_error": "The second person's PIN or password is not right. Let him type it again.",
                "forgotten": {"text": "Your shift of Wednesday at Till 1 was never closed.", "url": "/s/3"},
                "urls": {"act": "/o", "back": "/"},
            },
        ),
    }

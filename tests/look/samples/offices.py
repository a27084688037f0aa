"""Samples of the offices' own pages: rooms, one's account, budgets, secrets shown once, lists brought in, tariff files, sheets."""

from __future__ import annotations

from look.samples.frames import MANAGER, SUPERVISOR, Sample
from markupsafe import Markup

from vending.web import charts, glass

FAULTS = [
    ["C7", "area", "0", "A unit's area is above zero. Type its square metres."],
    ["D12", "number", "0701 4482 371", "The check digit does not fit. Is 0701 4482 317 meant?"],
]


def budget() -> Sample:
    return "supervisor/budget.html", {
        "frame": SUPERVISOR,
        "page": {"title": "Budget", "intro": "The module issues no more than two people have agreed to."},
        "warnings": ["The budget for electricity ends today at about 15:00."],
        "budgets": [
            {
                "id": "b1",
                "title": "Supply group 600217, electricity",
                "lamp": {"state": "half", "text": "24 % left"},
                "svg": glass.scale(
                    top=40000,
                    major=10000,
                    unit="kWh",
                    parts=[(0, 9600, "liquid", "9,600 kWh left")],
                    steps=[(4000, "10 %"), (10000, "25 %"), (20000, "50 %")],
                    number=lambda value: f"{value:,.0f}",
                    label="9,600 of 40,000 kWh are left.",
                ),
                "sentence": "At the pace of the last seven days it ends on 26 Nov 2026, 15:00.",
                "facts": ["since 1 Nov 2026, 06:00", "expires 1 Dec 2026, 06:00"],
                "forecast": {
                    "svg": charts.line(
                        [(0, 9600)],
                        soon=[(0, 9600), (6, 0)],
                        band=[(0, 9600, 9600), (6, 0, 1800)],
                        crossing=(6, "26 Nov 15:00"),
                        span=(0, 7),
                        label="From 9,600 now it falls to nothing on 26 November at 15:00.",
                    ),
                    "note": "at the pace of seven days",
                    "columns": [{"label": "When"}, {"label": "Left", "end": True}],
                    "rows": [["20 Nov", "9,600"], ["26 Nov", "0"]],
                },
                "act": {"label": "Ask for more", "url": "/more"},
            }
        ],
        "rest": [
            [
                "Supply group 600217, free issues",
                "20 acts",
                "1 Dec 2026",
                {"text": "Ask for more", "url": "/m"},
            ]
        ],
        "nothing": {"title": "", "text": "", "action": "", "url": ""},
        "ask_url": "/open",
    }


def account() -> Sample:
    urls = ("begin", "add", "confirm", "password", "pin", "code", "code_confirm")
    return "access/account.html", {
        "frame": MANAGER,
        "page": {"title": "Your account", "facts": ["P. Naidoo", "naidoo", "manager"]},
        "passkeys": [
            {"label": "My telephone", "text": "added 1 Nov 2026, last used today", "remove_url": "/remove"}
        ],
        "confirmed": False,
        "has_code": False,
        "has_pin": True,
        "secret": "otpauth://totp/Northgate:naidoo?secret=ABCDEFGHIJKLMNOP",
        "secret_qr": Markup(
            '<svg viewBox="0 0 10 10" role="img" aria-label="Code"><path d="M1 1h8v8h-8z"/></svg>'
        ),
        "refused": "That code does not fit.",
        "refused_field": "code",
        "urls": {name: f"/{name}" for name in urls},
    }


def pages() -> dict[str, Sample]:
    crumbs = [{"label": "Estate", "url": "/estate"}, {"label": "Bring in a list"}]
    return {
        "budget": budget(),
        "budget-empty": (
            "supervisor/budget.html",
            {
                "frame": SUPERVISOR,
                "page": {"title": "Budget", "intro": ""},
                "warnings": [],
                "budgets": [],
                "rest": [],
                "ask_url": "",
                "nothing": {
                    "title": "No budget is open",
                    "text": "Without one the module issues no token.",
                    "action": "",
                    "url": "",
                },
            },
        ),
        "account": account(),
        "rooms": (
            "rooms.html",
            {
                "frame": MANAGER,
                "page": {"title": "Your rooms", "facts": ["P. Naidoo", "manager"], "intro": ""},
                "lines": [
                    {"label": "Live", "url": "/live", "detail": "The building now, and what needs you."}
                ],
                "account_url": "/account",
                "nothing": "",
            },
        ),
        "once": (
            "manager/once.html",
            {
                "frame": MANAGER,
                "page": {"title": "Add a person", "facts": []},
                "sentence": "Sizwe Dube can sign in as sizwe.",
                "label": "First password, shown this once",
                "secret": "4f1a-09bc-77d2-e310",
                "then": "A second manager decides on the role.",
                "url": "/people",
            },
        ),
        "import": (
            "manager/import.html",
            {
                "frame": MANAGER,
                "page": {
                    "title": "Bring in a list",
                    "crumbs": crumbs,
                    "intro": "First a dry run, then all or nothing.",
                },
                "form": {
                    "action": "/import",
                    "kinds": [{"value": "units", "label": "units"}, {"value": "meters", "label": "meters"}],
                    "kind": "units",
                    "error": "Choose a file that ends in .csv or .xlsx.",
                    "error_field": "file",
                },
                "lists": [
                    {"title": "Units", "columns": [["unit", "The unit's name, such as G-12.", "needed"]]}
                ],
            },
        ),
        "import-faults": (
            "manager/import_result.html",
            {
                "frame": MANAGER,
                "page": {
                    "title": "Dry run",
                    "crumbs": crumbs,
                    "facts": ["units", "148 rows"],
                    "lamp": {"state": "now", "text": "2 cells do not fit"},
                },
                "columns": [
                    {"label": "Cell"},
                    {"label": "Column"},
                    {"label": "It says"},
                    {"label": "What is wrong"},
                ],
                "rows": FAULTS,
                "more": "",
                "run": None,
                "again": "/import",
            },
        ),
        "tariff-draft": (
            "manager/tariff_draft.html",
            {
                "frame": MANAGER,
                "page": {"title": "Bring in a version", "crumbs": crumbs, "intro": "It becomes a draft."},
                "form": {"action": "/draft", "text": 'code = "shops"', "error": "Line 3: a rate is missing."},
            },
        ),
        "sheets": (
            "manager/sheets.html",
            {
                "frame": MANAGER,
                "page": {"title": "Key-change sheets", "crumbs": crumbs, "facts": ["1 sheet"]},
                "sheets": [
                    {
                        "unit": "G-14",
                        "tenant": "Karoo Coffee Roasters",
                        "meter": "0701 4482 317",
                        "from": "600217 · 1",
                        "to": "600217 · 2",
                        "krn": 2,
                        "tokens": [
                            {"title": "Key change, token 1", "digits": "12345678901234567890"},
                            {"title": "Key change, token 2", "digits": "09876543210987654321"},
                        ],
                    }
                ],
            },
        ),
    }

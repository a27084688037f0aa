"""Sample contexts of those who watch over it: key manager, approver, engineer, auditor, and the page for everyone."""

from __future__ import annotations

import math

from look.samples.building import TIMELINE
from look.samples.frames import SUPERVISOR, Sample, office
from look.samples.papers import slip
from look.samples.sale import BASKET
from markupsafe import Markup

from vending.web import charts, glass


def keys() -> Sample:
    past = [(day, 40000 - 1450 * day - 300 * math.sin(day)) for day in range(13)]
    soon = [(day, max(0.0, 40000 - 1450 * day)) for day in range(13, 28)]
    band = [
        (
            day,
            max(0.0, 40000 - 1450 * day - 260 * (day - 12)),
            max(0.0, 40000 - 1450 * day + 260 * (day - 12)),
        )
        for day in range(12, 28)
    ]
    return "keys/keys.html", {
        "frame": office(
            "M. Botha, key manager", "Keys", ["Keys", "Budgets", "Log", "Approvals"], "The module is open"
        )
        | {"test_keys": True},
        "page": {
            "title": "Keys and budgets",
            "facts": ["Northgate Mall", "two supply groups"],
            "actions": [{"label": "Ask for a refill", "url": "/refill"}],
        },
        "budgets": [
            {
                "title": "Supply group 600217, electricity",
                "lamp": {"state": "on", "text": "61 %, lasts until Thu 26 Nov 15:00"},
                "svg": glass.scale(
                    top=40000,
                    major=10000,
                    unit="kWh",
                    parts=[(0, 24400, "liquid", "24,400 kWh left")],
                    steps=[(4000, "10 %"), (10000, "25 %"), (20000, "50 %")],
                    number=lambda value: f"{value:,.0f}",
                    label="24,400 of 40,000 kWh are left in the budget. Warnings come at 50, 25 and 10 %.",
                ),
                "sentence": "The budget ends on Thursday 26 November at about 15:00. The next refill is approved for Friday 27 November; bring it forward by a day.",
                "act": {"label": "Bring the refill forward", "url": "/refill/1"},
                "forecast": {
                    "svg": charts.line(
                        past,
                        soon=soon,
                        band=band,
                        marks=[(20000, "20,000"), (40000, "40,000 kWh")],
                        names=[(0, "8 Nov"), (12, "today"), (27, "5 Dec")],
                        crossing=(26.8, "Thu 26 Nov 15:00"),
                        span=(0, 30),
                        label="The budget falls from 40,000 kWh on 8 November to about 24,400 today and meets zero on Thursday 26 November at about 15:00.",
                    ),
                    "note": "8 days in 10",
                    "columns": [{"label": "Day"}, {"label": "kWh left", "end": True}],
                    "rows": [["8 Nov", "40,000"], ["20 Nov", "24,400"]],
                },
                "refill": {
                    "text": "Refill of 40,000 kWh, from Friday 27 November 06:00",
                    "url": "/a/9",
                    "approvers": [
                        {"name": "P. Naidoo", "state": "on", "text": "signed Wed 16:10"},
                        {"name": "L. Khumalo", "state": "off", "text": "not yet"},
                    ],
                },
            }
        ],
        "keys": [
            [
                "600217",
                "2",
                "unique",
                {"text": "31 Jan 2027", "lamp": "half", "sub": "in 72 days"},
                "146",
                {"text": "4A 1F 09"},
            ],
            [
                "600217",
                "1",
                "unique",
                {"text": "expired 31 Jan 2026", "sub": "key changes only"},
                "2",
                "C3 77 B2",
            ],
            ["990400", "1", "default, test", "never", "0", "00 9D E4"],
        ],
        "horizon": None,
        "log": {
            "pairs_list": [
                ("Entries", "88,214"),
                ("Head", Markup('<span class="mono">7f3c 09ab 55e1 c0d2</span>')),
                ("Countersigned", "10:44, by the office in Polokwane"),
            ],
            "url": "/log",
        },
        "module": {
            "pairs_list": [
                ("State", "open since 06:58, unlocked by two people"),
                ("Clock", "right, 0.2 s from the network"),
                ("Free issue today", "0 of 5 tokens"),
            ]
        },
    }


def pages() -> dict[str, Sample]:
    return {
        "keys": keys(),
        "approvals": (
            "supervisor/approvals.html",
            {
                "frame": SUPERVISOR,
                "page": {"title": "Approvals", "intro": ""},
                "acts": [
                    {
                        "id": "1",
                        "sentence": "Thandi M. asks to give back R 500.00 to Sizwe Pharmacy.",
                        "why": "Sold for the wrong meter. The slip was not handed over; the customer stands here.",
                        "waits": "waits 12 min",
                        "state": "half",
                        "before": [
                            ("Token", "not entered, meter last read 10:20"),
                            ("Cash in drawer", "R 4,855.50"),
                        ],
                        "after": [
                            ("Token", "stays valid on meter 0701 4482 399"),
                            ("Owed by", "nobody; booked to debt if entered"),
                        ],
                        "evidence": [
                            {"text": "Sale N3-004815, 10:36", "url": "/v/2"},
                            {"text": "Photo of the slip", "url": "/f/1"},
                        ],
                        "approvers": [{"name": "S. Pillay", "state": "off", "text": "you"}],
                        "passkey": True,
                        "challenge_url": "/c/1",
                        "approve_url": "/a/1",
                        "reject_url": "/r/1",
                        "approve_label": "Give back R 500.00",
                    },
                    {
                        "id": "2",
                        "sentence": "S. Pillay asks to raise the limit of Till 3 to R 30,000.00.",
                        "why": "Month end.",
                        "waits": "waits 2 h",
                        "state": "half",
                        "own": True,
                        "before": [("Limit", "R 20,000.00")],
                        "after": [("Limit", "R 30,000.00 until 1 December")],
                    },
                ],
                "decided": [
                    {
                        "state": "on",
                        "sentence": "Clear-tamper token for F-11 Toy Box",
                        "who": "P. Naidoo",
                        "at": "09:12",
                    }
                ],
            },
        ),
        "approvals-empty": (
            "supervisor/approvals.html",
            {"frame": SUPERVISOR, "page": {"title": "Approvals", "intro": ""}, "acts": [], "decided": []},
        ),
        "engineer": (
            "engineer/work.html",
            {
                "frame": office("K. Dube, engineer", "Work", ["Work", "Meters", "Visits"], "Line connected"),
                "page": {"title": "Your work today", "facts": ["Friday 20 November", "3 orders"]},
                "orders": [
                    {
                        "state": "now",
                        "title": "Cover opened at F-11 Toy Box",
                        "where": "Level 1, riser B, meter 0701 4482 411",
                        "detail": "Inspect, take a photo, then ask for the clear-tamper token.",
                        "due": "today",
                        "url": "/w/1",
                        "action": {"label": "Start", "url": "/w/1"},
                    },
                    {
                        "state": "half",
                        "title": "Commission G-16",
                        "where": "Ground, riser A",
                        "detail": "Scan the label first.",
                        "due": "tomorrow",
                        "url": "/w/2",
                    },
                ],
                "tokens": [
                    {
                        "title": "Clear tamper, F-11",
                        "detail": "For work order W-121, approved by P. Naidoo. Expires tonight.",
                        "digits": "30117745900213384471",
                        "state": "on",
                        "text": "released",
                    },
                    {
                        "title": "Power limit 8 kW, G-02",
                        "detail": "Work order W-119",
                        "digits": None,
                        "state": "half",
                        "text": "waits for approval",
                    },
                ],
                "visit": {
                    "text": "Take a signed file with your orders and tokens, work with the meter command on your own computer, bring the result file back.",
                    "download_url": "/visit",
                    "upload_url": "/result",
                    "last": "Last result: Thursday 16:40, two orders closed.",
                },
            },
        ),
        "audit": (
            "auditor/audit.html",
            {
                "frame": office(
                    "External auditor", "Proof", ["Proof", "Log", "Ledger", "People"], "Read only"
                ),
                "page": {"title": "Proof", "facts": ["read only", "1 to 20 November 2026"]},
                "checks": [
                    {
                        "state": "on",
                        "sentence": "Every token has its sale: 1,204 tokens, 1,204 postings, 1,204 log entries.",
                        "detail": "checked 10:40",
                        "url": "/h",
                    },
                    {
                        "state": "on",
                        "sentence": "The log is one unbroken chain of 88,214 entries.",
                        "detail": "head 7f3c 09ab",
                        "url": "/h",
                    },
                    {
                        "state": "half",
                        "sentence": "One head waits for its countersignature since 10:30.",
                        "detail": "",
                        "url": "/h",
                    },
                ],
                "heads": [
                    [
                        {"text": "20 Nov 10:40"},
                        "88,214",
                        Markup('<span class="mono">7f3c 09ab 55e1 c0d2</span>'),
                        "module",
                        {"text": "not yet", "lamp": "half"},
                    ],
                    [
                        "20 Nov 10:30",
                        "88,190",
                        Markup('<span class="mono">19b0 77d2 ac40 1103</span>'),
                        "module",
                        {"text": "office", "lamp": "on"},
                    ],
                ],
                "pack": {"action": "/pack", "from_value": "2026-11-01", "to_value": "2026-11-20"},
                "acts": {
                    "columns": [{"label": "When"}, {"label": "Who"}, {"label": "What"}, {"label": "Why"}],
                    "rows": [["09:12", "P. Naidoo", "approved a clear-tamper token", "inspection W-121"]],
                    "paging": None,
                },
            },
        ),
        "verify": (
            "verify/verify.html",
            {
                "frame": {"place": "", "person": None, "lamps": []},
                "form": {"action": "/verify"},
                "offline_url": "/verify/alone",
            },
        ),
        "verify-false": (
            "verify/verify.html",
            {
                "frame": {"place": "", "person": None, "lamps": []},
                "form": {"action": "/verify"},
                "answer": {
                    "state": "now",
                    "title": "This paper is not real, or was changed.",
                    "money": "The squares do not fit together: one of them was misread or altered.",
                    "content": [],
                    "steps": ["Keep the paper.", "Call the manager and say the number of the receipt."],
                    "proof": [("Log entry", "88,214")],
                },
            },
        ),
        "trouble": (
            "cashier/trouble.html",
            {
                "sale": {
                    "title": "Karoo Coffee Roasters, G-14",
                    "facts": ["427.6 kWh, 20 Nov 10:42"],
                    "url": "/v/1",
                },
                "shown": [{"value": v, "label": v} for v in ("REJECT", "USED", "OLD", "LOCKED")]
                + [{"value": "", "label": "I do not know"}],
                "chosen": "USED",
                "answer": {
                    "state": "half",
                    "cause": "This token is in the meter already.",
                    "steps": [
                        "Ask the customer to look at the credit: it should have risen by 427.6 kWh at 10:44.",
                        "If it did not rise, order a visit; nothing is lost.",
                    ],
                    "actions": [
                        {"label": "Show the newest token", "url": "/v/1", "next": True},
                        {"label": "Order a visit", "url": "/w/new", "post": True},
                    ],
                },
                "timeline_entries": TIMELINE,
                "urls": {"here": "/t", "back": "/v/1"},
            },
        ),
        "second": (
            "cashier/second.html",
            {
                "frame": {"lamps": [], "person": None},
                "state": "counting",
                "name": "Karoo Coffee Roasters, G-14",
                "lines": [
                    {"title": line["title"], "units": "427.6", "unit": "kWh", "amount": line["amount"]}
                    for line in BASKET["lines"]
                ],
                "total": "R 2,140.00",
                "change": "",
                "urls": {"here": "/look/second"},
            },
        ),
        "second-token": (
            "cashier/second.html",
            {
                "frame": {"lamps": [], "person": None},
                "state": "issued",
                "name": "Karoo Coffee Roasters, G-14",
                "lines": [{"title": "Electricity", "units": "427.6", "unit": "kWh", "amount": "1,500.00"}],
                "total": "R 1,500.00",
                "change": "R 60.00",
                "token_digits": slip("80")[1]["slip"].tokens[0].digits,
                "urls": {"here": "/look/second"},
            },
        ),
        "guide": (
            "guide.html",
            {
                "page": {"title": "For the cashier, on one page"},
                "body": Markup(
                    "<p>Sell in six seconds.</p><h2>Open your shift</h2><ol><li>Count the float.</li><li>Press Enter.</li></ol>"
                ),
                "others": [
                    {"label": "Cashier", "url": "/h/c", "current": True},
                    {"label": "Supervisor", "url": "/h/s"},
                ],
            },
        ),
    }

"""Sample contexts of the offices: manager, supervisor, key manager, engineer, auditor, and the page for everyone."""

from __future__ import annotations

import math
from typing import Any

from look.samples import BASKET, COUNT, QUOTE, SCALE, SHIFT, Sample, slip, till
from markupsafe import Markup

from vending.web import charts, glass

WORDS = ["Live", "Tenants", "Tariffs", "Money", "Reports"]


def office(
    place: str, current: str = "", words: list[str] | None = None, lamp: str = "148 of 148 meters answer"
) -> dict[str, Any]:
    return {
        "place": place,
        "menu": [
            {"label": word, "url": f"/{word.lower()}", "current": word == current} for word in words or WORDS
        ],
        "lamps": [{"state": "on", "text": lamp}],
        "person": {"name": place.split(",")[0], "since": ""},
        "clock": "10:45",
    }


MANAGER = office("P. Naidoo, manager", "Live")


def rack() -> dict[str, Any]:
    floors = []
    for name, letter, broad in (
        ("Level 2", "S", {1: "Cinema Nova"}),
        ("Level 1", "F", {2: "Blue Lagoon"}),
        ("Ground", "G", {1: "Fresh Basket"}),
    ):
        units = []
        for number in range(1, 17):
            share = 0.35 + 0.6 * abs(math.sin(number * 1.7 + len(name)))
            state = "ok"
            if (letter, number) in (("S", 7), ("F", 5), ("G", 12)):
                state, share = "low", 0.08
            if (letter, number) in (("S", 11), ("G", 15)):
                state = "off"
            if (letter, number) in (("S", 14), ("F", 15)):
                state = "vacant"
            units.append(
                {
                    "label": f"{letter}-{number:02d}",
                    "name": broad.get(number, ""),
                    "broad": number in broad,
                    "share": share,
                    "state": state,
                    "url": f"/units/{letter}-{number:02d}",
                    "days": {
                        "ok": f"{round(share * 14)} days of credit",
                        "low": "under 2 days of credit",
                        "off": "supply off",
                        "vacant": "vacant",
                    }[state],
                }
            )
        floors.append({"name": name, "units": units})
    return {
        "floors": floors,
        "folded": "31 units with more than 7 days are folded away.",
        "unfold_url": "/live?all=1",
    }


def power() -> dict[str, Any]:
    hours = range(44)
    layers = [
        ("Air conditioning", [130 + 350 / (1 + math.exp(-(h - 34) / 3)) for h in hours], "484 kW"),
        ("Light", [55 + 190 / (1 + math.exp(-(h - 34) / 3)) for h in hours], "244 kW"),
        ("Kitchens", [30 + 130 / (1 + math.exp(-(h - 36) / 3)) for h in hours], "162 kW"),
        ("Sockets", [25 + 110 / (1 + math.exp(-(h - 36) / 3)) for h in hours], "135 kW"),
    ]
    soon = [980 + 150 * math.sin((h - 44) / 16) - (0 if h < 76 else (h - 76) * 42) for h in range(44, 96)]
    return {
        "svg": charts.stacked(
            layers,
            slots=96,
            expected=soon,
            band=[(v * 0.94, v * 1.06) for v in soon],
            now="now 1,026 kW",
            marks=[(400, "400"), (800, "800"), (1200, "1,200 kW")],
            names=[(0, "00:00"), (24, "06:00"), (48, "12:00"), (72, "18:00"), (95, "24:00")],
            said_of_expected="expected, 8 days in 10",
            label="Power today. It is 1,026 kW now, of which 484 kW are air conditioning. About 1,130 kW are expected at 15:00.",
        ),
        "note": "",
        "csv": "/live.csv",
        "columns": [{"label": "Time"}, {"label": "kW", "end": True}],
        "rows": [["09:00", "742"], ["10:00", "961"], ["10:45", "1,026"]],
    }


def live(**changes: Any) -> Sample:
    return "manager/live.html", {
        "frame": MANAGER,
        "at": "10:45",
        "figures_list": [
            {"label": "Building now", "value": "1,026", "unit": "kW"},
            {"label": "Sold today", "value": "61,480", "before": "R"},
            {"label": "Prepaid, held for tenants", "value": "412,880", "before": "R"},
            {"label": "Owed by tenants", "value": "18,204", "before": "R"},
            {"label": "Lost between feeder and meters", "value": "1.8", "unit": "%"},
        ],
        "rack": rack(),
        "power": power(),
        "needs": {
            "note": "6 of 46 units",
            "items_list": [
                {
                    "state": "now",
                    "who": "S-11 Nail Studio",
                    "why": "Off since 07:14. Nothing bought for 9 days.",
                    "verb": "Call",
                    "url": "/u/1",
                },
                {
                    "state": "now",
                    "who": "G-15 Kiosk Four",
                    "why": "Cut by hand on Tuesday for cable works.",
                    "verb": "Restore",
                    "url": "/u/2",
                    "post": True,
                },
                {
                    "state": "half",
                    "who": "S-07 Karoo store",
                    "why": "Token of 10:42 not entered. 9 kWh left.",
                    "verb": "Remind",
                    "url": "/u/3",
                    "post": True,
                },
                {
                    "state": "half",
                    "who": "F-11 Toy Box",
                    "why": "Used 3 times its normal night load.",
                    "verb": "Inspect",
                    "url": "/u/4",
                },
            ],
        },
        "users": {
            "note": "7 days, kWh yesterday",
            "items_list": [
                {"name": name, "url": "/t/1", "value": value, "spark": charts.sparkline(series)}
                for name, value, series in (
                    ("Fresh Basket", "6,204", [5, 6, 5, 7, 9, 8, 9]),
                    ("Cinema Nova", "2,911", [4, 4, 4, 5, 7, 9, 8]),
                    ("Nova Gym", "702", [3, 4, 4, 3, 5, 7, 6]),
                )
            ],
        },
        "plan": {
            "title": "Public areas, November",
            "note": "2.6 MWh under plan",
            "svg": glass.scale(
                top=70,
                major=10,
                unit="MWh",
                parts=[(0, 41.2, "glass-3", "41.2 MWh")],
                steps=[(43.8, "plan to today 43.8")],
                label="Public areas have used 41.2 MWh in November; the plan to today is 43.8 MWh of 70 MWh.",
            ),
        },
    } | changes


TIMELINE = [
    {"day": "Today, Friday 20 November"},
    {
        "at": "10:44:52",
        "state": "on",
        "what": "Token accepted, 427.6 kWh added",
        "detail": "4927 … 3359, key revision 2",
        "value": "513.9 kWh",
        "url": "/v/1",
    },
    {
        "at": "10:42:51",
        "state": "off",
        "what": "Sold 427.6 kWh for R 1,500.00",
        "detail": "Till 3, Thandi M., receipt N3-004817",
        "value": "",
        "url": "/v/1",
    },
    {
        "at": "10:41:07",
        "state": "now",
        "what": "Token refused: USED",
        "detail": "This token was entered on 13 Nov at 09:12.",
        "value": "86.3 kWh",
    },
    {"gap": "No reading for 6 h, from 00:10 to 06:10"},
    {"day": "Thursday 19 November"},
    {
        "at": "16:20",
        "state": "off",
        "what": "Visit: cover closed and sealed",
        "detail": "K. Dube, work order W-118, two photos",
        "value": "",
        "url": "/w/118",
    },
    {
        "at": "08:02",
        "state": "half",
        "what": "Cover opened",
        "detail": "reported by the meter",
        "value": "132.0 kWh",
    },
]
MONEY = [{"label": "What"}, {"label": "Amount", "end": True}]


def record() -> Sample:
    days = [
        ("7 Nov", 42),
        ("", 44),
        ("", 47),
        ("", 41),
        ("", 36),
        ("", 26),
        ("", 44),
        ("", 46),
        ("", 48),
        ("", 42),
        ("", 40),
        ("", 35),
        ("", 27),
        ("today", 14),
    ]
    return "manager/record.html", {
        "frame": office("P. Naidoo, manager", "Tenants"),
        "page": {
            "title": "Meter 0701 4482 317",
            "crumbs": [
                {"label": "Northgate Mall", "url": "/estate"},
                {"label": "Ground", "url": "/estate/g"},
                {"label": "G-14", "url": ""},
            ],
            "facts": ["Karoo Coffee Roasters", "Electricity, mains", "60 A direct", "keypad"],
            "lamp": {"state": "on", "text": "Supply on"},
            "actions": [
                {"label": "Order a visit", "url": "/w/new"},
                {"label": "Swap the meter", "url": "/swap"},
            ],
        },
        "glance": {
            "svg": glass.ampoule(513.9, label="513.9 kWh in the meter"),
            "value": "513.9",
            "unit": "kWh",
            "text": "Lasts until Tuesday 1 December, at 44 kWh a day.",
        },
        "figures_list": [
            {"label": "Bought in November", "value": "840.2", "unit": "kWh"},
            {"label": "Owed", "value": "1,134.60", "before": "R"},
            {"label": "Average day", "value": "44", "unit": "kWh"},
            {"label": "Register, total", "value": "18,204.7", "unit": "kWh"},
        ],
        "notices": [
            {
                "state": "half",
                "text": "The key of this meter expires on 31 January. It is in campaign C-4.",
                "url": "/c/4",
                "action": "Show the campaign",
            }
        ],
        "use": {
            "svg": charts.bars(
                days,
                today=13,
                average=(40, "average 40"),
                label="Use of the last 14 days, 40 kWh a day on average; 14 kWh today so far.",
            ),
            "title": "Last 14 days",
            "note": "kWh a day",
            "columns": [{"label": "Day"}, {"label": "kWh", "end": True}],
            "rows": [["7 Nov", "42"], ["20 Nov", "14"]],
            "csv": "/x.csv",
        },
        "parts": [
            {
                "title": "Keying",
                "note": "part of the meter's key",
                "pairs_list": [
                    ("Supply group", "600217"),
                    ("Key revision", "2"),
                    ("Tariff index", "01"),
                    ("Key expiry number", "255"),
                    ("Algorithm", "EA 11, DKGA 04"),
                ],
                "actions": [{"label": "Plan a key change", "url": "/k"}],
            },
            {
                "title": "Registers",
                "columns": [{"label": "Register"}, {"label": "Tariff"}, {"label": "Now", "end": True}],
                "rows": [
                    ["Mains", {"text": "Retail B", "url": "/t/b"}, "18,204.7 kWh"],
                    ["Generator", {"text": "Backup", "url": "/t/g"}, "312.4 kWh"],
                ],
            },
        ],
        "timeline_filters": [
            {"label": "All", "url": "?", "current": True},
            {"label": "Sales", "url": "?k=s"},
            {"label": "Readings", "url": "?k=r"},
            {"label": "People", "url": "?k=p"},
        ],
        "timeline_entries": TIMELINE,
        "paging": {"before": "", "after": "?page=2", "text": "8 of 214"},
    }


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


def offices() -> dict[str, Sample]:
    supervisor = office(
        "S. Pillay, supervisor", "Approvals", ["Approvals", "Shifts", "Sales"], "Ready to sell"
    )
    return {
        "live": live(),
        "live-quiet": live(needs={"note": "", "items_list": []}, power=None, users=None, plan=None),
        "record": record(),
        "keys": keys(),
        "list": (
            "list.html",
            {
                "frame": office("P. Naidoo, manager", "Reports"),
                "page": {
                    "title": "No purchase for 14 days",
                    "intro": "Units that used to buy and stopped. Each row can become an inspection order.",
                    "actions": [{"label": "Order inspections", "url": "/x", "post": True, "next": True}],
                },
                "figures_list": None,
                "filter": {
                    "action": "/r",
                    "search_label": "Unit, name or meter",
                    "search": "",
                    "choices": [
                        {
                            "name": "floor",
                            "label": "Level",
                            "options": [
                                {"value": "", "label": "All levels"},
                                {"value": "g", "label": "Ground"},
                            ],
                            "chosen": "",
                        }
                    ],
                    "dates": [{"name": "from", "label": "From", "value": "2026-11-01"}],
                },
                "drawing": {
                    "svg": charts.bars(
                        [("Mon", 3), ("Tue", 4), ("Wed", 2), ("Thu", 6), ("Fri", 5)],
                        label="Units without a purchase, by weekday.",
                    ),
                    "title": "By day",
                    "note": "units",
                    "columns": [{"label": "Day"}, {"label": "Units", "end": True}],
                    "rows": [["Mon", "3"]],
                    "csv": "",
                },
                "columns": [
                    {"label": "Unit", "sort_url": "?s=u", "sorted": "ascending"},
                    {"label": "Tenant"},
                    {"label": "Last purchase"},
                    {"label": "Usually a week", "end": True},
                    {"label": "Left", "end": True},
                ],
                "rows": [
                    [
                        {"text": "S-11", "url": "/u/1"},
                        {"text": "Nail Studio", "sub": "since March 2024"},
                        "11 Nov, R 200.00",
                        "74 kWh",
                        {"text": "0 kWh", "lamp": "now"},
                    ],
                    [{"text": "F-09", "url": "/u/2"}, "Optic House", "6 Nov, R 900.00", "310 kWh", "212 kWh"],
                ],
                "sums": ["2 units", "", "", "384 kWh", "212 kWh"],
                "caption": "Units without a purchase",
                "exported": [{"label": "CSV", "url": "?csv"}, {"label": "XLSX", "url": "?xlsx"}],
                "paging": {"before": "", "after": "?p=2", "text": "1 to 2 of 2"},
            },
        ),
        "list-empty": (
            "list.html",
            {
                "frame": office("P. Naidoo, manager", "Tenants"),
                "page": {"title": "Tenants", "intro": ""},
                "rows": [],
                "columns": [],
                "nothing": {
                    "title": "No tenant yet",
                    "text": "Tenants appear here with their units, their meters and what they owe. Start with one, or bring a list in from a spreadsheet.",
                    "action": "Add the first tenant",
                    "url": "/t/new",
                },
            },
        ),
        "form": (
            "form.html",
            {
                "frame": office("P. Naidoo, manager", "Tenants"),
                "page": {
                    "title": "Move a tenant in",
                    "crumbs": [{"label": "G-14", "url": "/u/g14"}],
                    "intro": "From the day you choose, sales of this unit go to this tenant.",
                },
                "form": {
                    "action": "/m",
                    "submit": "Move the tenant in",
                    "cancel": {"label": "Not now", "url": "/u"},
                    "warning": "Changing the tariff index changes the meter's key. The customer must type two more tokens first.",
                    "errors": [
                        {"field": "name", "text": "Write the tenant's name."},
                        {"field": "deposit", "text": "R -5 is not an amount. Write a number such as 500.00."},
                    ],
                    "fields": [
                        {
                            "name": "name",
                            "label": "Name on the receipt",
                            "value": "",
                            "error": "Write the tenant's name.",
                        },
                        {
                            "kind": "tel",
                            "name": "phone",
                            "label": "Phone for tokens and reminders",
                            "value": "082 555 0417",
                            "hint": "The token is also sent here.",
                        },
                        {"kind": "heading", "label": "Money"},
                        {
                            "kind": "money",
                            "name": "deposit",
                            "label": "Deposit",
                            "value": "-5",
                            "before": "R",
                            "error": "R -5 is not an amount. Write a number such as 500.00.",
                        },
                        {
                            "kind": "choose",
                            "name": "tariff",
                            "label": "Tariff",
                            "options": [
                                {"value": "b", "label": "Retail B"},
                                {"value": "a", "label": "Retail A"},
                            ],
                            "value": "b",
                        },
                        {
                            "kind": "segments",
                            "name": "pays",
                            "label": "Pays",
                            "options": [
                                {"value": "before", "label": "Before use"},
                                {"value": "after", "label": "By bill"},
                            ],
                            "value": "before",
                        },
                        {"kind": "date", "name": "from", "label": "From", "value": "2026-12-01"},
                        {
                            "kind": "tick",
                            "name": "company",
                            "label": "Wants a tax invoice with a tax number",
                            "checked": True,
                            "hint": "Needed above R 5,000.",
                        },
                        {"kind": "area", "name": "note", "label": "Note for colleagues", "value": ""},
                    ],
                },
                "aside": ["The vacant unit was blocked on 31 October; moving in opens it again."],
            },
        ),
        "estate": (
            "manager/estate.html",
            {
                "frame": office("P. Naidoo, manager", "Tenants"),
                "page": {
                    "title": "Northgate Mall",
                    "intro": "46 units, 148 meters",
                    "actions": [{"label": "Add a unit", "url": "/u/new"}],
                },
                "filter": {
                    "action": "/estate",
                    "search_label": "Unit, name, phone or meter number",
                    "search": "",
                },
                "nodes": [
                    {
                        "label": "Northgate Mall",
                        "detail": "46 units",
                        "url": "/s",
                        "open": True,
                        "children": [
                            {
                                "label": "Ground",
                                "detail": "16 units",
                                "url": "/g",
                                "open": True,
                                "children": [
                                    {
                                        "label": "G-14 Karoo Coffee Roasters",
                                        "detail": "2 meters",
                                        "url": "/u/g14",
                                        "lamp": "on",
                                    },
                                    {
                                        "label": "G-15 Kiosk Four",
                                        "detail": "1 meter, off",
                                        "url": "/u/g15",
                                        "lamp": "now",
                                    },
                                    {
                                        "label": "G-16",
                                        "detail": "vacant since 31 October",
                                        "url": "/u/g16",
                                        "lamp": "off",
                                    },
                                ],
                            },
                            {
                                "label": "Level 1",
                                "detail": "16 units",
                                "url": "/1",
                                "children": [{"label": "F-02 Blue Lagoon", "url": "/u/f02"}],
                            },
                        ],
                    }
                ],
                "detail": {
                    "title": "G-14 Karoo Coffee Roasters",
                    "facts": ["moved in 1 March 2024", "Retail B"],
                    "pairs_list": [
                        ("Electricity", "0701 4482 317, supply on"),
                        ("Water", "0800 1190 226"),
                        ("Owed", "R 1,134.60"),
                    ],
                    "actions": [{"label": "Open", "url": "/u"}, {"label": "Move out", "url": "/o"}],
                },
            },
        ),
        "estate-found": (
            "manager/estate.html",
            {
                "frame": office("P. Naidoo, manager", "Tenants"),
                "page": {"title": "Northgate Mall", "intro": ""},
                "filter": {
                    "action": "/estate",
                    "search_label": "Unit, name, phone or meter number",
                    "search": "karoo",
                },
                "found": {
                    "text": "2 meters fit “karoo”.",
                    "columns": [
                        {"label": "Unit"},
                        {"label": "Tenant"},
                        {"label": "Meter"},
                        {"label": "Left", "end": True},
                    ],
                    "rows": [
                        [
                            {"text": "G-14", "url": "/u"},
                            "Karoo Coffee Roasters",
                            "0701 4482 317",
                            "513.9 kWh",
                        ],
                        [
                            {"text": "S-07", "url": "/u"},
                            "Karoo Coffee Roasters",
                            "0701 4482 325",
                            {"text": "9 kWh", "lamp": "half"},
                        ],
                    ],
                },
            },
        ),
        "tariff": (
            "manager/tariff.html",
            {
                "frame": office("P. Naidoo, manager", "Tariffs"),
                "page": {
                    "title": "Retail B",
                    "crumbs": [{"label": "Tariffs", "url": "/tariffs"}],
                    "facts": ["Electricity, prepaid", "31 tenants"],
                    "lamp": {"state": "half", "text": "a draft waits"},
                },
                "versions": [
                    ["8", "not yet", {"text": "draft", "lamp": "half"}, "P. Naidoo wrote it"],
                    ["7", "1 July 2026", {"text": "in force", "lamp": "on"}, "L. Khumalo"],
                ],
                "rules": [
                    {"what": "Up to 500 kWh a month", "why": "tier 1", "rate": "R 2.2900 a kWh"},
                    {"what": "Above 500 kWh a month", "why": "tier 2", "rate": "R 2.7700 a kWh"},
                    {"what": "Service charge", "why": "once a week", "rate": "R 85.00"},
                ],
                "diff": {
                    "title": "Draft against version 7",
                    "rows": [
                        {"what": "Up to 500 kWh a month", "before": "2.1800", "after": "2.2900"},
                        {"what": "Above 500 kWh a month", "before": "2.6400", "after": "2.7700"},
                        {"what": "Winter levy", "before": "0.1000", "after": ""},
                    ],
                },
                "try_it": {
                    "action": "/tariffs/b",
                    "amount": "1,500.00",
                    "currency": "R",
                    "customers": [{"value": "1", "label": "Karoo Coffee Roasters, G-14"}],
                    "customer": "1",
                    "result": {**QUOTE, "before_total": "With version 7 the same money bought 427.6 kWh."},
                },
                "effect": {
                    "sentence": "On October's 612 sales the draft would have taken R 8,214 more, 4.6 % of the sales. Three tenants would have paid more than a tenth more.",
                    "columns": [{"label": "Change"}, {"label": "Tenants", "end": True}],
                    "rows": [["less", "2"], ["0 to 5 %", "18"]],
                    "svg": charts.bars(
                        [("less", 2), ("to 5 %", 18), ("to 10 %", 8), ("more", 3)],
                        every=1,
                        label="Change of cost for 31 tenants: 2 pay less, 18 up to 5 % more, 8 up to 10 % more, 3 more than that.",
                    ),
                },
                "publish": {
                    "action": "/p",
                    "from_value": "2026-12-01",
                    "warning": "",
                    "closed": "You wrote this draft, so someone else must publish it.",
                },
            },
        ),
        "campaign": (
            "manager/campaign.html",
            {
                "frame": office("P. Naidoo, manager", "Reports"),
                "page": {
                    "title": "Campaign C-4: to key revision 3",
                    "facts": ["Supply group 600217", "due 31 January"],
                    "actions": [
                        {"label": "Print the sheets", "url": "/p"},
                        {"label": "Route list", "url": "/r"},
                    ],
                },
                "progress": {
                    "svg": glass.scale(
                        top=146,
                        major=50,
                        parts=[(0, 61, "glass-2", "61 confirmed"), (61, 98, "glass-4", "37 handed over")],
                        label="61 of 146 meters are confirmed, 37 more have their tokens.",
                    ),
                    "text": "61 of 146 meters confirmed, 37 have their tokens.",
                },
                "stages": [
                    {
                        "name": name,
                        "number": number,
                        "note": note,
                        "meters": [
                            {"label": unit, "url": "/m", "detail": detail, "state": state}
                            for unit, detail, state in meters
                        ],
                        "more_url": "/all",
                    }
                    for name, number, note, meters in (
                        ("Planned", 40, "no tokens yet", [("G-02 Book Nook", "0701 4482 101", "")]),
                        ("Issued", 8, "tokens exist", [("G-03 Sole Trader", "issued Tuesday", "")]),
                        (
                            "Handed over",
                            37,
                            "on the customer's slip",
                            [("F-02 Blue Lagoon", "sold Wednesday", "half")],
                        ),
                        ("Confirmed", 61, "KRN 3 was read", [("G-14 Karoo", "display test Friday", "on")]),
                        ("Failed", 0, "", []),
                    )
                ],
            },
        ),
        "approvals": (
            "supervisor/approvals.html",
            {
                "frame": supervisor,
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
            {"frame": supervisor, "page": {"title": "Approvals", "intro": ""}, "acts": [], "decided": []},
        ),
        "shift-decide": (
            "supervisor/shift.html",
            {
                "frame": supervisor | {"menu": [{"label": "Shifts", "url": "/s", "current": True}]},
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
                        {"value": "recount", "label": "Count again"},
                    ],
                    "chosen": "book",
                },
            },
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
                    "money": "The fourth group does not fit the signature.",
                    "lines": [
                        ["Money", "R 1,500.00", "R 1,500.00", "on"],
                        ["Meter", "0701 4482 317", "0701 4482 317", "on"],
                        ["Token", "… 2017 …", "does not fit", "now"],
                    ],
                    "steps": ["Keep the paper.", "Call the manager and say the number of the receipt."],
                    "proof": [("Log entry", "88,214")],
                },
            },
        ),
        "shift-now": (
            "cashier/shifts/shift.html",
            {
                "shift": SHIFT | {"drawer": "Drawer 3a"},
                "figures_list": [
                    {"label": "Sold", "value": "18,420.00", "before": "R"},
                    {"label": "Tokens", "value": "44"},
                    {"label": "Given back", "value": "0.00", "before": "R"},
                ],
                "tenders": [["Cash", "12,180.00", "0.00", "3,000.00"], ["Card", "6,240.00", "0.00", ""]],
                "limit": {
                    "title": "Limit of this till",
                    "drawing": glass.scale(
                        top=20000,
                        major=5000,
                        unit="R",
                        parts=[(0, 15420, "dry", "R 15,420 taken")],
                        steps=[(20000, "limit")],
                        label="R 15,420 of R 20,000 are used.",
                    ),
                    "text": "R 4,580.00 more may be taken before cash must go to the safe.",
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
                "forgotten": {"text": "Your shift of Wednesday at Till 1 was never closed.", "url": "/s/3"},
                "urls": {"act": "/o", "back": "/"},
            },
        ),
        "deposit": (
            "cashier/shifts/deposit.html",
            {
                "slip": {
                    "number": "D-0118",
                    "bag": "B-2207",
                    "at": "20 Nov 2026 15:48",
                    "place": "Till 3, Northgate Mall",
                    "person": "Thandi M.",
                    "seller": "Northgate Energy (Pty) Ltd",
                    "account": "Bank account 62 1180 4471",
                    "rows": [
                        ["R 200 note", "14", "2,800.00"],
                        ["R 100 note", "12", "1,200.00"],
                        ["Card slips", "9", "1,240.00"],
                    ],
                    "total": "R 5,240.00",
                    "words": "",
                    "shifts": ["S-0412"],
                },
                "urls": {"back": "/"},
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
                "token_digits": slip("80")[1]["slip"]["tokens"][0]["digits"],
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
        "till-scale-full": (
            "cashier/till.html",
            {
                **till()[1],
                "scale": SCALE
                | {
                    "parts": [
                        (0, 980, "dry", "bought in November 980.0"),
                        (980, 1240, "liquid", "this sale 260 kWh"),
                    ],
                    "after": "1,240 after",
                },
            },
        ),
    }

"""Sample contexts of the manager's lists, forms, tree, tariffs and campaigns."""

from __future__ import annotations

from look.samples.frames import Sample, office
from look.samples.sale import QUOTE

from vending.web import charts, glass


def pages() -> dict[str, Sample]:
    return {
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
                    "first": "Look again",
                    "kept": {"seen": "0a1b"},
                    "before": [
                        {
                            "title": "Deposit and debts",
                            "note": "",
                            "pairs_list": [("Deposit held", "R 500.00"), ("Left for the tenant", "R 310.50")],
                            "text": "What is left is kept for the tenant.",
                        }
                    ],
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
        "act": (
            "manager/act.html",
            {
                "frame": office("P. Naidoo, manager", "Tenants"),
                "page": {
                    "title": "Move out of G-14",
                    "crumbs": [{"label": "G-14", "url": "/u/g14"}, {"label": "Move out of G-14", "url": ""}],
                    "facts": ["Nail Studio", "G-14"],
                    "lamp": {"state": "half", "text": "waits for the second person"},
                    "actions": [{"label": "Withdraw it", "url": "/w", "post": True}],
                },
                "parts": [
                    {
                        "title": "The act",
                        "note": "",
                        "pairs_list": [("Asked by", "P. Naidoo"), ("Why", "The lease ends")],
                        "text": "",
                    },
                    {
                        "title": "Tokens of this act",
                        "note": "",
                        "columns": [{"label": "Number"}, {"label": "State"}],
                        "rows": [[{"text": "ACT-14", "url": "/s/14"}, "waits for its signatures"]],
                        "text": "",
                    },
                ],
                "signs": ["The tenant", "For the building", "The second person"],
                "site": "Northgate Mall",
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
    }

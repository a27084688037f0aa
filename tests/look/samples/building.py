"""Sample contexts of the building now: the rack of levels, power today, one meter with its timeline."""

from __future__ import annotations

import math
from typing import Any

from look.samples.frames import MANAGER, Sample, office

from vending.web import charts, glass


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


def pages() -> dict[str, Sample]:
    return {
        "live": live(),
        "live-quiet": live(needs={"note": "", "items_list": []}, power=None, users=None, plan=None),
        "record": record(),
    }

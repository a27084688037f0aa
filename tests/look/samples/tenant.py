"""Sample contexts of the tenant's pages on a phone."""

from __future__ import annotations

from typing import Any

from look.samples.frames import Sample

from vending.web import charts

DAYS = [42, 44, 47, 41, 36, 26, 44, 46, 48, 42, 40, 35, 27, 14]
USE = {
    "svg": charts.bars(
        [
            ("7 Nov" if index == 0 else "today so far" if index == 13 else "", value)
            for index, value in enumerate(DAYS)
        ],
        today=13,
        average=(40, "40"),
        label="You used 40 kWh a day on average in the last 14 days, and 14 kWh today so far.",
    ),
    "title": "Last 14 days",
    "note": "kWh a day, average",
    "columns": [{"label": "Day"}, {"label": "kWh", "end": True}],
    "rows": [["7 Nov", "42"], ["20 Nov", "14"]],
}
LINES = [
    {"what": "Electricity", "why": "148.3 kWh × 2.64", "amount": "391.51"},
    {"what": "VAT 15 %", "why": "", "amount": "58.73"},
    {"what": "Arrears, 10 %", "why": "1,084.60 left after", "amount": "50.00"},
    {"what": "Kept for next time", "why": "", "amount": "0.05"},
    {"what": "Kept from last time", "why": "", "amount": "−0.29"},
]


def inside(current: str, title: str = "", back: str = "") -> dict[str, Any]:
    return {
        "frame": {"lamps": [], "place": "", "menu": [], "person": {"name": "Karoo Coffee", "since": ""}},
        "portal": {
            "unit": "G-14",
            "title": title,
            "back": back,
            "tabs": [
                {"label": one, "url": f"/{one.lower()}", "current": one == current}
                for one in ("Home", "Buy", "Use", "Bills")
            ],
        },
    }


def home(**changes: Any) -> Sample:
    return "portal/home.html", inside("Home") | {
        "credit": {
            "title": "Electricity left",
            "value": "513.9",
            "unit": "kWh",
            "number": 513.9,
            "read": "as last read 10:45",
            "lasts": "Tuesday 1 December",
            "pace": "at 44 kWh a day",
            "label": "513.9 kWh of electricity left",
        },
        "notice": None,
        "buy": {"url": "/buy", "label": "Buy electricity"},
        "use": USE,
        "last": {
            "digits": "49271035884620713359",
            "state": "on",
            "text": "entered",
            "line": "427.6 kWh for R 1,500.00, today at the desk",
            "url": "/token/1",
        },
    } | changes


def pages() -> dict[str, Sample]:
    paid = {
        "state": "issued",
        "title": "427.6 kWh for G-14",
        "facts": ["R 1,500.00", "today 10:42"],
        "token": "49271035884620713359",
        "units": "427.6",
        "unit": "kWh",
        "entered": {"state": "off", "text": "not entered yet"},
    }
    return {
        "portal-home": home(),
        "portal-off": home(
            credit={
                "title": "Electricity left",
                "value": "0.0",
                "unit": "kWh",
                "number": 0,
                "read": "as last read 10:45",
                "lasts": "",
                "pace": "",
                "label": "No electricity left",
            },
            notice={
                "state": "now",
                "text": "Supply is off because the credit is used up. It comes back within a minute of payment.",
            },
            services=[
                {"label": "Electricity", "url": "/", "current": True},
                {"label": "Water", "url": "/?water"},
            ],
            last=None,
        ),
        "portal-buy": (
            "portal/buy.html",
            inside("Buy", "Buy electricity", "/")
            | {
                "urls": {"act": "/look/portal-buy", "quote": "/look/portal-buy"},
                "buy": {
                    "order_id": "o-2",
                    "title": "Buy electricity",
                    "amounts": [
                        {"value": "20000", "label": "200"},
                        {"value": "50000", "label": "500"},
                        {"value": "100000", "label": "1,000"},
                    ],
                    "amount": "50000",
                    "other": "",
                    "currency": "R",
                    "error": "",
                    "lasts": "about 3 days, to Sat 5 Dec",
                    "why": "You are above 500 kWh this month, so each kWh costs R 2.64. On 1 December it is R 2.18 again.",
                    "ways": [
                        {"value": "card", "label": "Card ending 4417"},
                        {"value": "bank", "label": "Bank transfer, up to one hour"},
                    ],
                    "way": "card",
                    "pay_label": "Pay R 500.00",
                    "after": "Your meter has a keypad. You get 20 digits to type in, here and by SMS.",
                },
                "result": {"said": "R 500.00 gives", "units": "148.3", "unit": "kWh"},
                "quote": {"lines": LINES, "total": {"what": "You pay", "why": "", "amount": "R 500.00"}},
            },
        ),
        "portal-token": (
            "portal/token.html",
            inside("Bills", "Token", "/bills")
            | {
                "vend": paid,
                "others": [],
                "urls": {"here": "/look/portal-token", "receipt": "/r/1", "trouble": "/t/1"},
            },
        ),
        "portal-waiting": (
            "portal/token.html",
            inside("Buy", "Token", "/")
            | {"vend": paid | {"state": "paid", "token": None}, "urls": {"here": "/look/portal-waiting"}},
        ),
        "portal-use": (
            "portal/use.html",
            inside("Use")
            | {
                "page": {"title": "What you used"},
                "spans": [
                    {"label": "14 days", "url": "?d=14", "current": True},
                    {"label": "12 months", "url": "?m=12"},
                ],
                "charts_list": [USE],
                "sentences": ["You used 12 % less than in the same days of October."],
            },
        ),
        "portal-bills": (
            "portal/bills.html",
            inside("Bills")
            | {
                "page": {"title": "Bills"},
                "owed": {
                    "text": "is owed from before. 10 % of each payment goes to it.",
                    "amount": "R 1,134.60",
                    "url": "",
                    "label": "",
                },
                "groups": [
                    {
                        "title": "November 2026",
                        "total": "R 2,300.00",
                        "entries": [
                            {
                                "what": "Electricity, 427.6 kWh",
                                "detail": "20 Nov 10:42, at the desk",
                                "amount": "1,500.00",
                                "url": "/token/1",
                                "lamp": {"state": "on", "text": "entered"},
                            },
                            {
                                "what": "Electricity, 230.1 kWh",
                                "detail": "13 Nov 09:02, here",
                                "amount": "800.00",
                                "url": "/token/2",
                                "lamp": None,
                            },
                        ],
                    }
                ],
            },
        ),
        "portal-bills-empty": (
            "portal/bills.html",
            inside("Bills")
            | {
                "page": {"title": "Bills"},
                "groups": [],
                "nothing": {
                    "title": "Nothing paid yet",
                    "text": "Every purchase appears here with its token and its receipt, for as long as you rent.",
                    "action": "Buy electricity",
                    "url": "/buy",
                },
            },
        ),
    }

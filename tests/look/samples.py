"""Sample contexts for every page, by name: what the views will give, filled with an invented mall.

The names, tokens and numbers are invented; the sums add up. A sample is (template, context); the frame of the page is
made by `frame()`. The gallery draws them, the tests look at them.
"""

from __future__ import annotations

from typing import Any

import segno
from markupsafe import Markup

Sample = tuple[str, dict[str, Any]]


def frame(**changes: Any) -> dict[str, Any]:
    """The bar at a till; offices change place, menu and lamps."""
    plain: dict[str, Any] = {
        "lang": "en",
        "dir": "ltr",
        "theme": "auto",
        "operator": "Ampoule",
        "home": "/",
        "site": "Northgate Mall",
        "place": "Till 3",
        "menu": [],
        "lamps": [
            {"state": "on", "text": "Ready to sell"},
            {"state": "", "text": "Budget 61 %, lasts until Thu 15:00"},
            {"state": "on", "text": "Printer"},
        ],
        "person": {"name": "Thandi M.", "since": "07:58"},
        "clock": "10:42",
        "test_keys": False,
        "training": False,
        "offline": "",
        "urls": {"preferences": "/preferences", "sign_out": "/sign-out", "help": "/help/cashier"},
        "languages": [
            {"value": "en", "label": "English"},
            {"value": "zh", "label": "中文"},
            {"value": "fr", "label": "Français"},
            {"value": "ar", "label": "العربية"},
        ],
        "here": "/cashier/",
    }
    return plain | changes


QUOTE = {
    "lines": [
        {"what": "Electricity, up to 500 kWh a month", "why": "87.4 kWh × 2.1800", "amount": "190.53"},
        {"what": "Electricity, above 500 kWh", "why": "340.2 kWh × 2.6400", "amount": "898.13"},
        {"what": "Service charge, week 47", "why": "once a week, not yet paid", "amount": "85.00"},
        {"what": "VAT 15 %", "why": "of 1,173.66", "amount": "176.05"},
        {"what": "Arrears", "why": "10 % of the payment; 1,134.60 left after", "amount": "150.00"},
        {"what": "Kept for next time", "why": "less than 0.1 kWh", "amount": "0.29"},
    ],
    "total": {"what": "Customer pays", "why": "427.6 kWh", "amount": "R 1,500.00"},
}
SCALE = {
    "top": 1000,
    "unit": "kWh",
    "major": 100,
    "parts": [(0, 412.6, "dry", "bought in November 412.6"), (412.6, 840.2, "liquid", "this sale 427.6 kWh")],
    "steps": [(500, "R 2.64 a kWh above 500")],
    "first": "R 2.18 a kWh",
    "after": "840.2 after",
    "label": "412.6 kWh were bought in November, this sale adds 427.6 kWh and ends at 840.2 kWh. Above 500 kWh a kWh costs R 2.64.",
}
TENDERS = [
    {"value": "cash", "label": "Cash"},
    {"value": "card", "label": "Card"},
    {"value": "account", "label": "Account"},
]
BASKET = {
    "note": "3 lines, one receipt",
    "lines": [
        {
            "n": 1,
            "title": "Electricity, G-14",
            "sub": ["Karoo Coffee Roasters", "427.6 kWh, one token"],
            "amount": "1,500.00",
            "current": True,
            "id": "a",
        },
        {
            "n": 2,
            "title": "Electricity, store S-07",
            "sub": ["Karoo Coffee Roasters", "79.7 kWh, one token"],
            "amount": "200.00",
            "id": "b",
        },
        {"n": 3, "title": "Parking, November", "sub": ["2 bays, no token"], "amount": "440.00", "id": "c"},
    ],
    "total": "R 2,140.00",
    "tenders": TENDERS,
    "tender": "cash",
    "received": "2,200.00",
    "change": "R 60.00",
    "take_label": "Take money, issue 2 tokens",
}
EMPTY_BASKET: dict[str, Any] = {
    "note": "",
    "lines": [],
    "total": "",
    "tenders": TENDERS,
    "tender": "cash",
    "take_label": "",
}
CUSTOMER = {
    "name": "Karoo Coffee Roasters",
    "unit": "G-14",
    "facts": ["Unit G-14", "Electricity, mains", "Meter 0701 4482 317", "60 A direct"],
    "supply": {"state": "on", "text": "Supply on"},
    "last_sale": "Last sale Fri 13 Nov, R 800.00",
    "notices": [],
}
SALE = {
    "order_id": "o-1",
    "basket_id": "b-1",
    "meter": "m-1",
    "amount": "1,500.00",
    "currency": "R",
    "hint": "To sell by energy, type 427.6k",
    "notes": ["One token; the meter counts in 0.1 kWh"],
    "result": {"units": "427.6", "unit": "kWh", "value": 427.6},
}
LAST = [
    {
        "at": "10:39",
        "who": "Blue Lagoon Fish & Grill, F-02",
        "what": "water 12.0 kl",
        "amount": "640.00",
        "url": "/v/1",
        "print_url": "/v/1/print",
    },
    {
        "at": "10:36",
        "who": "Sizwe Pharmacy, G-31",
        "what": "electricity 183.4 kWh",
        "amount": "500.00",
        "url": "/v/2",
        "print_url": "/v/2/print",
    },
]
TILL_URLS = {"find": "/look/till-matches", "act": "/look/till", "quote": "/look/till"}


def till(**changes: Any) -> Sample:
    context: dict[str, Any] = {
        "urls": TILL_URLS,
        "find": {"text": "G-14"},
        "matches": [],
        "customer": CUSTOMER,
        "registers": [],
        "sale": SALE,
        "scale": SCALE,
        "quote": QUOTE,
        "last_sales": LAST,
        "basket": BASKET,
        "recent": None,
    }
    return "cashier/till.html", context | changes


MATCHES = [
    {
        "url": "/?meter=1",
        "unit": "G-14",
        "name": "Karoo Coffee Roasters",
        "meter": "0701 4482 317",
        "service": "Electricity",
        "supply": {"state": "on", "text": "On"},
    },
    {
        "url": "/?meter=2",
        "unit": "S-07",
        "name": "Karoo Coffee Roasters, store",
        "meter": "0701 4482 325",
        "service": "Electricity",
        "supply": {"state": "half", "text": "9 kWh left"},
    },
    {
        "url": "/?meter=3",
        "unit": "G-14",
        "name": "Karoo Coffee Roasters",
        "meter": "0800 1190 226",
        "service": "Water",
        "supply": {"state": "off", "text": "Unknown"},
    },
]


def vend(**changes: Any) -> Sample:
    one: dict[str, Any] = {
        "state": "issued",
        "title": "Karoo Coffee Roasters, G-14",
        "facts": ["Electricity, mains", "Meter 0701 4482 317", "R 1,500.00 cash", "Receipt N3-004817"],
        "token": "49271035884620713359",
        "index": 1,
        "count": 2,
        "dose": {
            "value": 427.6,
            "text": "427.6",
            "unit": "kWh",
            "label": "The dose: 427.6 kWh of electricity",
        },
        "fresh": True,
        "others": [
            {
                "n": 2,
                "title": "Store S-07, electricity",
                "detail": "Meter 0701 4482 325",
                "units": "79.7",
                "unit": "kWh",
                "token": "66301274059288174406",
                "url": "/v/2",
            },
        ],
        "happened": [
            {"state": "", "what": "Money taken", "detail": "change R 60.00", "at": "10:42:51"},
            {"state": "", "what": "Token released", "detail": "log entry 88 214, signed", "at": "10:42:51"},
            {"state": "on", "what": "Printed", "detail": "80 mm, one copy", "at": "10:42:53"},
            {
                "state": "off",
                "what": "Entered at the meter",
                "detail": "not known yet, keypad meter",
                "at": "",
            },
        ],
    }
    return "cashier/vend.html", {
        "vend": one | changes,
        "urls": {
            "next": "/cashier/",
            "receipt": "/r/1",
            "print": "/r/1/print",
            "here": "/look/token-paid",
            "reverse": "/v/1/reverse",
            "trouble": "/v/1/trouble",
        },
        "send": [{"label": "Send to phone …417", "url": "/v/1/send"}],
        "copies": 1,
    }


def _waiting() -> Sample:
    return vend(
        state="paid",
        token=None,
        others=[],
        fresh=False,
        count=1,
        happened=[
            {"state": "", "what": "Money taken", "detail": "change R 60.00", "at": "10:42:51"},
            {"state": "half", "what": "Token asked for", "detail": "no answer for 3 s", "at": "10:42:51"},
        ],
    )


def _refused() -> Sample:
    return vend(
        state="refused",
        token=None,
        others=[],
        fresh=False,
        count=1,
        message="The budget for electricity is used up, so no token was issued.",
        money="R 1,500.00 is kept for Karoo Coffee Roasters. It buys the token as soon as two approvers refill the budget.",
        code="budget-empty",
        held={
            "text": "or give the money back",
            "url": "/v/1/again",
            "label": "Try again with the money kept",
        },
        happened=[
            {"state": "", "what": "Money taken", "detail": "kept for the customer", "at": "10:42:51"},
            {"state": "now", "what": "Token refused", "detail": "budget-empty", "at": "10:42:52"},
        ],
    )


def slip(paper: str, copy: int = 0, **changes: Any) -> Sample:
    qr = segno.make(
        "AMPOULE1" + "88214.4927103588462071335966301274059288174406.MEUCIQDx3Zr0Q5mJ8v1nS7uY" * 6, error="m"
    )
    one: dict[str, Any] = {
        "copy_number": copy,
        "seller": {
            "name": "Northgate Mall",
            "legal": "Northgate Energy (Pty) Ltd",
            "lines": ["1 Northgate Road, Polokwane 0699", "VAT no. 4710 263 981"],
        },
        "kind": "Tax invoice",
        "number": "N3-004817",
        "at": "20 Nov 2026 10:42",
        "place": "Till 3, Thandi M.",
        "buyer": {"name": "Karoo Coffee Roasters CC", "lines": ["Unit G-14, VAT no. 4620 118 350"]},
        "tokens": [
            {
                "n": 1,
                "title": "G-14 Karoo Coffee Roasters",
                "detail": "Meter 0701 4482 317",
                "units": "427.6",
                "unit": "kWh",
                "digits": "49271035884620713359",
                "keying": "SGC 600217  KRN 2  TI 01  EA 11",
            },
            {
                "n": 2,
                "title": "S-07 Store",
                "detail": "Meter 0701 4482 325",
                "units": "79.7",
                "unit": "kWh",
                "digits": "66301274059288174406",
            },
        ],
        "enter": ["Each row works on its own meter only. Type the 20 digits, then Enter."],
        "counted": [
            {
                "title": "How G-14 was counted",
                "lines": [
                    {
                        "what": "Electricity to 500 kWh",
                        "why": "87.4 × 2.1800",
                        "quantity": "87.4 kWh",
                        "rate": "2.1800",
                        "amount": "190.53",
                    },
                    {
                        "what": "Electricity above 500",
                        "why": "340.2 × 2.6400",
                        "quantity": "340.2 kWh",
                        "rate": "2.6400",
                        "amount": "898.13",
                    },
                    {
                        "what": "Service charge, week 47",
                        "quantity": "1",
                        "rate": "85.0000",
                        "amount": "85.00",
                    },
                    {"what": "VAT 15 % of 1,173.66", "amount": "176.05"},
                    {"what": "Arrears, 1,134.60 left", "amount": "150.00"},
                    {"what": "Kept for next time", "amount": "0.29"},
                ],
            }
        ],
        "summary": [
            {"what": "Electricity G-14", "amount": "1,500.00"},
            {"what": "Electricity S-07", "amount": "200.00"},
            {"what": "Parking November", "amount": "440.00"},
        ],
        "total": "R 2,140.00",
        "tenders": [{"what": "Cash", "amount": "2,200.00"}],
        "change": "60.00",
        "qr": Markup(qr.svg_inline(scale=1, border=4, omitsize=True, svgclass=None, lineclass=None)),
        "proof": "Log entry 88 214",
        "tariff": "Tariff Retail B version 7, from 1 July 2026",
    }
    if paper.startswith("a"):
        one["scale"] = SCALE | {
            "parts": [(0, 412.6, "paper-used", "before 412.6"), (412.6, 840.2, "paper-now", "today 427.6")],
            "first": "",
            "after": "",
            "steps": [(500, "")],
            "major": 500,
        }
        one["scale_title"] = "November at G-14"
    papers = [
        {"value": value, "label": label, "url": f"?paper={value}"}
        for value, label in (("80", "80 mm"), ("58", "58 mm"), ("a5", "A5"), ("a4", "A4"))
    ]
    return "cashier/receipt.html", {
        "paper": paper,
        "papers": papers,
        "slip": one | changes,
        "urls": {"back": "/v/1", "print": ""},
        "print_now": False,
    }


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
        "slip": {"number": "D-0118", "bag": "", "amount": "4,335.50"} if step == 3 else None,
        "urls": {"act": "/shift", "back": "/cashier/"},
    }


def samples() -> dict[str, Sample]:
    door = {"place": "", "person": None, "lamps": [], "here": "/sign-in"}
    return {
        "sign-in": (
            "access/sign_in.html",
            {
                "frame": door,
                "form": {"action": "/sign-in", "step": "password", "name": "", "next": ""},
                "demo": [
                    {"name": "thandi", "password": "amber-lamp-41", "role": "cashier"},
                    {"name": "naidoo", "password": "amber-lamp-41", "role": "manager"},
                ],
            },
        ),
        "sign-in-wrong": (
            "access/sign_in.html",
            {
                "frame": door,
                "form": {
                    "action": "/sign-in",
                    "step": "password",
                    "name": "thandi",
                    "next": "",
                    "error": "Name and password do not fit together. Check both, then try again.",
                    "error_field": "password",
                },
            },
        ),
        "sign-in-code": (
            "access/sign_in.html",
            {"frame": door, "form": {"action": "/sign-in", "step": "code", "name": "naidoo", "next": ""}},
        ),
        "till": till(),
        "till-empty": till(
            find={},
            customer=None,
            sale={"order_id": "o-1", "currency": "R"},
            scale=None,
            quote=None,
            basket=EMPTY_BASKET,
            last_sales=[],
        ),
        "till-matches": till(
            find={"text": "karoo"},
            matches=MATCHES,
            customer=None,
            scale=None,
            quote=None,
            basket=EMPTY_BASKET,
        ),
        "till-not-found": till(
            find={
                "text": "0701 4482 371",
                "error": "No meter has the number 0701 4482 371. Two digits may be swapped: 0701 4482 317 is G-14.",
            },
            customer=None,
            scale=None,
            quote=None,
            basket=EMPTY_BASKET,
        ),
        "till-small": till(
            sale=SALE
            | {
                "amount": "12",
                "result": None,
                "error": "R 12 is below the smallest sale of R 20. Take at least R 20.",
            },
            scale=None,
            quote=None,
            basket=EMPTY_BASKET,
        ),
        "till-recent": till(
            recent={
                "text": "This meter bought R 800.00 four minutes ago. Print that slip again, or sell another.",
                "url": "/v/1",
                "print_url": "/v/1",
            },
            basket=EMPTY_BASKET,
        ),
        "till-blocked": till(
            customer=CUSTOMER
            | {
                "supply": {"state": "now", "text": "Supply off"},
                "notices": [
                    {
                        "state": "half",
                        "text": "This meter's key changes with the next sale. The customer types two more tokens first.",
                        "url": "/help",
                        "action": "Show how",
                    },
                    {"state": "now", "text": "R 1,284.60 is owed. 10 % of each payment goes to it."},
                ],
            },
            sale={
                "order_id": "o-1",
                "currency": "R",
                "blocked": "This meter is not commissioned yet: its key is still the factory's. Ask an engineer to commission it.",
            },
            scale=None,
            quote=None,
            basket=EMPTY_BASKET,
        ),
        "token": vend(),
        "token-paid": _waiting(),
        "token-refused": _refused(),
        "token-cancelled": vend(
            state="cancelled",
            token=None,
            others=[],
            fresh=False,
            count=1,
            happened=[
                {"state": "", "what": "Money given back", "detail": "R 1,500.00 cash", "at": "10:44:02"}
            ],
        ),
        "token-key-change": vend(
            kind="Key change 1 of 2",
            dose=None,
            count=3,
            order="Type these three in this order. The meter shows KRN 2 after the second.",
            others=[
                {
                    "n": 2,
                    "title": "Key change 2 of 2",
                    "detail": "",
                    "units": "",
                    "unit": "",
                    "token": "11094477602558103347",
                    "url": "/v/1?n=2",
                },
                {
                    "n": 3,
                    "title": "Electricity",
                    "detail": "Type this one last",
                    "units": "427.6",
                    "unit": "kWh",
                    "token": "66301274059288174406",
                    "url": "/v/1?n=3",
                },
            ],
        ),
        "receipt-80": slip("80"),
        "receipt-58": slip("58", copy=2),
        "receipt-a5": slip("a5"),
        "receipt-a4": slip("a4", copy=1),
        "error": (
            "error.html",
            {
                "error": {
                    "title": "The security module does not answer.",
                    "moved": "No money was taken and no token was issued.",
                    "steps": [
                        "Wait a minute, then press “Try again”.",
                        "If it still does not answer, call the key manager and say the code below.",
                    ],
                    "code": "module-unreachable",
                    "request": "request 7f3c",
                    "actions": [
                        {"label": "Try again", "url": "/cashier/"},
                        {"label": "Back to the till", "url": "/cashier/"},
                    ],
                }
            },
        ),
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
    }

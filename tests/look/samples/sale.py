"""Sample contexts of the desk: the till, the token, what goes wrong. The sums add up; names and tokens are invented."""

from __future__ import annotations

from typing import Any

from look.samples.frames import Sample

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
    {"value": "cheque", "label": "Cheque"},
    {"value": "transfer", "label": "Bank transfer"},
    {"value": "voucher", "label": "Voucher"},
    {"value": "account", "label": "Account"},
]
PART = {
    "ways": [{"value": "", "label": "Nothing else"}, *TENDERS[1:]],
    "way": "",
    "amount": "",
    "reference": "",
}


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
    "part": PART,
    "tender": "cash",
    "received": "2,200.00",
    "change": "R 60.00",
    "rounding": "",
    "take_label": "Take money, issue 2 tokens",
}


EMPTY_BASKET: dict[str, Any] = {
    "note": "",
    "lines": [],
    "total": "",
    "tenders": TENDERS,
    "part": PART,
    "tender": "cash",
    "take_label": "",
}


CUSTOMER = {
    "name": "Karoo Coffee Roasters",
    "unit": "G-14",
    "facts": ["Unit G-14", "Electricity, mains", "Meter 0701 4482 317", "60 A direct"],
    "supply": {"state": "on", "text": "Supply on"},
    "last_sale": "Last sale Fri 13 Nov, R 800.00",
    "earlier": [
        {"day": "13 Nov 2026, 09:12", "amount": "R 800.00", "url": "/v/3"},
        {"day": "2 Nov 2026, 17:40", "amount": "R 1,200.00", "url": "/v/4"},
    ],
    "notices": [
        {
            "state": "half",
            "text": "Arrears, last year: R 1,284.60 is owed.",
            "act": "charge:debt/last-year",
            "action": "Put it into the basket",
        }
    ],
}


CHARGES: dict[str, Any] = {
    "order_id": "o-9",
    "options": [
        {"value": "", "label": "Choose"},
        {"value": "debt/last-year", "label": "Arrears, last year: R 1,284.60 open"},
        {"value": "reconnection", "label": "Reconnection, R 450.00"},
        {"value": "parking", "label": "Parking bay, a month, R 690.00"},
        {"value": "account", "label": "To the customer's account"},
        {"value": "deposit", "label": "Deposit"},
    ],
    "charge": "",
    "amount": "",
    "times": "1",
    "error": "",
    "field": "",
    "open": False,
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


TILL_URLS = {
    "find": "/look/till-matches",
    "act": "/look/till",
    "quote": "/look/till",
    "training": "/look/till",
    "customer_screen": "/look/second-counting",
}


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
        "charges": CHARGES,
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


def waiting() -> Sample:
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


def refused() -> Sample:
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

"""Every state of the desk: the door, the till, the token, an error."""

from __future__ import annotations

from look.samples.frames import DOOR, Sample
from look.samples.sale import (
    BASKET,
    CHARGES,
    CUSTOMER,
    EMPTY_BASKET,
    MATCHES,
    PART,
    SALE,
    SCALE,
    refused,
    till,
    vend,
    waiting,
)


def pages() -> dict[str, Sample]:
    return {
        "sign-in": (
            "access/sign_in.html",
            {
                "frame": DOOR,
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
                "frame": DOOR,
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
            {"frame": DOOR, "form": {"action": "/sign-in", "step": "code", "name": "naidoo", "next": ""}},
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
                "token": "49271035884620713359",
                "another_url": "/look/till",
            },
            basket=EMPTY_BASKET,
        ),
        "till-charge": till(
            charges=CHARGES
            | {
                "charge": "parking",
                "times": "many",
                "error": "How many times is a whole number from 1 to 1000.",
                "field": "charge_times",
                "open": True,
            },
        ),
        "till-customer": till(
            find={"text": "karoo"},
            matches=MATCHES[:2],
            customer=CUSTOMER
            | {"unit": "", "facts": ["Customer T-0017", "+27 82 555 0417"], "last_sale": ""},
            sale={"order_id": "o-1", "basket_id": "b-1", "customer": "t-17", "currency": "R"},
            scale=None,
            quote=None,
            charges=CHARGES | {"open": True},
        ),
        "till-large": till(
            registers=[{"value": "mains", "label": "Mains"}, {"value": "generator", "label": "Generator"}],
            sale=SALE
            | {
                "register": "mains",
                "amount": "9,999.99",
                "result": {"units": "3,187.0", "unit": "kWh", "value": 3187.0},
                "second_token": {
                    "checked": False,
                    "label": "Give the rest as a second small token",
                    "hint": "A token of this size counts in steps of 1.0 kWh. Without a second token the rest is kept for the next purchase.",
                },
            },
            basket=BASKET
            | {
                "rounding": "Cash rounding -0.02: coins end at R 2,140.00",
                "part": PART | {"way": "card", "amount": "500.00"},
            },
        ),
        "till-training": (
            "cashier/till.html",
            {
                **till()[1],
                "frame": {"training": True},
                "tried": "Training: R 1,500.00 would be taken, R 0.00 given back and 2 tokens made. Nothing was sold.",
            },
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
        "token-and-charge": vend(
            others=[
                {
                    "n": "",
                    "title": "Parking bay, a month",
                    "detail": "",
                    "units": "",
                    "unit": "",
                    "token": None,
                    "note": "R 690.00, no token",
                    "url": "",
                }
            ],
            count=1,
        ),
        "token-reversed": vend(state="reversed", token=None, others=[], fresh=False, count=1),
        "token-paid": waiting(),
        "token-refused": refused(),
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
    }

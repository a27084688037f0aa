"""Sample contexts of paper: receipts on four papers, the deposit slip."""

from __future__ import annotations

from typing import Any

import segno
from look.samples.frames import Sample
from look.samples.sale import SCALE
from markupsafe import Markup


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


def pages() -> dict[str, Sample]:
    return {
        "receipt-80": slip("80"),
        "receipt-58": slip("58", copy=2),
        "receipt-a5": slip("a5"),
        "receipt-a4": slip("a4", copy=1),
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
                    ],
                    "total": "R 4,000.00",
                    "claims": [["Card", "1,240.00"]],
                    "words": "",
                    "shifts": ["N3-S00118"],
                    "log_head": "10412-9f31c2aa",
                },
                "urls": {"back": "/"},
            },
        ),
        "shift-paper": (
            "cashier/shifts/paper.html",
            {
                "slip": {
                    "title": "End of shift (Z)",
                    "number": "N3-S00118",
                    "seller": "Northgate Mall",
                    "facts": ["Till N3", "Drawer N3", "Thandi M."],
                    "span": "20 Nov 2026, 07:58 – 20 Nov 2026, 15:40",
                    "float": "500.00",
                    "payments": [["Cash", "31", "7,355.50", ""], ["Card", "10", "1,240.00", "20.00"]],
                    "with_sums": True,
                    "drops": [["12:10", "B-2207, S. Pillay", "3,000.00"]],
                    "pieces": [["R 200 note", "14", "2,800.00"], ["R 100 note", "12", "1,200.00"]],
                    "differences": [
                        {
                            "tender": "Cash",
                            "counted": "4,835.50",
                            "expected": "4,855.50",
                            "text": "R 20.00 short",
                        },
                        {"tender": "Card", "counted": "1,240.00", "expected": "1,240.00", "text": "fits"},
                    ],
                    "recounted": True,
                    "reason": "I gave one customer a 20 too much, I think at 11:00.",
                    "forgotten": "",
                    "decision": "",
                    "takings": "R 7,335.50",
                    "bag": "D-00118",
                    "one_person": False,
                    "log_head": "10412-9f31c2aa",
                },
                "urls": {"back": "/"},
            },
        ),
    }

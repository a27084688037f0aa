"""Sample contexts of paper: receipts on four papers, the deposit slip."""

from __future__ import annotations

import paper_cast
from look.samples.frames import Sample

from vending.receipts.wording import worded
from vending.web.receipts import drawn, scale_of


def slip(paper: str, copy: int = 0, language: str = "en") -> Sample:
    one = worded(paper_cast.slip(language, copy=copy))
    papers = [
        {"value": value, "label": label, "url": f"?paper={value}"}
        for value, label in (("80", "80 mm"), ("58", "58 mm"), ("a5", "A5"), ("a4", "A4"))
    ]
    return "cashier/receipt.html", {
        "paper": paper,
        "papers": papers,
        "slip": one,
        "squares": drawn(one),
        "scale": scale_of(one.ruler) if one.ruler and paper.startswith("a") else None,
        "urls": {"back": "/v/1", "print": ""},
        "print_now": False,
    }


def pages() -> dict[str, Sample]:
    return {
        "receipt-80": slip("80"),
        "receipt-58": slip("58", copy=2),
        "receipt-a5": slip("a5"),
        "receipt-a4": slip("a4", copy=1),
        "receipt-zh": slip("80", language="zh"),
        "receipt-ar": slip("a5", language="ar"),
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
                "urls": {"back": "/", "pdf": "/p.pdf"},
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
                "urls": {"back": "/", "pdf": "/p.pdf"},
            },
        ),
    }

"""Slips for tests of paper: an ordinary one in any language, and the worst that names, amounts and tariffs can be."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vending.receipts import qr
from vending.receipts.slip import (
    Around,
    MeterFacts,
    Month,
    Party,
    Slip,
    SlipOrder,
    SlipTender,
    SlipToken,
)

SOLD_AT = datetime(2026, 11, 20, 8, 42, tzinfo=UTC)
NAMES = {
    "en": ("Northgate Mall", "Karoo Coffee Roasters CC", "1 Northgate Road, Polokwane 0699"),
    "fr": ("Galerie de l'Étoile", "Boulangerie Lefèvre & Fils", "3 rue des Écoles, 75005 Paris"),
    "zh": ("北门购物中心", "卡鲁咖啡烘焙有限公司", "北京市朝阳区北门路 1 号"),
    "ar": ("مركز البوابة الشمالية", "محمصة كارو للقهوة", "شارع البوابة ١، الرياض"),
}

LINES: tuple[dict[str, Any], ...] = (
    {"id": "arrears", "kind": "deduction", "label": "Arrears, last year", "why": "", "amount_minor": 15000,
     "percent": "10", "base_minor": 150000, "left_minor": 113460},
    {"id": "energy", "kind": "energy", "label": "Electricity", "why": "", "amount_minor": 117026,
     "parts": [["500.0", "kWh", "2.18", "block 1"], ["30.4", "kWh", "2.64", "block 2"]]},
    {"id": "service", "kind": "fixed", "label": "Service charge", "why": "", "amount_minor": 345,
     "parts": [["1", "day", "3.45", ""]]},
    {"id": "vat", "kind": "tax", "label": "VAT", "why": "15 %", "amount_minor": 17606, "percent": "15",
     "base_minor": 117371},
    {"id": "kept", "kind": "kept", "label": "Kept for next time", "why": "", "amount_minor": 23},
)  # fmt: skip


def around(language: str = "en", *, orders: tuple[str, ...] = ("order-1",), **changes: Any) -> Around:
    mall, tenant, street = NAMES[language]
    return replace(
        Around(
            seller=Party(mall, "Northgate Energy (Pty) Ltd", street, "4710263981", "015 555 0100", ""),
            buyer=Party(tenant, address=street, tax_number="4620118350", unit="G-14", number="T-0014"),
            meters={"600727070144823174": MeterFacts("07014482317", "G-14", tenant)},
            months={order: Month(4126, (("0", "2.18"), ("500", "2.64"))) for order in orders},
            language=language,
            zone="Africa/Johannesburg",
            country="ZA",
            test=False,
            shift="14",
        ),
        **changes,
    )


def token(number: int, **changes: Any) -> SlipToken:
    digits = str(int.from_bytes(hashlib.sha256(bytes([number])).digest()[:8], "big")).zfill(20)[:20]
    return replace(
        SlipToken(
            number, 0, "600727070144823174", "electricity", 5304, digits, "credit",
            datetime(2026, 11, 20, 8, 42, tzinfo=UTC), 88213 + number, "600217", 2, "01", "11", "02",
        ),
        **changes,
    )  # fmt: skip


def order(name: str = "order-1", **changes: Any) -> SlipOrder:
    return replace(
        SlipOrder(
            name, "credit", "600727070144823174", "electricity", 5304, LINES, 150000, "retail-b version 7"
        ),
        **changes,
    )


def slip(language: str = "en", **changes: Any) -> Slip:
    """R 1,500.00 for 530.4 kWh; its squares carry what it says."""
    made = replace(
        Slip(
            around(language), "N3-004817", 0, SOLD_AT, "N3", "Thandi M.", "ZAR", 150000, (token(1),), (order(),),
            (SlipTender("cash", 160000, ""),), 10000, 0, False, (),
        ),
        **changes,
    )  # fmt: skip
    return replace(made, squares=squares(made)) if "squares" not in changes else made


def squares(made: Slip) -> tuple[str, ...]:
    content = {
        "form": "ampoule-slip/1", "receipt": made.receipt, "sold_at": "2026-11-20T10:42:00+02:00",
        "currency": made.currency, "total_minor": made.total_minor,
        "orders": [
            {"order": one.order, "kind": one.kind, "meter": one.pan, "service": one.service, "units": one.units,
             "tariff": one.tariff, "paid_minor": one.paid_minor, "lines": list(one.lines)}
            for one in made.orders
        ],
    }  # fmt: skip
    data = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    entries = [
        qr.Entry(
            one.order, one.sequence, "ab" * 16, "cd" * 32,
            base64.b64encode(hashlib.sha512(one.digits.encode()).digest()).decode(), (one.digits,),
        )
        for one in made.tokens
    ]  # fmt: skip
    return qr.squares("ampoule/3f0c12ab", data, entries) if entries else ()


# --- what can go wrong ------------------------------------------------------------------------------------------------

LONG = "Karoo Coffee Roasters and Bakers of the Northern Gate " * 4  # more than 200 letters
HOSTILE = {
    "long name": LONG[:200],
    "one long word": "W" * 200,
    "emoji": "Café ☕️ 👩‍👩‍👧‍👦 Rôtisserie 🔥🔥🔥",
    "mixed directions": "Karoo محمصة كارو 卡鲁 (1998) \u202eevil\u202c Ltd",
    "newlines": "First line\nSecond line\r\n\tThird\x0b\x0c line",
    "control characters": "Bell\x07 Null\x00 Escape\x1b[2J Delete\x7f \x9b31m Zero\u200bwidth",
}


def many_lines(count: int = 30) -> tuple[dict[str, Any], ...]:
    lines = [
        {"id": f"charge-{number}", "kind": "fixed", "label": f"Charge {number} of a tariff with very many lines",
         "why": "", "amount_minor": 1000 + number, "parts": [["1", "month", f"{10 + number / 100:.2f}", ""]]}
        for number in range(count)
    ]  # fmt: skip
    return tuple(lines)

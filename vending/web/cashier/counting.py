"""Counting notes and coins on a page: rows for the form, and a count from what was typed. Money stays integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request

from vending.errors import InvalidInput
from vending.money import currency, parse_amount
from vending.shifts.count import COUNTED, Count, Piece, pieces_of
from vending.shifts.errors import CountInvalid
from vending.web import words
from vending.web.words import _

SLIPS = tuple(way for way in COUNTED if way != "cash")


def rows(code: str, count: Count | None, *, wrong: InvalidInput | None = None) -> dict[str, Any]:
    """The table of notes and coins with what was counted so far; after a refusal, as it was typed."""
    typed = request.form if wrong is not None else {}
    found = []
    for piece in pieces_of(code):
        name = f"count-{piece.minor}"
        number = count.pieces.get(piece.minor, 0) if count else 0
        found.append(
            {
                "name": name,
                "label": name_of(piece, code),
                "minor": piece.minor,
                "number": typed.get(name, "") if typed else str(number) if number else "",
                "sum": words.money(number * piece.minor, code) if number else "",
                "error": words.refusal(wrong.sentence) if wrong is not None and wrong.field == name else "",
            }
        )
    return {
        "rows": found,
        "total": words.money(count.cash_minor if count else 0, code),
        "currency": currency(code).symbol,
        "decimals": currency(code).decimals,
    }


def name_of(piece: Piece, code: str) -> str:
    worth = words.total(piece.minor, code)
    if piece.minor % 10 ** currency(code).decimals == 0:
        worth = f"{currency(code).symbol} {piece.minor // 10 ** currency(code).decimals:g}"
    return _("%(worth)s note", worth=worth) if piece.is_note else _("%(worth)s coin", worth=worth)


def slips(code: str, count: Count | None, *, wrong: InvalidInput | None = None) -> list[dict[str, Any]]:
    """The other ways of paying that leave a paper: a sum for each."""
    labels = {"card": _("Card slips"), "cheque": _("Cheques"), "voucher": _("Vouchers")}
    hints = {
        "card": _("The sum on the terminal's own report."),
        "cheque": _("The sum of the cheques in the drawer."),
        "voucher": _("The sum of the vouchers in the drawer."),
    }
    typed = request.form if wrong is not None else {}
    return [
        {
            "name": f"sum-{way}",
            "label": labels[way],
            "value": typed.get(f"sum-{way}", "")
            if typed
            else words.money(count.sums[way], code)
            if count and count.sums.get(way)
            else "",
            "hint": hints[way],
            "error": words.refusal(wrong.sentence)
            if wrong is not None and wrong.field == f"sum-{way}"
            else "",
        }
        for way in SLIPS
    ]


def typed(code: str, *, ways: Sequence[str] = SLIPS) -> Count:
    """The count of this form. An empty field is none of it."""
    pieces = {}
    for piece in pieces_of(code):
        text = request.form.get(f"count-{piece.minor}", "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) <= 7):
            raise CountInvalid(
                _("Type how many there are, as a whole number. %(text)s is none.", text=text[:20]),
                f"count-{piece.minor}",
            )
        if text:
            pieces[piece.minor] = int(text)
    sums = {way: amount(f"sum-{way}", code) for way in ways}
    return Count(code, pieces, {way: minor for way, minor in sums.items() if minor})


def amount(name: str, code: str) -> int:
    """Money that may also be nothing."""
    text = request.form.get(name, "").strip()
    return 0 if not text.strip("0.,") else parse_amount(text, code, field=name)

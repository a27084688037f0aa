"""The squares on the paper: the signed entries of the issuance log and the content they cover, so that the paper can be
checked without the network. Writer only; the readers (`verify_receipt.py`, `static/verify.js`) share no code with it.

The square carries the canonical content itself, compressed, because a hash alone would prove nothing to somebody who holds
paper (docs/adr/0029). It is text and no address: a token never stands in a URL. It is digits behind a short name, so that
phones show it, copy it and send it unharmed, and so that the square is small: ten bits hold three digits. Never Micro QR:
phones do not read it. The format is docs/reference/receipt-qr.md.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import segno

from vending.receipts import masks

NAME = "AMPOULE2"
FORM = 2
QUIET = 4

# What every slip says, for the compression: both sides know it. Part of the format; a change is a new form.
DICTIONARY = (
    b'"left_minor":"percent":"base_minor":"id":"kept-before","kind":"kept","label":"Kept from last time","why":""},'
    b'"id":"kept","kind":"kept","label":"Kept for next time","why":"less than the meter can count"},'
    b'"id":"arrears","kind":"deduction","label":"Arrears, ","id":"vat","kind":"tax","label":"VAT","percent":"15","why":"15 %"},'
    b'"id":"service","kind":"fixed","label":"Service charge","parts":[["1","month","day","purchase","'
    b'"id":"energy","kind":"energy","label":"Electricity","parts":[["kWh","block 1"],["kl","m\xc2\xb3","waived"]],"why":" kWh \xc3\x97 "},'
    b'{"currency":"ZAR","form":"ampoule-slip/1","orders":[{"kind":"sale","lines":[{"amount_minor":'
    b'],"meter":"600727","order":"-4","paid_minor":000,"service":"electricity","service":"water","tariff":" version 1",'
    b'"units":],"receipt":"N1-000","sold_at":"2026-T:00Z","total_minor":00}'
)

# A square of at most version 25 (117 modules) has three dots a module even on the 48 mm of a narrow roll.
MOST_VERSION = 25
# Version 25 at the level M holds 2,395 digits; the name takes one segment of its own in front of them.
_PART_BYTES = 970


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed entry: for which order of the content (by its place), and the tokens that it gave."""

    order: int
    sequence: int
    salt: str
    leaf: str
    signature: str
    tokens: tuple[str, ...]


def body(log: str, content: bytes, entries: Sequence[Entry]) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    packed = packer.compress(content) + packer.flush()
    name = log.encode()
    made = bytearray((FORM, len(name)))
    made += name + len(packed).to_bytes(3, "big") + packed + bytes((len(entries),))
    for entry in entries:
        made += bytes((entry.order,)) + entry.sequence.to_bytes(6, "big")
        made += bytes.fromhex(entry.salt) + bytes.fromhex(entry.leaf) + b64decode(entry.signature)
        made.append(len(entry.tokens))
        for token in entry.tokens:
            made += int(token).to_bytes(9, "big")
    return bytes(made)


def squares(log: str, content: bytes, entries: Sequence[Entry]) -> tuple[str, ...]:
    """The text of each square: as few as hold the whole, none bigger than a narrow roll can print."""
    whole = body(log, content, entries)
    count = -(-len(whole) // _PART_BYTES)
    size = -(-len(whole) // count)
    mark = hashlib.sha256(whole).digest()[:4]
    return tuple(
        NAME + digits(bytes((index, count)) + mark + whole[index * size : (index + 1) * size])
        for index in range(count)
    )


# Decimal digits for so many bytes: 7 bytes are 17 digits.
_WIDTH = (0, 3, 5, 8, 10, 13, 15, 17)


def digits(data: bytes) -> str:
    return "".join(
        str(int.from_bytes(data[at : at + 7], "big")).zfill(_WIDTH[len(data[at : at + 7])])
        for at in range(0, len(data), 7)
    )


@lru_cache(maxsize=64)
def matrix(text: str) -> tuple[bytes, ...]:
    """The modules, row by row, with the best mask. The same text is drawn on several papers."""
    if text.startswith(NAME) and text.isascii() and text[len(NAME) :].isdigit():
        return masks.best(_masked(text, 0), lambda mask: _masked(text, mask))
    return tuple(bytes(row) for row in segno.make(text, error="m", micro=False).matrix)


def _masked(text: str, mask: int) -> Sequence[bytes]:
    # Two segments: the name as letters, the rest as digits at ten bits for three. segno's `make` takes one text alone.
    segments = ((NAME, segno.consts.MODE_ALPHANUMERIC), (text[len(NAME) :], segno.consts.MODE_NUMERIC))
    encode: Callable[..., Any] = segno.encoder.encode
    rows: Sequence[bytes] = encode(segments, error="m", micro=False, boost_error=False, mask=mask).matrix
    return rows


def runs(row: bytes) -> Iterator[tuple[int, int]]:
    """Where dark modules begin, and how many there are: one stroke each."""
    begin = row.find(1)
    while begin >= 0:
        end = row.find(0, begin)
        end = len(row) if end < 0 else end
        yield begin, end - begin
        begin = row.find(1, end)


def svg(text: str) -> str:
    """Inline SVG, a unit a module, four modules of quiet zone, black on white in every theme."""
    rows = matrix(text)
    side = len(rows) + 2 * QUIET
    strokes = "".join(
        f"M{begin + QUIET} {row + QUIET}.5h{count}"
        for row, line in enumerate(rows)
        for begin, count in runs(line)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path stroke="#000" d="{strokes}"/></svg>'
    )

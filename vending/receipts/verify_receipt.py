"""A stand-alone verifier of receipts. It imports nothing of Ampoule: copy this one file to another machine.

    zbarimg --raw photo.png | python verify_receipt.py --key BASE64
    python verify_receipt.py squares.txt --key BASE64 [--proof proof.json] [--paper paper.txt]

It reads the texts of a paper's squares (a file or standard input, one a line, in any order), checks the security module's
signature over the content that they carry, and prints that content: compare it with the paper. `--paper` compares for you,
from the paper's text (`pdftotext -layout paper.pdf paper.txt`). `--proof` takes the file that the seller's verify page gives
and checks that the entry is in the issuance log of a signed head. Exit status 0: everything holds; 1: something does not.

Only the standard library is needed; `cryptography` is used for signatures where it is installed, because it is faster. The
code shares nothing with the writer, on purpose. The format is docs/reference/receipt-qr.md.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAME = "AMPOULE2"
LARGEST_CONTENT = 1 << 20
DICTIONARY = (
    '"left_minor":"percent":"base_minor":"id":"kept-before","kind":"kept","label":"Kept from last time","why":""},'
    '"id":"kept","kind":"kept","label":"Kept for next time","why":"less than the meter can count"},'
    '"id":"arrears","kind":"deduction","label":"Arrears, ","id":"vat","kind":"tax","label":"VAT","percent":"15","why":"15 %"},'
    '"id":"service","kind":"fixed","label":"Service charge","parts":[["1","month","day","purchase","'
    '"id":"energy","kind":"energy","label":"Electricity","parts":[["kWh","block 1"],["kl","m³","waived"]],"why":" kWh × "},'
    '{"currency":"ZAR","form":"ampoule-slip/1","orders":[{"kind":"sale","lines":[{"amount_minor":'
    '],"meter":"600727","order":"-4","paid_minor":000,"service":"electricity","service":"water","tariff":" version 1",'
    '"units":],"receipt":"N1-000","sold_at":"2026-T:00Z","total_minor":00}'
).encode()
WIDTHS = {3: 1, 5: 2, 8: 3, 10: 4, 13: 5, 15: 6, 17: 7}  # so many decimal digits are so many bytes
NO_DECIMALS = {"JPY", "UGX", "XAF", "XOF", "KRW", "VND", "CLP", "RWF"}
THREE_DECIMALS = {"KWD", "TND", "BHD", "OMR", "JOD", "LYD", "IQD"}


class Bad(Exception):
    """Something does not hold; the message says what."""


@dataclass
class Entry:
    """One signed entry of the issuance log, as the square carries it."""

    order: int
    sequence: int
    salt: bytes
    leaf: str
    signature: bytes
    tokens: list[str]


@dataclass
class Receipt:
    log: str
    content_bytes: bytes
    content: dict[str, Any]
    entries: list[Entry]

    def pan(self, entry: Entry) -> str:
        return str(self.content["orders"][entry.order]["meter"])


# --- from the squares to the receipt ----------------------------------------------------------------------------------


def read_squares(texts: Iterable[str]) -> Receipt:
    """The receipt of one paper's squares, whatever their order; squares of another paper are refused."""
    parts: dict[int, bytes] = {}
    count, mark = 0, b""
    for text in texts:
        squeezed = re.sub(r"\s", "", text)
        if not squeezed:
            continue
        if not squeezed.upper().startswith(NAME):
            raise Bad(f"This is not the text of a receipt's square: it does not begin with {NAME}.")
        data = _undigit(squeezed[len(NAME) :])
        if len(data) < 7 or data[1] < 1 or data[0] >= data[1]:
            raise Bad("The square's text is not complete. Scan it again, whole and flat.")
        if parts and (data[1], data[2:6]) != (count, mark):
            raise Bad("The squares are of different papers. Scan the squares of one paper.")
        count, mark = data[1], data[2:6]
        if parts.get(data[0], data[6:]) != data[6:]:
            raise Bad("The same square was read in two ways. Scan it again, whole and flat.")
        parts[data[0]] = data[6:]
    if not parts:
        raise Bad("There is no square's text. Scan the square of the paper first.")
    lacking = [str(number + 1) for number in range(count) if number not in parts]
    if lacking:
        raise Bad(f"The paper has {count} squares; number {', '.join(lacking)} is missing. Scan it too.")
    whole = b"".join(parts[number] for number in range(count))
    if hashlib.sha256(whole).digest()[:4] != mark:
        raise Bad("The squares do not fit together: one of them was misread or altered.")
    return _read_body(whole)


def _undigit(text: str) -> bytes:
    if not (text.isascii() and text.isdigit()):
        raise Bad("The square's text is not complete. Scan it again, whole and flat.")
    data = b""
    for at in range(0, len(text), 17):
        piece = text[at : at + 17]
        size = WIDTHS.get(len(piece))
        if size is None or int(piece) >= 1 << 8 * size:
            raise Bad("The square's text is not complete. Scan it again, whole and flat.")
        data += int(piece).to_bytes(size, "big")
    return data


def _read_body(data: bytes) -> Receipt:
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if at + size > len(data):
            raise Bad("The square ends too early.")
        at += size
        return data[at - size : at]

    if take(1) != b"\x02":
        raise Bad("The square is of a form that this verifier does not know. Fetch a newer one.")
    try:
        log = take(take(1)[0]).decode()
        content_bytes = _inflate(take(int.from_bytes(take(3), "big")))
        content = json.loads(content_bytes)
        orders = content["orders"]
    except (ValueError, KeyError, TypeError):
        raise Bad("The square's content cannot be read.") from None
    entries = []
    for _ in range(take(1)[0]):
        order, sequence = take(1)[0], int.from_bytes(take(6), "big")
        salt, leaf, signature = take(16), take(32).hex(), take(64)
        tokens = [str(int.from_bytes(take(9), "big")).zfill(20) for _ in range(take(1)[0])]
        if order >= len(orders) or any(len(token) != 20 for token in tokens):
            raise Bad("The square's entries do not fit its content.")
        entries.append(Entry(order, sequence, salt, leaf, signature, tokens))
    if at != len(data) or not entries:
        raise Bad("The square's entries do not fit its content.")
    return Receipt(log, content_bytes, content, entries)


def _inflate(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15, zdict=DICTIONARY)
    try:
        found = unpacker.decompress(packed, LARGEST_CONTENT)
    except zlib.error:
        raise ValueError("not deflate") from None
    if not unpacker.eof or unpacker.unused_data or unpacker.unconsumed_tail:
        raise ValueError("not complete")
    return found


# --- the signature ----------------------------------------------------------------------------------------------------


def commitments(receipt: Receipt, entry: Entry) -> dict[str, str]:
    """What the log's entry says of meter, tokens and content without naming them."""
    told = {
        "meter": receipt.pan(entry),
        "tokens": ",".join(entry.tokens),
        "content": hashlib.sha256(receipt.content_bytes).hexdigest(),
    }
    return {
        what: hmac.new(entry.salt, f"{what}\n{value}".encode(), hashlib.sha256).hexdigest()
        for what, value in told.items()
    }


def verify(receipt: Receipt, key: bytes, signed: Callable[[bytes, bytes, bytes], bool] | None = None) -> None:
    """Every entry is signed by this key over exactly this content; raises `Bad` if not."""
    check = signed or quickest()
    for entry in receipt.entries:
        told = commitments(receipt, entry)
        statement = (
            f"ampoule entry 1\n{receipt.log}\n{entry.sequence}\n{entry.leaf}\n"
            f"{told['meter']}\n{told['tokens']}\n{told['content']}\n"
        )
        if not check(key, entry.signature, statement.encode()):
            raise Bad(
                f"Log entry {entry.sequence} is not signed by this key over this content: a figure was changed, "
                "or another module made it."
            )


def quickest() -> Callable[[bytes, bytes, bytes], bool]:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return ed25519

    def signed(key: bytes, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    return signed


# Ed25519 after RFC 8032, for machines with nothing but Python. Nothing secret is handled here, so time may tell.
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]


def _add(a: _Point, b: _Point) -> _Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    g, h = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % _P, k * m % _P, j * k % _P, i * m % _P


def _times(number: int, point: _Point) -> _Point:
    found: _Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _point(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_G = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def ed25519(key: bytes, signature: bytes, message: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64 or _G is None:
        return False
    a, r, s = _point(key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    left, right = _times(s, _G), _add(r, _times(h, a))
    return (
        (left[0] * right[2] - right[0] * left[2]) % _P == 0 == (left[1] * right[2] - right[1] * left[2]) % _P
    )


# --- inclusion in the log ---------------------------------------------------------------------------------------------


def verify_proof(receipt: Receipt, proof: dict[str, Any], key: bytes) -> int:
    """The entry of the receipt is the one of the proof file, and lies in the log of its signed head. Gives its number."""
    try:
        data = str(proof["leaf_data"]).encode()
        public = json.loads(data)
        path = [bytes.fromhex(str(step)) for step in proof["path"]]
        size, root = _open_head(str(proof["note"]), receipt.log, key)
        number = public["n"]
    except (KeyError, TypeError, ValueError):
        raise Bad("This is not a proof file.") from None
    entry = next((one for one in receipt.entries if one.sequence == number), None)
    if entry is None:
        raise Bad(f"The proof is of log entry {number}, which is not on this paper.")
    if hashlib.sha256(b"\x00" + data).hexdigest() != entry.leaf:
        raise Bad(f"The proof's entry {number} is not the one that was signed for this paper.")
    told = commitments(receipt, entry)
    if any(public.get(what) != value for what, value in told.items()):
        raise Bad(f"Log entry {number} says something else than this paper.")
    value, place, last = bytes.fromhex(entry.leaf), entry.sequence, size - 1
    if not 0 <= place <= last:
        raise Bad(f"The head names {size} entries; log entry {number} is not among them.")
    for step in path:
        if last == 0:
            raise Bad("The path of the proof is too long.")
        if place & 1 or place == last:
            value = hashlib.sha256(b"\x01" + step + value).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\x01" + value + step).digest()
        place, last = place >> 1, last >> 1
    if last != 0 or value != root:
        raise Bad(f"Log entry {number} is not in the log of that head.")
    return entry.sequence


def _open_head(note: str, log: str, key: bytes) -> tuple[int, bytes]:
    text, gap, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) != 3 or not (lines[1].isascii() and lines[1].isdigit()):
        raise Bad("The head of the proof is not a signed note.")
    if lines[0] != log:
        raise Bad("The head of the proof is of another log than the paper.")
    wanted = hashlib.sha256(lines[0].encode() + b"\n\x01" + key).digest()[:4]
    for line in signatures.split("\n"):
        if line.startswith(f"— {log} "):
            try:
                value = base64.b64decode(line.rsplit(" ", 1)[1], validate=True)
            except binascii.Error:
                continue
            if value[:4] == wanted and quickest()(key, value[4:], (text + "\n").encode()):
                return int(lines[1]), base64.b64decode(lines[2], validate=True)
    raise Bad("The head of the proof is not signed by this key.")


# --- the paper's own words --------------------------------------------------------------------------------------------


def compare(receipt: Receipt, paper: str) -> list[str]:
    """What the signed content says and the paper's text does not: one sentence each."""
    text = paper.translate({0x2212: "-", 0xA0: " ", 0x202F: " ", 0x2009: " "})
    lacking = []
    content = receipt.content
    if not _stands(re.escape(str(content["receipt"])), text):
        lacking.append(f"The receipt's number is {content['receipt']}.")
    sold = datetime.fromisoformat(str(content["sold_at"]).replace("Z", "+00:00"))
    if not all(
        re.search(rf"(?<!\d){part}(?!\d)", text) for part in (str(sold.day), str(sold.year), f"{sold:%H:%M}")
    ):
        lacking.append(f"It was sold at {sold:%Y-%m-%d %H:%M} ({sold.tzname()}).")
    digits = re.sub(r"\s", "", text)
    for entry in receipt.entries:
        for token in entry.tokens:
            if token not in digits:
                lacking.append(f"A token is {' '.join(token[i : i + 4] for i in range(0, 20, 4))}.")
    currency = str(content["currency"])
    for label, minor in amounts(content):
        if not _stands(_amount_pattern(abs(minor), currency), text):
            lacking.append(f"{label} is {plain(minor, currency)}.")
    return lacking


def amounts(content: dict[str, Any]) -> list[tuple[str, int]]:
    found = [("The total", int(content["total_minor"]))]
    for order in content["orders"]:
        found += [(str(line["label"]), int(line["amount_minor"])) for line in order.get("lines", ())]
    return found


def plain(minor: int, currency: str) -> str:
    decimals = decimals_of(currency)
    whole, part = divmod(abs(minor), 10**decimals)
    return f"{currency} {'-' if minor < 0 else ''}{whole:,}" + (f".{part:0{decimals}d}" if decimals else "")


def decimals_of(currency: str) -> int:
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2


def _amount_pattern(minor: int, currency: str) -> str:
    decimals = decimals_of(currency)
    whole, part = divmod(minor, 10**decimals)
    groups = f"{whole:,}".split(",")
    return "[ ,.']?".join(groups) + (rf"[.,]{part:0{decimals}d}" if decimals else "")


def _stands(pattern: str, text: str) -> bool:
    return re.search(rf"(?<![\d.,]){pattern}(?!\d|[.,]\d)", text) is not None


def described(receipt: Receipt) -> list[str]:
    """The signed content in lines, to be compared with the paper."""
    content = receipt.content
    currency = str(content["currency"])
    lines = [
        f"Receipt   {content['receipt']}",
        f"Sold at   {content['sold_at']}",
        f"Total     {plain(int(content['total_minor']), currency)}",
    ]
    for place, order in enumerate(content["orders"]):
        if order.get("meter"):
            lines.append(f"Meter     {order['meter']}  {order.get('service', '')} {order.get('units', '')}")
        lines += [
            f"          {line['label']}: {plain(int(line['amount_minor']), currency)}"
            for line in order.get("lines", ())
        ]
        for entry in receipt.entries:
            if entry.order == place:
                lines += [
                    f"Token     {' '.join(token[i : i + 4] for i in range(0, 20, 4))}  (log entry {entry.sequence})"
                    for token in entry.tokens
                ]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify a receipt from its squares.")
    parser.add_argument("file", nargs="?", help="texts of the squares; without it, standard input")
    parser.add_argument("--key", required=True, help="the log's public key, base64")
    parser.add_argument("--proof", help="the proof file from the verify page")
    parser.add_argument("--paper", help="the text of the paper, to be compared")
    given = parser.parse_args(arguments)
    try:
        key = base64.b64decode(given.key, validate=True)
        if given.file:
            with open(given.file, encoding="utf-8") as file:
                receipt = read_squares(file)
        else:
            receipt = read_squares(sys.stdin)
        verify(receipt, key)
        print("\n".join(described(receipt)))  # noqa: T201 — a program of its own: this is its answer
        if given.proof:
            with open(given.proof, encoding="utf-8") as file:
                print(f"Log entry {verify_proof(receipt, json.load(file), key)} is in the signed log.")  # noqa: T201 — as above
        if given.paper:
            with open(given.paper, encoding="utf-8") as file:
                lacking = compare(receipt, file.read())
            if lacking:
                raise Bad("The paper was changed. " + " ".join(lacking))
            print("The paper says the same.")  # noqa: T201 — as above
        print("GENUINE: the security module signed exactly this. Compare it with the paper.")  # noqa: T201 — as above
    except (Bad, OSError, ValueError) as problem:
        print(f"DOES NOT HOLD: {problem}", file=sys.stderr)  # noqa: T201 — as above
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A thousand receipts of the real module pass; each of a thousand single changes to receipt, log or head fails.

The verifier shares no code with the writer (`lint-imports`, contract *Verifiers*), and its own Ed25519 says the same as the
library's. The browser's verifier is held against the same receipts in `tests/web/verify/`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keystore_cast
import pytest

from vending.receipts import qr, verify_receipt
from vending.receipts.verify_receipt import Bad, Receipt
from vending.vends.content import canonical, content_hash

CHANCE = random.Random(1999)


@dataclass(frozen=True)
class Made:
    squares: tuple[str, ...]
    content: dict[str, Any]
    sequence: int


def sold(number: int, orders: int = 1) -> tuple[dict[str, Any], list[Any]]:
    """The content of a sale, and the meters it is for."""
    meters = [keystore_cast.meter() for _ in range(orders)]
    lines = [
        {"id": "energy", "kind": "energy", "label": "Électricité 电力 كهرباء", "why": "", "amount_minor": 117026 + number,
         "parts": [["500.0", "kWh", "2.18", "block 1"], [f"{number / 10}", "kWh", "2.64", "block 2"]]},
        {"id": "vat", "kind": "tax", "label": "VAT", "why": "15 %", "amount_minor": 17606, "percent": "15"},
    ]  # fmt: skip
    content = {
        "form": "ampoule-slip/1", "receipt": f"N1-{number:06d}", "sold_at": f"2026-11-20T10:{number % 60:02d}:00+02:00",
        "currency": "ZAR", "total_minor": (134632 + number) * orders,
        "orders": [
            {"order": f"{number}-{place}", "kind": "credit", "meter": meter.pan, "service": "electricity", "units": 100,
             "tariff": "retail version 7", "paid_minor": 134632 + number, "lines": lines}
            for place, meter in enumerate(meters)
        ],
    }  # fmt: skip
    return content, meters


def issue(module: keystore_cast.Module, count: int, orders: int = 1) -> list[Made]:
    """Sales in groups, as a site makes them."""
    made = []
    numbers = list(range(1, count + 1))
    while numbers:
        group, numbers = numbers[: 64 // orders], numbers[64 // orders :]
        contents = [sold(number, orders) for number in group]
        answers = iter(
            module.issue(
                [
                    keystore_cast.credit(meter, units=1, content_hash=content_hash(content))
                    for content, meters in contents
                    for meter in meters
                ]
            )
        )
        for content, meters in contents:
            issued: list[Any] = [next(answers) for _ in meters]
            entries = [
                qr.Entry(place, one.sequence, one.salt, one.leaf, one.signature, one.tokens)
                for place, one in enumerate(issued)
            ]
            made.append(
                Made(qr.squares(issued[0].log, canonical(content), entries), content, issued[0].sequence)
            )
    return made


def proof_of(module: keystore_cast.Module, sequence: int) -> dict[str, Any]:
    found = module.proof(sequence)
    return {
        "leaf_data": found.leaf_data,
        "leaf": found.leaf,
        "path": list(found.path),
        "note": found.checkpoint.note,
    }


def holds(squares: tuple[str, ...], key: bytes, proof: dict[str, Any] | None = None) -> bool:
    try:
        receipt = verify_receipt.read_squares(squares)
        verify_receipt.verify(receipt, key)
        if proof is not None:
            verify_receipt.verify_proof(receipt, proof, key)
    except Bad:
        return False
    return True


def other_digit(text: str, at: int) -> str:
    return text[:at] + CHANCE.choice("0123456789".replace(text[at], "")) + text[at + 1 :]


def with_mended_mark(squares: tuple[str, ...], change: Any) -> tuple[str, ...]:
    """A careful forger: alters what the square carries and makes the checksum fit again."""
    receipt = verify_receipt.read_squares(squares)
    forged, content = change(receipt, json.loads(receipt.content_bytes))
    entries = [
        qr.Entry(one.order, one.sequence, one.salt.hex(), one.leaf, base64.b64encode(one.signature).decode(), tuple(one.tokens))
        for one in forged.entries
    ]  # fmt: skip
    return qr.squares(forged.log, canonical(content), entries)


def test_a_thousand_receipts_pass_and_a_thousand_changes_fail(module: keystore_cast.Module) -> None:
    key = module.engine.log.public_key
    made = issue(module, 1000)
    proofs = {one.sequence: proof_of(module, one.sequence) for one in made[::4]}
    for one in made:
        assert holds(one.squares, key, proofs.get(one.sequence)), one.content["receipt"]
        assert verify_receipt.read_squares(one.squares).content == one.content

    untouched = with_mended_mark(made[0].squares, lambda receipt, content: (receipt, content))
    assert holds(untouched, key), (
        "the forger's tools alone break nothing: what fails below fails for its change"
    )
    for number, one in enumerate(made):
        kind = number % 5
        if kind == 0:  # one digit of the square's text
            (text,) = one.squares
            forged = (other_digit(text, CHANCE.randrange(8, len(text))),)
            assert not holds(forged, key), text
        elif (
            kind == 1
        ):  # an amount, the date, a meter or the number in the content, with every checksum mended
            assert not holds(with_mended_mark(one.squares, altered_content), key)
        elif kind == 2:  # a token's digit, the salt, the leaf, the signature, the entry's number
            assert not holds(with_mended_mark(one.squares, altered_entry), key)
        elif kind == 3:  # the log: a word of the entry, or a step of its path
            assert not holds(one.squares, key, altered_proof(proof_of(module, one.sequence), head=False))
        else:  # the head
            assert not holds(one.squares, key, altered_proof(proof_of(module, one.sequence), head=True))


def altered_content(receipt: Receipt, content: dict[str, Any]) -> tuple[Receipt, dict[str, Any]]:
    order = CHANCE.choice(content["orders"])
    line = CHANCE.choice(order["lines"])

    def amount() -> None:
        line["amount_minor"] += CHANCE.choice((-1, 1, 9000))

    def total() -> None:
        content["total_minor"] += 100

    def date() -> None:
        content["sold_at"] = content["sold_at"].replace("-20T", "-21T")

    def number() -> None:
        content["receipt"] = other_digit(content["receipt"], 6)

    def meter() -> None:
        order["meter"] = other_digit(order["meter"], CHANCE.randrange(6, 18))

    def units() -> None:
        order["units"] += 1

    CHANCE.choice((amount, total, date, number, meter, units))()
    return receipt, content


def altered_entry(receipt: Receipt, content: dict[str, Any]) -> tuple[Receipt, dict[str, Any]]:
    (entry,) = receipt.entries

    def flipped(data: bytes) -> bytes:
        at = CHANCE.randrange(len(data) * 8)
        return bytes(one ^ (1 << at % 8 if place == at // 8 else 0) for place, one in enumerate(data))

    forged = CHANCE.choice(
        (
            replace(entry, tokens=[other_digit(entry.tokens[0], CHANCE.randrange(20))]),
            replace(entry, salt=flipped(entry.salt)),
            replace(entry, leaf=flipped(bytes.fromhex(entry.leaf)).hex()),
            replace(entry, signature=flipped(entry.signature)),
            replace(entry, sequence=entry.sequence + 1),
        )
    )
    return replace(receipt, entries=[forged]), content


def altered_proof(proof: dict[str, Any], *, head: bool) -> dict[str, Any]:
    def other_letter(text: str, at: int) -> str:
        return text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1 :]

    if head:
        end = proof["note"].rindex("\n")
        lines = [at for at in range(end) if proof["note"][at] not in "\n "]
        return proof | {"note": other_letter(proof["note"], CHANCE.choice(lines))}
    if proof["path"] and CHANCE.random() < 0.5:
        step = CHANCE.randrange(len(proof["path"]))
        path = list(proof["path"])
        path[step] = other_letter(path[step], CHANCE.randrange(64))
        return proof | {"path": path}
    data = proof["leaf_data"]
    return proof | {"leaf_data": other_letter(data, CHANCE.randrange(len(data)))}


def test_its_own_signatures_are_the_library_s(module: keystore_cast.Module) -> None:
    key = module.engine.log.public_key
    for one in issue(module, 12):
        receipt = verify_receipt.read_squares(one.squares)
        verify_receipt.verify(receipt, key, verify_receipt.ed25519)
        with pytest.raises(Bad):
            verify_receipt.verify(receipt, hashlib.sha256(key).digest(), verify_receipt.ed25519)
        signature = receipt.entries[0].signature
        for wrong in (b"\x00" + signature[1:], signature[:32] + b"\xff" * 32, signature[:63], bytes(64)):
            receipt.entries[0].signature = wrong
            with pytest.raises(Bad):
                verify_receipt.verify(receipt, key, verify_receipt.ed25519)


def test_a_paper_of_many_squares_needs_all_of_them_and_in_any_order(module: keystore_cast.Module) -> None:
    key = module.engine.log.public_key
    first, second = issue(module, 2, orders=8)
    assert len(first.squares) > 1
    assert holds(tuple(reversed(first.squares)), key)
    assert not holds(first.squares[:-1], key)
    assert not holds((*first.squares[:-1], second.squares[-1]), key)
    with pytest.raises(Bad, match="number 2 is missing"):
        verify_receipt.read_squares(first.squares[:1])


@pytest.mark.parametrize(
    "text",
    ["", "hello", "AMPOULE2", "AMPOULE2 12", "AMPOULE2" + "9" * 34, "AMPOULE1{}", "AMPOULE2" + "0" * 400],
)
def test_refuses_what_is_not_a_square(text: str) -> None:
    with pytest.raises(Bad):
        verify_receipt.read_squares([text])


def test_the_paper_itself_is_compared(module: keystore_cast.Module) -> None:
    """Each figure of the paper's text, changed by one, is noticed; other layouts and separators are not a change."""
    (one,) = issue(module, 1)
    receipt = verify_receipt.read_squares(one.squares)
    (token,) = receipt.entries[0].tokens
    grouped = " ".join(token[at : at + 4] for at in range(0, 20, 4))
    paper = f"Tax invoice N1-000001  20 Nov 2026 10:01\n{grouped}\nElectricity 1,170.27\nVAT 15 % 176.06\nPaid R 1,346.33"
    assert verify_receipt.compare(receipt, paper) == []
    assert verify_receipt.compare(receipt, paper.replace("1,170.27", "1\u202f170,27")) == []
    for at in [at for at, letter in enumerate(paper) if letter.isdigit()]:
        if "15 %" in (paper[at : at + 4], paper[at - 1 : at + 3]):
            continue  # the rate stands in a sentence that each language words in its own way
        assert verify_receipt.compare(receipt, other_digit(paper, at)), paper[at - 5 : at + 5]


def test_it_runs_alone_and_says_what_it_found(module: keystore_cast.Module, tmp_path: Path) -> None:
    (one,) = issue(module, 1)
    key = base64.b64encode(module.engine.log.public_key).decode()
    program = tmp_path / "verify_receipt.py"
    program.write_bytes(Path(verify_receipt.__file__).read_bytes())
    (tmp_path / "proof.json").write_text(json.dumps(proof_of(module, one.sequence)))

    def run(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", str(program), "--key", key, *options],
            input=text, capture_output=True, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip

    good = run("\n".join(one.squares), "--proof", "proof.json")
    assert good.returncode == 0, good.stderr
    assert "GENUINE" in good.stdout
    assert "ZAR 1,346.33" in good.stdout
    assert f"Log entry {one.sequence} is in the signed log" in good.stdout
    bad = run(other_digit(one.squares[0], 300))
    assert bad.returncode == 1
    assert re.match("DOES NOT HOLD: .*", bad.stderr)


def test_a_content_that_unpacks_without_end_is_refused() -> None:
    squares = qr.squares("ampoule/x", b"0" * (verify_receipt.LARGEST_CONTENT + 1), [])
    with pytest.raises(Bad, match="cannot be read"):
        verify_receipt.read_squares(squares)


def test_writer_verifiers_and_document_hold_the_same_dictionary() -> None:
    root = Path(verify_receipt.__file__).parents[2]
    document = (root / "docs" / "reference" / "receipt-qr.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```text\n(.*?)\n```", document, re.DOTALL)
    script = (root / "static" / "verify.js").read_text(encoding="utf-8")
    in_script = "".join(re.findall(r"'([^'\n]*)'", script[: script.index("const WIDTHS")]))
    assert qr.DICTIONARY == verify_receipt.DICTIONARY == told.replace("\n", "").encode() == in_script.encode()

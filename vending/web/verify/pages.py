"""`/verify`: is this paper real? From the text of its squares alone, for everybody, without sign-in.

The page says nothing that the squares do not say: whoever holds the paper has them, and whoever has not learns nothing by
guessing, because an answer needs the module's signature first. It adds what only the seller can: that the entry is in the
signed log (with a proof file to take away) and that the sale stands in the books. The signature is checked by the same
stand-alone file that anybody may carry away. The text comes in the body of a form and never in an address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, g, render_template, request, url_for

from keystore.errors import KeystoreError
from keystore.module import Proof
from vending.errors import NotFound
from vending.receipts import verify_receipt
from vending.receipts.verify_receipt import Bad, Receipt
from vending.services import Services
from vending.vends import queries
from vending.web import gate, words
from vending.web.verify import alone
from vending.web.verify.pace import Pace
from vending.web.words import _

room = Blueprint("verify", __name__, url_prefix="/verify")

LONGEST_TEXT = 64 * 1024
PACE = Pace(each=30, all=600)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a paper turned out to be. `why` is empty when its signature holds."""

    receipt: Receipt | None
    why: str
    proof: Proof | None
    in_books: bool
    reversed: bool


@room.get("")
@gate.needs(gate.PUBLIC)
def ask() -> Any:
    return _page("", None)


@room.post("")
@gate.needs(gate.PUBLIC)
def check() -> Any:
    text = request.form.get("text", "")
    if not PACE.allows(request.remote_addr or "", time.monotonic()):
        return _page(text, None, error=_("Many papers were checked from here just now. Wait a minute, or use the check that runs alone.")), 429  # fmt: skip
    if len(text) > LONGEST_TEXT:
        return _page("", None, error=_("This is longer than the text of any receipt's squares.")), 422
    if not text.strip():
        return _page("", None, error=_("There is no text. Scan the square on the paper first.")), 422
    try:
        key = _key(g.services)
    except KeystoreError:
        return _page(text, None, error=_("The signed log cannot be asked now. Nothing is wrong with your paper; use the check that runs alone, or come again.")), 503  # fmt: skip
    return _page(text, _checked(g.services, text, key))


@room.post("/proof")
@gate.needs(gate.PUBLIC)
def proof() -> Any:
    """The proof file of a paper whose signature holds."""
    text = request.form.get("text", "")
    if not PACE.allows(request.remote_addr or "", time.monotonic()):
        return _page(text, None, error=_("Many papers were checked from here just now. Wait a minute, or use the check that runs alone.")), 429  # fmt: skip
    try:
        found = _checked(g.services, text[:LONGEST_TEXT], _key(g.services))
    except KeystoreError:
        found = None
    if found is None or found.proof is None or found.receipt is None:
        return _page(text, found), 422
    body = {
        "leaf_data": found.proof.leaf_data,
        "leaf": found.proof.leaf,
        "path": list(found.proof.path),
        "note": found.proof.checkpoint.note,
    }
    name = "".join(
        letter for letter in str(found.receipt.content["receipt"]) if letter.isalnum() or letter == "-"
    )
    return _file(json.dumps(body, indent=1), "application/json", f"proof-{name}.json")


@room.get("/alone")
@gate.needs(gate.PUBLIC)
def alone_file() -> Any:
    """One file that checks papers without us and without a network: to be saved and opened."""
    services: Services = g.services
    try:
        status = services.module.status()
    except KeystoreError:
        return _page("", None, error=_("The signed log cannot be asked now. Come again in a minute.")), 503
    static = Path(current_app.static_folder or "static")
    page = render_template(
        "verify/alone.html",
        language=words.of_page(),
        log=status.log,
        key=status.public_key,
        script=(static / "verify.js").read_text(encoding="utf-8"),
        sentences=alone.sentences(words.of_page()),
    )
    return _file(page, "text/html; charset=utf-8", f"verify-{status.log.rsplit('/', 1)[-1][:8]}.html")


@room.get("/verify_receipt.py")
@gate.needs(gate.PUBLIC)
def python_file() -> Any:
    """The same for people who would rather read it: a program that imports nothing of ours."""
    source = Path(verify_receipt.__file__).read_text(encoding="utf-8")
    return _file(source, "text/x-python; charset=utf-8", "verify_receipt.py")


def _file(text: str, kind: str, name: str) -> Response:
    answer = Response(text, content_type=kind)
    # Saved and opened from there; inside this site its script would not run (headers.py).
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _key(services: Services) -> bytes:
    return base64.b64decode(services.module.status().public_key)


def _checked(services: Services, text: str, key: bytes) -> Checked:
    pieces = text.upper().split(verify_receipt.NAME)
    try:
        if pieces[0].strip():
            raise Bad(
                _(
                    "This is not the text of a receipt's square: it does not begin with %(name)s.",
                    name=verify_receipt.NAME,
                )
            )
        receipt = verify_receipt.read_squares([verify_receipt.NAME + piece for piece in pieces[1:]])
        verify_receipt.verify(receipt, key)
    except Bad as bad:
        return Checked(None, str(bad), None, in_books=False, reversed=False)
    proof = None
    try:
        proof = services.module.proof(receipt.entries[0].sequence)
        told = {"leaf_data": proof.leaf_data, "path": list(proof.path), "note": proof.checkpoint.note}
        verify_receipt.verify_proof(receipt, told, key)
    except (KeystoreError, Bad):
        proof = None
    in_books, reversed_ = _in_books(services, receipt)
    return Checked(receipt, "", proof, in_books, reversed_)


def _in_books(services: Services, receipt: Receipt) -> tuple[bool, bool]:
    """The same content stands under the same number; and whether the sale was taken back since."""
    with services.db.reading() as session:
        try:
            sale = queries.one_by_receipt(session, str(receipt.content["receipt"]))
        except NotFound:
            return False, False
    same = sale.content_hash == hashlib.sha256(receipt.content_bytes).hexdigest()
    return same and sale.state in ("issued", "reversed"), same and sale.state == "reversed"


# --- in words ---------------------------------------------------------------------------------------------------------


def _page(text: str, checked: Checked | None, *, error: str = "") -> str:
    return render_template(
        "verify/verify.html",
        form={
            "action": url_for("verify.check"),
            "text": text if error or checked is None else "",
            "error": error,
        },
        answer=_answer(checked) if checked is not None else None,
        proof_form={"action": url_for("verify.proof"), "text": text}
        if checked is not None and checked.proof is not None
        else None,
        offline_url=url_for("verify.alone_file"),
        program_url=url_for("verify.python_file"),
    )


def _answer(checked: Checked) -> dict[str, Any]:
    if checked.receipt is None:
        return {
            "state": "now",
            "title": _("This paper is not real, or was changed."),
            "money": checked.why,
            "content": [],
            "steps": [_("Scan the square again, whole and flat, to be sure."), _("Keep the paper."), _("Call the manager and say the number of the receipt.")],
            "proof": [],
        }  # fmt: skip
    state, title, money = (
        "on",
        _("This paper is real."),
        _(
            "The security module signed exactly this. Compare every line with the paper: a figure that differs was changed on the paper."
        ),
    )
    if checked.reversed:
        state, title = "half", _("This paper is real, and the sale was taken back since.")
    elif checked.proof is None or not checked.in_books:
        state, title = "half", _("The signature is real, but the books could not confirm it.")
        money = _("Call the manager and say the number of the receipt.")
    return {
        "state": state,
        "title": title,
        "money": money,
        "content": _lines(checked.receipt),
        "steps": [],
        "proof": _proof(checked),
    }


def _lines(receipt: Receipt) -> list[tuple[str, str]]:
    content, spoken = receipt.content, words.of_page()
    code = str(content["currency"])
    rows = [
        (_("Receipt"), str(content["receipt"])),
        (_("Sold at"), str(content["sold_at"]).replace("T", " ")),
    ]
    for place, order in enumerate(content["orders"]):
        if order.get("meter"):
            rows.append((_("Meter"), words.meter_number(str(order["meter"])[6:17])))
        rows += [
            (str(line["label"]), spoken.money(int(line["amount_minor"]), code))
            for line in order.get("lines", ())
        ]
        for entry in receipt.entries:
            if entry.order == place:
                rows += [
                    (_("Token"), " ".join(token[at : at + 4] for at in range(0, 20, 4)))
                    for token in entry.tokens
                ]
    rows.append((_("Total"), spoken.total(int(content["total_minor"]), code)))
    return rows


def _proof(checked: Checked) -> list[tuple[str, str]]:
    assert checked.receipt is not None
    entries = ", ".join(str(entry.sequence) for entry in checked.receipt.entries)
    rows = [(_("Log"), checked.receipt.log), (_("Log entry"), entries)]
    if checked.proof is not None:
        rows.append((_("Signed head of the log"), checked.proof.checkpoint.short))
    rows.append((_("In the books"), _("yes") if checked.in_books else _("not confirmed")))
    return rows

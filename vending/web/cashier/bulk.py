"""Selling from a list at the desk: a dry run that names every faulty row, then sale after sale, seen as it goes, and resumed.

The list is sold a few groups at a time, one request after the other, so that the page always tells how far it is; what was
sold stands in the books and not in this page's memory. After a crash, a closed browser or a lost line the same page goes on
where the books say that it ended, and the same file again sells nothing twice (`vends/bulk.py`).
"""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from vending.errors import InvalidInput, VendingError
from vending.payments.tender import Tender
from vending.services import Services
from vending.vends import bulk
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _, plural

room = Blueprint("bulk", __name__, url_prefix="/cashier/bulk")

LARGEST_FILE = 8 * 1024 * 1024
KEPT_S = 3 * 24 * 3600
AT_ONCE = 2 * bulk.GROUP  # rows of one request: some seconds at most, so that the page moves
_NAME = re.compile(r"[0-9a-f]{32}")
WAYS = ("transfer", "cheque", "card")  # money for a list is not counted into a drawer


@dataclass(frozen=True, slots=True)
class Kept:
    """A list that is on its way, with how its money came."""

    name: str
    path: Path
    called: str
    way: str
    reference: str
    by: str

    @property
    def tender(self) -> Tender:
        return Tender(self.way, None, self.reference)


def _folder() -> Path:
    services: Services = g.services
    folder = services.settings.folder / "bulk"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink(missing_ok=True)
    return folder


def _keep(file: FileStorage, suffix: str, way: str, reference: str) -> Kept:
    name = secrets.token_hex(16)
    path = _folder() / f"{name}{suffix}"
    file.save(path)
    told = {
        "site": places.of_request().site_key, "by": g.actor.key, "way": way, "reference": reference,
        "called": (file.filename or "")[:80], "suffix": suffix,
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
    return Kept(name, path, told["called"], way, reference, g.actor.key)


def _kept(name: str) -> Kept:
    """The list of that name, for who brought it, at its site."""
    gone = forms.gone(
        _("That list is not kept any more. Choose the file again: what was sold of it is not sold twice.")
    )
    if not _NAME.fullmatch(name):
        raise gone
    note = _folder() / f"{name}.json"
    if not note.is_file():
        raise gone
    told = json.loads(note.read_text(encoding="utf-8"))
    path = note.with_suffix(told["suffix"])
    if told["site"] != places.of_request().site_key or told["by"] != g.actor.key or not path.is_file():
        raise gone
    return Kept(name, path, told["called"], told["way"], told["reference"], told["by"])


def _unfinished() -> list[dict[str, str]]:
    found = []
    for note in sorted(_folder().glob("*.json")):
        told = json.loads(note.read_text(encoding="utf-8"))
        if told["by"] == g.actor.key and told["site"] == places.of_request().site_key:
            found.append({"text": told["called"], "url": url_for("bulk.show", name=note.stem)})
    return found


@room.route("", methods=["GET", "POST"])
@gate.needs("sale.make")
def start() -> Any:
    services: Services = g.services
    if request.method == "GET":
        return _page()
    request.max_content_length = LARGEST_FILE + 64 * 1024
    file = request.files.get("file")
    suffix = Path(file.filename or "").suffix.lower() if file is not None else ""
    try:
        if file is None or suffix not in (".csv", ".xlsx"):
            raise InvalidInput(_("Choose a file that ends in .csv or .xlsx."), "file")
        way, reference = request.form.get("way", ""), forms.text("reference", most=80)
        if way not in WAYS:
            raise InvalidInput(_("Choose how the money for the list came."), "way")
        if len(reference) < 3:
            raise InvalidInput(
                _("Type the reference of the payment: it stands in the books with every sale of the list."),
                "reference",
            )
        kept = _keep(file, suffix, way, reference)
        trial = bulk.dry_run(
            services.db, services.clock, kept.path, places.of_request().site_key, kept.tender
        )
    except VendingError as refused:
        return _page(refused), 422
    if trial.faults:
        _drop(kept)
        return _faults(kept, trial), 422
    return redirect(url_for("bulk.show", name=kept.name), 303)


def _drop(kept: Kept) -> None:
    kept.path.unlink(missing_ok=True)
    kept.path.with_suffix(".json").unlink(missing_ok=True)


def _crumbs(*more: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"label": _("Till"), "url": url_for("till.desk")},
        {"label": _("Sell from a list"), "url": url_for("bulk.start") if more else ""},
        *more,
    ]


def _page(refused: VendingError | None = None) -> str:
    at = refused.field if isinstance(refused, InvalidInput) else None
    return render_template(
        "cashier/bulk.html",
        page={
            "title": _("Sell from a list"),
            "crumbs": _crumbs(),
            "intro": _(
                "An employer, a letting agent or a fund pays for many meters at once. First a dry run names every row that does not fit; then each row is a sale with its own receipt and token."
            ),
        },
        form={
            "action": url_for("bulk.start"),
            "ways": [{"value": one, "label": words.way(one)} for one in WAYS],
            "way": request.form.get("way", "transfer"),
            "reference": request.form.get("reference", ""),
            "error": words.refusal(refused.sentence) if refused else "",
            "error_field": at or "",
        },
        columns=[
            ["meter", _("The number of the meter"), _("needed")],
            ["amount", _("Money, such as 150.00"), _("this or units")],
            ["units", _("Units, such as 42.7"), _("this or amount")],
            ["order", _("A name of the row: the same name is never sold twice"), ""],
        ],
        unfinished=_unfinished(),
    )


def _faults(kept: Kept, trial: bulk.Trial) -> str:
    return render_template(
        "cashier/bulk_run.html",
        page={
            "title": _("Dry run"),
            "crumbs": _crumbs({"label": _("Dry run"), "url": ""}),
            "facts": [kept.called, plural("%(num)s row", "%(num)s rows", trial.rows)],
            "lamp": {
                "state": "now",
                "text": plural("%(num)s row does not fit", "%(num)s rows do not fit", len(trial.faults)),
            },
        },
        figures_list=[],
        run=None,
        progress=None,
        text=_("Nothing was sold. Mend these rows and choose the file again."),
        columns=[{"label": _("Row")}, {"label": _("What is wrong")}],
        rows=[[str(fault.row), words.refusal(fault.sentence)] for fault in trial.faults[:500]],
        again=url_for("bulk.start"),
        exported=[],
    )


@room.get("/<name>")
@gate.needs("sale.make")
def show(name: str) -> Any:
    """How far the list is, from the books; with what was refused, and the next step."""
    services: Services = g.services
    place = places.of_request()
    kept = _kept(name)
    rows = bulk.standing(services.db, kept.path, place.site_key)
    if request.args.get("as"):
        return _table(kept, rows)
    done = [one for one in rows if one.state]
    refused = [one for one in rows if one.state and one.state not in ("issued", "paid")]
    left = len(rows) - len(done)
    paid = sum(one.paid_minor for one in done)
    figures = [
        {"label": _("Sold"), "value": f"{len(done)} / {len(rows)}"},
        {"label": _("Paid for"), "value": words.total(paid, place.currency)},
    ]
    if left and not done:
        trial = bulk.dry_run(services.db, services.clock, kept.path, place.site_key, kept.tender)
        figures[1] = {"label": _("To pay"), "value": words.total(trial.total_minor, place.currency)}
    first = left == len(rows)
    after = request.args.get("after", "0")
    tried = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
    ahead = sum(1 for one in rows if not one.state and one.row > tried)
    return render_template(
        "cashier/bulk_run.html",
        page={
            "title": _("Sell from a list"),
            "crumbs": _crumbs({"label": kept.called, "url": ""}),
            "facts": [words.way(kept.way), kept.reference],
            "lamp": {"state": "half" if left else "on", "text": _("not finished") if left else _("all sold")},
        },
        figures_list=figures,
        progress={"done": len(done), "all": len(rows)},
        run={
            "action": url_for("bulk.run", name=name),
            "label": plural("Sell %(num)s row", "Sell all %(num)s rows", left)
            if first
            else plural("Go on with %(num)s row", "Go on with %(num)s rows", left),
            "after": str(tried) if ahead else "0",
            "goes_on": request.args.get("on") == "1" and ahead > 0,
        }
        if left
        else None,
        text="",
        columns=[{"label": _("Row")}, {"label": _("Meter")}, {"label": _("State")}, {"label": _("Why not")}],
        rows=[[str(one.row), one.meter, one.state, words.refusal(one.refusal)] for one in refused[:500]],
        again=url_for("bulk.start"),
        exported=listing.exports(own=True) if done else [],
    )


@room.post("/<name>/run")
@gate.needs("sale.make")
def run(name: str) -> Any:
    """The next rows that are not sold yet. The same request again finds them sold and takes the ones after them."""
    services: Services = g.services
    place = places.of_request()
    kept = _kept(name)
    rows = bulk.standing(services.db, kept.path, place.site_key)
    after = request.form.get("after", "0")
    tried = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
    next_ones = [one.row for one in rows if not one.state and one.row > tried][:AT_ONCE]
    refused = [
        sold
        for sold in bulk.run(
            services.db,
            services.sales.submit_all,
            kept.path,
            place.site_key,
            kept.tender,
            seller_key=g.actor.key,
            seller_name=g.actor.name,
            only=frozenset(next_ones),
        )
        if sold.state == "not sold"
    ]
    for one in refused[:5]:
        # No order was written for such a row, so the books do not know it: the reason is said here, once.
        flash(_("Row %(row)s was not sold: %(why)s", row=one.row, why=words.refusal(one.refusal)))
    # The page goes on by itself while there is something it has not tried yet; a row that was refused waits for a person.
    goes_on: dict[str, Any] = {"on": "1", "after": next_ones[-1]} if next_ones else {}
    return redirect(url_for("bulk.show", name=name, **goes_on), 303)


def _table(kept: Kept, rows: list[bulk.Sold]) -> Any:
    code = places.of_request().currency
    return listing.answer(
        Listing(
            name="sold-from-a-list",
            own=True,
            page={},
            columns=[Column(one, one) for one in ("row", "meter", "receipt", "state", "paid", "units", "tokens", "why not")],
            fetch=listing.whole(
                [
                    [
                        Cell(str(one.row), one.row),
                        one.meter,
                        one.receipt,
                        one.state or "not yet",
                        Cell("", words.plain_money(one.paid_minor, code)),
                        Cell("", one.units / 10),
                        " ".join(one.tokens),
                        one.refusal,
                    ]
                    for one in rows
                ]
            ),
            nothing={},
        )
    )  # fmt: skip

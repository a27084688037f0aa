"""Bringing in a list from a spreadsheet: first a dry run that names every faulty cell, then all of it or nothing.

What is brought in by a page is small (at most 8 MB); a list of a hundred thousand comes by `ampoule estate import`. The file
of a dry run is kept until it is brought in or an hour has passed, so that nobody chooses another one in between.
"""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.errors import InvalidInput, VendingError
from vending.estate import columns, importing
from vending.services import Services
from vending.web import forms, gate, places, words
from vending.web.manager.estate import crumbs
from vending.web.words import _, plural

room = Blueprint("imports", __name__, url_prefix="/manager/import")

LARGEST_FILE = 8 * 1024 * 1024
KEPT_S = 3600
_NAME = re.compile(r"^[0-9a-f]{32}-(units|tenants|meters)\.(csv|xlsx)$")


def kinds() -> list[tuple[str, str]]:
    return [("units", _("units")), ("tenants", _("tenants and who moves in")), ("meters", _("meters"))]


def _folder() -> Path:
    services: Services = g.services
    folder = services.settings.folder / "imports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink(missing_ok=True)
    return folder


@room.route("", methods=["GET", "POST"])
@gate.needs("estate.import", most_bytes=LARGEST_FILE + 64 * 1024)
def start() -> Any:
    services: Services = g.services
    place = places.of_request()
    if request.method == "GET":
        return _page()
    kind, file = request.form.get("kind", ""), request.files.get("file")
    try:
        if kind not in dict(kinds()):
            raise InvalidInput(_("Choose what the list holds."), "kind")
        suffix = Path(file.filename or "").suffix.lower() if file is not None else ""
        if file is None or suffix not in (".csv", ".xlsx"):
            raise InvalidInput(_("Choose a file that ends in .csv or .xlsx."), "file")
        path = _folder() / f"{secrets.token_hex(16)}-{kind}{suffix}"
        file.save(path)
        report = importing.dry_run(
            services.db, services.clock, g.actor, path, kind=kind, site=place.site_key,
            tid_offset_minutes=_offset(),
        )  # fmt: skip
    except VendingError as refused:
        return _page(refused, kind), 422
    if not report.is_clean:
        path.unlink(missing_ok=True)
    return _result(report, path.name, kind)


def _offset() -> int:
    offset = forms.signed_number(forms.text("offset") or "0", most=16 * 60)
    if offset is None:
        raise InvalidInput(_("The offset is a whole number of minutes."), "offset")
    return offset


def _page(refused: VendingError | None = None, kind: str = "units") -> str:
    at = refused.field if isinstance(refused, InvalidInput) else None
    return render_template(
        "manager/import.html",
        page={
            "title": _("Bring in a list"),
            "crumbs": crumbs((_("Bring in a list"), "")),
            "intro": _("First a dry run names every cell that does not fit; then the whole list is brought in, or nothing of it."),
        },
        form={
            "action": url_for("imports.start"),
            "kinds": [{"value": value, "label": label} for value, label in kinds()],
            "kind": kind,
            "error": words.refusal(refused.sentence) if refused else "",
            "error_field": at or "",
        },
        lists=[
            {
                "title": label.capitalize(),
                "columns": [[column.name, words.refusal(column.says), _("needed") if column.needed else ""] for column in columns.LISTS[value]],
            }
            for value, label in kinds()
        ],
    )  # fmt: skip


def _result(report: importing.Report, name: str, kind: str) -> Any:
    clean = report.is_clean
    return render_template(
        "manager/import_result.html",
        page={
            "title": _("Dry run"),
            "crumbs": crumbs((_("Bring in a list"), url_for("imports.start")), (_("Dry run"), "")),
            "facts": [
                dict(kinds())[kind],
                plural("%(num)s row", "%(num)s rows", report.rows),
            ],
            "lamp": {
                "state": "on" if clean else "now",
                "text": _("everything fits")
                if clean
                else plural("%(num)s cell does not fit", "%(num)s cells do not fit", report.fault_count),
            },
        },
        columns=[{"label": _("Cell")}, {"label": _("Column")}, {"label": _("It says")}, {"label": _("What is wrong")}],
        rows=[[fault.cell, fault.column, fault.value, words.refusal(fault.sentence)] for fault in report.faults[:200]],
        more=plural("%(num)s more is not shown.", "%(num)s more are not shown.", report.fault_count - 200)
        if report.fault_count > 200
        else "",
        run={"action": url_for("imports.run"), "file": name, "offset": request.form.get("offset", ""), "label": plural("Bring in %(num)s row", "Bring in all %(num)s rows", report.rows)}
        if clean
        else None,
        again=url_for("imports.start"),
    ), 200 if clean else 422  # fmt: skip


@room.post("/run")
@gate.needs("estate.import")
def run() -> Any:
    services: Services = g.services
    place = places.of_request()
    name = request.form.get("file", "")
    found = _NAME.match(name)
    path = _folder() / name if found else None
    if found is None or path is None or not path.is_file():
        raise InvalidInput(_("That file is not kept any more. Choose it again for a new dry run."))
    try:
        report = importing.run(
            services.db, services.clock, g.actor, path, kind=found[1], site=place.site_key,
            tid_offset_minutes=_offset(),
        )  # fmt: skip
    finally:
        path.unlink(missing_ok=True)
    return forms.done(
        plural("%(num)s row was brought in.", "%(num)s rows were brought in.", report.imported),
        url_for(f"estate.{found[1]}"),
    )

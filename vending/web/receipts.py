"""The receipt on the screen and as a file; on paper by the browser's print. Its words are its customer's, the page's are the
reader's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from markupsafe import Markup

from vending.errors import NotFound
from vending.receipts import pdf, qr
from vending.receipts import service as receipts
from vending.receipts.wording import Paper, Ruler
from vending.services import Services
from vending.vends import queries
from vending.web import gate, places
from vending.web.words import _

room = Blueprint("receipts", __name__, url_prefix="/cashier/receipts")

PAPERS = {"80": "80 mm", "58": "58 mm", "a5": "A5", "a4": "A4"}


@room.get("/<key>")
@gate.needs("sale.make")
def show(key: str) -> Any:
    services = _here(key)
    slip = receipts.paper(services.db, services.clock, key, test=services.settings.is_demonstration)
    paper = request.args.get("paper", "a5")
    paper = paper if paper in PAPERS else "a5"
    papers = [
        {"value": value, "label": label, "url": url_for("receipts.show", key=key, paper=value)}
        for value, label in PAPERS.items()
    ]
    papers += [
        {
            "value": "",
            "label": f"PDF {PAPERS[value]}",
            "url": url_for("receipts.as_pdf", key=key, paper=value),
        }
        for value in pdf.PAPERS
    ]
    notes = receipts.credit_notes(services.db, services.clock, key, test=services.settings.is_demonstration)
    papers += [
        {
            "value": "",
            "label": number,
            "url": url_for("receipts.credit_note", key=key, number=number, paper="a4"),
        }
        for number in notes
    ]
    return render_template(
        "cashier/receipt.html",
        paper=paper,
        papers=papers,
        slip=slip,
        squares=drawn(slip),
        scale=scale_of(slip.ruler) if slip.ruler and paper.startswith("a") else None,
        urls={"back": url_for("vends.show", key=key), "print": ""},
        print_now=request.args.get("print") == "now",
    )


@room.get("/<key>/<any(a4, a5, '80', '58'):paper>.pdf")
@gate.needs("sale.make")
def as_pdf(key: str, paper: str) -> Response:
    services = _here(key)
    made = receipts.make_pdf(services.db, services.clock, key, paper, test=services.settings.is_demonstration)
    with services.db.reading() as session:
        number = queries.one_sale(session, key).receipt
    answer = Response(made.data, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    return answer


@room.get("/<key>/credit-notes/<number>/<any(a4, a5, '80', '58'):paper>.pdf")
@gate.needs("sale.make")
def credit_note(key: str, number: str, paper: str) -> Response:
    services = _here(key)
    made = receipts.make_credit_note(
        services.db, services.clock, key, number, paper, test=services.settings.is_demonstration
    )
    if made is None:
        raise NotFound(_("There is no such credit note for this sale."))
    answer = Response(made.data, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    return answer


def _here(key: str) -> Services:
    """The services, once it is sure that the sale is this place's."""
    services: Services = g.services
    with services.db.reading() as session:
        places.refuse_elsewhere(queries.one_sale(session, key).site_key)
    return services


def drawn(slip: Paper) -> list[dict[str, Any]]:
    """The squares as drawings, each with its place among several."""
    count = len(slip.squares)
    return [
        {
            "svg": Markup(qr.svg(text)),  # noqa: S704 — our own drawing of our own digits
            "caption": slip.words.square % {"number": number, "count": count} if count > 1 else "",
        }
        for number, text in enumerate(slip.squares, 1)
    ]


def scale_of(ruler: Ruler) -> dict[str, Any]:
    """The month's ruler in the words of the drawing (glass.scale)."""
    top = max([ruler.after * 1.15, *(start * 1.1 for start, _rate in ruler.steps if start < ruler.after * 2)])
    return {
        "top": top,
        "parts": [
            (0, ruler.before, "paper-used", ""),
            (ruler.before, ruler.after, "paper-now", ""),
        ],
        "steps": [(start, "") for start, _rate in ruler.steps if start < top],
        "unit": ruler.unit,
        "label": _("What was bought this month and where the price changes"),
    }

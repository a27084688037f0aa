"""The receipt on the screen, and on paper by the browser's print."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from markupsafe import Markup

from vending.estate import queries as estate
from vending.receipts import qr
from vending.receipts.slip import Slip, SlipGroup, slip_of
from vending.services import Services
from vending.vends import queries
from vending.web import gate, places, words
from vending.web.cashier import sale_words
from vending.web.cashier.vends import meters_of, tenant_name, unit_code
from vending.web.frame import module_status
from vending.web.words import _

room = Blueprint("receipts", __name__, url_prefix="/cashier/receipts")

PAPERS = {"80": "80 mm", "58": "58 mm", "a5": "A5", "a4": "A4"}


@room.get("/<key>")
@gate.needs("sale.make")
def show(key: str) -> Any:
    slip = _worded(key)
    paper = request.args.get("paper", "a5")
    paper = paper if paper in PAPERS else "a5"
    papers = [
        {"value": value, "label": label, "url": url_for("receipts.show", key=key, paper=value)}
        for value, label in PAPERS.items()
    ]
    papers += [
        {
            "value": "",
            "label": f"PDF {value.upper()}",
            "url": url_for("receipts.as_pdf", key=key, paper=value),
        }
        for value in ("a5", "a4")
    ]
    return render_template(
        "cashier/receipt.html",
        paper=paper,
        papers=papers,
        slip=slip,
        urls={"back": url_for("vends.show", key=key), "print": ""},
        print_now=request.args.get("print") == "now",
    )


@room.get("/<key>/<any(a4, a5):paper>.pdf")
@gate.needs("sale.make")
def as_pdf(key: str, paper: str) -> Response:
    from vending.receipts import pdf

    slip = _worded(key)
    sentences = {
        "copy": _("COPY %(number)s", number=slip["copy_number"]),
        "test": _("TEST KEYS: OPENS NO REAL METER"),
        "paid": _("Paid"),
        "change": _("Change given"),
        "real": _("Is this paper real?"),
        "scan": _(
            "Scan the square. It holds the seller's signature on the money, the meter and the token; "
            "one changed digit and the check fails."
        ),
    }
    answer = Response(pdf.render(slip, paper, sentences=sentences), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{slip["number"]}.pdf"'
    return answer


def _worded(key: str) -> dict[str, Any]:
    """The slip of a sale in the words of this page's language, the same for every form of it."""
    services: Services = g.services
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
        by_key = meters_of(session, services, [vend.meter_key for vend in sale.vends])
        meters = {vend.pan: by_key[vend.meter_key] for vend in sale.vends if vend.meter_key in by_key}
        site = estate.one_site(session, sale.site_key)
    status, _sentence = module_status(services)
    # The first print is the receipt; every later one says which copy it is.
    return _words(
        slip_of(sale, copy=max(sale.copies - 1, 0)), meters, site, test=bool(status and status.test)
    )


def _words(
    slip: Slip, meters: dict[str, estate.MeterView], site: estate.SiteView, *, test: bool
) -> dict[str, Any]:
    place = places.of_request()
    buyer = next(iter(meters.values()), None)
    waits = any(group.units for group in slip.groups)
    tax_line = _("Tax number %(number)s", number=site.operator.tax_number) if site.operator.tax_number else ""
    return {
        "copy_number": slip.copy,
        "test": test,
        "seller": {
            "name": site.name,
            "legal": site.operator.name,
            "lines": [line for line in (site.address or site.operator.address, tax_line) if line],
        },
        "kind": _("Tax invoice and receipt") if tax_line else _("Receipt"),
        "number": slip.receipt,
        "at": f"{words.day(slip.sold_at, place.zone)} {words.clock_time(slip.sold_at, place.zone)}",
        "place": f"{_('Till %(till)s', till=slip.till)}, {slip.cashier}",
        "buyer": {"name": tenant_name(buyer), "lines": [_("Unit %(unit)s", unit=unit_code(buyer))]}
        if buyer and tenant_name(buyer)
        else None,
        "tokens": [
            {
                "n": token.number,
                "title": f"{unit_code(meters[token.pan])} {words.service_name(token.service)}",
                "detail": _("Meter %(number)s", number=words.meter_number(meters[token.pan].drn)),
                "units": words.units(token.units) if token.units is not None else "",
                "unit": words.unit_of(token.service),
                "digits": token.digits,
                "note": "",
                "keying": f"SGC {token.sgc} · KRN {token.krn} · TI {token.ti} · EA {token.ea} · TCT {token.tct}",
            }
            for token in slip.tokens
        ],
        "enter": [
            _(
                "Type each row of 20 digits on its own meter, then press Enter. The meter shows the energy added and says ACCEPT."
            )
        ]
        if slip.tokens
        else [_("The token is on its way. This receipt shows it as soon as it is there.")]
        if waits
        else [],
        "counted": [
            {
                "title": _group_title(group, meters),
                "lines": [_line(line, slip.currency) for line in group.lines],
            }
            for group in slip.groups
        ],
        "summary": [
            {
                "what": _group_title(group, meters),
                "amount": words.money(group.paid_minor, slip.currency),
            }
            for group in slip.groups
        ],
        "total": words.total(slip.total_minor, slip.currency),
        "total_plain": words.money(slip.total_minor, slip.currency),
        "tenders": [
            {"what": words.way(way).capitalize(), "amount": words.money(minor, slip.currency)}
            for way, minor in slip.tenders
        ],
        "change": words.money(slip.change_minor, slip.currency) if slip.change_minor else "",
        "qr": Markup(qr.svg(slip.proof)) if slip.proof else None,  # noqa: S704 — our own drawing of our own digits
        "qr_text": slip.proof or "",
        "proof": _("Log entry %(number)s", number=", ".join(str(number) for number in slip.log_entries))
        if slip.log_entries
        else "",
        "tariff": ", ".join(dict.fromkeys(group.tariff for group in slip.groups if group.tariff)),
        "scale": None,
        "scale_title": "",
        "help": "",
    }


def _group_title(group: SlipGroup, meters: dict[str, estate.MeterView]) -> str:
    if group.pan in meters:
        return f"{unit_code(meters[group.pan])} {words.service_name(group.service)}"
    return str(group.lines[0]["label"])


def _line(line: dict[str, Any], currency: str) -> dict[str, str]:
    parts = line.get("parts") or []
    single = parts[0] if len(parts) == 1 else None
    return {
        "what": line["label"],
        "why": sale_words.why(line, currency),
        "quantity": sale_words.quantity(single) if single else "",
        "rate": sale_words.rate(single) if single else "",
        "amount": words.money(line["amount_minor"], currency),
    }

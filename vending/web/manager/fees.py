"""Fees: what the site takes without a token, such as reconnection and parking; changed by two people like a tariff.

A fee that two people agreed to holds from the next basket on. A code is never deleted: it is retired, and its receipts stay.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.access import approvals
from vending.errors import InvalidInput, VendingError
from vending.money import parse_amount
from vending.services import Services
from vending.tariffs import fees
from vending.tariffs.fees import FeeView
from vending.web import forms, gate, listing, places, words
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column
from vending.web.manager.tariffs import may_draft
from vending.web.words import _

room = Blueprint("fees", __name__, url_prefix="/manager/fees")


@room.get("")
@gate.needs("tariff.read")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = fees.list_fees(session, place.site_key)
    return listing.answer(
        listing.Listing(
            name="fees",
            page={
                "title": _("Fees"),
                "crumbs": [{"label": _("Tariffs"), "url": url_for("tariffs.index")}, {"label": _("Fees")}],
                "intro": _("What is taken at the desk without a token. A change is asked for by one person and published by another."),
                "actions": [{"label": _("Enter a fee"), "url": url_for("fees.change"), "next": True}] if may_draft() else [],
            },
            columns=[Column("name", _("Fee")), Column("amount", _("Amount"), end=True), Column("tax", _("Tax"))],
            fetch=listing.whole(
                [
                    [
                        Cell(one.label, url=url_for("fees.change", code=one.code) if may_draft() else "", sub=one.code),
                        Cell(words.money(one.amount_minor, one.currency), one.amount_minor) if one.amount_minor else Cell(_("typed at the desk")),
                        Cell(_tax(one)),
                    ]
                    for one in found
                ]
            ),
            nothing={"title": _("No fee yet"), "text": _("Reconnection, a lost card, parking: enter each once, with its tax."), "action": _("Enter a fee") if may_draft() else "", "url": url_for("fees.change")},
        )
    )  # fmt: skip


def _tax(fee: FeeView) -> str:
    if not fee.tax_code:
        return _("without tax")
    percent = f"{fee.tax_percent.normalize():f} %"
    if fee.tax_included:
        return _("%(tax)s %(percent)s, in the amount", tax=fee.tax_label, percent=percent)
    return _("%(tax)s %(percent)s, on top", tax=fee.tax_label, percent=percent)


@room.route("/change", methods=["GET", "POST"])
@gate.needs("tariff.draft")
def change() -> Any:
    """A new fee, another amount or tax of one that is there, or its end."""
    services: Services = g.services
    place = places.of_request()
    known: FeeView | None = None
    if code := request.args.get("code", ""):
        with services.db.reading() as session:
            known = fees.one_fee(session, place.site_key, code)
    title = known.label if known else _("Enter a fee")
    form = Form(
        page={
            "title": title,
            "crumbs": [{"label": _("Tariffs"), "url": url_for("tariffs.index")}, {"label": _("Fees"), "url": url_for("fees.index")}, {"label": title}],
            "intro": _("It is published when another person has agreed, and holds from the next basket on."),
        },
        fields=[
            Field("code", _("Code"), "hidden" if known else "text", known.code if known else "", needed=True, hint=_("A short word of small letters and hyphens, such as lost-card. It never changes."), attributes={"maxlength": 31, "autocomplete": "off"}),
            Field("label", _("Name"), value=known.label if known else "", needed=True, hint=_("As it stands on the receipt."), attributes={"maxlength": 60, "autocomplete": "off"}),
            Field("amount", _("Amount"), "money", words.plain_money(known.amount_minor, known.currency) if known and known.amount_minor else "", before=place.currency, hint=_("Empty: typed at the desk each time.")),
            Field("tax_code", _("Code of the tax"), value=known.tax_code if known else "", hint=_("Such as vat. Empty: without tax."), attributes={"maxlength": 20, "autocomplete": "off"}),
            Field("tax_label", _("Name of the tax"), value=known.tax_label if known else "", attributes={"maxlength": 40, "autocomplete": "off"}),
            Field("tax_percent", _("Tax"), value=f"{known.tax_percent.normalize():f}" if known and known.tax_code else "", after="%", attributes={"inputmode": "decimal", "autocomplete": "off"}),
            Field("tax_included", _("The amount holds the tax already"), "tick", "1" if known is None or known.tax_included else ""),
            *([Field("retired", _("Take this fee no longer"), "tick", hint=_("What was sold with it stays as it was."))] if known else []),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("fees.index"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        wanted = _typed(place.currency)
        with services.db.writing() as session:
            approvals.ask(
                session,
                services.clock,
                g.actor,
                "fee-publish",
                wanted.content(retired=known is not None and bool(request.form.get("retired"))),
                site=place.site_key,
                subject=f"fee:{wanted.code}",
                reason=forms.reason(),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Another person publishes it."), url_for("fees.index"))


def _typed(currency: str) -> FeeView:
    amount, percent = (
        forms.text("amount"),
        forms.text("tax_percent").removesuffix("%").strip().replace(",", "."),
    )
    try:
        share = Decimal(percent or "0")
    except InvalidOperation:
        raise InvalidInput(_("A tax is a percentage, such as 15 or 7.5."), "tax_percent") from None
    fee = FeeView(
        forms.text("code", most=31),
        forms.text("label", most=60),
        currency,
        parse_amount(amount, currency) if amount else None,
        forms.text("tax_code", most=20),
        forms.text("tax_label", most=40) or forms.text("tax_code", most=20),
        share,
        bool(request.form.get("tax_included")),
    )
    fees.refuse_unfit(fee)
    return fee

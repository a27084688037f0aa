"""Money at the desk without a token: received for nobody in particular, given back, or put under the right way of paying."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.money import currency, parse_amount
from vending.payments import kept
from vending.services import Services
from vending.shifts import queries as shifts
from vending.vends import desk, queries
from vending.vends.desk import RefundAsked, RefundBeyondLimit
from vending.web import forms, gate, listing, places, words
from vending.web.cashier.vends import tenant_name, unit_code
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _

room = Blueprint("refunds", __name__, url_prefix="/cashier")


def _shift() -> str:
    services: Services = g.services
    with services.db.reading() as session:
        return shifts.open_key(session, g.actor.key)


def _evidence() -> Field:
    return Field(
        "evidence",
        _("What proves it"),
        needed=True,
        hint=_("A paper that was shown, a line of the bank, a signature."),
        attributes={"maxlength": 300, "autocomplete": "off"},
    )


# --- unclaimed --------------------------------------------------------------------------------------------------------


def _unclaimed_form() -> Form:
    place = places.of_request()
    return Form(
        page={
            "title": _("Take money that belongs to nobody yet"),
            "intro": _(
                "Somebody paid and cannot say for which meter, or the bank names nobody. It waits until its owner is found."
            ),
        },
        fields=[
            Field("amount", _("Amount"), "money", before=currency(place.currency).symbol, needed=True),
            Field(
                "way",
                _("Way to pay"),
                "choose",
                "cash",
                options=[(way, words.way(way).capitalize()) for way in desk.RECEIVED_BY],
            ),
            Field("reference", _("Reference"), hint=_("Of the terminal, the cheque or the bank.")),
            Field(
                "note",
                _("What is known of it"),
                "area",
                needed=True,
                hint=_("Who brought it, for what, which unit it may be."),
                attributes={"maxlength": 300, "rows": 3},
            ),
        ],
        submit=_("Take it"),
        back=url_for("till.desk"),
    )


@room.get("/unclaimed")
@gate.needs("sale.make")
def receiving() -> Any:
    return _unclaimed_form().show()


@room.post("/unclaimed")
@gate.needs("sale.make")
def receive() -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        desk.receive_unclaimed(
            services.db,
            services.clock,
            g.actor,
            site=place.site_key,
            till=place.till,
            shift=_shift(),
            way=request.form.get("way", ""),
            amount_minor=parse_amount(request.form.get("amount", ""), place.currency),
            currency=place.currency,
            reference=forms.text("reference", most=80),
            note=forms.text("note", most=300),
        )
    except VendingError as refused:
        return _unclaimed_form().show(refused)
    return forms.done(_("The money is taken and waits for its owner."), url_for("till.desk"))


# --- giving back ------------------------------------------------------------------------------------------------------


@room.get("/refunds")
@gate.needs("sale.reverse")
def index() -> Any:
    """Search a customer; below, what was given back lately."""
    services: Services = g.services
    place = places.of_request()
    text = request.args.get("q", "").strip()
    with services.db.reading() as session:
        if text:
            rows = _customers(session, services, place, text)
        else:
            rows = [
                [
                    Cell(one.number, url=url_for("refunds.show", number=one.number)),
                    words.moment(one.refunded_at, place.zone),
                    words.way(one.way).capitalize(),
                    one.refunded_by_name,
                    Cell(words.money(one.amount_minor, one.currency), one.amount_minor),
                ]
                for one in kept.list_refunds(session, place.site_key)
            ]
    return listing.answer(
        Listing(
            name="refunds",
            page={
                "title": _("Give money back"),
                "intro": _(
                    "Money kept for a customer or on his account. To take a sale back, open that sale."
                ),
            },
            filter={
                "action": url_for("refunds.index"),
                "search_label": _("Unit, name or meter of the customer"),
                "search": text,
            },
            columns=[
                Column("unit", _("Unit")),
                Column("customer", _("Customer")),
                Column("kept", _("Kept for next time"), end=True),
                Column("account", _("On account"), end=True),
            ]
            if text
            else [
                Column("number", _("Refund")),
                Column("when", _("When")),
                Column("way", _("How")),
                Column("by", _("Who")),
                Column("amount", _("Amount"), end=True),
            ],
            fetch=listing.whole(rows),
            nothing={
                "title": _("Nothing was given back yet") if not text else _("Nobody here is called that"),
                "text": _("Search the customer above."),
            },
        )
    )


def _customers(session: Any, services: Services, place: places.Place, text: str) -> list[list[Any]]:
    rows, seen = [], set()
    for meter in estate.find_meters(session, services.clock, text, sites=(place.site_key,), most=12):
        if meter.tenant is None or meter.tenant.key in seen:
            continue
        seen.add(meter.tenant.key)
        balances = _balances(session, meter.tenant.key, place.currency)
        rows.append(
            [
                Cell(unit_code(meter), url=url_for("refunds.giving", tenant=meter.tenant.key)),
                tenant_name(meter),
                words.money(balances["kept"], place.currency),
                words.money(balances["customer"], place.currency),
            ]
        )
    return rows


def _balances(session: Any, tenant: str, code: str) -> dict[str, int]:
    names = ("kept", "customer")
    found = books.standing(session, [(f"{name}/{tenant}", code) for name in names])
    return {name: max(one.available, 0) for name, one in zip(names, found, strict=True)}


def _refund_form(tenant: str) -> Form:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = estate.one_tenant(session, tenant)
        places.refuse_elsewhere(found.site_key)
        balances = _balances(session, tenant, place.currency)
    labels = {"kept": _("Kept for next time"), "customer": _("On account")}
    return Form(
        page={
            "title": _("Give money back to %(name)s", name=found.name),
            "crumbs": [
                {"label": _("Give money back"), "url": url_for("refunds.index")},
                {"label": found.name},
            ],
            "intro": _(
                "Above your limit a supervisor is asked first, and the money is given when he has agreed."
            ),
        },
        fields=[
            Field("request", "", "hidden", str(uuid.uuid4())),
            Field(
                "source",
                _("From"),
                "choose",
                next((name for name, minor in balances.items() if minor), "kept"),
                options=[
                    (name, f"{labels[name]}: {words.total(minor, place.currency)}")
                    for name, minor in balances.items()
                ],
            ),
            Field("amount", _("Amount"), "money", before=currency(place.currency).symbol, needed=True),
            Field(
                "way",
                _("How"),
                "choose",
                "cash",
                options=[(way, words.way(way).capitalize()) for way in desk.GIVEN_BY],
            ),
            Field("reference", _("Account that it goes to"), hint=_("For a bank transfer.")),
            _evidence(),
            forms.reason_field(),
        ],
        submit=_("Give it back"),
        back=url_for("refunds.index"),
    )


@room.get("/refunds/to/<tenant>")
@gate.needs("sale.reverse")
def giving(tenant: str) -> Any:
    return _refund_form(tenant).show()


@room.post("/refunds/to/<tenant>")
@gate.needs("sale.reverse")
def give(tenant: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        source = request.form.get("source", "")
        asked = RefundAsked(
            forms.text("request", most=36),
            place.site_key,
            place.till,
            _shift(),
            f"{source if source in ('kept', 'customer') else 'kept'}/{tenant}",
            tenant,
            request.form.get("way", ""),
            parse_amount(request.form.get("amount", ""), place.currency),
            place.currency,
            forms.text("reference", most=80),
            forms.reason(),
            forms.text("evidence", most=300),
        )
        with services.db.reading() as session:
            places.refuse_elsewhere(estate.one_tenant(session, tenant).site_key)
        try:
            number = desk.refund(services.db, services.clock, g.actor, asked)
        except RefundBeyondLimit:
            desk.ask_refund(services.db, services.clock, g.actor, asked)
            return forms.done(
                _("A supervisor is asked. When he has agreed, the refund is booked and stands in this list."),
                url_for("refunds.index"),
            )
    except VendingError as refused:
        return _refund_form(tenant).show(refused)
    return redirect(url_for("refunds.show", number=number), 303)


@room.get("/refunds/<number>")
@gate.needs("sale.reverse")
def show(number: str) -> Any:
    """One refund, to be signed by the customer."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        made = next(
            (one for one in kept.list_refunds(session, place.site_key, most=5000) if one.number == number),
            None,
        )
        if made is None:
            raise InvalidInput("There is no refund under that number at this site.")
        tenant = estate.one_tenant(session, made.tenant_key).name if made.tenant_key else ""
    return render_template(
        "cashier/refund.html",
        slip={
            "number": made.number,
            "seller": place.site.operator.name,
            "at": words.moment(made.refunded_at, place.zone),
            "place": _("Till %(till)s", till=made.till),
            "rows": [
                (_("Given back to"), tenant),
                (_("How"), words.way(made.way).capitalize()),
                (_("Reference"), made.reference),
                (_("Why"), made.reason),
                (_("What proves it"), made.evidence),
                (_("Agreed to by a second person"), _("yes") if made.approval else _("no, within the limit")),
            ],
            "total": words.total(made.amount_minor, made.currency),
            "person": made.refunded_by_name,
        },
        urls={"back": url_for("refunds.index")},
    )


# --- a way of paying typed wrongly ------------------------------------------------------------------------------------


def _tender_form(key: str) -> Form:
    services: Services = g.services
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
    return Form(
        page={
            "title": _("Correct how receipt %(number)s was paid", number=sale.receipt),
            "intro": _(
                "The token and the receipt stay. A supervisor agrees first, and the money moves when he has."
            ),
        },
        fields=[
            Field(
                "position",
                _("Payment"),
                "choose",
                "1",
                options=[
                    (
                        str(number),
                        f"{words.way(one.way).capitalize()}, {words.total(one.amount_minor, sale.currency)}",
                    )
                    for number, one in enumerate(sale.taken, 1)
                ],
            ),
            Field(
                "to",
                _("It was really"),
                "choose",
                "card",
                options=[(way, words.way(way).capitalize()) for way in desk.RECEIVED_BY],
            ),
            Field("reference", _("Reference"), hint=_("Of the terminal, the cheque or the bank.")),
            _evidence(),
            forms.reason_field(),
        ],
        submit=_("Ask a supervisor"),
        back=url_for("vends.show", key=key),
    )


@room.get("/vends/<key>/tender")
@gate.needs("sale.reverse")
def correcting(key: str) -> Any:
    return _tender_form(key).show()


@room.post("/vends/<key>/tender")
@gate.needs("sale.reverse")
def ask_correction(key: str) -> Any:
    services: Services = g.services
    try:
        desk.ask_correction(
            services.db,
            services.clock,
            g.actor,
            site=places.of_request().site_key,
            sale=key,
            position=forms.number("position", _("The payment"), least=1, most=8),
            to_way=request.form.get("to", ""),
            reference=forms.text("reference", most=80),
            reason=forms.reason(),
            evidence=forms.text("evidence", most=300),
        )
    except VendingError as refused:
        return _tender_form(key).show(refused)
    return forms.done(_("A supervisor is asked."), url_for("vends.show", key=key))

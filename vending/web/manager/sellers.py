"""Third-party sellers: who they are, what they may owe, what they earn, what they paid in and sold (rules.md 29).

Commission and credit cost the site money, so they are asked for here and agreed to by a second person; paying in, settling
commission and blocking are acts of one, and stay in the trail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.access import approvals
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.money import parse_amount
from vending.payments import sellers
from vending.payments.sellers import Commission, SellerView
from vending.services import Services
from vending.web import forms, gate, listing, places, words
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("sellers", __name__, url_prefix="/manager/sellers")

STATEMENT = timedelta(days=31)


def _one(code: str) -> SellerView:
    """A seller of this site; of another one there is none."""
    services: Services = g.services
    with services.db.reading() as session:
        found = sellers.find(session, code)
    if found is None or found.site_key != places.of_request().site_key:
        raise forms.gone(_("There is no such seller at this site. Choose one from the list."))
    return found


def _crumbs(*labels: str, code: str = "") -> list[dict[str, str]]:
    told = [{"label": _("Sellers"), "url": url_for("sellers.index")}]
    if code:
        told.append({"label": code, "url": url_for("sellers.show", code=code)})
    return [*told, *({"label": label} for label in labels)]


@room.get("")
@gate.needs("seller.edit")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = [
            (one, sellers.position(session, one)) for one in sellers.list_sellers(session, (place.site_key,))
        ]
    return listing.answer(
        listing.Listing(
            name="sellers",
            page={
                "title": _("Sellers"),
                "intro": _("Kiosks and shops that sell for the site through the API. Each pays its sales from what it paid in, and from the credit that you give."),
                "actions": [{"label": _("Enter a seller"), "url": url_for("sellers.enter"), "next": True}],
            },
            columns=[Column("seller", _("Seller")), Column("can sell", _("Can sell for"), end=True), Column("deposit", _("Deposit"), end=True), Column("credit limit", _("Credit limit"), end=True), Column("commission", _("Seller's commission"), end=True), Column("earned", _("Earned, not paid out"), end=True)],
            fetch=listing.whole(
                [
                    [
                        Cell(one.name, url=url_for("sellers.show", code=one.code), lamp="now" if one.blocked_why else "on", sub=one.code),
                        Cell(words.money(at.remaining_minor, at.currency), at.remaining_minor),
                        Cell(words.money(at.deposit_minor, at.currency), at.deposit_minor),
                        Cell(words.money(at.credit_limit_minor, at.currency), at.credit_limit_minor),
                        Cell(str(one.commission), one.commission.basis_points),
                        Cell(words.money(at.commission_minor, at.currency), at.commission_minor),
                    ]
                    for one, at in found
                ]
            ),
            nothing={"title": _("No seller yet"), "text": _("A seller sells from what it pays in, until two people have agreed on credit and commission."), "action": _("Enter a seller"), "url": url_for("sellers.enter")},
        )
    )  # fmt: skip


@room.get("/<code>")
@gate.needs("seller.edit")
def show(code: str) -> Any:
    """The statement of the last month, with the acts that move the seller's money."""
    services: Services = g.services
    place = places.of_request()
    one = _one(code)
    tomorrow = services.clock.now().astimezone(place.zone).date() + timedelta(days=1)
    until = datetime.combine(tomorrow, time(), place.zone)
    with services.db.reading() as session:
        at = sellers.position(session, one)
        told = sellers.settlement(session, one, until - STATEMENT, until)
        waiting = any(
            view.act.name == "seller-terms" and view.subject == f"seller:{one.key}" and view.state == "open"
            for view in approvals.list_requests(session, services.clock, g.actor)
        )

    def money(minor: int) -> str:
        return words.money(minor, one.currency)

    kinds = {
        "payment": _("Sold"),
        "seller-paid-in": _("Paid in"),
        "commission-settled": _("Seller's commission"),
        "vend-refused": _("Given back"),
        "vend-cancelled": _("Given back"),
        "sale-reversed": _("Given back"),
    }
    return listing.answer(
        listing.Listing(
            name=f"seller-{one.code.lower()}",
            page={
                "title": one.name,
                "crumbs": _crumbs(one.code),
                "facts": [one.code, _("commission %(share)s", share=one.commission), _("credit limit %(money)s", money=words.total(one.credit_limit_minor, one.currency)), one.blocked_why or "", _("other terms wait for a second person") if waiting else ""],
                "actions": [
                    {"label": _("Let it sell again") if one.blocked_why else _("Block it"), "url": url_for("sellers.block", code=one.code)},
                    {"label": _("Other terms"), "url": url_for("sellers.terms", code=one.code)},
                    {"label": _("Pay commission out"), "url": url_for("sellers.settle", code=one.code)},
                    {"label": _("Book a payment"), "url": url_for("sellers.pay_in", code=one.code), "next": True},
                ],
            },
            figures=[
                {"label": _("Can sell for"), "value": money(at.remaining_minor), "before": place.currency},
                {"label": _("Sold in 31 days"), "value": money(told.sold_minor)},
                {"label": _("Earned, not paid out"), "value": money(at.commission_minor)},
            ],
            columns=[Column("at", _("When")), Column("what", _("What")), Column("amount", _("Amount"), end=True), Column("balance", _("Balance"), end=True), Column("note", _("Note"))],
            fetch=listing.whole(
                [
                    [
                        Cell(words.moment(row.at, place.zone), row.at),
                        Cell(kinds.get(row.kind, row.kind), row.kind),
                        Cell(money(row.amount_minor), row.amount_minor),
                        Cell(money(row.balance_minor), row.balance_minor),
                        Cell(row.note),
                    ]
                    for row in reversed(told.rows)
                ]
            ),
            nothing={"title": _("Nothing in 31 days"), "text": _("What it pays in and what it sells stands here."), "action": _("Book a payment"), "url": url_for("sellers.pay_in", code=one.code)},
        )
    )  # fmt: skip


@room.route("/new", methods=["GET", "POST"])
@gate.needs("seller.edit")
def enter() -> Any:
    services: Services = g.services
    place = places.of_request()
    form = Form(
        page={"title": _("Enter a seller"), "crumbs": _crumbs(_("Enter a seller"))},
        fields=[
            Field("code", _("Code"), needed=True, hint=_("2 to 12 capital letters and digits. It heads the seller's receipts and never changes."), attributes={"maxlength": 12, "autocomplete": "off"}),
            Field("name", _("Name"), needed=True, attributes={"maxlength": 80, "autocomplete": "off"}),
        ],
        submit=_("Enter a seller"),
        back=url_for("sellers.index"),
        aside=[_("A seller sells from what it pays in, until two people have agreed on credit and commission.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    code = forms.text("code").upper()
    try:
        with services.db.writing() as session:
            site = estate.one_site(session, place.site_key)
            sellers.register(
                session, services.clock, g.actor,
                code=code, name=forms.text("name", most=80), site=site.key, currency=site.currency,
            )  # fmt: skip
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The seller is entered."), url_for("sellers.show", code=code))


@room.route("/<code>/terms", methods=["GET", "POST"])
@gate.needs("seller.edit")
def terms(code: str) -> Any:
    services: Services = g.services
    one = _one(code)
    form = Form(
        page={"title": _("Other terms"), "crumbs": _crumbs(_("Other terms"), code=one.code), "intro": one.name},
        fields=[
            Field("commission", _("Seller's commission"), value=str(one.commission), needed=True, hint=_("Of what each sale pays, such as 1.5 %. With its sign."), attributes={"autocomplete": "off"}),
            Field("credit_limit", _("Credit limit"), "money", words.plain_money(one.credit_limit_minor, one.currency), before=one.currency, hint=_("What the seller may owe. Zero: only what was paid in.")),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("sellers.show", code=one.code),
        aside=[_("Another manager agrees. The terms hold from the next sale on; earlier sales keep what they earned.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        limit = forms.text("credit_limit")
        wanted = sellers.terms(
            one,
            commission=Commission.read(forms.text("commission")),
            credit_limit_minor=_amount(limit, one.currency, "credit_limit"),
        )
        with services.db.writing() as session:
            approvals.ask(
                session,
                services.clock,
                g.actor,
                "seller-terms",
                wanted,
                site=one.site_key,
                subject=f"seller:{one.key}",
                reason=forms.reason(),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Another manager decides on it."), url_for("sellers.show", code=one.code))


def _amount(typed: str, currency: str, field: str) -> int:
    """An amount that may be nothing."""
    nothing = not typed.strip("0., ")
    return 0 if nothing else parse_amount(typed, currency, field=field)


def _book(code: str, act: Callable[..., None], title: str, *, hint: str, said: str) -> Any:
    """Asks for an amount and a reference, and books them."""
    services: Services = g.services
    one = _one(code)
    form = _money_form(one, title, hint=hint)
    if request.method == "GET":
        return form.show()
    try:
        amount = parse_amount(forms.text("amount"), one.currency)
        with services.db.writing() as session:
            act(
                session, services.clock, g.actor, one.code, amount, reference=forms.text("reference", most=60)
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(said, url_for("sellers.show", code=one.code))


def _money_form(one: SellerView, title: str, *, hint: str) -> Form:
    return Form(
        page={"title": title, "crumbs": _crumbs(title, code=one.code), "intro": one.name},
        fields=[
            Field("amount", _("Amount"), "money", before=one.currency, needed=True, hint=hint),
            Field("reference", _("Reference"), needed=True, hint=_("The number of the bank's line. Each is booked once."), attributes={"maxlength": 60, "autocomplete": "off"}),
        ],
        submit=title,
        back=url_for("sellers.show", code=one.code),
    )  # fmt: skip


@room.route("/<code>/pay-in", methods=["GET", "POST"])
@gate.needs("seller.edit")
def pay_in(code: str) -> Any:
    return _book(
        code,
        sellers.pay_in,
        _("Book a payment"),
        hint=_("What came to the site's bank."),
        said=_("The payment is booked."),
    )


@room.route("/<code>/settle", methods=["GET", "POST"])
@gate.needs("seller.edit")
def settle(code: str) -> Any:
    return _book(
        code,
        sellers.settle_commission,
        _("Pay commission out"),
        hint=_("It goes to the seller's deposit; not more than was earned."),
        said=_("The commission is paid out."),
    )


@room.route("/<code>/block", methods=["GET", "POST"])
@gate.needs("seller.edit")
def block(code: str) -> Any:
    services: Services = g.services
    one = _one(code)
    title = _("Let it sell again") if one.blocked_why else _("Block it")
    form = Form(
        page={"title": title, "crumbs": _crumbs(title, code=one.code), "intro": one.name},
        fields=[forms.reason_field()],
        submit=title,
        back=url_for("sellers.show", code=one.code),
        aside=[_("What it sold before stays valid.")],
    )
    if request.method == "GET":
        return form.show()
    try:
        act = sellers.unblock if one.blocked_why else sellers.block
        with services.db.writing() as session:
            act(session, services.clock, g.actor, one.code, reason=forms.reason())
    except VendingError as refused:
        return form.show(refused)
    said = (
        _("It sells again.")
        if one.blocked_why
        else _("From now on it sells nothing, whatever keys it holds.")
    )
    return forms.done(said, url_for("sellers.show", code=one.code))

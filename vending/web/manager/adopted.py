"""Orders that were taken in from the module's log after a restore: what each is worth, and booking what was paid for it.

Such an order gave its energy, and nobody knows here what was paid and where that money lies (`vends.adopted_money`). It
waits by name until its paper is found or the search has ended; then it becomes the sale that it was.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request, url_for

from vending.errors import NotFound, VendingError
from vending.estate import queries as estate
from vending.money import currency, parse_amount
from vending.services import Services
from vending.vends import adopted_money, desk
from vending.vends.adopted_money import Waiting
from vending.web import forms, gate, listing, places, words
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _, plural

room = Blueprint("adopted", __name__, url_prefix="/manager/adopted")


def _waiting() -> list[Waiting]:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        return adopted_money.list_waiting(session, services.clock, [estate.one_site(session, place.site_key)])


@room.get("")
@gate.needs("ledger.correct")
def index() -> Any:
    place = places.of_request()
    now = g.services.clock.now()
    found = _waiting()
    return listing.answer(
        Listing(
            name="adopted-orders",
            page={
                "title": _("Orders taken in after a restore"),
                "crumbs": [{"label": _("Reports"), "url": url_for("reports.index")}, {"label": _("Orders taken in after a restore")}],
                "intro": _("The security module gave these tokens, and the restored database did not know them. Find the paper of each: then book what was paid, and where that money is."),
            },
            figures=[
                {"label": _("Orders that wait"), "value": str(len(found))},
                {"label": _("Worth by their tariffs"), "value": words.money(sum(one.worth_minor for one in found), place.currency), "before": currency(place.currency).symbol},
            ],
            columns=[
                Column("number", _("Number")), Column("unit", _("Unit")), Column("tenant", _("Tenant")), Column("sold", _("Sold")),
                Column("age", _("Age")), Column("energy", _("Energy"), end=True), Column("worth", _("Worth"), end=True),
            ],
            fetch=listing.whole(
                [
                    [
                        Cell(one.receipt, url=url_for("adopted.booking", receipt=one.receipt)),
                        one.unit,
                        one.tenant,
                        Cell(words.moment(one.sold_at, place.zone), one.sold_at),
                        plural("%(num)s day", "%(num)s days", (now - one.sold_at).days),
                        Cell(words.measure(one.units, one.service), one.units),
                        Cell(words.money(one.worth_minor, one.currency), words.plain_money(one.worth_minor, one.currency)),
                    ]
                    for one in found
                ]
            ),
            nothing={"title": _("No such order waits"), "text": _("After a restore, orders that the database had lost stand here until what was paid for them is found.")},
        )
    )  # fmt: skip


def _places(site: str, code: str) -> list[tuple[str, str]]:
    """Where the money may be: the ledger's account, and how people call it."""
    services: Services = g.services
    with services.db.reading() as session:
        drawers = [
            (one.account, f"{words.refusal(one.known)}: {words.total(one.available_minor, code)}")
            for one in desk.list_unclaimed(session, site, code)
            if not adopted_money.is_adopted(session, one.account)
        ]
    return [
        ("bank/main", _("At the bank")),
        (f"safe/{site}", _("In the safe")),
        *drawers,
        ("loss/adopted", _("Nowhere: the search has ended, it is a loss")),
    ]


def _form(receipt: str) -> Form:
    place = places.of_request()
    one = next((each for each in _waiting() if each.receipt == receipt), None)
    if one is None:
        raise NotFound(_("No order under this number waits here. It may have been booked already."))
    return Form(
        page={
            "title": _("What was paid for %(number)s?", number=one.receipt),
            "crumbs": [{"label": _("Orders taken in after a restore"), "url": url_for("adopted.index")}, {"label": one.receipt}],
            "facts": [part for part in (one.unit, one.tenant, words.measure(one.units, one.service), words.moment(one.sold_at, place.zone)) if part],
        },
        fields=[
            Field("paid", _("Paid, as its paper shows"), "money", words.money(one.worth_minor, one.currency), before=currency(one.currency).symbol, needed=True, hint=_("Filled in is the price of its tariff at that moment.")),
            Field("account", _("Where the money is"), "choose", options=_places(place.site_key, one.currency)),
            Field("evidence", _("What proves it"), needed=True, hint=_("A paper that was shown, a line of the bank, a signature."), attributes={"maxlength": 300, "autocomplete": "off"}),
        ],
        submit=_("Book it"),
        back=url_for("adopted.index"),
        aside=[_("It becomes the sale that it was, with its taxes. What was paid more or less than the tariff's price is income. This cannot be undone.")],
    )  # fmt: skip


@room.route("/<receipt>", methods=["GET", "POST"])
@gate.needs("ledger.correct")
def booking(receipt: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    form = _form(receipt)
    if request.method == "GET":
        return form.show()
    try:
        account = forms.text("account")
        if account not in dict(_places(place.site_key, place.currency)):
            raise forms.unfit(_("Choose where the money is."), "account")
        paid = parse_amount(request.form.get("paid", ""), place.currency, field="paid")
        with services.db.writing() as session:
            adopted_money.found(
                session,
                services.clock,
                g.actor,
                receipt,
                paid_minor=paid,
                account=account,
                evidence=forms.text("evidence", most=300),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("%(number)s is booked with %(amount)s.", number=receipt, amount=words.total(paid, place.currency)),
        url_for("adopted.index"),
    )

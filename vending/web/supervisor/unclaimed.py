"""Money in suspense by its age, and giving it to its owner; and the register of vouchers."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.money import currency, parse_amount
from vending.payments import vouchers
from vending.services import Services
from vending.vends import desk
from vending.web import forms, gate, listing, places, words
from vending.web.forms import Field, Form
from vending.web.listing import Cell, Column, Listing
from vending.web.words import _, plural

room = Blueprint("unclaimed", __name__, url_prefix="/supervisor")


@room.get("/unclaimed")
@gate.needs("shift.others")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = desk.list_unclaimed(session, place.site_key, place.currency)
    now = services.clock.now()
    ages = [(now - one.received_at).days if one.received_at else 0 for one in found]
    return listing.answer(
        Listing(
            name="unclaimed",
            page={
                "title": _("Money that waits for its owner"),
                "intro": _(
                    "The oldest first. Find whose it is; it is kept for him and pays his next purchase."
                ),
            },
            figures=[
                {
                    "label": _("In suspense"),
                    "value": words.money(sum(one.available_minor for one in found), place.currency),
                    "before": currency(place.currency).symbol,
                },
                {"label": _("Older than 30 days"), "value": str(sum(age > 30 for age in ages))},
                {"label": _("Older than 90 days"), "value": str(sum(age > 90 for age in ages))},
            ],
            columns=[
                Column("known", _("What is known")),
                Column("since", _("Since")),
                Column("age", _("Age")),
                Column("way", _("How it came")),
                Column("by", _("Taken by")),
                Column("amount", _("Amount"), end=True),
            ],
            fetch=listing.whole(
                [
                    [
                        Cell(
                            words.refusal(one.known),
                            sub=one.reference,
                            url=url_for("unclaimed.naming", name=one.account.removeprefix("suspense/")),
                        ),
                        words.moment(one.received_at, place.zone),
                        Cell(plural("%(num)s day", "%(num)s days", age), age, lamp="now" if age > 90 else ""),
                        words.way(one.way).capitalize() if one.way else "",
                        one.received_by,
                        Cell(words.money(one.available_minor, place.currency), one.available_minor),
                    ]
                    for one, age in zip(found, ages, strict=True)
                ]
            ),
            nothing={
                "title": _("Nothing waits"),
                "text": _("Money that nobody can be named for stands here, with its age."),
            },
        )
    )


def _form(name: str) -> Form:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = next(
            (
                one
                for one in desk.list_unclaimed(session, place.site_key, place.currency)
                if one.account == f"suspense/{name}"
            ),
            None,
        )
    if found is None:
        raise InvalidInput("Nothing waits under that name at this site.")
    return Form(
        page={
            "title": _("Whose money is it?"),
            "crumbs": [
                {"label": _("Money that waits for its owner"), "url": url_for("unclaimed.index")},
                {"label": words.total(found.available_minor, place.currency)},
            ],
            "intro": words.refusal(found.known),
        },
        fields=[
            Field("unit", _("Unit, name or meter of the owner"), needed=True),
            Field(
                "amount",
                _("Amount"),
                "money",
                words.money(found.available_minor, place.currency),
                before=currency(place.currency).symbol,
                needed=True,
            ),
            Field("evidence", _("What proves it"), needed=True, attributes={"maxlength": 300}),
            forms.reason_field(),
        ],
        submit=_("Keep it for this customer"),
        back=url_for("unclaimed.index"),
    )


@room.get("/unclaimed/<name>")
@gate.needs("shift.others")
def naming(name: str) -> Any:
    return _form(name).show()


@room.post("/unclaimed/<name>")
@gate.needs("shift.others")
def name_owner(name: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    form = _form(name)
    try:
        desk.attribute(
            services.db,
            services.clock,
            g.actor,
            site=place.site_key,
            account=f"suspense/{name}",
            tenant=_owner(forms.text("unit")),
            amount_minor=parse_amount(request.form.get("amount", ""), place.currency),
            currency=place.currency,
            reason=forms.reason(),
            evidence=forms.text("evidence", most=300),
        )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The money is kept for its owner."), url_for("unclaimed.index"))


def _owner(text: str) -> str:
    """The one tenant that is meant."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = (
            estate.find_meters(session, services.clock, text, sites=(place.site_key,), most=20)
            if text
            else []
        )
    tenants = {meter.tenant.key for meter in found if meter.tenant is not None}
    if len(tenants) != 1:
        raise InvalidInput(
            _("This names nobody here, or several. Type the unit or the whole number of the meter."), "unit"
        )
    return tenants.pop()


# --- vouchers ---------------------------------------------------------------------------------------------------------


@room.get("/vouchers")
@gate.needs("site.edit")
def register() -> Any:
    services: Services = g.services
    place = places.of_request()
    text = request.args.get("q", "").strip()

    def fetch(offset: int, most: int) -> list[list[Any]]:
        with services.db.reading() as session:
            found = vouchers.list_vouchers(session, place.site_key, text=text, offset=offset, most=most)
        return [
            [
                one.number,
                one.issuer,
                words.date_of(one.valid_until) if one.valid_until else "",
                Cell(words.moment(one.used_at, place.zone), url=url_for("vends.show", key=one.used_by))
                if one.used_by
                else Cell(_("not used"), lamp="on"),
                Cell(words.money(one.amount_minor, one.currency), one.amount_minor),
            ]
            for one in found
        ]

    return listing.answer(
        Listing(
            name="vouchers",
            page={
                "title": _("Vouchers"),
                "intro": _("A voucher pays its whole face, once."),
                "actions": [
                    {"label": _("Enter vouchers"), "url": url_for("unclaimed.entering"), "next": True}
                ],
            },
            filter={"action": url_for("unclaimed.register"), "search_label": _("Number"), "search": text},
            columns=[
                Column("number", _("Number")),
                Column("issuer", _("Who pays for it")),
                Column("valid_until", _("Valid until")),
                Column("used", _("Used")),
                Column("amount", _("Amount"), end=True),
            ],
            fetch=fetch,
            nothing={
                "title": _("No voucher is in the register"),
                "text": _("Only vouchers that stand here pay at the till."),
                "action": _("Enter vouchers"),
                "url": url_for("unclaimed.entering"),
            },
        )
    )


def _voucher_form() -> Form:
    place = places.of_request()
    return Form(
        page={
            "title": _("Enter vouchers"),
            "crumbs": [
                {"label": _("Vouchers"), "url": url_for("unclaimed.register")},
                {"label": _("Enter vouchers")},
            ],
        },
        fields=[
            Field("issuer", _("Who pays for them"), needed=True),
            Field(
                "amount", _("What one is worth"), "money", before=currency(place.currency).symbol, needed=True
            ),
            Field("valid_until", _("Valid until"), "date", hint=_("Empty: for ever.")),
            Field("numbers", _("Numbers, one on a line"), "area", needed=True),
            forms.reason_field(),
        ],
        submit=_("Enter them"),
        back=url_for("unclaimed.register"),
    )


@room.get("/vouchers/new")
@gate.needs("site.edit")
def entering() -> Any:
    return _voucher_form().show()


@room.post("/vouchers/new")
@gate.needs("site.edit")
def enter() -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        said = forms.text("valid_until")
        try:
            until = date.fromisoformat(said) if said else None
        except ValueError:
            raise InvalidInput(_("Type a day, or leave it empty."), "valid_until") from None
        with services.db.writing() as session:
            count = vouchers.add(
                session,
                services.clock,
                g.actor,
                site=place.site_key,
                numbers=request.form.get("numbers", "").splitlines(),
                amount_minor=parse_amount(request.form.get("amount", ""), place.currency),
                currency=place.currency,
                issuer=forms.text("issuer"),
                valid_until=until,
                reason=forms.reason(),
            )
    except VendingError as refused:
        return _voucher_form().show(refused)
    return forms.done(
        plural("%(num)s voucher is in the register.", "%(num)s vouchers are in the register.", count),
        url_for("unclaimed.register"),
    )

"""Keys of programs: made by one person where they only read, by two where they can sell; shown once, withdrawn at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.access import api_keys, approvals, policy
from vending.access.approvals import RequestView
from vending.access.policy import Permission
from vending.errors import NotFound, VendingError
from vending.money import parse_amount
from vending.payments import sellers
from vending.services import Services
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("api_keys", __name__, url_prefix="/manager/api-keys")


@room.get("")
@gate.needs("api-key.edit")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        keys = api_keys.list_keys(session, g.actor)
        agreed = [
            one
            for one in approvals.list_requests(session, services.clock, g.actor)
            if one.act.name == "api-key" and one.maker == g.actor.key and one.state == "approved"
        ]
    now = services.clock.now()
    rows = []
    for one in keys:
        over = one.revoked_at is not None or one.expires_at <= now
        state = _("withdrawn") if one.revoked_at else _("expired") if over else _("in use")
        rows.append(
            [
                Cell(
                    one.name,
                    lamp="off" if over else "on",
                    sub=state,
                    url="" if over else url_for("api_keys.revoke", key=one.key),
                ),
                Cell(", ".join(one.scopes)),
                Cell(str(one.calls_a_minute), one.calls_a_minute),
                Cell(
                    words.money(one.sale_limit_minor, place.currency) if one.sale_limit_minor else "–",
                    one.sale_limit_minor,
                ),
                Cell(words.day(one.expires_at, place.zone), one.expires_at),
                Cell(words.moment(one.used_at, place.zone), one.used_at),
            ]
        )
    return listing.answer(
        listing.Listing(
            name="api-keys",
            page={
                "title": _("API keys"),
                "crumbs": [{"label": _("People"), "url": url_for("people.index")}, {"label": _("API keys")}],
                "intro": _(
                    "A key lets a program do what its scopes name, and no more. Choose a key in the list to withdraw it."
                ),
                "actions": [
                    *(
                        {
                            "label": _("Take the key %(name)s", name=one.content["name"]),
                            "url": url_for("api_keys.take", key=one.key),
                            "post": True,
                        }
                        for one in agreed
                    ),
                    {"label": _("Sellers"), "url": url_for("sellers.index")}
                    if places.can(g.actor, Permission.SELLER_EDIT.value)
                    else None,
                    {"label": _("Make a key"), "url": url_for("api_keys.make"), "next": True},
                ],
            },
            columns=[
                Column("name", _("Program")),
                Column("scopes", _("May")),
                Column("calls a minute", _("Calls a minute"), end=True),
                Column("sale limit", _("Limit of a sale"), end=True),
                Column("expires", _("Expires")),
                Column("last used", _("Last used")),
            ],
            fetch=listing.whole(rows),
            nothing={
                "title": _("No program has a key"),
                "text": _(
                    "Make one for an accounting program, a meter reader or a kiosk. It holds only the scopes that you choose."
                ),
                "action": _("Make a key"),
                "url": url_for("api_keys.make"),
            },
        )
    )


@room.route("/new", methods=["GET", "POST"])
@gate.needs("api-key.edit")
def make() -> Any:
    services: Services = g.services
    place = places.of_request()
    scopes = sorted(policy.ROLES["API client"])
    form = forms.Form(
        page={
            "title": _("Make an API key"),
            "crumbs": [
                {"label": _("API keys"), "url": url_for("api_keys.index")},
                {"label": _("Make an API key")},
            ],
        },
        fields=[
            forms.Field(
                "name",
                _("Program"),
                needed=True,
                hint=_("Which program will use it."),
                attributes={"maxlength": 60, "autocomplete": "off"},
            ),
            forms.Field("days", _("Valid for, in days"), value="365", attributes={"inputmode": "numeric"}),
            forms.Field(
                "calls_a_minute", _("Calls a minute"), value="120", attributes={"inputmode": "numeric"}
            ),
            forms.Field(
                "sale_limit",
                _("Limit of one sale"),
                "money",
                before=place.currency,
                hint=_("Only for keys that sell; leave it empty otherwise."),
            ),
            forms.Field(
                "seller",
                _("Seller"),
                "choose",
                options=[("", _("None: it reads, and sells nothing")), *_sellers(services, place.site_key)],
                hint=_("Whose money its sales spend. Sellers are entered on the page Sellers."),
            ),
            forms.Field("scopes-head", _("What it may do"), "heading"),
            *(forms.Field(f"scope:{one.value}", words.refusal(policy.SAYS[one]), "tick") for one in scopes),
            forms.Field(
                "reason",
                _("Why"),
                hint=_("Needed for a key that sells: a second person decides by it."),
                attributes={"maxlength": 500, "autocomplete": "off"},
            ),
        ],
        submit=_("Make the key"),
        back=url_for("api_keys.index"),
    )
    if request.method == "GET":
        return form.show()
    try:
        limit = forms.text("sale_limit")
        wanted = api_keys.content(
            name=forms.text("name"),
            site=place.site_key,
            scopes=[one.value for one in scopes if request.form.get(f"scope:{one.value}")],
            calls_a_minute=forms.number(
                "calls_a_minute", _("Calls a minute"), least=1, most=api_keys.MOST_CALLS_A_MINUTE
            ),
            sale_limit_minor=parse_amount(limit, place.currency, field="sale_limit") if limit else 0,
            days=forms.number("days", _("Valid for, in days"), least=1, most=api_keys.LONGEST_DAYS),
            seller=_chosen_seller(services, place.site_key),
        )
        if Permission.SALE_MAKE.value in wanted["scopes"]:
            why = forms.reason()
            with services.db.writing() as session:
                approvals.ask(
                    session,
                    services.clock,
                    g.actor,
                    "api-key",
                    wanted,
                    site=place.site_key,
                    subject=f"api-key:{wanted['name']}",
                    reason=why,
                )
            return forms.done(
                _("Asked for. When another manager has agreed, you take the key on this page."),
                url_for("api_keys.index"),
            )
        with services.db.writing() as session:
            secret = api_keys.make(session, services.clock, services.vault, g.actor, wanted)
    except VendingError as refused:
        return form.show(refused)
    return _shown(secret, wanted["name"])


def _sellers(services: Services, site: str) -> list[tuple[str, str]]:
    with services.db.reading() as session:
        return [(one.code, f"{one.code}, {one.name}") for one in sellers.list_sellers(session, (site,))]


def _chosen_seller(services: Services, site: str) -> str | None:
    code = forms.text("seller")
    if code and code not in {known for known, _label in _sellers(services, site)}:
        raise sellers.SellerUnknown("There is no such seller at this site. Choose one from the list.")
    return code or None


def _shown(secret: str, name: str) -> str:
    return render_template(
        "manager/once.html",
        page={"title": _("API key of %(name)s", name=name), "facts": []},
        sentence=_("Give it to the program now. It is kept here only as a hash."),
        label=_("API key, shown this once"),
        secret=secret,
        then=_("A lost key is withdrawn, and a new one is made."),
        url=url_for("api_keys.index"),
    )


@room.post("/<key>/take")
@gate.needs("api-key.edit")
def take(key: str) -> Any:
    """A selling key that another manager has agreed to: made now, and shown to who asked for it."""
    services: Services = g.services
    with services.db.reading() as session:
        view: RequestView = approvals.one_request(session, services.clock, g.actor, key)
    if view.act.name != "api-key" or view.maker != g.actor.key:
        raise NotFound(_("There is no such key waiting for you."))
    with services.db.writing() as session:
        secret = api_keys.make(session, services.clock, services.vault, g.actor, view.content, approval=key)
    return _shown(secret, view.content["name"])


@room.route("/<key>/withdraw", methods=["GET", "POST"])
@gate.needs("api-key.edit")
def revoke(key: str) -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        found = next((one for one in api_keys.list_keys(session, g.actor) if one.key == key), None)
    if found is None:
        raise NotFound(_("There is no such API key here."))
    form = forms.Form(
        page={
            "title": _("Withdraw the key"),
            "facts": [found.name, ", ".join(found.scopes)],
            "crumbs": [{"label": _("API keys"), "url": url_for("api_keys.index")}, {"label": found.name}],
        },
        fields=[forms.reason_field()],
        submit=_("Withdraw the key"),
        back=url_for("api_keys.index"),
        aside=[_("From the next call on it opens nothing. This cannot be undone; a new key can be made.")],
    )
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        with services.db.writing() as session:
            api_keys.revoke(session, services.clock, g.actor, key, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The key is withdrawn."), url_for("api_keys.index"))

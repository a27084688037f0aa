"""Printers of the tills: which agent serves which till, what waits for paper, and what only a person can say.

"Printed?" is asked only where nobody else can know (rules.md 24): the printer stopped in the middle, or the PC did.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.errors import VendingError
from vending.receipts import print_queue
from vending.receipts.roll import ROLLS
from vending.services import Services
from vending.vends import queries
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("printers", __name__, url_prefix="/supervisor/printers")


def _states() -> dict[str, tuple[str, str]]:
    return {
        "waiting": ("half", _("waits for the printer")),
        "fetched": ("half", _("at the printer")),
        "unsure": ("now", _("Did it come out?")),
        "printed": ("on", _("printed")),
        "dropped": ("off", _("dropped")),
    }


@room.get("")
@gate.needs("sale.reprint")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        agents = print_queue.list_agents(session, place.site_key)
        found = print_queue.list_jobs(
            session, place.site_key, states=(*print_queue.OPEN, "printed"), most=200
        )
        receipts = {one.key: one.receipt for one in queries.list_sales(session, [job.sale_key for job in found if job.sale_key])}  # fmt: skip
    rows = []
    for job in found:
        lamp, word = _states()[job.state]
        open_ = job.state in ("waiting", "unsure")
        name = receipts.get(job.sale_key or "", job.paper or _("Test page"))
        rows.append(
            [
                Cell(job.till),
                Cell(
                    name,
                    url=url_for("vends.show", key=job.sale_key) if job.sale_key else "",
                    sub=_("COPY %(number)s", number=job.copy_number) if job.copy_number else "",
                ),
                Cell(
                    word, job.state, lamp=lamp, url=url_for("printers.decide", key=job.key) if open_ else ""
                ),
                Cell(words.moment(job.asked_at, place.zone), job.asked_at),
            ]
        )
    unsure = sum(job.state == "unsure" for job in found)
    pairs = places.can(g.actor, "shift.others")
    return listing.answer(
        listing.Listing(
            name="printers",
            page={
                "title": _("Printers"),
                "facts": [_agent_told(one) for one in agents],
                "actions": [
                    {"label": _("Print a test page"), "url": url_for("printers.test_page")} if agents else None,
                    {"label": _("End a pairing"), "url": url_for("printers.end")} if pairs and agents else None,
                    {"label": _("Pair a till"), "url": url_for("printers.pair"), "next": not agents} if pairs else None,
                ],
                "intro": _("A printer stopped in the middle of a paper. Look whether it came out whole, and say so in the list.") if unsure else "",
            },
            columns=[Column("till", _("Till")), Column("paper", _("Paper")), Column("state", _("State")), Column("asked", _("Asked"))],
            fetch=listing.whole(rows),
            nothing={"title": _("No paper here"), "text": _("A till whose PC runs the print agent prints here by itself. Other tills print by their browser."), "action": "", "url": ""},
        )
    )  # fmt: skip


def _agent_told(one: print_queue.AgentView) -> str:
    services: Services = g.services
    if one.seen_at is None:
        return _("Till %(till)s: its agent did not call yet", till=one.till)
    if one.is_silent(services.clock.now()):
        at = words.moment(one.seen_at, places.of_request().zone)
        return _("Till %(till)s: its agent is silent since %(time)s", till=one.till, time=at)
    if one.trouble:
        return _("Till %(till)s: %(trouble)s", till=one.till, trouble=one.trouble)
    return _("Till %(till)s: ready, %(roll)s mm", till=one.till, roll=one.roll)


@room.route("/pair", methods=["GET", "POST"])
@gate.needs("shift.others")
def pair() -> Any:
    services: Services = g.services
    place = places.of_request()
    form = forms.Form(
        page={"title": _("Pair a till"), "crumbs": [{"label": _("Printers"), "url": url_for("printers.index")}, {"label": _("Pair a till")}]},
        fields=[
            forms.Field("till", _("Till"), value=place.till, needed=True, attributes={"maxlength": 6}),
            forms.Field("roll", _("Paper"), "segments", value="80", options=[(name, f"{name} mm") for name in ROLLS]),
        ],
        submit=_("Pair it"),
        back=url_for("printers.index"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    till = forms.text("till").upper()
    try:
        _key, secret = print_queue.pair(
            services.db, services.clock, g.actor, site=place.site_key, till=till, roll=forms.text("roll")
        )
    except VendingError as refused:
        return form.show(refused)
    return render_template(
        "manager/once.html",
        page={"title": _("Print agent of till %(till)s", till=till), "facts": []},
        sentence=_("Write it into a file on the till's PC, readable by its user alone. It is kept here only as a hash."),
        label=_("Secret of the print agent, shown this once"),
        secret=secret,
        then=_("On the PC: ampoule print-agent --server %(address)s --key-file FILE --printer tcp://HOST:9100", address=services.settings.address),
        url=url_for("printers.index"),
    )  # fmt: skip


def _tills(agents: list[print_queue.AgentView]) -> list[tuple[str, str]]:
    return [(one.key, one.till) for one in agents]


def _agents() -> list[print_queue.AgentView]:
    services: Services = g.services
    with services.db.reading() as session:
        return print_queue.list_agents(session, places.of_request().site_key)


@room.route("/end", methods=["GET", "POST"])
@gate.needs("shift.others")
def end() -> Any:
    services: Services = g.services
    agents = _agents()
    form = forms.Form(
        page={"title": _("End a pairing"), "crumbs": [{"label": _("Printers"), "url": url_for("printers.index")}, {"label": _("End a pairing")}]},
        fields=[forms.Field("agent", _("Till"), "choose", options=_tills(agents))],
        submit=_("End it"),
        back=url_for("printers.index"),
        warning=_("Its secret opens nothing any more. A paper that it has fetched is asked about."),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    if forms.text("agent") not in dict(_tills(agents)):
        return form.show(forms.unfit(_("Choose a till from the list."), "agent"))
    print_queue.end(services.db, services.clock, g.actor, forms.text("agent"))
    return forms.done(_("The pairing is ended."), url_for("printers.index"))


@room.route("/test", methods=["GET", "POST"])
@gate.needs("sale.reprint")
def test_page() -> Any:
    services: Services = g.services
    agents = _agents()
    form = forms.Form(
        page={"title": _("Print a test page"), "crumbs": [{"label": _("Printers"), "url": url_for("printers.index")}, {"label": _("Test page")}]},
        fields=[forms.Field("agent", _("Till"), "choose", options=_tills(agents))],
        submit=_("Print it"),
        back=url_for("printers.index"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    chosen = next((one for one in agents if one.key == forms.text("agent")), None)
    if chosen is None:
        return form.show(forms.unfit(_("Choose a till from the list."), "agent"))
    with services.db.writing() as session:
        print_queue.ask_test_page(session, services.clock, chosen.site_key, chosen.till)
    return forms.done(_("The test page waits for the printer."), url_for("printers.index"))


@room.route("/papers/<path:key>", methods=["GET", "POST"])
@gate.needs("sale.reprint")
def decide(key: str) -> Any:
    """The word of a person who looked at the printer."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        job = next((one for one in print_queue.list_jobs(session, place.site_key) if one.key == key), None)
        told = [job.paper] if job is not None and job.paper else []
        if job is not None and job.sale_key:
            told = [queries.one_sale(session, job.sale_key).receipt]
            if job.copy_number:
                told.append(_("COPY %(number)s", number=job.copy_number))
    if job is None or job.state == "fetched":
        raise forms.gone(_("This paper waits for nobody's word. Look at the list again."))
    options = [("drop", _("Nobody needs it any more"))]
    if job.state == "unsure":
        options = [("yes", _("It came out whole")), ("no", _("It did not: print it again")), *options]
    form = forms.Form(
        page={"title": _("Did it come out?"), "crumbs": [{"label": _("Printers"), "url": url_for("printers.index")}, {"label": _("Paper")}], "facts": [_("Till %(till)s", till=job.till), *told]},
        fields=[forms.Field("word", _("The paper"), "segments", options=options, needed=True)],
        submit=_("Say so"),
        back=url_for("printers.index"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    word = forms.text("word")
    if word not in dict(options):
        return form.show(forms.unfit(_("Choose what you saw."), "word"))
    if word == "drop":
        print_queue.drop(services.db, services.clock, g.actor, key, site=place.site_key)
    else:
        print_queue.decide(
            services.db, services.clock, g.actor, key, site=place.site_key, came_out=word == "yes"
        )
    return forms.done(_("Written down."), url_for("printers.index"))

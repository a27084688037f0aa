"""The books, read only: the trial balance with its sums, and the statement of one account.

The books are one for all sites of an operator, so they are open to those who may read them at every site.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request, url_for

from vending.access import policy
from vending.access.policy import Permission
from vending.analytics import trail
from vending.errors import NotFound
from vending.estate import browsing
from vending.ledger import queries as ledger
from vending.ledger.chart import is_money, root_of
from vending.services import Services
from vending.web import gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("books", __name__, url_prefix="/auditor/books")


def _refuse_part_of_the_sites() -> None:
    services: Services = g.services
    with services.db.reading() as session:
        if not trail.reads_all(session, policy.sites_where(g.actor, Permission.LEDGER_READ)):
            raise NotFound(_("The books are one for all sites, and your work is at some of them only."))


def shown(amount: int, unit: str) -> str:
    return words.money(amount, unit) if is_money(unit) else words.units(amount)


def plainly(amount: int, unit: str) -> str:
    return words.plain_money(amount, unit) if is_money(unit) else f"{amount / 10:.1f}"


@room.get("")
@gate.needs("ledger.read")
def trial() -> Any:
    _refuse_part_of_the_sites()
    services: Services = g.services
    place = places.of_request()
    kind = request.args.get("kind", "")
    every = request.args.get("every", "")
    with services.db.reading() as session:
        lines = ledger.trial_balance(session)
        names = browsing.tenant_names(
            session, {line.account.split("/")[1] for line in lines if "/" in line.account}
        )
    units = sorted({line.unit for line in lines})
    unit = request.args.get("unit", "")
    unit = unit if unit in units else place.currency
    chosen = [
        line
        for line in lines
        if line.unit == unit and (not kind or line.kind == kind) and (every or line.balance)
    ]
    debits, credits_ = (
        sum(getattr(line, side) for line in lines if line.unit == unit) for side in ("debits", "credits")
    )
    rows = [
        [
            Cell(
                line.account,
                url=url_for("books.account", account=line.account, unit=line.unit),
                sub=names.get(line.account.split("/")[1], "") if "/" in line.account else "",
            ),
            Cell(_kinds().get(line.kind, line.kind), line.kind),
            Cell(shown(line.debits, unit), plainly(line.debits, unit)),
            Cell(shown(line.credits, unit), plainly(line.credits, unit)),
            Cell(shown(line.balance, unit), plainly(line.balance, unit)),
        ]
        for line in chosen
    ]
    holds = debits == credits_
    return listing.answer(
        listing.Listing(
            name=f"trial-balance-{unit}",
            page={
                "title": _("Trial balance"),
                "lamp": {"state": "on", "text": _("debits and credits are equal")} if holds else {"state": "now", "text": _("debits and credits differ")},
                "facts": [unit, words.moment(services.clock.now(), place.zone)],
            },
            columns=[Column("account", _("Account")), Column("kind", _("Kind")), Column("debits", _("Debits"), end=True), Column("credits", _("Credits"), end=True), Column("balance", _("Balance"), end=True)],
            fetch=listing.whole(rows),
            sums=None if kind or not every else [_("Sum"), "", shown(debits, unit), shown(credits_, unit), ""],
            filter={
                "action": url_for("books.trial"),
                "choices": [
                    {"name": "unit", "label": _("In"), "chosen": unit, "options": [{"value": one, "label": one if is_money(one) else words.service_name(one)} for one in units or [unit]]},
                    {"name": "kind", "label": _("Kind"), "chosen": kind, "options": [{"value": "", "label": _("all")}, *({"value": one, "label": label} for one, label in _kinds().items())]},
                    {"name": "every", "label": _("Accounts"), "chosen": every, "options": [{"value": "", "label": _("with a balance")}, {"value": "1", "label": _("all")}]},
                ],
            },
            nothing={"title": _("Nothing is booked yet"), "text": _("The first sale writes the first entry."), "action": "", "url": ""},
        )
    )  # fmt: skip


def _kinds() -> dict[str, str]:
    return {
        "asset": _("asset"),
        "liability": _("liability"),
        "income": _("income"),
        "expense": _("expense"),
        "equity": _("equity"),
    }


@room.get("/account")
@gate.needs("ledger.read")
def account() -> Any:
    _refuse_part_of_the_sites()
    services: Services = g.services
    place = places.of_request()
    path, unit = request.args.get("account", ""), request.args.get("unit", place.currency)
    root = root_of(path)
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    with services.db.reading() as session:
        found = ledger.statement(session, path, unit, since=since, until=until)
    rows: list[listing.Row] = [
        [
            Cell(words.moment(line.posted_at, place.zone), line.posted_at),
            Cell(line.kind),
            Cell(line.source),
            Cell(line.note or ""),
            Cell(shown(line.amount, unit), plainly(line.amount, unit)),
            Cell(shown(line.balance, unit), plainly(line.balance, unit)),
        ]
        for line in reversed(found.lines)
    ]
    return listing.answer(
        listing.Listing(
            name=f"statement-{path.replace('/', '-')}",
            page={
                "title": path,
                "crumbs": [{"label": _("Trial balance"), "url": url_for("books.trial", unit=unit)}, {"label": path}],
                "intro": words.refusal(root.meaning),
                "facts": [_("opened with %(amount)s", amount=shown(found.opening, unit)), _("now %(amount)s", amount=shown(found.closing, unit))],
            },
            columns=[Column("posted at", _("When")), Column("kind", _("Kind")), Column("source", _("Source")), Column("note", _("Note")), Column("amount", _("Amount"), end=True), Column("balance", _("Balance"), end=True)],
            fetch=listing.whole(rows),
            filter={"action": url_for("books.account", account=path, unit=unit), "dates": listing.dates(first, last), "kept": {"account": path, "unit": unit}},
            nothing={"title": _("No movement in these days"), "text": _("Choose other days."), "action": "", "url": ""},
        )
    )  # fmt: skip

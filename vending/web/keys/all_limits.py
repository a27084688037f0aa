"""Every limit on one page: what the security module enforces, what the desk keeps, what a seller may owe.

A limit of the module holds against a hostile web server too, so changing it is an act that its approvers sign; the others
are kept by the ledger and by the desk (decisions.md D5, D7, D8). Budgets are limits as well and have a page of their own.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request, url_for

from keystore import acts as module_texts
from keystore.errors import KeystoreError
from keystore.module import LimitLine
from vending.access import module_acts
from vending.access.policy import Permission
from vending.analytics import keys as keyed
from vending.errors import NotFound, VendingError
from vending.payments import sellers
from vending.services import Services
from vending.shifts.limits import list_limits
from vending.web import forms, gate, listing, places, words
from vending.web.supervisor import budget, cash
from vending.web.words import _

room = Blueprint("limits", __name__, url_prefix="/keys/limits")


def class_name(name: str) -> str:
    return {"small": _("small"), "medium": _("medium"), "large": _("large")}.get(name, name)


@room.get("")
@gate.needs("keys.read")
def show() -> Any:
    services: Services = g.services
    place = places.of_request()
    sentence = ""
    try:
        status = services.module.status()
        lines, free = status.limits, status.free_a_month
    except KeystoreError as away:
        sentence, lines, free = words.refusal(away.sentence), (), 0
    with services.db.reading() as session:
        held = keyed.meters_by_class(session, place.site_key)
    return listing.answer_parts(
        "keys/limits.html",
        [_of_module(lines, free, held, sentence), _of_desk(), _of_sellers()],
        page={
            "title": _("Limits"),
            "crumbs": [{"label": _("Keys"), "url": url_for("keys.show")}, {"label": _("Limits")}],
            "intro": _(
                "Who keeps a limit decides what it is worth: the module keeps its own even if this server is taken over; the desk's hold as long as the server is honest."
            ),
            "actions": [{"label": _("Budget"), "url": url_for("budget.show")}],
        },
    )


def _of_module(
    lines: tuple[LimitLine, ...], free: int, held: dict[str, int], sentence: str
) -> dict[str, Any]:
    asks = places.can(g.actor, Permission.BUDGET_ASK.value)
    return {
        "name": "limits-of-meters",
        "title": _("Kept by the security module: one meter in one day"),
        "note": sentence,
        "text": _(
            "Lower limits need one approver's signature, higher ones two. A meter may also have %(num)s free issues in a month.",
            num=free,
        )
        if lines
        else "",
        "columns": [
            {"name": "class", "label": _("Class of meter")},
            {"name": "units a day", "label": _("Units a day"), "end": True},
            {"name": "tokens a day", "label": _("Tokens a day"), "end": True},
            {"name": "meters", "label": _("Meters here"), "end": True},
            {"name": "", "label": ""},
        ],
        "rows": [
            [
                {"text": class_name(one.meter_class), "value": one.meter_class},
                {"text": words.units(one.units_a_day), "value": one.units_a_day / 10},
                str(one.tokens_a_day),
                str(held.get(one.meter_class, 0)),
                {"text": _("Ask for another"), "url": url_for("limits.ask", name=one.meter_class)}
                if asks
                else "",
            ]
            for one in lines
        ],
        "actions": [],
    }


def _of_desk() -> dict[str, Any] | None:
    services: Services = g.services
    place = places.of_request()
    if not (places.can(g.actor, "shift.others") or places.can(g.actor, "audit.read")):
        return None
    with services.db.reading() as session:
        found = list_limits(session, place.site_key)
        names = cash.names(session)
    return {
        "name": "limits-of-drawers",
        "title": _("Kept by the ledger and the desk: drawers and cashiers"),
        "note": "",
        "text": _(
            "The ledger refuses a sale that would put more into a drawer. A person's line wins over the till's, which wins over the site's."
        )
        if found
        else _(
            "No limit is set. Until then drawers may hold anything, and every difference waits for a decision."
        ),
        "columns": [{"name": one.name, "label": one.label, "end": one.end} for one in cash.columns()],
        "rows": [cash.row(one, names, place.currency, link=False) for one in found],
        "actions": [{"label": _("Change them"), "url": url_for("cash.show")}]
        if places.can(g.actor, "site.edit")
        else [],
    }


def _of_sellers() -> dict[str, Any] | None:
    services: Services = g.services
    place = places.of_request()
    if not (places.can(g.actor, "seller.edit") or places.can(g.actor, "ledger.read")):
        return None
    with services.db.reading() as session:
        found = [
            (one, sellers.position(session, one)) for one in sellers.list_sellers(session, [place.site_key])
        ]
    return {
        "name": "limits-of-sellers",
        "title": _("Kept by the ledger: third-party sellers"),
        "note": "",
        "text": _(
            "Credit and commission change by two people; what is left of both is in every answer of the API."
        )
        if found
        else _("No third-party seller sells here."),
        "columns": [
            {"name": "seller", "label": _("Seller")},
            {"name": "deposit", "label": _("Deposit"), "end": True},
            {"name": "credit limit", "label": _("Credit limit"), "end": True},
            {"name": "left to sell", "label": _("Left to sell"), "end": True},
            {"name": "commission", "label": _("Share of each sale"), "end": True},
            {"name": "state", "label": _("State")},
        ],
        "rows": [
            [
                {"text": one.name, "value": one.code, "sub": one.code},
                _money(where.deposit_minor, one.currency),
                _money(one.credit_limit_minor, one.currency),
                _money(where.remaining_minor, one.currency),
                str(one.commission),
                {"text": _("blocked"), "lamp": "now", "sub": one.blocked_why}
                if one.blocked_why
                else {"text": _("sells"), "lamp": "on"},
            ]
            for one, where in found
        ],
        "actions": [],
    }


def _money(minor: int, code: str) -> dict[str, Any]:
    return {"text": words.money(minor, code), "value": words.plain_money(minor, code)}


@room.route("/<name>", methods=["GET", "POST"])
@gate.needs("budget.ask")
def ask(name: str) -> Any:
    """Another limit of a class: an act of the module, signed by one approver where it only takes away, else by two."""
    services: Services = g.services
    place = places.of_request()
    now = next((one for one in budget.status_now().limits if one.meter_class == name), None)
    if now is None:
        raise NotFound(_("The module has no limits for meters of this class."))
    form = forms.Form(
        page={
            "title": _("Limits of %(name)s meters", name=class_name(name)),
            "crumbs": [{"label": _("Limits"), "url": url_for("limits.show")}, {"label": class_name(name)}],
            "facts": [
                _("now %(units)s units and %(tokens)s tokens a day", units=words.units(now.units_a_day), tokens=now.tokens_a_day)
            ],
        },
        fields=[
            forms.Field("units", _("Units a day"), value=str(now.units_a_day // 10), needed=True, attributes={"inputmode": "numeric"}),
            forms.Field("tokens", _("Tokens a day"), value=str(now.tokens_a_day), needed=True, attributes={"inputmode": "numeric"}),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("limits.show"),
        aside=[
            _("It holds for every meter of this class, at every site of this module, from the moment it is signed."),
            _("A limit that only takes away needs one approver's signature, any other two. It can be signed from a telephone, within a day."),
        ],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        units = forms.number("units", _("Units a day"), most=100_000_000) * 10
        tokens = forms.number("tokens", _("Tokens a day"), most=1439)
        if (units, tokens) == (now.units_a_day, now.tokens_a_day):
            raise forms.unfit(_("Nothing is different from the limits now."), "units")
        why = forms.reason()
        for_module = module_acts.name_of(services.module)
        with services.db.writing() as session:
            module_acts.ask(
                session,
                services.clock,
                g.actor,
                "set-limits",
                lambda: module_texts.set_limits(
                    meter_class=name, units_a_day=units, tokens_a_day=tokens, module=for_module, maker=g.actor.name, reason=why,
                    made=services.clock.now(),
                ),
                site=place.site_key,
                subject=f"limits:{name}",
                reason=why,
            )  # fmt: skip
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Approvers sign it now."), url_for("approvals.desk"))

"""What may still be issued and until when, with the question for more: rules.md 25, the budget must not end on the 31st.

A refill is an act of the security module: asked for here, signed by two people (`approvals`), counted there. The forecast
is the module's own, from the pace of the last seven days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from keystore import acts as module_texts
from keystore.module import Budget, Status
from vending.access import module_acts
from vending.access.policy import Permission
from vending.errors import InvalidInput, NotFound, VendingError
from vending.services import Services
from vending.web import charts, forms, gate, glass, listing, places, words
from vending.web.listing import Cell, Column, Listing
from vending.web.supervisor import telling_module
from vending.web.words import _

room = Blueprint("budget", __name__, url_prefix="/supervisor/budget")


@room.get("")
@gate.needs("keys.read")
def show() -> Any:
    status = status_now()
    place = places.of_request()
    return render_template(
        "supervisor/budget.html",
        page={
            "title": _("Budget"),
            "intro": _(
                "The security module issues no more than two people have agreed to. Ask for more in good time."
            ),
            "actions": [],
        },
        **told(status),
        warnings=[words.refusal(one) for one in status.warnings],
        nothing={
            "title": _("No budget is open"),
            "text": _(
                "Without a budget the module issues no token. A key custodian asks for one, and two people sign it."
            ),
            "action": _("Ask for a budget") if may_ask() else "",
            "url": url_for("budget.ask_open"),
        },
        ask_url=url_for("budget.ask_open") if may_ask() else "",
        place=place.site.name,
    )


@room.get("/table")
@gate.needs("keys.read")
def table() -> Any:
    """Every budget as a list that can be saved."""
    place = places.of_request()
    rows = [
        [
            Cell(title_of(one), one.budget_id),
            Cell(one.sgc),
            Cell(words.service_name(one.service) if one.service else "", one.service or ""),
            Cell(
                telling_module.amount_of(one.allotted, one.kind, one.service), _plain(one.allotted, one.kind)
            ),
            Cell(telling_module.amount_of(one.used, one.kind, one.service), _plain(one.used, one.kind)),
            Cell(telling_module.amount_of(one.left, one.kind, one.service), _plain(one.left, one.kind)),
            Cell(words.moment(one.lasts_until, place.zone), one.lasts_until),
            Cell(words.moment(one.expires, place.zone), one.expires),
        ]
        for one in status_now().budgets
    ]
    return listing.answer(
        Listing(
            name="budgets",
            page={"title": _("All budgets"), "crumbs": [{"label": _("Budget"), "url": url_for("budget.show")}, {"label": _("All budgets")}]},
            columns=[Column("budget", _("Budget")), Column("supply group", _("Supply group")), Column("service", _("Service")), Column("allotted", _("Allotted"), end=True), Column("used", _("Used"), end=True), Column("left", _("Left"), end=True), Column("lasts until", _("Lasts until")), Column("expires", _("Expires"))],
            fetch=listing.whole(rows),
            nothing={"title": _("No budget is open"), "text": _("Without a budget the module issues no token. A key custodian asks for one, and two people sign it."), "action": "", "url": ""},
        )
    )  # fmt: skip


def _plain(amount: int, kind: str) -> str:
    """For files: units with their decimal, acts as a number, the same in every language."""
    return f"{amount / 10:.1f}" if kind == "units" else str(amount)


def status_now() -> Status:
    services: Services = g.services
    return services.module.status()


def may_ask() -> bool:
    return places.can(g.actor, Permission.KEYS_ACT.value)


DRAWN = 6


def told(status: Status) -> dict[str, Any]:
    """The budgets that say something, drawn, the tightest first; the untouched ones as lines of a table."""
    busy = sorted(
        (one for one in status.budgets if one.used or one.warnings or one.left <= 0),
        key=lambda one: one.left / one.allotted if one.allotted else 0,
    )[:DRAWN]
    names = {one.budget_id for one in busy}
    zone = places.of_request().zone
    asks = places.can(g.actor, Permission.BUDGET_ASK.value)
    return {
        "budgets": [drawn(one, status.now) for one in busy],
        "budgets_url": url_for("budget.table") if status.budgets else "",
        "rest": [
            [
                title_of(one),
                telling_module.amount_of(one.left, one.kind, one.service),
                words.day(one.expires, zone),
                {"text": _("Ask for more"), "url": url_for("budget.ask_top_up", name=one.budget_id)}
                if asks
                else "",
            ]
            for one in status.budgets
            if one.budget_id not in names
        ],
    }


def drawn(one: Budget, now: datetime, *, marks: int = 4) -> dict[str, Any]:
    """A budget as the pages show it: scale with its marks, a sentence, the forecast, what waits for it."""
    zone = places.of_request().zone
    unit = words.unit_of(one.service or "") if one.kind == "units" else ""
    scale = 10 if one.kind == "units" else 1
    top, left = one.allotted / scale, max(one.left, 0) / scale
    share = round(100 * one.left / one.allotted) if one.allotted else 0

    def number(value: float) -> str:
        return words.number(_whole(value), 0)

    steps = [(top * percent / 100, f"{percent} %") for percent in (10, 25, 50)] if top else []
    ends = one.lasts_until if one.lasts_until and one.lasts_until < one.expires else None
    state = "now" if one.left <= 0 else "half" if one.warnings or share <= 25 else "on"
    return {
        "id": one.budget_id,
        "title": title_of(one),
        "lamp": {"state": state, "text": _("%(share)s %% left", share=share)},
        "svg": glass.scale(
            top=top or 1,
            parts=[
                (0, left, "liquid", _("%(amount)s left", amount=f"{number(left)} {unit}".strip())),
            ],
            steps=steps,
            unit=unit,
            major=(top or 1) / marks,
            number=number,
            label=_(
                "%(left)s of %(all)s are left. Warnings come at 50, 25 and 10 per cent.",
                left=f"{number(left)} {unit}".strip(),
                all=f"{number(top)} {unit}".strip(),
            ),
            rtl=_is_rtl(),
        ),
        "sentence": _sentence(one, ends, now),
        "warnings": [words.refusal(warning) for warning in one.warnings],
        "forecast": _forecast(one, ends, now, number) if ends is not None and one.left > 0 else None,
        "act": {"label": _("Ask for more"), "url": url_for("budget.ask_top_up", name=one.budget_id)}
        if places.can(g.actor, Permission.BUDGET_ASK.value)
        else None,
        "refill": None,
        "facts": [
            _("since %(moment)s", moment=words.moment(one.starts, zone)),
            _("expires %(moment)s", moment=words.moment(one.expires, zone)),
        ],
    }


def _is_rtl() -> bool:
    from flask_babel import get_locale

    return str(get_locale() or "en").split("_")[0] in ("ar", "fa", "he", "ur")


def _whole(value: float) -> Any:
    from decimal import Decimal

    return Decimal(round(value))


def title_of(one: Budget) -> str:
    kinds = {
        "free": _("free issues"),
        "management": _("engineering tokens"),
        "key-change": _("key changes"),
    }
    what = (
        words.service_name(one.service or "").lower()
        if one.kind == "units"
        else kinds.get(one.kind, one.kind)
    )
    return _("Supply group %(sgc)s, %(what)s", sgc=one.sgc, what=what)


def _sentence(one: Budget, ends: datetime | None, now: datetime) -> str:
    zone = places.of_request().zone
    if one.left <= 0:
        return _("Nothing is left: no token of this kind can be issued. Ask two approvers for more now.")
    if ends is not None:
        return _(
            "At the pace of the last seven days it ends on %(when)s. It expires on %(expires)s.",
            when=words.moment(ends, zone),
            expires=words.moment(one.expires, zone),
        )
    if one.lasts_until is None and one.used == 0:
        return _(
            "Nothing was issued from it yet. It expires on %(when)s.", when=words.moment(one.expires, zone)
        )
    return _(
        "At the present pace it lasts until it expires on %(when)s.", when=words.moment(one.expires, zone)
    )


def _forecast(one: Budget, ends: datetime, now: datetime, number: Any) -> dict[str, Any]:
    """A line from now to where the budget meets the floor. What was before is not kept by the module, so none is drawn."""
    zone = places.of_request().zone
    scale = 10 if one.kind == "units" else 1
    days = max((ends - now).total_seconds() / 86400, 0.05)
    steps = 12
    soon = [(days * index / steps, one.left / scale * (1 - index / steps)) for index in range(steps + 1)]
    # Sales of a day swing by about a quarter around the week's mean; "8 days in 10" is what the band says.
    band = [
        (x, max(0.0, y - 0.25 * (one.left / scale - y)), y + 0.2 * (one.left / scale - y)) for x, y in soon
    ]
    rows = [[words.moment(now + timedelta(days=x), zone), number(y)] for x, y in soon[:: max(1, steps // 6)]]
    return {
        "svg": charts.line(
            [(0, one.left / scale)],
            soon=soon,
            band=band,
            marks=[(one.left / scale, number(one.left / scale))],
            names=[(0, _("now"))],
            crossing=(days, words.moment(ends, zone)),
            span=(0, days * 1.2),
            label=_(
                "From %(left)s now it falls to nothing on %(when)s.",
                left=number(one.left / scale),
                when=words.moment(ends, zone),
            ),
        ),
        "note": _("at the pace of seven days"),
        "columns": [{"label": _("When")}, {"label": _("Left"), "end": True}],
        "rows": rows,
    }


@room.route("/<name>/more", methods=["GET", "POST"])
@gate.needs("budget.ask")
def ask_top_up(name: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    budget = next((one for one in status_now().budgets if one.budget_id == name), None)
    if budget is None:
        raise NotFound(_("There is no open budget of that name. Open the page of the budgets again."))
    scale = 10 if budget.kind == "units" else 1
    unit = words.unit_of(budget.service or "") if budget.kind == "units" else ""
    form = forms.Form(
        page={
            "title": _("Ask for more"),
            "facts": [title_of(budget), telling_module.amount_of(budget.left, budget.kind, budget.service)],
            "crumbs": [{"label": _("Budget"), "url": url_for("budget.show")}, {"label": _("Ask for more")}],
        },
        fields=[
            forms.Field(
                "amount",
                _("How much more"),
                value=str(budget.allotted // scale),
                after=unit,
                needed=True,
                attributes={"inputmode": "numeric"},
            ),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("budget.show"),
        aside=[
            _(
                "Two approvers sign this act; the security module counts their signatures. It can be signed from a telephone, within a day."
            )
        ],
    )
    if request.method == "GET":
        return form.show()
    try:
        amount = forms.number("amount", _("How much more"), least=1, most=100_000_000) * scale
        why = forms.reason()
        for_module = module_acts.name_of(services.module)
        with services.db.writing() as session:
            module_acts.ask(
                session,
                services.clock,
                g.actor,
                "top-up",
                lambda: module_texts.top_up(
                    budget_id=name,
                    amount=amount,
                    module=for_module,
                    maker=g.actor.name,
                    reason=why,
                    made=services.clock.now(),
                ),
                site=place.site_key,
                subject=f"budget:{name}",
                reason=why,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Two people sign it now."), url_for("approvals.desk"))


@room.route("/open", methods=["GET", "POST"])
@gate.needs("keys.act")
def ask_open() -> Any:
    services: Services = g.services
    place = places.of_request()
    status = status_now()
    groups = sorted({one.sgc for one in status.keys}) or [""]
    form = forms.Form(
        page={
            "title": _("Ask for a budget"),
            "crumbs": [
                {"label": _("Budget"), "url": url_for("budget.show")},
                {"label": _("Ask for a budget")},
            ],
        },
        fields=[
            forms.Field(
                "sgc", _("Supply group"), "choose", value=groups[0], options=[(one, one) for one in groups]
            ),
            forms.Field("what", _("For"), "choose", value="electricity", options=_whats()),
            forms.Field(
                "amount",
                _("How much"),
                hint=_("Whole units of the service, or a number of acts."),
                needed=True,
                attributes={"inputmode": "numeric"},
            ),
            forms.Field(
                "period",
                _("How often"),
                "segments",
                value="once",
                options=[("once", _("Once")), ("day", _("Each day")), ("month", _("Each month"))],
            ),
            forms.Field(
                "days", _("Valid for, in days"), value="31", needed=True, attributes={"inputmode": "numeric"}
            ),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("budget.show"),
    )
    if request.method == "GET":
        return form.show()
    try:
        what, period, sgc = forms.text("what"), forms.text("period"), forms.text("sgc")
        if what not in dict(_whats()) or period not in module_texts.PERIODS or sgc not in groups:
            raise InvalidInput(_("Choose one of the list."), "what")
        amount = forms.number("amount", _("How much"), least=1, most=100_000_000)
        days = forms.number("days", _("Valid for, in days"), least=1, most=400)
        why = forms.reason()
        now = services.clock.now()
        name = f"{what}-{sgc}-{now:%Y%m%d%H%M%S}"

        def write() -> str:
            told: dict[str, Any] = {
                "budget_id": name,
                "sgc": sgc,
                "starts": now,
                "ends": now + timedelta(days=days),
                "module": for_module,
                "maker": g.actor.name,
                "reason": why,
                "made": now,
                "period": period,
            }
            if what in module_texts.COUNTS:
                return module_texts.open_count_budget(kind=what, count=amount, **told)
            return module_texts.open_budget(service=what, units=amount * 10, **told)

        for_module = module_acts.name_of(services.module)
        with services.db.writing() as session:
            module_acts.ask(
                session,
                services.clock,
                g.actor,
                "open-budget",
                write,
                site=place.site_key,
                subject=f"budget:{name}",
                reason=why,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Two people sign it now."), url_for("approvals.desk"))


def _whats() -> list[tuple[str, str]]:
    return [
        ("electricity", words.service_name("electricity")),
        ("water", words.service_name("water")),
        ("gas", words.service_name("gas")),
        ("time", words.service_name("time")),
        ("free", _("Free issues")),
        ("management", _("Engineering tokens")),
        ("key-change", _("Key changes")),
    ]

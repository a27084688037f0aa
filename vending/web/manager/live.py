"""The building now: five figures, days of credit unit by unit, what was sold lately, and what needs a person."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, current_app, g, render_template, request, url_for

from vending import jobs
from vending.access import approvals, policy
from vending.access.policy import Permission
from vending.analytics import credit, messages
from vending.analytics import sales as analytics
from vending.estate import browsing
from vending.services import Services
from vending.web import charts, gate, places, words
from vending.web.frame import module_status
from vending.web.supervisor import budget
from vending.web.words import _, plural

room = Blueprint("live", __name__, url_prefix="/manager/live")

FULL_DAYS = 14
# With more units than this, those with more than a week are folded away.
OPEN_WHOLE = 150
DAYS = 14


@room.get("")
@gate.needs("report.read")
def show() -> Any:
    services: Services = g.services
    place = places.of_request()
    now = services.clock.now()
    today = now.astimezone(place.zone).date()
    days = [today - timedelta(days=DAYS - 1 - index) for index in range(DAYS)]
    bounds = [datetime.combine(day, time(), place.zone) for day in [*days, today + timedelta(days=1)]]
    with services.db.reading() as session:
        sums = analytics.by_day(session, place.site_key, bounds)
        energy = analytics.sums(session, place.site_key, bounds[-2], bounds[-1], "service")
        units = credit.rack(session, place.site_key, now)
        users = credit.largest(session, place.site_key, now)
        open_orders = analytics.open_orders(session, place.site_key)
        waiting = [
            one for one in approvals.list_requests(session, services.clock, g.actor) if one.state != "expired"
        ]
        counts = browsing.counts(session, place.site_key)
        background = jobs.count(
            session,
            services.clock,
            only=messages.of_sites(session, policy.sites_where(g.actor, Permission.SITE_EDIT)),
        )
    electricity = next((one.units for one in energy if one.name == "electricity"), 0)
    low = [one for one in units if one.state == "low"]
    money, orders = sums[-1]
    return render_template(
        "manager/live.html",
        figures_list=[
            {"label": _("Sold today"), "value": words.money(money, place.currency), "before": words.symbol(place.currency), "unit": ""},
            {"label": _("Orders today"), "value": str(orders), "unit": ""},
            {"label": _("Electricity sold today"), "value": words.units(electricity), "unit": "kWh"},
            {"label": _("Units under two days"), "value": str(len(low)), "unit": ""},
            {"label": _("Waiting for a second person"), "value": str(len(waiting)), "unit": ""},
        ],
        rack=_rack(units),
        power={
            "svg": charts.bars(
                [(words.date_of(day), amount / 100, words.money(amount, place.currency)) for day, (amount, _orders) in zip(days, sums, strict=True)],
                label=_("Money of each of the last %(days)s days; today %(money)s so far.", days=DAYS, money=words.total(money, place.currency)),
                today=DAYS - 1,
                height=140,
            ),
            "title": _("Sold in the last %(days)s days", days=DAYS),
            "nothing": "" if any(count for _amount, count in sums) else _("Nothing was sold in these %(days)s days. The first sale at the till shows here.", days=DAYS),
            "note": place.currency,
            "columns": [{"label": _("Day")}, {"label": _("Orders"), "end": True}, {"label": _("Money"), "end": True}],
            "rows": [[words.date_of(day), str(count), words.money(amount, place.currency)] for day, (amount, count) in zip(days, sums, strict=True)],
            "csv": url_for("reports.by_day", **_CSV) if places.can(g.actor, Permission.ESTATE_EXPORT.value) else "",
        },
        needs=_needs(low, units, waiting, open_orders, counts, background),
        users={
            "note": _("kWh in four weeks"),
            "items_list": [
                {
                    "name": one.tenant,
                    "url": url_for("records.tenant", key=one.tenant_key),
                    "value": words.number(words.whole(one.units / 10), 0),
                    "spark": charts.sparkline(one.weeks),
                }
                for one in users
            ],
        },
        plan=_budget(),
        at=words.clock_time(now, place.zone),
        refresh_url=url_for("live.show", all=request.args.get("all") or None),
        start=_start(counts) if not counts["meters"] else None,
    )  # fmt: skip


_CSV: dict[str, Any] = {"as": "csv"}


def _rack(units: list[credit.UnitCredit]) -> dict[str, Any]:
    whole = len(units) <= OPEN_WHOLE or bool(request.args.get("all"))
    floors: dict[str, list[dict[str, Any]]] = {}
    folded = 0
    for one in units:
        if not whole and one.state in ("ok", "vacant", "unknown") and (one.days is None or one.days > 7):
            folded += 1
            continue
        floors.setdefault(one.floor or _("Without a floor"), []).append(
            {
                "label": one.code,
                "name": "",
                "days": _days(one),
                "share": min((one.days or 0) / FULL_DAYS, 1.0),
                "state": one.state,
                "url": url_for("records.unit", key=one.space_key),
                "broad": False,
            }
        )
    return {
        "note": _("judged from purchases: full = 14 days or more · red = under 2 days · × = blocked · ? = bought too seldom to say · dashed = vacant"),
        "floors": [{"name": name, "units": inside} for name, inside in floors.items()],
        "folded": plural("%(num)s unit with more than a week is folded away.", "%(num)s units with more than a week are folded away.", folded)
        if folded
        else "",
        "unfold_url": url_for("live.show", all="1"),
    }  # fmt: skip


def _days(one: credit.UnitCredit) -> str:
    if one.state == "vacant":
        return _("vacant")
    if one.state == "off":
        return _("blocked for sale")
    if one.days is None:
        return _("not enough purchases to say")
    return plural("about %(num)s day", "about %(num)s days", round(one.days))


def _needs(
    low: list[credit.UnitCredit],
    units: list[credit.UnitCredit],
    waiting: list[approvals.RequestView],
    open_orders: int,
    counts: dict[str, int],
    background: jobs.Counts,
) -> dict[str, Any]:
    """What a person must do, the most urgent first; each with one verb."""
    items: list[dict[str, Any]] = []

    def add(lamp: str, who: str, why: str, verb: str, endpoint: str, /, **values: Any) -> None:
        if endpoint in current_app.view_functions and places.can(
            g.actor, gate.permission_of(current_app, endpoint) or ""
        ):
            items.append(
                {
                    "state": lamp,
                    "who": who,
                    "why": why,
                    "verb": verb,
                    "url": url_for(endpoint, **values),
                    "post": False,
                }
            )

    status, sentence = module_status(g.services)
    if status is None or sentence:
        add(
            "now",
            _("The security module"),
            words.refusal(sentence) or _("It does not answer."),
            _("Look"),
            "keys.show",
        )
    for warning in status.warnings if status else ():
        add("half", _("Budget"), words.refusal(warning), _("Look"), "budget.show")
    if open_orders:
        add(
            "half",
            plural("%(num)s order is open", "%(num)s orders are open", open_orders),
            _("Paid, and the token is on its way."),
            _("Look"),
            "sales.ledger",
            state="paid",
        )
    for view in waiting[-3:]:
        own = view.maker == g.actor.key
        add(
            "off" if own else "half",
            view.maker_name,
            f"{words.refusal(view.act.says)}. {view.reason}",
            _("Look") if own else _("Decide"),
            "approvals.one",
            key=view.key,
        )
    empty = [one for one in low if not one.days]
    if empty:
        add(
            "half",
            plural("%(num)s unit should be empty by now", "%(num)s units should be empty by now", len(empty)),
            _("Judged from what they bought before. Ask them, or look at the meter."),
            _("Look"),
            "reports.quiet",
            days="14",
        )
    for one in sorted((one for one in low if one.days), key=lambda unit: unit.days or 0)[:5]:
        add(
            "half",
            f"{one.code} {one.tenant}",
            _("Less than a day of credit left.") if (one.days or 0) < 1 else _("About a day of credit left."),
            _("Open"),
            "records.unit",
            key=one.space_key,
        )
    if background.dead:
        add(
            "now",
            plural("%(num)s message failed", "%(num)s messages failed", background.dead),
            _("What should have followed an act did not."),
            _("Look"),
            "jobs.index",
        )
    if counts.get("meters registered"):
        add(
            "half",
            plural("%(num)s meter waits", "%(num)s meters wait", counts["meters registered"]),
            _("Registered, and not in service yet."),
            _("Look"),
            "estate.meters",
            state="registered",
        )
    return {
        "note": _("%(low)s of %(all)s units are low", low=len(low), all=len(units)) if units else "",
        "items_list": items,
    }  # fmt: skip


def _budget() -> dict[str, Any] | None:
    status, _sentence = module_status(g.services)
    units = [one for one in status.budgets if one.kind == "units" and one.allotted] if status else []
    if not units:
        return None
    tightest = budget.drawn(
        min(units, key=lambda one: one.left / one.allotted),
        status.now if status else g.services.clock.now(),
        marks=2,
    )
    return {"title": tightest["title"], "note": tightest["lamp"]["text"], "svg": tightest["svg"]}


def _start(counts: dict[str, int]) -> list[dict[str, str]]:
    """First-run guidance: what a new site does next, in order, with what is done already left out."""
    steps = [
        (
            not counts["units"],
            _("Add the building, its floors and units, or bring in a list of them."),
            "estate.tree",
        ),
        (not counts["tenants"], _("Add the tenants and say who has which unit."), "estate.tenants"),
        (
            not counts["meters"],
            _("Register the meters by their labels, and commission them."),
            "estate.meters",
        ),
        (True, _("Bring in a tariff; a second manager publishes it."), "tariffs.index"),
        (True, _("Add the people who sell, and give them their roles."), "people.index"),
    ]
    return [
        {"text": text, "url": url_for(endpoint)}
        for needed, text, endpoint in steps
        if needed and endpoint in current_app.view_functions
    ]

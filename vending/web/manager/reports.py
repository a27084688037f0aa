"""Reports: sales by day, by what and by whom; losses; free and engineering tokens by person. Each can be saved.

A row of a loss report is a question for somebody with a torch: it opens an inspection order, and says why.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, current_app, g, render_template, request, url_for

from vending.analytics import losses
from vending.analytics import sales as analytics
from vending.analytics import shifts as shift_reports
from vending.services import Services
from vending.web import charts, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.timelines import token_kind
from vending.web.words import _

room = Blueprint("reports", __name__, url_prefix="/manager/reports")


def _crumbs(last: str) -> list[dict[str, str]]:
    return [{"label": _("Reports"), "url": url_for("reports.index")}, {"label": last}]


@room.get("")
@gate.needs("report.read")
def index() -> Any:
    lines = [
        ("reports.by_day", _("Sales by day"), _("Money and orders of each day, as a chart and as a table.")),
        ("reports.by_what", _("Sales by service, till, person, tenant or tariff"), _("Who and what the money came from.")),
        ("reports.quiet", _("No purchase for long"), _("Let units that stopped buying: away, on a generator, or past the meter?")),
        ("reports.dropped", _("Bought far less than usual"), _("The last four weeks against the twelve before.")),
        ("reports.tokens", _("Tokens without payment"), _("Free, engineering and key-change tokens, by person.")),
        ("reports.shifts", _("Shifts and differences"), _("Drawers that were over or short, by person.")),
        ("campaign.board", _("Key changes"), _("Which meters are on which key, and which still wait.")),
        ("adopted.index", _("Orders taken in after a restore"), _("Tokens that the restored database had lost: what was paid for them, and where it is.")),
        ("jobs.index", _("Messages that were not delivered"), _("What should have followed an act and did not, to be sent again.")),
    ]  # fmt: skip
    rows = [
        [{"text": name, "url": url_for(endpoint), "sub": what}]
        for endpoint, name, what in lines
        if endpoint in current_app.view_functions and places.can(g.actor, _permission(endpoint))
    ]
    return render_template(
        "list.html",
        page={"title": _("Reports")},
        columns=[{"label": _("Report")}],
        rows=rows,
        nothing={"title": "", "text": "", "action": "", "url": ""},
    )


def _permission(endpoint: str) -> str:
    return gate.permission_of(current_app, endpoint) or ""


@room.get("/days")
@gate.needs("report.read")
def by_day() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, _since, _until = listing.span(place.zone, today)
    count = min((last - first).days + 1, 366)
    days = [first + timedelta(days=index) for index in range(count)]
    bounds = [datetime.combine(day, time(), place.zone) for day in [*days, days[-1] + timedelta(days=1)]]
    with services.db.reading() as session:
        sums = analytics.by_day(session, place.site_key, bounds)
    rows = [
        [
            Cell(words.date_of(day), day, url=listing.link("sales.ledger", **{"from": day.isoformat(), "to": day.isoformat()})),
            Cell(str(orders), orders),
            Cell(words.money(money, place.currency), words.plain_money(money, place.currency)),
        ]
        for day, (money, orders) in zip(days, sums, strict=True)
    ]  # fmt: skip
    total = sum(money for money, _orders in sums)
    best = max(range(count), key=lambda index: sums[index][0], default=0)
    sentence = _(
        "%(total)s in %(days)s days; the best day was %(best)s with %(most)s.",
        total=words.total(total, place.currency),
        days=count,
        best=words.date_of(days[best]),
        most=words.total(sums[best][0], place.currency),
    )
    return listing.answer(
        listing.Listing(
            name="sales-by-day",
            page={"title": _("Sales by day"), "crumbs": _crumbs(_("Sales by day")), "intro": sentence},
            columns=[Column("day", _("Day")), Column("orders", _("Orders"), end=True), Column("money", _("Money"), end=True)],
            fetch=listing.whole(rows[::-1]),
            filter={"action": url_for("reports.by_day"), "dates": listing.dates(first, last)},
            drawing={
                "svg": charts.bars(
                    [(words.date_of(day), money / 100, words.money(money, place.currency)) for day, (money, _orders) in zip(days, sums, strict=True)],
                    label=sentence,
                    today=count - 1 if last == today else None,
                    average=(total / 100 / count, _("mean %(money)s", money=words.money(round(total / count), place.currency))),
                    every=next((step for step in (7, 6, 5, 10, 9) if (count - 1) % step in (0, 3, 4, 5)), 0),
                ),
                "title": _("Money by day"),
                "note": place.currency,
                "columns": [],
                "rows": [],
            }
            if total
            else None,
            sums=[_("Sum"), str(sum(orders for _money, orders in sums)), words.money(total, place.currency)],
            nothing={"title": _("Nothing was sold"), "text": _("Choose other days."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/sums")
@gate.needs("report.read")
def by_what() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    names = {
        "service": _("Service"),
        "till": _("Till"),
        "cashier": _("Person"),
        "tenant": _("Tenant"),
        "tariff": _("Tariff"),
    }
    by = request.args.get("by", "service")
    by = by if by in names else "service"
    with services.db.reading() as session:
        sums = analytics.sums(session, place.site_key, since, until, by)
    total = sum(one.money_minor for one in sums)
    rows = [
        [
            _named(one, by),
            Cell(str(one.sales), one.sales),
            Cell(words.units(one.units), f"{one.units / 10:.1f}"),
            Cell(
                words.money(one.money_minor, place.currency),
                words.plain_money(one.money_minor, place.currency),
            ),
            Cell(f"{100 * one.money_minor / total:.1f} %" if total else "–"),
        ]
        for one in sums
    ]
    title = _("Sales by %(what)s", what=names[by].lower())
    return listing.answer(
        listing.Listing(
            name=f"sales-by-{by}",
            page={"title": title, "crumbs": _crumbs(title)},
            columns=[Column(by, names[by]), Column("orders", _("Orders"), end=True), Column("units", _("Units"), end=True), Column("money", _("Money"), end=True), Column("share", _("Share"), end=True)],
            fetch=listing.whole(rows),
            filter={
                "action": url_for("reports.by_what"),
                "choices": [{"name": "by", "label": _("By"), "chosen": by, "options": [{"value": value, "label": label} for value, label in names.items()]}],
                "dates": listing.dates(first, last),
            },
            drawing={
                "svg": charts.bars([(_named(one, by).text[:14], one.money_minor / 100, words.money(one.money_minor, place.currency)) for one in sums[:8]], label=title),
                "title": _("The largest"),
                "note": place.currency,
                "columns": [],
                "rows": [],
            }
            if len(sums) > 1
            else None,
            sums=[_("Sum"), str(sum(one.sales for one in sums)), "", words.money(total, place.currency), ""],
            nothing={"title": _("Nothing was sold"), "text": _("Choose other days."), "action": "", "url": ""},
        )
    )  # fmt: skip


def _named(one: analytics.Sum, by: str) -> Cell:
    if by == "service":
        return Cell(words.service_name(one.name) if one.name else _("Charges and top-ups"), one.name)
    if by == "tenant" and one.key:
        return Cell(one.name, url=url_for("records.tenant", key=one.key))
    return Cell(one.name or "–", one.name)


def inspect_link(meter: str, why: str) -> Cell:
    """The one verb of a loss report; the reason goes with it."""
    if "work.open_order" not in current_app.view_functions or not places.can(
        g.actor, gate.permission_of(current_app, "work.open_order") or ""
    ):
        return Cell("")
    return Cell(_("Inspect"), "", url=url_for("work.open_order", meter=meter, kind="inspection", why=why))


@room.get("/quiet")
@gate.needs("report.read")
def quiet() -> Any:
    services: Services = g.services
    place = places.of_request()
    now = services.clock.now()
    text = request.args.get("days", "30")
    days = min(max(int(text), 1), 365) if text.isascii() and text.isdigit() and len(text) < 5 else 30
    with services.db.reading() as session:
        found = losses.quiet(session, place.site_key, now, days=days)
    rows = []
    for one in found:
        why = _("No purchase for %(days)s days.", days=one.days(now))
        rows.append(
            [
                Cell(
                    one.unit, url=url_for("meters.show", key=one.meter_key), sub=words.meter_number(one.drn)
                ),
                Cell(one.tenant),
                Cell(words.service_name(one.service), one.service),
                Cell(words.day(one.last, place.zone) if one.last else _("never"), one.last or ""),
                Cell(str(one.days(now)), one.days(now), lamp="now" if one.days(now) > 2 * days else "half"),
                Cell(words.units(one.before), f"{one.before / 10:.1f}"),
                inspect_link(one.meter_key, why),
            ]
        )
    title = _("No purchase for %(days)s days", days=days)
    return listing.answer(
        listing.Listing(
            name="no-purchase",
            page={"title": title, "crumbs": _crumbs(title), "intro": _("Let units whose meter is in service and did not buy. A holiday, a generator, or energy that goes past the meter.")},
            columns=[Column("unit", _("Unit")), Column("tenant", _("Tenant")), Column("service", _("Service")), Column("last", _("Last purchase")), Column("days", _("Days"), end=True), Column("bought in a year", _("Bought in a year"), end=True), Column("inspection", "")],
            fetch=listing.whole(rows),
            filter={"action": url_for("reports.quiet"), "choices": [{"name": "days", "label": _("Days"), "chosen": str(days), "options": [{"value": str(each), "label": str(each)} for each in sorted({7, 14, 30, 60, 90, days})]}]},
            nothing={"title": _("Everybody bought"), "text": _("No let unit with a token meter has been silent for that long."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/dropped")
@gate.needs("report.read")
def dropped() -> Any:
    services: Services = g.services
    place = places.of_request()
    text = request.args.get("percent", "50")
    percent = int(text) if text in ("30", "50", "70", "90") else 50
    with services.db.reading() as session:
        found = losses.dropped(session, place.site_key, services.clock.now(), percent=percent)
    rows = []
    for one in found:
        why = _(
            "Bought %(lately)s in four weeks, usually %(usual)s.",
            lately=words.measure(one.lately, one.service),
            usual=words.measure(one.usual, one.service),
        )
        rows.append(
            [
                Cell(one.unit, url=url_for("meters.show", key=one.meter_key), sub=words.meter_number(one.drn)),
                Cell(one.tenant),
                Cell(words.service_name(one.service), one.service),
                Cell(words.units(one.usual), f"{one.usual / 10:.1f}"),
                Cell(words.units(one.lately), f"{one.lately / 10:.1f}"),
                Cell(f"{words.MINUS}{-one.percent} %" if one.percent < 0 else f"{one.percent} %", one.percent, lamp="now" if one.percent <= -80 else "half"),
                inspect_link(one.meter_key, why),
            ]
        )  # fmt: skip
    title = _("Bought far less than usual")
    return listing.answer(
        listing.Listing(
            name="drop-against-history",
            page={"title": title, "crumbs": _crumbs(title), "intro": _("The last four weeks against the mean of the twelve weeks before, for meters large enough to judge.")},
            columns=[Column("unit", _("Unit")), Column("tenant", _("Tenant")), Column("service", _("Service")), Column("usual per 28 days", _("Usual, 28 days"), end=True), Column("last 28 days", _("Last 28 days"), end=True), Column("percent", _("Change"), end=True), Column("inspection", "")],
            fetch=listing.whole(rows),
            filter={"action": url_for("reports.dropped"), "choices": [{"name": "percent", "label": _("At least"), "chosen": str(percent), "options": [{"value": each, "label": f"{words.MINUS}{each} %"} for each in ("30", "50", "70", "90")]}]},
            nothing={"title": _("Nobody dropped that far"), "text": _("Each meter bought about what it used to."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/tokens")
@gate.needs("report.read")
def tokens() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    with services.db.reading() as session:
        found = analytics.tokens_of_kind(session, place.site_key, since, until)
    rows = [
        [Cell(name), Cell(token_kind(kind), kind), Cell(str(count), count), Cell(words.units(units) if units else "–", f"{units / 10:.1f}")]
        for _key, name, kind, count, units in found
    ]  # fmt: skip
    title = _("Tokens without payment")
    return listing.answer(
        listing.Listing(
            name="tokens-without-payment",
            page={"title": title, "crumbs": _crumbs(title), "intro": _("Who asked for them. Each was agreed to by a second person; the trail names both.")},
            columns=[Column("person", _("Person")), Column("kind", _("Kind")), Column("tokens", _("Tokens"), end=True), Column("units", _("Units"), end=True)],
            fetch=listing.whole(rows),
            filter={"action": url_for("reports.tokens"), "dates": listing.dates(first, last)},
            nothing={"title": _("None in these days"), "text": _("Free, engineering and key-change tokens stand here by person."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/shifts")
@gate.needs("shift.others")
def shifts() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    only = request.args.get("only", "")
    with services.db.reading() as session:
        found = shift_reports.list_shifts(session, place.site_key, since, until, short_only=only == "short")
    by_person: dict[str, int] = {}
    for one in found:
        by_person[one.cashier] = by_person.get(one.cashier, 0) + one.difference_minor
    decisions = {"accept": _("accepted"), "claim": _("claimed"), "charge": _("charged to the person")}
    rows = [
        [
            Cell(one.number, url=url_for("supervisor_shifts.show", key=one.key) if "supervisor_shifts.show" in current_app.view_functions else "", lamp="off" if one.closed_at is None else "now" if one.difference_minor else "on"),
            Cell(one.cashier),
            Cell(one.till),
            Cell(words.moment(one.opened_at, place.zone), one.opened_at),
            Cell(words.moment(one.closed_at, place.zone), one.closed_at, sub=_("closed by somebody else") if one.forgotten else ""),
            Cell(words.money(one.takings_minor, one.currency), words.plain_money(one.takings_minor, one.currency)),
            Cell(words.money(one.difference_minor, one.currency) if one.difference_minor else "–", words.plain_money(one.difference_minor, one.currency)),
            Cell(one.reason, sub=decisions.get(one.decision, "")),
        ]
        for one in found
    ]  # fmt: skip
    title = _("Shifts and differences")
    total = sum(one.difference_minor for one in found)
    return listing.answer(
        listing.Listing(
            name="shifts",
            page={"title": title, "crumbs": _crumbs(title)},
            figures=[
                {"label": name, "value": words.money(amount, place.currency), "before": words.symbol(place.currency), "unit": "", "note": _("short") if amount < 0 else _("over") if amount else _("even")}
                for name, amount in sorted(by_person.items(), key=lambda item: item[1])[:6]
            ]
            if found
            else None,
            columns=[Column("shift", _("Shift")), Column("person", _("Person")), Column("till", _("Till")), Column("opened", _("Opened")), Column("closed", _("Closed")), Column("takings", _("Takings"), end=True), Column("difference", _("Difference"), end=True), Column("reason", _("Reason"))],
            fetch=listing.whole(rows),
            sums=[_("Sum"), "", "", "", "", "", words.money(total, place.currency), ""],
            filter={
                "action": url_for("reports.shifts"),
                "choices": [{"name": "only", "label": _("Show"), "chosen": only, "options": [{"value": "", "label": _("all")}, {"value": "short", "label": _("only with a difference")}]}],
                "dates": listing.dates(first, last),
            },
            nothing={"title": _("No shift in these days"), "text": _("A shift begins at the till, with a counted float."), "action": "", "url": ""},
        )
    )  # fmt: skip

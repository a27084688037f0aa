"""Every sale of the site: searched, paged, summed, saved; and one sale with its lines, tokens and proof.

Whoever reads sales without selling (a manager, an engineer, an auditor) sees the token's groups only where his work needs
them: digits are shown to those who may print a receipt again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.access.policy import Permission
from vending.analytics import sales as analytics
from vending.estate import queries as estate
from vending.services import Services
from vending.vends import queries
from vending.vends.plan import WITHOUT_MONEY
from vending.web import charts, gate, listing, places, printing, trail_words, words
from vending.web.cashier import sale_words
from vending.web.listing import Cell, Column
from vending.web.timelines import token_kind
from vending.web.words import _, plural

room = Blueprint("sales", __name__, url_prefix="/manager/sales")

EARLY = datetime(2000, 1, 1, tzinfo=UTC)


def kind_name(kind: str) -> str:
    names = {
        "credit": _("Sale"),
        "account": _("Top-up of the account"),
        "allowance": _("Free allowance"),
        "charge": _("Charge"),
        "free-issue": _("Free issue"),
        "replacement": _("Replaced credit"),
        "engineering": _("Engineering token"),
        "key-change": _("Key change"),
    }
    return names.get(kind, kind)


def states() -> dict[str, tuple[str, str]]:
    return {
        "issued": ("on", _("done")),
        "paid": ("half", _("on its way")),
        "refused": ("now", _("refused")),
        "reversed": ("off", _("reversed")),
        "cancelled": ("off", _("cancelled")),
        "asked": ("half", _("waits for a second person")),
        "withdrawn": ("off", _("withdrawn")),
    }


@room.get("")
@gate.needs("sale.read")
def ledger() -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    first, last, since, until = listing.span(place.zone, today)
    given = {
        name: request.args.get(name, "") for name in ("q", "till", "cashier", "state", "meter", "tenant")
    }
    if (given["q"] or given["meter"] or given["tenant"]) and not request.args.get("from"):
        since = EARLY  # a search looks through all of time unless days are named
    wanted = analytics.Wanted(
        site=place.site_key,
        since=since,
        until=until,
        text=given["q"],
        till=given["till"],
        cashier=given["cashier"],
        state=given["state"],
        meter=given["meter"],
        tenant=given["tenant"],
    )
    with services.db.reading() as session:
        tills = analytics.tills(session, place.site_key)
        sums = analytics.sums(session, place.site_key, since, until, "service")

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = analytics.list_sales(session, wanted, offset=offset, most=most)
        return [_row(one) for one in found]

    return listing.answer(
        listing.Listing(
            name="sales",
            page={
                "title": _("Sales"),
                "facts": [f"{words.date_of(first)} – {words.date_of(last)}"] if since != EARLY else [],
                "actions": [{"label": _("By day"), "url": url_for("reports.by_day")}]
                if places.can(g.actor, Permission.REPORT_READ.value)
                else [],
            },
            figures=[
                {
                    "label": words.service_name(one.name) if one.name else _("Charges and top-ups"),
                    "value": words.money(one.money_minor, place.currency),
                    "before": words.symbol(place.currency),
                    "note": words.measure(one.units, one.name) if one.name else "",
                    "unit": "",
                }
                for one in sums
            ]
            if not any(given.values())
            else None,
            columns=[
                Column("receipt", _("Receipt")),
                Column("sold at", _("When")),
                Column("unit", _("Unit")),
                Column("tenant", _("Tenant")),
                Column("energy", _("Energy"), end=True),
                Column("money", _("Money"), end=True),
                Column("till", _("Till")),
                Column("cashier", _("Cashier")),
                Column("state", _("State")),
            ],
            fetch=fetch,
            filter={
                "action": url_for("sales.ledger"),
                "search_label": _("Receipt, unit, name or meter"),
                "search": given["q"],
                "choices": [
                    {
                        "name": "till",
                        "label": _("Till"),
                        "chosen": given["till"],
                        "options": [
                            {"value": "", "label": _("all")},
                            *({"value": one, "label": one} for one in tills),
                        ],
                    },
                    {
                        "name": "state",
                        "label": _("State"),
                        "chosen": given["state"],
                        "options": [
                            {"value": "", "label": _("all")},
                            *({"value": name, "label": word} for name, (_lamp, word) in states().items()),
                        ],
                    },
                ],
                "dates": listing.dates(first, last),
            },
            nothing={
                "title": _("No sale fits"),
                "text": _("Choose other days, or search by the receipt's number, the unit or the name."),
                "action": _("Show the last month"),
                "url": url_for("sales.ledger"),
            },
        )
    )


def _row(one: analytics.SaleLine) -> listing.Row:
    place = places.of_request()
    lamp, word = states().get(one.state, ("off", one.state))
    energy = "; ".join(words.measure(units, service) for service, units in one.energy)
    return [
        Cell(one.receipt, url=url_for("sales.show", key=one.key)),
        Cell(words.moment(one.sold_at, place.zone), one.sold_at),
        Cell(", ".join(one.units)),
        Cell(", ".join(one.tenants)),
        Cell(energy, "; ".join(f"{units / 10:g} {words.unit_of(service)}" for service, units in one.energy)),
        Cell(words.money(one.total_minor, one.currency), words.plain_money(one.total_minor, one.currency)),
        Cell(one.till),
        Cell(one.cashier),
        Cell(word, one.state, lamp=lamp),
    ]


@room.get("/<key>")
@gate.needs("sale.read")
def show(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
        meters = {
            one.key: one
            for one in estate.list_meters(
                session, services.clock, [vend.meter_key for vend in sale.vends if vend.meter_key]
            )
        }
        history = estate.history(session, f"sale:{key}", most=40)
    sees_digits = places.can(g.actor, Permission.SALE_REPRINT.value)
    lamp, word = states().get(sale.state, ("off", sale.state))
    parts: list[dict[str, Any]] = []
    for vend in sale.vends:
        meter = meters.get(vend.meter_key)
        pairs: list[tuple[str, str]] = [(_("Paid"), words.total(vend.paid_minor, sale.currency))]
        if vend.returned_minor:
            pairs.append((_("Went back to the customer"), words.total(vend.returned_minor, sale.currency)))
        if meter is not None:
            pairs.insert(0, (_("Meter"), words.meter_number(meter.drn)))
        if vend.tariff_version:
            pairs.append((_("Tariff"), vend.tariff_version))
        if vend.keying:
            held = vend.keying
            pairs.append((_("Key"), f"SGC {held['sgc']} · KRN {held['krn']} · TI {held['ti']}"))
        if vend.refusal_sentence:
            pairs.append((_("Refused"), words.refusal(vend.refusal_sentence)))
        for token in (*vend.carried, *vend.tokens):
            shown = token.digits if sees_digits else ""
            pairs.append(
                (
                    token_kind(token.kind),
                    " ".join(shown[i : i + 4] for i in range(0, 20, 4))
                    if shown
                    else _("entry %(number)s of the log", number=token.sequence),
                )
            )
        parts.append(
            {
                "title": f"{meter.space.code if meter.space else meter.label}, {words.service_name(vend.service).lower()}"
                if meter
                else kind_name(vend.kind),
                "note": words.measure(vend.units + vend.free_units, vend.service) if vend.service else "",
                "pairs_list": pairs,
                "actions": [
                    {
                        "label": _("The meter's line of time"),
                        "url": url_for("meters.show", key=vend.meter_key),
                    }
                ]
                if meter
                else [],
            }
        )
    for position, group in enumerate(sale.content.get("orders", []), 1):
        lines = group.get("lines", []) if isinstance(group, dict) else []
        if lines:
            parts.append(
                {
                    "name": f"counted-{position}",
                    "title": _("How it was counted"),
                    "columns": [
                        {"label": _("Line")},
                        {"label": _("Why")},
                        {"label": _("Money"), "end": True},
                    ],
                    "rows": [
                        [
                            line["label"],
                            sale_words.why(line, sale.currency),
                            words.money(line["amount_minor"], sale.currency),
                        ]
                        for line in lines
                    ],
                }
            )
    actions: list[dict[str, Any]] = []
    if places.can(g.actor, Permission.SALE_MAKE.value):
        actions = [{"label": _("Receipt"), "url": url_for("receipts.show", key=key)}]
    if (
        sale.tokens
        and sale.vends[0].kind in WITHOUT_MONEY
        and places.can(g.actor, Permission.ENGINEERING_TOKEN.value)
    ):
        actions.append(
            {"label": _("Slip without money"), "url": url_for("papers.act", order_id=key, size="a5")}
        )
        if (button := printing.button("papers.print_act", order_id=key)) is not None:
            actions.append(button)
    return listing.answer_parts(
        "manager/record.html",
        parts,
        page={
            "title": _("Receipt %(number)s", number=sale.receipt),
            "crumbs": [{"label": _("Sales"), "url": url_for("sales.ledger")}, {"label": sale.receipt}],
            "facts": [
                words.moment(sale.sold_at, place.zone),
                _("Till %(till)s", till=sale.till),
                sale.cashier_name,
                words.total(sale.total_minor, sale.currency),
                ", ".join(words.way(taken.way) for taken in sale.taken),
            ],
            "lamp": {"state": lamp, "text": word},
            "actions": actions,
        },
        notices=[],
        figures_list=None,
        timeline_entries=[
            {
                "at": words.moment(line.at, place.zone),
                "iso": line.at.isoformat(),
                "state": "off",
                "what": trail_words.act(line.act),
                "detail": "; ".join(part for part in (line.actor_name, line.reason or "") if part),
                "url": "",
                "value": "",
            }
            for line in history
        ]
        + [
            {
                "at": words.moment(sale.sold_at, place.zone),
                "iso": sale.sold_at.isoformat(),
                "state": "on",
                "what": _("Sold"),
                "detail": plural(
                    "%(num)s copy was printed", "%(num)s copies were printed", max(sale.copies - 1, 0)
                ),
                "url": "",
                "value": words.total(sale.total_minor, sale.currency),
            }
        ],
        timeline_filters=None,
        paging=None,
    )


def bars_of(days: list[tuple[Any, int]], currency: str, *, label: str, today: int | None) -> Any:
    """Money by day as bars."""
    return charts.bars(
        [(words.date_of(day), minor / 100, words.money(minor, currency)) for day, minor in days],
        label=label,
        today=today,
        every=7,
    )

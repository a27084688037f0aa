"""The meter did not take the token: from what it displayed to the cause and the next step.

The words are the meter's own, from its model's profile and the word lists of the meter (rules.md 17); what this desk knows of
the meter and of the sale is added: a newer slip, a key change that is due, the number on the slip.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session

from meter import displayed as meters_words
from meter.errors import MeterError
from vending.analytics import timeline
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.services import Services
from vending.vends import facts, queries
from vending.vends.look import Look
from vending.vends.queries import SaleView
from vending.web import gate, places, timelines, words
from vending.web.cashier.vends import title
from vending.web.words import _

room = Blueprint("trouble", __name__, url_prefix="/cashier/vends")

# A meter without a known model shows what all of them can.
USUAL = "single-phase"
GOOD = ("ACCEPTED", "FIRST_SECTION", "FURTHER_SECTION")


@room.get("/<key>/trouble")
@gate.needs("sale.make")
def show(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
        wanted = request.args.get("meter", "")
        keys = [vend.meter_key for vend in sale.vends if vend.meter_key]
        meters = estate.list_meters(session, services.clock, keys)
        meter = next((one for one in meters if one.key == wanted), meters[0] if meters else None)
        if meter is None:
            return render_template("cashier/trouble.html", **_nothing_to_enter(sale))
        events = timeline.of_meter(session, meter.key, kinds=frozenset({"sale", "token", "key"}), most=12)
        carries = facts.under_key(Look(session, services.clock), meter)[1]
        newer = _newer(session, sale, meter.key)
    results = _results(meter.profile)
    chosen = request.args.get("shown", "")
    result = next((one for one in results if one.name == chosen), None)
    return render_template(
        "cashier/trouble.html",
        sale={
            "title": title(meter),
            "facts": [
                _("Meter %(number)s", number=words.meter_number(meter.drn)),
                _("Receipt %(number)s", number=sale.receipt),
                words.moment(sale.sold_at, place.zone),
            ],
            "url": url_for("vends.show", key=key),
        },
        shown=[{"value": one.name, "label": one.shows} for one in results]
        + [{"value": "nothing", "label": _("Nothing, it is dark")}],
        meters=[{"value": one.key, "label": title(one), "current": one.key == meter.key} for one in meters]
        if len(meters) > 1
        else [],
        meter=meter.key,
        chosen=chosen,
        answer=_answer(chosen, result, meter, sale, carries=bool(carries), newer=newer),
        timeline_entries=timelines.entries(events),
        urls={"here": url_for("trouble.show", key=key), "back": url_for("vends.show", key=key)},
    )


def _nothing_to_enter(sale: SaleView) -> dict[str, Any]:
    back = url_for("vends.show", key=sale.key)
    return {
        "sale": {"title": sale.receipt, "facts": [], "url": back},
        "shown": [],
        "meters": [],
        "meter": "",
        "chosen": "",
        "answer": {
            "state": "on",
            "cause": _("This sale has no token, so there is nothing to enter at a meter."),
            "steps": [],
        },
        "timeline_entries": [],
        "urls": {"here": url_for("trouble.show", key=sale.key), "back": back},
    }


def _results(profile: str) -> tuple[meters_words.Displayed, ...]:
    language = words.of_page().code
    try:
        return meters_words.displayed(profile, language)
    except MeterError:
        return meters_words.displayed(USUAL, language)


def _newer(session: Session, sale: SaleView, meter_key: str) -> SaleView | None:
    """The newest slip of this meter, if it is newer than this one."""
    newest = next(iter(queries.list_of_meter(session, meter_key, most=1)), None)
    return newest if newest is not None and newest.sold_at > sale.sold_at else None


def _answer(
    chosen: str,
    result: meters_words.Displayed | None,
    meter: MeterView,
    sale: SaleView,
    *,
    carries: bool,
    newer: SaleView | None,
) -> dict[str, Any] | None:
    if chosen == "nothing":
        return {
            "state": "now",
            "cause": _("A meter that shows nothing has no power, or its keypad is not paired with it."),
            "steps": [
                _("Look whether the breaker before the meter is on, and whether neighbours have power."),
                _("Press any key of the keypad, and type the meter number if it asks for it."),
                _("If it stays dark, tell the engineer. The token stays good."),
            ],
        }
    if result is None:
        return None
    steps, actions = _steps(result, meter, sale, carries=carries), []
    if newer is not None and result.name in ("USED", "OLD", "CRC"):
        place = places.of_request()
        steps.append(
            _(
                "There is a newer slip of this meter, %(receipt)s of %(when)s. Enter that one.",
                receipt=newer.receipt,
                when=words.moment(newer.sold_at, place.zone),
            )
        )
        actions.append(
            {"label": _("Show the newer slip"), "url": url_for("vends.show", key=newer.key), "next": True}
        )
    if result.name not in GOOD and places.can(g.actor, "sale.reverse"):
        actions.append(
            {"label": _("Ask to reverse this sale"), "url": url_for("reversals.ask", key=sale.key, why="not-accepted")}
        )  # fmt: skip
    return {
        "state": "on" if result.name in GOOD else "now",
        "cause": result.says,
        "steps": steps,
        "actions": actions,
    }


def _steps(result: meters_words.Displayed, meter: MeterView, sale: SaleView, *, carries: bool) -> list[str]:
    number = words.meter_number(meter.drn)
    steps = []
    if carries and result.name in ("CRC", "KEY_EXPIRED", "DEFAULT_KEY", "KEY_TYPE", "FORMAT"):
        steps.append(
            _(
                "A key change of this meter is not confirmed. Enter the key-change tokens on the slip first, in their "
                "order; one that says USED is in already, go on with the next."
            )
        )
    if result.name == "LOCKED_OUT":
        steps.append(
            _("Wait for the time on the display, then type the token again. Trying earlier makes it longer.")
        )
    elif result.name in ("FIRST_SECTION", "FURTHER_SECTION"):
        steps.append(_("Type the other tokens of the set in the order on the slip, then the credit."))
    elif result.name == "CRC":
        steps += [
            _("Compare the number on the meter with the slip: this one is for %(number)s.", number=number),
            _("Read the twenty digits aloud, group by group, while the customer types them again."),
        ]
    else:
        steps.append(result.then.replace("{drn}", number))
    if result.name == "USED":
        steps.append(_("Look at the credit on the display: the energy of this token is in it."))
    if result.name in ("OLD", "RANGE", "FUNCTION", "KEY_TYPE", "DEFAULT_KEY", "KEY_EXPIRED"):
        steps.append(
            _("Keep the slip and call the supervisor. Say the receipt, %(receipt)s.", receipt=sale.receipt)
        )
    return steps

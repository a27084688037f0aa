"""How the customer pays, as the till's form says it: one way, and perhaps a part of it another way."""

from __future__ import annotations

from typing import Any

from flask import g, request

from vending.access.policy import SYSTEM
from vending.money import parse_amount
from vending.payments.tender import WAYS, Tender, channel_of
from vending.services import Services
from vending.shifts import queries, service
from vending.shifts.errors import SafeShort, ShiftNotOpen
from vending.shifts.limits import limits_of
from vending.web import places, words
from vending.web.words import _

# What a till offers; an API has ways of its own.
OFFERED = tuple(way for way in WAYS if way in ("cash", "card", "cheque", "transfer", "voucher", "account"))


def way_of_form() -> str:
    chosen = request.form.get("tender", "cash")
    return chosen if chosen in OFFERED else "cash"


def of_form(code: str) -> tuple[Tender, ...]:
    """Nothing typed: exactly what is due."""
    way, typed = way_of_form(), request.form.get("received", "").strip()
    if way == "cash":
        main = Tender("cash", parse_amount(typed, code, field="received") if typed else None)
    else:
        main = Tender(way, None, "" if way == "account" else typed)
    part = request.form.get("part", "")
    amount = request.form.get("part_amount", "").strip()
    if part not in OFFERED or part == "cash" or not amount:
        return (main,)
    reference = "" if part == "account" else request.form.get("part_reference", "")
    return (Tender(part, parse_amount(amount, code, field="part_amount"), reference), main)


def channel() -> str:
    """The way by which a channel fee is priced, without looking at amounts."""
    part = request.form.get("part", "") if request.form.get("part_amount", "").strip() else ""
    ways = [part] if part in OFFERED else []
    return channel_of([Tender(way) for way in [*ways, way_of_form()]])


def labels() -> list[dict[str, str]]:
    return [{"value": way, "label": words.way(way).capitalize()} for way in OFFERED]


def label_of_received(way: str) -> str:
    return {
        "card": _("Reference of the card terminal"),
        "cheque": _("Number of the cheque"),
        "transfer": _("Reference of the bank transfer"),
        "voucher": _("Number of the voucher"),
        "account": _("Paid from the customer's balance"),
    }.get(way, "")


def part_of_form() -> dict[str, Any]:
    """The second way of paying, as typed."""
    return {
        "ways": [{"value": "", "label": _("Nothing else")}]
        + [one for one in labels() if one["value"] != "cash"],
        "way": request.form.get("part", ""),
        "amount": request.form.get("part_amount", ""),
        "reference": request.form.get("part_reference", ""),
    }


def shift_for_sale(services: Services) -> str:
    """The key of the open shift that takes the money. A demonstration opens one by itself at the first sale."""
    place = places.of_request()
    with services.db.reading() as session:
        own = queries.open_of(session, g.actor.key)
        limits = limits_of(session, place.site_key, place.till, g.actor.key)
    if own is not None:
        return own.key
    if not services.settings.is_demonstration:
        raise ShiftNotOpen(
            _(
                "You have no open shift at till %(till)s. Open your shift with the float; the basket stays as it is.",
                till=place.till,
            )
        )
    for float_minor in (limits.float_minor, 0):
        try:
            return service.open_shift(
                services.db,
                services.clock,
                g.actor,
                site=place.site_key,
                currency=place.currency,
                till=place.till,
                float_minor=float_minor,
                witness=SYSTEM,
            )
        except SafeShort:
            continue
    raise AssertionError("a shift without a float takes nothing from the safe")

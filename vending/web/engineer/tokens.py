"""Tokens without payment: asked for with a reason and a work order, agreed to by a second person, shown when released.

Free issues and replaced credit are asked for by the desk's supervisor or the manager, engineering tokens and key changes by
the engineer too; each only by those whose permissions hold it. The module decides (decisions.md D7).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, g, request, url_for

from keystore.errors import KeystoreError
from vending.access import module_acts
from vending.access.policy import Permission
from vending.errors import InvalidInput, NotAllowed, VendingError
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.services import Services
from vending.vends import acting, key_changes, older_tokens
from vending.vends.queries import SaleView
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("tokens", __name__, url_prefix="/engineer/tokens")

STATES = ("asked", "paid", "issued", "partly", "withdrawn", "refused", "cancelled", "reversed")


def states() -> dict[str, tuple[str, str]]:
    return {
        "asked": ("half", _("waits for a second person")),
        "paid": ("half", _("agreed to, on its way")),
        "issued": ("on", _("released")),
        "partly": ("on", _("released in part")),
        "withdrawn": ("off", _("withdrawn")),
        "refused": ("now", _("refused")),
        "cancelled": ("off", _("cancelled")),
        "reversed": ("off", _("reversed")),
    }


KINDS = ("engineering", "free-issue", "replacement")


def kinds() -> dict[str, str]:
    """What this person may ask for."""
    found = {}
    if places.can(g.actor, Permission.ENGINEERING_TOKEN.value):
        found["engineering"] = _("Engineering token")
    if places.can(g.actor, Permission.SALE_FREE.value):
        found["free-issue"] = _("Free issue")
        found["replacement"] = _("Replaced credit")
    return found


def kind_name(kind: str) -> str:
    names = {
        "engineering": _("Engineering token"),
        "free-issue": _("Free issue"),
        "replacement": _("Replaced credit"),
        "key-change": _("Key change"),
    }
    return names.get(kind, kind)


def told(act: acting.ActView, meter: MeterView | None, sale: SaleView | None) -> dict[str, Any]:
    """One act as the engineer's day shows it: the digits as soon as they are released."""
    state, word = states().get(act.state, ("off", act.state))
    digits = [token.digits for vend in sale.vends for token in vend.tokens] if sale else []
    where = meter.space.code if meter and meter.space else meter.label if meter else ""
    return {
        "title": f"{kind_name(act.kind)}, {where}",
        "detail": "; ".join(part for part in (act.number, act.work_order, act.reason) if part),
        "digits": digits[0] if len(digits) == 1 else None,
        "more": digits if len(digits) > 1 else [],
        "state": state,
        "text": word,
        "url": url_for("sales.show", key=act.order_id)
        if places.can(g.actor, Permission.SALE_READ.value)
        else "",
    }


@room.get("")
@gate.needs("engineering.token")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    chosen = request.args.get("state", "")
    with services.db.reading() as session:
        found = acting.list_acts(
            session, place.site_key, states=(chosen,) if chosen in STATES else STATES, most=500
        )
        meters = {
            one.key: one
            for one in estate.list_meters(session, services.clock, [act.meter_key for act in found])
        }
    rows = []
    for act in found:
        meter = meters.get(act.meter_key)
        lamp, word = states().get(act.state, ("off", act.state))
        rows.append(
            [
                Cell(act.number, url=url_for("sales.show", key=act.order_id), lamp=lamp),
                Cell(kind_name(act.kind), act.kind),
                Cell(meter.space.code if meter and meter.space else meter.label if meter else "", sub=words.meter_number(meter.drn) if meter else ""),
                Cell(word, act.state),
                Cell(act.reason),
                Cell(act.work_order),
                Cell(words.moment(act.asked_at, place.zone), act.asked_at),
            ]
        )  # fmt: skip
    return listing.answer(
        listing.Listing(
            name="tokens-asked-for",
            page={
                "title": _("Tokens without payment"),
                "actions": [
                    {"label": _("Key change"), "url": url_for("tokens.ask_key_change")} if places.can(g.actor, Permission.KEY_CHANGE.value) else None,
                    {"label": _("Ask for a token"), "url": url_for("tokens.ask"), "next": True},
                ],
            },
            columns=[Column("number", _("Number")), Column("kind", _("Kind")), Column("meter", _("Meter")), Column("state", _("State")), Column("reason", _("Why")), Column("work order", _("Work order")), Column("asked", _("Asked"))],
            fetch=listing.whole(rows),
            filter={"action": url_for("tokens.index"), "choices": [{"name": "state", "label": _("State"), "chosen": chosen, "options": [{"value": "", "label": _("all")}, *({"value": one, "label": word} for one, (_lamp, word) in states().items())]}]},
            nothing={"title": _("None was asked for"), "text": _("An engineering token is asked for from a work order and agreed to by somebody else."), "action": _("Ask for a token"), "url": url_for("tokens.ask")},
        )
    )  # fmt: skip


def _meter(typed: str) -> MeterView:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        try:
            return estate.one_meter(session, services.clock, typed, sites=(place.site_key,))
        except VendingError as wrong:
            raise InvalidInput(wrong.sentence, "meter") from None


@room.route("/ask", methods=["GET", "POST"])
@gate.needs("engineering.token")
def ask() -> Any:
    options = kinds()
    form = forms.Form(
        page={
            "title": _("Ask for a token"),
            "crumbs": [{"label": _("Tokens without payment"), "url": url_for("tokens.index")}, {"label": _("Ask for a token")}],
        },
        fields=[
            forms.Field("order_id", "", "hidden", value=str(uuid.uuid4())),
            forms.Field("kind", _("Kind"), "segments", value=next(iter(options), ""), options=list(options.items())),
            forms.Field("meter", _("Meter"), value=request.args.get("meter", ""), needed=True, hint=_("Its number, as it stands on the meter."), attributes={"autocomplete": "off", "inputmode": "numeric"}),
            forms.Field("action", _("What it does"), "choose", value="clear-tamper", options=list(words.engineering_acts().items()), hint=_("For engineering tokens.")),
            forms.Field("value", _("Value"), hint=_("Watts for a limit; units with one decimal for a free issue or replaced credit; empty otherwise."), attributes={"inputmode": "decimal"}),
            forms.Field("work_order", _("Work order"), value=request.args.get("order", ""), hint=_("Its number, such as W-17. An engineering token needs one."), attributes={"autocomplete": "off"}),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("tokens.index"),
        aside=[_("A second person agrees to exactly this token. A meter test needs nobody: it harms no credit.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        kind = forms.text("kind")
        if kind in KINDS and kind not in options:
            raise NotAllowed(_("Your work does not include asking for this kind of token."))
        if kind not in options:
            raise InvalidInput(_("Choose what kind of token is asked for."), "kind")
        meter = _meter(forms.text("meter"))
        work_order = forms.text("work_order")
        if kind == "engineering" and not work_order:
            raise InvalidInput(
                _("Name the work order: an engineering token without one is what auditors look for."),
                "work_order",
            )
        wanted = acting.Wanted(
            kind,
            meter.key,
            forms.reason(),
            work_order=work_order,
            units=_tenths(forms.text("value")) if kind != "engineering" else 0,
            action=forms.text("action") if kind == "engineering" else "",
            value=forms.number("value", _("Value"), most=10_000_000, empty=0) if kind == "engineering" else 0,
        )
        asked = _asked(wanted)
    except VendingError as refused:
        return form.show(refused)
    if asked.approval:
        return forms.done(_("Asked for. A second person decides on it."), url_for("tokens.index"))
    return _at_once(asked.order_id)


def _asked(wanted: acting.Wanted) -> acting.Asked:
    """Asks for it under the id that the page carries, so that a page sent twice asks once."""
    services: Services = g.services
    return acting.request(
        services.db,
        services.clock,
        g.actor,
        forms.text("order_id"),
        wanted,
        site=places.of_request().site_key,
        for_module=module_acts.name_of(services.module),
    )


def _at_once(order_id: str) -> Any:
    """A meter test: issued without a second person, because it can do no harm."""
    services: Services = g.services
    try:
        acting.carry_out(services.db, services.clock, services.module, g.actor, order_id)
    except (VendingError, KeystoreError) as refused:
        return forms.done(
            _("Written down, and not issued yet: %(why)s", why=words.refusal(refused.sentence)),
            url_for("tokens.index"),
        )
    return forms.done(_("The token is there."), url_for("sales.show", key=order_id))


def _tenths(typed: str) -> int:
    found = re.fullmatch(r"(\d{1,7})(?:[.,](\d?))?", typed, re.ASCII)
    if found is None:
        raise InvalidInput(_("Type the units with at most one decimal, such as 20 or 12.5."), "value")
    return int(found[1]) * 10 + int(found[2] or 0)


@room.route("/key-change", methods=["GET", "POST"])
@gate.needs("key-change.make")
def ask_key_change() -> Any:
    services: Services = g.services
    place = places.of_request()
    status = services.module.status()
    keys = [
        (
            f"{one.sgc}/{one.krn}/{one.key_type}",
            f"{one.sgc} · {one.krn}, {one.state}, {words.day(one.last_minute, place.zone)}",
        )
        for one in status.keys
        if one.state == "active"
    ]
    form = forms.Form(
        page={
            "title": _("Ask for a key change"),
            "crumbs": [{"label": _("Tokens without payment"), "url": url_for("tokens.index")}, {"label": _("Ask for a key change")}],
        },
        fields=[
            forms.Field("order_id", "", "hidden", value=str(uuid.uuid4())),
            forms.Field("meter", _("Meter"), value=request.args.get("meter", ""), needed=True, attributes={"autocomplete": "off", "inputmode": "numeric"}),
            forms.Field("to", _("To the key"), "choose", value=request.args.get("to", ""), options=keys),
            forms.Field("ti", _("Tariff index"), hint=_("Empty: as it is. Another index is another key, and two more tokens to type."), attributes={"maxlength": 2, "inputmode": "numeric"}),
            forms.Field("rollover", _("Clear the meter's memory of used tokens"), "tick", hint=_("Only to a key that this meter never held.")),
            forms.Field("work_order", _("Work order"), value=request.args.get("order", ""), attributes={"autocomplete": "off"}),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("tokens.index"),
        warning=_("Tokens of the old key that were not entered are lost with it. Let the customer enter them first."),
    )  # fmt: skip
    if request.method == "GET":
        if meter := _named():
            form = replace(form, aside=_older(meter))
        return form.show()
    try:
        meter = _meter(forms.text("meter"))
        if not request.form.get(f"told-{meter.key}") and (older := _older(meter)):
            # Nobody asks for the set before he has seen what is lost by it (rules.md 13).
            told = forms.Field(f"told-{meter.key}", "", "hidden", value="1")
            form = replace(form, fields=[*form.fields, told], aside=older)
            return form.show(
                InvalidInput(
                    _(
                        "Tokens of the old key may not be entered yet; they are named below. Tell the customer, then ask again."
                    ),
                    "meter",
                )
            )
        if forms.text("to") not in dict(keys):
            raise InvalidInput(_("Choose a key of the module."), "to")
        sgc, krn, key_type = forms.text("to").split("/")
        line = next(one for one in status.keys if (one.sgc, one.krn, one.key_type) == (sgc, int(krn), int(key_type)) and one.state == "active")  # fmt: skip
        to: dict[str, Any] = {"sgc": sgc, "krn": int(krn), "key_type": int(key_type), "ken": line.ken, "base_date": line.base_date, "dkga": line.dkga}  # fmt: skip
        if forms.text("ti"):
            to["ti"] = forms.text("ti").zfill(2)
        wanted = acting.Wanted(
            "key-change",
            meter.key,
            forms.reason(),
            work_order=forms.text("work_order"),
            to=to,
            rollover=bool(request.form.get("rollover")),
        )
        _asked(wanted)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. A second person decides on it."), url_for("tokens.index"))


def _named() -> MeterView | None:
    """The meter that the address names, if it is one."""
    try:
        return _meter(request.args["meter"]) if request.args.get("meter") else None
    except VendingError:
        return None


def _older(meter: MeterView) -> list[str]:
    """What was given for the key that the meter is under, and may still lie on paper."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = older_tokens.of_meter(session, meter.key, asdict(meter.keying), services.clock.now())
    return [
        _(
            "%(receipt)s of %(day)s, %(amount)s",
            receipt=one.receipt,
            day=words.day(one.made_at, place.zone),
            amount=words.measure(one.units, one.service),
        )
        for one in found
    ]


@room.route("/key-change/<order_id>/seen", methods=["GET", "POST"])
@gate.needs("key-change.make")
def confirm(order_id: str) -> Any:
    """Somebody looked: the meter shows the new key's revision."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        change = next(
            (
                one
                for one in key_changes.list_key_changes(session, place.site_key)
                if one.order_id == order_id
            ),
            None,
        )
        if change is None:
            raise forms.gone(_("There is no such key change here, or it is confirmed already."))
        meter = estate.list_meters(session, services.clock, [change.meter_key])[0]
    form = forms.Form(
        page={
            "title": _("Confirm a key change"),
            "crumbs": [{"label": _("Key changes"), "url": url_for("campaign.board")}, {"label": _("Confirm")}],
            "facts": [meter.label, words.meter_number(meter.drn), f"{change.before.get('sgc')} · {change.before.get('krn')} → {change.after.get('sgc')} · {change.after.get('krn')}"],
        },
        fields=[
            forms.Field("seen_by", _("How it was seen"), "choose", options=[("display", _("displayed key revision")), ("reading", _("read on the line")), ("test", _("display test token"))]),
            forms.Field("krn", _("Key revision that the meter shows"), needed=True, attributes={"inputmode": "numeric"}),
            forms.Field("remark", _("Remark"), attributes={"maxlength": 300}),
        ],
        submit=_("Confirm it"),
        back=url_for("campaign.board"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            key_changes.confirm(
                session,
                services.clock,
                g.actor,
                order_id,
                seen_by=forms.text("seen_by"),
                krn=forms.number("krn", _("Key revision"), least=1, most=9),
                remark=forms.text("remark"),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("Confirmed. Its slips carry the key-change tokens no longer."), url_for("campaign.board")
    )

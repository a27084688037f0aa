"""Moving out and swapping a meter as pages: what would be settled is shown before anybody is asked (rules.md 15, 27).

Each is one act with what was read, its evidence and two people. The page reads, shows and asks; what is settled, and how, is
decided in `vending/occupancy`. After the second person's yes the page of the act is its slip: it can be printed and signed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session

from vending.access import approvals, module_acts, people
from vending.errors import InvalidInput, NotFound, VendingError
from vending.estate import browsing
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.occupancy import moving_out, swapping
from vending.occupancy.estimate import Estimate, Reading, Settlement, settle
from vending.occupancy.moving_out import CARRY, CLEAR, LEAVE, Leaving
from vending.services import Services
from vending.vends import acting
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.manager.estate import crumbs
from vending.web.manager.meters import one_meter
from vending.web.words import _

room = Blueprint("occupancy", __name__, url_prefix="/manager/occupancy")


def treatments() -> list[tuple[str, str]]:
    return [
        (LEAVE, _("stays in the meter")),
        (CLEAR, _("cleared by a token")),
        (CARRY, _("carried to another meter")),
    ]


def states() -> dict[str, tuple[str, str]]:
    return {
        "asked": ("half", _("waits for the second person")),
        "done": ("on", _("done")),
        "withdrawn": ("off", _("not done")),
    }


# --- what is typed ----------------------------------------------------------------------------------------------


def _tenths(name: str, label: str, *, empty: bool = False) -> int | None:
    typed = forms.text(name).replace(" ", "").replace(",", ".")
    if not typed and empty:
        return None
    try:
        value = Decimal(typed)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= 10**9 or value != round(value, 1):
        raise InvalidInput(
            _("%(label)s is what the display shows: a number of zero or more, such as 1234.5.", label=label),
            name,
        )
    return int(value * 10)


def _reading(suffix: str, *, needs_credit: bool) -> Reading:
    total = _tenths(f"total{suffix}", _("The total"))
    assert total is not None
    return Reading(total, _tenths(f"credit{suffix}", _("The credit"), empty=not needs_credit))


def _evidence() -> str:
    said = " ".join(forms.text("evidence").split())
    if len(said) < 5:
        raise InvalidInput(_("Say what proves the reading: who saw it, when, the photo's name."), "evidence")
    return said


def _reading_fields(suffix: str, unit: str, *, needs_credit: bool) -> list[forms.Field]:
    digits = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 14}
    return [
        forms.Field(f"total{suffix}", _("Total that it counted"), after=unit, needed=True, attributes=digits),
        forms.Field(
            f"credit{suffix}",
            _("Credit on its display"),
            after=unit,
            needed=needs_credit,
            hint="" if needs_credit else _("Empty where the display is dead."),
            attributes=digits,
        ),
    ]


def _evidence_field() -> forms.Field:
    return forms.Field(
        "evidence",
        _("What proves it"),
        needed=True,
        hint=_("Who read the meter and when, the photo's name, the handover sheet."),
        attributes={"maxlength": 400, "autocomplete": "off"},
    )


def _mark(told: object) -> str:
    """What was shown, in short, so that nobody agrees to figures that changed meanwhile."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:32]


# --- what is shown ----------------------------------------------------------------------------------------------


def _estimate_pairs(service: str, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same reading of an estimate before it is asked for and afterwards, from what was agreed to."""

    def measure(name: str) -> str:
        return words.measure(int(found[name]), service)

    return [
        (_("Given to the meter, by the books"), measure("given")),
        (_("Used"), measure("used")),
        (_("Still in the meter"), measure("held")),
        (_("Sold and not entered"), measure("unentered")),
        (_("Left for the customer"), measure("left")),
    ]


def _as_told(found: Estimate) -> dict[str, Any]:
    return {
        "given": found.given,
        "used": found.used,
        "held": found.held,
        "unentered": found.unentered,
        "left": found.left,
        "doubtful": found.doubtful,
        "tokens": [[one.order_id, one.receipt, one.units, one.made_at.isoformat()] for one in found.tokens],
    }


def _meter_part(meter: MeterView, found: Mapping[str, Any], said: str) -> dict[str, Any]:
    pairs = _estimate_pairs(meter.service, found)
    if said:
        pairs.append((_("Its credit"), said))
    if found["tokens"]:
        receipts = ", ".join(
            f"{receipt} ({words.measure(units, meter.service)})"
            for _order, receipt, units, _at in found["tokens"]
        )
        pairs.append((_("Probably on paper"), receipts))
    text = ""
    if found["doubtful"]:
        text = _(
            "The meter counted or holds more than it was given. Look into that before its credit is settled."
        )
    return {
        "title": f"{meter.label} {words.meter_number(meter.drn)}".strip(),
        "note": words.service_name(meter.service),
        "pairs_list": pairs,
        "text": text,
    }


def _debt_name(account: str) -> str:
    return account.split("/")[-1].replace("-", " ")


def _money_part(found: Settlement, code: str) -> dict[str, Any]:
    pairs = [(_("Deposit held"), words.total(found.deposit, code))]
    pairs += [
        (_("Pays the debt, %(which)s", which=_debt_name(account)), words.total(part, code))
        for account, part in found.paid
    ]
    pairs.append((_("Left for the tenant"), words.total(found.left, code)))
    pairs += [
        (_("Still owed, %(which)s", which=_debt_name(account)), words.total(part, code))
        for account, part in found.owed
    ]
    return {
        "title": _("Deposit and debts"),
        "note": "",
        "pairs_list": pairs,
        "text": _("What is left is kept for the tenant, and is paid out as a refund.") if found.left else "",
    }


# --- moving out -------------------------------------------------------------------------------------------------


def _token_meters(session: Session, services: Services, space: str) -> list[MeterView]:
    return [
        one
        for one in estate.meters_of_space(session, services.clock, space)
        if one.credit_in == "meter" and one.state in ("in service", "blocked")
    ]


@room.route("/move-out/<lease>", methods=["GET", "POST"])
@gate.needs("estate.edit")
def move_out(lease: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        held = estate.one_lease(session, lease)
        space = browsing.one_space(session, held.space_key)
        places.refuse_elsewhere(space.site_key)
        tenant = estate.one_tenant(session, held.tenant_key)
        meters = _token_meters(session, services, space.key)
        others = [
            one
            for one in estate.meters_of_tenant(session, services.clock, tenant.key)
            if one.key not in {meter.key for meter in meters} and one.credit_in == "meter"
        ]
    fields: list[forms.Field] = []
    for number, meter in enumerate(meters):
        unit = words.unit_of(meter.service)
        onto = [("", _("choose"))] + [
            (one.key, f"{one.space.code if one.space else one.label} {words.meter_number(one.drn)}")
            for one in others
            if one.service == meter.service
        ]
        fields.append(
            forms.Field(
                f"head-{number}",
                f"{words.service_name(meter.service)}, {words.meter_number(meter.drn)}",
                "heading",
            )
        )
        fields += _reading_fields(f":{meter.key}", unit, needs_credit=True)
        fields.append(
            forms.Field(
                f"credit-goes:{meter.key}",
                _("What becomes of its credit"),
                "segments",
                value=LEAVE,
                options=[one for one in treatments() if one[0] != CARRY or len(onto) > 1],
            )
        )
        if len(onto) > 1:
            fields.append(forms.Field(f"onto:{meter.key}", _("Carried to"), "choose", options=onto))
    fields += [
        forms.Field("act-head", _("The act"), "heading"),
        forms.reason_field(),
        _evidence_field(),
    ]
    form = forms.Form(
        page={
            "title": _("Move out"),
            "crumbs": crumbs((space.code, url_for("records.unit", key=space.key)), (_("Move out"), "")),
            "facts": [space.code, tenant.name, _("since %(moment)s", moment=words.date_of(held.starts_on))],
            "intro": _(
                "One act: the lease ends, the meters are blocked until somebody has looked at them, the deposit pays what is owed."
            ),
        },
        fields=fields,
        submit=_("Ask the second person"),
        first=_("Show what is settled"),
        back=url_for("records.unit", key=space.key),
        aside=[
            _(
                "Read every meter with the tenant. What was sold and is neither used nor in the meter is on paper."
            ),
            _("Nothing happens before another person has said yes."),
        ],
    )
    if request.method == "GET":
        return form.show()
    try:
        leaving = {
            meter.key: Leaving(
                _reading(f":{meter.key}", needs_credit=True),
                request.form.get(f"credit-goes:{meter.key}", LEAVE),
                request.form.get(f"onto:{meter.key}", ""),
            )
            for meter in meters
        }
        for key, one in leaving.items():
            if one.credit == CARRY and one.onto not in {other.key for other in others}:
                raise InvalidInput(_("Choose the meter that the credit is carried to."), f"onto:{key}")
        with services.db.reading() as session:
            found = moving_out.look(
                session, services.clock, lease, {key: one.reading for key, one in leaving.items()}
            )
            money = moving_out.settlement(session, tenant.key, place.currency)
        names = dict(treatments())
        shown = [
            *(
                _meter_part(meter, _as_told(found[meter.key]), names.get(leaving[meter.key].credit, ""))
                for meter in meters
            ),
            _money_part(money, place.currency),
        ]
        mark = _mark([{key: _as_told(one) for key, one in found.items()}, money, leaving])
        seen = request.form.get("seen") == mark
        if forms.wants_to_look() or not seen:
            return _previewed(form, mark, shown)
        why, evidence = forms.reason(), _evidence()
        for_module = module_acts.name_of(services.module)
        with services.db.writing() as session:
            asked = moving_out.ask(
                session,
                services.clock,
                g.actor,
                lease,
                leaving,
                reason=why,
                evidence=evidence,
                for_module=for_module,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("Asked for. Another person decides on it."), url_for("occupancy.moved_out", key=asked.key)
    )


def _previewed(form: forms.Form, mark: str, shown: list[dict[str, Any]]) -> Any:
    return replace(form, kept={"seen": mark}).show(before=shown)


@room.get("/move-outs/<key>")
@gate.needs("estate.read")
def moved_out(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        view = moving_out.one_move_out(session, key)
        places.refuse_elsewhere(view.site_key)
        space = browsing.one_space(session, view.space_key)
        tenant = estate.one_tenant(session, view.tenant_key)
        content = view.content
        meters = {
            one.key: one for one in estate.list_meters(session, services.clock, list(content["meters"]))
        }
        orders = _orders(session, [one["order"] for one in content["meters"].values() if one["order"]])
    names = dict(treatments())
    parts = [
        _meter_part(meters[one], told, names.get(told["credit"], told["credit"]))
        for one, told in content["meters"].items()
        if one in meters
    ]
    parts.append(_money_part(settle(content["deposit_minor"], dict(content["debts"])), place.currency))
    return _act_page(
        view,
        title=_("Move out of %(unit)s", unit=space.code),
        facts=[tenant.name, space.code],
        back=(space.code, url_for("records.unit", key=space.key)),
        parts=[*parts, *orders],
        withdraw=url_for("occupancy.withdraw_move_out", key=key),
    )


# --- swapping a meter -------------------------------------------------------------------------------------------


@room.route("/swap/<key>", methods=["GET", "POST"])
@gate.needs("meter.commission")
def swap(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    old = one_meter(key)
    with services.db.reading() as session:
        spare = [
            one
            for one in estate.list_meters(
                session,
                services.clock,
                browsing.meter_keys(
                    session, place.site_key, service=old.service, without_unit=True, most=500
                ),
            )
            if one.state != "removed"
        ]
    unit = words.unit_of(old.service)
    digits = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 14}
    form = forms.Form(
        page={
            "title": _("Swap the meter"),
            "crumbs": crumbs(
                (words.meter_number(old.drn), url_for("meters.show", key=key)), (_("Swap the meter"), "")
            ),
            "facts": [
                old.label,
                old.space.code if old.space else _("without a unit"),
                old.tenant.name if old.tenant else _("no tenant"),
            ],
            "intro": _(
                "One act: the old number is never sold to again, the new meter takes its place, and the credit that was left comes as a token of the new meter."
            ),
        },
        fields=[
            forms.Field(
                "new",
                _("The new meter"),
                "choose",
                options=[("", _("choose"))]
                + [(one.key, f"{words.meter_number(one.drn)} {one.label}") for one in spare],
                hint=_(
                    "Registered meters that hang on no unit. A meter that is not in the list is added first."
                ),
            ),
            forms.Field("old-head", _("Last reading of the old meter"), "heading"),
            *_reading_fields("", unit, needs_credit=False),
            forms.Field(
                "units",
                _("Credit to replace, where it is less than the estimate"),
                after=unit,
                hint=_("Empty: the whole estimate."),
                attributes=digits,
            ),
            forms.reason_field(),
            _evidence_field(),
        ],
        submit=_("Ask the second person"),
        first=_("Show what is replaced"),
        back=url_for("meters.show", key=key),
        warning=""
        if spare
        else _("No meter of this service is free. Register and commission the new meter first."),
        aside=[
            _(
                "When the old meter is seen again, say on its page what it really held: the difference is booked."
            ),
            _("Nothing happens before another person has said yes."),
        ],
    )
    if request.method == "GET":
        return form.show()
    try:
        chosen = forms.text("new")
        if chosen not in {one.key for one in spare}:
            raise InvalidInput(_("Choose the meter that takes its place."), "new")
        reading = _reading("", needs_credit=False)
        units = _tenths("units", _("The credit"), empty=True)
        with services.db.reading() as session:
            found = _as_told(swapping.look(session, services.clock, key, reading))
            after = estate.list_meters(session, services.clock, [chosen])[0]
        moved = found["left"] if units is None else units
        if moved > found["left"]:
            raise InvalidInput(
                _(
                    "At most the estimate of %(amount)s can be replaced. What the meter cannot have is not given again.",
                    amount=words.measure(found["left"], old.service),
                ),
                "units",
            )
        shown = [
            _meter_part(old, found, ""),
            {
                "title": _("The new meter"),
                "note": words.meter_number(after.drn),
                "pairs_list": [
                    (_("Hangs on"), old.space.code if old.space else "–"),
                    (_("Gets as a token"), words.measure(moved, old.service)),
                    *(
                        [(_("Before it can be sold to"), words.refusal(after.not_for_sale))]
                        if after.state == "registered" and after.not_for_sale
                        else []
                    ),
                ],
                "text": "",
            },
        ]
        mark = _mark([found, moved, chosen])
        if forms.wants_to_look() or request.form.get("seen") != mark:
            return _previewed(form, mark, shown)
        why, evidence = forms.reason(), _evidence()
        with services.db.writing() as session:
            asked = swapping.ask(
                session, services.clock, g.actor, key, chosen, reading, reason=why, evidence=evidence, units=units
            )  # fmt: skip
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("Asked for. Another person decides on it."), url_for("occupancy.swapped", key=asked.key)
    )


@room.get("/swaps/<key>")
@gate.needs("estate.read")
def swapped(key: str) -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        view = swapping.one_swap(session, key)
        places.refuse_elsewhere(view.site_key)
        meters = {
            one.key: one
            for one in estate.list_meters(session, services.clock, [view.old_meter, view.new_meter])
        }
        orders = _orders(session, [view.order_id] if view.order_id else [])
    old, new = meters[view.old_meter], meters[view.new_meter]
    pairs = [
        (_("Number"), words.meter_number(new.drn)),
        (_("Hangs on"), new.space.code if new.space else "–"),
        (_("Gets as a token"), words.measure(view.units, new.service)),
    ]
    if view.found_units is not None:
        pairs.append(
            (_("The old one held when it was seen again"), words.measure(view.found_units, old.service))
        )
    return _act_page(
        view,
        title=_("Swap of meter %(number)s", number=words.meter_number(old.drn)),
        facts=[old.label, new.space.code if new.space else ""],
        back=(words.meter_number(old.drn), url_for("meters.show", key=old.key)),
        parts=[
            _meter_part(old, view.content["estimate"], ""),
            {"title": _("The new meter"), "note": new.label, "pairs_list": pairs, "text": ""},
            *orders,
        ],
        withdraw=url_for("occupancy.withdraw_swap", key=key),
    )


@room.route("/found/<key>", methods=["GET", "POST"])
@gate.needs("meter.commission")
def found(key: str) -> Any:
    """A swapped meter came back: what it really held."""
    services: Services = g.services
    old = one_meter(key)
    with services.db.reading() as session:
        before = swapping.swap_of(session, key)
    if before is None:
        raise forms.gone(_("This meter was not swapped here."))
    form = forms.Form(
        page={
            "title": _("The old meter was seen again"),
            "crumbs": crumbs(
                (words.meter_number(old.drn), url_for("meters.show", key=key)), (_("Seen again"), "")
            ),
            "facts": [
                _(
                    "%(amount)s were replaced when it was swapped",
                    amount=words.measure(before.units, old.service),
                )
            ],
        },
        fields=[
            forms.Field(
                "units",
                _("Credit on its display"),
                after=words.unit_of(old.service),
                needed=True,
                attributes={"inputmode": "decimal", "autocomplete": "off", "maxlength": 14},
            ),
            _evidence_field(),
        ],
        submit=_("Book the difference"),
        back=url_for("meters.show", key=key),
        aside=[
            _(
                "The difference to the estimate is booked as an entry of its own; the estimate stays as it was."
            )
        ],
    )
    if request.method == "GET":
        return form.show()
    try:
        units = _tenths("units", _("The credit"))
        assert units is not None
        with services.db.writing() as session:
            swapping.found(session, services.clock, g.actor, key, units, evidence=_evidence())
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Booked."), url_for("occupancy.swapped", key=before.key))


# --- the act, and all of them -----------------------------------------------------------------------------------


def _orders(session: Session, keys: list[str]) -> list[dict[str, Any]]:
    """The tokens that the act needs, which the security module's approvers sign apart."""
    acts = [one for one in (acting.find_act(session, key) for key in keys) if one is not None]
    if not acts:
        return []
    return [
        {
            "title": _("Tokens of this act"),
            "note": "",
            "columns": [{"label": _("Number")}, {"label": _("State")}],
            "rows": [
                [
                    {"text": one.number, "url": url_for("sales.show", key=one.order_id)},
                    _token_state(one.state),
                ]
                for one in acts
            ],
        }
    ]


def _token_state(state: str) -> str:
    return {
        "asked": _("waits for its signatures"),
        "issued": _("issued"),
        "cancelled": _("not issued"),
        "refused": _("refused"),
    }.get(state, state)


def _act_page(
    view: moving_out.MoveOutView | swapping.SwapView,
    *,
    title: str,
    facts: list[str],
    back: tuple[str, str],
    parts: list[dict[str, Any]],
    withdraw: str,
) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        request_view = None
        with contextlib.suppress(NotFound):  # who may not see approvals sees the act without its people
            request_view = approvals.one_request(session, services.clock, g.actor, view.approval_key)
        state = view.state
        if state == "asked":
            standing = approvals.standing_of(session, services.clock, view.approval_key)[0]
            if standing not in ("open", "approved"):
                state = "withdrawn"
    lamp, word = states()[state]
    said = [(_("Why"), view.reason), (_("Asked"), words.moment(view.asked_at, place.zone))]
    if request_view is not None:
        said.insert(0, (_("Asked by"), request_view.maker_name))
        if request_view.evidence:
            said.append((_("What proves it"), request_view.evidence))
        said += [
            (
                _("Agreed") if one.decision == "yes" else _("Rejected"),
                f"{one.person_name}, {words.moment(one.at, place.zone)}",
            )
            for one in request_view.signatures
        ]
    said.append((_("Carried out"), words.moment(view.done_at, place.zone)))
    waiting = state == "asked" and request_view is not None
    return render_template(
        "manager/act.html",
        page={
            "title": title,
            "crumbs": crumbs(back, (title, "")),
            "facts": [one for one in facts if one],
            "lamp": {"state": lamp, "text": word},
            "actions": [
                {"label": _("Open the approval"), "url": url_for("approvals.one", key=view.approval_key)}
                if waiting
                else None,
                {"label": _("Withdraw it"), "url": withdraw, "post": True}
                if waiting and request_view is not None and request_view.maker == g.actor.key
                else None,
            ],
        },
        parts=[{"title": _("The act"), "note": "", "pairs_list": said, "text": ""}, *parts],
        signs=[_("The tenant"), _("For the building"), _("The second person")],
        site=place.site.name,
    )


@room.post("/move-outs/<key>/withdraw")
@gate.needs("estate.edit")
def withdraw_move_out(key: str) -> Any:
    services: Services = g.services
    with services.db.writing() as session:
        places.refuse_elsewhere(moving_out.one_move_out(session, key).site_key)
        moving_out.withdraw(session, services.clock, g.actor, key)
    return forms.done(_("The request is withdrawn."), url_for("occupancy.moved_out", key=key))


@room.post("/swaps/<key>/withdraw")
@gate.needs("meter.commission")
def withdraw_swap(key: str) -> Any:
    services: Services = g.services
    with services.db.writing() as session:
        places.refuse_elsewhere(swapping.one_swap(session, key).site_key)
        swapping.withdraw(session, services.clock, g.actor, key)
    return forms.done(_("The request is withdrawn."), url_for("occupancy.swapped", key=key))


@room.get("")
@gate.needs("estate.read")
def index() -> Any:
    """Both kinds, one under the other by day."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        outs = moving_out.list_move_outs(session, place.site_key, most=500)
        swaps = swapping.list_swaps(session, place.site_key, most=500)
        codes = {key: browsing.one_space(session, key).code for key in {one.space_key for one in outs}}
        tenants = browsing.tenant_names(session, {one.tenant_key for one in outs})
        meters = {
            one.key: one
            for one in estate.list_meters(session, services.clock, sorted({one.old_meter for one in swaps}))
        }
        askers = {
            key: people.one_person(session, key).name
            for key in {one.asked_by for one in outs} | {one.asked_by for one in swaps}
        }
    rows = [
        (one.asked_at, _line(one, _("Move out"), codes[one.space_key], tenants.get(one.tenant_key, ""),
                             url_for("occupancy.moved_out", key=one.key), askers))
        for one in outs
    ] + [
        (one.asked_at, _line(one, _("Meter swap"), words.meter_number(meters[one.old_meter].drn), meters[one.old_meter].label,
                             url_for("occupancy.swapped", key=one.key), askers))
        for one in swaps
        if one.old_meter in meters
    ]  # fmt: skip
    rows.sort(key=lambda row: row[0], reverse=True)
    return listing.answer(
        listing.Listing(
            name="occupancy",
            page={
                "title": _("Move outs and swaps"),
                "crumbs": crumbs((_("Move outs and swaps"), "")),
                "intro": _("Each begins on the page of its unit or meter, and is one act of two people."),
            },
            columns=[
                Column("asked", _("Asked")),
                Column("act", _("Act")),
                Column("about", _("Unit or meter")),
                Column("who", _("Tenant or label")),
                Column("asked by", _("Asked by")),
                Column("state", _("State")),
                Column("done", _("Carried out")),
            ],
            fetch=listing.whole([row for _at, row in rows]),
            nothing={
                "title": _("Nobody moved out and no meter was swapped"),
                "text": _("Open a unit to let its tenant move out, or a meter to swap it."),
                "action": _("All units"),
                "url": url_for("estate.units"),
            },
        )
    )


def _line(
    one: moving_out.MoveOutView | swapping.SwapView,
    act: str,
    about: str,
    who: str,
    url: str,
    askers: Mapping[str, str],
) -> listing.Row:
    zone = places.of_request().zone
    lamp, word = states()[one.state]
    return [
        Cell(words.moment(one.asked_at, zone), one.asked_at, url=url),
        act,
        about,
        who,
        askers.get(one.asked_by, one.asked_by),
        Cell(word, one.state, lamp=lamp),
        Cell(words.moment(one.done_at, zone), one.done_at),
    ]

"""A key-change campaign as a board: planned, issued, handed over, confirmed, failed (rules.md 34).

Nothing is kept for the campaign itself: which meters still wait follows from their key data, and where each stands from its
key change. Meters that missed a base date are named: they may get key changes from an expired key, and never credit.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from keystore.errors import KeystoreError
from keystore.module import KeyLine
from vending.access.policy import Permission
from vending.analytics import campaign
from vending.estate import queries as estate
from vending.services import Services
from vending.vends import key_changes
from vending.vends import queries as sales
from vending.web import gate, glass, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.timelines import token_kind
from vending.web.words import _, plural

room = Blueprint("campaign", __name__, url_prefix="/manager/campaign")

SHOWN = 12


def _keys() -> list[KeyLine]:
    services: Services = g.services
    try:
        return [one for one in services.module.status().keys if one.state == "active"]
    except KeystoreError:
        return []


def _target(keys: list[KeyLine]) -> tuple[str, int] | None:
    """What the campaign changes to: as chosen, else the key that most meters are on, so that the rest are named."""
    chosen = request.args.get("to", "")
    names = {f"{one.sgc}/{one.krn}": (one.sgc, one.krn) for one in keys}
    if chosen in names:
        return names[chosen]
    services: Services = g.services
    with services.db.reading() as session:
        return campaign.most_used(session, places.of_request().site_key)


@room.get("")
@gate.needs("key-change.make")
def board() -> Any:
    services: Services = g.services
    place = places.of_request()
    keys = _keys()
    target = _target(keys)
    now = services.clock.now()
    with services.db.reading() as session:
        changes = key_changes.list_key_changes(
            session, place.site_key, states=("released", "confirmed", "returned")
        )
        open_meters = {one.meter_key for one in changes if one.state == "released"}
        waiting = campaign.not_on(session, place.site_key, *target, most=2000) if target else []
        on_target = campaign.count_on(session, place.site_key, *target) if target else 0
        mine = [one for one in changes if target and (one.after.get("sgc"), one.after.get("krn")) == target]
        meters = {
            one.key: one
            for one in estate.list_meters(session, services.clock, [one.meter_key for one in mine])
        }
    planned = [one for one in waiting if one.key not in open_meters]
    issued = [one for one in mine if one.state == "released" and one.handed_out_at is None]
    handed = [one for one in mine if one.state == "released" and one.handed_out_at is not None]
    confirmed = [one for one in mine if one.state == "confirmed"]
    failed = [one for one in mine if one.state == "returned"]
    whole = len(waiting) + on_target
    name = f"{target[0]}/{target[1]}" if target else ""
    missed = sum(one.base_date == 1993 for one in planned)

    def of_change(one: key_changes.KeyChangeView, *, action: bool) -> dict[str, Any]:
        meter = meters.get(one.meter_key)
        return {
            "label": meter.space.code if meter and meter.space else meter.label if meter else "",
            "url": url_for("meters.show", key=one.meter_key),
            "detail": words.moment(one.handed_out_at or one.released_at, place.zone),
            "state": "",
            "action": {
                "label": _("Seen at the meter"),
                "url": url_for("tokens.confirm", order_id=one.order_id),
                "post": False,
            }
            if action
            else None,
        }

    return render_template(
        "manager/campaign.html",
        page={
            "title": _("Key changes"),
            "facts": [_("to supply group %(sgc)s, revision %(krn)s", sgc=target[0], krn=target[1])] if target else [],
            "actions": [
                {"label": _("Route list"), "url": url_for("campaign.route", to=name)},
                {"label": _("Print the sheets"), "url": url_for("campaign.sheets", to=name), "next": bool(issued)} if places.can(g.actor, Permission.KEY_CHANGE.value) else None,
            ],
        },
        filter={
            "action": url_for("campaign.board"),
            "choices": [{"name": "to", "label": _("To the key"), "chosen": name, "options": [{"value": f"{one.sgc}/{one.krn}", "label": f"{one.sgc} · {one.krn}"} for one in keys]}],
        }
        if keys
        else None,
        notices=[plural("%(num)s meter counts from 1993 and missed the base date: it gets key changes, never credit.", "%(num)s meters count from 1993 and missed the base date: they get key changes, never credit.", missed)] if missed else [],
        progress={
            "svg": glass.scale(
                top=whole,
                parts=[(0, on_target, "liquid", plural("%(num)s meter is there", "%(num)s meters are there", on_target))],
                label=_("%(done)s of %(all)s meters are on the new key.", done=on_target, all=whole),
                major=max(whole / 4, 1),
                number=lambda value: words.number(words.whole(value), 0),
            ),
            "text": _("%(done)s of %(all)s meters are on the new key.", done=on_target, all=whole),
        }
        if whole
        else None,
        stages=[
            {
                "name": _("Planned"),
                "note": _("on another key"),
                "number": len(planned),
                "meters": [
                    {
                        "label": one.unit or one.label,
                        "url": url_for("meters.show", key=one.key),
                        "detail": f"{one.sgc} · {one.krn}",
                        "state": "now" if one.base_date == 1993 else "",
                        "action": {"label": _("Ask for tokens"), "url": url_for("tokens.ask_key_change", meter=one.drn, to=_key_of(keys, target)), "post": False},
                    }
                    for one in planned[:SHOWN]
                ],
                "more_url": url_for("campaign.route", to=name) if len(planned) > SHOWN else "",
            },
            {"name": _("Issued"), "note": _("printed, not given yet"), "number": len(issued), "meters": [of_change(one, action=True) for one in issued[:SHOWN]], "more_url": ""},
            {"name": _("Handed over"), "note": _("the customer has the paper"), "number": len(handed), "meters": [of_change(one, action=True) for one in handed[:SHOWN]], "more_url": ""},
            {"name": _("Confirmed"), "note": _("seen under the new key"), "number": len(confirmed), "meters": [of_change(one, action=False) for one in confirmed[:SHOWN]], "more_url": ""},
            {"name": _("Failed"), "note": _("back on the old key"), "number": len(failed), "meters": [of_change(one, action=False) for one in failed[:SHOWN]], "more_url": ""},
        ],
        at=now,
    )  # fmt: skip


def _key_of(keys: list[KeyLine], target: tuple[str, int] | None) -> str:
    found = next((one for one in keys if (one.sgc, one.krn) == target), None)
    return f"{found.sgc}/{found.krn}/{found.key_type}" if found else ""


@room.get("/route")
@gate.needs("key-change.make")
def route() -> Any:
    """The meters that still wait, in the order in which somebody walks: by floor and unit."""
    services: Services = g.services
    place = places.of_request()
    target = _target(_keys())

    def fetch(offset: int, most: int) -> list[listing.Row]:
        if target is None:
            return []
        with services.db.reading() as session:
            found = campaign.not_on(session, place.site_key, *target, offset=offset, most=most)
        return [
            [
                Cell(one.unit or one.label, url=url_for("meters.show", key=one.key)),
                Cell(one.floor),
                Cell(one.tenant),
                Cell(words.meter_number(one.drn), one.drn),
                Cell(f"{one.sgc} · {one.krn}", f"{one.sgc}/{one.krn}"),
                Cell(str(one.base_date), one.base_date, lamp="now" if one.base_date == 1993 else ""),
                Cell("☐", ""),
            ]
            for one in found
        ]

    title = _("Route list")
    return listing.answer(
        listing.Listing(
            name="key-change-route",
            page={"title": title, "crumbs": [{"label": _("Key changes"), "url": url_for("campaign.board")}, {"label": title}], "facts": [f"{target[0]} · {target[1]}"] if target else []},
            columns=[Column("unit", _("Unit")), Column("floor", _("Floor")), Column("tenant", _("Tenant")), Column("meter", _("Meter")), Column("key now", _("Key now")), Column("base date", _("Base date")), Column("seen", _("Seen"))],
            fetch=fetch,
            nothing={"title": _("No meter waits"), "text": _("Every meter of the site is on the chosen key."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/sheets")
@gate.needs("key-change.make")
def sheets() -> Any:
    """A sheet for each unit whose tokens are issued: what to type in which order, and what the meter must show."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        changes = key_changes.list_key_changes(session, place.site_key)
        meters = {
            one.key: one
            for one in estate.list_meters(session, services.clock, [one.meter_key for one in changes])
        }
        told = []
        for one in changes[:200]:
            meter = meters.get(one.meter_key)
            sale = sales.one_sale(session, one.order_id)
            if meter is None:
                continue
            told.append(
                {
                    "unit": meter.space.code if meter.space else meter.label,
                    "tenant": meter.tenant.name if meter.tenant else "",
                    "meter": words.meter_number(meter.drn),
                    "from": f"{one.before.get('sgc')} · {one.before.get('krn')}",
                    "to": f"{one.after.get('sgc')} · {one.after.get('krn')}",
                    "krn": one.after.get("krn"),
                    "tokens": [
                        {"title": token_kind(token.kind), "digits": token.digits}
                        for vend in sale.vends
                        for token in vend.tokens
                    ],
                }
            )
    told.sort(key=lambda one: str(one["unit"]))
    return render_template(
        "manager/sheets.html",
        page={"title": _("Key-change sheets"), "actions": [{"label": "PDF", "url": url_for("papers.key_changes_sheets", size="a5")}] if told else [], "crumbs": [{"label": _("Key changes"), "url": url_for("campaign.board")}, {"label": _("Sheets")}], "facts": [plural("%(num)s sheet", "%(num)s sheets", len(told))]},
        sheets=told,
    )  # fmt: skip

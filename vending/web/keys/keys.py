"""The key manager's page: which keys there are and how long they serve, what may still be issued, where the log stands.

Never a key: the module tells check values and figures, and this page shows them (decisions.md D7, D11).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from markupsafe import Markup, escape

from keystore import acts as module_texts
from keystore.module import KeyLine, Status
from vending.access import module_acts, passkeys, people
from vending.access.policy import Permission
from vending.analytics import keys as keyed
from vending.errors import InvalidInput, VendingError
from vending.services import Services
from vending.web import confirming, forms, gate, glass, glossary, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.manager.meters import key_types
from vending.web.supervisor import budget
from vending.web.words import _, plural

room = Blueprint("keys", __name__, url_prefix="/keys")

SOON, NEXT = timedelta(days=90), timedelta(days=365)


@room.get("")
@gate.needs("keys.read")
def show() -> Any:
    services: Services = g.services
    place = places.of_request()
    status = budget.status_now()
    with services.db.reading() as session:
        on_key = keyed.meters_on_keys(session)
    acts = places.can(g.actor, Permission.KEYS_ACT.value)
    states = {
        "ready": ("on", _("The module is open")),
        "locked": ("now", _("The module is locked")),
        "behind": ("now", _("The module is behind its log")),
        "clock": ("half", _("The module doubts its clock")),
    }
    lamp, word = states.get(status.state, ("half", status.state))
    return render_template(
        "keys/keys.html",
        page={
            "title": _("Keys and budgets"),
            "lamp": {"state": lamp, "text": word},
            "facts": [
                place.site.name,
                plural("%(num)s key", "%(num)s keys", len(status.keys)),
                _("two people sign") if status.quorum > 1 else _("one person signs: this site chose so"),
            ],
            "actions": [
                {"label": _("Enrol my passkey"), "url": url_for("keys.enrol")} if acts else None,
                {"label": _("Ask for a budget"), "url": url_for("budget.ask_open"), "next": True} if acts else None,
            ],
        },
        warnings=[words.refusal(one) for one in (*status.warnings, status.reason) if one],
        **budget.told(status),
        keys=[_row(one, status, on_key) for one in status.keys],
        keys_url=url_for("keys.table"),
        horizon=_horizon(status),
        log={"pairs_list": _log(status), "url": url_for("trail.index") if places.can(g.actor, Permission.AUDIT_READ.value) else ""},
        module={"pairs_list": _module(status)},
    )  # fmt: skip


def left_of(one: KeyLine, now: datetime) -> tuple[str, str]:
    """(lamp, how long a key still serves) as people say it."""
    left = one.last_minute - now
    if left.total_seconds() <= 0:
        return "now", _("expired: key changes only")
    if left < SOON:
        return "now", plural("in %(num)s day", "in %(num)s days", left.days)
    if left < NEXT:
        return "half", plural("in %(num)s day", "in %(num)s days", left.days)
    return "", plural("in %(num)s year", "in %(num)s years", left.days // 365)


def _row(one: KeyLine, status: Status, on_key: dict[tuple[str, int, int], int]) -> list[Any]:
    zone = places.of_request().zone
    lamp, left = left_of(one, status.now)
    count = on_key.get((one.sgc, one.krn, one.key_type), 0)
    kind = key_types().get(one.key_type, str(one.key_type))
    notes = [
        part
        for part in (
            _("test") if one.test else "",
            one.state if one.state != "active" else "",
            one.weak or "",
        )
        if part
    ]
    return [
        one.sgc,
        str(one.krn),
        {"text": kind, "sub": ", ".join(notes)},
        {"text": words.day(one.last_minute, zone), "lamp": lamp, "sub": left},
        words.number(_decimal(count), 0),
        grouped(one.kcv),
    ]  # fmt: skip


def _decimal(value: int) -> Any:
    from decimal import Decimal

    return Decimal(value)


def grouped(digits: str, size: int = 2) -> Markup:
    """A check value or a head, in groups that can be compared by eye."""
    text = " ".join(digits[i : i + size] for i in range(0, len(digits), size))
    return Markup('<span class="mono">{}</span>').format(escape(text))


def _horizon(status: Status) -> dict[str, Any] | None:
    """The next five years as a ruler, with the end of each key that ends within them."""
    found = []
    for one in status.keys:
        years = (one.last_minute - status.now).total_seconds() / 86400 / 365.25
        if 0 < years <= 5:
            found.append((years, f"{one.sgc} · {one.krn}"))
    if not status.keys:
        return None
    marks = [(0.25, _("90 days")), (1, _("1 year")), (2, _("2 years"))]
    if not found:
        return {"svg": "", "note": _("No key ends within five years.")}
    nearest = min(found)
    return {
        "svg": glass.scale(
            top=5,
            major=1,
            parts=[(0, nearest[0], "liquid", _("%(key)s ends first", key=nearest[1]))],
            steps=marks,
            unit=_("years"),
            label=_(
                "%(key)s is the first key to end, in %(years)s years.",
                key=nearest[1],
                years=f"{nearest[0]:.1f}",
            ),
        ),
        "note": "; ".join(f"{name}: {years:.1f}" for years, name in sorted(found)),
    }


def _log(status: Status) -> list[tuple[str, Any]]:
    services: Services = g.services
    zone = places.of_request().zone
    pairs: list[tuple[str, Any]] = [
        (_("Log"), status.log),
        (_("Entries"), words.number(_decimal(status.sequence), 0)),
        (glossary.labelled(_("Head"), "head"), grouped(status.head[:16], 4) if status.head else "–"),
    ]
    with services.db.reading() as session:
        head = keyed.last_head(session)
    if head is not None:
        pairs.append((_("Trail of acts closed"), words.moment(head.closed_at, zone)))
        pairs.append((_("Head of the trail"), grouped(head.head[:16], 4)))
    return pairs


def _module(status: Status) -> list[tuple[str, Any]]:
    zone = places.of_request().zone
    clock = words.moment(status.now, zone)
    return [
        (_("State"), status.state),
        (_("Version"), status.version),
        (_("Clock"), f"{clock} ({_('simulated')})" if status.simulated_clock else clock),
        (_("Key file"), _("generation %(number)s", number=status.generation)),
        (_("Keys"), _("test keys") if status.test else _("live keys")),
    ]


@room.get("/table")
@gate.needs("keys.read")
def table() -> Any:
    """The keys as a list that can be saved."""
    services: Services = g.services
    place = places.of_request()
    status = budget.status_now()
    with services.db.reading() as session:
        on_key = keyed.meters_on_keys(session)
    rows = [
        [
            Cell(one.sgc),
            Cell(str(one.krn), one.krn),
            Cell(key_types().get(one.key_type, ""), one.key_type),
            Cell(str(one.ken), one.ken),
            Cell(str(one.base_date), one.base_date),
            Cell(words.day(one.last_minute, place.zone), one.last_minute),
            Cell(one.state),
            Cell(str(on_key.get((one.sgc, one.krn, one.key_type), 0))),
            Cell(one.kcv),
            Cell(_("test") if one.test else _("live"), "test" if one.test else "live"),
        ]
        for one in status.keys
    ]
    return listing.answer(
        listing.Listing(
            name="keys",
            page={"title": _("Keys in the module"), "crumbs": [{"label": _("Keys"), "url": url_for("keys.show")}, {"label": _("Keys in the module")}]},
            columns=[Column("supply group", _("Supply group")), Column("revision", _("Revision")), Column("kind", _("Kind")), Column("ken", "KEN"), Column("base date", _("Base date")), Column("expires", _("Expires")), Column("state", _("State")), Column("meters", _("Meters on it"), end=True), Column("check value", _("Check value")), Column("nature", "")],
            fetch=listing.whole(rows),
            nothing={"title": _("The module holds no key"), "text": _("A key is brought in by ceremony, on the module's own machine: keystore key."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.route("/enrol", methods=["GET", "POST"])
@gate.needs("keys.act")
def enrol() -> Any:
    """One's own passkey as an approver of the module: an act that the approvers already enrolled sign."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        held = passkeys.list_passkeys(session, g.actor.key)
        person = people.one_person(session, g.actor.key)
        names = module_acts.approvers(session)
    form = forms.Form(
        page={"title": _("Enrol my passkey"), "crumbs": [{"label": _("Keys"), "url": url_for("keys.show")}, {"label": _("Enrol my passkey")}]},
        fields=[
            forms.Field("passkey", _("Passkey"), "choose", options=[(one.key, one.label) for one in held]),
            forms.reason_field(),
        ],
        submit=_("Ask for it"),
        back=url_for("keys.show"),
        warning="" if held else _("You have no passkey yet. Add one under your name first."),
        aside=[
            _("The security module keeps its own list of approvers. It believes a new one when the approvers it knows have signed, by passkey or with their key files."),
            plural("%(num)s passkey is enrolled so far.", "%(num)s passkeys are enrolled so far.", len(set(names.values()))),
        ],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        chosen = forms.text("passkey")
        if chosen not in {one.key for one in held}:
            raise InvalidInput(_("Choose one of your passkeys."), "passkey")
        why = forms.reason()
        for_module = module_acts.name_of(services.module)
        with services.db.writing() as session:
            public_key, _owner = module_acts.public_key_of(session, chosen)
            module_acts.ask(
                session,
                services.clock,
                g.actor,
                "enrol",
                lambda: module_texts.enrol(
                    approver=f"{person.login}-{chosen[:6]}",
                    person=person.name,
                    kind="webauthn",
                    public_key=public_key,
                    origin=confirming.origin(),
                    module=for_module,
                    maker=g.actor.name,
                    reason=why,
                    made=services.clock.now(),
                ),
                site=place.site_key,
                subject=f"person:{g.actor.key}",
                reason=why,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("Asked for. The approvers that the module knows sign it now."), url_for("approvals.desk")
    )

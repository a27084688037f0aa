"""Acts that the security module decides on, as their second person reads them: from the signed text, word for word.

The module's own reading (`keystore.acts.describe`) is English and stands in the text; here the same lines are said in the
page's language, with the meter's number as it stands on the meter. What they are worth, the module says (decisions.md D8).
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy.orm import Session

from keystore.module import Budget
from sts import pan
from sts.errors import StsError
from vending.access.approvals import RequestView
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.services import Services
from vending.web import words
from vending.web.frame import module_status
from vending.web.supervisor.told import Pairs, Told, moment_of, name_of, plainly
from vending.web.words import _

MOST_LINES = 20


def _budget_now(services: Services, name: str) -> Budget | None:
    status, _sentence = module_status(services)
    return next((one for one in status.budgets if one.budget_id == name), None) if status else None


def amount_of(value: int, kind: str, service: str | None) -> str:
    """Of a budget: tenths of a unit, or a number of acts."""
    if kind == "units":
        return words.measure(value, service or "")
    return words.plural("%(num)s act", "%(num)s acts", value)


def open_budget(_services: Services, _session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    amount = amount_of(content["allotted"], content["kind"], content["service"])
    periods = {"once": _("once"), "day": _("in each day"), "month": _("in each month")}
    return Told(
        _(
            "%(who)s asks to open a budget of %(amount)s for supply group %(sgc)s.",
            who=view.maker_name,
            amount=amount,
            sgc=content["sgc"],
        ),
        [],
        [
            (_("May be issued"), amount),
            (_("How often"), periods.get(content["period"], content["period"])),
            (_("From"), moment_of(content["starts"], zone)),
            (_("Until"), moment_of(content["ends"], zone)),
        ],
        [],
        _("Open the budget"),
    )


def top_up(services: Services, _session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    budget = _budget_now(services, content["budget_id"])
    if budget is None:
        return plainly(services, _session, view, zone)
    amount = amount_of(content["amount"], budget.kind, budget.service)
    before = [(_("Left"), amount_of(budget.left, budget.kind, budget.service))]
    if budget.lasts_until is not None:
        before.append((_("Lasts until"), words.moment(budget.lasts_until, zone)))
    return Told(
        _(
            "%(who)s asks for %(amount)s more in the budget of supply group %(sgc)s.",
            who=view.maker_name,
            amount=amount,
            sgc=budget.sgc,
        ),
        before,
        [(_("Left"), amount_of(budget.left + content["amount"], budget.kind, budget.service))],
        [],
        _("Add %(amount)s", amount=amount),
    )


def set_limits(services: Services, _session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    status, _sentence = module_status(services)
    name = content["meter_class"]
    old = next((one for one in status.limits if one.meter_class == name), None) if status else None
    called = {"small": _("small"), "medium": _("medium"), "large": _("large")}.get(name, name)

    def pairs(units: int, tokens: int) -> Pairs:
        return [(_("Units a day"), words.units(units)), (_("Tokens a day"), str(tokens))]

    return Told(
        _("%(who)s asks for other limits of %(name)s meters.", who=view.maker_name, name=called),
        pairs(old.units_a_day, old.tokens_a_day) if old else [],
        pairs(content["units_a_day"], content["tokens_a_day"]),
        [{"text": _("All limits"), "url": url_for("limits.show")}],
        _("Change the limits"),
    )


# The lines of `keystore.acts.describe`, taken apart again.
_CREDIT = re.compile(r"(free issue|credit) of (\d+) units \((\w+)\) for meter (\d+)")
_ENGINEERING = re.compile(r"([a-z-]+) (\d+) for meter (\d+)")
_KEY_CHANGE = re.compile(
    r"key change of meter (\d+) from (\d+)/(\d+) to (\d+)/(\d+) tariff index (\d+) base (\d+)(, clearing .*)?"
)


def issue(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    lines = [str(one) for one in view.content.get("summary", [])]
    says = name_of(view)
    return Told(
        _("%(who)s asks: %(what)s", who=view.maker_name, what=says),
        [],
        [pair for line in lines for pair in _line(services, session, line)],
        [],
        says,
    )


def _line(services: Services, session: Session, line: str) -> Pairs:
    if found := _CREDIT.fullmatch(line):
        kind = _("Free issue") if found[1] == "free issue" else _("Replaced credit")
        return [(kind, words.measure(int(found[2]), found[3])), *_meter(services, session, found[4])]
    if (found := _ENGINEERING.fullmatch(line)) and found[1] in words.engineering_acts():
        watts = f"{words.of_page().number(words.whole(int(found[2])), 0)} W" if int(found[2]) else _("yes")
        return [(words.engineering_acts()[found[1]], watts), *_meter(services, session, found[3])]
    if found := _KEY_CHANGE.fullmatch(line):
        memory = [(_("Memory of used tokens"), _("is cleared"))] if found[8] else []
        return [
            *_meter(services, session, found[1]),
            (_("Under the key"), f"{found[2]}/{found[3]}"),
            (_("To the key"), f"{found[4]}/{found[5]}"),
            (_("Tariff index (TI)"), found[6]),
            (_("Base date"), found[7]),
            *memory,
        ]
    return [(_("Issue"), line)]


def _meter(services: Services, session: Session, number: str) -> Pairs:
    """The meter of a PAN, with where it is."""
    try:
        drn = pan.split(number)[1]
    except StsError:
        return [(_("Meter"), number)]
    try:
        meter = estate.one_meter(session, services.clock, drn)
    except VendingError:
        return [(_("Meter"), words.meter_number(drn))]
    where = meter.space.code if meter.space else meter.label
    return [(_("Meter"), ", ".join(part for part in (words.meter_number(drn), where) if part))]


def meter_key(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    meter = view.content["meter"]
    (_label, where), *_rest = _meter(services, session, meter["pan"])
    return Told(
        _("%(who)s asks that meter %(number)s be believed to be under key revision %(krn)s of supply group %(sgc)s.", who=view.maker_name, number=where, krn=meter["krn"], sgc=meter["sgc"]),
        [],
        [
            (_("Supply group (SGC)"), str(meter["sgc"])),
            (_("Key revision (KRN)"), str(meter["krn"])),
            (_("Tariff index (TI)"), str(meter["ti"])),
            (_("Base date"), str(meter["base_date"])),
            (_("Tokens from now on"), _("are made for this key")),
        ],
        [],
        _("Believe the display"),
    )  # fmt: skip


def resume(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    status, _sentence = module_status(services)
    name = view.content["record_id"]
    key = next((one for one in status.keys if one.record_id == name), None) if status else None
    if key is None:
        return plainly(services, session, view, zone)
    return Told(
        _("%(who)s asks that the suspended key %(sgc)s/%(krn)s be used again.", who=view.maker_name, sgc=key.sgc, krn=key.krn),
        [(_("Tokens under this key"), _("none are made"))],
        [(_("Tokens under this key"), _("are made again"))],
        [{"text": _("Keys"), "url": url_for("keys.show")}],
        _("Use the key again"),
    )  # fmt: skip


def floors(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    lines = [
        (_meter(services, session, number)[0][1], _("minute %(minute)s", minute=minute))
        for number, minute in sorted(view.content["floors"].items())
    ]
    more = [] if len(lines) <= MOST_LINES else [(_("More"), str(len(lines) - MOST_LINES))]
    return Told(
        words.plural(
            "%(who)s asks that no token of %(num)s taken-over meter lie before its last known one.",
            "%(who)s asks that no token of %(num)s taken-over meters lie before their last known ones.",
            len(lines),
            who=view.maker_name,
        ),
        [],
        [*lines[:MOST_LINES], *more],
        [],
        _("Raise the floors"),
    )


def forward(_services: Services, _session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    """The note is a signed head of the log: its name, its size and its root, a line each."""
    name, size, root = str(view.content["note"]).splitlines()[:3]
    return Told(
        _("%(who)s asks that the security module go on with an older copy of its log.", who=view.maker_name),
        [(_("Newest head that is known"), _("%(count)s entries", count=size)), (_("Log"), name), (_("Root"), root[:16])],
        [
            (_("Token numbers"), _("begin above everything that may be lost")),
            (_("Budgets"), _("are closed; open new ones")),
        ],
        [],
        _("Go on with this log"),
    )  # fmt: skip


def enrol(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    return Told(
        _(
            "%(who)s asks that %(person)s become an approver of the security module.",
            who=view.maker_name,
            person=content["person"],
        ),
        [],
        [
            (_("Signs as"), content["approver"]),
            (_("With"), _("a passkey") if content["kind"] == "webauthn" else _("a key file")),
        ],
        [],
        _("Enrol %(person)s", person=content["person"]),
    )

"""An act as a person reads it before he says yes: one sentence, what is so now, what will be so, what proves it.

What is signed is the act's canonical text; this is its reading, made from that text and from what stands in the books at
this moment. An act that has no words of its own here is told by its fields, so that nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, url_for
from sqlalchemy.orm import Session

from keystore.module import Budget
from vending.access import people
from vending.access.approvals import RequestView
from vending.access.policy import EVERYWHERE
from vending.errors import VendingError
from vending.estate import browsing
from vending.estate import queries as estate
from vending.occupancy import moving_out, swapping
from vending.occupancy.estimate import settle
from vending.payments import sellers
from vending.services import Services
from vending.tariffs import fees
from vending.tariffs import service as tariffs
from vending.vends import queries as sales
from vending.web import places, words
from vending.web.frame import module_status
from vending.web.words import _

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    sentence: str
    before: Pairs
    after: Pairs
    evidence: list[dict[str, str]]
    verb: str  # what the button says


def told(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    teller = TELLERS.get(view.act.name, _plainly)
    try:
        found = teller(services, session, view, zone)
    except (VendingError, KeyError, TypeError, ValueError, StopIteration):
        # What the act is about may be gone since; its own fields are still what would be signed.
        found = _plainly(services, session, view, zone)
    kind, _colon, key = view.subject.partition(":")
    if kind == "order" and places.can(g.actor, "sale.read"):
        sale = sales.sale_of_order(session, key)
        if sale is not None:
            found.evidence.append(
                {
                    "text": _("Slip %(number)s", number=sale.receipt),
                    "url": url_for("sales.show", key=sale.key),
                }
            )
    if view.evidence:
        found.evidence.insert(0, {"text": view.evidence, "url": ""})
    return found


def _plainly(_services: Services, _session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    hidden = {"act", "maker", "reason", "made", "nonce", "beneficiary", "expires", "items"}
    after = [
        (name.replace("_", " ").replace("-", " "), _shown(value))
        for name, value in sorted(view.content.items())
        if name not in hidden
    ]
    return Told(
        _("%(who)s asks: %(what)s", who=view.maker_name, what=view.act.says), [], after, [], view.act.says
    )


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(_shown(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_shown(one)}" for name, one in value.items())
    return "–" if value is None else str(value)


def site_name(session: Session, key: str) -> str:
    if key == EVERYWHERE:
        return _("all sites")
    try:
        return estate.one_site(session, key).name
    except VendingError:
        return key


def _role(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    person = people.one_person(session, content["person"])
    where = site_name(session, content["site_of_role"])
    held = [
        f"{words.role_name(grant.role)} ({site_name(session, grant.site)})"
        for grant in sorted(person.grants, key=str)
    ]
    role = words.role_name(content["role"])
    return Told(
        _(
            "%(who)s asks that %(person)s become %(role)s at %(site)s.",
            who=view.maker_name,
            person=person.name,
            role=role,
            site=where,
        ),
        [(_("Roles"), "; ".join(held) or _("none"))],
        [(_("Roles"), "; ".join([*held, f"{role} ({where})"]))],
        [
            {
                "text": _("The page of %(name)s", name=person.name),
                "url": url_for("people.show", key=person.key),
            }
        ],
        _("Make %(person)s %(role)s", person=person.name, role=role),
    )


def _tariff(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    version = tariffs.one_version(session, view.content["version"])
    changes = tariffs.changes(session, version.key)
    return Told(
        _(
            "%(who)s asks to publish %(name)s, version %(number)s, from %(day)s.",
            who=view.maker_name,
            name=version.name,
            number=version.number,
            day=words.date_of(version.valid_from.date()),
        ),
        [(change.what, change.before) for change in changes if change.before],
        [(change.what, change.after or _("no longer charged")) for change in changes]
        or [(_("New tariff"), sentence) for sentence in version.text()[:8]],
        [
            {
                "text": _("Read it, compare it and see what it would have done last month"),
                "url": url_for("tariffs.show", code=version.code, version=version.key),
            }
        ],
        _("Publish version %(number)s", number=version.number),
    )


def _fee(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    wanted, retired = fees.FeeView.of_content(view.content), bool(view.content["retired"])
    known = next((one for one in fees.list_fees(session, view.site) if one.code == wanted.code), None)

    def pairs(fee: fees.FeeView) -> Pairs:
        amount = words.total(fee.amount_minor, fee.currency) if fee.amount_minor else _("typed at the desk")
        tax = f"{fee.tax_label} {fee.tax_percent.normalize():f} %" if fee.tax_code else _("without tax")
        return [(_("Name"), fee.label), (_("Amount"), amount), (_("Tax"), tax)]

    verb = (
        _("Take %(fee)s no longer", fee=wanted.label) if retired else _("Publish %(fee)s", fee=wanted.label)
    )
    return Told(
        _("%(who)s asks: %(what)s", who=view.maker_name, what=verb),
        pairs(known) if known else [],
        [(_("Fee"), _("taken no longer"))] if retired else pairs(wanted),
        [{"text": _("Fees"), "url": url_for("fees.index")}],
        verb,
    )


def _seller_terms(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    seller = sellers.one(session, content["seller"])

    def pairs(commission: sellers.Commission, limit_minor: int) -> Pairs:
        return [
            (_("Seller's commission"), str(commission)),
            (_("Credit limit"), words.total(limit_minor, seller.currency)),
        ]

    return Told(
        _("%(who)s asks for other terms of the seller %(name)s.", who=view.maker_name, name=seller.name),
        pairs(seller.commission, seller.credit_limit_minor),
        pairs(sellers.Commission(content["commission_basis_points"]), content["credit_limit_minor"]),
        [
            {
                "text": _("Statement of %(name)s", name=seller.name),
                "url": url_for("sellers.show", code=seller.code),
            }
        ],
        _("Agree to the terms"),
    )


def _ratio(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    meter = estate.one_meter(session, services.clock, content["meter"])
    now = meter.ratio
    applied = {"meter": _("the meter"), "vendor": _("the sale")}
    return Told(
        _(
            "%(who)s asks for another transformer ratio of meter %(number)s.",
            who=view.maker_name,
            number=words.meter_number(meter.drn),
        ),
        [
            (_("Current transformer"), f"{now.ct_primary}/{now.ct_secondary}"),
            (_("Voltage transformer"), f"{now.vt_primary}/{now.vt_secondary}"),
            (_("Applied by"), applied.get(now.applied_by, now.applied_by)),
        ],
        [
            (_("Current transformer"), "/".join(map(str, content["ct"]))),
            (_("Voltage transformer"), "/".join(map(str, content["vt"]))),
            (_("Applied by"), applied.get(content["applied_by"], content["applied_by"])),
        ],
        [{"text": _("The page of the meter"), "url": url_for("meters.show", key=meter.key)}],
        _("Change the ratio"),
    )


def _reversal(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    sale = sales.sale_of_order(session, content["order"])
    if sale is None:
        return _plainly(services, session, view, zone)
    vend = next(one for one in sale.vends if one.order_id == content["order"])
    meter = estate.list_meters(session, services.clock, [vend.meter_key])
    back = words.total(content["amount_minor"], content["currency"])
    booked = {
        "loss": _("A loss of the site; the energy stays sold"),
        "debt": _("A debt of the customer; the energy stays sold"),
    }
    before = [(_("Paid"), words.total(vend.paid_minor, content["currency"]))]
    if meter:
        before.append((_("Meter"), words.meter_number(meter[0].drn)))
        before.append((_("Sold"), words.measure(vend.units + vend.free_units, vend.service)))
    proved = content["way"] == "proved"
    after = [
        (_("Kept for the customer"), back),
        (_("In the books"), booked.get(content["book_as"], _("The sale is undone"))),
    ]
    if vend.tokens:
        after.append(
            (
                _("The token"),
                _("cannot be used any more; look whether the meter took it before")
                if proved
                else _("can still be used"),
            )
        )
    return Told(
        _("%(who)s asks to take back sale %(number)s.", who=view.maker_name, number=sale.receipt),
        before,
        [(_("Reason"), words.reversal_reasons().get(content["why"], content["why"])), *after],
        [],
        _("Take the sale back"),
    )


def _budget_now(services: Services, name: str) -> Budget | None:
    status, _sentence = module_status(services)
    return next((one for one in status.budgets if one.budget_id == name), None) if status else None


def amount_of(value: int, kind: str, service: str | None) -> str:
    """Of a budget: tenths of a unit, or a number of acts."""
    if kind == "units":
        return words.measure(value, service or "")
    return words.plural("%(num)s act", "%(num)s acts", value)


def _open_budget(_services: Services, _session: Session, view: RequestView, zone: ZoneInfo) -> Told:
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
            (_("From"), _moment(content["starts"], zone)),
            (_("Until"), _moment(content["ends"], zone)),
        ],
        [],
        _("Open the budget"),
    )


def _top_up(services: Services, _session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    budget = _budget_now(services, content["budget_id"])
    if budget is None:
        return _plainly(services, _session, view, zone)
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


def _set_limits(services: Services, _session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
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


def _issue(_services: Services, _session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    lines = [str(one) for one in view.content.get("summary", [])]
    return Told(
        _("%(who)s asks: %(what)s", who=view.maker_name, what=view.act.says),
        [],
        [(_("Issue"), line) for line in lines],
        [],
        view.act.says,
    )


def _enrol(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
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


def _move_out(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    act = next(one for one in moving_out.list_move_outs(session, view.site) if one.approval_key == view.key)
    tenant = estate.one_tenant(session, content["tenant"])
    space = browsing.one_space(session, act.space_key)
    money = settle(content["deposit_minor"], dict(content["debts"]))
    code = estate.one_site(session, view.site).currency
    meters = {one.key: one for one in estate.list_meters(session, services.clock, list(content["meters"]))}
    goes = {
        moving_out.LEAVE: _("stays in the meter"),
        moving_out.CLEAR: _("cleared by a token"),
        moving_out.CARRY: _("carried to another meter"),
    }
    left = [
        (
            _("Left of meter %(number)s", number=words.meter_number(meters[key].drn)),
            f"{words.measure(told['left'], meters[key].service)}, {goes.get(told['credit'], told['credit'])}",
        )
        for key, told in content["meters"].items()
        if key in meters
    ]
    return Told(
        _("%(who)s asks that %(tenant)s move out of %(unit)s.", who=view.maker_name, tenant=tenant.name, unit=space.code),
        [
            (_("Deposit held"), words.total(money.deposit, code)),
            (_("Owed"), words.total(sum(dict(content["debts"]).values()), code)),
        ],
        [
            *left,
            (_("Left for the tenant"), words.total(money.left, code)),
            (_("Still owed"), words.total(sum(owed for _name, owed in money.owed), code)),
            (_("The meters of the unit"), _("blocked until somebody has looked at them")),
        ],
        [{"text": _("The whole act, with its readings"), "url": url_for("occupancy.moved_out", key=act.key)}],
        _("Let %(tenant)s move out", tenant=tenant.name),
    )  # fmt: skip


def _swap(services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    act = next(one for one in swapping.list_swaps(session, view.site) if one.approval_key == view.key)
    meters = {
        one.key: one for one in estate.list_meters(session, services.clock, [content["old"], content["new"]])
    }
    old, new = meters[content["old"]], meters[content["new"]]
    found = content["estimate"]
    return Told(
        _(
            "%(who)s asks to swap meter %(old)s for %(new)s.",
            who=view.maker_name,
            old=words.meter_number(old.drn),
            new=words.meter_number(new.drn),
        ),
        [
            (_("Given to the meter, by the books"), words.measure(found["given"], old.service)),
            (_("Used"), words.measure(found["used"], old.service)),
            (_("Left for the customer"), words.measure(found["left"], old.service)),
        ],
        [
            (_("The new meter gets"), words.measure(content["units"], new.service)),
            (_("The old number"), _("never sold to again")),
        ],
        [{"text": _("The whole act, with its readings"), "url": url_for("occupancy.swapped", key=act.key)}],
        _("Swap the meter"),
    )


def _moment(text: str, zone: ZoneInfo) -> str:
    return words.moment(datetime.fromisoformat(text), zone)


Teller = Callable[[Services, Session, RequestView, ZoneInfo], Told]
TELLERS: dict[str, Teller] = {
    "role-grant": _role,
    "tariff-publish": _tariff,
    "fee-publish": _fee,
    "seller-terms": _seller_terms,
    "meter-ratio": _ratio,
    "sale-reversal": _reversal,
    "open-budget": _open_budget,
    "top-up": _top_up,
    "set-limits": _set_limits,
    "move-out": _move_out,
    "meter-swap": _swap,
    "free-issue": _issue,
    "engineering-token": _issue,
    "key-change": _issue,
    "enrol": _enrol,
}

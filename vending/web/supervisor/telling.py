"""An act as a person reads it before he says yes: one sentence, what is so now, what will be so, what proves it.

What is signed is the act's canonical text; this is its reading, made from that text and from what stands in the books at
this moment. Acts of money stand in `telling_money.py`, those of the security module in `telling_module.py`; `TELLERS` has
all of them. One that no code here asks for yet is told by its fields, so that nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import g, url_for
from sqlalchemy.orm import Session

from vending.access import people, policy
from vending.access.approvals import RequestView
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
from vending.web.supervisor import telling_module, telling_money
from vending.web.supervisor.told import Pairs, Told, plainly, site_name
from vending.web.words import _


def told(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    teller = TELLERS.get(view.act.name, plainly)
    try:
        found = teller(services, session, view, zone)
    except (VendingError, KeyError, TypeError, ValueError, StopIteration):
        # What the act is about may be gone since; its own fields are still what would be signed.
        found = plainly(services, session, view, zone)
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
    module = view.content.get("module")
    if view.act.by_module and module:
        text = _("For the security module %(name)s, and good for no other.", name=module)
        found.evidence.append({"text": text, "url": ""})
    if (
        view.evidence and view.act.name != "sale-reversal"
    ):  # whose evidence is its reason, told in words already
        found.evidence.insert(0, {"text": view.evidence, "url": ""})
    return found


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


def _api_key(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    limit = words.total(content["sale_limit_minor"], estate.one_site(session, view.site).currency)
    after = [
        (_("What it may do"), words.refusal(policy.SAYS[policy.Permission(scope)]))
        for scope in content["scopes"]
    ]
    after += [
        (_("Limit of one sale"), limit),
        (_("Calls a minute"), str(content["calls_a_minute"])),
        (_("Valid for, in days"), str(content["days"])),
    ]
    evidence = []
    if content["seller"]:
        seller = sellers.one(session, content["seller"])
        after.append((_("Seller"), seller.name))
        evidence.append(
            {
                "text": _("Statement of %(name)s", name=seller.name),
                "url": url_for("sellers.show", code=seller.code),
            }
        )
    return Told(
        _(
            "%(who)s asks that the program %(name)s be given a key that can sell.",
            who=view.maker_name,
            name=content["name"],
        ),
        [],
        after,
        evidence,
        _("Agree to the key"),
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


Teller = Callable[[Services, Session, RequestView, ZoneInfo], Told]
TELLERS: dict[str, Teller] = {
    "role-grant": _role,
    "tariff-publish": _tariff,
    "fee-publish": _fee,
    "seller-terms": _seller_terms,
    "meter-ratio": _ratio,
    "sale-reversal": telling_money.reversal,
    "refund": telling_money.refund,
    "tender-correction": telling_money.tender,
    "period-close": telling_money.period,
    "ledger-correction": telling_money.correction,
    "open-budget": telling_module.open_budget,
    "top-up": telling_module.top_up,
    "set-limits": telling_module.set_limits,
    "move-out": _move_out,
    "meter-swap": _swap,
    "free-issue": telling_module.issue,
    "engineering-token": telling_module.issue,
    "key-change": telling_module.issue,
    "enrol": telling_module.enrol,
    "resume-key": telling_module.resume,
    "set-meter-key": telling_module.meter_key,
    "set-floors": telling_module.floors,
    "fast-forward": telling_module.forward,
    "api-key": _api_key,
}

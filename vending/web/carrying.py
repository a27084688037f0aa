"""What follows when the second person has said yes: one function for each act, so that nobody has to come back for it.

A function carries out the approved request and says in one sentence what is so now. It may run again: an act that failed
(the unit was let in between) keeps its approval until it expires. An act without a function here is carried out where it
was asked for, because only its maker can: an API key is shown once, to him.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from vending.access import approvals, module_acts, people
from vending.access.approvals import RequestView
from vending.access.policy import Actor
from vending.estate import meters
from vending.estate import queries as estate
from vending.occupancy import moving_out, swapping
from vending.payments import sellers
from vending.services import Services
from vending.tariffs import fees
from vending.tariffs import service as tariffs
from vending.vends import acting, desk, key_changes, reversing
from vending.web.words import _

Carrier = Callable[[Services, Actor, RequestView], str]


def carry_out(services: Services, actor: Actor, view: RequestView) -> str:
    carrier = CARRIERS.get(view.act.name)
    if carrier is not None:
        return carrier(services, actor, view)
    return _("%(who)s can go on with it now.", who=view.maker_name)


def is_carried(act: str) -> bool:
    return act in CARRIERS


def _role(services: Services, actor: Actor, view: RequestView) -> str:
    approvals.grant_role(services.db, services.clock, services.vault, actor, view.key)
    return _("The role is given.")


def _used(services: Services, session: Session, actor: Actor, view: RequestView) -> str:
    """The agreed request, used up for exactly what was agreed to; its key."""
    return approvals.use(
        session,
        services.clock,
        services.vault,
        actor,
        view.key,
        view.act.name,
        view.content,
        site=view.site,
        subject=view.subject,
    )


def _tariff(services: Services, actor: Actor, view: RequestView) -> str:
    with services.db.writing() as session:
        zone = estate.one_site(session, view.site).zone
        key = _used(services, session, actor, view)
        maker, second = approvals.agreed_by(session, key)
        version = tariffs.publish(
            session,
            services.clock,
            view.content["version"],
            approval=tariffs.Approval(key, view.content["hash"], maker, second),
            actor=actor,
            zone=zone,
        )
    return _(
        "%(name)s, version %(number)s, is published. It prices from %(day)s.",
        name=version.name,
        number=version.number,
        day=f"{version.valid_from:%Y-%m-%d}",
    )


def _fee(services: Services, actor: Actor, view: RequestView) -> str:
    fee, retired = fees.FeeView.of_content(view.content), bool(view.content["retired"])
    with services.db.writing() as session:
        key = _used(services, session, actor, view)
        fees.publish(
            session, services.clock, actor, view.site, fee, approval=key, reason=view.reason, retired=retired
        )
    if retired:
        return _("%(fee)s is taken no longer.", fee=fee.label)
    return _("%(fee)s is published and holds from the next basket on.", fee=fee.label)


def _seller_terms(services: Services, actor: Actor, view: RequestView) -> str:
    with services.db.writing() as session:
        sellers.set_terms(session, services.clock, services.vault, actor, view.content, approval=view.key)
    return _("The terms hold from the next sale on.")


def _ratio(services: Services, actor: Actor, view: RequestView) -> str:
    content = view.content
    with services.db.writing() as session:
        key = approvals.use(
            session,
            services.clock,
            services.vault,
            actor,
            view.key,
            view.act.name,
            content,
            site=view.site,
            subject=view.subject,
        )
        meters.set_ratio(
            session,
            services.clock,
            actor,
            content["meter"],
            ct=(content["ct"][0], content["ct"][1]),
            vt=(content["vt"][0], content["vt"][1]),
            applied_by=content["applied_by"],
            approval=key,
            reason=view.reason,
        )
    return _("The meter has its new ratio. The next sale counts with it.")


def _module(services: Services, actor: Actor, view: RequestView) -> str:
    return module_acts.hand_in(services.db, services.clock, services.module, actor, view.key)


def _token_act(services: Services, actor: Actor, view: RequestView) -> str:
    acting.carry_out_approval(services.db, services.clock, services.module, actor, view.key)
    return _("The security module was asked for the tokens. The slip shows them.")


def _meter_key(services: Services, actor: Actor, view: RequestView) -> str:
    if not view.subject.startswith(key_changes.SUBJECT):
        return _module(services, actor, view)
    key_changes.take_back(services.db, services.clock, services.module, actor, view.key)
    return _("The meter is under its old key. The next sale is made for that key.")


def _reversal(services: Services, actor: Actor, view: RequestView) -> str:
    done = reversing.carry_out(services.db, services.clock, services.vault, actor, view.key)
    return _("The sale is reversed; credit note %(number)s.", number=done.credit_note or "")


def _refund(services: Services, actor: Actor, view: RequestView) -> str:
    """Booked as who asked for it: out of his drawer, in his open shift."""
    with services.db.reading() as session:
        grants = people.grants_of(session, view.maker).get(view.maker, frozenset())
    maker = Actor(view.maker, view.maker_name, grants)
    asked = desk.refund_of(view.content, site=view.site, reason=view.reason, evidence=view.evidence)
    number = desk.refund(services.db, services.clock, maker, asked, approval=view.key, vault=services.vault)
    return _("Refund %(number)s is booked; %(who)s gives the money.", number=number, who=view.maker_name)


def _tender(services: Services, actor: Actor, view: RequestView) -> str:
    desk.correct_tender(
        services.db, services.clock, services.vault, actor, view.key, view.content, site=view.site
    )
    return _("The money stands under the right way of paying.")


def _move_out(services: Services, actor: Actor, view: RequestView) -> str:
    moving_out.carry_out(services.db, services.clock, services.vault, actor, view.key)
    return _(
        "The tenant has moved out. The meters of the unit are blocked until somebody has looked at their credit."
    )


def _swap(services: Services, actor: Actor, view: RequestView) -> str:
    swapping.carry_out(
        services.db,
        services.clock,
        services.vault,
        actor,
        view.key,
        for_module=module_acts.name_of(services.module),
    )
    return _("The meter is swapped. Its credit is asked for as a token, which two approvers sign.")


CARRIERS: dict[str, Carrier] = {
    "role-grant": _role,
    "tariff-publish": _tariff,
    "fee-publish": _fee,
    "seller-terms": _seller_terms,
    "meter-ratio": _ratio,
    "set-meter-key": _meter_key,
    "sale-reversal": _reversal,
    "refund": _refund,
    "tender-correction": _tender,
    "move-out": _move_out,
    "meter-swap": _swap,
    "free-issue": _token_act,
    "engineering-token": _token_act,
    "key-change": _token_act,
    **dict.fromkeys(
        (
            "open-budget",
            "top-up",
            "set-limits",
            "enrol",
            "resume-key",
            "set-floors",
            "fast-forward",
        ),
        _module,
    ),
}

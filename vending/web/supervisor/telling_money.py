"""Acts that move money, as their second person reads them: taken back, given back, put right, closed.

What is so now is read from the books at this moment; what will be so follows from the act alone.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, url_for
from sqlalchemy.orm import Session

from vending.access.approvals import RequestView
from vending.access.policy import Permission
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.ledger.chart import is_money
from vending.services import Services
from vending.shifts import queries as shifts
from vending.vends import queries as sales
from vending.web import places, words
from vending.web.supervisor.told import Pairs, Told, moment_of, plainly
from vending.web.words import _


def _trial_balance() -> dict[str, str]:
    """A link for who may read the books, and a word for the others who decide."""
    may = places.can(g.actor, Permission.LEDGER_READ.value)
    return {"text": _("Trial balance"), "url": url_for("books.trial") if may else ""}


def reversal(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    sale = sales.sale_of_order(session, content["order"])
    if sale is None:
        return plainly(services, session, view, zone)
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


def refund(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    content = view.content
    code, amount = content["currency"], content["amount_minor"]
    owner = _tenant(session, content["tenant"])
    there = books.balance(session, content["source"], code)
    back = words.total(amount, code)
    after: Pairs = [
        (_("Given back"), back),
        (_("Way to pay"), words.way(content["way"])),
    ]
    if content["reference"]:
        after.append((_("Goes to"), content["reference"]))
    after.append((_("Left of it"), words.total(there - amount, code)))
    after += _drawer(session, content)
    whom = owner or _("somebody who is not on the books")
    return Told(
        _("%(who)s asks to give %(amount)s back to %(whom)s.", who=view.maker_name, amount=back, whom=whom),
        [(_where(content["source"]), words.total(there, code))],
        after,
        [{"text": _("The page of %(name)s", name=owner), "url": url_for("records.tenant", key=content["tenant"])}]
        if owner
        else [],
        _("Give back %(amount)s", amount=back),
    )  # fmt: skip


def _where(source: str) -> str:
    kind = source.partition("/")[0]
    names = {"kept": _("Kept for the customer"), "customer": _("On the customer's account")}
    return names.get(kind, _("Unclaimed money"))


def _tenant(session: Session, key: str) -> str:
    try:
        return estate.one_tenant(session, key).name if key else ""
    except VendingError:
        return ""


def _drawer(session: Session, content: dict[str, Any]) -> Pairs:
    found: Pairs = [(_("Till"), content["till"])] if content["till"] else []
    if content["shift"]:
        shift = shifts.one_shift(session, content["shift"])
        found.append((_("Out of the drawer of"), f"{shift.cashier_name}, {shift.number}"))
    return found


def tender(services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    content = view.content
    sale = sales.find_sale(session, content["sale"])
    if sale is None or not 1 <= content["position"] <= len(sale.taken):
        return plainly(services, session, view, zone)
    payment = sale.taken[content["position"] - 1]
    amount = words.total(payment.amount_minor, sale.currency)
    after: Pairs = [(_("Paid"), amount), (_("Way to pay"), words.way(content["to"]))]
    if content["reference"]:
        after.append((_("Reference"), content["reference"]))
    after.append((_("Receipt and token"), _("stay as they are")))
    return Told(
        _(
            "%(who)s asks that %(amount)s of sale %(number)s stand as %(way)s.",
            who=view.maker_name,
            amount=amount,
            number=sale.receipt,
            way=words.way(content["to"]),
        ),
        [
            (_("Paid"), amount),
            (_("Way to pay"), words.way(payment.way)),
            (_("Cashier"), sale.cashier_name),
            (_("Sold"), words.moment(sale.sold_at, zone)),
        ],
        after,
        [{"text": _("Slip %(number)s", number=sale.receipt), "url": url_for("sales.show", key=sale.key)}],
        _("Put it under %(way)s", way=words.way(content["to"])),
    )


def period(_services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    """The books are closed for a month, or up to a moment: what the act names."""
    content = view.content
    if "month" in content:
        until = words.of_page().month_of(date.fromisoformat(f"{content['month']}-01"))
        sentence = _("%(who)s asks to close the books of %(month)s.", who=view.maker_name, month=until)
    else:
        until = moment_of(content["until"], zone)
        sentence = _("%(who)s asks to close the books up to %(when)s.", who=view.maker_name, when=until)
    return Told(
        sentence,
        [(_("New entries"), _("may be dated into it"))],
        [(_("New entries"), _("are dated after it, for ever")), (_("The trial balance"), _("is kept with its digest"))],
        [_trial_balance()],
        _("Close the books"),
    )  # fmt: skip


def correction(_services: Services, session: Session, view: RequestView, _zone: ZoneInfo) -> Told:
    """An entry that puts another right: each leg with the account's balance now and after it."""
    before: Pairs = []
    after: Pairs = []
    for leg in view.content["legs"]:
        account, unit, amount = leg["account"], leg["unit"], leg["amount"]
        now = books.balance(session, account, unit)
        before.append((account, _amount(now, unit)))
        side = _("debit %(amount)s") if amount > 0 else _("credit %(amount)s")
        after.append(
            (account, f"{side % {'amount': _amount(abs(amount), unit)}}; {_amount(now + amount, unit)}")
        )
    return Told(
        _("%(who)s asks to post a correcting entry.", who=view.maker_name),
        before,
        after,
        [_trial_balance()],
        _("Post the entry"),
    )  # fmt: skip


def _amount(amount: int, unit: str) -> str:
    return words.total(amount, unit) if is_money(unit) else words.measure(amount, unit)

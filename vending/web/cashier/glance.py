"""What a cashier sees of a customer before anything is typed: money kept and owed, free units, a key change that is due,
what was bought last, and what stands in the way. Reads only; what the till sells is counted elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import g, url_for
from sqlalchemy.orm import Session

from keystore.module import Budget
from sts import id_record
from vending.analytics import credit
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.estate.views import MeterView, RegisterView, TenantView
from vending.services import Services
from vending.tariffs import fees
from vending.vends import facts, ordering, queries
from vending.vends.look import Look
from vending.web import frame, labels, places, words
from vending.web.cashier.vends import unit_code
from vending.web.words import _, plural

# People re-key after a printer jam, and order ids cannot know: the same meter within this time shows that sale first.
JUST_SOLD = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Glance:
    """Whom the page is about, and what is known. Without a meter: a customer who pays for something else."""

    meter: MeterView | None
    tenant: TenantView | None
    registers: tuple[RegisterView, ...] = ()
    blocked: str = ""
    last: tuple[queries.SaleView, ...] = ()
    kept_minor: int = 0
    account_minor: int = 0
    debts: dict[str, int] = field(default_factory=dict)
    key_change_due: bool = False
    free_units: int = 0
    fees: tuple[fees.FeeView, ...] = ()
    meters: tuple[MeterView, ...] = ()  # the customer's, where none is chosen
    days_left: float | None = None  # of credit, judged from purchases; None where too little is known

    @property
    def just_sold(self) -> queries.SaleView | None:
        services: Services = g.services
        newest = self.last[0] if self.last else None
        return newest if newest and services.clock.now() - newest.sold_at <= JUST_SOLD else None


def look(session: Session, services: Services, meter_name: str, tenant_key: str) -> Glance | None:
    """None: nobody was chosen. A meter goes before a customer's name."""
    place = places.of_request()
    clock = services.clock
    books = Look(session, clock)
    meter = estate.one_meter(session, clock, meter_name, sites=(place.site_key,)) if meter_name else None
    if meter is not None:
        tenant = meter.tenant
    elif tenant_key:
        tenant = facts.customer_of(session, books, place.site, meter_key="", tenant_key=tenant_key).tenant
    else:
        return None
    spent = facts.Spent()
    known = None
    if meter is not None and meter.credit_in == "meter":
        try:
            known = facts.gather(session, clock, meter.key, place.site, spent=spent, look=books)
        except VendingError:
            known = None  # why it is not for sale is said where the amount would be
    due = ordering.free_units(known) if known else None
    currency = place.currency
    return Glance(
        meter,
        tenant,
        tuple(estate.registers_of(session, meter.key)) if meter else (),
        words.refusal(facts.why_not_for_sale(meter)) if meter else "",
        tuple(queries.list_of_meter(session, meter.key)) if meter else (),
        known.buyer.kept_minor if known else 0,
        facts.account_balance(books, tenant.key, currency, spent) if tenant else 0,
        facts.debts_of(books, tenant.key, currency, spent) if tenant else {},
        bool(known and known.buyer.carries),
        due.units if due else 0,
        tuple(fees.list_fees(session, place.site_key)) if tenant else (),
        tuple(estate.meters_of_tenant(session, clock, tenant.key)) if meter is None and tenant else (),
        credit.of_meter(session, meter.key, clock.now()) if known and meter else None,
    )


def customer(seen: Glance, scanned: id_record.IdRecord | None) -> dict[str, Any]:
    """The head of the page, as the template wants it."""
    place = places.of_request()
    meter, tenant, currency = seen.meter, seen.tenant, place.currency
    told = []
    if meter is not None:
        told += [
            _("Unit %(unit)s", unit=unit_code(meter)),
            words.service_name(meter.service),
            _("Meter %(number)s", number=words.meter_number(meter.drn)),
        ]
    elif tenant is not None:
        told.append(_("Customer %(number)s", number=tenant.number))
        told += [tenant.phone] if tenant.phone else []
    if seen.account_minor or (meter is not None and meter.credit_in == "account"):
        told.append(_("Account %(money)s", money=words.total(seen.account_minor, currency)))
    last = seen.last[0] if seen.last else None
    return {
        "name": tenant.name if tenant else _("Vacant"),
        "unit": unit_code(meter) if meter else "",
        "facts": told,
        "url": "",
        "supply": _supply(seen),
        "last_sale": _(
            "Last sale %(day)s, %(money)s",
            day=words.day(last.sold_at, place.zone),
            money=words.total(last.total_minor, last.currency),
        )
        if last
        else (_("No sale yet") if meter else ""),
        "earlier": [
            {
                "day": words.moment(sale.sold_at, place.zone),
                "amount": words.total(sale.total_minor, sale.currency),
                "url": url_for("vends.show", key=sale.key),
            }
            for sale in seen.last
        ],
        "notices": _notices(seen, scanned),
    }


def _supply(seen: Glance) -> dict[str, str] | None:
    """Whether the meter has credit, as far as anybody can say: it does not answer, so its purchases are judged."""
    meter, days = seen.meter, seen.days_left
    if meter is None or seen.blocked:
        return None  # why it is not for sale is said below
    if meter.credit_in == "account":
        return (
            {"state": "on", "text": _("Credit on account"), "term": ""}
            if seen.account_minor > 0
            else {"state": "now", "text": _("No credit on account"), "term": ""}
        )
    if days is None:
        return {"state": "off", "text": _("Supply not known"), "term": "units-left"}
    if days <= 0:
        return {"state": "now", "text": _("Should be empty by now"), "term": "units-left"}
    if days < 1:
        return {"state": "half", "text": _("Less than a day of credit left"), "term": "units-left"}
    return {
        "state": "half" if days < credit.LOW_DAYS else "on",
        "text": plural("About %(num)s day of credit left", "About %(num)s days of credit left", int(days)),
        "term": "units-left",
    }


def _notices(seen: Glance, scanned: id_record.IdRecord | None) -> list[dict[str, str]]:
    place = places.of_request()
    meter = seen.meter
    notices = []
    if meter is not None and scanned is not None:
        for sentence in labels.differences(meter, scanned):
            notices.append({"state": "now", "text": sentence, "url": ""})
        if not notices:
            notices.append(
                {"state": "on", "text": _("The card says the same as what is known here."), "url": ""}
            )
    if seen.key_change_due:
        text = _(
            "A key change is due: the slip carries its tokens again, to be entered before the new one, until the "
            "meter was seen under its new key."
        )
        notices.append({"state": "half", "text": text, "url": "", "term": "key-change"})
    if meter is not None and not seen.blocked:
        notices += _budget(meter)
    for which, owed in seen.debts.items():
        text = _(
            "%(what)s: %(money)s is owed.",
            what=debt_name(which),
            money=words.total(owed, place.currency),
        )
        notices.append(
            {"state": "half", "text": text, "url": "", "act": f"charge:debt/{which}", "action": _("Put it into the basket"), "term": "debt"}
        )  # fmt: skip
    if seen.kept_minor and seen.tenant is not None and places.can(g.actor, "sale.reverse"):
        notices.append(
            {
                "state": "on",
                "text": _(
                    "%(money)s is kept and is spent first at the next purchase.",
                    money=words.total(seen.kept_minor, place.currency),
                ),
                "url": url_for("refunds.giving", tenant=seen.tenant.key),
                "term": "kept",
                "action": _("Give it back"),
            }
        )
    if seen.free_units and meter is not None:
        text = _(
            "%(units)s %(unit)s are free this month. They come with the purchase, on a token of their own.",
            units=words.units(seen.free_units),
            unit=words.unit_of(meter.service),
        )
        notices.append(
            {"state": "on", "text": text, "url": "", "act": "charge:allowance", "action": _("Give them without a purchase"), "term": "free-units"}
        )  # fmt: skip
    return notices


def _budget(meter: MeterView) -> list[dict[str, str]]:
    """The budget must not end while the queue stands there (rules.md 25)."""
    services: Services = g.services
    status, _sentence = frame.module_status(services)
    place = places.of_request()
    for budget in status.budgets if status else ():
        if not _is_for(budget, meter) or not budget.warnings:
            continue
        if budget.left <= 0:
            text = _("The budget is used up, so no token can be made. Ask two approvers for a refill now.")
        elif budget.lasts_until is not None:
            text = _(
                "The budget ends at about %(when)s. Ask two approvers for a refill.",
                when=words.moment(budget.lasts_until, place.zone),
            )
        else:
            text = _("The budget runs low. Ask two approvers for a refill.")
        return [{"state": "now" if budget.left <= 0 else "half", "text": text, "url": "", "term": "budget"}]
    return []


def _is_for(budget: Budget, meter: MeterView) -> bool:
    return (
        budget.kind == "units" and budget.sgc == meter.keying.sgc and budget.service in (None, meter.service)
    )


def debt_name(which: str) -> str:
    if which == "fixed":
        return _("Fixed charges")
    return _("Arrears, %(what)s", what=which.replace("-", " "))


def charges(seen: Glance) -> list[dict[str, str]]:
    """What money can be taken for without a token, in the words of a list."""
    place = places.of_request()
    currency = place.currency
    found = [{"value": "", "label": _("Choose")}]
    for which, owed in seen.debts.items():
        label = _("%(what)s: %(money)s open", what=debt_name(which), money=words.total(owed, currency))
        found.append({"value": f"debt/{which}", "label": label})
    for fee in seen.fees:
        if fee.amount_minor is None:
            label = _("%(fee)s, amount as typed", fee=fee.label)
        else:
            label = f"{fee.label}, {words.total(fees.price(fee).total_minor, currency)}"
        found.append({"value": fee.code, "label": label})
    found.append({"value": "account", "label": _("To the customer's account")})
    found.append({"value": "deposit", "label": _("Deposit")})
    return found


def recent(seen: Glance, *, basket: str) -> dict[str, Any] | None:
    """The sale of a moment ago, with its token, so that a printer jam does not become a second sale (rules.md 21)."""
    services: Services = g.services
    sale = seen.just_sold
    if sale is None or seen.meter is None:
        return None
    minutes = int((services.clock.now() - sale.sold_at).total_seconds() // 60)
    money = words.total(sale.total_minor, sale.currency)
    own = [token for vend, token in sale.tokens if vend.meter_key == seen.meter.key]
    return {
        "text": plural(
            "This meter bought %(money)s a minute ago. Print that slip again, or sell another.",
            "This meter bought %(money)s %(num)s minutes ago. Print that slip again, or sell another.",
            minutes,
            money=money,
        )
        if minutes
        else _("This meter bought %(money)s just now. Print that slip again, or sell another.", money=money),
        "url": url_for("vends.show", key=sale.key),
        "print_url": url_for("vends.print_again", key=sale.key) if sale.state == "issued" else "",
        "token": own[-1].digits if own else "",
        "another_url": url_for("till.desk", basket=basket, meter=seen.meter.key, another=1),
    }

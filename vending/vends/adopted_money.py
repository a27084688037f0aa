"""What adopted orders are worth, until somebody finds out what was paid for them.

An order that the log holds was paid before the module gave its token (decisions.md D2), so its money lies somewhere: in a drawer,
in the safe, at the bank. How much it was stands on its paper and in no record that is left. So each adopted order stands in the
books at the price that its tariff had at that moment, under its own name on both sides: `adopted/<order>` is the money that is to
be found, `suspense/<order>` what it will be once it is found. Nothing is income before. When the paper is there, or the search
has ended, `found` books what was really paid, where it was found, as the sale that it was.

Free credit took no money, and an order of a meter that nobody knows here has no price; both stay without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from vending import audit
from vending.clock import Clock, FixedClock
from vending.errors import InvalidInput, VendingError
from vending.estate import queries as estate
from vending.estate.views import SiteView
from vending.ledger import queries as ledger_queries
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg, collected, transfer
from vending.money import plain
from vending.tariffs.pricing import price_energy
from vending.tariffs.quote import Quote
from vending.vends import facts, queries
from vending.vends.plan import credit_legs

SERIES = "ADOPTED"
# Where money may turn up: counted over in a drawer, in the safe, at the bank; or nowhere, when the search has ended.
FOUND_IN = ("suspense", "safe", "bank", "loss")


class AdoptedUnfit(InvalidInput):
    code = "adopted_unfit"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An adopted order whose money was not found yet."""

    receipt: str
    order_id: str
    unit: str
    tenant: str
    units: int
    service: str
    worth_minor: int
    currency: str
    sold_at: datetime


def worth(session: Session, meter_key: str, site: SiteView, units: int, at: datetime) -> Quote | None:
    """The price of this much energy by the tariff of that moment, without debts and fixed charges; None where there is none."""
    try:
        known = _known(session, meter_key, site, at)
    except VendingError:
        return None
    bare = replace(known.situation, debts=(), months_due=0, days_due=0, outstanding_fixed_minor=0)
    quoted = price_energy(known.tariff, bare, units, quantise=lambda some, _rounding: some)
    return quoted if isinstance(quoted, Quote) and quoted.paid_minor > 0 else None


def _known(session: Session, meter_key: str, site: SiteView, at: datetime) -> facts.Known:
    """What was so at that moment."""
    return facts.gather(session, FixedClock(at), meter_key, site, spent=facts.Spent())


def post(session: Session, clock: Clock, order_id: str, quoted: Quote, *, names: str) -> None:
    entry = transfer(
        "adopted-worth",
        f"adopted/{order_id}",
        quoted.tariff.currency,
        quoted.paid_minor,
        debited=f"adopted/{order_id}",
        credited=f"suspense/{order_id}",
        note=f"{names}; at the tariff's price, what was paid is not known yet"[:500],
    )
    ledger.post(session, clock, [entry])


def is_adopted(session: Session, account: str) -> bool:
    """Whether this account in suspense is that of an adopted order: its energy was given, so nobody is owed its money."""
    sale = queries.sale_of_order(session, account.removeprefix("suspense/"))
    return sale is not None and sale.till == SERIES


def list_waiting(session: Session, clock: Clock, sites: Sequence[SiteView]) -> list[Waiting]:
    """The oldest first."""
    found = []
    for currency in sorted({site.currency for site in sites}):
        for account, worth_minor in ledger_queries.list_under(session, "adopted/", currency):
            sale = queries.sale_of_order(session, account.removeprefix("adopted/"))
            if sale is None or sale.site_key not in {site.key for site in sites}:
                continue
            (vend,) = sale.vends
            meter = estate.list_meters(session, clock, [vend.meter_key])[0]
            found.append(
                Waiting(
                    sale.receipt,
                    vend.order_id,
                    meter.space.code if meter.space else "",
                    meter.tenant.name if meter.tenant else "",
                    vend.units,
                    vend.service,
                    worth_minor,
                    currency,
                    sale.sold_at,
                )
            )
    return sorted(found, key=lambda one: (one.sold_at, one.receipt))


def found(
    session: Session, clock: Clock, actor: Any, receipt: str, *, paid_minor: int, account: str, evidence: str
) -> None:
    """What was paid for an adopted order, and where that money is. It becomes the sale that it was."""
    sale = queries.one_by_receipt(session, receipt.strip().upper())
    if sale.till != SERIES:
        raise AdoptedUnfit(f"{sale.receipt} was not adopted; its money is in the books.", "receipt")
    (vend,) = sale.vends
    waiting = f"adopted/{vend.order_id}"
    worth_minor = ledger_queries.balance(session, waiting, sale.currency)
    if not worth_minor:
        raise AdoptedUnfit(
            f"Nothing waits for {sale.receipt}: it took no money, or it was found already.", "receipt"
        )
    if account.split("/")[0] not in FOUND_IN or account == f"suspense/{vend.order_id}":
        raise AdoptedUnfit(
            f"Say where the money is: an account of {', '.join(FOUND_IN)}, such as bank/main.", "account"
        )
    if paid_minor <= 0 or len(evidence.split()) < 1 or len(evidence.strip()) < 5:
        raise AdoptedUnfit("Say how much was paid, as its paper shows, and what proves it.", "evidence")
    site = estate.one_site(session, sale.site_key)
    quoted = worth(session, vend.meter_key, site, vend.units, sale.sold_at)
    income: tuple[Leg, ...] = ()
    if quoted is not None:
        buyer = _known(session, vend.meter_key, site, sale.sold_at).buyer
        income = tuple(
            Leg(path, unit, amount)
            for path, unit, amount in credit_legs(replace(buyer, kept_minor=0), quoted, quoted.paid_minor)
            if not path.startswith(("energy/", "held/"))
        )
    # Taxes stay those of the tariff's price; what was paid more or less is income.
    difference = -paid_minor - sum(leg.amount for leg in income)
    legs = [
        Leg(waiting, sale.currency, -worth_minor),
        Leg(f"suspense/{vend.order_id}", sale.currency, worth_minor),
        Leg(account, sale.currency, paid_minor),
        *income,
    ]
    if difference:
        legs.append(Leg(f"sales/{vend.service}", sale.currency, difference))
    ledger.post(
        session,
        clock,
        [Entry("adopted-found", f"adopted/{vend.order_id}", collected(legs), note=evidence.strip()[:500])],
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="order.found",
        subject=f"sale:{sale.key}",
        detail={"receipt": sale.receipt, "paid": plain(paid_minor, sale.currency), "account": account},
        reason=evidence.strip(),
    )

"""What a sale must know before it is priced: meter, tenant, tariff, debts, what was kept, what was bought this month.

Gathered once for quote and for sale, so that both see the same. Reads only; the arithmetic is in `plan` and `pricing`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.tariffs import service as tariffs
from vending.tariffs.calendar import counter_window, days_due, months_due
from vending.tariffs.charges import Blocks, PerUnit
from vending.tariffs.situation import Debt, Situation
from vending.tariffs.structure import Tariff
from vending.vends.errors import MeterNotForSale
from vending.vends.plan import Buyer, Planned
from vending.vends.tables import Vend

SUBCLASS = {"electricity": 0, "water": 1, "gas": 2, "time": 3}


@dataclass(slots=True)
class Spent:
    """What the lines before this one in the same basket took: units of a meter, money kept, debts."""

    units: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    debts: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Spent:
        return Spent(dict(self.units), dict(self.kept), dict(self.debts))

    def count(self, plan: Planned) -> None:
        meter, tenant = plan.buyer.meter_key, plan.buyer.tenant_key
        self.units[meter] = self.units.get(meter, 0) + plan.quote.units
        for account, _unit, amount in plan.settlement:
            if account == f"kept/{tenant}":
                self.kept[tenant] = self.kept.get(tenant, 0) + amount
            if account.startswith("debt/"):
                name = account.removeprefix("debt/")
                self.debts[name] = self.debts.get(name, 0) - amount


@dataclass(frozen=True, slots=True)
class Known:
    buyer: Buyer
    tariff: Tariff
    tariff_version: str
    situation: Situation


def why_not_for_sale(meter: estate.MeterView) -> str:
    """The sentence that stands where the amount would be; empty when the meter can be sold to."""
    if meter.not_for_sale is not None:
        return meter.not_for_sale
    if meter.credit_in == "account":
        return f"The credit of {meter.label} is kept on the customer's account. Top up the account; no token is needed."
    if meter.service not in SUBCLASS:
        return f"{meter.label} measures {meter.service}, for which there is no token. Its credit belongs on the account."
    return ""


def gather(
    session: Session, clock: Clock, meter_key: str, site: estate.SiteView, *, spent: Spent, channel: str = ""
) -> Known:
    meter = estate.one_meter(session, clock, meter_key, sites=(site.key,))
    reason = why_not_for_sale(meter)
    if reason:
        raise MeterNotForSale(reason)
    assert meter.tariff is not None, "a meter without a tariff is not for sale"
    assert meter.tenant is not None, "a meter without a tenant is not for sale"
    now, zone, tenant = clock.now(), site.zone, meter.tenant.key
    version = tariffs.in_force(session, meter.tariff, now, zone)
    tariff = version.tariff
    kept = _available(session, f"kept/{tenant}", tariff.currency) - max(spent.kept.get(tenant, 0), 0)
    today = now.astimezone(zone).date()
    already = spent.units.get(meter.key)
    last = today if already is not None else _last_charged(session, meter.key, zone)
    fixed = _available(session, f"debt/{tenant}/fixed", tariff.currency) - spent.debts.get(
        f"{tenant}/fixed", 0
    )
    situation = Situation(
        units_before=_units_in_window(session, meter.key, tariff.counter, now, zone) + (already or 0),
        months_due=months_due(last, today, tariff.most_months_due),
        days_due=days_due(last, today),
        channel=channel,
        area_m2=Decimal(meter.space.area_cm2) / 10_000 if meter.space else None,
        debts=_debts(session, tenant, tariff.currency, spent),
        outstanding_fixed_minor=max(fixed, 0),
    )
    buyer = Buyer(
        meter_key=meter.key,
        pan=meter.pan,
        service=meter.service,
        subclass=SUBCLASS[meter.service],
        tenant_key=tenant,
        meter_class=meter.meter_class,
        keying=asdict(meter.keying),
        kept_minor=max(kept, 0),
    )
    return Known(buyer, tariff, f"{version.code} version {version.number}", situation)


def _units_in_window(session: Session, meter_key: str, counter: str, now: datetime, zone: ZoneInfo) -> int:
    window = counter_window(counter, now, zone)
    if window is None:
        return 0
    begin, end = window
    found = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Vend.units), 0)).where(
            Vend.meter_key == meter_key,
            Vend.paid_at >= begin,
            Vend.paid_at < end,
            Vend.state.in_(("paid", "issued")),
        )
    )
    return int(found or 0)


def _last_charged(session: Session, meter_key: str, zone: ZoneInfo) -> date | None:
    """The local day on which fixed charges were last taken: every sale takes what is due by then."""
    last = session.scalar(
        sa.select(sa.func.max(Vend.paid_at)).where(
            Vend.meter_key == meter_key, Vend.state.in_(("paid", "issued"))
        )
    )
    return last.astimezone(zone).date() if last is not None else None


def _available(session: Session, account: str, currency: str) -> int:
    """What may still be spent: orders that are paid and not released have set aside their part."""
    return ledger.standing(session, [(account, currency)])[0].available


def _debts(session: Session, tenant: str, currency: str, spent: Spent) -> tuple[Debt, ...]:
    debts = []
    for path, owed in ledger.list_under(session, f"debt/{tenant}/", currency):
        which = path.split("/")[-1]
        left = owed - spent.debts.get(f"{tenant}/{which}", 0)
        if which != "fixed" and left > 0:
            debts.append(Debt(f"{tenant}/{which}", f"Arrears, {which.replace('-', ' ')}", left))
    return tuple(debts)


def ladder_of(tariff: Tariff) -> list[tuple[float, Decimal]]:
    """Where the price of a unit changes within the month: (from how many units, rate). For drawing."""
    for charge in tariff.charges:
        if isinstance(charge, Blocks):
            starts = [Decimal(0), *(block.upto for block in charge.blocks[:-1] if block.upto is not None)]
            return [(float(start), block.rate) for start, block in zip(starts, charge.blocks, strict=True)]
        if isinstance(charge, PerUnit):
            return [(0.0, charge.rate)]
    return []

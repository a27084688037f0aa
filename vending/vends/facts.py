"""What a sale must know before it is priced: meter, tenant, tariff, debts, what was kept, what was bought this month, which
key the meter is to be sold under, and whether its free units are due.

Gathered once for quote and for sale, so that both see the same. Reads only; the arithmetic is in `plan` and `pricing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from keystore.module import MeterKeying
from vending.clock import Clock
from vending.errors import NotFound, said
from vending.estate import queries as estate
from vending.estate.views import MeterView, SiteView, TenantView
from vending.tariffs.calendar import counter_window, days_due, months_due
from vending.tariffs.charges import Blocks, PerUnit
from vending.tariffs.situation import Debt, Situation
from vending.tariffs.structure import Tariff
from vending.vends.errors import MeterNotForSale
from vending.vends.look import Look
from vending.vends.plan import Buyer, Planned

_KEYING = tuple(one.name for one in fields(MeterKeying))
SUBCLASS = {"electricity": 0, "water": 1, "gas": 2, "time": 3}


@dataclass(slots=True)
class Spent:
    """What the orders before this one in the same group took: units of a meter, money kept, debts, accounts, free units."""

    units: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    debts: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    claims: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> Spent:
        return Spent(
            dict(self.units), dict(self.kept), dict(self.debts), dict(self.accounts), set(self.claims)
        )

    def count(self, plan: Planned) -> None:
        meter, tenant = plan.buyer.meter_key, plan.buyer.tenant_key
        if plan.kind == "credit":
            self.units[meter] = self.units.get(meter, 0) + plan.units
        if plan.claim is not None:
            self.claims.add(plan.claim)
        for account, _unit, amount in plan.settlement.legs:
            if account == f"kept/{tenant}":
                # What is kept again can be spent when this order is released, and not by its neighbours in the group.
                self.kept[tenant] = self.kept.get(tenant, 0) + max(amount, 0)
            elif account == f"customer/{tenant}":
                self.accounts[tenant] = self.accounts.get(tenant, 0) - amount
            elif account.startswith("debt/"):
                name = account.removeprefix("debt/")
                self.debts[name] = self.debts.get(name, 0) - amount


@dataclass(frozen=True, slots=True)
class Known:
    meter: MeterView
    buyer: Buyer
    tariff: Tariff
    tariff_version: str
    situation: Situation
    claim: tuple[str, str]  # entitlement and month of the free units, should the tariff have any
    claimed: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """Whose money it is, where no energy is priced: top-ups and charges."""

    tenant: TenantView
    buyer: Buyer


def why_not_for_sale(meter: MeterView) -> str:
    """The sentence that stands where the amount would be; empty when the meter can be sold to."""
    if meter.not_for_sale is not None:
        return meter.not_for_sale
    if meter.credit_in == "meter" and meter.service not in SUBCLASS:
        return said(
            f"{meter.label} measures {meter.service}, for which there is no token. Its credit belongs on the account."
        )
    return ""


def under_key(look: Look, meter: MeterView) -> tuple[MeterView, tuple[str, ...]]:
    """The meter under the key that it is to be sold under, and the key changes whose tokens it may not have taken yet: life
    goes on under the new key as soon as its tokens are released (rules.md 2)."""
    changes = look.key_changes(meter.key)
    if not changes:
        return meter, ()
    _order_id, after = changes[-1]
    keying: Any = after
    return replace(meter, keying=MeterKeying(**keying)), tuple(order_id for order_id, _after in changes)


def gather(
    session: Session,
    clock: Clock,
    meter_key: str,
    site: SiteView,
    *,
    spent: Spent,
    channel: str = "",
    register: str = "",
    look: Look | None = None,
) -> Known:
    look = look or Look(session, clock)
    meter, carries = under_key(look, look.meter(meter_key, site))
    reason = why_not_for_sale(meter)
    if reason:
        raise MeterNotForSale(reason)
    assert meter.tenant is not None, "a meter without a tenant is not for sale"
    assert meter.lease is not None, "a tenant has the meter by a lease"
    service, subclass, code = _register(session, meter, register)
    now, zone, tenant = look.now, site.zone, meter.tenant.key
    version = look.version(code, zone)
    tariff = version.tariff
    kept = look.available(f"kept/{tenant}", tariff.currency) - max(spent.kept.get(tenant, 0), 0)
    today = now.astimezone(zone).date()
    already = spent.units.get(meter.key)
    last = today if already is not None else _last_charged(look, meter.key, zone)
    debts = debts_of(look, tenant, tariff.currency, spent)
    window = counter_window(tariff.counter, now, zone)
    situation = Situation(
        units_before=(look.units_bought(meter.key, window) if window else 0) + (already or 0),
        months_due=months_due(last, today, tariff.most_months_due),
        days_due=days_due(last, today),
        channel=channel,
        area_m2=Decimal(meter.space.area_cm2) / 10_000 if meter.space else None,
        debts=tuple(
            Debt(f"{tenant}/{which}", debt_label(which), left)
            for which, left in debts.items()
            if which != "fixed"
        ),
        outstanding_fixed_minor=debts.get("fixed", 0),
    )
    buyer = Buyer(
        meter_key=meter.key,
        pan=meter.pan,
        service=service,
        subclass=subclass,
        tenant_key=tenant,
        meter_class=meter.meter_class,
        keying={name: getattr(meter.keying, name) for name in _KEYING},
        kept_minor=max(kept, 0),
        token_limit=meter.token_limit_units,
        carries=carries,
    )
    claim = (f"{meter.lease.key}/{service}", f"{today:%Y-%m}")
    claimed = tariff.allowance is None or claim in spent.claims or look.is_claimed(claim)
    return Known(meter, buyer, tariff, f"{version.code} version {version.number}", situation, claim, claimed)


def customer_of(session: Session, look: Look, site: SiteView, *, meter_key: str, tenant_key: str) -> Customer:
    """The tenant who pays, named himself or by a meter of his."""
    meter = look.meter(meter_key, site) if meter_key else None
    if tenant_key:
        tenant = estate.one_tenant(session, tenant_key)
        if tenant.site_key != site.key:
            raise NotFound("There is no such customer here. Search for the name again.")
    elif meter is not None and meter.tenant is not None:
        tenant = meter.tenant
    else:
        raise MeterNotForSale("Nobody has this meter now, so there is nobody whose account it could be.")
    buyer = Buyer(
        meter.key if meter else "",
        meter.pan if meter else "",
        meter.service if meter else "",
        0,
        tenant.key,
        meter.meter_class if meter else "",
        {},
        0,
    )
    return Customer(tenant, buyer)


def account_balance(look: Look, tenant_key: str, currency: str, spent: Spent) -> int:
    return look.balance(f"customer/{tenant_key}", currency) + spent.accounts.get(tenant_key, 0)


def debts_of(look: Look, tenant_key: str, currency: str, spent: Spent) -> dict[str, int]:
    """Which debts this customer has, and what is still open of each. Fixed charges that a purchase left are among them."""
    debts = {}
    for path, owed in look.debts(tenant_key, currency):
        which = path.split("/")[-1]
        left = owed - spent.debts.get(f"{tenant_key}/{which}", 0)
        if left > 0:
            debts[which] = left
    return debts


def debt_label(which: str) -> str:
    return "Fixed charges" if which == "fixed" else f"Arrears, {which.replace('-', ' ')}"


def _register(session: Session, meter: MeterView, name: str) -> tuple[str, int, str]:
    """Service, subclass and tariff of what is sold: the register named, or the meter as a whole (rules.md 7)."""
    assert meter.tariff is not None, "a meter without a tariff is not for sale"
    if not name:
        return meter.service, SUBCLASS[meter.service], meter.tariff
    for register in estate.registers_of(session, meter.key):
        if name in (register.key, register.name):
            return register.service, register.subclass, register.tariff or meter.tariff
    raise MeterNotForSale(f"Meter {meter.drn} has no register {name}. Choose one of its registers.")


def _last_charged(look: Look, meter_key: str, zone: ZoneInfo) -> date | None:
    """The local day on which fixed charges were last taken: every sale takes what is due by then."""
    last = look.last_bought(meter_key)
    return last.astimezone(zone).date() if last is not None else None


def ladder_of(tariff: Tariff) -> list[tuple[float, Decimal]]:
    """Where the price of a unit changes within the month: (from how many units, rate). For drawing."""
    for charge in tariff.charges:
        if isinstance(charge, Blocks):
            starts = [Decimal(0), *(block.upto for block in charge.blocks[:-1] if block.upto is not None)]
            return [(float(start), block.rate) for start, block in zip(starts, charge.blocks, strict=True)]
        if isinstance(charge, PerUnit):
            return [(0.0, charge.rate)]
    return []

"""What a tariff would have done: the orders of a span of time counted again under it, by tenant (decisions.md D20).

The same energy, the same situation of each order as it was stored at the sale, two tariffs: so that the difference is the
tariff's and nobody's behaviour. What people would have bought instead is not guessed. Reads only; old receipts stay as
they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate.tables import Tenant
from vending.tariffs.pricing import price_energy
from vending.tariffs.quote import Refused
from vending.tariffs.service import Version
from vending.tariffs.structure import Tariff
from vending.vends.plan import COUNTS
from vending.vends.priced import situation_of
from vending.vends.tables import Sale, Vend

MOST_ORDERS = 2000


@dataclass(frozen=True, slots=True)
class Effect:
    """For one tenant: what the energy cost, and what it would have cost."""

    tenant_key: str
    tenant: str
    orders: int
    units: int
    before_minor: int
    after_minor: int

    @property
    def change_minor(self) -> int:
        return self.after_minor - self.before_minor

    @property
    def percent(self) -> float:
        return 100 * self.change_minor / self.before_minor if self.before_minor else 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    tenants: tuple[Effect, ...]  # who pays most more, first
    orders: int
    skipped: tuple[tuple[str, int], ...]  # why orders could not be counted, and how many
    cut: bool  # there were more orders than are counted again

    @property
    def before_minor(self) -> int:
        return sum(one.before_minor for one in self.tenants)

    @property
    def after_minor(self) -> int:
        return sum(one.after_minor for one in self.tenants)


def replay(
    session: Session, old: Version, new: Version, site: str, since: datetime, until: datetime
) -> Preview:
    """The orders that were priced by any version of the code within the span, newest first if there are too many."""
    rows = session.execute(
        sa.select(Vend.tenant_key, Tenant.name, Vend.units, Vend.priced)
        .join(Sale, Sale.key == Vend.sale_key)
        .outerjoin(Tenant, Tenant.key == Vend.tenant_key)
        .where(
            Sale.site_key == site,
            Sale.sold_at >= since,
            Sale.sold_at < until,
            Vend.state.in_(COUNTS),
            Vend.units > 0,
            Vend.tariff_version.startswith(f"{old.code} version ", autoescape=True),
        )
        .order_by(Sale.sold_at.desc())
        .limit(MOST_ORDERS + 1)
    ).all()
    sums: dict[tuple[str, str], list[int]] = {}
    skipped: Counter[str] = Counter()
    for tenant, name, units, facts in rows[:MOST_ORDERS]:
        if not facts:
            skipped["its facts were not kept"] += 1
            continue
        before, after = _cost(old.tariff, facts, units), _cost(new.tariff, facts, units)
        if isinstance(before, Refused) or isinstance(after, Refused):
            refused = after if isinstance(after, Refused) else before
            assert isinstance(refused, Refused)
            skipped[refused.sentence] += 1
            continue
        line = sums.setdefault((tenant or "", name or ""), [0, 0, 0, 0])
        for place, value in enumerate((1, units, before, after)):
            line[place] += value
    effects = [Effect(key, name, *line) for (key, name), line in sums.items()]
    effects.sort(key=lambda one: -one.change_minor)
    return Preview(
        tuple(effects),
        sum(one.orders for one in effects),
        tuple(skipped.most_common()),
        len(rows) > MOST_ORDERS,
    )


def _cost(tariff: Tariff, facts: dict[str, object], units: int) -> int | Refused:
    # Debts are the customer's and not the tariff's, so they are left out of both sides.
    kept = {name: value for name, value in facts.items() if name not in ("debts", "outstanding_fixed_minor")}
    quote = price_energy(tariff, situation_of(kept), units)
    return quote if isinstance(quote, Refused) else quote.paid_minor

"""The plan of one order: what is asked of the module, what is booked, what the slip says. Pure: no session, no clock.

Money is debit positive: `cash/till-1 +100` is money in the drawer, `sales/electricity −100` is income. An order is booked
in two entries that both balance: the payment (drawer against held), when money is taken, and the settlement (held against
what it bought, with the energy beside it), in the transaction that releases the token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sts import amount
from vending.errors import InvalidInput
from vending.payments.tender import Taken, Tender, TenderUnknown, account_of
from vending.tariffs.pricing import price_energy, price_money
from vending.tariffs.quote import Line, Quote, Refused
from vending.tariffs.situation import Situation
from vending.tariffs.structure import Tariff
from vending.vends import priced
from vending.vends.errors import BasketEmpty, OrderIdInvalid

# States of a vend, and the only moves between them. `paid` is decided once, and never goes back.
STATES: dict[str, tuple[str, ...]] = {
    "paid": ("issued", "cancelled", "refused"),
    "issued": (),
    "cancelled": (),
    "refused": (),
}

_ORDER_ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

Legs = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class VendOrder:
    """One order for one meter, by money or by energy. The id comes from the page, so a double click is one sale."""

    order_id: str
    meter: str
    money_minor: int | None = None
    units: int | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """One payment that settles several orders on one receipt."""

    sale_id: str
    orders: tuple[VendOrder, ...]
    tenders: tuple[Tender, ...]
    site: str
    till: str
    cashier_key: str
    cashier_name: str
    shift: str = ""  # the key of the open shift whose drawer takes the money; a desk sale always has one

    def check(self) -> None:
        if not self.orders:
            raise BasketEmpty("Nothing is in the basket. Find a meter and type an amount first.")
        if len(self.orders) > 32:
            raise InvalidInput(
                "A basket holds at most 32 lines. Take money for these, then begin the next basket."
            )
        for name in (self.sale_id, *(order.order_id for order in self.orders)):
            if not _ORDER_ID.match(name):
                raise OrderIdInvalid(
                    "An order needs an id of its own (a UUID). Open the till page anew and sell again."
                )
        if len({order.order_id for order in self.orders}) != len(self.orders):
            raise OrderIdInvalid(
                "Two orders of this basket carry the same id. Open the till page anew and sell again."
            )
        for order in self.orders:
            if (order.money_minor is None) == (order.units is None):
                raise InvalidInput("Say either how much money or how much energy, not both and not neither.")

    def fingerprint(self) -> str:
        """What was asked for. The same sale id with another fingerprint is another sale, and is refused."""
        asked = [
            self.site,
            [[order.order_id, order.meter, order.money_minor, order.units] for order in self.orders],
            # What was due and not what was handed over: the same page sent again may find another price.
            [
                [tender.way, None if tender.way == "cash" else tender.received_minor]
                for tender in self.tenders
            ],
        ]
        return hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Buyer:
    """What the plan must know about the meter and its tenant."""

    meter_key: str
    pan: str
    service: str
    subclass: int
    tenant_key: str
    meter_class: str
    keying: dict[str, Any]
    kept_minor: int


@dataclass(frozen=True, slots=True)
class Planned:
    order_id: str
    buyer: Buyer
    quote: Quote
    lines: tuple[dict[str, Any], ...]
    settlement: Legs
    pays_minor: int
    tariff_version: str
    units_before: int
    priced: dict[str, Any]  # what it was counted from, so that anybody can count it again


def quote(
    tariff: Tariff, situation: Situation, buyer: Buyer, *, money_minor: int | None, units: int | None
) -> Quote | Refused:
    """The price of an order. What was kept from the last purchase is spent first."""
    most = amount.LARGEST_UNITS
    if units is not None:
        if units > most:
            return _too_large(tariff)
        return price_energy(tariff, situation, units, quantise=amount.quantise)
    assert money_minor is not None
    bounded = replace(situation, most_units=most)
    quoted = price_money(tariff, bounded, money_minor + buyer.kept_minor, quantise=amount.quantise)
    return _too_large(tariff) if isinstance(quoted, Quote) and quoted.units == most else quoted


def _too_large(tariff: Tariff) -> Refused:
    most = f"{amount.LARGEST_UNITS // 10:,}.{amount.LARGEST_UNITS % 10}"
    return Refused(
        "above_one_token", f"One token holds at most {most} {tariff.unit}. Check the number of digits."
    )


def pays(quoted: Quote, buyer: Buyer) -> int:
    """What the customer hands over: the price less what was kept for him, never below zero."""
    return max(quoted.paid_minor - buyer.kept_minor, 0)


def plan_vend(
    order: VendOrder, buyer: Buyer, quoted: Quote, tariff_version: str, situation: Situation
) -> Planned:
    paid = pays(quoted, buyer)
    kept_spent = quoted.paid_minor - paid
    legs: list[tuple[str, str, int]] = []
    if paid:
        legs.append((held(buyer.tenant_key), quoted.tariff.currency, paid))
    # What was kept is spent first; less of it may be spent than is kept again, so the two are one leg.
    kept_change = kept_spent - quoted.carried_minor
    if kept_change:
        legs.append((f"kept/{buyer.tenant_key}", quoted.tariff.currency, kept_change))
    legs += [
        (_account(account, buyer), quoted.tariff.currency, -minor)
        for account, minor in quoted.postings()
        if minor
    ]
    # Energy is a second commodity with books of its own: what the meter may use against what was sold.
    legs += [
        (f"energy/meter/{buyer.meter_key}", buyer.service, quoted.units),
        (f"energy/sold/{buyer.service}", buyer.service, -quoted.units),
    ]
    return Planned(
        order.order_id,
        buyer,
        quoted,
        _lines(quoted, kept_spent),
        tuple(legs),
        paid,
        tariff_version,
        situation.units_before,
        priced.stored(
            situation, money_minor=order.money_minor, units=order.units, kept_minor=buyer.kept_minor
        ),
    )


def set_aside(settlement: Legs) -> Legs:
    """What an order will take from accounts that others may spend from too: money kept, and debts it pays off.

    It is held when the money is taken, so that no second order spends it before the first is released.
    """
    return tuple(
        (account, unit, abs(amount))
        for account, unit, amount in settlement
        if (account.startswith("kept/") and amount > 0) or (account.startswith("debt/") and amount < 0)
    )


def held(tenant_key: str) -> str:
    """Money of this customer for orders that are paid and not released. Zero whenever nothing is open."""
    return f"held/{tenant_key}"


def _account(account: str, buyer: Buyer) -> str:
    """A tariff does not know its customer: the fixed charges it leaves outstanding become a debt of this tenant."""
    return f"debt/{buyer.tenant_key}/fixed" if account == "debt/fixed" else account


def drawn_on(taken: Sequence[Taken], planned: Sequence[Planned]) -> tuple[Taken, ...]:
    """The same with each account balance named: a tenant's balance pays for his own meters and for nobody else's."""
    tenants = list(dict.fromkeys(plan.buyer.tenant_key for plan in planned))
    return tuple(
        replace(one, reference=_payer(one, tenants)) if one.way == "account" else one for one in taken
    )


def _payer(taken: Taken, tenants: Sequence[str]) -> str:
    named = taken.reference or (tenants[0] if len(tenants) == 1 else "")
    if named not in tenants:
        raise TenderUnknown(
            "An account pays only for meters of its own tenant. Sell the other meters on a receipt of their own.",
            "tender",
        )
    return named


def payment_legs(drawer: str, taken: Sequence[Taken], planned: Sequence[Planned], currency: str) -> Legs:
    """The first entry: what came in against what is held for each customer. Coins that do not exist are a leg of their own."""
    per_customer: dict[str, int] = {}
    for plan in planned:
        name = held(plan.buyer.tenant_key)
        per_customer[name] = per_customer.get(name, 0) + plan.pays_minor
    legs = [(account_of(one.way, drawer, one.reference), currency, one.amount_minor) for one in taken]
    legs.append(("rounding/cash", currency, -sum(one.rounding_minor for one in taken)))
    legs += [(name, currency, -minor) for name, minor in per_customer.items()]
    return tuple(leg for leg in legs if leg[2])


def refund_legs(paid_minor: int, currency: str, tenant_key: str) -> Legs:
    """When no token comes: the money stays the customer's, and his next purchase spends it first."""
    return ((held(tenant_key), currency, paid_minor), (f"kept/{tenant_key}", currency, -paid_minor))


def suspense_legs(settlement: Legs, order_id: str) -> Legs:
    """A booking that always works: what was paid goes to suspense under the order's name, the energy is booked as sold."""
    money = tuple(
        (account, unit, amount) for account, unit, amount in settlement if account.startswith("held/")
    )
    energy = tuple(leg for leg in settlement if leg[0].startswith("energy/"))
    return (*money, *((f"suspense/{order_id}", unit, -amount) for _account, unit, amount in money), *energy)


def _lines(quoted: Quote, kept_spent: int) -> tuple[dict[str, Any], ...]:
    lines = [_line(line) for line in (*quoted.deductions, *quoted.lines)]
    if quoted.carried_minor:
        lines.append(
            {
                "id": "kept",
                "kind": "kept",
                "label": "Kept for next time",
                "why": "less than the meter can count",
                "amount_minor": quoted.carried_minor,
            }
        )
    if kept_spent:
        lines.append(
            {
                "id": "kept-before",
                "kind": "kept",
                "label": "Kept from last time",
                "why": "",
                "amount_minor": -kept_spent,
            }
        )
    return tuple(lines)


def _line(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": line.id,
        "kind": line.kind,
        "label": line.label,
        "why": _why(line),
        "amount_minor": line.amount_minor,
    }
    if line.parts:
        told["parts"] = [[str(part.quantity), part.unit, str(part.rate), part.what] for part in line.parts]
    if line.percent is not None:
        told["percent"], told["base_minor"] = str(line.percent), line.base_minor
    if line.left_minor is not None:
        told["left_minor"] = line.left_minor
    return told


def _why(line: Line) -> str:
    """The arithmetic of a line in figures; words in the reader's language are the page's."""
    if line.parts:
        return " + ".join(f"{part.quantity} {part.unit} × {part.rate}" for part in line.parts)
    if line.percent is not None:
        return f"{line.percent} %"
    return ""

"""The plan of one order: what is asked of the module, what is booked, what the slip says. Pure: no session, no clock.

Money is debit positive: `cash/till-1 +100` is money in the drawer, `sales/electricity −100` is income. An order is booked
in two entries that both balance: the payment (drawer against held), when money is taken, and the settlement (held against
what it bought, with the energy beside it), in the transaction that releases the token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vending.errors import InvalidInput
from vending.payments.tender import SELLER, Taken, Tender, TenderUnknown, account_of
from vending.tariffs.pricing import price_energy, price_money
from vending.tariffs.quote import Line, Quote, Refused
from vending.tariffs.situation import Situation
from vending.tariffs.structure import Tariff
from vending.vends import priced, splitting
from vending.vends.errors import BasketEmpty, OrderIdInvalid
from vending.vends.requests import Part, credit_parts

# States of a vend, and the only moves between them (I-21). Money is taken in `paid`; an act without money is `asked` first,
# until two people have agreed. `partly`: some of its tokens came, and what was paid for the others is the customer's again.
STATES: dict[str, tuple[str, ...]] = {
    "asked": ("paid", "withdrawn"),
    "withdrawn": (),
    "paid": ("issued", "partly", "cancelled", "refused"),
    "issued": ("reversed",),
    "partly": ("reversed",),
    "cancelled": (),
    "refused": (),
    "reversed": (),
}
GAVE = ("issued", "partly")  # tokens came, or the account was credited, or the charge was paid
COUNTS = ("paid", *GAVE)  # it bought: what the tiers and the fixed charges of the month look at

# What an order is. The first four are sold at a desk, a basket may mix them; the others are acts of two people.
SOLD = ("credit", "account", "allowance", "charge")
WITHOUT_MONEY = ("free-issue", "replacement", "engineering", "key-change")
KINDS = (*SOLD, *WITHOUT_MONEY)
ENTRIES = {"credit": "vend", "allowance": "vend", "account": "top-up", "charge": "charge", "free-issue": "free-issue",
           "replacement": "replacement"}  # fmt: skip

PROGRAM = "api-key:"  # how the key of whoever sells begins when it is a program; sellers' money is spent by programs alone
_ORDER_ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

Legs = tuple[tuple[str, str, int], ...]


def is_order_id(text: str) -> bool:
    """A UUID as the pages and programs write it: what an order, a sale and an act are known by for ever."""
    return _ORDER_ID.match(text) is not None


@dataclass(frozen=True, slots=True)
class VendOrder:
    """One order. The id comes from the page, so a double click is one sale.

    `credit`: a meter, by money or by energy; to a meter whose credit is kept on the account it becomes a top-up. `account`:
    a top-up of the tenant's account by money, without a meter. `allowance`: the month's free units, without a purchase.
    `charge`: money without a token: `charge` is the code of a fee, "deposit", or "debt/" and which debt; a fee with a fixed
    price is sold `quantity` times, the others by money.
    """

    order_id: str
    meter: str = ""
    money_minor: int | None = None
    units: int | None = None
    kind: str = "credit"
    tenant: str = ""
    charge: str = ""
    quantity: int = 1
    register: str = ""  # the register of a meter that has several (rules.md 7)
    with_allowance: bool = True  # free units that are due come with the purchase, on a token of their own
    second_token: bool = (
        False  # what a step of the amount leaves over comes as a second small token, and is not kept
    )

    def asked(self) -> list[Any]:
        """What was asked for, in values that compare."""
        return [
            *(self.order_id, self.meter, self.money_minor, self.units, self.kind, self.tenant, self.charge),
            *(self.quantity, self.register, self.with_allowance, self.second_token),
        ]

    def check(self) -> None:
        if self.kind not in SOLD:
            raise InvalidInput(f"{self.kind!r} is not sold at a desk. Choose {', '.join(SOLD)}.", "kind")
        if not (self.meter or self.tenant):
            raise InvalidInput("Say for which meter or for which customer.", "meter")
        if self.kind == "credit" and (self.money_minor is None) == (self.units is None):
            raise InvalidInput("Say either how much money or how much energy, not both and not neither.")
        if self.kind == "allowance" and not (self.money_minor is None and self.units is None):
            raise InvalidInput("Free units have no amount: the tariff says how many there are.")
        if self.kind == "account" and (self.money_minor is None or self.units is not None):
            raise InvalidInput("An account is topped up by money.", "amount")
        if self.kind == "charge":
            if not self.charge:
                raise InvalidInput("Say which charge is paid.", "charge")
            if self.units is not None or not 1 <= self.quantity <= 1000:
                raise InvalidInput("A charge is paid in money, once or up to a thousand times.", "quantity")
        if self.money_minor is not None and self.money_minor <= 0:
            raise InvalidInput("An amount must be above zero.", "amount")


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
    most_minor: int | None = None  # what the API key that asks may sell at once

    def check(self) -> None:
        if not self.orders:
            raise BasketEmpty("Nothing is in the basket. Find a meter and type an amount first.")
        if len(self.orders) > 32:
            raise InvalidInput(
                "A basket holds at most 32 lines. Take money for these, then begin the next basket."
            )
        for name in (self.sale_id, *(order.order_id for order in self.orders)):
            if not is_order_id(name):
                raise OrderIdInvalid(
                    "An order needs an id of its own (a UUID). Open the till page anew and sell again."
                )
        if len({order.order_id for order in self.orders}) != len(self.orders):
            raise OrderIdInvalid(
                "Two orders of this basket carry the same id. Open the till page anew and sell again."
            )
        if self.is_of_seller and not self.cashier_key.startswith(PROGRAM):
            raise TenderUnknown(
                "A seller's money is spent by his own program alone. Choose another way.", "tender"
            )
        for order in self.orders:
            order.check()

    @property
    def is_of_seller(self) -> bool:
        """Whether a third-party seller's money pays; `till` is then his code."""
        return any(tender.way == SELLER for tender in self.tenders)

    def fingerprint(self) -> str:
        """What was asked for. The same sale id with another fingerprint is another sale, and is refused."""
        asked = [
            self.site,
            [order.asked() for order in self.orders],
            # What was due and not what was handed over: the same page sent again may find another price.
            [
                [tender.way, None if tender.way == "cash" else tender.received_minor]
                for tender in self.tenders
            ],
        ]
        return hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Buyer:
    """What the plan must know about the meter and its tenant. Without a meter its fields are empty."""

    meter_key: str
    pan: str
    service: str
    subclass: int
    tenant_key: str
    meter_class: str
    keying: dict[str, Any]
    kept_minor: int
    token_limit: int | None = None
    carries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Short:
    """How the order is booked when only the first so many of its credit tokens came."""

    tokens: int
    units: int
    returned_minor: int
    legs: Legs


@dataclass(frozen=True, slots=True)
class Settlement:
    """The entries that end an order, all of them fixed when the money is taken.

    `legs` when everything came; `shorts` when the module refused later credit tokens; `free` are the legs of the free
    units, which stand or fall on their own. `back` is the account to which the money goes when nothing comes; empty: it is
    kept for the customer.
    """

    legs: Legs
    free: Legs = ()
    shorts: tuple[Short, ...] = ()
    back: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"legs": [list(leg) for leg in self.legs]}
        if self.free:
            told["free"] = [list(leg) for leg in self.free]
        if self.shorts:
            told["shorts"] = [
                [one.tokens, one.units, one.returned_minor, [list(leg) for leg in one.legs]]
                for one in self.shorts
            ]
        if self.back:
            told["back"] = self.back
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Settlement:
        return cls(
            _legs_of(told["legs"]),
            _legs_of(told.get("free", [])),
            tuple(
                Short(tokens, units, returned, _legs_of(legs))
                for tokens, units, returned, legs in told.get("shorts", [])
            ),
            told.get("back", ""),
        )


def _legs_of(told: Sequence[Sequence[Any]]) -> Legs:
    return tuple((account, unit, amount) for account, unit, amount in told)


@dataclass(frozen=True, slots=True)
class Planned:
    """An order with everything decided: what is asked of the module, what is booked, what the slip says."""

    order_id: str
    kind: str
    buyer: Buyer
    quote: Quote | None
    lines: tuple[dict[str, Any], ...]
    settlement: Settlement
    pays_minor: int
    tariff_version: str = ""
    units_before: int = 0
    parts: tuple[Part, ...] = ()
    free_units: int = 0
    claim: tuple[str, str] | None = None  # entitlement and month of the free units
    # What it was counted from, so that anybody can count it again; and what else the slip says.
    priced: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return self.quote.units if self.quote is not None else 0

    @property
    def carried_minor(self) -> int:
        return self.quote.carried_minor if self.quote is not None else 0

    def content(self) -> dict[str, Any]:
        """This order's part of the canonical slip."""
        told: dict[str, Any] = {
            "order": self.order_id,
            "kind": self.kind,
            "meter": self.buyer.pan,
            "service": self.buyer.service,
            "units": self.units,
            "tariff": self.tariff_version,
            "paid_minor": self.pays_minor,
            "lines": [dict(line) for line in self.lines],
        }
        if self.free_units:
            told["free_units"] = self.free_units
        if len(self.parts) > 1:
            told["tokens"] = [[part.kind, part.units] for part in self.parts]
        if self.buyer.carries:
            told["carries"] = list(self.buyer.carries)
        return {**told, **self.facts}


def quote(
    tariff: Tariff,
    situation: Situation,
    buyer: Buyer,
    *,
    money_minor: int | None,
    units: int | None,
    second_token: bool = False,
) -> Quote | Refused:
    """The price of an order. What was kept from the last purchase is spent first."""
    most = splitting.most_units(buyer.token_limit)
    quantise = splitting.quantiser(buyer.token_limit, second_token=second_token)
    if units is not None:
        if units > most:
            return _too_large(tariff, most)
        return price_energy(tariff, situation, units, quantise=quantise)
    assert money_minor is not None
    bounded = replace(situation, most_units=most)
    quoted = price_money(tariff, bounded, money_minor + buyer.kept_minor, quantise=quantise)
    return _too_large(tariff, most) if isinstance(quoted, Quote) and quoted.units == most else quoted


def _too_large(tariff: Tariff, most: int) -> Refused:
    return Refused(
        "above_most_tokens",
        f"One order gives less than {most // 10:,}.{most % 10} {tariff.unit} to this meter. Check the number of digits, or "
        "sell in two orders.",
    )


def pays(quoted: Quote, buyer: Buyer) -> int:
    """What the customer hands over: the price less what was kept for him, never below zero."""
    return max(quoted.paid_minor - buyer.kept_minor, 0)


def plan_vend(
    order: VendOrder,
    buyer: Buyer,
    quoted: Quote,
    tariff_version: str,
    situation: Situation,
    *,
    free: Quote | None = None,
    claim: tuple[str, str] | None = None,
) -> Planned:
    """A purchase of energy for a token meter, with the free units that come with it."""
    paid = pays(quoted, buyer)
    kept_spent = quoted.paid_minor - paid
    free_units = free.units if free is not None else 0
    credits = splitting.split(quoted.units, buyer.token_limit)
    parts = credit_parts(
        order.order_id,
        [("allowance", free_units)] * bool(free_units) + [("credit", units) for units in credits],
        service=buyer.service,
        subclass=buyer.subclass,
        meter_class=buyer.meter_class,
    )
    full = credit_legs(buyer, quoted, paid)
    return Planned(
        order.order_id,
        "credit",
        buyer,
        quoted,
        (*_lines(quoted, kept_spent), *(_free_line(free) if free is not None else ())),
        Settlement(
            full, energy_legs(buyer, "free", free_units), _shorts(buyer, quoted, situation, paid, credits)
        ),
        paid,
        tariff_version,
        situation.units_before,
        parts,
        free_units,
        claim,
        priced.stored(
            situation,
            money_minor=order.money_minor,
            units=order.units,
            kept_minor=buyer.kept_minor,
            token_limit=buyer.token_limit,
            second_token=order.second_token,
        ),
    )


def plan_allowance(
    order: VendOrder,
    buyer: Buyer,
    free: Quote,
    tariff_version: str,
    units_before: int,
    claim: tuple[str, str],
) -> Planned:
    """The month's free units alone: a token, and nothing to pay."""
    parts = credit_parts(
        order.order_id,
        [("allowance", free.units)],
        service=buyer.service,
        subclass=buyer.subclass,
        meter_class=buyer.meter_class,
    )
    return Planned(
        order.order_id,
        "allowance",
        buyer,
        None,
        _free_line(free),
        Settlement((), energy_legs(buyer, "free", free.units)),
        0,
        tariff_version,
        units_before,
        parts,
        free.units,
        claim,
    )


def plan_top_up(order: VendOrder, buyer: Buyer, currency: str, tenant: str, before_minor: int) -> Planned:
    """Money onto the tenant's account, where his meters' credit is kept. `tenant` is his number on paper."""
    assert order.money_minor is not None
    paid = order.money_minor
    after = before_minor + paid
    line = {
        "id": "top-up", "kind": "account", "label": "To the account", "why": "", "amount_minor": paid,
    }  # fmt: skip
    return Planned(
        order.order_id,
        "account",
        buyer,
        None,
        (line,),
        Settlement(
            ((held(buyer.tenant_key), currency, paid), (f"customer/{buyer.tenant_key}", currency, -paid))
        ),
        paid,
        facts={"tenant": tenant, "account": {"before_minor": before_minor, "after_minor": after}},
    )


def plan_charge(
    order: VendOrder,
    buyer: Buyer,
    currency: str,
    tenant: str,
    postings: Sequence[tuple[str, int]],
    lines: tuple[dict[str, Any], ...],
    told: dict[str, Any],
) -> Planned:
    """Money without a token: a fee, a debt, a deposit (rules.md 20). `postings` are what it is booked to, above zero."""
    paid = sum(minor for _account, minor in postings)
    legs = (
        (held(buyer.tenant_key), currency, paid),
        *((account, currency, -minor) for account, minor in postings),
    )
    return Planned(
        order.order_id,
        "charge",
        buyer,
        None,
        lines,
        Settlement(legs),
        paid,
        facts={"tenant": tenant, "charge": order.charge, **told},
    )


def credit_legs(buyer: Buyer, quoted: Quote, paid: int) -> Legs:
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
    return (*legs, *energy_legs(buyer, "sold", quoted.units))


def energy_legs(buyer: Buyer, where: str, units: int) -> Legs:
    """Energy is a second commodity with books of its own: what the meter may use against how it was given."""
    if not units:
        return ()
    return (
        (f"energy/meter/{buyer.meter_key}", buyer.service, units),
        (f"energy/{where}/{buyer.service}", buyer.service, -units),
    )


def _shorts(
    buyer: Buyer, quoted: Quote, situation: Situation, paid: int, credits: tuple[int, ...]
) -> tuple[Short, ...]:
    """What the same money buys when only the first token comes, the first two, and so on: the rest of it is kept."""
    shorts = []
    for tokens in range(1, len(credits)):
        units = sum(credits[:tokens])
        bounded = replace(situation, most_units=units)
        less = price_money(quoted.tariff, bounded, quoted.paid_minor, quantise=lambda some, _rounding: some)
        assert isinstance(less, Quote), "less energy costs no more than more of it"
        shorts.append(
            Short(
                tokens, less.units, less.carried_minor - quoted.carried_minor, credit_legs(buyer, less, paid)
            )
        )
    return tuple(shorts)


def paid_by_seller(plan: Planned, account: str, earns: Callable[[int], Legs]) -> Planned:
    """The same order, paid from a third-party seller's account: he earns by what is released, and has his money back when
    nothing is, because it is he who stands before the customer."""
    settlement = plan.settlement
    return replace(
        plan,
        settlement=replace(
            settlement,
            legs=(*settlement.legs, *earns(plan.pays_minor)),
            shorts=tuple(
                replace(one, legs=(*one.legs, *earns(plan.pays_minor - one.returned_minor)))
                for one in settlement.shorts
            ),
            back=account,
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


def refund_legs(paid_minor: int, currency: str, tenant_key: str, back: str = "") -> Legs:
    """When no token comes: the money stays the customer's, and his next purchase spends it first; or it goes `back` to the
    third-party seller who paid."""
    return ((held(tenant_key), currency, paid_minor), (back or f"kept/{tenant_key}", currency, -paid_minor))


def suspense_legs(settlement: Legs, order_id: str) -> Legs:
    """A booking that always works: what was paid goes to suspense under the order's name, the energy is booked as sold."""
    money = tuple(
        (account, unit, amount) for account, unit, amount in settlement if account.startswith("held/")
    )
    energy = tuple(leg for leg in settlement if leg[0].startswith("energy/"))
    return (*money, *((f"suspense/{order_id}", unit, -amount) for _account, unit, amount in money), *energy)


def _free_line(free: Quote) -> tuple[dict[str, Any], ...]:
    return tuple({**_line(line), "kind": "allowance"} for line in free.lines)


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

"""A receipt counted again from what is stored: the tariff's version, the situation, what was asked. To the same cent.

The lines of a slip are what pricing said on the day. Here pricing says it again, from the facts kept beside each order
(`vends/priced.py`) and the version that the slip names, and both are compared figure by figure. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from vending.languages import Tongue
from vending.receipts import counting
from vending.receipts.service import version_of
from vending.tariffs.quote import Quote
from vending.vends import priced
from vending.vends.plan import Buyer, VendOrder, plan_vend, quote
from vending.vends.queries import SaleView, VendView


@dataclass(frozen=True, slots=True)
class Recount:
    """One order: what the slip says, what counting again says, and where they differ."""

    order: str
    title: str
    facts: tuple[str, ...]
    lines: tuple[dict[str, Any], ...]
    paid_minor: int
    again_minor: int | None  # none: no tariff priced it
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def recount(session: Session, sale: SaleView, spoken: Tongue) -> list[Recount]:
    orders = {order["order"]: order for order in sale.content["orders"]}
    return [_recount(session, sale, vend, orders[vend.order_id], spoken) for vend in sale.vends]


def _recount(
    session: Session, sale: SaleView, vend: VendView, order: dict[str, Any], spoken: Tongue
) -> Recount:
    lines = tuple(order["lines"])
    title = f"{vend.pan} {spoken.service_name(vend.service)}" if vend.pan else vend.kind
    total = sum(line["amount_minor"] for line in lines)
    differences = []
    if total != order["paid_minor"]:
        differences.append(
            f"the lines sum to {spoken.money(total, sale.currency)}, "
            f"the order says {spoken.money(order['paid_minor'], sale.currency)}"
        )
    facts: tuple[str, ...] = ()
    again = None
    if vend.priced and vend.tariff_version:
        facts = tuple(_facts(vend, sale.currency, spoken))
        planned = _planned(session, vend)
        if planned is None:
            differences.append("counted again, this tariff sells nothing for that")
        else:
            again, counted, units = planned
            differences += _compare(
                tuple(line for line in lines if line["kind"] != "allowance"), counted, sale.currency, spoken
            )
            if units != order["units"]:
                differences.append(
                    f"units: {spoken.units(order['units'])} on the slip, {spoken.units(units)} counted again"
                )
            if again != order["paid_minor"]:
                differences.append(
                    f"paid: {spoken.money(order['paid_minor'], sale.currency)} on the slip, "
                    f"{spoken.money(again, sale.currency)} counted again"
                )
    return Recount(vend.order_id, title, facts, lines, order["paid_minor"], again, tuple(differences))


def _planned(session: Session, vend: VendView) -> tuple[int, tuple[dict[str, Any], ...], int] | None:
    """Money, lines and units of the same order, counted now."""
    stored = vend.priced
    version = version_of(session, vend.tariff_version)
    situation = priced.situation_of(stored)
    buyer = Buyer(
        vend.meter_key, vend.pan, vend.service, 0, vend.tenant_key or "", "", vend.keying,
        stored["kept_minor"], stored.get("token_limit"),
    )  # fmt: skip
    second = bool(stored.get("second_token"))
    money, units = stored.get("money_minor"), stored.get("units")
    found = quote(version.tariff, situation, buyer, money_minor=money, units=units, second_token=second)
    if not isinstance(found, Quote):
        return None
    asked = VendOrder(vend.order_id, vend.meter_key, money_minor=money, units=units, second_token=second)
    planned = plan_vend(asked, buyer, found, vend.tariff_version, situation)
    return planned.pays_minor, planned.lines, found.units


def _compare(
    said: tuple[dict[str, Any], ...], counted: tuple[dict[str, Any], ...], code: str, spoken: Tongue
) -> Iterator[str]:
    again = {line["id"]: line for line in counted}
    for line in said:
        other = again.pop(line["id"], None)
        if other is None:
            yield f"{line['label']}: on the slip, not counted again"
        elif other != line:
            yield (
                f"{line['label']}: {spoken.money(line['amount_minor'], code)} on the slip, "
                f"{spoken.money(other['amount_minor'], code)} counted again"
            )
    for line in again.values():
        yield f"{line['label']}: counted again, not on the slip"


def _facts(vend: VendView, code: str, spoken: Tongue) -> Iterator[str]:
    """The stored inputs in words."""
    stored = vend.priced
    if "money_minor" in stored:
        yield f"asked for {spoken.total(stored['money_minor'], code)}"
    if "units" in stored:
        yield f"asked for {spoken.units(stored['units'])} units"
    if stored["kept_minor"]:
        yield f"{spoken.total(stored['kept_minor'], code)} kept from before"
    for name, sentence in (
        ("units_before", "{} units bought in the window before"),
        ("months_due", "{} months of fixed charges due"),
        ("days_due", "{} days of fixed charges due"),
        ("channel", "paid by {}"),
        ("season", "season {}"),
        ("area_m2", "{} m²"),
    ):
        if stored.get(name):
            value = spoken.units(stored[name]) if name == "units_before" else stored[name]
            yield sentence.format(value)
    for debt in stored.get("debts", ()):
        yield f"{debt['label']}: {spoken.total(debt['owed_minor'], code)} owed"


def told(session: Session, sale: SaleView, spoken: Tongue) -> tuple[list[str], bool]:
    """The derivation in lines, and whether it ends with the same cent."""
    code = sale.currency
    lines = [f"Receipt {sale.receipt}, {sale.content['sold_at']}: {spoken.total(sale.total_minor, code)}"]
    same = True
    for one in recount(session, sale, spoken):
        vend = next(vend for vend in sale.vends if vend.order_id == one.order)
        lines += ["", f"{one.title}: {spoken.total(one.paid_minor, code)}"]
        if vend.tariff_version:
            version = version_of(session, vend.tariff_version)
            lines.append(f"  tariff {vend.tariff_version} ({version.name}), document {version.hash[:16]}")
        lines += [f"  {fact}" for fact in one.facts]
        for line in one.lines:
            amount = spoken.money(line["amount_minor"], code)
            lines.append(f"  {counting.label(spoken, line):<32} {amount:>16}")
            lines += [f"      {step}" for step in counting.steps(spoken, line, code)]
        total = sum(line["amount_minor"] for line in one.lines)
        lines.append(f"  {'sum':<32} {spoken.money(total, code):>16}")
        if one.differences:
            same = False
            lines += [f"  DIFFERS: {difference}" for difference in one.differences]
        elif one.again_minor is not None:
            lines.append(f"  {'counted again':<32} {spoken.money(one.again_minor, code):>16}")
    total = sum(vend.paid_minor for vend in sale.vends)
    if total != sale.total_minor:
        same = False
        lines.append(f"DIFFERS: the orders sum to {spoken.total(total, code)}")
    lines += ["", f"The same to the cent: {spoken.total(total, code)}." if same else "NOT THE SAME."]
    return lines, same

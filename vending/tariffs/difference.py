"""What changes from one tariff to another, in words: for the two people who approve, and for the tenants' notice. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

from vending.tariffs.charges import (
    AnyCharge,
    Block,
    Blocks,
    Daily,
    Monthly,
    PerArea,
    Percent,
    PerSale,
    PerUnit,
)
from vending.tariffs.document import Document
from vending.tariffs.structure import Tariff
from vending.tariffs.text import number, of_calendar, of_charge, of_deduction


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` or `after` is empty where something is new or gone; `percent` where it is one number."""

    what: str
    before: str
    after: str
    percent: Decimal | None = None

    def __str__(self) -> str:
        if not self.before:
            return f"{self.what}: new, {self.after}"
        if not self.after:
            return f"{self.what}: gone, was {self.before}"
        moved = f" ({self.percent:+f} %)" if self.percent is not None else ""
        return f"{self.what}: {self.before} → {self.after}{moved}"


def differences(old: Document, new: Document) -> list[Change]:
    """Everything that differs, in the order of the newer tariff; empty for equal tariffs."""
    found = _of_head(old, new)
    before = {charge.id: charge for charge in old.tariff.charges}
    for charge in new.tariff.charges:
        earlier = before.pop(charge.id, None)
        if earlier is None:
            found.append(Change(charge.label, "", of_charge(new.tariff, charge)))
        elif earlier != charge:
            found += _of_charge(old.tariff, earlier, new.tariff, charge)
    found += [Change(charge.label, of_charge(old.tariff, charge), "") for charge in before.values()]
    if [charge.id for charge in old.tariff.charges if charge.id not in before] != [
        charge.id for charge in new.tariff.charges if charge.id in {one.id for one in old.tariff.charges}
    ]:
        found.append(Change("Order of charges", _order(old.tariff), _order(new.tariff)))
    found += _of_rest(old.tariff, new.tariff)
    return found


def _order(tariff: Tariff) -> str:
    return ", ".join(charge.id for charge in tariff.charges)


HEAD = {
    "name": "Name",
    "service": "Service",
    "unit": "Unit",
    "currency": "Currency",
    "counter": "Counter of the blocks",
    "counts_free": "Free units count in the blocks",
    "rounding": "Rounding",
    "decimals": "Decimals of energy",
    "most_months_due": "Months of fixed charges that may pile up",
    "least_purchase": "Smallest purchase",
    "most_purchase": "Largest purchase",
    "note": "Note",
}


def _of_head(old: Document, new: Document) -> list[Change]:
    found = []
    for name, label in HEAD.items():
        before, after = getattr(old.tariff, name), getattr(new.tariff, name)
        if before != after:
            found.append(Change(label, _shown(before), _shown(after)))
    if old.valid_from != new.valid_from:
        found.append(Change("Valid from", str(old.valid_from), str(new.valid_from)))
    if old.valid_until != new.valid_until:
        found.append(
            Change("Valid until", str(old.valid_until or "replaced"), str(new.valid_until or "replaced"))
        )
    return found


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return number(value)
    return "none" if value is None or value == "" else str(value)


def _of_charge(old: Tariff, before: AnyCharge, new: Tariff, after: AnyCharge) -> list[Change]:
    """Block by block and rate by rate where the shape is the same; as a whole where it is not."""
    if (
        isinstance(before, Blocks)
        and isinstance(after, Blocks)
        and _tops(before.blocks) == _tops(after.blocks)
    ):
        found = [
            _moved(f"{after.label}, block {place}", one.rate, other.rate)
            for place, (one, other) in enumerate(zip(before.blocks, after.blocks, strict=True), 1)
            if one.rate != other.rate
        ]
        if dataclasses.replace(before, blocks=after.blocks) == after:
            return found
        return [*found, Change(after.label, of_charge(old, before), of_charge(new, after))]
    single = {
        PerUnit: "rate",
        Monthly: "amount",
        Daily: "amount",
        PerSale: "amount",
        PerArea: "rate",
        Percent: "percent",
    }
    name = single.get(type(after))
    if type(before) is type(after) and name is not None:
        moved = dataclasses.replace(before, **{name: getattr(after, name)})
        if moved == after:
            return [_moved(after.label, getattr(before, name), getattr(after, name))]
    told = of_charge(old, before), of_charge(new, after)
    if told[0] == told[1]:
        told = (
            f"{before.label}, booked to {before.account or 'the usual account'}",
            f"{after.label}, booked to {after.account or 'the usual account'}",
        )
    return [Change(after.label, *told)]


def _tops(blocks: tuple[Block, ...]) -> list[Decimal | None]:
    return [block.upto for block in blocks]


def _moved(what: str, before: Decimal, after: Decimal) -> Change:
    percent = ((after - before) * 100 / abs(before)).quantize(Decimal("0.1")) if before else None
    return Change(what, number(before), number(after), percent)


def _of_rest(old: Tariff, new: Tariff) -> list[Change]:
    found = []
    if old.included != new.included:
        found.append(
            Change(
                "Taxes contained",
                "; ".join(f"{tax.label} {number(tax.percent)} %" for tax in old.included) or "none",
                "; ".join(f"{tax.label} {number(tax.percent)} %" for tax in new.included) or "none",
            )
        )
    if old.deductions != new.deductions:
        found.append(
            Change(
                "Deductions before energy",
                "; ".join(of_deduction(old, step) for step in old.deductions) or "none",
                "; ".join(of_deduction(new, step) for step in new.deductions) or "none",
            )
        )
    if old.allowance != new.allowance:
        found.append(Change("Free allowance", _of_allowance(old), _of_allowance(new)))
    if old.calendar != new.calendar:
        found.append(
            Change(
                "Calendar",
                " ".join(of_calendar(old.calendar)) if old.calendar else "none",
                " ".join(of_calendar(new.calendar)) if new.calendar else "none",
            )
        )
    return found


def _of_allowance(tariff: Tariff) -> str:
    free = tariff.allowance
    if free is None:
        return "none"
    return f"{number(free.units)} {tariff.unit}, {'counted' if free.counted else 'not counted'} in the blocks"

"""What a tariff must know about the customer, the meter and the month, besides the money: facts, gathered by the caller.

Nothing here is looked up. Energy is in the tariff's steps, money in minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from vending.tariffs.errors import SituationIncomplete


@dataclass(frozen=True, slots=True)
class Plan:
    """How one debt is paid off at sales; it wins over the tariff's own rule. 30 means thirty per cent."""

    percent: Decimal | None = None
    instalment_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Debt:
    """Something that the buyer owes. Debts are recovered in the order given."""

    key: str
    label: str
    owed_minor: int
    plan: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`units_before`: the counter of the window before this sale (`calendar.counter_window`).

    `months_due` and `days_due`: fixed charges not yet taken (`calendar.months_due`, `days_due`). `bill`: a bill and not
    a sale, so that charges collected elsewhere are included.
    """

    units_before: int = 0
    months_due: int = 0
    days_due: int = 0
    category: str = ""
    season: str = ""
    variant: str = ""
    channel: str = ""
    area_m2: Decimal | None = None
    debts: tuple[Debt, ...] = ()
    outstanding_fixed_minor: int = 0
    most_units: int | None = None
    readings: Mapping[str, Decimal] = field(default_factory=dict)
    by_period: Mapping[str, int] | None = None
    bill: bool = False

    def __post_init__(self) -> None:
        assert self.units_before >= 0, "a counter does not run below zero"
        assert self.months_due >= 0, "months due are counted from zero"
        assert self.days_due >= 0, "days due are counted from zero"
        assert self.outstanding_fixed_minor >= 0, "an outstanding charge is not a credit"
        assert all(debt.owed_minor >= 0 for debt in self.debts), "a debt below zero is a credit"

    def reading(self, name: str, label: str) -> Fraction:
        if name not in self.readings:
            raise SituationIncomplete(
                f"{label} needs the reading {name}, which is missing for this period.", name
            )
        return Fraction(self.readings[name])

    def periods(self, label: str) -> Mapping[str, int]:
        if self.by_period is None:
            raise SituationIncomplete(
                f"{label} is priced by time of use and needs the energy of each period.", "by_period"
            )
        return self.by_period

"""The parts a tariff is made of: one frozen value per way of charging, named as the published tariffs name them.

This file says what can be written down, not what it costs: the arithmetic is in `pricing.py`, the words are in
`text.py`, the checks over a whole tariff in `structure.py`.

Rates are Decimal in the tariff's currency (not in minor units) per unit of the service (kWh, kl, m3). They are never
rounded. A tariff index of the STS key (TI) is something else altogether and appears nowhere here (rules.md 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Block:
    """One step of a ladder: from the previous `upto` (exclusive) to its own (inclusive); None has no end."""

    upto: Decimal | None
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What every line of a tariff has. `account` is where the money is booked; empty takes the chart's usual place."""

    id: str
    label: str
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUnit(Charge):
    """One rate for every unit. May be negative (a rebate by the unit). `waived_upto`: nothing while the period is small."""

    rate: Decimal
    waived_upto: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks(Charge):
    """Tiers: each unit is priced by the block in which the period's counter stands when it is bought."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByCategory(Charge):
    """One rate for all units, chosen by a dated fact about the customer (lifeline, ordinary, feeder band)."""

    rates: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPeriod(Charge):
    """Time of use: a rate for each period of the calendar. Account meters only: a unit token carries no time."""

    rates: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BySeasonAndPeriod(Charge):
    """Time of use as a product: base rate x season factor x period factor, multiplied without rounding in between."""

    rate: Decimal
    seasons: tuple[tuple[str, Decimal], ...]
    periods: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSlab(Charge):
    """The total of the period picks one rate for all its units, so that one unit more can cost a jump."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksThenSlab(Charge):
    """Tiers up to a limit; above it a whole slab for every unit (Kerala)."""

    blocks: tuple[Block, ...]
    slabs: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly(Charge):
    """A fixed amount for each month due. `at_sale` False: it lives on another account and is only billed."""

    amount: Decimal
    at_sale: bool = True
    waived_upto: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyByUnits(Charge):
    """A fixed amount for the month that depends on how much was used, one column for each variant of supply."""

    steps: tuple[tuple[str, tuple[Block, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily(Charge):
    """A fixed amount for each day since the last purchase (or of the bill)."""

    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerSale(Charge):
    """A fixed amount for each purchase."""

    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerArea(Charge):
    """An amount for each square metre of the lease and month due."""

    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerCapacity(Charge):
    """An amount for each unit of a contracted figure (kVA of transformer, kW of sanctioned load) and month due."""

    rate: Decimal
    reading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand(Charge):
    """An amount for each unit of the highest demand of the period. Account meters only.

    `within` names the calendar's periods in which demand counts (none named: all), `interval_minutes` how long a demand
    must last. Both tell the rating of readings what to measure; pricing takes the result as a reading.
    """

    rate: Decimal
    reading: str
    interval_minutes: int = 30
    within: tuple[str, ...] = ()
    whole_up: bool = False
    least: Decimal = Decimal(0)
    least_charge: Decimal = Decimal(0)
    power_factor_floor: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessDemand(Charge):
    """What demand above the contract pays: rate x surcharge for each unit in excess."""

    rate: Decimal
    reading: str
    contract: str
    surcharge: Decimal
    whole_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent(Charge):
    """A share of named lines: a tax, a levy, a fee, or a rebate when negative. 15 means fifteen per cent."""

    percent: Decimal
    of: tuple[str, ...]
    tax: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentGiven(Charge):
    """A share whose size is measured and not written in the tariff (power factor adjustment)."""

    reading: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(Charge):
    """Tops named lines up to an amount, or to a figure from history (ratchet). Account meters only."""

    of: tuple[str, ...]
    amount: Decimal = Decimal(0)
    reading: str = ""


AnyCharge = (
    PerUnit
    | Blocks
    | ByCategory
    | ByPeriod
    | BySeasonAndPeriod
    | WholeSlab
    | BlocksThenSlab
    | Monthly
    | MonthlyByUnits
    | Daily
    | PerSale
    | PerArea
    | PerCapacity
    | Demand
    | ExcessDemand
    | Percent
    | PercentGiven
    | Minimum
)

# The word that a tariff file uses for each way of charging. The order is the order of the guide.
KINDS: dict[str, type[AnyCharge]] = {
    "per_unit": PerUnit,
    "blocks": Blocks,
    "by_category": ByCategory,
    "by_period": ByPeriod,
    "by_season_and_period": BySeasonAndPeriod,
    "whole_slab": WholeSlab,
    "blocks_then_slab": BlocksThenSlab,
    "monthly": Monthly,
    "monthly_by_units": MonthlyByUnits,
    "daily": Daily,
    "per_sale": PerSale,
    "per_area": PerArea,
    "per_capacity": PerCapacity,
    "demand": Demand,
    "excess_demand": ExcessDemand,
    "percent": Percent,
    "percent_given": PercentGiven,
    "minimum": Minimum,
}

KIND_OF: dict[type[AnyCharge], str] = {charge: kind for kind, charge in KINDS.items()}

# Lines that are paid for energy, as against fixed amounts, shares and top-ups.
ENERGY: tuple[type[AnyCharge], ...] = (
    PerUnit,
    Blocks,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    WholeSlab,
    BlocksThenSlab,
)
FIXED: tuple[type[AnyCharge], ...] = (Monthly, MonthlyByUnits, Daily, PerSale, PerArea, PerCapacity)

# What a unit-token meter cannot carry, and why (rules.md 4). The words end a sentence.
ACCOUNT_ONLY: dict[type[AnyCharge], str] = {
    ByPeriod: "time of use: a unit token carries no time",
    BySeasonAndPeriod: "time of use: a unit token carries no time",
    WholeSlab: "a whole-month slab: one unit more may raise the price of all earlier ones",
    BlocksThenSlab: "a whole-month slab: one unit more may raise the price of all earlier ones",
    MonthlyByUnits: "a fixed charge that depends on the whole month's use",
    Demand: "demand, which is only known after the month",
    ExcessDemand: "demand, which is only known after the month",
    PercentGiven: "a share that is measured after the month",
    Minimum: "a monthly minimum, which is only known after the month",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedTax:
    """A tax that is already inside the prices of the named lines: it is shown and booked, not added."""

    id: str
    label: str
    percent: Decimal
    of: tuple[str, ...]
    account: str = ""


# --- what is taken from the money before the tariff, in the order written -------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFee:
    """A share of the money tendered, by the way in which it was paid. `tax_inside`: percent contained in the fee."""

    percent: tuple[tuple[str, Decimal], ...]
    label: str = "Channel fee"
    tax_inside: Decimal = Decimal(0)
    tax_account: str = "tax/vat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrears:
    """How debts are recovered at a sale: a share, an instalment, or both limits; a debt's own plan wins over it.

    `floor_units` (in whole units of the service) and `floor_percent` (of the money tendered) are left for energy, so
    that something is always bought. `required`: no unit is sold before the instalment is paid.
    """

    percent: Decimal | None = None
    base: str = "tendered"
    instalment: Decimal | None = None
    most: Decimal | None = None
    floor_percent: Decimal = Decimal(0)
    floor_units: Decimal = Decimal(0)
    required: bool = False
    label: str = "Arrears"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFixed:
    """Fixed charges of the months due are shared with energy when the purchase is small (City Power).

    Below `in_full_from` they become a debt of the meter, of which at most `percent` of each tender is taken.
    """

    percent: Decimal
    in_full_from: Decimal
    label: str = "Fixed charges outstanding"


AnyDeduction = ChannelFee | Arrears | SplitFixed

DEDUCTIONS: dict[str, type[AnyDeduction]] = {
    "channel_fee": ChannelFee,
    "arrears": Arrears,
    "split_fixed": SplitFixed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAllowance:
    """Units that are free once in each calendar month, on a token and line of their own, with or without a purchase."""

    units: Decimal
    label: str = "Free allowance"
    counted: bool = False

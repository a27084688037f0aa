"""Quotes and refusals word for word: each line with its parts, each deduction, each reason."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from vending.tariffs.allowance import price_free
from vending.tariffs.charges import (
    AnyCharge,
    AnyDeduction,
    Arrears,
    Block,
    Blocks,
    BlocksThenSlab,
    ByCategory,
    ByPeriod,
    BySeasonAndPeriod,
    ChannelFee,
    Daily,
    Demand,
    ExcessDemand,
    FreeAllowance,
    IncludedTax,
    Minimum,
    Monthly,
    MonthlyByUnits,
    PerArea,
    PerCapacity,
    Percent,
    PercentGiven,
    PerSale,
    PerUnit,
    SplitFixed,
    WholeSlab,
)
from vending.tariffs.errors import NetRateNegative, SituationIncomplete
from vending.tariffs.pricing import Line, Part, Quote, Refused, price_energy, price_money
from vending.tariffs.program import Ladder
from vending.tariffs.situation import Debt, Plan, Situation
from vending.tariffs.structure import Tariff

D = Decimal
ENERGY = PerUnit(id="energy", label="Energy", rate=D("2.5"))
VAT = Percent(id="vat", label="VAT", percent=D(15), of=("energy",), tax=True)
NOW = Situation()


def tariff(*charges: AnyCharge, **rest: Any) -> Tariff:
    head: dict[str, Any] = {
        "code": "shops", "name": "Shops", "service": "electricity", "unit": "kWh", "currency": "ZAR", "minor_digits": 2,
        "counter": "month",
    }  # fmt: skip
    return Tariff(charges=charges or (ENERGY,), **(head | rest))


def sold(quote: Quote | Refused) -> Quote:
    assert isinstance(quote, Quote), quote
    return quote


def test_a_quote_has_every_line_in_words_and_numbers() -> None:
    quote = sold(price_money(tariff(ENERGY, VAT), NOW, 10_000))
    assert (quote.units, quote.paid_minor, quote.carried_minor, quote.cost_minor) == (347, 10_000, 24, 9976)
    assert quote.lines == (
        Line("energy", "energy", "Energy", 8675, "sales/electricity", (Part(D("34.7"), "kWh", D("2.5")),)),
        Line("vat", "tax", "VAT", 1301, "tax/vat", (), D(15), 8675, ("energy",)),
    )
    assert quote.lines[0].quantity == D("34.7")
    assert quote.lines[0].rate == D("2.5")
    assert quote.lines[1].quantity is None
    assert quote.lines[1].rate is None
    assert (quote.deductions, quote.inside, quote.raised, quote.outstanding_fixed_minor) == ((), (), (), 0)
    assert quote.postings() == (("sales/electricity", 8675), ("tax/vat", 1301))


def test_blocks_tell_their_parts() -> None:
    ladder = Blocks(
        id="energy", label="Energy", blocks=(Block(D(100), D(1)), Block(D(200), D(2)), Block(None, D(3)))
    )
    line = sold(price_energy(tariff(ladder), Situation(units_before=900), 1500)).lines[0]
    assert line.parts == (
        Part(D("10.0"), "kWh", D(1), "block 1"),
        Part(D("100.0"), "kWh", D(2), "block 2"),
        Part(D("40.0"), "kWh", D(3), "block 3"),
    )
    assert line.amount_minor == 33_000
    assert (line.quantity, line.rate) == (D(150), None)
    assert sold(price_energy(tariff(ladder), NOW, 1000)).lines[0].parts == (
        Part(D("100.0"), "kWh", D(1), "block 1"),
    )
    only = replace(ladder, blocks=(Block(None, D(3)),))
    assert sold(price_energy(tariff(only), NOW, 10)).lines[0].parts == (Part(D("1.0"), "kWh", D(3), ""),)


FIXED: list[tuple[AnyCharge, Situation, int, str, str, tuple[Part, ...]]] = [
    (
        Monthly(id="it", label="It", amount=D(70)), Situation(months_due=2), 14_000, "fixed", "sales/fixed",
        (Part(D(2), "month", D(70)),),
    ),
    (
        Daily(id="it", label="It", amount=D("0.515")), Situation(days_due=3), 155, "fixed", "sales/fixed",
        (Part(D(3), "day", D("0.515")),),
    ),
    (PerSale(id="it", label="It", amount=D(2)), NOW, 200, "fixed", "sales/fixed", (Part(D(1), "purchase", D(2)),)),
    (
        PerArea(id="it", label="It", rate=D("1.85")), Situation(months_due=2, area_m2=D("120.5")), 44_585, "fixed",
        "sales/fixed", (Part(D("241.0"), "m²", D("1.85")),),
    ),
    (
        PerCapacity(id="it", label="It", rate=D(24), reading="kva"),
        Situation(months_due=2, readings={"kva": D("31.5")}), 151_200, "fixed", "sales/fixed",
        (Part(D("63.0"), "kva", D(24)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw"), Situation(readings={"kw": D("10.25")}), 41_000, "demand",
        "sales/demand", (Part(D("10.25"), "kw", D(40)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw", whole_up=True), Situation(readings={"kw": D("10.25")}),
        44_000, "demand", "sales/demand", (Part(D(11), "kw", D(40)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw", least=D(20)), Situation(readings={"kw": D("10.25")}),
        80_000, "demand", "sales/demand", (Part(D(20), "kw", D(40)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw", least_charge=D(500)),
        Situation(readings={"kw": D("10.25")}), 50_000, "demand", "sales/demand", (Part(D("10.25"), "kw", D(40)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw", power_factor_floor=D("0.9")),
        Situation(readings={"kw": D(10), "power_factor": D("0.8")}), 44_000, "demand", "sales/demand",
        (Part(D(11), "kw", D(40)),),
    ),
    (
        Demand(id="it", label="It", rate=D(40), reading="kw", power_factor_floor=D("0.9")),
        Situation(readings={"kw": D(10), "power_factor": D("0.95")}), 40_000, "demand", "sales/demand",
        (Part(D(10), "kw", D(40)),),
    ),
    (
        ExcessDemand(id="it", label="It", rate=D(250), reading="kw", contract="signed", surcharge=D("0.3")),
        Situation(readings={"kw": D(34), "signed": D(30)}), 30_000, "demand", "sales/demand",
        (Part(D(34), "kw", D(250)),),
    ),
    (
        ExcessDemand(id="it", label="It", rate=D(250), reading="kw", contract="signed", surcharge=D("0.3")),
        Situation(readings={"kw": D(29), "signed": D(30)}), 0, "demand", "sales/demand",
        (Part(D(29), "kw", D(250)),),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("charge", "situation", "amount", "kind", "account", "parts"), FIXED)
def test_fixed_and_demand_charges(
    charge: AnyCharge, situation: Situation, amount: int, kind: str, account: str, parts: tuple[Part, ...]
) -> None:
    quote = sold(price_energy(tariff(charge, ENERGY), situation, 10))
    assert quote.lines[0] == Line("it", kind, "It", amount, account, parts)
    assert quote.paid_minor == amount + 250


PERIODS = ByPeriod(id="it", label="It", rates=(("peak", D(3)), ("flat", D(2)), ("valley", D(1))))
SEASONS = BySeasonAndPeriod(
    id="it", label="It", rate=D(2), seasons=(("wet", D("0.9")), ("dry", D("1.2"))), periods=(("peak", D("1.5")), ("flat", D(1)))
)  # fmt: skip
CATEGORIES = ByCategory(id="it", label="It", rates=(("small", D(1)), ("large", D(2))))
SLAB = WholeSlab(id="it", label="It", blocks=(Block(D(10), D(1)), Block(None, D(2))))
THEN = BlocksThenSlab(
    id="it", label="It", blocks=(Block(D(5), D(1)), Block(D(10), D(2))), slabs=(Block(D(20), D("1.8")), Block(None, D(3)))
)  # fmt: skip


def test_time_of_use_is_a_sum_of_periods() -> None:
    situation = Situation(by_period={"peak": 10, "flat": 20, "valley": 0})
    assert sold(price_energy(tariff(PERIODS), situation, 30)).lines == (
        Line(
            "it", "energy", "It", 700, "sales/electricity",
            (Part(D("1.0"), "kWh", D(3), "peak"), Part(D("2.0"), "kWh", D(2), "flat")),
        ),
    )  # fmt: skip


def test_seasons_and_periods_are_a_product() -> None:
    situation = Situation(by_period={"peak": 10, "flat": 5}, season="dry")
    assert sold(price_energy(tariff(SEASONS), situation, 15)).lines == (
        Line(
            "it", "energy", "It", 480, "sales/electricity",
            (Part(D("1.0"), "kWh", D("3.60"), "dry peak"), Part(D("0.5"), "kWh", D("2.4"), "dry flat")),
        ),
    )  # fmt: skip


def test_a_category_has_its_rate() -> None:
    quote = sold(price_money(tariff(CATEGORIES), Situation(category="large"), 1000))
    assert quote.units == 50
    assert quote.lines[0].parts == (Part(D("5.0"), "kWh", D(2), "large"),)


@pytest.mark.parametrize(
    ("before", "units", "amount"), [(0, 100, 1000), (0, 101, 2020), (90, 10, 100), (90, 11, 1120)]
)
def test_a_whole_slab_jumps(before: int, units: int, amount: int) -> None:
    assert sold(price_energy(tariff(SLAB), Situation(units_before=before), units)).cost_minor == amount


@pytest.mark.parametrize(
    ("before", "units", "amount"),
    [
        (0, 50, 500),
        (0, 100, 1500),
        (0, 101, 1818),
        (0, 200, 3600),
        (0, 201, 6030),
        (100, 1, 318),
        (40, 10, 100),
    ],
)
def test_tiers_that_end_in_slabs(before: int, units: int, amount: int) -> None:
    assert sold(price_energy(tariff(THEN), Situation(units_before=before), units)).cost_minor == amount


def test_a_month_by_units_has_columns() -> None:
    steps = (("one", (Block(D(4), D(10)), Block(None, D(20)))), ("three", (Block(None, D(30)),)))
    charge = MonthlyByUnits(id="it", label="It", steps=steps)

    def amount(units: int, **facts: Any) -> int:
        return (
            sold(price_energy(tariff(charge, ENERGY), Situation(months_due=1, **facts), units)).cost_minor
            - 25 * units
        )

    assert [amount(40), amount(41), amount(1, units_before=40)] == [1000, 2000, 2000]
    assert amount(41, variant="three") == 3000


def test_a_waiver_ends_above_its_limit() -> None:
    levy = PerUnit(id="it", label="It", rate=D(1), waived_upto=D(60))
    fee = Monthly(id="fee", label="Fee", amount=D(10), waived_upto=D(60))
    whole = tariff(ENERGY, levy, fee)
    assert sold(price_energy(whole, Situation(months_due=1), 600)).cost_minor == 15_000
    assert sold(price_energy(whole, Situation(months_due=1), 601)).cost_minor == 15_025 + 6010 + 1000
    assert (
        sold(price_energy(whole, Situation(months_due=1, units_before=600), 1)).cost_minor == 25 + 10 + 1000
    )


def test_a_minimum_tops_up_named_lines() -> None:
    whole = tariff(ENERGY, Minimum(id="least", label="Least", of=("energy",), amount=D("7.2")))
    assert sold(price_energy(whole, NOW, 10)).lines[1] == Line(
        "least", "minimum", "Least", 470, "sales/charges", (), None, 250, ("energy",)
    )
    assert len(sold(price_energy(whole, NOW, 29)).lines) == 1
    ratchet = tariff(
        ENERGY, Minimum(id="least", label="Least", of=("energy",), amount=D(1), reading="highest")
    )
    assert sold(price_energy(ratchet, Situation(readings={"highest": D(9)}), 10)).cost_minor == 900
    assert sold(price_energy(ratchet, Situation(readings={"highest": D("0.5")}), 1)).cost_minor == 100


def test_a_measured_percentage_is_a_share() -> None:
    whole = tariff(ENERGY, PercentGiven(id="pf", label="PF", reading="pf", of=("energy",)))
    line = sold(price_energy(whole, Situation(readings={"pf": D("2.5")}), 400)).lines[1]
    assert line == Line("pf", "share", "PF", 250, "sales/charges", (), D("2.5"), 10_000, ("energy",))


def test_a_charge_on_another_account_is_billed_and_not_sold() -> None:
    whole = tariff(ENERGY, Monthly(id="it", label="It", amount=D(150), at_sale=False))
    assert len(sold(price_money(whole, Situation(months_due=1), 10_000)).lines) == 1
    assert sold(price_energy(whole, Situation(months_due=1, bill=True), 10)).lines[1].parts == (
        Part(D(1), "month", D(150)),
    )


def test_a_line_goes_to_the_account_it_names() -> None:
    own = replace(ENERGY, account="sales/resale")
    assert sold(price_money(tariff(own), NOW, 1000)).postings() == (("sales/resale", 1000),)
    rebate = Percent(id="back", label="Back", percent=D(-10), of=("energy",))
    quote = sold(price_money(tariff(ENERGY, rebate), NOW, 900))
    assert quote.units == 40
    assert quote.lines[1] == Line(
        "back", "share", "Back", -100, "sales/charges", (), D(-10), 1000, ("energy",)
    )


def test_a_contained_tax_is_shown_and_booked_but_not_added() -> None:
    fixed = PerSale(id="sale", label="Sale", amount=D(1))
    tax = IncludedTax(id="vat", label="VAT", percent=D(15), of=("energy", "sale"))
    quote = sold(price_energy(tariff(fixed, ENERGY, included=(tax,)), NOW, 460))
    assert quote.paid_minor == 11_600
    assert quote.inside == (
        Line("vat", "tax", "VAT", 1513, "tax/vat", (), D(15), 11_600, ("energy", "sale")),
    )
    assert quote.postings() == (("sales/fixed", 87), ("sales/electricity", 10_000), ("tax/vat", 1513))
    own = sold(
        price_energy(tariff(ENERGY, included=(replace(tax, of=("energy",), account="tax/state"),)), NOW, 46)
    )
    assert own.postings() == (("sales/electricity", 1000), ("tax/state", 150))


def test_rounding_once_shows_the_difference() -> None:
    half = tariff(
        replace(ENERGY, rate=D("0.05")),
        replace(ENERGY, id="levy", label="Levy", rate=D("0.05")),
        rounding="total",
    )
    quote = sold(price_energy(half, NOW, 1))
    assert [line.amount_minor for line in quote.lines] == [1, 1, -1]
    assert quote.lines[2] == Line("rounding", "rounding", "Rounding", -1, "rounding")
    assert quote.paid_minor == 1
    assert len(sold(price_energy(half, NOW, 2)).lines) == 2


FEE = ChannelFee(percent=(("desk", D(0)), ("shop", D(10))), label="Fee", tax_inside=D(15))


def test_a_channel_fee_comes_first_and_contains_its_tax() -> None:
    quote = sold(price_money(tariff(deductions=(FEE,)), Situation(channel="shop"), 5000))
    assert quote.deductions == (Line("channel_fee", "deduction", "Fee", 500, "fees/shop", (), D(10), 5000),)
    assert quote.inside == (
        Line("channel_fee_tax", "tax", "Tax in Fee", 65, "tax/vat", (), D(15), 500, ("channel_fee",)),
    )
    assert quote.postings() == (("fees/shop", 435), ("sales/electricity", 4500), ("tax/vat", 65))
    free = sold(price_money(tariff(deductions=(FEE,)), Situation(channel="desk"), 5000))
    assert (free.deductions, free.inside) == ((), ())
    plain = sold(
        price_money(tariff(deductions=(replace(FEE, tax_inside=D(0)),)), Situation(channel="shop"), 5000)
    )
    assert plain.inside == ()


OLD, NEW = Debt("old", "Old debt", 30_000), Debt("new", "New debt", 2000)


def owing(*debts: Debt, **facts: Any) -> Situation:
    return Situation(debts=debts, **facts)


def took(step: AnyDeduction | None, situation: Situation, paid: int) -> list[int]:
    steps = () if step is None else (step,)
    return [
        line.amount_minor for line in sold(price_money(tariff(deductions=steps), situation, paid)).deductions
    ]


def test_arrears_are_a_share_of_the_money() -> None:
    quote = sold(price_money(tariff(deductions=(Arrears(percent=D(30)),)), owing(OLD), 10_001))
    assert quote.deductions == (
        Line("arrears_old", "deduction", "Old debt", 3000, "debt/old", (), D(30), 10_001, (), 27_000),
    )
    assert quote.postings() == (("debt/old", 3000), ("sales/electricity", 7000))


ARREARS = [
    (
        "nothing under a plan that says nothing",
        Arrears(percent=D(30)),
        owing(replace(OLD, plan=Plan())),
        10_000,
        [],
    ),
    (
        "a share of the money tendered, for each debt",
        Arrears(percent=D(30)),
        owing(OLD, NEW),
        10_000,
        [3000, 2000],
    ),
    ("no more than is owed", Arrears(percent=D(100), floor_percent=D(10)), owing(NEW), 10_000, [2000]),
    ("a share of what the fee left", Arrears(percent=D(50), base="left"), owing(OLD), 10_000, [5000]),
    ("an instalment", Arrears(instalment=D(25)), owing(OLD, NEW), 10_000, [2500, 2000]),
    (
        "the smaller of share and instalment",
        Arrears(percent=D(10), instalment=D(25)),
        owing(OLD),
        10_000,
        [1000],
    ),
    (
        "the instalment where it is smaller",
        Arrears(percent=D(50), instalment=D(25)),
        owing(OLD),
        10_000,
        [2500],
    ),
    (
        "at most so much in a purchase",
        Arrears(percent=D(30), most=D(40)),
        owing(OLD, NEW),
        10_000,
        [3000, 1000],
    ),
    ("leaving a share for energy", Arrears(percent=D(100), floor_percent=D(20)), owing(OLD), 10_000, [8000]),
    ("a floor rounded up", Arrears(percent=D(100), floor_percent=D("33.3")), owing(OLD), 1000, [667]),
    ("leaving units for energy", Arrears(percent=D(100), floor_units=D(4)), owing(OLD), 2000, [1000]),
    ("nothing below the floor of units", Arrears(percent=D(100), floor_units=D(4)), owing(OLD), 900, []),
    (
        "the plan of the debt wins",
        Arrears(percent=D(30)),
        owing(replace(OLD, plan=Plan(D(50)))),
        10_000,
        [5000],
    ),
    (
        "an instalment of the debt",
        Arrears(percent=D(30)),
        owing(replace(OLD, plan=Plan(None, 700))),
        10_000,
        [700],
    ),
    ("a plan under a tariff without arrears", None, owing(replace(OLD, plan=Plan(D(50)))), 10_000, [5000]),
    ("nothing without a plan", None, owing(OLD), 10_000, []),
    ("nothing when nothing is owed", Arrears(percent=D(30)), owing(replace(OLD, owed_minor=0)), 10_000, []),
    ("the instalment before any unit", Arrears(instalment=D(25), required=True), owing(OLD), 2600, [2500]),
    ("the rest when it is less", Arrears(instalment=D(25), required=True), owing(NEW), 2100, [2000]),
]


@pytest.mark.parametrize(
    ("step", "situation", "paid", "amounts"), [row[1:] for row in ARREARS], ids=[row[0] for row in ARREARS]
)
def test_arrears_take(step: AnyDeduction | None, situation: Situation, paid: int, amounts: list[int]) -> None:
    assert took(step, situation, paid) == amounts


def test_the_order_of_deductions_is_the_tariffs() -> None:
    share = Arrears(percent=D(50), base="left")
    one = sold(price_money(tariff(deductions=(FEE, share)), owing(OLD, channel="shop"), 10_000))
    other = sold(price_money(tariff(deductions=(share, FEE)), owing(OLD, channel="shop"), 10_000))
    assert [line.amount_minor for line in one.deductions] == [1000, 4500]
    assert [line.amount_minor for line in other.deductions] == [5000, 1000]


SPLIT = tariff(
    Monthly(id="basic", label="Basic", amount=D(200)),
    ENERGY,
    Percent(id="vat", label="VAT", percent=D(15), of=("basic", "energy"), tax=True),
    deductions=(SplitFixed(percent=D(50), in_full_from=D(400), label="Fixed"),),
)


def test_a_small_purchase_turns_fixed_charges_into_a_debt() -> None:
    quote = sold(price_money(SPLIT, Situation(months_due=1), 30_000))
    assert quote.raised == (
        Line("basic", "fixed", "Basic", 20_000, "sales/fixed", (Part(D(1), "month", D(200)),)),
        Line("vat", "tax", "VAT", 3000, "tax/vat", (), D(15), 20_000, ("basic", "energy")),
    )
    assert quote.deductions == (
        Line("fixed_recovered", "deduction", "Fixed", 15_000, "debt/fixed", (), D(50), 30_000, (), 8000),
    )
    assert [line.id for line in quote.lines] == ["energy", "vat"]
    assert (quote.outstanding_fixed_minor, quote.units) == (8000, 521)
    assert dict(quote.postings())["debt/fixed"] == 15_000 - 23_000
    later = sold(price_money(SPLIT, Situation(outstanding_fixed_minor=8000), 30_000))
    assert (later.deductions[0].amount_minor, later.outstanding_fixed_minor, later.raised) == (8000, 0, ())
    assert later.deductions[0].left_minor == 0


def test_a_large_purchase_carries_fixed_charges_in_full() -> None:
    quote = sold(price_money(SPLIT, Situation(months_due=1), 40_000))
    assert (quote.raised, quote.deductions, quote.outstanding_fixed_minor) == ((), (), 0)
    assert quote.lines[0].amount_minor == 20_000


def test_what_must_be_paid_for_a_quantity_includes_the_deductions() -> None:
    whole = tariff(deductions=(FEE, Arrears(percent=D(30))))
    quote = sold(price_energy(whole, owing(OLD, channel="shop"), 100))
    assert (quote.units, quote.paid_minor, quote.carried_minor) == (100, 4166, 0)
    assert [line.amount_minor for line in quote.deductions] == [417, 1249]
    assert sold(price_money(whole, owing(OLD, channel="shop"), 4166)).units == 100
    assert sold(price_money(whole, owing(OLD, channel="shop"), 4165)).units == 99


REFUSALS: list[tuple[str, Tariff, Situation, Any, Refused]] = [
    ("nothing paid", tariff(), NOW, -1, Refused("amount_not_positive", "An amount must be above zero. To give money back, use a refund.")),
    ("a fraction", tariff(), NOW, 1.5, Refused("amount_not_positive", "An amount must be above zero. To give money back, use a refund.")),
    ("a truth value", tariff(), NOW, True, Refused("amount_not_positive", "An amount must be above zero. To give money back, use a refund.")),
    ("too much", tariff(), NOW, 10**13 + 1, Refused("amount_too_large", "This is larger than any sale. Check the number of digits.")),
    ("zero", tariff(), NOW, 0, Refused("buys_nothing", "ZAR 0.00 buys less than 0.1 kWh. Pay more.", 25)),
    ("too little", tariff(), NOW, 24, Refused("buys_nothing", "ZAR 0.24 buys less than 0.1 kWh. Pay more.", 25)),
    (
        "less than the fixed charges",
        tariff(Monthly(id="month", label="Month", amount=D(1500)), ENERGY), Situation(months_due=1), 100_000,
        Refused(
            "fixed_charges_exceed_money",
            "The fixed charges due are ZAR 1,500.00, more than the ZAR 1,000.00 left for them. Pay more than ZAR 1,500.00.",
            150_025,
        ),
    ),
    (
        "below the smallest purchase", tariff(least_purchase=D(20)), NOW, 1999,
        Refused("below_least_purchase", "The smallest purchase is ZAR 20.00.", 2000),
    ),
    (
        "above the largest purchase", tariff(most_purchase=D(5000)), NOW, 500_001,
        Refused("above_most_purchase", "The largest purchase is ZAR 5,000.00. Sell in two parts."),
    ),
    (
        "time of use", tariff(PERIODS), Situation(by_period={}), 1000,
        Refused(
            "tariff_needs_account_meter",
            "Shops cannot turn money into units, because it has time of use: a unit token carries no time."
            " Sell to the account and bill by reading.",
        ),
    ),
    (
        "a price of zero", tariff(replace(ENERGY, rate=D(0))), NOW, 100,
        Refused("price_is_zero", "Under shops this customer pays nothing for energy, so that money has no quantity."),
    ),
    (
        "an unknown channel", tariff(deductions=(FEE,)), Situation(channel="web"), 1000,
        Refused(
            "channel_unknown",
            "The tariff shops has no fee for the channel web. Use one of desk, shop, or add it to the tariff.",
        ),
    ),
    (
        "no channel", tariff(deductions=(FEE,)), NOW, 1000,
        Refused(
            "channel_unknown",
            "The tariff shops has no fee for the channel not named. Use one of desk, shop, or add it to the tariff.",
        ),
    ),
    (
        "less than the instalment", tariff(deductions=(Arrears(instalment=D(25), required=True),)), owing(OLD), 2499,
        Refused(
            "instalment_first",
            "The instalment for Old debt must be paid before any unit is sold. Pay at least the instalment.",
            2500,
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "situation", "paid", "refused"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_money_is_refused(whole: Tariff, situation: Situation, paid: Any, refused: Refused) -> None:
    assert price_money(whole, situation, paid) == refused


def test_limits_themselves_are_taken() -> None:
    assert sold(price_money(tariff(least_purchase=D(20)), NOW, 2000)).units == 80
    assert sold(price_money(tariff(most_purchase=D(5000)), NOW, 500_000)).units == 20_000
    assert sold(price_money(tariff(least_purchase=D(20), most_purchase=D(50)), NOW, 5000)).units == 200
    assert sold(price_money(tariff(), replace(NOW, most_units=18_201_624), 10**13)).units == 18_201_624
    assert sold(price_money(tariff(), replace(NOW, most_units=40), 2000)).carried_minor == 1000
    assert sold(price_energy(tariff(), replace(NOW, most_units=40), 40)).units == 40
    assert sold(price_energy(tariff(), NOW, 10**10)).paid_minor == 25 * 10**10
    assert sold(price_energy(tariff(), NOW, 0)).paid_minor == 0


QUANTITIES: list[tuple[Any, Situation, Refused]] = [
    (-1, NOW, Refused("quantity_out_of_range", "The quantity must be above zero and within what a meter can hold.")),
    (True, NOW, Refused("quantity_out_of_range", "The quantity must be above zero and within what a meter can hold.")),
    (0.5, NOW, Refused("quantity_out_of_range", "The quantity must be above zero and within what a meter can hold.")),
    (10**10 + 1, NOW, Refused("quantity_out_of_range", "The quantity must be above zero and within what a meter can hold.")),
    (41, Situation(most_units=40), Refused("above_most_units", "At most 4 kWh can be sold at once.")),
    (5, Situation(by_period={"peak": 4}), Refused("periods_do_not_add_up", "The energy of the periods does not add up to the quantity.")),
]  # fmt: skip


@pytest.mark.parametrize(("units", "situation", "refused"), QUANTITIES)
def test_a_quantity_is_refused(units: Any, situation: Situation, refused: Refused) -> None:
    assert price_energy(tariff(), situation, units) == refused


def test_deductions_that_take_everything_are_refused() -> None:
    greedy = tariff(deductions=(Arrears(percent=D(100)),))
    assert price_energy(greedy, owing(Debt("old", "Old", 10**14)), 10) == Refused(
        "deductions_take_everything", "Deductions take all of the money, whatever is paid."
    )
    unknown = price_energy(tariff(deductions=(FEE,)), NOW, 10)
    assert isinstance(unknown, Refused)
    assert unknown.code == "channel_unknown"


INCOMPLETE: list[tuple[AnyCharge, Situation, str]] = [
    (CATEGORIES, NOW, "It depends on the customer's category, which is not set. Set one of small, large."),
    (PERIODS, NOW, "It is priced by time of use and needs the energy of each period."),
    (PERIODS, Situation(by_period={"night": 10}), "It has no price for the period night."),
    (SEASONS, Situation(by_period={"peak": 10}), "It needs the season and known periods."),
    (SEASONS, Situation(by_period={"night": 10}, season="dry"), "It needs the season and known periods."),
    (
        PerArea(id="it", label="It", rate=D(1)), NOW,
        "It is charged by the square metre, and the leased area is not set. Set it on the lease.",
    ),
    (
        PerArea(id="it", label="It", rate=D(1)), Situation(area_m2=D(0)),
        "It is charged by the square metre, and the leased area is not set. Set it on the lease.",
    ),
    (
        Demand(id="it", label="It", rate=D(1), reading="kw"), NOW,
        "It needs the reading kw, which is missing for this period.",
    ),
    (
        Demand(id="it", label="It", rate=D(1), reading="kw", power_factor_floor=D(1)), Situation(readings={"kw": D(1)}),
        "It needs the reading power_factor, which is missing for this period.",
    ),
    (
        ExcessDemand(id="it", label="It", rate=D(1), reading="kw", contract="signed", surcharge=D(1)),
        Situation(readings={"kw": D(1)}), "It needs the reading signed, which is missing for this period.",
    ),
    (
        PerCapacity(id="it", label="It", rate=D(1), reading="kva"), NOW,
        "It needs the reading kva, which is missing for this period.",
    ),
    (
        MonthlyByUnits(id="it", label="It", steps=(("one", (Block(None, D(1)),)),)), Situation(variant="two"),
        "It has no column two.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("charge", "situation", "sentence"), INCOMPLETE)
def test_a_missing_fact_is_named(charge: AnyCharge, situation: Situation, sentence: str) -> None:
    with pytest.raises(SituationIncomplete) as missing:
        price_energy(tariff(charge), situation, 10)
    assert missing.value.sentence == sentence
    assert missing.value.field is not None


def test_free_units_cost_nothing_and_come_once() -> None:
    whole = tariff(allowance=FreeAllowance(units=D(20), label="Free"))
    quote = sold(price_free(whole, NOW, claimed=False))
    assert (quote.units, quote.paid_minor, quote.carried_minor, quote.postings()) == (200, 0, 0, ())
    assert quote.lines == (
        Line("free", "energy", "Free", 0, "sales/electricity", (Part(D(20), "kWh", D(0)),)),
    )
    for refused, code in (
        (price_free(whole, NOW, claimed=True), "free_allowance_claimed"),
        (price_free(tariff(), NOW, claimed=False), "no_free_allowance"),
        (price_free(whole, Situation(most_units=199), claimed=False), "above_most_units"),
    ):
        assert isinstance(refused, Refused)
        assert refused.code == code


def test_a_first_block_at_zero_sells_units_for_nothing() -> None:
    free = Blocks(id="energy", label="Energy", blocks=(Block(D(60), D(0)), Block(None, D(2))))
    quote = sold(price_money(tariff(free), NOW, 0))
    assert (quote.units, quote.paid_minor, quote.carried_minor) == (600, 0, 0)
    assert sold(price_money(tariff(free), Situation(units_before=590), 100)).units == 15


def test_nobody_steps_up_before_a_block_is_full() -> None:
    ladder = Ladder("x", (Block(D(35), D(1)), Block(None, D(2))), 10, 10)
    assert [ladder.cost(reached) for reached in (0, 349, 350, 351)] == [0, 3490, 3500, 3520]
    assert [ladder.whole(reached) for reached in (350, 351)] == [3500, 7020]
    assert ladder.taken(349, 2) == [(0, 1), (1, 1)]
    assert ladder.taken(350, 1) == [(1, 1)]
    assert ladder.taken(10, 0) == []


@pytest.mark.parametrize(
    "facts", [{"units_before": -1}, {"months_due": -1}, {"days_due": -1}, {"outstanding_fixed_minor": -1}]
)
def test_facts_below_zero_are_our_own_fault(facts: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        Situation(**facts)  # type: ignore[arg-type]


def test_the_instalment_alone_pays_the_debt_and_buys_nothing() -> None:
    refused = price_money(tariff(deductions=(Arrears(instalment=D(25), required=True),)), owing(OLD), 2500)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.least_minor) == ("buys_nothing", 2525)


def test_a_debt_without_an_instalment_is_not_required() -> None:
    whole = tariff(deductions=(Arrears(instalment=D(25), required=True),))
    assert sold(price_money(whole, owing(replace(OLD, plan=Plan(D(10)))), 1000)).units == 36


def test_a_contained_tax_is_spread_by_the_largest_remainder() -> None:
    fixed, cheap = PerSale(id="sale", label="Sale", amount=D("0.34")), replace(ENERGY, rate=D("6.6"))
    tax = IncludedTax(id="vat", label="VAT", percent=D(15), of=("energy", "sale"))
    assert sold(price_energy(tariff(fixed, cheap, included=(tax,)), NOW, 1)).postings() == (
        ("sales/fixed", 30),
        ("sales/electricity", 57),
        ("tax/vat", 13),
    )


REBATE = Percent(id="back", label="Back", percent=D(-20), of=("energy",))
FREE_FIRST = Blocks(id="energy", label="Energy", blocks=(Block(D(10), D(0)), Block(None, D(2))))


def test_a_rebate_may_stand_beside_free_units() -> None:
    quote = sold(price_money(tariff(FREE_FIRST, REBATE), NOW, 1600))
    assert (quote.units, quote.carried_minor) == (200, 0)


BELOW_ZERO = {
    "more than the price": (ENERGY, replace(ENERGY, id="off", label="Off", rate=D("-2.6"))),
    "the whole price": (ENERGY, replace(ENERGY, id="off", label="Off", rate=D("-2.5"))),
    "more than the first block": (FREE_FIRST, replace(ENERGY, id="off", label="Off", rate=D("-0.1"))),
    "more than the dearest category's neighbour": (CATEGORIES, replace(ENERGY, id="off", label="Off", rate=D("-1.1"))),
    "more with another rebate": (
        ENERGY, REBATE, replace(ENERGY, id="off", label="Off", rate=D("-2.01")),
    ),
    "the last of two ladders": (
        FREE_FIRST, replace(FREE_FIRST, id="other", label="Other"), replace(ENERGY, id="off", label="Off", rate=D(-4)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BELOW_ZERO)
def test_rebates_must_leave_a_price(name: str) -> None:
    with pytest.raises(NetRateNegative) as refused:
        tariff(*BELOW_ZERO[name])
    assert refused.value.sentence == (
        "The rebates are as large as the price of a unit, so that each unit more would cost nothing or less."
    )


def test_rebates_that_leave_a_price_are_taken() -> None:
    assert tariff(ENERGY, replace(ENERGY, id="off", label="Off", rate=D("-2.4")))
    assert tariff(ENERGY, REBATE, replace(ENERGY, id="off", label="Off", rate=D("-1.99")))
    assert tariff(CATEGORIES, replace(ENERGY, id="off", label="Off", rate=D("-0.9")))
    assert tariff(PerSale(id="sale", label="Sale", amount=D(1)), replace(REBATE, of=("sale",)))


def test_two_ladders_add_up_in_both_directions() -> None:
    other = Blocks(id="other", label="Other", blocks=(Block(D(25), D(1)), Block(None, D(3))))
    both = tariff(FREE_FIRST, other, counter="month")
    price = sold(price_energy(both, Situation(units_before=50), 400))
    assert price.paid_minor == 7000 + 2000 + 6000
    assert sold(price_money(both, Situation(units_before=50), 15_000)).units == 400


@pytest.mark.parametrize("paid", range(724, 760, 3))
def test_a_minimum_in_a_sale_takes_the_larger(paid: int) -> None:
    whole = tariff(ENERGY, VAT, Minimum(id="least", label="Least", of=("energy",), amount=D("7.2")))
    refused = price_money(whole, NOW, 719)
    assert isinstance(refused, Refused)
    assert refused.code == "fixed_charges_exceed_money"
    quote = sold(price_money(whole, NOW, paid))
    assert quote.cost_minor <= paid < sold(price_energy(whole, NOW, quote.units + 1)).paid_minor


def test_slabs_and_waivers_are_explained() -> None:
    def parts(charge: AnyCharge, units: int, **facts: Any) -> tuple[Part, ...]:
        return sold(price_energy(tariff(charge), Situation(**facts), units)).lines[0].parts

    whole = "one rate for all of the month"
    assert parts(SLAB, 100) == (Part(D("10.0"), "kWh", D(1), whole),)
    assert parts(SLAB, 101) == (Part(D("10.1"), "kWh", D(2), whole),)
    assert parts(THEN, 100) == (
        Part(D("5.0"), "kWh", D(1), "block 1"),
        Part(D("5.0"), "kWh", D(2), "block 2"),
    )
    assert parts(THEN, 101) == (Part(D("10.1"), "kWh", D("1.8"), whole),)
    assert parts(THEN, 201) == (Part(D("20.1"), "kWh", D(3), whole),)
    waived = replace(ENERGY, waived_upto=D(60))
    assert parts(waived, 600) == (Part(D("60.0"), "kWh", D("2.5"), "waived"),)
    assert parts(waived, 601) == (Part(D("60.1"), "kWh", D("2.5"), ""),)
    assert parts(waived, 1, units_before=600) == (Part(D("0.1"), "kWh", D("2.5"), ""),)
    fee = Monthly(id="it", label="It", amount=D(10), waived_upto=D(60))
    assert parts(fee, 600, months_due=1) == (Part(D(1), "month", D(10), "waived"),)
    columns = MonthlyByUnits(
        id="it", label="It", steps=(("one", (Block(D(4), D(10)), Block(None, D(20)))), ("three", (Block(None, D(30)),)))
    )  # fmt: skip
    assert parts(columns, 40, months_due=2) == (Part(D(2), "month", D(10), ""),)
    assert parts(columns, 41, months_due=1) == (Part(D(1), "month", D(20), ""),)
    assert parts(columns, 41, months_due=1, variant="three") == (Part(D(1), "month", D(30), "three"),)


def test_lines_that_count_nothing_are_left_out() -> None:
    free = (
        Monthly(id="month", label="Month", amount=D(1)), Daily(id="day", label="Day", amount=D(1)),
        PerArea(id="area", label="Area", rate=D(1)), PerCapacity(id="kva", label="kVA", rate=D(1), reading="kva"),
        ENERGY,
    )  # fmt: skip
    situation = Situation(area_m2=D(5), readings={"kva": D(5)})
    assert [line.id for line in sold(price_energy(tariff(*free), situation, 10)).lines] == ["energy"]


def test_quantising_goes_down_for_money_and_up_for_energy() -> None:
    asked: list[tuple[int, str]] = []

    def tens(units: int, rounding: str) -> int:
        asked.append((units, rounding))
        return units - units % 10 if rounding == "down" else -(-units // 10) * 10

    assert sold(price_money(tariff(), NOW, 1000, quantise=tens)).units == 40
    assert sold(price_energy(tariff(), NOW, 41, quantise=tens)).units == 50
    assert asked == [(40, "down"), (41, "up")]
    asked.clear()
    refused = price_money(tariff(), NOW, 100, quantise=tens)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.least_minor) == ("buys_nothing", 250)
    assert asked == [(4, "down"), (1, "up")]


def test_a_required_instalment_is_part_of_what_a_quantity_costs() -> None:
    whole = tariff(deductions=(Arrears(instalment=D(25), required=True),))
    assert sold(price_energy(whole, owing(OLD), 10)).paid_minor == 2750


def test_what_a_small_quantity_costs_splits_fixed_charges() -> None:
    quote = sold(price_energy(SPLIT, Situation(months_due=1), 10))
    assert quote.paid_minor == 575
    assert [line.amount_minor for line in quote.raised] == [20_000, 3000]
    daily = tariff(
        Daily(id="day", label="Day", amount=D(10)), ENERGY,
        deductions=(SplitFixed(percent=D(50), in_full_from=D(400)),),
    )  # fmt: skip
    split = sold(price_money(daily, Situation(days_due=3), 1000))
    assert [line.id for line in split.lines] == ["energy"]
    assert (split.raised[0].amount_minor, split.deductions[0].amount_minor) == (3000, 500)


def test_every_reason_for_an_account_is_told() -> None:
    refused = price_money(tariff(SLAB, Demand(id="kw", label="kW", rate=D(1), reading="kw")), NOW, 100)
    assert isinstance(refused, Refused)
    assert "all earlier ones; demand, which" in refused.sentence

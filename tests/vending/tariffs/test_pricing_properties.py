"""What holds for every tariff: both directions agree, nothing is lost, and the plain Decimal oracle says the same."""

from decimal import Decimal

from hypothesis import assume, example, given
from hypothesis import strategies as st

from sts import amount
from vending.tariffs import document
from vending.tariffs.charges import (
    AnyCharge,
    AnyDeduction,
    Arrears,
    Block,
    Blocks,
    ChannelFee,
    Daily,
    IncludedTax,
    Monthly,
    Percent,
    PerSale,
    PerUnit,
    SplitFixed,
)
from vending.tariffs.document import Document
from vending.tariffs.errors import NetRateNegative
from vending.tariffs.pricing import Debt, Quote, Refused, Situation, price_energy, price_money
from vending.tariffs.structure import Tariff
from vending.tariffs.text import described, explained

from . import oracle


def rates_from(least: int) -> st.SearchStrategy[Decimal]:
    """Rates with four decimals, the least given in ten-thousandths."""
    return st.integers(least, 99_999).map(lambda number: Decimal(number).scaleb(-4))


rates = rates_from(1)
percents = st.integers(1, 400).map(lambda number: Decimal(number) / 10)


@st.composite
def ladders(draw: st.DrawFn, least_rate: int) -> tuple[Block, ...]:
    tops = sorted(draw(st.sets(st.integers(1, 900), max_size=4)))
    rate = rates_from(least_rate)
    return (*(Block(Decimal(top), draw(rate)) for top in tops), Block(None, draw(rate)))


def bases_of(charges: list[AnyCharge]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([charge.id for charge in charges]), min_size=1, unique=True)


@st.composite
def tariffs(draw: st.DrawFn, deductions: bool = True, rebates: bool = True, least_rate: int = 1) -> Tariff:
    charges: list[AnyCharge] = []
    if draw(st.booleans()):
        charges.append(Monthly(id="month", label="Month", amount=draw(rates)))
    if draw(st.booleans()):
        charges.append(Daily(id="day", label="Day", amount=draw(rates)))
    if draw(st.booleans()):
        charges.append(PerSale(id="sale", label="Sale", amount=draw(rates)))
    charges.append(
        Blocks(id="energy", label="Energy", blocks=draw(ladders(least_rate)))
        if draw(st.booleans())
        else PerUnit(id="energy", label="Energy", rate=draw(rates_from(least_rate)))
    )
    if draw(st.booleans()):
        least = -20_000 if rebates else 1
        charges.append(
            PerUnit(id="levy", label="Levy", rate=Decimal(draw(st.integers(least, 20_000))).scaleb(-5))
        )
    for name in draw(st.lists(st.sampled_from(["vat", "rep", "fund"]), unique=True)):
        percent = draw(percents)
        if rebates and draw(st.booleans()):
            percent = -percent / 10
        charges.append(
            Percent(id=name, label=name, percent=percent, of=tuple(draw(bases_of(charges))), tax=True)
        )
    steps: list[AnyDeduction] = []
    if deductions and draw(st.booleans()):
        steps.append(ChannelFee(percent=(("desk", draw(percents)),), tax_inside=draw(percents)))
    if deductions and draw(st.booleans()):
        steps.append(Arrears(percent=draw(percents), base=draw(st.sampled_from(["tendered", "left"]))))
    try:
        return Tariff(
            code="any",
            name="Any",
            service="electricity",
            unit="kWh",
            currency="ZAR",
            minor_digits=2,
            counter="month",
            charges=tuple(charges),
            deductions=tuple(steps),
            included=tuple(
                IncludedTax(id="inside", label="Inside", percent=draw(percents), of=tuple(of))
                for of in draw(st.lists(bases_of(charges), max_size=1))
            ),
            rounding=draw(st.sampled_from(["line", "total"])),
        )
    except NetRateNegative:
        assume(False)
        raise


situations = st.builds(
    Situation,
    units_before=st.integers(0, 12_000),
    months_due=st.integers(0, 3),
    days_due=st.integers(0, 40),
    channel=st.just("desk"),
    debts=st.lists(st.integers(0, 200_000), max_size=2).map(
        lambda owed: tuple(Debt(f"d{place}", f"Debt {place}", amount) for place, amount in enumerate(owed))
    ),
)
money = st.integers(0, 1_000_000)


def adds_up(quote: Quote) -> None:
    """I-04: paid = energy + fixed + tax + debt + rounding + what is carried, and the postings say the same."""
    taken = sum(line.amount_minor for line in quote.deductions)
    assert quote.paid_minor == taken + quote.cost_minor + quote.carried_minor
    assert sum(amount for _, amount in quote.postings()) == quote.paid_minor - quote.carried_minor
    assert quote.carried_minor >= 0
    # The parts of a tax that is contained in several lines are the tax, to the cent.
    assert sum(minor for account, minor in quote.postings() if account == "tax/inside") == sum(
        line.amount_minor for line in quote.inside if line.id == "inside"
    )


@given(tariffs(), situations, money)
def test_money_buys_the_largest_quantity_that_fits(tariff: Tariff, situation: Situation, paid: int) -> None:
    assume(not situation.debts or any(isinstance(step, Arrears) for step in tariff.deductions))
    expected = oracle.largest(tariff, situation, paid)
    quote = price_money(tariff, situation, paid)
    if isinstance(quote, Refused):
        assert expected <= 0
        assert quote.code in {"fixed_charges_exceed_money", "buys_nothing"}
        return
    if tariff.program.monotone:
        assert quote.units == expected
    else:
        # With rebates the price dips now and then, and halving may stop below the largest.
        assert quote.units >= expected
        assert oracle.fits(tariff, situation, quote.units, oracle.after_deductions(tariff, situation, paid))
    adds_up(quote)


@given(tariffs(deductions=False), situations, st.integers(1, 30_000))
def test_energy_costs_what_plain_decimals_say(tariff: Tariff, situation: Situation, units: int) -> None:
    calm = Situation(
        units_before=situation.units_before, months_due=situation.months_due, days_due=situation.days_due
    )
    quote = price_energy(tariff, calm, units)
    assert isinstance(quote, Quote)
    assert quote.paid_minor == oracle.total(tariff, calm, units)
    adds_up(quote)


@given(tariffs(rebates=False, least_rate=10_000), situations, st.integers(1, 30_000))
def test_forth_and_back_never_gains_and_never_loses_more_than_one_step(
    tariff: Tariff, situation: Situation, units: int
) -> None:
    """Where a step costs more than rounding can be worth, its price buys the same quantity or the step next to it."""
    there = price_energy(tariff, situation, units)
    assert isinstance(there, Quote)
    back = price_money(tariff, situation, there.paid_minor)
    if isinstance(back, Refused):
        assert units == 1
        return
    assert abs(back.units - units) <= 1


@given(tariffs(rebates=False), situations, money)
def test_back_and_forth_never_asks_for_more_than_was_paid(
    tariff: Tariff, situation: Situation, paid: int
) -> None:
    there = price_money(tariff, situation, paid)
    assume(isinstance(there, Quote))
    assert isinstance(there, Quote)
    back = price_energy(tariff, situation, there.units)
    assert isinstance(back, Quote)
    assert back.units == there.units
    assert back.paid_minor <= paid


@given(tariffs(rebates=False), situations, money, st.integers(1, 5000))
def test_more_money_never_buys_less(tariff: Tariff, situation: Situation, paid: int, more: int) -> None:
    small, large = price_money(tariff, situation, paid), price_money(tariff, situation, paid + more)
    if isinstance(small, Quote):
        assert isinstance(large, Quote)
        assert large.units >= small.units


@given(tariffs(), situations, st.integers(0, 10**9))
@example(
    Tariff(
        code="t", name="T", service="electricity", unit="kWh", currency="ZAR", minor_digits=2,
        charges=(PerUnit(id="energy", label="E", rate=Decimal("0.0001")),),
    ),
    Situation(), 10**8,
)  # fmt: skip
def test_what_is_sold_is_what_a_token_holds(tariff: Tariff, situation: Situation, paid: int) -> None:
    capped = Situation(
        units_before=situation.units_before, channel="desk", debts=situation.debts, most_units=18_201_624
    )
    quote = price_money(tariff, capped, paid, quantise=amount.quantise)
    if isinstance(quote, Quote):
        assert amount.decode(amount.encode(quote.units)) == quote.units
        adds_up(quote)


@given(tariffs(), st.integers(1, 100_000))
def test_a_quantity_is_quantised_up_before_it_is_priced(tariff: Tariff, units: int) -> None:
    quote = price_energy(tariff, Situation(channel="desk"), units, quantise=amount.quantise)
    assert isinstance(quote, Quote)
    assert quote.units == amount.quantise(units, "up") >= units
    adds_up(quote)


@given(tariffs(), situations, money)
def test_every_line_is_explained(tariff: Tariff, situation: Situation, paid: int) -> None:
    quote = price_money(tariff, situation, paid)
    if isinstance(quote, Quote):
        assert all(label and why for label, _, why in explained(quote))


@given(tariffs())
def test_a_tariff_survives_its_file(tariff: Tariff) -> None:
    from datetime import datetime

    whole = Document(tariff, datetime(2026, 1, 1))  # noqa: DTZ001 — validity is the site's wall clock
    read = document.parsed(document.written(whole))
    assert read == whole
    assert read.hash() == whole.hash()
    assert described(read)


@given(st.integers(0, 100_000), st.integers(0, 60_000), st.integers(0, 12_000))
def test_split_fixed_charges_are_a_debt_until_they_are_paid(paid: int, outstanding: int, before: int) -> None:
    tariff = Tariff(
        code="split", name="Split", service="electricity", unit="kWh", currency="ZAR", minor_digits=2, counter="month",
        charges=(
            Monthly(id="basic", label="Basic", amount=Decimal(200)),
            Blocks(
                id="energy", label="Energy",
                blocks=(Block(Decimal(350), Decimal("2.3634")), Block(None, Decimal("2.711"))),
            ),
            Percent(id="vat", label="VAT", percent=Decimal(15), of=("basic", "energy"), tax=True),
        ),
        deductions=(SplitFixed(percent=Decimal(50), in_full_from=Decimal(400)),),
        included=(IncludedTax(id="levy", label="Levy", percent=Decimal(2), of=("energy",)),),
    )  # fmt: skip
    quote = price_money(
        tariff, Situation(units_before=before, months_due=1, outstanding_fixed_minor=outstanding), paid
    )
    if isinstance(quote, Refused):
        return
    adds_up(quote)
    raised = sum(line.amount_minor for line in quote.raised)
    recovered = sum(line.amount_minor for line in quote.deductions)
    assert raised == (23_000 if paid < 40_000 else 0)
    assert quote.outstanding_fixed_minor == outstanding + raised - recovered >= 0
    assert recovered <= paid // 2

"""Published tariffs with their worked examples, to the cent: each line, each deduction, each remainder."""

import pytest

from vending.tariffs import document
from vending.tariffs.pricing import Line, Quantise, Quote, Refused, price_energy, price_money

from .published import FOLDER, Example, list_examples, list_tariffs, situation

EXAMPLES = list_examples()
SOLD = [example for example in EXAMPLES if example.kind == "money_to_units"]
PRICED = [example for example in EXAMPLES if example.kind != "money_to_units"]


def amounts(lines: tuple[Line, ...]) -> dict[str, int]:
    return {line.id: line.amount_minor for line in lines}


def expected_amounts(example: Example, lines: dict[str, str]) -> dict[str, int]:
    return {name: example.minor(amount) for name, amount in lines.items() if example.minor(amount)}


def token_steps(example: Example) -> Quantise:
    """What the example's vendor can sell: tenths as a token does, thousandths where its answer has three decimals."""
    decimals = len(example.expected.get("units_sold_down", "0.0").partition(".")[2])
    step = 10 ** (example.tariff.decimals - decimals) if example.tariff.decimals > decimals else 1
    return lambda units, rounding: units - units % step if rounding == "down" else -(-units // step) * step


@pytest.mark.parametrize("example", PRICED, ids=lambda example: example.name)
def test_energy_costs_what_the_example_says(example: Example) -> None:
    if example.kind == "units_to_money":
        units = example.steps(example.given["units"])
    else:
        units = example.steps(example.expected["units"])
    quote = price_energy(example.tariff, situation(example), units)
    assert isinstance(quote, Quote)
    assert {name: amount for name, amount in amounts(quote.lines).items() if amount} == expected_amounts(
        example, example.expected["lines"]
    )
    assert quote.cost_minor == quote.paid_minor == example.minor(example.expected["total"])
    assert quote.carried_minor == 0
    if "tax_contained" in example.expected:
        assert sum(line.amount_minor for line in quote.inside) == example.minor(
            example.expected["tax_contained"]
        )


@pytest.mark.parametrize("example", SOLD, ids=lambda example: example.name)
def test_money_buys_what_the_example_says(example: Example) -> None:
    paid = example.minor(example.given["tender"])
    quote = price_money(example.tariff, situation(example), paid, quantise=token_steps(example))
    if example.expected.get("result", "").startswith("refused"):
        assert isinstance(quote, Refused)
        assert quote.code == "fixed_charges_exceed_money"
        return
    assert isinstance(quote, Quote)
    assert quote.units == example.steps(example.expected["units_sold_down"])
    assert {name: amount for name, amount in amounts(quote.lines).items() if amount} == expected_amounts(
        example, example.expected["lines_at_units_sold"]
    )
    taken = {line.id.replace("arrears_old", "arrears"): line.amount_minor for line in quote.deductions}
    assert taken == expected_amounts(example, example.expected["deductions"])
    assert quote.cost_minor == example.minor(example.expected["cost_of_units_sold"])
    assert quote.carried_minor == example.minor(example.expected["remainder"])
    if "tax_contained" in example.expected:
        assert sum(line.amount_minor for line in quote.inside) == example.minor(
            example.expected["tax_contained"]
        )


@pytest.mark.parametrize("example", PRICED, ids=lambda example: example.name)
def test_the_total_rounded_once_is_the_other_policy(example: Example) -> None:
    text = (FOLDER / f"{example.tariff.code}.toml").read_text()
    tariff = document.parsed(text.replace("\ncounter =", '\nrounding = "total"\ncounter =', 1)).tariff
    units = example.steps(example.given.get("units") or example.expected["units"])
    quote = price_energy(tariff, situation(example), units)
    assert isinstance(quote, Quote)
    assert quote.cost_minor == example.minor(example.expected["total_if_rounded_once"])


def test_at_least_twelve_structures_are_tested() -> None:
    assert len(list_tariffs()) >= 12
    assert len(EXAMPLES) == 114


def test_a_planted_cent_is_found() -> None:
    example = next(one for one in PRICED if one.tariff.code == "za-citypower-prepaid-2023")
    quote = price_energy(example.tariff, situation(example), example.steps(example.given["units"]))
    assert isinstance(quote, Quote)
    assert quote.cost_minor != example.minor(example.expected["total"]) + 1

"""Pricing: money to energy and energy to money, exactly, every line explained. Pure: no session, no clock.

`price_money` sells the largest quantity whose printed price fits the money, quantised down to what a token can hold;
what is left over stays with the customer. `price_energy` quantises up first and then asks for the price (decisions.md
D19), so that the amount on the token is the amount that was priced. Expected refusals are values.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from vending.tariffs.arithmetic import Bound
from vending.tariffs.deductions import Taken, is_split, taken
from vending.tariffs.lines import account_of, contained, lines_of
from vending.tariffs.program import is_invertible
from vending.tariffs.quote import Line, Part, Quantise, Quote, Refused, every_step
from vending.tariffs.situation import Debt, Plan, Situation
from vending.tariffs.structure import Tariff

LARGEST_MINOR = 10**13  # money beyond this is a slip of the finger; the ledger itself holds more
LARGEST_UNITS = 10**10


def price_money(
    tariff: Tariff, situation: Situation, paid_minor: int, *, quantise: Quantise = every_step
) -> Quote | Refused:
    """The largest quantity for this money."""
    refused = _check_money(tariff, paid_minor)
    if refused is not None:
        return refused
    steps, minor = tariff.program.steps, tariff.program.minor
    if paid_minor and paid_minor < tariff.least_purchase * minor:
        return Refused(
            "below_least_purchase",
            f"The smallest purchase is {_money(tariff, int(tariff.least_purchase * minor))}.",
            int(tariff.least_purchase * minor),
        )
    if tariff.most_purchase is not None and paid_minor > tariff.most_purchase * minor:
        return Refused(
            "above_most_purchase",
            f"The largest purchase is {_money(tariff, int(tariff.most_purchase * minor))}. Sell in two parts.",
        )
    bound, raised, state = _opened(tariff, situation, paid_minor)
    if isinstance(state, Refused):
        return state
    most = LARGEST_UNITS if situation.most_units is None else min(situation.most_units, LARGEST_UNITS)
    units = bound.largest(state.left, most)
    if units < 0:
        due = bound.total(0)
        return Refused(
            "fixed_charges_exceed_money",
            f"The fixed charges due are {_money(tariff, due)}, more than the {_money(tariff, state.left)} left for them. "
            f"Pay more than {_money(tariff, due)}.",
            _least(tariff, situation, quantise),
        )
    units = quantise(units, "down")
    # Only with rebates can a smaller quantity cost a minor unit more than the one that fitted.
    while units > 0 and bound.total(units) > state.left:
        units = quantise(units - 1, "down")
    if units >= LARGEST_UNITS:
        return Refused(
            "price_is_zero",
            f"Under {tariff.code} this customer pays nothing for energy, so that money has no quantity.",
        )
    if units == 0:
        return Refused(
            "buys_nothing",
            f"{_money(tariff, state.left)} buys less than {Decimal(1) / steps} {tariff.unit}. Pay more.",
            _least(tariff, situation, quantise),
        )
    return _quote(tariff, situation, bound, units, paid_minor, state, raised)


def price_energy(
    tariff: Tariff, situation: Situation, units: int, *, quantise: Quantise = every_step
) -> Quote | Refused:
    """What must be paid for this quantity, deductions included."""
    if isinstance(units, bool) or not isinstance(units, int) or units < 0 or units > LARGEST_UNITS:
        return Refused(
            "quantity_out_of_range", "The quantity must be above zero and within what a meter can hold."
        )
    if situation.by_period is not None and sum(situation.by_period.values()) != units:
        return Refused("periods_do_not_add_up", "The energy of the periods does not add up to the quantity.")
    units = quantise(units, "up")
    if situation.most_units is not None and units > situation.most_units:
        return Refused(
            "above_most_units",
            f"At most {Decimal(situation.most_units) / tariff.program.steps} {tariff.unit} can be sold at once.",
        )
    paid = _tender_for(tariff, situation, units)
    if isinstance(paid, Refused):
        return paid
    bound, raised, state = _opened(tariff, situation, paid)
    assert not isinstance(state, Refused), "the tender was found by opening it"
    return _quote(tariff, situation, bound, units, paid, state, raised)


def _check_money(tariff: Tariff, paid_minor: int) -> Refused | None:
    if isinstance(paid_minor, bool) or not isinstance(paid_minor, int) or paid_minor < 0:
        return Refused(
            "amount_not_positive", "An amount must be above zero. To give money back, use a refund."
        )
    if paid_minor > LARGEST_MINOR:
        return Refused("amount_too_large", "This is larger than any sale. Check the number of digits.")
    if not is_invertible(tariff):
        reasons = "; ".join(reason for reason in tariff.reasons_for_account_meter() if reason)
        return Refused(
            "tariff_needs_account_meter",
            f"{tariff.name} cannot turn money into units, because it has {reasons}. Sell to the account and bill by reading.",
        )
    return None


def _opened(
    tariff: Tariff, situation: Situation, paid_minor: int
) -> tuple[Bound, list[int] | None, Taken | Refused]:
    """The tariff bound to the situation and the money after deductions.

    Where the purchase is too small to carry the fixed charges due, they are raised as a debt first: the amounts of that
    debt come back in the middle, and the tariff is bound again without them.
    """
    bound = Bound(tariff, situation)
    raised: list[int] | None = None
    outstanding = situation.outstanding_fixed_minor
    if tariff.deductions and is_split(tariff, situation, paid_minor):
        raised = bound.amounts(0)
        outstanding += sum(raised)
        bound = Bound(tariff, dataclasses.replace(situation, months_due=0, days_due=0))
    if not tariff.deductions and not situation.debts:
        return bound, raised, Taken(paid_minor, [], [], outstanding)
    return bound, raised, taken(tariff, situation, bound, paid_minor, outstanding)


def _tender_for(tariff: Tariff, situation: Situation, units: int) -> int | Refused:
    """The smallest tender of which enough is left for this quantity. What is left never falls as the tender grows,
    except where a larger purchase no longer splits its fixed charges; there the larger price is asked for."""

    def enough(paid: int) -> bool | Refused:
        bound, _, state = _opened(tariff, situation, paid)
        if isinstance(state, Refused):
            return False if state.least_minor is not None else state
        return state.left >= bound.total(units)

    if not tariff.deductions and not situation.debts:
        return Bound(tariff, situation).total(units)
    low, high = -1, max(Bound(tariff, situation).total(units), 1)
    while True:
        fits = enough(high)
        if isinstance(fits, Refused):
            return fits
        if fits:
            break
        low, high = high, high * 2
        if high > LARGEST_MINOR:
            return Refused(
                "deductions_take_everything", "Deductions take all of the money, whatever is paid."
            )
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle) is True:
            high = middle
        else:
            low = middle
    return high


def _least(tariff: Tariff, situation: Situation, quantise: Quantise) -> int | None:
    """The smallest payment that buys something, for a sentence that helps."""
    paid = _tender_for(tariff, situation, quantise(1, "up"))
    return None if isinstance(paid, Refused) else paid


def _quote(
    tariff: Tariff,
    situation: Situation,
    bound: Bound,
    units: int,
    paid_minor: int,
    state: Taken,
    raised: list[int] | None,
) -> Quote:
    amounts = bound.amounts(units)
    calm = situation
    if raised is not None:
        calm = dataclasses.replace(situation, months_due=0, days_due=0)
    lines = lines_of(tariff, calm, units, amounts)
    cost = sum(amounts)
    if bound.exact_sum:
        total = bound.total(units)
        if total != cost:
            lines.append(Line("rounding", "rounding", "Rounding", total - cost, "rounding"))
        cost = total
    inside = [*state.inside, *(contained(tax, lines) for tax in tariff.included)]
    return Quote(
        tariff,
        units,
        paid_minor,
        state.left - cost,
        tuple(state.lines),
        tuple(lines),
        tuple(inside),
        tuple(lines_of(tariff, situation, 0, raised)) if raised is not None else (),
        state.outstanding_fixed,
    )


def _money(tariff: Tariff, minor: int) -> str:
    digits = tariff.minor_digits
    return f"{tariff.currency} {Decimal(minor).scaleb(-digits):,.{digits}f}"


__all__ = [
    "Debt",
    "Line",
    "Part",
    "Plan",
    "Quantise",
    "Quote",
    "Refused",
    "Situation",
    "Tariff",
    "account_of",
    "price_energy",
    "price_money",
]

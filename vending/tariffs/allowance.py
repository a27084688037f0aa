"""The free allowance: units without money, once in each calendar month, on a token and line of their own (rules.md 16).

Pure. That it is claimed once only is a unique row of the sale (entitlement and month); this file says how much it is.
"""

from __future__ import annotations

from decimal import Decimal

from vending.tariffs.program import whole_steps
from vending.tariffs.quote import Line, Part, Quantise, Quote, Refused, every_step
from vending.tariffs.situation import Situation
from vending.tariffs.structure import Tariff


def price_free(
    tariff: Tariff, situation: Situation, *, claimed: bool, quantise: Quantise = every_step
) -> Quote | Refused:
    """A quote of nothing to pay for the month's free units. `situation` stands for the customer's facts as in a sale."""
    if tariff.allowance is None:
        return Refused("no_free_allowance", f"{tariff.name} has no free units.")
    if claimed:
        return Refused(
            "free_allowance_claimed",
            "This month's free units were claimed already. The next ones come next month.",
        )
    units = quantise(whole_steps("free", tariff.allowance.units, tariff.program.steps), "down")
    if situation.most_units is not None and units > situation.most_units:
        return Refused("above_most_units", "The free units are more than this meter takes at once.")
    part = Part(Decimal(units) / tariff.program.steps, tariff.unit, Decimal(0))
    line = Line("free", "energy", tariff.allowance.label, 0, f"sales/{tariff.service}", (part,))
    return Quote(tariff, units, 0, 0, (), (line,), (), (), situation.outstanding_fixed_minor)

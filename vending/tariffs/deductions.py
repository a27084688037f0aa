"""What is taken from the money before energy: channel fee, arrears, fixed charges still owed. The order is the tariff's.

Pure. Each step takes from what the step before left, so that the sum is never more than the money; the order is policy
and changes the units, which is why it belongs to the tariff version and is shown on the receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from vending.tariffs.arithmetic import Bound, half_up
from vending.tariffs.charges import AnyDeduction, Arrears, ChannelFee, SplitFixed
from vending.tariffs.program import whole_steps
from vending.tariffs.quote import Line, Refused

if TYPE_CHECKING:
    from vending.tariffs.situation import Debt, Situation
    from vending.tariffs.structure import Tariff


@dataclass(slots=True)
class Taken:
    """Where the money stands after the steps so far."""

    left: int
    lines: list[Line]
    inside: list[Line]
    outstanding_fixed: int
    split: bool = False


def is_split(tariff: Tariff, situation: Situation, paid_minor: int) -> bool:
    """Whether this purchase is too small to carry the month's fixed charges in full."""
    rule = next((step for step in tariff.deductions if isinstance(step, SplitFixed)), None)
    return (
        rule is not None
        and paid_minor < rule.in_full_from * tariff.program.minor
        and bool(situation.months_due or situation.days_due)
    )


def taken(
    tariff: Tariff, situation: Situation, bound: Bound, paid_minor: int, outstanding: int
) -> Taken | Refused:
    """Goes through the steps. `bound` prices the floor, `outstanding` are fixed charges owed, raised ones included."""
    state = Taken(paid_minor, [], [], outstanding)
    steps: tuple[AnyDeduction, ...] = tariff.deductions
    if situation.debts and not any(isinstance(step, Arrears) for step in steps):
        # A debt with its own plan is recovered under every tariff.
        steps = (*steps, Arrears(percent=Decimal(0), instalment=None))
    for step in steps:
        if isinstance(step, ChannelFee):
            refused = _take_fee(tariff, step, situation, paid_minor, state)
        elif isinstance(step, Arrears):
            refused = _take_arrears(tariff, step, situation, bound, paid_minor, state)
        else:
            refused = _take_fixed(tariff, step, paid_minor, state)
        if refused is not None:
            return refused
    return state


def _take_fee(
    tariff: Tariff, step: ChannelFee, situation: Situation, paid_minor: int, state: Taken
) -> Refused | None:
    rates = dict(step.percent)
    if situation.channel not in rates:
        return Refused(
            "channel_unknown",
            f"The tariff {tariff.code} has no fee for the channel {situation.channel or 'not named'}. "
            f"Use one of {', '.join(rates)}, or add it to the tariff.",
        )
    percent = rates[situation.channel]
    numerator, denominator = percent.as_integer_ratio()
    fee = min(half_up(paid_minor * numerator, denominator * 100), state.left)
    if fee:
        state.left -= fee
        state.lines.append(
            Line(
                "channel_fee",
                "deduction",
                step.label,
                fee,
                f"fees/{situation.channel}",
                (),
                percent,
                paid_minor,
            )
        )
        if step.tax_inside:
            tax, whole = step.tax_inside.as_integer_ratio()
            amount = half_up(fee * tax, tax + 100 * whole)
            state.inside.append(
                Line(
                    "channel_fee_tax", "tax", f"Tax in {step.label}", amount, step.tax_account, (), step.tax_inside, fee,
                    ("channel_fee",),
                )
            )  # fmt: skip
    return None


def _take_arrears(
    tariff: Tariff, step: Arrears, situation: Situation, bound: Bound, paid_minor: int, state: Taken
) -> Refused | None:
    if not any(debt.owed_minor for debt in situation.debts):
        return None
    minor = tariff.program.minor
    floor = max(
        -(-paid_minor * int(step.floor_percent * 10**9) // (100 * 10**9)),
        _floor_price(tariff, step, bound, state.left) if step.floor_units else 0,
    )
    base = paid_minor if step.base == "tendered" else state.left
    most = int(step.most * minor) if step.most is not None else None
    for debt in situation.debts:
        due = _due(step, debt, base, minor)
        instalment = min(_instalment(step, debt, minor) or 0, debt.owed_minor)
        if step.required and state.left < instalment:
            return Refused(
                "instalment_first",
                f"The instalment for {debt.label} must be paid before any unit is sold. Pay at least the instalment.",
                instalment,
            )
        take = max(min(due, debt.owed_minor, state.left - floor), 0)
        if most is not None:
            take = min(take, most)
            most -= take
        if take:
            state.left -= take
            state.lines.append(
                Line(
                    f"arrears_{debt.key}", "deduction", debt.label, take, f"debt/{debt.key}", (),
                    _percent(step, debt), base, (), debt.owed_minor - take,
                )
            )  # fmt: skip
    return None


def _percent(step: Arrears, debt: Debt) -> Decimal | None:
    return debt.plan.percent if debt.plan is not None else step.percent


def _instalment(step: Arrears, debt: Debt, minor: int) -> int | None:
    if debt.plan is not None:
        return debt.plan.instalment_minor
    return int(step.instalment * minor) if step.instalment is not None else None


def _due(step: Arrears, debt: Debt, base: int, minor: int) -> int:
    """The share rounded down, in favour of energy, and the instalment: where both are agreed, the smaller."""
    percent, instalment = _percent(step, debt), _instalment(step, debt, minor)
    limits = []
    if percent is not None:
        numerator, denominator = percent.as_integer_ratio()
        limits.append(base * numerator // (denominator * 100))
    if instalment is not None:
        limits.append(instalment)
    return min(limits, default=0)


def _floor_price(tariff: Tariff, step: Arrears, bound: Bound, left: int) -> int:
    """What the units cost that the buyer shall have in any case; all of the money when it is not enough for them."""
    units = whole_steps("arrears", step.floor_units, tariff.program.steps)
    return min(bound.total(units), left)


def _take_fixed(tariff: Tariff, step: SplitFixed, paid_minor: int, state: Taken) -> Refused | None:
    numerator, denominator = step.percent.as_integer_ratio()
    share = paid_minor * numerator // (denominator * 100)
    take = min(state.outstanding_fixed, share, state.left)
    if take:
        state.left -= take
        state.outstanding_fixed -= take
        state.lines.append(
            Line(
                "fixed_recovered", "deduction", step.label, take, "debt/fixed", (), step.percent, paid_minor, (),
                state.outstanding_fixed,
            )
        )  # fmt: skip
    return None

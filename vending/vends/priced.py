"""What an order was priced from, as it is stored beside it: what was asked, what was kept, and the situation. Pure.

Forth and back: `ampoule receipt explain` counts the same order again from these facts and the tariff's stored version, and
must come to the same cent. Not here: the tariff, whose published versions never change and are named by code and number.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from vending.tariffs.situation import Debt, Plan, Situation


def stored(
    situation: Situation,
    *,
    money_minor: int | None,
    units: int | None,
    kept_minor: int,
    token_limit: int | None = None,
    second_token: bool = False,
) -> dict[str, Any]:
    """As JSON: integers, decimal text, no floats. What is at its rest value is left out."""
    facts: dict[str, Any] = {"kept_minor": kept_minor}
    if money_minor is not None:
        facts["money_minor"] = money_minor
    if units is not None:
        facts["units"] = units
    if token_limit is not None:
        facts["token_limit"] = token_limit
    if second_token:
        facts["second_token"] = True
    for name in _PLAIN:
        value = getattr(situation, name)
        if value != _REST[name]:
            facts[name] = value
    if situation.area_m2 is not None:
        facts["area_m2"] = str(situation.area_m2)
    if situation.debts:
        facts["debts"] = [_debt(debt) for debt in situation.debts]
    if situation.readings:
        facts["readings"] = {name: str(value) for name, value in situation.readings.items()}
    if situation.by_period is not None:
        facts["by_period"] = dict(situation.by_period)
    return facts


def situation_of(facts: dict[str, Any]) -> Situation:
    """The situation that `stored` was given."""
    return Situation(
        **{name: facts[name] for name in _PLAIN if name in facts},
        area_m2=Decimal(facts["area_m2"]) if "area_m2" in facts else None,
        debts=tuple(_debt_of(debt) for debt in facts.get("debts", ())),
        readings={name: Decimal(value) for name, value in facts.get("readings", {}).items()},
        by_period=facts.get("by_period"),
    )


_PLAIN = (
    "units_before",
    "months_due",
    "days_due",
    "category",
    "season",
    "variant",
    "channel",
    "outstanding_fixed_minor",
    "most_units",
    "bill",
)
_REST = {name: getattr(Situation(), name) for name in _PLAIN}


def _debt(debt: Debt) -> dict[str, Any]:
    told: dict[str, Any] = {"key": debt.key, "label": debt.label, "owed_minor": debt.owed_minor}
    if debt.plan is not None:
        told["percent"] = None if debt.plan.percent is None else str(debt.plan.percent)
        told["instalment_minor"] = debt.plan.instalment_minor
    return told


def _debt_of(told: dict[str, Any]) -> Debt:
    plan = None
    if "percent" in told:
        percent = told["percent"]
        plan = Plan(None if percent is None else Decimal(percent), told["instalment_minor"])
    return Debt(told["key"], told["label"], told["owed_minor"], plan)

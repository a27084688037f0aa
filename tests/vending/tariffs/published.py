"""Reads the published tariffs and their worked examples from tests/vectors/tariffs."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from vending.tariffs import document
from vending.tariffs.situation import Debt, Plan, Situation
from vending.tariffs.structure import Tariff

FOLDER = Path(__file__).parents[2] / "vectors" / "tariffs"


@dataclass(frozen=True)
class Example:
    tariff: Tariff
    number: int
    kind: str
    given: dict[str, Any]
    expected: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.tariff.code}-{self.number}"

    def steps(self, units: str) -> int:
        steps = Decimal(units) * self.tariff.program.steps
        assert steps == int(steps), units
        return int(steps)

    def minor(self, amount: str) -> int:
        return int(Decimal(amount) * self.tariff.program.minor)


def tariff(code: str) -> Tariff:
    return document.parsed((FOLDER / f"{code}.toml").read_text()).tariff


def list_tariffs() -> list[Tariff]:
    return [document.parsed(path.read_text()).tariff for path in sorted(FOLDER.glob("*.toml"))]


def list_examples() -> list[Example]:
    examples = json.loads((FOLDER / "examples.json").read_text())["examples"]
    return [
        Example(one, example["n"], example["kind"], example["input"], example["expected"])
        for one in list_tariffs()
        for example in examples[one.code]
    ]


READINGS = (
    "md_kva",
    "md_kw_peak",
    "kw",
    "contract_kva",
    "transformer_kva",
    "highest_demand_charge_6m",
    "pf_adjust",
)


def situation(example: Example) -> Situation:
    given = example.given
    readings = {name: Decimal(given[name]) for name in READINGS if name in given}
    if "pf_adjust" in readings:
        readings["pf_adjust"] *= 100  # the file gives a fraction, a reading is a percentage
    by_period = None
    if "periods" in given:
        by_period = {name: example.steps(units) for name, units in given["periods"].items()}
    if "kwh" in given:
        by_period, demands = profile(example)
        readings |= {
            reading: max(demands.values()) if period == "*" else demands[period]
            for reading, period in given.get("md_input", {}).items()
        }
    months = 0 if given.get("fixed_handled") else int(given.get("months_due", 1))
    debts = ()
    if "arrears" in given:
        share = given.get("arrears_share")
        plan = Plan(percent=Decimal(share) * 100) if share else None
        debts = (Debt("old", "Arrears", example.minor(given["arrears"]), plan),)
    return Situation(
        units_before=example.steps(given.get("units_before", "0")),
        months_due=months,
        days_due=int(given.get("days", 0)),
        category=given.get("category", ""),
        season=given.get("season", ""),
        variant=given.get("variant", ""),
        channel=given.get("channel", "desk"),
        area_m2=Decimal(given["area_m2"]) if "area_m2" in given else None,
        debts=debts,
        outstanding_fixed_minor=example.minor(given.get("fixed_outstanding", "0")),
        readings=readings,
        by_period=by_period,
    )


def profile(example: Example) -> tuple[dict[str, int], dict[str, Decimal]]:
    """Energy and highest demand of each period of the calendar, from intervals."""
    calendar = example.tariff.calendar
    assert calendar is not None
    start = datetime.fromisoformat(example.given["start"])
    minutes = example.given["step_min"]
    energy: dict[str, int] = {}
    demand: dict[str, Decimal] = {}
    for place, kwh in enumerate(example.given["kwh"]):
        period = calendar.period_on(start + timedelta(minutes=minutes * place))
        energy[period] = energy.get(period, 0) + example.steps(kwh)
        demand[period] = max(demand.get(period, Decimal(0)), Decimal(kwh) * 60 / minutes)
    return energy, demand

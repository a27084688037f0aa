"""What an order was priced from: stored as JSON and read back, nothing is lost and nothing added."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from vending.tariffs.situation import Debt, Plan, Situation
from vending.vends import priced

AMOUNTS = st.integers(0, 10**15)
PERCENTS = st.decimals("0.01", "100", places=2)
PLANS = st.none() | st.builds(Plan, st.none() | PERCENTS, st.none() | AMOUNTS)
SITUATIONS = st.builds(
    Situation,
    units_before=AMOUNTS,
    months_due=st.integers(0, 99),
    days_due=st.integers(0, 999),
    channel=st.sampled_from(["", "cash", "card"]),
    season=st.sampled_from(["", "low"]),
    area_m2=st.none() | st.decimals("0", "9999", places=4),
    debts=st.lists(st.builds(Debt, st.text(), st.text(), AMOUNTS, PLANS), max_size=3).map(tuple),
    outstanding_fixed_minor=AMOUNTS,
    most_units=st.none() | AMOUNTS,
    readings=st.dictionaries(st.text(), st.decimals("0", "999", places=3), max_size=2),
    by_period=st.none() | st.dictionaries(st.text(), AMOUNTS, max_size=3),
    bill=st.booleans(),
)


@given(SITUATIONS, AMOUNTS)
def test_a_situation_comes_back_as_it_was(situation: Situation, kept: int) -> None:
    facts = priced.stored(situation, money_minor=100, units=None, kept_minor=kept)
    again = json.loads(json.dumps(facts))
    assert priced.situation_of(again) == situation
    assert (again["money_minor"], again["kept_minor"]) == (100, kept)
    assert "units" not in again


def test_what_is_at_rest_is_not_stored() -> None:
    facts = priced.stored(Situation(area_m2=Decimal("12.5")), money_minor=None, units=7, kept_minor=0)
    assert facts == {"kept_minor": 0, "units": 7, "area_m2": "12.5"}

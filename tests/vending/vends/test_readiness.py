"""What is looked at before money moves, against the real module: it would refuse what is refused here, and takes the rest."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from counter import Counter

from vending.estate import meters as estate_meters
from vending.vends import service as vends
from vending.vends.errors import DayLimitReached
from vending.vends.plan import VendOrder


def order(counter: Counter, units: int) -> vends.SaleOutcome | Exception:
    wanted = VendOrder(str(uuid.uuid4()), counter.shop.meter("G-03"), units=units)
    (outcome,) = vends.sell(counter.shop.db, counter.clock, counter.module, [counter.shop.basket(wanted)])
    return outcome


def small(counter: Counter) -> None:
    """A meter of the smallest class: two thousand a day in twenty tokens; and no more than 150 in one of them."""
    manager, meter = counter.actor("manager"), counter.shop.meter("G-03")
    with counter.shop.db.writing() as session:
        session.execute(sa.text("UPDATE meter SET meter_class = 'small' WHERE key = :key"), {"key": meter})
        estate_meters.set_token_limit(session, counter.clock, manager, meter, 1_500, reason="register")


def test_what_the_class_may_have_in_a_day_is_known_before_money_moves(counter: Counter) -> None:
    """A large order would come in part, and a part of its money would have to go back (rules.md 12)."""
    small(counter)
    assert isinstance(order(counter, 15_000), vends.SaleOutcome)
    counter.pass_(minutes=30)
    refused = order(counter, 6_000)
    assert isinstance(refused, DayLimitReached)
    assert "had 1,500.0 in 10, and this order is 600.0 in 4. No money is due." in refused.sentence
    with counter.shop.db.reading() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM sale")) == 1
    # What is left of the day is sold, whole; the module agrees.
    last = order(counter, 5_000)
    assert isinstance(last, vends.SaleOutcome)
    assert last.states == ("issued",)
    # The next day of the supply group's clock begins anew.
    counter.pass_(hours=15)
    counter.pass_(hours=4)
    again = order(counter, 6_000)
    assert isinstance(again, vends.SaleOutcome)
    assert again.states == ("issued",)


@pytest.mark.parametrize("hours", [0, 14])
def test_the_look_and_the_module_count_the_same_day(counter: Counter, hours: int) -> None:
    """Whenever the look lets an order of several tokens pass, the module gives all of it."""
    small(counter)
    counter.pass_(hours=hours)
    outcomes = [order(counter, 6_000) for _ in range(4)]
    assert [one.states for one in outcomes if isinstance(one, vends.SaleOutcome)] == [("issued",)] * 3
    assert isinstance(outcomes[3], DayLimitReached)

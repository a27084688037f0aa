"""Budgets and their forecast, as values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keystore import limits
from keystore.limits import Account, ClassLimit

DAY = 86400
START = 1_800_000_000 - 1_800_000_000 % DAY


def account(allotted: int = 1000, period: str = "once", days: int = 30) -> Account:
    return Account("b", "units", "600100", "electricity", allotted, period, START, START + days * DAY)


@given(st.lists(st.integers(1, 400)), st.sampled_from(["once", "day", "month"]))
def test_what_is_left_and_what_was_used_are_the_budget(amounts: list[int], period: str) -> None:
    found, spent = account(period=period), 0
    for amount in amounts:
        if limits.choose([found], amount, START) is not None:
            found.spend(amount, START)
            spent += amount
        assert found.left_at(START) == 1000 - spent >= 0


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 900)), max_size=30))
def test_a_daily_budget_never_gives_more_than_its_day(uses: list[tuple[int, int]]) -> None:
    found = account(period="day")
    per_day: dict[int, int] = {}
    for day, amount in sorted(uses):
        now = START + day * DAY
        if limits.choose([found], amount, now) is not None:
            found.spend(amount, now)
            per_day[day] = per_day.get(day, 0) + amount
    assert all(total <= 1000 for total in per_day.values())


def test_the_budget_that_ends_first_is_used_first() -> None:
    long, short = account(days=30), account(days=3)
    assert limits.choose([long, short], 5, START) is short
    assert limits.choose([long, short], 1001, START) is None
    assert limits.choose([long, short], 5, START + 4 * DAY) is long


def test_the_forecast_follows_the_pace_of_the_last_days() -> None:
    found = account(7000)
    for day in range(3):
        found.spend(1000, START + day * DAY)
    until = limits.lasts_until(found, START + 3 * DAY)
    assert until is not None
    assert until.timestamp() == START + 7 * DAY
    assert limits.lasts_until(account(), START) is None


def test_warnings_come_at_50_25_and_10_per_cent() -> None:
    found = account(100)
    told = []
    for _ in range(19):
        found.spend(5, START)
        told.append(bool(limits.warnings(found, START)))
    assert told == [False] * 9 + [True] * 10
    found.closed = True
    assert limits.warnings(found, START) == ()


def test_lower_limits_are_lower_in_both() -> None:
    assert limits.is_lower(ClassLimit(10, 5), ClassLimit(10, 6))
    assert not limits.is_lower(ClassLimit(10, 7), ClassLimit(100, 6))


def test_a_clock_that_steps_back_over_midnight_opens_no_budget_again() -> None:
    midnight = START + DAY
    found = account(allotted=100, period="day")
    found.spend(100, midnight + 30)
    assert found.left_at(midnight - 30) == 0
    found.spend(0, midnight - 30)
    assert found.left_at(midnight + 60) == 0
    assert found.left_at(midnight + DAY) == 100


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 10), st.integers(1, 20))
def test_an_allowance_gives_its_burst_and_then_its_pace(gaps: list[int], burst: int, every: int) -> None:
    allowance, full_at, now, taken, first_refused = limits.Allowance(burst, every), 0, START, 0, None
    for gap in gaps:
        now += gap
        wait = allowance.wait(full_at, now)
        if wait == 0:
            full_at = allowance.spend(full_at, now)
            taken += 1
        else:
            assert allowance.wait(full_at, now + wait - 1) > 0
            assert allowance.wait(full_at, now + wait) == 0
            first_refused = first_refused or taken
        assert taken <= burst + (now - START) // every
    assert first_refused is None or first_refused >= burst

"""The hours of a site's day: one moment on each day of a plan, through every change of the clocks."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vending import outbox, schedules
from vending.clock import FixedClock
from vending.db import Database
from vending.schedules import Plan

ZONES = [
    *("UTC", "Africa/Johannesburg", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Africa/Cairo", "America/Santiago", "Pacific/Apia"),
]
NIGHT = Plan("night", time(2, 30))


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2019, 1, 1), date(2031, 12, 31)),
    at=st.times(),
)
@settings(max_examples=300, deadline=None)
def test_every_day_has_one_moment_and_they_follow_each_other(zone: str, day: date, at: time) -> None:
    plan = Plan("x", at.replace(second=0, microsecond=0, tzinfo=None))
    place = ZoneInfo(zone)
    moments = [plan.moment(day + timedelta(days=number), place) for number in range(4)]
    assert moments == sorted(set(moments))
    for moment in moments:
        assert schedules.latest(plan, moment, place) == moment
        assert schedules.following(plan, moment - timedelta(seconds=1), place) == moment


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        # Spring: 02:30 does not exist, 03:30 summer time is meant.
        ("Europe/Paris", date(2027, 3, 28), "2027-03-28T01:30"),
        # Autumn: 02:30 comes twice, the first counts.
        ("Europe/Paris", date(2027, 10, 31), "2027-10-31T00:30"),
        ("America/New_York", date(2027, 3, 14), "2027-03-14T07:30"),
        ("Africa/Johannesburg", date(2027, 3, 28), "2027-03-28T00:30"),
    ],
)
def test_the_change_of_the_clocks(zone: str, day: date, expected: str) -> None:
    found = NIGHT.moment(day, ZoneInfo(zone))
    assert found.strftime("%Y-%m-%dT%H:%M") == expected


def test_days_of_the_week_and_of_the_month() -> None:
    monthly = Plan("m", time(6), day=31)
    assert [n for n in range(1, 29) if monthly.is_on(date(2027, 2, n))] == [28]
    assert [n for n in range(1, 31) if monthly.is_on(date(2027, 4, n))] == [30]
    assert [n for n in range(1, 15) if Plan("w", time(6), weekday=6).is_on(date(2026, 11, n))] == [1, 8]


def asked(db: Database, clock: FixedClock) -> list[str]:
    with db.writing() as session:
        return schedules.ask(session, clock, [NIGHT], ZoneInfo("Africa/Johannesburg"))


def test_it_is_asked_for_once_at_its_hour_and_not_at_the_first_start(
    database: Database, clock: FixedClock
) -> None:
    assert asked(database, clock) == []
    assert asked(database, clock) == []
    clock.set(datetime(2026, 11, 21, 0, 29, tzinfo=UTC))
    assert asked(database, clock) == []
    clock.advance(timedelta(minutes=1))
    assert asked(database, clock) == ["night"]
    assert asked(database, clock) == []
    with database.reading() as session:
        assert [one.event for one in outbox.list_due(session, clock)] == ["scheduled: night"]


def test_a_machine_that_was_off_makes_up_for_the_last_night_alone(
    database: Database, clock: FixedClock
) -> None:
    asked(database, clock)
    clock.advance(timedelta(days=9))
    assert asked(database, clock) == ["night"]
    assert asked(database, clock) == []


def test_a_clock_that_stood_ahead_does_not_stop_the_nights(database: Database, clock: FixedClock) -> None:
    asked(database, clock)
    clock.advance(timedelta(days=400))
    assert asked(database, clock) == ["night"]
    clock.advance(timedelta(days=-400))
    assert asked(database, clock) == []
    clock.advance(timedelta(days=1))
    assert asked(database, clock) == ["night"]


def test_several_workers_ask_once(database: Database, clock: FixedClock) -> None:
    asked(database, clock)
    clock.advance(timedelta(days=1))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(asked(database, clock))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["night"]

"""Local time: days of 23 and 25 hours, windows that touch, seasons, holidays, and what has fallen due."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vending.tariffs.calendar import (
    Calendar,
    PeriodRule,
    Season,
    counter_window,
    day_window,
    days_due,
    minute_of_day,
    months_due,
)
from vending.tariffs.errors import CalendarInvalid

BERLIN, JOHANNESBURG, TORONTO = (
    ZoneInfo(name) for name in ("Europe/Berlin", "Africa/Johannesburg", "America/Toronto")
)
CALENDAR = Calendar(
    "valley",
    (
        PeriodRule("peak", "weekday", "07:00", "11:00", ("winter",)),
        PeriodRule("flat", "all", "07:00", "22:00"),
        PeriodRule("night", "sunday", "22:00", "24:00"),
    ),
    (Season("winter", (11, 12, 1, 2, 3, 4)), Season("summer", (5, 6, 7, 8, 9, 10))),
    (date(2026, 12, 25),),
)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_has_the_hours_it_has(day: date, hours: int) -> None:
    start, end = day_window(day, BERLIN)
    assert end - start == timedelta(hours=hours)


@given(st.dates(date(2020, 1, 1), date(2030, 12, 30)), st.sampled_from([BERLIN, JOHANNESBURG, TORONTO]))
def test_days_touch(day: date, zone: ZoneInfo) -> None:
    assert day_window(day, zone)[1] == day_window(day + timedelta(days=1), zone)[0]


@given(st.integers(2020, 2030), st.sampled_from([BERLIN, JOHANNESBURG, TORONTO]))
def test_the_periods_of_a_year_of_hours_add_up(year: int, zone: ZoneInfo) -> None:
    """23 and 25 hour days included, every hour of the year falls into exactly one period."""
    start, end = day_window(date(year, 3, 1), zone)[0], day_window(date(year, 3, 31), zone)[1]
    hours = int((end - start) / timedelta(hours=1))
    counted: dict[str, int] = {}
    for hour in range(hours):
        period = CALENDAR.period_at(start + timedelta(hours=hour), zone)
        counted[period] = counted.get(period, 0) + 1
    assert sum(counted.values()) == hours
    assert set(counted) <= set(CALENDAR.periods())


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["month", "year"]),
    st.sampled_from([BERLIN, JOHANNESBURG, TORONTO]),
)
def test_a_moment_lies_in_its_window_and_windows_touch(
    moment: datetime, counter: str, zone: ZoneInfo
) -> None:
    window = counter_window(counter, moment, zone)
    assert window is not None
    start, end = window
    assert start <= moment < end
    assert counter_window(counter, end, zone) == (end, counter_window(counter, end, zone)[1])  # type: ignore[index]
    assert start.astimezone(zone).day == 1


def test_the_last_moment_of_a_month_is_local() -> None:
    last = datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC)
    assert counter_window("month", last, JOHANNESBURG) == (
        datetime(2026, 4, 30, 22, tzinfo=UTC),
        datetime(2026, 5, 31, 22, tzinfo=UTC),
    )
    assert counter_window("month", last + timedelta(seconds=1), JOHANNESBURG)[0] == datetime(  # type: ignore[index]
        2026, 5, 31, 22, tzinfo=UTC
    )
    assert counter_window("year", last, JOHANNESBURG) == (
        datetime(2025, 12, 31, 22, tzinfo=UTC),
        datetime(2026, 12, 31, 22, tzinfo=UTC),
    )
    assert counter_window("none", last, JOHANNESBURG) is None
    assert counter_window("bill", last, JOHANNESBURG) is None


PERIODS = [
    ("2026-11-20 06:59", "valley"),
    ("2026-11-20 07:00", "peak"),
    ("2026-11-20 10:59", "peak"),
    ("2026-11-20 11:00", "flat"),
    ("2026-11-20 22:00", "valley"),
    ("2026-07-20 08:00", "flat"),
    ("2026-11-21 08:00", "flat"),
    ("2026-12-25 08:00", "flat"),
    ("2026-11-22 22:00", "night"),
    ("2026-11-22 23:59", "night"),
    ("2026-11-23 00:00", "valley"),
]


@pytest.mark.parametrize(("local", "period"), PERIODS)
def test_a_moment_has_its_period(local: str, period: str) -> None:
    assert CALENDAR.period_on(datetime.fromisoformat(local)) == period
    assert CALENDAR.period_at(datetime.fromisoformat(local).replace(tzinfo=BERLIN), BERLIN) == period


def test_weekend_and_each_day_of_the_week() -> None:
    weekend = Calendar(
        "work", (PeriodRule("rest", "weekend", "00:00", "24:00"),), holidays=(date(2026, 11, 18),)
    )
    assert [weekend.period_on(datetime(2026, 11, day)) for day in range(16, 23)] == [  # noqa: DTZ001
        "work", "work", "rest", "work", "work", "rest", "rest",
    ]  # fmt: skip
    for place, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), 16
    ):
        one = Calendar("no", (PeriodRule("yes", name, "00:00", "24:00"),))
        assert [one.period_on(datetime(2026, 11, day)) == "yes" for day in range(16, 23)] == [  # noqa: DTZ001
            day == place for day in range(16, 23)
        ]


def test_the_season_of_a_day() -> None:
    assert CALENDAR.season_at(date(2026, 4, 30)) == "winter"
    assert CALENDAR.season_at(date(2026, 5, 1)) == "summer"
    assert Calendar("a").season_at(date(2026, 5, 1)) == ""


@pytest.mark.parametrize("text", ["", "8:00", "24:01", "12:60", "25:00", "08-00", "٠٨:٠٠"])
def test_refuses_a_time_of_day_like(text: str) -> None:
    with pytest.raises(CalendarInvalid):
        minute_of_day(text)


def test_a_minute_of_the_day() -> None:
    assert (minute_of_day("00:00"), minute_of_day("08:30"), minute_of_day("24:00")) == (0, 510, 1440)


def test_months_fall_due_one_by_one() -> None:
    today = date(2026, 11, 20)
    assert months_due(None, today) == 1
    assert months_due(date(2026, 11, 1), today) == 0
    assert months_due(date(2026, 10, 31), today) == 1
    assert months_due(date(2025, 10, 31), today) == 13
    assert months_due(date(2025, 10, 31), today, 3) == 3
    assert months_due(date(2026, 12, 1), today) == 0


def test_days_fall_due_one_by_one() -> None:
    today = date(2026, 11, 20)
    assert days_due(None, today) == 1
    assert days_due(today, today) == 0
    assert days_due(date(2026, 11, 13), today) == 7
    assert days_due(date(2026, 11, 21), today) == 0

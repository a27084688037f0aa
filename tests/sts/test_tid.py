"""Token time: base dates, both ways, the reserved minute, the last minute."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts import tid
from sts.errors import (
    BaseDateUnknown,
    OffsetNotFixed,
    OutOfRange,
    TimeAfterLastMinute,
    TimeBeforeBase,
    TimeNotAware,
    WrongType,
)
from sts.tid import BaseDate

PLUS_TWO = timezone(timedelta(hours=2))
TIDS = st.integers(0, tid.LAST)
BASES = st.sampled_from(BaseDate)


@pytest.mark.parametrize(
    ("base", "last"), [(1993, "2024-11-24 20:15"), (2014, "2045-11-24 20:15"), (2035, "2066-11-24 20:15")]
)
def test_a_base_date_ends_where_the_standard_says(base, last):
    assert f"{tid.last_moment(base):%Y-%m-%d %H:%M}" == last
    moment = tid.last_moment(base)
    assert tid.encode(moment, base) == tid.LAST == 0xFFFFFF
    assert tid.encode(moment + timedelta(seconds=59), base) == tid.LAST
    with pytest.raises(TimeAfterLastMinute) as refusal:
        tid.encode(moment + timedelta(minutes=1), base)
    assert refusal.value.fields == {"base": base, "last": last}


@pytest.mark.parametrize(("base", "code"), [(1993, "93"), (2014, "14"), (2035, "35")])
def test_a_base_date_begins_at_midnight_of_new_year(base, code):
    start = datetime(base, 1, 1, tzinfo=UTC)
    assert tid.encode(start, base) == 0
    assert tid.decode(0, base) == start
    assert BaseDate(base).code == code
    with pytest.raises(TimeBeforeBase) as refusal:
        tid.encode(start - timedelta(seconds=1), base)
    assert refusal.value.fields == {"base": base}


@given(TIDS, BASES, st.integers(-23 * 60, 23 * 60))
def test_identifiers_come_back(number, base, minutes):
    offset = timezone(timedelta(minutes=minutes))
    moment = tid.decode(number, base, offset=offset)
    assert tid.encode(moment, base, offset=offset) == number
    assert tid.encode(moment.astimezone(UTC), base, offset=offset) == number
    assert tid.encode(moment + timedelta(seconds=59.9), base, offset=offset) == number


def test_the_clock_of_a_supply_group_runs_at_its_offset():
    moment = datetime(2014, 1, 1, 0, 30, tzinfo=PLUS_TWO)
    assert tid.encode(moment, 2014, offset=PLUS_TWO) == 30
    with pytest.raises(TimeBeforeBase):
        tid.encode(moment, 2014)
    assert tid.decode(30, 2014, offset=PLUS_TWO) == moment
    assert tid.decode(30, 2014, offset=PLUS_TWO).utcoffset() == timedelta(hours=2)
    assert tid.last_moment(2014, offset=PLUS_TWO) == tid.last_moment(2014) - timedelta(hours=2)


@given(TIDS, BASES)
def test_one_scale_holds_all_base_dates(number, base):
    minute = tid.absolute_minute(number, base)
    assert tid.decode(number, base) == datetime(1993, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    assert tid.of_absolute_minute(minute, base) == number


def test_an_absolute_minute_outside_a_base_date_is_refused():
    start = tid.absolute_minute(0, 2014)
    assert start == (date(2014, 1, 1) - date(1993, 1, 1)).days * 1440
    assert tid.of_absolute_minute(start, 2014) == 0
    assert tid.of_absolute_minute(start + tid.LAST, 2014) == tid.LAST
    with pytest.raises(TimeBeforeBase) as before:
        tid.of_absolute_minute(start - 1, 2014)
    assert before.value.fields == {"base": 2014}
    with pytest.raises(TimeAfterLastMinute) as after:
        tid.of_absolute_minute(start + tid.LAST + 1, 2014)
    assert after.value.fields == {"base": 2014, "last": "2045-11-24 20:15"}


@given(TIDS, BASES)
def test_the_reserved_minute_is_one_past_midnight(number, base):
    moment = tid.decode(number, base)
    assert tid.is_reserved(number, base) == ((moment.hour, moment.minute) == (0, 1))


def test_a_token_that_falls_on_the_reserved_minute_takes_the_next():
    assert [tid.next_issuable(number, 2014) for number in (0, 1, 2, 1440, 1441, 1442)] == [
        0,
        2,
        2,
        1440,
        1442,
        1442,
    ]


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (1992, ()),
        (1993, (1993,)),
        (2014, (2014, 1993)),
        (2030, (2014,)),
        (2040, (2035, 2014)),
        (2060, (2035,)),
        (2070, ()),
    ],
)
def test_the_base_dates_that_can_name_a_moment(year, expected):
    assert tid.bases_for(datetime(year, 6, 1, tzinfo=UTC)) == expected


def test_the_edges_of_base_dates_belong_to_them():
    assert tid.bases_for(datetime(1993, 1, 1, tzinfo=UTC)) == (1993,)
    assert tid.bases_for(tid.last_moment(1993) + timedelta(seconds=59)) == (2014, 1993)
    assert tid.bases_for(tid.last_moment(1993) + timedelta(seconds=60)) == (2014,)


@pytest.mark.parametrize("number", [-1, 1 << 24])
def test_an_identifier_has_24_bits(number):
    for function in (tid.decode, tid.absolute_minute, tid.is_reserved):
        with pytest.raises(OutOfRange) as refusal:
            function(number, 2014)
        assert refusal.value.fields["what"] == "A TID"


@pytest.mark.parametrize("base", [2015, 93, "2014", True, None, 2014.0])
def test_a_base_date_that_is_none_is_refused(base):
    for function in (tid.decode, tid.absolute_minute, tid.of_absolute_minute, tid.is_reserved):
        with pytest.raises(BaseDateUnknown):
            function(5, base)
    with pytest.raises(BaseDateUnknown):
        tid.encode(datetime.now(UTC), base)


def test_a_time_without_its_offset_is_refused():
    with pytest.raises(TimeNotAware):
        tid.encode(datetime.now(UTC).replace(tzinfo=None), 2014)
    with pytest.raises(WrongType) as refusal:
        tid.encode("2026-01-01", 2014)
    assert refusal.value.fields == {"what": "A time", "expected": "a date and time", "found": "str"}


@pytest.mark.parametrize(
    "offset", [ZoneInfo("Africa/Johannesburg"), timezone(timedelta(seconds=30)), None, 120]
)
def test_a_clock_that_could_repeat_a_minute_is_refused(offset):
    with pytest.raises(OffsetNotFixed):
        tid.encode(datetime.now(UTC), 2014, offset=offset)
    with pytest.raises(OffsetNotFixed):
        tid.decode(5, 2014, offset=offset)


def test_the_ends_of_the_calendar_are_refused_like_any_other_time():
    for moment in (
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ):
        with pytest.raises(OutOfRange):
            tid.encode(moment, 2014)


def test_the_time_zone_of_the_machine_does_not_enter(monkeypatch):
    moment = datetime(2026, 11, 21, 7, 0, tzinfo=PLUS_TWO)
    before = tid.encode(moment, 2014)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert tid.encode(moment, 2014) == before
    finally:
        monkeypatch.undo()
        time.tzset()

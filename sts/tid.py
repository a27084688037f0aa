"""The token identifier (TID): whole minutes since a base date, in 24 bits.

Token time is a fixed offset from UTC, one per supply group, never a zone with summer time: a repeated
hour would repeat identifiers. TIDs of one meter are compared as absolute minutes (since 1993), because
a meter may pass from one base date to the next. 00:01 of every day is reserved: a token that falls on
it takes the next minute. When a base date ends (`last_moment`), a vendor changes its meters to a
key with a later base date, with roll-over, because every old token would otherwise live again.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import IntEnum

from sts.bits import fits
from sts.errors import (
    BaseDateUnknown,
    OffsetNotFixed,
    OutOfRange,
    TimeAfterLastMinute,
    TimeBeforeBase,
    TimeNotAware,
    WrongType,
)

WIDTH = 24
LAST = (1 << WIDTH) - 1
MINUTES_A_DAY = 24 * 60
RESERVED_MINUTE = 1

UTC = timezone.utc  # noqa: UP017  (datetime.UTC is the same value; this spelling says that it is an offset)


class BaseDate(IntEnum):
    """1 January 00:00 of the year from which identifiers are counted."""

    Y1993 = 1993
    Y2014 = 2014
    Y2035 = 2035

    @property
    def code(self) -> str:
        """The two digits that enter DKGA04."""
        return f"{self % 100:02d}"

    @property
    def absolute_minute(self) -> int:
        """Where this base date stands on the one scale of all base dates."""
        return (datetime(self, 1, 1) - datetime(1993, 1, 1)) // timedelta(minutes=1)  # noqa: DTZ001


def base_date(value: object) -> BaseDate:
    """The base date of a year written as a number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BaseDateUnknown()
    try:
        return BaseDate(value)
    except ValueError:
        raise BaseDateUnknown() from None


def encode(moment: datetime, base: int, *, offset: timezone = UTC) -> int:
    """The identifier of the minute in which `moment` (aware) falls, on a clock at `offset`."""
    base = base_date(base)
    minute = (_wall_clock(moment, offset) - datetime(base, 1, 1)) // timedelta(minutes=1)  # noqa: DTZ001
    if minute < 0:
        raise TimeBeforeBase(base=int(base))
    if minute > LAST:
        raise TimeAfterLastMinute(base=int(base), last=f"{last_moment(base):%Y-%m-%d %H:%M}")
    return minute


def decode(tid: int, base: int, *, offset: timezone = UTC) -> datetime:
    """The first second of the minute that an identifier names, aware, at `offset`."""
    base = base_date(base)
    _offset(offset)
    return datetime(base, 1, 1, tzinfo=offset) + timedelta(minutes=fits("A TID", tid, WIDTH))


def absolute_minute(tid: int, base: int) -> int:
    """Minutes since 1993-01-01 00:00: the scale on which the TIDs of one meter rise for ever."""
    return base_date(base).absolute_minute + fits("A TID", tid, WIDTH)


def of_absolute_minute(minute: int, base: int) -> int:
    """The identifier, under `base`, of an absolute minute: the mirror of `absolute_minute`."""
    base = base_date(base)
    tid = minute - base.absolute_minute
    if tid < 0:
        raise TimeBeforeBase(base=int(base))
    if tid > LAST:
        raise TimeAfterLastMinute(base=int(base), last=f"{last_moment(base):%Y-%m-%d %H:%M}")
    return tid


def is_reserved(tid: int, base: int) -> bool:
    """Whether the identifier names 00:01 of a day. Every base date begins at midnight."""
    base_date(base)
    return fits("A TID", tid, WIDTH) % MINUTES_A_DAY == RESERVED_MINUTE


def next_issuable(tid: int, base: int) -> int:
    """This identifier, or the next when it is reserved."""
    return tid + 1 if is_reserved(tid, base) else tid


def last_moment(base: int, *, offset: timezone = UTC) -> datetime:
    """The last minute that a base date can name."""
    return decode(LAST, base, offset=offset)


def bases_for(moment: datetime, *, offset: timezone = UTC) -> tuple[BaseDate, ...]:
    """The base dates under which a moment has an identifier, the latest first."""
    wall = _wall_clock(moment, offset)
    return tuple(
        base
        for base in sorted(BaseDate, reverse=True)
        if timedelta(0) <= wall - datetime(base, 1, 1) < timedelta(minutes=LAST + 1)  # noqa: DTZ001
    )


def _wall_clock(moment: datetime, offset: timezone) -> datetime:
    if not isinstance(moment, datetime):
        raise WrongType(what="A time", expected="a date and time", found=type(moment).__name__)
    shift = _offset(offset)
    if moment.utcoffset() is None:
        raise TimeNotAware()
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) + shift
    except OverflowError:
        raise OutOfRange(what="A time", low="the year 1", high="the year 9999") from None


def _offset(offset: timezone) -> timedelta:
    if not isinstance(offset, timezone):
        raise OffsetNotFixed()
    shift = offset.utcoffset(None)
    if shift % timedelta(minutes=1):
        raise OffsetNotFixed()
    return shift

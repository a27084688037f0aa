"""Local time in tariffs: which period and season a moment belongs to, which window a counter covers, what has fallen due.

The site's time zone is an argument everywhere: a tariff says "weekdays 08:00 to 22:00" and means the wall clock of the
building. Windows are half open and given in UTC, so that a day of 23 or 25 hours needs no case of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from vending.tariffs.errors import CalendarInvalid

DAYS = (
    "all",
    "weekday",
    "weekend",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """On these days (and in these seasons; none named means all) from one minute of the day to another, half open."""

    period: str
    days: str
    start: str
    end: str
    seasons: tuple[str, ...] = ()

    def minutes(self) -> tuple[int, int]:
        return minute_of_day(self.start), minute_of_day(self.end)


@dataclass(frozen=True, slots=True)
class Season:
    """Months of the year, 1 to 12, in which the season holds."""

    name: str
    months: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Rules are tried in order; where none fits it is the default period. A holiday counts as a weekend."""

    default: str
    rules: tuple[PeriodRule, ...] = ()
    seasons: tuple[Season, ...] = ()
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not self.default:
            raise CalendarInvalid(
                "The calendar needs a default period for all hours that no rule names.", "calendar"
            )
        names = {season.name for season in self.seasons}
        if len(names) != len(self.seasons):
            raise CalendarInvalid("Two seasons have the same name.", "calendar")
        months = [month for season in self.seasons for month in season.months]
        if self.seasons and sorted(months) != list(range(1, 13)):
            raise CalendarInvalid("Each month must belong to exactly one season.", "calendar")
        for rule in self.rules:
            start, end = rule.minutes()
            if start >= end:
                raise CalendarInvalid(
                    f"The period {rule.period} from {rule.start} to {rule.end} ends before it starts. "
                    "Write a period over midnight as two rules, up to 24:00 and from 00:00.",
                    "calendar",
                )
            if rule.days not in DAYS:
                raise CalendarInvalid(f"{rule.days!r} is not one of {', '.join(DAYS)}.", "calendar")
            for season in rule.seasons:
                if season not in names:
                    raise CalendarInvalid(
                        f"The season {season} of {rule.period} is not described.", "calendar"
                    )

    def periods(self) -> tuple[str, ...]:
        """Every period that can be reached, the default last."""
        return tuple(dict.fromkeys([*(rule.period for rule in self.rules), self.default]))

    def season_at(self, day: date) -> str:
        return next((season.name for season in self.seasons if day.month in season.months), "")

    def period_at(self, moment: datetime, zone: tzinfo) -> str:
        """The period in which a moment falls. An interval belongs to the period in which it starts."""
        return self.period_on(moment.astimezone(zone))

    def period_on(self, local: datetime) -> str:
        """The same for the wall clock of the site."""
        day = local.date()
        minute = local.hour * 60 + local.minute
        season = self.season_at(day)
        for rule in self.rules:
            start, end = rule.minutes()
            if (
                start <= minute < end
                and self._falls_on(rule.days, day)
                and (not rule.seasons or season in rule.seasons)
            ):
                return rule.period
        return self.default

    def _falls_on(self, days: str, day: date) -> bool:
        if days == "all":
            return True
        free = day.weekday() >= 5 or day in self.holidays
        if days in ("weekday", "weekend"):
            return free is (days == "weekend")
        return DAYS.index(days) - 3 == day.weekday()


def minute_of_day(text: str) -> int:
    found = re.fullmatch(r"(\d\d):(\d\d)", text, re.ASCII)
    minute = int(found[1]) * 60 + int(found[2]) if found else MINUTES + 1
    if found is None or int(found[2]) > 59 or minute > MINUTES:
        raise CalendarInvalid(
            f"{text!r} is no time of day. Write it as 08:00; the end of the day is 24:00.", "calendar"
        )
    return minute


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Local midnight in UTC. Where a zone skips midnight, the first moment of that day."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_window(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """One local day as a half-open UTC window of 23, 24 or 25 hours."""
    return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)


def counter_window(counter: str, moment: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The window over which units before a sale are summed; None where the tariff keeps no counter by the calendar."""
    day = moment.astimezone(zone).date()
    if counter == "month":
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    elif counter == "year":
        first = day.replace(month=1, day=1)
        following = first.replace(year=first.year + 1)
    else:
        return None
    return start_of_day(first, zone), start_of_day(following, zone)


def months_due(last_charged: date | None, today: date, most: int | None = None) -> int:
    """Months whose fixed charge has not been taken: each calendar month after the last one charged, this one included.

    A meter that was never charged owes the current month only. `most` is the rule that unpaid months do not pile up.
    """
    if last_charged is None:
        return 1
    months = max((today.year - last_charged.year) * 12 + today.month - last_charged.month, 0)
    return months if most is None else min(months, most)


def days_due(last_charged: date | None, today: date) -> int:
    """Days whose daily charge has not been taken: those after the last one charged, today included."""
    return 1 if last_charged is None else max((today - last_charged).days, 0)

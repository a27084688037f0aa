"""When the nightly back-up is due: once after its time of day at the site, again an hour after a failure. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vending.backup.standing import Standing
from vending.settings import SettingWrong

AGAIN_AFTER = timedelta(hours=1)


def time_of_day(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text)
    if not found:
        raise SettingWrong(f"backup_at is a time of day such as 02:30, not {text!r}.")
    return int(found[1]), int(found[2])


def last_moment(now: datetime, zone: ZoneInfo, at: str) -> datetime:
    """The newest moment, not after now, at which it was that time at the site. A time that a change of clocks skips counts
    as the moment of the change."""
    hour, minute = time_of_day(at)
    local = now.astimezone(zone)
    for day in (local.date(), local.date() - timedelta(days=1)):
        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        if moment <= now:
            return moment
    raise AssertionError("yesterday's time of day is over")


def is_due(now: datetime, zone: ZoneInfo, at: str, standing: Standing) -> bool:
    wanted = last_moment(now, zone, at)
    if standing.made_at is not None and standing.made_at >= wanted:
        return False
    return (
        standing.failed_at is None or standing.failed_at < wanted or now - standing.failed_at >= AGAIN_AFTER
    )

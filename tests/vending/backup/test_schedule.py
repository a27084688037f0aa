"""Once a night, at the site's own time, also where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vending.backup import schedule
from vending.backup.standing import Standing
from vending.settings import SettingWrong

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "wanted"),
    [
        ("2026-11-28T00:29", JOHANNESBURG, "2026-11-27T00:30"),
        ("2026-11-28T00:30", JOHANNESBURG, "2026-11-28T00:30"),
        ("2026-11-28T23:00", JOHANNESBURG, "2026-11-28T00:30"),
        # 02:30 does not exist on the day that summer time begins: one moment counts for it, and only one.
        ("2026-03-29T00:59", BERLIN, "2026-03-28T01:30"),
        ("2026-03-29T02:00", BERLIN, "2026-03-29T01:30"),
        # It exists twice on the day that it ends: the first counts.
        ("2026-10-25T00:45", BERLIN, "2026-10-25T00:30"),
        ("2026-10-25T02:45", BERLIN, "2026-10-25T00:30"),
    ],
)
def test_the_newest_moment_of_that_time_of_day(now: str, zone: ZoneInfo, wanted: str) -> None:
    assert schedule.last_moment(utc(now), zone, "02:30") == utc(wanted)


def test_it_is_made_once_a_night_and_again_an_hour_after_a_failure() -> None:
    now = utc("2026-11-28T03:00")
    hour = timedelta(hours=1)

    def due(**standing: datetime) -> bool:
        return schedule.is_due(now, JOHANNESBURG, "02:30", Standing(**standing))

    assert due()
    assert due(made_at=now - 26 * hour)
    assert not due(made_at=now - 2 * hour)
    assert not due(made_at=now - 26 * hour, failed_at=now - hour / 2)
    assert due(made_at=now - 26 * hour, failed_at=now - hour)
    assert due(failed_at=now - 26 * hour)


@pytest.mark.parametrize("text", ["", "2:30", "24:00", "02:60", "02:30:00", "half past two"])
def test_a_time_of_day_is_hours_and_minutes(text: str) -> None:
    with pytest.raises(SettingWrong, match="time of day"):
        schedule.time_of_day(text)

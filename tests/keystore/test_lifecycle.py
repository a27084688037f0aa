"""Key states and the end of a key's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystore import lifecycle
from keystore.lifecycle import MOVES, STATES, KeyTime


@pytest.mark.parametrize("state", STATES)
def test_only_an_active_key_issues(state: str) -> None:
    assert (lifecycle.refusal(state) is None) == (state == "active")


@pytest.mark.parametrize("state", STATES)
def test_meters_can_leave_a_retired_or_compromised_key(state: str) -> None:
    assert (lifecycle.refusal(state, key_change=True) is None) == (
        state in ("active", "deactivated", "compromised")
    )


@pytest.mark.parametrize("state", STATES)
def test_a_token_that_was_issued_is_replayed_until_the_key_is_destroyed(state: str) -> None:
    said = lifecycle.refusal(state, replay=True)
    assert (said is None) == (state in ("active", "suspended", "deactivated", "compromised"))


def test_nothing_comes_back_from_the_end() -> None:
    assert MOVES["destroyed"] == ()
    assert not lifecycle.may_move("compromised", "active")
    assert not lifecycle.may_move("deactivated", "active")
    assert all(to in STATES for moves in MOVES.values() for to in moves)


@pytest.mark.parametrize(
    ("base", "ken", "end"),
    [
        (1993, 255, "2024-11-24T20:15:00+00:00"),
        (2014, 255, "2045-11-24T20:15:00+00:00"),
        (2035, 255, "2066-11-24T20:15:00+00:00"),
        (2014, 0, "2014-02-15T12:15:00+00:00"),
    ],
)
def test_the_last_minute(base: int, ken: int, end: str) -> None:
    assert lifecycle.last_minute(KeyTime(base, ken)) == datetime.fromisoformat(end)


@given(st.integers(0, 254), st.integers(0, 2**24 - 1))
def test_the_expiry_number_is_compared_with_the_upper_eight_bits(ken: int, tid: int) -> None:
    assert (tid <= lifecycle.last_tid(ken)) == (tid >> 16 <= ken)


@pytest.mark.parametrize(
    ("days", "horizon"),
    [(-1, "over"), (10, "90 days"), (200, "1 year"), (500, "2 years"), (1500, "5 years"), (3000, None)],
)
def test_the_horizon_report(days: int, horizon: str | None) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert lifecycle.horizon(now + timedelta(days=days), now) == horizon

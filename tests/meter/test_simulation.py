"""A building for months: repeatable to the digit, conserved to the grain."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from meter import simulation
from meter.building_cli import building
from meter.loads import SHAPES, Load
from meter.tenants import Habit, Tenant, mistyped
from meter.twin import Twin


def test_two_runs_with_one_seed_are_one_run_and_another_seed_is_another() -> None:
    first, second, other = (simulation.run(simulation.plan(15, seed), 12, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.trace != other.trace


def test_energy_in_is_energy_counted_is_credit_used() -> None:
    report = simulation.run(simulation.plan(30, 7), 30, 7)
    assert report.total.conserved
    assert report.total.flow_in == report.total.flow_counted
    assert 0 < report.total.flow_in < report.total.flow_wanted
    assert report.total.outcomes["ACCEPTED"] > 30
    assert report.total.cuts > 0


def test_the_books_catch_a_meter_that_gives_energy_away(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Twin.advance

    def generous(self: Twin, to: int, watts: int, spread: int = 0) -> None:
        honest(self, to, watts - (watts > 0 and to % 86_400 == 0), spread)

    monkeypatch.setattr(Twin, "advance", generous)
    assert not simulation.run(simulation.plan(3, 1), 5, 1).total.conserved


def test_the_command_ends_with_the_trace() -> None:
    results = [
        CliRunner().invoke(building, ["--units", "6", "--days", "5", "--seed", "3", "--json"])
        for _ in range(2)
    ]
    last = json.loads(results[0].stdout.splitlines()[-1])
    assert results[0].exit_code == 0
    assert len(last["trace"]) == 64
    assert last["energy_in"] == last["energy_counted"]
    assert results[0].stdout == results[1].stdout
    assert "agree to the last grain" in CliRunner().invoke(building, ["--units", "2", "--days", "2"]).stdout


@given(
    st.sampled_from(sorted(SHAPES)), st.integers(0, 10**6), st.integers(0, 4 * 10**9), st.integers(0, 10**6)
)
@settings(max_examples=300, deadline=None)
def test_a_load_is_a_pure_function_within_its_peak(kind: str, peak: int, second: int, seed: int) -> None:
    load = Load(kind, peak, seed, 3)
    flow, spread = load.at(second)
    assert (flow, spread) == Load(kind, peak, seed, 3).at(second // 900 * 900)
    assert 0 <= spread <= flow <= peak * 12 // 10


def test_offices_rest_on_sunday_and_cinemas_do_not() -> None:
    sunday = simulation.START + 3 * 86_400 + 15 * 3600
    tuesday = simulation.START + 5 * 86_400 + 15 * 3600
    assert Load("office", 10_000).at(sunday)[0] * 5 < Load("office", 10_000).at(tuesday)[0]
    assert Load("cinema", 10_000).at(sunday)[0] > Load("cinema", 10_000).at(tuesday)[0]


def test_habits_differ() -> None:
    monday_nine = simulation.START + 4 * 86_400 + 9 * 3600

    def bought(habit: Habit, credit: int, off: int | None = None) -> int:
        return Tenant(habit, 700, 1).wants(monday_nine, credit, off)

    assert bought(Habit.STEADY, 5000) > 0
    assert bought(Habit.EARLY, 5000) == 0
    assert bought(Habit.EARLY, 100) > 0
    assert bought(Habit.LATE, 0) == 0
    assert bought(Habit.LATE, 0, monday_nine - 30 * 3600) > 0
    assert bought(Habit.NEVER, 0, monday_nine - 30 * 3600) == 0
    assert Tenant(Habit.STEADY, 700, 1).wants(monday_nine - 8 * 3600, 0, 0) == 0


def test_a_slip_of_the_finger_changes_the_digits() -> None:
    digits = "01234567890123456789"
    changed = {mistyped(digits, 1, now) for now in range(2000)} - {None}
    assert changed
    assert digits not in changed

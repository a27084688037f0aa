"""Loads over time: exact sums, the second of the cut, protection, friendly hours, emergency credit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter import profile
from meter.loads import Load
from meter.outcome import Outcome
from meter.profile import Friendly
from meter.state import Cause
from meter.twin import Twin
from sts.tokens import CurrencyCredit, PhaseUnbalanceLimit, SetTariffRate

from .keying import START, a_token, a_twin, credit

DAY = 86_400
MIDNIGHT = START - START % DAY


def at(twin: Twin, moment: int, watts: int = 0) -> Twin:
    twin.advance(moment, watts)
    return twin


def test_ten_years_at_odd_loads_drift_by_nothing() -> None:
    twin = a_twin("three-phase-ct", ct_primary=200, ct_secondary=7, ct_applied_by="vendor")
    twin.state.credit[0] = twin.state.loaded[0] = 10**8 * twin.scales.unit[0]
    load, flow = Load("restaurant", 12_347, 5, phases=3), 0
    for step in range(10 * 365 * 96):
        watts, spread = load.at(twin.state.now)
        seconds = 900 - step % 3
        twin.advance(twin.state.now + seconds, watts, spread)
        flow += watts * seconds

    assert Fraction(twin.state.totals[0], twin.scales.kwh) == Fraction(flow, 3_600_000) * Fraction(7, 200)
    assert twin.state.supply
    assert twin.balances()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 13_800)), min_size=1, max_size=12))
def test_one_long_step_is_many_short_ones(steps: list[tuple[int, int]]) -> None:
    long, short = a_twin(units=30), a_twin(units=30)
    for seconds, watts in steps:
        long.advance(long.state.now + seconds, watts)
        while short.state.now < long.state.now:
            short.advance(min(short.state.now + 7, long.state.now), watts)

    assert long.snapshot() == short.snapshot()


def test_supply_is_cut_in_the_second_in_which_credit_ends_and_comes_back_with_a_token() -> None:
    twin = a_twin(units=1)
    at(twin, START + 1000, 3600)

    (cut,) = (each for each in twin.state.events if each.kind == "cut")
    assert cut.at == START + 100
    assert (twin.state.credit[0], twin.state.supply) == (0, False)
    assert twin.state.totals[0] == 360_000

    assert twin.enter(credit(10)).outcome is Outcome.ACCEPTED
    assert twin.state.supply


def test_low_credit_is_announced_once() -> None:
    twin = a_twin(units=210)
    for _ in range(40):
        at(twin, twin.state.now + 900, 4000)

    assert [each.kind for each in twin.state.events].count("low") == 1


def test_a_generator_kilowatt_hour_takes_more_credit_and_counts_on_its_own_register() -> None:
    twin = a_twin("two-source", units=1000)
    at(twin, START + 3600, 1000)
    twin.switch_source(1)
    at(twin, START + 7200, 1000)

    assert [total * 10 // twin.scales.kwh for total in twin.state.totals] == [10, 10]
    assert twin.credit_units() == 1000 - 10 - 24
    assert twin.balances()


@pytest.mark.parametrize(("applied_by", "tenths"), [("meter", 400), ("vendor", 10)])
def test_a_transformer_ratio_is_applied_by_the_meter_or_left_to_the_vendor(
    applied_by: str, tenths: int
) -> None:
    twin = a_twin("three-phase-ct", units=1000, ct_primary=200, ct_secondary=5, ct_applied_by=applied_by)
    at(twin, START + 3600, 40_000)

    assert twin.show("total")[0].figure == f"{tenths / 10:.1f}"
    assert twin.credit_units() == 1000 - tenths


def test_a_money_meter_charges_the_rate_of_its_register() -> None:
    twin = a_twin("currency")
    twin.enter(a_token(SetTariffRate(5, 1, 250)))
    twin.enter(a_token(CurrencyCredit(4, 2, 1_000_024)))
    at(twin, START + 3600, 1234)

    # 1.234 kWh at 2.50 is 3.085; 10.00024 - 3.085 = 6.91524.
    assert twin.credit_units() == 691_524
    assert twin.show("credit")[0].figure == "6.91"


def test_water_is_counted_in_litres_an_hour() -> None:
    twin = a_twin("water", units=20)
    at(twin, START + 3600, 500)

    assert twin.credit_units() == 15
    assert twin.show("total")[0].figure == "0.5"


class TestProtection:
    def test_too_much_power_trips_after_the_configured_time_and_comes_back_by_itself(self) -> None:
        twin = a_twin(units=5000)
        at(twin, START + 29, 13_801)
        assert twin.state.supply
        at(twin, START + 30, 13_801)
        assert twin.state.causes == Cause.OVERLOAD
        at(twin, START + 59, 100)
        assert not twin.state.supply
        at(twin, START + 60, 100)
        assert twin.state.supply

    def test_a_short_peak_is_borne(self) -> None:
        twin = a_twin(units=5000)
        for second in range(10):
            at(twin, START + 30 * second + 29, 20_000)
            at(twin, START + 30 * second + 30, 100)

        assert twin.state.supply

    def test_every_fifth_trip_waits_long(self) -> None:
        twin = a_twin(units=50_000)
        at(twin, START + 4 * 60 + 30 + 60, 14_000)

        assert not twin.state.supply
        assert twin.state.restore_at == START + 4 * 60 + 30 + 1800

    def test_a_manual_restore_needs_the_wait_and_the_key(self) -> None:
        model = replace(profile.load("three-phase-ct"))
        twin = a_twin(model, units=5000)
        twin.state.power_limit_w = 9000
        at(twin, START + 60, 9001)
        assert twin.state.causes == Cause.OVERLOAD
        assert not twin.restore()
        at(twin, START + 600, 0)
        assert not twin.state.supply
        assert twin.restore()
        assert twin.state.supply

    def test_unequal_phases_trip(self) -> None:
        twin = a_twin("three-phase-ct", units=5000)
        twin.enter(a_token(PhaseUnbalanceLimit(5, 1, 900)))
        twin.advance(START + 60, 3000, 901)

        assert twin.state.causes == Cause.UNBALANCE

    def test_an_opened_cover_cuts_and_credit_does_not_help(self) -> None:
        twin = a_twin(units=5000)
        twin.tamper("cover")
        assert twin.enter(credit()).accepted
        assert twin.state.causes == Cause.TAMPER

    def test_a_command_from_afar_holds_until_it_is_taken_back(self) -> None:
        twin = a_twin(units=5000)
        twin.disconnect()
        assert twin.enter(credit()).accepted
        assert twin.state.causes == Cause.REMOTE
        twin.reconnect()
        assert twin.state.supply

    def test_a_model_may_want_a_press_after_a_reconnect_from_afar(self) -> None:
        twin = a_twin("three-phase-ct", units=5000)
        twin.disconnect()
        twin.reconnect()
        assert twin.state.causes == Cause.READY
        assert twin.restore()
        assert twin.state.supply


class TestFriendlyHours:
    NIGHT = replace(profile.load("single-phase"), friendly=Friendly(22 * 60, 6 * 60))

    def _empty_at(self, hour: int, **installed: object) -> Twin:
        twin = a_twin(self.NIGHT, **installed)
        twin.power_off()
        at(twin, MIDNIGHT + DAY + hour * 3600)
        twin.power_on()
        twin.enter(credit(1))
        return twin

    def test_supply_stays_on_at_night_and_the_debt_is_kept(self) -> None:
        twin = self._empty_at(23)
        at(twin, MIDNIGHT + DAY + 24 * 3600, 3600)
        assert twin.state.supply
        assert twin.credit_units() < 0
        at(twin, MIDNIGHT + DAY + 30 * 3600, 100)
        assert not twin.state.supply
        (cut,) = (
            each for each in twin.state.events if each.kind == "cut" and each.at > MIDNIGHT + DAY + 23 * 3600
        )
        assert cut.at == MIDNIGHT + DAY + 30 * 3600

    def test_by_day_it_is_cut(self) -> None:
        assert not at(self._empty_at(12), MIDNIGHT + DAY + 13 * 3600, 3600).state.supply

    def test_on_a_holiday_it_is_not(self) -> None:
        from datetime import UTC, datetime

        day = datetime.fromtimestamp(MIDNIGHT + DAY, UTC).date().isoformat()
        twin = self._empty_at(12, holidays=frozenset({day}))
        assert at(twin, MIDNIGHT + DAY + 13 * 3600, 3600).state.supply

    def test_a_model_without_friendly_hours_is_cut_on_a_holiday_too(self) -> None:
        every_day = frozenset(f"2026-09-{day:02d}" for day in range(1, 31))
        assert not at(a_twin(units=1, holidays=every_day), START + 200, 3600).state.supply

    def test_the_site_s_own_time_counts(self) -> None:
        twin = self._empty_at(20, utc_offset_minutes=120)
        assert at(twin, MIDNIGHT + DAY + 21 * 3600, 3600).state.supply

    def test_a_meter_without_its_clock_has_none(self) -> None:
        twin = a_twin(self.NIGHT)
        twin.state.battery_ok = False
        twin.power_off()
        at(twin, MIDNIGHT + DAY + 23 * 3600)
        twin.power_on()
        twin.enter(credit(1))
        assert not at(twin, twin.state.now + 1800, 3600).state.supply


def test_emergency_credit_is_taken_once_and_paid_back_by_the_next_token() -> None:
    twin = a_twin(units=1)
    at(twin, START + 100, 3600)
    assert not twin.state.supply
    assert twin.take_emergency()
    assert twin.state.supply
    assert not twin.take_emergency()
    at(twin, START + 100 + 49 * 100, 3600)
    assert twin.state.supply
    at(twin, START + 100 + 50 * 100, 3600)
    assert not twin.state.supply
    twin.enter(credit(60))
    assert twin.credit_units() == 10
    assert not twin.state.emergency


def test_emergency_credit_is_not_for_those_who_have_credit() -> None:
    assert not a_twin(units=5000).take_emergency()

"""Random lives: the twin and the slow meter must agree on every answer, every grain and the relay, at every step."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from meter import profile, tid_memory
from meter.profile import Friendly, Profile
from meter.state import Cause
from meter.twin import Twin
from sts.tokens import ClearCredit, ClearTamper, Credit, MeterTest, PowerLimit

from .keying import START, a_key, a_token, a_twin, key_change
from .slow_meter import UNIT, SlowMeter

MODELS = st.builds(
    lambda friendly, survives, restore, emergency: _model(friendly, survives, restore, emergency),
    st.sampled_from(
        [Friendly(), Friendly(0, 1440), Friendly(1320, 830), Friendly(800, 840), Friendly(weekdays=(0,))]
    ),
    st.booleans(),
    st.sampled_from(["auto", "manual"]),
    st.sampled_from([0, 1]),
)
KEYS = (a_key(1), a_key(2, krn=2), a_key(3, krn=3, ken=15))


def _model(friendly: Friendly, survives: bool, restore: str, emergency: int) -> Profile:
    """A meter with a short memory and short times, so that a short life meets every rule."""
    found = profile.load("single-phase")
    return replace(
        found,
        tid_memory=4,
        key_set_limit_s=120,
        friendly=friendly,
        accounts=(replace(found.accounts[0], max_units=40, low_units=2, emergency_units=emergency),),
        lockout=replace(found.lockout, survives_power_cut=survives, cap_s=80),
        protection=replace(
            found.protection,
            power_limit_w=9_000,
            trip_s=7,
            wait_s=20,
            tries=2,
            long_wait_s=90,
            restore=restore,
        ),
    )


class Lives(RuleBasedStateMachine):
    """Events that a meter meets."""

    @initialize(model=MODELS)
    def deliver(self, model: Profile) -> None:
        self.model = model
        self.twin: Twin = a_twin(model)
        self.slow = SlowMeter(model, a_key(), START)
        self.key = 0

    def _both(self, digits: str) -> str:
        answers = (self.twin.enter(digits).outcome.name, self.slow.enter(digits))
        assert answers[0] == answers[1]
        return answers[0]

    @rule(units=st.sampled_from([1, 2, 3, 10, 30]), tid=st.integers(0, 9), late=st.booleans())
    def pay(self, units: int, tid: int, late: bool) -> None:
        self._both(a_token(Credit(0, 3, tid + (16 << 16 if late else 0), units), KEYS[0]))

    @rule(units=st.sampled_from([1, 5]), tid=st.integers(0, 9))
    def pay_on_the_present_key(self, units: int, tid: int) -> None:
        self._both(a_token(Credit(0, 3, tid, units), KEYS[self.key]))

    @rule(seconds=st.integers(1, 150), watts=st.sampled_from([0, 1, 700, 8_999, 9_000, 9_001, 12_345]))
    def draw(self, seconds: int, watts: int) -> None:
        self.twin.advance(self.twin.state.now + seconds, watts)
        self.slow.seconds(seconds, watts)

    @rule(digits=st.sampled_from(["0" * 20, "123", "9" * 20, "12345678901234567890"]))
    def mistype(self, digits: str) -> None:
        self._both(digits)

    @rule(limit=st.sampled_from([0, 500, 9_000, 13_800, 16_000]), tid=st.integers(0, 9))
    def limit(self, limit: int, tid: int) -> None:
        self._both(a_token(PowerLimit(3, tid, limit), KEYS[self.key]))

    @rule(tid=st.integers(0, 9))
    def clear(self, tid: int) -> None:
        self._both(a_token(ClearCredit(3, tid, 0), KEYS[self.key]))

    @rule(
        to=st.integers(0, 2),
        which=st.permutations(range(4)),
        rollover=st.booleans(),
        number=st.integers(1, 4),
    )
    def change_key(self, to: int, which: list[int], rollover: bool, number: int) -> None:
        tokens = key_change(KEYS[to], KEYS[self.key], rollover=rollover)
        for at in which[:number]:
            if self._both(tokens[at]) == "ACCEPTED":
                self.key = to

    @rule(control=st.sampled_from([1, 2, 5, 1 << 17]))
    def test_token(self, control: int) -> None:
        self._both(a_token(MeterTest(0, control)))

    @rule(tid=st.integers(0, 9))
    def tamper_and_clear(self, tid: int) -> None:
        self.twin.tamper("cover")
        self.slow.reasons.add("tamper")
        self._both(a_token(ClearTamper(3, tid), KEYS[self.key]))

    @rule(seconds=st.integers(0, 90), battery=st.booleans())
    def cut_power(self, seconds: int, battery: bool) -> None:
        self.twin.state.battery_ok = self.slow.battery_ok = battery
        self.twin.power_off()
        self.twin = Twin.from_memory(self.model, self.twin.installation, self.twin.snapshot())
        self.twin.advance(self.twin.state.now + seconds, 0)
        self.twin.power_on()
        self.slow.cut_power(seconds)

    @rule()
    def set_clock(self) -> None:
        self.twin.set_clock(self.twin.state.now)
        self.slow.clock_ok = True

    @rule()
    def remote(self) -> None:
        self.twin.disconnect()
        self.slow.reasons.add("remote")

    @rule()
    def remote_back(self) -> None:
        self.twin.reconnect()
        self.slow.reasons.discard("remote")
        self.slow._look()

    @rule()
    def press_restore(self) -> None:
        self.twin.restore()
        if self.slow.now >= self.slow.restore_at:
            self.slow.reasons.discard("overload")
        self.slow._look()

    @rule()
    def ask_for_emergency(self) -> None:
        taken = self.twin.take_emergency()
        allowed = bool(self.model.accounts[0].emergency_units) and not self.slow.emergency and self.slow.low
        assert taken == allowed
        if allowed:
            self.slow.emergency = True
            self.slow._look()

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "twin"):
            return
        state, scales = self.twin.state, self.twin.scales
        assert Fraction(state.credit[0], scales.unit[0]) * UNIT == self.slow.kwh
        assert Fraction(state.totals[0], scales.kwh) == self.slow.counted
        assert {each.name.lower() for each in Cause if each in state.causes and each} == self.slow.reasons
        assert state.tids == self.slow.seen
        assert bool(state.low) == self.slow.low
        assert self.twin.balances()


def test_agrees_with_the_slow_meter_over_random_lives() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.long
def test_agrees_with_the_slow_meter_over_very_many_lives() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=5_000, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


FAULTS = {
    "a used token is forgotten": (tid_memory, "holds", lambda held, tid: False),
    "an old token is taken": (tid_memory, "is_old", lambda held, size, tid: False),
    "the newest token is dropped instead of the oldest": (
        tid_memory,
        "remember",
        lambda held, size, tid: held.append(tid) if len(held) < size else None,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_comparison_catches_a_planted_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[fault])

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=250,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                derandomize=True,
                phases=[Phase.generate],
            ),
        )

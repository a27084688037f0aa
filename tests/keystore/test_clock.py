"""When the module's clock is believed: on a live file, with and without a time server."""

from __future__ import annotations

from pathlib import Path

import pytest
from keystore_cast import SetTime

from keystore.clock import Clock, SimulatedTime
from keystore.errors import ClockInvalid

HOUR, DAY = 3600.0, 86400.0


def stopped_for(seconds: float, *, in_step: bool) -> Clock:
    source = SetTime()
    return Clock(source, source.at - seconds, all_test=False, in_step=lambda: in_step)


@pytest.mark.parametrize(
    ("stopped", "in_step", "signatures"),
    [
        (60, False, None),
        (HOUR, True, None),
        (HOUR, False, "one"),
        (30 * DAY, True, None),
        (30 * DAY, False, "one"),
        (32 * DAY, True, "quorum"),
        (-60, False, None),
        (-HOUR, True, "none"),
    ],
)
def test_after_a_stop(stopped: float, in_step: bool, signatures: str | None) -> None:
    doubt = stopped_for(stopped, in_step=in_step).doubt()
    assert (doubt.signatures if doubt else None) == signatures


@pytest.mark.parametrize(("step", "signatures"), [(-100, None), (-200, "one"), (500, None), (700, "one")])
def test_a_step_while_running(step: float, signatures: str | None) -> None:
    source = SetTime()
    clock = Clock(source, source.at - HOUR, all_test=True)
    assert clock.doubt() is None
    source.at += step
    doubt = clock.doubt()
    assert (doubt.signatures if doubt else None) == signatures


def test_a_clock_that_comes_back_is_believed_again() -> None:
    source = SetTime()
    clock = Clock(source, None, all_test=False)
    source.jump(hours=5)
    assert clock.doubt() is not None
    source.jump(hours=-5)
    assert clock.doubt() is None


def test_many_small_steps_forward_add_up_to_a_jump() -> None:
    source = SetTime()
    clock = Clock(source, None, all_test=False)
    found = None
    for _ in range(3):
        source.pass_(minutes=5)
        source.jump(seconds=300)
        found = clock.doubt()
        clock.logged(source.at)
    assert found is not None
    assert found.signatures == "one"
    clock.confirm()
    # A slow machine clock that a time server sets right every day is believed for ever.
    for _ in range(30):
        source.pass_(hours=24)
        source.jump(seconds=90)
        assert clock.doubt() is None


def test_many_small_steps_do_not_add_up_to_a_jump_backward_past_the_log() -> None:
    source = SetTime()
    clock = Clock(source, None, all_test=False)
    clock.logged(source.at)
    for _ in range(3):
        source.jump(seconds=-100)
        found = clock.doubt()
    assert found is not None
    assert found.signatures == "none"


def test_the_simulated_clock_follows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    path.write_text('{"at": "2045-11-24T20:14:00+00:00", "real": 0, "speed": 0}')
    source = SimulatedTime(str(path))
    first = source.wall()
    path.write_text('{"at": "2045-11-24T20:15:00+00:00", "real": 0.5, "speed": 0}')
    assert source.wall() - first == 60
    with pytest.raises(ClockInvalid, match="Give a time"):
        SimulatedTime(str(tmp_path / "nothing"))

"""The twin's driver against a building that lies, stalls or vanishes. What it does well is in the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from building_on_a_socket import Building, Fault
from fake_meter import GOOD, FakeMeter

from meter.driver import TokenStatus, open_driver, switching
from meter.errors import (
    DriverUrlWrong,
    MeterAnswerWrong,
    MeterError,
    MeterTimedOut,
    MeterUnreachable,
    OutcomeUnknown,
)
from meter.twin_driver import TwinDriver


@pytest.fixture
def fake() -> FakeMeter:
    return FakeMeter()


@pytest.fixture
def building(tmp_path: Path, fake: FakeMeter) -> Iterator[Building]:
    serving = Building(tmp_path / "b.sock", fake)
    yield serving
    serving.close()


def once(verb_marker: str, damage: Fault) -> Fault:
    """Damage the first answer that holds the marker, and no other."""
    spent: list[bool] = []

    def fault(line: bytes) -> bytes | None:
        if verb_marker.encode() in line and not spent:
            spent.append(True)
            return damage(line)
        return line

    return fault


@pytest.mark.parametrize(
    "url",
    [
        "twin:relative.sock?pan=1",
        "twin:/a.sock",
        "twin:/a.sock?pan=12a",
        "twin:/a.sock?pan=1&timeout=x",
        "twin:/a.sock?pan=1&timeout=0",
        "twin:/a.sock?pan=1&colour=red",
    ],
)
def test_refuses_a_url_it_cannot_follow(url: str) -> None:
    with pytest.raises(DriverUrlWrong):
        open_driver(url)


def test_says_that_no_building_is_there(tmp_path: Path) -> None:
    with pytest.raises(MeterUnreachable, match="meter building serve"):
        open_driver(f"twin:{tmp_path}/none.sock?pan=1").info()


def test_passes_on_the_building_s_refusal(building: Building) -> None:
    with pytest.raises(MeterError) as refused:
        TwinDriver(str(building.path), "1").info()
    assert refused.value.code == "meter_unknown"


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b"\xff\xfe\n",
        lambda line: b"[]\n",
        lambda line: b"[" * 60_000 + b"\n",
        lambda line: b"x" * 70_000 + b"\n",
        lambda line: line.replace(b'"id":1', b'"id":99'),
        lambda line: line.replace(b'"pan"', b'"nap"'),
        lambda line: line.replace(b'"krn":1', b'"krn":"1"'),
    ],
    ids=["not text", "not an object", "deep", "endless", "another question", "field missing", "wrong kind"],
)
def test_takes_nothing_from_a_damaged_answer(building: Building, fake: FakeMeter, damage: Fault) -> None:
    driver = open_driver(building.url(fake))
    building.fault = once("capabilities", damage)
    with pytest.raises(MeterAnswerWrong):
        driver.info()
    assert driver.info().pan == fake.pan, "the next question works again"


def test_gives_up_at_its_time_out_when_the_meter_plays_dead(building: Building, fake: FakeMeter) -> None:
    building.fault = lambda line: None
    with pytest.raises(MeterTimedOut):
        open_driver(building.url(fake, timeout_s=0.2)).info()


def test_reads_back_the_result_of_a_token_whose_answer_was_lost(building: Building, fake: FakeMeter) -> None:
    driver = open_driver(building.url(fake, timeout_s=0.5))
    building.fault = once('"number":1,', lambda line: b"noise\n")
    outcome = driver.enter_token(GOOD)
    assert (outcome.status, outcome.recovered) == (TokenStatus.ACCEPTED, True)
    assert fake.entries == [GOOD], "sent once"


def test_says_unknown_when_nothing_tells_what_became_of_the_token(
    building: Building, fake: FakeMeter
) -> None:
    driver = open_driver(building.url(fake, timeout_s=0.3))
    assert driver.capabilities
    answered: list[bytes] = []

    def silent_after_history(line: bytes) -> bytes | None:
        answered.append(line)
        return line if len(answered) == 1 else None

    building.fault = silent_after_history
    with pytest.raises(OutcomeUnknown) as unknown:
        driver.enter_token(GOOD)
    assert GOOD not in str(unknown.value)
    assert fake.entries == [GOOD]


def test_a_question_the_building_cannot_read_is_answered_with_a_sentence(building: Building) -> None:
    from meter.twin_wire import answer

    for line in (b"nonsense\n", b"[]\n", b'{"id":1,"verb":"fly"}\n', b'{"id":1,"verb":["info"]}\n'):
        answered = answer(line, lambda pan: None, list)
        assert answered is not None
        assert json.loads(answered)["ok"] is False


def test_a_switch_whose_answer_is_lost_is_unknown_and_one_that_never_left_is_not(
    building: Building, fake: FakeMeter
) -> None:
    """A building that goes away after the command was sent may have obeyed; one that is not there has not."""
    driver = switching(open_driver(building.url(fake)))

    def hang_up(line: bytes) -> bytes | None:
        raise ConnectionAbortedError

    building.fault = hang_up
    with pytest.raises(OutcomeUnknown):
        driver.disconnect()
    with pytest.raises(MeterUnreachable):
        switching(open_driver(f"twin:{building.path}.gone?pan={fake.pan}")).disconnect()

"""One suite for every driver: the same meter behind each wire must look the same through the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from building_on_a_socket import Building
from fake_meter import FIRST_OF_SET, GOOD, OVERFLOWING, FakeMeter

from meter import driver as port
from meter.driver import Capability, MeterDriver, Quantity, Relay, RelayState, TokenStatus, open_driver
from meter.errors import AbilityMissing, DriverUnknown, TokenDigitsWrong
from meter.line_profile import load
from meter.pty_line import PtyLine
from meter.serial_driver import SerialDriver, SerialPort
from meter.serial_meter import PortSettings, SerialMeter

Opener = Callable[[FakeMeter], MeterDriver]
ALL = Capability.TOKEN | Capability.SWITCH | Capability.HISTORY | Capability.CLOCK


def twin(meter: FakeMeter, tmp_path: Path, stack: ExitStack) -> MeterDriver:
    building = Building(tmp_path / "b.sock", meter)
    stack.callback(building.close)
    return open_driver(building.url(meter))


def serial(meter: FakeMeter, tmp_path: Path, stack: ExitStack) -> MeterDriver:
    """A real pty, both ends at a fixed 19,200 Bd, at the pace that this rate has."""
    standard = load("standard")
    profile = replace(standard, initial_baud=19_200, times=replace(standard.times, quiet_s=0.05))
    served = stack.enter_context(
        PtyLine(SerialMeter(meter, PortSettings(profile=profile, offered_baud=19_200)))
    )
    return SerialDriver(lambda: SerialPort(served.name, profile), profile)


WIRES = {"serial": serial, "twin": twin}


@pytest.fixture(params=WIRES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as stack:

        def opener(meter: FakeMeter) -> MeterDriver:
            driver = WIRES[request.param](meter, tmp_path, stack)
            stack.callback(driver.close)
            return driver

        yield opener


def test_tells_who_it_is(opened: Opener) -> None:
    meter = FakeMeter()
    info = opened(meter).info()
    assert (info.pan, info.number, info.service) == (meter.pan, meter.number, "electricity")
    assert info.keys == meter.info().keys


def test_reads_credit_totals_relay_and_limit_exactly(opened: Opener) -> None:
    meter = FakeMeter(credit_wh=-12_340, tamper=("cover",))
    reading = opened(meter).read()
    assert reading.credit == Quantity(-12_340, "Wh")
    assert reading.total("1-0:1.8.0") == Quantity(1_234_560, "Wh")
    assert reading.relay == Relay(RelayState.CLOSED)
    assert reading.power_limit == Quantity(9_200, "W")
    assert reading.tamper == ("cover",)
    assert reading.at == meter.at


def test_enters_a_token_once_and_tells_the_new_credit(opened: Opener) -> None:
    meter = FakeMeter()
    outcome = opened(meter).enter_token(GOOD)
    assert (outcome.status, outcome.accepted, outcome.recovered) == (TokenStatus.ACCEPTED, True, False)
    assert outcome.credit == Quantity(22_340, "Wh")
    assert meter.entries == [GOOD]


@pytest.mark.parametrize(
    ("token", "status", "accepted"),
    [
        (OVERFLOWING, TokenStatus.OVERFLOW, False),
        (FIRST_OF_SET, TokenStatus.FIRST_KEY_CHANGE, True),
        ("99999999999999999999", TokenStatus.CRC, False),
    ],
)
def test_passes_on_what_the_meter_says_of_a_token(
    opened: Opener, token: str, status: TokenStatus, accepted: bool
) -> None:
    meter = FakeMeter()
    outcome = opened(meter).enter_token(token)
    assert (outcome.status, outcome.accepted) == (status, accepted)
    assert meter.credit_wh == 12_340


def test_a_second_entry_is_used_and_credits_nothing(opened: Opener) -> None:
    meter = FakeMeter()
    driver = opened(meter)
    driver.enter_token(GOOD)
    assert driver.enter_token(GOOD).status is TokenStatus.USED
    assert meter.credit_wh == 22_340


def test_lock_out_is_passed_on(opened: Opener) -> None:
    assert opened(FakeMeter(locked_out=True)).enter_token(GOOD).status is TokenStatus.LOCKED_OUT


@pytest.mark.parametrize("typed", ["", "1" * 19, "1" * 21, "x" * 20, "٣" * 20])
def test_refuses_digits_that_are_no_token_before_anything_is_sent(opened: Opener, typed: str) -> None:
    meter = FakeMeter()
    driver = opened(meter)
    with pytest.raises(TokenDigitsWrong) as refused:
        driver.enter_token(typed)
    assert not typed or typed not in str(refused.value)
    assert meter.entries == []


def test_switches_the_supply_off_and_on(opened: Opener) -> None:
    meter = FakeMeter()
    driver = port.switching(opened(meter))
    assert driver.disconnect() == Relay(RelayState.OPEN, "remote")
    assert meter.relay.state is RelayState.OPEN
    assert driver.reconnect() == Relay(RelayState.CLOSED)
    assert meter.relay.state is RelayState.CLOSED


def test_running_out_opens_the_relay_and_a_token_closes_it(opened: Opener) -> None:
    meter = FakeMeter()
    driver = opened(meter)
    meter.consume(50_000)
    spent = driver.read()
    assert (spent.credit, spent.relay) == (Quantity(0, "Wh"), Relay(RelayState.OPEN, "credit"))
    driver.enter_token(GOOD)
    assert driver.read().relay == Relay(RelayState.CLOSED)


def test_remembers_the_last_tokens_newest_first_and_never_whole(opened: Opener) -> None:
    meter = FakeMeter()
    driver = opened(meter)
    driver.enter_token(OVERFLOWING)
    driver.enter_token(GOOD)
    tokens = port.token_history(driver).last_tokens()
    assert [(one.tail, one.status) for one in tokens] == [("3471", 1), ("1111", 4)]
    assert tokens[0].at == meter.at


def test_tells_the_time_of_the_meter(opened: Opener) -> None:
    meter = FakeMeter()
    assert port.clocked(opened(meter)).clock() == meter.at


def test_offers_everything_it_has(opened: Opener) -> None:
    assert opened(FakeMeter()).capabilities == ALL


def test_refuses_what_the_meter_does_not_offer(tmp_path: Path) -> None:
    with ExitStack() as stack:
        driver = twin(FakeMeter(abilities=Capability.TOKEN), tmp_path, stack)
        with pytest.raises(AbilityMissing):
            port.switching(driver)


def test_can_be_closed_and_used_again(opened: Opener) -> None:
    meter = FakeMeter()
    driver = opened(meter)
    driver.read()
    driver.close()
    driver.close()
    assert driver.info().pan == meter.pan


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(DriverUnknown, match="serial"):
        open_driver("pigeon:loft")

"""Registers on the line: exact both ways, for every model of twin and for every odd figure; what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fake_meter import FakeMeter
from hypothesis import given
from hypothesis import strategies as st
from simulated_line import SimulatedLine

from meter import profile as models
from meter import registers
from meter.datasets import Value, data_set
from meter.driver import Account, LastToken, Quantity, Reading, Register, Relay, RelayState, token_history
from meter.errors import MeterAnswerWrong
from meter.line_profile import load, names
from meter.local_driver import Hosted, LocalDriver
from meter.obis import full, same_register
from meter.serial_driver import SerialDriver
from meter.serial_meter import PortSettings, SerialMeter
from tests.meter.keying import a_twin

STANDARD = load("standard")
NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("model", models.list_names())
@pytest.mark.parametrize("line_profile", names())
def test_every_model_reads_the_same_over_the_line(model: str, line_profile: str) -> None:
    twin = a_twin(model, units=1_234)
    twin.advance(twin.state.now + 3_600, 2_345)
    twin.tamper("cover")
    behind = LocalDriver(Hosted(twin, None))
    profile = load(line_profile)
    line = SimulatedLine(SerialMeter(behind, PortSettings(profile=profile)))
    driver = SerialDriver(lambda: line, profile)
    seen, true = driver.read(), behind.read()
    assert (seen.credit, seen.relay) == (true.credit, true.relay)
    assert set(seen.registers) == set(true.registers)
    if line_profile != "energomera-like":
        assert (seen.tamper, seen.power_limit, seen.accounts) == (
            true.tamper,
            true.power_limit,
            true.accounts,
        )
        assert driver.info() == replace(
            behind.info(), maker="AMp", model="TWIN", firmware=driver.info().firmware
        )
        assert driver.last_tokens() == token_history(behind).last_tokens()[:5]


@given(st.integers(-(10**12), 10**12), st.sampled_from(["Wh", "W", "l", "l/h", "minor"]))
def test_a_quantity_comes_back_exactly(amount: int, unit: str) -> None:
    one = Quantity(amount, unit)
    assert registers.quantity_from(registers.quantity_value(one), "x") == one


@pytest.mark.parametrize(
    "value",
    [
        Value("", "kWh"),
        Value("---.-", "kWh"),
        Value("1.2345", "kWh"),
        Value("1e3", "kWh"),
        Value("NaN", "kWh"),
        Value("٣", "kWh"),
        Value("9" * 30, "kWh"),
        Value("1.2.3", "kWh"),
        Value("0.5", "Wh"),
    ],
    ids=repr,
)
def test_refuses_a_figure_that_is_not_whole(value: Value) -> None:
    with pytest.raises(MeterAnswerWrong):
        registers.quantity_from(value, "credit")


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("relay", ("3", "4", "0")),
        ("relay", ("", "4", "0")),
        ("keys", ("123456", "1")),
        ("keys", ("123456", "1", "2", "1", "255", "x")),
        ("tamper", ("XYZ",)),
        ("tamper", ("-1",)),
        ("time", ("250000",)),
        ("date", ("261332",)),
    ],
)
def test_refuses_a_register_that_does_not_read(code: str, values: tuple[str, ...]) -> None:
    meter = FakeMeter()
    sets = registers.readout(meter.info(), meter.read(), (), NOW, 0, STANDARD.registers)
    spoilt = [
        data_set(one.address, *values) if one.address == STANDARD.registers[code] else one for one in sets
    ]
    with pytest.raises(MeterAnswerWrong):
        registers.info_from(spoilt, STANDARD.registers, "AMP")
        registers.reading_from(spoilt, STANDARD.registers, NOW)


def test_several_credits_travel_with_their_names() -> None:
    reading = Reading(
        at=NOW,
        credit=Quantity(1, "Wh"),
        relay=Relay(RelayState.READY, "phase unbalance"),
        registers=(Register("8-0:1.0.0", Quantity(12, "l")),),
        tamper=("terminal cover", "something else"),
        accounts=(Account("mains", Quantity(1, "Wh")), Account("generator", Quantity(-2, "Wh"))),
    )
    sets = registers.readout(FakeMeter().info(), reading, (), NOW, 0, STANDARD.registers)
    assert registers.reading_from(sets, STANDARD.registers, NOW) == replace(
        reading, tamper=("terminal cover", "other")
    )


@pytest.mark.parametrize("tail", ["12", "12a4", "****"])
def test_a_last_token_shows_four_digits_or_is_refused(tail: str) -> None:
    with pytest.raises(MeterAnswerWrong):
        registers.last_token_from(data_set("C.53.1", f"xxxx{tail}", "01", "2611210700"))
    assert registers.last_token_from(data_set("C.53.1", "", "", "")) is None
    one = LastToken("3471", 1, NOW)
    assert registers.last_token_from(registers.last_token_set("C.53.1", one)) == one


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("1.8.0", "1-0:1.8.0"),
        ("1.8.0*255", "1-0:1.8.0"),
        ("1.8.0*01", "1-0:1.8.0*01"),
        ("1.8.0&01", "1-0:1.8.0*01"),
        ("C.1.0", "0-0:96.1.0"),
        ("F.F", "0-0:97.97.0"),
        ("0-0:96.50.1*255", "0-0:96.50.1"),
        ("SNUMB", "SNUMB"),
    ],
)
def test_codes_have_one_full_form(short: str, long: str) -> None:
    assert full(short) == long
    assert same_register(short, long)

"""T-11, the short form: 20,000 damaged frames, calls under damage, storms, and a real pty whose cable is pulled.

The long form: `pytest -m long tests/batteries/test_t11_serial_line.py` (10 million frames; hours).
Each layer first catches a planted fault: a receiver that believes every check, a driver that writes again blindly.
"""

from __future__ import annotations

import contextlib
import os
import threading
import tracemalloc
from dataclasses import replace

import pytest
from fake_meter import GOOD, FakeMeter
from line_battery import STANDARD, damaged_calls, damaged_frames, storms

from meter.driver import LastToken, Outcome, TokenStatus
from meter.errors import MeterError, MeterUnreachable, OutcomeUnknown, PortBusy
from meter.framing import Bcc, Expecting, Framing, Receiver
from meter.line_client import LineClient
from meter.pty_line import PtyLine
from meter.serial_driver import SerialDriver, SerialPort
from meter.serial_meter import PortSettings, SerialMeter


def believing(expecting: Expecting, framing: Framing) -> Receiver:
    """The planted fault: it reads a check character and does not look at it."""

    class Believing(Receiver):
        def _finish_block(self, sent: int | None):  # type: ignore[no-untyped-def]
            self._parity_wrong = False
            self._held = self._held if sent is None else self._held[:-1]
            return super()._finish_block(None)

    return Believing(expecting, framing=framing, bcc=Bcc.XOR)


class BlindDriver(SerialDriver):
    """The planted fault: after a lost confirmation it writes the token again without asking."""

    def _looked_up(self, client: LineClient, digits: str, before: LastToken | None) -> Outcome | None:
        client.ask(self._codes["result"])
        return None


def test_catches_a_receiver_that_believes_every_check() -> None:
    assert damaged_frames(1, 500, believing).wrong


def test_catches_a_driver_that_writes_a_token_twice() -> None:
    assert damaged_calls(1, 400, BlindDriver, share=0.0, drip=0.02).wrong


def test_no_damaged_frame_is_taken() -> None:
    verdict = damaged_frames(11, 20_000)
    assert verdict.wrong == []
    assert verdict.refused > 5_000


def test_calls_on_a_bad_line_tell_the_truth_or_an_error_in_time() -> None:
    assert damaged_calls(12, 200, share=0.0, drip=0.02).wrong == []
    verdict = damaged_calls(11, 200)
    assert verdict.wrong == []
    assert verdict.taken > 20
    assert verdict.refused > 20


def test_storms_neither_hang_nor_credit() -> None:
    assert storms(11, 60).wrong == []


def test_an_endless_stream_keeps_memory_small() -> None:
    receivers = [Receiver(each, unframed_readout=True) for each in Expecting]
    chunk = bytes(range(4, 127)) * 80
    tracemalloc.start()
    for receiver in receivers:
        for _ in range(12):
            receiver.feed(b"\x02" + chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.long
def test_ten_million_frames() -> None:
    for seed in range(500):
        assert damaged_frames(seed, 20_000).wrong == []
        assert damaged_calls(seed, 100).wrong == []
        assert storms(seed, 20).wrong == []


# On a real pty. That a call ends in time is measured in virtual time above, where a loaded machine changes nothing.

FAST = replace(STANDARD, initial_baud=19_200, times=replace(STANDARD.times, quiet_s=0.05, call_s=3.0))


def served(meter: FakeMeter, **settings: object) -> PtyLine:
    port = PortSettings(profile=replace(STANDARD, initial_baud=19_200), offered_baud=19_200, **settings)  # type: ignore[arg-type]
    return PtyLine(SerialMeter(meter, port))


def driver_on(line: PtyLine) -> SerialDriver:
    return SerialDriver(lambda: SerialPort(line.name, FAST), FAST)


def test_a_cable_pulled_in_mid_token_loses_nothing_and_hangs_nothing() -> None:
    meter = FakeMeter()
    line = served(meter, settle_s=0.2)
    line.__enter__()
    driver = driver_on(line)
    pulled = threading.Timer(0.25, line.stop)
    pulled.start()
    with pytest.raises(MeterError) as error:
        driver.enter_token(GOOD)
    assert GOOD not in str(error.value)
    assert isinstance(error.value, OutcomeUnknown) or meter.entries == []
    pulled.join()
    driver.close()
    with served(meter) as again:
        put_back = driver_on(again)
        assert put_back.enter_token(GOOD).status in (TokenStatus.ACCEPTED, TokenStatus.USED)
        put_back.close()
    assert meter.credit_wh == 22_340


def test_a_second_reader_finds_the_port_locked() -> None:
    with served(FakeMeter()) as line:
        first, second = driver_on(line), driver_on(line)
        first.info()
        with pytest.raises(PortBusy):
            second.info()
        first.close()
        assert second.info().pan
        second.close()


def test_two_masters_on_one_line_never_give_a_wrong_value() -> None:
    """A second reader that ignores the lock talks into the line all the time."""
    meter = FakeMeter()
    with served(meter) as line:
        driver = driver_on(line)
        driver.info()
        stop = threading.Event()

        def intrude() -> None:
            descriptor = os.open(line.name, os.O_RDWR | os.O_NOCTTY)
            while not stop.wait(0.05):
                os.write(descriptor, b"\x01R1\x02C.51()\x03\x0a/?!\r\n")
            os.close(descriptor)

        intruder = threading.Thread(target=intrude)
        intruder.start()
        for _ in range(3):
            with contextlib.suppress(MeterError):
                assert driver.read().credit == meter.read().credit
        stop.set()
        intruder.join()
        driver.close()


def test_noise_instead_of_a_meter_ends_in_time() -> None:
    with served(FakeMeter()) as line:
        line.to_reader = lambda data: os.urandom(len(data) * 20)
        driver = driver_on(line)
        with pytest.raises(MeterError):
            driver.read()
        driver.close()


def test_an_open_port_that_vanishes_is_said_in_a_sentence() -> None:
    line = served(FakeMeter())
    line.__enter__()
    driver = driver_on(line)
    driver.info()
    line.stop()
    with pytest.raises(MeterUnreachable):
        driver.info()
    driver.close()


@pytest.mark.parametrize("seed", [1056, 1406])
def test_what_the_long_form_once_found_stays_found(seed: int) -> None:
    """A NAK for the noise before a token, then its confirmation; and two equal digits lost from a time."""
    assert damaged_calls(seed, 40).wrong == []

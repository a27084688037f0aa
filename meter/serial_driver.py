"""A meter on a serial line behind the port: pyserial around `line_client`, and the registers' meaning.

    serial:/dev/ttyUSB0?address=1234     socket://10.0.0.7:4001?profile=tolerant     rfc2217://10.0.0.7:4001

`profile` names a file of `lines/`; the other settings of the query are those of `line_profile`. Each call is one
session: sign-on, work, break. So nothing is left open at a meter, and two drivers on one bus never mix their frames.
A local port is locked while it is open (`exclusive`), because two readers on one line damage each other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qsl

import serial

from meter import registers
from meter.datasets import DataSet
from meter.driver import (
    Capability,
    LastToken,
    MeterInfo,
    Outcome,
    Progress,
    Reading,
    Relay,
    TokenStatus,
    token_digits,
)
from meter.errors import (
    DriverUrlWrong,
    MeterError,
    MeterRefused,
    MeterUnreachable,
    OutcomeUnknown,
    PortBusy,
    PortMissing,
)
from meter.framing import Framing
from meter.half_duplex import Heard, Line
from meter.line_client import LineClient, Unconfirmed
from meter.line_profile import LineProfile, load, with_url_settings

_PORT_ERRORS: tuple[type[Exception], ...] = (OSError, serial.SerialException, ValueError, TypeError)
if os.name == "posix":
    import termios

    # It is no OSError, though it says the same.
    _PORT_ERRORS = (*_PORT_ERRORS, termios.error)

Found = TypeVar("Found")

_SLICE_S = 0.02
"""How long one read of the port lasts. Fixed, because pyserial sets the port up anew when its time-out changes."""


class SerialPort:
    """pyserial as a `Line`. A cable that is pulled out ends the call with a sentence, not with a trace."""

    def __init__(self, url: str, profile: LineProfile) -> None:
        self._port = _opened(url, profile)

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
            self._port.flush()
        except _PORT_ERRORS:
            raise _pulled() from None

    def read(self, timeout_s: float) -> bytes:
        try:
            end = time.monotonic() + timeout_s
            while not (first := bytes(self._port.read(1))):
                if time.monotonic() >= end:
                    return b""
            waiting = self._port.in_waiting
            return first + bytes(self._port.read(waiting)) if waiting else first
        except _PORT_ERRORS:
            # pyserial raises TypeError when the descriptor vanishes under a read.
            raise _pulled() from None

    def set_baud(self, baud: int) -> None:
        try:
            # Without a flush: a quick meter may have answered already.
            self._port.baudrate = baud
        except _PORT_ERRORS:
            raise _pulled() from None

    def discard(self) -> None:
        try:
            self._port.reset_input_buffer()
        except _PORT_ERRORS:
            raise _pulled() from None

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self._port.close()


def _opened(url: str, profile: LineProfile) -> serial.Serial:
    # A pseudo-terminal carries no parity, and refuses a change in which nothing else changes.
    seven = profile.wire.framing is Framing.SEVEN_EVEN and not os.path.realpath(url).startswith("/dev/pts/")
    try:
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate = profile.initial_baud
        port.bytesize = serial.SEVENBITS if seven else serial.EIGHTBITS
        port.parity = serial.PARITY_EVEN if seven else serial.PARITY_NONE
        port.stopbits = serial.STOPBITS_ONE
        port.timeout = _SLICE_S
        port.write_timeout = profile.times.call_s
        if "://" not in url:
            port.exclusive = True
        port.open()
    except _PORT_ERRORS as error:
        text = str(error).lower()
        if "lock" in text or "busy" in text or "denied" in text:
            raise PortBusy(
                f"The port {url} is in use or not ours to open. Close the other reader, or join the group dialout."
            ) from None
        raise PortMissing(f"The port {url} cannot be opened. Check the cable, or run `meter find`.") from None
    return port


def _pulled() -> MeterUnreachable:
    return MeterUnreachable(
        "The port is gone in the middle of the call (cable pulled?). Put it back and try again."
    )


class SerialDriver:
    """One meter on one line."""

    capabilities = Capability.TOKEN | Capability.SWITCH | Capability.HISTORY | Capability.CLOCK

    def __init__(self, open_line: Callable[[], Line], profile: LineProfile) -> None:
        self._open_line = open_line
        self._profile = profile
        self._codes = profile.registers
        self._line: Line | None = None
        self._client: LineClient | None = None

    @classmethod
    def from_url(cls, url: str, *, password: str | None = None) -> SerialDriver:
        where, _, query = url.removeprefix("serial:").partition("?")
        settings = dict(parse_qsl(query, keep_blank_values=True))
        if "password" in settings:
            raise DriverUrlWrong("A password never stands in a URL. Give it as AMPOULE_METER_PASSWORD.")
        profile = with_url_settings(load(settings.pop("profile", "standard")), settings)
        if not where:
            raise DriverUrlWrong(
                "A serial line is addressed as serial:/dev/ttyUSB0, serial:COM3 or socket://host:port."
            )
        if password is not None:
            profile = replace(profile, password=password)
        return cls(lambda: SerialPort(where, profile), profile)

    # The port.

    def info(self) -> MeterInfo:
        with self._session() as client:
            sets = self._everything(client)
            name = client.identification
        return registers.info_from(sets, self._codes, f"{name.flag}{name.text}" if name else "")

    def read(self, progress: Progress | None = None) -> Reading:
        told = None if progress is None else (lambda count: progress(count, "read-out"))
        with self._session(told) as client:
            sets = self._everything(client)
        return registers.reading_from(sets, self._codes, datetime.now(UTC))

    def last_tokens(self) -> tuple[LastToken, ...]:
        with self._session() as client:
            client.open()
            sets = [each for at in range(1, 6) for each in client.ask(f"{self._codes['last_token']}.{at}")]
        return registers.last_tokens_from(sets, self._codes)

    def clock(self) -> datetime:
        with self._session() as client:
            client.open()
            sets = [each for name in ("time", "date") for each in self._ask(client, name)]
        moment = registers.clock_from(sets, self._codes)
        if moment is None:
            raise registers.wrong("clock")
        return moment

    def enter_token(self, token: str) -> Outcome:
        digits = token_digits(token)
        with self._session() as client:
            client.open()
            outcome = self._push(client, digits)
            try:
                credit = self._ask(client, "credit")
                relay = self._ask(client, "relay")
                return replace(
                    outcome,
                    credit=registers.quantity_from(credit[0].values[0], "credit") if credit else None,
                    relay=registers.relay_from(relay[0]) if relay else None,
                )
            except MeterError:
                # The token's result is known; that the rest did not come takes nothing from it.
                return outcome

    def disconnect(self) -> Relay:
        return self._switch("0")

    def reconnect(self) -> Relay:
        return self._switch("1")

    def close(self) -> None:
        line, self._line, self._client = self._line, None, None
        close = getattr(line, "close", None)
        if close is not None:
            close()

    # Below: one session, and what needs care in it.

    @contextmanager
    def _session(self, on_heard: Heard | None = None) -> Iterator[LineClient]:
        """One call: its budget of time, and the break at its end, come what may."""
        if self._client is None:
            self._line = self._open_line()
            self._client = LineClient(self._line, self._profile)
        client = self._client
        client.begin(on_heard=on_heard)
        try:
            yield client
        finally:
            try:
                client.break_off()
            except MeterError:
                # The port itself is gone; what the call found or raised stands. The next call opens it anew.
                self.close()

    def _everything(self, client: LineClient) -> list[DataSet]:
        if self._profile.read_by == "readout":
            return client.read_out()
        client.open()
        found: list[DataSet] = []
        unread = ("token", "switch", "result", "last_token")
        named = [code for name, code in self._codes.items() if name not in unread]
        for code in dict.fromkeys((*named, *self._profile.totals)):
            try:
                found += self._named(client.ask(code), code)
            except MeterRefused as refused:
                # With an error text, it is a register that this meter does not have.
                if not refused.reason:
                    raise
        return found

    def _ask(self, client: LineClient, name: str) -> list[DataSet]:
        code = self._codes[name]
        return self._named(client.ask(code), code)

    def _named(self, sets: list[DataSet], code: str) -> list[DataSet]:
        """An answer may leave its address out; here the one that was asked for is put back."""
        return [each if each.address else DataSet(code, each.values) for each in sets]

    def _push(self, client: LineClient, digits: str) -> Outcome:
        """Write the token, read its result. After a lost confirmation the meter is asked first, and told again only
        when its memory shows that nothing reached it."""
        before = self._newest(client)
        for attempt in range(self._profile.retries):
            try:
                client.act(self._codes["token"], digits, again_after_nak=False)
            except Unconfirmed:
                recovered = self._after_a_write(lambda: self._looked_up(client, digits, before))
                if recovered is not None:
                    return recovered
            else:
                number = self._after_a_write(lambda: self._result(client))
                return Outcome.of(number, recovered=attempt > 0)
        raise _unknown()

    def _after_a_write(self, look: Callable[[], Found]) -> Found:
        """Once a token is out, no trouble in looking for its result may sound like "it did not work"."""
        try:
            return look()
        except MeterError:
            raise _unknown() from None

    def _looked_up(self, client: LineClient, digits: str, before: LastToken | None) -> Outcome | None:
        """What the meter remembers of this entry; None when it never came. Anything between is `OutcomeUnknown`."""
        if not client.in_session:
            client.open()
        result = self._result(client)
        newest = self._newest(client)
        if newest == before:
            return None
        if newest is None or newest.tail != digits[-4:] or newest.status != result:
            raise _unknown()
        return Outcome.of(result, recovered=True)

    def _newest(self, client: LineClient) -> LastToken | None:
        code = f"{self._codes['last_token']}.1"
        sets = self._named(client.ask(code), code)
        return registers.last_token_from(sets[0]) if sets else None

    def _result(self, client: LineClient) -> int:
        """The result register, asked until it is more than "not ready"."""
        assert self._line is not None
        end = self._line.now() + self._profile.times.result_s
        while True:
            sets = self._ask(client, "result")
            if not sets:
                raise registers.wrong("result")
            number = registers.number_from(sets[0].first, "result")
            if number != TokenStatus.NOT_READY:
                return number
            if self._line.now() + self._profile.times.result_poll_s > end:
                raise _unknown()
            self._line.sleep(self._profile.times.result_poll_s)

    def _switch(self, value: str) -> Relay:
        """Switch, then read the relay back: the confirmation says "received", the relay says "done"."""
        with self._session() as client:
            client.open()
            try:
                client.act(self._codes["switch"], value)
            except Unconfirmed:
                raise _switched_or_not() from None
            try:
                sets = self._ask(client, "relay")
            except MeterError:
                raise _switched_or_not() from None
        return registers.relay_from(registers.one_set(sets, self._codes["relay"], "relay state"))


def _switched_or_not() -> OutcomeUnknown:
    return OutcomeUnknown(
        "The command was sent and its answer is lost. Read the relay before you send it again."
    )


def _unknown() -> OutcomeUnknown:
    return OutcomeUnknown(
        "The token was sent and its result is lost. Read the meter's last tokens before you send it again."
    )

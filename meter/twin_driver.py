"""A twin behind the port: a client of the building's socket. It never imports the twin (decisions.md D18).

    twin:/abs/path/building.sock?pan=600727000000000009[&timeout=10]

The lines are those of `twin_wire`. One connection, one question at a time; a damaged or foreign answer closes the
connection and changes nothing. A token whose answer is lost is looked up in the meter's last tokens before the
driver says "unknown", and is never sent twice.
"""

from __future__ import annotations

import socket
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from meter import twin_wire
from meter.driver import (
    Capability,
    LastToken,
    MeterInfo,
    Outcome,
    Progress,
    Reading,
    Relay,
    token_digits,
)
from meter.errors import (
    DriverUrlWrong,
    MeterAnswerWrong,
    MeterHungUp,
    MeterTimedOut,
    MeterUnreachable,
    OutcomeUnknown,
)


class TwinDriver:
    """One twin in one building."""

    def __init__(self, path: str, pan: str, timeout_s: float = 10.0) -> None:
        self._path = path
        self._pan = pan
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._rest = b""
        self._number = 0
        self._capabilities: Capability | None = None

    @classmethod
    def from_url(cls, url: str, *, password: str | None = None) -> TwinDriver:
        """A twin needs no password: who may open the building's socket may type at its keypads."""
        path, _, query = url.removeprefix("twin:").partition("?")
        fields = dict(parse_qsl(query))
        pan = fields.pop("pan", "")
        timeout = fields.pop("timeout", "10")
        if not path.startswith("/") or not (pan.isascii() and pan.isdigit()) or fields:
            raise DriverUrlWrong("A twin is addressed as twin:/abs/path/building.sock?pan=<18 digits>.")
        try:
            timeout_s = float(timeout)
        except ValueError:
            timeout_s = 0.0
        if not 0 < timeout_s <= 600:
            raise DriverUrlWrong("“timeout” is a number of seconds, more than 0 and at most 600.")
        return cls(path, pan, timeout_s)

    @property
    def capabilities(self) -> Capability:
        if self._capabilities is None:
            self.info()
        assert self._capabilities is not None
        return self._capabilities

    def info(self) -> MeterInfo:
        result = self._ask("info")
        info = twin_wire.info_from(result)
        self._capabilities = twin_wire.capabilities_from(result)
        return info

    def read(self, progress: Progress | None = None) -> Reading:
        reading = twin_wire.reading_from(self._ask("read"))
        if progress:
            progress(len(reading.registers), "registers")
        return reading

    def enter_token(self, token: str) -> Outcome:
        digits = token_digits(token)
        before = self._last_or_none()
        try:
            return twin_wire.outcome_from(self._ask("token", token=digits))
        except (MeterTimedOut, MeterUnreachable, MeterAnswerWrong):
            recovered = self._recover(digits, before)
            if recovered is None:
                raise OutcomeUnknown(
                    "The token was sent and the answer is lost. Read the meter's last tokens before you send it again."
                ) from None
            return recovered

    def _last_or_none(self) -> tuple[LastToken, ...] | None:
        return self.last_tokens() if Capability.HISTORY in self.capabilities else None

    def _recover(self, digits: str, before: tuple[LastToken, ...] | None) -> Outcome | None:
        """The result from the meter's memory: only an entry that was not there before, with our last digits."""
        if before is None:
            return None
        try:
            after = self.last_tokens()
        except (MeterTimedOut, MeterUnreachable, MeterAnswerWrong):
            return None
        if not after or after == before or after[0].tail != digits[-4:]:
            return None
        return Outcome.of(after[0].status, recovered=True)

    def disconnect(self) -> Relay:
        return self._switch("disconnect")

    def reconnect(self) -> Relay:
        return self._switch("reconnect")

    def _switch(self, verb: str) -> Relay:
        try:
            return twin_wire.relay_from(self._ask(verb))
        except (MeterTimedOut, MeterAnswerWrong, MeterHungUp):
            raise OutcomeUnknown(
                f"The command to {verb} was sent and the answer is lost. Read the relay before you send it again."
            ) from None

    def last_tokens(self) -> tuple[LastToken, ...]:
        return twin_wire.last_tokens_from(self._ask("last_tokens"))

    def clock(self) -> datetime:
        return twin_wire.moment_from(self._ask("clock"))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _ask(self, verb: str, **fields: str) -> dict[str, Any]:
        """One question, one answer, within the time-out as a whole: trickled bytes do not stretch it."""
        end = time.monotonic() + self._timeout_s
        self._number += 1
        try:
            if self._socket is None:
                self._socket = self._connect(end)
            self._socket.settimeout(_left(end))
            self._socket.sendall(twin_wire.question(self._number, verb, self._pan, **fields))
            return twin_wire.result_of(self._answer_line(self._socket, end), self._number)
        except TimeoutError:
            self.close()
            raise MeterTimedOut(
                f"The building did not answer within {self._timeout_s:g} s. Check that it runs, then read the meter."
            ) from None
        except OSError:
            self.close()
            raise MeterHungUp("The building's socket closed in the middle. Check that it runs.") from None
        except MeterAnswerWrong:
            self.close()
            raise

    def _connect(self, end: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_left(end))
        try:
            connection.connect(self._path)
        except TimeoutError:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            raise MeterUnreachable(
                f"No building answers at {self._path} ({error.strerror}). Start it with `meter building serve`."
            ) from None
        return connection

    def _answer_line(self, connection: socket.socket, end: float) -> bytes:
        while b"\n" not in self._rest:
            if len(self._rest) > twin_wire.LONGEST_LINE:
                raise MeterAnswerWrong("The building sent a line without an end. Nothing was taken from it.")
            connection.settimeout(_left(end))
            received = connection.recv(8192)
            if not received:
                raise ConnectionResetError
            self._rest += received
        line, _, self._rest = self._rest.partition(b"\n")
        return line


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left

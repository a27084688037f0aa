"""One message out, one event in: a half-duplex line with a clock, an echo and a budget of time.

`Line` is the port (pyserial in `serial_driver`, a model with virtual time in the tests). `HalfDuplex` keeps the reaction
times of both ends, takes our own bytes off what comes back, and ends every wait at the smaller of its own time-out and
what is left of the call. What is said, and what is done about silence and damage, is `line_client`'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NoReturn, Protocol

from meter.echo import EchoDamaged, EchoFilter
from meter.errors import EchoDiffers, MeterTimedOut
from meter.framing import Identification
from meter.line_profile import LineProfile
from meter.protocol import Client, ClientSession, Event

LEAVING_S = 0.03
"""Beyond its byte times, what a break is given to leave an adapter before the rate changes."""

Heard = Callable[[int], None]
"""Told how many bytes of the present answer have come; for progress."""


class Line(Protocol):
    """A port with a clock. `write` returns when the last stop bit has left, as far as the port can tell."""

    def write(self, data: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        """At least one byte, or nothing when the time is over."""

    def set_baud(self, baud: int) -> None:
        """Change the rate without throwing received bytes away."""

    def discard(self) -> None: ...

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class HalfDuplex:
    """The reader's place on a line. Not for two threads."""

    def __init__(self, line: Line, profile: LineProfile) -> None:
        self.session = ClientSession(profile.wire)
        self.identification: Identification | None = None
        self.on_heard: Heard | None = None
        self.line = line
        self.baud = self.last_baud = profile.initial_baud
        self._initial_baud = profile.initial_baud
        self._times = profile.times
        self._echo = EchoFilter(profile.echo)
        self._events: deque[Event] = deque()
        self.heard_at = self.sent_until = self.ended_at = -1e9
        self._heard = 0
        self._end = 0.0

    # A call and its budget.

    def begin(self, budget_s: float | None = None) -> None:
        """Start of a call: everything until the next `begin` has to fit into this many seconds."""
        self._heard = 0
        budget = self._times.call_s if budget_s is None else budget_s
        # A little is kept back, so that the last word still falls inside the budget.
        self._end = self.line.now() + budget - min(0.25, budget / 20)

    def break_off(self) -> None:
        """B0 and back to the initial rate; after an error too."""
        if self.session.state is not Client.IDLE:
            self.say_break()
        self.set_baud(self._initial_baud)

    def say_break(self) -> None:
        """The break has to leave at the present rate before that changes; adapters say too early that it has."""
        self.send(self.session.sending_break(), last_word=True)
        self.rest_until(self.sent_until + LEAVING_S, spending=False)
        self.ended()

    def ended(self) -> None:
        self.session.start_again()
        self.ended_at = self.line.now()
        self.set_baud(self._initial_baud)

    # One message out, one event in.

    def next_event(self) -> Event | None:
        """The next event, or None for silence. Noise does not stretch the wait; bytes of a message do, up to a cap."""
        if self._events:
            return self._events.popleft()
        cap = min(self._end, self.line.now() + self._times.answer_s)
        due = self.sent_until + self._times.first_byte_s
        while True:
            now = self.line.now()
            if now >= min(cap, due):
                if self._echo.missing:
                    self._fail_echo()
                if now >= self._end:
                    self._time_is_over()
                cut = self.session.cut()
                return cut[0] if cut else None
            data = self.line.read(min(cap, due) - now)
            if not data:
                continue
            self.heard_at = self.line.now()
            try:
                told = self._echo.strip(data)
            except EchoDamaged:
                self._fail_echo()
            self._count(told)
            self._events.extend(self.session.receive(told))
            if self._events:
                return self._events.popleft()
            if self.session.pending:
                due = self.heard_at + self._times.between_bytes_s

    def _count(self, told: bytes) -> None:
        self._heard += len(told)
        if self.on_heard is not None and told:
            self.on_heard(self._heard)

    def send(self, data: bytes, *, last_word: bool = False) -> None:
        """One message, not before the far side can listen. A last word is said even when the time is over."""
        wait_until = self.heard_at + self.turn_s
        if last_word:
            self.rest_until(min(wait_until, self._end), spending=False)
        else:
            self.rest_until(wait_until)
        self.line.discard()
        self.session.forget()
        self._events.clear()
        self._echo.sent(data)
        begun = self.line.now()
        self.line.write(data)
        # A port that hands bytes over at once says nothing about the wire: count their time.
        self.sent_until = max(self.line.now(), begun + len(data) * 10 / self.baud)

    @property
    def turn_s(self) -> float:
        quick = self.identification is not None and self.identification.quick
        return self._times.turn_quick_s if quick else self._times.turn_s

    def set_baud(self, baud: int) -> None:
        if baud != self.baud:
            self.last_baud, self.baud = self.baud, baud
            self.line.set_baud(baud)

    def rest_until(self, moment: float, *, spending: bool = True) -> None:
        wait = moment - self.line.now()
        if wait > 0:
            if spending:
                self.spend(wait)
            self.line.sleep(wait)

    def spend(self, seconds: float) -> None:
        if self.line.now() + seconds > self._end:
            self._time_is_over()

    def _time_is_over(self) -> NoReturn:
        self.break_off()
        raise MeterTimedOut(
            "The time for this call is over. Nothing half-read was taken; try again or allow more time."
        )

    def _fail_echo(self) -> NoReturn:
        self._echo.sent(b"")
        self.break_off()
        raise EchoDiffers(
            "What came back is not what was sent: a second reader on the line, or noise. Try again later."
        )

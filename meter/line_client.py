"""The reader's half of a conversation: sessions of `protocol` with time-outs, retries, echo and a budget of time.

It talks to a `Line`, which is a port with a clock: pyserial in `serial_driver`, a model with virtual time in the tests.
Every public call ends within the budget that `begin` sets; a wait inside is the smaller of its own time-out and what is
left. Questions are repeated; acts never are, unless the meter itself says by NAK that it did not understand.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import NoReturn, Protocol

from meter.datasets import DataSet, DataSetWrong, data_set, parse, render
from meter.echo import EchoDamaged, EchoFilter
from meter.errors import (
    BrokenOff,
    CollisionSuspected,
    DriverUrlWrong,
    EchoDiffers,
    LineDamaged,
    MeterAnswerWrong,
    MeterError,
    MeterRefused,
    MeterTimedOut,
    NoAnswer,
    OptionNotTaken,
    PasswordRefused,
    RefusedOrLine,
)
from meter.framing import (
    BAUD_OF,
    Ack,
    Block,
    Command,
    Damaged,
    Fault,
    Identification,
    Mode,
    Nak,
    Unsendable,
)
from meter.line_profile import LineProfile
from meter.obis import same_register
from meter.protocol import (
    PROGRAMMING,
    READOUT,
    Client,
    ClientSession,
    Event,
    Unexpected,
    answer_to,
    operand_of,
    refusal_in,
)

LEAVING_S = 0.03
MOST_BLOCKS = 1_000
MOST_CHARACTERS = 1_000_000

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


class Unconfirmed(MeterTimedOut):
    """An act was sent and not confirmed. The caller asks the meter what became of it."""

    code = "unconfirmed"


class Lost(enum.Enum):
    """No answer to a question: silence, or a NAK where data should be."""

    SILENT = enum.auto()
    REFUSED = enum.auto()


class LineClient:
    """One reader on one line. Not for two threads: a line is half duplex."""

    def __init__(self, line: Line, profile: LineProfile) -> None:
        self.identification: Identification | None = None
        self.on_heard: Heard | None = None
        self._line = line
        self._profile = profile
        self._times = profile.times
        self._session = ClientSession(profile.wire)
        self._echo = EchoFilter(profile.echo)
        self._events: deque[Event] = deque()
        self._baud = self._last_baud = profile.initial_baud
        self._heard_at = self._sent_until = self._ended_at = -1e9
        self._heard = 0
        self._end = 0.0

    # A call and its budget.

    def begin(self, budget_s: float | None = None) -> None:
        """Start of a call: everything until the next `begin` has to fit into this many seconds."""
        budget = self._times.call_s if budget_s is None else budget_s
        # A little is kept back, so that the last word still falls inside the budget.
        self._end = self._line.now() + budget - min(0.25, budget / 20)

    @property
    def in_session(self) -> bool:
        """In programming mode: a question may be asked."""
        return self._session.state in (Client.OPEN, Client.AWAITING_DATA, Client.AWAITING_CONFIRMATION)

    def break_off(self) -> None:
        """B0 and back to the initial rate; after an error too."""
        if self._session.state is not Client.IDLE:
            self._say_break()
        self._set_baud(self._profile.initial_baud)

    def _say_break(self) -> None:
        """The break has to leave at the present rate before that changes; adapters say too early that it has."""
        self._send(self._session.sending_break(), last_word=True)
        self._rest_until(self._sent_until + LEAVING_S, spending=False)
        self._ended()

    def _break_off_at_both_rates(self) -> None:
        """After a switch that did not work nobody knows at which rate the meter listens: it hears one of the two."""
        self.break_off()
        self._say_break()

    def _ended(self) -> None:
        self._session.start_again()
        self._ended_at = self._line.now()
        self._set_baud(self._profile.initial_baud)

    # Sign-on.

    def sign_on(self) -> Identification:
        """The meter's identification; at most `retries` tries, none of them quick after damage."""
        damage: Damaged | None = None
        for _ in range(self._profile.retries):
            self._prepare_sign_on()
            try:
                self._send(self._session.sending_sign_on(self._profile.address))
            except Unsendable as error:
                raise DriverUrlWrong(str(error)) from None
            event = self._await()
            if isinstance(event, Identification):
                # From here on its reaction time is known.
                self.identification = event
                if not self._somebody_talks():
                    return event
                event = Damaged(Fault.SHAPE, "unsolicited data")
            damage = event if isinstance(event, Damaged) else damage
            self._ended()
            if event is None and self._last_baud != self._profile.initial_baud:
                # The last break may have been lost: the meter would still listen at the rate of that session.
                self._set_baud(self._last_baud)
                self._say_break()
        raise self._sign_on_failure(damage)

    def _prepare_sign_on(self) -> None:
        if self._session.state is not Client.IDLE:
            self.break_off()
        self._set_baud(self._profile.initial_baud)
        self._rest_until(self._ended_at + self._times.quiet_s)
        if self._profile.wake_up:
            # 2.2 s of NULs back to back, then the pause that a sleeping meter needs.
            self._send(bytes(round(2.2 * self._baud / 10)))
            self._rest_until(self._sent_until + 1.6)

    def _somebody_talks(self) -> bool:
        """Between the identification and our choice the line is ours: whoever talks now is not answering us.

        In modes A and B there is no choice and the data follow at once.
        """
        if self._session.state is not Client.CHOOSING:
            return False
        # Long enough for one more character: at 300 Bd that is more than the least reaction time.
        wait_until = self._heard_at + max(self._turn, 15 / self._baud)
        while (left := wait_until - self._line.now()) > 0:
            self._spend(left)
            data = self._line.read(left)
            if any(0x20 < each & 0x7F < 0x7F for each in data):
                self._heard_at = self._line.now()
                return True
            if data:
                # A stray line end; whether text follows it, the next character says.
                wait_until = max(wait_until, self._line.now() + 15 / self._baud)
        return False

    def _sign_on_failure(self, damage: Damaged | None) -> MeterError:
        address = self._profile.address
        if damage is None:
            whom = f"address {address}" if address else "this line"
            return NoAnswer(
                f"No answer from {whom}. Check cable, power, rate and address, or run `meter find`."
            )
        if damage.hint == "unsolicited data":
            return LineDamaged(
                "The meter talks without being asked (mode D?). Wait until it is quiet, or read it so."
            )
        if damage.hint:
            return LineDamaged(
                f"The answer is not to the standard; it would pass with the setting “{damage.hint}”."
            )
        if address:
            return CollisionSuspected(
                "Only damaged answers to this address. Look for two meters with one address, or a second reader."
            )
        return LineDamaged("Only damaged answers. Check the framing (7e1, soft, 8n1) and the cable.")

    # The list of all registers.

    def read_out(self) -> list[DataSet]:
        """The data readout; no password is needed for it."""
        for slow in (False, True):
            identification = self.sign_on()
            if identification.mode is not Mode.C:
                return self._read_out_at_once(identification)
            self._choose(READOUT, identification, slow)
            text = self._blocks()
            if isinstance(text, str):
                self.break_off()
                return self._parsed(text)
            self._break_off_at_both_rates()
        raise LineDamaged(
            "The read-out fails its check at every rate. Check the cable, or choose a lower max-baud."
        )

    def _read_out_at_once(self, identification: Identification) -> list[DataSet]:
        """Modes A and B: no acknowledgement, the data follow, in mode B at the announced rate."""
        baud = identification.baud
        if baud is None:
            self._ended()
            raise MeterRefused("The meter announces a rate that is reserved. Read it with another profile.")
        self._set_baud(self._profile.initial_baud if identification.mode is Mode.A else baud)
        text = self._blocks()
        self._ended()
        if not isinstance(text, str):
            raise LineDamaged(
                "The read-out fails its check. Check the cable and whether the meter sends a check at all."
            )
        return self._parsed(text)

    # Programming mode.

    def open(self) -> None:
        """Sign on, choose programming mode, show the password. Tried again at the initial rate when the switch fails."""
        for slow in (False, True):
            identification = self.sign_on()
            if identification.mode is not Mode.C:
                self.break_off()
                raise OptionNotTaken(
                    "This meter has no programming mode (it is not mode C). It can only be read."
                )
            self._choose(PROGRAMMING, identification, slow)
            event = self._await()
            match event:
                case Command("P", "0"):
                    return self._show_password(event)
                case Block():
                    self.break_off()
                    raise OptionNotTaken(
                        "The meter answered with a read-out: it does not take programming mode here."
                    )
                case Command("B", _):
                    self._ended()
                    raise BrokenOff(
                        "The meter broke off. It may be locked after wrong passwords; wait some minutes."
                    )
            self._break_off_at_both_rates()
        raise NoAnswer(
            "The meter identifies itself and then falls silent. Try a lower max-baud or another framing."
        )

    def _show_password(self, operand: Command) -> None:
        kind = self._profile.password_command
        if kind == "none":
            return
        word = self._profile.password
        if kind == "P2":
            word = answer_to(operand_of(operand), word)
        body = _sendable_body(data_set("", word), "password")
        self._send(self._session.sending_command("P", kind[1], body))
        event = self._await()
        match event:
            case Ack():
                return
            case None:
                self.break_off()
                raise NoAnswer("No answer to the password. It was not sent again; try once more.")
            case Damaged():
                self.break_off()
                raise LineDamaged(
                    "The answer to the password is damaged. It was not sent again; try once more."
                )
        # NAK, an error text or a break: one refusal is enough. More tries would lock the meter.
        self.break_off()
        raise PasswordRefused(
            "The meter refuses the password (or the line damages it). Check it before you try again: "
            "meters lock after three wrong ones.",
            self._refusal(event) or "",
        )

    def ask(self, address: str) -> list[DataSet]:
        """Read one register. Repeated on silence, damage and NAK; an answer for another address is not taken."""
        command = self._profile.read_command
        body = _sendable_body(data_set(address, self._profile.read_argument), "address")
        text: str | Lost = Lost.SILENT
        for _ in range(self._profile.retries):
            self._send(self._session.sending_command(command[0], command[1], body))
            text = self._blocks()
            if text is Lost.SILENT:
                # What still comes belongs to this question, not to the next one: hear it out and throw it away.
                self._rest_until(self._line.now() + self._times.between_bytes_s)
            if isinstance(text, Lost):
                continue
            sets = self._parsed(text)
            refusal = refusal_in(sets, self._profile.errors)
            if refusal is not None:
                raise MeterRefused(f"The meter refuses to show {address}: {refusal}.", refusal)
            if any(each.address and not same_register(each.address, address) for each in sets):
                raise MeterAnswerWrong(f"Asked for {address}, the meter answered for another register.")
            return sets
        self.break_off()
        if text is Lost.REFUSED:
            raise RefusedOrLine(
                f"Only NAK for {address}: the meter refuses it, or cannot understand what reaches it."
            )
        raise NoAnswer(f"No valid answer for {address} after {self._profile.retries} tries.")

    def act(self, address: str, value: str) -> None:
        """Write one register. `Unconfirmed` when the answer is lost: then ask, do not write again."""
        command = self._profile.write_command
        body = _sendable_body(data_set(address, value), "value")
        for _ in range(self._profile.retries):
            self._send(self._session.sending_command(command[0], command[1], body))
            event = self._await()
            match event:
                case Ack():
                    return
                case Nak():
                    continue
                case Command("B", _):
                    self._ended()
                    raise Unconfirmed("The meter broke off instead of confirming.")
                case Block():
                    refusal = self._refusal(event)
                    if refusal is not None:
                        raise MeterRefused(f"The meter refuses to take {address}: {refusal}.", refusal)
            raise Unconfirmed(f"No confirmation for {address}.")
        self.break_off()
        raise RefusedOrLine(
            f"Only NAK to {address}: the meter refuses it, or cannot understand what reaches it."
        )

    # Below: one message out, one event in.

    def _choose(self, option: str, identification: Identification, slow: bool) -> None:
        """The acknowledgement line at the old rate; then both change, we without throwing early bytes away."""
        character, baud = "0", self._profile.initial_baud
        if not slow and identification.baud is not None:
            most = min(identification.baud, self._profile.maximum_baud)
            for each, rate in BAUD_OF.items():
                if baud < rate <= most:
                    character, baud = each, rate
        self._send(self._session.sending_choice(option, character))
        self._rest_until(self._sent_until + self._times.switch_guard_s)
        self._set_baud(baud)

    def _blocks(self) -> str | Lost:
        """The joined text of one answer, in one block or many, or why there is none."""
        parts: list[str] = []
        naks = size = 0
        self._heard = 0
        while True:
            event = self._await()
            match event:
                case Block(body, last):
                    parts.append(body)
                    size += len(body)
                    if last:
                        return "".join(parts)
                    if len(parts) >= MOST_BLOCKS or size > MOST_CHARACTERS:
                        self.break_off()
                        raise MeterAnswerWrong(
                            "The meter sends blocks without an end. The session was broken off."
                        )
                    self._send(self._session.sending_next_block())
                    naks = 0
                case Damaged(_, hint):
                    naks += 1
                    if naks >= self._profile.retries:
                        self.break_off()
                        how = f" It would pass with the setting “{hint}”." if hint else ""
                        raise LineDamaged(
                            f"The answer failed its check {naks} times. Nothing was taken from it.{how}"
                        )
                    self._send(self._session.sending_repeat())
                case Nak() if not parts:
                    return Lost.REFUSED
                case Command("B", _):
                    self._ended()
                    raise BrokenOff(
                        "The meter broke off in the middle. Nothing was taken from it; try again."
                    )
                case Ack():
                    raise MeterRefused(
                        "The meter answers a read with a bare ACK: set another read_command (R5?)."
                    )
                case Unexpected():
                    # Whole, but not an answer here: it is not taken, and the wait goes on until the time is over.
                    continue
                case _:
                    return Lost.SILENT

    def _await(self) -> Event | None:
        """The next event, or None for silence. Noise does not stretch the wait; bytes of a message do, up to a cap."""
        if self._events:
            return self._events.popleft()
        cap = min(self._end, self._line.now() + self._times.answer_s)
        due = self._sent_until + self._times.first_byte_s
        while True:
            now = self._line.now()
            if now >= min(cap, due):
                if self._echo.missing:
                    self._fail_echo()
                if now >= self._end:
                    self._time_is_over()
                cut = self._session.cut()
                return cut[0] if cut else None
            data = self._line.read(min(cap, due) - now)
            if not data:
                continue
            self._heard_at = self._line.now()
            try:
                told = self._echo.strip(data)
            except EchoDamaged:
                self._fail_echo()
            self._count(told)
            self._events.extend(self._session.receive(told))
            if self._events:
                return self._events.popleft()
            if self._session.pending:
                due = self._heard_at + self._times.between_bytes_s

    def _count(self, told: bytes) -> None:
        self._heard += len(told)
        if self.on_heard is not None and told:
            self.on_heard(self._heard)

    def _send(self, data: bytes, *, last_word: bool = False) -> None:
        """One message, not before the far side can listen. A last word is said even when the time is over."""
        wait_until = self._heard_at + self._turn
        if last_word:
            self._rest_until(min(wait_until, self._end), spending=False)
        else:
            self._rest_until(wait_until)
        self._line.discard()
        self._session.forget()
        self._events.clear()
        self._echo.sent(data)
        begun = self._line.now()
        self._line.write(data)
        # A port that hands bytes over at once says nothing about the wire: count their time.
        self._sent_until = max(self._line.now(), begun + len(data) * 10 / self._baud)

    @property
    def _turn(self) -> float:
        quick = self.identification is not None and self.identification.quick
        return self._times.turn_quick_s if quick else self._times.turn_s

    def _set_baud(self, baud: int) -> None:
        if baud != self._baud:
            self._last_baud, self._baud = self._baud, baud
            self._line.set_baud(baud)

    def _rest_until(self, moment: float, *, spending: bool = True) -> None:
        wait = moment - self._line.now()
        if wait > 0:
            if spending:
                self._spend(wait)
            self._line.sleep(wait)

    def _spend(self, seconds: float) -> None:
        if self._line.now() + seconds > self._end:
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

    def _parsed(self, text: str) -> list[DataSet]:
        try:
            return parse(text, lenient=self._profile.wire.lenient)
        except DataSetWrong as error:
            raise MeterAnswerWrong(f"The answer passed its check and does not read: {error}") from None

    def _refusal(self, event: Event | None) -> str | None:
        if not isinstance(event, Block):
            return None
        try:
            return refusal_in(parse(event.body), self._profile.errors)
        except DataSetWrong:
            return None


def _sendable_body(one: DataSet, what: str) -> str:
    try:
        return render(one)
    except DataSetWrong:
        raise MeterRefused(f"This {what} cannot be put on the line; nothing was sent.") from None

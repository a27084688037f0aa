"""The reader's half of a conversation: sessions of `protocol` with time-outs, retries, echo and a budget of time.

It talks to a `Line`, which is a port with a clock: pyserial in `serial_driver`, a model with virtual time in the tests.
Every public call ends within the budget that `begin` sets; a wait inside is the smaller of its own time-out and what is
left. Questions are repeated; acts never are, unless the meter itself says by NAK that it did not understand.
"""

from __future__ import annotations

import enum

from meter.datasets import DataSet, DataSetWrong, data_set, parse, render
from meter.errors import (
    BrokenOff,
    CollisionSuspected,
    DriverUrlWrong,
    LineDamaged,
    MeterAnswerWrong,
    MeterError,
    MeterRefused,
    MeterTimedOut,
    MeterUnreachable,
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
from meter.half_duplex import HalfDuplex, Heard, Line
from meter.line_profile import LineProfile
from meter.obis import same_register
from meter.protocol import (
    PROGRAMMING,
    READOUT,
    Client,
    Event,
    Unexpected,
    answer_to,
    operand_of,
    refusal_in,
)

MOST_BLOCKS = 1_000
MOST_CHARACTERS = 1_000_000


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
        self._talk = HalfDuplex(line, profile)
        self._profile = profile
        self._times = profile.times

    @property
    def identification(self) -> Identification | None:
        """Who answered the last sign-on."""
        return self._talk.identification

    def begin(self, budget_s: float | None = None, on_heard: Heard | None = None) -> None:
        """Start of a call: everything until the next `begin` has to fit into this many seconds."""
        self._talk.begin(budget_s)
        self._talk.on_heard = on_heard

    def break_off(self) -> None:
        """End the session, whatever its state."""
        self._talk.break_off()

    @property
    def in_session(self) -> bool:
        """In programming mode: a question may be asked."""
        return self._talk.session.state in (
            Client.OPEN,
            Client.AWAITING_DATA,
            Client.AWAITING_CONFIRMATION,
        )

    def _break_off_at_both_rates(self) -> None:
        """After a switch that did not work nobody knows at which rate the meter listens: it hears one of the two."""
        self.break_off()
        self._talk.say_break()

    # Sign-on.

    def sign_on(self) -> Identification:
        """The meter's identification; at most `retries` tries, none of them quick after damage."""
        damage: Damaged | None = None
        for _ in range(self._profile.retries):
            self._prepare_sign_on()
            try:
                self._talk.send(self._talk.session.sending_sign_on(self._profile.address))
            except Unsendable as error:
                raise DriverUrlWrong(str(error)) from None
            event = self._talk.next_event()
            if isinstance(event, Identification):
                # From here on its reaction time is known.
                self._talk.identification = event
                if not self._somebody_talks():
                    return event
                event = Damaged(Fault.SHAPE, "unsolicited data")
            damage = event if isinstance(event, Damaged) else damage
            self._talk.ended()
            if event is None and self._talk.last_baud != self._profile.initial_baud:
                # The last break may have been lost: the meter would still listen at the rate of that session.
                self._talk.set_baud(self._talk.last_baud)
                self._talk.say_break()
        raise self._sign_on_failure(damage)

    def _prepare_sign_on(self) -> None:
        if self._talk.session.state is not Client.IDLE:
            self.break_off()
        self._talk.set_baud(self._profile.initial_baud)
        self._talk.rest_until(self._talk.ended_at + self._times.quiet_s)
        if self._profile.wake_up:
            # 2.2 s of NULs back to back, then the pause that a sleeping meter needs.
            self._talk.send(bytes(round(2.2 * self._talk.baud / 10)))
            self._talk.rest_until(self._talk.sent_until + 1.6)

    def _somebody_talks(self) -> bool:
        """Between the identification and our choice the line is ours: whoever talks now is not answering us.

        In modes A and B there is no choice and the data follow at once.
        """
        if self._talk.session.state is not Client.CHOOSING:
            return False
        # Long enough for one more character: at 300 Bd that is more than the least reaction time.
        wait_until = self._talk.heard_at + max(self._talk.turn_s, 15 / self._talk.baud)
        while (left := wait_until - self._talk.line.now()) > 0:
            self._talk.spend(left)
            data = self._talk.line.read(left)
            if any(0x20 < each & 0x7F < 0x7F for each in data):
                self._talk.heard_at = self._talk.line.now()
                return True
            if data:
                # A stray line end; whether text follows it, the next character says.
                wait_until = max(wait_until, self._talk.line.now() + 15 / self._talk.baud)
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
            self._talk.ended()
            raise MeterRefused("The meter announces a rate that is reserved. Read it with another profile.")
        self._talk.set_baud(self._profile.initial_baud if identification.mode is Mode.A else baud)
        text = self._blocks()
        self._talk.ended()
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
            event = self._talk.next_event()
            match event:
                case Command("P", "0"):
                    return self._show_password(event)
                case Block():
                    self.break_off()
                    raise OptionNotTaken(
                        "The meter answered with a read-out: it does not take programming mode here."
                    )
                case Command("B", _):
                    self._talk.ended()
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
        self._talk.send(self._talk.session.sending_command("P", kind[1], body))
        event = self._talk.next_event()
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
            self._talk.send(self._talk.session.sending_command(command[0], command[1], body))
            text = self._blocks()
            if text is Lost.SILENT:
                # What still comes belongs to this question, not to the next one: hear it out and throw it away.
                self._talk.rest_until(self._talk.line.now() + self._times.between_bytes_s)
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

    def act(self, address: str, value: str, *, again_after_nak: bool = True) -> None:
        """Write one register. `Unconfirmed` when the answer is lost: then ask, do not write again.

        A NAK says "not understood" and allows the same again; but it may answer noise before our frame, so for what
        must not come twice the caller asks first.
        """
        command = self._profile.write_command
        body = _sendable_body(data_set(address, value), "value")
        for _ in range(self._profile.retries):
            frame = self._talk.session.sending_command(command[0], command[1], body)
            try:
                self._talk.send(frame)
            except MeterUnreachable as error:
                # The port went away under the write: how much of it left, nobody knows.
                raise Unconfirmed(error.sentence) from None
            try:
                event = self._talk.next_event()
            except MeterError as error:
                # Whatever stopped the wait, the write is out.
                raise Unconfirmed(error.sentence) from None
            match event:
                case Ack():
                    return
                case Nak() if again_after_nak:
                    continue
                case Command("B", _):
                    self._talk.ended()
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
        self._talk.send(self._talk.session.sending_choice(option, character))
        self._talk.rest_until(self._talk.sent_until + self._times.switch_guard_s)
        self._talk.set_baud(baud)

    def _blocks(self) -> str | Lost:
        """The joined text of one answer, in one block or many, or why there is none."""
        parts: list[str] = []
        naks = size = 0
        while True:
            event = self._talk.next_event()
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
                    self._talk.send(self._talk.session.sending_next_block())
                    naks = 0
                case Damaged(_, hint):
                    naks += 1
                    if naks >= self._profile.retries:
                        self.break_off()
                        how = f" It would pass with the setting “{hint}”." if hint else ""
                        raise LineDamaged(
                            f"The answer failed its check {naks} times. Nothing was taken from it.{how}"
                        )
                    self._talk.send(self._talk.session.sending_repeat())
                case Nak() if not parts:
                    return Lost.REFUSED
                case Command("B", _):
                    self._talk.ended()
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

"""A meter's serial port: the far end of the line, over any `MeterDriver` (a twin in this process or in a building).

Pure in time: bytes come in with the moment they came, bytes go out when their stop bit would have left at the present
rate, and nothing here sleeps. `pty_line` gives it a pseudo-terminal and a clock, the tests give it virtual time. The
registers are those of `registers`; the order of messages is that of `protocol`. It prints no token and keeps none: a
token goes to the meter after its write was acknowledged, and register C.51 says "not ready" until the meter has judged.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from meter import registers
from meter.datasets import DataSet, DataSetWrong, Value, data_set, parse, render, render_readout
from meter.driver import (
    Capability,
    MeterDriver,
    TokenStatus,
    clocked,
    switching,
    token_history,
)
from meter.errors import MeterError
from meter.framing import (
    BAUD_OF,
    STX,
    Ack,
    Block,
    Command,
    Damaged,
    Identification,
    Message,
    Mode,
    Nak,
    OptionSelect,
    SignOn,
    encode,
    to_line,
)
from meter.line_profile import LineProfile, load
from meter.obis import same_register
from meter.protocol import PROGRAMMING, Event, Meter, MeterSession, Move, Unexpected, answer_to, same_address
from meter.quirks import Quirks

LOCKED, UNKNOWN, NOT_ALLOWED, BUSY, UNREADABLE = "ERROR01", "ERROR02", "ERROR03", "ERROR04", "ERROR05"

LONGEST_GAP_S = 1.5
CHOICE_S = 3.0
REPEAT_S = 1.6
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class PortSettings:
    """How this meter's port is set. `reaction_s` None means the least that the flag's third letter promises.

    A reader that rests before it listens needs more: the PyPI client `iec62056-21` needs 1.0.
    """

    profile: LineProfile = field(default_factory=lambda: load("standard"))
    address: str | None = None
    flag: str = "AMp"
    text: str = "TWIN"
    offered_baud: int = 9600
    reaction_s: float | None = None
    password: str = field(default="00000000", repr=False)
    block_size: int = 0
    inactivity_s: float = 90.0
    wrong_passwords: int = 3
    lock_s: float = 300.0
    settle_s: float = 0.0
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def reaction(self) -> float:
        if self.reaction_s is not None:
            return self.reaction_s
        times = self.profile.times
        return times.turn_quick_s if self.flag[2].islower() else times.turn_s


@dataclass(slots=True)
class _Outgoing:
    """Bytes on their way: the first leaves at `begins`, the others follow at the rate of the line."""

    data: bytes
    begins: float
    baud: int
    pause_after: int = 0
    pause_s: float = 0.0
    done: int = 0

    def leaves(self, index: int) -> float:
        pause = self.pause_s if self.pause_after and index >= self.pause_after else 0.0
        return self.begins + (index + 1) * 10 / self.baud + pause

    def due(self, now: float) -> bytes:
        first = self.done
        while self.done < len(self.data) and self.leaves(self.done) <= now:
            self.done += 1
        return self.data[first : self.done]


class SerialMeter:
    """One meter on one port. `received`, `sending` and `next_moment` are all that a port needs."""

    def __init__(self, meter: MeterDriver, settings: PortSettings | None = None) -> None:
        self.settings = settings or PortSettings()
        self.baud = self.speaking_baud = self.settings.profile.initial_baud
        self._meter = meter
        self._quirks = self.settings.quirks
        self._codes = self.settings.profile.registers
        self._address = self.settings.address
        self._session = MeterSession(self.settings.profile.wire)
        self._outgoing: list[_Outgoing] = []
        self._arrived = self._heard_at = -1e9
        self._offer = ""
        self._last = b""
        self._blocks: list[Block] = []
        self._operand = ""
        self._wrong_passwords = 0
        self._locked_until = -1e9
        self._token: str | None = None
        self._token_at = 0.0
        self._result = int(TokenStatus.NONE)
        self._damaged = self._swallowed = 0

    # The port's side.

    def received(self, data: bytes, now: float) -> None:
        """These bytes came. A port that hands them over in one piece says nothing about the wire: count their time."""
        if self._session.pending and now - self._heard_at > LONGEST_GAP_S:
            self._cut()
        self._arrived = max(now, self._arrived) + len(data) * 10 / self.baud
        self._heard_at = max(now, self._arrived)
        for event in self._session.receive(data):
            self._handle(event)

    def sending(self, now: float) -> bytes:
        """The bytes that have left by now, and what time alone brings about."""
        self._time_passes(now)
        told = b""
        while self._outgoing:
            first = self._outgoing[0]
            if told and first.baud != self.speaking_baud:
                break
            self.speaking_baud = first.baud
            told += first.due(now)
            if first.done < len(first.data):
                break
            self._outgoing.pop(0)
        if self._token is not None and now >= self._token_at:
            self._judge_token()
        return told

    def next_moment(self) -> float:
        """When `sending` has something to do again, if nothing is received before."""
        moments = [NEVER]
        if self._session.state is not Meter.START and not self._outgoing:
            moments.append(self._heard_at + self._patience)
        if self._outgoing:
            moments.append(self._outgoing[0].leaves(self._outgoing[0].done))
        if self._token is not None:
            moments.append(self._token_at)
        if self._session.pending and not self._outgoing:
            moments.append(self._heard_at + LONGEST_GAP_S)
        return min(moments)

    @property
    def busy(self) -> bool:
        """Bytes are on their way out."""
        return bool(self._outgoing)

    def lose_power(self) -> None:
        """All that is not in the meter's own memory is gone: session, result register, a token not yet judged."""
        self._token = None
        self._result = int(TokenStatus.NONE)
        self._to_start()

    # Time.

    @property
    def _patience(self) -> float:
        match self._session.state:
            case Meter.CHOICE:
                return CHOICE_S
            case Meter.READ_OUT:
                return REPEAT_S
            case _:
                return self.settings.inactivity_s

    def _time_passes(self, now: float) -> None:
        if self._outgoing:
            self._heard_at = max(self._heard_at, now)
            return
        # The same sums as in `next_moment`, so that a moment that is announced has come when it comes.
        if self._session.pending and now >= self._heard_at + LONGEST_GAP_S:
            self._cut()
        elif self._session.state is not Meter.START and now >= self._heard_at + self._patience:
            self._to_start()

    def _cut(self) -> None:
        for event in self._session.cut():
            self._handle(event)

    def _to_start(self) -> None:
        self._session.moved(Move.BREAK)
        self._outgoing.clear()
        self._blocks.clear()
        self.baud = self.settings.profile.initial_baud

    # What came.

    def _handle(self, event: Event) -> None:
        if self._quirks.nak_to_everything and self._session.state in (Meter.CLOSED, Meter.OPEN):
            self._say(Nak())
            return
        match self._session.state, event:
            case Meter.START, SignOn(address):
                self._identify(address)
            case Meter.CHOICE, OptionSelect():
                self._take_choice(event)
            case Meter.CHOICE, Damaged():
                self._send_readout(at_baud=self.settings.profile.initial_baud)
            case _, Command("B", _):
                self._to_start()
            case ((Meter.READ_OUT | Meter.CLOSED | Meter.OPEN | Meter.SENDING_BLOCKS), Nak()):
                self._put(self._spoilt(self._last))
            case Meter.SENDING_BLOCKS, Ack():
                self._next_block()
            case Meter.CLOSED, Command("P", _):
                self._check_password(event)
            case Meter.CLOSED, Command():
                self._refuse(NOT_ALLOWED)
            case ((Meter.OPEN | Meter.SENDING_BLOCKS), Command()):
                self._blocks.clear()
                self._session.moved(Move.ASK)
                self._command(event)
            case ((Meter.CLOSED | Meter.OPEN | Meter.SENDING_BLOCKS), Damaged() | Unexpected(Command())):
                self._say(Nak())

    def _identify(self, address: str) -> None:
        quirks = self._quirks
        # The last sign-on counts: an answer to an earlier one that has not begun is dropped.
        self._outgoing.clear()
        if address and not quirks.ignores_address and not same_address(address, self._own_address()):
            return
        self._offer = quirks.baud_character or self._character(self.settings.offered_baud)
        text = "" if quirks.without_text else self.settings.text
        identification = Identification(self.settings.flag, self._offer, quirks.groups, text)
        line = encode(identification).removesuffix(b"\r\n") + quirks.line_end.encode()
        if quirks.endless_identification:
            line = b"/" + b"A" * 200_000
        line = quirks.noise_before + line * (2 if quirks.identification_twice else 1) + quirks.talks_unasked
        self._put(to_line(line, self.settings.profile.wire.framing))
        if identification.mode is Mode.C:
            self._session.moved(Move.IDENTIFICATION)
        else:
            self._send_readout(at_baud=identification.baud or 300)

    def _own_address(self) -> str:
        if self._address is None:
            self._address = self._meter.info().number
        return self._address

    def _character(self, baud: int) -> str:
        """A rate that is the initial one is offered as "0": stay where you are, as on a bus of one fixed rate."""
        if baud <= self.settings.profile.initial_baud:
            return "0"
        return next((each for each, rate in BAUD_OF.items() if rate == baud), "0")

    def _take_choice(self, choice: OptionSelect) -> None:
        quirks = self._quirks
        initial = self.settings.profile.initial_baud
        baud = initial if choice.baud_character == "0" else BAUD_OF.get(choice.baud_character, 0)
        offered = max(initial, BAUD_OF.get(self._offer, 0))
        understood = choice.procedure == "0" and choice.option in "016789" and 0 < baud <= offered
        if quirks.silent_after_choice or (quirks.refuses_above_baud and baud > quirks.refuses_above_baud):
            self._to_start()
            return
        if not understood:
            self._send_readout(at_baud=initial)
            return
        if choice.option != PROGRAMMING or quirks.ignores_option:
            self._send_readout(at_baud=initial if quirks.stays_at_initial_baud else baud)
            return
        self.baud = initial if quirks.stays_at_initial_baud else baud
        self._session.moved(Move.CHOOSE_PROGRAMMING)
        if self._arrived < self._locked_until:
            self._say(Command("B", "0"))
            self._to_start_after_sending()
            return
        # A fresh operand for every session, so that an old answer to one never opens another.
        self._operand = secrets.token_hex(4).upper()
        self._say(Command("P", "0", f"({self._operand})"))

    def _to_start_after_sending(self) -> None:
        outgoing = self._outgoing
        self._outgoing = []
        self._to_start()
        self._outgoing = outgoing

    # The list of all registers.

    def _send_readout(self, at_baud: int) -> None:
        body = render_readout(self._all())
        if self._session.state is Meter.CHOICE:
            self._session.moved(Move.CHOOSE_READOUT)
        self.baud = at_baud
        if self._quirks.without_check:
            data = to_line(body.encode("ascii"), self.settings.profile.wire.framing)
            self._put(data)
        else:
            self._say(Block(body))
        if self._session.state is Meter.START:
            self.baud = self.settings.profile.initial_baud

    def _all(self) -> list[DataSet]:
        meter, abilities = self._meter, self._meter.capabilities
        sets = registers.readout(
            meter.info(),
            meter.read(),
            token_history(meter).last_tokens() if Capability.HISTORY in abilities else (),
            clocked(meter).clock() if Capability.CLOCK in abilities else None,
            self._result,
            self._codes,
        )
        if self._quirks.same_address_twice:
            sets.append(data_set("1.8.0", Value("999999.999", "kWh")))
        return sets

    # Programming mode.

    def _check_password(self, command: Command) -> None:
        try:
            sets = parse(command.body or "")
        except DataSetWrong:
            sets = []
        word = sets[0].first if sets else ""
        password = self.settings.password
        right = password if command.digit == "1" else answer_to(self._operand, password)
        if secrets.compare_digest(word.encode(), right.encode()):
            self._wrong_passwords = 0
            self._say(Ack())
            self._session.moved(Move.ACCESS)
            return
        self._operand = secrets.token_hex(4).upper()
        self._wrong_passwords += 1
        if self._wrong_passwords >= self.settings.wrong_passwords:
            self._wrong_passwords = 0
            self._locked_until = self._arrived + self.settings.lock_s
            self._say(Command("B", "0"))
            self._to_start_after_sending()
            return
        self._refuse(LOCKED)

    def _command(self, command: Command) -> None:
        try:
            sets = parse(command.body or "")
        except DataSetWrong:
            self._refuse(UNREADABLE)
            return
        if len(sets) != 1:
            self._refuse(UNREADABLE)
            return
        act: dict[str, Callable[[DataSet], None]] = {"R": self._read, "W": self._write, "E": self._write}
        do = act.get(command.letter)
        if do is None:
            self._refuse(NOT_ALLOWED)
            return
        try:
            do(sets[0])
        except (MeterError, DataSetWrong):
            self._refuse(NOT_ALLOWED)

    def _read(self, asked: DataSet) -> None:
        quirks = self._quirks
        if quirks.bare_ack_to_read:
            self._say(Ack())
            return
        if quirks.needs_argument and asked.first != quirks.needs_argument:
            self._refuse(UNREADABLE)
            return
        answer = self._register(asked.address)
        if answer is None:
            self._refuse(UNKNOWN)
            return
        address = quirks.answers_for or ("" if quirks.without_address else asked.address)
        body = quirks.body_instead or render(DataSet(address, answer.values))
        size = self.settings.block_size or len(body)
        pieces = [body[at : at + size] for at in range(0, len(body), size)] or [""]
        self._blocks = [*(Block(each, last=False) for each in pieces[:-1]), Block(pieces[-1])]
        if len(self._blocks) > 1 or quirks.endless_blocks:
            self._session.moved(Move.BLOCK)
        self._next_block(first=True)

    def _next_block(self, *, first: bool = False) -> None:
        if self._quirks.endless_blocks:
            self._say(Block("1.8.0(1)\r\n", last=False))
            return
        if self._quirks.break_after_blocks and not first:
            self._say(Command("B", "0"))
            self._to_start_after_sending()
            return
        if not self._blocks:
            return
        block = self._blocks.pop(0)
        if block.last and self._session.state is Meter.SENDING_BLOCKS:
            self._session.moved(Move.LAST_BLOCK)
        self._say(block)

    def _register(self, address: str) -> DataSet | None:
        codes = self._codes
        if same_register(address, codes["result"]):
            return data_set(address, f"{self._result:02d}")
        found = registers.find(self._all(), address)
        if found is None and any(same_register(address, f"{codes['last_token']}.{at}") for at in range(1, 6)):
            return data_set(address, "", "", "")
        return found

    def _write(self, asked: DataSet) -> None:
        codes = self._codes
        if same_register(asked.address, codes["token"]):
            self._take_token(asked.first)
        elif same_register(asked.address, codes["switch"]) and asked.first in ("0", "1"):
            switch = switching(self._meter)
            if asked.first == "1":
                switch.reconnect()
            else:
                switch.disconnect()
            self._say(Ack())
        else:
            self._refuse(UNKNOWN)

    def _take_token(self, digits: str) -> None:
        if self._token is not None:
            self._refuse(BUSY)
            return
        self._result = int(TokenStatus.NOT_READY)
        self._say(Ack())
        self._token = digits
        sent = (
            self._outgoing[-1].leaves(len(self._outgoing[-1].data) - 1) if self._outgoing else self._arrived
        )
        self._token_at = sent + self.settings.settle_s

    def _judge_token(self) -> None:
        token, self._token = self._token or "", None
        if len(token) != 20 or not token.isdigit():
            self._result = int(TokenStatus.FORMAT)
            return
        try:
            self._result = self._meter.enter_token(token).number
        except MeterError:
            self._result = int(TokenStatus.NONE)

    # Saying something.

    def _refuse(self, text: str) -> None:
        self._say(Block(f"({text})"))

    def _say(self, message: Message) -> None:
        quirks = self._quirks
        data = self._session.wire.bytes_of(message)
        if isinstance(message, Ack) and self._session.state is Meter.OPEN:
            self._swallowed += 1
            if self._swallowed <= quirks.swallowed_confirmations:
                return
        if isinstance(message, Block):
            if quirks.decimal_comma:
                data = self._session.wire.bytes_of(
                    Block(re.sub(r"\.(\d+\*)", r",\1", message.body), message.last)
                )
            if quirks.readout_cut_after:
                data = data[: quirks.readout_cut_after]
            data += quirks.stray_after_block
        self._last = data
        self._put(self._spoilt(data))

    def _spoilt(self, data: bytes) -> bytes:
        """With a wrong check character, as often as the quirk says."""
        if data[0] & 0x7F != STX or self._damaged >= self._quirks.damaged_answers:
            return data
        self._damaged += 1
        return data[:-1] + bytes([data[-1] ^ 1])

    def _put(self, data: bytes) -> None:
        after = (
            self._outgoing[-1].leaves(len(self._outgoing[-1].data) - 1) if self._outgoing else self._arrived
        )
        begins = after if self._outgoing else after + self.settings.reaction
        pause = self._quirks.pause_s if data[:1] in (b"\x02", b"\x82") else 0.0
        self._outgoing.append(_Outgoing(data, begins, self.baud, self._quirks.pause_after, pause))

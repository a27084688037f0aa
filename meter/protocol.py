"""Both ends of a session on the serial line, without I/O: bytes in, events out. IEC 62056-21, modes A to C.

The legal moves are two tables, `CLIENT_MOVES` and `METER_MOVES`: (state, what was sent or came) -> next state. What is
not in the table is `Unexpected` and moves nothing. `ClientSession` and `MeterSession` hold a state, a receiver that
knows what may come in that state, and nothing else: no clock, no retries, no meaning of registers. Time is the
caller's, who says `cut` when the line has been silent too long inside a message.
"""

from __future__ import annotations

import enum
import hmac
import re
from dataclasses import dataclass

from meter.datasets import DataSet, DataSetWrong, parse
from meter.framing import (
    Ack,
    Bcc,
    Block,
    Command,
    Damaged,
    Expecting,
    Framing,
    Identification,
    Message,
    Mode,
    Nak,
    OptionSelect,
    Receiver,
    SignOn,
    encode,
    to_line,
)

READOUT, PROGRAMMING = "0", "1"
"""What an option select asks for: the list of all registers, or commands."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How this wire spells things, the same for both ends. A profile file of `line_profile` sets it."""

    framing: Framing = Framing.SEVEN_EVEN
    bcc: Bcc = Bcc.XOR
    line_feed_only: bool = False
    unframed_readout: bool = False
    lenient: bool = False

    def receiver(self, expecting: Expecting) -> Receiver:
        return Receiver(
            expecting,
            bcc=self.bcc,
            framing=self.framing,
            line_feed_only=self.line_feed_only,
            unframed_readout=self.unframed_readout,
        )

    def bytes_of(self, message: Message) -> bytes:
        return to_line(encode(message, self.bcc), self.framing)


@dataclass(frozen=True, slots=True)
class Unexpected:
    """A whole, undamaged message that has no place in this state."""

    message: Message


Event = Message | Damaged | Unexpected


class IllegalMove(AssertionError):
    """Our own code tried to send what the state does not allow: a fault of ours, never of the far side."""


# The client's end.


class Client(enum.Enum):
    """Where the client's session stands, by what it waits for."""

    IDLE = enum.auto()
    SIGNING_ON = enum.auto()
    CHOOSING = enum.auto()
    READING_OUT = enum.auto()
    HAS_READ = enum.auto()
    OPENING = enum.auto()
    OPEN = enum.auto()
    AWAITING_DATA = enum.auto()
    AWAITING_CONFIRMATION = enum.auto()


class Move(enum.Enum):
    """What can happen to a session; the same words for both ends, seen from the one that holds the table."""

    SIGN_ON = enum.auto()
    IDENTIFICATION = enum.auto()
    IDENTIFICATION_WITHOUT_CHOICE = enum.auto()
    CHOOSE_READOUT = enum.auto()
    CHOOSE_PROGRAMMING = enum.auto()
    OPERAND = enum.auto()
    ACCESS = enum.auto()
    BLOCK = enum.auto()
    LAST_BLOCK = enum.auto()
    ASK = enum.auto()
    ACT = enum.auto()
    ACK = enum.auto()
    NAK = enum.auto()
    BREAK = enum.auto()


CLIENT_MOVES: dict[tuple[Client, Move], Client] = {
    (Client.IDLE, Move.SIGN_ON): Client.SIGNING_ON,
    (Client.SIGNING_ON, Move.SIGN_ON): Client.SIGNING_ON,
    (Client.SIGNING_ON, Move.IDENTIFICATION): Client.CHOOSING,
    (Client.SIGNING_ON, Move.IDENTIFICATION_WITHOUT_CHOICE): Client.READING_OUT,
    (Client.CHOOSING, Move.SIGN_ON): Client.SIGNING_ON,
    (Client.CHOOSING, Move.CHOOSE_READOUT): Client.READING_OUT,
    (Client.CHOOSING, Move.CHOOSE_PROGRAMMING): Client.OPENING,
    (Client.READING_OUT, Move.BLOCK): Client.READING_OUT,
    (Client.READING_OUT, Move.LAST_BLOCK): Client.HAS_READ,
    (Client.READING_OUT, Move.NAK): Client.READING_OUT,
    (Client.OPENING, Move.OPERAND): Client.OPEN,
    (Client.OPENING, Move.LAST_BLOCK): Client.HAS_READ,
    (Client.OPENING, Move.NAK): Client.OPENING,
    (Client.OPEN, Move.ASK): Client.AWAITING_DATA,
    (Client.OPEN, Move.ACT): Client.AWAITING_CONFIRMATION,
    # A question may be asked again; an act may not: that row is missing on purpose. After a lost confirmation the
    # only way on is to ask what became of it.
    (Client.AWAITING_DATA, Move.ASK): Client.AWAITING_DATA,
    (Client.AWAITING_CONFIRMATION, Move.ASK): Client.AWAITING_DATA,
    (Client.AWAITING_DATA, Move.BLOCK): Client.AWAITING_DATA,
    (Client.AWAITING_DATA, Move.LAST_BLOCK): Client.OPEN,
    (Client.AWAITING_DATA, Move.ACK): Client.OPEN,
    (Client.AWAITING_DATA, Move.NAK): Client.OPEN,
    (Client.AWAITING_CONFIRMATION, Move.ACK): Client.OPEN,
    (Client.AWAITING_CONFIRMATION, Move.NAK): Client.OPEN,
    (Client.AWAITING_CONFIRMATION, Move.LAST_BLOCK): Client.OPEN,
    # A break ends everything, from either end and in every state but before the first word.
    **{(state, Move.BREAK): Client.IDLE for state in Client},
}

_CLIENT_EXPECTS: dict[Client, Expecting] = {
    Client.IDLE: Expecting.REPLY,
    Client.SIGNING_ON: Expecting.IDENTIFICATION,
    Client.CHOOSING: Expecting.IDENTIFICATION,
    Client.READING_OUT: Expecting.READOUT,
    Client.HAS_READ: Expecting.REPLY,
    Client.OPENING: Expecting.REPLY,
    Client.OPEN: Expecting.REPLY,
    Client.AWAITING_DATA: Expecting.REPLY,
    Client.AWAITING_CONFIRMATION: Expecting.REPLY,
}


class ClientSession:
    """The reader's end. Each `sending…` gives the bytes of one legal message; `receive` gives what came of bytes."""

    def __init__(self, wire: Wire) -> None:
        self.state = Client.IDLE
        self.wire = wire
        self._receiver = wire.receiver(Expecting.REPLY)

    @property
    def pending(self) -> bool:
        return self._receiver.pending

    @property
    def received(self) -> int:
        return self._receiver.received

    def sending_sign_on(self, address: str) -> bytes:
        return self._sending(Move.SIGN_ON, SignOn(address))

    def sending_choice(self, option: str, baud_character: str) -> bytes:
        move = Move.CHOOSE_PROGRAMMING if option == PROGRAMMING else Move.CHOOSE_READOUT
        return self._sending(move, OptionSelect("0", baud_character, option))

    def sending_command(self, letter: str, digit: str, body: str) -> bytes:
        return self._sending(Move.ASK if letter == "R" else Move.ACT, Command(letter, digit, body))

    def sending_break(self) -> bytes:
        return self._sending(Move.BREAK, Command("B", "0"))

    def sending_next_block(self) -> bytes:
        """ACK to a partial block. It moves nothing: the meter is still answering the same question."""
        return self._bare(Ack())

    def sending_repeat(self) -> bytes:
        """NAK: the last message of the meter once more."""
        return self._bare(Nak())

    def receive(self, data: bytes) -> list[Event]:
        """Events of these bytes. What follows a message that moved the session is read in the new state."""
        events: list[Event] = []
        for index in range(len(data)):
            for message in self._receiver.feed(data[index : index + 1]):
                events.append(self._judge(message))
        return events

    def cut(self) -> list[Event]:
        """The line fell silent inside a message."""
        damaged = self._receiver.cut()
        return [] if damaged is None else [damaged]

    def forget(self) -> None:
        """Drop what is unfinished, before the next message is sent."""
        self._receiver.reset()

    def start_again(self) -> None:
        """Back to the start without a word: the meter is gone or has broken off."""
        self._go(Client.IDLE)

    def _judge(self, message: Message | Damaged) -> Event:
        if isinstance(message, Damaged):
            return message
        state = CLIENT_MOVES.get((self.state, move)) if (move := _move_of(message)) else None
        if state is None:
            return Unexpected(message)
        self._go(state)
        return message

    def _sending(self, move: Move, message: Message) -> bytes:
        state = CLIENT_MOVES.get((self.state, move))
        if state is None:
            raise IllegalMove(f"{move.name} in {self.state.name}")
        data = self.wire.bytes_of(message)
        self._go(state)
        return data

    def _bare(self, message: Ack | Nak) -> bytes:
        self._receiver.reset()
        return self.wire.bytes_of(message)

    def _go(self, state: Client) -> None:
        self.state = state
        self._receiver.reset(_CLIENT_EXPECTS[state])


def _move_of(message: Message) -> Move | None:
    """What a message from the meter does to the client's session."""
    match message:
        case Identification():
            return Move.IDENTIFICATION if message.mode is Mode.C else Move.IDENTIFICATION_WITHOUT_CHOICE
        case Block(last=last):
            return Move.LAST_BLOCK if last else Move.BLOCK
        case Ack():
            return Move.ACK
        case Nak():
            return Move.NAK
        case Command("B", _):
            return Move.BREAK
        case Command("P", "0"):
            return Move.OPERAND
    return None


# The meter's end.


class Meter(enum.Enum):
    """Where the meter's session stands."""

    START = enum.auto()
    CHOICE = enum.auto()
    READ_OUT = enum.auto()
    CLOSED = enum.auto()
    OPEN = enum.auto()
    SENDING_BLOCKS = enum.auto()


METER_MOVES: dict[tuple[Meter, Move], Meter] = {
    (Meter.START, Move.SIGN_ON): Meter.START,
    (Meter.START, Move.IDENTIFICATION): Meter.CHOICE,
    (Meter.START, Move.IDENTIFICATION_WITHOUT_CHOICE): Meter.START,
    (Meter.CHOICE, Move.CHOOSE_READOUT): Meter.READ_OUT,
    (Meter.READ_OUT, Move.NAK): Meter.READ_OUT,
    (Meter.CHOICE, Move.CHOOSE_PROGRAMMING): Meter.CLOSED,
    (Meter.CLOSED, Move.ACT): Meter.CLOSED,
    (Meter.CLOSED, Move.ASK): Meter.CLOSED,
    (Meter.CLOSED, Move.ACCESS): Meter.OPEN,
    (Meter.CLOSED, Move.NAK): Meter.CLOSED,
    (Meter.OPEN, Move.ASK): Meter.OPEN,
    (Meter.OPEN, Move.ACT): Meter.OPEN,
    (Meter.OPEN, Move.NAK): Meter.OPEN,
    (Meter.OPEN, Move.BLOCK): Meter.SENDING_BLOCKS,
    (Meter.SENDING_BLOCKS, Move.ACK): Meter.SENDING_BLOCKS,
    (Meter.SENDING_BLOCKS, Move.NAK): Meter.SENDING_BLOCKS,
    (Meter.SENDING_BLOCKS, Move.LAST_BLOCK): Meter.OPEN,
    # A new question in the middle of blocks: the client has had enough of the old one.
    (Meter.SENDING_BLOCKS, Move.ASK): Meter.OPEN,
    (Meter.SENDING_BLOCKS, Move.ACT): Meter.OPEN,
    **{(state, Move.BREAK): Meter.START for state in Meter},
}

_METER_EXPECTS: dict[Meter, Expecting] = {
    Meter.START: Expecting.SIGN_ON,
    Meter.CHOICE: Expecting.OPTION,
    Meter.READ_OUT: Expecting.COMMAND,
    Meter.CLOSED: Expecting.COMMAND,
    Meter.OPEN: Expecting.COMMAND,
    Meter.SENDING_BLOCKS: Expecting.COMMAND,
}


class MeterSession:
    """The meter's end. It judges what may come; what to answer is the caller's (`serial_meter`)."""

    def __init__(self, wire: Wire) -> None:
        self.state = Meter.START
        self.wire = wire
        self._receiver = wire.receiver(Expecting.SIGN_ON)

    @property
    def pending(self) -> bool:
        return self._receiver.pending

    def receive(self, data: bytes) -> list[Event]:
        """Events of these bytes; the state follows only when `moved` is told what the meter does about them."""
        return [self._judge(message) for message in self._receiver.feed(data)]

    def cut(self) -> list[Event]:
        damaged = self._receiver.cut()
        return [] if damaged is None else [damaged]

    def moved(self, move: Move) -> None:
        """The meter did this: answered, refused, sent a block."""
        state = METER_MOVES.get((self.state, move))
        if state is None:
            raise IllegalMove(f"{move.name} in {self.state.name}")
        self.state = state
        self._receiver.reset(_METER_EXPECTS[state])

    def _judge(self, message: Message | Damaged) -> Event:
        if isinstance(message, Damaged):
            return message
        legal = (self.state, _asked(message)) in METER_MOVES
        return message if legal else Unexpected(message)


def _asked(message: Message) -> Move | None:
    """What a message from the client asks of the meter's session."""
    match message:
        case SignOn():
            return Move.SIGN_ON
        case OptionSelect(option=option):
            return Move.CHOOSE_PROGRAMMING if option == PROGRAMMING else Move.CHOOSE_READOUT
        case Ack():
            return Move.ACK
        case Nak():
            return Move.NAK
        case Command("B", _):
            return Move.BREAK
        case Command("R", _):
            return Move.ASK
        case Command():
            return Move.ACT
    return None


# What both ends know about the words inside.


def same_address(one: str, other: str) -> bool:
    """Leading zeros do not count, and an address of zeros alone equals any other of zeros alone."""
    return one.lstrip("0") == other.lstrip("0")


def refusal_in(sets: list[DataSet], pattern: re.Pattern[str]) -> str | None:
    """The error text when these data sets are an error message: no address, one value, and the maker's spelling."""
    if len(sets) != 1 or sets[0].address or len(sets[0].values) != 1:
        return None
    text = sets[0].first
    return text if pattern.fullmatch(text) else None


def operand_of(command: Command) -> str:
    """The operand of a P0, empty when there is none or when it does not read."""
    try:
        sets = parse(command.body or "")
    except DataSetWrong:
        return ""
    return sets[0].first if sets else ""


def answer_to(operand: str, password: str) -> str:
    """The P2 answer of our own meters: HMAC-SHA256 of the operand under the password, its first 16 hex digits.

    Every maker has its own; this one keeps the password off the wire, and an operand is used once.
    """
    return hmac.new(password.encode(), operand.encode(), "sha256").hexdigest()[:16].upper()

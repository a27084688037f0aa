"""Messages of the serial line as values, and the bytes they stand for. IEC 62056-21, clause 6 (modes A to C).

Encode and decode stand side by side: `encode` makes the seven-bit bytes of one message, `Receiver` takes bytes as
they drip in and gives whole messages, or `Damaged` for what failed its check. `to_line` and `Receiver` apply the
parity rule of the wire. What it is not: it knows no order of messages (that is `protocol`), no data sets (that is
`datasets`), no time and no port.

The check character is the XOR of everything after the first SOH or STX up to and with ETX or EOT. It may take any
value, that of ACK and ETX too: so exactly one byte is read after the end, and nothing is ever searched backwards.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import xor

SOH, STX, ETX, EOT, ACK, NAK, CR, LF = 0x01, 0x02, 0x03, 0x04, 0x06, 0x15, 0x0D, 0x0A

LONGEST_ADDRESS = 32
LONGEST_IDENTIFICATION = 64
LONGEST_BLOCK = 65_536
LONGEST_COMMAND = 1_024

BAUD_OF: dict[str, int] = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""Baud characters of mode C. The letters of mode B are one step down: A is 600."""
BAUD_OF_MODE_B: dict[str, int] = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}

_ADDRESS = re.compile(r"[0-9A-Za-z ]{0,32}\Z")
_IDENTIFICATION = re.compile(r"/([A-Za-z]{3})([ -~])((?:\\[ -.0-~])*)([ -.0-~]*)\Z")
_OPTION = re.compile(r"\x06([0-9A-Za-z])([0-9A-Za-z])([0-9A-Za-z])\r\n\Z")
_EVEN = bytes(value | 0x80 if value.bit_count() & 1 else value for value in range(128))


class Bcc(enum.StrEnum):
    """How the check character is made. `sum7` and `none` exist in the field and are chosen, never guessed."""

    XOR = "xor"
    SUM7 = "sum7"
    NONE = "none"


class Framing(enum.StrEnum):
    """How bits travel: seven with even parity by the port, the same in eight bits by us, or plain eight bits."""

    SEVEN_EVEN = "7e1"
    SOFT = "soft"
    EIGHT = "8n1"


class Mode(enum.StrEnum):
    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class SignOn:
    """`/?address!`: the only message that starts with slash and question mark."""

    address: str = ""


@dataclass(frozen=True, slots=True)
class Identification:
    """`/KMP5\\2PREPAY01`: who the meter is, and by the fifth character in which mode and how fast it can talk."""

    flag: str
    baud_character: str
    groups: tuple[str, ...] = ()
    text: str = ""

    @property
    def mode(self) -> Mode:
        if self.baud_character in "0123456789":
            return Mode.C
        return Mode.B if self.baud_character in "ABCDEFGHI" else Mode.A

    @property
    def baud(self) -> int | None:
        """The rate that follows, or None for a character that is reserved."""
        if self.mode is Mode.A:
            return 300
        return (BAUD_OF if self.mode is Mode.C else BAUD_OF_MODE_B).get(self.baud_character)

    @property
    def quick(self) -> bool:
        """A third letter in lower case: 20 ms of reaction time instead of 200."""
        return self.flag[2].islower()


@dataclass(frozen=True, slots=True)
class OptionSelect:
    """`ACK V Z Y`: procedure, rate and what shall happen next."""

    procedure: str
    baud_character: str
    option: str


@dataclass(frozen=True, slots=True)
class Command:
    """`SOH C d [STX body ETX] BCC`. Its body is left out of the repr: it may be a token or a password."""

    letter: str
    digit: str
    body: str | None = None

    @property
    def name(self) -> str:
        return self.letter + self.digit

    def __repr__(self) -> str:
        return f"Command({self.name})"


@dataclass(frozen=True, slots=True)
class Block:
    """`STX body ETX BCC`, or with EOT when more blocks follow. `checked` is False where no BCC was sent."""

    body: str
    last: bool = True
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Ack:
    pass


@dataclass(frozen=True, slots=True)
class Nak:
    pass


Message = SignOn | Identification | OptionSelect | Command | Block | Ack | Nak


class Fault(enum.StrEnum):
    """Why a message was thrown away whole."""

    BCC = "bcc"
    PARITY = "parity"
    CUT = "cut"
    TOO_LONG = "too long"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that began like a message and failed its check. `hint` names the setting under which they would pass."""

    fault: Fault
    hint: str = ""


class Unsendable(ValueError):
    """Our own message cannot be put on the line: a character or a length that the standard forbids."""


# Out: values to bytes.


def encode(message: Message, bcc: Bcc = Bcc.XOR) -> bytes:
    """The seven-bit bytes of a message; the parity of the wire is `to_line`'s."""
    match message:
        case SignOn(address):
            if not _ADDRESS.match(address):
                raise Unsendable("An address is at most 32 letters, digits or spaces.")
            return f"/?{address}!\r\n".encode("ascii")
        case Identification(flag, baud_character, groups, text):
            line = f"/{flag}{baud_character}" + "".join(f"\\{each}" for each in groups) + text
            if not _IDENTIFICATION.match(line) or len(text) > 16 or "!" in text:
                raise Unsendable(
                    "An identification is three letters, a baud character and 16 printable characters."
                )
            return f"{line}\r\n".encode("ascii")
        case OptionSelect(procedure, baud_character, option):
            return f"\x06{procedure}{baud_character}{option}\r\n".encode("ascii")
        case Command(letter, digit, body):
            inner = "" if body is None else f"\x02{_sendable(body)}"
            return _checked(b"\x01", f"{letter}{digit}{inner}\x03".encode("ascii"), bcc)
        case Block(body, last):
            return _checked(b"\x02", f"{_sendable(body)}{chr(ETX if last else EOT)}".encode("ascii"), bcc)
        case Ack():
            return b"\x06"
        case Nak():
            return b"\x15"


def _sendable(body: str) -> str:
    if not all(" " <= each <= "~" or each in "\r\n" for each in body):
        raise Unsendable("Only printable ASCII travels in a data set.")
    return body


def _checked(start: bytes, covered: bytes, bcc: Bcc) -> bytes:
    return start + covered + (b"" if bcc is Bcc.NONE else bytes([check_character(covered, bcc)]))


def check_character(covered: Iterable[int], bcc: Bcc) -> int:
    """Over everything after the first SOH or STX, up to and with ETX or EOT."""
    return (reduce(xor, covered, 0) if bcc is Bcc.XOR else sum(covered)) & 0x7F


def to_line(data: bytes, framing: Framing) -> bytes:
    """Seven-bit bytes as this framing hands them to the port."""
    return data.translate(_EVEN + bytes(128)) if framing is Framing.SOFT else data


# In: bytes to values.


class Expecting(enum.Enum):
    """What may come next: it decides which byte starts a message. Everything before that byte is noise."""

    SIGN_ON = enum.auto()
    OPTION = enum.auto()
    COMMAND = enum.auto()
    IDENTIFICATION = enum.auto()
    READOUT = enum.auto()
    REPLY = enum.auto()


_STARTS: dict[Expecting, frozenset[int]] = {
    Expecting.SIGN_ON: frozenset(b"/"),
    Expecting.OPTION: frozenset({ACK}),
    Expecting.COMMAND: frozenset({SOH, ACK, NAK}),
    Expecting.IDENTIFICATION: frozenset(b"/"),
    Expecting.READOUT: frozenset({STX, SOH, NAK}),
    Expecting.REPLY: frozenset({STX, SOH, ACK, NAK}),
}


class Receiver:
    """Bytes in, messages out, one at a time; holds at most one unfinished message of bounded length."""

    def __init__(
        self,
        expecting: Expecting,
        *,
        bcc: Bcc = Bcc.XOR,
        framing: Framing = Framing.SEVEN_EVEN,
        line_feed_only: bool = False,
        unframed_readout: bool = False,
    ) -> None:
        self.expecting = expecting
        self.noise = 0
        self._bcc = bcc
        self._framing = framing
        self._line_feed_only = line_feed_only
        self._unframed_readout = unframed_readout
        self._held = bytearray()
        self._parity_wrong = False
        self._ended = False

    @property
    def pending(self) -> bool:
        """In the middle of a message."""
        return bool(self._held)

    @property
    def received(self) -> int:
        """Bytes of the unfinished message, for progress."""
        return len(self._held)

    def reset(self, expecting: Expecting | None = None) -> None:
        """Forget what is unfinished."""
        self._held.clear()
        self._parity_wrong = self._ended = False
        if expecting is not None:
            self.expecting = expecting

    def cut(self) -> Damaged | None:
        """The line fell silent: what is unfinished will never be whole."""
        if not self._held:
            return None
        self.reset()
        return Damaged(Fault.CUT)

    def feed(self, data: bytes) -> list[Message | Damaged]:
        """All that these bytes complete. `expecting` holds for all of them, so feed what one message may be."""
        found: list[Message | Damaged] = []
        for byte in data:
            one = self._take(byte)
            if one is not None:
                found.append(one)
        return found

    def _take(self, raw: int) -> Message | Damaged | None:
        if self._framing is Framing.SOFT:
            byte, wrong = raw & 0x7F, raw.bit_count() & 1 == 1
        else:
            byte, wrong = raw, raw > 0x7F
        if not self._held:
            return self._start(byte, wrong)
        self._parity_wrong |= wrong
        byte &= 0x7F
        first = self._held[0]
        if first == 0x2F:
            return self._take_line(byte)
        if first == ACK:
            return self._take_option(byte)
        return self._take_block(byte) if first in (SOH, STX) else self._take_unframed(byte)

    def _start(self, byte: int, wrong: bool) -> Message | Damaged | None:
        unframed = self._unframed_readout and self.expecting is Expecting.READOUT and 0x20 < byte < 0x7F
        if wrong or not (byte in _STARTS[self.expecting] or unframed):
            self.noise += 1
            return None
        if byte == NAK:
            return Nak()
        if byte == ACK and self.expecting is not Expecting.OPTION:
            return Ack()
        self._held.append(byte)
        return None

    # A line that starts with a slash: sign-on or identification.

    def _take_line(self, byte: int) -> Message | Damaged | None:
        if byte == 0x2F:
            # A slash cannot stand inside either line: what came before was noise.
            self.noise += len(self._held)
            self.reset()
            return self._start(byte, False)
        self._held.append(byte)
        longest = LONGEST_ADDRESS + 5 if self.expecting is Expecting.SIGN_ON else LONGEST_IDENTIFICATION
        if byte == LF:
            return self._finish(self._line)
        return self._end(Damaged(Fault.TOO_LONG)) if len(self._held) > longest else None

    def _line(self, text: str) -> Message | Damaged:
        if text.endswith("\r\n"):
            text = text[:-2].rstrip("\r") if self._line_feed_only else text[:-2]
        elif self._line_feed_only:
            text = text[:-1]
        else:
            return Damaged(Fault.SHAPE, "line_feed_only")
        if self.expecting is Expecting.SIGN_ON:
            fits = text.startswith("/?") and text.endswith("!") and _ADDRESS.match(text[2:-1])
            return SignOn(text[2:-1]) if fits else Damaged(Fault.SHAPE)
        match = _IDENTIFICATION.match(text)
        if match is None or text.startswith("/?"):
            return Damaged(Fault.SHAPE)
        flag, baud_character, groups, rest = match.groups()
        return Identification(flag, baud_character, tuple(groups[1::2]), rest)

    # ACK V Z Y CR LF.

    def _take_option(self, byte: int) -> Message | Damaged | None:
        self._held.append(byte)
        if byte == LF or len(self._held) >= 6:
            return self._finish(self._option)
        return None

    def _option(self, text: str) -> Message | Damaged:
        match = _OPTION.match(text)
        return OptionSelect(*match.groups()) if match else Damaged(Fault.SHAPE)

    # SOH … or STX … up to ETX or EOT, then one byte.

    def _take_block(self, byte: int) -> Message | Damaged | None:
        self._held.append(byte)
        if self._ended:
            return self._finish_block(byte)
        if byte in (ETX, EOT):
            if self._bcc is Bcc.NONE:
                return self._finish_block(None)
            self._ended = True
            return None
        longest = LONGEST_COMMAND if self.expecting is Expecting.COMMAND else LONGEST_BLOCK
        return self._end(Damaged(Fault.TOO_LONG)) if len(self._held) > longest else None

    def _finish_block(self, sent: int | None) -> Message | Damaged:
        covered = self._held[1:] if sent is None else self._held[1:-1]
        if self._parity_wrong:
            return self._end(Damaged(Fault.PARITY))
        if sent is not None and sent != check_character(covered, self._bcc):
            other = Bcc.SUM7 if self._bcc is Bcc.XOR else Bcc.XOR
            fits_other = sent == check_character(covered, other)
            return self._end(Damaged(Fault.BCC, f"bcc={other}" if fits_other else ""))
        first, last = self._held[0], covered[-1] == ETX
        text = covered[:-1].decode("ascii")
        return self._end(Block(text, last) if first == STX else _command(text, last))

    # Lines without STX, ended by "!" CR LF.

    def _take_unframed(self, byte: int) -> Message | Damaged | None:
        self._held.append(byte)
        if self._held.endswith(b"!\r\n") and (len(self._held) == 3 or self._held[-4] == LF):
            return self._finish(lambda text: Block(text, checked=False))
        return self._end(Damaged(Fault.TOO_LONG)) if len(self._held) > LONGEST_BLOCK else None

    def _finish(self, read: object) -> Message | Damaged:
        assert callable(read)
        if self._parity_wrong:
            return self._end(Damaged(Fault.PARITY))
        message: Message | Damaged = read(self._held.decode("ascii"))
        return self._end(message)

    def _end(self, message: Message | Damaged) -> Message | Damaged:
        self.reset()
        return message


def _command(text: str, last: bool) -> Command | Damaged:
    """`C d` or `C d STX body`; a command never continues in another block."""
    if not last or len(text) < 2 or not (text[0].isalnum() and text[1].isalnum()):
        return Damaged(Fault.SHAPE)
    if len(text) == 2:
        return Command(text[0], text[1])
    if text[2] != "\x02" or "\x01" in text or "\x02" in text[3:]:
        return Damaged(Fault.SHAPE)
    return Command(text[0], text[1], text[3:])

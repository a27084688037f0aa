"""T-11: damage on the serial line, in three layers. Seeded, so that a failure is a number that can be run again.

*Frames*: one frame, damaged in a way that parity, check character and bounds must see, into a receiver: what comes out
is the frame itself or nothing that counts. *Calls*: a whole driver call in virtual time while the line is damaged: the
right value or a `MeterError`, in time, and a meter that is credited at most once. *Storms*: noise without any rule, where
a seven-bit check lets one damaged frame in 128 through by design: there the value may be wrong, but no call hangs or
crashes and no credit appears that was not bought.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fake_meter import GOOD, FakeMeter
from simulated_line import SimulatedLine, garbled

from meter.datasets import DataSetWrong, parse
from meter.driver import Outcome, Quantity, Reading, TokenStatus
from meter.errors import MeterError
from meter.framing import (
    Ack,
    Block,
    Command,
    Expecting,
    Framing,
    Identification,
    Message,
    Nak,
    Receiver,
    SignOn,
    encode,
    to_line,
)
from meter.line_profile import load
from meter.serial_driver import SerialDriver
from meter.serial_meter import PortSettings, SerialMeter

BUDGET_S = 30.0
STANDARD = load("standard")
Receiving = Callable[[Expecting, Framing], Receiver]


def honest(expecting: Expecting, framing: Framing) -> Receiver:
    return Receiver(expecting, framing=framing)


@dataclass
class Verdict:
    """What a run saw. `wrong` is the list that must stay empty."""

    tried: int = 0
    taken: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


# Frames.


def a_frame(chance: random.Random) -> tuple[Expecting, Message]:
    text = "".join(chance.choice("0123456789.") for _ in range(chance.randrange(1, 30)))
    body = f"{chance.choice(('1.8.0', 'C.52', 'C.51', '0.0.0', ''))}({text}*kWh)"
    return chance.choice(
        [
            (Expecting.REPLY, Block(body, chance.random() < 0.8)),
            (Expecting.READOUT, Block(f"{body}\r\n" * chance.randrange(1, 12) + "!\r\n")),
            (Expecting.COMMAND, Command("R", "1", "1.8.0()")),
            (Expecting.COMMAND, Command("W", "1", f"C.50({chance.randrange(10**20):020d})")),
            (Expecting.REPLY, Command("P", "0", f"({chance.randrange(16**8):08X})")),
        ]
    )


def _flip_one_byte(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(1, len(data))
    return data[:at] + bytes([data[at] ^ chance.randrange(1, 128)]) + data[at + 1 :]


def _flip_bits_of_one_column(data: bytes, chance: random.Random) -> bytes:
    """An odd number of flips in one bit position: what an XOR sees, however many bytes it touches."""
    bit = 1 << chance.randrange(7)
    places = chance.sample(range(1, len(data)), min(len(data) - 1, chance.choice((1, 3, 5))))
    if len(places) % 2 == 0:
        places.pop()
    return bytes(each ^ bit if at in places else each for at, each in enumerate(data))


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(0, len(data))]


def _swallow_start(data: bytes, chance: random.Random) -> bytes:
    return data[chance.randrange(1, len(data)) :]


def _wrong_rate(data: bytes, chance: random.Random) -> bytes:
    return garbled(data)


def _cut_and_begin_again(data: bytes, chance: random.Random) -> bytes:
    """The same bytes once more, glued to a torn first try."""
    return data[: chance.randrange(1, len(data))] + b"\x80" * chance.randrange(1, 4) + data


DAMAGES = (
    _flip_one_byte,
    _flip_bits_of_one_column,
    _truncate,
    _swallow_start,
    _wrong_rate,
    _cut_and_begin_again,
)


def damaged_frames(seed: int, count: int, receiving: Receiving = honest) -> Verdict:
    """Each frame with one kind of damage, in random splits, into a fresh receiver."""
    chance = random.Random(seed)
    verdict = Verdict()
    for number in range(count):
        expecting, message = a_frame(chance)
        framing = chance.choice((Framing.SEVEN_EVEN, Framing.SOFT))
        damage = chance.choice(DAMAGES)
        data = damage(to_line(encode(message), framing), chance)
        receiver = receiving(expecting, framing)
        found: list[object] = []
        while data:
            size = chance.randrange(1, len(data) + 1)
            found += receiver.feed(data[:size])
            data = data[size:]
        receiver.cut()
        verdict.tried += 1
        for one in found:
            if one == message:
                verdict.taken += 1
            elif isinstance(one, Block) and not _reads(one.body):
                # A byte that turned into ETX can fit by chance; what is left then does not read as data sets.
                verdict.refused += 1
            elif isinstance(one, Block | Command | SignOn | Identification):
                verdict.wrong.append(
                    f"seed {seed} frame {number} {damage.__name__}: took {type(one).__name__}"
                )
            elif not isinstance(one, Ack | Nak):
                verdict.refused += 1
    return verdict


def _reads(body: str) -> bool:
    try:
        return bool(parse(body))
    except DataSetWrong:
        return False


# Calls.


class _Spoiler:
    """Damages some of the messages that pass, each as one of the rules says; stops after a while, as trouble does."""

    def __init__(self, chance: random.Random, share: float, drip: float) -> None:
        self._chance = chance
        self._share = share
        self._drip = drip

    def whole(self, data: bytes) -> bytes:
        """A message of the client, which comes in one piece."""
        if len(data) < 2 or self._chance.random() > self._share:
            return data
        return self._chance.choice(DAMAGES)(data, self._chance)

    def dripping(self, data: bytes) -> bytes:
        """Bytes of the meter, which come one by one: one is flipped or lost now and then."""
        if self._chance.random() > self._drip:
            return data
        return (
            b""
            if self._chance.random() < 0.3
            else bytes([data[0] ^ 1 << self._chance.randrange(8)]) + data[1:]
        )


def a_driver(
    chance: random.Random, meter: FakeMeter, kind: type[SerialDriver] = SerialDriver
) -> tuple[SerialDriver, SimulatedLine]:
    wire = replace(STANDARD.wire, framing=Framing.SOFT)
    profile = replace(STANDARD, wire=wire, times=replace(STANDARD.times, call_s=BUDGET_S))
    settings = PortSettings(profile=replace(STANDARD, wire=wire), block_size=chance.choice((0, 0, 9)))
    line = SimulatedLine(SerialMeter(meter, settings))
    line.echoes = chance.random() < 0.3
    return kind(lambda: line, profile), line


def damaged_calls(
    seed: int, count: int, kind: type[SerialDriver] = SerialDriver, share: float = 0.3, drip: float = 0.01
) -> Verdict:
    chance = random.Random(seed)
    verdict = Verdict()
    for number in range(count):
        meter = FakeMeter(credit_wh=chance.randrange(0, 90_000) * 10)
        start = meter.credit_wh
        driver, line = a_driver(chance, meter, kind)
        spoiler = _Spoiler(chance, share, drip)
        line.to_meter, line.to_client = spoiler.whole, spoiler.dripping
        verb = chance.choice(("read", "enter_token", "enter_token", "clock", "disconnect"))
        begun = line.now()
        verdict.tried += 1
        try:
            value = driver.enter_token(GOOD) if verb == "enter_token" else getattr(driver, verb)()
        except MeterError as error:
            verdict.refused += 1
            if GOOD in str(error):
                verdict.wrong.append(f"seed {seed} call {number}: a token in an error")
            value = None
        else:
            verdict.taken += 1
        where = f"seed {seed} call {number} {verb}"
        if line.now() - begun > BUDGET_S * 1.1:
            verdict.wrong.append(f"{where}: took {line.now() - begun:.1f} s")
        if meter.entries not in ([], [GOOD]) or meter.credit_wh - start not in (0, 10_000):
            verdict.wrong.append(
                f"{where}: {len(meter.entries)} entries, credit {meter.credit_wh - start:+d}"
            )
        if _untrue(value, meter):
            verdict.wrong.append(f"{where}: a value that is not the meter's")
    return verdict


def _untrue(value: object, meter: FakeMeter) -> bool:
    match value:
        case Reading():
            return value.credit != Quantity(meter.credit_wh, "Wh") or value.relay != meter.relay
        case Outcome():
            wrong_credit = value.credit is not None and value.credit.amount != meter.credit_wh
            return value.status is not TokenStatus.ACCEPTED or wrong_credit
        case None:
            return False
    return value not in (meter.at, meter.relay)


# Storms.


def storms(seed: int, count: int) -> Verdict:
    """Random bytes between, instead of and inside everything."""
    chance = random.Random(seed)
    verdict = Verdict()
    for number in range(count):
        meter = FakeMeter()
        driver, line = a_driver(chance, meter)
        density = chance.choice((0.001, 0.01, 0.1, 0.9))

        def storm(data: bytes, density: float = density) -> bytes:
            told = bytearray()
            for byte in data:
                while chance.random() < density:
                    told.append(chance.randrange(256))
                if chance.random() > density:
                    told.append(byte)
            return bytes(told)

        line.to_meter = line.to_client = storm
        begun = line.now()
        verdict.tried += 1
        try:
            if chance.random() < 0.5:
                driver.enter_token(GOOD)
            else:
                driver.read()
            verdict.taken += 1
        except MeterError:
            verdict.refused += 1
        if line.now() - begun > BUDGET_S * 1.1:
            verdict.wrong.append(f"seed {seed} storm {number}: took {line.now() - begun:.1f} s")
        if meter.credit_wh - 12_340 not in (0, 10_000):
            verdict.wrong.append(f"seed {seed} storm {number}: credit {meter.credit_wh}")
    return verdict

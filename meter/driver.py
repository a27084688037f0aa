"""The port to one meter: what a person, the server or a battery may ask of it, whatever wire it hangs on.

A driver answers with values and raises a leaf of `MeterError` when it cannot. It is chosen by the scheme of its
URL (`open_driver`), so that nothing else knows which wires exist:

    twin:/abs/path/building.sock?pan=600727000000000009
    serial:/dev/ttyUSB0?address=1234        serial:COM3
    socket://10.0.0.7:4001?address=1234     rfc2217://10.0.0.7:4001

What it is not: a store, a schedule or a judge. It never repeats a write by itself (the STS layer makes a second
entry of a token safe, nothing makes a second disconnect safe), and it never keeps a token longer than the call.
Optional abilities are small Protocols (`Switching`, `TokenHistory`, `Clocked`); the flags in `capabilities` say
which of them one opened meter offers; `switching`, `token_history` and `clocked` turn a missing one into a refusal.

The numbers of `TokenStatus` are those of the token result register that prepayment meters show (see
docs/reference/serial-line.md); a driver keeps a number outside the list as it came.
"""

from __future__ import annotations

import enum
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from meter.errors import AbilityMissing, DriverUnknown, TokenDigitsWrong

Progress = Callable[[int, str], None]
"""Called with the bytes received so far and what is being read; may be called often and must return at once."""


class Capability(enum.Flag):
    """What one opened meter can do beyond `info` and `read`."""

    NONE = 0
    TOKEN = enum.auto()
    SWITCH = enum.auto()
    HISTORY = enum.auto()
    CLOCK = enum.auto()


class TokenStatus(enum.IntEnum):
    """The token result register. 1 to 3 are good news; 4 and 15 leave the token unspent."""

    NONE = 0
    ACCEPTED = 1
    FIRST_KEY_CHANGE = 2
    SECOND_KEY_CHANGE = 3
    OVERFLOW = 4
    KEY_TYPE = 5
    FORMAT = 6
    RANGE = 7
    FUNCTION = 8
    OLD = 9
    USED = 10
    KEY_EXPIRED = 11
    DEFAULT_KEY = 12
    CRC = 13
    MANUFACTURER = 14
    LOCKED_OUT = 15
    NOT_READY = 16


ADVICE: dict[TokenStatus, str] = {
    TokenStatus.NONE: "The meter shows no result. Ask it for its last tokens before you enter the token again.",
    TokenStatus.ACCEPTED: "Accepted.",
    TokenStatus.FIRST_KEY_CHANGE: "First key-change token accepted. Enter the next one of the set.",
    TokenStatus.SECOND_KEY_CHANGE: "Second key-change token accepted. Enter the rest of the set, then the credit.",
    TokenStatus.OVERFLOW: "The credit register would overflow. Keep the token and enter it after some use.",
    TokenStatus.KEY_TYPE: "The meter may not change to this key type. Ask the key manager.",
    TokenStatus.FORMAT: "The meter did not understand the digits. Check all twenty.",
    TokenStatus.RANGE: "A value in the token is outside the meter's range. Ask the engineer.",
    TokenStatus.FUNCTION: "This meter does not know this kind of token. Ask the engineer.",
    TokenStatus.OLD: "The token is older than all that the meter remembers. Have a new one issued.",
    TokenStatus.USED: "This token was entered before. Look at the last tokens of the meter.",
    TokenStatus.KEY_EXPIRED: "The meter's key has expired. It needs a key change first.",
    TokenStatus.DEFAULT_KEY: "The meter still holds its factory key. It needs a key change before credit.",
    TokenStatus.CRC: "Wrong digits, wrong meter or wrong key. Check the meter number, then the key revision.",
    TokenStatus.MANUFACTURER: "A test token of another maker. Use the one for this meter.",
    TokenStatus.LOCKED_OUT: "Too many wrong entries. Wait; another attempt now makes the wait longer.",
    TokenStatus.NOT_READY: "The meter is still at work on the token. Ask again.",
}


class RelayState(enum.StrEnum):
    """Where the supply stands. READY: switched off, and the customer may switch it on at the meter."""

    CLOSED = "closed"
    OPEN = "open"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A whole number of a small unit: Wh, W, l (litres) or minor (of the currency the meter is set to)."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Relay:
    """State and, in one word of the meter's, why: credit, remote, overload, tamper …; empty when closed."""

    state: RelayState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """One total or momentary value by its full OBIS code (`1-0:1.8.0`)."""

    obis: str
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """What names the meter's key, never the key: supply group, revision, type, tariff index, expiry, algorithm."""

    sgc: str
    krn: int
    key_type: int
    ti: int
    ken: int
    ea: int


@dataclass(frozen=True, slots=True)
class MeterInfo:
    """Who answers. `pan` is empty for a meter that cannot tell it; then its number on the wire is `number`."""

    number: str
    pan: str = ""
    maker: str = ""
    model: str = ""
    firmware: str = ""
    service: str = "electricity"
    keys: MeterKeys | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One credit of a meter that keeps several: mains and generator, electricity and water."""

    name: str
    credit: Quantity


@dataclass(frozen=True, slots=True)
class Reading:
    """What one visit of the registers gave. `credit` is None for a meter that keeps none.

    `accounts` is filled by meters that keep more than one credit; `credit` is then the first of them.
    """

    at: datetime
    credit: Quantity | None
    relay: Relay
    registers: tuple[Register, ...]
    tamper: tuple[str, ...] = ()
    power_limit: Quantity | None = None
    accounts: tuple[Account, ...] = ()
    warnings: tuple[str, ...] = ()

    def total(self, obis: str) -> Quantity | None:
        """The register with this code, or None."""
        return next((each.quantity for each in self.registers if each.obis == obis), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one token. `number` is the register as it came; `status` is None when it is not in the list.

    `recovered` says that the answer of the entry was lost and the result was read back afterwards.
    """

    status: TokenStatus | None
    number: int
    credit: Quantity | None = None
    relay: Relay | None = None
    recovered: bool = False

    @property
    def accepted(self) -> bool:
        return self.status in _GOOD

    @property
    def advice(self) -> str:
        if self.status is None:
            return (
                f"The meter answered with result {self.number}, which this list does not name. Ask its maker."
            )
        return ADVICE[self.status]

    @classmethod
    def of(
        cls,
        number: int,
        *,
        credit: Quantity | None = None,
        relay: Relay | None = None,
        recovered: bool = False,
    ) -> Outcome:
        known = number in TokenStatus._value2member_map_
        return cls(TokenStatus(number) if known else None, number, credit, relay, recovered)


_GOOD = frozenset({TokenStatus.ACCEPTED, TokenStatus.FIRST_KEY_CHANGE, TokenStatus.SECOND_KEY_CHANGE})


@dataclass(frozen=True, slots=True)
class LastToken:
    """One entry of the meter's token memory. Only the last four digits: a token is a bearer instrument."""

    tail: str
    status: int
    at: datetime | None


class MeterDriver(Protocol):
    """One opened meter. Every call ends within its time-out plus a tenth, with a value or a `MeterError`."""

    @property
    def capabilities(self) -> Capability: ...

    def info(self) -> MeterInfo: ...

    def read(self, progress: Progress | None = None) -> Reading: ...

    def enter_token(self, token: str) -> Outcome: ...

    def close(self) -> None: ...


@runtime_checkable
class Switching(Protocol):
    """A meter whose supply can be switched from afar. `reconnect` may end in READY: then a person presses a key."""

    def disconnect(self) -> Relay: ...

    def reconnect(self) -> Relay: ...


@runtime_checkable
class TokenHistory(Protocol):
    """A meter that remembers its last tokens, newest first."""

    def last_tokens(self) -> tuple[LastToken, ...]: ...


@runtime_checkable
class Clocked(Protocol):
    """A meter with a clock: aware UTC, to the second or the minute, as the meter has it."""

    def clock(self) -> datetime: ...


SCHEMES: dict[str, str] = {
    "twin": "meter.twin_driver:TwinDriver",
    "serial": "meter.serial_driver:SerialDriver",
    "socket": "meter.serial_driver:SerialDriver",
    "rfc2217": "meter.serial_driver:SerialDriver",
    "blueprint": "meter.blueprint_driver:BlueprintDriver",
}
"""Scheme -> class with `from_url(url, password=…)`. Adding a wire is one file and one row here."""


def open_driver(url: str, *, password: str | None = None) -> MeterDriver:
    """The driver for a URL, connected on first use. A password never stands in the URL: it is given beside it."""
    scheme = url.partition(":")[0]
    where = SCHEMES.get(scheme)
    if where is None:
        raise DriverUnknown(scheme, sorted(SCHEMES))
    module, _, name = where.partition(":")
    driver: MeterDriver = getattr(importlib.import_module(module), name).from_url(url, password=password)
    return driver


def switching(driver: MeterDriver) -> Switching:
    """The driver as one that can switch the supply, or `AbilityMissing`."""
    if Capability.SWITCH in driver.capabilities and isinstance(driver, Switching):
        return driver
    raise AbilityMissing("switching the supply")


def token_history(driver: MeterDriver) -> TokenHistory:
    """The driver as one that remembers tokens, or `AbilityMissing`."""
    if Capability.HISTORY in driver.capabilities and isinstance(driver, TokenHistory):
        return driver
    raise AbilityMissing("the last tokens")


def clocked(driver: MeterDriver) -> Clocked:
    """The driver as one with a clock, or `AbilityMissing`."""
    if Capability.CLOCK in driver.capabilities and isinstance(driver, Clocked):
        return driver
    raise AbilityMissing("a clock")


def token_digits(text: str) -> str:
    """Twenty ASCII digits from what a person typed in groups; anything else is refused without repeating it."""
    compact = text.replace(" ", "").replace("-", "")
    if len(compact) != 20 or not (compact.isascii() and compact.isdigit()):
        raise TokenDigitsWrong(len(compact))
    return compact


def masked(token: str) -> str:
    """The only form of a token that may be shown or logged by a driver."""
    return "****" + token[-4:]

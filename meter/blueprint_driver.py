"""A driver to copy: the smallest whole `MeterDriver`, which compiles, passes the contract, and reaches a meter in memory.

How to add a wire (DLMS, Modbus, MQTT …): copy this file to `<wire>_driver.py`, put its scheme into `driver.SCHEMES`,
let `from_url` read the query, and fill in the calls. Then add it to WIRES in tests/contracts/test_meter_driver.py and
make the suite pass. The rules that a reader of this port relies on:

1. Every call ends within its time-out plus a tenth, with a value or a leaf of `MeterError`; nothing else gets out.
2. What fails its check is thrown away whole. A half-read answer is no answer.
3. `enter_token` never sends twice unless the meter's memory shows that the first never came. A lost answer that cannot
   be looked up is `OutcomeUnknown`, never "failed".
4. `disconnect` and `reconnect` read the relay back: the value is what the relay does, not what was asked.
5. Amounts are integers of Wh, W, l or minor; a figure that does not turn into one exactly is refused.
6. No token, password or key in an error, a log or a URL. `capabilities` names only what this meter really does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

from meter.driver import (
    Capability,
    LastToken,
    MeterDriver,
    MeterInfo,
    Outcome,
    Progress,
    Quantity,
    Reading,
    Register,
    Relay,
    RelayState,
    TokenStatus,
    token_digits,
)
from meter.errors import DriverUrlWrong, MeterUnreachable


class MemoryMeter:
    """The far side of the blueprint: a meter that accepts the public all-tests token, worth 10 kWh, once."""

    def __init__(self, pan: str) -> None:
        self.pan = pan
        self.credit_wh = 0
        self.relay = Relay(RelayState.OPEN, "credit")
        self.tokens: list[LastToken] = []

    def enter(self, digits: str) -> TokenStatus:
        status = TokenStatus.CRC
        if digits == "56493153725450313471":
            used = any(each.status == TokenStatus.ACCEPTED for each in self.tokens)
            status = TokenStatus.USED if used else TokenStatus.ACCEPTED
        if status is TokenStatus.ACCEPTED:
            self.credit_wh += 10_000
            self.relay = Relay(RelayState.CLOSED)
        self.tokens.insert(0, LastToken(digits[-4:], int(status), datetime.now(UTC)))
        return status


_METERS: dict[str, MemoryMeter] = {}


class BlueprintDriver:
    """`blueprint:<pan>[?timeout=seconds]`; the PAN of zeros is a meter that does not answer."""

    capabilities = Capability.TOKEN | Capability.HISTORY

    def __init__(self, pan: str, timeout_s: float) -> None:
        self._pan = pan
        self._timeout_s = timeout_s

    @classmethod
    def from_url(cls, url: str, *, password: str | None = None) -> MeterDriver:
        """The fields of the URL, each checked; what is not known is a mistake."""
        pan, _, query = url.removeprefix("blueprint:").partition("?")
        fields = dict(parse_qsl(query))
        timeout = fields.pop("timeout", "10")
        if not (pan.isascii() and pan.isdigit()) or not timeout.isdigit() or fields:
            raise DriverUrlWrong("The blueprint is addressed as blueprint:<pan>[?timeout=seconds].")
        return cls(pan, float(timeout))

    def info(self) -> MeterInfo:
        meter = self._meter()
        return MeterInfo(number=meter.pan[6:17], pan=meter.pan, maker="AMP", model="BLUEPRINT", firmware="1")

    def read(self, progress: Progress | None = None) -> Reading:
        meter = self._meter()
        if progress is not None:
            progress(1, "registers")
        return Reading(
            at=datetime.now(UTC),
            credit=Quantity(meter.credit_wh, "Wh"),
            relay=meter.relay,
            registers=(Register("1-0:1.8.0", Quantity(0, "Wh")),),
        )

    def enter_token(self, token: str) -> Outcome:
        meter = self._meter()
        status = meter.enter(token_digits(token))
        return Outcome.of(int(status), credit=Quantity(meter.credit_wh, "Wh"), relay=meter.relay)

    def last_tokens(self) -> tuple[LastToken, ...]:
        return tuple(self._meter().tokens[:5])

    def close(self) -> None:
        """Nothing is held open. A driver with a connection closes it here, and the next call opens it again."""

    def _meter(self) -> MemoryMeter:
        if not self._pan.strip("0"):
            raise MeterUnreachable(f"No answer within {self._timeout_s:g} s. Check that the meter has power.")
        return _METERS.setdefault(self._pan, MemoryMeter(self._pan))

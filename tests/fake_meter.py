"""A meter in memory behind the `MeterDriver` port: obvious, obedient and inspectable. It decodes nothing.

Tokens are judged by a table: what the table does not name is refused with CRC. It is the far side in the tests of
drivers and of the serial line; that the real twin fills the same port is shown by its own tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from meter.driver import (
    Capability,
    LastToken,
    MeterInfo,
    MeterKeys,
    Outcome,
    Progress,
    Quantity,
    Reading,
    Register,
    Relay,
    RelayState,
    TokenStatus,
)

GOOD = "56493153725450313471"
"""The public all-tests token: a public number, used here as a token worth 10 kWh."""
OTHER_GOOD = "12345678901234567890"
OVERFLOWING = "11111111111111111111"
FIRST_OF_SET = "22222222222222222222"


@dataclass
class FakeMeter:
    number: str = "04123456789"
    pan: str = "600727041234567890"
    credit_wh: int = 12_340
    import_wh: int = 1_234_560
    relay: Relay = field(default_factory=lambda: Relay(RelayState.CLOSED))
    at: datetime = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
    worth: dict[str, int] = field(default_factory=lambda: {GOOD: 10_000, OTHER_GOOD: 5_000})
    fixed: dict[str, TokenStatus] = field(
        default_factory=lambda: {
            OVERFLOWING: TokenStatus.OVERFLOW,
            FIRST_OF_SET: TokenStatus.FIRST_KEY_CHANGE,
        }
    )
    locked_out: bool = False
    tamper: tuple[str, ...] = ()
    entries: list[str] = field(default_factory=list)
    memory: list[LastToken] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    abilities: Capability = Capability.TOKEN | Capability.SWITCH | Capability.HISTORY | Capability.CLOCK

    @property
    def capabilities(self) -> Capability:
        return self.abilities

    def info(self) -> MeterInfo:
        return MeterInfo(
            number=self.number,
            pan=self.pan,
            maker="AMP",
            model="FAKE",
            firmware="1",
            keys=MeterKeys("123456", 1, 2, 1, 255, 7),
        )

    def read(self, progress: Progress | None = None) -> Reading:
        return Reading(
            at=self.at,
            credit=Quantity(self.credit_wh, "Wh"),
            relay=self.relay,
            registers=(
                Register("1-0:1.8.0", Quantity(self.import_wh, "Wh")),
                Register("1-0:1.7.0", Quantity(1_500, "W")),
            ),
            tamper=self.tamper,
            power_limit=Quantity(9_200, "W"),
        )

    def enter_token(self, token: str) -> Outcome:
        self.entries.append(token)
        status = self._judge(token)
        self.memory.insert(0, LastToken(token[-4:], int(status), self.at))
        del self.memory[5:]
        return Outcome.of(int(status), credit=Quantity(self.credit_wh, "Wh"), relay=self.relay)

    def _judge(self, token: str) -> TokenStatus:
        if len(token) != 20 or not token.isdigit():
            return TokenStatus.FORMAT
        if self.locked_out:
            return TokenStatus.LOCKED_OUT
        if token in self.fixed:
            return self.fixed[token]
        if token in self.used:
            return TokenStatus.USED
        if token not in self.worth:
            return TokenStatus.CRC
        self.used.add(token)
        self.credit_wh += self.worth[token]
        if self.relay.reason == "credit":
            self.relay = Relay(RelayState.CLOSED)
        return TokenStatus.ACCEPTED

    def consume(self, energy_wh: int) -> None:
        """Run the load until `energy_wh` is gone or the credit is, whichever comes first."""
        if self.relay.state is not RelayState.CLOSED:
            return
        spent = min(energy_wh, self.credit_wh)
        self.credit_wh -= spent
        self.import_wh += spent
        if self.credit_wh == 0:
            self.relay = Relay(RelayState.OPEN, "credit")

    def disconnect(self) -> Relay:
        self.relay = Relay(RelayState.OPEN, "remote")
        return self.relay

    def reconnect(self) -> Relay:
        self.relay = Relay(RelayState.OPEN, "credit") if self.credit_wh <= 0 else Relay(RelayState.CLOSED)
        return self.relay

    def last_tokens(self) -> tuple[LastToken, ...]:
        return tuple(self.memory)

    def clock(self) -> datetime:
        return self.at

    def close(self) -> None:
        pass

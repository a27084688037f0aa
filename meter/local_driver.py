"""A twin in this process behind the port `MeterDriver`: what the building's socket and the pseudo-terminal serve.

`Hosted` is one twin with its memory chip: it saves before it answers, so that a cut between the two leaves either
"never entered" or "entered", and the customer's second try then says USED.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

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
    token_digits,
)
from meter.errors import MeterUnreachable
from meter.nvram import Nvram, NvramFailed
from meter.outcome import Result, Shown
from meter.state import Cause, State
from meter.twin import Twin

Answer = TypeVar("Answer")


class Hosted:
    """A twin and its chip. Every event that a person or a wire brings is saved before it is answered."""

    __slots__ = ("nvram", "twin")

    def __init__(self, twin: Twin, nvram: Nvram | None) -> None:
        self.twin = twin
        self.nvram = nvram

    def enter(self, digits: str) -> Result:
        """A token. When the chip cannot be written the token was never entered, and can be entered again."""
        return self._kept(lambda twin: twin.enter(digits))

    def act(self, event: Callable[[Twin], object]) -> object:
        """Any other event."""
        return self._kept(event)

    def _kept(self, event: Callable[[Twin], Answer]) -> Answer:
        before = self.twin.snapshot() if self.nvram is not None else {}
        answer = event(self.twin)
        try:
            self.save()
        except OSError as error:
            self.twin.state = State.from_dict(before)
            raise NvramFailed(
                f"The meter's memory cannot be written ({error.strerror}), so nothing was changed. Make room on the disk,"
                " then try again."
            ) from None
        return answer

    def save(self) -> None:
        """Keep the present state."""
        if self.nvram is not None:
            self.nvram.save(self.twin.snapshot())


REASONS = (
    (Cause.TAMPER, "tamper"),
    (Cause.REMOTE, "remote"),
    (Cause.OVERLOAD, "overload"),
    (Cause.UNBALANCE, "unbalance"),
    (Cause.CREDIT, "credit"),
    (Cause.TEST, "test"),
)


def relay_of(twin: Twin) -> Relay:
    """The relay as a driver reads it: the weightiest cause is the reason."""
    state = twin.state
    for cause, reason in REASONS:
        if state.causes & cause:
            return Relay(RelayState.OPEN, reason)
    return Relay(RelayState.READY, "ready") if state.causes & Cause.READY else Relay(RelayState.CLOSED)


def credit_of(twin: Twin) -> Quantity:
    """Credit of the account that the present source draws on, in Wh, litres or minor units, cut off."""
    account = twin.scales.account[twin.state.source]
    scale = twin.scales.unit[account]
    grains = twin.state.credit[account]
    if twin.profile.accounts[account].in_currency:
        return Quantity(_cut(grains, scale * 1000), "minor")
    return Quantity(_cut(grains * 100, scale), "l" if twin.profile.load_unit == "l/h" else "Wh")


def _cut(amount: int, scale: int) -> int:
    return amount // scale if amount >= 0 else -(-amount // scale)


class LocalDriver:
    """The port on a hosted twin. `ready` brings the twin's time up to the present before it is asked."""

    capabilities = Capability.TOKEN | Capability.SWITCH | Capability.HISTORY | Capability.CLOCK

    def __init__(self, hosted: Hosted, ready: Callable[[], None] = lambda: None) -> None:
        self._hosted = hosted
        self._ready = ready

    def info(self) -> MeterInfo:
        twin = self._awake()
        state, model = twin.state, twin.profile
        return MeterInfo(
            number=twin.drn,
            pan=twin.installation.pan,
            maker=model.maker,
            model=model.name,
            firmware=model.firmware,
            service=model.service,
            keys=MeterKeys(
                sgc=state.sgc,
                krn=state.krn,
                key_type=state.key_type,
                ti=int(state.ti),
                ken=state.ken,
                ea=int(state.ea),
            ),
        )

    def read(self, progress: Progress | None = None) -> Reading:
        twin = self._awake()
        state = twin.state
        litres = twin.profile.load_unit == "l/h"
        registers = [
            Register(each.obis, Quantity(state.totals[at] * 1000 // twin.scales.kwh, "l" if litres else "Wh"))
            for at, each in enumerate(twin.profile.registers)
        ]
        if "power" in twin.profile.obis:
            flow = state.watts if state.supply else 0
            registers.append(Register(twin.profile.obis["power"], Quantity(flow, "l/h" if litres else "W")))
        if progress is not None:
            progress(len(registers), "registers")
        return Reading(
            at=self._moment(),
            credit=credit_of(twin),
            relay=relay_of(twin),
            registers=tuple(registers),
            tamper=tuple(state.tamper),
            power_limit=Quantity(state.power_limit_w, "W") if state.power_limit_w else None,
        )

    def enter_token(self, token: str) -> Outcome:
        digits = token_digits(token)
        twin = self._awake()
        result = self._hosted.enter(digits)
        return Outcome.of(int(result.outcome), credit=credit_of(twin), relay=relay_of(twin))

    def disconnect(self) -> Relay:
        twin = self._awake()
        self._hosted.act(Twin.disconnect)
        return relay_of(twin)

    def reconnect(self) -> Relay:
        twin = self._awake()
        self._hosted.act(Twin.reconnect)
        return relay_of(twin)

    def last_tokens(self) -> tuple[LastToken, ...]:
        twin = self._awake()
        shift = twin.state.clock_offset
        return tuple(
            LastToken(each.tail, int(each.outcome), datetime.fromtimestamp(each.at + shift, UTC))
            for each in reversed(twin.state.tokens)
        )

    def clock(self) -> datetime:
        self._awake()
        return self._moment()

    def show(self, name: str) -> list[Shown]:
        """Named figures, for a display on this side of a wire."""
        return self._awake().show(name)

    def close(self) -> None:
        """Nothing is held open."""

    def _awake(self) -> Twin:
        self._ready()
        twin = self._hosted.twin
        if not twin.state.powered:
            raise MeterUnreachable("The meter has no power. Nothing was changed.")
        return twin

    def _moment(self) -> datetime:
        state = self._hosted.twin.state
        return datetime.fromtimestamp(state.now + state.clock_offset, UTC)

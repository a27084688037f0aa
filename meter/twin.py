"""The twin: a keypad meter as a state machine, (state, event) -> (state, outcome).

Events are a token, the passing of time under a load, a cut of power, an opened cover, a command from afar, a press of
the restore key. No I/O, no clock of its own, no randomness: time is an argument, and the shell (`nvram.py`, the
building, the keypad) keeps the state and asks. The parts: `acceptance.py` judges tokens, `consumption.py` lets a load
act, `key_change.py`, `tid_memory.py` and `lockout.py` are their rules, `readings.py` is what can be shown.

Reference: IEC 62055-41 as in docs/concepts/twin.md. It is a simulation, not a certified meter.
"""

from __future__ import annotations

from typing import Any

from meter import acceptance, consumption, key_change, lockout, readings
from meter.consumption import Scales
from meter.outcome import Outcome, Result, Shown
from meter.profile import Installation, Profile
from meter.state import TOKENS_KEPT, Cause, Entry, State
from sts.keys import DecoderKey


def new_state(profile: Profile, key: DecoderKey, now: int) -> State:
    """A meter as it leaves the factory with this key."""
    empty = [0] * len(profile.accounts)
    return State(
        now=now,
        key_hex=key.value.hex(),
        ea=key.ea,
        key_type=int(key.key_type),
        sgc=key.sgc,
        krn=key.krn,
        ti=key.ti,
        ken=key.ken,
        base_year=int(key.base_date),
        credit=list(empty),
        loaded=list(empty),
        cleared=list(empty),
        totals=[0] * len(profile.registers),
        power_limit_w=profile.protection.power_limit_w,
        unbalance_limit_w=profile.protection.unbalance_limit_w,
        paired=profile.keypad == "integrated",
    )


class Twin:
    """One meter: its model, how it hangs on the wall, and its state."""

    __slots__ = ("installation", "profile", "scales", "state")

    def __init__(self, profile: Profile, installation: Installation, state: State) -> None:
        self.profile = profile
        self.installation = installation
        self.scales = Scales.of(profile, installation)
        self.state = state
        consumption.settle(profile, installation, self.scales, state)

    @classmethod
    def fresh(cls, profile: Profile, installation: Installation, key: DecoderKey, now: int) -> Twin:
        """A new meter."""
        return cls(profile, installation, new_state(profile, key, now))

    @classmethod
    def from_memory(cls, profile: Profile, installation: Installation, content: dict[str, Any]) -> Twin:
        """A meter as its memory chip kept it."""
        return cls(profile, installation, State.from_dict(content))

    def deliver(self, units: int = 0, power_limit_w: int | None = None) -> None:
        """Set up at installation: factory credit, the ordered power limit, a paired keypad, a clean diary."""
        grains = units * self.scales.unit[0]
        self.state.credit[0] += grains
        self.state.loaded[0] += grains
        if power_limit_w is not None:
            self.state.power_limit_w = power_limit_w
        self.state.paired = True
        self._settle()
        self.state.events.clear()

    # ---- events

    def enter(self, digits: str) -> Result:
        """A token at the keypad or on the line. The caller saves the state before it shows the answer."""
        state = self.state
        assert state.powered, "a meter without power takes no token"
        result = acceptance.judge(self.profile, self.installation, self.scales, state, digits)
        state.last = int(result.outcome)
        if result.what != "test":
            self._remember(digits, result)
        self._settle()
        return result

    def _remember(self, digits: str, result: Result) -> None:
        state = self.state
        spent = result.outcome is Outcome.ACCEPTED
        tail = digits[-4:] if digits.isascii() and digits.isdigit() else ""
        state.tokens.append(
            Entry(
                state.now,
                tail,
                result.outcome,
                result.units,
                result.account,
                result.tid,
                digits if spent else "",
            )
        )
        del state.tokens[:-TOKENS_KEPT]
        state.note(
            "accepted" if result.accepted else "refused", f"{result.outcome.name}:{tail}", result.units
        )

    def advance(self, to: int, watts: int, spread: int = 0) -> None:
        """Let a constant load (watts, or litres an hour) act until `to`."""
        consumption.advance(self.profile, self.installation, self.scales, self.state, to, watts, spread)

    def switch_source(self, source: int) -> None:
        """Mains failed, the generator took over, or back: later flow counts on that register."""
        assert 0 <= source < len(self.profile.registers), "a source is one of the model's registers"
        if source != self.state.source:
            self.state.source = source
            self.state.note("source", self.profile.registers[source].name)
            self._settle()

    def power_off(self) -> None:
        """The supply of the meter itself is cut."""
        state = self.state
        if state.powered:
            state.note("power off")
            state.powered = False
            state.watts = 0
            state.over_s = state.unbalance_s = 0
            state.causes &= ~Cause.TEST
            key_change.drop(state)

    def power_on(self) -> None:
        """Power is back. Without a battery the meter has lost its clock."""
        state = self.state
        if state.powered:
            return
        state.powered = True
        state.power_fails += 1
        if not state.battery_ok:
            state.clock_ok = False
        lockout.after_power_cut(self.profile.lockout, state)
        state.note("power on")
        self._settle()

    def set_battery(self, charged: bool) -> None:
        """The battery goes flat or is replaced: it carries the clock, and a split keypad, through a power cut."""
        if charged != self.state.battery_ok:
            self.state.battery_ok = charged
            self.state.note("battery in" if charged else "battery out")

    def tamper(self, kind: str) -> None:
        """The cover is opened, or a magnet comes near: remembered until an engineer clears it by token."""
        state = self.state
        if kind not in state.tamper:
            state.tamper.append(kind)
            state.note("tamper", kind)
        if self.profile.tamper_cuts:
            state.causes |= Cause.TAMPER

    def disconnect(self) -> None:
        """A command from afar opens the relay."""
        if not self.state.causes & Cause.REMOTE:
            self.state.note("remote off")
        self.state.causes = (self.state.causes | Cause.REMOTE) & ~Cause.READY

    def reconnect(self) -> None:
        """A command from afar allows supply: at once, or once the customer presses, as the model has it."""
        state = self.state
        if state.causes & Cause.REMOTE:
            state.note("remote on")
            state.causes &= ~Cause.REMOTE
            if self.profile.remote_reconnect == "ready":
                state.causes |= Cause.READY
        self._settle()

    def restore(self) -> bool:
        """The customer presses the restore key: ends a manual wait that is over. False when it changes nothing."""
        state = self.state
        before = state.causes
        state.causes &= ~Cause.READY
        if state.now >= state.restore_at:
            state.causes &= ~(Cause.OVERLOAD | Cause.UNBALANCE)
        self._settle()
        return state.causes != before

    def take_emergency(self) -> bool:
        """The customer asks for emergency credit: once between two payments, and only when credit is low."""
        state = self.state
        account = self.scales.account[state.source]
        bit = 1 << account
        if not self.profile.accounts[account].emergency_units or state.emergency & bit or not state.low & bit:
            return False
        state.emergency |= bit
        state.note("emergency")
        self._settle()
        return True

    def set_clock(self, moment: int) -> None:
        """The time of day, given from afar. Waits and limits run on, untouched."""
        self.state.clock_offset = moment - self.state.now
        self.state.clock_ok = True

    def pair(self, number: str) -> bool:
        """A split keypad is told its meter's number."""
        self.state.paired = number == readings.drn_of(self.installation.pan)
        return self.state.paired

    def unpair(self) -> None:
        """A split keypad forgets its meter."""
        self.state.paired = self.profile.keypad == "integrated"

    def _settle(self) -> None:
        consumption.settle(self.profile, self.installation, self.scales, self.state)

    # ---- what can be seen

    @property
    def drn(self) -> str:
        return readings.drn_of(self.installation.pan)

    def credit_units(self, account: int = 0) -> int:
        return readings.credit_units(self.scales, self.state, account)

    def show(self, name: str) -> list[Shown]:
        """Named figures for a display: `credit`, `total`, `key` … (see readings.py)."""
        return readings.READINGS[name](self.profile, self.installation, self.scales, self.state)

    @property
    def lock_wait_s(self) -> int:
        return lockout.wait_left(self.state)

    def snapshot(self) -> dict[str, Any]:
        """The state as the memory chip keeps it."""
        return self.state.to_dict()

    def balances(self) -> bool:
        """Energy counted is credit used, to the last grain (meaningful while the tariff rate never changed)."""
        used = [0] * len(self.profile.accounts)
        for at, counted in enumerate(self.state.totals):
            account = self.scales.account[at]
            price = self.state.tariff_rate * self.scales.rate_step if self.scales.in_currency[account] else 1
            used[account] += counted * self.scales.weight[at] * price
        return all(
            self.state.loaded[at] - self.state.cleared[at] - self.state.credit[at] == used[at]
            for at in range(len(used))
        )

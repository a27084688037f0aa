"""A slow, obvious meter: second by second, in fractions of a kWh, with lists and sets. The twin must agree with it.

It shares nothing with the twin but the token engine and the model's profile: no grains, no jumps, no bit masks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

from meter.profile import Profile
from sts import engine
from sts.errors import CrcWrong, FormatWrong, StsError
from sts.keys import DecoderKey, KeyType
from sts.tokens import ClearCredit, ClearTamper, Credit, MeterTest, PowerLimit
from sts.tokens.key_change import Section, assemble

UNIT = Fraction(1, 10)
GOOD = {"ACCEPTED", "FIRST_SECTION", "FURTHER_SECTION"}


class SlowMeter:
    """One meter of one model, single phase."""

    def __init__(self, profile: Profile, key: DecoderKey, now: int) -> None:
        self.profile, self.key, self.now = profile, key, now
        self.kwh, self.counted = Fraction(0), Fraction(0)
        self.reasons: set[str] = set()
        self.limit = profile.protection.power_limit_w
        self.seen: list[int] = []
        self.sections: dict[int, Section] = {}
        self.sections_since = 0
        self.wrong, self.locked_until = 0, 0
        self.over, self.trips, self.restore_at = 0, 0, 0
        self.test_until = 0
        self.emergency = False
        self.powered, self.clock_ok, self.battery_ok = True, True, True
        self._look()

    # ---- time

    def seconds(self, number: int, watts: int) -> None:
        for _ in range(number):
            self._look()
            on = self.powered and not self.reasons
            if on:
                energy = Fraction(watts, 3_600_000)
                self.kwh -= energy
                self.counted += energy
            self.now += 1
            self._trip(watts, on)
        self._look()

    def _trip(self, watts: int, on: bool) -> None:
        self.over = self.over + 1 if on and self.limit and watts > self.limit else 0
        rules = self.profile.protection
        if self.over == rules.trip_s:
            self.reasons.add("overload")
            self.over = 0
            self.trips += 1
            wait = rules.long_wait_s if self.trips % rules.tries == 0 else rules.wait_s
            self.restore_at = self.now + wait

    def _look(self) -> None:
        """The relay, at this instant."""
        if self.now >= self.test_until:
            self.reasons.discard("test")
        if self.profile.protection.restore == "auto" and self.now >= self.restore_at:
            self.reasons.discard("overload")
        floor = -self.profile.accounts[0].emergency_units * UNIT if self.emergency else 0
        if self.kwh > floor:
            self.reasons.discard("credit")
        elif not self._friendly():
            self.reasons.add("credit")

    @property
    def low(self) -> bool:
        return self.kwh <= self.profile.accounts[0].low_units * UNIT

    def _friendly(self) -> bool:
        rules = self.profile.friendly
        if not rules.on or not self.clock_ok:
            return False
        moment = datetime.fromtimestamp(self.now, UTC)
        minute = moment.hour * 60 + moment.minute
        if moment.weekday() in rules.weekdays:
            return True
        if rules.from_minute <= rules.to_minute:
            return rules.from_minute <= minute < rules.to_minute
        return minute >= rules.from_minute or minute < rules.to_minute

    # ---- tokens

    def enter(self, digits: str) -> str:
        word = self._judge(digits)
        if word in self.profile.lockout.counts:
            self.wrong += 1
            rules = self.profile.lockout
            if self.wrong >= rules.after:
                wait = rules.first_s
                for _ in range(self.wrong - rules.after):
                    wait = min(wait * 2, rules.cap_s)
                self.wait = wait
                self.locked_until = self.now + wait
        elif word == "ACCEPTED" and not self._is_test:
            self.wrong, self.locked_until = 0, 0
        self._look()
        return word

    def _judge(self, digits: str) -> str:
        self._is_test = False
        try:
            token = engine.read(digits, self.key)
        except FormatWrong:
            token, word = None, "FORMAT"
        except CrcWrong:
            token, word = None, "CRC"
        except StsError:
            token, word = None, "FUNCTION"
        if isinstance(token, MeterTest):
            self._is_test = True
            if token.manufacturer not in (0, self.profile.manufacturer_code):
                return "MANUFACTURER"
            if token.control & 1:
                self.reasons.add("test")
                self.test_until = self.now + self.profile.test_s
            return "ACCEPTED"
        if self.now < self.locked_until:
            self._is_test = True
            return "LOCKED_OUT"
        if token is None:
            return word
        if isinstance(token, Section):
            return self._section(token)
        if isinstance(token, Credit) and token.subclass != 0:
            return "FUNCTION"
        if not isinstance(token, Credit | PowerLimit | ClearCredit | ClearTamper):
            return "FUNCTION"
        if self.key.ken != 255 and token.tid >> 16 > self.key.ken:
            return "KEY_EXPIRED"
        if token.tid in self.seen:
            return "USED"
        if len(self.seen) == self.profile.tid_memory and token.tid < min(self.seen):
            return "OLD"
        word = self._apply(token)
        if word == "ACCEPTED":
            self.seen = sorted([*self.seen, token.tid])[-self.profile.tid_memory :]
        return word

    def _apply(self, token: Credit | PowerLimit | ClearCredit | ClearTamper) -> str:
        if isinstance(token, Credit):
            if self.kwh + token.units * UNIT > self.profile.accounts[0].max_units * UNIT:
                return "OVERFLOW"
            self.kwh += token.units * UNIT
            self.trips = 0
            if self.kwh > 0:
                self.emergency = False
        elif isinstance(token, PowerLimit):
            if not 0 < token.value <= self.profile.protection.largest_power_limit_w:
                return "RANGE"
            self.limit = token.value
        elif isinstance(token, ClearCredit):
            self.kwh = Fraction(0)
        else:
            self.reasons.discard("tamper")
        return "ACCEPTED"

    def _section(self, section: Section) -> str:
        if self.now - self.sections_since > self.profile.key_set_limit_s:
            self.sections = {}
        if section.section == 1 and section.key_type == KeyType.DITK:
            self.sections = {}
            return "KEY_TYPE"
        if section.section in self.sections and self.sections[section.section] != section:
            self.sections = {}
        if not self.sections:
            self.sections_since = self.now
        self.sections[section.section] = section
        if len(self.sections) < 4:
            return "FIRST_SECTION" if len(self.sections) == 1 else "FURTHER_SECTION"
        new = assemble(self.sections.values(), ea="11")
        self.sections = {}
        self.key = DecoderKey(
            new.value, "11", new.key_type, new.sgc or "", new.krn, new.ti, new.ken, self.key.base_date
        )
        if new.rollover:
            self.seen = []
        return "ACCEPTED"

    # ---- the box

    def cut_power(self, seconds: int) -> None:
        self.powered = False
        self.over = 0
        self.sections = {}
        self.reasons.discard("test")
        self.seconds(seconds, 0)
        self.powered = True
        if not self.battery_ok:
            self.clock_ok = False
        if not self.profile.lockout.survives_power_cut:
            self.wrong, self.locked_until = 0, 0
        elif not self.clock_ok and self.wrong >= self.profile.lockout.after:
            self.locked_until = self.now + self.wait
        self._look()

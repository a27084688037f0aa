"""Class 2 without key change: settings of one meter. All are RND, TID and a 16-bit value.

Power limits are watts in the amount code of credits; the other values are plain numbers. What the values
of tariff rate and water factor mean is reserved by the standard: they are carried as raw fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

from sts import amount
from sts.bits import Layout, fits
from sts.tokens.credit import require_exact

MANAGEMENT = Layout(rnd=4, tid=24, value=16)


class Register(IntEnum):
    """The register that a clear-credit token empties."""

    ELECTRICITY = 0
    WATER = 1
    GAS = 2
    TIME = 3
    ELECTRICITY_CURRENCY = 4
    WATER_CURRENCY = 5
    GAS_CURRENCY = 6
    TIME_CURRENCY = 7
    ALL = 0xFFFF


@dataclass(frozen=True, slots=True)
class Management:
    """What the settings share; the value is a plain 16-bit number unless a setting says otherwise."""

    token_class: ClassVar[int] = 2
    subclass: ClassVar[int]
    name: ClassVar[str]
    is_key_change: ClassVar[bool] = False

    rnd: int
    tid: int
    value: int = 0

    def __post_init__(self) -> None:
        fits("RND", self.rnd, 4)
        fits("A TID", self.tid, 24)
        self._require_value()

    def _require_value(self) -> None:
        fits("The value", self.value, 16)

    def pack(self) -> int:
        return MANAGEMENT.pack(rnd=self.rnd, tid=self.tid, value=self.value)

    @classmethod
    def unpack(cls, subclass: int, data: int) -> Self:
        return cls(**MANAGEMENT.unpack(data))


class Limit(Management):
    """A setting in watts, exactly as the amount code can say it."""

    __slots__ = ()

    def _require_value(self) -> None:
        require_exact(self.value)

    def pack(self) -> int:
        return MANAGEMENT.pack(rnd=self.rnd, tid=self.tid, value=amount.encode(self.value))

    @classmethod
    def unpack(cls, subclass: int, data: int) -> Self:
        fields = MANAGEMENT.unpack(data)
        return cls(fields["rnd"], fields["tid"], amount.decode(fields["value"]))


class PowerLimit(Limit):
    """The most power that the meter passes, in watts."""

    __slots__ = ()
    subclass = 0
    name = "power limit"


class ClearCredit(Management):
    """Empties the register that the value names (`Register`): its credit is destroyed."""

    __slots__ = ()
    subclass = 1
    name = "clear credit"


class SetTariffRate(Management):
    """A tariff rate, as a raw field."""

    __slots__ = ()
    subclass = 2
    name = "tariff rate"


class ClearTamper(Management):
    """Ends the tamper state; the value is 0."""

    __slots__ = ()
    subclass = 5
    name = "clear tamper"


class PhaseUnbalanceLimit(Limit):
    """The most by which the phases may differ, in watts."""

    __slots__ = ()
    subclass = 6
    name = "phase unbalance limit"


class WaterFactor(Management):
    """A water meter's factor, as a raw field."""

    __slots__ = ()
    subclass = 7
    name = "water factor"

"""Class 1: a meter tests or shows something. Not enciphered, and good for every meter.

The control field is a mask; the manufacturer field is kept as it stands, because makers differ in how
they write their code into it (0 is any meter).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar

from sts.bits import Layout, fits, in_range

TWO_DIGIT_MANUFACTURER = Layout(control=36, manufacturer=8)
FOUR_DIGIT_MANUFACTURER = Layout(control=28, manufacturer=16)
LAYOUTS = (TWO_DIGIT_MANUFACTURER, FOUR_DIGIT_MANUFACTURER)
CONTROL_WIDTHS = (36, 28)


class Control(IntFlag):
    """The tests and displays that have a name. All ones runs everything that the meter has."""

    LOAD_SWITCH = 1 << 0
    DISPLAY = 1 << 1
    TOTAL_REGISTER = 1 << 2
    KEY_REVISION_AND_TYPE = 1 << 3
    TARIFF_INDEX = 1 << 4
    INPUT_DEVICE = 1 << 5
    POWER_LIMIT = 1 << 6
    TAMPER = 1 << 7
    PRESENT_POWER = 1 << 8
    FIRMWARE = 1 << 9
    PHASE_UNBALANCE_LIMIT = 1 << 10
    WATER_FACTOR = 1 << 11
    TARIFF_RATE = 1 << 12
    ALGORITHM = 1 << 13
    KEY_CHANGE_TOKENS = 1 << 14
    SUPPLY_GROUP = 1 << 15
    KEY_EXPIRY = 1 << 16
    METER_NUMBER = 1 << 17


@dataclass(frozen=True, slots=True)
class MeterTest:
    """Subclass 0 names the maker in 8 bits, subclass 1 in 16."""

    token_class: ClassVar[int] = 1
    name: ClassVar[str] = "meter test"
    is_key_change: ClassVar[bool] = False

    subclass: int
    control: int
    manufacturer: int = 0

    def __post_init__(self) -> None:
        in_range("The subclass of a meter test", self.subclass, 0, 1)
        fits("The control field", self.control, CONTROL_WIDTHS[self.subclass])
        fits("The manufacturer field", self.manufacturer, 44 - CONTROL_WIDTHS[self.subclass])

    @property
    def controls(self) -> tuple[str, ...]:
        """The names of the tests asked for; "everything" when all bits are set."""
        if self.control == (1 << CONTROL_WIDTHS[self.subclass]) - 1:
            return ("everything",)
        return tuple(
            test.name.lower().replace("_", " ") for test in Control if test & self.control and test.name
        )

    def pack(self) -> int:
        return LAYOUTS[self.subclass].pack(control=self.control, manufacturer=self.manufacturer)

    @classmethod
    def unpack(cls, subclass: int, data: int) -> MeterTest:
        fields = LAYOUTS[subclass].unpack(data)
        return cls(subclass, fields["control"], fields["manufacturer"])


def everything(subclass: int = 0) -> MeterTest:
    """The token that runs all tests."""
    in_range("The subclass of a meter test", subclass, 0, 1)
    return MeterTest(subclass, (1 << CONTROL_WIDTHS[subclass]) - 1)

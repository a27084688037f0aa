"""Bit fields, declared once: the same declaration packs and unpacks, and checks every width.

Convention of the standard: the first field named is the most significant; bit 0 is the least.
"""

from __future__ import annotations

from sts.errors import OutOfRange, WrongType


def whole(what: str, value: object) -> int:
    """`value` as an integer; booleans, floats and numbers in text are refused, not converted."""
    if type(value) is int:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise WrongType(what=what, expected="a whole number", found=type(value).__name__)


def in_range(what: str, value: object, low: int, high: int) -> int:
    number = whole(what, value)
    if not low <= number <= high:
        raise OutOfRange(what=what, low=low, high=high)
    return number


def fits(what: str, value: object, width: int) -> int:
    """`value` as an unsigned number of `width` bits."""
    if type(value) is int and not value >> width:
        return value
    return in_range(what, value, 0, (1 << width) - 1)


class Layout:
    """Named fields, most significant first: `Layout(rnd=4, tid=24, amount=16)`."""

    __slots__ = ("_fields", "width")

    def __init__(self, **widths: int) -> None:
        self._fields = tuple(widths.items())
        self.width = sum(widths.values())

    def pack(self, **values: int) -> int:
        packed = 0
        for name, width in self._fields:
            value = values[name]
            if type(value) is not int or value >> width:
                value = fits(name, value, width)
            packed = packed << width | value
        return packed

    def unpack(self, packed: int) -> dict[str, int]:
        values = {}
        for name, width in reversed(self._fields):
            values[name] = packed & (1 << width) - 1
            packed >>= width
        return values

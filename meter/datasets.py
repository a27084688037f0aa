"""Data sets: `address(value*unit)(value*unit)…`, as they stand in a block of the serial line.

`parse` and `render` mirror each other; reading can be lenient by settings, sending is always strict. Values stay text:
a number becomes a number where its meaning is known (`registers`). Not here: framing, check characters, meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_ADDRESS = 16
LONGEST_UNIT = 16
LONGEST_VALUE_IN_READOUT = 32
LONGEST_VALUE = 128
MOST_SETS = 10_000

_NOT_IN_ADDRESS = frozenset("()/!")
_NOT_IN_VALUE = frozenset("()*/!")


class DataSetWrong(ValueError):
    """The text between STX and ETX does not read as data sets. The sentence never repeats the text."""


@dataclass(frozen=True, slots=True)
class Value:
    """One pair of brackets."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """An address and its values. In an answer the address may be empty: the one that was asked for is meant."""

    address: str
    values: tuple[Value, ...]

    @property
    def first(self) -> str:
        return self.values[0].text if self.values else ""


def data_set(address: str, *values: str | Value) -> DataSet:
    """A data set written down in one line."""
    return DataSet(address, tuple(Value(each) if isinstance(each, str) else each for each in values))


# Out.


def render(one: DataSet, *, longest_value: int = LONGEST_VALUE) -> str:
    """`1.8.0(001234.56*kWh)`; refuses what the standard forbids to send."""
    _check("address", one.address, _NOT_IN_ADDRESS, LONGEST_ADDRESS, printable=True)
    parts = [one.address]
    for value in one.values:
        _check("value", value.text, _NOT_IN_VALUE, longest_value, printable=True)
        _check("unit", value.unit, _NOT_IN_VALUE, LONGEST_UNIT, printable=True)
        parts.append(f"({value.text}*{value.unit})" if value.unit else f"({value.text})")
    return "".join(parts)


def render_readout(sets: Iterable[DataSet]) -> str:
    """One set a line, and the line with the exclamation mark that ends a readout."""
    return "".join(f"{render(one)}\r\n" for one in sets) + "!\r\n"


# In.


def parse(text: str, *, longest_value: int = LONGEST_VALUE, lenient: bool = False) -> list[DataSet]:
    """All data sets of a block. `lenient` allows the slashes and long addresses that some makers send.

    A set that starts without an address continues the one before it; the first may be without, as in an answer.
    """
    found: list[DataSet] = []
    before = ""
    for line in _lines(text):
        position = 0
        while position < len(line):
            opening = line.find("(", position)
            if opening < 0:
                raise DataSetWrong("A line of the block has no value in brackets.")
            address = line[position:opening]
            _check("address", address, frozenset("()") if lenient else _NOT_IN_ADDRESS, 64 if lenient else 16)
            values, position = _values(line, opening, longest_value, lenient)
            before = address or before
            found.append(DataSet(before, tuple(values)))
            if len(found) > MOST_SETS:
                raise DataSetWrong("The block holds more data sets than a meter has registers.")
    return found


def _lines(text: str) -> list[str]:
    lines = [each for each in text.replace("\r", "\n").split("\n") if each]
    if lines and lines[-1] == "!":
        lines.pop()
    elif lines and lines[-1].endswith(")!"):
        lines[-1] = lines[-1][:-1]
    return lines


def _values(line: str, position: int, longest: int, lenient: bool) -> tuple[list[Value], int]:
    values: list[Value] = []
    while position < len(line) and line[position] == "(":
        closing = line.find(")", position)
        if closing < 0:
            raise DataSetWrong("A bracket is opened and not closed.")
        inner = line[position + 1 : closing]
        if "(" in inner:
            raise DataSetWrong("A bracket is opened inside a bracket.")
        text, star, unit = inner.partition("*")
        forbidden = frozenset("()*") if lenient else _NOT_IN_VALUE
        _check("value", text, forbidden, longest)
        _check("unit", unit, forbidden, LONGEST_UNIT)
        if star and not unit and not lenient:
            raise DataSetWrong("A unit is announced and missing.")
        values.append(Value(text, unit))
        position = closing + 1
    return values, position


def _check(what: str, text: str, forbidden: frozenset[str], longest: int, *, printable: bool = False) -> None:
    if len(text) > longest:
        raise DataSetWrong(f"The {what} is longer than {longest} characters.")
    for character in text:
        if character in forbidden or not " " <= character <= "~":
            kind = "be sent" if printable else "stand"
            raise DataSetWrong(f"A character of the {what} may not {kind} there.")

"""Pictures of a meter as plain numbers: seven-segment cells, the bar code of the label, the line of the last hour.

Templates turn the numbers into SVG. What it is not: a chart library; there is one chart here and one bar code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Segments a to g: top, upper right, lower right, bottom, lower left, upper left, middle.
GLYPHS: dict[str, str] = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgcde", "7": "abc",
    "8": "abcdefg", "9": "abcdfg", "-": "g", "_": "d", " ": "",
    "A": "abcefg", "b": "cdefg", "C": "adef", "c": "deg", "d": "bcdeg", "E": "adefg", "F": "aefg", "G": "acdef",
    "H": "bcefg", "h": "cefg", "I": "ef", "i": "e", "J": "bcde", "K": "acefg", "k": "acefg", "L": "def", "l": "ef",
    "m": "ace", "n": "ceg", "N": "abcef", "O": "abcdef", "o": "cdeg", "P": "abefg", "q": "abcfg", "R": "aef", "r": "eg",
    "S": "afgcd", "t": "defg", "U": "bcdef", "u": "cde", "X": "bcefg", "Y": "bcdfg", "y": "bcdfg",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the glass: the lit segments, and whether the point after it is lit."""

    lit: str
    point: bool


def cells(text: str, places: int) -> tuple[Cell, ...]:
    """The cells of a figure, at the end of the glass; a point shares the place of the sign before it."""
    found: list[Cell] = []
    for sign in text:
        if sign == "." and found and not found[-1].point:
            found[-1] = Cell(found[-1].lit, True)
        else:
            found.append(Cell(GLYPHS.get(sign, GLYPHS.get(sign.swapcase(), "g")), sign == "."))
    found = found[:places]
    return (Cell("", False),) * (places - len(found)) + tuple(found)


_TWO_OF_FIVE = ("00110", "10001", "01001", "11000", "00101", "10100", "01100", "00011", "10010", "01010")


def bars(digits: str) -> tuple[tuple[int, int], ...]:
    """An interleaved 2 of 5 code as (start, width) of the black bars, in narrow modules: a scanner reads it."""
    digits = digits if len(digits) % 2 == 0 else "0" + digits
    widths = [1, 1, 1, 1]
    for at in range(0, len(digits), 2):
        black, white = _TWO_OF_FIVE[int(digits[at])], _TWO_OF_FIVE[int(digits[at + 1])]
        for bar, gap in zip(black, white, strict=True):
            widths += [3 if bar == "1" else 1, 3 if gap == "1" else 1]
    widths += [3, 1, 1]
    found, at = [], 0
    for number, width in enumerate(widths):
        if number % 2 == 0:
            found.append((at, width))
        at += width
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Line:
    """The last hour as SVG paths in a box of `width` × `height`, zero at the bottom, with its round top value."""

    path: str
    area: str
    top: int
    last: tuple[int, int]
    limit_y: int | None
    grid: tuple[tuple[int, int], ...]


def line(samples: Sequence[tuple[int, int]], limit: int, span_s: int, width: int, height: int) -> Line | None:
    """The line through samples of (second, flow); None while there are fewer than two."""
    if len(samples) < 2:
        return None
    highest = max(flow for _, flow in samples)
    # A limit far above the load would press the line flat; then it is left to the number beside it.
    shown_limit = limit if 0 < limit <= max(highest, 1) * 4 else 0
    # Under 200 W both ends of the scale would be written as nothing.
    top = round_up(max(highest, shown_limit, 200))
    end = samples[-1][0]
    points = [
        (width - (end - at) * width // span_s, height - flow * height // top)
        for at, flow in samples
        if end - at <= span_s
    ]
    path = " ".join(f"{'M' if not at else 'L'}{x} {y}" for at, (x, y) in enumerate(points))
    return Line(
        path=path,
        area=f"{path} L{points[-1][0]} {height} L{points[0][0]} {height} Z",
        top=top,
        last=points[-1],
        limit_y=height - shown_limit * height // top if shown_limit else None,
        grid=tuple((height - value * height // top, value) for value in _thirds(top)),
    )


def round_up(value: int) -> int:
    """The next value that reads well on a scale: 1, 2, 3, 4, 6 or 8 of a power of ten."""
    power = 1
    while True:
        for step in (1, 2, 3, 4, 6, 8):
            if step * power >= value:
                return step * power
        power *= 10


def _thirds(top: int) -> Iterable[int]:
    return (top // 2, top)

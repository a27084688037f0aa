"""A receipt as the bytes of a thermal printer: its own letters where it has them, dots where it has not, the square as dots.

ESC/POS as Epson and its many likenesses print it. Latin goes in the printer's own font through code page 858; a line with any
other letter is drawn with the fonts of the paper, so that Chinese and Arabic do not depend on what a printer was bought with.
The square is dots as well, three to a module, because printers' own squares come in sizes of their own. Not here: how the
bytes reach the printer (`printer.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from vending.receipts import barcode, qr, typeset
from vending.receipts.roll import ROLLS, Block, Roll, blocks
from vending.receipts.wording import Paper

if TYPE_CHECKING:
    from PIL import Image, ImageFont

CODE_PAGE = "cp858"
START = b"\x1b@\x1bt\x13"  # reset; code page 858
CUT = b"\x1dV\x42\x00"  # feed to the knife and cut, leaving a hinge
DRAWER = b"\x1bp\x00\x19\xfa"  # a pulse on pin 2: the drawer opens
MODULE_DOTS = 3
LETTER_DOTS = 24

# What the code page lacks and a near letter says as well.
NEAR = str.maketrans({"\u2212": "-", "\u202f": " ", "\u00a0": " ", "\u2009": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "…": "..."})  # fmt: skip


def render(paper: Paper, name: str, *, kick: bool = False) -> bytes:
    """The whole receipt for a roll; `kick` opens the cash drawer first."""
    return printed(blocks(paper), name, rtl=paper.rtl, kick=kick)


def printed(content: Iterable[Block], name: str, *, rtl: bool, kick: bool = False) -> bytes:
    """Any paper's blocks for a roll, cut off at their end."""
    roll = ROLLS[name]
    out = bytearray(DRAWER if kick else b"")
    out += START
    for block in content:
        out += _block(block, roll, rtl=rtl)
    return bytes(out + b"\n" + CUT)


def _block(block: Block, roll: Roll, *, rtl: bool) -> bytes:
    if block.kind == "rule":
        return _bar(roll, 2)
    if block.kind == "heavy":
        return _bar(roll, 3)
    if block.kind == "square":
        return _square(block.text, roll)
    if block.kind == "barcode":
        return _barcode(block.text, roll)
    if block.kind == "sign":
        return b"\n\n" + _bar(roll, 1) + _text(block, roll, rtl=rtl)
    if block.kind == "digits":
        return _digits(block.text, roll)
    if block.kind == "pair":
        return _pair(block, roll, rtl=rtl)
    return _text(block, roll, rtl=rtl)


# --- the printer's own letters ----------------------------------------------------------------------------------------


def printable(text: str) -> str | None:
    """The text in letters that the printer has, or none if it lacks one."""
    near = typeset.clean(text).translate(NEAR)
    try:
        near.encode(CODE_PAGE)
    except UnicodeEncodeError:
        return None
    return near


def folded(text: str, most: int) -> list[str]:
    """Lines of at most so many letters, broken between words; a longer word is cut."""
    lines, line = [], ""
    for word in text.split():
        while len(word) > most:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:most])
            word = word[most:]
        if line and len(line) + 1 + len(word) > most:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def _text(block: Block, roll: Roll, *, rtl: bool) -> bytes:
    near = None if rtl else printable(block.text)
    if near is None:
        return _drawn(block, roll, rtl=rtl)
    wide = 2 if block.size == "large" else 1
    indent = "  " if block.indent else ""
    out = b""
    for line in folded(near, roll.letters // wide - len(indent)):
        out += _letters(indent + line, bold=block.bold, large=wide == 2, center=block.center)
    return out


def _pair(block: Block, roll: Roll, *, rtl: bool) -> bytes:
    what, end = printable(block.text), printable(block.end)
    if rtl or what is None or end is None:
        return _drawn(block, roll, rtl=rtl)
    wide = 2 if block.size == "large" and len(what) + len(end) + 1 <= roll.letters // 2 else 1
    letters = roll.letters // wide
    lines = folded(what, letters - len(end) - 1 if len(end) < letters * 0.7 else letters)
    last = lines.pop() if lines else ""
    if len(last) + 1 + len(end) > letters:
        lines.append(last)
        last = ""
    lines.append(last + " " * (letters - len(last) - len(end)) + end)
    return b"".join(_letters(line, bold=block.bold, large=wide == 2) for line in lines)


def _letters(line: str, *, bold: bool = False, large: bool = False, center: bool = False) -> bytes:
    return (
        (b"\x1ba\x01" if center else b"\x1ba\x00")
        + (b"\x1bE\x01" if bold else b"\x1bE\x00")
        + (b"\x1d!\x11" if large else b"\x1d!\x00")
        + line.encode(CODE_PAGE)
        + b"\n"
    )


def _digits(token: str, roll: Roll) -> bytes:
    """Twice as wide and twice as high: 24 letters of 48 in one line, or 14 of 16 in two (docs/look.md)."""
    groups = [token[start : start + 4] for start in range(0, 20, 4)]
    step = roll.groups_in_a_line
    return b"".join(
        _letters(" ".join(groups[begin : begin + step]), bold=True, large=True) for begin in range(0, 5, step)
    )


# --- dots -------------------------------------------------------------------------------------------------------------


def raster(image: Image.Image) -> bytes:
    """GS v 0: rows of dots, eight to a byte, black is one."""
    wide, high = image.size
    across = -(-wide // 8)
    padded = image.convert("L").point(lambda shade: 255 if shade < 128 else 0).convert("1")
    data = bytearray()
    row = padded.tobytes()
    step = len(row) // high
    for line in range(high):
        data += row[line * step : line * step + across]
    return b"\x1ba\x00\x1dv0\x00" + across.to_bytes(2, "little") + high.to_bytes(2, "little") + bytes(data)


def _bar(roll: Roll, dots: int) -> bytes:
    from PIL import Image

    image = Image.new("L", (roll.dots, dots + 8), 255)
    image.paste(0, (0, 4, roll.dots, 4 + dots))
    return raster(image)


def _square(text: str, roll: Roll) -> bytes:
    from PIL import Image

    matrix = qr.matrix(text)
    side = (len(matrix) + 2 * qr.QUIET) * MODULE_DOTS
    image = Image.new("L", (roll.dots, side), 255)
    left = (roll.dots - side) // 2
    for row, line in enumerate(matrix):
        for column, dark in enumerate(line):
            if dark:
                x, y = (
                    left + (column + qr.QUIET) * MODULE_DOTS,
                    (row + qr.QUIET) * MODULE_DOTS,
                )
                image.paste(0, (x, y, x + MODULE_DOTS, y + MODULE_DOTS))
    return raster(image)


BARCODE_DOTS = 96  # twelve millimetres high


def _barcode(text: str, roll: Roll) -> bytes:
    """Whole dots to a module, so that no bar is wider than its neighbours; three where they fit."""
    from PIL import Image

    module = max(min(roll.dots // barcode.modules(text), MODULE_DOTS), 1)
    left = (roll.dots - barcode.modules(text) * module) // 2
    image = Image.new("L", (roll.dots, BARCODE_DOTS + 8), 255)
    for begin, wide in barcode.bars(text):
        image.paste(0, (left + begin * module, 4, left + (begin + wide) * module, 4 + BARCODE_DOTS))
    return raster(image)


@cache
def _font(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)


def _drawn(block: Block, roll: Roll, *, rtl: bool) -> bytes:
    """The same block in dots, in the fonts of the paper."""
    size = 40 if block.size == "large" else LETTER_DOTS
    bold = block.bold
    indent = 24 if block.indent else 0
    end_wide = _wide(block.end, size, bold=bold, rtl=rtl) if block.end else 0
    beside = end_wide + 16 if end_wide and end_wide < roll.dots * 0.7 else 0
    lines = typeset.wrapped(block.text, size, roll.dots - indent - beside - 8, bold=bold, rtl=rtl) or [""]
    out = b""
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        marks = [(line, "center" if block.center else "start")]
        if last and block.end and beside:
            marks.append((block.end, "end"))
        out += _line(marks, roll, size, bold=bold, rtl=rtl, indent=indent)
    if block.end and not beside:
        out += _line([(block.end, "end")], roll, size, bold=bold, rtl=rtl, indent=0)
    return out


def _line(
    marks: list[tuple[str, str]], roll: Roll, size: int, *, bold: bool, rtl: bool, indent: int
) -> bytes:
    from PIL import Image, ImageDraw

    # As high as its letters: Arabic reaches further down than a line of capitals.
    drawn = [(typeset.shaped(text, bold=bold, rtl=rtl), align) for text, align in marks]
    above, below = LETTER_DOTS * 3 // 4, LETTER_DOTS // 4
    for runs, _align in drawn:
        for run in runs:
            if run.face.path is not None and run.text.strip():
                _left, top, _right, foot = _font(str(run.face.path), run.face.index, size).getbbox(
                    run.text, anchor="ls"
                )
                above, below = max(above, -int(top)), max(below, int(foot))
    image = Image.new("L", (roll.dots, above + below + 6), 255)
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1"
    for (runs, align), (text, _align) in zip(drawn, marks, strict=True):
        wide = _wide(text, size, bold=bold, rtl=rtl)
        if align == "center":
            x = (roll.dots - wide) // 2
        elif (align == "start") != rtl:
            x = indent if align == "start" else 0
        else:
            x = roll.dots - wide - (indent if align == "start" else 0)
        for run in runs:
            at = (x, above + 3)
            if run.face.path is None:
                pen.text(at, run.text.encode("latin-1", "replace").decode("latin-1"), fill=0, anchor="ls")
                continue
            font = _font(str(run.face.path), run.face.index, size)
            # Han has one weight: its bold is a dot thicker.
            heavier = int(bold and run.face.name.startswith("PaperHan"))
            pen.text(at, run.text, font=font, fill=0, anchor="ls", stroke_width=heavier, stroke_fill=0)
            x += round(font.getlength(run.text))
    return raster(image)


def _wide(text: str, size: int, *, bold: bool, rtl: bool) -> int:
    found = 0
    for run in typeset.shaped(text, bold=bold, rtl=rtl):
        if run.face.path is None:
            found += 12 * len(run.text)
        else:
            found += round(_font(str(run.face.path), run.face.index, size).getlength(run.text))
    return found

"""A receipt on a roll of 80 or 58 mm: the blocks from top to bottom, and their drawing as a PDF of the roll's width.

The blocks are the one order of a narrow paper; `thermal.py` makes a printer's bytes of them and `message.py` a letter's
text. Never grey, never smaller than 8 points, a group of a token never breaks (docs/look.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reportlab.lib.units import mm

from vending.receipts import barcode, qr, typeset
from vending.receipts.ink import Pen
from vending.receipts.wording import Paper, PaperGroup, PaperToken

Kind = Literal["text", "pair", "rule", "heavy", "digits", "square", "barcode", "sign"]
Size = Literal["normal", "large", "small"]

DOT = 72 / 203  # a thermal printer's dot in points: eight to a millimetre


@dataclass(frozen=True, slots=True)
class Roll:
    """A paper, what a printer's head covers of it, and how many letters of its own stand in a line."""

    name: str
    paper_mm: int
    dots: int
    letters: int
    groups_in_a_line: int


ROLLS = {"80": Roll("80", 80, 576, 48, 5), "58": Roll("58", 58, 384, 32, 3)}


@dataclass(frozen=True, slots=True)
class Block:
    kind: Kind
    text: str = ""
    end: str = ""  # the figure at the other end of a pair
    size: Size = "normal"
    bold: bool = False
    center: bool = False
    indent: bool = False


RULE = Block("rule")


def named(seller: str) -> Block:
    """Whose paper this is, above everything else."""
    size: Size = "large" if len(seller) <= typeset.LONGEST_LARGE else "normal"
    return Block("text", seller, size=size, bold=True, center=True)


def blocks(paper: Paper) -> Iterator[Block]:
    yield named(paper.seller.name)
    for line in (paper.seller.legal, *paper.seller.lines):
        if line:
            yield Block("text", line, center=True)
    yield RULE
    for mark in paper.marks:
        yield Block("text", mark, bold=True, center=True)
    yield Block("text", paper.kind, bold=True)
    yield Block("pair", paper.number, paper.at)
    yield Block("text", paper.place)
    if paper.buyer is not None:
        yield Block("text", paper.buyer.name, bold=True)
        for line in paper.buyer.lines:
            yield Block("text", line)
    yield RULE
    for token in paper.tokens:
        yield from token_blocks(paper, token)
    for number, sentence in enumerate(paper.enter, 1):
        yield Block("text", f"{number}. {sentence}" if len(paper.enter) > 1 else sentence)
    if paper.enter:
        yield RULE
    for group in paper.counted:
        yield from _group(group)
    if len(paper.summary) > 1:
        for one in paper.summary:
            yield Block("pair", one.what, one.amount)
        yield RULE
    yield Block("pair", paper.words.paid, paper.total, size="large", bold=True)
    for one in paper.tenders:
        yield Block("pair", one.what, one.amount)
    if paper.change:
        yield Block("pair", paper.words.change, paper.change)
    if paper.rounding:
        yield Block("pair", paper.words.rounding, paper.rounding)
    yield RULE
    yield from proof_blocks(paper)


def token_blocks(paper: Paper, token: PaperToken) -> Iterator[Block]:
    title = f"{token.n} · {token.title}" if len(paper.tokens) > 1 else token.title
    yield Block("pair", title, f"{token.units} {token.unit}".strip(), bold=True)
    yield Block("text", f"{token.detail} · {token.note}" if token.note else token.detail)
    yield Block("heavy")
    yield Block("digits", token.digits)
    yield Block("heavy")
    yield Block("text", token.keying, size="small")
    if token.made:
        yield Block("text", token.made, size="small")
    yield RULE


def _group(group: PaperGroup) -> Iterator[Block]:
    yield Block("text", group.title, bold=True)
    for line in group.lines:
        yield Block("pair", line.what, line.amount)
        if line.why:
            yield Block("text", line.why, size="small", indent=True)
    for note in group.notes:
        yield Block("text", note, size="small")
    yield RULE


def proof_blocks(paper: Paper) -> Iterator[Block]:
    if paper.squares:
        yield Block("text", paper.words.real, bold=True)
        yield Block("text", paper.words.scan)
    for number, text in enumerate(paper.squares, 1):
        if len(paper.squares) > 1:
            yield Block("text", paper.words.square % {"number": number, "count": len(paper.squares)})
        yield Block("square", text)
    for line in (paper.proof, paper.tariff, paper.help):
        if line:
            yield Block("text", line)


SIZES: dict[Size, float] = {"normal": 8.5, "large": 12.0, "small": 8.0}


def draw(paper: Paper, name: str) -> bytes:
    roll = ROLLS[name]
    margin = (roll.paper_mm * mm - roll.dots * DOT) / 2
    pen = Pen(roll.paper_mm * mm, None, margin, 5 * mm, 6 * mm, paper.rtl)
    lay(pen, blocks(paper), roll)
    return pen.save(title=f"{paper.kind} {paper.number}", author=paper.seller.legal or paper.seller.name)


def lay(pen: Pen, content: Iterable[Block], roll: Roll, *, scale: float = 1.0) -> None:
    """The blocks under one another, on a roll or on a sheet."""
    for block in content:
        _draw(pen, block, roll, scale)


def _draw(pen: Pen, block: Block, roll: Roll, scale: float) -> None:
    size = SIZES[block.size] * scale
    if block.kind == "text":
        indent = 8.0 if block.indent else 0.0
        pen.paragraph(
            block.text, size, at=indent, bold=block.bold, align="center" if block.center else "start"
        )
    elif block.kind == "pair":
        pen.pair(block.text, block.end, size, bold=block.bold)
    elif block.kind == "rule":
        pen.down(3)
        pen.rule(0.8)
        pen.down(3)
    elif block.kind == "heavy":
        pen.down(3)
        pen.rule(3 * DOT)
        pen.down(3)
    elif block.kind == "square":
        module = 3 * DOT * scale
        side = (len(qr.matrix(block.text)) + 2 * qr.QUIET) * module
        pen.need(side)
        pen.square(block.text, module, at=(pen.inner - side) / 2)
        pen.down(side)
    elif block.kind == "barcode":
        _barcode(pen, block.text)
    elif block.kind == "sign":
        pen.need(size * 4)
        pen.down(size * 3)
        pen.rule(0.5, end=pen.inner * 0.7)
        pen.paragraph(block.text, SIZES["small"] * scale)
    else:
        _digits(pen, block.text, roll)


BARCODE_HIGH = 34.0


def _barcode(pen: Pen, text: str) -> None:
    """As wide as a hand scanner likes and the paper has; always drawn left to right."""
    module = min(3 * DOT, pen.inner / barcode.modules(text))
    pen.need(BARCODE_HIGH + 6)
    pen.down(3)
    left = (pen.inner - barcode.modules(text) * module) / 2
    for begin, wide in barcode.bars(text):
        at = left + begin * module
        pen.bar(pen.inner - at - wide * module if pen.rtl else at, wide * module, BARCODE_HIGH, 0.0)
    pen.down(BARCODE_HIGH + 3)


SHEET_DIGITS = 21.0  # points: large, and four tokens with their sentences still stand on an A5


def _digits(pen: Pen, token: str, roll: Roll) -> None:
    """The printer's double height: the digits keep their width and grow upwards. Drawn left to right in every language."""
    groups = [token[start : start + 4] for start in range(0, 20, 4)]
    size = pen.inner / typeset.width("  ".join(["0000"] * roll.groups_in_a_line), 1, bold=True)
    size, stretch = (size, 1.5) if roll.groups_in_a_line == 5 else (size * 0.9, 1.2)
    if pen.height is not None:
        size, stretch = min(size, SHEET_DIGITS), 1.0
    for begin in range(0, 5, roll.groups_in_a_line):
        line = "  ".join(groups[begin : begin + roll.groups_in_a_line])
        pen.need(size * stretch)
        pen.down(size * 0.76 * stretch)
        pen.text(
            line,
            size,
            at=pen.inner if pen.rtl else 0.0,
            align="end" if pen.rtl else "start",
            bold=True,
            stretch=stretch,
            turned=False,
        )
        pen.down(size * 0.22)

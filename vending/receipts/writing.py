"""A paper that is no receipt, as blocks from top to bottom: the same ones on a sheet, on a roll and as a printer's bytes.

`slips.py` says what stands on the papers of shifts, bags and acts; a receipt has a layout of its own (`sheet.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.lib.units import mm

from vending.receipts import roll, thermal
from vending.receipts.ink import Pen
from vending.receipts.roll import DOT, ROLLS, Block, Roll
from vending.receipts.sheet import SIZES


@dataclass(frozen=True, slots=True)
class Writing:
    rtl: bool
    title: str
    number: str
    author: str
    blocks: tuple[Block, ...]


SHEET = Roll("sheet", 0, 0, 0, 5)


def draw(writings: Sequence[Writing], size: str) -> bytes:
    """One after another, each on a page of its own; on a roll under one another."""
    first = writings[0]
    if size in SIZES:
        (width, height), scale = SIZES[size]
        pen = Pen(width, height, 34 * scale, 26 * scale, 32 * scale, first.rtl)
        paper = SHEET
    else:
        paper, scale = ROLLS[size], 1.0
        pen = Pen(paper.paper_mm * mm, None, (paper.paper_mm * mm - paper.dots * DOT) / 2, 5 * mm, 6 * mm, first.rtl)  # fmt: skip
    for number, writing in enumerate(writings):
        if number and pen.height is not None:
            pen.turn()
        pen.rtl = writing.rtl
        roll.lay(pen, writing.blocks, paper, scale=scale)
    return pen.save(title=f"{first.title} {first.number}".strip(), author=first.author)


def printed(writing: Writing, name: str, *, kick: bool = False) -> bytes:
    return thermal.printed(writing.blocks, name, rtl=writing.rtl, kick=kick)

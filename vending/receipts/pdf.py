"""A worded receipt as PDF bytes, on a sheet or a roll. The same receipt gives the same bytes on the same fonts and libraries."""

from __future__ import annotations

from vending.receipts import roll, sheet
from vending.receipts.wording import Paper

PAPERS = (*sheet.SIZES, *roll.ROLLS)


def render(paper: Paper, size: str) -> bytes:
    return sheet.draw(paper, size) if size in sheet.SIZES else roll.draw(paper, size)

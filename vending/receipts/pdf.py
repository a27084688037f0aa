"""The receipt as a PDF page, A4 or A5, from the same worded slip that the screen shows. Vector only: text, rules, QR.

The same content gives the same bytes: no clock and no random id goes into the file. Fonts are embedded subsets of one
family where the machine has it (`FAMILIES`), because a paper must show names of every script it prints; without, the
standard Latin fonts of every reader are used.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import segno
from reportlab.lib.pagesizes import A4, A5
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

PAPERS = {"a4": A4, "a5": A5}

# One family with Latin, digits and the currencies' signs; the first that is installed is taken.
FAMILIES = (
    (
        "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
        "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    ),
    (
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
        "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    ),
)
HAN = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"


@cache
def _fonts() -> tuple[str, str, str]:
    """The names of the regular, the bold and the Han font for this process."""
    regular, bold = "Helvetica", "Helvetica-Bold"
    for regular_file, bold_file in FAMILIES:
        if Path(regular_file).exists() and Path(bold_file).exists():
            pdfmetrics.registerFont(TTFont("Paper", regular_file))
            pdfmetrics.registerFont(TTFont("PaperBold", bold_file))
            regular, bold = "Paper", "PaperBold"
            break
    han = regular
    if Path(HAN).exists():
        try:
            pdfmetrics.registerFont(TTFont("PaperHan", HAN, subfontIndex=0))
            han = "PaperHan"
        except TTFError:
            han = regular
    return regular, bold, han


class _Page:
    """A pen on one page: knows where the next line goes, and turns the page before it runs off."""

    def __init__(self, canvas: Canvas, size: tuple[float, float], scale: float) -> None:
        self.canvas = canvas
        self.width, self.height = size
        self.scale = scale
        self.margin = 34 * scale
        self.right = self.width - self.margin
        self.y = self.height - self.margin
        self.regular, self.bold, self.han = _fonts()

    def font_for(self, text: str, bold: bool) -> str:
        if any(ord(letter) >= 0x2E80 for letter in text):
            return self.han
        return self.bold if bold else self.regular

    def put(
        self, text: str, x: float, size: float, *, bold: bool = False, end: bool = False, most: float = 0
    ) -> None:
        """Writes one line at the pen's height; what is longer than `most` is made smaller and at last cut with …."""
        size *= self.scale
        text = " ".join(text.split())
        font = self.font_for(text, bold)
        most = most or (x - self.margin if end else self.right - x)
        while pdfmetrics.stringWidth(text, font, size) > most and size > 5.5:
            size -= 0.5
        while len(text) > 1 and pdfmetrics.stringWidth(text, font, size) > most:
            text = text[:-2] + "…"
        self.canvas.setFont(font, size)
        (self.canvas.drawRightString if end else self.canvas.drawString)(x, self.y, text)

    def down(self, points: float) -> None:
        self.y -= points * self.scale

    def rule(self, weight: float = 0.5) -> None:
        self.canvas.setLineWidth(weight * self.scale)
        self.canvas.line(self.margin, self.y, self.right, self.y)

    def need(self, points: float) -> None:
        if self.y - points * self.scale < self.margin:
            self.canvas.showPage()
            self.y = self.height - self.margin

    def wrap(self, text: str, size: float, *, width: float, bold: bool = False) -> list[str]:
        font, lines, line = self.font_for(text, bold), [], ""
        for word in text.split():
            tried = f"{line} {word}".strip()
            if line and pdfmetrics.stringWidth(tried, font, size * self.scale) > width:
                lines.append(line)
                line = word
            else:
                line = tried
        return [*lines, line] if line else lines


def render(slip: dict[str, Any], paper: str, *, sentences: dict[str, str]) -> bytes:
    """`slip` is the worded slip of templates/cashier/receipt.html; `sentences` are the fixed words of the page."""
    size = PAPERS[paper]
    out = BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1, pageCompression=1)
    canvas.setTitle(f"{slip['kind']} {slip['number']}")
    canvas.setAuthor(slip["seller"]["legal"] or slip["seller"]["name"])
    canvas.setCreator("Ampoule")
    page = _Page(canvas, size, 1.0 if paper == "a5" else 1.2)
    _head(page, slip)
    for mark in (
        sentences["copy"] if slip["copy_number"] else "",
        sentences["test"] if slip["test"] else "",
    ):
        if mark:
            page.down(18)
            page.put(mark, page.margin, 11, bold=True)
    page.down(14)
    for token in slip["tokens"]:
        _token(page, token)
    for sentence in slip["enter"]:
        for line in page.wrap(sentence, 8.5, width=page.right - page.margin):
            page.need(14)
            page.put(line, page.margin, 8.5)
            page.down(12)
    page.down(6)
    _lines(page, slip, sentences)
    _proof(page, slip, sentences)
    canvas.save()
    return out.getvalue()


def _head(page: _Page, slip: dict[str, Any]) -> None:
    half = (page.right - page.margin) / 2 - 8
    top = page.y
    page.put(slip["kind"], page.margin, 14, bold=True, most=half)
    page.down(15)
    left = [f"{slip['number']} · {slip['at']}", slip["place"]]
    if slip["buyer"]:
        left += ["", slip["buyer"]["name"], *slip["buyer"]["lines"]]
    for line in left:
        if line:
            page.put(line, page.margin, 8.5, most=half)
        page.down(11.5 if line else 4)
    bottom, page.y = page.y, top
    page.put(slip["seller"]["name"], page.right, 11, bold=True, end=True, most=half)
    page.down(13)
    for line in (slip["seller"]["legal"], *slip["seller"]["lines"]):
        if line:
            page.put(line, page.right, 8.5, end=True, most=half)
            page.down(11.5)
    page.y = min(page.y, bottom)


def _token(page: _Page, token: dict[str, Any]) -> None:
    """The digits, large: five groups over the whole line, never broken over a page."""
    page.need(70)
    page.rule(0.8)
    page.down(14)
    page.put(token["title"], page.margin, 9.5, bold=True, most=(page.right - page.margin) * 0.62)
    if token["units"]:
        page.put(f"{token['units']} {token['unit']}", page.right, 9.5, bold=True, end=True)
    page.down(11.5)
    page.put(token["detail"], page.margin, 8.5)
    page.down(28)
    # One line of text and not five, as large as the line is wide: a reader that copies or searches finds the token whole.
    text = "   ".join(token["digits"][start : start + 4] for start in range(0, 20, 4))
    size = (page.right - page.margin) / pdfmetrics.stringWidth(text, page.bold, 1)
    page.canvas.setFont(page.bold, size)
    page.canvas.drawString(page.margin, page.y, text)
    page.down(15)
    page.put(token["keying"], page.margin, 7.5)
    page.down(8)
    page.rule(0.8)
    page.down(14)


def _lines(page: _Page, slip: dict[str, Any], sentences: dict[str, str]) -> None:
    third = (page.right - page.margin) / 3
    for group in slip["counted"]:
        page.need(40)
        page.put(group["title"], page.margin, 9, bold=True)
        page.down(12)
        for line in group["lines"]:
            page.need(14)
            page.put(line["what"], page.margin, 8.5, most=third - 6)
            page.put(line["why"], page.margin + third, 7.5, most=third + 20)
            page.put(line["amount"], page.right, 8.5, end=True, most=third - 30)
            page.down(4)
            page.rule(0.25)
            page.down(10)
    page.need(60)
    page.rule(1.2)
    page.down(16)
    page.put(sentences["paid"], page.margin, 12, bold=True)
    page.put(slip["total"], page.right, 12, bold=True, end=True)
    page.down(13)
    for tender in slip["tenders"]:
        page.put(tender["what"], page.margin, 8.5)
        page.put(tender["amount"], page.right, 8.5, end=True)
        page.down(11.5)
    if slip["change"]:
        page.put(sentences["change"], page.margin, 8.5)
        page.put(slip["change"], page.right, 8.5, end=True)
        page.down(11.5)


def _proof(page: _Page, slip: dict[str, Any], sentences: dict[str, str]) -> None:
    if not slip["qr_text"]:
        return
    side = 120 * page.scale
    page.need(132)
    page.down(4)
    page.rule(0.5)
    page.down(8)
    top = page.y
    _qr(page.canvas, slip["qr_text"], page.margin, top - side, side)
    x = page.margin + side + 14
    page.down(10)
    page.put(sentences["real"], x, 9, bold=True)
    page.down(12)
    for line in page.wrap(sentences["scan"], 8, width=page.right - x):
        page.put(line, x, 8)
        page.down(10.5)
    for line in (slip["proof"], slip["tariff"]):
        if line:
            page.put(line, x, 8)
            page.down(10.5)
    page.y = min(page.y, top - side - 6)


def _qr(canvas: Canvas, text: str, x: float, y: float, side: float) -> None:
    """Runs of dark modules as one path and one fill; the best mask, as the standard asks; four modules of quiet zone."""
    matrix = segno.make(text, error="m", micro=False).matrix
    module = side / (len(matrix) + 8)
    path = canvas.beginPath()
    for row, line in enumerate(matrix):
        start = None
        for column, dark in enumerate((*line, 0)):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                top = y + side - (row + 5) * module
                path.rect(x + (start + 4) * module, top, (column - start) * module, module)
                start = None
    canvas.drawPath(path, stroke=0, fill=1)

"""A pen that remembers: text, rules and squares placed on pages, counted from the top and from the start edge of the language.

Layouts (`sheet.py`, `roll.py`) say what goes where; what they said is drawn afterwards, when the number of pages and the
length of a roll are known. For Arabic the start edge is the right one; digits, tokens and squares do not turn round.
Vector only. The same content gives the same bytes: no clock and no random id goes into the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from reportlab.pdfgen.canvas import Canvas

from vending.receipts import qr, typeset

Align = Literal["start", "center", "end"]
Draw = Callable[[Canvas, float], None]  # the page's height comes when it is drawn

LINE = 1.32  # from one base line to the next, in sizes


@dataclass
class Pen:
    width: float
    height: float | None  # none: a roll, as long as what is on it
    margin: float
    top: float
    bottom: float
    rtl: bool
    y: float = 0.0
    pages: list[list[Draw]] = field(default_factory=lambda: [[]])

    def __post_init__(self) -> None:
        self.y = self.top

    @property
    def inner(self) -> float:
        return self.width - 2 * self.margin

    # --- moving

    def down(self, points: float) -> None:
        self.y += points

    def need(self, points: float) -> None:
        """Turns the page if so much does not fit any more, unless it is empty already."""
        if self.height is not None and self.y + points > self.height - self.bottom and self.y > self.top:
            self.turn()

    def turn(self) -> None:
        self.pages.append([])
        self.y = self.top

    # --- marks

    def rule(self, weight: float, *, begin: float = 0.0, end: float | None = None) -> None:
        first, last = self._across(begin), self._across(self.inner if end is None else end)
        y = self.y

        def draw(canvas: Canvas, height: float) -> None:
            canvas.setLineWidth(weight)
            canvas.line(min(first, last), height - y, max(first, last), height - y)

        self.pages[-1].append(draw)

    def text(
        self,
        text: str,
        size: float,
        *,
        at: float = 0.0,
        bold: bool = False,
        align: Align = "start",
        stretch: float = 1.0,
        turned: bool = True,
    ) -> None:
        """One line at the pen's height; `at` is counted from the start edge. `turned` false: drawn left to right always."""
        rtl = self.rtl and turned
        runs = typeset.shaped(text, bold=bold, rtl=rtl)
        long = typeset.width(text, size, bold=bold, rtl=rtl)
        x = self._across(at)
        if align == "center":
            x -= long / 2
        elif (align == "end") != self.rtl:
            x -= long
        y = self.y

        def draw(canvas: Canvas, height: float) -> None:
            pen = canvas.beginText(x, height - y)
            if stretch != 1.0:
                pen.setTextTransform(1, 0, 0, stretch, x, height - y)
            for run in runs:
                pen.setFont(run.face.name, size)
                # Han has one weight: its bold is drawn with an outline.
                stroked = bold and run.face.name.startswith("PaperHan")
                if stroked:
                    canvas.setLineWidth(size * typeset.OUTLINE)
                    pen.setTextRenderMode(2)
                pen.textOut(run.text)
                if stroked:
                    pen.setTextRenderMode(0)
            canvas.drawText(pen)

        self.pages[-1].append(draw)

    def paragraph(
        self,
        text: str,
        size: float,
        *,
        at: float = 0.0,
        most: float | None = None,
        bold: bool = False,
        align: Align = "start",
    ) -> int:
        """The text in lines of at most `most`; the pen ends below the last. Gives the number of lines."""
        most = self.inner - at if most is None else most
        lines = typeset.wrapped(text, size, most, bold=bold, rtl=self.rtl)
        for line in lines:
            self.need(size * LINE)
            self.down(size)
            place = at if align == "start" else at + most if align == "end" else at + most / 2
            self.text(line, size, at=place, bold=bold, align=align)
            self.down(size * (LINE - 1))
        return len(lines)

    def lines_of(self, text: str, size: float, most: float, *, bold: bool = False) -> int:
        return len(typeset.wrapped(text, size, most, bold=bold, rtl=self.rtl))

    def pair(self, what: str, amount: str, size: float, *, bold: bool = False) -> None:
        """Words at the start, a figure at the end; the words wrap beside the figure and never run into it."""
        wide = typeset.width(amount, size, bold=bold, rtl=self.rtl)
        most = self.inner - wide - size
        if most < self.inner * 0.3:
            self.paragraph(what, size, bold=bold)
            self.paragraph(amount, size, bold=bold, align="end")
            return
        lines = typeset.wrapped(what, size, most, bold=bold, rtl=self.rtl) or [""]
        self.need(len(lines) * size * LINE)
        for number, line in enumerate(lines):
            self.down(size)
            self.text(line, size, bold=bold)
            if number == len(lines) - 1:
                self.text(amount, size, at=self.inner, bold=bold, align="end")
            self.down(size * (LINE - 1))

    def square(self, text: str, module: float, *, at: float) -> float:
        """A square with its quiet zone; runs of dark modules as one path and one fill. Gives its side."""
        matrix = qr.matrix(text)
        side = (len(matrix) + 2 * qr.QUIET) * module
        left = self._across(at) - (side if self.rtl else 0)
        top = self.y

        # In modules, so that every figure is a small integer; a thousand numbers worded by reportlab would take longest.
        rectangles = " ".join(
            f"{begin} {-row - 1} {count} 1 re"
            for row, line in enumerate(matrix)
            for begin, count in qr.runs(line)
        )

        def draw(canvas: Canvas, height: float) -> None:
            canvas.saveState()
            canvas.translate(left + qr.QUIET * module, height - top - qr.QUIET * module)
            canvas.scale(module, module)
            canvas.addLiteral(f"{rectangles} f")
            canvas.restoreState()

        self.pages[-1].append(draw)
        return side

    def bar(self, at: float, wide: float, high: float, grey: float) -> None:
        begin, end = sorted((self._across(at), self._across(at + wide)))
        y = self.y

        def draw(canvas: Canvas, height: float) -> None:
            canvas.setFillGray(grey)
            canvas.rect(begin, height - y - high, end - begin, high, stroke=0, fill=1)
            canvas.setFillGray(0)

        self.pages[-1].append(draw)

    def _across(self, at: float) -> float:
        return self.width - self.margin - at if self.rtl else self.margin + at

    # --- the file

    def save(self, *, title: str, author: str) -> bytes:
        out = BytesIO()
        height = self.height if self.height is not None else self.y + self.bottom
        first = typeset.faces(False)[0].name
        canvas = Canvas(
            out, pagesize=(self.width, height), invariant=1, pageCompression=1, initialFontName=first
        )
        canvas.setTitle(title)
        canvas.setAuthor(author)
        canvas.setCreator("Ampoule")
        for page in self.pages:
            for draw in page:
                draw(canvas, height)
            canvas.showPage()
        canvas.save()
        return out.getvalue()

"""A statement on A4 or A5: parties, total, a line for each meter, charts of bars, and every purchase. Layout only.

Bars lie, so that their names are read from the same edge as everything else, and turn round with Arabic. Each bar's figure
stands beside it: nothing is told by its length alone.
"""

from __future__ import annotations

from vending.receipts import typeset
from vending.receipts.ink import LINE, Pen
from vending.receipts.sheet import SIZES, SMALL, TEXT
from vending.receipts.statement import Chart, Stated

GAP = 10.0


def draw(stated: Stated, size: str) -> bytes:
    (width, height), scale = SIZES[size]
    pen = Pen(width, height, 34 * scale, 26 * scale, 40 * scale, stated.rtl)
    sheet = _Sheet(pen, stated, scale)
    sheet.head()
    sheet.meters()
    for chart in stated.charts:
        sheet.chart(chart)
    sheet.purchases()
    sheet.foot()
    return pen.save(title=f"{stated.title} {stated.period}", author=stated.seller[0])


class _Sheet:
    def __init__(self, pen: Pen, stated: Stated, scale: float) -> None:
        self.pen = pen
        self.stated = stated
        self.text = TEXT * scale
        self.small = SMALL * scale
        self.scale = scale

    def head(self) -> None:
        pen, stated = self.pen, self.stated
        top, half = pen.y, pen.inner * 0.55
        pen.paragraph(stated.title, 13 * self.scale, most=half, bold=True)
        pen.paragraph(stated.period, self.text, most=half)
        pen.paragraph(stated.made, self.small, most=half)
        pen.down(6 * self.scale)
        for number, line in enumerate(stated.buyer):
            pen.paragraph(line, self.text, most=half, bold=number == 0)
        left, pen.y = pen.y, top
        rest = pen.inner - half - 12
        for number, line in enumerate(stated.seller):
            pen.paragraph(line, self.text, at=half + 12, most=rest, bold=number == 0, align="end")
        pen.down(6 * self.scale)
        pen.paragraph(stated.total_title, self.small, at=half + 12, most=rest, align="end")
        pen.paragraph(stated.total, 14 * self.scale, at=half + 12, most=rest, bold=True, align="end")
        pen.y = max(pen.y, left)
        for mark in stated.marks:
            pen.paragraph(mark, self.text, bold=True)
        pen.down(4 * self.scale)
        pen.rule(0.8)
        pen.down(3 * self.scale)

    def meters(self) -> None:
        pen = self.pen
        for name, units, money in self.stated.meters:
            pen.need(2 * self.text * LINE)
            pen.pair(name, f"{units} · {money}", self.text)
        if self.stated.nothing:
            pen.down(6 * self.scale)
            pen.paragraph(self.stated.nothing, self.text)

    def chart(self, chart: Chart) -> None:
        pen = self.pen
        high = self.small * LINE
        pen.down(6 * self.scale)
        pen.need(high * (min(len(chart.bars), 12) + 2))
        pen.paragraph(chart.title, self.text, bold=True)
        labels = max(self._wide(bar.label) for bar in chart.bars)
        figures = max(self._wide(bar.told) for bar in chart.bars)
        labels = min(labels, pen.inner * 0.4)
        room = max(pen.inner - labels - figures - 2 * GAP, pen.inner * 0.1)
        for bar in chart.bars:
            lines = typeset.wrapped(bar.label, self.small, labels + 1, rtl=pen.rtl) or [""]
            pen.need(high * len(lines))
            for number, line in enumerate(lines):
                pen.down(self.small)
                pen.text(line, self.small)
                if number == 0:
                    pen.text(bar.told, self.small, at=pen.inner, align="end")
                    pen.y -= self.small * 0.72
                    pen.bar(labels + GAP, room * bar.share, self.small * 0.7, 0.45)
                    pen.y += self.small * 0.72
                pen.down(high - self.small)

    # --- every purchase

    def purchases(self) -> None:
        stated = self.stated
        if not stated.rows:
            return
        columns = [[heads, *(row[place] for row in stated.rows)] for place, heads in enumerate(stated.heads)]
        day, receipt, _what, quantity, amount = (max(map(self._wide, column)) for column in columns)
        what = self.pen.inner - day - receipt - quantity - amount - 4 * GAP
        self.pen.down(8 * self.scale)
        self._heads(day, receipt, quantity, amount)
        for row in stated.rows:
            lines = typeset.wrapped(row[2], self.small, max(what, 40), rtl=self.pen.rtl) or [""]
            high = (len(lines) * self.small * LINE) + 2
            if self._turns(high):
                self.pen.turn()
                self._heads(day, receipt, quantity, amount)
            for number, line in enumerate(lines):
                self.pen.down(self.small)
                if number == 0:
                    self._figures(row, day, receipt, amount)
                self.pen.text(line, self.small, at=day + receipt + 2 * GAP)
                self.pen.down(self.small * (LINE - 1))
            self.pen.down(1)
            self.pen.rule(0.25)
            self.pen.down(1)
        self.pen.down(4 * self.scale)
        self.pen.pair(stated.total_title, stated.total, 11 * self.scale, bold=True)
        self.pen.down(4 * self.scale)
        self.pen.paragraph(stated.note, self.small)

    def _turns(self, high: float) -> bool:
        assert self.pen.height is not None, "a statement is no roll"
        return self.pen.y + high > self.pen.height - self.pen.bottom

    def _heads(self, day: float, receipt: float, quantity: float, amount: float) -> None:
        pen, heads = self.pen, self.stated.heads
        pen.need(5 * self.small * LINE)
        pen.down(self.small)
        self._figures(heads, day, receipt, amount)
        pen.text(heads[2], self.small, at=day + receipt + 2 * GAP)
        pen.down(4)
        pen.rule(0.8)
        pen.down(2)

    def _figures(
        self, row: tuple[str, str, str, str, str], day: float, receipt: float, amount: float
    ) -> None:
        pen = self.pen
        pen.text(row[0], self.small)
        pen.text(row[1], self.small, at=day + GAP)
        pen.text(row[3], self.small, at=pen.inner - amount - GAP, align="end")
        pen.text(row[4], self.small, at=pen.inner, align="end")

    def _wide(self, text: str) -> float:
        return typeset.width(text, self.small, rtl=self.pen.rtl)

    def foot(self) -> None:
        pen = self.pen
        assert pen.height is not None, "a statement is no roll"
        count = len(pen.pages)
        pages = pen.pages
        for number, page in enumerate(pages, 1):
            pen.pages, pen.y = [page], pen.height - 22 * self.scale
            pen.text(self.stated.page % {"number": number, "count": count}, self.small)
        pen.pages = pages

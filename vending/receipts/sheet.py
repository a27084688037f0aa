"""A receipt on A4 or A5: head, parties, tokens, how to enter them, the table of money, the squares. Layout only.

Nothing is cut and nothing is made smaller to fit: what is long wraps, and what does not fit goes to the next page. A token
never breaks over a line or a page, and the table never parts from its total.
"""

from __future__ import annotations

from reportlab.lib.pagesizes import A4, A5

from vending.receipts import qr, typeset
from vending.receipts.ink import LINE, Pen
from vending.receipts.wording import Paper, PaperGroup, PaperLine, PaperToken, Ruler

SIZES = {"a4": (A4, 1.15), "a5": (A5, 1.0)}

MODULE = 1.25  # points: 2.6 dots of a rendering at 150 dpi
TEXT, SMALL = 8.5, 8.0


def draw(paper: Paper, size: str) -> bytes:
    (width, height), scale = SIZES[size]
    pen = Pen(width, height, 34 * scale, 26 * scale, 32 * scale, paper.rtl)
    sheet = _Sheet(pen, paper, scale)
    sheet.head()
    sheet.parties()
    for token in paper.tokens:
        sheet.token(token)
    sheet.how_to_enter()
    sheet.money()
    sheet.proof()
    sheet.foot()
    return pen.save(title=f"{paper.kind} {paper.number}", author=paper.seller.legal or paper.seller.name)


class _Sheet:
    def __init__(self, pen: Pen, paper: Paper, scale: float) -> None:
        self.pen = pen
        self.paper = paper
        self.text = TEXT * scale
        self.small = SMALL * scale
        self.scale = scale

    def head(self) -> None:
        pen, paper = self.pen, self.paper
        top, half = pen.y, pen.inner * 0.5
        pen.paragraph(paper.kind, 13 * self.scale, most=half, bold=True)
        pen.paragraph(paper.number, self.text, most=half)
        pen.paragraph(paper.at, self.text, most=half)
        left, pen.y = pen.y, top
        rest = pen.inner - half - 12
        large = len(paper.seller.name) <= typeset.LONGEST_LARGE
        size = 11 * self.scale if large else self.text
        pen.paragraph(paper.seller.name, size, at=half + 12, most=rest, bold=True, align="end")
        for line in (paper.seller.legal, *paper.seller.lines):
            pen.paragraph(line, self.text, at=half + 12, most=rest, align="end")
        pen.y = max(pen.y, left)
        for mark in paper.marks:
            pen.down(6 * self.scale)
            pen.paragraph(mark, 11 * self.scale, bold=True)

    def parties(self) -> None:
        pen, paper = self.pen, self.paper
        pen.down(8 * self.scale)
        total_wide = typeset.width(paper.total, 14 * self.scale, bold=True, rtl=paper.rtl) + 2
        columns = (pen.inner - total_wide - 24) / 2
        if columns < 80:
            columns = (pen.inner - 12) / 2
        top, lowest = pen.y, pen.y
        if paper.buyer is not None:
            pen.paragraph(paper.words.sold_to, self.small, most=columns)
            pen.paragraph(paper.buyer.name, self.text, most=columns, bold=True)
            for line in paper.buyer.lines:
                pen.paragraph(line, self.text, most=columns)
            lowest, pen.y = pen.y, top
        pen.paragraph(paper.words.sold_by, self.small, at=columns + 12, most=columns)
        pen.paragraph(paper.place, self.text, at=columns + 12, most=columns)
        lowest = max(lowest, pen.y)
        if pen.inner - 2 * columns - 24 >= total_wide - 1:
            pen.y = top
        wide = pen.inner - 2 * columns - 24 if pen.y == top else pen.inner
        pen.paragraph(paper.words.paid, self.small, at=pen.inner - wide, most=wide, align="end")
        pen.paragraph(paper.total, 14 * self.scale, at=pen.inner - wide, most=wide, bold=True, align="end")
        pen.y = max(pen.y, lowest) + 8 * self.scale

    def token(self, token: PaperToken) -> None:
        """The digits, large: five groups over the whole line, one text, so that a reader copies or finds the token whole."""
        pen = self.pen
        digits = "   ".join(token.digits[start : start + 4] for start in range(0, 20, 4))
        size = pen.inner / typeset.width(digits, 1, bold=True)
        units = f"{token.units} {token.unit}".strip()
        title = f"{token.n} · {token.title}" if len(self.paper.tokens) > 1 else token.title
        lines = pen.lines_of(title, 9.5 * self.scale, pen.inner * 0.62, bold=True)
        pen.need(size + (lines * 9.5 + 4 * self.text) * LINE * self.scale)
        pen.rule(0.8)
        pen.down(3 * self.scale)
        pen.pair(title, units, 9.5 * self.scale, bold=True)
        pen.paragraph(f"{token.detail} · {token.note}" if token.note else token.detail, self.text)
        pen.down(size * 0.98)
        pen.text(
            digits,
            size,
            at=pen.inner if self.paper.rtl else 0.0,
            bold=True,
            align="end" if self.paper.rtl else "start",
            turned=False,
        )
        pen.down(size * 0.3)
        pen.paragraph(f"{token.keying} · {token.made}" if token.made else token.keying, self.small)
        pen.down(3 * self.scale)

    def how_to_enter(self) -> None:
        if not self.paper.enter:
            return
        self.pen.rule(0.8)
        self.pen.down(4 * self.scale)
        for number, sentence in enumerate(self.paper.enter, 1):
            several = len(self.paper.enter) > 1
            self.pen.paragraph(f"{number}. {sentence}" if several else sentence, self.text)
        self.pen.down(8 * self.scale)

    # --- the table of money

    def money(self) -> None:
        pen, paper = self.pen, self.paper
        lines = [line for group in paper.counted for line in group.lines]
        columns = _Columns(pen, self.text, self.small, lines, paper)
        columns.head()
        last = lines[-1] if lines else None
        for group in paper.counted:
            self._group(columns, group, last)
        foot = (18 + (2 + len(paper.tenders)) * self.text * LINE) * self.scale
        pen.need(foot)
        pen.rule(1.2)
        pen.down(4 * self.scale)
        pen.pair(paper.words.paid, paper.total, 12 * self.scale, bold=True)
        for tender in paper.tenders:
            pen.pair(tender.what, tender.amount, self.text)
        if paper.change:
            pen.pair(paper.words.change, paper.change, self.text)
        if paper.rounding:
            pen.pair(paper.words.rounding, paper.rounding, self.text)

    def _group(self, columns: _Columns, group: PaperGroup, last: PaperLine | None) -> None:
        pen = self.pen
        pen.need((2 + group.lines[0].why.count("+")) * self.text * LINE + 8)
        if len(self.paper.counted) > 1 or not self.paper.tokens:
            pen.down(3 * self.scale)
            pen.paragraph(group.title, self.text, bold=True)
        for line in group.lines:
            if line is last:
                # The total goes where the last line goes.
                pen.need((40 + (3 + len(self.paper.tenders)) * self.text * LINE) * self.scale)
            columns.row(line)
        for note in group.notes:
            pen.down(2 * self.scale)
            pen.paragraph(note, self.small)
        pen.down(4 * self.scale)

    # --- the squares and what they are for

    def proof(self) -> None:
        pen, paper = self.pen, self.paper
        told = [line for line in (paper.proof, paper.tariff, paper.help) if line]
        if not paper.squares:
            pen.down(8 * self.scale)
            for line in told:
                pen.paragraph(line, self.small)
            self._ruler(paper.ruler, 0.0, pen.inner * 0.5)
            return
        module = MODULE * self.scale
        side = (max(len(qr.matrix(text)) for text in paper.squares) + 8) * module
        pen.down(8 * self.scale)
        pen.need(side + 8 * self.scale)
        pen.rule(0.8)
        pen.down(8 * self.scale)
        top, page = pen.y, len(pen.pages)
        pen.square(paper.squares[0], module, at=-4 * module)
        at = side - 4 * module + 10
        pen.down(2 * self.scale)
        pen.paragraph(paper.words.real, self.text, at=at, bold=True)
        pen.paragraph(paper.words.scan, self.small, at=at)
        for line in told:
            pen.paragraph(line, self.small, at=at)
        self._ruler(paper.ruler, at, pen.inner - at)
        if len(pen.pages) == page:
            pen.y = max(pen.y, top + side)
        self._more_squares(side, module)

    def _more_squares(self, side: float, module: float) -> None:
        """A long receipt needs several; each says which it is."""
        pen, paper = self.pen, self.paper
        if len(paper.squares) < 2:
            return
        count = len(paper.squares)
        across = max(int((pen.inner + 8 * module) // side), 1)
        rest = paper.squares[1:]
        pen.paragraph(paper.words.square % {"number": 1, "count": count}, self.small)
        for begin in range(0, len(rest), across):
            pen.need(side + 2 * self.small * LINE)
            top = pen.y
            for place, text in enumerate(rest[begin : begin + across]):
                pen.y = top
                pen.square(text, module, at=place * side - 4 * module)
                pen.y = top + side
                caption = paper.words.square % {"number": begin + place + 2, "count": count}
                pen.paragraph(caption, self.small, at=place * side, most=side - 8 * module)

    def _ruler(self, ruler: Ruler | None, at: float, wide: float) -> None:
        if ruler is None:
            return
        pen, high = self.pen, 9 * self.scale
        top = max(
            [ruler.after * 1.15, *(start * 1.1 for start, _rate in ruler.steps if start < ruler.after * 2)]
        )
        pen.down(5 * self.scale)
        pen.paragraph(ruler.title, self.small, at=at, bold=True)
        pen.need(high + 1.6 * self.small * LINE)
        pen.down(2)
        pen.bar(at, wide * ruler.before / top, high, 0.8)
        pen.bar(at + wide * ruler.before / top, wide * (ruler.after - ruler.before) / top, high, 0.0)
        pen.down(high)
        pen.rule(0.8, begin=at, end=at + wide)
        for start, _rate in ruler.steps:
            if start < top:
                place = at + wide * start / top
                pen.y -= high + 3
                pen.bar(place - 0.4, 0.8, high + 5, 0.0)
                pen.y += high + 3
        pen.down(3)
        pen.paragraph(" · ".join(rate for start, rate in ruler.steps if start < top), self.small, at=at)

    def foot(self) -> None:
        pen, paper = self.pen, self.paper
        count = len(pen.pages)
        if count == 1 or pen.height is None:
            return
        pages = pen.pages
        for number, page in enumerate(pages, 1):
            pen.pages, pen.y = [page], pen.height - 20 * self.scale
            told = paper.words.page % {"number": number, "count": count}
            pen.text(f"{paper.number} · {told}", self.small)
        pen.pages = pages


class _Columns:
    """Line, quantity, price, amount: the figures as wide as the widest of them, the words what is left."""

    def __init__(self, pen: Pen, text: float, small: float, lines: list[PaperLine], paper: Paper) -> None:
        self.pen, self.size, self.small, self.paper = pen, text, small, paper
        words = paper.words
        self.amount = self._widest([words.amount, *(line.amount for line in lines)])
        self.price = self._widest([words.price, *(line.rate for line in lines)])
        self.quantity = self._widest([words.quantity, *(line.quantity for line in lines)])
        self.wide = any(line.quantity for line in lines)
        gap = 10.0
        rest = pen.inner - self.amount - self.price - self.quantity - 3 * gap
        if not self.wide or rest < pen.inner * 0.33:
            self.wide, rest = False, pen.inner - self.amount - gap
        self.words = rest
        self.price_at = pen.inner - self.amount - gap
        self.quantity_at = self.price_at - self.price - gap

    def _widest(self, texts: list[str]) -> float:
        return max(typeset.width(text, self.size, rtl=self.paper.rtl) for text in texts)

    def head(self) -> None:
        pen, words = self.pen, self.paper.words
        pen.need(4 * self.size)
        pen.down(self.small)
        pen.text(words.line, self.small)
        if self.wide:
            pen.text(words.quantity, self.small, at=self.quantity_at, align="end")
            pen.text(words.price, self.small, at=self.price_at, align="end")
        pen.text(words.amount, self.small, at=pen.inner, align="end")
        pen.down(4)
        pen.rule(0.8)

    def row(self, line: PaperLine) -> None:
        pen = self.pen
        in_columns = self.wide and bool(line.quantity)
        why = "" if in_columns and "×" in line.why and ";" not in line.why else line.why
        rtl = self.paper.rtl
        lines = typeset.wrapped(line.what, self.size, self.words, rtl=rtl) or [""]
        beside = typeset.width(lines[0], self.size, rtl=rtl) + 8
        fits = beside + typeset.width(typeset.clean(why), self.small, rtl=rtl) <= self.words
        inline = typeset.clean(why) if len(lines) == 1 and fits else ""
        more = [] if inline else typeset.wrapped(why, self.small, self.words - 8, rtl=rtl)
        pen.need((len(lines) * self.size + len(more) * self.small) * LINE + 6)
        pen.down(2)
        for number, text in enumerate(lines):
            pen.down(self.size)
            pen.text(text, self.size)
            if number == 0:
                if in_columns:
                    pen.text(line.quantity, self.size, at=self.quantity_at, align="end")
                    pen.text(line.rate, self.size, at=self.price_at, align="end")
                pen.text(line.amount, self.size, at=pen.inner, align="end")
                if inline:
                    pen.text(inline, self.small, at=beside)
            pen.down(self.size * (LINE - 1))
        for text in more:
            pen.down(self.small)
            pen.text(text, self.small, at=8)
            pen.down(self.small * (LINE - 1))
        pen.down(2)
        pen.rule(0.25)

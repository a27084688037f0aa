"""Charts as SVG made by the server: bars, a line with a band, a stacked day, a sparkline.

Pure functions from numbers to markup, readable without JavaScript and on paper. Every chart is `role="img"` and carries
a sentence that says what it shows; the page puts a table of the same numbers one click away (macro `chart`). Axes start
at zero, sparklines excepted, which is why a sparkline never stands without its number. Time always runs from left to
right, also on pages that are written from right to left.

Not here: the level, the scale and the ampoule (glass.py), and any choice of words or of number format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from vending.web.glass import Number, drawn, nice_top, percent

TONES = ("glass-1", "glass-2", "glass-3", "glass-4")


class Bar(NamedTuple):
    """One bar: what it is called under the axis, how tall it is, what a pointer resting on it is told."""

    name: str
    value: Number
    said: str = ""


class Point(NamedTuple):
    x: Number
    y: Number


class Between(NamedTuple):
    """One place of a band: 8 days in 10 the value lies between `low` and `high`."""

    x: Number
    low: Number
    high: Number


class Mark(NamedTuple):
    at: Number
    text: str


class Layer(NamedTuple):
    """One stretch of a stacked day, bottom first."""

    name: str
    values: Sequence[Number]
    said: str = ""


def _frame(height: int, label: str, body: Sequence[str], *, below: int = 22, kind: str = "") -> Markup:
    return drawn(
        f'<div class="chart {escape(kind)}"><svg role="img" width="100%" height="{height + below}" aria-label="{escape(label)}">'
        f"{''.join(body)}</svg></div>"
    )


def _stretched(height: int, body: Sequence[str]) -> str:
    """Paths cannot be told in percent, so they live in a box of 1000 units that stretches; strokes keep their width."""
    return (
        f'<svg width="100%" height="{height}" viewBox="0 0 1000 {height}" preserveAspectRatio="none">'
        f"{''.join(body)}</svg>"
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _names_below(names: Sequence[tuple[float, str]], y: float) -> list[str]:
    """Words under an axis; the outer ones stay inside the drawing."""
    pieces = []
    for share, text in names:
        anchor = "start" if share < 0.03 else "end" if share > 0.97 else "middle"
        pieces.append(
            f'<text x="{percent(100 * share)}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    return pieces


def _grid(marks: Sequence[Mark], top: float, height: int) -> list[str]:
    pieces = []
    for mark in marks:
        y = height - height * float(mark.at) / top
        pieces.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        words = y - 5 if y > 16 else y + 13
        pieces.append(f'<text x="100%" y="{words:.1f}" text-anchor="end">{escape(mark.text)}</text>')
    return pieces


def bars(
    values: Sequence[Bar | tuple[str, Number] | tuple[str, Number, str]],
    *,
    label: str,
    today: int | None = None,
    average: Mark | tuple[Number, str] | None = None,
    height: int = 96,
    every: int = 0,
) -> Markup:
    """Bars from zero, a fifth of gap; `today` (an index) in amber; `average` as a dashed line with its number.

    Up to eight bars are all named; of more, the first and the last, and with `every` each so-manieth in between.
    """
    rows = [Bar(*row) for row in values]
    if not rows:
        return _frame(height, label, ['<line class="base" x1="0" x2="100%" y1="95" y2="95"/>'])
    mean = Mark(*average) if average else None
    top, _ = nice_top(max([float(row.value) for row in rows] + ([float(mean.at)] if mean else []) + [0.0]))
    room, slot = height - 4, 100 / len(rows)
    body: list[str] = []
    for index, row in enumerate(rows):
        tall = room * max(0.0, float(row.value)) / top
        tone = "today" if index == today else "bar-tone"
        said = f"<title>{escape(row.said)}</title>" if row.said else ""
        body.append(
            f'<rect class="{tone}" x="{percent(index * slot + slot / 10)}" y="{height - tall:.1f}" '
            f'width="{percent(slot * 0.8)}" height="{tall:.1f}">{said}</rect>'
        )
    if mean:
        y = height - room * float(mean.at) / top
        body.append(
            f'<line class="line-soon" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}" stroke-width="1.5"/>'
        )
        body.append(
            f'<text class="forecast" x="100%" y="{y - 5:.1f}" text-anchor="end">{escape(mean.text)}</text>'
        )
    body.append(f'<line class="base" x1="0" x2="100%" y1="{height}" y2="{height}"/>')
    if len(rows) <= 8:  # few bars are kinds of things, and each wants its name
        body += [
            f'<text x="{percent((index + 0.5) * slot)}" y="{height + 17}" text-anchor="middle">{escape(row.name)}</text>'
            for index, row in enumerate(rows)
        ]
        return _frame(height, label, body, kind="bars")
    last = len(rows) - 1
    named = {0, last} | (set(range(0, last, every)) if every else set())
    body += _names_below(
        [
            ((index + 0.5) / len(rows) if 0 < index < last else float(index > 0), rows[index].name)
            for index in sorted(named)
        ],
        height + 17,
    )
    return _frame(height, label, body, kind="bars")


def line(
    past: Sequence[Point | tuple[Number, Number]],
    *,
    label: str,
    soon: Sequence[Point | tuple[Number, Number]] = (),
    band: Sequence[Between | tuple[Number, Number, Number]] = (),
    top: Number | None = None,
    span: tuple[Number, Number] | None = None,
    marks: Sequence[Mark | tuple[Number, str]] = (),
    names: Sequence[Mark | tuple[Number, str]] = (),
    limit: Mark | tuple[Number, str] | None = None,
    crossing: Mark | tuple[Number, str] | None = None,
    area: bool = False,
    height: int = 150,
) -> Markup:
    """A line from zero: the past solid, the forecast dashed on its band; the date is written where it meets the floor.

    `marks` are the (at most three) words of the upright axis, `names` those under it, `limit` a dashed line across,
    `crossing` the place on the floor where the forecast arrives.
    """
    before, after = [Point(*p) for p in past], [Point(*p) for p in soon]
    width = [Between(*b) for b in band]
    every = before + after
    ys = [float(p.y) for p in every] + [float(b.high) for b in width] + ([float(limit[0])] if limit else [])
    full = float(top) if top else nice_top(max(ys, default=1.0))[0]
    left, right = span or (min((p.x for p in every), default=0), max((p.x for p in every), default=1))
    reach = float(right - left) or 1.0

    def place(x: Number, y: Number) -> tuple[float, float]:
        return 1000 * float(x - left) / reach, height - (height - 4) * float(y) / full

    body = _grid([Mark(*mark) for mark in marks], full * height / (height - 4), height)
    inner: list[str] = []
    if width:
        upper = [place(b.x, b.high) for b in width]
        lower = [place(b.x, b.low) for b in reversed(width)]
        inner.append(f'<path class="band" d="{_path(upper + lower)}Z"/>')
    if before:
        points = [place(p.x, p.y) for p in before]
        if area:
            closed = [*points, (points[-1][0], float(height)), (points[0][0], float(height))]
            inner.append(f'<path class="band" d="{_path(closed)}Z"/>')
        inner.append(f'<path class="line-past" vector-effect="non-scaling-stroke" d="{_path(points)}"/>')
    if after:
        joined = ([before[-1]] if before else []) + after
        inner.append(
            f'<path class="line-soon" vector-effect="non-scaling-stroke" d="{_path([place(p.x, p.y) for p in joined])}"/>'
        )
    body.append(_stretched(height, inner))
    if limit:
        y = place(left, limit[0])[1]
        body.append(f'<line class="line-limit" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<text class="warn" x="0" y="{y - 5:.1f}">{escape(limit[1])}</text>')
    if before:
        x, y = place(before[-1].x, before[-1].y)
        body.append(f'<circle class="spark-dot" cx="{percent(x / 10)}" cy="{y:.1f}" r="3.5"/>')
    body.append(f'<line class="base" x1="0" x2="100%" y1="{height}" y2="{height}"/>')
    if crossing:
        x = place(crossing[0], 0)[0] / 10
        anchor, shift = ("end", -8) if x > 55 else ("start", 8)
        body.append(
            f'<line class="mark-line" x1="{percent(x)}" x2="{percent(x)}" y1="{height - 34}" y2="{height}" stroke-width="1.5"/>'
        )
        body.append(
            f'<text class="strong" x="{percent(x)}" dx="{shift}" y="{height - 8}" text-anchor="{anchor}">{escape(crossing[1])}</text>'
        )
    body += _names_below([(place(at, 0)[0] / 1000, text) for at, text in names], height + 17)
    return _frame(height, label, body)


def stacked(
    layers: Sequence[Layer | tuple[str, Sequence[Number]] | tuple[str, Sequence[Number], str]],
    *,
    label: str,
    slots: int,
    expected: Sequence[Number] = (),
    band: Sequence[tuple[Number, Number]] = (),
    marks: Sequence[Mark | tuple[Number, str]] = (),
    names: Sequence[Mark | tuple[Number, str]] = (),
    now: str = "",
    said_of_expected: str = "",
    height: int = 230,
) -> Markup:
    """A day of `slots` equal steps, stacked in glass tones; it stops at now, where the expected line goes on.

    `expected` and `band` begin at the slot after the last value. A legend with the words of each layer stands below.
    """
    rows = [Layer(*layer) for layer in layers]
    done = min((len(row.values) for row in rows), default=0)
    sums = [sum(float(row.values[index]) for row in rows) for index in range(done)]
    full, _ = nice_top(max([*sums, *map(float, expected), *(float(high) for _, high in band), 1.0]))
    steps = max(slots - 1, 1)

    def place(index: int, value: float) -> tuple[float, float]:
        return 1000 * index / steps, height - (height - 16) * value / full

    body = _grid([Mark(*mark) for mark in marks], full * height / (height - 16), height)
    inner: list[str] = []
    floor = [0.0] * done
    for depth, row in enumerate(rows):
        roof = [floor[index] + float(row.values[index]) for index in range(done)]
        if done:
            upper = [place(index, roof[index]) for index in range(done)]
            lower = [place(index, floor[index]) for index in reversed(range(done))]
            tone = TONES[min(depth, len(TONES) - 1)]
            inner.append(
                f'<path class="{tone} seam" vector-effect="non-scaling-stroke" d="{_path(upper + lower)}Z"/>'
            )
        floor = roof
    if band:
        upper = [place(done + index, float(high)) for index, (_, high) in enumerate(band)]
        lower = [place(done + index, float(low)) for index, (low, _) in reversed(list(enumerate(band)))]
        inner.append(f'<path class="band" d="{_path(upper + lower)}Z"/>')
    if expected:
        points = [place(done - 1, sums[-1])] if sums else []
        points += [place(done + index, float(value)) for index, value in enumerate(expected)]
        inner.append(f'<path class="line-soon" vector-effect="non-scaling-stroke" d="{_path(points)}"/>')
    body.append(_stretched(height, inner))
    if done and now:
        x = percent(100 * (done - 1) / steps)
        end = (done - 1) / steps > 0.7
        body.append(f'<line class="mark-line" x1="{x}" x2="{x}" y1="0" y2="{height}" stroke-width="1.5"/>')
        body.append(
            f'<text class="strong" x="{x}" dx="{-8 if end else 8}" y="11" text-anchor="{"end" if end else "start"}">{escape(now)}</text>'
        )
    body.append(f'<line class="base" x1="0" x2="100%" y1="{height}" y2="{height}"/>')
    body += _names_below([(float(at) / steps, text) for at, text in names], height + 17)
    legend = "".join(
        f'<span><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="{TONES[min(depth, 3)]}" x=".5" y=".5" width="11" height="11"/>'
        f'</svg>{escape(row.name)} <span class="quiet">{escape(row.said)}</span></span>'
        for depth, row in reversed(list(enumerate(rows)))
    )
    if said_of_expected:
        legend += f'<span><span class="forecast-word">- - -</span> {escape(said_of_expected)}</span>'
    return _frame(height, label, body) + drawn(f'<p class="legend">{legend}</p>')


def sparkline(values: Sequence[Number], *, label: str = "", width: int = 74, height: int = 20) -> Markup:
    """A small line on its own scale, the last point dotted; decoration beside its number unless a label is given."""
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    body = ""
    if len(values) > 1:
        low, high = min(map(float, values)), max(map(float, values))
        reach = high - low or 1.0
        points = [
            (
                3 + (width - 8) * index / (len(values) - 1),
                height - 4 - (height - 8) * (float(value) - low) / reach,
            )
            for index, value in enumerate(values)
        ]
        x, y = points[-1]
        body = f'<path class="spark" d="{_path(points)}"/><circle class="spark-dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    return drawn(f'<svg class="sparkline" {said} width="{width}" height="{height}">{body}</svg>')

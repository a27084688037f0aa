"""Measuring glass as SVG: the level, the graduated scale, the ampoule.

Pure functions from numbers to markup. They know nothing of Flask, of a locale or of the database: whoever calls them
brings the sentence that a screen reader says (`label`) and, where a number is written, the function that writes it
(`number`). Widths are percentages of an `<svg width="100%">` without a view box, so that a drawing stretches with its
column while its words keep their size; no inline style is used, because the content policy forbids it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

Number = float | int
Write = Callable[[float], str]


class Part(NamedTuple):
    """A stretch of a scale. `tone` is "dry" (earlier, used), "liquid" (this one) or "glass-1" to "glass-4"."""

    start: Number
    end: Number
    tone: str
    text: str


class Step(NamedTuple):
    """A line across a scale where something changes: a price, a plan, a warning."""

    at: Number
    text: str


def drawn(svg: str) -> Markup:
    """The one place where a string becomes markup: it is made here, and every text in it went through `escape`."""
    return Markup(svg)  # noqa: S704


def plain(value: float) -> str:
    """Writes a number without an idle decimal; used where the caller brings no locale."""
    return f"{value:g}"


def nice_top(value: Number) -> tuple[float, float]:
    """The end of a ruler that holds `value`, and the distance of its major marks (1, 2 or 5 times a power of ten)."""
    if value < 1e-6:  # less than any meter counts: an empty glass
        return 1.0, 0.2
    for exponent in range(math.floor(math.log10(value)) - 1, math.floor(math.log10(value)) + 2):
        for factor in (1, 2, 5):
            major = factor * 10.0**exponent
            count = math.ceil(value / major - 1e-9)
            if count <= 5:
                return major * max(count, 1), major
    raise AssertionError("a ruler was not found for a finite number")


def percent(value: float) -> str:
    return f"{round(value, 2):g}%"


def _ticks(top: float, minor: float, wet: Sequence[tuple[float, float]], *, rtl: bool) -> str:
    """Minor and major ticks as two paths in a stretched box of 1000 x 12: ink over liquid, edge over glass."""
    paths: dict[str, list[str]] = {"tick": [], "ink-on": []}
    for index in range(round(top / minor) + 1):
        at = index * minor
        x = 1000 * at / top
        x = 1000 - x if rtl else x
        height = 12 if index % 10 == 0 else 9 if index % 5 == 0 else 6
        tone = "ink-on" if any(start < at < end for start, end in wet) else "tick"
        paths[tone].append(f"M{x:g} {12 - height}V12")
    return "".join(
        f'<path class="{tone}" vector-effect="non-scaling-stroke" d="{"".join(strokes)}"/>'
        for tone, strokes in paths.items()
        if strokes
    )


def _beside_lines(part: Part, steps: Sequence[Step], length: float) -> float:
    """Where the words of a part begin so that no step's line runs through them: the first room that holds them."""
    edges = [
        float(part.start),
        *sorted(float(s.at) for s in steps if part.start < s.at < part.end),
        float(part.end),
    ]
    rooms = list(pairwise(edges))
    fitting = [start for start, end in rooms if end - start >= length]
    return fitting[0] if fitting else max(rooms, key=lambda room: room[1] - room[0])[0]


def scale(
    *,
    top: Number,
    parts: Sequence[Part | tuple[Number, Number, str, str]],
    label: str,
    unit: str = "",
    steps: Sequence[Step | tuple[Number, str]] = (),
    first: str = "",
    after: str = "",
    major: Number | None = None,
    number: Write = plain,
    rtl: bool = False,
) -> Markup:
    """A bar on a ruler: a tier, a budget, a plan, a limit.

    `first` stands over the beginning ("R 2.18 a kWh"), a step's text right of its line, `after` behind the last part.
    Words that do not fit inside the bar are said in a legend below it, which narrow columns always show.
    """
    width = float(top) if top > 0 else 1.0
    beyond = max([width, *(float(part[1]) for part in parts)])
    if beyond > width or major is None:
        width, found = nice_top(beyond)
        major = found
    stretches = [Part(*part) for part in parts]
    marks = [Step(*step) for step in steps]

    def at(value: float) -> float:
        share = 100 * min(max(value, 0.0), width) / width
        return 100 - share if rtl else share

    start, end, sign = ("end", "start", -1) if rtl else ("start", "end", 1)
    svg: list[str] = []
    squeezed = False
    for part in stretches:
        left = min(at(part.start), at(part.end))
        span = abs(at(part.end) - at(part.start))
        tone = escape(part.tone)
        svg.append(f'<rect class="{tone}" x="{percent(left)}" y="24" width="{percent(span)}" height="35"/>')
        # A drawing is about 850 px wide at a till; 7 px a letter is a careful guess for words of 12.5 px.
        if part.text and span * 8.5 > 7 * len(part.text) + 20:
            words = "on-liquid" if part.tone == "liquid" else "said"
            words = "on-dark" if part.tone in ("glass-1", "glass-2") else words
            begin = _beside_lines(part, marks, 1.4 * (7 * len(part.text) + 20) / 850 * width)
            svg.append(
                f'<text class="inside {words}" x="{percent(at(begin))}" dx="{sign * 10}" y="41" '
                f'text-anchor="{start}">{escape(part.text)}</text>'
            )
        elif part.text and span > 0:
            squeezed = True
    for index, step in enumerate(marks):
        x = percent(at(step.at))
        tall = 0 if index == 0 else 14
        svg.append(f'<line class="mark-line" x1="{x}" x2="{x}" y1="{tall}" y2="59" stroke-width="1.5"/>')
        near_end = at(step.at) < 30 if rtl else at(step.at) > 70
        anchor, shift = (end, -8 * sign) if near_end else (start, 8 * sign)
        hidden = "" if index == 0 else ' class="alternate"'
        svg.append(
            f'<text{hidden} x="{x}" dx="{shift}" y="13" text-anchor="{anchor}">{escape(step.text)}</text>'
        )
    if first:
        svg.append(
            f'<text class="inside" x="{percent(at(0))}" y="13" text-anchor="{start}">{escape(first)}</text>'
        )
    last = max((part.end for part in stretches), default=0)
    if after:
        x = percent(at(last))
        svg.append(f'<line class="mark-line" x1="{x}" x2="{x}" y1="18" y2="59" stroke-width="1.5"/>')
        if (100 - at(last) if not rtl else at(last)) * 8.5 > 7 * len(after) + 20:
            svg.append(
                f'<text class="inside said" x="{x}" dx="{sign * 8}" y="41" text-anchor="{start}">{escape(after)}</text>'
            )
        else:
            squeezed = True
    liquid = [(float(p.start), float(p.end)) for p in stretches if p.tone == "liquid"]
    svg.append(
        f'<svg y="47" width="100%" height="12" viewBox="0 0 1000 12" preserveAspectRatio="none">'
        f"{_ticks(width, float(major) / 10, liquid, rtl=rtl)}</svg>"
        '<line class="base" x1="0" x2="100%" y1="60" y2="60"/>'
    )
    count = round(width / float(major))
    for index in range(count + 1):
        value = index * float(major)
        anchor = start if index == 0 else end if index == count else "middle"
        said = escape(number(value)) + (f" {escape(unit)}" if unit and index == count else "")
        crowded = (
            ' class="alternate"'
            if count > 5 and 0 < index < count and (index % 2 or index >= count - 2)
            else ""
        )
        svg.append(f'<text{crowded} x="{percent(at(value))}" y="77" text-anchor="{anchor}">{said}</text>')
    legend = "".join(
        f'<span><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="{escape(p.tone)}" x=".5" y=".5" width="11" '
        f'height="11"/></svg>{escape(p.text)}</span>'
        for p in stretches
        if p.text and p.end > p.start
    )
    extra = "".join(f"<span>{escape(text)}</span>" for text in (first, after) if text)
    off = "" if squeezed else " wide-off"
    return drawn(
        f'<div class="chart scale"><svg role="img" width="100%" height="82" aria-label="{escape(label)}">'
        f'{"".join(svg)}</svg><p class="legend{off}" aria-hidden="true">{legend}{extra}</p></div>'
    )


AMPOULE = (
    "M70 4C76 4 79 12 81 24C85 52 95 84 95 112C95 124 90 134 87 141C85 170 135 160 135 210V606a14 14 0 0 1-14 14"
    "H19a14 14 0 0 1-14-14V210C5 160 55 170 53 141C50 134 45 124 45 112C45 84 55 52 59 24C61 12 64 4 70 4z"
)
_TOP, _BOTTOM = 220.0, 620.0


def ampoule(
    value: Number, *, label: str, top: Number | None = None, number: Write = plain, rtl: bool = False
) -> Markup:
    """One dose, drawn: the body is graduated, the liquid stands at `value`. The number belongs beside it as text."""
    full, major = nice_top(value if top is None else max(top, value))
    per_unit = (_BOTTOM - _TOP) / full
    level = min(max(float(value), 0.0), full)
    y = _BOTTOM - level * per_unit
    svg = []
    if level > 0:
        corner = min(14.0, (_BOTTOM - y) / 2)
        svg.append(
            f'<path class="liquid" d="M5 {y:.1f}H135V{_BOTTOM - corner:.1f}a{corner:g} {corner:g} 0 0 1-{corner:g} {corner:g}'
            f'H{5 + corner:g}a{corner:g} {corner:g} 0 0 1-{corner:g}-{corner:g}z"/>'
        )
    dry: list[str] = []
    wet: list[str] = []
    for index in range(1, round(full / major) * 10 + 1):
        at = _BOTTOM - index * major / 10 * per_unit
        if _BOTTOM - at < 8:
            continue
        length = 29 if index % 10 == 0 else 20 if index % 5 == 0 else 13
        (wet if index * major / 10 <= level else dry).append(
            f"M5 {at:.1f}h{length}" if rtl else f"M135 {at:.1f}h-{length}"
        )
        if index % 10 == 0:
            x, anchor = (-6, "end") if rtl else (146, "start")
            svg.append(
                f'<text x="{x}" y="{at + 5:.1f}" text-anchor="{anchor}">{escape(number(index * major / 10))}</text>'
            )
    svg.append(f'<path class="tick" stroke-width="1.5" d="{"".join(dry)}"/>' if dry else "")
    svg.append(f'<path class="ink-on" stroke-width="1.5" d="{"".join(wet)}"/>' if wet else "")
    svg.append(f'<path class="outline" d="{AMPOULE}"/><path class="outline" d="M53 141H87"/>')
    box = "-50 0 190 624" if rtl else "0 0 190 624"
    return drawn(
        f'<svg class="ampoule" role="img" viewBox="{box}" aria-label="{escape(label)}">{"".join(svg)}</svg>'
    )


def level(share: float, *, label: str = "", state: str = "ok", height: int = 76, rtl: bool = False) -> Markup:
    """A small glass, as in the rack: `share` of it is full. `state`: "ok", "low", "off" (crossed), "unknown" (a
    question mark) or "vacant" (dashed).

    Without a label it is decoration beside a text that already says it.
    """
    inner = height - 4
    fill = max(0.0, min(1.0, share)) * inner
    svg = ['<rect class="glass" x="1" y="2" width="99%" height="' + str(inner) + '" rx="4"/>']
    if state in ("ok", "low") and share > 0:
        fill = max(fill, 4.0)
        svg.append(
            f'<rect class="liquid" x="2" y="{2 + inner - fill:.1f}" width="97%" height="{fill:.1f}" rx="3"/>'
        )
    if state == "off":
        svg.append(
            f'<svg x="50%" y="{height / 2:g}" overflow="visible"><path class="cross" d="M-9-9L9 9M9-9L-9 9"/></svg>'
        )
    elif state == "unknown":
        svg.append(f'<text class="unknown" x="50%" y="{height / 2 + 6:g}" text-anchor="middle">?</text>')
    elif state != "vacant":
        x1, x2 = ("1%", "14%") if rtl else ("86%", "99%")
        for quarter in (1, 2, 3):
            y = 2 + inner * quarter / 4
            tone = "ink-on" if y > 2 + inner - fill and state == "ok" else "tick"
            svg.append(f'<line class="{tone}" x1="{x1}" x2="{x2}" y1="{y:g}" y2="{y:g}"/>')
    if state == "ok":
        svg.append(f'<rect class="glass" fill-opacity="0" x="1" y="2" width="99%" height="{inner}" rx="4"/>')
    said = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return drawn(
        f'<svg class="level {escape(state)}" {said} width="100%" height="{height}">{"".join(svg)}</svg>'
    )

"""Text of any script as runs of glyphs that a font has: cleaned, shaped, in the order in which it is drawn, and measured.

Latin, Greek and Cyrillic come from Noto Sans, Arabic from Noto Sans Arabic (joined by arabic-reshaper, ordered by
python-bidi), Chinese, Japanese and Korean from WenQuanYi Micro Hei; subsets are embedded, because a paper must look the same
on every reader. A machine without these fonts prints Latin with the fonts of every PDF reader and a question mark for the
rest; which fonts made a paper is recorded with it (`made_with`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from arabic_reshaper import ArabicReshaper
from bidi import get_display
from bidi.algorithm import get_display as turned_display
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

_TRUETYPE = Path("/usr/share/fonts/truetype")

# (name, regular, bold, number inside the file), in the order in which a letter is looked for. Han has one weight.
FONTS = (
    ("Paper", "noto/NotoSans-Regular.ttf", "noto/NotoSans-Bold.ttf", 0),
    ("PaperArabic", "noto/NotoSansArabic-Regular.ttf", "noto/NotoSansArabic-Bold.ttf", 0),
    ("PaperHan", "wqy/wqy-microhei.ttc", "wqy/wqy-microhei.ttc", 0),
    ("PaperHebrew", "noto/NotoSansHebrew-Regular.ttf", "noto/NotoSansHebrew-Bold.ttf", 0),
    ("PaperThai", "noto/NotoSansThai-Regular.ttf", "noto/NotoSansThai-Bold.ttf", 0),
    ("PaperSymbols", "noto/NotoSansSymbols2-Regular.ttf", "noto/NotoSansSymbols2-Regular.ttf", 0),
)
UNKNOWN = "?"
LONGEST_LARGE = 60  # letters of a name in large type: a longer one is bold, and no third of the paper
OUTLINE = 0.035  # of a letter's size: how much a stroke round it makes it bold

_reshape = ArabicReshaper({"delete_harakat": True, "support_ligatures": True}).reshape


@dataclass(frozen=True, slots=True)
class Face:
    """One font in one weight: its name for reportlab, its file for raster printers, and the letters it has."""

    name: str
    path: Path | None
    index: int
    letters: frozenset[int] | None  # none: the Latin of every PDF reader

    def has(self, letter: str) -> bool:
        if self.letters is None:
            return ord(letter) < 0x100
        return ord(letter) in self.letters


@dataclass(frozen=True, slots=True)
class Run:
    face: Face
    text: str


@cache
def faces(bold: bool) -> tuple[Face, ...]:
    found = []
    for name, regular, heavy, index in FONTS:
        path = _TRUETYPE / (heavy if bold else regular)
        registered = f"{name}Bold" if bold else name
        if path.is_file():
            try:
                font = TTFont(registered, str(path), subfontIndex=index)
            except TTFError:
                continue
            pdfmetrics.registerFont(font)
            found.append(Face(registered, path, index, frozenset(font.face.charToGlyph)))
    return (*found, Face("Helvetica-Bold" if bold else "Helvetica", None, 0, None))


@cache
def made_with() -> dict[str, str]:
    """The files and versions that a paper's bytes depend on."""
    from importlib.metadata import version

    libraries = ("reportlab", "segno", "arabic-reshaper", "python-bidi", "babel")
    found = {name: version(name) for name in libraries}
    for _name, regular, heavy, _index in FONTS:
        for path in dict.fromkeys((_TRUETYPE / regular, _TRUETYPE / heavy)):
            if path.is_file():
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


ISOLATE, END = "\u2066", "\u2069"  # round a number in groups, in a sentence from right to left (languages.py)


def clean(text: str) -> str:
    """One line of letters: no control or formatting characters, no line ends, no emoji's invisible parts, composed."""
    letters = []
    for letter in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(letter)
        if kind in ("Zs", "Zl", "Zp") or letter in "\t\n\r\v\f":
            letters.append(" ")
        elif letter in (ISOLATE, END) or (kind[0] != "C" and not 0xFE00 <= ord(letter) <= 0xFE0F):
            letters.append(letter)
    return " ".join("".join(letters).split())


@lru_cache(maxsize=20_000)
def shaped(text: str, *, bold: bool = False, rtl: bool = False) -> tuple[Run, ...]:
    """The runs of one line, left to right as they are drawn. `text` is clean and in the order in which it is read."""
    if not text.isascii():
        if any(_is_arabic(letter) for letter in text):
            text = _reshape(text)
        if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
            # A line without a letter from right to left is a figure, an address or a foreign name: it keeps its own order.
            text = _ordered(text, "R" if rtl else "L")
    runs: list[Run] = []
    lacking = False
    for letter in text:
        if letter in (ISOLATE, END):
            continue
        face, drawn = _face_of(letter, bold)
        unknown = drawn is UNKNOWN and letter != UNKNOWN
        if unknown and lacking:
            continue  # a family of four in one picture lacks one thing, not four
        lacking = unknown
        if runs and runs[-1].face is face:
            runs[-1] = Run(face, runs[-1].text + drawn)
        else:
            runs.append(Run(face, drawn))
    return tuple(runs)


def _ordered(text: str, base: Literal["L", "R"]) -> str:
    """In the order of drawing. The quick one of python-bidi's two algorithms knows isolates and does not turn brackets round;
    the slow one turns them and knows no isolates."""
    if any(letter in "()[]{}<>«»" for letter in text) and ISOLATE not in text:
        return str(turned_display(text, base_dir=base))
    return str(get_display(text, base_dir=base))


def _is_arabic(letter: str) -> bool:
    return "\u0600" <= letter <= "\u06ff" or "\u0750" <= letter <= "\u077f"


@lru_cache(maxsize=10_000)
def _face_of(letter: str, bold: bool) -> tuple[Face, str]:
    known = faces(bold)
    for face in known:
        if face.has(letter):
            return face, letter
    return known[0], UNKNOWN


def width(text: str, size: float, *, bold: bool = False, rtl: bool = False) -> float:
    found = 0.0
    for run in shaped(text, bold=bold, rtl=rtl):
        found += pdfmetrics.stringWidth(run.text, run.face.name, size)
    return found


def wrapped(text: str, size: float, most: float, *, bold: bool = False, rtl: bool = False) -> list[str]:
    """Lines no wider than `most`: broken between words, between Han characters, and inside a word only if it is too long."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(clean(text)):
        if width(f"{line}{piece}".rstrip(), size, bold=bold, rtl=rtl) <= most:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
            line = ""
        for part in _cut(piece, size, most, bold=bold, rtl=rtl):
            if line:
                lines.append(line.rstrip())
            line = part
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> Iterator[str]:
    """What may stand at the end of a line: a word with its space, or one Han character with what must not begin a line."""
    piece, whole = "", False
    for letter in text:
        wide = _is_wide(letter)
        whole = letter == ISOLATE or (whole and letter != END)
        if piece and wide and unicodedata.category(letter)[0] != "P":
            yield piece
            piece = ""
        piece += letter
        if (letter == " " and not whole) or (wide and unicodedata.category(letter) != "Ps"):
            if wide:
                continue
            yield piece
            piece = ""
    if piece:
        yield piece


def _is_wide(letter: str) -> bool:
    return letter >= "\u2e80" and unicodedata.east_asian_width(letter) in "WF"


def _cut(word: str, size: float, most: float, *, bold: bool, rtl: bool) -> Iterator[str]:
    """A word that is wider than the line, in parts that are not."""
    while word and width(word.rstrip(), size, bold=bold, rtl=rtl) > most:
        fits = 1
        while fits < len(word) and width(word[: fits + 1], size, bold=bold, rtl=rtl) <= most:
            fits += 1
        yield word[:fits]
        word = word[fits:]
    if word:
        yield word

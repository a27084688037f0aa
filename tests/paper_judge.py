"""Papers judged from outside: a PDF's words with their boxes by poppler, a printer's bytes decoded back to text and dots.

The decoder knows ESC/POS from the maker's reference and shares nothing with the encoder.
"""

from __future__ import annotations

import html
import re
import subprocess
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Word:
    page: int
    left: float
    top: float
    right: float
    bottom: float
    text: str


@dataclass(frozen=True)
class Page:
    width: float
    height: float


def read(data: bytes, folder: Path) -> tuple[list[Page], list[Word]]:
    (folder / "paper.pdf").write_bytes(data)
    done = subprocess.run(
        ["pdftotext", "-bbox", "paper.pdf", "-"], cwd=folder, capture_output=True, check=True
    )
    pages: list[Page] = []
    words: list[Word] = []
    for line in done.stdout.decode().splitlines():
        if found := re.search(r'<page width="([\d.]+)" height="([\d.]+)"', line):
            pages.append(Page(float(found[1]), float(found[2])))
        elif found := re.search(
            r'xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*)</word>', line
        ):
            words.append(Word(len(pages), *(float(found[n]) for n in range(1, 5)), html.unescape(found[5])))
    return pages, words


def faults(pages: list[Page], words: list[Word]) -> list[str]:
    """Words over the edge, and words over other words. A box is higher than its letters, so its inner part counts."""
    found = []
    for word in words:
        page = pages[word.page - 1]
        if word.left < 0 or word.right > page.width or word.top < 0 or word.bottom > page.height + 2:
            found.append(f"{word.text!r} is over the edge of page {word.page}")
    for place, one in enumerate(words):
        for other in words[place + 1 :]:
            if one.page != other.page:
                continue
            across = min(one.right, other.right) - max(one.left, other.left)
            high = (one.bottom - one.top) * 0.3
            low, top = max(one.top, other.top), min(one.bottom, other.bottom)
            if across > 1.0 and top - low > high + (other.bottom - other.top) * 0.3:
                found.append(f"{one.text!r} and {other.text!r} stand on each other on page {one.page}")
    return found


def letters(text: str) -> str:
    """The letters alone, as their readers know them: poppler gives the joined forms of Arabic, in some order."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(sorted(letter for letter in plain if letter.isalnum()))


def holds(paper: str, field: str) -> bool:
    """The field stands on the paper. Right-to-left text is compared word by word, as drawing turns it round."""
    squeezed = re.sub(r"\s", "", unicodedata.normalize("NFKC", paper))
    if re.sub(r"\s", "", unicodedata.normalize("NFKC", field)) in squeezed:
        return True
    said = {letters(word) for word in paper.split()}
    return all(letters(word) in said for word in field.split() if letters(word))


@dataclass
class Printed:
    """What a printer would have put on paper."""

    lines: list[str] = field(default_factory=list)
    pictures: list[Image.Image] = field(default_factory=list)
    cuts: int = 0
    kicks: int = 0
    large: list[str] = field(default_factory=list)


def decode(data: bytes) -> Printed:
    """Refuses every command that it does not know."""
    found, at, line, page, scale = Printed(), 0, b"", "cp437", 1
    while at < len(data):
        if data[at : at + 2] == b"\x1b@":
            page, scale, at = "cp437", 1, at + 2
        elif data[at : at + 2] == b"\x1bt":
            page, at = {19: "cp858", 0: "cp437"}[data[at + 2]], at + 3
        elif data[at : at + 2] in (b"\x1ba", b"\x1bE"):
            assert data[at + 2] in (0, 1, 2)
            at += 3
        elif data[at : at + 2] == b"\x1d!":
            assert data[at + 2] in (0x00, 0x11)
            scale, at = (2 if data[at + 2] else 1), at + 3
        elif data[at : at + 4] == b"\x1dv0\x00":
            across, high = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (4, 6))
            dots = data[at + 8 : at + 8 + across * high]
            assert len(dots) == across * high
            found.pictures.append(Image.frombytes("1", (across * 8, high), bytes(255 - one for one in dots)))
            at += 8 + across * high
        elif data[at : at + 3] == b"\x1dVB":
            found.cuts, at = found.cuts + 1, at + 4
        elif data[at : at + 2] == b"\x1bp":
            found.kicks, at = found.kicks + 1, at + 5
        elif data[at] == 0x0A:
            text = line.decode(page)
            assert all(letter.isprintable() for letter in text), text
            found.lines.append(text)
            if scale == 2:
                found.large.append(text)
            line, at = b"", at + 1
        else:
            assert data[at] >= 0x20, f"a printer takes {data[at : at + 4]!r} for a command"
            line += data[at : at + 1]
            at += 1
    assert not line
    return found

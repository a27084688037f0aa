"""Every paper says every field, in every script, and nothing on it overlaps or is cut, whatever the names and amounts are.

Judged from the finished PDF by poppler: text and the box of every word; squares by zbar from the dots that a printer makes.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import unicodedata
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import paper_cast as cast
import pytest
from paper_judge import faults, holds, read
from reportlab.pdfgen.canvas import Canvas

from vending.receipts import pdf, qr, typeset, verify_receipt
from vending.receipts.slip import Slip, SlipTender
from vending.receipts.wording import worded

LANGUAGES = list(cast.NAMES)


@pytest.fixture(autouse=True)
def _parts() -> None:
    for part, package in (("pdftotext", "poppler-utils"), ("zbarimg", "zbar-tools")):
        if shutil.which(part) is None:
            pytest.skip(f"needs {package}")
    for font, package in (
        ("NotoSansArabic-Regular.ttf", "fonts-noto-core"),
        ("wqy-microhei.ttc", "fonts-wqy-microhei"),
    ):
        if font not in typeset.made_with():
            pytest.skip(f"needs {package}")


def test_the_judge_sees_what_overlaps_and_what_is_cut(tmp_path: Path) -> None:
    out = BytesIO()
    canvas = Canvas(out, pagesize=(200, 200))
    canvas.drawString(20, 100, "beneath")
    canvas.drawString(30, 102, "above")
    canvas.drawString(180, 50, "cut off here")
    canvas.save()
    told = faults(*read(out.getvalue(), tmp_path))
    assert any("stand on each other" in fault for fault in told)
    assert any("over the edge" in fault for fault in told)


@pytest.mark.parametrize("size", pdf.PAPERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_is_there_and_nothing_overlaps(language: str, size: str, tmp_path: Path) -> None:
    slip = cast.slip(language, copy=2, around=cast.around(language, test=True))
    paper = worded(slip)
    pages, words = read(pdf.render(paper, size), tmp_path)
    assert faults(pages, words) == []
    text = " ".join(word.text for word in words)
    for token in slip.tokens:
        assert token.digits in re.sub(r"\D", "", text)
    assert paper.buyer is not None
    (one,) = paper.tokens
    (group,) = paper.counted
    for field in (
        paper.kind, paper.number, paper.seller.name, *paper.seller.lines, paper.buyer.name, *paper.buyer.lines, *paper.marks,
        one.title, one.detail, one.note, f"{one.units} {one.unit}", *one.keying.split(" · "), *paper.enter, *group.notes,
        paper.total, paper.change, paper.tenders[0].amount, paper.proof, paper.tariff, paper.help, "TID 2026-11-20 08:42",
    ):  # fmt: skip
        assert holds(text, field), field
    for line in group.lines:
        assert holds(text, line.what), line
        assert line.amount.replace("\u202f", " ") in text.replace("\u202f", " "), line
        for piece in re.findall(r"[\d.,]+", line.why):
            assert piece in text, (line, piece)


def test_one_receipt_of_one_token_is_one_page(tmp_path: Path) -> None:
    for language in LANGUAGES:
        for size in ("a4", "a5"):
            pages, _words = read(pdf.render(worded(cast.slip(language)), size), tmp_path)
            assert len(pages) == 1, (language, size)


def hostile(name: str) -> Slip:
    text = cast.HOSTILE[name]
    around = cast.around()
    assert around.buyer is not None
    lines = (*cast.LINES, {**cast.LINES[2], "id": "odd", "label": text})
    return cast.slip(
        around=replace(
            around,
            seller=replace(around.seller, name=text, address=text),
            buyer=replace(around.buyer, name=text),
            meters={pan: replace(facts, unit=text[:40]) for pan, facts in around.meters.items()},
        ),
        cashier=text[:60],
        orders=(cast.order(lines=lines),),
    )


@pytest.mark.parametrize("size", pdf.PAPERS)
@pytest.mark.parametrize("name", list(cast.HOSTILE))
def test_a_hostile_name_changes_nothing_of_the_layout(name: str, size: str, tmp_path: Path) -> None:
    slip = hostile(name)
    pages, words = read(pdf.render(worded(slip), size), tmp_path)
    assert faults(pages, words) == []
    text = "".join(word.text for word in words)
    assert slip.tokens[0].digits in re.sub(r"\D", "", text)
    assert "1,500.00" in text
    seen = set(unicodedata.normalize("NFKC", text))
    assert not [letter for letter in seen if unicodedata.category(letter)[0] == "C"]
    if name in ("long name", "one long word", "newlines"):
        assert re.sub(r"\s", "", typeset.clean(cast.HOSTILE[name])) in re.sub(r"\s", "", text), (
            "nothing was cut"
        )


@pytest.mark.parametrize("size", pdf.PAPERS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_fifteen_digits_thirty_lines_and_thirty_two_orders(language: str, size: str, tmp_path: Path) -> None:
    most = 999_999_999_999_999
    big = tuple({**line, "amount_minor": most - place} for place, line in enumerate(cast.LINES))
    large = cast.slip(
        language, total_minor=most, orders=(cast.order(lines=big, paid_minor=most),),
        tenders=(SlipTender("cash", most, ""), SlipTender("card", most, "REFERENCE " * 7)), change_minor=most,
    )  # fmt: skip
    pages, words = read(pdf.render(worded(large), size), tmp_path)
    assert faults(pages, words) == []
    assert any("9,999,999,999,999.99" in word.text for word in words)

    names = tuple(f"order-{number}" for number in range(32))
    many = cast.slip(
        language,
        around=cast.around(language, orders=names),
        orders=tuple(
            cast.order(name, lines=cast.many_lines() if name == "order-0" else cast.LINES) for name in names
        ),
        tokens=tuple(cast.token(number + 1, order=number) for number in range(32)),
    )
    assert len(many.squares) > 1
    pages, words = read(pdf.render(worded(many), size), tmp_path)
    assert faults(pages, words) == []
    digits = re.sub(r"\D", "", "".join(word.text for word in words))
    assert all(token.digits in digits for token in many.tokens)
    assert (len(pages) == 1) == (size in ("80", "58"))


@pytest.mark.parametrize("size", pdf.PAPERS)
def test_an_independent_reader_reads_every_square_from_dots(size: str, tmp_path: Path) -> None:
    """150 dots to the inch for sheets, 203 for rolls; with several squares too."""
    names = tuple(f"order-{number}" for number in range(9))
    for slip in (
        cast.slip("zh"),
        cast.slip(
            orders=tuple(map(cast.order, names)), tokens=tuple(cast.token(n + 1, order=n) for n in range(9))
        ),
    ):
        (tmp_path / "paper.pdf").write_bytes(pdf.render(worded(slip), size))
        dots = "150" if size.startswith("a") else "203"
        for old in tmp_path.glob("dots*.png"):
            old.unlink()
        subprocess.run(
            ["pdftoppm", "-r", dots, "-gray", "-png", "paper.pdf", "dots"], cwd=tmp_path, check=True
        )
        pages = sorted(str(path) for path in tmp_path.glob("dots*.png"))
        told = subprocess.run(["zbarimg", "--quiet", "--raw", *pages], capture_output=True, text=True).stdout
        assert sorted(told.split()) == sorted(slip.squares)
        assert verify_receipt.read_squares(told.split()).content["receipt"] == slip.receipt


def test_a_square_fits_a_narrow_roll_at_three_dots_a_module() -> None:
    largest = qr.squares("ampoule/3f0c12ab", random.Random(9).randbytes(5000), [])
    assert len(largest) > 1
    assert all((len(qr.matrix(text)) + 2 * qr.QUIET) * 3 <= 384 for text in largest)


def test_the_same_slip_gives_the_same_bytes_and_another_does_not() -> None:
    once, again = (pdf.render(worded(cast.slip("ar")), "a4") for _ in range(2))
    assert once == again
    assert pdf.render(worded(cast.slip("ar", copy=1)), "a4") != once


def test_fonts_are_embedded_subsets(tmp_path: Path) -> None:
    for language in ("zh", "ar"):
        (tmp_path / "paper.pdf").write_bytes(pdf.render(worded(cast.slip(language)), "a4"))
        done = subprocess.run(
            ["pdffonts", "paper.pdf"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        rows = done.stdout.splitlines()[2:]
        assert rows
        for row in rows:
            assert re.search(r"\byes\s+yes\s+yes\b", row), row

"""The papers that are no receipts: every field is on them in every language, barcodes are read by an independent reader."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import paper_cast as cast
import pytest
from paper_judge import decode, faults, holds, read
from PIL import Image

from vending.languages import tongue
from vending.receipts import barcode, slips, statement, statement_sheet, typeset, writing
from vending.receipts.pdf import PAPERS
from vending.shifts.count import Difference
from vending.shifts.queries import WayReading
from vending.shifts.slip import DepositSlip, ShiftSlip
from vending.vends.purchases import Purchase

LANGUAGES = list(cast.NAMES)
HEAD = "88214:3fa9c01b"


@pytest.fixture(autouse=True)
def _parts() -> None:
    for part, package in (("pdftotext", "poppler-utils"), ("zbarimg", "zbar-tools")):
        if shutil.which(part) is None:
            pytest.skip(f"needs {package}")
    if "wqy-microhei.ttc" not in typeset.made_with():
        pytest.skip("needs fonts-wqy-microhei")


def desk(language: str) -> slips.Desk:
    return slips.Desk(cast.NAMES[language][0], ZoneInfo("Africa/Johannesburg"), language, test=True)


def shift_slip() -> ShiftSlip:
    at = cast.SOLD_AT
    return ShiftSlip(
        "Z", "N1-S00014", "N1", "n1", "Thandi Nkosi", "ZAR", at - timedelta(hours=8), at, at, 50_000, 41,
        (WayReading("cash", 30, 1_234_500, 5_000, 100_000, 0, 0), WayReading("card", 11, 400_000, 0, 0, -1_000, 0)),
        ((at, 100_000, "S-77", "Amina"),), ((20_000, 5), (10_000, 3), (500, 7)),
        (Difference("cash", 1_179_000, 1_179_500), Difference("card", 399_000, 399_000)),
        True, "Too much change", "", "accept", 1_129_000, "D-00004", False, HEAD,
    )  # fmt: skip


def deposit_slip() -> DepositSlip:
    return DepositSlip(
        "D-00004", "S-1234", cast.SOLD_AT, "Amina Diallo", "ZAR", ((20_000, 50), (10_000, 30)),
        (("cash", 1_300_000), ("card", 400_000), ("cheque", 25_000)), 1_325_000, 1_725_000,
        ("N1-S00014", "N2-S00009"), HEAD,
    )  # fmt: skip


def key_change(language: str) -> writing.Writing:
    line = {"id": "act", "kind": "act", "label": "Key change", "why": "", "amount_minor": 0}
    slip = cast.slip(
        language,
        tokens=(
            cast.token(1, kind="key-change", units=None),
            cast.token(2, kind="key-change", units=None),
        ),
        orders=(cast.order(kind="key-change", lines=(line,), paid_minor=0, units=0),),
        total_minor=0,
        tenders=(),
        change_minor=0,
    )
    why = slips.Act("key-change", "ACT-000003", "W-17", "New group", "Nomsa", "600217 · 1", "600217 · 2")
    return slips.act(slip, why)


def papers(language: str) -> dict[str, writing.Writing]:
    return {
        "shift": slips.shift(shift_slip(), (), desk(language)),
        "deposit": slips.deposit(deposit_slip(), desk(language)),
        "key change": key_change(language),
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", PAPERS)
def test_every_block_is_on_the_paper_and_nothing_overlaps(language: str, size: str, tmp_path: Path) -> None:
    for name, paper in papers(language).items():
        pages, words = read(writing.draw([paper], size), tmp_path)
        assert faults(pages, words) == [], name
        text = " ".join(word.text for word in words)
        for block in paper.blocks:
            for field in (block.text, block.end):
                if block.kind in ("text", "pair", "sign") and field:
                    assert holds(text, typeset.clean(field)), (name, field)


def test_a_shift_that_is_counted_blind_shows_no_sum() -> None:
    blind = replace(shift_slip(), kind="X", ways=(), pieces=(), differences=(), closed_at=None)
    told = " ".join(f"{one.text} {one.end}" for one in slips.shift(blind, (("cash", 30),), desk("en")).blocks)
    assert "Cash 30" in told
    assert "12,345.00" not in told
    assert "11,290.00" not in told
    assert HEAD in told


def test_a_key_change_says_the_order_before_the_first_token_and_no_money() -> None:
    blocks = key_change("en").blocks
    order = next(
        place for place, one in enumerate(blocks) if one.text.startswith("1. This meter gets a new key")
    )
    digits = [place for place, one in enumerate(blocks) if one.kind == "digits"]
    assert order < digits[0] < digits[1]
    told = " ".join(f"{one.text} {one.end}" for one in blocks)
    assert "rows 1 to 2 in this order" in told
    assert "It must be 2." in told
    assert "R " not in told
    assert "tax invoice" in told.rsplit("Nothing was paid", 1)[1]


def scanned(picture: Path) -> str:
    done = subprocess.run(["zbarimg", "--quiet", "--raw", str(picture)], capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(("size", "dpi"), [("58", 203), ("80", 203), ("a5", 150), ("a4", 150)])
def test_the_barcode_is_read_from_the_paper(size: str, dpi: int, tmp_path: Path) -> None:
    for language in ("en", "ar"):
        data = writing.draw([slips.deposit(deposit_slip(), desk(language))], size)
        (tmp_path / "d.pdf").write_bytes(data)
        subprocess.run(
            ["pdftoppm", "-r", str(dpi), "-gray", "-png", "-singlefile", "d.pdf", "d"],
            cwd=tmp_path,
            check=True,
        )
        assert scanned(tmp_path / "d.png") == "D-00004", language


@pytest.mark.parametrize("name", ["80", "58"])
def test_the_printers_bytes_hold_the_slip_and_its_barcode(name: str, tmp_path: Path) -> None:
    printed = decode(writing.printed(slips.deposit(deposit_slip(), desk("fr")), name, kick=True))
    assert (printed.cuts, printed.kicks) == (1, 1)
    text = re.sub(r"\s+", " ", " ".join(printed.lines))
    assert "S-1234" in text
    assert "13 250,00" in text
    found = []
    for number, picture in enumerate(printed.pictures):
        path = tmp_path / f"{number}.png"
        framed = Image.new("L", (picture.width + 40, picture.height + 40), 255)
        framed.paste(picture.convert("L"), (20, 20))
        framed.save(path)
        found.append(scanned(path))
    assert "D-00004" in found


def test_a_wider_bar_is_another_number() -> None:
    assert barcode.bars("D-00004") != barcode.bars("D-00005")
    assert (
        barcode.modules("D-00004") == 2 * barcode.QUIET + sum((11 * 10, 2)) - 11
    )  # six symbols, start, check, stop


def test_brackets_turn_round_with_arabic() -> None:
    drawn = "".join(run.text for run in typeset.shaped(tongue("ar").speak("End of shift (Z)"), rtl=True))
    assert drawn.startswith("(Z) ")


# --- statements -------------------------------------------------------------------------------------------------------


def bought(number: int, **changes: object) -> Purchase:
    made = Purchase(
        cast.SOLD_AT - timedelta(days=8 * number), f"N3-{number:06d}", "credit", "m1" if number % 3 else "m2",
        "electricity" if number % 3 else "water", 5304 - number, 150_000, False, "ZAR", cast.LINES,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def content(language: str, purchases: tuple[Purchase, ...]) -> statement.Statement:
    around = cast.around(language)
    meter = around.meters["600727070144823174"]
    assert around.buyer is not None
    return statement.Statement(
        around.seller, around.buyer, date(2025, 12, 1), date(2026, 11, 20), cast.SOLD_AT, "ZAR", language,
        around.zone, True, {"m1": meter, "m2": replace(meter, drn="07014482325")}, purchases,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", ["a4", "a5"])
def test_a_statement_names_every_purchase_and_nothing_overlaps(
    language: str, size: str, tmp_path: Path
) -> None:
    stated = statement.worded(content(language, tuple(bought(number) for number in reversed(range(40)))))
    pages, words = read(statement_sheet.draw(stated, size), tmp_path)
    assert faults(pages, words) == []
    text = " ".join(word.text for word in words)
    for row in stated.rows:
        for field in row:
            assert holds(text, field), row
    for chart in stated.charts:
        for bar in chart.bars:
            assert holds(text, bar.label), bar
            assert holds(text, bar.told), bar
    assert len(stated.charts) == 4
    assert len(pages) > 1


def test_a_statement_survives_hostile_names(tmp_path: Path) -> None:
    for name in cast.HOSTILE.values():
        made = content("en", (bought(1), bought(2)))
        meters = {key: replace(one, unit=name) for key, one in made.meters.items()}
        made = replace(made, buyer=replace(made.buyer, name=name), meters=meters)
        pages, words = read(statement_sheet.draw(statement.worded(made), "a5"), tmp_path)
        assert faults(pages, words) == [], name


def test_sums_are_those_of_the_rows_and_a_purchase_taken_back_counts_for_nothing() -> None:
    back = bought(3, taken_back=True, units=0, paid_minor=0, lines=())
    stated = statement.worded(content("en", (bought(1), back, bought(2))))
    assert stated.total == "R 3,000.00"
    assert stated.rows[1][2].endswith("taken back")
    money = {bar.label: bar.told for bar in stated.charts[0].bars}
    assert len(money) == 12
    assert money["November 2026"] == "3,000.00"
    assert money["March 2026"] == "0.00"
    shares = {bar.label: bar.told for bar in stated.charts[-1].bars}
    assert shares["Energy and water"] == "2,340.52"
    assert shares["Tax"] == "352.12"
    assert shares["Repaid of debts"] == "300.00"


def test_an_empty_statement_says_so(tmp_path: Path) -> None:
    stated = statement.worded(content("zh", ()))
    _pages, words = read(statement_sheet.draw(stated, "a4"), tmp_path)
    assert holds(" ".join(word.text for word in words), stated.nothing)
    assert stated.charts == ()

"""The receipt: every field is on the screen and on both papers, the square is read by an independent reader."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask import Flask
from shop import Shop
from web_app import post, sign_in

from vending.receipts import verify_receipt
from vending.vends import queries
from vending.vends import service as vends


@pytest.fixture
def sold(shop: Shop) -> vends.SaleOutcome:
    (outcome,) = shop.sell(
        shop.basket(shop.order("G-04", 150_000), shop.order("G-04", 20_000, "water"), received=180_000)
    )
    assert isinstance(outcome, vends.SaleOutcome)
    return outcome


def text_of(data: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs poppler-utils")
    (folder / "slip.pdf").write_bytes(data)
    done = subprocess.run(["pdftotext", "slip.pdf", "-"], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize("paper", ["a4", "a5", "80", "58"])
def test_every_field_is_on_the_paper(
    app: Flask, shop: Shop, sold: vends.SaleOutcome, paper: str, tmp_path: Path
) -> None:
    answer = sign_in(app, "cashier").get(f"/cashier/receipts/{sold.sale_key}/{paper}.pdf")
    assert answer.mimetype == "application/pdf"
    text = " ".join(text_of(answer.data, tmp_path).split())
    with shop.db.reading() as session:
        sale = queries.one_sale(session, sold.sale_key)
    for _vend, token in sale.tokens:
        assert token.digits in re.sub(r"\D", "", text)
    for field in (
        sale.receipt, "Karoo Corner", "Lantern Property Management", "Tax number 4000012345", "Zola Hair Studio",
        "Thandi Nkosi", "R 1,700.00", "1,800.00", "100.00", "Arrears, last year", "1,134.60 left after", "VAT",
        "SGC 600100", "KRN 1", "EA 11", "TCT 02", "karoo-business version 1", "karoo-water version 1",
        f"Log entry {sale.tokens[0][1].sequence}, {sale.tokens[1][1].sequence}",
    ):  # fmt: skip
        assert field in text, field
    for order in sale.content["orders"]:
        for line in order["lines"]:
            assert f"{line['amount_minor'] / 100:,.2f}".lstrip("-") in text, line


def test_the_same_sale_gives_the_same_bytes(app: Flask, sold: vends.SaleOutcome) -> None:
    client = sign_in(app, "cashier")
    first, second = (client.get(f"/cashier/receipts/{sold.sale_key}/a5.pdf").data for _ in range(2))
    assert first == second


@pytest.mark.parametrize("paper", ["a4", "a5", "80", "58"])
def test_an_independent_reader_reads_the_square(
    app: Flask, shop: Shop, sold: vends.SaleOutcome, paper: str, tmp_path: Path
) -> None:
    if shutil.which("zbarimg") is None:
        pytest.skip("needs zbar-tools")
    (tmp_path / "slip.pdf").write_bytes(
        sign_in(app, "cashier").get(f"/cashier/receipts/{sold.sale_key}/{paper}.pdf").data
    )
    dots = "150" if paper.startswith("a") else "203"
    subprocess.run(["pdftoppm", "-r", dots, "-png", "slip.pdf", "page"], cwd=tmp_path, check=True)
    pages = sorted(str(path) for path in tmp_path.glob("page*.png"))
    read = subprocess.run(["zbarimg", "--quiet", "--raw", *pages], capture_output=True, text=True).stdout
    told = verify_receipt.read_squares(read.splitlines())
    with shop.db.reading() as session:
        sale = queries.one_sale(session, sold.sale_key)
    assert hashlib.sha256(told.content_bytes).hexdigest() == sale.content_hash
    assert [entry.tokens for entry in told.entries] == [[token.digits] for _vend, token in sale.tokens]


def test_a_copy_says_which_copy_it_is(app: Flask, sold: vends.SaleOutcome, tmp_path: Path) -> None:
    client = sign_in(app, "cashier")
    path = f"/cashier/receipts/{sold.sale_key}/a5.pdf"
    post(client, f"/cashier/vends/{sold.sale_key}/copies")
    assert "COPY" not in text_of(client.get(path).data, tmp_path)
    post(client, f"/cashier/vends/{sold.sale_key}/copies")
    assert "COPY 1" in text_of(client.get(path).data, tmp_path)


def test_a_paper_before_the_token_says_so_and_shows_none(app: Flask, shop: Shop) -> None:
    shop.module.lose_answer = True
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert isinstance(outcome, vends.SaleOutcome)
    page = sign_in(app, "cashier").get(f"/cashier/receipts/{outcome.sale_key}").get_data(as_text=True)
    assert "The token is on its way" in page
    issued = next(iter(shop.module.log.values()))
    assert issued.tokens[0] not in re.sub(r"\D", "", page)  # type: ignore[union-attr]

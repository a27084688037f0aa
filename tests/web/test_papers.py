"""The files of the papers that are no receipts: who gets them, what is on them, and what a wrong day is told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from desk_cast import open_desk
from flask import Flask
from shop import Shop
from web_app import sign_in, sign_in_as

from vending.receipts import papers
from vending.shifts import banking, service
from vending.shifts.count import Count
from vending.vends import service as vends


def text_of(data: bytes, folder: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs poppler-utils")
    (folder / "paper.pdf").write_bytes(data)
    done = subprocess.run(
        ["pdftotext", "-layout", "paper.pdf", "-"], cwd=folder, capture_output=True, check=True
    )
    return " ".join(done.stdout.decode().split())


def test_a_shift_and_its_bag_have_their_papers(app: Flask, shop: Shop, tmp_path: Path) -> None:
    desk = open_desk(shop)
    key = desk.open()
    vends.sell(shop.db, shop.clock, shop.module, [desk.basket(key, 10_000)])
    own = sign_in_as(app, "thandi")
    blind = text_of(own.get(f"/papers/shifts/{key}/80.pdf").data, tmp_path)
    assert "Shift so far (X)" in blind
    assert "100.00" not in blind, "who counts the drawer sees no sum of the books"
    counted = Count("ZAR", {20_000: 3}, {})
    service.lock_count(shop.db, shop.clock, desk.thandi, key, counted)
    service.close(shop.db, shop.clock, desk.thandi, key)
    for size in ("80", "58", "a5", "a4"):
        text = text_of(own.get(f"/papers/shifts/{key}/{size}.pdf").data, tmp_path)
        for field in ("End of shift (Z)", "Karoo Corner", "Thandi Nkosi", "N1-S00001", "100.00", "Log head"):
            assert field in text, (size, field)
    bag = banking.pack(shop.db, shop.clock, desk.amina, [key], bag="S-1", count=Count("ZAR", {10_000: 1}, {}))
    text = text_of(sign_in(app, "supervisor").get(f"/papers/deposits/{bag}/a5.pdf").data, tmp_path)
    for field in ("Deposit slip", "D-00001", "S-1", "R 100.00", "N1-S00001"):
        assert field in text, field
    assert own.get(f"/papers/deposits/{bag}/a5.pdf").status_code == 403
    assert sign_in_as(app, "pieter").get(f"/papers/shifts/{key}/80.pdf").status_code == 404


def test_a_tenants_statement_adds_up(app: Flask, shop: Shop, tmp_path: Path) -> None:
    outcomes = shop.sell(
        shop.basket(shop.order("G-04", 150_000), received=150_000),
        shop.basket(shop.order("G-04", 20_000, "water"), received=20_000),
    )
    assert all(isinstance(one, vends.SaleOutcome) for one in outcomes)
    with shop.db.reading() as session:
        from vending.vends import queries

        first = outcomes[0]
        assert isinstance(first, vends.SaleOutcome)
        sale = queries.one_sale(session, first.sale_key)
        tenant = sale.vends[0].tenant_key
    client = sign_in(app, "manager")
    assert f"/papers/statements/{tenant}/a4.pdf" in client.get(f"/manager/tenants/{tenant}").get_data(
        as_text=True
    )
    answer = client.get(f"/papers/statements/{tenant}/a4.pdf")
    assert answer.mimetype == "application/pdf"
    text = text_of(answer.data, tmp_path)
    for field in (
        "Statement of purchases",
        "Zola Hair Studio",
        "R 1,700.00",
        sale.receipt,
        "November 2026",
        "1 Dec 2025 to 20 Nov 2026",
    ):
        assert field in text, field
    empty = client.get(f"/papers/statements/{tenant}/a5.pdf?first=2026-10-01&last=2026-10-31")
    assert "Nothing was bought in this time." in text_of(empty.data, tmp_path)
    for wrong in ("first=yesterday", "first=2026-11-20&last=2026-11-19", "first=2020-01-01"):
        assert client.get(f"/papers/statements/{tenant}/a4.pdf?{wrong}").status_code == 422, wrong
    assert sign_in(app, "cashier").get("/papers/statements/nobody/a4.pdf").status_code == 404


def test_an_act_that_is_none_has_no_paper(shop: Shop) -> None:
    with pytest.raises(papers.NoActPaper):
        papers.act_paper(shop.db, shop.clock, "nothing", test=True)

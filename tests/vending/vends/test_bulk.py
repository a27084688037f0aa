"""A list is sold whole or not begun, and never twice, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from shop import Shop

from vending.auditor.report import run as audit_run
from vending.estate import queries as estate
from vending.payments.tender import Tender
from vending.vends import bulk
from vending.vends import service as vends
from vending.vends.errors import BulkUnfit
from vending.vends.tables import Sale, Token

TENDER = Tender("transfer", None, "FNB 20261120-77")


def drn(shop: Shop, unit: str) -> str:
    with shop.db.reading() as session:
        return estate.one_meter(session, shop.clock, shop.meter(unit)).drn


def sell(shop: Shop, path: Path) -> list[bulk.Sold]:
    return list(
        bulk.run(
            shop.db,
            lambda baskets: shop.sell(*baskets),
            path,
            shop.site,
            TENDER,
            seller_key="k",
            seller_name="N",
        )
    )


def count(shop: Shop, table: type) -> int:
    with shop.db.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def listed(shop: Shop, tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(
        f"meter,amount,units\n{drn(shop, 'G-03')},100.00,\n{drn(shop, 'G-05')},,42.7\n{drn(shop, 'G-03')},50,\n",
        "utf-8",
    )
    return path


def test_a_list_is_priced_then_sold_then_sold_no_more(shop: Shop, listed: Path) -> None:
    trial = bulk.dry_run(shop.db, shop.clock, listed, shop.site, TENDER)
    assert (trial.rows, trial.sold_before, trial.faults) == (3, 0, ())
    assert count(shop, Sale) == 0
    sold = sell(shop, listed)
    assert [(one.row, one.state, len(one.tokens)) for one in sold] == [
        (2, "issued", 1),
        (3, "issued", 1),
        (4, "issued", 1),
    ]
    assert sum(one.paid_minor for one in sold) == trial.total_minor
    assert sold[1].units == 427
    after = bulk.dry_run(shop.db, shop.clock, listed, shop.site, TENDER)
    assert (after.rows, after.sold_before, after.total_minor) == (3, 3, 0)
    assert sell(shop, listed) == sold
    assert (count(shop, Sale), count(shop, Token)) == (3, 3)
    with shop.db.reading() as session:
        assert audit_run(session.connection(), now=shop.clock.now()).clean


def test_every_faulty_row_is_named_and_nothing_is_sold(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    rows = [
        f"{drn(shop, 'G-03')},100,",
        "0123,50,",
        f"{drn(shop, 'G-03')},5,7",
        f"{drn(shop, 'G-03')},,4.25",
        ",10,",
        f"{drn(shop, 'G-03')},,²",
        f"{drn(shop, 'G-03')},,{'9' * 900}",
    ]
    path.write_text("meter;amount;units\n".replace(";", ",") + "\n".join(rows) + "\n", "utf-8")
    trial = bulk.dry_run(shop.db, shop.clock, path, shop.site, TENDER)
    assert [fault.row for fault in trial.faults] == [3, 4, 5, 6, 7, 8]
    assert trial.rows == 7
    with pytest.raises(BulkUnfit):
        sell(shop, path)
    assert count(shop, Sale) == 0


def test_a_list_that_was_cut_off_goes_on_where_it_ended(shop: Shop, listed: Path) -> None:
    shop.module.lose_answer = True
    first = sell(shop, listed)
    assert {one.state for one in first} == {"paid"}
    shop.module.lose_answer = False
    again = sell(shop, listed)
    assert {one.state for one in again} <= {"paid", "issued"}
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))
    done = sell(shop, listed)
    assert {one.state for one in done} == {"issued"}
    assert (count(shop, Sale), count(shop, Token)) == (3, 3)


def test_rows_with_names_of_their_own_are_the_same_in_another_file(shop: Shop, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Order", "Meter", "Amount"],
        ["A-1", drn(shop, "G-03"), 100],
        ["A-2", drn(shop, "G-05"), 70],
    ):
        sheet.append(row)
    book.save(tmp_path / "list.xlsx")
    first = sell(shop, tmp_path / "list.xlsx")
    moved = tmp_path / "list.csv"
    moved.write_text(f"order,meter,amount\nA-2,{drn(shop, 'G-05')},70\nA-3,{drn(shop, 'G-05')},20\n", "utf-8")
    second = sell(shop, moved)
    assert second[0].receipt == first[1].receipt
    assert count(shop, Sale) == 3
    twice = tmp_path / "twice.csv"
    twice.write_text(f"order,meter,amount\nB,{drn(shop, 'G-05')},70\nB,{drn(shop, 'G-05')},70\n", "utf-8")
    assert [fault.row for fault in bulk.dry_run(shop.db, shop.clock, twice, shop.site, TENDER).faults] == [3]

"""Selling from a list at the desk: faulty rows are named and nothing is sold; a sound list is sold once, however often it is brought."""

from __future__ import annotations

import io

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import key_in, post, sign_in
from werkzeug.test import TestResponse

from vending.web.cashier import bulk


def bring(client: FlaskClient, text: str, **fields: object) -> TestResponse:
    return post(
        client,
        "/cashier/bulk",
        **{
            "file": (io.BytesIO(text.encode()), "list.csv"),
            "way": "transfer",
            "reference": "EFT-778",
            **fields,
        },
    )


def sales(shop: Shop) -> int:
    with shop.db.reading() as session:
        return int(session.scalar(sa.text("SELECT COUNT(*) FROM sale WHERE till = 'BULK'")) or 0)


def number(shop: Shop, unit: str) -> str:
    with shop.db.reading() as session:
        return str(
            session.scalar(sa.text("SELECT drn FROM meter WHERE key = :key"), {"key": shop.meter(unit)})
        )


def test_every_faulty_row_is_named_and_nothing_is_sold(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "cashier")
    answer = bring(
        client, f"meter,amount\n{number(shop, 'G-03')},150\n00000000000,150\n{number(shop, 'G-04')},much\n"
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "2 rows do not fit" in page
    assert "Nothing was sold" in page
    assert sales(shop) == 0
    nameless = bring(client, f"meter,amount\n{number(shop, 'G-03')},150\n", reference="")
    assert "reference of the payment" in nameless.get_data(as_text=True)


def test_a_list_is_sold_part_by_part_and_once(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "cashier")
    rows = [f"{number(shop, unit)},{amount}" for unit in ("G-03", "G-04") for amount in (50, 60)]
    text = "\n".join(["meter,amount", *rows]) + "\n"
    name = key_in(bring(client, text))
    page = client.get(f"/cashier/bulk/{name}").get_data(as_text=True)
    assert "Sell all 4 rows" in page
    assert sales(shop) == 0
    whole = bulk.AT_ONCE
    bulk.AT_ONCE = 3
    try:
        assert post(client, f"/cashier/bulk/{name}/run", after="0").status_code == 303
        assert sales(shop) == 3
        # Somebody closed the browser here. The page knows from the books how far it is.
        page = client.get(f"/cashier/bulk/{name}").get_data(as_text=True)
        assert "3 / 4" in page
        assert "Go on with 1 row" in page
        assert name in client.get("/cashier/bulk").get_data(as_text=True)
        post(client, f"/cashier/bulk/{name}/run", after="0")
        post(client, f"/cashier/bulk/{name}/run", after="0")
    finally:
        bulk.AT_ONCE = whole
    assert sales(shop) == 4
    assert "all sold" in client.get(f"/cashier/bulk/{name}").get_data(as_text=True)
    taken = client.get(f"/cashier/bulk/{name}?as=csv").get_data(as_text=True).splitlines()
    assert taken[0].lstrip("\ufeff").startswith("row,meter,receipt,state")
    assert len(taken) == 5
    assert all(len(line.split(",")[6].split(" ")[0]) == 20 for line in taken[1:])
    again = key_in(bring(client, text))
    assert "all sold" in client.get(f"/cashier/bulk/{again}").get_data(as_text=True)
    assert sales(shop) == 4


def test_a_list_belongs_to_who_brought_it(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "cashier")
    name = key_in(bring(client, f"meter,amount\n{number(shop, 'G-03')},50\n"))
    other = sign_in(app, "supervisor")
    assert other.get(f"/cashier/bulk/{name}").status_code == 404
    assert post(other, f"/cashier/bulk/{name}/run").status_code == 404
    assert client.get("/cashier/bulk/not-a-name").status_code == 404

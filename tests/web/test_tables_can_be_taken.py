"""Every table of an office can be taken away as CSV and as XLSX: each page of the URL map is opened and its tables counted."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import sign_in

from vending.web import gate

# Pages whose tables are no lists of records, and why.
NO_LISTS = {
    "bulk.start": "what columns a file has",
    "imports.start": "what columns a file has",
    "refunds.asking": "the form of one act",
    "keys.show": "its keys are saved from their own page, /keys/table",
    "bags.packing": "the form of one bag",
    "reports.index": "the names of the reports, each of which is saved from its own page",
    "budget.show": "budgets are figures of the moment; what was used stands in the log",
    "proof.show": "heads are saved from their own page, and the pack has them all",
    "shifts.show": "one shift, which has papers of its own",
    "till.desk": "one sale",
    "developers.api": "the API's own description",
}


def tables(page: str) -> tuple[int, int]:
    """(tables of records, tables that can be taken away). A chart's table folds away under the chart and is its text."""
    without = re.sub(r'<details class="data">.*?</details>', "", page, flags=re.S)
    return len(re.findall(r'<table class="table', without)), len(re.findall(r"as=csv", without))


def lacking(app: Flask, client: FlaskClient) -> dict[str, tuple[int, int]]:
    found = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or "<" in str(rule) or rule.endpoint in NO_LISTS:
            continue
        if gate.permission_of(app, rule.endpoint) in (gate.PUBLIC, None) or rule.endpoint == "static":
            continue
        answer = client.get(str(rule))
        if answer.status_code != 200 or "html" not in answer.content_type:
            continue
        shown, taken = tables(answer.get_data(as_text=True))
        if shown > taken:
            found[rule.endpoint] = (shown, taken)
    return found


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_every_table_can_be_taken_away(app: Flask, shop: Shop, role: str) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    assert lacking(app, sign_in(app, role)) == {}


def test_the_tables_of_a_record_can_be_taken_away(app: Flask, shop: Shop) -> None:
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    with shop.db.reading() as session:
        unit, tenant = session.execute(
            sa.text(
                "SELECT space_key, tenant_key FROM lease WHERE space_key = (SELECT space_key FROM meter WHERE key = :key)"
            ),
            {"key": shop.meter("G-03")},
        ).one()
    client = sign_in(app, "manager")
    for path in (f"/manager/units/{unit}", f"/manager/tenants/{tenant}"):
        page = client.get(path).get_data(as_text=True)
        shown, taken = tables(page)
        assert shown == taken > 1
        for address in re.findall(r'href="([^"]*as=(?:csv|xlsx)[^"]*)"', page):
            answer = client.get(address.replace("&amp;", "&"))
            assert answer.status_code == 200
            assert "attachment" in answer.headers["Content-Disposition"]
    saved = client.get(f"/manager/tenants/{tenant}?table=meters&as=csv").get_data(as_text=True)
    assert saved.splitlines()[0].lstrip("\ufeff") == "number,unit,service"
    assert "G-03" in saved
    assert client.get(f"/manager/tenants/{tenant}?table=other&as=csv").status_code == 404


def test_a_table_that_cannot_be_taken_away_would_be_seen() -> None:
    """The negative control."""
    assert tables('<table class="table folds"></table>') == (1, 0)
    assert tables('<table class="table"></table><a href="?as=csv">CSV</a>') == (1, 1)
    assert tables('<details class="data"><table class="table"></table></details>') == (0, 0)

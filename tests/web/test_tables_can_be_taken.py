"""Every table of an office can be taken away as CSV and as XLSX: a walk over the pages counts their tables."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from desk_cast import open_desk
from flask import Flask, url_for
from lived_in import Walk, live
from shop import Shop
from web_app import sign_in

# Pages whose tables are no lists of records, and why.
NO_LISTS = {
    "bulk.start": "what columns a file has",
    "bulk.show": "one list that was sold, which is the customer's own file",
    "imports.start": "what columns a file has",
    "refunds.asking": "the form of one act",
    "bags.packing": "the form of one bag",
    "supervisor_shifts.count": "the form of one count",
    "bags.deposit": "a paper",
    "reports.index": "the names of the reports, each of which is saved from its own page",
    "shifts.show": "the cashier's own shift, which has papers of its own",
    "till.desk": "one sale",
    "till.act": "one sale",
    "developers.api": "the API's own description",
    "developers.developers": "the API's own description",
    "auth.sign_in": "whom one may sign in as in a demonstration",
}
# Tables that are a look at a longer one: the page leads to the whole, and that can be taken away.
LEADS_TO = {
    "keys.show": ("keys.table", "budget.table"),
    "budget.show": ("budget.table",),
    "proof.show": ("proof.heads",),
}


def tables(page: str) -> tuple[int, int]:
    """(tables of records, tables that can be taken away). A chart's table folds away under the chart and is its text."""
    without = re.sub(r'<details class="data">.*?</details>', "", page, flags=re.S)
    return len(re.findall(r'<table class="table', without)), len(re.findall(r"as=csv", without))


def lacking(app: Flask, role: str) -> dict[str, tuple[str, int, int]]:
    """Every page that a walk reaches, those with keys in their address among them."""
    walk = Walk(app, role, sign_in(app, role))
    found, read = {}, set()
    for address, answer in walk.walk():
        endpoint = walk.endpoint(address) or ""
        if answer.status_code != 200 or "html" not in answer.content_type or endpoint in NO_LISTS:
            continue
        read.add(endpoint)
        page = answer.get_data(as_text=True)
        shown, taken = tables(page)
        if endpoint in LEADS_TO:
            with app.test_request_context():
                whole = [url_for(one) for one in LEADS_TO[endpoint]]
            taken += sum(f'href="{one}"' in page for one in whole)
        if shown > taken:
            found[endpoint] = (address, shown, taken)
    assert len(read) > 20, read
    return found


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_every_table_can_be_taken_away(app: Flask, shop: Shop, role: str) -> None:
    live(open_desk(shop))
    assert lacking(app, role) == {}


def test_what_a_page_leads_to_is_a_whole_list_that_can_be_taken_away(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")
    with app.test_request_context():
        whole = {url_for(one) for some in LEADS_TO.values() for one in some}
    for address in whole:
        if client.get(address).status_code == 403:
            continue  # the auditor's
        for kind in ("csv", "xlsx"):
            answer = client.get(address, query_string={"as": kind})
            assert answer.status_code == 200, address
            assert "attachment" in answer.headers["Content-Disposition"]


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

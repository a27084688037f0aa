"""The database goes away under a page: one sentence, what to look at before selling again, and no traceback."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from shop import Shop
from web_app import sign_in


def test_a_page_says_that_the_database_is_away_and_what_became_of_a_sale(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "cashier")

    def gone(*_told: Any) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("the connection is closed"))

    sa.event.listen(shop.db._readers, "before_cursor_execute", gone)
    try:
        answer = client.get("/cashier/till")
    finally:
        sa.event.remove(shop.db._readers, "before_cursor_execute", gone)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert "The database does not answer." in page
    assert "A paid sale is never lost" in page
    assert "database_away" in page
    assert "SELECT" not in page
    assert client.get("/cashier/till").status_code == 200

"""The engineer's day on pages: an order from a report, taken on, out in a file that the office signed, back with its results."""

from __future__ import annotations

import io
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word, sign_in
from werkzeug.test import TestResponse

from meter import visit as files
from vending.estate import queries as estate


def post(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    word = form_word(client.get("/account").get_data(as_text=True))
    return client.post(path, data={"csrf_token": word, **fields})


def test_an_inspection_from_a_loss_report_goes_out_and_comes_back(
    app: Flask, shop: Shop, tmp_path: Path
) -> None:
    from datetime import timedelta

    shop.clock.advance(timedelta(days=40))
    manager = sign_in(app, "manager")
    report = manager.get("/manager/reports/quiet").get_data(as_text=True)
    link = re.search(r'href="(/engineer/work/orders/open[^"]+)"', report)
    assert link is not None
    address = link[1].replace("&amp;", "&")
    form = manager.get(address).get_data(as_text=True)
    assert "No purchase for" in form
    meter = shop.meter("G-03")
    with shop.db.reading() as session:
        number = estate.list_meters(session, shop.clock, [meter])[0].drn
    opened = post(
        manager,
        "/engineer/work/orders/open",
        kind="inspection",
        meter=number,
        title="Inspect it",
        due_on="",
        note="",
    )
    assert opened.status_code == 303
    order = opened.headers["Location"].split("/")[-1]
    assert post(manager, f"/engineer/work/orders/{order}/start").status_code == 403

    engineer = sign_in(app, "engineer")
    day = engineer.get("/engineer/work").get_data(as_text=True)
    assert "Inspect it" in day
    office = re.search(r'class="mono small">([0-9a-f]{64})<', day)
    assert office is not None
    assert post(engineer, f"/engineer/work/orders/{order}/start").status_code == 303
    text = post(engineer, "/engineer/work/visit").get_data(as_text=True)
    visit = files.open_visit(
        text, Ed25519PublicKey.from_public_bytes(bytes.fromhex(office[1])), shop.clock.now()
    )
    assert [one.order_id for one in visit.orders] == [order]
    done = files.Done(order, files.Status.DONE, shop.clock.now(), "The seal is whole.", credit=None)
    results = files.seal_results(files.Results(visit.visit_id, (done,)), visit)

    def bring(content: str) -> TestResponse:
        return post(
            engineer, "/engineer/work/visit/results", result=(io.BytesIO(content.encode()), "x.results")
        )

    assert bring(results.replace("whole", "broken")).status_code == 422
    assert bring(results).status_code == 303
    assert "0 orders are closed" in engineer.get(bring(results).headers["Location"]).get_data(as_text=True)
    page = engineer.get(f"/engineer/work/orders/{order}").get_data(as_text=True)
    assert "The seal is whole." in page
    assert "Inspect it" in engineer.get(f"/manager/meters/{meter}", query_string={"only": "visit"}).get_data(
        as_text=True
    )


def test_an_engineering_token_without_a_work_order_is_refused_and_with_one_waits_for_somebody_else(
    app: Flask, shop: Shop
) -> None:
    with shop.db.reading() as session:
        number = estate.list_meters(session, shop.clock, [shop.meter("G-03")])[0].drn
    engineer = sign_in(app, "engineer")
    page = engineer.get("/engineer/tokens/ask").get_data(as_text=True)
    order = re.search(r'name="order_id" value="([^"]+)"', page)
    assert order is not None
    asked = {"order_id": order[1], "kind": "engineering", "meter": number, "action": "clear-tamper", "value": "", "reason": "Cover was open"}  # fmt: skip
    assert post(engineer, "/engineer/tokens/ask", **asked, work_order="").status_code == 422
    assert (
        post(
            engineer, "/engineer/tokens/ask", **{**asked, "kind": "free-issue"}, work_order="W-1"
        ).status_code
        == 403
    )
    assert post(engineer, "/engineer/tokens/ask", **asked, work_order="W-1").status_code == 303
    assert post(engineer, "/engineer/tokens/ask", **asked, work_order="W-1").status_code == 303
    listed = engineer.get("/engineer/tokens").get_data(as_text=True)
    assert listed.count("waits for a second person</td>") == 1
    supervisor = sign_in(app, "supervisor").get("/supervisor/approvals").get_data(as_text=True)
    assert "Cover was open" in supervisor

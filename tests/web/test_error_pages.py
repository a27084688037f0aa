"""Whatever goes wrong, the page says three things: what happened, whether money or a token moved, and what to do now."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask import Flask
from web_app import post, sign_in
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from keystore.errors import ModuleUnreachable
from vending.errors import VendingError
from vending.web import gate


class AgainstARule(VendingError):
    code = "against_a_rule"


FAULTS = {
    409: AgainstARule("The month is closed. Choose a later day."),
    413: RequestEntityTooLarge(),
    429: TooManyRequests(),
    500: RuntimeError("a secret that nobody sees"),
    503: ModuleUnreachable("The security module does not answer."),
}


def parts(page: str) -> tuple[str, str, list[str], str]:
    """Title, what moved, what to do, the code for the telephone."""
    main = page.partition("<main")[2]
    title = re.search(r"<h1>(.*?)</h1>", main)
    moved = re.search(r'<p class="lead">(.*?)</p>', main)
    code = re.search(r"<b>([a-z0-9_-]+)</b>", main)
    assert title, main
    steps = re.findall(r"<li>(.*?)</li>", main)
    return title[1], moved[1] if moved else "", steps, code[1] if code else ""


def failing(app: Flask, fault: Exception) -> None:
    def view() -> str:
        raise fault

    app.view_functions["home.rooms"] = gate.needs(gate.SIGNED_IN)(view)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_error_page_says_what_happened_what_moved_and_what_to_do(app: Flask, language: str) -> None:
    client = sign_in(app, "cashier")
    client.set_cookie("lang", language)
    answers = {
        403: client.get("/manager/people"),
        404: client.get("/nowhere"),
        405: client.get("/cashier/till/quote"),
    }
    for status, fault in FAULTS.items():
        failing(app, fault)
        answers[status] = client.get("/rooms")
    said = set()
    for status, answer in answers.items():
        assert answer.status_code == status
        page = answer.get_data(as_text=True)
        title, moved, steps, code = parts(page)
        assert title
        assert moved, f"{status} does not say whether money moved"
        assert steps or status == 409, f"{status} does not say what to do"  # a rule's own sentence says it
        assert code
        assert "secret" not in page
        said.add(title)
    assert len(said) == len(answers)


def test_somebody_who_is_not_signed_in_is_led_to_the_door(app: Flask) -> None:
    page = app.test_client().get("/nowhere").get_data(as_text=True)
    assert 'href="/sign-in"' in page


def test_what_a_form_did_before_it_failed_is_not_called_nothing(app: Flask) -> None:
    """Of a page that was only asked for it is sure that nothing moved; of a form, the page does not claim it."""

    def view() -> str:
        raise AgainstARule("The month is closed.")

    app.view_functions["refunds.receive"] = gate.needs("sale.make")(view)
    page = post(sign_in(app, "cashier"), "/cashier/unclaimed").get_data(as_text=True)
    assert parts(page)[:2] == ("The month is closed.", "")


def test_a_database_that_is_away_sends_nobody_to_sell_again_blindly(app: Flask) -> None:
    client = sign_in(app, "cashier")
    failing(app, sa.exc.OperationalError("SELECT 1", {}, Exception("gone")))
    answer = client.get("/rooms")
    assert answer.status_code == 503
    assert "before you sell again" in parts(answer.get_data(as_text=True))[1]

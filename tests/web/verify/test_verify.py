"""The page that checks papers: for everybody, without a token oracle, with a proof to take away, and alone in a browser."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
from pathlib import Path

import keystore_cast
import pytest
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word
from werkzeug.test import TestResponse

from vending.languages import tongue
from vending.receipts import verify_receipt
from vending.vends.queries import SaleView
from vending.web.verify import alone
from vending.web.verify.pace import Pace

ROOT = Path(__file__).parents[3]


def post(client: FlaskClient, text: str, path: str = "/verify") -> TestResponse:
    page = client.get("/verify").get_data(as_text=True)
    return client.post(path, data={"csrf_token": form_word(page), "text": text})


def other_digit(text: str, at: int) -> str:
    return text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]


def test_a_real_paper_is_real_for_somebody_who_never_signed_in(
    app: Flask, sale: SaleView, squares: str
) -> None:
    page = html.unescape(post(app.test_client(), squares).get_data(as_text=True))
    for said in (
        "This paper is real.",
        sale.receipt,
        "R 1,500.00",
        "2026-11-20 10:42:00+02:00",
        "In the books",
    ):
        assert said in page, said
    (token,) = (token.digits for _vend, token in sale.tokens)
    assert " ".join(token[at : at + 4] for at in range(0, 20, 4)) in page


def test_one_changed_digit_is_not_real(app: Flask, squares: str) -> None:
    client = app.test_client()
    for at in (9, 60, len(squares) // 2, len(squares) - 1):
        page = post(client, other_digit(squares, at)).get_data(as_text=True)
        assert "This paper is not real, or was changed." in page
        assert "This paper is real." not in page


@pytest.mark.parametrize(
    "text", ["N1-000001", "00000000000000000000", "AMPOULE2", "AMPOULE2123", "x" * 70_000, " "]
)
def test_says_nothing_about_numbers_and_tokens_that_are_guessed(
    app: Flask, sale: SaleView, text: str
) -> None:
    """No token oracle: without a signed square the answer is the same for a number that exists and for one that does not."""
    page = post(app.test_client(), text).get_data(as_text=True)
    assert "This paper is real." not in page
    assert sale.receipt not in page.replace(text, "") if text != " " else True
    for _vend, token in sale.tokens:
        assert token.digits not in re.sub(r"\s", "", page)


def test_a_square_of_another_module_is_not_real(
    app: Flask, squares: str, module: keystore_cast.Module
) -> None:
    receipt = verify_receipt.read_squares([squares])
    with pytest.raises(verify_receipt.Bad):
        verify_receipt.verify(receipt, bytes(32))


def test_a_sale_that_the_books_do_not_know_is_said_so(app: Flask, shop: Shop, squares: str) -> None:
    import sqlalchemy as sa

    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE sale SET content_hash = :other"), {"other": "0" * 64})
    page = post(app.test_client(), squares).get_data(as_text=True)
    assert "The signature is real, but the books could not confirm it." in page


def test_the_proof_file_holds_without_us(app: Flask, squares: str, module: keystore_cast.Module) -> None:
    answer = post(app.test_client(), squares, "/verify/proof")
    assert answer.mimetype == "application/json"
    proof = json.loads(answer.data)
    receipt = verify_receipt.read_squares([squares])
    key = module.engine.log.public_key
    assert verify_receipt.verify_proof(receipt, proof, key) == receipt.entries[0].sequence
    from keystore import verify_log

    assert verify_log.verify_proof(proof, key)["n"] == receipt.entries[0].sequence
    assert post(app.test_client(), other_digit(squares, 70), "/verify/proof").status_code == 422


def test_nobody_asks_without_end(app: Flask, squares: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vending.web.verify import pages

    monkeypatch.setattr(pages, "PACE", Pace(each=2, all=600))
    client = app.test_client()
    assert [post(client, squares).status_code for _ in range(3)] == [200, 200, 429]


def test_the_pace_is_for_each_and_for_all() -> None:
    pace = Pace(each=2, all=3, window_s=60)
    assert [pace.allows("a", at) for at in (0, 1, 2)] == [True, True, False]
    assert [pace.allows("b", at) for at in (3, 4)] == [True, False]
    assert pace.allows("a", 62), "the window has moved on"


def test_while_the_module_is_away_the_paper_is_not_called_false(app: Flask, shop: Shop, squares: str) -> None:
    from fakes import FakeModule

    away = FakeModule()
    away.away = True
    client = app.test_client()
    page = client.get("/verify").get_data(as_text=True)
    from dataclasses import replace

    app.extensions["ampoule"] = replace(app.extensions["ampoule"], module=away)
    app.before_request_funcs[None].insert(
        1, lambda: __import__("flask").g.__setattr__("services", app.extensions["ampoule"])
    )
    answer = client.post("/verify", data={"csrf_token": form_word(page), "text": squares})
    assert answer.status_code == 503
    assert "Nothing is wrong with your paper" in answer.get_data(as_text=True)


def test_the_program_that_is_given_away_is_the_one_that_is_tested(app: Flask) -> None:
    answer = app.test_client().get("/verify/verify_receipt.py")
    assert answer.data == Path(verify_receipt.__file__).read_bytes()


def test_the_page_alone_says_every_sentence_of_its_script() -> None:
    script = (ROOT / "static" / "verify.js").read_text(encoding="utf-8")
    said = set(re.findall(r'(?:new Bad|say)\(\s*"((?:[^"\\]|\\.)*)"', script))
    assert said == set(alone.sentences(tongue("fr")))
    assert len(said) > 20


def test_the_saved_page_checks_papers_without_a_network(
    app: Flask, squares: str, module: keystore_cast.Module, tmp_path: Path
) -> None:
    """In a real browser, from a file, with the network forbidden: good papers, changed ones, a proof, many receipts."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs chromium")
    answer = app.test_client().get("/verify/alone")
    assert "attachment" in answer.headers["Content-Disposition"]
    saved = tmp_path / "verify.html"
    saved.write_bytes(answer.data)
    proof = tmp_path / "proof.json"
    proof.write_bytes(post(app.test_client(), squares, "/verify/proof").data)
    key = base64.b64encode(module.engine.log.public_key).decode()
    assert key in html.unescape(answer.get_data(as_text=True))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(offline=True)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(saved.as_uri())

        def verdict(text: str) -> str:
            page.fill("#text", text)
            page.click("button[type=submit]")
            page.wait_for_selector("#verify-answer h2")
            told = page.inner_text("#verify-answer")
            page.evaluate("document.getElementById('verify-answer').replaceChildren()")
            return told

        page.set_input_files("#verify-proof", str(proof))
        good = verdict(squares)
        assert good.startswith("Genuine"), good
        assert "is in the signed log" in good
        assert "ZAR 1,500.00" in good
        for at in (9, 60, len(squares) // 2, len(squares) - 1):
            assert verdict(other_digit(squares, at)).startswith("This does not hold")
        page.fill("#verify-key", base64.b64encode(bytes(32)).decode())
        assert verdict(squares).startswith("This does not hold")

        # The script against Python: hashes, and what each says of a signature with one bit changed.
        receipt = verify_receipt.read_squares([squares])
        entry = receipt.entries[0]
        told = verify_receipt.commitments(receipt, entry)
        statement = (
            f"ampoule entry 1\n{receipt.log}\n{entry.sequence}\n{entry.leaf}\n"
            f"{told['meter']}\n{told['tokens']}\n{told['content']}\n"
        )
        outcomes = page.evaluate(
            """([key, signature, message]) => {
                const v = window.ampouleVerify, bytes = (b) => v.unbase64(b), outcomes = [];
                for (let bit = -1; bit < 512; bit += 37) {
                    const one = bytes(signature);
                    if (bit >= 0) one[bit >> 3] ^= 1 << (bit & 7);
                    outcomes.push(v.ed25519(bytes(key), one, bytes(message)));
                }
                return outcomes;
            }""",
            [key, base64.b64encode(entry.signature).decode(), base64.b64encode(statement.encode()).decode()],
        )
        assert outcomes == [True] + [False] * (len(outcomes) - 1)
        assert asked == [saved.as_uri()]
        browser.close()

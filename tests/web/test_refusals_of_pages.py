"""No page in Chinese, French or Arabic shows an English refusal: forms are sent with nothing and with nonsense, everywhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from flask import Flask
from web_app import form_word, sign_in

from vending.web import gate

ROOT = Path(__file__).parents[2]
NONSENSE = "\u00bf?"


def english() -> list[re.Pattern[str]]:
    """The fixed English words of every refusal, as a page would show them."""
    spec = importlib.util.spec_from_file_location("refusals", ROOT / "tools" / "refusals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shapes = []
    for sentence in module.collected():
        pieces = [re.escape(piece) for piece in re.split(r"\{\d+\}", sentence)]
        if sum(len(piece) for piece in pieces) > 15:
            shapes.append(re.compile("[^<>]{1,80}".join(pieces)))
    return shapes


def shown(page: str) -> str:
    return page.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")


# Each language with a role of its own: what a page does with a refusal is the same in all of them, and the catalogues are
# compared sentence by sentence elsewhere (tests/vending/test_refusals.py).
@pytest.mark.parametrize(
    ("code", "role"),
    [
        ("ar", "manager"),
        pytest.param("zh", "supervisor", marks=pytest.mark.long),
        pytest.param("fr", "engineer", marks=pytest.mark.long),
    ],
)
def test_no_page_shows_an_english_refusal(app: Flask, code: str, role: str) -> None:
    shapes = english()
    refused, leaks = 0, []
    client = sign_in(app, role)
    client.set_cookie("lang", code)
    word = form_word(client.get("/account").get_data(as_text=True))
    everything = re.compile("|".join(f"(?:{shape.pattern})" for shape in shapes))
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "0" * 16, str(rule))
        public = gate.permission_of(app, rule.endpoint) in (gate.PUBLIC, None)
        if "POST" not in (rule.methods or set()) or public or "sign" in path or "/run" in path:
            continue
        for fields in ({}, dict.fromkeys(("reason", "amount", "units", "code", "name", "text"), NONSENSE)):
            answer = client.post(path, data={"csrf_token": word, **fields})
            if answer.status_code in (400, 404, 409, 422):
                refused += 1
                found = everything.search(shown(answer.get_data(as_text=True)))
                leaks += [(path, found[0])] if found else []
    assert refused > 20
    assert leaks == []


def test_an_english_refusal_would_be_seen(app: Flask) -> None:
    """The negative control: the same address in English."""
    client = sign_in(app, "manager")
    page = shown(client.get("/manager/units/" + "0" * 16).get_data(as_text=True))
    assert any(shape.search(page) for shape in english())

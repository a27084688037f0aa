"""Checks, acts of the trail and accounts are read in the reader's language: every one that the code can write has words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from desk_cast import open_desk
from flask import Flask
from lived_in import live
from shop import Shop
from web_app import sign_in

from vending.access.acts import ACTS
from vending.auditor.report import CHECKS
from vending.languages import LANGUAGES, tongue
from vending.ledger.chart import ROOTS
from vending.refusals import in_language
from vending.vends import acting
from vending.web import trail_words

VENDING = Path(trail_words.__file__).parents[1]
STEPS = ("asked for", "agreed to", "refused", "withdrawn", "carried out")
# What stands in the places of an act's name: each f-string of the code by its fixed part.
PLACES = {
    "{} asked for": [*ACTS, *acting._MAY_ASK],
    "{} carried out": list(ACTS),
    "{} withdrawn": list(ACTS),
    "{} {}": [f"{act} {step}" for act in ACTS for step in ("agreed to", "refused")],
    "{} imported": ["units", "tenants", "meters"],
    "work order {}": ["done", "failed", "cancelled"],
    "unclaimed.{}": ["attributed", "returned"],
}
NOT_NAMES = {"", "{}>{}", "refund:{}", "sale:{}", "unclaimed:{}", "shift:{}"}


def names(tree: ast.Module) -> Iterator[str]:
    """What this file records: the constants, both of a choice, and f-strings with {} for their values."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        told = (
            [one.value for one in node.keywords if one.arg == "act"] if name in ("record", "_record") else []
        )
        if name == "_record" and not told:
            told = list(node.args)
        elif name == "Act" and len(node.args) > 2:
            told = [node.args[1]]
        for one in told:
            for part in (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.JoinedStr):
                    yield "".join(
                        str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in part.values
                    )


def recorded() -> set[str]:
    found: set[str] = set()
    for path in VENDING.rglob("*.py"):
        for name in names(ast.parse(path.read_text("utf-8"))):
            if name in NOT_NAMES:
                continue
            if "{}" not in name:
                found.add(name)
            elif name == "{} {}":
                found |= set(PLACES[name])
            else:
                found |= {name.replace("{}", value) for value in PLACES[name]}
    return found


def test_every_act_that_the_code_records_has_words(app: Flask) -> None:
    known = recorded()
    assert len(known) > 150
    with app.test_request_context():
        # "API key made" and its like read in English as they are written.
        assert {name for name in known if trail_words.act(name) == name} <= {
            "API key made",
            "API key withdrawn",
        }


def test_the_acts_of_a_working_day_have_words(app: Flask, shop: Shop) -> None:
    live(open_desk(shop))
    with shop.db.reading() as session:
        written = set(session.scalars(sa.text("SELECT DISTINCT act FROM audit_entry")))
    assert len(written) > 15
    with app.test_request_context():
        assert [name for name in written if trail_words.act(name) == name] == []


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_checks_and_accounts_are_said_in_every_language(language: str) -> None:
    ours = tongue(language)
    sentences = [check.holds for check in CHECKS] + [root.meaning for root in ROOTS]
    sentences += [check.tell.format(*(f"x{n}" for n in range(9))) for check in CHECKS if check.tell]
    assert len(sentences) > 100
    assert [one for one in sentences if in_language(ours, one) == one] == []


def test_the_trail_is_read_and_searched_in_the_readers_words(app: Flask, shop: Shop) -> None:
    live(open_desk(shop))
    client = sign_in(app, "auditor")
    client.set_cookie("lang", "fr")
    page = unescape(client.get("/auditor/trail").get_data(as_text=True))
    assert "Vente payée" in page
    assert "sale.paid" not in re.sub(r"<[^>]*>", " ", page)
    found = unescape(client.get("/auditor/trail", query_string={"q": "vente payée"}).get_data(as_text=True))
    assert "Vente payée" in found
    assert "Service ouvert" not in found
    saved = client.get("/auditor/trail", query_string={"as": "csv"}).get_data(as_text=True)
    assert "sale.paid" in saved  # files keep the code's names, the same in every language


def test_the_checks_are_read_in_the_readers_words(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "auditor")
    client.set_cookie("lang", "zh")
    word = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").get_data(as_text=True))
    assert word
    page = client.post("/auditor/proof/check", data={"csrf_token": word[1]}).get_data(as_text=True)
    for check in CHECKS:
        assert check.holds not in unescape(page), check.code


def test_a_name_without_words_would_be_seen(app: Flask) -> None:
    """The negative control."""
    source = (
        'audit.record(s, c, actor=a, act="thing done", subject="x")\naudit.record(s, c, act=f"{x} undone")'
    )
    assert list(names(ast.parse(source))) == ["thing done", "{} undone"]
    with app.test_request_context():
        assert trail_words.act("thing done") == "thing done"

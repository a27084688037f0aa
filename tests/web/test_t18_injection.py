"""T-18: hostile text in every field that a person can type into, and nothing of it runs anywhere it comes out again.

The fields are those of the forms on every page that a walk over the URL map finds, so a new form is tried without a word here.
What came in is then looked for where it goes: pages, CSV, XLSX, PDF, the bytes for a receipt printer, letters, headers, the log.
"""

from __future__ import annotations

import csv
import io
import logging
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sqlalchemy as sa
from desk_cast import open_desk
from flask import Flask, Response, request
from lived_in import Form, Walk, live, plausible, walks
from shop import Shop
from web_app import form_word, open_app, routes, sign_in
from werkzeug.test import TestResponse

from vending import logs
from vending.estate import saving
from vending.receipts import message, service, thermal
from vending.web import gate
from vending.web.typed import visible

MARK = "zq9"
# Short, because a name has few letters: what breaks out of a formula, a tag, a template; what opens a drawer, what turns a line.
PAYLOAD = "=zq9\"'><zq onzq=1>{{7331*7}}\x1bp0\u202e"
AT_LENGTH = (
    "=zq9()\"'><zq onzq=1>{{7331*7}}", "zq9\r\nX-Zq: 1\x1b@\x1bp0\u202e../../etc/passwd",
    "@SUM(1)zq9", "+zq9|calc", "-zq9()", "\tzq9", "\rzq9", "=cmd|' /C zq9'!A0", "zq9'); DROP TABLE sale;--", "zq9' OR '1'='1",
    "${7331*7}zq9", "<%= 7331*7 %>zq9", "{% print(7331*7) %}zq9", "#{7331*7}zq9", "javascript:zq9()", "<svg onzq=1 onload=zq9()>",
    "</script><zq>zq9", "<!--zq9", "zq9%0d%0aX-Zq:%201", "zq9\x00.pdf", "..\\..\\zq9", "/etc/passwd?zq9", "zq9\x1dV\x00",
    "\u202dzq9\u202c", "\u2067zq9\u2069", "zq9\u2028X-Zq: 1", "zq9" + "a" * 5000, "\ufeffzq9", "zq9\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)  # fmt: skip
# The door is tried too, and makes whoever guesses wait: so long that the next of us is let in.
A_WHILE = timedelta(minutes=5)
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e]")
# They end the one who tries, or somebody whom the walk still needs.
LAST = ("sign_out", "close", "remove", "withdraw", "end", "password", "block")


class _Page(HTMLParser):
    """Finds our tag, our attribute, an address that runs, a script of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        if tag == "zq":
            self.found.append("a tag")
        for name, value in attrs:
            if name.startswith("on") and name != "on":
                self.found.append(f"an attribute {name}")
            if name in ("href", "src", "action", "formaction") and (value or "").strip().lower().startswith(
                "javascript:"
            ):
                self.found.append(f"an address in {name}")

    def handle_data(self, data: str) -> None:
        if self._script and MARK in data:
            self.found.append("a script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def leaks_of_page(text: str) -> list[str]:
    page = _Page()
    page.feed(text)
    found = page.found
    found += ["a template was evaluated"] if "51317" in text else []
    found += ["a file of the system"] if "root:x:0" in text else []
    found += ["control characters"] if UNSEEN.search(text) else []
    return found


def leaks_of_table(text: str) -> list[str]:
    return [
        f"a formula in {cell!r}"
        for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")))
        for cell in row
        if MARK in cell and cell[:1] in "=+-@\t\r"
    ] + (["control characters"] if UNSEEN.search(text) else [])


def leaks_of_book(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return [
            f"a formula in {name}"
            for name in book.namelist()
            if name.endswith(".xml") and b"<f>" in book.read(name)
        ]


def leaks_of_paper(data: bytes) -> list[str]:
    return [
        word.decode()
        for word in (b"/JavaScript", b"/JS", b"/Launch", b"/OpenAction", b"/EmbeddedFile")
        if word in data
    ]


def leaks_of(answer: TestResponse) -> list[str]:
    answer.get_data()
    found = ["a header of its own"] if any(name.lower() == "x-zq" for name, _value in answer.headers) else []
    if answer.status_code >= 500 and answer.status_code != 503:
        found.append(f"status {answer.status_code}")
    if answer.mimetype in ("text/html", "application/json", "text/plain"):
        found += leaks_of_page(answer.get_data(as_text=True)) if answer.mimetype == "text/html" else []
    elif answer.mimetype == "text/csv":
        found += leaks_of_table(answer.get_data(as_text=True))
    elif answer.mimetype == "application/pdf":
        found += leaks_of_paper(answer.get_data())
    elif answer.mimetype.endswith("spreadsheetml.sheet"):
        found += leaks_of_book(answer.get_data())
    return found


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the product writes about itself meanwhile, in its own form."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.configure("text", out)
    yield out
    root.handlers[:], root.level = before, level


@pytest.fixture
def lived(shop: Shop, tmp_path: Path) -> Flask:
    live(open_desk(shop))
    return open_app(shop, tmp_path / "site")


def try_form(
    walk: Walk,
    form: Form,
    payloads: tuple[str, ...],
    shop: Shop,
    found: list[tuple[str, str, str, list[str]]],
) -> int:
    """Each payload in each field, with the others as somebody would fill them."""
    tried = 0
    today = shop.clock.now().date()
    usual = {name: form.values.get(name) or plausible(name, today) for name in form.texts}
    for payload in payloads:
        for attacked in form.texts:
            typed = {**usual, attacked: payload}
            if form.method == "GET":
                answer = walk.client.get(form.action.partition("?")[0], query_string={**form.values, **typed})
            else:
                answer = walk.client.post(form.action, data={**form.values, **typed})
                if answer.headers.get("Location", "").startswith("/sign-in"):
                    shop.clock.advance(A_WHILE)
                    walk.client = sign_in(walk.app, walk.role)
            tried += 1
            leaks = leaks_of(answer)
            if leaks:
                found.append((walk.role, form.action, attacked, leaks))
    return tried


def try_everything(
    app: Flask, shop: Shop, payloads: tuple[str, ...]
) -> tuple[list[tuple[str, str, str, list[str]]], int]:
    """Every form of every page of every role. Gives leaks, and how often something was tried."""
    found: list[tuple[str, str, str, list[str]]] = []
    reached: set[str] = set()
    names: set[str] = set()
    known: set[tuple[str, tuple[str, ...]]] = set()
    tried = 0
    for walk in walks(app):
        for _address, _answer in walk.walk():
            pass
        forms = []
        for form in walk.forms:
            endpoint = walk.endpoint(form.action, form.method)
            name = (f"{form.method} {endpoint}", tuple(sorted(form.texts)))
            if endpoint is None or name in known:
                continue
            known.add(name)
            if form.method == "POST":
                reached.add(endpoint)
            forms.append((any(word in endpoint for word in LAST), form))
        for _last, form in sorted(forms, key=lambda one: one[0]):
            tried += try_form(walk, form, payloads, shop, found)
        names |= {name for form in walk.forms for name in (*form.texts, *form.values)}
        shop.clock.advance(A_WHILE)
    return found, tried + try_the_rest(app, reached, names, payloads, found)


def try_the_rest(
    app: Flask,
    reached: set[str],
    names: set[str],
    payloads: tuple[str, ...],
    found: list[tuple[str, str, str, list[str]]],
) -> int:
    """The addresses that take a form which no page of the walk showed: with every name that a field has anywhere."""
    clients = {role: sign_in(app, role) for role in ("manager", "cashier", "key custodian")}
    tried = 0
    for endpoint, method, path in routes(app):
        if method != "POST" or endpoint in reached or endpoint == "auth.sign_out":
            continue
        for role, client in clients.items():
            for payload in payloads:
                word = form_word(client.get("/sign-in").get_data(as_text=True))
                answer = client.post(path, data={**dict.fromkeys(names, payload), "csrf_token": word})
                tried += 1
                if leaks := leaks_of(answer):
                    found.append((role, path, "*", leaks))
    return tried


def look_everywhere(app: Flask, shop: Shop) -> tuple[list[tuple[str, str, list[str]]], set[str]]:
    """All pages again, now with what came in; and what leaves the house otherwise. Gives leaks and kinds that were seen."""
    found, kinds = [], set()
    for walk in walks(app):
        for address, answer in walk.walk():
            kinds.add(answer.mimetype)
            if leaks := leaks_of(answer):
                found.append((walk.role, address, leaks))
    with shop.db.reading() as session:
        sales = session.execute(sa.text("SELECT key FROM sale")).scalars().all()
    for key in sales:
        paper = service.paper(shop.db, shop.clock, key, test=True)
        data = thermal.render(paper, "80")
        if b"\x1bp0" in data or data.count(b"\x1b@") > 1:
            found.append(("printer", key, ["a command of somebody else's"]))
        letter = message.letter(paper)
        if "\n" in letter.subject or "\r" in letter.subject or leaks_of_page(letter.html):
            found.append(("letter", key, leaks_of_page(letter.html) or ["a line of its own in the subject"]))
        kinds |= {"printer", "letter"}
    return found, kinds


def kept(shop: Shop) -> set[str]:
    """The columns of the database that hold what was typed: where there is none, nothing was tried."""
    found = set()
    with shop.db.reading() as session:
        for table in sa.inspect(session.connection()).get_table_names():
            for column in sa.inspect(session.connection()).get_columns(table):
                if not isinstance(column["type"], (sa.String, sa.Text, sa.JSON)):
                    continue
                where = sa.text(
                    f'SELECT 1 FROM "{table}" WHERE CAST("{column["name"]}" AS TEXT) LIKE :mark LIMIT 1'
                )
                if session.execute(where, {"mark": f"%{MARK}%"}).first():
                    found.add(f"{table}.{column['name']}")
    return found


def check(app: Flask, shop: Shop, written: io.StringIO, payloads: tuple[str, ...]) -> None:
    with shop.db.reading() as session:
        before = session.execute(sa.text("SELECT count(*) FROM sale")).scalar_one()
    found, tried = try_everything(app, shop, payloads)
    assert found == []
    assert tried > 150
    columns = kept(shop)
    assert len(columns) > (20 if payloads == (PAYLOAD,) else 10), columns
    again, kinds = look_everywhere(app, shop)
    assert again == []
    assert {"text/html", "text/csv", "application/pdf", "printer", "letter"} <= kinds, kinds
    lines = written.getvalue().splitlines()
    assert [line for line in lines if line.startswith("X-Zq") or UNSEEN.search(line)] == []
    with shop.db.reading() as session:
        assert session.execute(sa.text("SELECT count(*) FROM sale")).scalar_one() >= before
    print(f"{tried} tries; kept in {len(columns)} columns: {sorted(columns)}")


def test_hostile_text_in_every_field_runs_nowhere(lived: Flask, shop: Shop, written: io.StringIO) -> None:
    check(lived, shop, written, (PAYLOAD,))


@pytest.mark.long
def test_hostile_text_of_every_kind_runs_nowhere(lived: Flask, shop: Shop, written: io.StringIO) -> None:
    check(lived, shop, written, AT_LENGTH)


def test_what_cannot_be_seen_is_taken_out_where_a_request_comes_in(app: Flask) -> None:
    with app.test_request_context(
        "/?q=a%1Bb%E2%80%AE",
        method="POST",
        data={"name": "Zola\x00\u202e Hair\u2066 \u0631\u200f\u2069\tline\r\nline"},
    ):
        assert request.args["q"] == "ab"
        assert request.form["name"] == "Zola Hair\u2066 \u0631\u200f\u2069\tline\r\nline"


def test_the_check_finds_planted_faults(app: Flask, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that shows what was typed as it is, a template made of it, a header, a formula, a printer's command."""

    def careless() -> Response:
        answer = Response(
            "<main>" + request.args["find"].replace("{{7331*7}}", "51317") + "</main>", mimetype="text/html"
        )
        answer.headers["X-Zq"] = "1"
        return answer

    app.view_functions["till.desk"] = gate.needs("sale.make")(careless)
    client = sign_in(app, "cashier")
    found = leaks_of(client.get("/cashier/till", query_string={"find": PAYLOAD}))
    assert found == ["a header of its own", "a tag", "an attribute onzq", "a template was evaluated"]
    assert leaks_of_page(PAYLOAD)[-1] == "control characters"
    assert leaks_of_table("name\r\n" + PAYLOAD.replace('"', "")) != []
    assert leaks_of_table("".join(saving.csv_lines(["name"], [[visible(PAYLOAD)]]))) == [], (
        "the product's own table"
    )
    assert leaks_of_paper(b"1 0 obj <</OpenAction 2 0 R /JS (zq9)>>") == ["/JS", "/OpenAction"]

"""What integrators read is true: the page shows every address, the guide's table is the sandbox's, its Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from api_cast import EVERY_SCOPE, Program, add_key
from flask import Flask
from served import served
from shop import Shop

from vending.access import api_keys
from vending.access.api_keys import SANDBOX
from vending.access.policy import SYSTEM
from vending.demonstration import programs
from vending.sandbox.meters import RESERVED
from vending.web import developers
from vending.web.api.operations import OPERATIONS

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "integrator.md"


def test_the_page_shows_every_address_without_a_script_of_its_own(app: Flask) -> None:
    page = app.test_client().get("/developers").get_data(as_text=True)
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page
    for meter in RESERVED:
        assert meter.number in page
    assert "<script>" not in page
    assert "style=" not in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://localhost", "")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_the_example_of_an_address_works_in_the_sandbox(app: Flask, shop: Shop, operation: object) -> None:
    """The command is read as a shell would, and sent as curl would."""
    client = Program(app.test_client(), add_key(shop, site=SANDBOX, scopes=EVERY_SCOPE, seller=None))
    client.post("/vends", developers._ORDER)
    words = shlex.split(developers.example(operation).replace("\\\n", " "))  # type: ignore[arg-type]
    address = words[-1].replace("$URL", "")
    headers = dict(
        words[place + 1].replace("$KEY", client.secret).split(": ", 1)
        for place, word in enumerate(words)
        if word == "-H"
    )
    body = words[words.index("-d") + 1] if "-d" in words else None
    answer = client.client.open(
        address, method="POST" if "POST" in words else "GET", headers=headers, data=body
    )
    assert answer.status_code in (200, 202), answer.get_data(as_text=True)


def test_the_guides_table_of_meters_is_the_sandboxes() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\d{11})` \| (.*) \|$", text, flags=re.M)
    assert rows == [(meter.number, meter.says) for meter in RESERVED]


def test_the_guides_python_runs(app: Flask, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.db.writing() as session:
        programs.load(session, shop.clock, shop.site, "ZAR")
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.S)
    with served(app) as url:
        exec(compile(block.replace("http://localhost:8800", url), str(GUIDE), "exec"), {})
    assert re.search(r"^1 credit 9\d{19}$", capsys.readouterr().out, flags=re.M)


def test_a_demonstrations_programs_are_made_once(shop: Shop) -> None:
    for _ in range(2):
        with shop.db.writing() as session:
            programs.load(session, shop.clock, shop.site, "ZAR")
    with shop.db.reading() as session:
        assert sorted(key.name for key in api_keys.list_keys(session, SYSTEM)) == [
            "Kiosk at the gate",
            "Sandbox",
        ]
        assert all(api_keys.is_there(session, key.secret) for key in programs.DEMONSTRATION_KEYS)

"""No token and no key of the standard reaches a log: the product sells, is asked foolish things, and its whole output is read.

The reading first finds planted secrets in every form that it looks for.
"""

from __future__ import annotations

import base64
import re
import tomllib
from pathlib import Path

import pytest
from product import Desk, Product

ROOT = Path(__file__).parents[2]


def vending_keys() -> list[bytes]:
    """The public test keys, as the module's own file has them."""
    text = (ROOT / "keystore" / "demonstration.toml").read_text(encoding="utf-8")
    return [bytes.fromhex(one["value"]) for one in tomllib.loads(text)["keys"]]


def leaks(text: str, tokens: list[str], keys: list[bytes]) -> list[str]:
    """What of these secrets stands in the text, however it is grouped, in hex or in base64."""
    # A token may be cut by blanks, dashes and line ends; words between digits end it.
    joined = re.sub(r"(?<=\d)[\s\u00a0\u202f-]+(?=\d)", "", text)
    found = [f"token …{token[-4:]}" for token in tokens if token in joined]
    for key in keys:
        forms = (key.hex(), base64.b64encode(key).decode(), repr(key)[2:-1])
        if any(form.lower() in text.lower() for form in forms):
            found.append(f"key {key.hex()[:4]}…")
    return found


def test_the_reading_finds_what_is_planted() -> None:
    token, key = "57309841263748501926", vending_keys()[0]
    grouped = " ".join(token[at : at + 4] for at in range(0, 20, 4))
    for text in (token, grouped, grouped.replace(" ", "-"), grouped.replace(" ", "\n")):
        assert leaks(f"x {text} y", [token], []) != [], text
    for form in (key.hex(), key.hex().upper(), base64.b64encode(key).decode(), repr(key)):
        assert leaks(f"x {form} y", [], [key]) != [], form
    assert leaks("sold 12.3 kWh at 10:42 to 600727000000000009", [token], [key]) == []


@pytest.mark.parametrize("form", ["json", "people"])
def test_no_token_and_no_key_reaches_a_log(tmp_path: Path, form: str) -> None:
    product = Product(tmp_path / "var", environment={"AMPOULE_LOG_FORMAT": form})
    product.folder.mkdir()
    try:
        product.start_module()
        product.start_server()
        desk = Desk(product)
        desk.sign_in()
        tokens = []
        for unit in ("G-03", "G-05"):
            sold = desk.sell(desk.open_unit(unit), "50")
            assert sold.status_code == 303, sold.text[:500]
            token = desk.token_of(sold.headers["Location"])
            assert token
            tokens.append(token)
        # Foolish requests: the token where a name, a password, an amount or an address belongs.
        desk.get(f"/cashier/till?find={tokens[0]}")
        desk.get(f"/cashier/till?meter={tokens[0]}")
        desk.get(f"/{tokens[0]}")
        desk.get(f"/verify/{tokens[0]}")
        page = desk.open_unit("G-03")
        assert desk.sell(page, tokens[1]).status_code != 500
        stranger = Desk(product)
        form_page = stranger.get("/sign-in")
        stranger.post("/sign-in", form_page.text, name=tokens[0], password=tokens[1])
    finally:
        product.stop()
    text = "".join(path.read_text(errors="replace") for path in product.folder.glob("*.out"))
    assert '"request": "' in text if form == "json" else "request=" in text
    assert leaks(text, tokens, vending_keys()) == []
    assert "Traceback" not in text

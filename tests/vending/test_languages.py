"""Catalogues: what is translated keeps its places, and every form of the product speaks from the same file."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from vending.languages import FOLDER, LANGUAGES, first_known, known, tongue
from vending.web import words

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"%\((\w+)\)[sd]")
TRANSLATED = [code for code in LANGUAGES if code != "en"]


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_places_of_its_sentence(code: str) -> None:
    with (FOLDER / code / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    for message in catalogue:
        if not message.id:
            continue
        said = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        asked = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        places = set(PLACE.findall(asked[-1]))
        for one in filter(None, said):
            found = set(PLACE.findall(one))
            assert found <= places and places - found <= {"num"}, (code, asked[-1], one)
            assert "%" not in re.sub(r"%\(\w+\)[sd]|%%", "", one) or "%(" not in asked[-1], (code, one)


def test_a_sentence_without_a_translation_stays_english() -> None:
    assert tongue("fr").speak("No catalogue has this, 50 %") == "No catalogue has this, 50 %"
    assert tongue("fr").speak("No catalogue has %(this)s", this="it") == "No catalogue has it"
    assert tongue("zz") is not tongue("en")
    assert tongue("zz").code == "en"


def test_pages_and_papers_speak_from_the_same_file() -> None:
    app = Flask("page")
    from flask_babel import Babel

    Babel(app, locale_selector=lambda: "fr")
    words.dress(app)
    with app.test_request_context("/"):
        assert words._("Electricity") == tongue("fr").speak("Electricity") == "Électricité"
        assert app.jinja_env.from_string('{{ _("Electricity") }}').render() == "Électricité"


@pytest.mark.parametrize(
    ("codes", "language"),
    [
        (("", "fr-CA"), "fr"),
        (("sw", "ar"), "ar"),
        (("sw",), "en"),
        (("en", "zh"), "en"),
        (("zh_Hans",), "zh"),
    ],
)
def test_the_first_language_that_we_speak(codes: tuple[str, ...], language: str) -> None:
    assert first_known(codes) == language


def test_a_variant_is_its_language() -> None:
    assert [known(code) for code in ("fr_FR", "ZH-hant", None, "")] == ["fr", "zh", "en", "en"]


@pytest.mark.parametrize(
    ("code", "money", "day"),
    [
        ("en", "−1,234,567.80", "20 Nov 2026"),
        ("zh", "−1,234,567.80", "2026年11月20日"),
        ("fr", "−1 234 567,80", "20 nov. 2026"),
        ("ar", "−1,234,567.80", "20 نوفمبر 2026"),
    ],
)
def test_numbers_and_days(code: str, money: str, day: str) -> None:
    """Latin digits in every language: a meter's keys have them."""
    spoken = tongue(code)
    assert spoken.money(-123_456_780, "ZAR").replace("\u202f", " ") == money
    assert spoken.day(datetime(2026, 11, 20, 8, 42, tzinfo=UTC), ZoneInfo("Africa/Johannesburg")) == day
    assert spoken.number(Decimal("0.5"), 2)[1:] in (".50", ",50")


def test_the_tool_sees_a_sentence_that_is_not_translated() -> None:
    """The negative control, and the collecting itself: a file that asks for a new sentence makes the check fail."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import messages
    finally:
        sys.path.pop(0)
    found = messages.collected()
    assert {"vending/languages.py"} == {name for name, _line in found.get("Cooling").locations}
    known_words = messages.read("fr")
    assert not messages.missing(known_words, found, ("vending/languages.py",))
    found.add("A sentence that is new", None, [("vending/languages.py", 1)])
    (lacking,) = messages.missing(known_words, found, ("vending/languages.py",))
    assert lacking.id == "A sentence that is new"


def test_what_customers_read_is_complete_in_every_language() -> None:
    """decisions.md D23: papers and messages go to people who chose a language."""
    done = subprocess.run(
        [sys.executable, "tools/messages.py", "check", "vending/receipts", "vending/languages.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout

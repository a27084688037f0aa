"""Catalogues: each language is complete and unbroken, and every form of the product speaks from the same file."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from flask import Flask

from vending.languages import LANGUAGES, first_known, known, tongue
from vending.web import words

ROOT = Path(__file__).parents[2]
TRANSLATED = [code for code in LANGUAGES if code != "en"]


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "tools" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


messages = _tool()


@pytest.fixture(scope="module")
def found() -> Catalog:
    """Every sentence of the code and the templates."""
    collected: Catalog = messages.collected()
    return collected


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_broken(code: str, found: Catalog) -> None:
    """decisions.md D23: each language is complete."""
    catalogue = messages.read(code)
    assert [message.id for message in messages.missing(catalogue, found, ())] == []
    assert messages.broken(catalogue) == []


def test_an_english_sentence_for_one_has_no_place_that_many_lacks(found: Catalog) -> None:
    pairs = [message.id for message in found if isinstance(message.id, (tuple, list))]
    assert pairs
    assert [
        pair for pair in pairs if set(messages.PLACE.findall(pair[0])) - set(messages.PLACE.findall(pair[1]))
    ] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("%(who)s asks", "demande"),
        ("%(who)s asks", "%(qui)s demande"),
        ("%(share)s %% left", "reste %(share)s %"),
        (("%(num)s key", "%(num)s keys"), ("%(num)s clé", "")),
        (("%(num)s key", "%(num)s keys"), ("%(num)s clé", "%(number)s clés")),
        (("%(num)s key of %(who)s", "%(num)s keys of %(who)s"), ("une clé", "%(num)s clés de %(who)s")),
    ],
)
def test_the_tool_sees_a_broken_translation(
    asked: str | tuple[str, str], said: str | tuple[str, str]
) -> None:
    """The negative control: a sound catalogue with one planted fault."""
    catalogue = Catalog(locale="fr")
    catalogue.add("%(num)s sale", "%(num)s vente")
    assert messages.broken(catalogue) == []
    catalogue.add(asked, said)
    assert len(messages.broken(catalogue)) == 1


def test_a_measure_keeps_its_order_from_right_to_left() -> None:
    app = Flask("page")
    from flask_babel import Babel

    Babel(app, locale_selector=lambda: "ar")
    words.dress(app)
    with app.test_request_context("/"):
        assert words.measure(3002, "electricity") == "\u2066300.2 kWh\u2069"
        said = app.jinja_env.from_string('{{ _("Receipt %(number)s", number=number) }}').render(
            number="R 1 <b>"
        )
        assert said == "الإيصال \u2066R 1 &lt;b&gt;\u2069"
        counted = app.jinja_env.from_string('{{ ngettext("%(num)s act", "%(num)s acts", 12) }}').render()
        assert counted == "12 فعلًا"
    assert tongue("en").measure(3002, "electricity") == "300.2 kWh"


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


def test_the_tool_sees_a_sentence_that_is_not_translated(found: Catalog) -> None:
    """The negative control, and the collecting itself: a file that asks for a new sentence makes the check fail."""
    assert {"vending/languages.py"} == {name for name, _line in found.get("Cooling").locations}
    known_words = messages.read("fr")
    assert not messages.missing(known_words, found, ("vending/languages.py",))
    found.add("A sentence that is new", None, [("vending/languages.py", 1)])
    lacking = [message.id for message in messages.missing(known_words, found, ("vending/languages.py",))]
    found.delete("A sentence that is new")
    assert lacking == ["A sentence that is new"]


def test_a_moment_of_the_next_weeks_has_its_weekday() -> None:
    at, zone = datetime(2026, 11, 26, 13, 5, tzinfo=UTC), ZoneInfo("Africa/Johannesburg")
    assert tongue("en").soon(at, zone) == "Thu 26 Nov 15:05"
    assert tongue("zh").soon(at, zone) == "11月26日周四 15:05"
    assert tongue("fr").soon(at, zone) == "jeu. 26 nov. 15:05"
    assert tongue("ar").soon(at, zone) == "الخميس 26 نوفمبر 15:05"

"""A refusal is said in the reader's language: each one that the code can raise, with its values, and none taken for another."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from vending import refusals as spoken
from vending.estate.columns import LISTS
from vending.languages import LANGUAGES, tongue

ROOT = Path(__file__).parents[2]
TRANSLATED = [code for code in LANGUAGES if code != "en"]


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool("refusals")
messages = _tool("messages")


@pytest.fixture(scope="module")
def raised() -> dict[str, str]:
    found: dict[str, str] = tool.collected()
    assert len(found) > 500
    return found


def filled(sentence: str) -> tuple[str, list[str]]:
    """The sentence as it is raised, with a value of its own in each place."""
    values = [f"X{number}7" for number in spoken.PLACE.findall(sentence)]
    return spoken.PLACE.sub(lambda place: f"X{place[1]}7", sentence), values


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_refusal_is_translated_with_all_its_values(code: str, raised: dict[str, str]) -> None:
    catalogue = messages.read(code, "refusals.po")
    assert [message.id for message in messages.missing(catalogue, messages.refused(), ())] == []
    assert messages.misplaced(catalogue) == []
    wrong = []
    for sentence in raised:
        english, values = filled(sentence)
        said = spoken.in_language(tongue(code), english)
        expected = catalogue.get(sentence)
        assert expected is not None
        own = spoken.PLACE.sub(lambda place: f"X{place[1]}7", str(expected.string))
        if said == english or not all(value in said for value in values) or said != own:
            wrong.append((sentence, said))
    assert wrong == []


def test_english_is_said_as_it_was_raised(raised: dict[str, str]) -> None:
    assert all(spoken.in_language(tongue("en"), sentence) == sentence for sentence in raised)


def test_what_is_not_known_is_shown_as_it_was_said() -> None:
    for code in TRANSLATED:
        assert spoken.in_language(tongue(code), "Nobody ever raised this.") == "Nobody ever raised this."
        assert spoken.in_language(tongue(code), "") == ""


def test_a_refusal_inside_a_refusal_is_translated_too() -> None:
    inner = "Units must be above zero."
    said = spoken.in_language(tongue("zh"), f"Nothing can be sold now, and no money is due: {inner}")
    assert inner not in said
    assert spoken.in_language(tongue("zh"), inner) in said


def test_a_value_keeps_its_order_from_right_to_left() -> None:
    said = spoken.in_language(tongue("ar"), "Meter 0701 4482 314 was removed already.")
    assert "\u20660701 4482 314\u2069" in said


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('raise SaleRefused("Say why.")', ["Say why."]),
        ('raise SaleRefused(f"{one} of {two}")', ["{1} of {2}"]),
        ('raise SaleRefused("A." if x else f"B {y}.")', ["A.", "B {1}."]),
        ('raise SaleRefused({"a": "One.", "b": "Two."}[x])', ["One.", "Two."]),
        ('No("code", "Not now.")', ["Not now."]),
        ('said("It is closed.")', ["It is closed."]),
        ('other("No refusal at all.")', []),
    ],
)
def test_the_tool_finds_what_is_said(code: str, found: list[str]) -> None:
    tree = ast.parse("class SaleRefused(VendingError): pass\n" + code)
    kinds = tool.errors_in({"here": tree})
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [one for call in calls for one in tool._said_by(call, kinds)] == found


def test_a_lost_value_is_seen() -> None:
    """The negative control."""
    catalogue = messages.Catalog(locale="fr")
    catalogue.add("Row {1}: {2}", "Ligne {1} : {2}")
    assert messages.misplaced(catalogue) == []
    catalogue.add("{1} is missing.", "Il manque quelque chose.")
    assert len(messages.misplaced(catalogue)) == 1


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_what_a_column_of_a_list_means_is_said_in_every_language(language: str) -> None:
    told = [column.says for columns in LISTS.values() for column in columns]
    assert len(told) > 30
    assert [one for one in told if spoken.in_language(tongue(language), one) == one] == []

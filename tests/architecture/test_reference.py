"""The reference covers every setting, command and error code, and each of them says what it is."""

import importlib.util
import sys
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def test_every_setting_says_what_it_does() -> None:
    from vending.settings import Settings

    assert [each.name for each in fields(Settings) if not each.metadata["says"].endswith(".")] == []


def test_a_code_names_one_rule_of_its_package(reference: ModuleType) -> None:
    names = defaultdict(list)
    for each in reference.error_codes():
        names[each.package, each.code].append(each.name)
    assert {key: found for key, found in names.items() if len(found) > 1} == {}


def test_every_route_names_who_may_use_it(reference: ModuleType) -> None:
    """Deny by default answers 403 to the others; a route without a word about its users is a slip, not a wish."""
    assert [route.path for route in reference.routes() if route.permission is None] == []


def test_every_command_has_help(reference: ModuleType) -> None:
    assert [
        each.path for each in reference.commands() if not (each.command.help or each.command.short_help)
    ] == []


def test_the_reference_is_not_stale(reference: ModuleType) -> None:
    """Settings, commands, error codes, permissions and routes as the code has them: mend with tools/reference.py."""
    assert reference.stale() == []

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


@pytest.fixture(scope="module")
def pages(reference: ModuleType) -> dict[str, str]:
    """All of them, made once: that takes a while."""
    made = reference.pages()
    assert isinstance(made, dict)
    return made


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


def test_the_reference_is_not_stale(
    reference: ModuleType, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, commands, error codes, permissions and routes as the code has them: mend with tools/reference.py."""
    monkeypatch.setattr(reference, "pages", lambda: pages)
    assert reference.stale() == []


@pytest.mark.parametrize(
    ("page", "planted"),
    [
        ("settings.md", "metrics_key"),
        ("commands.md", "ampoule doctor"),
        ("error-codes.md", "database_newer"),
        ("routes.md", "/readyz"),
        ("permissions.md", "sale.make"),
    ],
)
def test_a_page_that_lacks_one_line_is_stale(
    reference: ModuleType,
    pages: dict[str, str],
    page: str,
    planted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check has teeth: what is taken out of a page is missed."""
    for name, text in pages.items():
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if name != page or planted not in line]
        assert name != page or len(kept) < len(lines), "the page does not have it in the first place"
        (tmp_path / name).write_text("".join(kept), encoding="utf-8")
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "pages", lambda: pages)
    assert reference.stale() == [page]

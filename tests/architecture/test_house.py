"""House rules that a machine can see and that no linter knows. Each rule first catches a planted fault."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sts", "keystore", "meter", "vending")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

Rule = Callable[[Path, ast.Module, str], Iterator[str]]

# Where a module is imported by its name at run time, and why: import-linter cannot see these.
BY_NAME = {
    "vending/cli.py": "subcommands are imported when they are called",
    "vending/schema.py": "finds every capability's tables for the metadata",
    "meter/driver.py": "a driver is imported when a URL names its scheme",
    "meter/cli.py": "subcommands are imported when they are called",
    "keystore/cli.py": "subcommands are imported when they are called",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "handler", "base", "misc"}
# Functional core by file name: time is an argument there.
CORE = {"pricing", "entries", "plan", "decide", "policy", "slip", "lifecycle", "limits", "twin", "protocol"}


def only_db_commits(path: Path, tree: ast.Module, _text: str) -> Iterator[str]:
    """A transaction is opened and ended in one file, so who owns it is never in doubt. A migration is one of its own."""
    if path.parts[0] != "vending" or path.name in {"db.py", "migrating.py"}:
        return
    for node in _calls(tree):
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"commit", "rollback"}:
            yield f"line {node.lineno} calls {node.func.attr}()"


def the_core_asks_no_clock(path: Path, tree: ast.Module, _text: str) -> Iterator[str]:
    if path.parts[0] != "sts" and path.stem not in CORE:
        return
    for node in _calls(tree):
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"now", "utcnow", "today"}:
            yield f"line {node.lineno} asks {ast.unparse(node.func)}()"


def imports_are_visible(path: Path, tree: ast.Module, _text: str) -> Iterator[str]:
    if path.as_posix() in BY_NAME:
        return
    for node in _calls(tree):
        if ast.unparse(node.func) in {"importlib.import_module", "import_module", "__import__"}:
            yield f"line {node.lineno} imports by name"


def modules_say_what_they_are(path: Path, tree: ast.Module, _text: str) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield "has no docstring"


def names_are_not_vague(path: Path, tree: ast.Module, _text: str) -> Iterator[str]:
    """A room of the pages is named for whose work is done there, so the manager's room is no vague name."""
    parts = path.parts[3:] if path.parts[:3] == ("vending", "web", "manager") else path.parts
    for part in (*parts[:-1], path.stem):
        if part in VAGUE:
            yield f"{part} says nothing about what is inside"


def nothing_is_left_for_later(_path: Path, _tree: ast.Module, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        # The words themselves, because this is the rule that forbids them.
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            yield f"line {number} leaves something for later"


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


RULES: dict[Rule, tuple[str, str]] = {
    # rule: a planted fault, as path and content
    only_db_commits: ("vending/vends/service.py", '"""x"""\nsession.commit()\n'),
    the_core_asks_no_clock: ("sts/tid.py", '"""x"""\nfrom datetime import datetime, UTC\ndatetime.now(UTC)\n'),
    imports_are_visible: ("vending/web/app.py", '"""x"""\nimport importlib\nimportlib.import_module("sts.engine")\n'),
    modules_say_what_they_are: ("meter/twin.py", "x = 1\n"),
    names_are_not_vague: ("vending/utils/money.py", '"""x"""\n'),
    nothing_is_left_for_later: ("keystore/seal.py", '"""x"""\n# TO' + "DO: seal\n"),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    faults = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        faults += [f"{name}: {fault}" for fault in rule(name, ast.parse(text), text)]
    assert faults == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_catches_a_planted_fault(rule: Rule) -> None:
    name, text = RULES[rule]
    assert list(rule(Path(name), ast.parse(text), text))

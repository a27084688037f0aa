"""The reference pages: settings, commands, error codes and routes, read from the code itself.

`python tools/reference.py` writes docs/reference/*.md; with `--check` it names the pages that are stale and ends with 1.
Nothing on these pages is written by hand: a sentence that reads badly is mended where the program says it.
"""

import argparse
import ast
import importlib
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import click

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
PACKAGES = ("sts", "keystore", "meter", "vending")
# package: (module, root of its error tree, who says it)
TREES = {
    "vending": ("vending.errors", "VendingError", "the server, its pages and its commands"),
    "keystore": ("keystore.errors", "KeystoreError", "the security module and its command line"),
    "meter": ("meter.errors", "MeterError", "meters, drivers and the building"),
    "sts": ("sts.errors", "StsError", "the standard's own rules"),
}
# command: (module, the click group)
COMMANDS = {
    "ampoule": ("vending.cli", "ampoule"),
    "keystore": ("keystore.cli", "main"),
    "meter": ("meter.cli", "meter"),
}
MADE = "*Made by `python tools/reference.py` from the code; a test says when it is stale.*\n"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    package: str
    code: str
    name: str
    says: str


def modules(package: str) -> Iterator[ModuleType]:
    """Every module of a package, imported."""
    root = importlib.import_module(package)
    yield root
    for each in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not each.name.endswith(".__main__"):
            yield importlib.import_module(each.name)


# ---- error codes


def error_codes() -> list[ErrorCode]:
    sentences = _sentences()
    found = []
    for package, (module, root, _who) in TREES.items():
        for _ in modules(package):
            pass  # imported so that every subclass is known
        tree = getattr(importlib.import_module(module), root)
        for error in _below(tree):
            if error.__module__.split(".")[0] != package:
                continue
            name = f"{error.__module__}.{error.__qualname__}"
            says = _own_docstring(error) or sentences.get(error.__name__) or _in_words(error.__name__)
            found.append(ErrorCode(package, error.code, name, says))
    return sorted(found, key=lambda each: (each.package, each.code, each.name))


def _below(root: type) -> Iterator[type]:
    seen: set[type] = set()
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            yield each
            waiting += each.__subclasses__()


def _own_docstring(error: type) -> str:
    if "template" in vars(error):
        return str(vars(error)["template"])
    return " ".join((vars(error).get("__doc__") or "").split())


def _in_words(name: str) -> str:
    """`KeyFileBusy` as words, where the code says no more."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize() + "."


def _sentences() -> dict[str, str]:
    """What an error says, from its own `super().__init__("…")` or from the first place that makes it."""
    own: dict[str, str] = {}
    raised: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    for call in ast.walk(node):
                        if _is_super_init(call) and (text := _text(call.args)):
                            own.setdefault(node.name, text)
                if isinstance(node, ast.Call):
                    last = (
                        node.func.attr
                        if isinstance(node.func, ast.Attribute)
                        else getattr(node.func, "id", "")
                    )
                    if last[:1].isupper() and (text := _text(node.args)):
                        raised.setdefault(last, text)
    return raised | own


def _is_super_init(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        and isinstance(node.func.value, ast.Call)
        and getattr(node.func.value.func, "id", "") == "super"
    )


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that a module gives to its sentences."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(arguments: list[ast.expr], named: dict[str, ast.expr] | None = None) -> str:
    """The first argument as text; what is filled in at run time stands in braces."""
    if not arguments:
        return ""
    first = arguments[0]
    if isinstance(first, ast.Call) and getattr(first.func, "id", "") == "_":
        first = first.args[0]  # a sentence that is translated
    if isinstance(first, ast.Name) and named:
        first = named.get(first.id, first)
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    if isinstance(first, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_word(part)}}}"
            for part in first.values
        )
    return ""


def _word(part: ast.expr) -> str:
    """A short name for what is filled in: the last word of the expression."""
    assert isinstance(part, ast.FormattedValue)
    words = re.findall(r"[a-z_]{2,}", ast.unparse(part.value))
    return words[-1].strip("_").replace("_", " ") if words else "…"


# Refusals that are values, not exceptions: the names by which the packages make them.
_VALUES = {"Refused", "Rejected", "No", "_refuse", "ModuleRefused", "MessageInvalid"}
_CODE = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def refusal_values(package: str) -> dict[str, str]:
    """The codes of expected refusals, each with the first sentence it is made with."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = _constants(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in _VALUES:
                continue
            for place, argument in enumerate(node.args):
                code = argument.value if isinstance(argument, ast.Constant) else None
                if isinstance(code, str) and _CODE.fullmatch(code):
                    found.setdefault(code, _text(node.args[place + 1 :], named))
                    break
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    found.setdefault(str(keyword.value.value), _text(node.args))
    return found


def error_page() -> str:
    lines = [
        "# Error codes\n",
        MADE,
        "Every refusal has a stable code, the same on pages, in the API and on the command line. Words in braces are filled in.\n",
    ]
    for package, (_module, _root, who) in TREES.items():
        lines += [f"## {package}\n", f"Said by {who}.\n", "| code | rule | what it says |", "|---|---|---|"]
        lines += [
            f"| `{each.code}` | `{each.name.rsplit('.', 1)[-1]}` | {_cell(each.says)} |"
            for each in error_codes()
            if each.package == package
        ]
        lines.append("")
        values = refusal_values(package)
        if values:
            lines += [
                "Expected refusals, which are answers and not errors:\n",
                "| code | what it says |",
                "|---|---|",
            ]
            lines += [f"| `{code}` | {_cell(says)} |" for code, says in sorted(values.items())]
            lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


# ---- settings


def settings_page() -> str:
    from vending.settings import Settings

    lines = [
        "# Settings\n",
        MADE,
        "From `ampoule.toml` (or the file that `AMPOULE_CONFIG` names) and from the environment, which wins. "
        "`ampoule config show` prints each value with its origin; a name that is not below is refused.\n",
        "| setting | environment | default | what it does |",
        "|---|---|---|---|",
    ]
    for each in fields(Settings):
        assert each.default is not MISSING
        default = f"`{each.default}`" if str(each.default) else "(empty)"
        says = each.metadata["says"]
        if each.metadata["choices"]:
            says += " One of: " + ", ".join(f"`{choice}`" for choice in each.metadata["choices"]) + "."
        if each.metadata["secret"]:
            says += " Secret: shown masked."
        lines.append(f"| `{each.name}` | `AMPOULE_{each.name.upper()}` | {default} | {_cell(says)} |")
    return "\n".join(lines) + "\n"


# ---- commands


@dataclass(frozen=True, slots=True)
class Command:
    path: str
    command: click.Command
    context: click.Context


def commands() -> list[Command]:
    found: list[Command] = []
    for name, (module, attribute) in COMMANDS.items():
        root = getattr(importlib.import_module(module), attribute)
        assert isinstance(root, click.Command), f"{module}.{attribute} is not a command"
        found += _walk(root, click.Context(root, info_name=name), name)
    return found


def _walk(command: click.Command, context: click.Context, path: str) -> Iterator[Command]:
    if command.hidden:
        return
    yield Command(path, command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _walk(child, click.Context(child, info_name=name, parent=context), f"{path} {name}")


def commands_page() -> str:
    lines = ["# Commands\n", MADE, "Each command prints the same with `--help`.\n"]
    for each in commands():
        depth = min(each.path.count(" "), 2)
        lines.append(f"{'#' * (2 + depth)} `{each.path}`\n")
        text = inspect.cleandoc(each.command.help or each.command.short_help or "")
        lines.append(_paragraphs(text) + "\n")
        if isinstance(each.command, click.Group):
            continue
        usage = " ".join(each.command.collect_usage_pieces(each.context))
        lines.append(f"```text\n{each.path} {usage}\n```\n")
        rows = [
            record
            for parameter in each.command.get_params(each.context)
            if (record := parameter.get_help_record(each.context)) and "--help" not in record[0]
        ]
        if rows:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| `{_cell(option)}` | {_cell(says)} |" for option, says in rows]
            lines.append("")
    lines += [
        "## `python -m sts`\n",
        "The standard's own command; it needs the package `sts` and nothing else.\n",
    ]
    for name, parser in standard_commands().items():
        lines += [f"### `python -m sts {name}`\n", f"```text\n{parser.format_help().strip()}\n```\n"]
    return "\n".join(lines)


def standard_commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands of `python -m sts`, which is made with argparse because it stands alone."""
    from sts import cli

    os.environ["COLUMNS"] = "100"  # argparse wraps its help at this width
    parser = cli._parser()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("python -m sts has no subcommands")


def _paragraphs(text: str) -> str:
    """Help as prose: what click keeps as it stands (after a backspace) becomes a block."""
    parts = []
    for part in text.replace("\f", "").split("\n\n"):
        if part.startswith("\b"):
            parts.append("```text\n" + part.removeprefix("\b").strip("\n") + "\n```")
        else:
            parts.append(_cell(part))
    return "\n\n".join(parts)


# ---- permissions


def permissions_page() -> str:
    from vending.access import acts, policy

    lines = [
        "# Permissions\n",
        MADE,
        "Who may do what. A role is held at one site or at all of them; what is not in the table is denied.\n",
        "| right | what it allows | " + " | ".join(policy.ROLES) + " |",
        "|---|---|" + "---|" * len(policy.ROLES),
    ]
    for right in policy.Permission:
        marks = " | ".join("yes" if right in rights else "" for rights in policy.ROLES.values())
        lines.append(f"| `{right.value}` | {_cell(policy.SAYS[right])} | {marks} |")
    lines += [
        "",
        "No person holds both roles of a pair, because one of them watches the other: "
        + "; ".join(f"{one} and {other}" for one, other in policy.CONFLICTS)
        + ".",
        "",
        "## Acts of two people",
        "",
        "One asks with a reason, another agrees within a day, having just confirmed that it is he. Neither is the beneficiary.",
        "Where the module decides, it checks signatures by keys that it knows itself; nothing in the database replaces them.",
        "",
        "| act | what it does | who may ask | who may be the second | who checks |",
        "|---|---|---|---|---|",
    ]
    for act in acts.ACTS.values():
        checks = "the security module" if act.by_module else "the server"
        lines.append(
            f"| `{act.name}` | {_cell(act.says)}. | `{act.may_ask.value}` | `{act.may_decide.value}` | {checks} |"
        )
    return "\n".join(lines) + "\n"


# ---- routes


@dataclass(frozen=True, slots=True)
class Route:
    path: str
    methods: str
    permission: str | None
    says: str


def routes() -> list[Route]:
    """Every address of the server, with who may use it, from the map that the application itself works by."""
    from types import SimpleNamespace

    from vending.access.site_secret import SiteSecret
    from vending.settings import Settings
    from vending.web import gate
    from vending.web.api.errors import ROOT
    from vending.web.api.operations import OPERATIONS
    from vending.web.app import create_app

    # The map needs no database and no module: only what the application asks for while it is put together.
    bundle: Any = SimpleNamespace(settings=Settings(), vault=SiteSecret(bytes(32)), db=None, clock=None)
    app = create_app(bundle)
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        says = (
            (inspect.getdoc(view) or "").split("\n")[0]
            if rule.endpoint != "static"
            else "Files of the pages."
        )
        found.append(Route(rule.rule, methods, gate.permission_of(app, rule.endpoint), says))
    found += [Route(ROOT + each.path, each.method, _scopes(each), f"{each.says}.") for each in OPERATIONS]
    return sorted(found, key=lambda route: (route.path, route.methods))


def _scopes(operation: Any) -> str:
    """What an API key needs for it."""
    if operation.is_public:
        return "public"
    names = [f"{permission.value}" for permission in operation.needs]
    return "any API key" if len(names) > 3 else "API key: " + " or ".join(names)


def routes_page() -> str:
    lines = [
        "# Routes\n",
        MADE,
        "Every address of the server and the right that it needs ([permissions](permissions.md)). A route that names none is refused.\n",
        "| address | methods | needs | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{_cell(route.path).replace('&lt;', '<')}` | {route.methods} | `{route.permission}` | {_cell(route.says)} |"
        for route in routes()
    ]
    return "\n".join(lines) + "\n"


# ---- all of them


def pages() -> dict[str, str]:
    return {
        "settings.md": settings_page(),
        "commands.md": commands_page(),
        "error-codes.md": error_page(),
        "permissions.md": permissions_page(),
        "routes.md": routes_page(),
    }


def stale() -> list[str]:
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        old = stale()
        print(
            f"Stale: {', '.join(old)}. Run `.venv/bin/python tools/reference.py`."
            if old
            else "The reference is up to date."
        )
        return bool(old)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The sentences with which the product refuses, as they stand in the code: what `messages.py` keeps translated in `refusals.po`.

A refusal is raised in English, by code that knows no reader and in the security module, which knows no language. A page says it
in its reader's language by the sentence's own shape (`vending/refusals.py`): every value that the code puts in is a place,
{1}, {2}, … in their order. Found are the first sentence given to a class of the tree of errors, both of a choice, the
sentences of a table that one is looked up in, and whatever stands in `said("…")`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOTS = ("VendingError", "KeystoreError")
# The module's refusals before they are answers: a code, then the sentence.
SECOND = ("No", "Rejected")
MARK = "said"
# Where the module warns without refusing: every sentence in these files.
WARNS = ("keystore/limits.py", "keystore/report.py")
# The auditor's checks: what must hold, and how a fault is told, with the row's values in braces by place.
CHECKS, HOLDS, TELL = "vending/auditor/of_", 2, 6
# What never reaches a page: commands, set-up, back-up, programs (the API answers in English), and what only a programmer meets.
NOT_ON_PAGES = (
    "keystore/archive", "keystore/batch", "keystore/ceremony", "keystore/cli", "keystore/cutting", "keystore/demonstr",
    "keystore/entries", "keystore/format", "keystore/heads", "keystore/journal", "keystore/log.py", "keystore/making",
    "keystore/messages", "keystore/opening", "keystore/pkcs11", "keystore/seal", "keystore/server", "keystore/signing",
    "keystore/store", "keystore/terminal", "keystore/unlock", "keystore/verbs", "keystore/verify",
    "vending/access/site_secret", "vending/auditor", "vending/backup", "vending/certificates", "vending/cli",
    "vending/client.py", "vending/conformance", "vending/copying", "vending/crash_demonstration", "vending/database_roles",
    "vending/db.py", "vending/demo", "vending/doctor", "vending/estate/exporting", "vending/history_demonstration",
    "vending/integrations", "vending/jobs", "vending/ledger/batches", "vending/ledger/chart", "vending/ledger/entries",
    "vending/local_door", "vending/migrating", "vending/print_agent.py", "vending/production", "vending/receipts/escpos",
    "vending/reconcile", "vending/sandbox", "vending/server.py", "vending/settings", "vending/setup", "vending/supervisor.py",
    "vending/tariffs/command", "vending/timecheck", "vending/vends/adopting", "vending/vends/adopted", "vending/web/api",
    "vending/web/refusals",
)  # fmt: skip


def collected() -> dict[str, str]:
    """sentence -> the file that says it."""
    trees = {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in ("vending", "keystore")
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    kinds = errors_in(trees)
    found: dict[str, str] = {}
    for name, tree in trees.items():
        if name.startswith(CHECKS):
            for sentence in _checks(tree):
                found.setdefault(sentence, name)
        if name.startswith(NOT_ON_PAGES) or name.endswith("_commands.py"):
            # Only what is marked as shown on pages all the same.
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == MARK:
                    for sentence in _sentences(node.args[0]):
                        found.setdefault(sentence, name)
            continue
        for node in ast.walk(tree):
            if name in WARNS:
                for sentence in _warnings(node):
                    found.setdefault(sentence.strip(), name)
            if isinstance(node, ast.Call):
                for sentence in filter(None, _said_by(node, kinds)):
                    found.setdefault(sentence, name)
    return found


def _checks(tree: ast.Module) -> Iterator[str]:
    """The sentences of an area's checks, and those that its functions put together."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
            yield from _sentences(node.args[HOLDS])
            if len(node.args) > TELL:
                yield from map(_numbered, _sentences(node.args[TELL]))
        elif isinstance(node, ast.ListComp) and isinstance(node.elt, ast.JoinedStr):
            yield from _sentences(node.elt)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append" and node.args:
            yield from (one for one in _sentences(node.args[0]) if one.count(" ") > 3)


def _numbered(tell: str) -> str:
    """Places in the order in which they stand, as every other sentence has them: `{2} of {0}` is `{1} of {2}`."""
    pieces = re.split(r"\{\d+\}", tell)
    return "".join(f"{piece}{{{number}}}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


def errors_in(trees: dict[str, ast.Module]) -> set[str]:
    """The names of all classes below the roots of the errors."""
    kinds = set(ROOTS)
    while True:
        more = {
            node.name
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any(getattr(base, "id", getattr(base, "attr", "")) in kinds for base in node.bases)
        }
        if more <= kinds:
            return kinds
        kinds |= more


def _said_by(call: ast.Call, kinds: set[str]) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    place = 1 if name in SECOND else 0
    if len(call.args) <= place:
        return
    if name in kinds or name in SECOND or name == MARK:
        yield from _sentences(call.args[place])
    elif name == "__init__" and isinstance(call.func, ast.Attribute):  # a class that words its own sentence
        yield from (one for one in _sentences(call.args[0]) if one.count(" ") > 2)


def _warnings(node: ast.AST) -> Iterator[str]:
    """Whole sentences that are put together here or stand in a row of others; documents of functions are neither."""
    told = [node] if isinstance(node, ast.JoinedStr) else node.elts if isinstance(node, ast.Tuple) else []
    for one in told:
        for sentence in _sentences(one):
            if sentence.endswith((".", "}")) and sentence.count(" ") > 4:
                yield sentence


def _sentences(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _sentences(node.body)
        yield from _sentences(node.orelse)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            yield from _sentences(value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        number, text = 0, ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            else:
                number += 1
                text += f"{{{number}}}"
        yield text

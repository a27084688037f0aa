"""The import contracts hold, and each has teeth: in a copy of the tree every contract is broken once and caught.

The unplanted copy must pass, else a plant would prove nothing. A contract without a plant fails the last test.
"""

import configparser
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# One process lints as often as it is asked: starting Python and import-linter costs more than looking at the tree.
LINT = """
import sys
from importlinter.cli import lint_imports
for _ in sys.stdin:
    status = lint_imports(no_cache=True, no_logo=True)
    print(f"status {status}", flush=True)
"""

# contract, the file to plant in, the line to plant. A file that does not exist is made.
PLANTS = [
    ("packages", "sts/__init__.py", "import keystore.errors"),
    ("packages", "sts/__init__.py", "import vending.errors"),
    ("packages", "keystore/module.py", "import meter"),
    ("packages", "keystore/module.py", "import vending.errors"),
    ("packages", "meter/__init__.py", "import keystore.module"),
    ("packages", "meter/__init__.py", "from vending import money"),
    ("layers", "vending/errors.py", "def late() -> None:\n    from vending import money"),
    ("layers", "vending/money.py", "from vending import clock"),
    ("layers", "vending/ledger/planted.py", "import vending.vends.planted"),
    ("layers", "vending/tariffs/planted.py", "import vending.ledger.planted"),
    ("layers", "vending/estate/planted.py", "import vending.tariffs.planted"),
    ("layers", "vending/vends/planted.py", "import vending.receipts.planted"),
    ("layers", "vending/shifts/planted.py", "import vending.payments.planted"),
    ("layers", "vending/web/planted.py", "import vending.integrations.planted"),
    ("layers", "vending/web/planted.py", "import vending.bootstrap"),
    ("cycles", "sts/planted_one.py", "import sts.planted_two"),
    ("keys", "vending/vends/planted.py", "import sts.engine"),
    ("keys", "vending/vends/planted.py", "def late() -> None:\n    from sts.ciphers import planted"),
    ("keys", "vending/vends/planted.py", "import keystore.store"),
    ("keys", "keystore/client.py", "import keystore.seal"),  # a detour: the business imports the client
    ("keystore-doors", "vending/vends/planted.py", "import keystore.planted"),
    ("meter-doors", "vending/vends/planted.py", "import meter.twin"),
    ("implementations", "vending/vends/planted.py", "from keystore.client import SocketModule"),
    ("implementations", "vending/reactions.py", "import vending.integrations.planted"),
    ("twin-driver", "meter/twin_driver.py", "import meter.twin"),
    ("meter-alone", "meter/planted.py", "import sqlalchemy"),
    ("standard", "sts/planted_two.py", "import random"),
    ("standard", "sts/planted_two.py", "import flask"),
    ("core", "vending/tariffs/pricing.py", "import sqlalchemy"),
    ("core", "vending/ledger/entries.py", "import vending.db"),
    ("core", "vending/vends/plan.py", "import secrets"),
    ("core", "vending/access/policy.py", "from flask import g"),
    ("core", "keystore/limits.py", "import time"),
    ("core", "meter/protocol.py", "import serial"),
    ("core", "meter/twin.py", "import random"),
    ("tables", "vending/receipts/planted.py", "from vending.ledger import tables"),
    ("tables", "vending/web/planted.py", "from vending.estate.tables import planted"),
    ("layers", "vending/planted.py", "x = 1"),  # a room without a place in the layers
    ("verifiers", "keystore/verify_log.py", "import sts"),
    ("auditor", "vending/auditor/planted.py", "from vending.ledger import entries"),
]

# Modules that plants lean on and that may not exist: empty ones are made where they are missing.
STAGE = [
    "sts/engine.py", "sts/ciphers/__init__.py", "sts/ciphers/planted.py", "sts/planted_two.py",
    "keystore/store.py", "keystore/seal.py", "keystore/planted.py", "keystore/limits.py", "keystore/verify_log.py",
    "meter/twin.py", "meter/twin_driver.py", "meter/protocol.py",
    "vending/bootstrap.py", "vending/reactions.py",
    *(f"vending/{room}/{name}.py" for room in (
        "access", "estate", "tariffs", "ledger", "shifts", "payments", "vends", "receipts", "integrations", "web",
    ) for name in ("__init__", "planted")),
    "vending/estate/tables.py", "vending/ledger/tables.py", "vending/tariffs/pricing.py", "vending/ledger/entries.py",
    "vending/vends/plan.py", "vending/access/policy.py",
]  # fmt: skip
# Two modules of the stage lean on each other only when the ring's second half is planted.
RING = ("sts/planted_two.py", "import sts.planted_one")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tree")
    for package in ("sts", "keystore", "meter", "vending"):
        shutil.copytree(
            ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__", "_assets")
        )
    for name in (".importlinter", "tools/import_contracts.py"):
        (place / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, place / name)
    for name in STAGE:
        path = place / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            door = "import keystore.client\n" if name == "vending/bootstrap.py" else ""
            path.write_text(f'"""Made for a test."""\n{door}', encoding="utf-8")
    return place


class Linter:
    """`lint-imports` in a folder, again and again."""

    def __init__(self, place: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LINT],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "400"},
        )

    def broken_contracts(self) -> list[str]:
        """The names of the contracts that are called broken now."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("lint\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.startswith("status "):
                break
            lines.append(line)
        said = "".join(lines)
        assert re.search(r"Contracts: \d+ kept, \d+ broken", said), said
        found = re.findall(r"^(.+) BROKEN", said, re.MULTILINE)
        assert line == f"status {int(bool(found))}\n", said
        return found

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


def contract_names() -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): parser[section]["name"]
        for section in parser.sections()
        if section.startswith(prefix)
    }


@pytest.fixture(scope="module")
def linter(copy: Path) -> Iterator[Linter]:
    linter = Linter(copy)
    yield linter
    linter.close()


def test_the_tree_keeps_every_contract() -> None:
    linter = Linter(ROOT)
    assert linter.broken_contracts() == []
    linter.close()


def test_the_unplanted_copy_keeps_every_contract(linter: Linter) -> None:
    assert linter.broken_contracts() == []


@pytest.fixture
def planted(copy: Path, linter: Linter, request: pytest.FixtureRequest) -> Iterator[Linter]:
    contract, name, line = request.param
    path = copy / name
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    ring = copy / RING[0]
    calm = ring.read_text(encoding="utf-8")
    if contract == "cycles":
        ring.write_text(f"{calm}\n{RING[1]}\n", encoding="utf-8")
    yield linter
    ring.write_text(calm, encoding="utf-8")
    if before is None:
        path.unlink()
    else:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("planted", "contract"),
    [(plant, plant[0]) for plant in PLANTS],
    ids=[f"{contract}: {name} {line.split()[-1]}" for contract, name, line in PLANTS],
    indirect=["planted"],
)
def test_a_planted_import_breaks_its_contract(planted: Linter, contract: str) -> None:
    assert contract_names()[contract] in planted.broken_contracts()


def test_every_contract_was_broken_once() -> None:
    assert {contract for contract, _name, _line in PLANTS} == set(contract_names())

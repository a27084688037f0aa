"""Importing the standard is cheap: it brings nothing that it does not need."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "flask",
    "sqlalchemy",
    "Crypto",
    "cryptography",
    "click",
    "rich",
    "vending",
    "keystore",
    "meter",
)


def loaded(statement):
    program = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize(
    "statement",
    ["import sts", "from sts import engine, dkga, fast, answer, cli, explain, id_record, vectors, key_file"],
)
def test_nothing_heavy_comes_along(statement):
    assert not set(HEAVY) & {name.split(".")[0] for name in loaded(statement)}


def test_the_package_itself_brings_nothing():
    assert [name for name in loaded("import sts") if name.startswith("sts")] == ["sts"]


def test_only_arrays_bring_numpy():
    assert "numpy" in loaded("import sts.batch")


def test_tables_are_built_when_first_used_and_not_before():
    program = (
        "from sts import engine, fast\nfrom sts.ciphers import misty1_tables\n"
        "assert misty1_tables.fi_tables.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

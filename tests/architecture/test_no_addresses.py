"""No index address, no lock file with addresses and no requirement without a hash is tracked; planted ones are found."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
HASHED = "click==8.5.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture(scope="module")
def no_addresses() -> ModuleType:
    spec = importlib.util.spec_from_file_location("no_addresses", ROOT / "tools" / "no_addresses.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small clean tree under version control."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "all.txt").write_text(HASHED, encoding="utf-8")
    return tmp_path


def faults(no_addresses: ModuleType, tree: Path) -> list[str]:
    subprocess.run(["git", "add", "-A"], cwd=tree, check=True)
    found = no_addresses.faults(tree)
    assert isinstance(found, list)
    return found


def test_what_is_tracked_here_is_clean(no_addresses: ModuleType) -> None:
    assert no_addresses.faults(ROOT) == []


def test_a_clean_tree_has_no_faults(no_addresses: ModuleType, tree: Path) -> None:
    assert faults(no_addresses, tree) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("uv.lock", "version = 1\n"),
        ("poetry.lock", ""),
        ("deep/pylock.toml", ""),
        ("pylock.ci.toml", ""),
        ("pip.conf", "[global]\nindex-url = https://mirror.example/simple\n"),
        ("requirements/all.txt", "--index-url https://mirror.example/simple\n" + HASHED),
        ("requirements/all.txt", "--extra-index-url https://mirror.example/pypi\n" + HASHED),
        ("Makefile", "\tpip install https://mirror.example/click-8.5.0-py3-none-any.whl\n"),
        ("docs/page.md", "see https://mirror.example/simple for packages\n"),
        ("package-lock.json", '{"resolved": "https://mirror.example/x.tgz"}\n'),
        ("requirements/all.txt", "click==8.5.0\n"),
        ("requirements/all.txt", HASHED.replace("==", ">=")),
        ("requirements/all.txt", HASHED + "flask==3.1.0\n"),
    ],
)
def test_finds_a_planted_fault(no_addresses: ModuleType, tree: Path, name: str, content: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    assert any(fault.startswith(name) for fault in faults(no_addresses, tree))


def test_what_is_not_tracked_is_left_alone(no_addresses: ModuleType, tree: Path) -> None:
    (tree / ".gitignore").write_text("uv.lock\n", encoding="utf-8")
    (tree / "uv.lock").write_text("version = 1\n", encoding="utf-8")
    assert faults(no_addresses, tree) == []

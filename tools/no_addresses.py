"""Fails when a package index's address or a lock file that holds addresses is tracked, or a requirement lacks a hash."""

import re
import subprocess
import sys
from pathlib import Path

LOCKS = re.compile(r"(^|/)(uv\.lock|pylock[^/]*\.toml|poetry\.lock|Pipfile\.lock)$")
INDEX = re.compile(
    r"(--(extra-)?index-url|--find-links|index-url\s*=|files\.pythonhosted|registry\.npmjs|://[^\s\"']+/simple\b"
    r"|\"resolved\":\s*\"https?:|https?://[^\s\"']+\.(whl|tgz|deb)\b)"
)
PIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?==\S+")


def faults(root: Path) -> list[str]:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    found = [f"{name}: a lock file with addresses is tracked" for name in tracked if LOCKS.search(name)]
    own = "tools/no_addresses.py", "tests/architecture/test_no_addresses.py"
    for name in tracked:
        path = root / name
        if not name or name in own or not path.is_file() or path.stat().st_size > 1_000_000:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{name}:{number}: an index address"
            for number, line in enumerate(text.splitlines(), 1)
            if INDEX.search(line)
        ]
        if name.startswith("requirements/") and name.endswith(".txt"):
            found += _without_hash(name, text)
    return found


def _without_hash(name: str, text: str) -> list[str]:
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    return [
        f"{name}: {entry.splitlines()[0]} has no hash or no exact version"
        for entry in entries
        if entry.strip() and not (PIN.match(entry) and "--hash=sha256:" in entry)
    ]


if __name__ == "__main__":
    problems = faults(Path(__file__).parent.parent)
    print("\n".join(problems) or "no addresses, every requirement has a hash")
    sys.exit(bool(problems))

"""Decisions have numbers of their own, without a gap, and each page's first line bears its number."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "adr"


def faults(names_and_heads: list[tuple[str, str]]) -> list[str]:
    found = []
    numbers = sorted(name[:4] for name, _head in names_and_heads)
    if numbers != [f"{place:04d}" for place in range(len(numbers))]:
        found.append(f"numbers are doubled or missing: {numbers}")
    found += [name for name, head in names_and_heads if not re.match(rf"# {name[:4]} \S", head)]
    return found


def test_every_decision_has_its_own_number() -> None:
    pages = sorted(FOLDER.glob("[0-9]*.md"))
    assert len(pages) > 30
    assert not faults([(path.name, path.read_text(encoding="utf-8").split("\n", 1)[0]) for path in pages])


def test_a_doubled_number_and_a_wrong_heading_would_be_seen() -> None:
    good = [("0000-a.md", "# 0000 A"), ("0001-b.md", "# 0001 B")]
    assert not faults(good)
    assert faults([*good, ("0001-c.md", "# 0001 C")])
    assert faults([("0000-a.md", "# 0000 A"), ("0001-b.md", "# 1. B")])

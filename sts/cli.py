"""`python -m sts`: the known-answer interface, for now the only command."""

from __future__ import annotations

import sys

from sts import answer


def main() -> None:
    """Answers questions line by line until the input ends."""
    if sys.argv[1:] != ["answer"]:
        sys.exit("usage: python -m sts answer < questions.jsonl")
    for line in answer.answer_lines(sys.stdin):
        print(line, flush=True)

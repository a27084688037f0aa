"""`issue-batch`: an order file becomes tokens, under a budget, and again the same when it is run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keystore_cast as cast
import pytest
from keystore_cast import Module, credit, key_change, management, meter, old_meter

from keystore import batch, order_files
from keystore.errors import KeystoreError
from keystore.module import Refused


def order_file(path: Path, requests: list[Any]) -> Path:
    assert order_files.write(path, requests) == len(requests)
    return path


def run(module: Module, path: Path, out: Path) -> tuple[list[dict[str, object]], tuple[int, int]]:
    _, orders = batch.read_orders(path)
    with out.open("wb") as file:
        counted = batch.issue(module.engine, orders, file, lambda n: None)
    return [json.loads(line) for line in out.read_text().splitlines()], counted


def test_the_batch_and_the_socket_make_the_same_tokens(module: Module, tmp_path: Path) -> None:
    keying = meter()
    requests = [
        credit(keying),
        credit(old_meter(), 1234),
        credit(keying, 16394),
        module.approved(management(keying)),
    ]
    requests += [
        module.approved(key_change(meter(), krn=2)),
        management(action="meter-test", value=2),
        credit(units=0),
    ]
    path = order_file(tmp_path / "orders", requests)
    answers, counted = run(module, path, tmp_path / "out")
    assert counted == (6, 1)
    for request, answer in zip(requests[:-1], answers, strict=False):
        again = module.replay([request.order_id])[0]
        assert not isinstance(again, Refused), again
        assert answer["tokens"] == list(again.tokens)
        assert (answer["sequence"], answer["leaf"], answer["salt"]) == (
            again.sequence,
            again.leaf,
            again.salt,
        )
    assert answers[-1]["code"] == "units-not-encodable"
    once_more, counted = run(module, path, tmp_path / "out")
    assert once_more == answers
    assert counted == (6, 1)


def test_the_batch_stops_at_the_budget(module: Module, tmp_path: Path) -> None:
    module.budget(1000)
    answers, counted = run(
        module, order_file(tmp_path / "o", [credit(units=300) for _ in range(5)]), tmp_path / "out"
    )
    assert counted == (3, 2)
    assert [a.get("code") for a in answers[3:]] == ["budget-exhausted"] * 2


def test_an_order_id_stands_once_in_a_file(module: Module, tmp_path: Path) -> None:
    request = credit()
    answers, _ = run(module, order_file(tmp_path / "o", [request, request]), tmp_path / "out")
    assert answers[1]["code"] == "order-twice"


@pytest.mark.parametrize("change", ["a line more", "a line changed", "no header", "not JSON"])
def test_a_file_that_was_not_exported_like_this_is_refused(tmp_path: Path, change: str) -> None:
    path = order_file(tmp_path / "o", [credit(), credit()])
    lines = path.read_bytes().splitlines(keepends=True)
    forged = {
        "a line more": [*lines, lines[1]],
        "a line changed": [lines[0], lines[1].replace(b'"units":100', b'"units":999'), lines[2]],
        "no header": lines[1:],
        "not JSON": [b"orders\n"],
    }[change]
    path.write_bytes(b"".join(forged))
    with pytest.raises(KeystoreError) as refused:
        batch.read_orders(path)
    assert refused.value.code == "order-file"
    assert cast

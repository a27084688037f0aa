"""The contract of the security module: one suite for the engine on a file, the same behind its socket, and on PKCS#11.

A module that is attached later (a certified one) passes this suite or is not a `SecurityModule`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keystore_cast as cast
import pytest
from keystore_cast import credit, key_change, management, meter, old_meter
from keystore_fixtures import made as made_for_engine

from keystore import acts, demonstration, notes, verify_log
from keystore.errors import ModuleRefused
from keystore.module import AlreadyIssued, Approved, Cancelled, Issued, Refused

made = made_for_engine


@pytest.fixture(params=["engine on a file", "behind its socket", "keys in PKCS#11"])
def module(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / "m"
    if request.param == "engine on a file":
        shutil.copytree(request.getfixturevalue("made"), folder)
        found = cast.Module(folder)
        yield found
        found.engine.log.abandon()
    elif request.param == "behind its socket":
        demonstration.init(folder)
        process = cast.Process(folder)
        with process.client() as client:
            yield client
        assert process.stop() == 0
    else:
        pkcs11_cast = pytest.importorskip("keystore_pkcs11_cast")
        with pkcs11_cast.token(tmp_path) as token:
            found = token.module(folder)
            yield found
            found.engine.log.abandon()


def now(module: Any) -> datetime:
    return module.now() if hasattr(module, "now") else datetime.now(UTC)


def one(module: Any, request: Any) -> Any:
    return module.issue([request])[0]


def approved(module: Any, request: Any) -> Any:
    act = acts.approve_requests(
        [request], module=module.status().log, maker="T", reason="T", made=now(module)
    )
    found = module.approve(act, demonstration.sign(act))
    assert isinstance(found, Approved), found
    return replace(request, approval=found.act_id)


@pytest.mark.parametrize("keying", [meter, old_meter], ids=["EA11 DKGA04", "EA07 DKGA02"])
def test_issue_replay_and_verify(module: Any, keying: Any) -> None:
    request = credit(keying())
    issued = one(module, request)
    assert isinstance(issued, Issued)
    assert len(issued.tokens) == 1
    assert len(issued.tokens[0]) == 20
    assert one(module, request).tokens == issued.tokens
    again = module.replay([request.order_id])[0]
    assert (again.tokens, again.tid, again.sequence, again.leaf, again.salt, again.signature) == (
        issued.tokens, issued.tid, issued.sequence, issued.leaf, issued.salt, issued.signature,
    )  # fmt: skip
    seen = module.verify(request.meter, issued.tokens[0])
    assert (seen.ok, seen.kind, seen.units, seen.tid) == (True, "credit", 100, issued.tid)
    assert not module.verify(keying(), issued.tokens[0]).ok


def test_each_request_has_its_own_answer_in_order(module: Any) -> None:
    requests = [credit() for _ in range(64)]
    requests[7] = replace(requests[7], units=0)
    found = module.issue(requests)
    assert [a.order_id for a in found] == [r.order_id for r in requests]
    assert [type(a) for a in found].count(Refused) == 1


def test_an_order_id_means_one_thing_for_ever(module: Any) -> None:
    request = credit()
    one(module, request)
    assert one(module, replace(request, units=5)).code == "order-id-reused"
    assert one(module, management(order_id=request.order_id)).code == "order-id-reused"


def test_cancel_decides_the_race(module: Any) -> None:
    sold, unsold = credit(), credit()
    issued = one(module, sold)
    assert module.cancel([sold.order_id, unsold.order_id])[0] == AlreadyIssued(sold.order_id, issued.sequence)
    assert isinstance(module.cancel([unsold.order_id])[0], Cancelled)
    assert one(module, unsold).code == "order-cancelled"


def test_what_was_not_issued_is_not_replayed(module: Any) -> None:
    assert module.replay(["never-asked-for"])[0].code == "order-unknown"


def test_key_changes_come_as_whole_sets(module: Any) -> None:
    new, old = one(module, approved(module, key_change(meter(), krn=2))), None
    assert len(new.tokens) == 4
    old = one(module, approved(module, key_change(old_meter(), krn=3, dkga="04")))
    assert len(old.tokens) == 2


def test_management_needs_an_approval(module: Any) -> None:
    request = management(action="power-limit", value=5000)
    assert one(module, request).code == "approval-missing"
    assert isinstance(one(module, approved(module, request)), Issued)


def test_status_checkpoint_and_proofs(module: Any) -> None:
    issued = one(module, credit())
    status = module.status()
    assert (status.state, status.test) == ("ready", True)
    checkpoint = module.checkpoint()
    import base64

    key = base64.b64decode(status.public_key)
    head = notes.opened(checkpoint.note, status.log, key)
    assert head is not None
    assert head.size == checkpoint.size == status.sequence
    proof = module.proof(issued.sequence)
    entry = verify_log.verify_proof(
        {"leaf_data": proof.leaf_data, "path": list(proof.path), "note": proof.checkpoint.note}, key
    )
    assert entry["n"] == issued.sequence
    assert proof.leaf == issued.leaf
    assert module.consistency(1, status.sequence)
    with pytest.raises(ModuleRefused):
        module.proof(10**6)


def test_the_log_is_listed_by_its_public_halves_as_proofs_show_them(module: Any) -> None:
    first = module.status().sequence
    issued = [one(module, credit()) for _ in range(3)]
    module.cancel(["never-asked-for"])
    listed = module.entries(first, 64)
    assert [entry.sequence for entry in listed] == list(range(first, first + 4))
    assert [json.loads(entry.leaf_data).get("order") for entry in listed] == [
        *(answer.order_id for answer in issued),
        "never-asked-for",
    ]
    for answer in issued:
        said = listed[answer.sequence - first].leaf_data
        assert said == module.proof(answer.sequence).leaf_data
        assert not any(digits in said for digits in answer.tokens)
    assert [entry.sequence for entry in module.entries(first + 1, 2)] == [first + 1, first + 2]
    assert module.entries(first + 4, 64) == []
    assert module.entries(10**9, 64) == []


def test_a_head_of_the_same_log_does_not_stop_the_sale(module: Any) -> None:
    note = module.checkpoint().note
    one(module, credit())
    assert module.present_head(note).state == "ready"


def test_verify_looks_at_few_tokens(module: Any) -> None:
    keying = meter()
    for _ in range(5):
        module.verify(keying, "1" * 20)
    with pytest.raises(ModuleRefused) as refused:
        module.verify(keying, "1" * 20)
    assert refused.value.code == "too-many-looks"

"""T-14: every column of the issuance log is covered; cut, reorder, insert, fork, swap: all are seen.

The verifier shares no code with the writer. Each tampering is made by somebody who can write the file but does not
hold the log's keys; a clever one also mends every hash that follows, and then the checkpoints betray it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path

import keystore_cast as cast
import pytest
from keystore_cast import Module, credit, key_change, management, meter
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from keystore import verify_log
from keystore.errors import KeystoreError
from keystore.verify_log import Bad


@pytest.fixture
def written(module: Module) -> tuple[Module, list[bytes], list[str], bytes]:
    for _ in range(20):
        module.issued(credit())
    module.issue([credit() for _ in range(20)])
    keying = meter()
    module.issued(module.approved(management(keying)))
    module.issued(module.approved(key_change(keying, krn=2)))
    module.cancel(["order-cancelled-1"])
    module.engine.log.write_checkpoint()
    module.issue([credit(), credit()])
    module.engine.log.write_checkpoint()
    lines = list(verify_log.read_lines(str(module.engine.log.folder / "entries.log")))
    notes = verify_log.read_checkpoints(str(module.engine.log.folder / "checkpoints"))
    return module, lines, notes, module.engine.log.public_key


def holds(lines: list[bytes], notes: list[str], key: bytes, heads: tuple[tuple[int, str], ...] = ()) -> bool:
    try:
        verify_log.verify_log(lines, notes, key, heads)
    except Bad:
        return False
    return True


def mended(lines: list[bytes]) -> list[bytes]:
    """The same lines with numbers, links and groups made to fit again: what a careful forger would do."""
    found, previous, group = [], "0" * 64, 0
    for n, line in enumerate(lines):
        data, _, sealed = line.partition(b"\t")
        entry = json.loads(data)
        group = n if entry["g"] == entry["n"] else min(group, n)
        entry |= {"n": n, "prev": previous, "g": group}
        fresh = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        previous = hashlib.sha256(b"\x00" + fresh).hexdigest()
        found.append(fresh + b"\t" + sealed)
    return found


def test_the_whole_log_holds(written: tuple[Module, list[bytes], list[str], bytes]) -> None:
    _, lines, notes, key = written
    report = verify_log.verify_log(lines, notes, key)
    assert report.entries == len(lines)
    assert report.units == {"600100/1": 4200}
    assert holds(mended(lines), notes, key)  # mending an honest log changes nothing


def test_every_column_of_every_entry(written: tuple[Module, list[bytes], list[str], bytes]) -> None:
    _, lines, notes, key = written
    seen = set()
    for n, line in enumerate(lines):
        data, _, sealed = line.partition(b"\t")
        for column, value in json.loads(data).items():
            entry = json.loads(data)
            entry[column] = (
                value + 1 if isinstance(value, int) else None if isinstance(value, list) else f"{value}x"
            )
            forged = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            changed = [*lines[:n], forged + b"\t" + sealed, *lines[n + 1 :]]
            assert not holds(changed, notes, key), (n, column)
            if column not in ("n", "prev", "g", "sealed"):
                assert not holds(mended(changed), notes, key), (n, column, "mended")
            seen.add(column)
        blob = bytearray(base64.b64decode(sealed))
        blob[len(blob) // 2] ^= 1
        changed = [*lines[:n], data + b"\t" + base64.b64encode(bytes(blob)) + b"\n", *lines[n + 1 :]]
        assert not holds(changed, notes, key), (n, "sealed half")
    assert {
        "units",
        "tid",
        "meter",
        "tokens",
        "content",
        "budget",
        "order",
        "at",
        "to_krn",
        "approvers",
    } <= seen


def test_cut_drop_swap_insert_and_fork(written: tuple[Module, list[bytes], list[str], bytes]) -> None:
    module, lines, notes, key = written
    size, root = len(lines), module.checkpoint().root
    chance = random.Random(14)
    for _ in range(30):
        a, b = sorted(chance.sample(range(size), 2))
        swapped = lines.copy()
        swapped[a], swapped[b] = swapped[b], swapped[a]
        for forged in (lines[:a], lines[:a] + lines[a + 1 :], swapped, [*lines[:b], lines[a], *lines[b:]]):
            assert not holds(forged, notes, key)
            assert not holds(mended(forged), notes, key)
            assert not holds(mended(forged), [], key, ((size, root[:8]),)), "one head on paper is enough"


def test_the_verifier_would_miss_a_mended_log_without_any_head(
    written: tuple[Module, list[bytes], list[str], bytes],
) -> None:
    """The negative control: a careful forger is seen by checkpoints and heads, not by the chain alone."""
    _, lines, _, key = written
    assert holds(mended(lines[:-3]), [], key)


def test_a_checkpoint_signed_by_another_key_is_not_one(
    written: tuple[Module, list[bytes], list[str], bytes],
) -> None:
    _, lines, notes, _ = written
    assert not holds(lines, notes, bytes(32))


def test_the_module_does_not_start_on_an_altered_log(
    written: tuple[Module, list[bytes], list[str], bytes],
) -> None:
    module, lines, _, _ = written
    module.close()
    path = module.engine.log.folder / "entries.log"
    for n in (3, 30, len(lines) - 4):
        data = bytearray(b"".join(lines))
        data[sum(map(len, lines[:n])) + 40] ^= 1
        path.write_bytes(bytes(data))
        (path.parent / "snapshot").unlink(missing_ok=True)
        with pytest.raises(KeystoreError) as error:
            module._open()
        assert error.value.code == "log-damaged"
        assert path.read_bytes() == bytes(data), "nothing was cut away"
    path.write_bytes(b"".join(lines))
    module.engine = module._open()


def test_the_tree_is_that_of_rfc_6962(written: tuple[Module, list[bytes], list[str], bytes]) -> None:
    """Against a second implementation: roots at all sizes, all inclusion proofs, many consistency proofs."""
    module, lines, _, _ = written
    tree = InmemoryTree(algorithm="sha256")
    ours = module.engine.log.tree
    for line in lines:
        tree.append_entry(line.partition(b"\t")[0])
    for size in range(1, len(lines) + 1):
        assert ours.root(size) == tree.get_root(size)
    note = module.checkpoint().note
    for n in range(0, len(lines), 3):
        proof = module.proof(n)
        entry = verify_log.verify_proof(
            {"leaf_data": proof.leaf_data, "path": list(proof.path), "note": note}
        )
        assert entry["n"] == n
        verify_inclusion(tree.get_leaf(n + 1), tree.get_root(), tree.prove_inclusion(n + 1))
        with pytest.raises(Bad):
            verify_log.verify_proof(
                {
                    "leaf_data": proof.leaf_data.replace('"n":', '"n": '),
                    "path": list(proof.path),
                    "note": note,
                }
            )
    for first in range(1, len(lines), 5):
        path = [h.hex() for h in ours.consistency(first, len(lines))]
        theirs = tree.prove_consistency(first, len(lines))
        verify_consistency(tree.get_root(first), tree.get_root(), theirs)
        assert follows(first, len(lines), ours.root(first), ours.root(), [bytes.fromhex(h) for h in path])


def follows(first: int, second: int, old: bytes, new: bytes, path: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2, written anew."""

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    if first == second:
        return old == new and not path
    if first & (first - 1) == 0:
        path = [old, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for step in path[1:]:
        if fn & 1 or fn == sn:
            fr, sr = node(step, fr), node(step, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return fr == old and sr == new


def test_a_receipt_is_checked_from_paper(module: Module) -> None:
    request = credit()
    issued = module.issued(request)
    receipt = {
        "log": issued.log,
        "sequence": issued.sequence,
        "leaf": issued.leaf,
        "salt": issued.salt,
        "signature": issued.signature,
        "pan": request.meter.pan,
        "tokens": [" ".join(issued.tokens[0][i : i + 4] for i in range(0, 20, 4))],
        "content_hash": request.content_hash,
    }
    key = module.engine.log.public_key
    verify_log.verify_receipt(receipt, key)
    digit = "1" if issued.tokens[0][-1] == "0" else "0"
    for name, value in (
        ("pan", cast.a_pan()),
        ("tokens", [issued.tokens[0][:-1] + digit]),
        ("content_hash", "6" * 64),
        ("sequence", issued.sequence + 1),
        ("leaf", "0" * 64),
    ):
        with pytest.raises(Bad):
            verify_log.verify_receipt(receipt | {name: value}, key)


def test_the_public_half_names_neither_meter_nor_token(module: Module, folder: Path) -> None:
    request = credit()
    issued = module.issued(request)
    text = (folder / "log" / "entries.log").read_text()
    assert request.meter.pan not in text
    assert issued.tokens[0] not in text


@pytest.mark.long
def test_a_hundred_thousand_random_tamperings(written: tuple[Module, list[bytes], list[str], bytes]) -> None:
    _, lines, notes, key = written
    data = b"".join(lines)
    chance = random.Random(1414)
    for _ in range(100_000):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert not holds(bytes(changed).splitlines(keepends=True), notes[-1:], key)

"""Crash points around each append: kill -9 exactly there, start again, ask again with the same order id.

A child process is forked, armed and killed; what it answered before its death came through a pipe. Afterwards:
every token that was answered is in the log, the same order gives the same token, nothing was issued twice, and budgets and
identifiers went on where they were.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
from pathlib import Path
from typing import Any

import keystore_cast as cast
import pytest
from keystore_cast import Module, credit, meter

from keystore import crash, verify_log
from keystore import log as issuance_log
from keystore.module import CreditRequest, Issued

MODULE_POINTS = [p for p in crash.POINTS if p not in ("keystore.before-answer", "keystore.after-answer")]


def run_until_killed(
    folder: Path, point: str, passes: int, requests: list[CreditRequest], *, planted: bool = False
) -> dict[str, Any]:
    """Issue in a child that dies at the point; its answers up to then. Planted: it answers before it writes."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.environ[crash.VARIABLE] = f"{point}:{passes}"
        issuance_log.CHECKPOINT_EVERY = 5
        try:
            module = Module(folder)
            module.engine.log.snapshot_every = 8
            for request in requests:
                if planted:
                    tell(write, request)
                for answer in module.issue([request]):
                    tell(write, answer)
                module.engine.keep_house()
            module.close()
        finally:
            os._exit(0)
    os.close(write)
    data = b""
    while piece := os.read(read, 65536):
        data += piece
    os.close(read)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{point} was never passed"
    assert os.WTERMSIG(status) == signal.SIGKILL
    answers, at = {}, 0
    while at < len(data):
        (length,) = struct.unpack_from("I", data, at)
        answer = pickle.loads(data[at + 4 : at + 4 + length])
        answers[answer.order_id] = answer
        at += 4 + length
    return answers


def tell(pipe: int, answer: Any) -> None:
    data = pickle.dumps(answer)
    os.write(pipe, struct.pack("I", len(data)) + data)


@pytest.mark.parametrize("passes", [1, 2, 3])
@pytest.mark.parametrize("point", MODULE_POINTS)
def test_killed_at(folder: Path, point: str, passes: int) -> None:
    if point == "keystore.at-start" and passes > 1:
        passes = 1
    keyings = [meter(98), meter(99)]
    requests = [credit(keyings[n % 2], 10 + n) for n in range(30)]
    answered = run_until_killed(folder, point, passes, requests)
    module = Module(folder)
    assert all(module.engine.log.knows(order_id) for order_id in answered), "a token outside the log"
    after = {r.order_id: module.issued(r) for r in requests}
    for order_id, answer in answered.items():
        assert after[order_id].tokens == answer.tokens
        assert after[order_id].signature == answer.signature
        assert after[order_id].replayed
    assert len({a.tokens for a in after.values()}) == 30
    for keying in keyings:
        identifiers = [after[r.order_id].tid for r in requests if r.meter == keying]
        assert identifiers == sorted(set(identifiers))
    left = next(b for b in module.status().budgets if b.budget_id == "demo-600100-electricity")
    assert left.used == sum(r.units for r in requests)
    module.engine.log.write_checkpoint()
    report = verify_log.verify_log(
        verify_log.read_lines(str(folder / "log" / "entries.log")),
        verify_log.read_checkpoints(str(folder / "log" / "checkpoints")),
        module.engine.log.public_key,
    )
    assert report.units == {"600100/1": left.used}
    module.engine.log.abandon()


def test_the_battery_catches_a_module_that_answers_before_it_writes(folder: Path) -> None:
    """The planted fault: a token handed out before the append is not in the log after the kill, and that is seen."""
    requests = [credit() for _ in range(4)]
    answered = run_until_killed(folder, "keystore.before-append", 3, requests, planted=True)
    module = Module(folder)
    unlogged = [order_id for order_id in answered if not module.engine.log.knows(order_id)]
    assert len(unlogged) == 1
    module.engine.log.abandon()


def test_a_torn_end_is_cut_and_kept_aside(folder: Path) -> None:
    module = Module(folder)
    request = credit()
    module.issued(request)
    module.engine.log.abandon()
    path = folder / "log" / "entries.log"
    whole = path.read_bytes()
    for torn in (whole[-700:-20], whole[-700:-20] + b"\x00" * 512, b"\x00" * 512 + whole[-700:]):
        path.write_bytes(whole + torn)
        module = Module(folder)
        assert module.replay([request.order_id])[0].order_id == request.order_id
        module.engine.log.abandon()
        kept = list((folder / "log").glob("torn-*.part"))
        assert kept
        for part in kept:
            part.unlink()
        whole = path.read_bytes()


def test_a_full_disk_refuses_and_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from keystore.errors import LogFull

    module = Module(folder)
    request = credit()
    size, state = module.engine.log.size, module.engine.log.state.image()
    written = os.pwrite

    def full(fd: int, data: bytes, offset: int) -> int:
        if len(data) > 100:
            return written(fd, bytes(data[:100]), offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(LogFull):
        module.issue([request])
    monkeypatch.undo()
    assert module.engine.log.size == size
    assert module.engine.log.state.image() == state
    issued = module.issued(request)
    assert not issued.replayed
    module.restart()
    assert module.issued(request).tokens == issued.tokens
    module.engine.log.abandon()


@pytest.mark.parametrize(
    ("requests", "background"),
    [(1, False), (8, True), (8, False)],
    ids=["alone", "in the background", "at once"],
)
def test_a_failed_sync_ends_the_module(
    folder: Path, monkeypatch: pytest.MonkeyPatch, requests: int, background: bool
) -> None:
    from keystore import syncing
    from keystore.engine import Group
    from keystore.journal import SyncFailed

    module = Module(folder)
    end, write = os.pipe()
    if not background:
        monkeypatch.setattr(syncing, "_begin", syncing._at_once)
    real = syncing.begin
    monkeypatch.setattr(
        syncing, "begin", lambda _descriptor, alone: real(write, alone=alone)
    )  # a pipe cannot be synced
    size = module.engine.log.size
    group, worked_out = Group(), []
    answer = module.engine.issue(group, [credit() for _ in range(requests)])
    with pytest.raises(SyncFailed):
        module.engine.commit(group, lambda: worked_out.append(answer()))
    assert not issubclass(SyncFailed, Exception), "nothing on the way may catch it"
    assert bool(worked_out) == (background or requests == 1), (
        "an answer may be worked out meanwhile, but commit did not return"
    )
    assert module.engine.log._journal.mark.size == size, "nothing of it was acknowledged"
    module.engine.log.abandon()
    os.close(end)
    os.close(write)


def test_a_sync_in_the_background_is_a_sync(tmp_path: Path) -> None:
    from keystore import syncing

    assert syncing._begin is not syncing._at_once, "this machine syncs while it works"
    with (tmp_path / "file").open("wb") as file:
        for n in range(20):
            file.write(b"x" * 1000 * n)
            file.flush()
            syncing.begin(file.fileno(), alone=n % 2 == 0).finish()
    with pytest.raises(OSError, match="Bad file descriptor"):
        syncing.begin(99_999).finish()
    with pytest.raises(OSError, match="Bad file descriptor"):
        syncing.begin(99_999, alone=True).finish()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # the library's threads are not here
        with (tmp_path / "file").open("wb") as file:
            syncing.begin(file.fileno()).finish()
        os.write(write, b"synced")
        os._exit(0)
    assert os.read(read, 6) == b"synced"
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)


def test_two_modules_never_share_a_log(folder: Path) -> None:
    from keystore.errors import KeyFileBusy

    module = Module(folder)
    with pytest.raises(KeyFileBusy):
        Module(folder)
    module.engine.log.abandon()


def test_a_live_key_file_has_no_crash_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crash.VARIABLE, "keystore.before-append")
    crash.arm(all_test=False)
    crash.point("keystore.before-append")  # still alive


def test_the_state_is_the_same_with_and_without_its_snapshot(folder: Path) -> None:
    from keystore import snapshot

    module = Module(folder)
    keying = meter()
    for n in range(40):
        module.issued(credit(keying if n % 3 == 0 else meter(), 5))
        if n == 25:
            module.engine.log.save_snapshot()
    module.engine.log.save_snapshot()
    image, root = module.engine.log.state.image(), module.engine.log.tree.root()
    size = module.engine.log.size
    module.restart(clean=False)
    quick = module.engine.log.state.image()
    module.engine.log.abandon()
    snapshot.forget(folder / "log")
    module.engine = module._open()
    slow = module.engine.log.state.image()
    assert quick["meters"] == slow["meters"] == image["meters"]
    assert quick["budgets"] == slow["budgets"] == image["budgets"]
    assert module.engine.log.tree.root(size) == root
    module.engine.log.abandon()


def test_a_forged_snapshot_is_not_believed(folder: Path) -> None:
    module = Module(folder)
    request = credit()
    module.issued(request)
    module.engine.log.save_snapshot()
    module.engine.log.abandon()
    path = folder / "log" / "snapshot"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    module = Module(folder)
    assert module.issued(request).replayed
    module.engine.log.abandon()


@pytest.mark.long
def test_ten_thousand_kills(made: Path, tmp_path: Path) -> None:
    """Kill at any point, many times over, on one log."""
    import random
    import shutil

    folder = tmp_path / "m"
    shutil.copytree(made, folder)
    chance = random.Random(1)
    known: dict[str, Issued] = {}
    for _ in range(10_000):
        requests = [credit(cast.meter()) for _ in range(3)]
        point = chance.choice(
            [
                "keystore.before-append",
                "keystore.half-written",
                "keystore.before-sync",
                "keystore.after-append",
            ]
        )
        known |= run_until_killed(folder, point, chance.randint(2, 4), requests)
    module = Module(folder)
    for order_id, answer in known.items():
        assert module.replay([order_id])[0].tokens == answer.tokens
    module.engine.log.abandon()

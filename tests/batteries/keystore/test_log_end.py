"""The end of the log: what a power cut tears is cut, what was acknowledged and damaged is not.

Every bit of the last group is flipped, and every length of it is cut off, after a clean stop, after a kill, and without
the mark of what was acknowledged. With the mark nothing acknowledged is ever lost silently; without it, a write that never
arrived whole is still told from one that did.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from keystore_cast import Module, credit, meter

from keystore import acts, snapshot, syncing, verify_log
from keystore.cli import main
from keystore.errors import KeystoreError, LogDamaged
from keystore.journal import Journal
from keystore.log import IssuanceLog
from keystore.module import CreditRequest, Issued


class End:
    """A log whose last group holds three acknowledged tokens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.path = self.log / "entries.log"
        module = Module(folder)
        module.issue([credit() for _ in range(5)])
        self.place = (module.engine.log.size, module.engine.log.head)
        self.before = module.engine.log._journal.end
        self.requests = [credit(meter()) for _ in range(3)]
        self.tokens = [a.tokens for a in module.issue(self.requests) if isinstance(a, Issued)]
        self.secret = module.engine.log._journal.secret
        module.engine.log.abandon()  # as by a kill: nothing is written on the way out
        self.whole = self.path.read_bytes()

    def put(self, data: bytes) -> None:
        self.path.write_bytes(data)
        for part in self.log.glob("torn-*.part"):
            part.unlink()

    def read(self) -> int:
        """What the module's start does with the last group: the entries read, or `LogDamaged`."""
        journal = Journal(self.log, self.secret)
        try:
            return sum(1 for _ in journal.scan(self.before, *self.place))
        finally:
            journal.close()

    def forget_mark(self) -> None:
        (self.log / "acknowledged").unlink()


@pytest.fixture
def end(folder: Path) -> End:
    return End(folder)


def flips(end: End, step: int) -> Iterator[bytes]:
    for bit in range(end.before * 8, len(end.whole) * 8, step):
        data = bytearray(end.whole)
        data[bit // 8] ^= 1 << bit % 8
        yield bytes(data)


def every_bit_is_seen(end: End, step: int) -> None:
    for data in flips(end, step):
        end.put(data)
        with pytest.raises(LogDamaged):
            end.read()
        assert end.path.read_bytes() == data, "nothing was cut away"


def test_a_flipped_bit_in_the_last_acknowledged_group_is_damage(end: End) -> None:
    assert end.before < len(end.whole)
    every_bit_is_seen(end, 23)


@pytest.mark.long
def test_every_flipped_bit_in_the_last_acknowledged_group_is_damage(end: End) -> None:
    every_bit_is_seen(end, 1)


def test_without_the_mark_only_a_lost_line_feed_or_a_zero_looks_torn(end: End) -> None:
    """What stays undecidable, counted: a flip of the very last byte, or one that makes a zero byte."""
    end.forget_mark()
    cut = 0
    for data in flips(end, 23):
        end.put(data)
        try:
            end.read()
        except LogDamaged:
            assert end.path.read_bytes() == data
        else:
            cut += 1
            assert b"\x00" in data or not data.endswith(b"\n")
    assert cut <= 2


def test_a_write_that_never_arrived_whole_is_cut_at_every_length(end: End) -> None:
    """A power cut before the sync: the mark is the one before, and the group is short or has a hole."""
    journal = Journal(end.log, end.secret)
    journal.end = end.before
    journal.acknowledge(7, bytes(32))
    journal.close()
    for length in range(end.before, len(end.whole), 11):
        end.put(end.whole[:length])
        assert end.read() < 3
    for hole in range(end.before, len(end.whole) - 512, 97):
        end.put(end.whole[:hole] + bytes(512) + end.whole[hole + 512 :])
        assert end.read() < 3
        assert list(end.log.glob("torn-*.part"))


def test_a_log_that_lost_acknowledged_entries_whole_sells_nothing_until_two_people_say_so(
    folder: Path,
) -> None:
    end = End(folder)
    lines = end.whole.splitlines(keepends=True)
    end.put(b"".join(lines[:-2]))
    module = Module(folder)
    assert module.status().state == "behind"
    assert f"of which {len(lines)} were acknowledged" in module.status().reason
    with pytest.raises(KeystoreError) as refused:
        module.issue([credit()])
    assert refused.value.code == "log-behind"
    module.restart(clean=False)
    assert module.status().state == "behind", "a restart does not make it forget"
    fast_forward(module)
    assert module.status().state == "ready"
    module.restart()
    assert module.status().state == "ready"
    module.budget(1000)
    module.source.pass_(minutes=2)
    again = module.issued(end.requests[1])
    assert again.tokens != end.tokens[1], "its identifier lies above that of the lost token"
    module.engine.log.abandon()


def fast_forward(module: Module) -> None:
    note = module.checkpoint().note
    module.act(
        acts.fast_forward(
            note=note, module=module.name, maker="Test", reason="the end is lost", made=module.now()
        )
    )


@pytest.mark.parametrize("entry", [0, 1, 2])
@pytest.mark.parametrize("half", ["public", "sealed"])
def test_a_damaged_end_that_no_copy_can_replace_is_cut_by_a_person(
    folder: Path, entry: int, half: str
) -> None:
    end = End(folder)
    lines = end.whole[end.before :].splitlines(keepends=True)
    start = end.before + sum(map(len, lines[:entry]))
    place = lines[entry].index(b"\t") + 50 if half == "sealed" else lines[entry].index(b'"order":') + 12
    data = bytearray(end.whole)
    data[start + place] = ord("A") if data[start + place] != ord("A") else ord("B")
    end.put(bytes(data))
    with pytest.raises(LogDamaged):
        Module(folder)
    said = CliRunner().invoke(main, ["log", "cut", "--log", str(end.log)], input="n\n")
    assert said.exit_code == 1
    assert end.path.read_bytes() == bytes(data)
    said = CliRunner().invoke(main, ["log", "cut", "--log", str(end.log), "--yes"])
    assert said.exit_code == 0, said.output
    assert f"With it {3 - entry} lines would be given up" in said.output
    assert (end.log / f"cut-{start}.part").read_bytes() == bytes(data)[start:]
    module = Module(folder)
    assert module.status().state == "behind"
    fast_forward(module)
    assert module.status().state == "ready"
    module.engine.log.close()
    said = CliRunner().invoke(main, ["log", "cut", "--log", str(end.log), "--yes"])
    assert "nothing to cut" in said.output


def test_the_battery_catches_a_log_that_cuts_whatever_does_not_read(
    end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: without the mark and without a look at the end, an acknowledged group is lost."""
    monkeypatch.setattr("keystore.journal._looks_torn", lambda tail: True)
    end.forget_mark()
    with pytest.raises(pytest.fail.Exception):
        every_bit_is_seen(end, 501)


def test_the_mark_is_settled_when_nothing_waits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    module = Module(folder)
    monkeypatch.setattr(os, "fdatasync", synced.append)
    monkeypatch.setattr(syncing, "_begin", syncing._at_once)
    module.issue([credit()])
    assert len(synced) == 1, "one sync a group"
    module.engine.log.settle()
    module.engine.log.settle()
    assert len(synced) == 2
    module.engine.log.abandon()


def test_pieces_of_an_older_index_are_not_joined_with_a_restored_log(folder: Path) -> None:
    module = Module(folder)
    requests: list[CreditRequest] = [credit() for _ in range(10)]
    module.issue(requests[:6])
    module.engine.log.abandon()
    shorter = (folder / "log" / "entries.log").read_bytes()
    module = Module(folder)
    module.issue(requests[6:])
    module.engine.log.save_snapshot()
    module.engine.log.abandon()
    (folder / "log" / "entries.log").write_bytes(shorter)
    assert list((folder / "log" / "index").iterdir())
    module = Module(folder)
    assert not list((folder / "log" / "index").iterdir())
    module.engine.log.abandon()


def test_forgetting_the_snapshot_keeps_the_mark(folder: Path) -> None:
    module = Module(folder)
    module.issue([credit()])
    module.engine.log.abandon()
    snapshot.forget(folder / "log")
    module = Module(folder)
    assert isinstance(module.engine.log, IssuanceLog)
    assert not module.engine.log.missing
    module.engine.log.abandon()


def test_zeros_stand_ahead_of_a_running_log_and_are_gone_from_a_closed_one(folder: Path) -> None:
    module = Module(folder)
    request = credit()
    module.issued(request)
    path, journal = folder / "log" / "entries.log", module.engine.log._journal
    assert path.stat().st_size > journal.end
    assert set(path.read_bytes()[journal.end :]) == {0}
    size = path.stat().st_size
    module.issued(credit())
    assert path.stat().st_size == size, "the second group made no new length"
    assert len(list(verify_log.read_lines(str(path)))) == module.engine.log.size
    killed = path.read_bytes()  # what a kill leaves behind
    module.close()
    assert path.stat().st_size == journal.end
    path.write_bytes(killed)
    module = Module(folder)
    assert not list((folder / "log").glob("torn-*.part"))
    assert module.replay([request.order_id])[0].order_id == request.order_id
    module.close()


def test_zeros_where_acknowledged_entries_were_are_damage_and_not_room(end: End) -> None:
    end.put(end.whole[: end.before] + bytes(len(end.whole) - end.before + 4096))
    with pytest.raises(LogDamaged):
        end.read()


def test_bytes_beyond_the_zeros_are_not_overlooked(end: End) -> None:
    end.put(end.whole + bytes(4096) + b"x\n")
    assert not list(verify_log.read_lines(str(end.path)))[-1].startswith(b"{"), "the verifier sees them"
    with pytest.raises(verify_log.Bad):
        verify_log.verify_log(verify_log.read_lines(str(end.path)))


def test_a_disk_with_room_for_the_entries_alone_still_takes_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = Module(folder)
    written = os.pwrite

    def full(fd: int, data: bytes, offset: int) -> int:
        if len(data) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    module.engine.log._journal._room = module.engine.log._journal.end
    issued = module.issued(credit())
    assert module.engine.log.size == issued.sequence + 1
    module.close()

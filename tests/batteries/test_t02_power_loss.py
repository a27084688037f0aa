"""T-02: thousands of legal disks after a power cut, rebuilt from recorded I/O: nothing acknowledged is lost, nothing is corrupt.

The recorded process is the product's own code on its own settings (`disk/workload.py`). Settings that lose sales are recorded
beside it and must be caught: a battery that finds nothing there would find nothing anywhere. The long form judges a million
states: `.venv/bin/pytest -m long tests/batteries/test_t02_power_loss.py` (25 minutes beside other work, half of that on a quiet machine).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from disk.crash_disks import Op, recorded, states
from disk.judging import JUDGES, Verdict, judge_database, judge_log
from disk.shim import shim

__all__ = ["shim"]

HERE = Path(__file__).parents[1] / "disk"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """States are written here by the thousand: in memory, where the machine has such a folder."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path / "state"
        return
    folder = shared / f"ampoule-{os.getpid()}-{tmp_path.name}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def record(shim: Path, folder: Path, kind: str, count: int) -> list[Op]:
    folder.mkdir()
    log = folder.with_name(folder.name + ".ops")
    environment = {"LD_PRELOAD": str(shim), "SHIM_DIR": str(folder), "SHIM_LOG": str(log), "SHIM_FAST": "1"}
    subprocess.run(
        [sys.executable, str(HERE / "workload.py"), kind, str(folder), str(count)],
        check=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
    )
    return recorded(log)


def judged(shim: Path, tmp_path: Path, scratch: Path, kind: str, count: int, seed: int) -> Verdict:
    ops = record(shim, tmp_path / kind, kind, 120)
    verdict = Verdict()
    judge = JUDGES.get(kind, judge_database)
    for state in states(ops, count, seed):
        judge(state, scratch, verdict)
    assert verdict.judged == count
    return verdict


@pytest.mark.parametrize("kind", ["database", "log"])
def test_nothing_acknowledged_is_lost_by_a_power_cut(
    shim: Path, tmp_path: Path, scratch: Path, kind: str
) -> None:
    assert judged(shim, tmp_path, scratch, kind, 2500, 20261128) == Verdict(2500)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["database", "log"])
@pytest.mark.parametrize("seed", range(10))
def test_a_million_states(shim: Path, tmp_path: Path, scratch: Path, kind: str, seed: int) -> None:
    assert judged(shim, tmp_path, scratch, kind, 50_000, seed) == Verdict(50_000)


def test_wal_with_normal_sync_is_caught(shim: Path, tmp_path: Path, scratch: Path) -> None:
    verdict = judged(shim, tmp_path, scratch, "wal-normal", 200, 1)
    assert verdict.lost > 60
    assert verdict.corrupt == 0


def test_delete_journal_with_full_sync_is_caught(shim: Path, tmp_path: Path, scratch: Path) -> None:
    """SQLite's default pair: the removal of the journal is not synced, and a journal that comes back undoes a commit."""
    verdict = judged(shim, tmp_path, scratch, "delete-full", 600, 1)
    assert verdict.lost > 0


def test_no_sync_at_all_is_caught(shim: Path, tmp_path: Path, scratch: Path) -> None:
    verdict = judged(shim, tmp_path, scratch, "off", 200, 1)
    assert verdict.lost > 60
    assert verdict.corrupt > 0


def test_an_unsynced_log_is_caught(shim: Path, tmp_path: Path, scratch: Path) -> None:
    """The log's syncs are taken out of the recording: what is left must look like a loss."""
    ops = [op for op in record(shim, tmp_path / "log", "log", 120) if op.kind != "s" or op.name == "."]
    verdict = Verdict()
    for state in states(ops, 200, 1):
        judge_log(state, scratch, verdict)
    assert verdict.lost + verdict.corrupt > 60

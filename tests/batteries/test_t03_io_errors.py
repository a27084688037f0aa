"""T-03: each write, sync and read of the disk fails once, and from then on: no false success, nothing corrupt, one name each.

What was acknowledged before, between or after the failures is there when the files are opened again; a step that failed left
no trace; after a sync that failed the process has ended, because the kernel may have forgotten what it was told to keep.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from disk.crash_disks import State
from disk.judging import JUDGES, Verdict
from disk.shim import shim

__all__ = ["shim"]

REPOSITORY = Path(__file__).parents[2]
CASES = [
    (kind, call, number, sticky)
    for kind in ("database", "log")
    for call, number in (("write", "ENOSPC"), ("write", "EIO"), ("sync", "EIO"), ("read", "EIO"))
    for sticky in (False, True)
    if not (kind == "log" and call == "read")  # it reads at its start only
]


def outcomes(
    shim: Path, root: Path, kind: str, call: str, number: str, most: int, sticky: bool
) -> list[dict[str, object]]:
    environment = {"LD_PRELOAD": str(shim), "SHIM_DIR": str(root), "SHIM_FAST": "1", "PYTHONPATH": "tests"}
    told = subprocess.run(
        [sys.executable, "-m", "disk.faults", kind, call, number, str(root), str(most)] + ["sticky"] * sticky,
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.mark.parametrize("most", [24, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize(("kind", "call", "number", "sticky"), CASES)
def test_no_failing_call_loses_or_spoils_anything(
    shim: Path, tmp_path: Path, kind: str, call: str, number: str, sticky: bool, most: int
) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    verdict, seen = Verdict(), set()
    for run in outcomes(shim, root, kind, call, number, most, sticky):
        assert run["outcome"] != "fault", run
        if call == "sync" and kind == "log":
            assert run["outcome"] in ("ended", "done") or not run["acked"], run
        seen.add(run["outcome"])
        folder = root / f"{call}-{run['n']}"
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        files = {name: data for name, data in files.items() if not name.endswith(("-shm", "lock", "reserve"))}
        acked = max(run["acked"], default=0)  # type: ignore[call-overload] — a list of numbers, as faults.py writes it
        if files:
            JUDGES[kind](State(files, acked, 0), tmp_path / "state", verdict)
        else:
            assert acked == 0
    assert (verdict.lost, verdict.corrupt) == (0, 0)
    assert seen & {"refused", "ended"}, "no call failed: the shim was not there"

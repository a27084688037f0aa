"""Runs the workload again and again, each time with another call to the disk failing, and tells what came of it.

`faults.py KIND CALL ERRNO FOLDER MOST [sticky]`, under the shim. The product is imported once; each run is a fork, so that three
hundred of them take seconds. One JSON line a run: the number of the call that failed, how the process ended (`done`, `refused`
and by what name, `ended` after a sync that failed, `fault` for anything that has no name), and what it had acknowledged.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import vending.db  # noqa: F401 — imported here so that no fork has to
from disk import workload
from keystore.errors import KeystoreError
from keystore.journal import SyncFailed
from vending.errors import VendingError

ENDED = 74


def ack_of(folder: Path) -> Path:
    """Beside the disk that fails, not on it."""
    return folder.parent.with_name(folder.name + ".ack")


def one(kind: str, fault: str, folder: Path) -> tuple[str, str]:
    """In the child: the workload, with each refusal survived as a server survives it."""
    ack = os.open(ack_of(folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.environ["SHIM_FAIL"] = fault
    names: set[str] = set()

    def acknowledge(number: int) -> None:
        os.write(ack, b"%d\n" % number)

    try:
        if kind == "database":
            workload.database(folder, 12, acknowledge, names)
        else:
            workload.log(folder, 12, acknowledge, names)
    except (VendingError, KeystoreError) as error:
        return "refused", error.code
    except SyncFailed:
        return "ended", "sync"
    except BaseException as error:
        return "fault", f"{type(error).__name__}: {error}"
    return ("refused", ",".join(sorted(names))) if names else ("done", "")


def main(kind: str, call: str, number: int, root: Path, most: int, sticky: bool) -> None:
    quiet = 0
    for nth in range(1, most + 1):
        folder = root / f"{call}-{nth}"
        folder.mkdir()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            said = one(kind, f"{call}:{nth}:{number}" + (":sticky" if sticky else ""), folder)
            os.environ.pop("SHIM_FAIL")
            os.write(writing, json.dumps(said).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        outcome, name = (
            json.loads(text) if text else ("ended" if status == ENDED else "fault", f"status {status}")
        )
        acked = ack_of(folder).read_text().split()
        print(
            json.dumps({"n": nth, "outcome": outcome, "name": name, "acked": [int(each) for each in acked]})
        )
        quiet = quiet + 1 if outcome == "done" else 0
        if quiet == 5:
            return  # the workload makes fewer calls than that: none of them failed


if __name__ == "__main__":
    main(
        sys.argv[1],
        sys.argv[2],
        getattr(errno, sys.argv[3]),
        Path(sys.argv[4]),
        int(sys.argv[5]),
        "sticky" in sys.argv[6:],
    )

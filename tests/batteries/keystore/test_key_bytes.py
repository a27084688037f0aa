"""T-25: key bytes are in the module's process and nowhere else: not in the web process, the logs, the back-ups.

The scan looks for the raw bytes, hexadecimal and base64 of every vending key and of the file's root. It first finds
them where they must be (the open module), or it would prove nothing.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import keystore_cast as cast
import pytest
from keystore_cast import Process, credit

from keystore import demonstration, seal, store

WEB_USER = 65534


def needles(path: Path) -> list[bytes]:
    opened = seal.unlock(store.read(path), demonstration.passphrases()[:2])
    secrets = [opened.root]
    secrets += [seal.open_record(opened.root, opened.file, r) for r in opened.file.records]
    found = []
    for secret in secrets:
        found += [secret, secret.hex().encode(), base64.b64encode(secret)[:-2]]
    return found


def memory_hits(pid: int, wanted: list[bytes]) -> int:
    hits = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not found or "[v" in line:
                continue
            start, end = (int(x, 16) for x in found.groups())
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            hits += sum(needle in data for needle in wanted)
    return hits


def file_hits(folder: Path, wanted: list[bytes]) -> list[str]:
    return [
        f"{path.name}" for path in folder.rglob("*") if path.is_file()
        for needle in wanted if needle in path.read_bytes()
    ]  # fmt: skip


@pytest.fixture
def site() -> Iterator[Process]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to read the memory of another user's process")
    with cast.of_other_users("--seller", str(WEB_USER), mode=0o711) as process:
        yield process


def test_key_bytes_are_in_the_module_alone(site: Process) -> None:
    wanted = needles(site.folder / demonstration.KEY_FILE)

    def web() -> str:
        """The web server: it sells, and then its own memory, and what it can read, is looked at."""
        client = site.client()
        issued = [client.issue([credit()])[0] for _ in range(50)]
        assert client.status().state == "ready"
        refusals = []
        for path in (site.folder / demonstration.KEY_FILE, site.folder / "log" / "entries.log",
                     Path(f"/proc/{site.process.pid}/mem")):  # fmt: skip
            try:
                path.open("rb").close()
                refusals.append("open")
            except PermissionError:
                refusals.append("shut")
        assert len({i.tokens for i in issued}) == 50
        return ",".join(refusals)

    assert cast.as_user(WEB_USER, web) == "shut,shut,shut"
    assert site.process is not None
    assert memory_hits(site.process.pid, wanted) > 0, "the scan must find the keys where they are"

    import subprocess
    import sys

    code = (
        "import sys,time;sys.path.insert(0,'tests')\n"
        "from keystore.client import SocketModule\nfrom keystore_cast import credit\n"
        "c=SocketModule(sys.argv[1]);[c.issue([credit()]) for _ in range(50)];c.status()\n"
        "print('sold',flush=True);sys.stdin.read()"
    )
    web_process = subprocess.Popen(
        [sys.executable, "-c", code.replace("from keystore_cast import credit", CREDIT), str(site.socket)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert web_process.stdout is not None
    assert web_process.stdout.readline() == "sold\n"
    assert memory_hits(web_process.pid, wanted) == 0
    web_process.communicate("")

    assert file_hits(site.folder, wanted) == []
    site.client().lock()
    assert site.wait() == 0
    assert not Path(f"/proc/{site.process.pid}").exists(), "locking ends the process: its pages are gone"
    assert not any(needle.decode("ascii", "replace") in site.errors for needle in wanted)


CREDIT = """
import uuid
from keystore.module import CreditRequest, MeterKeying
from sts import drn, pan
import itertools
numbers = itertools.count(5000)
def credit():
    m = MeterKeying(pan.of("600727", drn.of(f"01{next(numbers):08d}")),"11","02","04","600100",1,"01",2,255,2014)
    return CreditRequest(str(uuid.uuid4()), m, "electricity", 0, 10, "large", "0"*64)
"""

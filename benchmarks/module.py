"""The security module against what it cannot beat: ratios, measured side by side in one run.

    python benchmarks/module.py [issue] [batch] [verify] [restart] [--tokens N]

`issue`: one caller and 32 callers through the socket, durable, against a bare socket whose server writes and syncs the same
number of bytes. `batch`: `keystore issue-batch`, ten tokens for each meter, by itself. `verify`: `keystore log verify` on
that log, entries a second on one core. `restart`: a start on that log, with its snapshot. Absolute figures depend on the
machine; the ratios are the goals of issue 4.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from multiprocessing import Process
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # this file has the name of the package

from keystore import demonstration, messages, opening, order_files, seal, store, verify_log  # noqa: E402
from keystore.client import SocketModule  # noqa: E402
from keystore.module import CreditRequest, MeterKeying  # noqa: E402
from sts import drn, pan  # noqa: E402

PROGRAM = str(Path(sys.executable).parent / "keystore")
SECONDS = 3.0
BYTES = 1250  # of an entry's line


def request(number: int) -> CreditRequest:
    meter = MeterKeying(
        pan.of("600727", drn.of(f"02{number % 10**8:08d}")), "11", "02", "04", "600100", 1, "01", 2, 255, 2014
    )
    return CreditRequest(str(uuid.uuid4()), meter, "electricity", 0, 10, "large", "0" * 64)


def bare_server(path: str, file: str) -> None:
    """A round trip that syncs the same bytes and does nothing else."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(1)
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    line, _ = listener.accept()
    at = 0
    while data := line.recv(65536):
        os.pwrite(fd, b"x" * BYTES, at)
        os.fdatasync(fd)
        at += BYTES
        line.send(data)


def bare(folder: Path) -> float:
    path = str(folder / f"bare-{uuid.uuid4().hex[:6]}")
    server = Process(target=bare_server, args=(path, str(folder / "bare.bytes")), daemon=True)
    server.start()
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for _ in range(500):
        try:
            line.connect(path)
            break
        except OSError:
            time.sleep(0.01)
    data = messages.pack({"v": 1, "verb": "issue", "body": {"requests": [messages.request_out(request(1))]}})
    count, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        line.send(data)
        line.recv(65536)
        count += 1
    line.close()
    server.join(2)
    return count / SECONDS


def callers(path: Path, how_many: int, base: int) -> float:
    """Threads in two processes, each its own connection, each waiting for its answer before it asks again."""
    parts = 1 if how_many == 1 else 2
    results = []
    for part in range(parts):
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            os.write(write, str(_part(path, how_many // parts, base + part * 10**6)).encode())
            os._exit(0)
        os.close(write)
        results.append(read)
    total = 0.0
    for read in results:
        total += float(os.read(read, 64) or b"0")
        os.close(read)
        os.wait()
    return total


def _part(path: Path, threads: int, base: int) -> float:
    module = SocketModule(path, timeout_s=30)
    each = 12_000 // threads
    prepared = [[request(base + t * 20_000 + n) for n in range(each)] for t in range(threads)]
    counts = [0] * threads
    start = time.perf_counter()
    end = start + SECONDS

    def run(number: int) -> None:
        n = 0
        while n < each and time.perf_counter() < end:
            wanted = prepared[number][n]
            found = module.issue([wanted])
            assert found[0].order_id == wanted.order_id
            assert hasattr(found[0], "tokens"), found
            n += 1
        counts[number] = n
        assert n < each, "the callers ran out of requests: prepare more"

    workers = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / SECONDS


def measure_issue(folder: Path) -> None:
    demonstration.init(folder / "m")
    path = folder / "m" / "socket"
    process = subprocess.Popen(
        [PROGRAM, "serve", "--file", str(folder / "m" / "keys.stsks"), "--log", str(folder / "m" / "log"),
         "--socket", str(path), "--unlock-test-keys"], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not path.exists():
        time.sleep(0.02)
    rows = []
    for n in range(3):
        one_bare = bare(folder)
        one = callers(path, 1, 10_000_000 + n * 3_000_000)
        before, groups = log_shape(folder / "m" / "log")
        many = callers(path, 32, 11_000_000 + n * 3_000_000)
        after, groups_after = log_shape(folder / "m" / "log")
        rows.append((one_bare, one, many, (after - before) / max(1, groups_after - groups)))
        print(
            f"  bare {one_bare:6.0f}/s   one caller {one:6.0f}/s   32 callers {many:6.0f}/s   entries a sync {rows[-1][3]:.1f}"
        )
    process.terminate()
    process.wait()
    first = statistics.median(one / bare_ for bare_, one, _, _ in rows)
    second = statistics.median(many / one for _, one, many, _ in rows)
    print(f"one caller / bare socket with sync: {first:.2f} (goal 0.4)")
    print(f"32 callers / one caller: {second:.2f} (goal 3)")


def log_shape(folder: Path) -> tuple[int, int]:
    """Entries and groups so far."""
    entries, groups = 0, set()
    for line in verify_log.read_lines(str(folder / "entries.log")):
        entries += 1
        groups.add(json.loads(line.partition(b"\t")[0])["g"])
    return entries, len(groups)


def measure_batch(folder: Path, tokens: int) -> None:
    demonstration.init(folder / "b")
    meters = max(1, tokens // 10)
    digest = hashlib.sha256()
    with (folder / "orders.body").open(
        "wb"
    ) as body:  # in a stream: a child's peak counts from its parent's size
        for number in range(meters):
            content = messages.request_out(request(number))
            for n in range(10):
                content["order_id"] = f"batch-{number}-{n}"
                line = json.dumps(content).encode() + b"\n"
                digest.update(line)
                body.write(line)
    with (folder / "orders").open("wb") as orders, (folder / "orders.body").open("rb") as body:
        orders.write(order_files.header(10 * meters, digest.hexdigest()))
        shutil.copyfileobj(body, orders)
    (folder / "orders.body").unlink()
    started = time.perf_counter()
    subprocess.run(
        [PROGRAM, "issue-batch", "--file", str(folder / "b" / "keys.stsks"), "--log", str(folder / "b" / "log"),
         "--orders", str(folder / "orders"), "--out", str(folder / "answers"), "--unlock-test-keys"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    took = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    size = sum(p.stat().st_size for p in (folder / "b" / "log").rglob("*") if p.is_file()) / 2**20
    print(f"issue-batch: {tokens} tokens for {meters} meters in {took:.1f} s, "
          f"{(used.ru_utime + used.ru_stime) / tokens * 1e6:.0f} us of one core each, "
          f"peak {peak:.0f} MB, log {size:.0f} MB (goal: a million under 90 s and 500 MB)")  # fmt: skip


def measure_verify(folder: Path) -> None:
    notes = verify_log.read_checkpoints(str(folder / "b" / "log" / "checkpoints"))
    started = time.perf_counter()
    report = verify_log.verify_log(verify_log.read_lines(str(folder / "b" / "log" / "entries.log")), notes)
    took = time.perf_counter() - started
    print(
        f"log verify: {report.entries} entries, {report.entries / took:.0f} a second on one core (goal 50,000)"
    )


def measure_restart(folder: Path) -> None:
    path = folder / "b" / "keys.stsks"
    data = store.read(path)
    opened = seal.unlock(data, demonstration.passphrases()[:2])
    started = time.perf_counter()
    engine = opening.open_module(opened, data, opening.Options(folder / "b" / "log"))
    took = time.perf_counter() - started
    print(f"restart with {engine.log.size} entries: {took:.2f} s (goal: a million under 5 s)")
    engine.log.abandon()


def main() -> None:
    wanted = [a for a in sys.argv[1:] if a.isalpha()] or ["issue", "batch", "verify", "restart"]
    tokens = int(sys.argv[sys.argv.index("--tokens") + 1]) if "--tokens" in sys.argv else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "issue" in wanted:
            measure_issue(folder)
        if {"batch", "verify", "restart"} & set(wanted):
            measure_batch(folder, tokens)
        if "verify" in wanted:
            measure_verify(folder)
        if "restart" in wanted:
            measure_restart(folder)


if __name__ == "__main__":
    main()

"""How quickly the product is there: `ampoule --help` beside a bare `import click`, and from the command to a till that answers.

    .venv/bin/python benchmarks/startup.py

Goals: `--help` at most 3 times the import of click; ready within 5 s in an installed environment. Pairs are measured one
after the other, A B A B, and the median of their ratios counts; say beside a figure whether the machine was quiet.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
PAIRS = 9
STARTS = 3


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def help_against_click() -> None:
    ours, theirs = [str(PROGRAMS / "ampoule"), "--help"], [sys.executable, "-c", "import click"]
    seconds(ours), seconds(theirs)  # the compiled files are there afterwards
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS)]
    ratios = sorted(one / other for one, other in pairs)
    print(
        f"ampoule --help / import click: {statistics.median(ratios):.2f} (goal at most 3), "
        f"from {ratios[0]:.2f} to {ratios[-1]:.2f}; medians {statistics.median(a for a, _ in pairs) * 1000:.0f} ms "
        f"and {statistics.median(b for _, b in pairs) * 1000:.0f} ms"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(folder: Path) -> float:
    """From the command until `/readyz` says that it can sell: module, server and building."""
    port, clean = free_port(), {k: v for k, v in os.environ.items() if not k.startswith("AMPOULE_")}
    environment = {
        **clean,
        "AMPOULE_VAR": str(folder),
        "AMPOULE_PORT": str(port),
        "AMPOULE_BUILDING_PORT": str(free_port()),
    }
    began = time.perf_counter()
    process = subprocess.Popen([str(PROGRAMS / "ampoule"), "up"], env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None, "it stopped while starting"
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200:
                    return time.perf_counter() - began
            except OSError:
                time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def starts() -> None:
    bare = [sys.executable, "-c", "import flask, sqlalchemy, waitress, cryptography"]
    seconds(bare)
    with tempfile.TemporaryDirectory(prefix="ampoule-start-") as name:
        first = until_ready(Path(name))
        pairs = [(until_ready(Path(name)), seconds(bare)) for _ in range(STARTS)]
    again = statistics.median(one for one, _ in pairs)
    ratio = statistics.median(one / other for one, other in pairs)
    print(
        f"up to ready, an existing folder: {again:.1f} s (goal 5), {ratio:.1f} times the bare import of its libraries"
    )
    print(f"up to ready, an empty folder (makes the demonstration): {first:.1f} s")


if __name__ == "__main__":
    help_against_click()
    starts()

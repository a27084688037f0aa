"""Places outside that hang, come back late, or hold what this log never signed: none of them stops the sale.

A named pipe that nobody reads is what hangs here: to open it for writing, or to read it, waits without end in the kernel,
as a folder of a network that is gone does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from keystore_cast import Module, Process, credit, make

from keystore import demonstration, witnesses
from keystore.errors import ModuleRefused
from keystore.journal import write_whole
from keystore.module import Issued


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "far").mkdir()
    return tmp_path / "far" / "head"


@pytest.fixture
def pipe(place: Path) -> Iterator[Path]:
    """What the head is first written to is a pipe: each write hangs until somebody reads."""
    found = place.with_name(place.name + ".new")
    os.mkfifo(found)
    yield found
    if found.is_fifo():
        os.close(os.open(found, os.O_RDONLY | os.O_NONBLOCK))  # let the thread go


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "STUCK_S", 0.0)
    monkeypatch.setattr(witnesses, "AGAIN_S", 0.05)


def told(module: Module) -> str:
    return " ".join(module.status().warnings)


def end_of(waiting: Path, module: Module, until: float = 10.0) -> None:
    """Until this file holds the newest head."""
    end = time.monotonic() + until
    while time.monotonic() < end:
        module.engine.keep_house()
        if waiting.is_file() and waiting.read_text() == module.checkpoint().note:
            return
        time.sleep(0.01)
    raise AssertionError(f"{waiting} never got the head")


def test_a_place_that_hangs_stops_no_sale_and_no_other_place(
    folder: Path, place: Path, pipe: Path, tmp_path: Path
) -> None:
    near = tmp_path / "near"
    module = Module(folder, witnesses=(place, near))
    for _ in range(3):
        module.issued(credit())
        module.engine.log.write_checkpoint()
    end_of(near, module)
    module.engine.log.witnesses.settle(0.5)
    assert not place.exists()
    assert f"{place} has hung for" in told(module)
    assert str(near) not in told(module)
    # It comes back: the newest head is written, and none of those in between.
    apart = pipe.rename(pipe.with_name("apart"))
    with apart.open() as line:
        assert line.read().split("\n")[1] == "24", "the first head was on its way all the time"
    end_of(place, module)
    module.engine.log.witnesses.settle()
    assert str(place) not in told(module)
    module.close()


def test_whoever_writes_such_a_head_himself_hangs(place: Path, pipe: Path) -> None:
    """The planted fault: the serving thread wrote heads by itself once, and this is where it stood."""

    def write() -> None:
        with contextlib.suppress(OSError):  # a pipe is not synced
            write_whole(place, b"a head")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(0.5)
    assert writer.is_alive(), "these tests cannot see a place that hangs"
    with pipe.open() as line:
        assert line.read() == "a head"
    writer.join(10)


def test_a_place_that_hung_at_the_start_is_heard_when_it_comes_back(
    folder: Path, place: Path, tmp_path: Path
) -> None:
    """It knows of a longer log than the copy that was started meanwhile, and is not written over by it."""
    older = tmp_path / "older"
    module = Module(folder, witnesses=(place,))
    module.close()
    shutil.copytree(folder / "log", older)
    module = Module(folder, witnesses=(place,))
    module.issued(credit())
    module.close()
    longer = place.read_text()
    shutil.rmtree(folder / "log")
    shutil.copytree(older, folder / "log")
    (folder / "keys.stsks.head").unlink()
    place.unlink()
    os.mkfifo(place)
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(witnesses.Witnesses.greet, "__defaults__", (0.2,))
        module = Module(folder, witnesses=(place,))
    assert module.status().state == "ready", "nobody told it yet"
    module.issued(credit())
    module.engine.log.write_checkpoint()
    with place.open("w") as line:
        line.write(longer)
    place.unlink()
    place.write_text(longer)
    end = time.monotonic() + 10
    while module.status().state != "behind":
        module.engine.keep_house()
        assert time.monotonic() < end
    with pytest.raises(ModuleRefused, match="older copy"):
        module.issued(credit())
    module.engine.log.witnesses.settle()
    assert place.read_text() == longer
    module.engine.log.abandon()


def test_a_head_of_another_log_is_not_written_over(folder: Path, place: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    place.parent.rename(away)
    module = Module(folder, witnesses=(place,))
    away.rename(place.parent)
    place.write_text("somebody's shopping list")
    module.issued(credit())
    module.engine.log.write_checkpoint()
    end = time.monotonic() + 10
    while "did not sign" not in told(module):
        module.engine.keep_house()
        assert time.monotonic() < end
    module.engine.log.write_checkpoint()
    module.engine.log.witnesses.settle(0.2)
    assert place.read_text() == "somebody's shopping list"
    module.close()


def test_the_process_starts_sells_and_ends_beside_a_place_that_hangs(tmp_path: Path, place: Path) -> None:
    folder = tmp_path / "now"
    demonstration.init(folder)
    os.mkfifo(place)  # hangs when it is read, at the start
    process = Process(folder, "--witness", str(place))
    found = process.client().issue([credit()])[0]
    assert isinstance(found, Issued)
    assert process.stop() == 0
    assert not (folder / "log" / "entries.log").read_bytes().endswith(b"\0")

"""A printer's bytes, sent to a sink on a socket and decoded back: the text is the receipt's, the dots are its square."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paper_cast as cast
import pytest
from paper_judge import decode

from vending.bootstrap import open_printer
from vending.receipts import roll, thermal
from vending.receipts.printer import PrinterAway, PrinterUnknown
from vending.receipts.wording import worded

WIDTHS = {"80": (576, 48), "58": (384, 32)}


@pytest.fixture
def sink() -> Iterator[tuple[str, list[bytes]]]:
    """A printer of the network: takes one job and keeps it."""
    server = socket.create_server(("127.0.0.1", 0))
    jobs: list[bytes] = []

    def take() -> None:
        connection, _address = server.accept()
        with connection:
            job = b""
            while piece := connection.recv(65536):
                job += piece
            jobs.append(job)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}", jobs
    thread.join(5)
    server.close()


@pytest.mark.parametrize("name", list(WIDTHS))
def test_what_is_sent_is_what_is_printed(name: str, sink: tuple[str, list[bytes]], tmp_path: Path) -> None:
    address, jobs = sink
    slip = cast.slip("fr", copy=3)
    paper = worded(slip)
    open_printer(address).send(thermal.render(paper, name, kick=True))
    for _ in range(100):
        if jobs:
            break
        threading.Event().wait(0.05)
    printed = decode(jobs[0])
    dots, letters = WIDTHS[name]
    assert (printed.cuts, printed.kicks) == (1, 1)
    assert all(len(line) * (2 if line in printed.large else 1) <= letters for line in printed.lines)
    assert all(picture.width == dots for picture in printed.pictures)
    text = re.sub(r"\s+", " ", " ".join(printed.lines))
    for block in roll.blocks(paper):
        for field_ in (block.text, block.end):
            if block.kind in ("text", "pair") and field_:
                assert re.sub(r"\s+", " ", thermal.printable(field_) or "") in text or all(
                    word in text for word in (thermal.printable(field_) or "").split()
                ), field_
    digits = slip.tokens[0].digits
    assert (
        "".join("".join(line.split()) for line in printed.large if line.replace(" ", "").isdigit()) == digits
    )
    if shutil.which("zbarimg") is None:
        pytest.skip("needs zbar-tools")
    square = max(printed.pictures, key=lambda picture: picture.height)
    square.convert("L").save(tmp_path / "square.png")
    read = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "square.png"], cwd=tmp_path, capture_output=True, text=True
    )
    assert read.stdout.split() == list(slip.squares)


@pytest.mark.parametrize("language", ["zh", "ar"])
@pytest.mark.parametrize("name", list(WIDTHS))
def test_other_scripts_are_dots_of_the_paper_s_own_fonts(language: str, name: str) -> None:
    printed = decode(thermal.render(worded(cast.slip(language)), name))
    dots, _letters = WIDTHS[name]
    assert all(picture.width == dots for picture in printed.pictures)
    # Every line that holds something is dark somewhere, and nothing touches the edge of its strip.
    for picture in printed.pictures:
        grey = picture.convert("L")
        assert grey.getextrema()[0] == 0
        if picture.height > 12:
            assert grey.crop((0, 0, dots, 1)).getextrema()[0] == 255, "a letter is cut at its top"
            assert grey.crop((0, picture.height - 1, dots, picture.height)).getextrema()[0] == 255, (
                "or at its foot"
            )
    assert [line for line in printed.lines if "?" in line] == []
    digits = cast.slip(language).tokens[0].digits
    assert (
        "".join("".join(line.split()) for line in printed.large if line.replace(" ", "").isdigit()) == digits
    )


def test_the_two_ends_of_the_line_mirror_for_arabic() -> None:
    """The figure stands at the left of an Arabic paper and at the right of a French one."""
    block = roll.Block("pair", "المدفوع", "1,500.00", bold=True)
    (picture,) = decode(thermal._block(block, roll.ROLLS["80"], rtl=True) + b"\n").pictures
    grey = picture.convert("L")
    left, right = grey.crop((0, 0, 20, grey.height)), grey.crop((grey.width - 20, 0, grey.width, grey.height))
    assert left.getextrema()[0] == 0
    assert right.getextrema()[0] == 0


def test_hostile_names_never_become_commands() -> None:
    for text in cast.HOSTILE.values():
        around = cast.around()
        assert around.buyer is not None
        slip = cast.slip(around=replace(around, buyer=replace(around.buyer, name=text)), cashier=text)
        printed = decode(thermal.render(worded(slip), "58"))
        assert (printed.cuts, printed.kicks) == (1, 0)


def test_a_printer_that_is_away_says_so_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PrinterAway, match="the sale is safe"):
        open_printer(f"tcp://127.0.0.1:{port}").send(b"x")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "printer",
        "http://a",
        "tcp://",
        "usb://12",
        "usb://xxxx:yyyy",
        "serial://",
        "serial:///dev/x?baud=fast",
        "serial:///dev/x?flow=hope",
        "tcp://a?status=maybe",
        "tcp://a?patience=0",
        "tcp://a?speed=9600",
    ],
)
def test_refuses_what_is_no_printer_s_address(address: str) -> None:
    with pytest.raises(PrinterUnknown):
        open_printer(address)


class Slow:
    """A printer with a small memory that stands still after so many bytes, and answers a question as it was told to."""

    def __init__(self, *, stops_after: int = 1 << 30, answer: bytes = b"") -> None:
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self._server.bind(("127.0.0.1", 0))
        self._server.listen()
        self.port = self._server.getsockname()[1]
        self._stops_after, self._answer = stops_after, answer
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _peer = self._server.accept()
        taken = b""
        with line:
            while len(taken) < self._stops_after and (piece := line.recv(256)):
                taken += piece
                if taken.endswith(b"\x1dr\x01") and self._answer:
                    line.sendall(self._answer)
            if len(taken) >= self._stops_after:
                self.ended.wait(20)


def test_a_printer_that_stands_still_is_noticed_though_the_kernel_took_every_byte() -> None:
    data = bytes(30_000)
    slow = Slow(stops_after=500)
    with socket.create_connection(("127.0.0.1", slow.port), 5) as naive:
        naive.sendall(data)  # the fault that must be caught: nothing complains, and no paper comes
    slow.ended.set()
    slow = Slow(stops_after=500)
    with pytest.raises(PrinterAway) as refused:
        open_printer(f"tcp://127.0.0.1:{slow.port}?patience=1").send(data)
    assert refused.value.begun
    slow.ended.set()
    open_printer(f"tcp://127.0.0.1:{Slow().port}?patience=1").send(data)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\x00", ""),
        (b"\x03", ""),
        (b"\x0c", "paper of the printer .* ended"),
        (b"", "did not say that it printed"),
    ],
    ids=["printed", "roll-near-its-end", "paper-ended", "silent"],
)
def test_a_printer_that_is_asked_says_whether_it_printed(answer: bytes, says: str) -> None:
    printer = open_printer(f"tcp://127.0.0.1:{Slow(answer=answer).port}?status=yes&patience=1")
    if not says:
        printer.send(b"a paper")
        return
    with pytest.raises(PrinterAway, match=says) as refused:
        printer.send(b"a paper")
    assert refused.value.begun


def test_a_printer_on_a_device_file_takes_the_same_bytes(tmp_path: Path) -> None:
    data = thermal.render(worded(cast.slip()), "80")
    device = tmp_path / "lp0"
    device.touch()
    open_printer(f"file://{device}").send(data)
    assert device.read_bytes() == data

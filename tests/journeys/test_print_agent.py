"""The print agent as a till's PC runs it: its own process, over HTTP to the running server, to a printer that misbehaves.

The printers are a raw port as 9100 is and a serial line behind a pty. They jam, lose their power in the middle, and the PC
and the server are killed: each paper is there once in the end, and where nobody can know a person is asked.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from paper_judge import decode
from product import PROGRAMS, Desk, Product, wait_for


class Printer:
    """Takes jobs on a socket. `take`: after so many bytes of a job it stands still, or its power goes (`off`)."""

    def __init__(self) -> None:
        self.papers: list[bytes] = []
        self.begun = 0
        self.take: int | None = None
        self.off = False
        self.freed = threading.Event()
        self._server = socket.socket()
        # A printer's memory is small; a kernel's usual buffer would take whole receipts for it.
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self._server.bind(("127.0.0.1", 0))
        self._server.listen()
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}?patience=2"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _peer = self._server.accept()
            except OSError:
                return
            with line:
                self._job(line)

    def _job(self, line: socket.socket) -> None:
        job = b""
        try:
            while piece := line.recv(min(512, self.take - len(job)) if self.take is not None else 512):
                if not job:
                    self.begun += 1
                job += piece
                if self.take is not None and len(job) >= self.take:
                    if self.off:
                        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        self.freed.wait(30)
                    return
        except OSError:
            return
        if job:
            self.papers.append(job)

    def stop_at(self, count: int, *, off: bool) -> None:
        self.freed.clear()
        self.take, self.off = count, off

    def mend(self) -> None:
        self.take, self.off = None, False
        self.freed.set()

    def close(self) -> None:
        """Switched off: its port refuses. Closing alone would let the waiting accept have one more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


class Site:
    """The running product with one paired till, its printer, and its PC."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product, self.folder = product, folder
        self.cashier, self.amina = Desk(product), Desk(product)
        self.cashier.sign_in()
        self.amina.sign_in("amina", "lantern-supervisor")
        self.pc: subprocess.Popen[bytes] | None = None

    def pair(self) -> None:
        page = self.amina.post(
            "/supervisor/printers/pair",
            self.amina.get("/supervisor/printers/pair").text,
            till="N1",
            roll="80",
        )
        secret = re.search(r'id="secret">([^<]+)<', page.text)
        assert secret, page.text[:2000]
        (self.folder / "key").write_text(secret[1])

    def start_pc(self, printer: str) -> None:
        with open(self.folder / "pc.out", "ab") as out:
            self.pc = subprocess.Popen(
                [
                    *(PROGRAMS / "ampoule", "print-agent", "--server", self.product.address),
                    *("--key-file", self.folder / "key", "--printer", printer),
                    *("--journal", self.folder / "journal"),
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def kill_pc(self) -> None:
        assert self.pc is not None
        self.pc.send_signal(signal.SIGKILL)
        self.pc.wait()

    def sell(self) -> str:
        """A sale of this till; its receipt's number, as it stands on the paper."""
        sold = self.cashier.sell(self.cashier.open_unit("G-03"), "20", "20")
        assert sold.status_code == 303, sold.text[:2000]
        shown = wait_for(
            lambda: re.search(r"N1-\d{6,}", self.cashier.get(self._path(sold.headers["Location"])).text),
            what="the receipt's number",
        )
        return shown[0]

    def _path(self, location: str) -> str:
        return location.removeprefix(self.product.address)

    def unsure(self) -> list[str]:
        page = self.amina.get("/supervisor/printers").text
        return list(
            dict.fromkeys(
                re.findall(r'href="(/supervisor/printers/papers/[^"]+)"[^>]*>\s*[^<]*Did it come out', page)
            )
        )

    def say(self, word: str) -> None:
        (address,) = wait_for(self.unsure, what="the question whether it came out")
        answer = self.amina.post(address, self.amina.get(address).text, word=word)
        assert answer.status_code == 303, answer.text[:2000]
        assert self.unsure() == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("var")
    product = Product(folder)
    product.start_module()
    product.start_server()
    try:
        made = Site(product, tmp_path_factory.mktemp("pc"))
        made.pair()
        yield made
        if made.pc is not None:
            made.kill_pc()
    finally:
        product.stop()


@pytest.fixture
def printer(site: Site) -> Iterator[Printer]:
    made = Printer()
    site.start_pc(made.address)
    yield made
    made.mend()
    site.kill_pc()
    made.close()


def receipts(papers: list[bytes]) -> list[str]:
    found = []
    for paper in papers:
        number = re.search(r"N1-\d{6,}", " ".join(decode(paper).lines))
        assert number, "a paper without a number"
        found.append(number[0])
    return found


def test_a_receipt_comes_out_once_and_opens_the_drawer(site: Site, printer: Printer) -> None:
    number = site.sell()
    wait_for(lambda: printer.papers, what="the paper")
    assert receipts(printer.papers) == [number]
    assert (decode(printer.papers[0]).kicks, decode(printer.papers[0]).cuts) == (1, 1)


@pytest.mark.parametrize("off", [False, True], ids=["jam", "power"])
def test_a_printer_that_stops_in_the_middle_is_asked_about(site: Site, printer: Printer, off: bool) -> None:
    printer.stop_at(600, off=off)
    first = site.sell()
    wait_for(site.unsure, what="the question")
    printer.mend()
    second = site.sell()
    wait_for(lambda: receipts(printer.papers) == [second], what="the next paper")
    site.say("no")
    wait_for(lambda: receipts(printer.papers) == [second, first], what="the paper that had stopped")
    assert decode(printer.papers[1]).kicks == 0


def test_a_pc_that_is_killed_in_the_middle_asks_and_prints_no_second_paper(
    site: Site, printer: Printer
) -> None:
    printer.stop_at(600, off=False)
    first = site.sell()
    wait_for(lambda: printer.begun, what="the first bytes")
    site.kill_pc()
    printer.mend()
    site.start_pc(printer.address)
    second = site.sell()
    wait_for(lambda: printer.papers, what="the next paper")
    assert receipts(printer.papers) == [second]
    site.say("yes")
    third = site.sell()
    wait_for(lambda: len(printer.papers) > 1, what="one more paper")
    assert receipts(printer.papers) == [second, third], (
        f"{first} came out, as a person said, and comes no second time"
    )


def test_a_printer_that_is_off_and_a_server_that_is_killed_lose_nothing(site: Site, printer: Printer) -> None:
    site.kill_pc()
    printer.close()
    site.start_pc(printer.address)
    first = site.sell()
    wait_for(lambda: "does not answer" in site.amina.get("/supervisor/printers").text, what="the trouble")
    second = site.sell()
    site.product.kill("server")
    wait_for(lambda: "server is away" in (site.folder / "pc.out").read_text(), what="the agent's word")
    site.product.start_server()
    site.kill_pc()
    mended = Printer()
    try:
        site.start_pc(mended.address)
        wait_for(lambda: len(mended.papers) >= 2, what="both papers", seconds=60)
        assert receipts(mended.papers) == [first, second]
    finally:
        mended.close()


def test_a_printer_on_a_serial_line_gets_the_same_bytes(site: Site) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave, termios.TCSANOW)
    taken = b""

    def paper() -> bytes:
        nonlocal taken
        while select.select([master], [], [], 0)[0]:
            taken += os.read(master, 65536)
        return taken if taken.rstrip().endswith(b"\x1dV\x42\x00") or b"\x1dV" in taken[-8:] else b""

    site.start_pc(f"serial://{os.ttyname(slave)}?baud=115200&patience=2")
    try:
        first = site.sell()
        assert receipts([wait_for(paper, what="the paper of the serial line")]) == [first]
        # Nobody reads the line any more: it fills, and the agent does not hang with it.
        numbers = [site.sell() for _ in range(3)]
        wait_for(site.unsure, what="the question", seconds=60)
        taken = b""
        wait_for(paper, what="what was on the line")
        while addresses := site.unsure():
            for address in addresses:
                site.amina.post(address, site.amina.get(address).text, word="drop")
        assert numbers
    finally:
        site.kill_pc()
        os.close(slave)
        os.close(master)

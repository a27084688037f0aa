"""Receipt printers on a network socket, a serial port, USB or a device file: bytes out, and whether the printer took them.

Papers are laid out before they come here. What a printer's driver calls sent is not always taken: a kernel holds a whole
receipt for a printer that stands still. So a network printer must have acknowledged every byte, a port must have drained,
and where its address says `status=yes` the printer itself must answer that it worked the paper off. Waits end: nothing here
hangs with a jammed printer. python-escpos brings USB; it takes a second to import and is imported with the first job.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from vending.receipts.printer import PrinterAway, PrinterUnknown

PATIENCE_S = 30  # how long a printer may stand still in a job: rolls are changed in less
OPEN_S = 10
PIECE = 1024
# GS r 1: worked off in its turn, so its answer means that all before it was printed. Bits 2 and 3: the paper ended.
ASK, PAPER_ENDED = b"\x1dr\x01", 0x0C
UNACKNOWLEDGED = 0x5411  # SIOCOUTQ of Linux: bytes that the other side has not acknowledged


class Line(Protocol):
    """An open connection. `write` comes back when the printer took all of it; `answer` gives what it says, or nothing."""

    def write(self, data: bytes) -> None: ...

    def answer(self) -> bytes: ...

    def close(self) -> None: ...


class EscposPrinter:
    """One printer; each job opens the connection anew, so that a printer may be switched off between two."""

    def __init__(self, name: str, connect: Callable[[], Line], *, asks: bool = False) -> None:
        self._name = name
        self._connect = connect
        self._asks = asks

    def send(self, data: bytes) -> None:
        begun = False
        try:
            line = self._connect()
            try:
                begun = True
                line.write(data + ASK if self._asks else data)
                answer = line.answer() if self._asks else b""
            finally:
                line.close()
        except Exception as error:
            # Each connection brings the errors of its own library; what a desk must know is the same for all.
            raise PrinterAway(
                f"The printer at {self._name} does not answer ({type(error).__name__}). Check its cable, paper and switch, "
                "then print again; the sale is safe.",
                begun=begun,
            ) from error
        if self._asks and not answer:
            raise PrinterAway(
                f"The printer at {self._name} took the paper and did not say that it printed it. Check its paper and lid."
            )
        if answer and answer[-1] & PAPER_ENDED:
            raise PrinterAway(f"The paper of the printer at {self._name} ended. Put in a new roll.")


class Network:
    """A raw port, 9100 mostly."""

    def __init__(self, host: str, port: int, patience_s: float) -> None:
        self._patience_s = patience_s
        self._socket = socket.create_connection((host, port), OPEN_S)
        self._socket.settimeout(patience_s)

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            self._socket.sendall(data[at : at + PIECE])
        left, since = self._left(), time.monotonic()
        while left:
            time.sleep(0.02)
            now_left = self._left()
            if now_left < left:
                left, since = now_left, time.monotonic()
            elif time.monotonic() - since > self._patience_s:
                raise TimeoutError(f"{left} bytes were not taken")

    def _left(self) -> int:
        try:
            import fcntl
        except ImportError:
            return 0  # no Linux: what was sent counts as taken
        told = fcntl.ioctl(self._socket.fileno(), UNACKNOWLEDGED, bytes(4))
        return int(struct.unpack("i", told)[0])

    def answer(self) -> bytes:
        with contextlib.suppress(TimeoutError):
            return self._socket.recv(64)
        return b""

    def close(self) -> None:
        """Says that this was all, and looks whether the printer broke off: one that stays silent is as usual."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                while self._socket.recv(64):
                    pass
        finally:
            self._socket.close()


class SerialPort:
    """A serial line; flow control as its address says, so that a printer can stop us."""

    def __init__(self, path: str, baud: int, flow: str, patience_s: float) -> None:
        import serial

        self._patience_s = patience_s
        self._port = serial.Serial(
            path,
            baud,
            timeout=patience_s,
            write_timeout=patience_s,
            dsrdtr=flow == "dtr",
            rtscts=flow == "rts",
            xonxoff=flow == "xon",
        )

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            self._port.write(data[at : at + PIECE])
        left, since = self._port.out_waiting, time.monotonic()
        while left:
            time.sleep(0.02)
            now_left = self._port.out_waiting
            if now_left < left:
                left, since = now_left, time.monotonic()
            elif time.monotonic() - since > self._patience_s:
                raise TimeoutError(f"{left} bytes were not taken")

    def answer(self) -> bytes:
        return bytes(self._port.read(1))

    def close(self) -> None:
        self._port.close()


class Device:
    """What python-escpos opens: USB, a device file."""

    def __init__(self, device: Any) -> None:
        self._device = device
        device.open()

    def write(self, data: bytes) -> None:
        self._device._raw(data)

    def answer(self) -> bytes:
        return bytes(self._device._read())

    def close(self) -> None:
        self._device.close()


def open_printer(address: str) -> EscposPrinter:
    parts = urlsplit(address)
    wishes = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    find = _CONNECTIONS.get(parts.scheme)
    connect = find(parts, wishes) if find is not None and _fit(wishes) else None
    if connect is None:
        raise PrinterUnknown(
            f"{address} is not the address of a printer. Write tcp://host:9100, usb://04b8:0e15, "
            "serial:///dev/ttyUSB0?baud=19200&flow=dtr or file:///dev/usb/lp0; ?status=yes where the printer answers.",
            "printer",
        )
    name = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return EscposPrinter(name, connect, asks=wishes.get("status") == "yes")


def _fit(wishes: dict[str, str]) -> bool:
    return (
        wishes.keys() <= {"baud", "flow", "status", "patience"}
        and wishes.get("baud", "9600").isdigit()
        and wishes.get("flow", "dtr") in ("dtr", "rts", "xon", "none")
        and wishes.get("status", "no") in ("yes", "no")
        and re.fullmatch(r"[1-9]\d{0,2}", wishes.get("patience", "30")) is not None
    )


def _patience(wishes: dict[str, str]) -> float:
    return float(wishes.get("patience", PATIENCE_S))


def _tcp(parts: Any, wishes: dict[str, str]) -> Callable[[], Line] | None:
    try:
        host, port = parts.hostname, parts.port or 9100
    except ValueError:
        return None
    return (lambda: Network(host, port, _patience(wishes))) if host else None


def _usb(parts: Any, wishes: dict[str, str]) -> Callable[[], Line] | None:
    ids = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{4})", parts.netloc.lower())
    if ids is None:
        return None

    def connect() -> Line:
        from escpos.printer import Usb

        return Device(Usb(int(ids[1], 16), int(ids[2], 16), timeout=int(_patience(wishes)) * 1000))

    return connect


def _serial(parts: Any, wishes: dict[str, str]) -> Callable[[], Line] | None:
    if not parts.path:
        return None
    return lambda: SerialPort(
        parts.path, int(wishes.get("baud", 9600)), wishes.get("flow", "dtr"), _patience(wishes)
    )


def _file(parts: Any, _wishes: dict[str, str]) -> Callable[[], Line] | None:
    if not parts.path:
        return None

    def connect() -> Line:
        from escpos.printer import File

        if not Path(parts.path).exists():
            # A printer that is not there must not become a file of that name.
            raise FileNotFoundError(parts.path)
        return Device(File(parts.path))

    return connect


_CONNECTIONS: dict[str, Callable[[Any, dict[str, str]], Callable[[], Line] | None]] = {
    "tcp": _tcp,
    "usb": _usb,
    "serial": _serial,
    "file": _file,
}

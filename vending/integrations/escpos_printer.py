"""Receipt printers through python-escpos: its connections, not its layout, because papers are laid out before they come here.

python-escpos takes a second to import and is imported with the first job.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from vending.receipts.printer import PrinterAway, PrinterUnknown

TIMEOUT_S = 10


class EscposPrinter:
    """One printer; each job opens the connection anew, so that a printer may be switched off between two."""

    def __init__(self, name: str, connect: Callable[[], Any]) -> None:
        self._name = name
        self._connect = connect

    def send(self, data: bytes) -> None:
        begun = False
        try:
            device = self._connect()
            device.open()
            try:
                begun = True
                device._raw(data)
            finally:
                device.close()
        except Exception as error:
            # Each connection brings the errors of its own library; what a desk must know is the same for all.
            raise PrinterAway(
                f"The printer at {self._name} does not answer ({type(error).__name__}). Check its cable, paper and switch, "
                "then print again; the sale is safe.",
                begun=begun,
            ) from error


def open_printer(address: str) -> EscposPrinter:
    parts = urlsplit(address)
    connect = _CONNECTIONS.get(parts.scheme, lambda _parts: None)(parts)
    if connect is None:
        raise PrinterUnknown(
            f"{address} is not the address of a printer. Write tcp://host:9100, usb://04b8:0e15, serial:///dev/ttyUSB0 or file:///dev/usb/lp0.",
            "printer",
        )
    return EscposPrinter(f"{parts.scheme}://{parts.netloc}{parts.path}", connect)


def _tcp(parts: Any) -> Callable[[], Any] | None:
    if not parts.hostname:
        return None

    def connect() -> Any:
        from escpos.printer import Network

        return Network(parts.hostname, port=parts.port or 9100, timeout=TIMEOUT_S)

    return connect


def _usb(parts: Any) -> Callable[[], Any] | None:
    ids = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{4})", parts.netloc.lower())
    if ids is None:
        return None

    def connect() -> Any:
        from escpos.printer import Usb

        return Usb(int(ids[1], 16), int(ids[2], 16), timeout=TIMEOUT_S * 1000)

    return connect


def _serial(parts: Any) -> Callable[[], Any] | None:
    if not parts.path:
        return None
    baud = parse_qs(parts.query).get("baud", ["9600"])[0]
    if not baud.isdigit():
        return None

    def connect() -> Any:
        from escpos.printer import Serial

        return Serial(devfile=parts.path, baudrate=int(baud), timeout=TIMEOUT_S)

    return connect


def _file(parts: Any) -> Callable[[], Any] | None:
    if not parts.path:
        return None

    def connect() -> Any:
        from escpos.printer import File

        if not Path(parts.path).exists():
            # A printer that is not there must not become a file of that name.
            raise FileNotFoundError(parts.path)
        return File(parts.path)

    return connect


_CONNECTIONS: dict[str, Callable[[Any], Callable[[], Any] | None]] = {
    "tcp": _tcp,
    "usb": _usb,
    "serial": _serial,
    "file": _file,
}

"""A test page on the till's printer: plain text in the printer's own bytes, enough to see that paper comes out and is cut.

Receipts themselves are printed by `receipts`; this knows only whether there is a printer where somebody says it is.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from vending.receipts.printer import PrinterAway, PrinterUnknown

RESET, CUT = b"\x1b@", b"\x1dV\x42\x00"
PATIENCE_S = 5


def page(site: str) -> bytes:
    lines = [
        site,
        "",
        "Printer test",
        "0123456789 0123456789 0123456789",
        "If you can read this line, it prints.",
        "",
        "",
    ]
    return RESET + "\n".join(lines).encode("ascii", "replace") + b"\n\n" + CUT


def print_test(where: str, site: str) -> str:
    """Sends the page and says where it went. `browser`: nothing is sent, the till's browser prints."""
    if where == "browser":
        return "Papers are printed by the till's browser: open a receipt, then Ctrl-P."
    address = urlsplit(where)
    try:
        if address.scheme == "tcp" and address.hostname:
            port = address.port or 9100
            with socket.create_connection((address.hostname, port), PATIENCE_S) as line:
                line.sendall(page(site))
            return f"A test page was sent to {address.hostname}, port {port}."
        if where.startswith("/dev/"):
            # Never made: a printer that is not there must not become a file of that name.
            with open(os.open(where, os.O_WRONLY | os.O_NOCTTY), "wb", buffering=0) as device:
                device.write(page(site))
            return f"A test page was sent to {where}."
    except (OSError, ValueError) as error:
        raise PrinterAway(
            f"The printer at {where} does not answer ({getattr(error, 'strerror', None) or type(error).__name__}). Switch it on, check its address and cable, then run the set-up again."
        ) from error
    raise PrinterUnknown(
        f"{where!r} is no printer. Write browser, tcp://192.168.1.50:9100 or /dev/usb/lp0.", "printer"
    )

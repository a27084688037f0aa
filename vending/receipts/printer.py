"""The port of receipt printers: something that takes bytes and says plainly when it could not.

Which printer stands where is an address: `tcp://10.0.0.7:9100`, `usb://04b8:0e15`, `serial:///dev/ttyUSB0?baud=19200`,
`file:///dev/usb/lp0`. `vending/integrations/escpos_printer.py` opens them; `vending/bootstrap.py` is what picks it.
"""

from __future__ import annotations

from typing import Protocol

from vending.errors import InvalidInput, Unavailable


class PrinterAway(Unavailable):
    """The bytes may not have arrived: nothing here knows whether paper came out."""

    code = "printer_away"

    def __init__(self, sentence: str, *, begun: bool = True) -> None:
        super().__init__(sentence)
        self.begun = begun  # false: surely not one byte went out, so the same job may simply be tried again


class PrinterUnknown(InvalidInput):
    code = "printer_unknown"


class Printer(Protocol):
    def send(self, data: bytes) -> None:
        """Hands over a whole job. Raises `PrinterAway` if the printer did not take all of it."""

"""A pseudo-terminal with our serial meter behind it: any reader opens its name like a real port.

A pty has no rate and no parity: 300 bytes leave at once. So the meter paces its own bytes, counts the time of those
that come, and looks at the rate the reader has set; when the rates differ, both directions are garbled as they would
be on copper. It holds the far end open itself, because a pty whose reader is away gives an error instead of silence.
Unix only.
"""

from __future__ import annotations

import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable
from types import TracebackType

from meter.serial_meter import SerialMeter

Passing = Callable[[bytes], bytes]

_RATES = {
    getattr(termios, f"B{rate}"): rate
    for rate in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
    if hasattr(termios, f"B{rate}")
}


class PtyLine:
    """Serves one `SerialMeter` on a fresh pty in a thread, from `with` to the end of the block, or by `serve`.

    `to_meter` and `to_reader` may damage what passes; `echoes` returns the reader's bytes, as an optical head does.
    """

    def __init__(self, meter: SerialMeter, *, checks_baud: bool = True) -> None:
        self.meter = meter
        self.to_meter: Passing = lambda data: data
        self.to_reader: Passing = lambda data: data
        self.echoes = False
        self._checks_baud = checks_baud
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> PtyLine:
        self._thread = threading.Thread(target=self.serve, name=f"meter on {self.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End `serve` and close the pty: for a reader, the cable is pulled."""
        self._stopping.set()
        os.write(self._wake_write, b"x")
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.close()

    def close(self) -> None:
        for each in (self._ours, self._theirs, self._wake_read, self._wake_write):
            if each >= 0:
                os.close(each)
        self._ours = self._theirs = self._wake_read = self._wake_write = -1

    def serve(self) -> None:
        """Until stopped: bytes in, bytes out at their time."""
        while not self._stopping.is_set():
            wait = min(max(0.0, self.meter.next_moment() - time.monotonic()), 1.0)
            ready, _, _ = select.select([self._ours, self._wake_read], [], [], wait)
            if self._ours in ready:
                self._hear()
            told = self.meter.sending(time.monotonic())
            if told:
                same = self._reader_baud() in (None, self.meter.speaking_baud)
                self._tell(self.to_reader(told if same else garbled(told)))

    def _hear(self) -> None:
        try:
            data = os.read(self._ours, 65_536)
        except (BlockingIOError, OSError):
            return
        if self.echoes:
            self._tell(data)
        same = self._reader_baud() in (None, self.meter.baud)
        data = self.to_meter(data if same else garbled(data))
        if data:
            self.meter.received(data, time.monotonic())

    def _tell(self, data: bytes) -> None:
        try:
            os.write(self._ours, data)
        except (BlockingIOError, OSError):
            # Nobody reads and the buffer is full: on a wire these bytes would be gone too.
            return

    def _reader_baud(self) -> int | None:
        """The rate the reader has set, or None when it is not looked at or not known."""
        if not self._checks_baud:
            return None
        return _RATES.get(termios.tcgetattr(self._theirs)[5])


def garbled(data: bytes) -> bytes:
    """What a receiver at another rate makes of these bytes: nothing that passes a check."""
    return bytes((each * 37 + 0x91) & 0xFF | 0x80 for each in data)

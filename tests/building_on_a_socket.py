"""A building of fake meters on a Unix socket: the far side of `twin:` drivers, with faults to order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from fake_meter import FakeMeter

from meter import twin_wire

Fault = Callable[[bytes], bytes | None]


class Building:
    """Serves until closed. `fault` sees each answer line and may damage it or swallow it."""

    def __init__(self, path: Path, *meters: FakeMeter) -> None:
        self.path = path
        self.meters = {each.pan: each for each in meters}
        self.fault: Fault = lambda line: line
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, meter: FakeMeter, timeout_s: float = 5.0) -> str:
        return f"twin:{self.path}?pan={meter.pan}&timeout={timeout_s:g}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                answered = twin_wire.answer(line, self.meters.get, self._listing)
                sent = None if answered is None else self.fault(answered)
                if sent is not None:
                    try:
                        connection.sendall(sent)
                    except OSError:
                        return

    def _listing(self) -> list[dict[str, str]]:
        return [
            {"pan": each.pan, "label": each.number, "service": "electricity"} for each in self.meters.values()
        ]

"""The building's Unix socket: one JSON line a question, one a answer, in the words of `twin_wire.py`.

Each connection is a thread of its own; a question is answered under the building's lock. What it is not: a network
service. The socket file is readable by its owner only, and whoever can open it can switch meters.
"""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from pathlib import Path

from meter import twin_wire
from meter.building import Building, BuildingWrong
from meter.twin_wire import LONGEST_LINE

IDLE_S = 300.0


class _Connection(socketserver.StreamRequestHandler):
    server: BuildingServer
    timeout = IDLE_S

    def handle(self) -> None:
        building = self.server.building
        while True:
            try:
                line = self.rfile.readline(LONGEST_LINE + 1)
            except (TimeoutError, ConnectionError):
                return
            if not line.endswith(b"\n"):
                return
            with building.lock:
                reply = twin_wire.answer(line, building.driver, building.listing)
            if reply is not None:
                try:
                    self.wfile.write(reply)
                except (TimeoutError, ConnectionError):
                    return


class BuildingServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """The listening socket. `start` serves in the background; `stop` removes the file."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, building: Building, path: Path) -> None:
        self.building = building
        self._path = path
        _remove_stale(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        previous = os.umask(0o177)
        try:
            super().__init__(str(path), _Connection)
        finally:
            os.umask(previous)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, name="building socket", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._path.unlink(missing_ok=True)


def _remove_stale(path: Path) -> None:
    """A socket file that nobody answers is left over from a killed process; one that answers is a neighbour."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise BuildingWrong(f"A building already answers at {path}. Stop it, or choose another --socket.")

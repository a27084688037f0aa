"""An application behind a real server on a real port, for clients that speak HTTP and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from waitress.server import create_server


@contextmanager
def served(app: Flask, *, threads: int = 16) -> Iterator[str]:
    """Its address. The port is whatever the system gives."""
    server = create_server(app, host="127.0.0.1", port=0, threads=threads, ident="")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        # Browsers keep their lines open; while one is, the server's loop goes round.
        for line in list(server._map.values()):
            line.close()
        thread.join(10)

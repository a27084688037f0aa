"""Pages over TLS: waitress with the standard library's `ssl`, without a second program in front.

Waitress reads and writes sockets that do not block, in one thread, and hands finished requests to its workers; it has no
TLS of its own. Here is the one channel that adds it: the handshake happens inside the same loop, so that somebody who
opens a connection and says nothing keeps nobody waiting, and is dropped after `channel_timeout` like every idle one. A
lock stands round each use of the connection, because a worker may write while the loop reads, and OpenSSL allows that
for one thread at a time.

Whoever types http:// is sent to https://. A renewed certificate is used from the next connection on, without a restart.
"""

from __future__ import annotations

import logging
import ssl
import threading
from pathlib import Path
from socket import MSG_PEEK
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

log = logging.getLogger(__name__)

HANDSHAKE = 0x16  # the first byte of every TLS connection


class Certificate:
    """The certificate in two files, read again when one of them has changed."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._read = self._marks()
        self._context = self._load()

    def context(self) -> ssl.SSLContext:
        marks = self._marks()
        if marks != self._read:
            self._read = marks
            try:
                self._context = self._load()
                log.info("the renewed certificate is in use")
            except (OSError, ssl.SSLError):
                log.warning("the renewed certificate cannot be read; the one before stays in use")
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(*self._files)
        return context

    def _marks(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in self._files)
        except OSError:
            return ()


class TlsChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection: the handshake first, then what any channel does, through TLS."""

    socket: Any  # plain until the handshake begins, then ssl.SSLSocket

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None) -> None:
        self._tls = threading.Lock()
        self._begun = False
        sock.setblocking(False)
        super().__init__(server, sock, addr, adj, map=map)

    def handle_read(self) -> None:
        try:
            if self._begun or self._begin():
                super().handle_read()
        except OSError:
            # A handshake that failed: an old browser, a scanner, a till that does not trust the certificate yet.
            self.handle_close()

    def _begin(self) -> bool:
        """True when the handshake is done and there is something to read."""
        with self._tls:
            if not isinstance(self.socket, ssl.SSLSocket):
                first = self.socket.recv(1, MSG_PEEK)
                if first and first[0] != HANDSHAKE:
                    self._send_elsewhere()
                    return False
                self.socket = self.server.certificate.context().wrap_socket(
                    self.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
                )
            try:
                self.socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            self._begun = True
            return True

    def _send_elsewhere(self) -> None:
        """Plain HTTP on the port of TLS: where to go instead, and no more than that."""
        self.socket.recv(4096)
        answer = (
            f"HTTP/1.1 308 Permanent Redirect\r\nLocation: {self.server.address}/\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        self.socket.send(answer.encode("ascii"))
        self.will_close = True

    def recv(self, buffer_size: int) -> bytes:
        """All that has arrived: what OpenSSL has taken from the socket already would not wake the loop again."""
        taken = []
        with self._tls:
            try:
                while True:
                    data = self.socket.recv(buffer_size)
                    if not data:
                        break
                    taken.append(data)
                    if not self.socket.pending():
                        return b"".join(taken)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return b"".join(taken) or NOTHING_YET
            except ssl.SSLError as error:
                raise ConnectionAbortedError(error.reason) from None
        if taken:
            return b"".join(taken)
        self.handle_close()
        return b""

    def received(self, data: bytes) -> bool:
        return False if data is NOTHING_YET else bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        with self._tls:
            try:
                return int(self.socket.send(data))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return 0
            except (ssl.SSLError, OSError):
                pass
        if do_close:
            self.handle_close()
        return 0


class _NothingYet(bytes):
    """True for waitress, which takes false for the end of the connection."""

    def __bool__(self) -> bool:
        return True


NOTHING_YET = _NothingYet()


class TlsServer(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    channel_class = TlsChannel

    def __init__(self, application: Any, certificate: Certificate, address: str, **adjustments: Any) -> None:
        self.certificate = certificate
        self.address = address
        super().__init__(application, url_scheme="https", **adjustments)

"""Our own bytes coming back: optical heads, current loops and two-wire adapters return what they are given.

An echo is stripped by count and compared byte by byte, never by content: a bare ACK of ours looks just like the
meter's. In `auto` the first sign-on decides, because no identification starts with `/?`. Pure: no port, no time.
"""

from __future__ import annotations

from collections import deque


class EchoDamaged(Exception):
    """A byte came back other than it was sent: a collision, or noise on the line."""


class EchoFilter:
    """Between the port and the session; told what was sent, it hands on what the far side said."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._outstanding: deque[int] = deque()
        self._undecided = bytearray()

    @property
    def missing(self) -> bool:
        """Part of the echo has not come back."""
        return self.kind == "strip" and bool(self._outstanding)

    def sent(self, data: bytes) -> None:
        """These bytes left now; what of older ones did not come back never will."""
        self._outstanding = deque(each & 0x7F for each in data)
        self._undecided.clear()

    def strip(self, data: bytes) -> bytes:
        """What is left of received bytes when our own are taken off the front."""
        if self.kind == "auto":
            data = self._decide(data)
        if self.kind != "strip":
            return data
        for index, byte in enumerate(data):
            if not self._outstanding:
                return data[index:]
            if byte & 0x7F != self._outstanding.popleft():
                self._outstanding.clear()
                raise EchoDamaged
        return b""

    def _decide(self, data: bytes) -> bytes:
        """Hold the first two bytes that are not wake-up NULs; `/?` means that the line echoes."""
        self._undecided += data
        begun = bytes(self._undecided).lstrip(b"\x00")
        if len(begun) < 2:
            return b""
        self.kind = "strip" if bytes(each & 0x7F for each in begun[:2]) == b"/?" else "none"
        held = begun if self.kind == "strip" else bytes(self._undecided)
        self._undecided.clear()
        while self.kind == "strip" and self._outstanding and self._outstanding[0] == 0:
            self._outstanding.popleft()
        return held

"""The caller's side of the socket: the same port, with every way of failing named.

Three outcomes are kept apart, because money hangs on the difference: an answer; `ModuleUnreachable` (nothing was
sent, nothing happened); `OutcomeUnknown` (sent, no answer: it may have happened, so ask again with the same
order id, and the same tokens come back). A `SocketModule` may be used by many threads: each call takes a
connection of its own from a small store.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from keystore import messages
from keystore.errors import MessageInvalid, ModuleRefused, ModuleUnreachable, OutcomeUnknown
from keystore.module import (
    ActSignature,
    AlreadyIssued,
    Approved,
    Budget,
    Cancelled,
    Checkpoint,
    Issued,
    MeterKeying,
    Proof,
    PublicEntry,
    Refused,
    Request,
    Status,
    Verified,
)

_KEPT = 32  # idle connections


class _Line:
    """One connection and the room for its answers, kept so that no call asks the system for it again.

    Its patience is the kernel's (SO_RCVTIMEO), not that of the socket object, which would ask before each call whether it
    has to wait.
    """

    __slots__ = ("_room", "socket")

    def __init__(self, path: str, timeout_s: float) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._room = memoryview(bytearray(messages.MAX_ANSWER_BYTES + 1))
        patience = struct.pack("@ll", int(timeout_s), int(timeout_s % 1 * 1_000_000))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def receive(self) -> memoryview:
        return self._room[: self.socket.recv_into(self._room)]


class SocketModule:
    """The security module behind a Unix socket."""

    def __init__(self, path: str | Path, *, timeout_s: float = 10.0) -> None:
        self._path = str(path)
        self._timeout_s = timeout_s
        self._idle: list[_Line] = []
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"SocketModule({self._path!r})"

    def __enter__(self) -> SocketModule:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.socket.close()

    # --- the port -----------------------------------------------------------------------------------------------

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        return list(self.ask("issue", {"requests": [messages.request_out(r) for r in requests]}))

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        return list(self.ask("replay", {"order_ids": list(order_ids)}))

    def cancel(self, order_ids: Sequence[str]) -> list[Cancelled | AlreadyIssued | Refused]:
        return list(self.ask("cancel", {"order_ids": list(order_ids)}))

    def approve(self, act: str, signatures: Sequence[ActSignature]) -> Approved | Refused:
        signed = [
            {
                "approver": s.approver,
                "signature": s.signature,
                "authenticator_data": s.authenticator_data,
                "client_data": s.client_data,
            }
            for s in signatures
        ]
        found: Approved | Refused = self.ask("approve", {"act": act, "signatures": signed})
        return found

    def verify(self, meter: MeterKeying, token: str) -> Verified:
        found: Verified = self.ask("verify", {"meter": messages.keying_out(meter), "token": token})
        return found

    def status(self) -> Status:
        found: Status = self.ask("status", {})
        return found

    def budgets(self, sgc: str) -> list[Budget]:
        """The open budgets of one supply group; `status` shows the first of all."""
        return list(self.ask("budget", {"sgc": sgc}))

    def checkpoint(self) -> Checkpoint:
        found: Checkpoint = self.ask("checkpoint", {})
        return found

    def proof(self, sequence: int) -> Proof:
        found: Proof = self.ask("proof", {"sequence": sequence})
        return found

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        return list(self.ask("entries", {"first": first, "limit": limit}))

    def consistency(self, first: int, second: int) -> tuple[str, ...]:
        return tuple(self.ask("consistency", {"first": first, "second": second}))

    def present_head(self, note: str) -> Status:
        found: Status = self.ask("present-head", {"note": note})
        return found

    # --- for the key manager, by role -------------------------------------------------------------------------

    def unlock(self, share: str) -> Status:
        """Hand in one share; the module opens when it has as many as its file asks for."""
        found: Status = self.ask("unlock", {"share": share})
        return found

    def lock(self) -> None:
        """The module answers and ends: the end of a process is the only sure way to clear its memory."""
        self.ask("lock", {})

    def load(self) -> Status:
        """Read the key file again, after it was changed."""
        found: Status = self.ask("load", {})
        return found

    def rotate(self) -> None:
        """The key file was sealed anew under new shares: drop what opens the old one, and end."""
        self.ask("rotate", {})

    def zeroise(self, confirm: str) -> None:
        """Destroy the key file and end. `confirm` is the name of the log."""
        self.ask("zeroise", {"confirm": confirm})

    # --- the line -----------------------------------------------------------------------------------------------

    def ask(self, verb: str, body: dict[str, Any]) -> Any:
        """One message and its answer. The methods above are all that a caller needs."""
        data = messages.pack({"v": messages.VERSION, "verb": verb, "body": body})
        line = self._send(data)
        kept = False
        try:
            try:
                answer = line.receive()
            except ConnectionError as error:
                raise OutcomeUnknown(
                    "The security module closed the line without an answer. If it does not serve this user, run the command "
                    "as one that it does (`sudo -u keymanager …`); else ask again with the same order id."
                ) from error
            except OSError as error:
                raise OutcomeUnknown(
                    "The security module did not answer in time. Ask again with the same order id."
                ) from error
            if not answer:
                raise OutcomeUnknown(
                    "The security module ended before it answered. Ask again with the same order id."
                )
            try:
                message = messages.unpack_answer(answer)
                found = messages.answer_in(message.get("body")) if message.get("ok") is True else None
            except (MessageInvalid, KeyError, TypeError, ValueError, AttributeError) as error:
                # What was done is not known when its answer has a shape that this version does not read.
                raise OutcomeUnknown(
                    "The answer of the security module could not be read. Ask again with the same order id."
                ) from error
            kept = self._keep(line)
        finally:
            if not kept:
                line.socket.close()
        if message.get("ok") is True:
            return found
        problem = message.get("error", {})
        raise ModuleRefused(
            str(problem.get("sentence", "The security module refused the message.")),
            code=str(problem.get("code", ModuleRefused.code)),
        )

    def _send(self, data: bytes) -> _Line:
        """Give the message to the module. A connection left from before a restart is replaced once."""
        with self._lock:
            line = self._idle.pop() if self._idle else None
        if line is not None:
            try:
                line.socket.send(data)
                return line
            except OSError:
                line.socket.close()  # a packet is delivered whole or not at all: this one was not
        line = self._connect()
        try:
            line.socket.send(data)
        except OSError as error:
            line.socket.close()
            raise ModuleUnreachable(
                f"The security module at {self._path} closed the door. Is it running, and does it serve this user?"
            ) from error
        return line

    def _connect(self) -> _Line:
        try:
            return _Line(self._path, self._timeout_s)
        except OSError as error:
            raise ModuleUnreachable(
                f"No security module answers at {self._path}. Start it with `keystore serve`."
            ) from error

    def _keep(self, line: _Line) -> bool:
        with self._lock:
            if len(self._idle) >= _KEPT:
                return False
            self._idle.append(line)
            return True

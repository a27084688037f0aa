"""The module as its own process: a Unix socket, one thread, groups of messages that share a sync.

Who may ask what is decided by the peer's user (SO_PEERCRED), not by anything in a message. Messages that waited
while the last group was written form the next group: one write, one sync, then the answers. There is no verb that
exports a key, enciphers given bytes, or sets an identifier or the clock.

A sync that fails, a log that does not read back, a token that does not decode: the process ends. Locking ends it too,
because the end of a process is the only wiping of memory that can be proved in Python (docs/concepts/trust-and-keys.md).
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystore import crash, messages, opening, seal, store
from keystore import format as layout
from keystore.engine import Answer, Engine, Group
from keystore.errors import KeyFileUnusable, KeystoreError, LogDamaged, MessageInvalid, ModuleRefused
from keystore.journal import SyncFailed
from keystore.opening import Options
from keystore.seal import Opened
from keystore.verbs import VERBS, Body, only

SELL, LOOK, OFFICER = "sell", "look", "officer"
ROLES: dict[str, str] = {
    "status": SELL,
    "issue": SELL,
    "replay": SELL,
    "cancel": SELL,
    "approve": SELL,
    "budget": SELL,
    "checkpoint": SELL,
    "proof": SELL,
    "entries": SELL,
    "consistency": SELL,
    "present-head": SELL,
    "verify": LOOK,
    "unlock": OFFICER,
    "lock": OFFICER,
    "load": OFFICER,
    "rotate": OFFICER,
    "zeroise": OFFICER,
}
MAX_CONNECTIONS = 128
MOST_OF_ONE_USER = 112  # the others are never locked out: a key manager can always lock the module
MAX_GROUP = 64  # messages
SHARES_KEPT_S = 600
WATCH_S = 0.4


@dataclass(frozen=True, slots=True)
class Door:
    """Where the module listens and who may come in."""

    socket_path: Path
    roles: Mapping[int, frozenset[str]]  # by user id
    group: int | None = None


@dataclass(slots=True)
class Job:
    """One message on its way to an answer."""

    line: socket.socket
    answer: Answer | None = None
    error: KeystoreError | None = None


@dataclass(slots=True)
class _Shares:
    texts: list[str] = field(default_factory=list, repr=False)
    since: float = 0.0


class Stop(Exception):
    """The process ends after the answers of this group: a reason for the operator and an exit status."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Server:
    """One key file, one log, one socket."""

    def __init__(self, key_file: Path, options: Options, door: Door, say: Callable[[str], None]) -> None:
        self._path = key_file
        self._options = options
        self._door = door
        self._say = say
        self._held = store.lock(key_file)
        self._engine: Engine | None = None
        self._root: bytes | None = None
        self._shares = _Shares()
        self._stamp = self._stat()
        self._watched = 0.0
        self._stop: Stop | None = None
        self._poll = select.epoll()
        self._lines: dict[int, socket.socket] = {}  # by descriptor
        self._users: dict[socket.socket, tuple[int, frozenset[str]]] = {}
        self._passed_over: set[socket.socket] = set()
        self._inbox = memoryview(bytearray(messages.MAX_BYTES + 1))  # a longer message is seen as too long

    # --- life -----------------------------------------------------------------------------------------------------

    def open(self, opened: Opened, data: bytes) -> None:
        self._engine = opening.open_module(opened, data, self._options)
        self._root = opened.root
        self._shares = _Shares()

    def run(self) -> int:
        """Serve until told to stop; the exit status."""
        listener = self._listen()
        wake_read, wake_write = socket.socketpair()
        wake_write.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end(Stop("Stopped.")))
        self._listen_to(listener)
        self._listen_to(wake_read)
        try:
            while self._stop is None:
                self._turn(listener, wake_read)
        except SyncFailed as failure:
            self._say(
                f"The disk did not confirm a write ({failure}). The module ends; start it again when the disk is well."
            )
            return 74
        except (LogDamaged, AssertionError) as failure:
            self._say(f"The module ends: {failure}")
            return 70
        finally:
            self._door.socket_path.unlink(missing_ok=True)
        assert self._stop is not None
        if self._engine is not None:
            try:
                self._engine.log.close()
            except SyncFailed as failure:
                self._say(f"The disk did not confirm a write ({failure}).")
                return 74
        self._say(self._stop.reason)
        return self._stop.status

    def _end(self, stop: Stop) -> None:
        if self._stop is None:
            self._stop = stop

    def _listen(self) -> socket.socket:
        path = self._door.socket_path
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        if self._door.group is not None:
            os.chown(path, -1, self._door.group)
            path.chmod(0o660)
        elif len(self._door.roles) > 1:
            path.chmod(0o666)  # who comes in is decided by the peer's user below
        listener.listen(MAX_CONNECTIONS)
        listener.setblocking(False)
        return listener

    def _turn(self, listener: socket.socket, wake: socket.socket) -> None:
        jobs: list[Job] = []
        group = Group()
        waiting: list[socket.socket] = []
        for descriptor, _ in self._poll.poll(WATCH_S):
            line = self._lines[descriptor]
            if line is listener:
                self._accept(listener)
            elif line is wake:
                wake.recv(64)
            else:
                waiting.append(line)
        if len(waiting) > MAX_GROUP:
            # The system names lines in the same order each time: who was passed over comes first, or a group's worth of
            # callers that never rest would be the only ones who are ever heard.
            waiting.sort(key=lambda line: line not in self._passed_over)
        self._passed_over = set(waiting[MAX_GROUP:])
        for line in waiting[:MAX_GROUP]:
            job = self._receive(line, group)
            if job is not None:
                jobs.append(job)
        if jobs:
            self._finish(jobs, group)
        if self._engine is not None:
            self._engine.keep_house()
            if not jobs:
                self._engine.log.settle()
        now = time.monotonic()
        if now - self._watched >= WATCH_S:
            self._watched = now
            self._watch()

    def _finish(self, jobs: list[Job], group: Group) -> None:
        """Answers are worked out while the group is being synced, and sent when that is done."""
        answers: list[bytes | None] = []

        def work_out() -> None:
            answers.extend(self._packed(job) for job in jobs)

        if self._engine is None:
            work_out()
        else:
            try:
                self._engine.commit(group, work_out)
            except LogDamaged:
                raise
            except KeystoreError as problem:  # no room: nothing of this group happened
                answers = [_packed_error(job.error or problem) for job in jobs]
        crash.point("keystore.before-answer")
        for job, data in zip(jobs, answers, strict=True):
            self._send(job.line, data)
        crash.point("keystore.after-answer")

    def _packed(self, job: Job) -> bytes | None:
        """The bytes of an answer; None for one that does not fit, whose line is dropped."""
        if job.error is not None:
            return _packed_error(job.error)
        assert job.answer is not None
        try:
            body = messages.answer_out(job.answer())
        except LogDamaged:
            raise
        except KeystoreError as refused:
            return _packed_error(refused)
        try:
            return messages.pack({"v": messages.VERSION, "ok": True, "body": body}, messages.MAX_ANSWER_BYTES)
        except MessageInvalid:
            return None

    def _send(self, line: socket.socket, data: bytes | None) -> None:
        try:
            if data is not None:
                line.send(data)
                return
        except OSError:
            pass
        self._drop(line)  # a caller that does not read: he asks again with the same order id

    # --- connections ----------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        """Everybody who waits at the door: one a turn would let a crowd of callers keep it shut."""
        for _ in range(MAX_CONNECTIONS):
            try:
                line, _address = listener.accept()
            except OSError:
                return
            self._let_in(line)

    def _let_in(self, line: socket.socket) -> None:
        user = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        roles = self._door.roles.get(user)
        held = sum(its_user == user for its_user, _roles in self._users.values())
        if roles is None or held >= MOST_OF_ONE_USER or len(self._users) >= MAX_CONNECTIONS:
            line.close()
            return
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * messages.MAX_ANSWER_BYTES)
        self._users[line] = (user, roles)
        self._listen_to(line)

    def _listen_to(self, line: socket.socket) -> None:
        self._lines[line.fileno()] = line
        self._poll.register(line, select.EPOLLIN)

    def _drop(self, line: socket.socket) -> None:
        if self._users.pop(line, None) is not None:
            self._poll.unregister(line)
            del self._lines[line.fileno()]
            line.close()

    def _receive(self, line: socket.socket, group: Group) -> Job | None:
        try:
            data = self._inbox[: line.recv_into(self._inbox)].tobytes()
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self._drop(line)
            return None
        job = Job(line)
        try:
            job.answer = self._dispatch(messages.unpack(data), self._users[line][1], group)
        except LogDamaged:
            raise
        except KeystoreError as error:
            job.error = error
        return job

    def _dispatch(self, message: dict[str, Any], roles: frozenset[str], group: Group) -> Answer:
        if message.keys() != {"v", "verb", "body"} or not isinstance(message["body"], dict):
            raise MessageInvalid("A message has a version, a verb and a body.")
        if type(message["v"]) is not int or message["v"] != messages.VERSION:
            raise MessageInvalid(
                f"This module speaks version {messages.VERSION} of the protocol.", code="version"
            )
        verb, body = message["verb"], message["body"]
        role = ROLES.get(verb) if type(verb) is str else None
        if role is None:
            raise MessageInvalid("The module has no such verb.", code="verb-unknown")
        if role not in roles:
            raise ModuleRefused("This user may not ask that.", code="role")
        if role == OFFICER:
            return self._officer(verb, body)
        if self._engine is None:
            if verb == "status" and not body:
                return lambda: _locked(self._path, self._shares)
            raise ModuleRefused(
                "The module is locked. Key holders unlock it with `keystore unlock`.", code="locked"
            )
        return VERBS[verb](self._engine, group, body)

    # --- the key manager's verbs ----------------------------------------------------------------------------------

    def _officer(self, verb: str, body: Body) -> Answer:
        if verb == "unlock":
            return self._unlock(only(body, "share"))
        if verb == "zeroise":
            return self._zeroise(only(body, "confirm"))
        if body:
            raise MessageInvalid(f"{verb} takes no fields.")
        if verb == "load":
            self._reload()
            return self._status
        self._end(
            Stop("Locked." if verb == "lock" else "Locked: the key file has new shares. Unlock it with them.")
        )
        return lambda: None

    def _status(self) -> Any:
        return _locked(self._path, self._shares) if self._engine is None else self._engine.status()

    def _unlock(self, text: str) -> Answer:
        if self._engine is not None:
            raise ModuleRefused("The module is open already.", code="already-open")
        now = time.monotonic()
        if now - self._shares.since > SHARES_KEPT_S:
            self._shares = _Shares(since=now)
        data = store.read(self._path)
        file = layout.read(data)[0]
        words = seal.find_share(file, text)
        if words not in self._shares.texts:
            self._shares.texts.append(words)
        if len(self._shares.texts) >= file.threshold:
            texts, self._shares = self._shares.texts, _Shares()
            self.open(seal.unlock(data, texts), data)
            self._say("Unlocked.")
        return self._status

    def _zeroise(self, confirm: str) -> Answer:
        file = store.describe(self._path)
        if confirm != opening.log_name(file):
            raise ModuleRefused(
                "Confirm with the name of the log, as `keystore status` shows it.", code="confirm"
            )
        for path in (self._path, *self._path.parent.glob(f"{self._path.name}.g*")):
            size = path.stat().st_size
            with path.open("r+b") as out:
                out.write(os.urandom(size))
                out.flush()
                os.fsync(out.fileno())
            path.unlink()
        self._end(Stop("The key file was destroyed. Back-ups of it can still be opened with their shares."))
        return lambda: None

    # --- a changed key file ---------------------------------------------------------------------------------------

    def _stat(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def _watch(self) -> None:
        """A suspended or compromised key stops within a second, without anybody telling the module."""
        if self._engine is None or self._stat() == self._stamp:
            return
        try:
            self._reload()
        except KeystoreError as error:
            self._say(f"The key file changed and cannot be used: {error.sentence}")

    def _reload(self) -> None:
        if self._engine is None or self._root is None:
            raise ModuleRefused(
                "The module is locked. Key holders unlock it with `keystore unlock`.", code="locked"
            )
        self._stamp = self._stat()
        data = store.read(self._path)
        try:
            opened = seal.open_with_root(data, self._root)
        except KeyFileUnusable:
            self._end(Stop("Locked: the key file was sealed anew or is damaged. Unlock it with its shares."))
            raise
        if opened.file.generation < self._engine.identity.generation:
            raise KeyFileUnusable(
                "The key file was replaced by an older generation; the module keeps the newer one."
            )
        self._engine.identity = opening.identity_of(opened.file)
        self._engine.ring = opening.ring_of(opened, self._options.hsm)
        group = Group()
        self._engine.start(group, opening.digest_of(data))
        self._engine.commit(group)
        self._say(f"Loaded generation {opened.file.generation} of the key file.")


def _packed_error(error: KeystoreError) -> bytes:
    told = {"code": error.code, "sentence": error.sentence}
    return messages.pack({"v": messages.VERSION, "ok": False, "error": told}, messages.MAX_ANSWER_BYTES)


def _locked(path: Path, shares: _Shares) -> Any:
    from datetime import UTC, datetime

    from keystore.module import Status

    try:
        file = store.describe(path)
    except KeyFileUnusable as error:
        raise ModuleRefused(error.sentence, code=error.code) from error
    return Status(
        version=opening.identity_of(file).version,
        state="locked",
        reason=f"{len(shares.texts)} of {file.threshold} shares were given. Key holders use `keystore unlock`.",
        log=opening.log_name(file),
        public_key="",
        sequence=0,
        head="",
        test=file.all_test,
        simulated_clock=False,
        now=datetime.now(UTC),
        quorum=file.policy["quorum"],
        generation=file.generation,
    )


def to_stderr(line: str) -> None:
    sys.stderr.write(f"keystore: {line}\n")
    sys.stderr.flush()

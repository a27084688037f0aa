"""Commands while the server runs: on SQLite it alone writes, so they are carried out in it, over a socket in its own folder.

The client is `ampoule` itself, when it finds the server's socket: it sends the words of the command and what was given on
standard input, and shows the answer. Only commands about people, sellers, API keys and jobs go this way; they take no files. Whoever may
open the socket (the server's user and root) may open the database as well, so nobody gains a right by it.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vending.db import Database
from vending.errors import Unavailable, VendingError
from vending.settings import Settings

log = logging.getLogger(__name__)

THROUGH = frozenset({"user", "jobs", "seller", "api-key"})
LONGEST = 64 * 1024
PATIENCE_S = 30


class CommandTooLong(VendingError):
    code = "command_too_long"


class ServerDidNotAnswer(Unavailable):
    code = "server_did_not_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str


def socket_of(settings: Settings) -> Path:
    return settings.folder / "run" / "server.sock"


class Door:
    """The server's side: one command at a time, in a thread of its own."""

    def __init__(self, settings: Settings, db: Database, command: click.Command) -> None:
        self._db = db
        self._command = command  # `ampoule` itself, with all that is below it
        self._path = socket_of(settings)
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._listener.bind(str(self._path))
        finally:
            os.umask(before)
        self._listener.listen(4)
        self._thread = threading.Thread(target=self._serve, name="door", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(PATIENCE_S)
                try:
                    self._answer(line)
                except (OSError, ValueError, KeyError, TypeError):
                    log.warning("what came through the local door was no command")

    def _answer(self, line: socket.socket) -> None:
        _pid, user, _group = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user not in (0, os.geteuid()):
            return
        asked = json.loads(_read(line))
        words = [str(word) for word in asked["words"]]
        if not words or words[0] not in THROUGH:
            answer = Answer(1, "", "ampoule: this command needs the server to be stopped first.\n")
        else:
            answer = self._carry_out(words, str(asked["input"]))
            log.info("carried out for the command line: %s %s", words[0], words[1] if len(words) > 1 else "")
        line.sendall(json.dumps([answer.status, answer.out, answer.err]).encode())

    def _carry_out(self, words: Sequence[str], given: str) -> Answer:
        out, err, status = io.StringIO(), io.StringIO(), 0
        with self._db.lent(), _terminal(given, out, err):
            try:
                self._command.main(args=list(words), prog_name="ampoule", standalone_mode=False)
            except VendingError as error:
                err.write(f"ampoule: {error.sentence}\n")
                status = 1
            except click.ClickException as error:
                error.show(err)
                status = error.exit_code
            except (click.Abort, EOFError):
                err.write(
                    "ampoule: this command asks for something. Give it on standard input, or stop the server first.\n"
                )
                status = 1
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 1
            except Exception:
                log.exception("a command through the local door failed")
                err.write("ampoule: the command failed in the server; its log says why.\n")
                status = 1
        return Answer(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _terminal(given: str, out: io.StringIO, err: io.StringIO) -> Any:
    """The command's own standard streams. Nothing else of the server writes to them: its log holds the stream itself."""
    lines = iter(given.splitlines())

    def hidden(prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError(prompt) from None

    kept, kept_hidden = sys.stdin, click.termui.hidden_prompt_func
    sys.stdin, click.termui.hidden_prompt_func = io.StringIO(given), hidden
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        sys.stdin, click.termui.hidden_prompt_func = kept, kept_hidden


def open_door(settings: Settings, db: Database, command: click.Command) -> Door | None:
    """None where the folder's path is too long for a socket: the pages work, and commands need the server stopped."""
    try:
        return Door(settings, db, command)
    except OSError as error:
        log.warning("commands cannot be carried out while the server runs: %s", error)
        return None


def ask(settings: Settings, words: Sequence[str]) -> Answer | None:
    """Has the running server carry the command out; None when there is no server, or when it does not do this one."""
    if not words or words[0] not in THROUGH or not socket_of(settings).exists():
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with line:
        line.settimeout(PATIENCE_S)
        try:
            line.connect(str(socket_of(settings)))
        except OSError:
            return None  # what a killed server left behind
        given = _given(words)  # only now: without a server the command itself reads it
        try:
            line.sendall(json.dumps({"words": list(words), "input": given}).encode())
            line.shutdown(socket.SHUT_WR)
            status, out, err = json.loads(_read(line))
        except (OSError, ValueError):
            raise ServerDidNotAnswer(
                "The running server took the command and did not answer, so whether it was carried out is not known. Look "
                "(`ampoule user list`, `ampoule jobs list`) before you repeat it."
            ) from None
    return Answer(int(status), str(out), str(err))


def _given(words: Sequence[str]) -> str:
    """What the command will read. A password is asked for here, where the person is."""
    if tuple(words[:2]) == ("user", "password") and sys.stdin.isatty():
        word = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        return f"{word}\n{word}\n"
    reads = "--password-stdin" in words or tuple(words[:2]) == ("user", "password")
    return sys.stdin.read(LONGEST) if reads and not sys.stdin.isatty() else ""


def _read(line: socket.socket) -> bytes:
    taken = b""
    while data := line.recv(4096):
        taken += data
        if len(taken) > 16 * LONGEST:
            raise CommandTooLong("That is too long for a command. Stop the server, then run it again.")
    return taken

"""What the key manager's commands share with a terminal: hidden input, tables for people, JSON for programs.

Secrets come from a hidden prompt or, for scripts, from lines of a file descriptor (`--passphrase-fd`). They are never
arguments and never in the environment, where other users and shell histories would find them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from keystore import seal, store
from keystore.errors import KeystoreError, SharesInvalid
from keystore.seal import Opened

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE: Option = click.option(
    "--file", "key_file", type=click.Path(path_type=Path), required=True, help="The key file."
)
SOCKET: Option = click.option(
    "--socket", "socket_path", type=click.Path(path_type=Path), required=True, help="The module's socket."
)
JSON: Option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@dataclass(frozen=True, slots=True)
class Told:
    """What a command did: for programs, and as sentences."""

    content: dict[str, Any]
    text: str


def told(function: Callable[..., Told]) -> Callable[..., None]:
    """`--json` for a command that gives back what it did."""

    @wraps(function)
    def command(*arguments: Any, as_json: bool, **options: Any) -> None:
        found = function(*arguments, **options)
        show(as_json, found.content, found.text)

    return JSON(command)


def secrets_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--passphrase-fd`, given to the command as a `Secrets`."""
    return click.option(
        "--passphrase-fd",
        "secrets",
        type=int,
        default=None,
        callback=lambda _ctx, _param, fd: Secrets(fd),
        help="Read secrets from this file descriptor, one a line, in the order of the questions.",
    )(function)


class Secrets:
    """Where secrets are typed."""

    def __init__(self, fd: int | None) -> None:
        self._lines = None
        if fd is not None:
            with os.fdopen(os.dup(fd), encoding="utf-8") as file:
                self._lines = iter(file.read().splitlines())

    def ask(self, question: str, *, twice: bool = False) -> str:
        if self._lines is None:
            found: str = click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
            return found
        try:
            return next(self._lines)
        except StopIteration:
            raise KeystoreError(f"No line was left for: {question}.", code="secret-missing") from None

    def line(self, question: str) -> str:
        """Something that may be seen while it is typed: a name, a check value."""
        if self._lines is None:
            found: str = click.prompt(question, err=True)
            return found
        return self.ask(question)


def unlock(path: Path, secrets: Secrets) -> Opened:
    """Ask for as many shares as the file wants."""
    data = store.read(path)
    file = store.describe(path)
    given: list[str] = []
    for number in range(1, file.threshold + 1):
        given.append(secrets.ask(f"Share {number} of {file.threshold} (words or passphrase)"))
    if len(set(given)) < len(given):
        raise SharesInvalid("The same share was given twice. Each share comes from another custodian.")
    return seal.unlock(data, given)


def strong(passphrase: str) -> str:
    """A live share is sealed by six words or more: 77 bits when they are thrown with dice."""
    if len(passphrase.split()) < 6 and len(passphrase) < 24:
        raise KeystoreError(
            "The passphrase is too short for a live key: take six words or more, thrown with dice.",
            code="passphrase-weak",
        )
    return passphrase


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Plain columns, which survive a copy into a mail."""
    cells = [[str(c) for c in columns], *[["" if c is None else str(c) for c in row] for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def show(as_json: bool, content: Any, text: str) -> None:
    click.echo(json.dumps(content, default=str, indent=1, sort_keys=True) if as_json else text)


def moment(text: str | None, option: str, otherwise: datetime) -> datetime:
    """A time that was given as an option; without an offset it is meant in the machine's own zone."""
    if text is None:
        return otherwise
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise KeystoreError(
            f"{option} is a time such as 2026-12-01T06:00:00Z.", code="time-invalid"
        ) from None

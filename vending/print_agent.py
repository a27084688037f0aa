"""`ampoule print-agent`: on a till's PC, fetches papers from the server and hands them to the printer there.

It keeps a journal beside it, one line synced before and after each paper, so that a paper that went out is not printed again
when the answer to the server was lost, and one that was cut off is told as *unsure* and not tried on its own. A server that
is away is asked again, later and later; what was printed meanwhile is told as soon as it is back. No database, no layout:
bytes come and go.
"""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from vending import bootstrap
from vending.receipts.printer import Printer, PrinterAway

TIMEOUT_S, PAUSE_S, LONGEST_S = 15.0, 1.0, 60.0
KEPT_LINES = 500


class ServerAway(Exception):
    pass


class NotPaired(Exception):
    pass


class Journal:
    """What became of each paper, by its name: begun, printed or unsure."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, str] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                state, _space, name = line.partition(" ")
                if name:
                    self.known[name] = state
        # A paper that was begun and has no end was cut off: nobody knows what came out.
        for name, state in list(self.known.items()):
            if state == "begun":
                self.write(name, "unsure")

    def write(self, name: str, state: str) -> None:
        self.known[name] = state
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{state} {name}\n")
            file.flush()
            os.fsync(file.fileno())

    def trim(self) -> None:
        """The last papers are enough: the server hands out no older one."""
        if len(self.known) <= KEPT_LINES * 2:
            return
        self.known = dict(list(self.known.items())[-KEPT_LINES:])
        half = self._path.with_suffix(".part")
        half.write_text("".join(f"{state} {name}\n" for name, state in self.known.items()), encoding="utf-8")
        half.replace(self._path)


@dataclass
class Server:
    address: str
    secret: str

    def ask(self, path: str, told: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 — the address was looked at when the agent started
            f"{self.address}/print-agent/{path}",
            json.dumps(told).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.secret}"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 — as above
                found = json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code in (401, 403):
                raise NotPaired from None
            raise ServerAway(f"it answered {refused.code}") from None
        except (OSError, ValueError) as error:
            raise ServerAway(type(error).__name__) from None
        assert isinstance(found, dict)
        return found


class Agent:
    def __init__(self, server: Server, printer: Printer, journal: Journal) -> None:
        self._server, self._printer, self._journal = server, printer, journal
        self._trouble = ""

    def step(self) -> bool:
        """One look at the server; whether a paper was printed, so that the next one is asked for at once."""
        found = self._server.ask("next", {"trouble": self._trouble}).get("job")
        if not found:
            return False
        name, data = str(found["name"]), base64.b64decode(found["data"])
        if self._journal.known.get(name) not in ("printed", "unsure"):
            self._journal.write(name, "begun")
            try:
                self._printer.send(data)
            except PrinterAway as away:
                self._trouble = away.sentence
                if not away.begun:
                    # Not one byte went out: the paper is tried again as it is.
                    self._journal.write(name, "untouched")
                    return False
                self._journal.write(name, "unsure")
            else:
                self._trouble = ""
                self._journal.write(name, "printed")
        self._server.ask("done", {"name": name, "outcome": self._journal.known[name]})
        self._journal.trim()
        return True

    def run(self, *, until: Callable[[], bool] = lambda: False, pause_s: float = PAUSE_S) -> None:
        wait, away = pause_s, False
        while not until():
            try:
                busy = self.step()
            except ServerAway as error:
                if not away:
                    click.echo(f"The server is away ({error}); it is asked again.", err=True)
                away, wait = True, min(wait * 2, LONGEST_S)
                time.sleep(wait)
                continue
            if away:
                click.echo("The server is back.", err=True)
            away, wait = False, pause_s
            if not busy:
                time.sleep(pause_s)


@click.command("print-agent")
@click.option("--server", required=True, help="Where the pages are, such as https://till.mall.local:8800")
@click.option(
    "--key-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the secret that the page of printers showed, readable by you alone.",
)
@click.option(
    "--printer",
    required=True,
    help="tcp://host:9100, usb://04b8:0e15, serial:///dev/ttyUSB0 or file:///dev/usb/lp0",
)
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("print-agent.journal"),
    show_default=True,
    help="What was printed; it stays on this PC.",
)
def print_agent(server: str, key_file: Path, printer: str, journal: Path) -> None:
    """Print the papers of one till on the printer of this PC."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or (
        parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")
    ):
        raise click.ClickException(
            "The server's address must be https: papers carry tokens. `ampoule tls` on the server makes a certificate."
        )
    try:
        secret = key_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise click.ClickException(f"{key_file} cannot be read ({error.strerror}).") from None
    device = bootstrap.open_printer(printer)
    click.echo(f"Papers of {server} go to {printer}. Ctrl-C ends it.", err=True)
    try:
        Agent(Server(server.rstrip("/"), secret), device, Journal(journal)).run()
    except NotPaired:
        raise click.ClickException(
            "The server does not know this agent, or its pairing was ended. Pair the till again on the page of printers."
        ) from None
    except KeyboardInterrupt:
        click.echo("Ended.", err=True)

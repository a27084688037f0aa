"""`ampoule demo crash`: the server is killed between payment and token, started again, and the page resolves itself.

In a folder of its own that is removed afterwards, on free ports, with public test keys: the real module, the real server,
and a cashier who fills in the till's forms. The server kills itself by signal 9 at a named point (`crashpoints.py`), so that
the moment is the worst one: money taken, token made and logged, nothing of it in the database.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from http.cookiejar import CookieJar
from io import StringIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from keystore.module import Issued
from vending import bootstrap
from vending.auditor.opening import opened
from vending.auditor.reconciliation import Window
from vending.errors import Unavailable
from vending.reconcile_commands import look_at_all
from vending.settings import Settings
from vending.supervisor import Part, Supervisor

POINT = "sale.after-issue"
CASHIER = ("thandi", "lantern-cashier")
UNIT = "G-09"
PATIENCE_S = 60.0


class ShownNothing(Unavailable):
    code = "shown_nothing"


class _Stay(urllib.request.HTTPRedirectHandler):
    """A form's redirection is its answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Till:
    """A cashier without a browser."""

    def __init__(self, address: str) -> None:
        self._address = address
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._pages = urllib.request.build_opener(cookies)
        self._forms = urllib.request.build_opener(cookies, _Stay())

    def get(self, path: str, **asked: str) -> str:
        query = f"?{urllib.parse.urlencode(asked)}" if asked else ""
        with self._pages.open(self._address + path + query, timeout=20) as answer:
            return str(answer.read().decode())

    def post(self, path: str, page: str, **fields: str) -> int:
        data = urllib.parse.urlencode({"csrf_token": _field(page, "csrf_token"), **fields}).encode()
        try:
            with self._forms.open(self._address + path, data=data, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            return answer.code

    def sign_in(self) -> None:
        name, password = CASHIER
        if self.post("/sign-in", self.get("/sign-in"), name=name, password=password) != 303:
            raise ShownNothing(
                "The cashier could not sign in. Run it again, and report what the server wrote."
            )

    def open_unit(self, unit: str) -> str:
        page = self.get("/cashier/till", find=unit)
        link = re.search(r'href="(/cashier/till\?[^"]*meter=[^"]+)"', page)
        return self.get(link[1].replace("&amp;", "&")) if link and not _field(page, "meter") else page


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    if found is None:
        raise ShownNothing(f"The page has no field {name!r}. Run it again, and report what the server wrote.")
    return found[1]


def _token_on(page: str) -> str:
    found = re.search(r'id="token"[^>]*>(.*?)</bdi>', page, re.DOTALL)
    return re.sub(r"\D", "", re.sub(r"<[^>]+>", "", found[1])) if found else ""


def demonstrate(say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="ampoule-crash-") as name:
        settings = replace(Settings(), var=Path(name), port=_free_port(), building_port=_free_port())
        parts = Supervisor(settings, StringIO())
        stage = _Stage(settings, parts)
        try:
            _shown(settings, stage, say)
        finally:
            stage.stop()


class _Stage:
    """The processes of this demonstration, each started and ended by name."""

    def __init__(self, settings: Settings, parts: Supervisor) -> None:
        self._settings = settings
        self._parts = {"module": parts.module, "server": parts.server}
        (settings.folder / "run").mkdir(parents=True)
        keystore = parts.module.command[0]
        subprocess.run(
            [keystore, "demo-init", "--into", str(settings.folder / "module")],
            check=True,
            capture_output=True,
        )

    def start(self, name: str, **more: str) -> None:
        part, folder = self._parts[name], self._settings.folder
        part.ready.unlink(missing_ok=True)
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AMPOULE_")}
        told = {
            "AMPOULE_VAR": str(folder),
            "AMPOULE_PORT": str(self._settings.port),
            "AMPOULE_BUILDING_PORT": str(self._settings.building_port),
        }
        with open(folder / f"{name}.out", "ab") as out:
            part.process = subprocess.Popen(
                part.command, stdout=out, stderr=out, env={**clean, **told, **more}, cwd=folder, text=True
            )
        process = part.process
        _wait(lambda: part.ready.exists() or process.poll() is not None, f"the start of the {name}")
        if process.poll() is not None:
            said = (folder / f"{name}.out").read_text(errors="replace").strip().splitlines()
            raise ShownNothing(f"The {name} did not start: {said[-1] if said else 'it said nothing'}.")

    def how_it_ended(self, name: str) -> int:
        process = self._process(name)
        return process.wait(30)

    def _process(self, name: str) -> subprocess.Popen[str]:
        process = self._parts[name].process
        assert process is not None, f"the {name} was started"
        return process

    def stop(self) -> None:
        for part in self._parts.values():
            _end(part)


def _end(part: Part) -> None:
    if part.process is None or part.process.poll() is not None:
        return
    part.process.terminate()
    try:
        part.process.wait(20)
    except subprocess.TimeoutExpired:
        part.process.kill()
        part.process.wait()


def _shown(settings: Settings, stage: _Stage, say: Callable[[str], None]) -> None:
    stage.start("module")
    stage.start("server", AMPOULE_CRASH_AT=POINT)
    say("1. Module and server run, in an empty folder, on public test keys.")
    till = Till(settings.address)
    till.sign_in()
    page = till.open_unit(UNIT)
    order, sale = _field(page, "order_id"), _field(page, "basket_id")
    ids = {"order_id": order, "basket_id": sale, "meter": _field(page, "meter")}
    say(f"2. A customer pays R150.00 in cash for {UNIT}. Order {order}.")
    try:
        till.post("/cashier/till", page, act="take", tender="cash", amount="150", received="150", **ids)
        raise ShownNothing("The server was not killed at its point. Run it again.")
    except (HTTPException, OSError):
        pass
    ended = stage.how_it_ended("server")
    if ended != -signal.SIGKILL:
        raise ShownNothing(f"The server ended with {ended} and not by signal 9. Run it again.")
    say("3. The server is dead: signal 9, between payment and token. The cashier's page got no answer.")
    state, tokens, paid = _in_database(settings, order)
    say(
        f"4. The database: the order is {state!r}, {paid / 100:.2f} are in the drawer, {tokens} tokens. Nothing is lost, nothing shown."
    )
    module = bootstrap.open_module(settings)
    (answer,) = module.replay([order])
    if not isinstance(answer, Issued):
        raise ShownNothing("The module does not know the order. Run it again.")
    say(
        f"5. The module: it made the token before the server died. Entry {answer.sequence} of its log: {_spaced(answer.tokens[0])}"
    )
    stage.start("server")
    say("6. The server runs again. Nobody asks it to repair anything; its worker goes on with what is paid.")
    till = Till(settings.address)
    till.sign_in()
    path = f"/cashier/vends/{sale}"
    began = time.monotonic()
    shown = _wait(lambda: _token_on(till.get(path)), "the token on the page")
    say(f"7. The page of the sale, {time.monotonic() - began:.1f} s later: {_spaced(shown)}")
    if shown != answer.tokens[0]:
        raise ShownNothing(
            "The page shows other digits than the module made. This must never happen: report it."
        )
    state, tokens, paid = _in_database(settings, order)
    found = look_at_all(settings.database_address, module, Window())
    if (state, tokens, paid) != ("issued", 1, 15_000) or not found.clean:
        raise ShownNothing("The books do not agree afterwards. This must never happen: report it.")
    say(
        "8. The same 20 digits. One payment, one token, one entry of the log; log, database, books and receipts agree."
    )


def _in_database(settings: Settings, order: str) -> tuple[str, int, int]:
    """The order's state, its tokens, the cash in the drawer: by plain SQL."""
    with opened(settings.database_address) as connection:
        state = connection.execute(
            sa.text("SELECT state FROM vend WHERE order_id = :order"), {"order": order}
        ).scalar_one()
        tokens = connection.execute(
            sa.text("SELECT count(*) FROM token WHERE order_id = :order"), {"order": order}
        ).scalar_one()
        paid = connection.execute(
            sa.text("SELECT coalesce(sum(amount_minor), 0) FROM payment WHERE way = 'cash'")
        ).scalar_one()
    return str(state), int(tokens), int(paid)


def _spaced(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _wait(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise ShownNothing(f"Waited {PATIENCE_S:.0f} s for {what}. Run it again on a quieter machine.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

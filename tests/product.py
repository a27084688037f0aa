"""The whole product as its own processes in a folder of its own, for journeys and batteries.

Each part is the real command that a site runs. `Desk` is a cashier without a browser: it fills in the till's forms.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

PROGRAMS = Path(sys.executable).parent
CASHIER = ("thandi", "lantern-cashier")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition, *, seconds: float = 30.0, what: str = "it"):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


@dataclass
class Product:
    folder: Path
    port: int = field(default_factory=free_port)
    building_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def keypads(self) -> str:
        return f"http://localhost:{self.building_port}"

    def _environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}
        return {
            **clean,
            "AMPOULE_VAR": str(self.folder),
            "AMPOULE_PORT": str(self.port),
            "AMPOULE_BUILDING_PORT": str(self.building_port),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
            **more,
        }

    def _start(self, name: str, command: list[str], ready: Path, **more: str) -> None:
        ready.unlink(missing_ok=True)
        with open(self.folder / f"{name}.out", "ab") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=self._environment(**more)
            )
        self.processes[name] = process
        wait_for(
            lambda: ready.exists() or process.poll() is not None, what=f"the start of the {name}", seconds=60
        )
        assert process.poll() is None, f"the {name} stopped: {self.said(name)}"

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text(errors="replace")[-3000:]

    def make_keys(self) -> None:
        (self.folder / "run").mkdir(parents=True, exist_ok=True)
        if not (self.folder / "module").exists():
            command = [str(PROGRAMS / "keystore"), "demo-init", "--into", str(self.folder / "module")]
            subprocess.run(command, check=True, capture_output=True)

    def start_module(self, **more: str) -> None:
        self.make_keys()
        socket_path = self.folder / "run" / "module.sock"
        command = [
            *(str(PROGRAMS / "keystore"), "serve", "--file", str(self.folder / "module" / "keys.stsks")),
            *(
                "--log",
                str(self.folder / "module" / "log"),
                "--socket",
                str(socket_path),
                "--unlock-test-keys",
            ),
        ]
        self._start("module", command, socket_path, **more)

    def start_server(self, **more: str) -> None:
        self._start(
            "server", [str(PROGRAMS / "ampoule"), "serve"], self.folder / "run" / "server.ready", **more
        )

    def start_all(self) -> None:
        """`ampoule up`, as `make run` starts it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "up.out", "wb") as out:
            process = subprocess.Popen(
                [str(PROGRAMS / "ampoule"), "up"],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )
        self.processes["up"] = process
        wait_for(
            lambda: "Ampoule is ready" in self.said("up") or process.poll() is not None,
            what="make run",
            seconds=60,
        )
        assert process.poll() is None, self.said("up")

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def wait_dead(self, name: str) -> int:
        return self.processes[name].wait(30)

    def stop(self) -> None:
        for name in ("up", "server", "module"):
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@dataclass
class Desk:
    """A cashier at the till, by forms alone."""

    product: Product
    web: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, name: str = CASHIER[0], password: str = CASHIER[1]) -> None:
        page = self.get("/sign-in")
        answer = self.post("/sign-in", page.text, name=name, password=password)
        assert answer.status_code == 303, answer.text[:2000]

    def get(self, path: str) -> requests.Response:
        return self.web.get(self.product.address + path, timeout=20)

    def post(self, path: str, page: str, **fields: str) -> requests.Response:
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token, "the page has no form"
        return self.web.post(
            self.product.address + path,
            data={"csrf_token": token[1], **fields},
            timeout=30,
            allow_redirects=False,
        )

    def open_unit(self, unit: str) -> str:
        """The till page of the first meter that a search finds."""
        page = self.web.get(self.product.address + "/cashier/till", params={"find": unit}, timeout=20).text
        if 'name="meter" value=""' in page:
            link = re.search(r'href="(/cashier/till\?[^"]*meter=[^"]+)"', page)
            assert link, f"nothing found for {unit}"
            page = self.get(link[1].replace("&amp;", "&")).text
        return page

    def sell(self, page: str, amount: str, received: str = "", *, form: str = "") -> requests.Response:
        """Takes the money for the meter of this page; gives the till's answer (303 to the sale when it was sold).
        `form` is a page of this session, when `page` with its ids is from an earlier one."""
        fields = {"act": "take", "tender": "cash", "amount": amount, "received": received, **hidden(page)}
        return self.post("/cashier/till", form or page, **fields)

    def token_of(self, location: str) -> str | None:
        """The 20 digits on a sale's page, if they are there."""
        text = self.get(location.removeprefix(self.product.address)).text
        return token_on(text)


def hidden(page: str) -> dict[str, str]:
    """The till form's ids: what makes a double click one sale."""
    found = {}
    for name in ("order_id", "basket_id", "meter"):
        match = re.search(rf'name="{name}" value="([^"]*)"', page)
        assert match, f"the till has no {name}: " + re.sub("<[^>]+>|\\s+", " ", page)[:3000]
        found[name] = match[1]
    return found


def token_on(page: str) -> str | None:
    match = re.search(r'id="token"[^>]*>(.*?)</bdi>', page, re.DOTALL)
    if not match:
        return None
    digits = re.sub(r"\D", "", re.sub(r"<[^>]+>", "", match[1]))
    return digits or None

"""`ampoule up`: the three processes of a small site in one terminal: module, server, simulated building.

Starts them in order, waits until each is ready, prints where to click, restarts one that dies, and stops all of them
cleanly on Ctrl-C. It holds no state, no keys and no database; what the product keeps is under `var`, so a second run
continues where the first one was.
"""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import click

from vending import settings as settings_module
from vending.errors import Unavailable, VendingError
from vending.settings import Settings

PATIENCE_S = 60.0
RESTARTS_A_MINUTE = 5


class PortInUse(Unavailable):
    code = "port_in_use"


class FolderNotWritable(Unavailable):
    code = "folder_not_writable"


class AlreadyRunning(VendingError):
    code = "already_running"


class DidNotStart(Unavailable):
    code = "did_not_start"


@dataclass(slots=True)
class Part:
    """One process of the product and how to know that it is ready."""

    name: str
    command: list[str]
    ready: Path
    process: subprocess.Popen[str] | None = None
    started: deque[float] = field(default_factory=deque)
    last_line: str = ""
    given_up: bool = False


class Supervisor:
    def __init__(self, settings: Settings, out: IO[str]) -> None:
        self.settings = settings
        self.out = out
        self.stopping = threading.Event()
        run = settings.folder / "run"
        program = Path(sys.executable).parent
        module = settings.folder / "module"
        self.module = Part(
            "module",
            [
                str(program / "keystore"),
                "serve",
                *("--file", str(module / "keys.stsks")),
                *("--log", str(module / "log")),
                *("--socket", str(settings.module_socket_path)),
                "--unlock-test-keys",
            ],
            settings.module_socket_path,
        )
        self.server = Part("server", [str(program / "ampoule"), "serve"], run / "server.ready")
        self.building = Part(
            "building",
            [
                *(str(program / "meter"), "building", "serve"),
                *("--config", str(settings.folder / "building" / "building.json")),
                *("--keys", str(demonstration_keys())),
                *("--state", str(settings.folder / "building" / "meters")),
                *("--socket", str(settings.building_socket_path)),
                *("--http", f"127.0.0.1:{settings.building_port}"),
            ],
            settings.building_socket_path,
        )
        self.parts = [self.module, self.server, self.building]
        self.lock: IO[str] | None = None

    def say(self, line: str) -> None:
        self.out.write(line + "\n")
        self.out.flush()

    def prepare(self) -> None:
        """Everything that must be true before the first process starts, each refusal with its next step."""
        folder = self.settings.folder
        try:
            for name in ("", "run", "module", "building"):
                (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = folder / "run" / f".probe-{os.getpid()}"
            probe.write_text("x", encoding="ascii")
            probe.unlink()
        except OSError as error:
            raise FolderNotWritable(
                f"{folder} cannot be written ({error.strerror}). Give it to this user, or choose another folder: AMPOULE_VAR=/path make run."
            ) from error
        self.lock = take_folder(folder)
        refuse_port_in_use(self.settings.port, "AMPOULE_PORT")
        refuse_port_in_use(self.settings.building_port, "AMPOULE_BUILDING_PORT")
        longest = max(str(self.settings.module_socket_path), str(self.settings.building_socket_path), key=len)
        if len(longest.encode()) > 107:
            raise FolderNotWritable(
                f"{longest} is too long for a Unix socket, which may have 107 bytes. Choose a shorter folder: AMPOULE_VAR=/path make run."
            )
        for part in self.parts:
            part.ready.unlink(missing_ok=True)
        if not (folder / "module" / "keys.stsks").exists():
            self.say("Making the demonstration key file (public test keys; they open no real meter).")
            made = subprocess.run(
                [
                    str(Path(sys.executable).parent / "keystore"),
                    "demo-init",
                    "--into",
                    str(folder / "module"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode != 0:
                raise DidNotStart(
                    f"The demonstration key file could not be made: {made.stderr.strip() or made.stdout.strip()}"
                )

    def start(self, part: Part) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "AMPOULE_VAR": str(self.settings.folder)}
        part.started.append(time.monotonic())
        part.process = subprocess.Popen(
            part.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=environment,
            # Its own group: Ctrl-C reaches the supervisor alone, which then stops the parts in the right order.
            start_new_session=True,
        )
        threading.Thread(target=self._relay, args=(part, part.process), daemon=True).start()

    def _relay(self, part: Part, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            part.last_line = line.rstrip() or part.last_line
            self.say(f"{part.name:>8} │ {line.rstrip()}")

    def wait_ready(self, part: Part) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not self.stopping.is_set():
            assert part.process is not None
            if part.process.poll() is not None:
                time.sleep(0.1)  # the last words may still be on their way
                raise DidNotStart(
                    f"The {part.name} stopped while starting. It said: {part.last_line or 'nothing'}"
                )
            if part.ready.exists():
                return
            time.sleep(0.02)
        if not self.stopping.is_set():
            raise DidNotStart(
                f"The {part.name} was not ready after {PATIENCE_S:.0f} s. Its last words: {part.last_line}"
            )

    def run(self) -> int:
        began = time.monotonic()
        self.prepare()
        try:
            # The module and the server start side by side; the server writes the building's list of meters.
            self.start(self.module)
            self.start(self.server)
            self.wait_ready(self.module)
            self.wait_ready(self.server)
            self.start(self.building)
            self.wait_ready(self.building)
            if not self.stopping.is_set():
                self.welcome(time.monotonic() - began)
            self.watch()
        finally:
            self.stop()
        return 0

    def welcome(self, seconds: float) -> None:
        from vending.demonstration.people import DEMONSTRATION_PEOPLE

        address = self.settings.address
        lines = [
            "",
            f"Ampoule is ready after {seconds:.1f} s. This is a demonstration: test keys, example people, one machine user for all parts.",
            "",
            f"  Till and offices    {address}",
            f"  Meters' keypads     http://localhost:{self.settings.building_port}",
            "",
            *(
                f"  {person.role:<18}  {person.login:<10} password {person.password}"
                for person in DEMONSTRATION_PEOPLE
            ),
            "",
            "  Sell to unit G-09 (just cut off), then type the 20 digits at its keypad: the lamp comes back.",
            f"  Everything is kept under {self.settings.folder}. Ctrl-C stops; `ampoule demo reset` starts over.",
            "",
        ]
        for line in lines:
            self.say(line)

    def watch(self) -> None:
        while not self.stopping.wait(0.2):
            for part in self.parts:
                if part.given_up or part.process is None or part.process.poll() is None:
                    continue
                now = time.monotonic()
                while part.started and part.started[0] < now - 60:
                    part.started.popleft()
                if len(part.started) >= RESTARTS_A_MINUTE:
                    part.given_up = True
                    self.say(
                        f"ampoule: the {part.name} stopped {RESTARTS_A_MINUTE} times in a minute and is left stopped. "
                        f"It said last: {part.last_line or 'nothing'}. Mend that, then stop with Ctrl-C and start again."
                    )
                    continue
                self.say(
                    f"ampoule: the {part.name} stopped (status {part.process.returncode}) and is started again."
                )
                part.ready.unlink(missing_ok=True)
                self.start(part)

    def stop(self) -> None:
        # The server first, so that no sale is begun; the module last, so that a sale under way can end.
        for part in (self.server, self.building, self.module):
            process = part.process
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.say(f"{part.name:>8} │ stopped")
        if self.lock is not None:
            self.lock.close()


def refuse_port_in_use(port: int, setting: str, host: str = "127.0.0.1") -> None:
    try:
        family, _kind, _protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise PortInUse(
            f"{host} is no address of this machine. Write 0.0.0.0 for all of them, or one that `ip address` shows: AMPOULE_HOST."
        ) from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise PortInUse(
                f"Port {port} is for root alone. Choose one above 1023: {setting}=8800."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise PortInUse(
                    f"{host} is no address of this machine. Write 0.0.0.0 for all of them, or one that `ip address` shows: AMPOULE_HOST."
                ) from None
            raise PortInUse(
                f"Port {port} is in use by another program. Stop that one, or choose another port: {setting}={port % 60000 + 100} make run."
            ) from None


def demonstration_keys() -> Path:
    """The public test keys, as a path: the building reads the file, this package never does."""
    import importlib.util

    found = importlib.util.find_spec("keystore")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "demonstration.toml"


def take_folder(folder: Path) -> IO[str]:
    """Holds the folder for this process, until the file is closed or the process ends, however it ends."""
    lock = open(folder / "supervisor.lock", "a+", encoding="ascii")  # noqa: SIM115 — held for life
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        number = lock.read(20).strip() or "unknown"
        lock.close()
        raise AlreadyRunning(
            f"Ampoule already runs on {folder} (process {number}). Use that one, stop it with Ctrl-C there, or start "
            "another on a different folder: AMPOULE_VAR=/path AMPOULE_PORT=8900 AMPOULE_BUILDING_PORT=8901 make run."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


@click.command()
def up() -> None:
    """Start module, server and simulated building, and print where to click."""
    supervisor = Supervisor(settings_module.load(), sys.stdout)

    def stop(_number: int, _frame: object) -> None:
        supervisor.stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    sys.exit(supervisor.run())

"""The cast of the module's tests: meters, requests, a clock that can be set, and the module without its socket."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keystore import acts, clock, demonstration, opening, seal, signing, store
from keystore.client import SocketModule
from keystore.engine import Engine, Group
from keystore.errors import ModuleUnreachable, OutcomeUnknown
from keystore.module import (
    ActSignature,
    AlreadyIssued,
    Approved,
    Cancelled,
    Checkpoint,
    CreditRequest,
    Issued,
    KeyChangeRequest,
    ManagementRequest,
    MeterKeying,
    Proof,
    PublicEntry,
    Refused,
    Request,
    Status,
    Verified,
)
from keystore.opening import Options
from sts import drn, pan

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SLIP = "5" * 64
_numbers = itertools.count(1)


class SetTime:
    """A time source that stands still until it is moved."""

    simulated = False

    def __init__(self, now: datetime = NOON) -> None:
        self.at = now.timestamp()
        self.run = 1000.0

    def wall(self) -> float:
        return self.at

    def steady(self) -> float:
        return self.run

    def pass_(self, **time: float) -> None:
        """Real time passes: both clocks move."""
        seconds = timedelta(**time).total_seconds()
        self.at += seconds
        self.run += seconds

    def jump(self, **time: float) -> None:
        """Somebody sets the wall clock."""
        self.at += timedelta(**time).total_seconds()


def a_pan(number: int | None = None) -> str:
    return pan.of("600727", drn.of(f"01{next(_numbers) if number is None else number:08d}"))


def meter(number: int | None = None, **changes: Any) -> MeterKeying:
    """A new meter of the demonstration building."""
    return replace(MeterKeying(a_pan(number), "11", "02", "04", "600100", 1, "01", 2, 255, 2014), **changes)


def old_meter(number: int | None = None, **changes: Any) -> MeterKeying:
    """A meter of the old estate: STA, DKGA02."""
    return replace(MeterKeying(a_pan(number), "07", "02", "02", "600200", 2, "01", 2, 255, 2014), **changes)


def credit(keying: MeterKeying | None = None, units: int = 100, **changes: Any) -> CreditRequest:
    return replace(
        CreditRequest(str(uuid.uuid4()), keying or meter(), "electricity", 0, units, "large", SLIP), **changes
    )


def management(
    keying: MeterKeying | None = None, action: str = "clear-tamper", value: int = 0, **changes: Any
) -> ManagementRequest:
    return replace(ManagementRequest(str(uuid.uuid4()), keying or meter(), action, value, SLIP), **changes)


def key_change(old: MeterKeying, rollover: bool = False, **to: Any) -> KeyChangeRequest:
    return KeyChangeRequest(str(uuid.uuid4()), old, replace(old, **to), rollover, SLIP)


class Module:
    """The security module without its process: each call is a group of its own."""

    def __init__(self, folder: Path, source: clock.TimeSource | None = None, **options: Any) -> None:
        self.folder = folder
        self.source = source or SetTime()
        self.options = Options(folder / "log", anchor=folder / "keys.stsks.head", **options)
        self.engine = self._open()

    def _open(self) -> Engine:
        path = self.folder / demonstration.KEY_FILE
        data = store.read(path)
        opened = seal.unlock(data, demonstration.passphrases()[:2])
        return opening.open_module(opened, data, self.options, source=self.source)

    def restart(self, *, clean: bool = True) -> None:
        self.close() if clean else self.engine.log.abandon()
        self.engine = self._open()

    def close(self) -> None:
        self.engine.log.close()

    @property
    def name(self) -> str:
        """By which acts are made out to it."""
        return self.engine.log.name

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.source.wall(), UTC)

    # the port

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        group = Group()
        answer = self.engine.issue(group, requests)
        self.engine.commit(group)
        return answer()

    def replay(self, order_ids: Sequence[str]) -> list[Issued | Refused]:
        return self.engine.replay(order_ids)

    def cancel(self, order_ids: Sequence[str]) -> list[Cancelled | AlreadyIssued | Refused]:
        group = Group()
        answer = self.engine.cancel(group, order_ids)
        self.engine.commit(group)
        return answer()

    def approve(self, act: str, signatures: Sequence[ActSignature]) -> Approved | Refused:
        group = Group()
        answer = self.engine.approve(group, act, signatures)
        self.engine.commit(group)
        return answer()

    def verify(self, meter: MeterKeying, token: str) -> Verified:
        return self.engine.verify(meter, token)

    def status(self) -> Status:
        return self.engine.status()

    def checkpoint(self) -> Checkpoint:
        return self.engine.checkpoint()

    def proof(self, sequence: int) -> Proof:
        return self.engine.proof(sequence)

    def entries(self, first: int, limit: int) -> list[PublicEntry]:
        return self.engine.entries(first, limit)

    def consistency(self, first: int, second: int) -> tuple[str, ...]:
        return tuple(self.engine.consistency(first, second))

    def present_head(self, note: str) -> Status:
        self.engine.present_head(note)
        return self.engine.status()

    # shorthands

    def one(self, request: Request) -> Issued | Refused:
        return self.issue([request])[0]

    def issued(self, request: Request) -> Issued:
        found = self.one(request)
        assert isinstance(found, Issued), found
        return found

    def refused(self, request: Request) -> str:
        found = self.one(request)
        assert isinstance(found, Refused), found
        return found.code

    def approved(self, *requests: Request) -> Any:
        """The same requests with the approval of both demonstration approvers."""
        act = acts.approve_requests(requests, module=self.name, maker="Test", reason="Test", made=self.now())
        found = self.act(act)
        named = [replace(r, approval=found.act_id) for r in requests]
        return named[0] if len(named) == 1 else named

    def act(self, act: str) -> Approved:
        found = self.approve(act, demonstration.sign(act))
        assert isinstance(found, Approved), found
        return found

    def budget(self, units: int, sgc: str = "600100", service: str = "electricity", **more: Any) -> str:
        """Close all budgets of this service and open one of exactly these units."""
        for account in list(self.engine.log.state.by_group.get(("units", sgc, service), [])):
            if not account.closed:
                self.act(
                    acts.close_budget(
                        budget_id=account.budget_id,
                        module=self.name,
                        maker="Test",
                        reason="Test",
                        made=self.now(),
                    )
                )
        name = f"test-{uuid.uuid4().hex[:8]}"
        told = {"starts": self.now(), "ends": self.now() + timedelta(days=30), "period": "once"} | more
        self.act(
            acts.open_budget(
                budget_id=name,
                sgc=sgc,
                service=service,
                units=units,
                module=self.name,
                maker="Test",
                reason="Test",
                made=self.now(),
                **told,
            )
        )
        return name


def make(folder: Path) -> None:
    """The demonstration's key file and log, with budgets open at NOON."""
    demonstration.init(folder, source=SetTime())


def signatures(act: str, *names: str) -> list[ActSignature]:
    keys = dict(demonstration.signers())
    return [signing.sign(act, name, keys[name]) for name in names]


class Process:
    """`keystore serve` as its own process, as it runs at a site."""

    def __init__(
        self, folder: Path, *options: str, environment: dict[str, str] | None = None, unlock: bool = True
    ) -> None:
        self.folder = folder
        self.socket = folder / "module.socket"
        self._options = options
        self._unlock = unlock
        self.environment = environment or {}
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        command = [
            str(Path(sys.executable).parent / "keystore"),
            *(
                "serve",
                "--file",
                str(self.folder / demonstration.KEY_FILE),
                "--log",
                str(self.folder / "log"),
            ),
            *(
                "--socket",
                str(self.socket),
                *(["--unlock-test-keys"] if self._unlock else []),
                *self._options,
            ),
        ]
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **self.environment}
        )
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                SocketModule(self.socket).status()
                return
            except (ModuleUnreachable, OutcomeUnknown):
                time.sleep(0.01)
        self.kill()
        raise AssertionError(self.errors)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.errors = self.process.communicate()[1]

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        self.errors = self.process.communicate(timeout=20)[1]
        return self.process.returncode

    def wait(self) -> int:
        assert self.process is not None
        self.errors = self.process.communicate(timeout=20)[1]
        return self.process.returncode

    def client(self, timeout_s: float = 10.0) -> SocketModule:
        return SocketModule(self.socket, timeout_s=timeout_s)


@contextmanager
def of_other_users(*options: str, mode: int = 0o755) -> Iterator[Process]:
    """The demonstration's module in a folder that other system users may look into, as `install.sh` sets it up."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield from opened_to_others(Path(name) / "m", *options, mode=mode)


def opened_to_others(folder: Path, *options: str, mode: int = 0o755) -> Iterator[Process]:
    if not folder.exists():
        demonstration.init(folder)
    process = Process(folder, *options)
    folder.chmod(mode)
    try:
        yield process
    finally:
        if process.process is not None and process.process.poll() is None:
            process.stop()


def as_user(user: int, act: Callable[[], str]) -> str:
    """Run something as another system user, in a forked child: the interpreter itself may be closed to him."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        said = "died"
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            said = act()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(write, said.encode()[:60_000])
            os._exit(0)
    os.close(write)
    data = b""
    while piece := os.read(read, 65536):
        data += piece
    os.close(read)
    os.waitpid(child, 0)
    return data.decode()

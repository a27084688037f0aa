"""T-01: kill -9 at every named point of server and module, many times, on both databases; then start again, ask again, count.

Server and module are processes of their own, forked from this one, which has compiled every statement before, so that a
kill costs milliseconds. After each kill the module is started again where it died, a new server with connections of its own
lets its worker finish what it finds, and the customer's page asks again, twice, by its own ids, as an impatient cashier would.
Nothing may be lost, doubled, or changed.

Short: ten kills at each point. Long: a thousand, by `pytest -m long tests/vending/vends/test_t01_crash_points.py`.
The same through the pages, with every process started anew: `tests/batteries/test_sale_crash_points.py`.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import shutil
import signal
import time
import uuid
from collections import Counter as Count
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from shop import MORNING, Shop

from keystore import acts, crash, demonstration, opening, seal, server, store, verify_log
from keystore.client import SocketModule
from keystore.errors import KeystoreError
from keystore.module import Approved, Issued, Refused, Request
from vending import crashpoints
from vending.access.policy import SYSTEM
from vending.access.site_secret import SiteSecret
from vending.auditor.reconciliation import Window
from vending.auditor.report import run
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.reconcile_commands import look_at_copy
from vending.services import Services
from vending.settings import Settings
from vending.vends import reversing
from vending.vends import service as vends
from vending.vends.log_fence import LogFence
from vending.vends.plan import Basket, VendOrder
from vending.worker import Worker

KILLS = 10
LONG_KILLS = 1_000
PRICE = 5_000
# At which pass a sale meets the point: the module's own start is the first append, and the look before the money the first
# answers. Points around snapshots and checkpoints are in the keystore's battery: no sale waits for them.
MODULE_POINTS = {
    "keystore.at-start": (1,),
    "keystore.before-append": (2,),
    "keystore.half-written": (2,),
    "keystore.before-sync": (2,),
    "keystore.after-append": (2,),
    "keystore.before-answer": (1, 2, 3),
    "keystore.after-answer": (1, 2, 3),
}
SALE_POINTS = tuple(point for point in crashpoints.POINTS if point.startswith("sale."))
REVERSAL_POINTS = tuple(point for point in crashpoints.POINTS if point.startswith("reversal."))


class Renaming:
    """A planted fault: a server that asks for an open order under a new id, as if the first asking had never been."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._module, verb)

    def issue(self, requests: Sequence[Request]) -> list[Issued | Refused]:
        return list(self._module.issue([replace(one, order_id=str(uuid.uuid4())) for one in requests]))


@dataclass
class Tally:
    """What may never happen, counted over all kills of a test."""

    wanted: int = 0
    given_back: int = 0
    lost: int = 0
    doubled: int = 0
    changed: int = 0
    unlogged: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.changed or self.unlogged or self.faults)


@dataclass
class Site:
    """One database, one module folder, and a time that stands still until it is moved; processes come and go."""

    db: Database  # closed here: a process of its own opens connections of its own
    folder: Path
    now: datetime = MORNING
    module: int = 0  # the process that runs it
    meters: list[str] = field(default_factory=list)
    site: str = ""
    turn: int = 0
    seen: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # by order: the digits that somebody was told
    sold: int = 0  # before the first kill
    taken_back: int = 0

    def __post_init__(self) -> None:
        path = self.folder / "module" / demonstration.KEY_FILE
        self._data = store.read(path)
        self._opened = seal.unlock(self._data, demonstration.passphrases()[:2])
        self._tell_time()

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)
        self._tell_time()

    def _tell_time(self) -> None:
        file = self.folder / "time"
        new = file.with_suffix(".new")
        new.write_text(json.dumps({"at": self.now.isoformat(), "real": 0.0, "speed": 0.0}))
        new.rename(file)

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    def start_module(self, point: str = "") -> None:
        """Forked; answers from when its socket is there, or is dead at its point."""
        self.socket.unlink(missing_ok=True)
        self.module = os.fork()
        if self.module == 0:
            with suppress(BaseException):
                os.environ[crash.VARIABLE] = point
                options = opening.Options(
                    self.folder / "module" / "log", simulated_clock=str(self.folder / "time")
                )
                roles = frozenset((server.SELL, server.LOOK, server.OFFICER))
                door = server.Door(self.socket, {os.getuid(): roles})
                key_file = self.folder / "module" / demonstration.KEY_FILE
                running = server.Server(key_file, options, door, lambda _line: None)
                running.open(self._opened, self._data)
                running.run()
            os._exit(0)
        while not self.socket.exists() and not self.module_is_dead():
            time.sleep(0.001)

    def module_is_dead(self) -> bool:
        if self.module and os.waitpid(self.module, os.WNOHANG)[0]:
            self.module = 0
        return not self.module

    def kill_module(self) -> None:
        if self.module:
            os.kill(self.module, signal.SIGKILL)
            os.waitpid(self.module, 0)
            self.module = 0

    def in_a_server(
        self, act: Callable[[Services], Any], point: str = "", *, planted: bool = False
    ) -> tuple[bool, Any]:
        """The act in a new server's process: whether that was killed, and what it told before."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            told: Any = None
            try:
                crashpoints.arm(point)
                services = self._services(planted=planted)
                told = act(services)
            except (VendingError, KeystoreError) as refused:
                told = refused.code
            except BaseException as error:
                told = error
            with suppress(BaseException):
                os.write(write, pickle.dumps(told))
            os._exit(0)
        os.close(write)
        data = b""
        while piece := os.read(read, 65536):
            data += piece
        os.close(read)
        _, status = os.waitpid(child, 0)
        told = pickle.loads(data) if data else None
        if isinstance(told, BaseException):
            raise told
        return os.WIFSIGNALED(status), told

    def _services(self, *, planted: bool) -> Services:
        clock = FixedClock(self.now)
        db = self.db
        module: Any = SocketModule(self.socket, timeout_s=5.0)
        fence = LogFence(Renaming(module) if planted else module, db, clock)
        return Services(
            settings=Settings(var=self.folder),
            clock=clock,
            db=db,
            module=fence,
            vault=SiteSecret.of_folder(self.folder),
            sales=None,  # type: ignore[arg-type] — the groups of the pages are not what is killed here
            quotes=None,  # type: ignore[arg-type] — nor quotes
        )

    def basket(self) -> Basket:
        """The next customer of the next meter, two minutes after the last one."""
        self.turn += 1
        self.pass_(minutes=2)
        order = VendOrder(str(uuid.uuid4()), self.meters[self.turn % len(self.meters)], money_minor=PRICE)
        return Shop(None, None, None, self.site).basket(order, received=PRICE)  # type: ignore[arg-type]

    def recover(self, basket: Basket | None, *, planted: bool = False) -> dict[str, tuple[str, ...]]:
        """A new server: its worker finishes what is open, then the page asks again, twice. Gives the tokens by order."""
        killed, told = self.in_a_server(lambda services: recover(services, basket), planted=planted)
        assert not killed
        assert isinstance(told, dict), told
        return told


def recover(services: Services, basket: Basket | None) -> dict[str, tuple[str, ...]]:
    Worker(services).recover(timedelta())
    assert isinstance(services.module, LogFence)
    services.module.follow()
    if basket is None:
        return {}
    told = []
    for _ in range(2):
        (outcome,) = vends.sell(services.db, services.clock, services.module, [basket])
        if isinstance(outcome, Exception):
            raise outcome
        told.append(tokens_of(services.db, [order.order_id for order in basket.orders]))
    assert told[0] == told[1]
    return told[0]


def tokens_of(db: Database, orders: Sequence[str]) -> dict[str, tuple[str, ...]]:
    with db.reading() as session:
        rows = session.execute(
            sa.text(
                "SELECT order_id, digits FROM token WHERE order_id IN :orders ORDER BY order_id, position"
            ).bindparams(sa.bindparam("orders", list(orders), expanding=True, type_=sa.Text()))
        ).all()
    return {
        order: tuple(digits for other, digits in rows if other == order) for order in {row[0] for row in rows}
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, made_module: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    shop = request.getfixturevalue(f"{request.param}_shop")
    folder = Path("/tmp") / f"ampoule-t01-{uuid.uuid4().hex[:8]}"  # a socket's name may have 107 bytes
    folder.mkdir()
    shutil.copytree(made_module, folder / "module")
    with shop.db.reading() as session:
        keys = session.scalars(sa.text("SELECT key FROM meter ORDER BY key")).all()
        meters = [
            meter.key
            for meter in estate.list_meters(session, shop.clock, keys)
            if meter.service == "electricity" and meter.tenant is not None and meter.credit_in != "account"
        ]
    found = Site(shop.db, folder, meters=meters, site=shop.site)
    try:
        found.start_module()
        allow_many_tokens(found)
        warm_up(found)
        yield found
    finally:
        found.kill_module()
        shutil.rmtree(folder)


def allow_many_tokens(site: Site) -> None:
    """More than a meter may have in a day: what is tried here is not that limit."""
    module = SocketModule(site.socket)
    for name in ("small", "medium", "large"):
        act = acts.set_limits(
            meter_class=name, units_a_day=10_000_000, tokens_a_day=1_439,
            module=module.status().log, maker="Test", reason="T-01", made=site.now,
        )  # fmt: skip
        assert isinstance(module.approve(act, demonstration.sign(act)), Approved)
    module.close()


def warm_up(site: Site) -> None:
    """One sale and one reversal in this process: what they compile, every fork has."""
    services = site._services(planted=False)
    basket = site.basket()
    sell(basket)(services)
    recover(services, basket)
    basket = site.basket()
    place(basket)(services)
    reverse(basket.orders[0].order_id, str(uuid.uuid4()))(services)
    site.sold, site.taken_back = 1, 1
    count(site, Tally())
    gc.collect()
    gc.freeze()  # a fork then copies no page for the sake of the collector


def sell(basket: Basket) -> Callable[[Services], dict[str, tuple[str, ...]]]:
    def act(services: Services) -> dict[str, tuple[str, ...]]:
        (outcome,) = vends.sell(services.db, services.clock, services.module, [basket])
        if isinstance(outcome, Exception):
            raise outcome
        return tokens_of(services.db, [order.order_id for order in basket.orders])

    return act


def place(basket: Basket) -> Callable[[Services], None]:
    """The money is taken, and the module not asked yet."""

    def act(services: Services) -> None:
        (key,) = vends.place(services.db, services.clock, services.module, [basket])
        assert isinstance(key, str), key

    return act


def reverse(order: str, reversal: str) -> Callable[[Services], None]:
    def act(services: Services) -> None:
        told = {"why": "wrong-meter", "reason": "Sold to the neighbour's meter"}
        reversing.reverse(services.db, services.clock, services.module, SYSTEM, reversal, order, **told)

    return act


def kill_a_server(site: Site, point: str, tally: Tally) -> None:
    basket = site.basket()
    killed, _told = site.in_a_server(sell(basket), point)
    assert killed, f"{point} was never passed"
    ask_again(site, basket, tally)


def kill_the_module(site: Site, point: str, passes: int, tally: Tally) -> None:
    """The server lives on and does not know what became of the order; or it was refused before money moved."""
    basket = site.basket()
    site.kill_module()
    site.start_module(f"{point}:{passes}")
    _killed, told = site.in_a_server(sell(basket))
    if isinstance(told, dict):
        site.seen |= told
    for _ in range(2000):
        if site.module_is_dead():
            break
        time.sleep(0.001)
    assert site.module_is_dead(), f"{point} was never passed"
    site.start_module()
    ask_again(site, basket, tally)


def kill_both(site: Site, tally: Tally) -> None:
    basket = site.basket()
    killed, _told = site.in_a_server(sell(basket), "sale.after-issue")
    assert killed
    site.kill_module()
    site.start_module()
    ask_again(site, basket, tally)


def kill_a_reversal(site: Site, point: str, tally: Tally) -> None:
    """The tombstone stands in the module and not in the database: the money is the customer's, and no token ever comes."""
    basket = site.basket()
    site.in_a_server(place(basket))
    taking_back = reverse(basket.orders[0].order_id, str(uuid.uuid4()))
    killed, _told = site.in_a_server(taking_back, point)
    assert killed, f"{point} was never passed"
    # One time the worker is first, one time who asked.
    if site.turn % 2:
        site.recover(None)
    site.in_a_server(taking_back)
    tally.given_back += 1


def ask_again(site: Site, basket: Basket, tally: Tally) -> None:
    tally.wanted += 1
    told = site.recover(basket)
    tally.changed += sum(site.seen.get(order, digits) != digits for order, digits in told.items())
    site.seen |= told


def count(site: Site, tally: Tally) -> Tally:
    """Counted by plain SQL, by the auditor, by the log, and by the matching of them all."""
    wanted, given_back = tally.wanted + site.sold, tally.given_back + site.taken_back
    try:
        with site.db.reading() as session:

            def ask(statement: str) -> Any:
                return session.execute(sa.text(statement)).scalar_one()

            states = Count(session.scalars(sa.text("SELECT state FROM vend")).all())
            payments = ask("SELECT count(*) FROM payment")
            cash = ask(
                "SELECT coalesce(sum(l.amount), 0) FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
                " WHERE a.path LIKE 'cash/%'"
            )
            booked = ask("SELECT coalesce(sum(total_minor), 0) FROM sale")
            held = ask(
                "SELECT coalesce(sum(l.amount), 0) FROM ledger_leg l JOIN ledger_account a ON a.id = l.account_id"
                " WHERE a.path LIKE 'held/%'"
            )
            digits = dict(session.execute(sa.text("SELECT order_id, digits FROM token")).all())
            report = run(session.connection(), now=site.now)
    finally:
        site.db.close()
    tally.lost += max(0, wanted - states["issued"]) + (held != 0) + (cash != booked)
    tally.lost += max(0, given_back - states["cancelled"] - states["refused"])
    tally.doubled += max(0, payments - wanted - given_back) + max(0, len(digits) - wanted)
    logged = {
        entry["order"]
        for line in verify_log.read_lines(str(site.folder / "module" / "log" / "entries.log"))
        if (entry := json.loads(line.partition(b"\t")[0]))["kind"] == "credit"
    }
    tally.doubled += max(0, len(logged) - wanted)
    tally.unlogged += len(set(digits) - logged)
    module = SocketModule(site.socket)
    orders = sorted(digits)
    for begin in range(0, len(orders), 64):
        for order, answer in zip(
            orders[begin : begin + 64], module.replay(orders[begin : begin + 64]), strict=True
        ):
            tally.changed += not isinstance(answer, Issued) or answer.tokens != (digits[order],)
    module.close()
    found = look_at_copy(
        site.db.url.render_as_string(hide_password=False), site.folder / "module" / "log", Window()
    )
    tally.faults += [fault for result in report.results for fault in result.faults]
    tally.faults += [one.sentence for one in found.differences]
    return tally


def every_point(site: Site, kills: int) -> Tally:
    tally = Tally()
    for point in SALE_POINTS:
        for _ in range(kills):
            kill_a_server(site, point, tally)
    for point, passes in MODULE_POINTS.items():
        for number in range(kills):
            kill_the_module(site, point, passes[number % len(passes)], tally)
    for _ in range(kills):
        kill_both(site, tally)
    for point in REVERSAL_POINTS:
        for _ in range(kills):
            kill_a_reversal(site, point, tally)
    return count(site, tally)


def test_every_point_ends_with_one_token_for_one_payment(site: Site) -> None:
    tally = every_point(site, KILLS)
    assert tally.clean, tally
    assert tally.wanted == KILLS * (len(SALE_POINTS) + len(MODULE_POINTS) + 1)


@pytest.mark.long
def test_every_point_a_thousand_times(site: Site) -> None:
    tally = every_point(site, LONG_KILLS)
    assert tally.clean, tally


def test_the_battery_sees_what_it_is_for(site: Site) -> None:
    """The planted faults, each at the point where it does harm, each under its own count."""
    # A server that does not recover: the money is there and the token is not.
    basket = site.basket()
    assert site.in_a_server(sell(basket), "sale.after-paid")[0]
    assert count(site, Tally(wanted=1)).lost
    site.recover(basket)
    assert count(site, Tally(wanted=1)).clean
    # A page that takes a new id after a lost answer: two payments and two tokens for one customer.
    basket = site.basket()
    assert site.in_a_server(sell(basket), "sale.after-release")[0]
    site.recover(site.basket())
    assert count(site, Tally(wanted=2)).doubled
    # A server that asks under a new id for what the module has logged already.
    basket = site.basket()
    assert site.in_a_server(sell(basket), "sale.after-issue")[0]
    assert not site.in_a_server(lambda services: Worker(services).recover(timedelta()), planted=True)[0]
    found = count(site, Tally(wanted=4))
    assert found.doubled
    assert found.unlogged or found.changed
    assert found.faults


def test_every_point_of_the_module_is_here_or_in_its_own_battery() -> None:
    elsewhere = {point for point in crash.POINTS if "snapshot" in point or "checkpoint" in point}
    assert set(MODULE_POINTS) | elsewhere == set(crash.POINTS)
    assert set(SALE_POINTS) | set(REVERSAL_POINTS) == set(crashpoints.POINTS)

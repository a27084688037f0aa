"""`ampoule demo history`: a year of the demonstration mall, lived by the building simulator and sold by the real sale.

The parts are the real ones: the module as a process of its own, on public test keys, with the simulator's clock (decisions
D13), so every entry of its log says that the clock was simulated; the building simulator (`meter building`), whose tenants
use energy, run out and buy; and this program between them, which sells what they want by `vends.sell`, all sales of an hour
in groups. The same seed and the same days make the same books: their digest is printed.

Afterwards the folder is a demonstration like any other: `make run` goes on with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy as sa

from keystore.module import MAX_REQUESTS
from vending import bootstrap, demonstrating, migrating
from vending.auditor.opening import opened
from vending.auditor.reconciliation import Window
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration.days import Desk
from vending.demonstration.people import seed_of
from vending.errors import InvalidInput, Unavailable, VendingError
from vending.estate import queries as estate
from vending.payments.tender import Tender
from vending.reconcile_commands import look_at_all
from vending.services import Services
from vending.settings import Settings
from vending.supervisor import Supervisor, demonstration_keys, take_folder
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.plan import Basket, VendOrder

ESTATE = "mall"
LONGEST_DAYS = 3660
BUDGET_UNITS = 2_000_000_000
NAMES = uuid.UUID("5b1f0e0a-9d7c-5a2b-8e3f-4a6d2c7b1e90")
TOP_UPS_MINOR = (250_000, 1_500_000)  # what a customer whose balance is ours pays in, once a month
PATIENCE_S = 60.0


class HistoryThere(VendingError):
    code = "history_there"


class HistoryFailed(Unavailable):
    code = "history_failed"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, the last one not in it."""

    days: int
    until: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.until - timedelta(days=self.days), day_time(), UTC)


def make(settings: Settings, span: Span, seed: int, say: Callable[[str], None]) -> None:
    """From an empty folder to a year of books."""
    if not settings.is_demonstration or settings.database_url:
        raise InvalidInput(
            "A history is made in a demonstration's folder with SQLite. Unset the other settings."
        )
    if span.until > datetime.now(UTC).date():
        raise InvalidInput("A history ends today at the latest. Give an earlier day with --until.")
    folder = settings.folder
    (folder / "run").mkdir(parents=True, exist_ok=True)
    if (folder / "ampoule.db").exists() or (folder / "module").exists():
        raise HistoryThere(
            f"{folder} holds a demonstration already. Empty it with `ampoule demo reset`, or name another folder: AMPOULE_VAR=/path."
        )
    lock = take_folder(folder)
    began = time.monotonic()
    clock_file = folder / "run" / "history-clock.json"
    module = _start_module(settings, span, clock_file)
    try:
        places = _furnish(settings, span)
        say(f"{places} token meters, {span.days} days from {span.start:%Y-%m-%d} on, seed {seed}.")
        lived = _live(settings, span, seed, clock_file)
        found = look_at_all(settings.database_address, bootstrap.open_module(settings), Window())
    finally:
        module.terminate()
        module.wait(30)
        clock_file.unlink(missing_ok=True)
        lock.close()
    if not found.clean:
        raise HistoryFailed(
            f"The books do not agree: {found.differences[0].sentence} Report the seed {seed}."
        )
    sales, money, digest = digest_of(settings.database_address)
    used, bought = lived["used_units"] / 10, lived["bought_units"] / 10
    say(
        f"{sales:,} sales, {money / 100:,.2f} taken; {bought:,.0f} units of energy and water bought, {used:,.0f} used."
    )
    say("Log, database, books and receipts agree; energy in, counted and used agree to the last grain.")
    say(f"Digest of the books: {digest}")
    say(f"Made in {time.monotonic() - began:.0f} s. `make run` goes on with it.")


def _start_module(settings: Settings, span: Span, clock_file: Path) -> subprocess.Popen[str]:
    part = Supervisor(settings, sys.stderr).module
    _write_clock(clock_file, span.start)
    made = subprocess.run(
        [
            *(part.command[0], "demo-init", "--into", str(settings.folder / "module")),
            *("--simulated-clock", span.start.isoformat(), "--budget-units", str(BUDGET_UNITS)),
            *("--budget-days", str(span.days + 366)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise HistoryFailed(f"The test keys could not be made: {made.stderr.strip()}")
    part.ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [*part.command, "--simulated-clock", str(clock_file)], stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + PATIENCE_S
    while not part.ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise HistoryFailed("The security module did not start. See what it printed above.")
        time.sleep(0.05)
    return process


def _write_clock(path: Path, moment: datetime) -> None:
    """A clock that stands still: the simulator moves it on (meter/vendors.py)."""
    path.write_text(json.dumps({"at": moment.isoformat(), "real": time.time(), "speed": 0.0}), "utf-8")


def _furnish(settings: Settings, span: Span) -> int:
    """The mall on its first day, and the simulator's file of its meters."""
    db = Database.open(settings.database_address)
    try:
        migrating.bring_up_to_date(db)
        services = bootstrap.open_services(settings, clock=FixedClock(span.start), db=db)
        demonstrating.prepare(services, ESTATE)
        services.sales.close()
    finally:
        db.close()
    return len(json.loads(_building(settings).read_text("utf-8"))["meters"])


def _building(settings: Settings) -> Path:
    return settings.folder / "building" / "building.json"


def _live(settings: Settings, span: Span, seed: int, clock_file: Path) -> dict[str, Any]:
    """The simulator lives the days; this program, started by it, sells."""
    programs = Path(sys.executable).parent
    seller = shlex.join(
        [str(programs / "ampoule"), "demo", "history-seller", "--seed", str(seed), "--days", str(span.days)]
    )
    done = subprocess.run(
        [
            *(str(programs / "meter"), "building", "--config", str(_building(settings))),
            *("--keys", str(demonstration_keys()), "--days", str(span.days), "--seed", str(seed)),
            *("--start", span.start.strftime("%Y-%m-%d"), "--clock", str(clock_file)),
            *("--vendor", seller, "--in-groups", "--json"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "AMPOULE_VAR": str(settings.folder)},
    )
    if done.returncode:
        raise HistoryFailed("The history could not be lived to its end. See what was printed above.")
    lived: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return lived


# --- the seller -------------------------------------------------------------------------------------------------------


def sell_lines(
    settings: Settings,
    seed: int,
    days: int,
    lines: Iterable[str],
    out: TextIO,
    progress: Callable[[str], None],
) -> None:
    """Each line is all that is wanted in an hour; the answer is a token or a reason for each."""
    db = Database.open(settings.database_address)
    clock = FixedClock(datetime.now(UTC))
    services = bootstrap.open_services(settings, clock=clock, db=db)
    try:
        seller = _Seller(services, clock, seed)
        month, first = "", None
        for line in lines:
            asks = json.loads(line)
            print(json.dumps(seller.sell(asks)), file=out, flush=True)
            moment = clock.now()
            first = first or moment.date()
            if f"{moment:%Y-%m}" != month:
                month = f"{moment:%Y-%m}"
                progress(
                    f"{month}: {seller.sold:,} sales so far, day {(moment.date() - first).days + 1} of {days}"
                )
        seller.desk.ends()
    finally:
        services.sales.close()
        db.close()


class _Seller:
    """Turns what tenants want into baskets, in the order in which they want it."""

    def __init__(self, services: Services, clock: FixedClock, seed: int) -> None:
        self._services = services
        self._clock = clock
        self._seed = seed
        self._asked = 0
        self.sold = 0
        with services.db.reading() as session:
            (site, *_others) = estate.list_sites(session)
            keys = [key for key, _pan in estate.list_numbers(session)]
            meters = estate.list_meters(session, clock, keys)
        self._site = site.key
        self._meters = {meter.pan: meter.key for meter in meters}
        self._accounts = sorted(
            (meter.pan, meter.key) for meter in meters if meter.credit_in == "account" and meter.tenant
        )
        self.desk = Desk(services.db, clock, site.key, site.currency, seed)

    def sell(self, asks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        moment = datetime.fromisoformat(asks[0]["at"])
        top_ups = self._top_ups(moment.day) if self.desk.comes_to(moment) else []
        answers = self._sold([*top_ups, *[self._basket(ask) for ask in asks]])
        self.desk.look_at_drawers()
        return answers[len(top_ups) :]

    def _sold(self, baskets: list[Basket]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        for begin in range(0, len(baskets), MAX_REQUESTS):
            group = baskets[begin : begin + MAX_REQUESTS]
            outcomes = vends.sell(self._services.db, self._clock, self._services.module, group)
            tokens = self._tokens([one.sale_key for one in outcomes if isinstance(one, vends.SaleOutcome)])
            answers += [
                _answer(basket, outcome, tokens) for basket, outcome in zip(group, outcomes, strict=True)
            ]
        self.sold += sum("refused" not in one for one in answers)
        return answers

    def _top_ups(self, day: int) -> list[Basket]:
        """The customers whose balance is ours pay once a month, each on a day of its own, by transfer."""
        baskets = []
        for place, (_pan, key) in enumerate(self._accounts):
            if place % 28 + 1 == day:
                self._asked += 1
                low, high = TOP_UPS_MINOR
                amount = low + seed_of(self._name("amount")) % ((high - low) // 1000) * 1000
                order = VendOrder(self._name("order"), key, money_minor=amount, kind="account")
                tender = Tender("transfer", reference=f"EFT {self._seed}-{self._asked:06d}")
                baskets.append(self._basket_of(order, tender, "N1"))
        return baskets

    def _basket(self, ask: dict[str, Any]) -> Basket:
        """Order and sale have names made from the seed, so that the same history has the same receipts."""
        self._asked += 1
        order = VendOrder(self._name("order"), self._meters[ask["pan"]], units=ask["units"])
        bits = seed_of(self._name("till"))
        tender = Tender("card", reference=f"{self._asked:06d}") if bits % 3 == 0 else Tender("cash")
        return self._basket_of(order, tender, f"N{1 + bits % 2}")

    def _basket_of(self, order: VendOrder, tender: Tender, till: str) -> Basket:
        drawer = self.desk.drawer(till)
        cashier = drawer.cashier
        return Basket(
            self._name("sale"), (order,), (tender,), self._site, till, cashier.key, cashier.name, drawer.shift
        )

    def _name(self, what: str) -> str:
        return str(uuid.uuid5(NAMES, f"{self._seed} {what} {self._asked}"))

    def _tokens(self, sales: list[str]) -> dict[str, list[str]]:
        with self._services.db.reading() as session:
            views = queries.list_sales(session, sales)
        return {view.key: [token.digits for _vend, token in view.tokens] for view in views}


def _answer(
    basket: Basket, outcome: vends.SaleOutcome | Exception, tokens: dict[str, list[str]]
) -> dict[str, Any]:
    if isinstance(outcome, VendingError):
        return {"refused": outcome.code}
    if isinstance(outcome, Exception):
        raise outcome
    digits = tokens.get(basket.sale_id, [])
    gave = all(state == "issued" for state in outcome.states)
    return {"tokens": digits} if gave else {"refused": ",".join(outcome.states)}


# --- the digest -------------------------------------------------------------------------------------------------------


def digest_of(address: str) -> tuple[int, int, str]:
    """Sales, money taken, and a digest of receipts, tokens and entries without what chance alone decides: the keys of rows
    and the random bits of tokens."""
    told = hashlib.sha256()
    sales = money = 0
    with opened(address) as connection:
        for receipt, sold_at, hashed, total in connection.execute(
            sa.text("SELECT receipt, sold_at, content_hash, total_minor FROM sale ORDER BY id")
        ):
            sales, money = sales + 1, money + int(total)
            told.update(f"{receipt} {sold_at} {hashed}\n".encode())
        for row in connection.execute(
            sa.text("SELECT order_id, pan, absolute_minute, units FROM token ORDER BY id")
        ):
            told.update(" ".join(map(str, row)).encode() + b"\n")
        for line in _entries(connection):
            told.update(line.encode() + b"\n")
    return sales, money, told.hexdigest()


def _entries(connection: sa.engine.Connection) -> Iterator[str]:
    """Each leg with the root of its account: customers and meters have random names."""
    rows = connection.execute(
        sa.text(
            "SELECT e.kind, e.posted_at, a.path, l.unit, l.amount FROM ledger_entry e JOIN ledger_leg l ON l.entry_id = e.id"
            " JOIN ledger_account a ON a.id = l.account_id ORDER BY e.id, l.place"
        )
    )
    for kind, posted_at, path, unit, amount in rows:
        yield f"{kind} {posted_at} {path.partition('/')[0]} {unit} {amount}"

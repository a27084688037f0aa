"""T-24: bad rows planted among real sales are all found, each under its name, and nothing else is.

The rows are made by the real sale. What is planted goes past every wall (triggers, foreign keys), as somebody with the
database's own rights would do it. The long form and its time are in benchmarks/reconcile.py.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from honest_log import HonestLog, all_lines
from shop import Shop
from sqlalchemy.engine import Connection

from keystore.module import CreditRequest, MeterKeying
from vending.auditor import records
from vending.auditor.matching.found import CODES, Found
from vending.auditor.matching.of_sales import match_series
from vending.auditor.reconciliation import Log, Reconciled, Window, reconcile
from vending.reconcile_commands import look_at_copy
from vending.vends import service as vends
from vending.vends.plan import VendOrder

UNITS = ("G-01", "G-02", "G-03", "G-05", "G-06", "G-07", "G-09")
TABLES = [
    "sale",
    "vend",
    "token_request",
    "token",
    "payment",
    "ledger_entry",
    "ledger_leg",
    "outbox",
    "audit_entry",
    "receipt_series",
]


def sell_many(shop: Shop, number: int) -> None:
    """Over three days, in groups, at two tills, one meter after the other."""
    meters = [shop.meter(unit) for unit in UNITS]
    groups = [range(begin, min(begin + 64, number)) for begin in range(0, number, 64)]
    for place, group in enumerate(groups):
        baskets = [
            shop.basket(
                VendOrder(str(uuid.uuid4()), meters[n % len(meters)], money_minor=1_000 + 100 * (n % 50)),
                till=f"N{1 + n % 2}",
            )
            for n in group
        ]
        for outcome in shop.sell(*baskets):
            assert isinstance(outcome, vends.SaleOutcome), outcome
        if place in (len(groups) // 3, 2 * len(groups) // 3):
            shop.clock.advance(timedelta(days=1))


@dataclass
class Lot:
    """A shop with many sales and an honest log."""

    shop: Shop
    module: HonestLog

    def match(
        self, connection: Connection, window: Window | None = None, *, now: datetime | None = None
    ) -> Reconciled:
        def fetch(first: int, limit: int) -> list[bytes]:
            return [entry.leaf_data.encode() for entry in self.module.entries(first, limit)]

        size = self.module.size
        log = Log(
            "ampoule/test",
            self.shop.clock.now(),
            lambda since, until: records.log_of_module(fetch, size, 64, since, until),
        )
        return reconcile(
            connection,
            log,
            now=now or self.shop.clock.now() + timedelta(minutes=30),
            window=window or Window(),
        )

    def look(self, window: Window | None = None, *, now: datetime | None = None) -> Reconciled:
        with self.shop.db.reading() as session:
            return self.match(session.connection(), window, now=now)

    def rows(self) -> int:
        with self.shop.db.reading() as session:
            counts = [session.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in TABLES]
        return sum(int(count or 0) for count in counts) + self.module.size


def open_lot(shop: Shop, number: int) -> Lot:
    shop.module = HonestLog(shop.clock)
    sell_many(shop, number)
    return Lot(shop, shop.module)


@dataclass(frozen=True)
class Victim:
    """An order with everything that names it."""

    order: str
    sale: str
    receipt: str
    sequence: int


Plant = Callable[[Connection, Victim, Lot], None]


def sql(statement: str) -> Plant:
    def plant(connection: Connection, victim: Victim, _lot: Lot) -> None:
        for one in statement.split(";"):
            done = connection.execute(
                sa.text(one),
                {
                    name: value
                    for name, value in {
                        "order": victim.order,
                        "sale": victim.sale,
                        "of_order": f"order/{victim.order}",
                        "of_sale": f"sale/{victim.sale}",
                        "other": str(uuid.uuid4()),
                    }.items()
                    if f":{name}" in one
                },
            )
            assert done.rowcount, f"nothing was planted by {one}"

    return plant


def _copy(table: str, where: str, **other: str) -> Plant:
    """The same row again, with some columns spelt anew."""

    def plant(connection: Connection, victim: Victim, lot: Lot) -> None:
        columns = [
            column["name"] for column in sa.inspect(connection).get_columns(table) if column["name"] != "id"
        ]
        chosen = ", ".join(other.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        sql(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} WHERE {where}")(
            connection, victim, lot
        )

    return plant


def hide_entry(_connection: Connection, victim: Victim, lot: Lot) -> None:
    lot.module.hidden.add(victim.sequence)


def mint(_connection: Connection, victim: Victim, lot: Lot) -> None:
    """A token past the database, under the victim's name so that the battery can tell it."""
    keying = MeterKeying("600727000000000009", "11", "02", "04", "600727", 1, "01", 2, 255, 2014)
    lot.module.issue(
        [CreditRequest(f"minted-{victim.order}", keying, "electricity", 0, 5_000, "small", "0" * 64)]
    )


def rewrite_slip(*, hash_too: bool) -> Plant:
    def plant(connection: Connection, victim: Victim, _lot: Lot) -> None:
        text = connection.execute(
            sa.text('SELECT CAST(content AS TEXT) FROM sale WHERE "key" = :sale'), {"sale": victim.sale}
        ).scalar_one()
        content = json.loads(text)
        content["total_minor"] += 1
        told = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        value = "CAST(:told AS jsonb)" if connection.dialect.name == "postgresql" else ":told"
        hashed = ", content_hash = :hash" if hash_too else ""
        connection.execute(
            sa.text(f'UPDATE sale SET content = {value}{hashed} WHERE "key" = :sale'),
            {"told": told, "sale": victim.sale}
            | ({"hash": hashlib.sha256(told.encode()).hexdigest()} if hash_too else {}),
        )

    return plant


ENTRY = "(SELECT id FROM ledger_entry WHERE source = :of_order)"
PAYMENT = "(SELECT id FROM ledger_entry WHERE source = :of_sale)"
ENERGY = "SELECT id FROM ledger_account WHERE path LIKE 'energy/"

# What is planted -> the code under which it must be found.
PLANTS: dict[str, tuple[str, Plant]] = {
    "a token that nobody paid": ("unpaid", sql("DELETE FROM payment WHERE sale_key = :sale")),
    "a token that the database does not have": (
        "token-missing",
        sql("DELETE FROM token WHERE order_id = :order"),
    ),
    "a token minted past the database": ("token-unknown", mint),
    "a token twice": (
        "token-twice",
        _copy(
            "token",
            "order_id = :order",
            position="position + 1",
            absolute_minute="absolute_minute + 5000000",
        ),
    ),
    "a token's digits changed": (
        "token-altered",
        sql("UPDATE token SET digits = '12345678901234567890' WHERE order_id = :order"),
    ),
    "a token with more energy": (
        "units-differ",
        sql("UPDATE token SET units = units + 10 WHERE order_id = :order"),
    ),
    "a token under another meter": (
        "meter-differs",
        sql("UPDATE token SET pan = '600727000000000009' WHERE order_id = :order"),
    ),
    "an entry taken out of the log": ("entry-missing", hide_entry),
    "a leg taken out of the books": (
        "leg-missing",
        sql(f"DELETE FROM ledger_leg WHERE place = 1 AND entry_id = {ENTRY}"),
    ),
    "a settlement taken out of the books": (
        "books-missing",
        sql(
            f"DELETE FROM ledger_leg WHERE entry_id = {ENTRY};DELETE FROM ledger_entry WHERE source = :of_order"
        ),
    ),
    "another energy in the books": (
        "books-units-differ",
        sql(
            f"UPDATE ledger_leg SET amount = amount + 7 WHERE entry_id = {ENTRY} AND account_id IN ({ENERGY}meter/%');"
            f"UPDATE ledger_leg SET amount = amount - 7 WHERE entry_id = {ENTRY} AND account_id IN ({ENERGY}sold/%')"
        ),
    ),
    "other money in the books": (
        "books-money-differ",
        sql(
            f"UPDATE ledger_leg SET amount = amount + 7 WHERE entry_id = {ENTRY} AND account_id IN"
            " (SELECT id FROM ledger_account WHERE path LIKE 'held/%');"
            f"UPDATE ledger_leg SET amount = amount - 7 WHERE entry_id = {ENTRY} AND account_id IN"
            " (SELECT id FROM ledger_account WHERE path = 'sales/electricity')"
        ),
    ),
    "an entry of an order that is not there": (
        "books-missing",
        sql("UPDATE ledger_entry SET source = 'order/' || :other WHERE source = :of_order"),
    ),
    "an order that was never decided": (
        "order-open",
        sql("UPDATE vend SET state = 'paid', decided_at = NULL WHERE order_id = :order"),
    ),
    "a payment without a sale": (
        "payment-without-sale",
        _copy("payment", "sale_key = :sale", sale_key="'ghost-' || sale_key"),
    ),
    "a payment twice": (
        "paid-twice",
        _copy("payment", "sale_key = :sale", position="position + 1"),
    ),
    "a payment that is not in the books": (
        "payment-not-booked",
        sql(
            f"DELETE FROM ledger_leg WHERE entry_id = {PAYMENT};DELETE FROM ledger_entry WHERE source = :of_sale"
        ),
    ),
    "an event twice": ("event-twice", _copy("outbox", "payload ->> 'order_id' = :order")),
    "a receipt rewritten": ("slip-altered", rewrite_slip(hash_too=False)),
    "a receipt and its hash rewritten": ("slip-differs", rewrite_slip(hash_too=True)),
    "a receipt taken out": ("receipt-gap", sql('DELETE FROM sale WHERE "key" = :sale')),
}


def victims_of(lot: Lot, number: int) -> list[Victim]:
    """Spread over all sales, none at the end of a series."""
    with lot.shop.db.reading() as session:
        rows = session.execute(
            sa.text(
                'SELECT v.order_id, s."key", s.receipt, t.sequence FROM vend v JOIN sale s ON s."key" = v.sale_key'
                " JOIN token t ON t.order_id = v.order_id WHERE v.paid_minor > 0 ORDER BY s.id"
            )
        ).all()
    step = (len(rows) - 10) // number
    assert step > 1, "too few sales for so many planted faults"
    return [Victim(*rows[place * step]) for place in range(number)]


def past_every_wall(connection: Connection) -> None:
    """Nothing stands in the way on this connection until it is rolled back, as for somebody who owns the server."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    for name in (
        connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    ):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def plant_all(lot: Lot, connection: Connection, plants: list[str], victims: list[Victim]) -> None:
    past_every_wall(connection)
    for name, victim in zip(plants, victims, strict=True):
        _code, plant = PLANTS[name]
        plant(connection, victim, lot)


def subjects_of(name: str, victim: Victim) -> set[str]:
    """What a difference that follows from this plant may be about."""
    return {victim.order, victim.sale, f"minted-{victim.order}", f"ghost-{victim.sale}", victim.receipt[:2]}


@pytest.fixture(params=[("sqlite", 1_150), ("postgresql", 200)], ids=["sqlite", "postgresql"])
def lot(request: pytest.FixtureRequest) -> Lot:
    engine, number = request.param
    shop = request.getfixturevalue("sqlite_shop" if engine == "sqlite" else "postgresql_shop")
    return open_lot(shop, number)


def test_real_sales_agree_and_every_planted_fault_is_found(lot: Lot) -> None:
    clean = lot.look()
    assert clean.lines()[-1].endswith("log, database, books and receipts agree.")
    assert clean.clean
    assert all(sums.agree for sums in clean.sums.values())
    assert len({day for day, _sgc, _service in clean.sums}) == 3
    if lot.shop.db.dialect == "sqlite":
        assert lot.rows() >= 20_000

    names = list(PLANTS) * (3 if lot.shop.db.dialect == "sqlite" else 1)
    victims = victims_of(lot, len(names))
    with lot.shop.db.migrating() as connection:
        plant_all(lot, connection, names, victims)
        found = lot.match(connection)
        connection.rollback()

    told = {(one.code, one.subject) for one in found.differences}
    for name, victim in zip(names, victims, strict=True):
        code = PLANTS[name][0]
        assert any((code, subject) in told for subject in subjects_of(name, victim)), (
            f"{name} was not found: {code}"
        )
    # And nothing else: what is told is about somebody who was touched.
    touched = {
        subject for name, victim in zip(names, victims, strict=True) for subject in subjects_of(name, victim)
    }
    others = {str(one.subject) for one in found.differences if one.code == "books-without-order"}
    assert {subject for _code, subject in told} <= touched | others
    assert len(others) == names.count("an entry of an order that is not there")
    assert all(one.sentence.endswith((".", "it in.", "them.")) for one in found.differences)
    assert {PLANTS[name][0] for name in names} >= {
        "unpaid", "token-missing", "token-unknown", "token-twice", "units-differ", "entry-missing", "leg-missing",
        "payment-without-sale", "event-twice", "receipt-gap", "slip-altered", "order-open",
    }  # fmt: skip


def test_a_window_tells_of_its_days_alone(sqlite_shop: Shop) -> None:
    lot = open_lot(sqlite_shop, 200)
    days = sorted({day for day, _sgc, _service in lot.look().sums})
    assert len(days) == 3
    found = lot.look(Window(days[1], days[1]))
    assert found.clean
    assert {day for day, _sgc, _service in found.sums} == {days[1]}
    first = victims_of(lot, 1)[0]
    with lot.shop.db.migrating() as connection:
        plant_all(lot, connection, ["a token with more energy"], [first])
        assert lot.match(connection, Window(days[0], days[0])).differences
        assert lot.match(connection, Window(days[1], None)).clean
        connection.rollback()


def test_an_order_on_its_way_is_no_difference_for_five_minutes(sqlite_shop: Shop) -> None:
    lot = open_lot(sqlite_shop, 3)
    basket = lot.shop.basket(lot.shop.order("G-03", 20_000))
    assert isinstance(vends.place(lot.shop.db, lot.shop.clock, lot.module, [basket])[0], str)
    now = lot.shop.clock.now()
    assert lot.look(now=now + timedelta(minutes=4)).clean
    (late,) = lot.look(now=now + timedelta(minutes=6)).differences
    assert late.code == "order-open"
    assert "paid 6 minutes ago" in late.sentence
    # The module gave the token, and its answer was lost: known, and no difference either.
    lot.module.lose_answer = True
    vends.complete(lot.shop.db, lot.shop.clock, lot.module, [basket.orders[0].order_id])
    found = lot.look(now=now + timedelta(minutes=4))
    assert (found.clean, found.in_flight) == (True, 1)


def test_a_copy_of_the_log_says_the_same_as_the_module(sqlite_shop: Shop, tmp_path: Path) -> None:
    lot = open_lot(sqlite_shop, 70)
    copy = tmp_path / "entries.log"
    copy.write_bytes(b"".join(line + b"\tc2VhbGVk\n" for line in all_lines(lot.module)) + b"{torn")
    found = look_at_copy(str(lot.shop.db.url), copy, Window())
    assert found.clean
    assert found.sums == lot.look().sums
    copy.write_bytes(b"".join(line + b"\tc2VhbGVk\n" for line in all_lines(lot.module)[:-5]))
    older = look_at_copy(str(lot.shop.db.url), tmp_path, Window())
    # The five newest share their second with the end of the copy, so they are told as missing.
    assert {one.code for one in older.differences} == {"entry-missing"}


def test_numbers_of_receipts_have_no_gap() -> None:
    found = Found()
    match_series(
        ["N1-000001", "N2-000001", "N1-000002", "N1-000005", "N1-000005", "N1-000006"],
        {"N1": 8, "N2": 1},
        found,
    )
    assert [(one.code, one.sentence.split(":")[0]) for one in found.differences] == [
        ("receipt-gap", "In the series N1 numbers 3 to 4 are missing"),
        ("receipt-twice", "Receipt N1-000005 comes after number 5 of its series."),
        ("receipt-gap", "In the series N1 numbers 7 to 8 are missing"),
    ]


def test_every_kind_of_difference_has_a_meaning_and_most_are_planted() -> None:
    planted = {code for code, _plant in PLANTS.values()}
    assert planted <= set(CODES)
    assert len(planted) >= 12

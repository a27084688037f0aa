"""Selling from a list: an employer, a letting agent or a fund pays for many meters at once. CSV or XLSX.

Nothing is sold while any row is faulty: the dry run names every one of them. Then each row is a sale with its own receipt
and token, in groups, by the one way of every sale. The ids of a row come from its `order` column, or from the file and the
row's number; so the same list again, after a crash or by mistake, sells nothing twice and goes on where it ended.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vending.clock import Clock
from vending.db import Database
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.estate import sheets
from vending.money import parse_amount
from vending.payments.tender import Tender
from vending.vends import facts, ordering, queries
from vending.vends.errors import BulkUnfit
from vending.vends.plan import Basket, VendOrder
from vending.vends.service import SaleOutcome

GROUP = 64
COLUMNS = {"meter": True, "amount": False, "units": False, "order": False}
TILL = "BULK"
_NAMES = uuid.UUID("5b1d6a52-6a0e-4b43-9d5e-6a1f0f2f7c11")

Sell = Callable[[Sequence[Basket]], Sequence[SaleOutcome | Exception]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: a meter with an amount of money, or with units of the meter."""

    number: int
    meter: str
    money_minor: int | None
    units: int | None
    name: str  # what makes its ids: the same name is the same sale
    label: str  # what people call it: its order, or its row

    @property
    def sale_id(self) -> str:
        return str(uuid.uuid5(_NAMES, f"sale {self.name}"))

    @property
    def order_id(self) -> str:
        return str(uuid.uuid5(_NAMES, f"order {self.name}"))


@dataclass(frozen=True, slots=True)
class Fault:
    row: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What the list would sell now, beside what was sold of it before. Nothing is sold while there is a fault."""

    rows: int
    sold_before: int
    total_minor: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Sold:
    """What became of one row: its receipt and how its order stands, or why it was refused. `tokens` in order of entry."""

    row: int
    meter: str
    receipt: str
    state: str
    paid_minor: int
    units: int
    tokens: tuple[str, ...]
    refusal: str = ""


def dry_run(
    db: Database,
    clock: Clock,
    path: Path,
    site: str,
    tender: Tender,
    *,
    progress: Progress | None = None,
) -> Trial:
    """Every row priced as it would be sold, each knowing what the ones before it take."""
    rows, faults = _read(db, path, site)
    listed = len(rows) + len(faults)
    spent = facts.Spent()
    total = sold = 0
    for begin in range(0, len(rows), GROUP):
        group = rows[begin : begin + GROUP]
        with db.reading() as session:
            place = estate.one_site(session, site)
            known = {sale.key for sale in queries.list_sales(session, [row.sale_id for row in group])}
            for row in group:
                if row.sale_id in known:
                    sold += 1
                    continue
                try:
                    plan = ordering.plan_order(session, clock, _order(row), place, spent, channel=tender.way)
                    spent.count(plan)
                    total += plan.pays_minor
                except VendingError as refused:
                    faults.append(Fault(row.number, refused.sentence))
        if progress is not None:
            progress(min(begin + GROUP, len(rows)), len(rows))
    return Trial(listed, sold, total, tuple(sorted(faults, key=lambda fault: fault.row)))


def run(
    db: Database,
    sell: Sell,
    path: Path,
    site: str,
    tender: Tender,
    *,
    seller_key: str,
    seller_name: str,
    progress: Progress | None = None,
    only: Collection[int] | None = None,
) -> Iterator[Sold]:
    """Sells the rows in groups and gives what became of each. A row that was sold before gives the same answer again.
    `only`: the numbers of the rows that are wanted now, for a page that sells a list part by part."""
    rows = _sound(db, path, site)
    if only is not None:
        rows = [row for row in rows if row.number in only]
    for begin in range(0, len(rows), GROUP):
        group = rows[begin : begin + GROUP]
        baskets = [
            Basket(row.sale_id, (_order(row),), (_part_of(tender, row),), site, TILL, seller_key, seller_name)
            for row in group
        ]
        outcomes = list(sell(baskets))
        with db.reading() as session:
            sales = {
                sale.key: sale
                for sale in queries.list_sales(
                    session, [one.sale_key for one in outcomes if isinstance(one, SaleOutcome)]
                )
            }
        for row, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, SaleOutcome):
                yield _sold(row, sales[outcome.sale_key])
            elif isinstance(outcome, VendingError):
                yield Sold(row.number, row.meter, "", "not sold", 0, 0, (), outcome.sentence)
            else:
                raise outcome
        if progress is not None:
            progress(min(begin + GROUP, len(rows)), len(rows))


def standing(db: Database, path: Path, site: str) -> list[Sold]:
    """What the books say of each row: sold, or not yet (an empty state)."""
    rows = _sound(db, path, site)
    found: list[Sold] = []
    with db.reading() as session:
        for begin in range(0, len(rows), 500):
            group = rows[begin : begin + 500]
            sales = {sale.key: sale for sale in queries.list_sales(session, [row.sale_id for row in group])}
            found += [
                _sold(row, sales[row.sale_id])
                if row.sale_id in sales
                else Sold(row.number, row.meter, "", "", 0, 0, ())
                for row in group
            ]
    return found


def _sound(db: Database, path: Path, site: str) -> list[Row]:
    rows, faults = _read(db, path, site)
    if faults:
        raise BulkUnfit(
            f"Row {faults[0].row}: {faults[0].sentence} Nothing was sold. Try the list with --dry-run."
        )
    return rows


def _sold(row: Row, sale: queries.SaleView) -> Sold:
    return Sold(
        row.number,
        row.meter,
        sale.receipt,
        sale.state,
        sale.total_minor,
        sum(vend.units + vend.free_units for vend in sale.vends),
        tuple(token.digits for _vend, token in sale.tokens),
        next((vend.refusal_sentence for vend in sale.vends if vend.refusal_sentence), ""),
    )


def _part_of(tender: Tender, row: Row) -> Tender:
    """One transfer pays for the whole list; each row's part of it has a reference of its own."""
    return replace(tender, reference=f"{tender.reference}, {row.label}") if tender.reference else tender


def _order(row: Row) -> VendOrder:
    return VendOrder(row.order_id, row.meter, money_minor=row.money_minor, units=row.units)


def _read(db: Database, path: Path, site: str) -> tuple[list[Row], list[Fault]]:
    with db.reading() as session:
        currency = estate.one_site(session, site).currency
    file_name = hashlib.sha256(path.read_bytes()).hexdigest()
    rows: list[Row] = []
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    with sheets.opened(path) as sheet:
        places = sheets.named(sheet, COLUMNS)
        formulas = {row for row, _column in sheet.formulas}
        for number, cells in sheet.rows():
            told = {
                name: cells[position].strip() if position < len(cells) else ""
                for name, position in places.items()
            }
            order = told.get("order", "")
            name = f"{site}/{order}" if order else f"{site}/{file_name}/{number}"
            try:
                if number in formulas:
                    raise BulkUnfit("A cell holds a formula. Save the list with values only.")
                if order and order in seen:
                    raise BulkUnfit(f"The order {order} stands in row {seen[order]} already.")
                if order:
                    seen[order] = number
                rows.append(_row(number, told, currency, name, order or f"row {number}"))
            except VendingError as refused:
                faults.append(Fault(number, refused.sentence))
    if not rows and not faults:
        raise BulkUnfit("The list has a heading and no rows. Write one row for each meter.")
    return rows, faults


def _row(number: int, told: dict[str, str], currency: str, name: str, label: str) -> Row:
    amount, units = told.get("amount", ""), told.get("units", "")
    if bool(amount) == bool(units):
        raise BulkUnfit("Say either an amount of money or units, not both and not neither.")
    if not told["meter"]:
        raise BulkUnfit("The meter is missing.")
    if amount:
        return Row(number, told["meter"], parse_amount(amount, currency), None, name, label)
    typed = re.fullmatch(r"(\d{1,8})(?:[.,](\d?))?", units, re.ASCII)
    if typed is None:
        raise BulkUnfit(f"{units!r} is not an amount of units. A meter counts in tenths: 42.7.")
    steps = int(typed[1]) * 10 + int(typed[2] or 0)
    if steps <= 0:
        raise BulkUnfit("Units must be above zero.")
    return Row(number, told["meter"], None, steps, name, label)

"""Bringing in a list of units, tenants or meters: first a dry run that names every faulty cell, then all of it or nothing.

The dry run reads and never locks anything. The real run checks again, then writes in one transaction, a thousand rows at a
time, so a list of a hundred thousand needs little memory; while it writes on SQLite nothing else can, so big lists are
brought in outside the hours of sale.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import Actor, Permission
from vending.clock import Clock
from vending.db import Database, refresh_statistics
from vending.errors import InvalidInput
from vending.estate import columns, indexing, numbers, queries, sheets
from vending.estate.errors import MeterNumberWrong, RowsFaulty
from vending.estate.indexing import Findable
from vending.estate.judging import JUDGES, FormulaInCell
from vending.estate.sheets import Sheet
from vending.estate.storing import WRITERS

BATCH = 1000
# The search words of many rows are sorted and written together, so that each page of the index is touched few times.
INDEXED_AT_ONCE = 20_000
MOST_FAULTS = 1000
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell that does not fit."""

    row: int
    column: str
    cell: str  # as the spreadsheet calls it
    value: str
    code: str
    sentence: str


@dataclass(slots=True)
class Report:
    """What a run found. `faults` holds the first thousand; `fault_count` all of them."""

    kind: str
    rows: int = 0
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)
    imported: int = 0

    @property
    def is_clean(self) -> bool:
        return self.fault_count == 0

    def add(self, fault: Fault) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def dry_run(
    db: Database,
    clock: Clock,
    actor: Actor,
    path: Path,
    *,
    kind: str,
    site: str,
    tid_offset_minutes: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Checks every row and cell against the rules and against what is there; changes nothing."""
    policy.require(actor, Permission.ESTATE_IMPORT, site)
    with sheets.opened(path) as sheet, db.reading() as session:
        return _check(session, clock, sheet, kind, site, tid_offset_minutes, progress)


def run(
    db: Database,
    clock: Clock,
    actor: Actor,
    path: Path,
    *,
    kind: str,
    site: str,
    tid_offset_minutes: int = 0,
    progress: Progress | None = None,
) -> Report:
    """All rows, or RowsFaulty and none. `tid_offset_minutes`: the fixed offset of the supply group's token clock, for
    turning the former vendor's last sale into a floor."""
    report = dry_run(
        db, clock, actor, path, kind=kind, site=site, tid_offset_minutes=tid_offset_minutes, progress=progress
    )
    if not report.is_clean:
        first = report.faults[0]
        raise RowsFaulty(
            f"{report.fault_count:,} of the cells do not fit, so nothing was imported. The first is {first.cell} ({first.column}): {first.sentence}",
            first.cell,
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with sheets.opened(path) as sheet, db.writing() as session:
        places = sheets.named(sheet, _known(kind))
        findable: list[Findable] = []
        for batch in _batches(_rows(sheet, kind, places)):
            findable += WRITERS[kind](session, clock, actor, site, batch, tid_offset_minutes)
            if len(findable) >= INDEXED_AT_ONCE:
                indexing.write(session, findable)
                findable = []
            report.imported += len(batch)
            if progress is not None:
                progress("writing", report.imported)
        indexing.write(session, findable)
        refresh_statistics(session)
        audit.record(
            session,
            clock,
            actor=actor,
            act=f"{kind} imported",
            subject=f"site:{site}",
            detail={"rows": report.imported, "file": path.name[:100], "sha256": digest},
        )
    return report


def _known(kind: str) -> dict[str, bool]:
    if kind not in columns.LISTS:
        raise InvalidInput(
            f"There is no list of {kind!r}. Import one of: {', '.join(columns.LISTS)}.", "kind"
        )
    return {column.name: column.needed for column in columns.LISTS[kind]}


def _check(
    session: Session,
    clock: Clock,
    sheet: Sheet,
    kind: str,
    site: str,
    tid_offset_minutes: int,
    progress: Progress | None,
) -> Report:
    report = Report(kind)
    known = _known(kind)
    places = sheets.named(sheet, known)
    titles = {name: sheet.columns[place].strip() for name, place in places.items()}
    formulas = set(sheet.formulas)
    judge = JUDGES[kind](session, clock, site, tid_offset_minutes)

    def fault(row: int, name: str, value: str, error: InvalidInput) -> None:
        place = places.get(name, 0)
        report.add(
            Fault(
                row,
                titles.get(name, name),
                sheets.cell_name(row, place),
                value[:60],
                error.code,
                error.sentence,
            )
        )

    for row, cells in sheet.rows():
        report.rows += 1
        values: dict[str, Any] = {}
        before = report.fault_count
        if len(cells) > len(sheet.columns) and any(cells[len(sheet.columns) :]):
            extra = sheets.cell_name(row, len(sheet.columns))
            report.add(
                Fault(
                    row,
                    "",
                    extra,
                    cells[len(sheet.columns)][:60],
                    "cell_without_column",
                    "This row has more cells than the heading. Check for a separator inside a text.",
                )
            )
        for name in known:
            place = places.get(name)
            text = cells[place] if place is not None and place < len(cells) else ""
            try:
                if place is not None and ((row, place) in formulas or columns.looks_like_formula(text)):
                    raise FormulaInCell("This cell holds a formula. Paste its value instead.", name)
                if len(text) > sheets.LONGEST_CELL:
                    raise InvalidInput(f"This cell has more than {sheets.LONGEST_CELL} characters.", name)
                values[name] = (
                    columns.value_of(kind, name, text)
                    if name != "number" or kind != "meters"
                    else _number(text)
                )
            except InvalidInput as error:
                fault(row, name, text, error)
        if report.fault_count == before:
            for name, refusal in judge(row, values):
                text = cells[places[name]] if name in places and places[name] < len(cells) else ""
                fault(row, name, text, refusal)
        if progress is not None and report.rows % BATCH == 0:
            progress("checking", report.rows)
    if report.rows == 0:
        raise InvalidInput("The list has a heading and no rows. There is nothing to import.")
    # Suggestions for wrong numbers are looked up last and for few, so that a thousand slips do not make a slow answer.
    if kind == "meters":
        _suggest(session, clock, report)
    return report


def _number(text: str) -> str:
    # Not remembered as other cells are: every number is a new one.
    if not text.strip():
        raise MeterNumberWrong("number is missing. Type the meter's number.")
    return numbers.pan_of(columns.unguarded(text))


def _suggest(session: Session, clock: Clock, report: Report) -> None:
    for position, fault in enumerate(report.faults[:50]):
        if fault.code == MeterNumberWrong.code and numbers.looks_complete(fault.value):
            found = queries.suggest_meters(session, clock, fault.value)
            if found:
                hint = f" Is {' or '.join(numbers.grouped(view.drn) for view in found)} meant?"
                report.faults[position] = Fault(
                    fault.row, fault.column, fault.cell, fault.value, fault.code, fault.sentence + hint
                )


def _rows(sheet: Sheet, kind: str, places: dict[str, int]) -> Iterator[dict[str, Any]]:
    known = list(_known(kind))
    for _row, cells in sheet.rows():
        values = {}
        for name in known:
            place = places.get(name)
            text = cells[place] if place is not None and place < len(cells) else ""
            values[name] = (
                _number(text) if name == "number" and kind == "meters" else columns.value_of(kind, name, text)
            )
        yield values


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

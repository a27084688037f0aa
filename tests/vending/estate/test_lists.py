"""Lists in and out: the dry run names every faulty cell, an import is all or nothing, and what was saved comes in again."""

import csv
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from estate_cast import Ground, lay
from hypothesis import given
from hypothesis import strategies as st

from sts import drn
from vending.access.policy import SYSTEM, Actor, Grant
from vending.clock import FixedClock
from vending.db import Database
from vending.demonstration import loader, takeover
from vending.errors import InvalidInput, NotAllowed
from vending.estate import columns, exporting, importing, queries, sheets
from vending.estate.judging import minute_of

METER_HEAD = ["number", "service", "unit", "sgc", "krn", "ti", "ea", "dkga", "base_date", "state"]


def numbers_from(first: int, count: int) -> list[str]:
    return [drn.of(f"07{first + i:08d}") for i in range(count)]


def meter_row(number: str, **changes: str) -> list[str]:
    row = {
        "number": number,
        "service": "electricity",
        "unit": "G-12",
        "sgc": "600100",
        "krn": "1",
        "ti": "01",
        "ea": "11",
        "dkga": "04",
        "base_date": "2014",
        "state": "in service",
    }
    return [str(value) for value in {**row, **changes}.values()]


def write_csv(
    path: Path, head: list[str], rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def write_xlsx(path: Path, head: list[str], rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(head)
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def state(db: Database) -> list[int]:
    with db.reading() as session:
        return [
            session.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0
            for table in ("space", "tenant", "meter", "lease", "search_word", "audit_entry")
        ]


def test_units_tenants_and_meters_come_in_and_are_found(
    database: Database, clock: FixedClock, ground: Ground, tmp_path: Path
) -> None:
    units = write_csv(
        tmp_path / "u.csv",
        ["Unit", "Area m2", "Format", "Building", "Floor"],
        [[f"U-{i}", "12,5" if i else "40", "shop", "North", "Level 1"] for i in range(5)],
        delimiter=";",
        encoding="utf-8-sig",
    )
    tenants = write_csv(
        tmp_path / "t.csv",
        ["name", "phone", "unit", "lease_start", "deposit"],
        [[f"Tenant {i}", f"'+27825550{i:03d}", f"U-{i}", "2025-01-01", "1500.50"] for i in range(5)],
    )
    listed = numbers_from(30_000_000, 5)
    found = write_csv(
        tmp_path / "m.csv", METER_HEAD, [meter_row(number, unit=f"U-{i}") for i, number in enumerate(listed)]
    )
    seen: list[tuple[str, int]] = []
    for kind, path in (("units", units), ("tenants", tenants), ("meters", found)):
        assert importing.dry_run(database, clock, SYSTEM, path, kind=kind, site=ground.site).is_clean
        report = importing.run(
            database,
            clock,
            SYSTEM,
            path,
            kind=kind,
            site=ground.site,
            progress=lambda stage, rows: seen.append((stage, rows)),
        )
        assert report.imported == 5
    assert ("writing", 5) in seen
    with database.reading() as session:
        (view,) = queries.find_meters(session, clock, "tenant 3")
        assert view.drn == listed[3]
        assert view.space is not None and view.space.area_cm2 == 125_000 and view.space.floor == "Level 1"
        assert view.lease is not None and view.lease.deposit_minor == 150_050
        assert (
            view.tenant is not None
            and view.tenant.phone == "+27825550003"
            and view.tenant.number.startswith("C")
        )
        assert view.state == "in service"
        assert [line.act for line in queries.history(session, f"meter:{view.key}")] == ["meter imported"]
        assert len(queries.key_history(session, view.key)) == 1
        assert "meters imported" in [line.act for line in queries.history(session, f"site:{ground.site}")]


def test_every_faulty_cell_is_named_and_nothing_is_changed(
    database: Database, clock: FixedClock, ground: Ground, tmp_path: Path
) -> None:
    good = numbers_from(31_000_000, 4)
    path = write_csv(
        tmp_path / "m.csv",
        METER_HEAD,
        [
            meter_row(good[0]),
            meter_row(good[1][:-1] + str((int(good[1][-1]) + 1) % 10), krn="x"),
            meter_row(good[0]),
            meter_row(good[2], unit="Z-99", ea="09"),
            meter_row(good[3], service="=cmd|' /C calc'!A0"),
            [*meter_row(good[3]), "extra"],
        ],
    )
    before = state(database)
    report = importing.dry_run(database, clock, SYSTEM, path, kind="meters", site=ground.site)
    assert [(fault.cell, fault.code) for fault in report.faults] == [
        ("A3", "meter_number_wrong"),
        ("E3", "invalid_input"),
        ("A4", "row_twice"),
        ("C5", "invalid_input"),
        ("G5", "key_data_unfit"),
        ("B6", "formula_in_cell"),
        ("K7", "cell_without_column"),
    ]
    with pytest.raises(InvalidInput, match="nothing was imported") as refused:
        importing.run(database, clock, SYSTEM, path, kind="meters", site=ground.site)
    assert refused.value.code == "rows_faulty"
    assert state(database) == before


def test_a_wrong_number_in_a_list_is_answered_with_the_meter_that_is_known(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    ground = lay(sqlite_database, clock)
    (number,) = numbers_from(32_000_000, 1)
    importing.run(
        sqlite_database,
        clock,
        SYSTEM,
        write_csv(tmp_path / "a.csv", METER_HEAD, [meter_row(number)]),
        kind="meters",
        site=ground.site,
    )
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    report = importing.dry_run(
        sqlite_database,
        clock,
        SYSTEM,
        write_csv(tmp_path / "b.csv", METER_HEAD, [meter_row(wrong)]),
        kind="meters",
        site=ground.site,
    )
    assert "meant?" in report.faults[0].sentence
    again = importing.dry_run(
        sqlite_database, clock, SYSTEM, tmp_path / "a.csv", kind="meters", site=ground.site
    )
    assert [fault.code for fault in again.faults] == ["row_twice"]


def test_a_spreadsheet_comes_in_with_numbers_as_numbers_and_without_formulas(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    ground = lay(sqlite_database, clock)
    listed = numbers_from(33_000_000, 3)
    rows: list[list[Any]] = [
        [number, "electricity", "G-12", 600100, 1.0, "01", 11, 4, 2014, "registered"] for number in listed
    ]
    assert (
        importing.run(
            sqlite_database,
            clock,
            SYSTEM,
            write_xlsx(tmp_path / "m.xlsx", METER_HEAD, rows),
            kind="meters",
            site=ground.site,
        ).imported
        == 3
    )
    rows = [["U-1", "=1+1"], ["U-2", 30.5]]
    report = importing.dry_run(
        sqlite_database,
        clock,
        SYSTEM,
        write_xlsx(tmp_path / "u.xlsx", ["unit", "area_m2"], rows),
        kind="units",
        site=ground.site,
    )
    assert [(fault.cell, fault.code) for fault in report.faults] == [("B2", "formula_in_cell")]


def _bytes(content: bytes) -> Any:
    return lambda path: path.write_bytes(content)


def _bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as entry,
    ):
        for _ in range(520):
            entry.write(b"0" * 2**20)


def _million(path: Path) -> None:
    with path.open("w") as file:
        file.write("unit,area_m2\n")
        for i in range(1_000_000):
            file.write(f"{i},1\n")


FILES = [
    ("empty", _bytes(b""), "file_unfit", "empty"),
    ("a heading alone", _bytes(b"unit,area_m2\n"), "invalid_input", "no rows"),
    ("no heading", _bytes(b",,\n1,2,3\n"), "file_unfit", "names of the columns"),
    ("latin one", _bytes("unit,area_m2\nCafé,1\n".encode("latin-1")), "file_unfit", "UTF-8"),
    ("latin one in the heading", _bytes("unité,area_m2\nx,1\n".encode("latin-1")), "file_unfit", "UTF-8"),
    ("not text", _bytes(b"\x00\x01\x02\x03" * 50), "file_unfit", "not text"),
    ("an old spreadsheet", _bytes(b"\xd0\xcf\x11\xe0" + b"0" * 100), "file_unfit", "old XLS"),
    ("a damaged spreadsheet", _bytes(b"PK\x03\x04" + b"0" * 100), "file_unfit", "damaged"),
    ("an unknown column", _bytes(b"unit,area_m2,colour\nA,1,red\n"), "column_unknown", "not known"),
    ("a misspelt column", _bytes(b"unit,aera_m2\nA,1\n"), "column_unknown", "Is area_m2 meant"),
    ("a missing column", _bytes(b"unit\nA\n"), "column_missing", "area_m2"),
    ("a column twice", _bytes(b"unit,area_m2,unit\nA,1,B\n"), "column_unknown", "twice"),
    (
        "a hundred columns",
        _bytes(b",".join(b"c%d" % i for i in range(100)) + b"\n"),
        "file_unfit",
        "60 columns",
    ),
    ("a bomb", _bomb, "file_too_large", "Unpacked"),
    ("a million rows", _million, "file_too_large", "200,000 rows"),
]


@pytest.mark.parametrize(("make", "code", "says"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_list_is_refused_in_one_sentence(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path, make: Any, code: str, says: str
) -> None:
    ground = lay(sqlite_database, clock)
    make(tmp_path / "list.csv")
    before = state(sqlite_database)
    with pytest.raises(InvalidInput) as refused:
        importing.run(sqlite_database, clock, SYSTEM, tmp_path / "list.csv", kind="units", site=ground.site)
    assert refused.value.code == code
    assert says in refused.value.sentence
    assert state(sqlite_database) == before


def test_who_may_not_import_or_export_does_neither(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    ground = lay(sqlite_database, clock)
    path = write_csv(tmp_path / "u.csv", ["unit", "area_m2"], [["A", "1"]])
    cashier = Actor("c", "Cashier", frozenset({Grant("cashier", ground.site)}))
    with pytest.raises(NotAllowed):
        importing.run(sqlite_database, clock, cashier, path, kind="units", site=ground.site)
    with pytest.raises(NotAllowed):
        exporting.export(sqlite_database, clock, cashier, tmp_path / "x.csv", table="units", site=ground.site)
    with pytest.raises(InvalidInput, match=r"\.csv or \.xlsx"):
        exporting.export(sqlite_database, clock, SYSTEM, tmp_path / "x.pdf", table="units", site=ground.site)
    with pytest.raises(InvalidInput, match="no table"):
        exporting.export(sqlite_database, clock, SYSTEM, tmp_path / "x.csv", table="person", site=ground.site)
    with pytest.raises(InvalidInput, match="no list"):
        importing.dry_run(sqlite_database, clock, SYSTEM, path, kind="people", site=ground.site)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_was_saved_comes_in_again_at_another_site(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path, ending: str
) -> None:
    site = loader.load(sqlite_database, clock).site_key
    other = lay(sqlite_database, clock, "Other").site
    counts = {}
    for kind in columns.LISTS:
        path = tmp_path / f"{kind}.{ending}"
        counts[kind] = exporting.export(sqlite_database, clock, SYSTEM, path, table=kind, site=site)
    assert counts["meters"] == 16
    # The other site has a unit of the same name already; all else fits.
    report = importing.dry_run(
        sqlite_database, clock, SYSTEM, tmp_path / f"units.{ending}", kind="units", site=other
    )
    assert [(fault.code, fault.value) for fault in report.faults] == [("row_twice", "1-01")]
    report = importing.dry_run(
        sqlite_database, clock, SYSTEM, tmp_path / f"meters.{ending}", kind="meters", site=site
    )
    assert {fault.code for fault in report.faults} == {"row_twice"}
    assert report.fault_count == 16


def test_every_table_can_be_saved_and_read(database: Database, clock: FixedClock, tmp_path: Path) -> None:
    site = loader.load(database, clock).site_key
    for table in exporting.tables():
        count = exporting.export(database, clock, SYSTEM, tmp_path / f"{table}.csv", table=table, site=site)
        with (tmp_path / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.reader(file))) == count + 1
    with database.reading() as session:
        lines = list(exporting.csv_lines(session, SYSTEM, table="units", site=site))
    assert len(lines) == 13


EVIL = ["=1+1", "+1+cmd", "-2", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x")']


@given(st.one_of(st.sampled_from(EVIL), st.text(max_size=40)))
def test_no_saved_cell_begins_like_a_formula_and_the_guard_comes_off_again(text: str) -> None:
    guarded = columns.guarded(text)
    assert guarded[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") or not guarded
    if not text.startswith("'"):
        assert columns.unguarded(guarded) == text


def test_a_cell_has_the_name_that_a_spreadsheet_gives_it() -> None:
    assert [sheets.cell_name(7, column) for column in (0, 25, 26, 51, 52, 701, 702)] == [
        "A7",
        "Z7",
        "AA7",
        "AZ7",
        "BA7",
        "ZZ7",
        "AAA7",
    ]


def test_a_take_over_names_all_ten_faults_and_gives_every_meter_a_floor_above_its_last_sale(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    said: list[str] = []
    outcome = takeover.demonstrate(database, clock, tmp_path, said.append)
    assert outcome.found == 10
    assert outcome.dry_run.fault_count == 10
    assert outcome.imported == 150
    assert len(outcome.floors) == 150
    # Sold to two minutes ago: the floor lies above that sale and not above this minute, so the next token can be now.
    now = minute_of(clock.now(), 0)
    assert max(outcome.floors.values()) == now - 1
    assert any("two minutes ago" in line for line in said)


def test_the_floor_is_on_the_token_clock_of_the_supply_group(
    sqlite_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    ground = lay(sqlite_database, clock)
    (number,) = numbers_from(34_000_000, 1)
    # 10:40 on the wall in Johannesburg is 08:40 UTC.
    path = write_csv(
        tmp_path / "m.csv", [*METER_HEAD, "last_token_at"], [[*meter_row(number), "2026-11-20 10:40"]]
    )
    importing.run(
        sqlite_database, clock, SYSTEM, path, kind="meters", site=ground.site, tid_offset_minutes=120
    )
    with sqlite_database.reading() as session:
        view = queries.one_meter(session, clock, number)
    assert view.tid_floor == minute_of(clock.now(), 0) - 2 + 1 + 120

"""`ampoule demo takeover`: another vendor's list of 150 meters with ten planted faults, taken over the same afternoon.

Shows what the dry run says of each fault, mends the list, imports it, and shows that a meter which the former vendor sold
to two minutes ago has a floor above that sale. It works in a database that the caller gives; `ampoule demo takeover` gives one of its own.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from keystore import acts
from vending.access.policy import SYSTEM
from vending.clock import Clock
from vending.db import Database
from vending.demonstration.loader import number_of
from vending.estate import importing, queries, service
from vending.estate.importing import Report
from vending.estate.judging import minute_of

METERS = 150
FIRST_SERIAL = 3_000_000
HEADING = [
    "number",
    "service",
    "unit",
    "sgc",
    "krn",
    "ti",
    "ea",
    "dkga",
    "base_date",
    "ct_primary",
    "ct_secondary",
    "state",
    "last_token_at",
]


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault in the list: where, what the former vendor wrote, what is right, and what it is called."""

    row: int
    column: str
    wrong: str
    right: str
    what: str


def list_of(clock: Clock) -> list[list[str]]:
    """The list as it should be: 150 meters in 75 units, sold to until two minutes ago."""
    local = clock.now() + timedelta(hours=2)
    rows = []
    for i in range(METERS):
        number = number_of(f"{FIRST_SERIAL + 17 * i:08d}")
        sold = local - timedelta(minutes=2 + 37 * i)
        rows.append(
            [
                number,
                "electricity" if i % 2 == 0 else "water",
                f"T-{i // 2 + 1:02d}",
                "600200",
                "2",
                "01",
                "07",
                "02",
                "2014",
                "1",
                "1",
                "in service",
                f"{sold:%Y-%m-%d %H:%M}",
            ]
        )
    return rows


def planted(rows: list[list[str]], clock: Clock) -> list[Planted]:
    swapped = rows[11][0][:4] + rows[11][0][5] + rows[11][0][4] + rows[11][0][6:]
    if swapped == rows[11][0]:
        swapped = rows[11][0][:-1] + str((int(rows[11][0][-1]) + 1) % 10)
    tomorrow = clock.now() + timedelta(days=1)
    return [
        Planted(
            3,
            "number",
            rows[3][0][:-1] + str((int(rows[3][0][-1]) + 3) % 10),
            rows[3][0],
            "a wrong check digit",
        ),
        Planted(11, "number", swapped, rows[11][0], "two digits swapped"),
        Planted(20, "number", rows[19][0], rows[20][0], "the same meter twice"),
        Planted(31, "unit", "T-99", rows[31][2], "a unit that is not there"),
        Planted(42, "sgc", "6002OO", "600200", "letters O in the supply group"),
        Planted(57, "krn", "0", "2", "a key revision that does not exist"),
        Planted(68, "ea", "11", "07", "an algorithm that does not go with its key derivation"),
        Planted(79, "base_date", "2024", "2014", "a base date that does not exist"),
        Planted(104, "ct_primary", "=200/5", "1", "a formula instead of a figure"),
        Planted(
            133,
            "last_token_at",
            f"{tomorrow:%Y-%m-%d %H:%M}",
            rows[133][12],
            "a last sale that lies in the future",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    dry_run: Report
    found: int  # of the planted faults
    imported: int
    floors: dict[str, int]  # PAN -> absolute minute
    act: str  # what two people sign, so that the module raises its floors
    youngest_gap_minutes: int  # between the latest floor and now; never above zero would be a future token


def demonstrate(
    db: Database, clock: Clock, folder: Path, say: Callable[[str], None] = lambda _line: None
) -> Outcome:
    with db.writing() as session:
        operator = service.add_operator(session, clock, SYSTEM, name="Taken-over operator")
        site = service.add_site(
            session,
            clock,
            SYSTEM,
            operator=operator,
            name="Taken-over mall",
            time_zone="Africa/Johannesburg",
            currency="ZAR",
        )
        for i in range(METERS // 2):
            service.add_space(session, clock, SYSTEM, site=site, code=f"T-{i + 1:02d}", area="80")
    rows = list_of(clock)
    faults = planted(rows, clock)
    faulty = [list(row) for row in rows]
    for fault in faults:
        faulty[fault.row][HEADING.index(fault.column)] = fault.wrong
    say(f"The former vendor's list: {METERS} meters. Dry run:")
    path = write(folder / "takeover.csv", faulty)
    report = importing.dry_run(db, clock, SYSTEM, path, kind="meters", site=site)
    for each in report.faults:
        say(f"  {each.cell:<5} {each.column:<14} {each.value!r:<20} {each.sentence}")
    found = sum(
        any(each.row == fault.row + 2 and each.column == fault.column for each in report.faults)
        for fault in faults
    )
    say(
        f"{report.fault_count} faulty cells named, {found} of {len(faults)} planted; nothing was imported. Mending the list."
    )
    done = importing.run(db, clock, SYSTEM, write(folder / "mended.csv", rows), kind="meters", site=site)
    with db.reading() as session:
        views = queries.meters_of_site(session, clock, site)
    floors = {view.pan: view.tid_floor for view in views if view.tid_floor is not None}
    # No module runs here; at a site the act is made out to its own (`access.module_acts.name_of`).
    act = acts.set_floors(
        floors=floors,
        module="ampoule/of-this-site",
        maker="demonstration",
        reason="take-over from the former vendor",
        made=clock.now(),
    )
    gap = max(floors.values()) - minute_of(clock.now(), 0)
    say(f"{done.imported} meters imported, each with a floor for its token identifiers.")
    say(
        f"The meter sold to two minutes ago has its floor {-gap} minute(s) before now: its next token is above every old one."
    )
    say(
        f"Two approvers sign one act ({len(act):,} characters) that raises the module's floors; then it sells."
    )
    return Outcome(report, found, done.imported, floors, act, gap)


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADING)
        writer.writerows(rows)
    return path

"""Reading a list that somebody hands in: CSV or XLSX, row by row, with limits before contents.

A row is its number in the file and its cells as text by column name. Formulas are refused: what they would give depends on
a program that is not here. Never more than one row is held in memory; a spreadsheet is unpacked once into a CSV of ours.
"""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from vending.estate.errors import ColumnMissing, ColumnUnknown, FileTooLarge, FileUnfit

MOST_ROWS = 200_000
MOST_COLUMNS = 60
LARGEST_FILE = 64 * 1024 * 1024
LARGEST_UNPACKED = 512 * 1024 * 1024
LONGEST_CELL = 1000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A readable list: its columns, and a fresh run over its rows as often as wanted."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    formulas: tuple[tuple[int, int], ...] = ()  # row and column of cells that hold a formula

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Row number in the file (the heading is row 1) and its cells, empty rows left out."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            count = 0
            try:
                next(reader)
                for number, cells in enumerate(reader, 2):
                    if not any(cells):
                        continue
                    count += 1
                    if count > MOST_ROWS:
                        raise FileTooLarge(
                            f"The list has more than {MOST_ROWS:,} rows. Split it, and import the parts one after the other."
                        )
                    yield number, cells
            except csv.Error as error:
                raise FileUnfit(
                    f"The file cannot be read as a table after row {count + 1}: {error}. Save it again as CSV."
                ) from None
            except UnicodeDecodeError:
                raise FileUnfit(
                    "The file is not in UTF-8. In the spreadsheet program, choose “CSV UTF-8” when saving."
                ) from None


@contextmanager
def opened(path: Path) -> Iterator[Sheet]:
    """The list in this file, whichever of the two formats it has."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise FileUnfit(f"{path.name} cannot be read: {error.strerror}.") from None
    if size == 0:
        raise FileUnfit(
            "The file is empty. It needs a heading with the names of the columns, and a row for each entry."
        )
    if size > LARGEST_FILE:
        raise FileTooLarge(
            f"The file has more than {LARGEST_FILE // 2**20} MB. Split it, and import the parts one after the other."
        )
    if head == b"PK\x03\x04":
        with tempfile.TemporaryDirectory(prefix="ampoule-import-") as folder:
            yield _unpacked(path, Path(folder) / "rows.csv")
    elif head.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise FileUnfit(
            "This is neither CSV nor XLSX (an old XLS or a PDF, it seems). Save it as XLSX or CSV."
        )
    else:
        yield _csv(path)


def named(sheet: Sheet, known: dict[str, bool]) -> dict[str, int]:
    """Column name -> position. `known`: every name with whether it must be there. Nothing unknown is passed over."""
    places: dict[str, int] = {}
    for position, title in enumerate(sheet.columns):
        name = "_".join(title.strip().lower().replace("-", " ").replace("_", " ").split())
        if not name:
            continue
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, list(known), n=1)
            hint = f"Is {close[0]} meant?" if close else f"Known are: {', '.join(known)}."
            raise ColumnUnknown(f"The column {title.strip()!r} is not known. {hint}", title.strip())
        if name in places:
            raise ColumnUnknown(
                f"The column {title.strip()!r} is there twice. Remove one of the two.", title.strip()
            )
        places[name] = position
    missing = [name for name, needed in known.items() if needed and name not in places]
    if missing:
        raise ColumnMissing(
            f"The list has no column {', '.join(missing)}. Add it, with a value in each row.", missing[0]
        )
    return places


def cell_name(row: int, column: int) -> str:
    """What a spreadsheet calls the cell: C7."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


def _csv(path: Path) -> Sheet:
    with path.open("rb") as file:
        first = file.readline(64 * 1024)
    if b"\x00" in first:
        raise FileUnfit("The file is not text. Save it as CSV in UTF-8, or as XLSX.")
    try:
        line = first.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnfit(
            "The file is not in UTF-8. In the spreadsheet program, choose “CSV UTF-8” when saving."
        ) from None
    delimiter = max(",;\t", key=line.count)
    columns = tuple(next(csv.reader(io.StringIO(line), delimiter=delimiter), []))
    _check_heading(columns)
    return Sheet(path, columns, delimiter)


def _unpacked(path: Path, into: Path) -> Sheet:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED:
                raise FileTooLarge(
                    f"Unpacked, the spreadsheet has more than {LARGEST_UNPACKED // 2**20} MB. Save the one sheet as CSV."
                )
        book = openpyxl.load_workbook(path, read_only=True, data_only=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise FileUnfit(
            "The spreadsheet is damaged or not an XLSX file. Save it again as XLSX or CSV."
        ) from error
    try:
        sheet = book.worksheets[0]
        # What the file says of its own size may be wrong, and an empty row costs as much as a full one.
        sheet.reset_dimensions()
        formulas: list[tuple[int, int]] = []
        columns: tuple[str, ...] = ()
        with into.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), 1):
                if number > MOST_ROWS + 1:
                    raise FileTooLarge(
                        f"The list has more than {MOST_ROWS:,} rows. Split it, and import the parts one after the other."
                    )
                cells = [_text(cell.value) for cell in row]
                if number == 1:
                    while cells and not cells[-1]:
                        cells.pop()
                    columns = tuple(cells)
                    _check_heading(columns)
                cells = cells[: len(columns)]
                for position, cell in enumerate(row[: len(columns)]):
                    if cell.data_type == "f" and len(formulas) < 1000:
                        formulas.append((number, position))
                writer.writerow(cells)
        if not columns:
            raise FileUnfit("The first sheet is empty. It needs a heading with the names of the columns.")
        return Sheet(into, columns, ",", tuple(formulas))
    finally:
        book.close()


def _check_heading(columns: tuple[str, ...]) -> None:
    if not any(title.strip() for title in columns):
        raise FileUnfit("The first row must hold the names of the columns.")
    if len(columns) > MOST_COLUMNS:
        raise FileUnfit(
            f"The list has more than {MOST_COLUMNS} columns. Keep the ones that are to be imported."
        )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # A number that a spreadsheet keeps as 600100.0 was typed as 600100.
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return (
            value.date().isoformat()
            if value.time().isoformat() == "00:00:00"
            else value.isoformat(sep=" ", timespec="minutes")
        )
    if isinstance(value, date):
        return value.isoformat()
    return str(value)

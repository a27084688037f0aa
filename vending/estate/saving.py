"""Any table as CSV or XLSX, with a guard so that no cell is taken for a formula when the file is opened elsewhere.

Streams: a hundred thousand rows need no more memory than two thousand. What stands in a table is the caller's work.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Any

from vending.estate.columns import guarded

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# The mark at the beginning tells spreadsheet programs that the text is UTF-8.
MARK = "\ufeff"


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return guarded(str(value))


def csv_lines(heading: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The table as lines of text, without the mark."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(heading)
    yield line.getvalue()
    for row in rows:
        line.seek(0)
        line.truncate()
        writer.writerow([shown(value) for value in row])
        yield line.getvalue()


def write_xlsx(file: IO[bytes] | str, heading: Sequence[str], rows: Iterable[Iterable[Any]]) -> int:
    """Every cell is text. Gives the number of rows."""
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    count = 0
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("Ampoule")
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, title in enumerate(heading):
            sheet.write_string(0, column, title, bold)
        for count, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                sheet.write_string(count, column, shown(value))
    return count

"""A table of anything as a page with search and pages, and the same table whole as CSV or XLSX: told as values.

`Listing` says what stands in the table and how a span of it is fetched; `answer` draws `list.html`, or streams the file
when the address says `as=csv` or `as=xlsx`. Saving needs its own right and leaves a row in the trail. Nothing here knows
what a row means.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, render_template, request, stream_with_context, url_for

from vending import audit
from vending.access import policy
from vending.access.policy import Permission
from vending.errors import InvalidInput, NotFound
from vending.estate import saving
from vending.services import Services
from vending.web import places
from vending.web.words import _

ROWS = 50
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Column:
    """`name` heads the column in files and stays the same in every language; `label` is for the page."""

    name: str
    label: str
    end: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """`value` goes into files where it differs from the text: a number without its separators, a moment in UTC."""

    text: str
    value: Any = None
    sub: str = ""
    url: str = ""
    lamp: str = ""
    drawing: Any = None

    def shown(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "sub": self.sub,
            "url": self.url,
            "lamp": self.lamp,
            "drawing": self.drawing,
        }


Row = Sequence[Cell | str]
Fetch = Callable[[int, int], Sequence[Row]]  # rows from an offset on, at most so many


@dataclass(slots=True, kw_only=True)
class Listing:
    name: str  # of the file, and of the table in the trail
    page: dict[str, Any]
    columns: Sequence[Column]
    fetch: Fetch
    nothing: dict[str, str]
    filter: dict[str, Any] | None = None
    figures: list[dict[str, str]] | None = None
    drawing: dict[str, Any] | None = None
    sums: list[Any] | None = None
    caption: str = ""
    own: bool = (
        False  # what the person himself made just now: he may take it away without the right to save tables
    )
    template: str = "list.html"
    more: dict[str, Any] = field(default_factory=dict)


def whole(rows: Sequence[Row]) -> Fetch:
    """For a table that is in hand already."""

    def fetch(offset: int, most: int) -> Sequence[Row]:
        return rows[offset : offset + most]

    return fetch


def answer(listing: Listing) -> Any:
    wanted = request.args.get("as", "")
    if wanted:
        return _saved(listing, wanted)
    number = page_number()
    found = list(listing.fetch((number - 1) * ROWS, ROWS + 1))
    rows, more = found[:ROWS], len(found) > ROWS
    return render_template(
        listing.template,
        page=listing.page,
        columns=[{"label": column.label, "end": column.end} for column in listing.columns],
        rows=drawn(rows),
        figures_list=listing.figures,
        filter=listing.filter,
        drawing=listing.drawing,
        sums=listing.sums,
        caption=listing.caption,
        exported=exports() if rows else [],
        nothing={"title": "", "text": "", "action": "", "url": "", **listing.nothing},
        paging={
            "before": here(page=number - 1) if number > 1 else "",
            "after": here(page=number + 1) if more else "",
            "text": _("Page %(number)s", number=number),
        },
        **listing.more,
    )


def answer_parts(template: str, parts: Sequence[dict[str, Any] | None], **context: Any) -> Any:
    """A page of several small tables, each of which can be taken away like a long one. A part with rows has a `name` for
    its file; what else stands in it, the template says."""
    shown = [part for part in parts if part is not None]
    wanted = request.args.get("as", "")
    if wanted:
        chosen = request.args.get("table", "")
        part = next((one for one in shown if one.get("name") == chosen and one.get("columns")), None)
        if part is None:
            raise NotFound(_("There is no such table on this page."))
        table = Listing(
            name=chosen,
            page={},
            columns=[Column(one.get("name") or one["label"], one["label"]) for one in part["columns"]],
            fetch=whole([[_kept(cell) for cell in row] for row in part["rows"]]),
            nothing={},
        )
        return _saved(table, wanted)
    for part in shown:
        if part.get("rows"):
            part["rows"] = drawn(part["rows"])
            part["exported"] = exports(table=part["name"])
    return render_template(template, parts=shown, **context)


def answer_page(
    template: str, tables: Mapping[str, tuple[Sequence[str], Sequence[Row]]], **context: Any
) -> Any:
    """A page with tables of its own between other things: each of them, named with the heading of its file, can be taken
    away by the addresses in `taken`."""
    wanted = request.args.get("as", "")
    if wanted:
        chosen = request.args.get("table", "")
        if chosen not in tables:
            raise NotFound(_("There is no such table on this page."))
        heading, rows = tables[chosen]
        table = Listing(
            name=chosen,
            page={},
            columns=[Column(one, one) for one in heading],
            fetch=whole([[_kept(cell) for cell in row] for row in rows]),
            nothing={},
        )
        return _saved(table, wanted)
    taken = {name: exports(table=name) for name, (_heading, rows) in tables.items() if rows}
    return render_template(template, taken=taken, **context)


def _kept(cell: Any) -> Cell | str:
    """A cell as its page shows it, for the file."""
    if isinstance(cell, dict):
        return Cell(str(cell.get("text", "")), cell.get("value"))
    return cell if isinstance(cell, Cell) else str(cell)


def drawn(rows: Sequence[Row]) -> list[list[Any]]:
    return [[cell.shown() if isinstance(cell, Cell) else cell for cell in row] for row in rows]


def page_number() -> int:
    text = request.args.get("page", "1")
    return max(1, min(int(text), 1_000_000)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def here(**changes: Any) -> str:
    """The address of this page with other arguments; an empty one is left out."""
    arguments: dict[str, Any] = {**request.args.to_dict(), **(request.view_args or {}), **changes}
    return url_for(
        request.endpoint or "start", **{name: value for name, value in arguments.items() if value != ""}
    )


def link(endpoint: str, **values: Any) -> str:
    """`url_for` for arguments whose names are no words of Python (`from`, `as`)."""
    return url_for(endpoint, **values)


def may_save() -> bool:
    return places.can(g.actor, Permission.ESTATE_EXPORT.value)


def exports(*, table: str = "", own: bool = False) -> list[dict[str, str]]:
    """The addresses of this table as files, for those who may save tables."""
    if not own and not may_save():
        return []
    return [
        {"label": kind.upper(), "url": here(**{"as": kind, "page": "", "table": table})}
        for kind in saving.FORMATS
    ]


def _saved(listing: Listing, wanted: str) -> Response:
    services: Services = g.services
    place = places.of_request()
    if not listing.own:
        policy.require(g.actor, Permission.ESTATE_EXPORT, place.site_key)
    if wanted not in saving.FORMATS:
        raise InvalidInput("A table is saved as csv or as xlsx.", "as")
    with services.db.writing() as session:
        audit.record(
            session,
            services.clock,
            actor=g.actor,
            act="table saved",
            subject=f"site:{place.site_key}",
            detail={"table": listing.name, "as": wanted},
        )
    heading = [column.name for column in listing.columns]
    name = f"{listing.name}-{services.clock.now().astimezone(place.zone):%Y-%m-%d}.{wanted}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    if wanted == "csv":

        def lines() -> Iterator[str]:
            yield saving.MARK
            yield from saving.csv_lines(heading, _values(listing))

        return Response(stream_with_context(lines()), mimetype=saving.FORMATS["csv"], headers=disposition)
    file = io.BytesIO()
    saving.write_xlsx(file, heading, _values(listing))
    return Response(file.getvalue(), mimetype=saving.FORMATS["xlsx"], headers=disposition)


def _value(cell: Cell | str) -> Any:
    """What goes into a file: spaces that keep a number together on the page are plain ones there."""
    if isinstance(cell, Cell) and cell.value is not None:
        return cell.value
    return (cell.text if isinstance(cell, Cell) else cell).replace("\u00a0", " ")


def _values(listing: Listing) -> Iterator[list[Any]]:
    offset = 0
    while True:
        rows = listing.fetch(offset, CHUNK)
        for row in rows:
            yield [_value(cell) for cell in row]
        if len(rows) < CHUNK:
            return
        offset += CHUNK


def span(zone: ZoneInfo, today: date, *, days: int = 31) -> tuple[date, date, datetime, datetime]:
    """The days that the page's two date fields name, both included, and their half-open span of time."""
    first = day_of(request.args.get("from", "")) or today - timedelta(days=days - 1)
    last = day_of(request.args.get("to", "")) or today
    if last < first:
        first, last = last, first
    return (
        first,
        last,
        datetime.combine(first, time(), zone),
        datetime.combine(last + timedelta(days=1), time(), zone),
    )


def day_of(text: str) -> date | None:
    """A day as it was typed, within the years that have a day before and a day after on every clock."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def dates(first: date, last: date) -> list[dict[str, str]]:
    return [
        {"name": "from", "label": _("From"), "value": first.isoformat()},
        {"name": "to", "label": _("To and including"), "value": last.isoformat()},
    ]


def answer_table(table: str) -> Response:
    """A whole table of the estate as a file, by the name that `ampoule estate export` knows."""
    import tempfile
    from pathlib import Path

    from vending.estate import exporting

    services: Services = g.services
    place = places.of_request()
    kind = request.args.get("as", "csv")
    if kind not in saving.FORMATS:
        raise InvalidInput("A table is saved as csv or as xlsx.", "as")
    with tempfile.TemporaryDirectory(prefix="ampoule-table-") as folder:
        path = Path(folder) / f"table.{kind}"
        exporting.export(services.db, services.clock, g.actor, path, table=table, site=place.site_key)
        content = path.read_bytes()
    return Response(
        content,
        mimetype=saving.FORMATS[kind],
        headers={"Content-Disposition": f'attachment; filename="{table}.{kind}"'},
    )

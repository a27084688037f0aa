"""The log against the tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from vending.auditor.matching.found import DECIDED_WITHIN, DayOf, Found, Within
from vending.auditor.matching.streams import joined

_TOKENS_OF = {"key-change": 4}  # an entry of the log has one token, a key change up to four


class LogEntry(NamedTuple):
    """An entry that gave tokens, from its public half."""

    sequence: int
    at: datetime
    kind: str
    order: str
    sgc: str
    service: str
    units: int
    meter: str
    tokens: str
    content: str
    leaf: str


class TokenRow(NamedTuple):
    sequence: int
    part_id: str
    order_id: str
    units: int
    digits: str
    pan: str
    salt: str
    leaf: str
    at: datetime  # when it was logged
    first_at: datetime  # when the order's first token was
    service: str
    site: str
    content_hash: str
    adopted: bool


class Standing(NamedTuple):
    """Where the order of a request stands, looked up for entries that found no token."""

    order_id: str
    state: str
    paid_at: datetime
    sequences: tuple[int, ...]  # the entries behind the tokens that it has


_SERVICES = {0: "electricity", 1: "water", 2: "gas", 3: "time"}


def entry_of(data: bytes) -> LogEntry | None:
    """What a line of the log says when it gave tokens; None for acts, starts and tombstones."""
    told = orjson.loads(data)
    if "tokens" not in told:
        return None
    service = _SERVICES.get(told.get("sub"), "") if told["kind"] == "credit" else ""
    return LogEntry(
        told["n"],
        datetime.fromtimestamp(told["at"] / 1000, UTC),
        told["kind"],
        told["order"],
        told.get("sgc") or "",
        service,
        (told.get("units") or 0) if told["kind"] == "credit" else 0,
        told["meter"],
        told["tokens"],
        told["content"],
        hashlib.sha256(b"\0" + data).hexdigest(),
    )


def match_log(
    entries: Iterator[LogEntry],
    tokens: Iterator[TokenRow],
    standing: Callable[[Sequence[str]], dict[str, Standing]],
    found: Found,
    *,
    now: datetime,
    day_of: DayOf,
    within: Within,
    complete_to: datetime,
) -> None:
    """Both in the order of the log's numbers. The log that was read is complete to a moment: what was logged later may
    lie beyond its last entry."""
    lonely: list[LogEntry] = []

    def settle_lonely() -> None:
        known = standing([entry.order for entry in lonely])
        for entry in lonely:
            _without_token(entry, known.get(entry.order), found, now)
        lonely.clear()

    for number, (same, rows) in joined(entries, tokens):
        entry = same[0] if same else None
        found.rows += len(rows) + len(same)
        own = [row for row in rows if entry is not None and row.part_id == entry.order]
        if len(own) != len(rows):
            for row in rows:
                if row not in own and row.at <= complete_to:
                    found.add(
                        "entry-missing",
                        row.order_id,
                        f"A token of order {row.order_id} is said to be entry {number} of the log, and no such entry is there.",
                    )
        for place, entry in enumerate(same):
            given: Sequence[TokenRow] = own if place == 0 else ()
            if given:
                _compare(entry, given, found)
                first = given[0]
                sums = found.sums_of(day_of(first.first_at, first.site), entry.sgc, first.service)
            elif within(entry.at):
                lonely.append(entry)
                if len(lonely) == 500:
                    settle_lonely()
                sums = found.sums_of(day_of(entry.at, ""), entry.sgc, entry.service)
            else:
                continue
            if entry.kind == "credit":
                sums.log_entries += 1
                sums.log_units += entry.units
                for row in given:
                    sums.token_units += row.units
    settle_lonely()


def _compare(entry: LogEntry, rows: Sequence[TokenRow], found: Found) -> None:
    row = rows[0]

    def add(code: str, sentence: str) -> None:
        found.add(code, row.order_id, f"Entry {entry.sequence} of the log (order {row.order_id}) {sentence}")

    if row.adopted:
        found.adopted += 1
    if len(rows) > _TOKENS_OF.get(entry.kind, 1):
        add("token-twice", f"made one token, and {len(rows)} stand in the database.")
    elif not _opens(row.salt, "tokens", ",".join([one.digits for one in rows]), entry.tokens):
        add(
            "token-altered",
            "was made for other digits than those in the database. Trust the log: `keystore log export` shows them.",
        )
    if entry.kind == "credit" and len(rows) == 1 and row.units != entry.units:
        add("units-differ", f"gave {entry.units} units; the database says {row.units}.")
    if not _is_meter(row, entry):
        add("meter-differs", f"was made for another meter than {row.pan}.")
    if not row.adopted and not _opens(row.salt, "content", row.content_hash, entry.content):
        add("slip-differs", "was made for another receipt than the one that is stored.")
    for one in rows:
        if one.leaf != entry.leaf:
            add("slip-differs", "is not the entry that the receipt names: its hash differs.")
            break


def _is_meter(row: TokenRow, entry: LogEntry) -> bool:
    if row.adopted and row.pan.startswith("?"):  # a meter that is not known here is named by its commitment
        return entry.meter.startswith(row.pan[1:])
    return _opens(row.salt, "meter", row.pan, entry.meter)


def _opens(salt: str, what: str, value: str, committed: str) -> bool:
    try:
        key = bytes.fromhex(salt)
    except ValueError:
        return False
    return hmac.digest(key, f"{what}\n{value}".encode(), "sha256").hex() == committed


def _without_token(entry: LogEntry, order: Standing | None, found: Found, now: datetime) -> None:
    energy = f" of {entry.units} units" if entry.kind == "credit" else ""
    name = (
        f"Entry {entry.sequence} of the log, {entry.at:%Y-%m-%d %H:%M} UTC, gave a {entry.kind} token{energy}"
    )
    if order is None:
        found.add(
            "token-unknown",
            entry.order,
            f"{name} for order {entry.order}, which is not in the database. `ampoule reconcile --adopt` takes it in.",
        )
    elif order.sequences:
        others = ", ".join(str(number) for number in order.sequences)
        found.add(
            "token-twice",
            order.order_id,
            f"{name} for order {order.order_id}, which has its token from entry {others} already.",
        )
    elif order.state == "paid":
        # Undecided for too long is told with the orders; a moment ago is how a sale works.
        found.in_flight += now - order.paid_at <= DECIDED_WITHIN
    else:
        found.add(
            "token-missing",
            order.order_id,
            f"{name} for order {order.order_id}, which is {order.state} here and has no such token.",
        )

"""The papers that are no receipts, in the words of their reader: a shift's X and Z, the slip of a bag, an act without money.

Pure: contents come in frozen (`vending/shifts/slip.py`, `slip.py`), blocks go out (`writing.py` draws them). A slip of an act
carries tokens and no money, because nobody paid: an engineering token, a free issue, a key change with its order of entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from vending.languages import Tongue, clock_time, tongue, unit_of
from vending.money import currency
from vending.receipts.roll import RULE, Block, named, proof_blocks, token_blocks
from vending.receipts.slip import Slip
from vending.receipts.wording import Paper, worded
from vending.receipts.writing import Writing
from vending.shifts.count import Difference, pieces_of
from vending.shifts.slip import IN_BAG, DepositSlip, ShiftSlip


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a paper is written and for whom."""

    seller: str
    zone: ZoneInfo
    language: str
    test: bool


@dataclass(frozen=True, slots=True)
class Older:
    """A token that was given before a key change."""

    receipt: str
    day: str
    units: int
    service: str
    digits: str


@dataclass(frozen=True, slots=True)
class Act:
    """Why an act without money was done, as it was asked for."""

    kind: str
    number: str
    work_order: str
    reason: str
    asked_by: str = ""
    before: str = ""  # supply group and revision of the key that the meter leaves
    after: str = ""
    older: tuple[Older, ...] = ()  # of the key that it leaves: what may not be entered yet


def shift(content: ShiftSlip, ways: tuple[tuple[str, int], ...], desk: Desk) -> Writing:
    """X or Z. `ways`: how many payments each way of paying had, which a cashier may know before the count."""
    spoken = tongue(desk.language)
    title = spoken.speak("End of shift (Z)") if content.kind == "Z" else spoken.speak("Shift so far (X)")
    return Writing(
        spoken.direction == "rtl",
        title,
        content.number,
        desk.seller,
        tuple(_shift(spoken, content, ways, desk, title)),
    )


def _head(spoken: Tongue, desk: Desk, title: str, number: str) -> Iterator[Block]:
    yield named(desk.seller)
    if desk.test:
        yield Block("text", spoken.speak("TEST KEYS: OPENS NO REAL METER"), bold=True, center=True)
    yield RULE
    yield Block("text", title, size="large", bold=True)
    if number:
        yield Block("text", number, bold=True)


def _shift(
    spoken: Tongue, content: ShiftSlip, ways: tuple[tuple[str, int], ...], desk: Desk, title: str
) -> Iterator[Block]:
    code = content.currency
    yield from _head(spoken, desk, title, content.number)
    till = spoken.speak("Till %(till)s", till=content.till)
    yield Block("text", spoken.listed((till, content.cashier)))
    yield Block("pair", spoken.speak("Opened"), _moment(spoken, content.opened_at, desk.zone))
    if content.closed_at:
        yield Block("pair", spoken.speak("Closed"), _moment(spoken, content.closed_at, desk.zone))
    yield Block("pair", spoken.speak("Printed"), _moment(spoken, content.printed_at, desk.zone))
    yield RULE
    if content.ways:
        for one in content.ways:
            yield Block(
                "pair", f"{_way(spoken, one.way)} · {one.payments}", spoken.money(one.sold_minor, code)
            )
            for what, minor in (
                (spoken.speak("Given back"), -one.back_minor),
                (spoken.speak("Corrected"), one.corrected_minor),
                (spoken.speak("Other"), one.other_minor),
            ):
                if minor:
                    yield Block("pair", f"  {what}", spoken.money(minor, code), size="small")
    else:
        for way, number in ways:
            yield Block("pair", _way(spoken, way), str(number))
    yield Block("pair", spoken.speak("Float from the safe"), spoken.money(content.float_minor, code))
    for at, minor, seal, who in content.drops:
        safe = spoken.speak("To the safe")
        what = f"{clock_time(at, desk.zone)} {safe}"
        yield Block("pair", spoken.listed((what, seal, who)), spoken.money(minor, code))
    yield RULE
    if content.pieces:
        yield Block("text", spoken.speak("Counted"), bold=True)
        yield from _pieces(spoken, content.pieces, code)
        yield RULE
    if content.differences:
        yield Block("text", spoken.speak("Counted and expected"), bold=True)
        for difference in content.differences:
            yield from _difference(spoken, difference, code)
        yield RULE
    if content.kind == "Z":
        yield Block(
            "pair",
            spoken.speak("Cash takings"),
            spoken.total(content.takings_minor, code),
            size="large",
            bold=True,
        )
    yield from _remarks(spoken, content)
    yield from _log_head(spoken, content.log_head)
    yield Block("sign", spoken.speak("Cashier"))
    yield Block("sign", spoken.speak("Supervisor"))


def _difference(spoken: Tongue, one: Difference, code: str) -> Iterator[Block]:
    money = spoken.total(abs(one.minor), code)
    told = (
        spoken.speak("fits")
        if not one.minor
        else spoken.speak("%(money)s over", money=money)
        if one.minor > 0
        else spoken.speak("%(money)s short", money=money)
    )
    counted, expected = spoken.speak("Counted"), spoken.speak("Expected")
    yield Block("pair", _way(spoken, one.way), told, bold=bool(one.minor))
    yield Block(
        "pair",
        f"  {counted} {spoken.money(one.counted_minor, code)}",
        f"{expected} {spoken.money(one.expected_minor, code)}",
        size="small",
    )


def _remarks(spoken: Tongue, content: ShiftSlip) -> Iterator[Block]:
    outcomes = {
        "accept": spoken.speak("Booked as over or short"),
        "claim": spoken.speak("Kept for whoever claims it"),
        "charge": spoken.speak("Charged to the cashier"),
    }
    for told in (
        spoken.speak("Counted twice; the second count stands.") if content.recounted else "",
        spoken.speak("Reason: %(text)s", text=content.reason) if content.reason else "",
        spoken.speak("Closed by %(name)s for the cashier.", name=content.forgotten_closed_by)
        if content.forgotten_closed_by
        else "",
        outcomes.get(content.decision, ""),
        spoken.speak("In bag %(number)s for the bank", number=content.bag) if content.bag else "",
        spoken.speak("One person alone counts cash at this site.") if content.one_person else "",
    ):
        if told:
            yield Block("text", told)


def deposit(content: DepositSlip, desk: Desk) -> Writing:
    """The paper in the bag. The barcode is its number, for the bank's and the supervisor's readers."""
    spoken = tongue(desk.language)
    title = spoken.speak("Deposit slip")
    return Writing(
        spoken.direction == "rtl",
        title,
        content.number,
        desk.seller,
        tuple(_deposit(spoken, content, desk, title)),
    )


def _deposit(spoken: Tongue, content: DepositSlip, desk: Desk, title: str) -> Iterator[Block]:
    code = content.currency
    amounts = dict(content.amounts)
    yield from _head(spoken, desk, title, content.number)
    yield Block("barcode", content.number)
    yield Block("pair", spoken.speak("Seal of the bag"), content.bag, bold=True)
    yield Block("pair", spoken.speak("Packed"), _moment(spoken, content.packed_at, desk.zone))
    yield RULE
    if content.pieces:
        yield from _pieces(spoken, content.pieces, code)
    elif amounts.get("cash"):
        yield Block("pair", _way(spoken, "cash"), spoken.money(amounts["cash"], code))
    if amounts.get("cheque"):
        yield Block("pair", spoken.speak("Cheques"), spoken.money(amounts["cheque"], code))
    yield RULE
    yield Block(
        "pair", spoken.speak("In the bag"), spoken.total(content.in_bag_minor, code), size="large", bold=True
    )
    yield RULE
    for way, minor in content.amounts:
        if way not in IN_BAG:
            yield Block(
                "pair",
                spoken.speak("Settled elsewhere: %(way)s", way=spoken.way(way)),
                spoken.money(minor, code),
            )
    yield Block(
        "text", spoken.speak("Shifts in this bag: %(numbers)s", numbers=spoken.listed(content.shifts))
    )
    yield from _log_head(spoken, content.log_head)
    yield Block("sign", spoken.speak("Packed by %(name)s", name=content.packed_by))
    yield Block("sign", spoken.speak("Taken over by"))


def act(slip: Slip, why: Act) -> Writing:
    """Tokens that nobody paid for, on a paper without money. A key change says in which order its tokens go in."""
    paper = worded(slip)
    spoken = tongue(slip.around.language)
    title = _act_title(spoken, why.kind)
    return Writing(
        paper.rtl, title, slip.receipt, paper.seller.name, tuple(_act(spoken, slip, paper, why, title))
    )


def _act_title(spoken: Tongue, kind: str) -> str:
    if kind == "key-change":
        return spoken.speak("Key-change slip")
    if kind == "engineering":
        return spoken.speak("Engineering slip")
    return spoken.speak("Slip of a token without payment")


def _act(spoken: Tongue, slip: Slip, paper: Paper, why: Act, title: str) -> Iterator[Block]:
    yield named(paper.seller.name)
    yield RULE
    for mark in paper.marks:
        yield Block("text", mark, bold=True, center=True)
    yield Block("text", title, size="large", bold=True)
    yield Block("pair", paper.number, paper.at)
    if paper.buyer is not None:
        yield Block("text", paper.buyer.name, bold=True)
        for line in paper.buyer.lines:
            yield Block("text", line)
    if why.work_order:
        yield Block("pair", spoken.speak("Work order"), why.work_order, bold=True)
    if why.reason:
        yield Block("text", spoken.speak("Reason: %(text)s", text=why.reason))
    if why.before and why.after:
        # Both keys in reading order, with an arrow that Arabic turns by itself: the sentence says which is which.
        yield Block("pair", spoken.speak("Key until now"), why.before)
        yield Block("pair", spoken.speak("Key afterwards"), why.after)
    yield RULE
    changes = [token for token in slip.tokens if token.kind == "key-change"]
    enter = paper.enter
    if changes and all(token.kind == "key-change" for token in slip.tokens):
        enter = (
            *enter,
            spoken.speak(
                "Look at the key revision on the meter's display. It must be %(krn)s.",
                krn=why.after.rpartition(" ")[2],
            ),
        )
    if changes:
        # What must be known before the first digit is typed stands before it.
        yield from _steps(enter)
    if why.older:
        yield from _older(spoken, why.older)
    for token in paper.tokens:
        yield from token_blocks(paper, token)
    if not changes:
        yield from _steps(enter)
    yield from proof_blocks(paper)
    yield Block("text", spoken.speak("Nothing was paid for this paper, and it is no tax invoice."))
    if why.kind == "engineering":
        yield Block("sign", spoken.speak("Entered at the meter by"))


def _older(spoken: Tongue, older: tuple[Older, ...]) -> Iterator[Block]:
    yield Block(
        "text", spoken.speak("Bought before this key change: enter what is not in the meter yet."), bold=True
    )
    for token in older:
        amount = f"{spoken.units(token.units)} {unit_of(token.service)}"
        yield Block("pair", f"{token.receipt} · {token.day}", amount)
        yield Block("digits", token.digits)
    yield RULE


def _steps(enter: tuple[str, ...]) -> Iterator[Block]:
    for number, sentence in enumerate(enter, 1):
        yield Block("text", f"{number}. {sentence}" if len(enter) > 1 else sentence)
    if enter:
        yield RULE


def _pieces(spoken: Tongue, pieces: tuple[tuple[int, int], ...], code: str) -> Iterator[Block]:
    notes = {piece.minor for piece in pieces_of(code) if piece.is_note}
    for worth, number in pieces:
        if not number:
            continue
        whole, part = divmod(worth, 10 ** currency(code).decimals)
        told = spoken.total(worth, code) if part else f"{currency(code).symbol} {whole}"
        name = (
            spoken.speak("%(worth)s note", worth=told)
            if worth in notes
            else spoken.speak("%(worth)s coin", worth=told)
        )
        yield Block("pair", f"{number} × {name}", spoken.money(worth * number, code))


def _log_head(spoken: Tongue, head: str) -> Iterator[Block]:
    if head:
        yield Block("text", spoken.speak("Log head %(head)s", head=head))


def _way(spoken: Tongue, way: str) -> str:
    told = spoken.way(way)
    return told[:1].upper() + told[1:]


def _moment(spoken: Tongue, moment: datetime, zone: ZoneInfo) -> str:
    return f"{spoken.day(moment, zone)} {clock_time(moment, zone)}"

"""The ID record: what a meter's card or label says about the meter, as one line of digits.

The layout below is an assumption that has yet to be confirmed by an operator's cards, so it stands here
and nowhere else: PAN 18, date of expiry 4 (YYMM; 0000 = none), token carrier (TCT) 2, EA 2, SGC 6, TI 2,
KRN 1: 35 digits. On a magnetic card, a start mark ";", a separator "=" behind the PAN, and an end mark
"?" may stand around them. A record is not a key and not a proof: a till compares it with what it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from sts import keying, pan
from sts.errors import IdRecordWrong, WrongType

LAYOUT = (("pan", 18), ("expires", 4), ("tct", 2), ("ea", 2), ("sgc", 6), ("ti", 2), ("krn", 1))
LENGTH = sum(width for _, width in LAYOUT)
NO_EXPIRY = "0000"

_MARKS = str.maketrans("", "", " -\t\r\n")


@dataclass(frozen=True, slots=True)
class IdRecord:
    """The identity and keying of a meter. `expires` is year and month of the card, in two digits each."""

    pan: str
    tct: str
    ea: str
    sgc: str
    ti: str
    krn: int
    expires: str = NO_EXPIRY

    def __post_init__(self) -> None:
        object.__setattr__(self, "pan", pan.validate(self.pan))
        keying.algorithm(self.ea)
        keying.supply_group(self.sgc)
        keying.tariff_index(self.ti)
        keying.revision(self.krn)
        if not _digits(self.tct, 2) or self.tct == "00":
            raise IdRecordWrong(reason="the token carrier (TCT) is two digits, and 00 is reserved")
        if not _digits(self.expires, 4) or not (
            self.expires == NO_EXPIRY or 1 <= int(self.expires[2:]) <= 12
        ):
            raise IdRecordWrong(reason="the date of expiry is two digits of the year and two of the month")


def parse(text: str) -> IdRecord:
    """The record in a scanned or typed line."""
    if not isinstance(text, str):
        raise WrongType(what="An ID record", expected="text", found=type(text).__name__)
    line = text.translate(_MARKS).removeprefix(";").removesuffix("?")
    if line[18:19] == "=":
        line = line[:18] + line[19:]
    if not _digits(line, LENGTH):
        raise IdRecordWrong(reason=f"it must be {LENGTH} digits; {len(line)} characters were read")
    values, at = {}, 0
    for name, width in LAYOUT:
        values[name] = line[at : at + width]
        at += width
    krn = int(values.pop("krn"))
    return IdRecord(**values, krn=krn)


def format(record: IdRecord) -> str:
    """The 35 digits: the mirror of `parse`."""
    return "".join(str(getattr(record, name)) for name, _ in LAYOUT)


def format_card(record: IdRecord) -> str:
    """The line as a magnetic card carries it."""
    line = format(record)
    return f";{line[:18]}={line[18:]}?"


def differences(record: IdRecord, known: IdRecord) -> tuple[str, ...]:
    """The names of what a card says otherwise than what is known of the meter."""
    return tuple(name for name, _ in LAYOUT if getattr(record, name) != getattr(known, name))


def _digits(text: object, length: int) -> bool:
    return isinstance(text, str) and len(text) == length and text.isascii() and text.isdigit()

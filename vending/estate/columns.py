"""The columns of each list that can be imported and exported, and how a cell becomes a value. Pure.

A cell that does not fit raises the same refusal as the page for one entry would. Cells repeat from row to row (a service, a
supply group), so their values are remembered.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from vending.errors import InvalidInput, said
from vending.estate import checks, numbers
from vending.estate.errors import KeyDataUnfit


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    says: str
    read: Callable[[str], Any]
    needed: bool = False
    otherwise: Any = None  # the value of an empty cell


def _whole(what: str, low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        typed = text.strip()
        if not (typed.isascii() and typed.isdigit()) or not low <= int(typed) <= high:
            raise InvalidInput(f"{what} is a whole number from {low} to {high:,}; {typed[:20]!r} is not.")
        return int(typed)

    return read


def _line(what: str, most: int = 120) -> Callable[[str], str]:
    return lambda text: checks.line(text, what, "", most=most)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise InvalidInput(
            f"{text.strip()[:20]!r} is not a date. Write year, month, day: 2026-11-21."
        ) from None


def _moment(text: str) -> datetime:
    """Wall-clock time of the site, without a zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{text.strip()[:25]!r} is not a time. Write it like 2026-11-21 14:05.") from None
    if moment.tzinfo is not None:
        raise InvalidInput("Write the time as the clock on the wall shows it, without a zone.")
    return moment


def _service(text: str) -> str:
    return checks.service(text)


def _one_of(what: str, *words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        value = " ".join(text.strip().lower().split())
        if value not in words:
            raise InvalidInput(f"{what} is one of: {', '.join(words)}; {text.strip()[:20]!r} is not.")
        return value

    return read


def _two_digits(what: str) -> Callable[[str], str]:
    return lambda text: checks.two_digits(text, what, "")


def _group(text: str) -> str:
    value = text.strip().zfill(6)
    if not (value.isascii() and value.isdigit() and len(value) == 6):
        raise KeyDataUnfit(f"A supply group code has six digits; {text.strip()[:20]!r} has not.", "sgc")
    return value


def _base_date(text: str) -> int:
    value = text.strip()[:4]
    if value not in ("1993", "2014", "2035"):
        raise KeyDataUnfit(f"The base date is 1993, 2014 or 2035; {text.strip()[:20]!r} is not.", "base_date")
    return int(value)


def _key_type(text: str) -> int:
    names = {name: number for number, name in checks.KEY_TYPES.items()} | {
        str(number): number for number in checks.KEY_TYPES
    }
    value = names.get(text.strip().upper())
    if value is None:
        raise KeyDataUnfit(
            f"The key type is DITK, DDTK, DUTK, DCTK or 0 to 3; {text.strip()[:20]!r} is not.", "key_type"
        )
    return value


def _money(text: str) -> int:
    """Minor units of two decimals; the site's currency is checked by the import."""
    found = re.fullmatch(r"(\d{1,13})(?:\.(\d{0,2}))?", text.strip().replace(" ", ""), re.ASCII)
    if found is None:
        raise InvalidInput(f"{text.strip()[:20]!r} is not an amount. Write it like 1500 or 1500.00.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


UNITS = (
    Column("unit", said("What people call the unit."), _line("The unit", 40), needed=True),
    Column("area_m2", said("Leased area in square metres."), checks.area_cm2, needed=True),
    Column("format", said(f"One of: {', '.join(checks.FORMATS)}."), checks.format_of_space, otherwise="shop"),
    Column(
        "building", said("The building's name; made when it is new."), _line("The building", 60), otherwise=""
    ),
    Column("floor", said("The floor's name; made when it is new."), _line("The floor", 60), otherwise=""),
)

TENANTS = (
    Column(
        "number", said("Customer number; given when empty."), _line("The customer number", 20), otherwise=""
    ),
    Column("name", said("Company or person."), _line("The tenant's name"), needed=True),
    Column("kind", said("company or person."), _one_of("The kind", "company", "person"), otherwise="company"),
    Column("phone", said("Telephone."), checks.phone, otherwise=""),
    Column("email", said("E-mail."), checks.email, otherwise=""),
    Column(
        "tax_number", said("The buyer's tax number, for receipts."), _line("The tax number", 40), otherwise=""
    ),
    Column("unit", said("The unit that the tenant has; it must exist."), _line("The unit", 40), otherwise=""),
    Column("lease_start", said("First day of the lease."), _day),
    Column("lease_end", said("The day after the last day of the lease; empty when open."), _day),
    Column("deposit", said("Deposit, in the site's currency."), _money, otherwise=0),
)

METERS = (
    Column(
        "number",
        said("Meter number (DRN) or the long number of the barcode (PAN)."),
        numbers.pan_of,
        needed=True,
    ),
    Column("service", said(f"One of: {', '.join(checks.SERVICES)}."), _service, needed=True),
    Column("unit", said("The unit it hangs in; it must exist."), _line("The unit", 40), otherwise=""),
    Column("label", said("What stands on the meter's cupboard."), _line("The label", 60), otherwise=""),
    Column(
        "model", said("The profile of the meter model."), _line("The model", 60), otherwise="single-phase"
    ),
    Column(
        "class",
        said("small, medium or large: the daily limits go by it."),
        checks.meter_class,
        otherwise="small",
    ),
    Column(
        "credit_in",
        said("meter (sold by token) or account."),
        _one_of("The place of credit", "meter", "account"),
        otherwise="meter",
    ),
    Column("tariff", said("Code of the meter's own tariff."), _line("The tariff", 60), otherwise=""),
    Column("sgc", said("Supply group code, six digits."), _group, needed=True),
    Column("krn", said("Key revision, 1 to 9."), _whole("The key revision", 1, 9), needed=True),
    Column("ti", said("Tariff index in the key, two digits."), _two_digits("The tariff index"), needed=True),
    Column(
        "ea", said("Encryption algorithm: 07 or 11."), _two_digits("The encryption algorithm"), needed=True
    ),
    Column("dkga", said("Key derivation: 02 or 04."), _two_digits("The key derivation"), needed=True),
    Column("tct", said("Token carrier: 02 is a keypad."), _two_digits("The token carrier"), otherwise="02"),
    Column("key_type", said("DUTK unless the meter is new."), _key_type, otherwise=2),
    Column(
        "ken", said("Key expiry number, 0 to 255."), _whole("The key expiry number", 0, 255), otherwise=255
    ),
    Column("base_date", said("1993, 2014 or 2035."), _base_date, needed=True),
    Column(
        "ct_primary",
        said("Current transformer, first figure."),
        _whole("The first figure of the ratio", 1, 100_000),
        otherwise=1,
    ),
    Column(
        "ct_secondary",
        said("Current transformer, second figure."),
        _whole("The second figure of the ratio", 1, 100_000),
        otherwise=1,
    ),
    Column(
        "ratio_applied_by",
        said("meter or vendor."),
        _one_of("Who applies the ratio", "meter", "vendor"),
        otherwise="meter",
    ),
    Column("power_limit_w", said("Power limit in watts."), _whole("The power limit", 1, 10_000_000)),
    Column(
        "state",
        said("in service, or registered until it is commissioned."),
        _one_of("The state", "in service", "registered"),
        otherwise="registered",
    ),
    Column(
        "last_token_at",
        said("Take-over: when the former vendor sold last, by the clock on the wall."),
        _moment,
    ),
    Column(
        "last_tid",
        said("Take-over: the identifier of the last token, when the former vendor tells it."),
        _whole("The token identifier", 0, 2**24 - 1),
    ),
)

LISTS: dict[str, tuple[Column, ...]] = {"units": UNITS, "tenants": TENANTS, "meters": METERS}
_BY_NAME = {kind: {column.name: column for column in columns} for kind, columns in LISTS.items()}


@lru_cache(maxsize=65_536)
def value_of(kind: str, name: str, cell: str) -> Any:
    """What the cell says, or the refusal. An apostrophe that guards against formulas is not part of the text."""
    column = _BY_NAME[kind][name]
    text = unguarded(cell)
    if not text.strip():
        if column.needed:
            raise InvalidInput(f"{name} is missing. {column.says}")
        return column.otherwise
    return column.read(text)


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r\n" and text else text


def unguarded(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def looks_like_formula(text: str) -> bool:
    """What would be computed when the file is opened elsewhere. A telephone number with its plus is no formula."""
    head = text.lstrip()[:1]
    if head in ("=", "@"):
        return True
    return (
        head in ("+", "-")
        and not text.strip()
        .replace(" ", "")[1:]
        .replace("-", "")
        .replace("(", "")
        .replace(")", "")
        .replace(".", "")
        .isdigit()
    )


@lru_cache(maxsize=4096)
def check_ratio(primary: int, secondary: int) -> None:
    checks.ratio((primary, secondary))


@lru_cache(maxsize=4096)
def check_keying(
    ea: str, tct: str, dkga: str, sgc: str, krn: int, ti: str, key_type: int, ken: int, base_date: int
) -> None:
    checks.keying(
        pan="",
        ea=ea,
        tct=tct,
        dkga=dkga,
        sgc=sgc,
        krn=krn,
        ti=ti,
        key_type=key_type,
        ken=ken,
        base_date=base_date,
    )

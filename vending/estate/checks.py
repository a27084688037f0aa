"""What a value of the estate must be before it is stored. Pure; each rule is one function with one sentence."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from vending.errors import InvalidInput
from vending.estate.errors import (
    AreaUnfit,
    CreditPlaceUnfit,
    EmailUnfit,
    FormatUnknown,
    KeyDataUnfit,
    LanguageUnknown,
    NameUnfit,
    PhoneUnfit,
    RatioUnfit,
    ServiceUnknown,
    ShareUnfit,
    TaxUnfit,
    TimeZoneUnknown,
)

SERVICES = ("electricity", "water", "gas", "cooling")
CREDIT_PLACES = ("meter", "account")
# The standard's token carries these; cooling has no token and lives in the account.
TOKEN_SUBCLASS = {"electricity": 0, "water": 1, "gas": 2}
METER_CLASSES = ("small", "medium", "large")
FORMATS = (
    "shop",
    "anchor",
    "restaurant",
    "fast food",
    "supermarket",
    "cinema",
    "office",
    "kiosk",
    "bank",
    "clinic",
    "gym",
    "salon",
    "storage",
    "flat",
    "parking",
    "common area",
    "plant room",
)
LANGUAGES = ("en", "zh", "fr", "ar")
COST_SHARE_WHOLE = 1_000_000  # shares are stored in millionths

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")


def line(text: str, what: str, field: str, *, most: int = 120, empty: bool = False) -> str:
    """One line of text: inner spaces single, no control characters."""
    if _CONTROL.search(text.strip()):
        raise NameUnfit(f"{what} must be on one line, without control characters. Type it again.", field)
    value = " ".join(text.split())
    if not value and not empty:
        raise NameUnfit(f"{what} is missing. Type it.", field)
    if len(value) > most:
        raise NameUnfit(f"{what} is longer than {most} characters. Shorten it.", field)
    return value


def time_zone(name: str) -> str:
    if name not in available_timezones():
        close = _nearest(name, available_timezones())
        raise TimeZoneUnknown(
            f"The time zone {name!r} is not known.{f' Is {close} meant?' if close else ''} Use a name such as Africa/Johannesburg.",
            "time_zone",
        )
    return ZoneInfo(name).key


def languages(codes: Iterable[str]) -> str:
    chosen = list(dict.fromkeys(codes))
    for code in chosen:
        if code not in LANGUAGES:
            raise LanguageUnknown(
                f"The language {code!r} is not complete in Ampoule. Use: {', '.join(LANGUAGES)}.", "languages"
            )
    if not chosen:
        raise LanguageUnknown("A site needs at least one language.", "languages")
    return " ".join(chosen)


def percent(text: str, field: str) -> str:
    """A percentage as people write it: 15 is fifteen percent. 0.15 is refused, because it is nearly always 15 meant."""
    typed = text.strip().removesuffix("%").strip().replace(",", ".")
    try:
        value = Decimal(typed)
    except InvalidOperation:
        raise TaxUnfit(f"{text!r} is not a percentage. Type it like 15 or 15.5.", field) from None
    if not value.is_finite() or value < 0 or value > 100:
        raise TaxUnfit(f"A percentage lies between 0 and 100; {text.strip()} does not.", field)
    if 0 < value < 1 and "%" not in text:
        raise TaxUnfit(
            f"{text.strip()} looks like a fraction. Type {(value * 100).normalize():f} for {(value * 100).normalize():f} percent, "
            f"or {value.normalize():f}% if less than one percent is meant.",
            field,
        )
    return f"{value.normalize():f}"


def taxes(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    checked = []
    for rule in rules:
        checked.append(
            {
                "name": line(str(rule.get("name", "")), "The name of a tax", "taxes", most=40),
                "rate": percent(str(rule.get("rate", "")), "taxes"),
                "included": bool(rule.get("included", True)),
            }
        )
    if len({rule["name"] for rule in checked}) != len(checked):
        raise TaxUnfit("Two taxes have the same name. Give each its own.", "taxes")
    return checked


def area_cm2(square_metres: str) -> int:
    """Square metres with up to four decimals, as whole square centimetres."""
    try:
        value = Decimal(square_metres.strip().removesuffix("m²").strip().replace(",", "."))
    except InvalidOperation:
        raise AreaUnfit(
            f"{square_metres!r} is not an area. Type square metres, for example 86.5.", "area"
        ) from None
    if not value.is_finite() or value <= 0:
        raise AreaUnfit(
            "The area must be above zero: costs are shared by it. Type the leased square metres.", "area"
        )
    if value > 1_000_000:
        raise AreaUnfit(
            f"{square_metres.strip()} m² is more than a square kilometre. Check the decimal sign.", "area"
        )
    scaled = value * 10_000
    if scaled != scaled.to_integral_value():
        raise AreaUnfit("The area has more than four decimals. Round it.", "area")
    return int(scaled)


def format_of_space(text: str) -> str:
    value = " ".join(text.lower().split())
    if value not in FORMATS:
        close = _nearest(value, FORMATS)
        raise FormatUnknown(
            f"{text!r} is not a kind of unit.{f' Is {close} meant?' if close else ''} Use: {', '.join(FORMATS)}.",
            "format",
        )
    return value


def phone(text: str) -> str:
    typed = text.strip()
    if not typed:
        return ""
    bare = re.sub(r"[\s().\-/]", "", typed)
    if not re.fullmatch(r"\+?[0-9]{5,15}", bare):
        raise PhoneUnfit(f"{typed[:30]!r} is not a telephone number. Type it like +27 82 555 0123.", "phone")
    return bare


def email(text: str) -> str:
    typed = text.strip()
    if typed and (len(typed) > 254 or not _EMAIL.fullmatch(typed)):
        raise EmailUnfit(f"{typed[:60]!r} is not an e-mail address. Check the part round the @.", "email")
    return typed


def service(text: str) -> str:
    value = text.strip().lower()
    if value not in SERVICES:
        raise ServiceUnknown(f"{text!r} is not a service. Use: {', '.join(SERVICES)}.", "service")
    return value


def credit_place(text: str, of_service: str) -> str:
    value = text.strip().lower()
    if value not in CREDIT_PLACES:
        raise CreditPlaceUnfit(
            f"Credit is kept in the meter or in the account, not in {text!r}.", "credit_in"
        )
    if value == "meter" and of_service not in TOKEN_SUBCLASS:
        raise CreditPlaceUnfit(
            f"There are no tokens for {of_service}; its credit is kept in the account.", "credit_in"
        )
    return value


def meter_class(text: str) -> str:
    value = text.strip().lower()
    if value not in METER_CLASSES:
        raise InvalidInput(
            f"{text!r} is not a class of meters. Use small, medium or large: the daily limits go by it.",
            "meter_class",
        )
    return value


def ratio(figures: tuple[int, int], what: str = "current transformer") -> tuple[int, int]:
    primary, secondary = figures
    if primary < 1 or secondary < 1:
        raise RatioUnfit(f"Both figures of a {what} ratio are at least 1, for example 400/5.", "ratio")
    if primary < secondary:
        raise RatioUnfit(
            f"A {what} ratio of {primary}/{secondary} would make the reading smaller. The primary figure goes first: is {secondary}/{primary} meant?",
            "ratio",
        )
    if primary > 100_000 * secondary:
        raise RatioUnfit(
            f"A {what} ratio of {primary}/{secondary} is larger than any in use. Check the figures.", "ratio"
        )
    return primary, secondary


def shares(wanted: dict[str, int]) -> dict[str, int]:
    for cost, share in wanted.items():
        if not 0 < share <= COST_SHARE_WHOLE:
            raise ShareUnfit(f"The share of {cost} must be above 0 and at most 100 percent.", "shares")
    return {
        line(cost, "The name of a shared cost", "shares", most=60): share for cost, share in wanted.items()
    }


# Which derivation algorithms and which encryption algorithm fit together (docs/reference/conformance.md, section 1).
_PAIRS = {("07", "02"), ("07", "04"), ("11", "04")}
BASE_DATES = (1993, 2014, 2035)
KEY_TYPES = {0: "DITK", 1: "DDTK", 2: "DUTK", 3: "DCTK"}


def two_digits(value: Any, what: str, field: str) -> str:
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,2}", text, re.ASCII):
        raise KeyDataUnfit(f"{what} is a number of one or two digits; {text[:20]!r} is not.", field)
    return text.zfill(2)


def keying(
    *,
    pan: str,
    ea: Any,
    tct: Any,
    dkga: Any,
    sgc: Any,
    krn: int,
    ti: Any,
    key_type: int,
    ken: int,
    base_date: int,
) -> dict[str, Any]:
    """The key data of a meter, each figure in its range and all of them fitting together."""
    ea, tct = (
        two_digits(ea, "The encryption algorithm (EA)", "ea"),
        two_digits(tct, "The token carrier (TCT)", "tct"),
    )
    dkga, ti = (
        two_digits(dkga, "The key derivation algorithm (DKGA)", "dkga"),
        two_digits(ti, "The tariff index (TI)", "ti"),
    )
    if ea not in ("07", "11"):
        raise KeyDataUnfit(
            f"Encryption algorithm {ea} is not in use. It is 07 (STA) or 11 (MISTY1); read it on the meter's label.",
            "ea",
        )
    if (ea, dkga) not in _PAIRS:
        raise KeyDataUnfit(
            f"Encryption algorithm {ea} does not go with key derivation {dkga}. 07 goes with 02 or 04, 11 with 04.",
            "ea",
        )
    if tct not in ("01", "02", "07"):
        raise KeyDataUnfit(
            f"Token carrier {tct} is not in use. 02 is a keypad, 01 a card, 07 a virtual carrier.", "tct"
        )
    group = str(sgc).strip()
    if not re.fullmatch(r"[0-9]{6}", group, re.ASCII):
        raise KeyDataUnfit(f"A supply group code has six digits; {group[:20]!r} has not.", "sgc")
    if not 1 <= krn <= 9:
        raise KeyDataUnfit(f"The key revision (KRN) is 1 to 9, not {krn}.", "krn")
    if key_type not in KEY_TYPES:
        raise KeyDataUnfit(
            f"The key type is 0 (DITK), 1 (DDTK), 2 (DUTK) or 3 (DCTK), not {key_type}.", "key_type"
        )
    if not 0 <= ken <= 255:
        raise KeyDataUnfit(f"The key expiry number (KEN) is 0 to 255, not {ken}.", "ken")
    if base_date not in BASE_DATES:
        raise KeyDataUnfit(f"The base date is 1993, 2014 or 2035, not {base_date}.", "base_date")
    return {
        "ea": ea,
        "tct": tct,
        "dkga": dkga,
        "sgc": group,
        "krn": krn,
        "ti": ti,
        "key_type": key_type,
        "ken": ken,
        "base_date": base_date,
    }


def _nearest(value: str, known: Iterable[str]) -> str | None:
    import difflib

    close = difflib.get_close_matches(value, list(known), n=1)
    return close[0] if close else None

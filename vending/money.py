"""Money as integers of minor units, and what people type for it.

A currency is a code, the number of decimals of its minor unit, and the smallest coin in use (for cash rounding).
Formatting for a person's language is the web's and the paper's work; `plain` is for logs, commands and tests.
"""

import re
from dataclasses import dataclass

from vending.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Currency:
    code: str
    decimals: int
    symbol: str
    cash_step_minor: int = 1


# ISO 4217 facts for the currencies the product has been set up with; a site may use any of them.
CURRENCIES = {
    currency.code: currency
    for currency in (
        Currency("AED", 2, "AED", 25),
        Currency("AUD", 2, "A$", 5),
        Currency("BWP", 2, "P", 5),
        Currency("CHF", 2, "CHF", 5),
        Currency("CNY", 2, "¥", 10),
        Currency("EGP", 2, "E£", 25),
        Currency("EUR", 2, "€", 1),
        Currency("GBP", 2, "£", 1),
        Currency("GHS", 2, "GH₵", 1),
        Currency("INR", 2, "₹", 100),
        Currency("JPY", 0, "¥", 1),
        Currency("KES", 2, "KSh", 100),
        Currency("KWD", 3, "KD", 5),
        Currency("MAD", 2, "DH", 10),
        Currency("MYR", 2, "RM", 5),
        Currency("MZN", 2, "MT", 50),
        Currency("NAD", 2, "N$", 5),
        Currency("NGN", 2, "₦", 100),
        Currency("PHP", 2, "₱", 25),
        Currency("SAR", 2, "SAR", 5),
        Currency("TND", 3, "DT", 10),
        Currency("TZS", 2, "TSh", 5000),
        Currency("UGX", 0, "USh", 50),
        Currency("USD", 2, "$", 1),
        Currency("XAF", 0, "FCFA", 25),
        Currency("XOF", 0, "CFA", 5),
        Currency("ZAR", 2, "R", 10),
        Currency("ZMW", 2, "K", 5),
    )
}


class AmountNotUnderstood(InvalidInput):
    code = "amount_not_understood"


class AmountNotPositive(InvalidInput):
    code = "amount_not_positive"


class AmountTooLarge(InvalidInput):
    code = "amount_too_large"


class CurrencyUnknown(InvalidInput):
    code = "currency_unknown"


LARGEST_MINOR = (
    10**15
)  # fifteen digits: more is a slip of the finger, and it still fits 64 bits a thousand times over

_GROUPED = re.compile(r"^\d{1,3}(?P<group>[ ,.'\u00a0\u2009\u202f])\d{3}((?P=group)\d{3})*$")


def currency(code: str) -> Currency:
    try:
        return CURRENCIES[code]
    except KeyError:
        raise CurrencyUnknown(
            f"The currency {code!r} is not in the list. Use an ISO code such as ZAR, KES or EUR."
        ) from None


def plain(minor: int, code: str) -> str:
    """`R 1,500.00`: sign, symbol, grouped digits; the same on every machine."""
    unit = currency(code)
    whole, part = divmod(abs(minor), 10**unit.decimals)
    digits = f"{whole:,}" + (f".{part:0{unit.decimals}d}" if unit.decimals else "")
    return f"{'−' if minor < 0 else ''}{unit.symbol} {digits}"


def parse_amount(text: str, code: str, *, field: str = "amount") -> int:
    """Minor units from what a person typed. Accepts groups and either decimal sign; refuses what reads two ways."""
    unit = currency(code)
    typed = text.strip()
    for sign in (unit.code, unit.symbol):
        if typed.upper().startswith(sign.upper()):
            typed = typed[len(sign) :].strip()
            break
    if typed.startswith(("-", "−")):
        raise AmountNotPositive("An amount must be above zero. To give money back, use a refund.", field)
    if not typed:
        raise AmountNotUnderstood("Type an amount, for example 150 or 150.00.", field)
    if not typed.isascii():
        typed = typed.translate({0xA0: " ", 0x2009: " ", 0x202F: " "})
    whole, part = _split(typed, text.strip(), unit, field)
    minor = int(whole) * 10**unit.decimals + int((part or "0").ljust(unit.decimals, "0") or "0")
    if minor == 0:
        raise AmountNotPositive("An amount of zero sells nothing. Type what the customer pays.", field)
    if minor > LARGEST_MINOR:
        raise AmountTooLarge(f"{text.strip()} is larger than any sale. Check the number of digits.", field)
    return int(minor)


def _split(typed: str, shown: str, unit: Currency, field: str) -> tuple[str, str]:
    """The digits before and after the decimal sign."""
    if re.fullmatch(r"\d{1,20}", typed, re.ASCII):
        return typed, ""
    marks = [mark for mark in typed if not mark.isdigit()]
    last = max(typed.rfind("."), typed.rfind(","))
    if _GROUPED.match(typed) and (len(marks) > 1 or marks[0] not in ".," or unit.decimals == 0):
        return re.sub(r"\D", "", typed), ""
    if last > 0:
        whole, mark, part = typed[:last], typed[last], typed[last + 1 :]
        grouped = _GROUPED.match(whole)
        whole_is_number = re.fullmatch(r"\d{1,20}", whole, re.ASCII) is not None
        if part.isascii() and part.isdigit() and (whole_is_number or (grouped and grouped["group"] != mark)):
            if whole_is_number and len(part) == 3 and unit.decimals != 3 and len(whole) <= 3:
                raise AmountNotUnderstood(
                    f"{shown} can be read in two ways. Type {whole}{part} or {whole}{'.' + part[:2] if unit.decimals else ''}.",
                    field,
                )
            if len(part) > unit.decimals:
                raise AmountNotUnderstood(
                    f"{shown} has more decimals than {unit.code} has. Use at most {unit.decimals}.", field
                )
            return re.sub(r"\D", "", whole), part
    raise AmountNotUnderstood(f"{shown} is not an amount. Type it like 1500 or 1500.00.", field)


def round_cash(minor: int, code: str) -> int:
    """The nearest amount that coins can pay; halves go down, in the customer's favour. The difference is its own line."""
    step = currency(code).cash_step_minor
    below, over = divmod(minor, step)
    return int((below + (1 if over * 2 > step else 0)) * step)

"""One line of a slip in the words of a language: what it is, why it is so much, and its derivation step by step. Pure.

The till's quote, the papers and `ampoule receipt explain` say it in the same words.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from vending.languages import Tongue
from vending.money import currency


def label(tongue: Tongue, line: dict[str, Any]) -> str:
    """The line's own name. A tariff's names are the operator's words; the usual ones are translated."""
    name = str(line["label"])
    usual = {
        "Electricity": tongue.speak("Electricity"),
        "Water": tongue.speak("Water"),
        "Gas": tongue.speak("Gas"),
        "VAT": tongue.speak("VAT"),
        "Service charge": tongue.speak("Service charge"),
        "Kept for next time": tongue.speak("Kept for next time"),
        "Kept from last time": tongue.speak("Kept from last time"),
        "To the account": tongue.speak("To the account"),
        "Deposit": tongue.speak("Deposit"),
        # Why a sale was taken back (vends/reversing.py), as credit notes name it.
        "wrong-meter": tongue.speak("Sold to the wrong meter"),
        "wrong-amount": tongue.speak("Sold for the wrong amount"),
        "not-accepted": tongue.speak("The meter does not accept the token"),
        "meter-replaced": tongue.speak("The meter was replaced"),
        "other": tongue.speak("Another reason"),
    }
    if name.startswith("Arrears, "):
        return tongue.speak("Arrears, %(which)s", which=name.removeprefix("Arrears, "))
    return usual.get(name, name)


def why(tongue: Tongue, line: dict[str, Any], code: str) -> str:
    """The derivation of a line on one line, in words and numbers."""
    if line["kind"] == "kept":
        return (
            tongue.speak("less than the meter can count")
            if line["amount_minor"] > 0
            else tongue.speak("spent first")
        )
    left = tongue.money(line["left_minor"], code) if "left_minor" in line else ""
    if "parts" in line:
        told = " + ".join(f"{quantity(tongue, part)} × {rate(tongue, part)}" for part in line["parts"])
        return f"{told}; {tongue.speak('%(left)s left after', left=left)}" if left else told
    if "percent" in line:
        percent = percent_of(tongue, line)
        if left:
            return tongue.speak(
                "%(percent)s %% of the payment; %(left)s left after", percent=percent, left=left
            )
        return tongue.speak(
            "%(percent)s %% of %(base)s", percent=percent, base=tongue.money(line["base_minor"], code)
        )
    if left:
        return tongue.speak("%(left)s left after", left=left)
    return str(line.get("why", ""))


def steps(tongue: Tongue, line: dict[str, Any], code: str) -> tuple[str, ...]:
    """The same, one product a line, with the exact sum and what rounding made of it."""
    amount = tongue.money(line["amount_minor"], code)
    told: list[str] = []
    exact: Decimal | None = None
    if line.get("parts"):
        exact = Decimal(0)
        for part in line["parts"]:
            product = Decimal(part[0]) * Decimal(part[2])
            exact += product
            what = _what(tongue, part[3])
            told.append(
                f"{quantity(tongue, part)} × {rate(tongue, part)} = {_plain(tongue, product)}"
                + (f" ({what})" if what else "")
            )
    elif "percent" in line and line.get("base_minor") is not None:
        base = Decimal(line["base_minor"]).scaleb(-currency(code).decimals)
        exact = base * Decimal(line["percent"]) / 100
        told.append(
            f"{percent_of(tongue, line)} % × {tongue.money(line['base_minor'], code)} = {_plain(tongue, exact)}"
        )
    elif line.get("why") or line["kind"] == "kept":
        told.append(why(tongue, line, code))
    if exact is not None and _minor(exact, code) == line["amount_minor"]:
        if _plain(tongue, exact) != amount:
            told.append(
                tongue.speak("%(exact)s, rounded to %(amount)s", exact=_plain(tongue, exact), amount=amount)
            )
    elif exact is not None:
        told.append(tongue.speak("by this tariff %(amount)s", amount=amount))
    if "left_minor" in line:
        told.append(tongue.speak("%(left)s left after", left=tongue.money(line["left_minor"], code)))
    return tuple(told)


def quantity(tongue: Tongue, part: list[str]) -> str:
    amount, unit, _each, _what = part
    return f"{tongue.number(Decimal(amount), _decimals(amount))} {_unit(tongue, unit)}"


def rate(tongue: Tongue, part: list[str]) -> str:
    each = part[2]
    return tongue.number(Decimal(each), max(_decimals(each), 2))


def percent_of(tongue: Tongue, line: dict[str, Any]) -> str:
    return tongue.number(Decimal(line["percent"]).normalize(), _decimals(line["percent"]))


def _unit(tongue: Tongue, unit: str) -> str:
    named = {
        "day": tongue.speak("day"),
        "month": tongue.speak("month"),
        "purchase": tongue.speak("purchase"),
    }
    return named.get(unit, unit)


def _what(tongue: Tongue, what: str) -> str:
    if what.startswith("block "):
        return tongue.speak("block %(number)s", number=what.removeprefix("block "))
    named = {
        "waived": tongue.speak("waived"),
        "one rate for all of the month": tongue.speak("one rate for all of the month"),
    }
    return named.get(what, what)


def _minor(exact: Decimal, code: str) -> int:
    return int(exact.scaleb(currency(code).decimals).quantize(Decimal(1), ROUND_HALF_UP))


def _plain(tongue: Tongue, exact: Decimal) -> str:
    return tongue.number(exact, max(_decimals(str(exact)), 2))


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a quantity is a finite number"
    return max(-exponent, 0)

"""Meter numbers as people give them: DRN or PAN, with the slip of the finger that a wrong check digit shows.

Pure. Which of the candidates exist is looked up in `queries.py`. The rules of the numbers themselves are in `sts`.
"""

from collections.abc import Iterator

from sts import drn, pan
from sts.checks import luhn_digit
from sts.errors import StsError
from vending.estate.errors import MeterNumberWrong

LENGTHS = (11, 13, 18)


def pan_of(text: str, *, field: str = "number") -> str:
    """The PAN of a meter number or PAN that keeps the rules."""
    number = text.translate(_NOISE)
    if not (number.isascii() and number.isdigit()) or len(number) not in LENGTHS:
        raise MeterNumberWrong(
            f"{text.strip()[:30]!r} is not a meter number. It has 11 or 13 digits; the long form on a barcode has 18.",
            field=field,
        )
    try:
        if len(number) == 18:
            return pan.validate(number)
        return pan.of("600727" if len(number) == 11 else "0000", number)
    except StsError:
        raise MeterNumberWrong(_check_digit_sentence(number), field=field) from None


def looks_complete(text: str) -> bool:
    """Whether this is meant as a whole number, so that a failed search is better answered with a suggestion."""
    number = text.translate(_NOISE)
    return number.isascii() and number.isdigit() and len(number) in LENGTHS


def keeps_the_rules(text: str) -> bool:
    try:
        pan_of(text)
    except MeterNumberWrong:
        return False
    return True


def slips(text: str) -> Iterator[str]:
    """Every PAN that this number could have been meant as: one digit typed wrongly, or two neighbours swapped."""
    number = text.translate(_NOISE)
    if not (number.isascii() and number.isdigit() and len(number) in LENGTHS):
        return
    seen: set[str] = set()
    for candidate in _edits(number):
        if candidate not in seen and _luhn_holds(candidate):
            seen.add(candidate)
            try:
                yield pan_of(candidate)
            except MeterNumberWrong:
                continue


def missing_or_extra(text: str) -> Iterator[str]:
    """Every PAN that this number could be with one digit left out or typed twice."""
    number = text.translate(_NOISE)
    if not (number.isascii() and number.isdigit()):
        return
    seen: set[str] = set()
    candidates = [number[:i] + number[i + 1 :] for i in range(len(number))]
    candidates += [number[:i] + str(d) + number[i:] for i in range(len(number) + 1) for d in range(10)]
    for candidate in candidates:
        if candidate not in seen and len(candidate) in LENGTHS and _luhn_holds(candidate):
            seen.add(candidate)
            try:
                yield pan_of(candidate)
            except MeterNumberWrong:
                continue


def grouped(number: str) -> str:
    """For screens: 0712 3456 785."""
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


_NOISE = str.maketrans("", "", " -\t\u00a0\u202f.")


def _edits(number: str) -> Iterator[str]:
    for i in range(len(number) - 1):
        if number[i] != number[i + 1]:
            yield number[:i] + number[i + 1] + number[i] + number[i + 2 :]
    for i, digit in enumerate(number):
        for other in "0123456789":
            if other != digit:
                yield number[:i] + other + number[i + 1 :]


def _luhn_holds(number: str) -> bool:
    return luhn_digit(number[:-1]) == number[-1]


def _check_digit_sentence(number: str) -> str:
    if len(number) in (11, 13):
        try:
            drn.validate(number)
        except StsError:
            return f"The last digit of {grouped(number)} does not fit the others, so one of them is wrong. Compare it with the meter."
    return f"{grouped(number)} is not a meter's long number: its check digits do not fit. Compare it with the card or scan it again."

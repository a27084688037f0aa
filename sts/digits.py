"""Numbers that are written as text: what is dropped, what is refused.

People write spaces and hyphens between groups of digits; nothing else is dropped. Digits of other
scripts look like digits to a computer and are refused, because a meter's keypad has 0 to 9.
"""

from __future__ import annotations

from sts.errors import LengthWrong, NotDigits, WrongType

SEPARATORS = str.maketrans("", "", " -\t\u00a0\u202f")


def compact(what: str, text: object) -> str:
    """`text` without the spaces and hyphens that people put between groups."""
    if not isinstance(text, str):
        raise WrongType(what=what, expected="text", found=type(text).__name__)
    return text.translate(SEPARATORS)


def exactly(what: str, text: object, *lengths: int) -> str:
    """`text` as it stands, being ASCII digits of one of the given lengths."""
    if not isinstance(text, str):
        raise WrongType(what=what, expected="text", found=type(text).__name__)
    if not (text.isascii() and text.isdigit()):
        raise NotDigits(what=what)
    if len(text) not in lengths:
        raise LengthWrong(what=what, expected=" or ".join(map(str, lengths)), found=len(text))
    return text

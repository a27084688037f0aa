"""The root of what the business refuses.

One class is one broken rule, named after it. Each carries a stable `code` (web, API and command line share it) and a
sentence that says what is wrong and what to do next. Nothing here carries a key or a full token.
"""

from typing import ClassVar


class VendingError(Exception):
    """The caller asked for something that a rule of the house forbids, or that cannot be done now."""

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(VendingError):
    """Nothing stands under that name. Also the answer where the asker may not know that it exists."""

    code = "not_found"


class NotAllowed(VendingError):
    """The actor's roles do not hold the permission."""

    code = "not_allowed"


class InvalidInput(VendingError):
    """A value a person or a program entered breaks a rule; `field` names where."""

    code = "invalid_input"

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class Unavailable(VendingError):
    """A part of the product does not answer now; nothing was done, and the same may be tried again."""

    code = "unavailable"


def said(sentence: str) -> str:
    """Marks a sentence that is no exception and reaches pages as a refusal does: why somebody cannot decide, why nothing can
    be sold. It stays as it is; the page says it in its reader's language (`vending/refusals.py`)."""
    return sentence

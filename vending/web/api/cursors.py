"""Where a list goes on: an opaque word that holds which list it is of and the last row that was shown.

Rows are never numbered by page, so that a sale made meanwhile moves nothing. A cursor of another list, or one that was
written by hand, is refused and opens nothing: each list filters by the key's site anyway.
"""

from __future__ import annotations

import base64
import binascii

from vending.web.refusals import CursorInvalid


def write(which: str, after: int) -> str:
    return base64.urlsafe_b64encode(f"{which}:{after}".encode()).decode().rstrip("=")


def read(which: str, cursor: str | None, *, start: int = 0) -> int:
    if cursor is None:
        return start
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        name, _, number = text.partition(":")
        after = int(number)
    except (binascii.Error, UnicodeError, ValueError):
        raise CursorInvalid(_SENTENCE, "cursor") from None
    if name != which or not number.isdigit() or not 0 <= after < 2**62 or write(which, after) != cursor:
        raise CursorInvalid(_SENTENCE, "cursor")
    return after


_SENTENCE = (
    "This is not a cursor of this list. Take `next` of the page before, unchanged, or begin without one."
)

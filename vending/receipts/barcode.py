"""Code 128 as bars in modules: what a bank's or a storeroom's reader scans. reportlab encodes it; papers and printers draw it.

Not here: squares (`qr.py`), which carry proofs. A barcode carries a number that stands beside it in letters as well.
"""

from __future__ import annotations

from functools import lru_cache

QUIET = 10  # modules of white on each side


@lru_cache(maxsize=256)
def bars(text: str) -> tuple[tuple[int, int], ...]:
    """(where a bar begins, how wide it is), in modules from the left edge of the quiet zone."""
    from reportlab.graphics.barcode.code128 import Code128

    made = Code128(text, quiet=0)
    made.validate()
    made.encode()
    made.decompose()
    found, at = [], QUIET
    for letter in made.decomposed:
        # A letter is a width of one to four modules; a capital is a bar, a small letter the space after it.
        wide = ord(letter.lower()) - ord("a") + 1
        if letter.isupper():
            found.append((at, wide))
        at += wide
    return tuple(found)


def modules(text: str) -> int:
    begin, wide = bars(text)[-1]
    return begin + wide + QUIET

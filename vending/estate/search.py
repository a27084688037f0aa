"""What a cashier may be told, as words: any word by its beginning, any number by any part of at least four digits.

Pure. The rows that these words become are in `tables.py`, the search itself in `queries.py`. A number is stored as all its
tails, so that a part of it is the beginning of a tail; Chinese, Japanese and Korean text is stored likewise, because it has
no spaces. No extension of the database is needed.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

SHORTEST_PART = 4  # digits
LONGEST_WORD = 24
HIGHEST = "\U0010ffff"

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LONG_NUMBER = re.compile(r"[0-9]{4,}")
_SPLIT = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[+(]?\d[\d\s().\-/]*")


def plain(text: str) -> str:
    """Lower case, without accents: Müller, MULLER and muller are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def tails(number: str) -> list[str]:
    """Every tail of the number with at least four digits; the whole number when it is shorter."""
    digits = "".join(c for c in number if "0" <= c <= "9")
    if len(digits) <= SHORTEST_PART:
        return [digits] if digits else []
    return [digits[start:][:LONGEST_WORD] for start in range(len(digits) - SHORTEST_PART + 1)]


def as_dialled(phone: str) -> tuple[str, ...]:
    """+27 82 555 0123 is told as 082 555 0123; how long the country's code is, nobody says, so 1 to 3 digits are tried."""
    digits = "".join(c for c in phone if "0" <= c <= "9")
    if not phone.startswith("+") or len(digits) < 8:
        return (digits,) if digits else ()
    return (digits, *(f"0{digits[code:]}" for code in (1, 2, 3)))


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The words under which a name or a unit is found: “Unit G-12” under unit, g, 12 and g12.

    What begins with # is a tail of a number: a search for few digits must not end in the middle of a number.
    """
    found: set[str] = set()
    for part in _parts(text):
        found.add(part[:LONGEST_WORD])
        for run in _LONG_NUMBER.findall(part):
            found.update(f"#{tail}" for tail in tails(run))
        found.update(part[i : i + LONGEST_WORD] for i, c in enumerate(part) if i and _CJK.match(c))
    return frozenset(found)


def entry_words(numbers: Iterable[str], texts: Iterable[str]) -> frozenset[str]:
    """All words of one entry, from its numbers (meter, telephone, customer) and its texts (name, unit, company)."""
    found: set[str] = set()
    for number in numbers:
        found.update(f"#{tail}" for tail in tails(number))
    for text in texts:
        if text:
            found |= words_of(text)
    return frozenset(found)


def entry_text(numbers: Iterable[str], texts: Iterable[str]) -> str:
    """The entry in one line: a word begins after a space, a number stands after # and may be met anywhere."""
    digits = ["#" + "".join(c for c in number if "0" <= c <= "9") for number in numbers if number]
    return " " + " ".join([*digits, *(part for text in texts for part in _parts(text))]) + " "


def words_of_line(line: str) -> frozenset[str]:
    """The words of an entry, from its line: for taking them out of the index again."""
    found: set[str] = set()
    for part in line.split():
        found |= {f"#{tail}" for tail in tails(part)} if part.startswith("#") else words_of(part)
    return frozenset(found)


def _parts(text: str) -> list[str]:
    """The words of a text in order, and each compound as one word too: g-12 gives g, 12 and g12."""
    found: list[str] = []
    for chunk in plain(text).split():
        parts = _SPLIT.findall(chunk)
        found.extend(parts)
        if len(parts) > 1:
            found.append("".join(parts))
    return found


def query_words(typed: str) -> list[str]:
    """What a person typed, as the words that must all be found. A number typed in groups is one number."""
    text = typed.strip()[:120]
    if _NUMBER.fullmatch(text):
        digits = "".join(c for c in plain(text) if "0" <= c <= "9")
        return [digits[:LONGEST_WORD]] if digits else []
    words: list[str] = []
    for chunk in plain(text).split():
        parts = _SPLIT.findall(chunk)
        words.append("".join(parts)[:LONGEST_WORD])
    return [word for word in dict.fromkeys(words) if word][:8]


def is_part(word: str) -> bool:
    """Whether this word of a search may stand in the middle: four digits or more, or a script without spaces."""
    return _LONG_NUMBER.fullmatch(word) is not None or _CJK.match(word) is not None


def index_key(word: str) -> str:
    """How the index spells a word of a search."""
    return f"#{word}" if _LONG_NUMBER.fullmatch(word) else word


def fits(word: str, line: str) -> bool:
    """Whether an entry's line holds this word of the search: the rule that the index and the second words follow."""
    return (word if is_part(word) else f" {word}") in line

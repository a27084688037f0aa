"""Passwords and till PINs: what is accepted, and Argon2id hashes of them.

Follows NIST 800-63B and ASVS 6.2: length counts, no rules on character kinds, no forced change by the calendar, and the
words that everybody tries first are refused. Hashing is meant to be slow, so only two run at a time: a rush of sign-ins
must not starve the tills.
"""

import itertools
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from vending.errors import InvalidInput

SHORTEST = 10
LONGEST = 128
# RFC 9106, second recommended choice: 64 MiB, three passes. OWASP's minimum is 19 MiB, two passes.
_HASHER = PasswordHasher(
    time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, salt_len=16, type=Type.ID
)
# A PIN has a million values at most; a hash cannot make it strong. The count of wrong tries does (service.confirm).
_PIN_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)
_TURNSTILE = threading.BoundedSemaphore(2)

_FIRST_TRIED = """
    1234567890 0123456789 12345678910 123456789a 1q2w3e4r5t qwertyuiop qwerty12345 password12 password123 password1234
    passw0rd123 iloveyou12 letmein1234 welcome123 welcome1234 administrator administrator1 administrat0r changeme123
    abcdefghij abcd1234567 abc1234567 superman123 football123 liverpool1 princess12 sunshine12 monkey12345 dragon12345
    electricity prepaid123 prepaidenergy cashier123 cashier1234 manager123 manager1234 supervisor supervisor1 testtest12
"""
_COMMON = frozenset(_FIRST_TRIED.split())


class PasswordTooShort(InvalidInput):
    code = "password_too_short"


class PasswordTooLong(InvalidInput):
    code = "password_too_long"


class PasswordGuessable(InvalidInput):
    code = "password_guessable"


class PinUnfit(InvalidInput):
    code = "pin_unfit"


def normal(password: str) -> str:
    """One spelling for one password, whatever keyboard typed it."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, *context: str) -> None:
    """Refuses what would be guessed first. `context`: the person's login and name, the site's name."""
    text = normal(password)
    if len(text) < SHORTEST:
        raise PasswordTooShort(
            f"The password has {len(text)} characters; use at least {SHORTEST}. Four unrelated words are easy to keep in mind.",
            "password",
        )
    if len(text) > LONGEST:
        raise PasswordTooLong(
            f"The password is longer than {LONGEST} characters. Use a shorter one.", "password"
        )
    bare = text.casefold()
    if bare in _COMMON or len(set(bare)) < 4:
        raise PasswordGuessable(
            "That password is among the first that are tried. Choose four unrelated words.", "password"
        )
    words = {word for each in (*context, "ampoule") for word in each.casefold().split() if len(word) >= 4}
    rest = bare
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < 6:
        raise PasswordGuessable(
            "The password is made of your own name or the product's. Choose four unrelated words.", "password"
        )


def check_pin(pin: str) -> None:
    steps = (
        {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(pin)}
        if pin.isascii() and pin.isdigit()
        else set()
    )
    if not 4 <= len(pin) <= 8 or not steps:
        raise PinUnfit("A till PIN has four to eight digits.", "pin")
    if steps <= {0} or steps <= {1} or steps <= {9}:
        raise PinUnfit("That PIN is a row of the same or of following digits. Choose another.", "pin")


def hash_of(password: str) -> str:
    with _TURNSTILE:
        return _HASHER.hash(normal(password))


def hash_of_pin(pin: str) -> str:
    with _TURNSTILE:
        return _PIN_HASHER.hash(pin)


def matches(stored: str | None, typed: str) -> bool:
    """Takes the same time whether or not there is a password to compare with."""
    if len(typed) > LONGEST:
        typed = typed[:LONGEST] + "…"
    with _TURNSTILE:
        try:
            return _HASHER.verify(stored or _nobodys_hash(), normal(typed)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def pin_matches(stored: str | None, typed: str) -> bool:
    with _TURNSTILE:
        try:
            return stored is not None and _PIN_HASHER.verify(stored, typed[:64])
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Hashed with weaker settings than today's: hash again at the next right sign-in."""
    return _HASHER.check_needs_rehash(stored)


_nobody: list[str] = []


def _nobodys_hash() -> str:
    if not _nobody:
        _nobody.append(_HASHER.hash("nobody has this password"))
    return _nobody[0]

"""The figures that say under which key a meter decodes: supply group, tariff index, revision, algorithm. No key is here.

A label, a card and a list of meters carry them, so who reads those needs these rules and never a key (`keys.py`).
"""

from __future__ import annotations

from sts import digits
from sts.bits import in_range
from sts.errors import AlgorithmUnknown, KeyRevisionOutOfRange, OutOfRange

FIRST_REVISION, LAST_REVISION = 1, 9
ALGORITHMS = ("07", "11")


def supply_group(sgc: object) -> str:
    """A supply group code (SGC): six digits."""
    return digits.exactly("A supply group code (SGC)", sgc, 6)


def format_supply_group(sgc: str) -> str:
    """For people: three and three."""
    return f"{supply_group(sgc)[:3]} {sgc[3:]}"


def tariff_index(ti: object) -> str:
    """A tariff index (TI): two digits. It is a part of the key, not the commercial tariff."""
    return digits.exactly("A tariff index (TI)", ti, 2)


def revision(krn: object) -> int:
    """A key revision number (KRN)."""
    try:
        return in_range("KRN", krn, FIRST_REVISION, LAST_REVISION)
    except OutOfRange:
        raise KeyRevisionOutOfRange() from None


def algorithm(ea: object) -> str:
    """An encryption algorithm (EA): "07" or "11"."""
    if not isinstance(ea, str) or ea not in ALGORITHMS:
        raise AlgorithmUnknown()
    return ea

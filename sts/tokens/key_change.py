"""Class 2 key change: a new decoder key in two tokens (64 bits) or four (128 bits).

No token bears RND or TID; all are enciphered under the meter's current key, and the meter changes
nothing until it has the whole set, in any order. A set of three (KCT 3, with a 64-bit key) is refused:
what its third token holds has not been established.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from sts import keys
from sts.bits import Layout
from sts.errors import KeyChangeIncomplete, KeyChangeMismatch, ThirdSectionOpen
from sts.keys import DecoderKey, KeyType

FIRST = Layout(ken_high=4, krn=4, rollover=1, flag_3kct=1, key_type=2, key_part=32)
SECOND = Layout(ken_low=4, ti=8, key_part=32)
THIRD = Layout(sgc_low=12, key_part=32)
FOURTH = Layout(sgc_high=12, key_part=32)


@dataclass(frozen=True, slots=True)
class KeyChange1:
    """Set1stSection: upper half of KEN, revision, roll-over, key type, and the high part of the key."""

    token_class: ClassVar[int] = 2
    subclass: ClassVar[int] = 3
    section: ClassVar[int] = 1
    name: ClassVar[str] = "key change"
    is_key_change: ClassVar[bool] = True

    ken_high: int
    krn: int
    rollover: int
    flag_3kct: int
    key_type: int
    key_part: int = field(repr=False)

    def __post_init__(self) -> None:
        self.pack()

    def pack(self) -> int:
        return FIRST.pack(
            ken_high=self.ken_high,
            krn=self.krn,
            rollover=self.rollover,
            flag_3kct=self.flag_3kct,
            key_type=self.key_type,
            key_part=self.key_part,
        )

    @classmethod
    def unpack(cls, subclass: int, data: int) -> KeyChange1:
        return cls(**FIRST.unpack(data))


@dataclass(frozen=True, slots=True)
class KeyChange2:
    """Set2ndSection: lower half of KEN, tariff index (plain binary), and the low part of the key."""

    token_class: ClassVar[int] = 2
    subclass: ClassVar[int] = 4
    section: ClassVar[int] = 2
    name: ClassVar[str] = "key change"
    is_key_change: ClassVar[bool] = True

    ken_low: int
    ti: int
    key_part: int = field(repr=False)

    def __post_init__(self) -> None:
        self.pack()

    def pack(self) -> int:
        return SECOND.pack(ken_low=self.ken_low, ti=self.ti, key_part=self.key_part)

    @classmethod
    def unpack(cls, subclass: int, data: int) -> KeyChange2:
        return cls(**SECOND.unpack(data))


@dataclass(frozen=True, slots=True)
class KeyChange3:
    """Set3rdSection of a 128-bit key: the lower half of the supply group, and the upper middle part (NKMO2)."""

    token_class: ClassVar[int] = 2
    subclass: ClassVar[int] = 8
    section: ClassVar[int] = 3
    name: ClassVar[str] = "key change"
    is_key_change: ClassVar[bool] = True

    sgc_low: int
    key_part: int = field(repr=False)

    def __post_init__(self) -> None:
        self.pack()

    def pack(self) -> int:
        return THIRD.pack(sgc_low=self.sgc_low, key_part=self.key_part)

    @classmethod
    def unpack(cls, subclass: int, data: int) -> KeyChange3:
        return cls(**THIRD.unpack(data))


@dataclass(frozen=True, slots=True)
class KeyChange4:
    """Set4thSection of a 128-bit key: the upper half of the supply group, and the lower middle part (NKMO1)."""

    token_class: ClassVar[int] = 2
    subclass: ClassVar[int] = 9
    section: ClassVar[int] = 4
    name: ClassVar[str] = "key change"
    is_key_change: ClassVar[bool] = True

    sgc_high: int
    key_part: int = field(repr=False)

    def __post_init__(self) -> None:
        self.pack()

    def pack(self) -> int:
        return FOURTH.pack(sgc_high=self.sgc_high, key_part=self.key_part)

    @classmethod
    def unpack(cls, subclass: int, data: int) -> KeyChange4:
        return cls(**FOURTH.unpack(data))


Section = KeyChange1 | KeyChange2 | KeyChange3 | KeyChange4


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a complete set tells a meter. A set of two does not name the supply group."""

    value: bytes = field(repr=False)
    key_type: KeyType
    krn: int
    ken: int
    ti: str
    rollover: bool
    sgc: str | None


def sections(new_key: DecoderKey, *, rollover: bool = False, flag_3kct: bool = False) -> tuple[Section, ...]:
    """The set that changes a meter to `new_key`, in section order."""
    if flag_3kct:
        raise ThirdSectionOpen()
    return split(
        new_key.value,
        key_type=new_key.key_type,
        krn=new_key.krn,
        ken=new_key.ken,
        ti=new_key.ti,
        sgc=new_key.sgc,
        rollover=int(rollover),
    )


def split(
    value: bytes, *, key_type: int, krn: int, ken: int, ti: str, sgc: str, rollover: int, flag_3kct: int = 0
) -> tuple[Section, ...]:
    """The same at the level of the wire: from the parts of a key of 64 or 128 bits."""
    parts = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
    high, low = divmod(keys.expiry(ken), 16)
    first = KeyChange1(
        ken_high=high,
        krn=keys.revision(krn),
        rollover=rollover,
        flag_3kct=flag_3kct,
        key_type=int(keys.key_type(key_type)),
        key_part=parts[0],
    )
    second = KeyChange2(ken_low=low, ti=int(keys.tariff_index(ti)), key_part=parts[-1])
    if len(parts) == 2:
        return first, second
    sgc_high, sgc_low = divmod(int(keys.supply_group(sgc)), 4096)
    third = KeyChange3(sgc_low=sgc_low, key_part=parts[1])
    fourth = KeyChange4(sgc_high=sgc_high, key_part=parts[2])
    return first, second, third, fourth


def assemble(tokens: Iterable[Section], *, ea: str) -> NewKey:
    """The new key of a complete set, whatever its order: the mirror of `sections`."""
    by_number: dict[int, Section] = {}
    for token in tokens:
        if by_number.setdefault(token.section, token) != token:
            raise KeyChangeMismatch(reason=f"two different tokens of section {token.section} were given")
    needed = (1, 2) if keys.algorithm(ea) == "07" else (1, 2, 3, 4)
    for number in needed:
        if number not in by_number:
            raise KeyChangeIncomplete(missing=number)
    first, second = by_number[1], by_number[2]
    assert isinstance(first, KeyChange1)
    assert isinstance(second, KeyChange2)
    if len(needed) == 2 and (first.flag_3kct or len(by_number) > 2):
        raise ThirdSectionOpen()
    middle: tuple[int, ...] = ()
    sgc: str | None = None
    if len(needed) == 4:
        third, fourth = by_number[3], by_number[4]
        assert isinstance(third, KeyChange3)
        assert isinstance(fourth, KeyChange4)
        middle = (third.key_part, fourth.key_part)
        sgc = _supply_group(fourth.sgc_high << 12 | third.sgc_low)
    if second.ti > 99:
        raise KeyChangeMismatch(reason="the tariff index has more than two digits")
    return NewKey(
        value=b"".join(part.to_bytes(4, "big") for part in (first.key_part, *middle, second.key_part)),
        key_type=keys.key_type(first.key_type),
        krn=keys.revision(first.krn),
        ken=first.ken_high << 4 | second.ken_low,
        ti=f"{second.ti:02d}",
        rollover=bool(first.rollover),
        sgc=sgc,
    )


def _supply_group(number: int) -> str:
    if number > 999_999:
        raise KeyChangeMismatch(reason="the supply group has more than six digits")
    return f"{number:06d}"

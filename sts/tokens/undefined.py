"""Codes of the standard whose content is not defined here: seen as what they are, never as noise.

Such a token passed its checksum, so its subclass is certain; only the meaning of its 44 bits is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from sts.bits import fits, in_range


@dataclass(frozen=True, slots=True)
class Undefined:
    """A subclass and its 44 bits."""

    name: ClassVar[str] = "undefined"
    standing: ClassVar[str]
    is_key_change: ClassVar[bool] = False

    token_class: int
    subclass: int
    data: int

    def __post_init__(self) -> None:
        in_range("A token class", self.token_class, 0, 2)
        fits("A subclass", self.subclass, 4)
        fits("The data", self.data, 44)

    def pack(self) -> int:
        return self.data

    @classmethod
    def of(cls, token_class: int, subclass: int, data: int) -> Self:
        return cls(token_class, subclass, data)


class Reserved(Undefined):
    """Reserved by the standard for later."""

    __slots__ = ()
    standing = "reserved by the standard"


class Proprietary(Undefined):
    """Left to manufacturers."""

    __slots__ = ()
    standing = "left to manufacturers"


class Unpublished(Undefined):
    """In use by the standard (extended token sets), but what it holds was not found in public sources."""

    __slots__ = ()
    standing = "an extended token set"

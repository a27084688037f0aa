"""The port of channels: something that takes one message for one person and says at once whether it took it.

*Accepted* means that the next station answers for it, not that somebody read it. What is not accepted is either permanent
(this message will never go to this address: nobody tries again) or temporary (later it may). A channel sees full tokens, so
no error of it carries a word of the text or more of an address than its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from vending.errors import VendingError


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    kind: str  # application/pdf
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`key` is the same at every try of one message, so that a station which looks at it takes it once."""

    key: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    subject: str = ""
    html: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    reference: str  # how the next station calls it; empty if it gives no name


class ChannelError(VendingError):
    """The message was not taken. `permanent`: trying again cannot help."""

    code = "channel_error"

    def __init__(self, sentence: str, *, permanent: bool) -> None:
        super().__init__(sentence)
        self.permanent = permanent


class Channel(Protocol):
    def send(self, message: Outgoing) -> Accepted:
        """Hands the message over. Raises `ChannelError`; after a temporary one the same message may come again."""
        ...


def masked(address: str) -> str:
    """As much of an address as a page or a log may show: the end of a number, the house of a mailbox."""
    name, at, house = address.rpartition("@")
    if at:
        return f"{name[:1]}…@{house}"
    return f"…{address[-3:]}" if len(address) > 5 else "…"

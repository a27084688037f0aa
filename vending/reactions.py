"""Event -> what follows: from the outbox, after the commit that caused it. Each reaction may run twice.

One table; an event without a reaction is delivered to nobody, and that is said here and not guessed.
"""

from __future__ import annotations

from collections.abc import Callable

from vending.outbox import Message
from vending.receipts import service as receipts
from vending.services import Services

Reaction = Callable[[Services, Message], None]


def keep_paper(services: Services, message: Message) -> None:
    """What stands around a sale is taken when it is sold, whether or not anybody prints it then."""
    receipts.keep(
        services.db, services.clock, message.payload["sale"], test=services.settings.is_demonstration
    )


REACTIONS: dict[str, tuple[Reaction, ...]] = {
    # Text messages and remote meters join here as their rooms are built.
    "vend issued": (keep_paper,),
    "vend refused": (keep_paper,),
    "order adopted": (),
    "vend reversed": (),
    "tariff published": (),
}


class EventUnknown(Exception):
    pass


def react(services: Services, message: Message) -> None:
    if message.event not in REACTIONS:
        raise EventUnknown(f"{message.event} is in no row of the table of reactions")
    for reaction in REACTIONS[message.event]:
        reaction(services, message)

"""Event -> what follows: from the outbox, after the commit that caused it. Each reaction may run twice.

One table; an event without a reaction is delivered to nobody, and that is said here and not guessed.
"""

from __future__ import annotations

from collections.abc import Callable

from vending.notifications import service as notices
from vending.outbox import Message
from vending.receipts import print_queue, sending
from vending.receipts import service as receipts
from vending.services import Services
from vending.vends import queries

Reaction = Callable[[Services, Message], None]


def keep_paper(services: Services, message: Message) -> None:
    """What stands around a sale is taken when it is sold, whether or not anybody prints it then."""
    receipts.keep(
        services.db, services.clock, message.payload["sale"], test=services.settings.is_demonstration
    )


def ask_to_send(services: Services, message: Message) -> None:
    """The receipt goes to the tenant's telephone or mailbox, where a contact is known and the settings want it."""
    settings = services.settings
    sending.ask_after_sale(
        services.db,
        services.clock,
        message.payload["sale"],
        settings.send_receipts,
        test=settings.is_demonstration,
    )


def print_paper(services: Services, message: Message) -> None:
    """The first paper of a sale, at a till whose PC runs the print agent; cash opens the drawer."""
    with services.db.writing() as session:
        sale = queries.one_sale(session, message.payload["sale"])
        if sale.state == "issued" and not any(vend.state == "paid" for vend in sale.vends):
            cash = any(taken.way == "cash" for taken in sale.taken)
            print_queue.ask_receipt(session, services.clock, sale.key, copy=0, kick=cash)


def send_notice(services: Services, message: Message) -> None:
    """One try; what may go better later fails the job, which comes again."""
    notices.send(
        services.db,
        services.clock,
        services.channels,
        message.payload["notice"],
        lambda notice: sending.compose(
            services.db, services.clock, notice, test=services.settings.is_demonstration
        ),
    )


REACTIONS: dict[str, tuple[Reaction, ...]] = {
    # Remote meters join here as their room is built.
    "vend issued": (keep_paper, print_paper, ask_to_send),
    notices.ASKED: (send_notice,),
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

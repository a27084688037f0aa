"""Event -> what follows: from the outbox, after the commit that caused it. Each reaction may run twice.

One table; an event without a reaction is delivered to nobody, and that is said here and not guessed. A reaction takes a list
of messages of one event. Those of a sale come in groups, as the sales do: on SQLite they share a processor and the one
writing connection with the tills, and each by itself took both for longer than the sale that it follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keystore.errors import KeystoreError
from vending.estate import queries as estate
from vending.notifications import service as notices
from vending.outbox import Message
from vending.receipts import papers, print_queue, sending
from vending.receipts import service as receipts
from vending.services import Services
from vending.shifts import queries as shifts
from vending.vends import queries

Reaction = Callable[[Services, Sequence[Message]], None]


def one_by_one(react: Callable[[Services, Message], None]) -> Reaction:
    def all_of_them(services: Services, messages: Sequence[Message]) -> None:
        for message in messages:
            react(services, message)

    return all_of_them


def keep_papers(services: Services, messages: Sequence[Message]) -> None:
    """What stands around a sale is taken when it is sold, whether or not anybody prints it then."""
    sales = [message.payload["sale"] for message in messages]
    receipts.keep_all(services.db, services.clock, sales, test=services.settings.is_demonstration)


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


def print_papers(services: Services, messages: Sequence[Message]) -> None:
    """The first paper of a sale, at a till whose PC runs the print agent; cash opens the drawer."""
    with services.db.reading() as session:
        agents = print_queue.tills_with_agent(session)
        if not agents:
            return
        sales = queries.whole_sales(session, [message.payload["sale"] for message in messages])
    printed = [
        sale
        for sale in sales
        if (sale.site_key, sale.till) in agents
        and sale.state == "issued"
        and not any(vend.state == "paid" for vend in sale.vends)
    ]
    if not printed:
        return
    with services.db.writing() as session:
        for sale in printed:
            cash = any(taken.way == "cash" for taken in sale.taken)
            print_queue.ask_receipt(session, services.clock, sale.key, copy=0, kick=cash)


def print_shift(services: Services, message: Message) -> None:
    """The Z of a shift at the till where it was, with the head of the issuance log at that moment."""
    head = _log_head(services)
    with services.db.writing() as session:
        found = shifts.one_shift(session, message.payload["shift"])
        desk = papers.desk_of(
            estate.one_site(session, found.site_key), test=services.settings.is_demonstration
        )
        paper = papers.shift_paper(session, services.clock, found, desk, blind=False, log_head=head)
        print_queue.ask_writing(
            session, services.clock, found.site_key, found.till, paper, once=f"{found.key}/Z"
        )


def print_deposit(services: Services, message: Message) -> None:
    """The slip that goes into the bag, where all its shifts were of one till."""
    head = _log_head(services)
    with services.db.writing() as session:
        batch = shifts.one_batch(session, message.payload["bag"])
        site = estate.one_site(session, batch.site_key)
        desk = papers.desk_of(site, test=services.settings.is_demonstration)
        paper = papers.deposit_paper(batch, desk, log_head=head)
        print_queue.ask_writing(
            session, services.clock, site.key, message.payload["till"], paper, once=message.payload["bag"]
        )


def _log_head(services: Services) -> str:
    """Nothing while the module does not answer: the paper of a drawer does not wait for it."""
    try:
        return services.module.checkpoint().short
    except KeystoreError:
        return ""


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
    "vend issued": (keep_papers, print_papers, one_by_one(ask_to_send)),
    notices.ASKED: (one_by_one(send_notice),),
    "vend refused": (keep_papers,),
    "order adopted": (),
    "vend reversed": (),
    "tariff published": (),
    "shift closed": (one_by_one(print_shift),),
    "bag packed": (one_by_one(print_deposit),),
}
# What is done for many at once. Of all others each is a job alone: one that fails is tried again, and its neighbours are not.
TOGETHER = frozenset({"vend issued", "vend refused"})


class EventUnknown(Exception):
    pass


def react(services: Services, messages: Sequence[Message]) -> None:
    """`messages` are of one event."""
    event = messages[0].event
    if event not in REACTIONS:
        raise EventUnknown(f"{event} is in no row of the table of reactions")
    for reaction in REACTIONS[event]:
        reaction(services, messages)

"""A receipt to its customer's telephone or mailbox: whether one is due, to whom, and what it says.

Sent by itself when everything of the sale is decided, a contact is known and the setting wants it; and by hand from the sale.
A basket of several tenants is sent to nobody: each would read the others' tokens. What the message says is the paper's
content (`message.py`), in the customer's language.
"""

from __future__ import annotations

from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput
from vending.notifications import service as notices
from vending.notifications.channel import Attachment, Outgoing
from vending.notifications.service import NoticeView
from vending.receipts import message, service
from vending.receipts.slip import Around
from vending.vends.plan import SOLD
from vending.vends.queries import SaleView, one_sale

WISHES = {"never": (), "sms": ("sms",), "email": ("email",), "both": ("sms", "email")}


class NoContact(InvalidInput):
    code = "no_contact"


def ask_after_sale(db: Database, clock: Clock, sale_key: str, wish: str, *, test: bool) -> list[str]:
    """The channels that it goes through, each once for a sale, however often this is called."""
    if not WISHES[wish]:
        return []
    around = service.keep(db, clock, sale_key, test=test)
    asked = []
    with db.writing() as session:
        sale = one_sale(session, sale_key)
        if sale.state != "issued" or any(
            vend.kind not in SOLD or vend.state == "paid" for vend in sale.vends
        ):
            return []
        for channel in WISHES[wish]:
            to = recipient_of(sale, around, channel)
            if to and notices.ask(
                session, clock, f"{sale_key}/{channel}", sale_key=sale_key, channel=channel, recipient=to
            ):
                asked.append(channel)
    return asked


def ask_again(db: Database, clock: Clock, sale_key: str, channel: str, *, test: bool) -> bool:
    """By hand. One that still waits is not joined by another."""
    around = service.keep(db, clock, sale_key, test=test)
    with db.writing() as session:
        sale = one_sale(session, sale_key)
        to = recipient_of(sale, around, channel)
        if not to:
            raise NoContact(
                "Nobody's telephone or e-mail is known for this sale, or it is several tenants'. Write it at the tenant; the next sale has it."
            )
        known = [one for one in notices.of_sale(session, sale_key) if one.channel == channel]
        if any(one.state == "waiting" for one in known):
            return False
        key = f"{sale_key}/{channel}" + (f"/{len(known)}" if known else "")
        return notices.ask(session, clock, key, sale_key=sale_key, channel=channel, recipient=to)


def recipient_of(sale: SaleView, around: Around, channel: str) -> str:
    if around.buyer is None or len({vend.tenant_key for vend in sale.vends}) != 1:
        return ""
    return around.buyer.phone if channel == "sms" else around.buyer.email


def recipients(db: Database, clock: Clock, sale_key: str, *, test: bool) -> dict[str, str]:
    around = service.keep(db, clock, sale_key, test=test)
    with db.reading() as session:
        sale = one_sale(session, sale_key)
    found = {channel: recipient_of(sale, around, channel) for channel in ("sms", "email")}
    return {channel: to for channel, to in found.items() if to}


def compose(db: Database, clock: Clock, notice: NoticeView, *, test: bool) -> Outgoing:
    # The first paper, not a copy: whoever has no printer gets the receipt itself.
    paper = service.paper(db, clock, notice.sale_key, test=test, copy=0)
    if notice.channel == "sms":
        return Outgoing(notice.key, notice.recipient, message.sms(paper))
    letter = message.letter(paper)
    made = service.make_pdf(db, clock, notice.sale_key, "a4", test=test, copy=0)
    return Outgoing(
        notice.key,
        notice.recipient,
        letter.text,
        letter.subject,
        letter.html,
        (Attachment(f"{paper.number}.pdf", "application/pdf", made.data),),
    )

"""`ampoule notify test`: one message to a telephone or a mailbox, so that settings are proved before a tenant waits for a token.

It goes through the channel that receipts take, says what the next station answered, and carries no token. It needs no
database, so it runs beside the server. What became of real messages stands on each sale, and `ampoule jobs dead` lists those that failed.
"""

from __future__ import annotations

import uuid

import click

from vending import bootstrap, settings
from vending.clock import SystemClock
from vending.errors import InvalidInput, VendingError
from vending.notifications.channel import Channel, ChannelError, Outgoing, masked


class ChannelNotSet(VendingError):
    code = "channel_not_set"


class MessageNotTaken(VendingError):
    code = "message_not_taken"


@click.group()
def notify() -> None:
    """Messages to tenants: try a channel."""


@notify.command("test")
@click.option("--sms", "number", default="", help="A telephone number, such as +27821234567.")
@click.option("--email", "mailbox", default="", help="A mailbox, such as you@mall.example.")
def send_test(number: str, mailbox: str) -> None:
    """Send a message without a token, and say whether the next station took it. Exit status 1 when it did not."""
    wanted = [(name, to) for name, to in (("sms", number), ("email", mailbox)) if to.strip()]
    if not wanted:
        raise InvalidInput(
            "Say where the message goes: --sms +27821234567, --email you@mall.example, or both."
        )
    channels = bootstrap.open_channels(settings.load())
    for name, _to in wanted:
        if name not in channels:
            setting = "sms_url and sms_body" if name == "sms" else "smtp_host and smtp_from"
            raise ChannelNotSet(
                f"There is no channel for {name}: set {setting} (the deployer's guide, Sending receipts), then try again."
            )
    for name, to in wanted:
        click.echo(f"{name} to {masked(to.strip())}: {_sent(channels[name], to.strip())}")


def _sent(channel: Channel, to: str) -> str:
    at = SystemClock().now()
    text = f"Ampoule test message of {at:%Y-%m-%d %H:%M} UTC. Receipts with tokens will come this way; this one has none."
    message = Outgoing(
        key=f"test-{uuid.uuid4()}",
        to=to,
        text=text,
        subject="Ampoule test message",
        html=f"<p>{text}</p>",
    )
    try:
        taken = channel.send(message)
    except ChannelError as refused:
        raise MessageNotTaken(
            f"{refused.sentence} "
            + (
                "Trying again would not help: correct the settings or the address."
                if refused.permanent
                else "A receipt would be tried again for hours; look at the network and the station's name now."
            )
        ) from None
    return f"taken, as {taken.reference}." if taken.reference else "taken."

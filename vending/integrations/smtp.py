"""E-mail over SMTP: one connection a message, TLS unless the relay is this machine, the receipt as text, HTML and PDF.

A relay's code says whether trying again helps: 5xx about the message or the mailbox is permanent. A refused sign-in is not:
the password is corrected and the same letters go out. Not here: whether the letter was read or came back later.
"""

from __future__ import annotations

import smtplib
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr

from vending.notifications.channel import Accepted, ChannelError, Outgoing, masked
from vending.settings import Settings, SettingWrong

TIMEOUT_S = 20


class SmtpChannel:
    def __init__(
        self, host: str, port: int, sender: str, *, user: str = "", password: str = "", tls: str = "starttls"
    ) -> None:
        self._host, self._port, self._sender = host, port, sender
        self._user, self._password, self._tls = user, password, tls

    @classmethod
    def from_settings(cls, settings: Settings) -> SmtpChannel:
        sender = settings.smtp_from
        if "@" not in parseaddr(sender)[1]:
            raise SettingWrong(
                f"smtp_from must be an address such as receipts@mall.example; it is {sender!r}."
            )
        if settings.smtp_tls == "none" and settings.smtp_host not in ("127.0.0.1", "::1", "localhost"):
            raise SettingWrong(
                "smtp_tls is none, and smtp_host is another machine: letters with tokens would cross the network in clear. Set starttls or tls."
            )
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            sender,
            user=settings.smtp_user,
            password=settings.smtp_password,
            tls=settings.smtp_tls,
        )

    def send(self, message: Outgoing) -> Accepted:
        letter = self._letter(message)
        try:
            with self._connect() as relay:
                if self._user:
                    relay.login(self._user, self._password)
                relay.send_message(letter)
        except smtplib.SMTPAuthenticationError:
            raise ChannelError(
                f"The mail relay {self._host} refuses the sign-in. Correct smtp_user and smtp_password, then send the job again.",
                permanent=False,
            ) from None
        except smtplib.SMTPRecipientsRefused as refused:
            code = max(code for code, _said in refused.recipients.values())
            raise self._refused(code, message) from None
        except smtplib.SMTPResponseException as refused:
            raise self._refused(refused.smtp_code, message) from None
        except (smtplib.SMTPException, OSError) as error:
            # Never its text: a relay may repeat what it was sent.
            raise ChannelError(
                f"The mail relay {self._host}, port {self._port}, does not answer ({type(error).__name__}). It is tried again.",
                permanent=False,
            ) from None
        return Accepted(str(letter["Message-ID"]))

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls == "tls":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        relay = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        if self._tls == "starttls":
            relay.starttls(context=context)
        return relay

    def _refused(self, code: int, message: Outgoing) -> ChannelError:
        permanent = 500 <= code < 600
        next_step = "Correct the tenant's address." if permanent else "It is tried again."
        return ChannelError(
            f"The mail relay refused the letter to {masked(message.to)} with code {code}. {next_step}",
            permanent=permanent,
        )

    def _letter(self, message: Outgoing) -> EmailMessage:
        letter = EmailMessage()
        name, address = parseaddr(self._sender)
        letter["From"] = str(Address(name, addr_spec=address))
        try:
            letter["To"] = str(Address(addr_spec=message.to.strip()))
        except (ValueError, IndexError, MessageError):
            raise ChannelError(
                f"{masked(message.to)} is no e-mail address. Correct it at the tenant.", permanent=True
            ) from None
        letter["Subject"] = " ".join(message.subject.split())
        letter["Message-ID"] = f"<{message.key.replace('/', '.')}@{address.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text)
        if message.html:
            letter.add_alternative(message.html, subtype="html")
        for one in message.attachments:
            main, _slash, sub = one.kind.partition("/")
            letter.add_attachment(one.data, maintype=main, subtype=sub, filename=one.name)
        return letter

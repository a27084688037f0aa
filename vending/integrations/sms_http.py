"""Text messages through any gateway that takes an HTTP POST: its body is a template with {to}, {text} and {key}.

The template is JSON or a form, and what goes into its places is escaped for it. The text goes into the body only: addresses
are written into the logs of every station. Nothing follows a redirect, because the body would not come along. A gateway's
status says whether trying again helps: 408, 425, 429 and 5xx do.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote_plus, urlsplit

from vending.notifications.channel import Accepted, ChannelError, Outgoing, masked
from vending.settings import Settings, SettingWrong

TIMEOUT_S = 15
AGAIN = frozenset({408, 425, 429})
KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
PLACES = re.compile(r"\{(to|text|key)\}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


class SmsHttpChannel:
    def __init__(
        self, url: str, body: str, *, kind: str = "json", authorization: str = "", country: str = "", reference: str = ""
    ) -> None:  # fmt: skip
        self._url, self._body, self._kind = url, body, kind
        self._authorization, self._country, self._reference = authorization, country, reference
        self._opener = urllib.request.build_opener(_NoRedirect())

    @classmethod
    def from_settings(cls, settings: Settings) -> SmsHttpChannel:
        parts = urlsplit(settings.sms_url)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or (parts.scheme == "http" and not local)
        ):
            raise SettingWrong(
                "sms_url must be an https address: messages carry tokens. Write the gateway's, such as https://sms.example/v1/send."
            )  # fmt: skip
        if PLACES.search(settings.sms_url):
            raise SettingWrong(
                "sms_url has a place for the message or the number. Addresses stand in logs; put {to} and {text} into sms_body."
            )
        if not {"to", "text"} <= set(PLACES.findall(settings.sms_body)):
            raise SettingWrong(
                'sms_body must have the places {to} and {text}, such as {"to": "{to}", "message": "{text}"}.'
            )
        return cls(
            settings.sms_url,
            settings.sms_body,
            kind=settings.sms_kind,
            authorization=settings.sms_authorization,
            country=settings.sms_country,
            reference=settings.sms_reference,
        )

    def send(self, message: Outgoing) -> Accepted:
        values = {"to": self.number(message.to), "text": message.text, "key": message.key}
        body = PLACES.sub(lambda place: self._escaped(values[place[1]]), self._body)
        headers = {"Content-Type": f"{KINDS[self._kind]}; charset=utf-8", "Accept": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        request = urllib.request.Request(self._url, body.encode(), headers, method="POST")  # noqa: S310 — from_settings takes http and https only
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return Accepted(self._named(answer.read(65_536)))
        except urllib.error.HTTPError as refused:
            refused.close()
            raise self._refused(refused.code, message) from None
        except (OSError, http.client.HTTPException) as error:
            raise ChannelError(
                f"The gateway of text messages at {urlsplit(self._url).hostname} does not answer ({type(error).__name__}). It is tried again.",
                permanent=False,
            ) from None

    def number(self, typed: str) -> str:
        """As gateways want it, +27821234567; a national number takes the country of the setting."""
        digits = re.sub(r"[\s()./-]", "", typed)
        if digits.startswith("00"):
            digits = f"+{digits[2:]}"
        elif digits.startswith("0") and self._country:
            digits = f"+{self._country.lstrip('+')}{digits[1:]}"
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
            raise ChannelError(
                f"{masked(typed)} is no number that a text message can go to. Write it with its country, such as +27 82 123 4567, or set sms_country.",
                permanent=True,
            )
        return digits

    def _escaped(self, value: str) -> str:
        return json.dumps(value)[1:-1] if self._kind == "json" else quote_plus(value)

    def _named(self, answer: bytes) -> str:
        """The gateway's own name for the message, where the setting says in which field it stands."""
        if not self._reference:
            return ""
        try:
            found: Any = json.loads(answer)
            for part in self._reference.split("."):
                found = found[int(part)] if isinstance(found, list) else found[part]
        except (ValueError, KeyError, IndexError, TypeError):
            return ""
        return str(found)

    def _refused(self, status: int, message: Outgoing) -> ChannelError:
        permanent = status < 500 and status not in AGAIN and status not in (401, 403)
        next_step = (
            "Correct sms_authorization, then send the job again."
            if status in (401, 403)
            else "Look at the number and at sms_url and sms_body."
            if permanent
            else "It is tried again."
        )
        return ChannelError(
            f"The gateway of text messages refused the message to {masked(message.to)} with status {status}. {next_step}",
            permanent=permanent,
        )

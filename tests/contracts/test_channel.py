"""What every channel promises: accepted, refused for good or tried later, the whole text, and no token in any error.

The same suite runs against SMTP with a real relay (aiosmtpd), the HTTP gateway with a real server, and the fake.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from vending.integrations.sms_http import SmsHttpChannel
from vending.integrations.smtp import SmtpChannel
from vending.notifications.channel import Accepted, Attachment, Channel, ChannelError, Outgoing
from vending.settings import Settings, SettingWrong

DIGITS = "1234 5678 9012 3456 7890"
TEXT = f'Karoo Corner 卡鲁: R 1,500.00\n{DIGITS}\nمرحبا "quoted" & {{text}} \\ 100 %'


@dataclass
class Station:
    """The far side: answers as it is told, keeps what it took."""

    answer: str = "accept"  # accept, permanent, temporary
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    raw: list[Any] = field(default_factory=list)


class _Relay:
    def __init__(self, station: Station) -> None:
        self.station = station

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.station.answer == "permanent":
            return f"550 no such mailbox {address}"
        if self.station.answer == "temporary":
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        letter = message_from_bytes(envelope.content, policy=default)
        plain = letter.get_body(("plain",))
        assert plain is not None
        self.station.texts.append(plain.get_content().rstrip("\r\n"))
        self.station.keys.append(str(letter["Message-ID"]))
        self.station.raw.append(letter)
        return "250 taken"


@dataclass
class Far:
    station: Station
    channel: Channel
    to: str
    stop: Callable[[], None]


def relay() -> Far:
    station = Station()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(_Relay(station), hostname="127.0.0.1", port=port)  # type: ignore[no-untyped-call]
    controller.start()  # type: ignore[no-untyped-call]
    channel = SmtpChannel("127.0.0.1", port, "Karoo Corner <receipts@mall.example>", tls="none")
    return Far(station, channel, "zola@hair.example", controller.stop)


def gateway(kind: str = "json") -> Far:
    station = Station()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = {"accept": 201, "permanent": 400, "temporary": 503, "redirect": 302}[station.answer]
            if status == 201:
                from urllib.parse import parse_qs

                told = json.loads(body) if kind == "json" else {k: v[0] for k, v in parse_qs(body).items()}
                station.texts.append(told["message"])
                station.keys.append(told["id"])
                station.raw.append((told, dict(self.headers), self.path))
            answer = json.dumps({"messages": [{"id": "sms-77"}], "echo": body}).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    body = (
        '{"to": "{to}", "message": "{text}", "id": "{key}"}'
        if kind == "json"
        else "to={to}&message={text}&id={key}"
    )
    settings = Settings(
        sms_url=f"http://127.0.0.1:{server.server_port}/send",
        sms_body=body,
        sms_kind=kind,
        sms_authorization="Bearer secret-of-the-gateway",
        sms_country="27",
        sms_reference="messages.0.id",
    )
    return Far(station, SmsHttpChannel.from_settings(settings), "082 123 4567", stop)


class FakeChannel:
    def __init__(self, station: Station) -> None:
        self.station = station

    def send(self, message: Outgoing) -> Accepted:
        if self.station.answer != "accept":
            raise ChannelError("It says no.", permanent=self.station.answer == "permanent")
        self.station.texts.append(message.text)
        self.station.keys.append(message.key)
        return Accepted("fake-1")


def fake() -> Far:
    station = Station()
    return Far(station, FakeChannel(station), "somebody", lambda: None)


FARS: dict[str, Callable[[], Far]] = {
    "smtp": relay,
    "sms json": gateway,
    "sms form": lambda: gateway("form"),
    "fake": fake,
}


@pytest.fixture(params=list(FARS))
def far(request: pytest.FixtureRequest) -> Iterator[Far]:
    found = FARS[request.param]()
    yield found
    found.stop()


def outgoing(far: Far, key: str = "sale-1/sms") -> Outgoing:
    return Outgoing(key, far.to, TEXT, "Receipt N3-004817\nBcc: evil@x.example", "<p>kept</p>", (Attachment("r.pdf", "application/pdf", b"%PDF-1.4"),))  # fmt: skip


def test_the_whole_text_arrives_once_and_the_station_gives_it_a_name(far: Far) -> None:
    assert far.channel.send(outgoing(far)).reference
    assert [text.replace("\r\n", "\n") for text in far.station.texts] == [TEXT]


def test_the_same_message_has_the_same_key_at_every_try(far: Far) -> None:
    far.channel.send(outgoing(far))
    far.channel.send(outgoing(far))
    far.channel.send(outgoing(far, "sale-2/sms"))
    one, two, other = far.station.keys
    assert one == two != other


@pytest.mark.parametrize(("answer", "permanent"), [("permanent", True), ("temporary", False)])
def test_a_refusal_says_whether_trying_again_helps_and_no_word_of_the_text(
    far: Far, answer: str, permanent: bool
) -> None:
    far.station.answer = answer
    with pytest.raises(ChannelError) as refused:
        far.channel.send(outgoing(far))
    assert refused.value.permanent is permanent
    assert far.station.texts == []
    chain: BaseException | None = refused.value
    while chain is not None:
        for secret in (DIGITS, "Karoo Corner 卡鲁", far.to, "secret-of-the-gateway"):
            assert secret not in str(chain), secret
        chain = chain.__cause__
    assert DIGITS not in repr(outgoing(far))


@pytest.mark.parametrize("name", ["smtp", "sms json"])
def test_a_station_that_is_away_is_temporary(name: str) -> None:
    found = FARS[name]()
    found.stop()
    with pytest.raises(ChannelError) as refused:
        found.channel.send(outgoing(found))
    assert not refused.value.permanent


def test_a_letter_has_its_parts_and_no_header_of_somebody_elses_making() -> None:
    found = relay()
    try:
        found.channel.send(outgoing(found))
        (letter,) = found.station.raw
    finally:
        found.stop()
    assert letter["Bcc"] is None
    assert letter["From"] == "Karoo Corner <receipts@mall.example>"
    kinds = [part.get_content_type() for part in letter.walk()]
    assert {"text/plain", "text/html", "application/pdf"} <= set(kinds)


@pytest.mark.parametrize("wrong", ["not an address", "", "a@b\nBcc: c@d", "@"])
def test_a_mailbox_that_is_none_is_refused_for_good(wrong: str) -> None:
    channel = SmtpChannel("127.0.0.1", 9, "r@mall.example", tls="none")
    with pytest.raises(ChannelError) as refused:
        channel.send(Outgoing("k", wrong, "text"))
    assert refused.value.permanent


def test_a_gateway_sees_its_secret_in_the_header_and_the_number_with_its_country() -> None:
    found = gateway()
    try:
        assert found.channel.send(outgoing(found)) == Accepted("sms-77")
        ((told, headers, path),) = found.station.raw
    finally:
        found.stop()
    assert told["to"] == "+27821234567"
    assert headers["Authorization"] == "Bearer secret-of-the-gateway"
    assert path == "/send"


def test_a_redirect_is_not_followed() -> None:
    found = gateway()
    found.station.answer = "redirect"
    try:
        with pytest.raises(ChannelError) as refused:
            found.channel.send(outgoing(found))
    finally:
        found.stop()
    assert refused.value.permanent


@pytest.mark.parametrize("wrong", ["123", "call me", "082123456789012345", "+0821234567", ""])
def test_a_number_that_is_none_is_refused_for_good(wrong: str) -> None:
    channel = SmsHttpChannel("http://127.0.0.1:9/", "{to}{text}")
    with pytest.raises(ChannelError) as refused:
        channel.send(Outgoing("k", wrong, "text"))
    assert refused.value.permanent


@pytest.mark.parametrize(
    "settings",
    [
        {"sms_url": "http://sms.example/send"},
        {"sms_url": "ftp://sms.example/"},
        {"sms_url": "https://sms.example/?text={text}"},
        {"sms_url": "https://sms.example/", "sms_body": '{"to": "{to}"}'},
    ],
)
def test_a_gateway_that_would_tell_tokens_to_others_is_refused_at_the_start(settings: dict[str, str]) -> None:
    with pytest.raises(SettingWrong):
        SmsHttpChannel.from_settings(Settings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        {"smtp_host": "mail.example", "smtp_from": "nobody"},
        {"smtp_host": "mail.example", "smtp_from": "a@b.example", "smtp_tls": "none"},
    ],
)
def test_a_relay_that_would_carry_letters_in_clear_is_refused_at_the_start(settings: dict[str, str]) -> None:
    with pytest.raises(SettingWrong):
        SmtpChannel.from_settings(Settings(**settings))  # type: ignore[arg-type]

"""`ampoule notify test` against a gateway on a socket: taken, refused, away, and without settings."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from vending.errors import InvalidInput
from vending.notify_commands import ChannelNotSet, MessageNotTaken, notify


class Gateway(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status = 201
        self.told: list[dict[str, str]] = []


class _Answers(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b'{"id": "m-1"}')

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run(*words: str, **settings: str) -> Result:
    clean: dict[str, str | None] = {name: None for name in os.environ if name.startswith("AMPOULE_")}
    return CliRunner().invoke(notify, ["test", *words], env={**clean, **settings})


def settings_of(gateway: Gateway) -> dict[str, str]:
    return {
        "AMPOULE_SMS_URL": f"http://127.0.0.1:{gateway.server_port}/send",
        "AMPOULE_SMS_BODY": '{"to": "{to}", "message": "{text}"}',
        "AMPOULE_SMS_REFERENCE": "id",
    }


def test_a_message_that_is_taken_is_told_with_its_name(gateway: Gateway) -> None:
    done = run("--sms", "+27821234567", **settings_of(gateway))
    assert done.output == "sms to …567: taken, as m-1.\n"
    (told,) = gateway.told
    assert told["to"] == "+27821234567"
    assert "test message" in told["message"]


@pytest.mark.parametrize(("status", "words"), [(400, "would not help"), (503, "tried again for hours")])
def test_a_refusal_says_whether_trying_again_helps(gateway: Gateway, status: int, words: str) -> None:
    gateway.status = status
    done = run("--sms", "+27821234567", **settings_of(gateway))
    assert isinstance(done.exception, MessageNotTaken)
    assert words in done.exception.sentence
    assert "821234567" not in done.exception.sentence


def test_a_channel_without_settings_names_them() -> None:
    for words, setting in (
        (("--sms", "+27821234567"), "sms_url"),
        (("--email", "a@mall.example"), "smtp_host"),
    ):
        done = run(*words)
        assert isinstance(done.exception, ChannelNotSet)
        assert setting in done.exception.sentence
    assert isinstance(run().exception, InvalidInput)

"""Passkeys with a real browser: Chromium's virtual authenticator does the ceremony, the server verifies it.

Registers a passkey, signs in with it, signs the hash of an act with it; and then tries what must not work: a challenge
used twice, an answer for another act, another origin, a removed passkey, the passkey of somebody else.
"""

import base64
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from access_cast import SITE, add

from keystore import acts as module_acts
from vending.access import approvals, passkeys, service
from vending.access.errors import ApprovalRefused, ConfirmationNeeded, PasskeyRefused
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.clock import FixedClock
from vending.db import Database

Enter = Callable[[Database, str], Signed]
RP = "localhost"

CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options));
  return JSON.stringify((await navigator.credentials.create({publicKey})).toJSON());
}"""
GET = """async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options));
  return JSON.stringify((await navigator.credentials.get({publicKey})).toJSON());
}"""


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>passkeys</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[tuple[Any, str]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://localhost:{server.server_port}"
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(origin)
    devtools = context.new_cdp_session(opened)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield opened, origin
    context.close()
    server.shutdown()


def test_a_passkey_is_registered_signs_in_and_signs_an_act(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter, page: tuple[Any, str]
) -> None:
    db, (tab, origin) = sqlite_database, page
    custodian = add(db, clock, "lindiwe", "key custodian")
    maker = enter(db, add(db, clock, "keeper", "key custodian"))
    signed = enter(db, custodian)

    options = passkeys.begin_registration(db, clock, signed, rp_id=RP, site_name="Site")
    answer = tab.evaluate(CREATE, options)
    with pytest.raises(PasskeyRefused):
        passkeys.finish_registration(
            db, clock, signed, answer, rp_id=RP, origin="http://evil.example", label="x"
        )
    options = passkeys.begin_registration(db, clock, signed, rp_id=RP, site_name="Site")
    answer = tab.evaluate(CREATE, options)
    key = passkeys.finish_registration(
        db, clock, signed, answer, rp_id=RP, origin=origin, label=" My  phone "
    )
    with pytest.raises(PasskeyRefused):
        passkeys.finish_registration(db, clock, signed, answer, rp_id=RP, origin=origin, label="again")
    with db.reading() as session:
        assert [view.label for view in passkeys.list_passkeys(session, custodian)] == ["My phone"]

    answer = tab.evaluate(GET, passkeys.begin_sign_in(db, clock, rp_id=RP))
    entered = passkeys.sign_in(db, clock, answer, rp_id=RP, origin=origin, strict=True)
    assert entered.signed.actor.key == custodian
    assert entered.signed.second_factor == "passkey"
    assert entered.signed.actor.roles == {"key custodian"}
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(db, clock, answer, rp_id=RP, origin=origin)
    late = tab.evaluate(GET, passkeys.begin_sign_in(db, clock, rp_id=RP))
    clock.advance(timedelta(minutes=6))
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(db, clock, late, rp_id=RP, origin=origin)

    def ask(what: str) -> str:
        text = module_acts.close_budget(
            budget_id=what,
            module="ampoule/test",
            maker=maker.actor.key,
            reason="for the test",
            made=clock.now(),
        )
        text = text.replace('"act":"close-budget"', '"act":"open-budget"')
        with db.writing() as session:
            return approvals.ask(
                session,
                clock,
                maker.actor,
                "open-budget",
                {},
                site=SITE,
                subject=f"budget:{what}",
                reason="for the test",
                text=text,
            )

    first, second = ask("one"), ask("two")
    signature = tab.evaluate(GET, approvals.passkey_options(db, entered.signed, first, rp_id=RP))
    with pytest.raises(PasskeyRefused):
        approvals.decide_by_passkey(
            db, clock, vault, entered.signed, second, signature, rp_id=RP, origin=origin
        )
    with pytest.raises((PasskeyRefused, ApprovalRefused)):
        approvals.decide_by_passkey(db, clock, vault, maker, first, signature, rp_id=RP, origin=origin)
    assert (
        approvals.decide_by_passkey(
            db, clock, vault, entered.signed, first, signature, rp_id=RP, origin=origin
        )
        == "approved"
    )
    with db.reading() as session:
        credential = json.loads(signature)["id"]
        text, carried = approvals.carried(session, first, {credential: "lindiwe-phone"})
        assert [one.approver for one in carried] == ["lindiwe-phone"]
        # What is carried is what a module checks: the browser signed the hash of the act's own text.
        assert carried[0].client_data is not None
        client = json.loads(base64.urlsafe_b64decode(carried[0].client_data + "=="))
        wanted = base64.urlsafe_b64encode(module_acts.challenge(text)).rstrip(b"=").decode()
        assert client["challenge"] == wanted
        assert passkeys.list_passkeys(session, custodian)[0].used_at == clock.now()

    with db.writing() as session:
        passkeys.remove(session, clock, entered.signed.actor, key)
    answer = tab.evaluate(GET, passkeys.begin_sign_in(db, clock, rp_id=RP))
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(db, clock, answer, rp_id=RP, origin=origin)


GARBAGE = [
    "",
    "{}",
    "[]",
    "null",
    "not json",
    '{"id": "x", "response": {}}',
    '{"id": 1, "response": {"clientDataJSON": "e30"}}',
    "x" * 20_000,
]


@pytest.mark.parametrize("answer", GARBAGE)
def test_an_answer_that_is_no_answer_is_refused(
    sqlite_database: Database, clock: FixedClock, enter: Enter, answer: str
) -> None:
    signed = enter(sqlite_database, add(sqlite_database, clock, "lindiwe", "key custodian"))
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(sqlite_database, clock, answer, rp_id=RP, origin="http://localhost")
    passkeys.begin_registration(sqlite_database, clock, signed, rp_id=RP, site_name="Site")
    with pytest.raises(PasskeyRefused):
        passkeys.finish_registration(
            sqlite_database, clock, signed, answer, rp_id=RP, origin="http://localhost", label="x"
        )
    clock.advance(timedelta(minutes=6))
    with pytest.raises(ConfirmationNeeded):
        passkeys.begin_registration(sqlite_database, clock, signed, rp_id=RP, site_name="Site")
    assert timedelta(minutes=5) == service.CONFIRMED_FOR

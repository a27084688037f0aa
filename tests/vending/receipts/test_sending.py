"""From a sale to the customer's telephone: once, to one tenant alone, tried again, given up, and told on the sale's page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import Shop
from web_app import open_app, post, sign_in

from vending import jobs, outbox, reactions
from vending.notifications import service as notices
from vending.notifications.channel import Accepted, ChannelError, Outgoing
from vending.receipts import sending
from vending.services import Services
from vending.vends import queries
from vending.vends import service as vends
from vending.worker import Worker


class Recorder:
    def __init__(self) -> None:
        self.taken: list[Outgoing] = []
        self.error: ChannelError | None = None

    def send(self, message: Outgoing) -> Accepted:
        if self.error is not None:
            raise self.error
        self.taken.append(message)
        return Accepted(f"taken-{len(self.taken)}")


@pytest.fixture
def sms() -> Recorder:
    return Recorder()


@pytest.fixture
def email() -> Recorder:
    return Recorder()


@pytest.fixture
def services(shop: Shop, tmp_path: Path, sms: Recorder, email: Recorder) -> Services:
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE tenant SET phone = '082 555 0417', email = 'zola@hair.example'"))
    found: Services = open_app(shop, tmp_path / "site", send_receipts="both").extensions["ampoule"]
    return replace(found, channels={"sms": sms, "email": email})


def sold(shop: Shop, *units: str) -> str:
    (outcome,) = shop.sell(shop.basket(*(shop.order(unit, 50_000) for unit in units or ("G-04",))))
    assert isinstance(outcome, vends.SaleOutcome)
    return outcome.sale_key


def work(services: Services) -> None:
    worker = Worker(services)
    try:
        worker.deliver()
    finally:
        worker.close()


def states(shop: Shop, key: str) -> dict[str, str]:
    with shop.db.reading() as session:
        return {one.channel: one.state for one in notices.of_sale(session, key)}


def test_the_token_goes_to_the_tenant_once(
    shop: Shop, services: Services, sms: Recorder, email: Recorder
) -> None:
    key = sold(shop)
    work(services)
    work(services)
    # The cause delivered a second time, as after a crash of the worker, sends nothing more.
    with shop.db.writing() as session:
        outbox.emit(session, shop.clock, "vend issued", {"sale": key, "order": "the same"})
    work(services)
    assert states(shop, key) == {"sms": "accepted", "email": "accepted"}
    (text,), (letter,) = sms.taken, email.taken
    with shop.db.reading() as session:
        ((_vend, token),) = queries.one_sale(session, key).tokens
    groups = " ".join(token.digits[start : start + 4] for start in range(0, 20, 4))
    assert text.to == "082 555 0417"
    assert groups in text.text
    assert groups in letter.text
    assert groups in letter.html
    assert letter.attachments[0].data.startswith(b"%PDF")
    assert text.key != letter.key


def test_several_tenants_in_one_basket_read_nobodys_tokens(
    shop: Shop, services: Services, sms: Recorder
) -> None:
    key = sold(shop, "G-04", "G-03")
    work(services)
    assert states(shop, key) == {}
    assert sms.taken == []


def test_nothing_is_sent_without_a_wish_or_a_contact(shop: Shop, services: Services, sms: Recorder) -> None:
    key = sold(shop)
    assert sending.ask_after_sale(shop.db, shop.clock, key, "never", test=True) == []
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE tenant SET phone = '', email = ''"))
    other = sold(shop, "G-03")
    work(services)
    assert states(shop, other) == {}
    with pytest.raises(sending.NoContact):
        sending.ask_again(shop.db, shop.clock, other, "sms", test=True)


def test_what_is_away_is_tried_again_and_what_is_refused_is_not(
    shop: Shop, services: Services, sms: Recorder, email: Recorder
) -> None:
    sms.error = ChannelError("The gateway is away.", permanent=False)
    email.error = ChannelError("There is no such mailbox.", permanent=True)
    key = sold(shop)
    work(services)
    assert states(shop, key) == {"sms": "waiting", "email": "refused"}
    email.error = None
    for _ in range(outbox.TRIES):
        shop.clock.advance(timedelta(hours=2))
        work(services)
    with shop.db.reading() as session:
        (dead,) = jobs.list_jobs(session, state=jobs.DEAD)
        waiting = notices.of_sale(session, key)[0]
    assert (waiting.tries, waiting.error) == (outbox.TRIES, "The gateway is away.")
    sms.error = None
    with shop.db.writing() as session:
        outbox.send_again(session, shop.clock, dead.id)
    work(services)
    assert states(shop, key) == {"sms": "accepted", "email": "refused"}
    assert email.taken == []


def test_an_error_keeps_no_token(shop: Shop, services: Services, sms: Recorder) -> None:
    sms.error = ChannelError("It said: 1234 5678 9012 3456 7890.", permanent=True)
    key = sold(shop)
    work(services)
    with shop.db.reading() as session:
        told = notices.of_sale(session, key)[0].error
    assert "1234" not in told
    assert "kept out" in told


def test_every_event_of_the_table_of_reactions_is_known() -> None:
    assert notices.ASKED in reactions.REACTIONS


def test_the_sales_page_says_how_far_it_came_and_sends_by_hand(
    shop: Shop, services: Services, tmp_path: Path, sms: Recorder
) -> None:
    app = open_app(shop, tmp_path / "page")
    held = replace(app.extensions["ampoule"], channels={"sms": sms})
    app.before_request_funcs[None].insert(1, lambda: _bring(held))
    client = sign_in(app, "cashier")
    key = sold(shop)
    page = client.get(f"/cashier/vends/{key}").get_data(as_text=True)
    assert "Send to phone …417" in page
    assert "555" not in page.split("Send to phone", 1)[1][:40]
    for _ in range(2):
        assert post(client, f"/cashier/vends/{key}/send/sms").status_code == 303
    assert "On its way to …417" in client.get(f"/cashier/vends/{key}").get_data(as_text=True)
    sms.error = ChannelError("No such number.", permanent=True)
    work(replace(services, settings=replace(services.settings, send_receipts="never")))
    assert "Not sent to …417" in client.get(f"/cashier/vends/{key}").get_data(as_text=True)
    sms.error = None
    post(client, f"/cashier/vends/{key}/send/sms")
    work(replace(services, settings=replace(services.settings, send_receipts="never")))
    assert "Sent to …417" in client.get(f"/cashier/vends/{key}").get_data(as_text=True)
    assert len(sms.taken) == 1


def _bring(held: Services) -> None:
    from flask import g

    g.services = held

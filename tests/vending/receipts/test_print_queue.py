"""From the queue to the paper: each job comes out once, whatever breaks between server, agent and printer.

The printer is a real listener on a socket, as port 9100 is. It can be away, or stop in the middle as one that jams.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_cast import open_desk
from flask import Flask
from flask.testing import FlaskClient
from paper_judge import decode
from shop import Shop
from web_app import open_app, post, sign_in, sign_in_as

from vending.bootstrap import open_printer
from vending.print_agent import Agent, Journal, NotPaired, Server, ServerAway
from vending.receipts import print_queue
from vending.receipts.printer import PrinterAway
from vending.shifts import banking
from vending.shifts import service as shifts
from vending.shifts.count import Count
from vending.vends import queries
from vending.vends import service as vends
from vending.worker import Worker


class Sink:
    """A printer of the network that keeps what it took."""

    def __init__(self) -> None:
        self.jobs: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.done = threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._server.accept()
            except OSError:
                return
            with connection:
                job = b""
                while piece := connection.recv(65536):
                    job += piece
            if job:
                self.jobs.append(job)
                self.done.release()

    def close(self) -> None:
        self._server.close()


class Wire(Server):
    """The agent's calls go to the application itself; the wire can be cut before or after the server worked."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        super().__init__("http://localhost", secret)
        self._client = client
        self.cut = ""

    def ask(self, path: str, told: dict[str, str]) -> dict[str, Any]:
        if self.cut == f"before {path}":
            raise ServerAway("cut")
        answer = self._client.post(
            f"/print-agent/{path}", json=told, headers={"Authorization": f"Bearer {self.secret}"}
        )
        if self.cut == f"after {path}":
            raise ServerAway("cut")
        if answer.status_code in (401, 403):
            raise NotPaired
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found = answer.get_json()
        assert isinstance(found, dict)
        return found


class Jam:
    """A printer that takes half of a job and stops."""

    def send(self, data: bytes) -> None:
        raise PrinterAway("It jammed.", begun=True)


@pytest.fixture
def sink() -> Iterator[Sink]:
    found = Sink()
    yield found
    found.close()


@pytest.fixture
def app(shop: Shop, tmp_path: Path) -> Flask:
    return open_app(shop, tmp_path / "site")


@pytest.fixture
def wire(app: Flask, shop: Shop) -> Wire:
    page = post(sign_in(app, "supervisor"), "/supervisor/printers/pair", till="N1", roll="80")
    secret = page.get_data(as_text=True).split('id="secret">', 1)[1].split("<", 1)[0]
    assert secret.startswith("print_")
    return Wire(app.test_client(), secret)


def deliver(app: Flask) -> None:
    worker = Worker(app.extensions["ampoule"])
    worker.deliver()
    worker.close()


def sold(shop: Shop, app: Flask, unit: str = "G-04") -> str:
    (outcome,) = shop.sell(shop.basket(shop.order(unit, 150_000), received=160_000))
    assert isinstance(outcome, vends.SaleOutcome)
    deliver(app)
    return outcome.sale_key


def states(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        found = print_queue.list_jobs(session, shop.site, states=(*print_queue.OPEN, "printed", "dropped"))
    return [one.state for one in found]


def agent(wire: Wire, sink: Sink | None, folder: Path, printer: Any = None) -> Agent:
    return Agent(
        wire,
        printer or open_printer(f"tcp://127.0.0.1:{sink.port if sink else 9}"),
        Journal(folder / "journal"),
    )


def test_a_cash_sale_opens_the_drawer_and_comes_out_once(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    key = sold(shop, app)
    found = agent(wire, sink, tmp_path)
    assert found.step()
    assert not found.step()
    assert sink.done.acquire(timeout=5)
    (job,) = sink.jobs
    printed = decode(job)
    with shop.db.reading() as session:
        sale = queries.one_sale(session, key)
    assert (printed.kicks, printed.cuts) == (1, 1)
    text = " ".join(printed.lines)
    assert sale.receipt in text
    assert "COPY" not in text
    assert states(shop) == ["printed"]


def test_the_judge_sees_a_doubled_paper(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    """The planted fault: an agent that forgets its journal prints the same paper twice."""
    sold(shop, app)
    wire.cut = "before done"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with pytest.raises(ServerAway):
            agent(wire, sink, tmp_path / name).step()
        assert sink.done.acquire(timeout=5)
    assert len(sink.jobs) == 2


@pytest.mark.parametrize("cut", ["before done", "after done"])
def test_an_answer_that_is_lost_doubles_nothing(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path, cut: str
) -> None:
    sold(shop, app)
    wire.cut = cut
    with pytest.raises(ServerAway):
        agent(wire, sink, tmp_path).step()
    wire.cut = ""
    again = agent(wire, sink, tmp_path)  # started anew: only the journal remembers
    while again.step():
        pass
    assert sink.done.acquire(timeout=5)
    assert len(sink.jobs) == 1
    assert states(shop) == ["printed"]


@pytest.mark.parametrize("cut", ["before next", "after next"])
def test_a_server_that_is_away_loses_nothing(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path, cut: str
) -> None:
    sold(shop, app)
    wire.cut = cut
    found = agent(wire, sink, tmp_path)
    with pytest.raises(ServerAway):
        found.step()
    assert sink.jobs == []
    wire.cut = ""
    assert found.step()
    assert sink.done.acquire(timeout=5)
    assert len(sink.jobs) == 1


def test_a_printer_that_is_off_gets_its_paper_when_it_is_on(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    sold(shop, app)
    off = agent(wire, None, tmp_path)
    assert not off.step()
    assert not off.step()
    assert states(shop) == ["fetched"]
    with shop.db.reading() as session:
        (told,) = print_queue.list_agents(session, shop.site)
    assert "does not answer" in told.trouble
    assert agent(wire, sink, tmp_path).step()
    assert sink.done.acquire(timeout=5)
    assert states(shop) == ["printed"]


@pytest.mark.parametrize(("word", "papers"), [("yes", 0), ("no", 1), ("drop", 0)])
def test_a_jam_waits_for_a_persons_word_and_then_doubles_and_loses_nothing(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path, word: str, papers: int
) -> None:
    key = sold(shop, app)
    agent(wire, None, tmp_path, Jam()).step()
    assert states(shop) == ["unsure"]
    good = agent(wire, sink, tmp_path)
    assert not good.step()
    assert sink.jobs == []
    client = sign_in(app, "cashier")
    assert "Did it come out?" in client.get("/supervisor/printers").get_data(as_text=True)
    assert post(client, f"/supervisor/printers/papers/{key}/0", word=word).status_code == 303
    assert good.step() is bool(papers)
    if papers:
        assert sink.done.acquire(timeout=5)
        assert decode(sink.jobs[0]).kicks == 0, "the drawer opens for the money, not for the paper"
    assert len(sink.jobs) == papers
    assert post(client, f"/supervisor/printers/papers/{key}/0", word=word).status_code == 404


def test_an_agent_that_dies_in_the_middle_asks(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    sold(shop, app)
    name = wire.ask("next", {"trouble": ""})["job"]["name"]
    Journal(tmp_path / "journal").write(name, "begun")
    assert agent(wire, sink, tmp_path).step()
    assert sink.jobs == []
    assert states(shop) == ["unsure"]


def test_a_copy_and_a_test_page_come_out_too(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    key = sold(shop, app)
    client = sign_in(app, "cashier")
    for _ in range(2):
        answer = post(client, f"/cashier/vends/{key}/copies")
        assert answer.headers["Location"].endswith(f"/cashier/vends/{key}")
    with shop.db.reading() as session:
        (paired,) = print_queue.list_agents(session, shop.site)
    assert post(client, "/supervisor/printers/test", agent=paired.key).status_code == 303
    found = agent(wire, sink, tmp_path)
    while found.step():
        assert sink.done.acquire(timeout=5)
    first, copy, page = (" ".join(decode(job).lines) for job in sink.jobs)
    assert "COPY" not in first
    assert "COPY 1" in copy
    assert "Printer test" in page
    assert decode(sink.jobs[1]).kicks == 0


def test_the_papers_of_a_shift_and_its_bag_come_out_too(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    desk = open_desk(shop)
    key = desk.open()
    vends.sell(shop.db, shop.clock, shop.module, [desk.basket(key, 10_000)])
    own = sign_in_as(app, "thandi")
    page = own.get(f"/cashier/shifts/{key}/paper").get_data(as_text=True)
    assert "Print at till N1" in page
    address = page.split('action="/papers/', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    for _ in range(2):  # a form that is sent twice is one paper
        assert post(own, f"/papers/{address}").status_code == 303
    shifts.lock_count(shop.db, shop.clock, desk.thandi, key, Count("ZAR", {20_000: 3}, {}))
    shifts.close(shop.db, shop.clock, desk.thandi, key)
    bag = banking.pack(shop.db, shop.clock, desk.amina, [key], bag="S-1", count=Count("ZAR", {10_000: 1}, {}))
    deliver(app)
    deliver(app)
    supervisor = sign_in(app, "supervisor")
    listed = supervisor.get("/supervisor/printers").get_data(as_text=True)
    assert "End of shift (Z) N1-S00001" in listed
    assert "Deposit slip D-00001" in listed
    found = agent(wire, sink, tmp_path)
    while found.step():
        assert sink.done.acquire(timeout=5)
    texts = [" ".join(decode(job).lines) for job in sink.jobs]
    (so_far,) = [text for text in texts if "Shift so far (X)" in text]
    (end,) = [text for text in texts if "End of shift (Z)" in text]
    (deposit,) = [text for text in texts if "Deposit slip" in text]
    assert "100.00" not in so_far, "who counts the drawer sees no sum of the books"
    for field in ("N1-S00001", "100.00", "Log head"):
        assert field in end
    assert "S-1" in deposit
    assert sum(decode(job).kicks for job in sink.jobs) == 1, (
        "the sale opens the drawer, no paper of a shift does"
    )
    assert post(supervisor, f"/papers/deposits/{bag}/print").status_code == 303
    assert found.step(), "asked for by hand it comes once more"


def test_a_till_without_an_agent_prints_by_its_browser(shop: Shop, app: Flask) -> None:
    key = sold(shop, app)
    assert states(shop) == []
    answer = post(sign_in(app, "cashier"), f"/cashier/vends/{key}/copies")
    assert "print=now" in answer.headers["Location"]


def test_a_stranger_and_an_ended_agent_get_nothing(
    shop: Shop, app: Flask, wire: Wire, sink: Sink, tmp_path: Path
) -> None:
    sold(shop, app)
    client = sign_in(app, "supervisor")
    assert "has a print agent" in post(client, "/supervisor/printers/pair", till="N1", roll="58").get_data(
        as_text=True
    )
    for secret in ("", "print_wrong", wire.secret + "x"):
        with pytest.raises(NotPaired):
            Wire(app.test_client(), secret).ask("next", {})
    with shop.db.reading() as session:
        (paired,) = print_queue.list_agents(session, shop.site)
    post(client, "/supervisor/printers/end", agent=paired.key)
    with pytest.raises(NotPaired):
        agent(wire, sink, tmp_path).step()
    assert sink.jobs == []

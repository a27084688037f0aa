"""The corners of a site that a common day does not reach: what is blocked, ended, half done, given back, waiting for somebody.

They are made as people make them, by the forms of the pages, on a site that has been lived in (`lived_in.live`). So every page
of the URL map has something real to show, and a walk along the links finds nearly all of them.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from counter import Counter
from desk_cast import Desk
from flask import Flask
from flask.testing import FlaskClient
from web_app import key_in, post, sign_in_as

from keystore.errors import ModuleUnreachable
from keystore.module import CreditRequest, MeterKeying
from sts import drn
from vending import audit
from vending.access.policy import SYSTEM
from vending.estate import meters, queries
from vending.receipts import print_queue
from vending.shifts import queries as open_shifts
from vending.shifts import service as shifts
from vending.shifts.count import Count
from vending.shifts.limits import LimitRow, set_limits
from vending.tariffs import service as tariffs
from vending.vends import adopting, log_fence
from vending.vends import queries as sold
from vending.vends import service as vends
from vending.vends.acting import Wanted


@dataclass
class Deaf:
    """A module that hears no order: a sale stays paid, without its token."""

    inner: Any

    def issue(self, _requests: Sequence[Any]) -> Any:
        raise ModuleUnreachable("The security module does not answer.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def furnish(app: Flask, desk: Desk, counter: Counter) -> dict[str, str]:
    """Gives the addresses that no link on a page leads to, or only for a moment, by the endpoint they belong to."""
    shop = desk.shop
    with shop.db.writing() as session:
        set_limits(
            session, shop.clock, desk.john, shop.site, LimitRow("", special_minor=100_000), reason="Start"
        )
    clients = {login: sign_in_as(app, login) for login in ("thandi", "pieter", "amina", "john", "samuel")}
    found = _of_the_till(clients["thandi"], clients["amina"], desk, counter)
    found |= _of_the_estate(app, clients["john"], clients["samuel"], desk)
    post(clients["john"], f"/manager/people/{desk.grace.key}/close", reason="On leave")
    found["people.enable"] = f"/manager/people/{desk.grace.key}/open"
    _lost_to_the_database(desk, counter)
    post(clients["john"], "/manager/sellers/new", code="KIOSK", name="Kiosk at the corner")
    post(
        clients["john"],
        "/manager/api-keys/new",
        name="Books",
        days="30",
        calls_a_minute="60",
        sale_limit="",
        seller="",
        **{"scope:sale.read": "1"},
    )
    program = re.search(r"/manager/api-keys/\w+/withdraw", _text(clients["john"], "/manager/api-keys"))
    assert program is not None
    with shop.db.reading() as session:
        tariff = next(one for one in tariffs.list_versions(session) if one.service == "electricity")
    found |= {
        "api_keys.revoke": program[0],
        "tariffs.effect": f"/manager/tariffs/{tariff.code}/{tariff.key}/effect",
    }
    for unit in ("G-08", "G-09"):
        sale = counter.act(
            "engineer", Wanted("key-change", shop.meter(unit), "The old revision ends", work_order="WO-17", to={"krn": 2})
        )  # fmt: skip
        found["tokens.confirm"] = f"/engineer/tokens/key-change/{sale.vends[0].order_id}/seen"
        found["papers.act"] = f"/papers/acts/{sale.vends[0].order_id}/a5.pdf"
    return found


def _lost_to_the_database(desk: Desk, counter: Counter) -> None:
    """A token that the module made and no order here knows of, as after a restore; taken in."""
    shop = desk.shop
    with shop.db.reading() as session:
        keying = queries.one_meter(session, shop.clock, shop.meter("G-03")).keying
    of_meter = MeterKeying(**{one.name: getattr(keying, one.name) for one in fields(MeterKeying)})
    counter.module.issue(
        [CreditRequest(str(uuid.uuid4()), of_meter, "electricity", 0, 123, "small", "0" * 64)]
    )
    found = log_fence.look(shop.db, counter.module, counter.module.status())
    adopting.adopt(shop.db, shop.clock, counter.module, found.missing, actor=audit.SYSTEM)


def _of_the_till(thandi: FlaskClient, amina: FlaskClient, desk: Desk, counter: Counter) -> dict[str, str]:
    """Money for nobody, a refund with its slip, a list that was brought, printers, a sale without an answer, a locked count."""
    shop = desk.shop
    for note in ("A man from G-03", "Nobody knows"):
        post(thandi, "/cashier/unclaimed", amount="80", way="cash", note=note)
    waiting = re.search(r"/supervisor/unclaimed/[0-9a-f]+", _text(amina, "/supervisor/unclaimed"))
    assert waiting is not None
    post(amina, waiting[0], unit="G-03", amount="80", reason="He came back", evidence="Slip")
    with shop.db.reading() as session:
        tenant = queries.one_meter(session, shop.clock, shop.meter("G-03")).tenant
        number = queries.one_meter(session, shop.clock, shop.meter("G-04")).drn
    assert tenant is not None
    given = post(
        thandi, f"/cashier/refunds/to/{tenant.key}", request=str(uuid.uuid4()), source="kept", way="cash",
        amount="20", reason="Moved away", evidence="Passport",
    )  # fmt: skip
    listed = key_in(
        post(
            thandi, "/cashier/bulk", way="transfer", reference="EFT-778",
            file=(io.BytesIO(f"meter,amount\n{number},50\n{number},60\n".encode()), "list.csv"),
        )
    )  # fmt: skip
    print_queue.pair(shop.db, shop.clock, desk.amina, site=shop.site, till="N7", roll="80")
    with shop.db.writing() as session:
        print_queue.ask_test_page(session, shop.clock, shop.site, "N7")
    paper = re.search(r"/supervisor/printers/papers/[^\"]+", _text(amina, "/supervisor/printers"))
    assert paper is not None
    # A drawer that is counted and locked, and is short; and one that is closed with its money not packed yet.
    locked = desk.open("pieter", till="N3")
    shifts.lock_count(shop.db, shop.clock, desk.pieter, locked, Count("ZAR", {20_000: 2}, {}))
    # The module does not hear: paid, and no digits.
    (open_sale,) = vends.sell(
        shop.db, shop.clock, Deaf(shop.module), [desk.basket(_shift_of(desk), 3_000, unit="G-07")]
    )  # fmt: skip
    assert isinstance(open_sale, vends.SaleOutcome), open_sale
    counter.pass_(minutes=1)
    _agree(amina, "6193", "Typed for the wrong customer")  # what `live` asked for: so there is a credit note
    with shop.db.reading() as session:
        sales = sold.list_last_of_till(session, shop.site, "N1", most=20)
        back = next(one for one in sales if one.state == "reversed")
        (bag,) = open_shifts.list_batches(session, shop.site)
        closed = open_shifts.list_shifts(session, shop.site)[-1]
    return {
        "trouble.show": f"/cashier/vends/{back.key}/trouble",
        "receipts.credit_note": f"/cashier/receipts/{back.key}/credit-notes/CN-000001/a4.pdf",
        "papers.deposit": f"/papers/deposits/{bag.key}/a5.pdf",
        "papers.others_shift": f"/papers/others-shifts/{closed.key}/80.pdf",
        "shifts.deposit": f"/cashier/shifts/deposits/{bag.key}",
        "supervisor_shifts.paper": f"/supervisor/shifts/{closed.key}/paper",
        "bags.packing": "/supervisor/bags/pack",
        "vends.show_token": f"/cashier/vends/{open_sale.sale_key}/tokens/1",
        "refunds.show": given.headers["Location"],
        "refunds.giving": f"/cashier/refunds/to/{tenant.key}",
        "bulk.show": f"/cashier/bulk/{listed}",
        "printers.decide": paper[0],
        "vends.show": f"/cashier/vends/{open_sale.sale_key}",
    }


def _shift_of(desk: Desk) -> str:
    with desk.shop.db.reading() as session:
        return open_shifts.open_key(session, desk.thandi.key)


def _of_the_estate(app: Flask, john: FlaskClient, samuel: FlaskClient, desk: Desk) -> dict[str, str]:
    """A unit without a tenant, meters in the store room, one that is blocked, a swap and a move-out that two people agreed to."""
    shop = desk.shop
    unit = key_in(post(john, "/manager/estate/units/add", code="X-01", format="shop", area="55.5", floor=""))
    blocked = shop.meter("G-05")
    post(john, f"/manager/meters/{blocked}/block", reason="Cover is open")
    with shop.db.reading() as session:
        here = queries.one_meter(session, shop.clock, shop.meter("G-06"))
        gone = queries.one_meter(session, shop.clock, shop.meter("G-04"))
        left = [
            one for one in queries.meters_of_space(session, shop.clock, gone.space.key) if one.credit_in == "meter"
        ] if gone.space else []  # fmt: skip
    assert gone.lease is not None
    keying = {name: value for name, value in asdict(here.keying).items() if name != "pan"}
    spare = []
    with shop.db.writing() as session:
        for number in ("0199990001", "0199990002"):
            spare.append(
                meters.add_meter(
                    session, shop.clock, SYSTEM, site=shop.site, number=drn.of(number), service="electricity",
                    keying=keying, label="spare", tariff=here.tariff,
                )
            )  # fmt: skip
        meters.commission(session, shop.clock, SYSTEM, spare[0], evidence="display test seen")
    swap = _agreed(
        app, samuel, f"/manager/occupancy/swap/{here.key}",
        new=spare[0], total="10", credit="", units="", reason="Dead display", evidence="Photo 3",
    )  # fmt: skip
    typed = {f"{field}:{one.key}": value for one in left for field, value in (("total", "0"), ("credit", "0"), ("credit-goes", "leave"))}  # fmt: skip
    out = _agreed(
        app, john, f"/manager/occupancy/move-out/{gone.lease.key}", reason="The lease ends", evidence="Photo 12", **typed
    )  # fmt: skip
    return {
        "records.move_in": f"/manager/units/{unit}/move-in",
        "occupancy.swapped": f"/manager/occupancy/swaps/{swap}",
        "occupancy.moved_out": f"/manager/occupancy/move-outs/{out}",
        "occupancy.found": f"/manager/occupancy/found/{here.key}",
        "meters.commission": f"/manager/meters/{spare[1]}/commission",
        "meters.unblock": f"/manager/meters/{blocked}/unblock",
    }


def _agreed(app: Flask, client: FlaskClient, address: str, **typed: str) -> str:
    """Looked at, asked for, and agreed to by the second manager; gives the act's key."""
    shown = post(client, address, step="look", **typed).get_data(as_text=True)
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', shown)
    assert seen, shown
    act = key_in(post(client, address, step="do", seen=seen[1], **typed))
    _agree(sign_in_as(app, "grace"), "8415", typed["reason"])
    return act


def _agree(second: FlaskClient, pin: str, reason: str) -> None:
    """To whatever was asked for with this reason."""
    for key in re.findall(r'id="act-([0-9a-f]+)"', _text(second, "/supervisor/approvals")):
        if reason in _text(second, f"/supervisor/approvals/{key}"):
            assert post(second, f"/supervisor/approvals/{key}/yes", confirm=pin).status_code == 303


def _text(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)

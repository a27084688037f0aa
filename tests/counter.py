"""A shop with the real security module in it and people who act, for the tests of acts of two people and of whole journeys."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import keystore_cast
from access_cast import add
from shop import Shop

from keystore import demonstration
from meter import profile, test_keys
from meter.profile import Installation
from meter.twin import Twin
from vending.access import approvals, module_acts
from vending.access import service as access
from vending.access.policy import Actor
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.clock import FixedClock
from vending.estate import queries as estate
from vending.vends import acting, queries
from vending.vends import service as vends
from vending.vends.acting import Wanted
from vending.vends.plan import VendOrder

ROLES = {
    "cashier": ("cashier",),
    "supervisor": ("supervisor",),
    "manager": ("manager",),
    "second manager": ("manager",),
    "engineer": ("engineer",),
}


@dataclass
class Counter:
    """The shop, its module and its people. `sign` is what the two demonstration approvers do with their key files."""

    shop: Shop
    module: keystore_cast.Module
    vault: SiteSecret
    people: dict[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> FixedClock:
        return self.shop.clock

    def pass_(self, **time: float) -> None:
        self.shop.clock.advance(timedelta(**time))
        self.module.source.pass_(**time)  # type: ignore[attr-defined]

    def signed(self, role: str) -> Signed:
        db = self.shop.db
        if role not in self.people:
            self.people[role] = add(db, self.clock, role.replace(" ", "-"), *ROLES[role], site=self.shop.site)
        with db.writing() as session:
            secret = access.open_session(
                session, self.clock, self.people[role], address="127.0.0.1", factor=None
            )
        return access.session_of(db, self.clock, secret)

    def actor(self, role: str) -> Actor:
        return self.signed(role).actor

    def sell(self, *orders: VendOrder) -> queries.SaleView:
        (outcome,) = vends.sell(self.shop.db, self.clock, self.module, [self.shop.basket(*orders)])
        assert isinstance(outcome, vends.SaleOutcome), outcome
        sale = self.sale(outcome.sale_key)
        assert outcome.sale == sale, "what the seller is told is what stands in the database"
        return sale

    def sale(self, key: str) -> queries.SaleView:
        with self.shop.db.reading() as session:
            return queries.one_sale(session, key)

    def ask(self, role: str, wanted: Wanted, order_id: str = "") -> acting.Asked:
        return acting.request(
            self.shop.db,
            self.clock,
            self.actor(role),
            order_id or str(uuid.uuid4()),
            wanted,
            site=self.shop.site,
            for_module=self.module.status().log,
        )

    def sign(self, role: str, approval: str, signatures: list[Any] | None = None) -> None:
        with self.shop.db.reading() as session:
            text = approvals.one_request(session, self.clock, self.actor(role), approval).text
        module_acts.hand_in_file(
            self.shop.db,
            self.clock,
            self.module,
            self.actor(role),
            approval,
            text,
            demonstration.sign(text) if signatures is None else signatures,
        )

    def act(self, role: str, wanted: Wanted) -> queries.SaleView:
        """From the asking to the slip, with both approvers' signatures."""
        asked = self.ask(role, wanted)
        if asked.approval:
            self.sign(role, asked.approval)
        acting.carry_out(self.shop.db, self.clock, self.module, self.actor(role), asked.order_id)
        return self.sale(asked.sale_key)

    def twin(self, unit: str) -> Twin:
        """The meter on the wall of this unit, new and empty, under its demonstration key."""
        with self.shop.db.reading() as session:
            meter = estate.one_meter(session, self.clock, self.shop.meter(unit))
        key = test_keys.TestKeys.read(Path(demonstration.__file__).parent / "demonstration.toml").decoder_key(
            test_keys.Keying(
                **{name: getattr(meter.keying, name) for name in test_keys.Keying.__dataclass_fields__}
            )
        )
        twin = Twin.fresh(
            profile.load("single-phase"), Installation(meter.pan), key, int(self.clock.now().timestamp())
        )
        twin.deliver(0)
        return twin


def open_counter(shop: Shop, made: Path, folder: Path) -> Counter:
    shutil.copytree(made, folder / "module")
    module = keystore_cast.Module(folder / "module", keystore_cast.SetTime(shop.clock.now()))
    return Counter(shop, module, SiteSecret.of_folder(folder / "secret"))

"""Who answers a key: the port between addresses and business. A key of a site is answered by `site_desk`, one of the sandbox
by `sandbox_desk`; both give the same values, so that what works in the sandbox works at a site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vending.errors import VendingError
from vending.services import Services
from vending.web.api import schemas as s
from vending.web.api.keyring import Caller


class Desk(Protocol):
    """`VendingError` as an element of a list is the answer to that order alone."""

    def look_up(self, number: str) -> s.Meter: ...

    def quote(self, trial: s.Trial) -> s.Quote: ...

    def sell(self, orders: Sequence[s.Order]) -> list[s.Vend | VendingError]: ...

    def advise(self, order_id: str) -> s.Vend: ...

    def last(self, number: str | None) -> s.Vend: ...

    def list_vends(self, page: s.VendPage) -> s.Vends: ...

    def confirm(self, order_id: str) -> s.Vend: ...

    def reprint(self, order_id: str) -> s.Vend: ...

    def ask_reversal(self, order_id: str, asked: s.ReversalRequest) -> s.Reversal: ...

    def seller(self) -> s.SellerAnswer: ...

    def position(self) -> s.SellerPosition | None: ...

    def statement(self, span: s.Span) -> s.SellerStatement: ...

    def list_meters(self, page: s.Page) -> s.Meters: ...

    def list_tenants(self, page: s.Page) -> s.Tenants: ...

    def balances(self, tenant: str) -> s.Balances: ...

    def status(self) -> s.Status: ...


def desk_of(services: Services, caller: Caller) -> Desk:
    from vending.web.api.sandbox_desk import SandboxDesk
    from vending.web.api.site_desk import SiteDesk

    return SandboxDesk(services, caller) if caller.client.in_sandbox else SiteDesk(services, caller)

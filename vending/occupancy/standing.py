"""What the books know of a meter and of a customer at this moment, for the acts of occupancy. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from vending.access import approvals
from vending.clock import Clock
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.ledger import queries as ledger
from vending.occupancy.errors import OccupancyForbids, ReadingUnfit
from vending.occupancy.estimate import Estimate, GivenToken, Reading, estimate
from vending.vends import acting, listing, queries


def of_meter(session: Session, meter: MeterView, reading: Reading) -> Estimate:
    """The reading held against what the meter was given."""
    if reading.total < 0 or (reading.credit is not None and reading.credit < 0):
        raise ReadingUnfit("A reading is zero or more.", "reading")
    given = by_the_books(session, meter) + estate.factory_credit(session, meter.key)
    tokens = [
        GivenToken(token.order_id, sale.receipt, token.units, token.logged_at)
        for sale in _sales(session, meter)
        for vend, token in reversed(sale.tokens)
        if vend.meter_key == meter.key and token.units
    ]
    return estimate(given, reading, tokens)


def by_the_books(session: Session, meter: MeterView) -> int:
    """What the ledger says the meter was given. The factory's credit is not in it, and so cannot be taken out of it."""
    return ledger.balance(session, f"energy/meter/{meter.key}", meter.service)


def _sales(session: Session, meter: MeterView) -> list[queries.SaleView]:
    orders = listing.list_orders(session, site=meter.site_key, seller=None, meter_key=meter.key, most=50)
    return list({order.sale.key: order.sale for order in orders}.values())


def told(one: Estimate) -> dict[str, Any]:
    """The estimate as two people agree to it, and as it is kept."""
    content = asdict(one)
    content["tokens"] = [
        [token.order_id, token.receipt, token.units, token.made_at.isoformat(timespec="seconds")]
        for token in one.tokens
    ]
    content["left"] = one.left
    return content


def open_orders(session: Session, clock: Clock, meter: MeterView) -> list[str]:
    """Orders of this meter that are paid and whose tokens are not known yet."""
    orders = listing.list_orders(session, site=meter.site_key, seller=None, meter_key=meter.key, most=50)
    return [order.vend.order_id for order in orders if order.vend.state in ("paid", "asked")]


UNDECIDED = ("open", "approved")


def refuse_twice(session: Session, clock: Clock, approval: str, orders: Iterable[str]) -> None:
    """An act of this unit or meter was asked for before. While it, or a token of it, can still be agreed to, asking again
    would settle the same credit twice."""
    if approvals.standing_of(session, clock, approval)[0] in UNDECIDED:
        raise OccupancyForbids(
            "This was asked for already and waits for the second person. Let it be decided, or withdraw it, before you ask again."
        )
    for order in orders:
        act = acting.find_act(session, order)
        if (
            act is not None
            and act.approval_key
            and approvals.standing_of(session, clock, act.approval_key)[0] in UNDECIDED
        ):
            raise OccupancyForbids(
                f"The token {act.number} of the earlier try can still be signed. Have it rejected or withdrawn before you ask again."
            )

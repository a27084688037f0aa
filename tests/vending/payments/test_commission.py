"""Commission goes to a seller once, whoever pays it out at the same moment."""

from __future__ import annotations

import threading

from access_cast import SITE

from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.ledger import queries as books
from vending.ledger import service as ledger
from vending.ledger.entries import transfer
from vending.payments import sellers


def test_two_who_settle_at_the_same_moment_pay_out_what_was_earned_and_no_more(
    database: Database, clock: FixedClock
) -> None:
    with database.writing() as session:
        sellers.register(session, clock, SYSTEM, code="KIOSK7", name="Kiosk", site=SITE, currency="ZAR")
        earned = transfer(
            "vend", "order/1", "ZAR", 100, debited="cost/commission/kiosk7", credited="commission/kiosk7"
        )
        ledger.post(session, clock, [earned])
    told: list[object] = []

    def settle(reference: str) -> None:
        try:
            with database.writing() as session:
                sellers.settle_commission(session, clock, SYSTEM, "KIOSK7", 100, reference=reference)
        except Exception as refused:
            told.append(refused)

    with database.writing() as session:
        sellers.settle_commission(session, clock, SYSTEM, "KIOSK7", 100, reference="first")
        session.flush()
        other = threading.Thread(target=settle, args=("second",))
        other.start()
        other.join(0.5)
    other.join()
    with database.reading() as session:
        assert books.balance(session, "commission/kiosk7", "ZAR") == 0
        assert books.balance(session, "seller/kiosk7", "ZAR") == 100
    assert [type(one) for one in told] == [sellers.SellerUnfit]

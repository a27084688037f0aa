"""Money at the desk without a token: unclaimed, given back, typed under the wrong way of paying; and vouchers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from desk_cast import Desk, open_desk
from shop import Shop

from vending.access import approvals
from vending.access.errors import ApprovalRefused
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.errors import NotAllowed
from vending.estate import queries as estate
from vending.ledger import queries as books
from vending.payments import kept, vouchers
from vending.payments.tender import ReferenceMissing, Tender, TenderTwice, TransferUsed
from vending.payments.vouchers import VoucherUnfit
from vending.shifts import queries as shifts
from vending.shifts import service as shift_service
from vending.shifts.count import Count
from vending.shifts.errors import ShiftNotOpen
from vending.shifts.limits import LimitRow, set_limits
from vending.vends import desk as desk_acts
from vending.vends import queries
from vending.vends import service as vends
from vending.vends.desk import CorrectionUnfit, RefundAsked, RefundBeyondLimit, RefundUnfit


@pytest.fixture
def desk(shop: Shop) -> Desk:
    made = open_desk(shop)
    with shop.db.writing() as session:
        limits = LimitRow("", special_minor=5_000, float_minor=50_000)
        set_limits(session, shop.clock, made.john, shop.site, limits, reason="Start")
    return made


@pytest.fixture
def vault(tmp_path: Path) -> SiteSecret:
    return SiteSecret.of_folder(tmp_path / "secret")


def balance(desk: Desk, account: str) -> int:
    with desk.shop.db.reading() as session:
        return books.balance(session, account, "ZAR")


def tenant(desk: Desk, unit: str = "G-03") -> str:
    with desk.shop.db.reading() as session:
        meter = estate.one_meter(session, desk.shop.clock, desk.shop.meter(unit))
    assert meter.tenant is not None
    return meter.tenant.key


def receive(desk: Desk, shift: str, **more: object) -> str:
    asked = {
        "way": "cash",
        "amount_minor": 20_000,
        "reference": "",
        "note": "Man from a shop upstairs",
        **more,
    }
    return desk_acts.receive_unclaimed(
        desk.shop.db,
        desk.shop.clock,
        desk.thandi,
        site=desk.site,
        till="N1",
        shift=shift,
        currency="ZAR",
        **asked,  # type: ignore[arg-type]
    )


def attribute(desk: Desk, account: str, minor: int, who: str = "amina") -> None:
    desk_acts.attribute(
        desk.shop.db,
        desk.shop.clock,
        desk.cast[who],
        site=desk.site,
        account=account,
        tenant=tenant(desk),
        amount_minor=minor,
        currency="ZAR",
        reason="He came with his slip",
        evidence="Slip 12",
    )


def back(desk: Desk, shift: str, minor: int, **more: str) -> RefundAsked:
    key = tenant(desk)
    return replace(
        RefundAsked(
            str(uuid.uuid4()),
            desk.site,
            "N1",
            shift,
            f"kept/{key}",
            key,
            "cash",
            minor,
            "ZAR",
            "",
            "Moved away",
            "Passport",
        ),
        **more,
    )


def give(desk: Desk, asked: RefundAsked) -> str:
    return desk_acts.refund(desk.shop.db, desk.shop.clock, desk.thandi, asked)


def agree(desk: Desk, vault: SiteSecret, key: str, who: str = "amina") -> None:
    now = desk.shop.clock.now()
    signed = Signed(desk.cast[who], "session", who, "en", now, now, now, None, frozenset())
    approvals.decide(desk.shop.db, desk.shop.clock, vault, signed, key, yes=True)


def test_unclaimed_money_waits_is_listed_and_finds_its_owner(desk: Desk) -> None:
    shift = desk.open()
    key = receive(desk, shift)
    account = f"suspense/{key}"
    assert (balance(desk, account), balance(desk, "cash/n1")) == (20_000, 70_000)
    with desk.shop.db.reading() as session:
        (waiting,) = desk_acts.list_unclaimed(session, desk.site, "ZAR")
        assert desk_acts.list_unclaimed(session, "elsewhere", "ZAR") == []
    assert (waiting.account, waiting.available_minor, waiting.received_by) == (
        account,
        20_000,
        "Thandi Nkosi",
    )
    with pytest.raises(NotAllowed):
        attribute(desk, account, 20_000, "thandi")
    with pytest.raises(RefundUnfit):
        attribute(desk, account, 20_001)
    attribute(desk, account, 15_000)
    attribute(desk, account, 5_000)
    assert balance(desk, f"kept/{tenant(desk)}") == 20_000
    with desk.shop.db.reading() as session:
        assert desk_acts.list_unclaimed(session, desk.site, "ZAR") == []


def test_money_over_in_a_counted_drawer_is_among_the_unclaimed(desk: Desk) -> None:
    shift = desk.open()
    shift_service.lock_count(desk.shop.db, desk.shop.clock, desk.thandi, shift, Count("ZAR", {1000: 51}))
    shift_service.close(desk.shop.db, desk.shop.clock, desk.thandi, shift, reason="Somebody left it")
    shift_service.decide(
        desk.shop.db, desk.shop.clock, desk.amina, shift, outcome="claim", reason="He will come back"
    )
    with desk.shop.db.reading() as session:
        (waiting,) = desk_acts.list_unclaimed(session, desk.site, "ZAR")
    assert (waiting.known, waiting.available_minor) == ("Over in shift N1-S00001", 1_000)


def test_a_cashier_gives_back_within_the_limit_of_the_shift_and_once(desk: Desk) -> None:
    shift = desk.open()
    attribute(desk, f"suspense/{receive(desk, shift)}", 20_000)
    asked = back(desk, shift, 3_000)
    assert give(desk, asked) == "N1-R-000001"
    assert give(desk, asked) == "N1-R-000001"
    assert balance(desk, f"kept/{tenant(desk)}") == 17_000
    assert balance(desk, "cash/n1") == 67_000
    with pytest.raises(RefundUnfit):
        give(desk, replace(asked, amount_minor=3_001))
    with pytest.raises(RefundBeyondLimit):
        give(desk, back(desk, shift, 2_001))
    assert give(desk, back(desk, shift, 2_000, way="transfer", reference="62-1180")) == "N1-R-000002"
    with desk.shop.db.reading() as session:
        assert [one.amount_minor for one in kept.list_refunds(session, desk.site, shift=shift)] == [
            2_000,
            3_000,
        ]
        (reading,) = shifts.reading(session, shifts.one_shift(session, shift))
    assert reading.back_minor == 3_000


def test_beyond_the_limit_a_second_person_agrees_to_exactly_that(desk: Desk, vault: SiteSecret) -> None:
    shift = desk.open()
    attribute(desk, f"suspense/{receive(desk, shift)}", 20_000)
    asked = back(desk, shift, 9_000)
    key = desk_acts.ask_refund(desk.shop.db, desk.shop.clock, desk.thandi, asked)

    def carry(one: RefundAsked) -> str:
        return desk_acts.refund(desk.shop.db, desk.shop.clock, desk.thandi, one, approval=key, vault=vault)

    with pytest.raises(ApprovalRefused):
        carry(asked)
    with pytest.raises(ApprovalRefused):
        agree(desk, vault, key, "thandi")
    agree(desk, vault, key)
    with pytest.raises(ApprovalRefused):
        carry(replace(asked, amount_minor=19_000))
    number = carry(asked)
    assert carry(asked) == number
    assert balance(desk, f"kept/{tenant(desk)}") == 11_000


def test_a_page_that_is_sent_twice_at_once_asks_once_and_gives_back_once(desk: Desk) -> None:
    shift = desk.open()
    attribute(desk, f"suspense/{receive(desk, shift)}", 20_000)
    large = back(desk, shift, 19_000)

    def twice(act: Callable[[], str]) -> list[str]:
        with ThreadPoolExecutor(2) as pool:
            return [one.result() for one in [pool.submit(act), pool.submit(act)]]

    first, second = twice(lambda: desk_acts.ask_refund(desk.shop.db, desk.shop.clock, desk.thandi, large))
    assert first == second
    for _ in range(5):
        small = back(desk, shift, 100)
        before = balance(desk, f"kept/{tenant(desk)}")
        first, second = twice(lambda asked=small: give(desk, asked))  # type: ignore[misc]
        assert first == second
        assert balance(desk, f"kept/{tenant(desk)}") == before - 100
    with pytest.raises(RefundUnfit, match="Open the page anew"):
        give(desk, replace(large, request="x"))


def test_refunds_are_refused_and_book_nothing(desk: Desk) -> None:
    shift = desk.open()
    attribute(desk, f"suspense/{receive(desk, shift)}", 4_000)
    rows: list[tuple[RefundAsked, type[Exception]]] = [
        (back(desk, shift, 4_001), RefundUnfit),
        (back(desk, shift, 0), RefundUnfit),
        (back(desk, shift, 1_000, way="card"), RefundUnfit),
        (back(desk, shift, 1_000, way="transfer"), ReferenceMissing),
        (back(desk, shift, 1_000, reason=" "), RefundUnfit),
        (back(desk, shift, 1_000, evidence=""), RefundUnfit),
        (back(desk, shift, 1_000, source="equity/opening"), RefundUnfit),
        (back(desk, shift, 1_000, source=f"kept/{tenant(desk, 'G-04')}"), RefundUnfit),
        (back(desk, "", 1_000), ShiftNotOpen),
        (back(desk, shift, 1_000, till="N2"), ShiftNotOpen),
    ]
    with desk.shop.db.reading() as session:
        before = books.last_entry(session)
    for asked, refusal in rows:
        with pytest.raises(refusal):
            give(desk, asked)
    own = replace(
        back(desk, shift, 1_000, tenant=str(desk.coffee.tenant)), source=f"kept/{desk.coffee.tenant}"
    )
    partial = replace(desk.thandi, tenant=desk.coffee.tenant)
    with pytest.raises(NotAllowed):
        desk_acts.refund(desk.shop.db, desk.shop.clock, partial, own)
    with pytest.raises(NotAllowed):
        desk_acts.refund(desk.shop.db, desk.shop.clock, desk.claire, back(desk, shift, 1_000))
    with desk.shop.db.reading() as session:
        assert books.last_entry(session) == before


def test_a_card_typed_for_cash_is_put_right_by_two_and_the_token_stays(desk: Desk, vault: SiteSecret) -> None:
    shift = desk.open()
    (outcome,) = desk.shop.sell(desk.basket(shift, 30_000))
    assert isinstance(outcome, vends.SaleOutcome)
    with desk.shop.db.reading() as session:
        before = queries.one_sale(session, outcome.sale_key)

    def ask(to_way: str, reference: str = "T-77", position: int = 1) -> str:
        return desk_acts.ask_correction(
            desk.shop.db, desk.shop.clock, desk.thandi, site=desk.site, sale=outcome.sale_key,
            position=position, to_way=to_way, reference=reference, reason="Typed the wrong key", evidence="Slip of the terminal",
        )  # fmt: skip

    with pytest.raises(CorrectionUnfit):
        ask("cash")
    with pytest.raises(CorrectionUnfit):
        ask("account")
    with pytest.raises(CorrectionUnfit):
        ask("card", position=2)
    with pytest.raises(ReferenceMissing):
        ask("card", "")
    # The drawer is counted, the difference shows the mistake: it is corrected before the close, and nothing is short.
    shift_service.lock_count(
        desk.shop.db, desk.shop.clock, desk.thandi, shift, Count("ZAR", {1000: 50}, {"card": 30_000})
    )
    key = ask("card")
    content = {"sale": outcome.sale_key, "position": 1, "to": "card", "reference": "T-77"}
    with pytest.raises(ApprovalRefused):
        desk_acts.correct_tender(
            desk.shop.db, desk.shop.clock, vault, desk.amina, key, content, site=desk.site
        )
    agree(desk, vault, key)
    desk_acts.correct_tender(desk.shop.db, desk.shop.clock, vault, desk.amina, key, content, site=desk.site)
    assert (balance(desk, "cash/n1"), balance(desk, "card/n1")) == (50_000, 30_000)
    with pytest.raises(CorrectionUnfit):
        ask("card")
    shift_service.close(desk.shop.db, desk.shop.clock, desk.thandi, shift)
    with desk.shop.db.reading() as session:
        after = queries.one_sale(session, outcome.sale_key)
        closing = shifts.one_shift(session, shift).closing
    assert closing is not None
    assert closing.differences == {}
    assert [(one.way, one.reference) for one in after.taken] == [("card", "T-77")]
    assert after.tokens == before.tokens
    assert after.content_hash == before.content_hash


def test_a_correction_comes_too_late_when_the_shift_is_closed(desk: Desk) -> None:
    shift = desk.open()
    (outcome,) = desk.shop.sell(desk.basket(shift, 30_000))
    assert isinstance(outcome, vends.SaleOutcome)
    shift_service.lock_count(desk.shop.db, desk.shop.clock, desk.thandi, shift, Count("ZAR", {1000: 80}))
    shift_service.close(desk.shop.db, desk.shop.clock, desk.thandi, shift)
    with pytest.raises(CorrectionUnfit):
        desk_acts.ask_correction(
            desk.shop.db, desk.shop.clock, desk.thandi, site=desk.site, sale=outcome.sale_key, position=1,
            to_way="card", reference="T", reason="Typed the wrong key", evidence="Slip",
        )  # fmt: skip


def test_a_voucher_pays_its_face_once(desk: Desk) -> None:
    with desk.shop.db.writing() as session:
        for numbers, minor, until in (
            (["GIFT 0001", "gift-0002"], 20_000, None),
            (["OLD-1"], 20_000, date(2026, 1, 1)),
        ):
            vouchers.add(
                session, desk.shop.clock, desk.john, site=desk.site, numbers=numbers, amount_minor=minor,
                currency="ZAR", issuer="The mall", valid_until=until, reason="Christmas cards",
            )  # fmt: skip
    shift = desk.open()

    def sell(minor: int, *tenders: Tender) -> object:
        (outcome,) = desk.shop.sell(replace(desk.basket(shift, minor), tenders=tenders))
        return outcome

    gift = Tender("voucher", None, "gift0001")
    assert isinstance(sell(30_000, gift, Tender("cash")), vends.SaleOutcome)
    assert balance(desk, "voucher/n1") == 20_000
    assert isinstance(sell(30_000, gift, Tender("cash")), VoucherUnfit)
    assert isinstance(sell(30_000, Tender("voucher", None, "OLD-1"), Tender("cash")), VoucherUnfit)
    assert isinstance(sell(30_000, Tender("voucher", None, "NO-SUCH"), Tender("cash")), VoucherUnfit)
    assert isinstance(sell(30_000, Tender("voucher", 10_000, "gift-0002"), Tender("cash")), VoucherUnfit)
    # Two sales of one group with the same voucher: one is made.
    two = [
        replace(desk.basket(shift, 20_000), tenders=(Tender("voucher", None, "GIFT-0002"),)) for _ in range(2)
    ]
    assert sorted(type(one).__name__ for one in desk.shop.sell(*two)) == ["SaleOutcome", "VoucherUnfit"]
    with desk.shop.db.writing() as session, pytest.raises(VoucherUnfit):
        vouchers.add(
            session, desk.shop.clock, desk.john, site=desk.site, numbers=["GIFT-0002"], amount_minor=1, currency="ZAR",
            issuer="The mall", valid_until=None, reason="Once more",
        )  # fmt: skip
    with desk.shop.db.reading() as session:
        assert [one.used_by != "" for one in vouchers.list_vouchers(session, desk.site)] == [
            False,
            True,
            True,
        ]


def test_the_same_bank_transfer_never_pays_two_sales(desk: Desk) -> None:
    shift = desk.open()
    paid = (Tender("transfer", None, "FT-2026-1"),)
    (first,) = desk.shop.sell(replace(desk.basket(shift, 20_000), tenders=paid))
    assert isinstance(first, vends.SaleOutcome)
    for typed in ("FT-2026-1", "ft-2026-1", " FT-2026- 1", "ＦＴ-2026-1"):
        paid = (Tender("transfer", None, typed),)
        (second,) = desk.shop.sell(replace(desk.basket(shift, 20_000), tenders=paid))
        assert isinstance(second, TransferUsed), typed
    # Two sales of one group, and two parts of one sale.
    two = [
        replace(desk.basket(shift, 20_000), tenders=(Tender("transfer", None, typed),))
        for typed in ("FT-2", "ft-2")
    ]
    assert sorted(type(one).__name__ for one in desk.shop.sell(*two)) == ["SaleOutcome", "TransferUsed"]
    parts = (Tender("transfer", 10_000, "FT 3"), Tender("transfer", None, "FT  3"))
    (third,) = desk.shop.sell(replace(desk.basket(shift, 20_000), tenders=parts))
    assert isinstance(third, TenderTwice)


def test_a_bank_transfer_pays_once_whatever_it_pays_for(desk: Desk, vault: SiteSecret) -> None:
    shift = desk.open()
    receive(desk, shift, way="transfer", reference="FT-1")
    (sold,) = desk.shop.sell(replace(desk.basket(shift, 20_000), tenders=(Tender("transfer", None, "ft-1"),)))
    assert isinstance(sold, TransferUsed)
    with pytest.raises(TransferUsed):
        receive(desk, shift, way="transfer", reference="ft-1")
    # Cash is said to have been a transfer that paid already: neither asked for nor, asked for in time, carried out.
    outcomes = [desk.shop.sell(desk.basket(shift, 20_000))[0] for _ in range(2)]
    keys = [one.sale_key for one in outcomes if isinstance(one, vends.SaleOutcome)]

    def ask(sale: str, reference: str) -> str:
        return desk_acts.ask_correction(
            desk.shop.db, desk.shop.clock, desk.thandi, site=desk.site, sale=sale, position=1, to_way="transfer",
            reference=reference, reason="It was a transfer", evidence="Line of the bank",
        )  # fmt: skip

    def correct(approval: str, sale: str, reference: str) -> None:
        content = {"sale": sale, "position": 1, "to": "transfer", "reference": reference}
        desk_acts.correct_tender(
            desk.shop.db, desk.shop.clock, vault, desk.amina, approval, content, site=desk.site
        )

    with pytest.raises(TransferUsed):
        ask(keys[0], "FT-1")
    approvals_of = [ask(key, "FT-9") for key in keys]
    for approval in approvals_of:
        agree(desk, vault, approval)
    correct(approvals_of[0], keys[0], "FT-9")
    with pytest.raises(TransferUsed):
        correct(approvals_of[1], keys[1], "FT-9")
    (sold,) = desk.shop.sell(replace(desk.basket(shift, 20_000), tenders=(Tender("transfer", None, "FT-9"),)))
    assert isinstance(sold, TransferUsed)

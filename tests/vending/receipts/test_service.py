"""What stands around a sale is taken once, papers are kept by their hash, and a receipt counts again to the same cent."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import keystore_cast
import paper_cast as cast
import pytest
import sqlalchemy as sa
from counter import open_counter
from shop import Shop

from vending.languages import tongue
from vending.receipts import explain, message, papers, typeset, verify_receipt
from vending.receipts import service as receipts
from vending.receipts.slip import slip_of
from vending.receipts.tables import ReceiptAround, ReceiptPaper
from vending.receipts.wording import worded
from vending.vends import acting, queries, reversing
from vending.vends import service as vends
from vending.vends.acting import Wanted
from vending.vends.queries import SaleView
from vending.vends.tables import Sale, Vend


@pytest.fixture
def sold(shop: Shop, module: keystore_cast.Module) -> str:
    """Two orders with real signatures; the module's clock is its own."""
    outcome = vends.sell(
        shop.db,
        shop.clock,
        module,
        [shop.basket(shop.order("G-04", 150_000), shop.order("G-04", 20_000, "water"), received=180_000)],
    )[0]
    assert isinstance(outcome, vends.SaleOutcome), outcome
    assert not outcome.is_open
    return outcome.sale_key


def sale_of(shop: Shop, key: str) -> SaleView:
    with shop.db.reading() as session:
        return queries.one_sale(session, key)


def test_what_stood_around_the_sale_comes_back_from_the_row_as_it_was() -> None:
    around = cast.around("ar")
    assert receipts.around_from(json.loads(json.dumps(asdict(around)))) == around


def test_a_name_that_changes_later_changes_no_paper(shop: Shop, sold: str) -> None:
    first = receipts.make_pdf(shop.db, shop.clock, sold, "a4", test=True)
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE tenant SET name = 'Renamed Ltd', tax_number = '1'"))
        session.execute(sa.text("UPDATE site SET name = 'Another Mall', address = 'Elsewhere'"))
    again = receipts.make_pdf(shop.db, shop.clock, sold, "a4", test=True)
    assert again.data == first.data
    assert (again.same_bytes, again.same_tools) == (True, True)
    paper = receipts.paper(shop.db, shop.clock, sold, test=True)
    assert paper.buyer is not None
    assert paper.buyer.name == "Zola Hair Studio"
    assert paper.seller.name == "Karoo Corner"


def test_an_altered_content_is_seen_by_the_kept_hash(shop: Shop, sold: str) -> None:
    receipts.make_pdf(shop.db, shop.clock, sold, "a5", test=True)
    with shop.db.writing() as session:
        session.execute(sa.update(Sale).where(Sale.key == sold).values(total_minor=1))
    again = receipts.make_pdf(shop.db, shop.clock, sold, "a5", test=True)
    assert (again.same_bytes, again.same_tools) == (False, True)


def test_papers_and_what_they_say_are_only_ever_added(shop: Shop, sold: str) -> None:
    receipts.make_pdf(shop.db, shop.clock, sold, "80", test=True)
    with shop.db.reading() as session:
        (row,) = session.scalars(sa.select(ReceiptPaper))
        assert row.made_with == typeset.made_with()
        assert {"reportlab", "segno"} <= set(row.made_with)
    for table in (ReceiptAround, ReceiptPaper):
        with pytest.raises(sa.exc.IntegrityError, match="append only"), shop.db.writing() as session:
            session.execute(sa.delete(table))


def test_the_squares_of_a_sale_hold_with_the_module_s_key(
    shop: Shop, sold: str, module: keystore_cast.Module
) -> None:
    sale = sale_of(shop, sold)
    around = receipts.keep(shop.db, shop.clock, sold, test=True)
    slip = slip_of(sale, around, copy=0)
    receipt = verify_receipt.read_squares(slip.squares)
    verify_receipt.verify(receipt, module.engine.log.public_key)
    assert receipt.content == sale.content
    assert receipt.content["sold_at"] == "2026-11-20T10:42:00+02:00"
    assert around.shift == ""
    assert all(one.units_before >= 0 for one in around.months.values())


def test_the_receipt_counts_again_to_the_same_cent(shop: Shop, sold: str) -> None:
    with shop.db.reading() as session:
        lines, same = explain.told(session, queries.one_sale(session, sold), tongue("en"))
    text = "\n".join(lines)
    assert same, text
    assert lines[-1] == "The same to the cent: R 1,700.00."
    for fact in (
        "karoo-business version 1",
        "500 kWh × 2.18 = 1,090.00 (block 1)",
        "rounded to",
        "Arrears",
        "1,134.60 left after",
        "counted again",
    ):
        assert fact in text, fact


@pytest.mark.parametrize("planted", ["amount", "situation"])
def test_a_receipt_that_does_not_count_again_says_where(shop: Shop, sold: str, planted: str) -> None:
    """The negative control: one cent in a line, or another counter of the month, and the recount says so."""
    with shop.db.writing() as session:
        if planted == "amount":
            sale = session.scalars(sa.select(Sale).where(Sale.key == sold)).one()
            content = json.loads(json.dumps(sale.content))
            content["orders"][0]["lines"][1]["amount_minor"] += 1
            session.execute(sa.update(Sale).where(Sale.key == sold).values(content=content))
        else:
            vend = session.scalars(sa.select(Vend).where(Vend.sale_key == sold, Vend.position == 1)).one()
            session.execute(
                sa.update(Vend).where(Vend.id == vend.id).values(priced=vend.priced | {"units_before": 9000})
            )
    with shop.db.reading() as session:
        lines, same = explain.told(session, queries.one_sale(session, sold), tongue("en"))
    assert not same
    assert lines[-1] == "NOT THE SAME."
    assert any(line.strip().startswith("DIFFERS: Electricity") for line in lines)


@pytest.mark.parametrize("language", list(cast.NAMES))
def test_a_text_message_is_enough_to_enter_the_tokens(language: str) -> None:
    paper = worded(cast.slip(language))
    text = message.sms(paper)
    (token,) = paper.tokens
    grouped = " ".join(token.digits[at : at + 4] for at in range(0, 20, 4))
    assert grouped in text.splitlines()
    for field in (paper.number, token.units):
        assert field in text
    assert message.parts_of(text) <= 3
    assert (set(text) <= message.GSM) == (language in ("en", "fr"))


def test_a_letter_says_all_that_the_paper_says_and_is_safe_html() -> None:
    around = cast.around()
    assert around.buyer is not None
    slip = cast.slip(around=replace(around, buyer=replace(around.buyer, name="<script>alert(1)</script>")))
    paper = worded(slip)
    letter = message.letter(paper)
    for field in (
        paper.total,
        paper.number,
        paper.tokens[0].keying,
        paper.tokens[0].made,
        "1,170.26",
        "500 kWh × 2.18",
    ):
        assert field in letter.text, field
        assert field in letter.html, field
    assert "<script>" not in letter.html
    assert (
        "\n"
        not in message.letter(
            worded(cast.slip(around=replace(around, seller=replace(around.seller, name="A\nBcc: x"))))
        ).subject
    )
    assert max(len(line) for line in letter.text.splitlines()) <= message.COLUMNS + 4


def test_an_act_without_money_has_a_slip_without_money(shop: Shop, made_module: Path, tmp_path: Path) -> None:
    counter = open_counter(shop, made_module, tmp_path)
    asked = counter.ask(
        "supervisor",
        Wanted(
            "free-issue", shop.meter("G-03"), "Light out after our own works", work_order="WO-17", units=120
        ),
    )
    with pytest.raises(papers.NoActPaper, match="no token yet"):
        papers.act_paper(shop.db, shop.clock, asked.order_id, test=True)
    counter.sign("supervisor", asked.approval)
    acting.carry_out(shop.db, counter.clock, counter.module, counter.actor("supervisor"), asked.order_id)
    slip = papers.act_paper(shop.db, shop.clock, asked.order_id, test=True)
    ((_vend, token),) = counter.sale(asked.sale_key).tokens
    told = " ".join(f"{block.text} {block.end}" for block in slip.blocks)
    for field in (
        token.digits,
        "WO-17",
        "Light out after our own works",
        "ACT-000001",
        "12.0 kWh",
        "TEST KEYS",
    ):
        assert field in told, field
    assert "R 0" not in told
    assert "Paid" not in told
    assert [block.text for block in slip.blocks if block.kind == "square"] == list(
        slip_of(
            counter.sale(asked.sale_key),
            receipts.keep(shop.db, shop.clock, asked.sale_key, test=True),
            copy=0,
        ).squares
    )


def test_a_sale_that_is_taken_back_has_a_credit_note_of_its_own(
    shop: Shop, made_module: Path, tmp_path: Path
) -> None:
    """rules.md 28: its number, the receipt that it corrects, the money and the tax, in the customer's words."""
    counter = open_counter(shop, made_module, tmp_path)
    (key,) = vends.place(shop.db, shop.clock, counter.module, [shop.basket(shop.order("G-04", 150_000))])
    assert isinstance(key, str)
    sale = sale_of(shop, key)
    reversing.reverse(
        shop.db, shop.clock, counter.module, counter.actor("supervisor"), str(uuid.uuid4()),
        sale.vends[0].order_id, why="wrong-amount", reason="R 150 was meant",
    )  # fmt: skip
    (number, note), *rest = receipts.credit_notes(shop.db, shop.clock, key, test=True).items()
    assert not rest
    assert note.number == number == "CN-000001"
    assert note.kind == f"Credit note for {sale.receipt}"
    assert note.total == "R 1,500.00"
    assert note.words.paid == "Credited"
    (group,) = note.counted
    assert (group.lines[0].what, group.lines[0].why) == ("Sold for the wrong amount", "R 150 was meant")
    assert group.notes == ("VAT in the corrected order: 176.06",)
    assert note.buyer is not None
    assert note.buyer.name == "Zola Hair Studio"
    assert note.squares == ()
    made = [
        receipts.make_credit_note(shop.db, shop.clock, key, number, "a5", test=True),
        receipts.make_credit_note(shop.db, shop.clock, key, number, "a5", test=True),
    ]
    assert all(one is not None and one.same_bytes and one.same_tools for one in made)
    assert receipts.make_credit_note(shop.db, shop.clock, key, "CN-000002", "a5", test=True) is None
    with shop.db.reading() as session:
        (kept,) = session.scalars(sa.select(ReceiptPaper).where(ReceiptPaper.number == number))
        assert (kept.sale_key, kept.size) == (key, "a5")
    counter.module.engine.log.abandon()

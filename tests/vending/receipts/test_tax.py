"""What a paper is called, by country and total: a table, and the words of each kind on the paper."""

from __future__ import annotations

from dataclasses import replace

import paper_cast as cast
import pytest

from vending.receipts import tax
from vending.receipts.wording import worded


@pytest.mark.parametrize(
    ("country", "total", "registered", "kind"),
    [
        ("ZA", 5_000, True, "receipt"),
        ("ZA", 5_001, True, "simple"),
        ("ZA", 500_000, True, "simple"),
        ("ZA", 500_001, True, "invoice"),
        ("ZA", 500_001, False, "receipt"),
        ("GB", 25_000, True, "simple"),
        ("GB", 25_001, True, "invoice"),
        ("EU", 10_001, True, "invoice"),
        ("", 1, True, "invoice"),
        ("", 1, False, "receipt"),
    ],
)
def test_the_kind_of_a_paper(country: str, total: int, registered: bool, kind: str) -> None:
    assert tax.kind_of(country, total, registered=registered) == kind


def test_every_rule_has_a_source_and_a_currency_of_its_own() -> None:
    assert all(rule.source for rule in tax.RULES.values())
    assert len(tax.BY_CURRENCY) == len(tax.RULES)
    assert tax.country_of("ZAR") == "ZA"
    assert tax.country_of("KES") == ""


def test_a_full_invoice_names_the_customer_s_address_and_tax_number() -> None:
    small, large = worded(cast.slip()), worded(cast.slip(total_minor=600_000))
    assert (small.kind, large.kind) == ("Abridged tax invoice and receipt", "Tax invoice and receipt")
    assert small.buyer is not None
    assert large.buyer is not None
    address = cast.NAMES["en"][2]
    assert address not in small.buyer.lines
    assert address in large.buyer.lines
    assert "Tax number 4620118350" in large.buyer.lines


def test_a_seller_without_a_tax_number_gives_receipts() -> None:
    around = cast.around()
    paper = worded(cast.slip(around=replace(around, seller=replace(around.seller, tax_number=""))))
    assert paper.kind == "Receipt"


def test_the_order_of_entry_is_said_when_a_key_changes() -> None:
    tokens = (
        cast.token(1, kind="key-change", units=None, krn=1),
        cast.token(2, kind="key-change", units=None, krn=1),
        cast.token(3, krn=2),
    )
    paper = worded(cast.slip(tokens=tokens))
    assert [one.note for one in paper.tokens] == [
        "Key change, token 1 of 2",
        "Key change, token 2 of 2",
        "Credit",
    ]
    assert len(paper.enter) == 4
    assert "rows 1 to 2" in paper.enter[1]
    assert "key revision must now be 2" in paper.enter[3]


def test_a_ratio_and_a_second_source_stand_on_the_paper() -> None:
    around = cast.around()
    meters = {
        pan: replace(facts, ct=(400, 5), ratio_applied_by="vendor", source="mains, generator")
        for pan, facts in around.meters.items()
    }
    (group,) = worded(cast.slip(around=replace(around, meters=meters))).counted
    assert "CT 400/5, counted by the seller" in group.notes
    assert "Source: mains, generator" in group.notes

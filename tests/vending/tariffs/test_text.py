"""Words: a tariff as people read it before it is published, what changes between two, and why a line is what it is."""

import itertools
from datetime import datetime

from vending.tariffs import document
from vending.tariffs.difference import differences
from vending.tariffs.document import Document
from vending.tariffs.pricing import Debt, Quote, Situation, price_money
from vending.tariffs.text import described, explained

from .published import FOLDER, list_tariffs


def read(code: str) -> Document:
    return document.parsed((FOLDER / f"{code}.toml").read_text())


def test_a_published_tariff_reads_like_this() -> None:
    assert described(read("za-submeter-bureau-enbaya")) == [
        "Sub-metering bureau: channel fee, arrears, VAT, then the municipal tariff (rates: Tshwane 2022/23)"
        " (za-submeter-bureau-enbaya): electricity, ZAR per kWh.",
        "From 2022-07-01 up to, not including, 2023-07-01.",
        "Owner's fixed charge: 85 a month.",
        "Energy: to 100 kWh 2.097, to 400 kWh 2.4541, to 650 kWh 2.6738, above 2.8824.",
        "VAT: 15 % of Owner's fixed charge, Energy (tax).",
        "Before energy, step 1: Channel fee, retail 10 %, eft 7.5 %, citiq 8.45 %, desk 0 %.",
        "Before energy, step 2: Arrears, 30 % of the money tendered.",
        "Blocks count the units of the calendar month, free units included.",
        "Each line is rounded to the cent. Halves go up. What a purchase leaves over stays with the customer.",
    ]


def test_a_tariff_for_account_meters_says_why() -> None:
    words = described(read("in-delhi-nondomestic-2019"))
    assert words[-1] == (
        "For account meters only, because it has demand, which is only known after the month; "
        "time of use: a unit token carries no time."
    )


def test_every_published_tariff_can_be_told() -> None:
    for tariff in list_tariffs():
        words = described(Document(tariff, datetime(2026, 1, 1)))  # noqa: DTZ001 — the site's wall clock
        assert len(words) >= len(tariff.charges) + 3
        assert all(line[-1] in ".!" and "{" not in line for line in words)


def test_a_receipt_is_explained_to_the_cent() -> None:
    quote = price_money(
        read("za-submeter-bureau-enbaya").tariff,
        Situation(channel="retail", months_due=1, debts=(Debt("old", "Old debt", 100_000),)),
        50_000,
    )
    assert isinstance(quote, Quote)
    assert explained(quote) == [
        ("Channel fee", "50.00", "10 % of 500.00"),
        ("Old debt", "150.00", "30 % of 500.00; 850.00 still owed"),
        ("Owner's fixed charge", "85.00", "1 month × 85"),
        ("Energy", "175.73", "83.8 kWh × 2.097 (block 1)"),
        ("VAT", "39.11", "15 % of 260.73"),
        ("Carried forward", "0.16", "less than 0.1 kWh costs; it stays in your account"),
    ]


def test_words_go_through_the_translator() -> None:
    quote = price_money(read("za-ethekwini-2022-scale8").tariff, Situation(), 10_000)
    assert isinstance(quote, Quote)
    german = {"{percent} % of {base}": "{percent} % von {base}", "Carried forward": "Übertrag"}
    rows = explained(quote, lambda words: german.get(words, words))
    assert rows[1][2] == "15 % von 86.78"
    assert rows[2][0] == "Übertrag"


def test_differences_are_told_rate_by_rate() -> None:
    old, new = read("za-citypower-prepaid-2023"), read("za-citypower-prepaid-high-2024")
    told = [str(change) for change in differences(old, new)]
    assert "Energy, block 1: 2.0967 → 2.3634 (+12.7 %)" in told
    assert "Service charge: new, 70 a month" in told
    assert "VAT: 15 % of Energy (tax) → 15 % of Service charge, Capacity charge, Energy (tax)" in told
    back = [str(change) for change in differences(new, old)]
    assert "Service charge: gone, was 70 a month" in back
    assert "Energy, block 1: 2.3634 → 2.0967 (-11.3 %)" in back


def test_equal_tariffs_do_not_differ_and_others_always_do() -> None:
    documents = [read(tariff.code) for tariff in list_tariffs()]
    for one in documents:
        assert differences(one, one) == []
    for one, other in itertools.pairwise(documents):
        assert differences(one, other)


TEXT = (FOLDER / "za-citypower-prepaid-high-2024.toml").read_text()
EDITS = {
    "a label": ('label = "VAT"', 'label = "Value added tax"'),
    "an account": ('label = "Energy"', 'label = "Energy"\naccount = "sales/resale"'),
    "a limit": ("upto = 350", "upto = 360"),
    "the arrears": ('percent = "50 %"', 'percent = "40 %"'),
    "the counter": ('counter = "month"', 'counter = "year"'),
    "the rounding": ('counter = "month"', 'counter = "month"\nrounding = "total"'),
    "the end": ("valid_until = 2025-07-01", "valid_until = 2025-08-01"),
    "a smallest purchase": ('counter = "month"', 'counter = "month"\nleast_purchase = 20'),
    "free units": ("[[charge]]", "[free]\nunits = 50\n[[charge]]"),
    "a contained tax": ("[[charge]]", '[[included_tax]]\nid = "x"\nlabel = "X"\npercent = "2 %"\nof = ["energy"]\n[[charge]]'),
    "a calendar": ("[[charge]]", '[calendar]\ndefault = "day"\n[[charge]]'),
}  # fmt: skip


def test_no_edit_goes_untold() -> None:
    old = document.parsed(TEXT)
    for name, (before, after) in EDITS.items():
        new = document.parsed(TEXT.replace(before, after, 1))
        assert new.hash() != old.hash(), name
        assert differences(old, new), name
        assert all(str(change) for change in differences(old, new))

"""What a tariff file may not say: one row for each rule, with the code that names it, and nothing built."""

import pytest

from vending.errors import VendingError
from vending.tariffs import document

HEAD = """
code = "shops"
name = "Shops"
service = "electricity"
unit = "kWh"
currency = "ZAR"
counter = "month"
valid_from = 2026-01-01
"""
ENERGY = """
[[charge]]
id = "energy"
kind = "per_unit"
label = "Energy"
rate = 2.5
"""
BLOCKS = """
[[charge]]
id = "energy"
kind = "blocks"
label = "Energy"
blocks = {blocks}
"""
VAT = """
[[charge]]
id = "vat"
kind = "percent"
label = "VAT"
percent = {percent}
of = {of}
tax = true
"""


def blocks(text: str) -> str:
    return HEAD + BLOCKS.format(blocks=text)


def vat(percent: str = '"15 %"', of: str = '["energy"]') -> str:
    return HEAD + ENERGY + VAT.format(percent=percent, of=of)


def charge(kind: str, rest: str, head: str = HEAD) -> str:
    return f'{head}\n[[charge]]\nid = "it"\nkind = "{kind}"\nlabel = "It"\n{rest}\n'


def deduction(kind: str, rest: str) -> str:
    return f'{HEAD}{ENERGY}\n[[deduction]]\nkind = "{kind}"\n{rest}\n'


def calendar(rest: str) -> str:
    return f"{HEAD}{ENERGY}\n[calendar]\n{rest}\n"


REFUSED = {
    "nothing": ("", "tariff_field_missing"),
    "no TOML": ("code = ", "tariff_file_not_understood"),
    "a file of megabytes": ("# " + "x" * 300_000, "tariff_file_not_understood"),
    "a table for a charge": (HEAD + "\n[charge]\nid = 'a'\n", "tariff_file_not_understood"),
    "a word for a charge": (HEAD + "\ncharge = ['a']\n", "tariff_file_not_understood"),
    "no charge": (HEAD, "tariff_without_charges"),
    "an unknown word": (HEAD + "prise = 1\n" + ENERGY, "tariff_field_unknown"),
    "an unknown word in a charge": (HEAD + ENERGY + "price = 1\n", "tariff_field_unknown"),
    "an unknown kind": (charge("per_units", "rate = 1"), "tariff_field_unknown"),
    "an unknown deduction": (deduction("fee", ""), "tariff_field_unknown"),
    "a charge without its rate": (charge("per_unit", ""), "tariff_field_missing"),
    "no validity": ((HEAD + ENERGY).replace("valid_from = 2026-01-01", ""), "tariff_field_missing"),
    "validity in words": (HEAD.replace("2026-01-01", '"soon"') + ENERGY, "tariff_validity_invalid"),
    "validity with a zone": (HEAD.replace("2026-01-01", "2026-01-01T00:00:00Z") + ENERGY, "tariff_validity_invalid"),
    "validity backwards": (HEAD + "valid_until = 2026-01-01\n" + ENERGY, "tariff_validity_invalid"),
    "a code in capitals": (HEAD.replace('"shops"', '"Shops"') + ENERGY, "tariff_charge_id_invalid"),
    "a code with a slash": (HEAD.replace('"shops"', '"../shops"') + ENERGY, "tariff_charge_id_invalid"),
    "no name": (HEAD.replace('"Shops"', '" "') + ENERGY, "tariff_invalid"),
    "an unknown service": (HEAD.replace("electricity", "steam") + ENERGY, "tariff_service_unknown"),
    "an unknown currency": (HEAD.replace("ZAR", "ZZZ") + ENERGY, "currency_unknown"),
    "a currency in small letters": (HEAD.replace('"ZAR"', '"zar"\nminor_digits = 2') + ENERGY, "tariff_invalid"),
    "an unknown counter": (HEAD.replace('"month"', '"week"') + ENERGY, "tariff_invalid"),
    "an unknown rounding": (HEAD + 'rounding = "up"\n' + ENERGY, "tariff_invalid"),
    "four decimals of energy": (HEAD + "decimals = 4\n" + ENERGY, "tariff_invalid"),
    "no month due": (HEAD + "most_months_due = 0\n" + ENERGY, "tariff_invalid"),
    "a largest purchase below the smallest": (HEAD + "least_purchase = 5\nmost_purchase = 5\n" + ENERGY, "tariff_invalid"),
    "a negative smallest purchase": (HEAD + "least_purchase = -5\n" + ENERGY, "tariff_invalid"),
    "two charges of one name": (HEAD + ENERGY + ENERGY, "tariff_charge_named_twice"),
    "a charge with a strange name": (HEAD + ENERGY.replace('"energy"', '"En ergy"'), "tariff_charge_id_invalid"),
    "a charge without words": (HEAD + ENERGY.replace('"Energy"', '""'), "tariff_invalid"),
    "an account with spaces": (HEAD + ENERGY + 'account = "my account"\n', "tariff_invalid"),
    "a comma in a number": (HEAD + ENERGY.replace("2.5", '"2,5"'), "tariff_invalid"),
    "a number in words": (HEAD + ENERGY.replace("2.5", '"two"'), "tariff_invalid"),
    "infinity": (HEAD + ENERGY.replace("2.5", "inf"), "tariff_invalid"),
    "not a number": (HEAD + ENERGY.replace("2.5", '"NaN"'), "tariff_invalid"),
    "a truth value for a number": (HEAD + ENERGY.replace("2.5", "true"), "tariff_invalid"),
    "a rate finer than any": (HEAD + ENERGY.replace("2.5", "2.5000000001"), "tariff_rate_too_fine"),
    "a rate of a billion billions": (HEAD + ENERGY.replace("2.5", "1e15"), "tariff_rate_too_fine"),
    "a hundred digits": (HEAD + ENERGY.replace("2.5", "1" * 100), "tariff_invalid"),
    "a negative fixed amount": (charge("monthly", "amount = -1"), "tariff_rate_negative"),
    "a negative block": (blocks("[{ rate = -1 }]"), "tariff_rate_negative"),
    "a price below zero after the rebate": (charge("per_unit", "rate = -1"), "tariff_net_rate_negative"),
    "a rebate of the whole price": (vat('"-100 %"').replace("tax = true", ""), "tariff_net_rate_negative"),
    "tiers upside down": (blocks("[{ upto = 500, rate = 1 }, { upto = 350, rate = 2 }, { rate = 3 }]"), "tariff_blocks_upside_down"),
    "two equal limits": (blocks("[{ upto = 5, rate = 1 }, { upto = 5, rate = 2 }, { rate = 3 }]"), "tariff_blocks_upside_down"),
    "a block up to nothing": (blocks("[{ upto = 0, rate = 1 }, { rate = 3 }]"), "tariff_blocks_upside_down"),
    "an open block in the middle": (blocks("[{ rate = 1 }, { upto = 5, rate = 2 }, { rate = 3 }]"), "tariff_blocks_upside_down"),
    "a gap above the last block": (blocks("[{ upto = 350, rate = 1 }]"), "tariff_blocks_with_gap"),
    "no block": (blocks("[]"), "tariff_blocks_with_gap"),
    "blocks in words": (blocks('"none"'), "tariff_invalid"),
    "a block without a rate": (blocks("[{ upto = 5 }]"), "tariff_field_missing"),
    "a misspelt limit": (blocks("[{ up_to = 5, rate = 1 }, { rate = 2 }]"), "tariff_field_unknown"),
    "a limit between two steps": (blocks("[{ upto = 5.25, rate = 1 }, { rate = 2 }]"), "tariff_rate_too_fine"),
    "blocks without a counter": (blocks("[{ rate = 2 }]").replace('counter = "month"', ""), "tariff_counter_missing"),
    "tiers that never reach the slabs": (
        charge("blocks_then_slab", "blocks = [{ rate = 1 }]\nslabs = [{ rate = 2 }]"),
        "tariff_blocks_with_gap",
    ),
    "a percentage as a number": (vat("15"), "tariff_invalid"),
    "a percentage as a fraction": (vat('"0.15 %"'), "tariff_percent_looks_like_fraction"),
    "a percentage without its sign": (vat('"15"'), "tariff_invalid"),
    "a percentage above a hundred": (vat('"1500 %"'), "tariff_percent_out_of_range"),
    "a percentage of zero": (vat('"0 %"'), "tariff_percent_out_of_range"),
    "a tax of nothing": (vat(of="[]"), "tariff_base_unknown"),
    "a tax of something unknown": (vat(of='["water"]'), "tariff_base_unknown"),
    "a tax of itself": (vat(of='["vat"]'), "tariff_base_unknown"),
    "a tax twice of one line": (vat(of='["energy", "energy"]'), "tariff_base_unknown"),
    "a tax of a word": (vat(of='"energy"'), "tariff_invalid"),
    "a contained tax of nothing": (
        HEAD + ENERGY + '[[included_tax]]\nid = "vat"\nlabel = "VAT"\npercent = "15 %"\nof = ["x"]\n',
        "tariff_base_unknown",
    ),
    "a free allowance of nothing": (HEAD + ENERGY + "[free]\nunits = 0\n", "tariff_invalid"),
    "periods without a price": (charge("by_period", "rates = {}"), "tariff_invalid"),
    "a period that has no price": (
        charge("by_period", "rates = { flat = 1 }") + '[calendar]\ndefault = "valley"\n',
        "tariff_period_unknown",
    ),
    "a price for a period that never is": (
        charge("by_period", "rates = { flat = 1, peak = 2 }") + '[calendar]\ndefault = "flat"\n',
        "tariff_period_unknown",
    ),
    "a calendar without a default": (calendar(""), "tariff_field_missing"),
    "a period that ends before it starts": (
        calendar('default = "a"\n[[calendar.period]]\nperiod = "b"\nfrom = "22:00"\nto = "06:00"'),
        "tariff_calendar_invalid",
    ),
    "a time of day that is none": (
        calendar('default = "a"\n[[calendar.period]]\nperiod = "b"\nfrom = "8:00"\nto = "25:00"'),
        "tariff_calendar_invalid",
    ),
    "a day that is none": (
        calendar('default = "a"\n[[calendar.period]]\nperiod = "b"\ndays = "funday"\nfrom = "08:00"\nto = "09:00"'),
        "tariff_calendar_invalid",
    ),
    "a season nobody described": (
        calendar('default = "a"\n[[calendar.period]]\nperiod = "b"\nfrom = "08:00"\nto = "09:00"\nseasons = ["wet"]'),
        "tariff_calendar_invalid",
    ),
    "a month in no season": (
        calendar('default = "a"\n[[calendar.season]]\nname = "wet"\nmonths = [1, 2]'),
        "tariff_calendar_invalid",
    ),
    "a month in two seasons": (
        calendar(
            'default = "a"\n[[calendar.season]]\nname = "all"\nmonths = [1,2,3,4,5,6,7,8,9,10,11,12]\n'
            '[[calendar.season]]\nname = "wet"\nmonths = [1]'
        ),
        "tariff_calendar_invalid",
    ),
    "a holiday in words": (calendar('default = "a"\nholidays = ["Christmas"]'), "tariff_invalid"),
    "demand over seven minutes": (
        charge("demand", 'rate = 1\nreading = "kw"\ninterval_minutes = 7'),
        "tariff_invalid",
    ),
    "a power factor above one": (
        charge("demand", 'rate = 1\nreading = "kw"\npower_factor_floor = 1.1'),
        "tariff_invalid",
    ),
    "arrears of nothing": (deduction("arrears", ""), "tariff_deduction_invalid"),
    "arrears of something else": (deduction("arrears", 'percent = "30 %"\nbase = "wages"'), "tariff_deduction_invalid"),
    "arrears above a hundred": (deduction("arrears", 'percent = "130 %"'), "tariff_percent_out_of_range"),
    "arrears that leave nothing": (deduction("arrears", 'percent = "30 %"\nfloor_percent = "100 %"'), "tariff_deduction_invalid"),
    "an instalment of zero": (deduction("arrears", "instalment = 0"), "tariff_deduction_invalid"),
    "a required share": (deduction("arrears", 'percent = "30 %"\nrequired = true'), "tariff_deduction_invalid"),
    "arrears twice": (
        deduction("arrears", 'percent = "30 %"') + '[[deduction]]\nkind = "arrears"\npercent = "20 %"\n',
        "tariff_deduction_invalid",
    ),
    "a fee of the whole": (deduction("channel_fee", 'percent = { desk = "100 %" }'), "tariff_percent_out_of_range"),
    "a fee of no channel": (deduction("channel_fee", "percent = {}"), "tariff_invalid"),
    "a floor between two steps": (deduction("arrears", 'percent = "30 %"\nfloor_units = 0.05'), "tariff_rate_too_fine"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    text, code = REFUSED[name]
    with pytest.raises(VendingError) as refused:
        document.parsed(text)
    assert refused.value.code == code, refused.value.sentence
    assert refused.value.sentence[-1] in ".?!"
    assert len(refused.value.sentence) < 400


def test_a_misspelling_is_answered_with_the_word() -> None:
    with pytest.raises(VendingError, match="Did you mean label"):
        document.parsed(HEAD + ENERGY.replace("label", "lable"))


def test_a_small_tax_is_taken_when_it_is_meant() -> None:
    read = document.parsed(vat('"0.15 %"') + "below_one_percent = true\n")
    assert document.parsed(document.written(read)) == read


def test_the_parts_of_this_table_are_good() -> None:
    for text in (
        HEAD + ENERGY,
        vat(),
        blocks("[{ upto = 350, rate = 1 }, { rate = 2 }]"),
        deduction("arrears", 'percent = "30 %"'),
        calendar('default = "a"'),
        charge("by_period", "rates = { flat = 1 }"),
        HEAD.replace("2026-01-01", "2026-01-01T12:30:00") + ENERGY,
    ):
        assert document.parsed(text)


def test_words_of_every_language_survive_the_file() -> None:
    for words in ('Ladenstra\\u00dfe "\\\\ 5', "电费", "كهرباء", "a\\tb"):
        read = document.parsed(
            HEAD.replace('"Shops"', f'"{words.replace(chr(34), chr(92) + chr(34))}"') + ENERGY
        )
        assert document.parsed(document.written(read)) == read

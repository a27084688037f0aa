"""Each act for two people is told in words: who asks for what, what is so now and then, and no field of the code's own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from desk_cast import Desk, open_desk
from flask import Flask
from shop import Shop
from web_app import sign_in_as

from keystore import acts as texts
from keystore.module import MeterKeying
from vending.access import acts, api_keys, approvals
from vending.estate import queries as estate
from vending.ledger import service as books
from vending.ledger.entries import transfer
from vending.vends import desk as money
from vending.vends import service as vends
from vending.web.supervisor.telling import TELLERS

VENDING = Path(vends.__file__).parents[1]
# A name of the code's own, a key, an amount in cents: what must not reach the second person.
RAW = re.compile(r"\b[a-z]+_[a-z_]+\b|\b[0-9a-f]{16,}\b|[0-9a-f]{8}-[0-9a-f]{4}-|\b\d{5,}00\b|None|\{|&#39;")


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return open_desk(shop)


def told(app: Flask, key: str, *, lang: str = "en", who: str = "grace") -> str:
    client = sign_in_as(app, who)
    client.set_cookie("lang", lang)
    page = client.get(f"/supervisor/approvals/{key}").get_data(as_text=True)
    found = re.search(r'<article class="case".*?</article>', page, re.S)
    assert found, page
    without = re.sub(r"<form.*?</form>|<details.*?</details>", " ", found[0], flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without)).split())


def ask(desk: Desk, act: str, content: dict[str, Any], **more: Any) -> str:
    with desk.shop.db.writing() as session:
        return approvals.ask(
            session, desk.shop.clock, desk.john, act, content, site=desk.site, subject="thing:one",
            reason="Because of the month", **more,
        )  # fmt: skip


def refund(desk: Desk) -> str:
    with desk.shop.db.writing() as session:
        tenant = estate.list_tenants(session, desk.site)[0]
        books.post(
            session, desk.shop.clock,
            [transfer("test", "kept/1", "ZAR", 90_000, debited="bank/main", credited=f"kept/{tenant.key}")],
        )  # fmt: skip
    asked = money.RefundAsked(
        request=str(uuid.uuid4()), site=desk.site, till="N1", shift=desk.open(), source=f"kept/{tenant.key}",
        tenant=tenant.key, way="transfer", amount_minor=75_000, currency="ZAR", reference="FNB 62 001",
        reason="Paid twice by mistake", evidence="Line 12 of the bank",
    )  # fmt: skip
    return money.ask_refund(desk.shop.db, desk.shop.clock, desk.thandi, asked)


def tender(desk: Desk) -> str:
    (sold,) = vends.sell(desk.shop.db, desk.shop.clock, desk.shop.module, [desk.basket(desk.open(), 30_000)])
    assert isinstance(sold, vends.SaleOutcome)
    return money.ask_correction(
        desk.shop.db, desk.shop.clock, desk.thandi, site=desk.site, sale=sold.sale_key, position=1, to_way="card",
        reference="T-881", reason="Card was typed as cash", evidence="The terminal's slip",
    )  # fmt: skip


def module_act(name: str, write: Callable[..., str], **content: Any) -> Callable[[Desk], str]:
    def made(desk: Desk) -> str:
        more = {key: value(desk) if callable(value) else value for key, value in content.items()}
        now = desk.shop.clock.now()
        from dataclasses import replace

        from vending.access.policy import Grant

        everything = frozenset({Grant("key custodian", desk.site), Grant("manager", desk.site)})
        maker = replace(desk.john, grants=everything)
        with desk.shop.db.writing() as session:
            return approvals.ask(
                session, desk.shop.clock, maker, name, {}, site=desk.site, subject="thing:one",
                reason="Because of the month", text=write(module="ampoule/test", maker=maker.key, reason="Because of the month", made=now, **more),
            )  # fmt: skip

    return made


def pan_of(desk: Desk) -> str:
    with desk.shop.db.reading() as session:
        return estate.list_meters(session, desk.shop.clock, [desk.shop.meter("G-03")])[0].pan


def keying(desk: Desk) -> MeterKeying:
    return MeterKeying(
        pan_of(desk), ea=11, tct=2, dkga=4, sgc="600100", krn=1, ti="01", key_type=2, ken=255, base_date=2014
    )


CASES: dict[str, tuple[Callable[[Desk], str], tuple[str, ...]]] = {
    "refund": (refund, ("Thandi", "R 750.00", "Karoo Coffee Roasters", "R 900.00", "R 150.00", "FNB 62 001", "Line 12 of the bank", "bank transfer")),
    "tender-correction": (tender, ("R 300.00", "cash", "card", "T-881", "stay as they are", "The terminal's slip")),
    "period-close": (lambda desk: ask(desk, "period-close", {"month": "2026-10"}), ("October 2026", "for ever")),
    "ledger-correction": (
        lambda desk: ask(
            desk, "ledger-correction",
            {"legs": [{"account": "bank/main", "unit": "ZAR", "amount": 12_500}, {"account": "sales/electricity", "unit": "ZAR", "amount": -12_500}]},
        ),
        ("debit R 125.00", "credit R 125.00"),
    ),
    "api-key": (
        lambda desk: ask(
            desk, "api-key",
            api_keys.content(name="Kiosk", site=desk.site, scopes=["sale.make"], calls_a_minute=60, sale_limit_minor=500_000, days=90),
        ),
        ("Kiosk", "R 5,000.00", "Sell at a till."),
    ),
    "set-floors": (module_act("set-floors", texts.set_floors, floors=lambda desk: {pan_of(desk): 17_000_001}), ("1 taken-over meter lie", "G-03")),
    "set-meter-key": (
        module_act("set-meter-key", texts.set_meter_key, keying=keying, evidence="displayed 1"),
        ("key revision 1", "600100", "are made for this key"),
    ),
    "fast-forward": (
        module_act("fast-forward", texts.fast_forward, note="ampoule/3f0c\n1027\nld2mAAAA=\n\n— x y\n"),
        ("1027 entries", "are closed; open new ones"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("act", sorted(CASES))
def test_an_act_is_told_in_words(app: Flask, desk: Desk, act: str) -> None:
    make, shown = CASES[act]
    text = told(app, make(desk))
    for part in shown:
        assert part in text, (part, text)
    assert not RAW.search(text), (RAW.search(text), text)


@pytest.mark.parametrize("act", sorted(CASES))
def test_an_act_is_told_in_the_language_of_who_decides(app: Flask, desk: Desk, act: str) -> None:
    """What stays Latin are names, numbers and what was typed: no English sentence is left."""
    text = told(app, CASES[act][0](desk), lang="zh")
    assert re.search(r"[\u4e00-\u9fff]{4}", text), text
    for word in ("asks", "Before", "After", "Evidence", "Because of the month"):
        assert (word in text) == (
            word == "Because of the month" and act not in ("refund", "tender-correction")
        ), text


def test_every_act_that_the_code_can_ask_for_has_words() -> None:
    """An act without a teller is told by its fields. That is for acts that stand in the table and nowhere else yet."""
    code = "\n".join(
        path.read_text("utf-8")
        for path in VENDING.rglob("*.py")
        if path.name != "acts.py" and "web/supervisor/tell" not in path.as_posix()
    )
    assert {name for name in acts.ACTS if name not in TELLERS and f'"{name}"' in code} == set()
    assert set(TELLERS) <= set(acts.ACTS)
    assert len(acts.ACTS) - len(TELLERS) <= 2


def test_a_field_of_the_code_would_be_seen() -> None:
    """The negative control: what was shown before."""
    assert RAW.search("amount_minor 75000")
    assert RAW.search("source kept/0f3a6c7d8e9f0a1b")
    assert not RAW.search("Thandi asks to give R 750.00 back to Sizwe Pharmacy.")

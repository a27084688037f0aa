"""The till's page without JavaScript: every kind of basket, the customer at a glance, what a second try and a second tab do."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from web_app import form_word, sign_in
from werkzeug.test import TestResponse

from keystore.module import LimitLine
from meter.displayed import displayed
from meter.outcome import Outcome
from sts import id_record
from vending.access.policy import SYSTEM
from vending.estate import queries as estate
from vending.estate.service import set_lease_tariff
from vending.vends import queries, reversing
from vending.web import words


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return sign_in(app, "cashier")


def words_of(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def ids_of(page: str) -> dict[str, str]:
    names = "order_id|basket_id|meter|customer|charge_order_id"
    return dict(reversed(re.findall(rf'name="({names})" value="([^"]*)"', page)))


def send(client: FlaskClient, page: TestResponse, act: str, **fields: str) -> TestResponse:
    text = page.get_data(as_text=True)
    said = {"csrf_token": form_word(text), "act": act, "tender": "cash", **ids_of(text), **fields}
    return client.post("/cashier/till", data=said)


def follow(client: FlaskClient, answer: TestResponse) -> TestResponse:
    assert answer.status_code == 303, words_of(answer)
    return client.get(answer.headers["Location"])


def find(client: FlaskClient, text: str) -> TestResponse:
    answer = client.get("/cashier/till", query_string={"find": text})
    return follow(client, answer) if answer.status_code == 303 else answer


def meter_page(client: FlaskClient, shop: Shop, unit: str, service: str = "electricity") -> TestResponse:
    return client.get(f"/cashier/till?meter={shop.meter(unit, service)}")


def sale_of(shop: Shop, answer: TestResponse) -> queries.SaleView:
    assert answer.status_code == 303, words_of(answer)
    with shop.db.reading() as session:
        return queries.one_sale(session, answer.headers["Location"].rsplit("/", 1)[-1])


def test_one_basket_pays_a_token_a_debt_a_fee_twice_and_the_account(client: FlaskClient, shop: Shop) -> None:
    page = meter_page(client, shop, "G-04")
    assert "Arrears, last year: R" in words_of(page), "the debt is seen before anything is typed"
    page = send(client, page, "quote", amount="200")
    page = follow(client, send(client, page, "charge:debt/last-year"))
    assert "Arrears, last year" in words_of(page)
    page = follow(client, send(client, page, "charge", charge="parking", charge_times="2"))
    page = follow(client, send(client, page, "charge", charge="account", charge_amount="50"))
    assert "4 lines, one receipt" in words_of(page)
    assert "issue the token" in words_of(page)
    sale = sale_of(shop, send(client, page, "take", amount="200", received="10000"))
    assert [vend.kind for vend in sale.vends] == ["credit", "charge", "charge", "account"]
    assert len(sale.tokens) == 1
    assert sale.vends[2].paid_minor == 2 * 69_000
    shown = client.get(f"/cashier/vends/{sale.key}")
    assert sale.tokens[0][1].digits in re.sub(r"\s", "", words_of(shown))
    assert "Parking bay" in words_of(shown)
    assert "R 50.00, no token" in words_of(shown)


def test_a_double_click_on_a_charge_is_one_line_and_a_wrong_one_says_why_beside_the_field(
    client: FlaskClient, shop: Shop
) -> None:
    page = meter_page(client, shop, "G-04")
    first = send(client, page, "charge", charge="reconnection")
    again = send(client, page, "charge", charge="reconnection")
    assert first.headers["Location"] == again.headers["Location"]
    assert "1 line, one receipt" in words_of(follow(client, again))
    page = meter_page(client, shop, "G-04")
    for fields, sentence in (
        ({"charge": ""}, "Choose what the money is for."),
        ({"charge": "work"}, "no fixed amount. Type how much is paid."),
        ({"charge": "parking", "charge_times": "many"}, "How many times is a whole number"),
        ({"charge": "debt/last-year", "charge_amount": "99999"}, "that is owed. Pay at most that."),
        ({"charge": "account"}, "Type how much is paid to the account."),
        ({"charge": "parking", "charge_amount": "1,2,3"}, "is not an amount"),
        ({"charge": "nonsense"}, "There is no such fee"),
    ):
        refused = send(client, page, "charge", **fields)
        assert refused.status_code in (404, 422), fields
        assert sentence in words_of(refused), fields
        assert "Nothing yet" in words_of(refused), "it is not in the basket"


def test_somebody_without_a_meter_is_found_by_name_and_pays_a_deposit(
    client: FlaskClient, shop: Shop
) -> None:
    with shop.db.reading() as session:
        tenant = estate.one_meter(session, shop.clock, shop.meter("G-04")).tenant
    assert tenant is not None
    page = client.get(f"/cashier/till?customer={tenant.key}")
    assert tenant.name in words_of(page)
    assert "G-04" in words_of(page), "his meters are one click away"
    assert 'id="amount"' not in page.get_data(as_text=True)
    page = follow(client, send(client, page, "charge", charge="deposit", charge_amount="300"))
    sale = sale_of(shop, send(client, page, "take", tender="card", received="4711"))
    assert (sale.total_minor, sale.vends[0].kind, sale.tokens) == (30_000, "charge", ())
    assert "needs no token" in words_of(client.get(f"/cashier/vends/{sale.key}"))


def test_free_units_are_offered_and_given_alone_once(client: FlaskClient, shop: Shop) -> None:
    unit = shop.meter("G-05")
    with shop.db.writing() as session:
        lease = estate.one_meter(session, shop.clock, unit).lease
        assert lease is not None
        set_lease_tariff(
            session,
            shop.clock,
            SYSTEM,
            lease.key,
            service="electricity",
            tariff="mall-allowance",
            reason="a store now",
        )
    page = client.get(f"/cashier/till?meter={unit}")
    assert "are free this month" in words_of(page)
    page = follow(client, send(client, page, "charge:allowance"))
    sale = sale_of(shop, send(client, page, "take"))
    assert (sale.total_minor, [token.kind for _vend, token in sale.tokens]) == (0, ["allowance"])
    assert "Free units of this month" in words_of(client.get(f"/cashier/vends/{sale.key}"))
    assert "are free this month" not in words_of(client.get(f"/cashier/till?meter={unit}"))


def test_the_state_of_the_meter_and_what_the_words_mean_are_seen_at_a_glance(
    app: Flask, client: FlaskClient, shop: Shop
) -> None:
    """Nobody can ask a keypad meter, so its purchases are judged; a `?` beside each word of the trade says what it means."""

    def seen(unit: str) -> str:
        return words_of(sign_in(app, "cashier").get(f"/cashier/till?meter={shop.meter(unit)}"))

    assert "Supply not known" in seen("G-03")
    assert "Judged from purchases" in seen("G-03")
    for _ in range(3):
        shop.sell(shop.basket(shop.order("G-03", 50_000)))
        shop.clock.advance(timedelta(days=10))
    assert "Should be empty by now" in seen("G-03")
    shop.sell(shop.basket(shop.order("G-03", 50_000)))
    shop.clock.advance(timedelta(days=1))
    assert "days of credit left" in seen("G-03")
    assert "is owed." in seen("G-04")
    assert "What the customer owes from before" in seen("G-04")


def test_a_large_amount_shows_its_step_and_the_choice_of_a_second_token(
    client: FlaskClient, shop: Shop
) -> None:
    shop.module.limits = (LimitLine("small", 10**9, 20),)
    page = meter_page(client, shop, "G-04")
    small = send(client, page, "quote", amount="100k")
    assert "second small token" not in words_of(small)
    large = send(client, page, "quote", amount="9999.99")
    assert "counts in steps of 1.0 kWh" in words_of(large)
    both = send(client, large, "quote", amount="9999.99", second_token="1")
    assert "2 tokens, to be entered in this order" in words_of(both)
    sale = sale_of(shop, send(client, both, "take", amount="9999.99", second_token="1"))
    assert len(sale.tokens) == 2
    text = words_of(client.get(f"/cashier/vends/{sale.key}"))
    assert "Credit, token 1 of 2" in text
    assert "Enter all of them, in the order of their numbers." in text


def test_a_meter_with_two_sources_asks_which_and_sells_both_in_one_basket(
    client: FlaskClient, shop: Shop
) -> None:
    with shop.db.reading() as session:
        meters = estate.meters_of_site(session, shop.clock, shop.site)
        two = next(one for one in meters if len(estate.registers_of(session, one.key)) > 1)
    page = client.get(f"/cashier/till?meter={two.key}")
    assert {"Mains", "Generator"} <= set(words_of(page).split())
    page = send(client, page, "quote", amount="200", register="mains")
    follow(client, send(client, page, "add", amount="200", register="mains"))
    basket = ids_of(page.get_data(as_text=True))["basket_id"]
    page = client.get(f"/cashier/till?meter={two.key}&basket={basket}")
    page = send(client, page, "quote", amount="100", register="generator")
    assert "2 lines, one receipt" in words_of(page)
    sale = sale_of(shop, send(client, page, "take", amount="100", register="generator"))
    assert len(sale.tokens) == 2


def test_two_ways_of_paying_one_receipt_and_change(client: FlaskClient, shop: Shop) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="200")
    sale = sale_of(
        shop,
        send(
            client,
            page,
            "take",
            amount="200",
            part="card",
            part_amount="150",
            part_reference="4711",
            received="100",
        ),
    )
    assert [(one.way, one.amount_minor, one.change_minor) for one in sale.taken] == [
        ("card", 15_000, 0),
        ("cash", 5_000, 5_000),
    ]


def test_the_same_meter_again_shows_its_token_first_and_prints_a_copy(
    client: FlaskClient, shop: Shop
) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    sale = sale_of(shop, send(client, page, "take", amount="100", received="100"))
    shop.clock.advance(timedelta(minutes=12))
    page = meter_page(client, shop, "G-03")
    text = page.get_data(as_text=True)
    assert "12 minutes ago. Print that slip again, or sell another." in words_of(page)
    assert sale.tokens[0][1].digits in re.sub(r"\s", "", words_of(page))
    assert re.search(r'id="print-again"[^>]*autofocus', text), "Enter prints"
    assert 'id="amount"' not in text, "selling another is a deliberate step"
    client.post(f"/cashier/vends/{sale.key}/copies", data={"csrf_token": form_word(text)})
    with shop.db.reading() as session:
        assert queries.one_sale(session, sale.key).copies == 1
    another = re.search(r'href="([^"]*another=1)"', text)
    assert another
    assert 'id="amount"' in client.get(another[1].replace("&amp;", "&")).get_data(as_text=True)
    shop.clock.advance(timedelta(minutes=4))
    assert 'id="amount"' in meter_page(client, shop, "G-03").get_data(as_text=True)


def test_a_card_a_receipt_and_a_number_with_two_digits_swapped(client: FlaskClient, shop: Shop) -> None:
    with shop.db.reading() as session:
        meter = estate.one_meter(session, shop.clock, shop.meter("G-03"))
    keying = meter.keying
    record = id_record.IdRecord(meter.pan, keying.tct, keying.ea, keying.sgc, keying.ti, keying.krn)
    page = find(client, id_record.format_card(record))
    assert "The card says the same as what is known here." in words_of(page)
    assert ids_of(page.get_data(as_text=True))["meter"] == meter.key
    other = id_record.IdRecord(meter.pan, keying.tct, keying.ea, keying.sgc, "07", keying.krn)
    assert "Tariff index: the label says 07" in words_of(find(client, id_record.format(other)))
    assert "This is not the record of a label" in words_of(find(client, ";12345?"))
    digits = meter.drn
    at = next(place for place in range(4, 9) if digits[place] != digits[place + 1])
    swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    assert "Two digits may be swapped" in words_of(find(client, swapped))
    assert ids_of(find(client, digits).get_data(as_text=True))["meter"] == meter.key
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    sale = sale_of(shop, send(client, page, "take", amount="100", received="100"))
    assert client.get(f"/cashier/till?find={sale.receipt.lower()}").headers["Location"].endswith(sale.key)


def test_a_lost_session_comes_back_to_the_same_sale_with_what_was_typed(
    app: Flask, client: FlaskClient, shop: Shop
) -> None:
    page = meter_page(client, shop, "G-03")
    ids = ids_of(page.get_data(as_text=True))
    client.delete_cookie("ampoule")
    answer = send(client, page, "take", amount="123.45", received="200")
    assert answer.status_code == 303
    assert "/sign-in?next=" in answer.headers["Location"]
    live = client.post(
        "/cashier/till/quote",
        data={"csrf_token": form_word(page.get_data(as_text=True)), **ids, "amount": "1"},
        headers={"HX-Request": "true"},
    )
    assert (live.status_code, "/sign-in" in live.headers["HX-Redirect"]) == (204, True)
    back = client.get(answer.headers["Location"]).get_data(as_text=True)
    wanted = re.search(r'name="next" value="([^"]+)"', back)
    assert wanted
    signed = client.post(
        "/sign-in",
        data={
            "csrf_token": form_word(back),
            "name": "thandi",
            "password": "lantern-cashier",
            "next": wanted[1].replace("&amp;", "&"),
        },
    )
    page = follow(client, signed)
    assert 'value="123.45"' in page.get_data(as_text=True)
    assert ids_of(page.get_data(as_text=True))["basket_id"] == ids["basket_id"]


def test_a_lost_session_comes_back_to_the_register_that_was_typed_for_though_the_meter_bought_just_now(
    app: Flask, client: FlaskClient, shop: Shop
) -> None:
    with shop.db.reading() as session:
        meters = estate.meters_of_site(session, shop.clock, shop.site)
        two = next(one for one in meters if len(estate.registers_of(session, one.key)) > 1)
    page = send(client, client.get(f"/cashier/till?meter={two.key}"), "quote", amount="50", register="mains")
    sale_of(shop, send(client, page, "take", amount="50", register="mains", received="50"))
    shop.clock.advance(timedelta(minutes=4))
    fresh = client.get(f"/cashier/till?meter={two.key}&another=1")
    for counted in (False, True):  # the session ends before the amount was counted, and after
        page = send(client, fresh, "quote", amount="60", register="generator") if counted else fresh
        client.delete_cookie("ampoule")
        answer = send(client, page, "take", amount="60", register="generator", received="60")
        back = client.get(answer.headers["Location"]).get_data(as_text=True)
        wanted = re.search(r'name="next" value="([^"]+)"', back)
        assert wanted
        page = follow(
            client,
            client.post(
                "/sign-in",
                data={
                    "csrf_token": form_word(back),
                    "name": "thandi",
                    "password": "lantern-cashier",
                    "next": wanted[1].replace("&amp;", "&"),
                },
            ),
        )
        text = page.get_data(as_text=True)
        assert 'id="print-again"' not in text, "the sale that was typed stands there, not the one before it"
        assert 'value="60"' in text
        assert re.search(r'value="generator"[^>]*checked', text)
        fresh = page
    sale = sale_of(shop, send(client, page, "take", amount="60", register="generator", received="60"))
    assert (len(sale.vends), sale.total_minor) == (1, 6_000), "one line, for the register that was meant"


def test_two_tabs_cannot_sell_one_basket_twice(client: FlaskClient, shop: Shop) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    first = send(client, page, "take", amount="100", received="100")
    second = send(client, page, "take", amount="100", received="100")
    assert first.headers["Location"] == second.headers["Location"]
    assert send(client, page, "take", amount="150", received="150").status_code == 409
    ids = ids_of(page.get_data(as_text=True))
    old = client.get(f"/cashier/till?meter={ids['meter']}&basket={ids['basket_id']}&another=1")
    assert "This basket was sold already." in words_of(old)
    assert ids_of(old.get_data(as_text=True))["basket_id"] != ids["basket_id"]


def test_nobody_sees_or_changes_the_basket_of_a_colleague(
    app: Flask, client: FlaskClient, shop: Shop
) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    basket = ids_of(page.get_data(as_text=True))["basket_id"]
    other = sign_in(app, "supervisor")
    seen = other.get(f"/cashier/till?basket={basket}")
    assert "Nothing yet" in words_of(seen)
    page = meter_page(other, shop, "G-04")
    send(other, page, "quote", basket_id=basket, amount="1")
    assert "100.00" in words_of(client.get(f"/cashier/till?basket={basket}"))


def test_training_counts_everything_and_sells_nothing(client: FlaskClient, shop: Shop) -> None:
    page = meter_page(client, shop, "G-03")
    word = form_word(page.get_data(as_text=True))
    client.post("/cashier/till/training", data={"csrf_token": word, "training": "on"})
    page = meter_page(client, shop, "G-03")
    assert "Training: nothing here is a real sale" in words_of(page)
    tried = send(client, page, "take", amount="100", received="150")
    assert "R 100.00 would be taken, R 50.00 given back and 1 token made. Nothing was sold." in words_of(
        tried
    )
    assert "Try it: nothing is sold" in words_of(tried)
    with shop.db.reading() as session:
        assert queries.list_last_of_till(session, shop.site, "N1") == []
    client.post("/cashier/till/training", data={"csrf_token": word, "training": "off"})
    assert sale_of(shop, send(client, page, "take", amount="100", received="150")).total_minor == 10_000


def test_the_customers_screen_follows_the_till(client: FlaskClient, shop: Shop) -> None:
    assert "Welcome to" in words_of(client.get("/cashier/customer-screen"))
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    screen = words_of(client.get("/cashier/customer-screen"))
    assert "To pay R 100.00" in screen
    sale = sale_of(shop, send(client, page, "take", amount="100", received="150"))
    screen = words_of(client.get("/cashier/customer-screen"))
    assert "Your change R 50.00" in screen
    assert sale.tokens[0][1].digits in re.sub(r"\s", "", screen)
    shop.clock.advance(timedelta(minutes=3))
    assert "Welcome to" in words_of(client.get("/cashier/customer-screen"))


def test_a_reversal_is_asked_for_on_the_sales_page(app: Flask, client: FlaskClient, shop: Shop) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    sale = sale_of(shop, send(client, page, "take", amount="100", received="100"))
    here = f"/cashier/vends/{sale.key}/reversal"
    assert f'href="{here}"' in client.get(f"/cashier/vends/{sale.key}").get_data(as_text=True)
    form = client.get(here).get_data(as_text=True)
    said = {
        "csrf_token": form_word(form),
        "id": str(uuid.uuid4()),
        "order": sale.vends[0].order_id,
        "why": "wrong-amount",
    }
    short = client.post(here, data={**said, "reason": "no"})
    assert "Say what happened, in a few words" in words_of(short)
    foreign = client.post(here, data={**said, "order": str(uuid.uuid4()), "reason": "Typed one nought more"})
    assert foreign.status_code == 422
    answer = client.post(here, data={**said, "reason": "Typed one nought more"})
    shown = words_of(follow(client, answer))
    assert "A second person decides; until then the sale stands." in shown
    assert "Reversal asked for waits for a second person" in shown
    again = client.post(here, data={**said, "reason": "Typed one nought more"})
    assert again.status_code == 303
    with shop.db.reading() as session:
        assert len(reversing.of_orders(session, [sale.vends[0].order_id])) == 1
    # The second person reads what it is about in words, and no key of a row.
    asked = words_of(sign_in(app, "supervisor").get("/supervisor/approvals"))
    assert f"asks to take back sale {sale.receipt}." in asked
    assert "A loss of the site; the energy stays sold" in asked
    assert "The token can still be used" in asked
    assert sale.vends[0].order_id not in asked


def test_the_reasons_on_the_page_are_those_of_the_service(app: Flask) -> None:
    with app.test_request_context():
        assert words.reversal_reasons() == reversing.WHY


def test_every_word_on_a_meters_display_leads_to_a_next_step(client: FlaskClient, shop: Shop) -> None:
    page = send(client, meter_page(client, shop, "G-03"), "quote", amount="100")
    sale = sale_of(shop, send(client, page, "take", amount="100", received="100"))
    here = f"/cashier/vends/{sale.key}/trouble"
    assert here in client.get(f"/cashier/vends/{sale.key}").get_data(as_text=True)
    results = displayed("single-phase", "en")
    assert {one.name for one in results} == {one.name for one in Outcome} - {"NONE"}
    for one in results:
        answer = client.get(here, query_string={"shown": one.name})
        assert one.says in words_of(answer).replace("&#39;", "'"), one.name
        assert re.search(r'<ol class="steps after">\s*<li>', answer.get_data(as_text=True)), one.name
        assert "{" not in words_of(answer), one.name
    shop.clock.advance(timedelta(minutes=5))
    page = client.get(f"/cashier/till?meter={shop.meter('G-03')}&another=1")
    page = send(client, page, "quote", amount="80")
    newer = sale_of(shop, send(client, page, "take", amount="80", received="100"))
    assert f"There is a newer slip of this meter, {newer.receipt}" in words_of(
        client.get(f"{here}?shown=USED")
    )
    assert "no power" in words_of(client.get(f"{here}?shown=nothing"))

"""The keyboard of the till, and the same acts without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect


@pytest.fixture
def till(page: Page, address: str) -> Page:
    page.goto(f"{address}/look/till")
    return page


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def test_focus_lands_in_the_amount_and_enter_walks_to_the_money(till: Page) -> None:
    walk = [focused(till)]
    for _ in range(2):
        till.keyboard.press("Enter")
        walk.append(focused(till))
    assert walk == ["amount", "received", "take-money"]


@pytest.mark.parametrize(("key", "field"), [("F2", "find")])
def test_a_key_goes_to_its_field(till: Page, key: str, field: str) -> None:
    till.keyboard.press(key)
    assert focused(till) == field


def test_f8_walks_through_the_ways_to_pay(till: Page) -> None:
    ways = []
    for _ in range(6):
        with till.expect_response("**/look/till"):  # another way to pay may cost otherwise: counted anew
            till.keyboard.press("F8")
        ways.append(till.evaluate("document.querySelector('[name=tender]:checked').value"))
    assert ways == ["card", "cheque", "transfer", "voucher", "account", "cash"]


def test_f9_takes_the_money_once_however_often_it_is_pressed(till: Page) -> None:
    taken: list[str] = []

    def hold(route: object, request: Request) -> None:
        if "act=take" in (request.post_data or ""):
            taken.append(request.url)
        else:
            route.continue_()  # type: ignore[attr-defined]

    till.route("**/look/till", hold)  # a held request is a slow network: the page stays
    for _ in range(3):
        till.keyboard.press("F9")
        till.wait_for_timeout(30)
    assert len(taken) == 1


def test_a_typed_amount_is_counted_while_typing_and_the_focus_stays(till: Page) -> None:
    till.evaluate("document.querySelector('#counted').setAttribute('data-old', '1')")
    with till.expect_response("**/look/till"):
        till.locator("#amount").fill("200")
    expect(till.locator("#counted[data-old]")).to_have_count(0)
    expect(till.locator("#quote")).to_be_visible()
    assert focused(till) == "amount"
    assert till.locator("#amount").input_value() == "200"


def test_search_shows_matches_while_typing_and_arrows_go_into_them(till: Page) -> None:
    till.keyboard.press("F2")
    till.keyboard.type("karoo")
    expect(till.locator("#matches a")).to_have_count(3)
    till.keyboard.press("ArrowDown")
    till.keyboard.press("ArrowDown")
    assert till.evaluate("document.activeElement.getAttribute('href')") == "/?meter=2"


def test_the_key_list_opens_on_a_question_mark_but_not_while_typing(till: Page) -> None:
    till.keyboard.press("?")
    expect(till.locator("#help")).not_to_be_visible()
    till.locator("h2.name").click()
    till.evaluate("document.activeElement.blur()")
    till.keyboard.press("?")
    expect(till.locator("#help")).to_be_visible()
    till.keyboard.press("Escape")
    expect(till.locator("#help")).not_to_be_visible()


def test_escape_clears_the_field_first_and_then_the_line(till: Page) -> None:
    till.keyboard.press("Escape")
    assert till.locator("#amount").input_value() == ""
    with till.expect_request(lambda request: "remove" in (request.post_data or "")):
        till.keyboard.press("Escape")


def test_enter_on_the_token_page_goes_to_the_next_customer(page: Page, address: str) -> None:
    page.goto(f"{address}/look/token")
    assert focused(page) == "next-customer"


def test_just_sold_offers_printing_again_as_the_default(page: Page, address: str) -> None:
    page.goto(f"{address}/look/till-recent")
    assert focused(page) == "print-again"


def test_the_count_shows_its_sums_while_typing(page: Page, address: str) -> None:
    page.goto(f"{address}/look/shift-close-1")
    page.locator("#count-20000").fill("15")
    expect(page.locator("[data-total]")).to_have_text("R 5,035.50")
    page.keyboard.press("Enter")
    assert focused(page) == "count-10000"


def test_without_javascript_the_amount_is_counted_by_a_button_and_enter_never_takes_money(
    bare_page: Page, address: str
) -> None:
    bare_page.goto(f"{address}/look/till")
    expect(bare_page.get_by_role("button", name="Count it")).to_be_visible()
    bare_page.locator("#amount").fill("150")
    with bare_page.expect_request("**/look/till") as sent:
        bare_page.keyboard.press("Enter")
    assert "act=quote" in (sent.value.post_data or "")
    with bare_page.expect_request("**/look/till") as sent:
        bare_page.locator("#take-money").click()
    assert "act=take" in (sent.value.post_data or "")


def test_without_javascript_an_open_answer_still_comes_by_itself(bare_page: Page, address: str) -> None:
    bare_page.goto(f"{address}/look/token-paid")
    assert (
        bare_page.locator("noscript meta[http-equiv=refresh]").count() == 1
        or "refresh" in bare_page.content()
    )


def test_an_open_answer_is_asked_for_again_and_shows_no_digits(page: Page, address: str) -> None:
    page.goto(f"{address}/look/token-paid")
    assert page.locator("#token").count() == 0
    with page.expect_request("**/look/token-paid", timeout=3000):
        pass


def test_keys_typed_faster_than_the_count_wait_in_a_row_and_land_in_their_fields(till: Page) -> None:
    """Amount, Enter, money received, Enter, Enter within a few milliseconds on a slow network."""
    sent: list[str] = []

    def slow(route: object, request: Request) -> None:
        body = request.post_data or ""
        sent.append(body)
        if "act=take" not in body:
            till.wait_for_timeout(250)
            route.continue_()  # type: ignore[attr-defined]

    till.route("**/look/till", slow)
    till.keyboard.type("150")
    till.keyboard.press("Enter")
    till.keyboard.type("200")
    till.keyboard.press("Enter")
    till.keyboard.press("Enter")
    for _ in range(60):
        if any("act=take" in body for body in sent):
            break
        till.wait_for_timeout(50)
    taken = [body for body in sent if "act=take" in body]
    assert len(taken) == 1
    assert "amount=150&" in taken[0] + "&"
    assert "received=200&" in taken[0] + "&"


def test_the_square_on_paper_is_never_finer_than_three_dots_a_module(page: Page, address: str) -> None:
    for name in ("receipt-80", "receipt-58", "receipt-a5", "receipt-a4"):
        page.goto(f"{address}/look/{name}")
        modules, width = page.evaluate(
            "(s => [s.viewBox.baseVal.width, s.getBoundingClientRect().width * 25.4 / 96])(document.querySelector('.p-qr svg'))"
        )
        assert width / modules >= 0.375


def test_plus_right_after_the_amount_keeps_the_line_and_never_stands_in_the_field(till: Page) -> None:
    with till.expect_request(lambda request: "act=add" in (request.post_data or "")) as sent:
        till.keyboard.type("200+")
    assert "amount=200&" in (sent.value.post_data or "") + "&"


def test_a_search_keeps_the_basket(till: Page) -> None:
    till.keyboard.press("F2")
    till.keyboard.type("S-07")
    with till.expect_navigation():
        till.keyboard.press("Enter")
    assert "basket=b-1" in till.url

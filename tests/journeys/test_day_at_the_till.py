"""A whole day at the till on a running server: by keyboard alone, and by one finger on a tablet.

The shift is opened, everything that a till sells is sold, a slip is printed again, a sale goes back with the supervisor's yes,
the drawer is counted blind and once more, the money goes into its bag. By keyboard the test prints the keys of each sale beyond
the meter's number and the amount. What was sold is entered at the meters' twins: they, not this test, say that it is good.
"""

from __future__ import annotations

from datetime import date

import pytest
from hands import Finger, Hand, Keyboard
from journeys.conftest import Screens, Site
from playwright.sync_api import expect

from meter.outcome import Outcome
from sts import id_record
from vending.access.policy import SYSTEM
from vending.estate import queries as estate
from vending.estate.service import set_lease_tariff
from vending.ledger import queries as ledger
from vending.payments import vouchers
from vending.shifts import queries as shifts
from vending.vends import queries, reversing
from vending.vends.acting import Wanted

MOST_KEYS = 12  # of a cash sale, beyond number and amount
CASH_SALES = ("cash, exact", "cash, with change", "found by name", "found by telephone")


def prepare(site: Site) -> dict[str, str]:
    """What the day meets: free units, a key change that was released, vouchers. Gives the words to find things by."""
    shop, counter = site.desk.shop, site.counter
    with shop.db.writing() as session:
        lease = estate.one_meter(session, shop.clock, shop.meter("G-05")).lease
        assert lease is not None
        set_lease_tariff(
            session, shop.clock, SYSTEM, lease.key, service="electricity", tariff="mall-allowance", reason="a store now"
        )  # fmt: skip
        vouchers.add(
            session, shop.clock, site.desk.john, site=shop.site, numbers=["GIFT-1001"], amount_minor=20_000,
            currency="ZAR", issuer="The mall", valid_until=date(2027, 12, 31), reason="Christmas",
        )  # fmt: skip
    counter.act(
        "engineer",
        Wanted("key-change", shop.meter("G-08"), "The old revision ends", work_order="WO-17", to={"krn": 2}),
    )
    found = {}
    with shop.db.reading() as session:
        for unit in ("G-02", "G-03", "G-04", "G-05", "G-08", "G-09", "1-03"):
            meter = estate.one_meter(session, shop.clock, shop.meter(unit))
            found[unit] = meter.drn
            keying = meter.keying
            record = id_record.IdRecord(meter.pan, keying.tct, keying.ea, keying.sgc, keying.ti, keying.krn)
            found[f"card of {unit}"] = id_record.format_card(record)
            found[f"square of {unit}"] = id_record.format(record)
    return found


def sign_in(hand: Hand, name: str, password: str) -> None:
    hand.write("name", name)
    hand.write("password", password)
    hand.press("sign-in")


def sell_everything(hand: Hand, site: Site, known: dict[str, str]) -> None:
    """Twenty sales, one of each kind that a till knows, five minutes apart."""

    def paid(what: str) -> None:
        hand.take()
        hand.next_customer()
        hand.done(what)
        site.counter.pass_(minutes=5)

    page = hand.page
    hand.find(known["G-03"])
    hand.amount("150")
    paid("cash, exact")

    hand.find(known["G-04"])
    hand.amount("100")
    hand.received("200")
    expect(page.locator("#change")).to_contain_text("100.00")
    paid("cash, with change")

    hand.find("Plains Acc")
    hand.amount("80")
    paid("found by name")

    hand.find("78 555 0199")
    hand.amount("60")
    paid("found by telephone")

    hand.find(known["card of G-02"])
    hand.amount("400")
    paid("card of the meter under the scanner")

    hand.find(known["square of 1-03"])
    hand.amount("45")
    paid("square of the label under the scanner")

    hand.find("G-06", which=1)
    hand.amount("120")
    hand.pay_by("card")
    hand.received("4711")
    paid("card")

    hand.find("1-02")
    hand.amount("300")
    hand.pay_by("cheque")
    hand.received("000213")
    paid("cheque")

    hand.find("G-01", which=1)
    hand.amount("250")
    hand.pay_by("transfer")
    hand.received("FT-88-1")
    paid("bank transfer")

    hand.find("G-06", which=2)
    hand.amount("200")
    hand.pay_by("voucher")
    hand.received("GIFT-1001")
    paid("voucher")

    hand.find(known["G-03"])
    hand.without_token("To the customer", "500")
    paid("top-up of an account")

    hand.find(known["G-03"])
    hand.amount("90")
    hand.pay_by("account")
    paid("paid from the account")

    hand.find(known["G-04"])
    hand.amount("200")
    hand.part("Card", "150", "4712")
    hand.received("100")
    paid("two ways of paying")

    hand.find(known["G-09"])
    hand.amount("60k")
    paid("by energy")

    hand.find("G-01", which=1)
    hand.amount("100")
    hand.another_line()
    hand.find("G-01", which=2)
    hand.amount("50")
    hand.without_token("Parking")
    expect(page.locator(".basket li")).to_have_count(3)
    paid("two meters and a fee")

    hand.find(known["G-04"])
    hand.press("sell-another")  # it bought ten minutes ago, so that sale is shown first
    page.wait_for_selector("#amount:focus")
    hand.without_token("Arrears", "50")
    paid("a debt")

    hand.find(known["G-05"])
    hand.press("Give them without")
    expect(page.locator(".basket li")).to_have_count(1)
    paid("free units")

    hand.find(known["G-08"])
    hand.amount("100")
    paid("a key change that is due")

    hand.find(known["G-03"])
    hand.without_token("Deposit", "300")
    paid("a deposit")

    hand.find("1-01")
    page.wait_for_selector("#amount")
    hand.press("100.00")
    expect(page.locator("#take-money")).to_be_visible()
    hand.take()
    page.wait_for_selector("#token")
    hand.press("print-again")
    page.wait_for_selector("article.paper")
    hand.press("Back to the sale")
    hand.next_customer()
    hand.done("a usual amount, printed at once")
    site.counter.pass_(minutes=5)


def the_day(hand: Hand, boss: Hand, site: Site) -> None:
    page, counter = hand.page, site.counter
    known = prepare(site)
    sign_in(hand, "thandi", "lantern-cashier")
    page.wait_for_selector("#find")
    hand.press("Open the shift")
    page.wait_for_selector("#float")
    hand.write("float", "500")
    hand.choose("witness", "Amina")
    hand.write("witness_secret", "6193")
    hand.press("open-shift")
    page.wait_for_selector("#find:focus")
    hand.done("open the shift")

    sell_everything(hand, site, known)

    # The printer jammed: the meter comes again, its token stands there first, and the first key or touch prints a copy.
    counter.pass_(minutes=7)
    hand.find("1-01")
    page.wait_for_selector("#print-again")
    assert "12 minutes ago. Print that slip again" in page.inner_text("main")
    hand.press("print-again")
    page.wait_for_selector("article.paper")
    expect(page.locator("article.paper")).to_contain_text("COPY")
    hand.done("12 minutes ago: print again")
    hand.press("Back to the sale")
    hand.next_customer()
    hand.done("back to the till")

    # The wrong customer: asked for on the sale's page, decided by the supervisor on a screen of his own.
    hand.press("Plains Accounting")
    page.wait_for_selector("#next-customer")
    hand.press("Ask to reverse this sale")
    page.wait_for_selector("#reason")
    hand.write("reason", "Typed for the wrong customer")
    hand.press("Ask for the reversal")
    expect(page.locator("body")).to_contain_text("until then the sale stands")
    hand.done("ask for a reversal")
    sign_in(boss, "amina", "lantern-supervisor")
    boss.page.wait_for_selector("a:has-text('Approvals')")
    boss.press("Approvals")
    expect(boss.page.locator("article.case")).to_contain_text("Typed for the wrong customer")
    asked = boss.page.locator("[name=confirm]")
    if asked.count():  # who has just signed in is not asked once more
        boss.write(str(asked.get_attribute("id")), "6193")
    boss.press(boss.page.locator("article.case .acts .button").first.inner_text())
    boss.page.wait_for_selector("text=Decided lately")
    boss.done("the supervisor decides")

    close_blind(hand, site, {"card": "270", "cheque": "300", "voucher": "200"})


def close_blind(hand: Hand, site: Site, slips: dict[str, str]) -> None:
    page, shop = hand.page, site.desk.shop
    with shop.db.reading() as session:
        drawer = ledger.balance(session, "cash/n1", "ZAR")
    page.goto(f"{site.address}/cashier/shifts")
    hand.press("close")
    page.wait_for_selector("#counted-on")
    right = pieces(drawer)
    wrong = right | {"20000": str(int(right["20000"]) - 1)}
    for count in (wrong, right):
        hand.count(count)
        for way, worth in slips.items():
            hand.write(f"sum-{way}", worth)
        hand.press("counted-on")
        page.wait_for_selector("#lock-count")
        assert words_of(drawer) not in page.inner_text("main") or count is right, "the count is blind"
        hand.press("lock-count")
        page.wait_for_selector("#close-shift")
        if count is wrong:
            expect(page.locator("main")).to_contain_text("R 200.00 short")
            hand.press("recount")
            page.wait_for_selector("#counted-on")
    expect(page.locator("main")).not_to_contain_text("short")
    hand.write("bag", "S-1001")
    hand.press("close-shift")
    page.wait_for_selector("article.paper")
    expect(page.locator("article.paper")).to_contain_text("S-1001")
    expect(page.locator("article.paper")).to_contain_text(words_of(drawer - 50_000))
    hand.done("count twice, close, pack the bag")


def pieces(minor: int) -> dict[str, str]:
    """The drawer in notes and coins, the largest first."""
    found = {}
    for worth in (20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10):
        number, minor = divmod(minor, worth)
        if number:
            found[str(worth)] = str(number)
    assert minor == 0, f"{minor} cents do not exist as a coin"
    return found


def words_of(minor: int) -> str:
    return f"{minor / 100:,.2f}"


def look_at_the_day(site: Site) -> None:
    """What the books, the shift and the meters say of it."""
    shop, counter = site.desk.shop, site.counter
    with shop.db.reading() as session:
        sales = queries.list_last_of_till(session, shop.site, "N1", most=50)
        taken_back = reversing.of_orders(session, [vend.order_id for sale in sales for vend in sale.vends])
        (shift,) = shifts.list_shifts(session, shop.site)
    assert len(sales) == 20
    assert {sale.state for sale in sales} <= {"issued", "reversed"}
    ways = sorted({one.way for sale in sales for one in sale.taken})
    assert ways == ["account", "card", "cash", "cheque", "transfer", "voucher"]
    assert sorted({vend.kind for sale in sales for vend in sale.vends}) == [
        "account",
        "allowance",
        "charge",
        "credit",
    ]
    assert [one.state for one in taken_back.values()] == ["done"]
    assert shift.state == "closed"
    assert len(shift.counts) == 2
    twin = counter.twin("G-08")
    said = [
        twin.enter(token.digits)
        for sale in sales
        for vend, token in sale.tokens
        if vend.meter_key == shop.meter("G-08")
    ]
    assert [one.outcome for one in said[:-1]] and said[-1].outcome is Outcome.ACCEPTED


def test_a_day_by_keyboard_alone(screens: Screens, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    hand = Keyboard(screens.open(f"{site.address}/cashier/till"))
    boss = Keyboard(screens.open(f"{site.address}/supervisor/approvals"))
    the_day(hand, boss, site)
    look_at_the_day(site)
    with capsys.disabled():
        print(
            "\nkeys beyond number and amount: "
            + ", ".join(f"{what} {keys}" for what, keys in hand.counted.items())
        )
    for what in CASH_SALES:
        assert hand.counted[what] <= MOST_KEYS, what


TABLET = {"has_touch": True, "is_mobile": True, "viewport": {"width": 1024, "height": 768}}
UPRIGHT = {**TABLET, "viewport": {"width": 768, "height": 1024}}


@pytest.mark.long
@pytest.mark.parametrize("screen", [pytest.param(TABLET, id="lying"), pytest.param(UPRIGHT, id="upright")])
def test_the_same_day_with_one_finger_on_a_tablet(
    screens: Screens, site: Site, screen: dict[str, object]
) -> None:
    hand = Finger(screens.open(f"{site.address}/cashier/till", **screen))
    boss = Finger(screens.open(f"{site.address}/supervisor/approvals", **screen))
    the_day(hand, boss, site)
    look_at_the_day(site)

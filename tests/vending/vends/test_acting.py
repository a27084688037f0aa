"""Acts without money: asked for with a reason, agreed to by two, on the one way of every order (T-22 for these acts)."""

from __future__ import annotations

import uuid
from dataclasses import asdict

import keystore_cast
import pytest
import sqlalchemy as sa
from counter import Counter

from meter.outcome import Outcome
from vending.access import approvals
from vending.access.errors import ApprovalRefused, ApprovalUnfit
from vending.auditor.report import run
from vending.errors import NotAllowed, VendingError
from vending.estate import queries as estate
from vending.ledger import queries as ledger
from vending.receipts import papers
from vending.vends import acting, key_changes, older_tokens
from vending.vends import service as vends
from vending.vends.acting import Wanted
from vending.vends.errors import ActUnfit, OrderIdInvalid, OrderIdReused
from vending.vends.plan import VendOrder


def audited(counter: Counter) -> list[str]:
    with counter.shop.db.reading() as session:
        report = run(session.connection(), now=counter.clock.now())
    return [fault for result in report.results for fault in result.faults]


def wanted(counter: Counter, kind: str, **more: object) -> Wanted:
    meter = counter.shop.meter(str(more.pop("unit", "G-03")))
    return Wanted(kind, meter, "Light out after our own works", work_order="WO-17", **more)  # type: ignore[arg-type]


def balance(counter: Counter, account: str, unit: str) -> int:
    with counter.shop.db.reading() as session:
        return ledger.balance(session, account, unit)


def test_a_free_issue_is_asked_for_signed_by_two_and_printed_without_money(counter: Counter) -> None:
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    assert counter.sale(asked.sale_key).state == "asked"
    assert counter.sale(asked.sale_key).tokens == ()
    counter.sign("supervisor", asked.approval)
    done = acting.carry_out(
        counter.shop.db, counter.clock, counter.module, counter.actor("supervisor"), asked.order_id
    )
    assert done == "issued"
    slip = counter.sale(asked.sale_key)
    assert (slip.total_minor, slip.receipt) == (0, "ACT-000001")
    ((_vend, token),) = slip.tokens
    assert (token.kind, token.units) == ("free-issue", 120)
    assert slip.content["orders"][0]["work_order"] == "WO-17"
    assert counter.twin("G-03").enter(token.digits).units == 120
    assert balance(counter, "energy/free/electricity", "electricity") == 120
    again = acting.carry_out(
        counter.shop.db, counter.clock, counter.module, counter.actor("supervisor"), asked.order_id
    )
    assert again == "issued"
    assert audited(counter) == []


def test_the_same_act_asked_for_twice_is_one_and_another_under_its_id_is_refused(counter: Counter) -> None:
    order = str(uuid.uuid4())
    first = counter.ask("supervisor", wanted(counter, "free-issue", units=120), order)
    assert counter.ask("supervisor", wanted(counter, "free-issue", units=120), order) == first
    with pytest.raises(OrderIdReused):
        counter.ask("supervisor", wanted(counter, "free-issue", units=130), order)


@pytest.mark.parametrize("names", [[], ["one"], ["one", "one"]])
def test_one_person_is_not_two(counter: Counter, names: list[str]) -> None:
    """T-22: whoever asks, the module counts people and not signatures."""
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    with counter.shop.db.reading() as session:
        text = approvals.one_request(session, counter.clock, counter.actor("supervisor"), asked.approval).text
    approver = next(iter(dict(keystore_cast.demonstration.signers())))
    signatures = keystore_cast.signatures(text, *[approver] * len(names))
    with pytest.raises((ApprovalUnfit, ApprovalRefused)):
        counter.sign("supervisor", asked.approval, signatures)
    with pytest.raises(VendingError):
        acting.carry_out(
            counter.shop.db, counter.clock, counter.module, counter.actor("supervisor"), asked.order_id
        )
    assert counter.sale(asked.sale_key).state == "asked"
    assert balance(counter, "energy/free/electricity", "electricity") == 0


def test_more_than_was_signed_is_refused_by_the_module(counter: Counter) -> None:
    """T-22: a row made larger after two people signed gives no token, and the act is refused without money."""
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    counter.sign("supervisor", asked.approval)
    with counter.shop.db.migrating() as connection:
        if counter.shop.db.dialect == "sqlite":
            for name in (
                connection.exec_driver_sql(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'token_request'"
                )
                .scalars()
                .all()
            ):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "UPDATE token_request SET asked = replace(asked, '120', '9000')"
            if counter.shop.db.dialect == "sqlite"
            else "UPDATE token_request SET asked = replace(asked::text, '120', '9000')::jsonb"
        )
        connection.commit()
    state = acting.carry_out(
        counter.shop.db, counter.clock, counter.module, counter.actor("supervisor"), asked.order_id
    )
    assert state == "refused"
    slip = counter.sale(asked.sale_key)
    assert slip.vends[0].refusal_code == "approval-other"
    assert slip.tokens == ()


def test_who_may_not_ask_is_refused(counter: Counter) -> None:
    for kind in ("free-issue", "engineering", "key-change"):
        with pytest.raises(NotAllowed):
            counter.ask("cashier", wanted(counter, kind, units=120))


def test_an_act_that_nobody_agreed_to_in_time_is_withdrawn(counter: Counter) -> None:
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    counter.pass_(hours=25)
    assert acting.settle_handed_in(counter.shop.db, counter.clock) == 1
    slip = counter.sale(asked.sale_key)
    assert (slip.state, slip.vends[0].refusal_code) == ("withdrawn", "act-expired")
    mine = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    acting.withdraw(counter.shop.db, counter.clock, counter.actor("supervisor"), mine.order_id)
    assert counter.sale(mine.sale_key).state == "withdrawn"
    assert audited(counter) == []


def test_an_act_whose_answer_was_lost_goes_on_by_itself(counter: Counter) -> None:
    """Killed between the module's yes and our row: the worker's round finds it."""
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    counter.sign("supervisor", asked.approval)
    assert counter.sale(asked.sale_key).state == "asked"
    acting.settle_handed_in(counter.shop.db, counter.clock)
    vends.complete(
        counter.shop.db, counter.clock, counter.module, vends.list_open(counter.shop.db, counter.clock)
    )
    assert counter.sale(asked.sale_key).state == "issued"


@pytest.mark.parametrize(
    ("action", "value"), [("power-limit", 5000), ("clear-credit", 0), ("clear-tamper", 0), ("meter-test", 1)]
)
def test_engineering_tokens_do_what_they_say(counter: Counter, action: str, value: int) -> None:
    twin = counter.twin("G-03")
    slip = counter.act("engineer", wanted(counter, "engineering", action=action, value=value))
    ((_vend, token),) = slip.tokens
    assert token.kind == "engineering"
    assert twin.enter(token.digits).outcome is Outcome.ACCEPTED
    if action == "power-limit":
        assert twin.state.power_limit_w == 5000
    assert audited(counter) == []


def test_credit_is_carried_over_to_another_meter(counter: Counter) -> None:
    sold = counter.sell(counter.shop.order("G-03", 50_000))
    units = sold.vends[0].units
    source, target = counter.shop.meter("G-03"), counter.shop.meter("G-05")
    with pytest.raises(ActUnfit):
        counter.ask(
            "supervisor",
            wanted(counter, "replacement", unit="G-05", units=100, taken_from=source, taken_units=units + 1),
        )
    slip = counter.act(
        "supervisor",
        wanted(counter, "replacement", unit="G-05", units=100, taken_from=source, taken_units=100),
    )
    assert [token.kind for _vend, token in slip.tokens] == ["replacement"]
    assert balance(counter, f"energy/meter/{source}", "electricity") == units - 100
    assert balance(counter, f"energy/meter/{target}", "electricity") == 100
    assert balance(counter, "energy/replaced/electricity", "electricity") == 100
    assert audited(counter) == []


def keying(counter: Counter, unit: str = "G-03") -> dict[str, object]:
    with counter.shop.db.reading() as session:
        return asdict(estate.one_meter(session, counter.clock, counter.shop.meter(unit)).keying)


def test_after_a_key_change_life_goes_on_under_the_new_key_with_the_set_on_every_slip(
    counter: Counter,
) -> None:
    twin = counter.twin("G-03")
    change = counter.act("engineer", wanted(counter, "key-change", to={"krn": 2}))
    parts = [token.digits for _vend, token in change.tokens]
    assert len(parts) >= 2
    assert keying(counter)["krn"] == 1
    first, second = (
        counter.sell(counter.shop.order("G-03", 20_000)),
        counter.sell(counter.shop.order("G-03", 20_000)),
    )
    for slip in (first, second):
        assert [token.digits for _vend, token in slip.tokens][: len(parts)] == parts
        assert [token.keying["krn"] for _vend, token in slip.tokens] == [1] * len(parts) + [2]
        assert slip.content["orders"][0]["carries"] == [change.vends[0].order_id]
    # The customer lost the first paper, and enters the second in its printed order; then the first one's credit.
    for digits in [token.digits for _vend, token in second.tokens]:
        assert twin.enter(digits).accepted or twin.state.last in (
            Outcome.FIRST_SECTION,
            Outcome.FURTHER_SECTION,
        )
    assert twin.enter(first.tokens[-1][1].digits).outcome is Outcome.ACCEPTED
    engineer = counter.actor("engineer")
    with counter.shop.db.writing() as session:
        with pytest.raises(ActUnfit):
            key_changes.confirm(
                session,
                counter.clock,
                engineer,
                change.vends[0].order_id,
                seen_by="display",
                krn=1,
            )
        key_changes.confirm(
            session,
            counter.clock,
            engineer,
            change.vends[0].order_id,
            seen_by="display",
            krn=2,
        )
    assert keying(counter)["krn"] == 2
    third = counter.sell(counter.shop.order("G-03", 20_000))
    assert [token.kind for _vend, token in third.tokens] == ["credit"]
    assert twin.enter(third.tokens[0][1].digits).outcome is Outcome.ACCEPTED
    # A copy of an old slip still shows what stood on it.
    assert counter.sale(second.key).tokens == second.tokens
    assert audited(counter) == []


def test_back_to_the_old_key_only_by_two_people_with_what_the_display_shows(counter: Counter) -> None:
    twin = counter.twin("G-03")
    change = counter.act("engineer", wanted(counter, "key-change", to={"krn": 2}))
    order = change.vends[0].order_id
    engineer = counter.actor("engineer")
    with counter.shop.db.writing() as session, pytest.raises(ActUnfit):
        key_changes.ask_back(
            session,
            counter.clock,
            engineer,
            order,
            krn=2,
            evidence="seen by me",
            reason="never entered",
            for_module=counter.module.name,
        )
    with counter.shop.db.writing() as session:
        approval = key_changes.ask_back(
            session,
            counter.clock,
            engineer,
            order,
            krn=1,
            evidence="display shows 1",
            reason="never entered",
            for_module=counter.module.name,
        )
    with pytest.raises(VendingError):
        key_changes.take_back(
            counter.shop.db, counter.clock, counter.module, counter.actor("engineer"), approval
        )
    counter.sign("engineer", approval)
    for _ in range(2):
        key_changes.take_back(
            counter.shop.db, counter.clock, counter.module, counter.actor("engineer"), approval
        )
    slip = counter.sell(counter.shop.order("G-03", 20_000))
    assert [token.kind for _vend, token in slip.tokens] == ["credit"]
    assert twin.enter(slip.tokens[0][1].digits).outcome is Outcome.ACCEPTED
    assert audited(counter) == []


def test_a_common_key_takes_no_credit_and_says_why(counter: Counter) -> None:
    with counter.shop.db.migrating() as connection:
        connection.execute(
            sa.text("UPDATE meter SET key_type = 3 WHERE key = :key"), {"key": counter.shop.meter("G-03")}
        )
        connection.commit()
    order = VendOrder(str(uuid.uuid4()), counter.shop.meter("G-03"), money_minor=10_000)
    (refused,) = vends.sell(counter.shop.db, counter.clock, counter.module, [counter.shop.basket(order)])
    assert isinstance(refused, VendingError)
    assert "common key" in refused.sentence
    with pytest.raises(ActUnfit):
        counter.ask("supervisor", wanted(counter, "free-issue", units=120))


def test_an_act_expires_a_day_after_it_was_asked_for(counter: Counter) -> None:
    asked = counter.ask("supervisor", wanted(counter, "free-issue", units=120))
    counter.pass_(hours=24, minutes=1)
    with pytest.raises(VendingError):
        counter.sign("supervisor", asked.approval)


def test_what_was_bought_for_the_old_key_is_named_before_the_set_and_on_its_slip(counter: Counter) -> None:
    """Rules.md 13: a token that is not entered before the key change is lost."""
    meter = counter.shop.meter("G-03")
    first = counter.sell(VendOrder(str(uuid.uuid4()), meter, money_minor=20_000))
    counter.pass_(minutes=5)
    second = counter.sell(VendOrder(str(uuid.uuid4()), meter, money_minor=5_000))
    counter.sell(VendOrder(str(uuid.uuid4()), counter.shop.meter("G-05"), money_minor=5_000))
    counter.pass_(minutes=5)
    with counter.shop.db.reading() as session:
        view = estate.one_meter(session, counter.clock, meter)
        named = older_tokens.of_meter(session, meter, asdict(view.keying), counter.clock.now())
        assert older_tokens.before_open_change(session, meter) == ()
    expected = [sale.tokens[0][1].digits for sale in (second, first)]
    assert [one.digits for one in named] == expected
    assert [one.receipt for one in named] == [second.receipt, first.receipt]
    change = counter.act("engineer", Wanted("key-change", meter, "Revision 2 for the group", to={"krn": 2}))
    counter.pass_(minutes=5)
    counter.sell(
        VendOrder(str(uuid.uuid4()), meter, money_minor=5_000)
    )  # under the new key: nothing to hurry for
    with counter.shop.db.reading() as session:
        assert [one.digits for one in older_tokens.before_open_change(session, meter)] == expected
    slip = papers.act_paper(counter.shop.db, counter.clock, change.vends[0].order_id, test=True)
    told = [block.text for block in slip.blocks if block.kind == "digits"]
    assert told[:2] == expected, "the old ones go in first"
    assert len(told) > 2
    # One that nobody can have on paper any more is not named.
    counter.pass_(days=100)
    with counter.shop.db.reading() as session:
        assert older_tokens.of_meter(session, meter, asdict(view.keying), counter.clock.now()) == ()


@pytest.mark.parametrize("order_id", ["", "x", "0" * 36, "' OR 1=1", "a" * 5000, "../../etc"])
def test_an_act_has_an_id_of_its_own_or_is_refused(counter: Counter, order_id: str) -> None:
    with pytest.raises(OrderIdInvalid, match="Open the page anew"):
        acting.request(
            counter.shop.db, counter.clock, counter.actor("supervisor"), order_id, wanted(counter, "free-issue", units=50),
            site=counter.shop.site, for_module="ampoule/test",
        )  # fmt: skip


def test_the_id_of_a_sale_is_no_id_of_an_act(counter: Counter) -> None:
    basket = counter.shop.basket(counter.shop.order("G-03", 20_000))
    counter.shop.sell(basket)
    for taken in (basket.sale_id, basket.orders[0].order_id):
        with pytest.raises(OrderIdReused):
            acting.request(
                counter.shop.db, counter.clock, counter.actor("supervisor"), taken, wanted(counter, "free-issue", units=50),
                site=counter.shop.site, for_module="ampoule/test",
            )  # fmt: skip


def test_nothing_is_asked_for_while_nobody_knows_which_module_would_take_it(counter: Counter) -> None:
    wanted = Wanted("free-issue", counter.shop.meter("G-03"), "gift of the house", units=50)
    with pytest.raises(VendingError) as caught:
        acting.request(
            counter.shop.db,
            counter.clock,
            counter.actor("supervisor"),
            str(uuid.uuid4()),
            wanted,
            site=counter.shop.site,
            for_module="",
        )
    assert "does not answer" in str(caught.value)
    with counter.shop.db.reading() as session:
        assert acting.find_act(session, "an-order-of-its-own") is None

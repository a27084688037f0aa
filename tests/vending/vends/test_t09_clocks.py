"""T-09 for the sale: the machine's clock is set back, far ahead, in mid-sale, over both ends of summer time, past a key's end.

Server and module run on one machine, so both see the same clock; the module alone has a second one that nobody can set. The
module is the real one. Whatever the clock does: a token's time never falls or repeats, never runs further ahead than it may,
no money is taken for a token that does not come, and what was sold adds up day by day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import keystore_cast
import pytest
import sqlalchemy as sa
from counter import Counter, open_counter
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from shop import Shop

from keystore import acts, demonstration
from vending.access.policy import SYSTEM
from vending.auditor import records
from vending.auditor.reconciliation import Log, Window, reconcile
from vending.auditor.report import run
from vending.estate import meters as estate_meters
from vending.vends import service as vends
from vending.vends.errors import KeyNotUsable, ModuleNotReady
from vending.vends.plan import Basket
from vending.vends.readiness import LEAD

HOUR, DAY, YEAR = 3600.0, 86400.0, 365.25 * 86400.0
UNITS = ("G-03", "G-05")


def basket(counter: Counter, unit: str = "G-03", money: int = 2_000) -> Basket:
    return counter.shop.basket(counter.shop.order(unit, money), received=money)


def sell(counter: Counter, wanted: Basket) -> vends.SaleOutcome | Exception:
    (outcome,) = vends.sell(counter.shop.db, counter.clock, counter.module, [wanted])
    return outcome


def jump(counter: Counter, seconds: float) -> None:
    """Somebody sets the machine's clock; the steady one goes on as it was."""
    counter.module.source.jump(seconds=seconds)  # type: ignore[attr-defined]
    counter.clock.set(counter.clock.now() + timedelta(seconds=seconds))


def confirm(counter: Counter) -> None:
    """Two approvers look at the clock and say that it is right."""
    now = counter.module.now()
    counter.module.act(
        acts.confirm_clock(
            now=now, module=counter.module.name, maker="Test", reason="Set by a time server", made=now
        )
    )


def payments(counter: Counter) -> int:
    with counter.shop.db.reading() as session:
        return int(session.scalar(sa.text("SELECT count(*) FROM payment")) or 0)


def identifiers(counter: Counter) -> dict[str, list[int]]:
    """Each meter's token times as absolute minutes, in the order in which the log gave them."""
    with counter.shop.db.reading() as session:
        rows = session.execute(sa.text("SELECT pan, absolute_minute FROM token ORDER BY sequence")).all()
    found: dict[str, list[int]] = {}
    for pan, minute in rows:
        found.setdefault(pan, []).append(minute)
    return found


def assert_they_rise(found: dict[str, list[int]]) -> None:
    for minutes in found.values():
        assert all(earlier < later for earlier, later in pairwise(minutes)), minutes
        assert all(minute % 1440 != 1 for minute in minutes), "the reserved minute"


def assert_books_are_whole(counter: Counter) -> None:
    with counter.shop.db.reading() as session:
        report = run(session.connection(), now=max(counter.clock.now(), datetime(2026, 11, 21, tzinfo=UTC)))
        open_orders = session.scalar(sa.text("SELECT count(*) FROM vend WHERE state = 'paid'"))
        tokens = session.scalar(sa.text("SELECT count(*) FROM token"))
    assert [fault for result in report.results for fault in result.faults] == []
    assert (open_orders, tokens) == (0, payments(counter))


@pytest.mark.parametrize("back", [HOUR, YEAR])
def test_a_clock_that_was_set_back_sells_nothing_and_says_so(counter: Counter, back: float) -> None:
    assert isinstance(sell(counter, basket(counter)), vends.SaleOutcome)
    jump(counter, -back)
    for _ in range(2):
        refused = sell(counter, basket(counter))
        assert isinstance(refused, ModuleNotReady)
        assert "no money is due" in refused.sentence
        assert "clock" in refused.sentence
        counter.module.restart(clean=False)  # a module that is started anew remembers its log
    assert payments(counter) == 1
    jump(counter, back)
    counter.pass_(minutes=1)
    counter.module.restart()  # for one that was started by the wrong clock the right one is a jump
    assert isinstance(sell(counter, basket(counter)), vends.SaleOutcome)
    assert_they_rise(identifiers(counter))
    assert_books_are_whole(counter)


@pytest.mark.parametrize("ahead", [DAY, 10 * YEAR])
def test_a_clock_far_ahead_sells_nothing_until_it_is_right_or_confirmed(
    counter: Counter, ahead: float
) -> None:
    jump(counter, ahead)
    assert isinstance(sell(counter, basket(counter)), ModuleNotReady)
    jump(counter, -ahead)
    assert isinstance(sell(counter, basket(counter)), vends.SaleOutcome)
    jump(counter, DAY)
    assert isinstance(sell(counter, basket(counter)), ModuleNotReady)
    confirm(counter)
    counter.pass_(minutes=1)
    assert isinstance(sell(counter, basket(counter)), vends.SaleOutcome)
    # It was not right after all: going back is refused for as long as the log is ahead.
    jump(counter, -DAY)
    assert isinstance(sell(counter, basket(counter)), ModuleNotReady)
    assert_they_rise(identifiers(counter))
    assert payments(counter) == 2


@pytest.mark.parametrize("step", [-HOUR, -YEAR, DAY])
def test_a_clock_that_jumps_between_payment_and_token_leaves_the_order_open(
    counter: Counter, step: float
) -> None:
    """Paid, and the module gives nothing by a clock it does not believe: the customer is owed, and gets it once."""
    wanted = basket(counter)
    (key,) = vends.place(counter.shop.db, counter.clock, counter.module, [wanted])
    assert isinstance(key, str)
    jump(counter, step)
    order = wanted.orders[0].order_id
    vends.complete(counter.shop.db, counter.clock, counter.module, [order])
    assert counter.sale(key).state == "paid"
    assert counter.sale(key).tokens == ()
    again = sell(counter, wanted)
    assert isinstance(again, vends.SaleOutcome)
    assert again.is_open
    jump(counter, -step)
    counter.pass_(minutes=1)
    vends.complete(
        counter.shop.db, counter.clock, counter.module, vends.list_open(counter.shop.db, counter.clock)
    )
    assert counter.sale(key).state == "issued"
    assert payments(counter) == 1
    assert_books_are_whole(counter)


@pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 28), 23), (date(2027, 10, 31), 25)])
def test_a_day_of_23_or_25_hours_holds_all_its_sales_once(counter: Counter, day: date, hours: int) -> None:
    """I-28: one sale in each hour of the site's day and two on either side; none is lost between two days, none is in both."""
    with counter.shop.db.writing() as session:
        session.execute(sa.text("UPDATE site SET time_zone = 'Europe/Paris'"))
    midnight = datetime.combine(day, datetime.min.time(), ZoneInfo("Europe/Paris")).astimezone(UTC)
    jump(counter, (midnight - timedelta(minutes=90) - counter.clock.now()).total_seconds())
    counter.module.restart()
    confirm(counter)
    for number in range(2 + hours + 2):
        outcome = sell(counter, basket(counter, UNITS[number % 2]))
        assert isinstance(outcome, vends.SaleOutcome), outcome
        counter.pass_(hours=1)
    status = counter.module.status()

    def fetch(first: int, limit: int) -> list[bytes]:
        return [entry.leaf_data.encode() for entry in counter.module.entries(first, limit)]

    log = Log(
        status.log,
        status.now,
        lambda since, until: records.log_of_module(fetch, status.sequence, 64, since, until),
    )
    with counter.shop.db.reading() as session:
        found = reconcile(session.connection(), log, now=counter.clock.now(), window=Window())
    assert found.clean, found.lines()
    by_day = {one: sums.log_entries for (one, _sgc, _service), sums in found.sums.items()}
    assert by_day == {day - timedelta(days=1): 2, day: hours, day + timedelta(days=1): 2}
    assert_they_rise(identifiers(counter))
    assert_books_are_whole(counter)


def test_past_the_end_of_the_meters_key_nothing_is_sold_and_the_sentence_says_when(counter: Counter) -> None:
    """The base date of 2014 ends on 24 November 2045 (rules.md 8); a meter's own expiry number may end before."""
    meter = counter.shop.meter("G-05")
    with counter.shop.db.writing() as session:
        estate_meters.change_key_data(
            session, counter.clock, SYSTEM, meter, {"ken": 103}, evidence="its label", reason="An older key"
        )
    # 104 × 65 536 minutes after the beginning of 2014.
    end = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=104 * 65_536 - 1)
    assert end > counter.clock.now()
    jump(counter, (end - counter.clock.now()).total_seconds() - 90)
    confirm(counter)
    last = sell(counter, basket(counter, "G-05"))
    assert isinstance(last, vends.SaleOutcome), last
    counter.pass_(minutes=3)
    over = sell(counter, basket(counter, "G-05"))
    assert isinstance(over, KeyNotUsable)
    assert f"ended on {end:%Y-%m-%d %H:%M}" in over.sentence
    assert isinstance(sell(counter, basket(counter, "G-03")), vends.SaleOutcome), (
        "its neighbour has another key"
    )
    assert_books_are_whole(counter)


def test_a_key_that_the_module_has_not_takes_no_money(counter: Counter) -> None:
    with counter.shop.db.writing() as session:
        session.execute(
            sa.text("UPDATE meter SET krn = 7 WHERE key = :key"), {"key": counter.shop.meter("G-05")}
        )
    refused = sell(counter, basket(counter, "G-05"))
    assert isinstance(refused, KeyNotUsable)
    assert "is not in the security module" in refused.sentence
    assert payments(counter) == 0


STEPS = st.one_of(
    st.just(("sell", 0.0)),
    st.just(("sell", 1.0)),
    st.tuples(st.just("pass"), st.sampled_from([1.0, 60.0, HOUR, 5 * HOUR, DAY])),
    st.tuples(st.just("jump"), st.sampled_from([-1.0, 1.0, -100.0, 500.0, -HOUR, HOUR, -DAY, DAY, -YEAR, YEAR])),
    st.just(("right", 0.0)),
    st.just(("restart", 0.0)),
    st.just(("confirm", 0.0)),
)  # fmt: skip


def live(counter: Counter, steps: list[tuple[str, float]], off: float) -> float:
    """One schedule. Gives how far the clock is off at its end."""
    for act, how in steps:
        if act == "pass":
            counter.pass_(seconds=how)
        elif act == "jump":
            jump(counter, how)
            off += how
        elif act == "right":
            jump(counter, -off)
            off = 0.0
        elif act == "restart":
            counter.module.restart(clean=False)
        elif act == "confirm":
            now = counter.module.now()
            text = acts.confirm_clock(
                now=now, module=counter.module.name, maker="Test", reason="Looks right", made=now
            )
            counter.module.approve(text, demonstration.sign(text))
        else:
            before, wanted = payments(counter), basket(counter, UNITS[int(how)])
            outcome = sell(counter, wanted)
            assert payments(counter) == before + isinstance(outcome, vends.SaleOutcome)
            if isinstance(outcome, vends.SaleOutcome):
                now = int(counter.clock.now().timestamp() // 60)
                (token,) = [token for _vend, token in counter.sale(wanted.sale_id).tokens]
                logged = int(token.logged_at.timestamp() // 60)
                assert abs(logged - now) <= 1, "the log is written by the clock that was believed"
    return off


def ahead_of_the_clock(counter: Counter) -> int:
    """By how many minutes the furthest token ran ahead of the moment at which it was logged."""
    with counter.shop.db.reading() as session:
        rows = session.execute(sa.text("SELECT tid, base_date, logged_at FROM token")).all()
    furthest = 0
    for tid, base, logged_at in rows:
        logged = logged_at if isinstance(logged_at, datetime) else datetime.fromisoformat(logged_at)
        moment = datetime(base, 1, 1, tzinfo=UTC) + timedelta(minutes=tid)
        furthest = max(furthest, int((moment - logged).total_seconds() // 60))
    return furthest


@pytest.fixture
def another(shop: Shop, made_module: Path, tmp_path: Path) -> Iterator[Counter]:
    """A counter that lives through many schedules, one after the other."""
    found = open_counter(shop, made_module, tmp_path)
    for name in ("small", "medium", "large"):
        found.module.act(
            acts.set_limits(
                meter_class=name, units_a_day=10_000_000, tokens_a_day=1_439,
                module=found.module.name, maker="Test", reason="T-09", made=found.module.now(),
            )
        )  # fmt: skip
    yield found
    found.module.engine.log.abandon()


def any_schedule(counter: Counter, examples: int, number: int = 0) -> None:
    off = 0.0

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )  # fmt: skip
    @seed(number)
    @given(st.lists(STEPS, min_size=1, max_size=12))
    def schedules(steps: list[tuple[str, float]]) -> None:
        nonlocal off
        off = live(counter, steps, off)

    schedules()
    assert_they_rise(identifiers(counter))
    assert ahead_of_the_clock(counter) <= LEAD
    vends.complete(
        counter.shop.db, counter.clock, counter.module, vends.list_open(counter.shop.db, counter.clock)
    )
    assert_books_are_whole(counter)
    assert payments(counter) > examples // 10, "the clock was hardly ever believed"


def test_whatever_the_clock_does_token_times_rise_and_money_is_whole(another: Counter) -> None:
    any_schedule(another, 20)


@pytest.mark.long
@pytest.mark.parametrize("number", range(100))
def test_whatever_the_clock_does_at_length(another: Counter, number: int) -> None:
    """Twenty thousand schedules, two hundred at a time."""
    any_schedule(another, 200, number)


class Credulous(keystore_cast.SetTime):
    """A planted fault: a steady clock that follows whoever sets the other one."""

    def steady(self) -> float:
        return self.at


def test_the_battery_sees_a_module_that_believes_every_clock(
    shop: Shop, made_module: Path, tmp_path: Path
) -> None:
    counter = open_counter(shop, made_module, tmp_path)
    counter.module.close()
    counter.module = keystore_cast.Module(tmp_path / "module", Credulous(counter.clock.now()))
    with pytest.raises(pytest.fail.Exception):
        jump(counter, DAY)
        if isinstance(sell(counter, basket(counter)), vends.SaleOutcome):
            pytest.fail("it sold by a clock that nobody confirmed")
    with pytest.raises(AssertionError):
        assert_they_rise({"pan": [10, 12, 12]})
    with pytest.raises(AssertionError):
        assert_they_rise({"pan": [1441]})
    assert json.loads(counter.module.entries(0, 1)[0].leaf_data)["n"] == 0
    counter.module.engine.log.abandon()

"""Search: any word by its beginning, any number by a part of four digits, the same answer as a plain look at each line."""

from datetime import date

import pytest
from estate_cast import KEYING, Ground
from hypothesis import given
from hypothesis import strategies as st

from sts import drn
from vending.access.policy import SYSTEM
from vending.clock import FixedClock
from vending.db import Database
from vending.estate import meters, numbers, queries, search, service

NUMBER = drn.of("0701448231")

words = st.text(alphabet="abcdefg éü 金锅店 0123456789-&.", max_size=24)


@given(words, words)
def test_the_index_and_the_line_agree_on_every_word(name: str, typed: str) -> None:
    index, line = search.entry_words(["27825550123"], [name]), search.entry_text(["27825550123"], [name])
    for word in search.query_words(typed):
        key = search.index_key(word)
        assert any(each.startswith(key) for each in index) == search.fits(word, line), (word, line)
    assert search.words_of_line(line) == index


@given(st.text(alphabet="0123456789", min_size=4, max_size=18), st.data())
def test_any_four_digits_of_a_number_lead_to_it(number: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(number) - 4))
    end = data.draw(st.integers(start + 4, len(number)))
    (part,) = search.query_words(number[start:end])
    assert any(tail.startswith(part) for tail in search.tails(number))


@given(st.text(max_size=200))
def test_whatever_is_typed_becomes_few_plain_words(typed: str) -> None:
    found = search.query_words(typed)
    assert len(found) <= 8
    assert all(word and "%" not in word and "_" not in word and "'" not in word for word in found)


TYPED = [
    "0144",
    "4482",
    "5550123",
    "082 555",
    "+27 82 555 0123",
    "muller",
    "MÜLLER",
    "bak",
    "mül soh",
    "G-12",
    "g12",
    "12 bak",
    "main bak",
    "sarah",
    "C00001",
    NUMBER,
    numbers.pan_of(NUMBER),
    NUMBER[:4] + " " + NUMBER[4:8] + " " + NUMBER[8:],
]


@pytest.fixture
def meter(database: Database, clock: FixedClock, ground: Ground) -> str:
    with database.writing() as session:
        service.add_contact(
            session, clock, SYSTEM, tenant=ground.tenant, name="Sarah Jacobs", phone="084 555 0199"
        )
        service.move_in(
            session, clock, SYSTEM, space=ground.shop, tenant=ground.tenant, starts_on=date(2026, 1, 1)
        )
        return meters.add_meter(
            session,
            clock,
            SYSTEM,
            site=ground.site,
            number=NUMBER,
            service="electricity",
            keying=KEYING,
            space=ground.shop,
        )


def test_a_meter_is_found_by_whatever_the_cashier_is_told(
    database: Database, clock: FixedClock, ground: Ground, meter: str
) -> None:
    with database.reading() as session:
        for typed in TYPED:
            assert [view.key for view in queries.find_meters(session, clock, typed)] == [meter], typed
        for typed in ("", "  ", "zzz", "bakery cinema", "9999", "%", "' OR 1=1 --", "_", "\x00", "üllr"):
            assert queries.find_meters(session, clock, typed) == [], typed
        assert queries.find_meters(session, clock, "muller", sites=["elsewhere"]) == []
        assert [view.key for view in queries.find_meters(session, clock, "muller", sites=[ground.site])] == [
            meter
        ]
        assert [view.key for view in queries.find_tenants(session, "sarah")] == [ground.tenant]


def test_what_changes_is_found_under_its_new_name_and_no_longer_under_the_old(
    database: Database, clock: FixedClock, ground: Ground, meter: str
) -> None:
    with database.writing() as session:
        service.change_tenant(
            session, clock, SYSTEM, ground.tenant, name="Golden Wok 金锅店", phone="0611112222"
        )
        service.change_space(session, clock, SYSTEM, ground.shop, code="K-77")
    with database.reading() as session:
        for typed in ("golden", "金锅", "锅店", "K-77", "11112"):
            assert [view.key for view in queries.find_meters(session, clock, typed)] == [meter], typed
        for typed in ("muller", "G-12", "5550123"):
            assert queries.find_meters(session, clock, typed) == [], typed


def test_who_moved_out_no_longer_leads_to_the_meter(
    database: Database, clock: FixedClock, ground: Ground, meter: str
) -> None:
    with database.writing() as session:
        (lease,) = queries.leases_of_space(session, ground.shop)
        service.end_lease(session, clock, SYSTEM, lease.key, reason="moved")
    with database.reading() as session:
        assert queries.find_meters(session, clock, "muller") == []
        assert [view.key for view in queries.find_meters(session, clock, "G-12")] == [meter]


def test_the_rarest_word_leads_and_the_answer_is_bounded(
    database: Database, clock: FixedClock, ground: Ground
) -> None:
    with database.writing() as session:
        for number in range(60):
            space = service.add_space(
                session, clock, SYSTEM, site=ground.site, code=f"S-{number:03d}", area="10"
            )
            meters.add_meter(
                session,
                clock,
                SYSTEM,
                site=ground.site,
                number=drn.of(f"07{20000000 + number:08d}"),
                service="electricity",
                keying=KEYING,
                space=space,
                label="common shop",
            )
    with database.reading() as session:
        assert len(queries.find_meters(session, clock, "common")) == 20
        assert len(queries.find_meters(session, clock, "2000", most=100)) == 60
        (view,) = queries.find_meters(session, clock, "shop S-042")
        assert view.space is not None
        assert view.space.code == "S-042"


@given(st.integers(0, 10**10 - 1), st.data())
def test_every_single_slip_is_among_the_suggestions(serial: int, data: st.DataObject) -> None:
    number = drn.of(f"{serial:010d}")
    pan = numbers.pan_of(number)
    place = data.draw(st.integers(0, 10))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert pan in set(numbers.slips(number[:place] + other + number[place + 1 :]))
    swap = data.draw(st.integers(0, 9))
    swapped = number[:swap] + number[swap + 1] + number[swap] + number[swap + 2 :]
    assert swapped == number or pan in set(numbers.slips(swapped))
    assert pan in set(numbers.missing_or_extra(number[:place] + number[place + 1 :]))

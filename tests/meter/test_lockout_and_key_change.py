"""Wrong entries wait longer and longer; a key-change set is taken whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from meter import profile
from meter.outcome import Outcome
from meter.twin import Twin
from sts.keys import KeyType

from .keying import START, a_key, a_twin, credit, key_change

WRONG = "1" * 20
NEW = a_key(2, krn=2, ti="07", ken=80, sgc="123456")


class TestLockout:
    def test_each_wait_is_twice_the_last_from_ten_seconds_to_1280(self) -> None:
        twin, waits = a_twin(), []
        for _ in range(12):
            twin.enter(WRONG)
            waits.append(twin.lock_wait_s)
            twin.advance(twin.state.now + twin.lock_wait_s, 0)

        assert waits == [0, 0, 10, 20, 40, 80, 160, 320, 640, 1280, 1280, 1280]

    def test_a_token_during_the_wait_is_not_counted_and_does_not_lengthen_it(self) -> None:
        twin = a_twin()
        for _ in range(3):
            twin.enter(WRONG)
        twin.advance(START + 4, 0)

        assert twin.enter(WRONG).wait_s == 6
        assert (twin.state.wrong_entries, twin.lock_wait_s) == (3, 6)

    def test_a_good_token_after_the_wait_forgets_the_errors(self) -> None:
        twin = a_twin()
        for _ in range(4):
            twin.enter(WRONG)
            twin.advance(twin.state.now + twin.lock_wait_s, 0)
        assert twin.enter(credit()).accepted
        twin.enter(WRONG)

        assert twin.lock_wait_s == 0

    def test_an_honest_second_try_of_a_used_token_is_no_wrong_entry(self) -> None:
        twin, digits = a_twin(), credit()
        for _ in range(9):
            twin.enter(digits)

        assert twin.lock_wait_s == 0

    @pytest.mark.parametrize(
        ("survives", "battery", "wait"), [(True, True, 40), (True, False, 80), (False, True, 0)]
    )
    def test_a_power_cut_is_no_way_round_the_wait(self, survives: bool, battery: bool, wait: int) -> None:
        model = profile.load("single-phase")
        twin = a_twin(replace(model, lockout=replace(model.lockout, survives_power_cut=survives)))
        for _ in range(6):
            twin.advance(twin.state.now + twin.lock_wait_s, 0)
            twin.enter(WRONG)
        assert twin.lock_wait_s == 80
        twin.state.battery_ok = battery
        twin.power_off()
        twin = Twin.from_memory(twin.profile, twin.installation, twin.snapshot())
        twin.advance(twin.state.now + 40, 0)
        twin.power_on()

        assert twin.lock_wait_s == wait


class TestKeyChange:
    @pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
    def test_four_sections_in_any_order_are_one_new_key(self, order: tuple[int, ...]) -> None:
        twin = a_twin(units=77)
        tokens = key_change(NEW)
        outcomes = [twin.enter(tokens[at]).outcome for at in order]

        assert outcomes == [
            Outcome.FIRST_SECTION,
            Outcome.FURTHER_SECTION,
            Outcome.FURTHER_SECTION,
            Outcome.ACCEPTED,
        ]
        state = twin.state
        assert (state.krn, state.ti, state.ken, state.sgc) == (2, "07", 80, "123456")
        assert twin.credit_units() == 77
        assert twin.enter(credit(5, NEW)).accepted

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_two_sections_do_for_a_short_key_and_show_no_supply_group(self, order: tuple[int, int]) -> None:
        old, new = a_key(1, "07"), a_key(2, "07", krn=2)
        twin = a_twin(key=old)
        tokens = key_change(new, old)
        assert [twin.enter(tokens[at]).outcome for at in order] == [Outcome.FIRST_SECTION, Outcome.ACCEPTED]
        assert twin.state.sgc == "000000"

    def test_nothing_changes_before_the_set_is_whole(self) -> None:
        twin = a_twin()
        for digits in key_change(NEW)[:3]:
            assert twin.enter(digits).accepted
        assert twin.state.krn == 1
        assert twin.enter(credit()).accepted
        assert twin.enter(key_change(NEW)[3]).outcome is Outcome.ACCEPTED

    def test_the_answer_names_the_missing_sections(self) -> None:
        assert a_twin().enter(key_change(NEW)[1]).missing == (1, 3, 4)

    def test_a_section_typed_again_is_no_harm(self) -> None:
        twin, tokens = a_twin(), key_change(NEW)
        assert [twin.enter(tokens[0]).outcome for _ in range(2)] == [Outcome.FIRST_SECTION] * 2

    def test_a_set_that_takes_too_long_is_dropped(self) -> None:
        twin, tokens = a_twin(), key_change(NEW)
        for digits in tokens[:3]:
            twin.enter(digits)
        twin.advance(START + 601, 0)

        assert twin.enter(tokens[3]).outcome is Outcome.FIRST_SECTION

    def test_a_set_within_the_time_is_taken(self) -> None:
        twin, tokens = a_twin(), key_change(NEW)
        for digits in tokens[:3]:
            twin.enter(digits)
        twin.advance(START + 600, 0)

        assert twin.enter(tokens[3]).outcome is Outcome.ACCEPTED

    def test_a_power_cut_drops_half_a_set(self) -> None:
        twin, tokens = a_twin(), key_change(NEW)
        twin.enter(tokens[0])
        twin.power_off()
        twin.power_on()

        assert twin.enter(tokens[1]).missing == (1, 3, 4)

    def test_newer_paper_begins_a_new_set(self) -> None:
        twin, newer = a_twin(), key_change(a_key(3, krn=3))
        for digits in key_change(NEW)[:3]:
            twin.enter(digits)
        assert twin.enter(newer[0]).missing == (2, 3, 4)

    def test_roll_over_empties_the_memory_of_tokens_and_its_absence_keeps_it(self) -> None:
        for rollover, outcome in ((True, Outcome.ACCEPTED), (False, Outcome.USED)):
            twin = a_twin()
            twin.enter(credit(tid=900))
            for digits in key_change(NEW, rollover=rollover):
                twin.enter(digits)
            assert twin.enter(credit(key=NEW, tid=900)).outcome is outcome

    @pytest.mark.parametrize(
        ("kind", "to", "outcome"),
        [
            (KeyType.DITK, KeyType.DDTK, Outcome.ACCEPTED),
            (KeyType.DITK, KeyType.DUTK, Outcome.ACCEPTED),
            (KeyType.DITK, KeyType.DCTK, Outcome.ACCEPTED),
            (KeyType.DDTK, KeyType.DUTK, Outcome.ACCEPTED),
            (KeyType.DUTK, KeyType.DDTK, Outcome.ACCEPTED),
            (KeyType.DUTK, KeyType.DCTK, Outcome.KEY_TYPE),
            (KeyType.DCTK, KeyType.DUTK, Outcome.ACCEPTED),
            (KeyType.DDTK, KeyType.DITK, Outcome.KEY_TYPE),
            (KeyType.DUTK, KeyType.DITK, Outcome.KEY_TYPE),
            (KeyType.DCTK, KeyType.DITK, Outcome.KEY_TYPE),
        ],
    )
    def test_key_types_move_as_the_standard_lets_them(
        self, kind: KeyType, to: KeyType, outcome: Outcome
    ) -> None:
        old, new = a_key(1, "07", kind), a_key(2, "07", to, krn=2)
        twin = a_twin(key=old)
        answers = [twin.enter(each).outcome for each in key_change(new, old)]

        assert outcome in answers
        assert twin.state.key_type == (to if outcome is Outcome.ACCEPTED else kind)

    def test_an_expired_key_still_takes_its_successor(self) -> None:
        twin = a_twin(key=a_key(ken=0))
        answers = [twin.enter(each).outcome for each in key_change(NEW)]
        assert answers[-1] is Outcome.ACCEPTED

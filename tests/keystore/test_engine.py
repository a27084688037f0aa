"""What the module does with requests: every refusal is a row, and what was issued stays the same for ever."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import keystore_cast as cast
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keystore_cast import Module, credit, key_change, management, meter, old_meter

from keystore import acts, demonstration
from keystore.errors import ModuleRefused
from keystore.module import AlreadyIssued, Cancelled, Issued, Refused
from sts import engine, tid, tokens
from sts.keys import DecoderKey


def key_of(module: Module, keying: object) -> DecoderKey:
    record = module.engine.ring.find(keying)
    return module.engine.ring.decoder_key(record.record_id, keying)


def test_a_credit_decodes_at_the_meter_to_exactly_what_was_sold(module: Module) -> None:
    for keying in (meter(), old_meter()):
        issued = module.issued(credit(keying, 1234))
        token = engine.decode(issued.tokens[0], key_of(module, keying))
        assert isinstance(token, tokens.Credit)
        assert (token.units, token.tid, token.subclass) == (1234, issued.tid, 0)


def test_a_token_that_does_not_decode_ends_the_module_before_it_is_logged(module: Module) -> None:
    """The planted fault: a cipher that turns a bit. Nothing is logged, so the order is not lost: asked again, it is issued."""
    right = module.engine.ciphers
    module.engine.ciphers = {
        ea: replace(cipher, encipher=lambda key, block, cipher=cipher: cipher.encipher(key, block) ^ 1 << 40)
        for ea, cipher in right.items()
    }
    request, size = credit(), module.engine.log.size
    with pytest.raises(AssertionError, match="does not decode"):
        module.issue([request])
    module.restart(clean=False)
    module.engine.ciphers = right
    assert module.issued(request).sequence == size + 1, "after the entry of the start"


def test_the_same_order_gives_the_same_token_and_other_content_is_refused(module: Module) -> None:
    request = credit()
    first, again = module.issued(request), module.issued(request)
    assert again.tokens == first.tokens
    assert (again.sequence, again.salt, again.signature) == (first.sequence, first.salt, first.signature)
    assert again.replayed
    assert not first.replayed
    assert module.refused(replace(request, units=101)) == "order-id-reused"
    assert module.replay([request.order_id])[0].tokens == first.tokens


def test_one_order_asked_by_many_in_one_group_is_issued_once(module: Module) -> None:
    request = credit()
    answers = module.issue([request, request, replace(request, units=7)])
    assert answers[0] == answers[1]
    assert isinstance(answers[2], Refused)
    assert answers[2].code == "order-id-reused"


def test_a_bad_request_never_fails_its_neighbours(module: Module) -> None:
    good, bad = credit(), credit(units=16385)
    found = module.issue([good, bad, credit()])
    assert [type(a) for a in found] == [Issued, Refused, Issued]


REFUSALS = {
    "order id of four characters": (lambda m: credit(order_id="abcd"), "order-id-invalid"),
    "order id with a line feed": (lambda m: credit(order_id="abcdefgh\n"), "order-id-invalid"),
    "content hash in capitals": (lambda m: credit(content_hash="A" * 64), "content-hash-invalid"),
    "meter number with a wrong check digit": (
        lambda m: credit(meter(pan=m_wrong())),
        "check-digit",
    ),
    "supply group of five digits": (lambda m: credit(meter(sgc="60010")), "length"),
    "revision zero": (lambda m: credit(meter(krn=0)), "krn"),
    "tariff index of one digit": (lambda m: credit(meter(ti="1")), "length"),
    "algorithm 09": (lambda m: credit(meter(ea="09")), "ea"),
    "base date 2000": (lambda m: credit(meter(base_date=2000)), "base-date"),
    "MISTY1 with DKGA02": (lambda m: credit(meter(dkga="02")), "dkga-ea"),
    "a key that is not here": (lambda m: credit(meter(krn=9)), "key-unknown"),
    "credit under the factory's default key": (
        lambda m: credit(meter(sgc="999962", key_type=1)),
        "key-type",
    ),
    "credit under a common key": (lambda m: credit(meter(key_type=3)), "common-key"),
    "water sold as electricity": (lambda m: credit(subclass=1), "service-mismatch"),
    "a currency token": (lambda m: credit(subclass=4), "service-mismatch"),
    "no units": (lambda m: credit(units=0), "units-not-encodable"),
    "units that a token cannot carry": (lambda m: credit(units=16385), "units-not-encodable"),
    "more units than any token": (lambda m: credit(units=18_201_625), "units-not-encodable"),
    "an unknown meter class": (lambda m: credit(meter_class="giant"), "meter-class-unknown"),
    "more than the class's day": (lambda m: credit(units=180224, meter_class="small"), "day-limit"),
    "free issue without an act": (lambda m: credit(free=True), "approval-missing"),
    "engineering token without an act": (lambda m: management(), "approval-missing"),
    "key change without an act": (lambda m: key_change(meter(), krn=2), "approval-missing"),
    "free issue with an act that is not known": (
        lambda m: credit(free=True, approval="f" * 64),
        "approval-other",
    ),
    "an unknown engineering token": (lambda m: management(action="set-tariff-rate"), "action-unknown"),
    "a power limit that the field cannot say": (
        lambda m: management(action="power-limit", value=16385),
        "amount-not-encodable",
    ),
    "key change to the same key": (lambda m: key_change(meter()), "key-change-same"),
    "key change of another meter": (lambda m: key_change(meter(), pan=cast.a_pan()), "key-change-meter"),
    "key change to the factory key": (lambda m: key_change(meter(), key_type=0), "key-type-move"),
    "roll-over without a changed key": (
        lambda m: key_change(meter(), rollover=True, ken=200),
        "rollover-same-key",
    ),
    "base date changed without roll-over": (
        lambda m: key_change(meter(), krn=3, base_date=2035),
        "base-date-rollover",
    ),
    "meter test without a bit": (lambda m: management(action="meter-test", value=0), "value-invalid"),
}


def m_wrong() -> str:
    good = cast.a_pan()
    return good[:-1] + str((int(good[-1]) + 1) % 10)


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(module: Module, name: str) -> None:
    make, code = REFUSALS[name]
    size = module.engine.log.size
    found = module.one(make(module))
    assert isinstance(found, Refused)
    assert found.code == code
    assert found.sentence.endswith(".")
    assert module.engine.log.size == size


def test_cancel_before_issue_makes_the_order_impossible_for_ever(module: Module) -> None:
    request = credit()
    assert isinstance(module.cancel([request.order_id])[0], Cancelled)
    assert isinstance(module.cancel([request.order_id])[0], Cancelled)
    assert module.refused(request) == "order-cancelled"
    module.restart()
    assert module.refused(request) == "order-cancelled"
    assert module.replay([request.order_id])[0].code == "order-cancelled"


def test_cancel_after_issue_says_that_the_token_exists(module: Module) -> None:
    issued = module.issued(request := credit())
    assert module.cancel([request.order_id]) == [AlreadyIssued(request.order_id, issued.sequence)]


# --- token identifiers ----------------------------------------------------------------------------------------------


def test_identifiers_rise_per_meter_over_keys_and_classes(module: Module) -> None:
    """Buy, change the key with RO = 0, buy again in the same minute (rules of the trade 1)."""
    keying = meter()
    minutes = []
    first = module.issued(credit(keying))
    minutes.append(tid.absolute_minute(first.tid, 2014))
    tamper = module.issued(module.approved(management(keying)))
    minutes.append(tid.absolute_minute(tamper.tid, 2014))
    assert module.issued(module.approved(key_change(keying, krn=2))).tid is None
    after = module.issued(credit(replace(keying, krn=2)))
    minutes.append(tid.absolute_minute(after.tid, 2014))
    water = module.issued(credit(replace(keying, krn=2), service="water", subclass=1))
    minutes.append(tid.absolute_minute(water.tid, 2014))
    assert minutes == list(range(minutes[0], minutes[0] + 4))


def test_the_reserved_minute_is_never_issued(module: Module, source: cast.SetTime) -> None:
    source.at = datetime.fromisoformat("2026-03-03T00:00:30+00:00").timestamp()
    source.run = source.at
    module.restart()
    keying = meter()
    found = [module.issued(credit(keying)).tid for _ in range(3)]
    assert [n % 1440 for n in found] == [0, 2, 3]


def test_the_lead_over_the_clock_is_capped_at_an_hour(module: Module, source: cast.SetTime) -> None:
    module.act(
        acts.set_limits(
            meter_class="large",
            units_a_day=10**7,
            tokens_a_day=1000,
            module=module.name,
            maker="T",
            reason="T",
            made=module.now(),
        )
    )
    keying = meter()
    for _ in range(61):
        module.issued(credit(keying))
    assert module.refused(credit(keying)) == "lead-exceeded"
    source.pass_(minutes=1)
    module.issued(credit(keying))
    assert module.refused(credit(keying)) == "lead-exceeded"


def test_a_taken_over_meter_starts_above_its_last_token(module: Module) -> None:
    keying = meter()
    now = tid.absolute_minute(module.issued(credit()).tid, 2014)
    module.act(
        acts.set_floors(
            floors={keying.pan: now + 2}, module=module.name, maker="T", reason="take-over", made=module.now()
        )
    )
    assert tid.absolute_minute(module.issued(credit(keying)).tid, 2014) == now + 3
    module.act(
        acts.set_floors(
            floors={keying.pan: now - 50},
            module=module.name,
            maker="T",
            reason="take-over",
            made=module.now(),
        )
    )
    assert tid.absolute_minute(module.issued(credit(keying)).tid, 2014) == now + 4


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["sell", "tamper", "wait", "back", "restart", "kill"]), min_size=3, max_size=14)
)
def test_identifiers_never_repeat_whatever_the_clock_does(
    made: object, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    import shutil

    folder = tmp_path_factory.mktemp("clock") / "m"
    shutil.copytree(str(made), folder)
    source = cast.SetTime()
    module = Module(folder, source)
    keying, seen = meter(7), []
    for step in steps:
        if step in ("sell", "tamper"):
            try:
                request = credit(keying) if step == "sell" else module.approved(management(keying))
                found = module.one(request)
            except (ModuleRefused, AssertionError):
                continue
            if isinstance(found, Issued):
                seen.append(found.tid)
        elif step == "wait":
            source.pass_(minutes=3)
        elif step == "back":
            source.jump(seconds=-100)
        else:
            module.restart(clean=step == "restart")
    module.engine.log.abandon()
    assert seen == sorted(set(seen))


# --- keys and time ----------------------------------------------------------------------------------------------------


def at(module: Module, source: cast.SetTime, moment: str) -> None:
    module.engine.log.abandon()
    source.at = source.run = datetime.fromisoformat(moment).timestamp()


def test_a_1993_meter_ends_at_its_last_minute_and_can_still_be_changed(
    tmp_path: object, made: object
) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "m"
    source = cast.SetTime(datetime.fromisoformat("2024-11-24T20:14:00+00:00"))
    demonstration.init(folder, source=source)
    module = Module(folder, source)
    keying = old_meter(krn=1, base_date=1993)
    assert module.issued(credit(keying)).tid == 2**24 - 2
    assert module.issued(credit(keying)).tid == 2**24 - 1
    assert module.refused(credit(keying)) == "key-expired"
    source.pass_(minutes=30)
    change = module.approved(key_change(keying, rollover=True, krn=2, base_date=2014))
    assert len(module.issued(change).tokens) == 2
    after = replace(keying, krn=2, base_date=2014)
    sold = module.issued(credit(after))
    assert tid.absolute_minute(sold.tid, 2014) > 2**24 - 1
    assert module.refused(credit(keying)) == "key-not-present"
    module.engine.log.abandon()


def test_the_meters_own_expiry_number_counts(module: Module) -> None:
    now = module.issued(credit()).tid >> 16
    assert module.refused(credit(meter(ken=now - 1))) == "key-expired"
    module.issued(credit(meter(ken=now)))
    keying = meter(ken=now - 1)
    assert len(module.issued(module.approved(key_change(keying, ken=255))).tokens) == 4


def test_roll_over_only_to_a_key_that_the_meter_never_held(module: Module) -> None:
    keying = meter()
    module.issued(credit(keying))
    second = replace(keying, krn=2)
    module.issued(module.approved(key_change(keying, rollover=True, krn=2)))
    assert module.refused(module.approved(key_change(second, rollover=True, krn=1))) == "rollover-held-key"
    module.issued(module.approved(key_change(second, krn=1)))
    assert module.refused(credit(second)) == "key-not-present"
    module.issued(credit(keying))


def test_after_a_key_change_only_the_new_key_sells_until_two_people_say_otherwise(module: Module) -> None:
    keying = meter()
    module.issued(module.approved(key_change(keying, krn=2)))
    assert module.refused(credit(keying)) == "key-not-present"
    module.act(
        acts.set_meter_key(
            keying=keying,
            evidence="the display shows KRN 1",
            module=module.name,
            maker="T",
            reason="never entered",
            made=module.now(),
        )
    )
    module.issued(credit(keying))
    assert module.refused(credit(replace(keying, krn=2))) == "key-not-present"


def test_a_key_change_set_decodes_to_the_new_key(module: Module) -> None:
    from sts.tokens import key_change as sections

    old = meter()
    found = module.issued(module.approved(key_change(old, krn=2, ti="05")))
    read = [engine.decode(t, key_of(module, old)) for t in found.tokens]
    new = sections.assemble(read, ea="11")
    assert (new.krn, new.ti, new.sgc, new.rollover) == (2, "05", "600100", False)
    assert new.value == key_of(module, replace(old, krn=2, ti="05")).value


def test_commissioning_changes_a_meter_from_the_makers_key(module: Module) -> None:
    factory = meter(sgc="999962", key_type=1)
    assert module.refused(credit(factory)) == "key-type"
    module.issued(module.approved(key_change(factory, sgc="600100", key_type=2)))
    module.issued(credit(replace(factory, sgc="600100", key_type=2)))


def test_a_suspended_key_issues_nothing_and_one_signature_suspends(module: Module) -> None:
    keying = meter()
    request = credit(keying)
    tokens_ = module.issued(request).tokens
    record = module.engine.ring.find(keying).record_id
    act = acts.suspend_key(record_id=record, module=module.name, maker="T", reason="alarm", made=module.now())
    assert module.approve(act, cast.signatures(act, "demo-first")).act_id == acts.act_id(act)
    assert module.refused(credit(keying)) == "key-suspended"
    assert module.replay([request.order_id])[0].tokens == tokens_
    act = acts.resume_key(
        record_id=record, module=module.name, maker="T", reason="false alarm", made=module.now()
    )
    assert module.approve(act, cast.signatures(act, "demo-first")).code == "two-people"
    module.act(act)
    module.issued(credit(keying))


# --- budgets and limits -----------------------------------------------------------------------------------------------


def test_the_budget_is_exact_to_the_unit_over_restarts(module: Module) -> None:
    module.budget(1000)
    sold = 0
    for n, units in enumerate((300, 300, 300, 300, 99, 2, 1, 1)):
        found = module.one(credit(units=units))
        if isinstance(found, Issued):
            sold += units
            assert found.budget_left == 1000 - sold
        else:
            assert found.code == "budget-exhausted"
        if n % 2:
            module.restart(clean=bool(n % 4 == 1))
    assert sold == 1000


def test_a_budget_renews_each_day_and_ends(module: Module, source: cast.SetTime) -> None:
    module.budget(100, period="day", ends=module.now() + timedelta(days=3))
    module.issued(credit())
    assert module.refused(credit()) == "budget-exhausted"
    source.pass_(days=1)
    module.issued(credit())
    assert module.refused(credit(units=1)) == "budget-exhausted"
    source.pass_(days=2)
    assert module.refused(credit()) == "budget-exhausted"


def test_a_budget_may_be_approved_in_advance(module: Module, source: cast.SetTime) -> None:
    module.budget(100, starts=module.now() + timedelta(days=2))
    assert module.refused(credit()) == "budget-exhausted"
    source.pass_(days=2)
    module.issued(credit())


def test_the_budget_warns_and_says_how_long_it_lasts(module: Module, source: cast.SetTime) -> None:
    module.budget(1000)
    assert module.issued(credit(units=400)).warnings == ()
    source.pass_(days=1)
    warned = module.issued(credit(units=200)).warnings
    assert "400 left, 40 %" in warned[0]
    assert "it lasts until" in warned[0]
    line = next(b for b in module.status().budgets if b.allotted == 1000)
    assert line.lasts_until is not None
    assert source.wall() < line.lasts_until.timestamp() < source.wall() + 3 * 86400


def test_counts_limit_free_issues_engineering_tokens_and_key_changes(module: Module) -> None:
    keying = meter()
    requests = [credit(keying, free=True) for _ in range(3)]
    first, second, third = module.approved(*requests)
    module.issued(first)
    module.issued(second)
    assert module.refused(third) == "free-limit"
    left = {b.kind: b.left for b in module.status().budgets if b.sgc == "600100"}
    assert left["free"] == 4998
    assert left["management"] == 5000


def test_the_day_limit_counts_units_and_tokens_of_one_meter(module: Module) -> None:
    keying = meter()
    module.issued(credit(keying, 16000, meter_class="small"))
    assert module.refused(credit(keying, 4001, meter_class="small")) == "day-limit"
    for _ in range(19):
        module.issued(credit(keying, 10, meter_class="small"))
    assert module.refused(credit(keying, 1, meter_class="small")) == "day-limit"


def test_a_meter_test_token_needs_no_approval_and_takes_no_identifier(module: Module) -> None:
    found = module.issued(management(action="meter-test", value=2))
    assert found.tid is None
    assert engine.decode(found.tokens[0]) == tokens.MeterTest(0, 2)


# --- clock --------------------------------------------------------------------------------------------------------------


def test_a_clock_behind_the_log_stops_the_sale_and_nobody_can_confirm_it(
    module: Module, source: cast.SetTime
) -> None:
    module.issued(credit())
    source.jump(hours=-1)
    with pytest.raises(ModuleRefused) as refused:
        module.one(credit())
    assert refused.value.code == "clock-doubtful"
    act = acts.confirm_clock(now=module.now(), module=module.name, maker="T", reason="T", made=module.now())
    assert module.approve(act, demonstration.sign(act)).code == "clock-behind"
    source.jump(hours=1)
    module.issued(credit())


def test_a_jump_forward_while_running_needs_one_confirmation(module: Module, source: cast.SetTime) -> None:
    source.jump(days=2)
    with pytest.raises(ModuleRefused):
        module.one(credit())
    act = acts.confirm_clock(now=module.now(), module=module.name, maker="T", reason="T", made=module.now())
    module.approve(act, cast.signatures(act, "demo-second"))
    module.issued(credit())


def test_more_than_31_days_after_a_stop_need_two_people(module: Module, source: cast.SetTime) -> None:
    source.at += 40 * 86400
    source.run += 40 * 86400
    module.restart()
    with pytest.raises(ModuleRefused):
        module.one(credit())
    act = acts.confirm_clock(now=module.now(), module=module.name, maker="T", reason="T", made=module.now())
    assert module.approve(act, cast.signatures(act, "demo-first")).code == "two-people"
    module.act(act)
    module.issued(credit())


# --- an older copy ------------------------------------------------------------------------------------------------------


def test_an_older_copy_of_the_log_refuses_until_two_people_fast_forward(
    module: Module, folder: object
) -> None:
    import shutil
    from pathlib import Path

    root = Path(str(folder))
    keying = meter()
    module.issued(credit(keying))
    module.close()
    shutil.copytree(root / "log", root / "older")
    module.engine = module._open()
    lost = [module.issued(credit(keying)) for _ in range(3)]
    note = module.checkpoint().note
    module.close()
    shutil.rmtree(root / "log")
    shutil.move(root / "older", root / "log")
    module.engine = module._open()  # the head beside the key file betrays the copy
    assert module.status().state == "behind"
    module.restart()
    assert module.status().state == "behind", "a restart forgets nothing"
    for call in (lambda: module.one(credit(keying)), lambda: module.cancel(["order-unknown-1"])):
        with pytest.raises(ModuleRefused) as refused:
            call()
        assert refused.value.code == "log-behind"
    act = acts.fast_forward(
        note=note, module=module.name, maker="T", reason="the disk died", made=module.now()
    )
    assert module.approve(act, cast.signatures(act, "demo-first", "demo-first")).code == "two-people"
    module.act(act)
    assert module.status().state == "ready"
    assert module.refused(credit(keying)) == "lead-exceeded"
    module.source.pass_(hours=2)
    assert module.refused(credit(keying)) == "budget-exhausted"
    module.budget(100_000)
    fresh = module.issued(credit(keying))
    assert fresh.tid > max(i.tid for i in lost) + 60
    module.restart()
    assert module.status().state == "ready"


def test_a_checkpoint_of_another_log_is_not_believed(module: Module) -> None:
    with pytest.raises(ModuleRefused) as refused:
        module.present_head(module.checkpoint().note.replace("\n", "\n1", 1))
    assert refused.value.code == "note-wrong"


def test_a_head_shown_once_is_remembered_over_a_restart(module: Module, folder: object) -> None:
    import shutil
    from pathlib import Path

    root = Path(str(folder))
    module.close()
    shutil.copytree(root / "log", root / "older")
    module.engine = module._open()
    module.issued(credit())
    note = module.checkpoint().note
    module.close()
    shutil.rmtree(root / "log")
    shutil.move(root / "older", root / "log")
    (root / "keys.stsks.head").unlink()
    module.engine = module._open()
    assert module.status().state == "ready", "nobody told it yet"
    assert module.present_head(note).state == "behind"
    module.restart()
    assert module.status().state == "behind"


def test_a_witness_is_kept_up_to_date_and_its_absence_stops_nothing(folder: object, tmp_path: object) -> None:
    from pathlib import Path

    here, away = Path(str(tmp_path)) / "witness", Path(str(tmp_path)) / "gone" / "witness"
    module = Module(Path(str(folder)), witnesses=(here, away))
    module.issued(credit())
    module.engine.log.write_checkpoint()
    module.engine.log.witnesses.settle()
    assert here.read_text() == module.checkpoint().note
    assert any(f"{away} takes no head" in line for line in module.status().warnings)
    module.issued(credit())
    module.engine.log.abandon()


def test_a_shorter_head_never_writes_over_a_longer_one_that_a_witness_holds(
    folder: Path, tmp_path: Path
) -> None:
    """The head beside the key file is read first; the witness knows more, and still does after the start."""
    witness, older = tmp_path / "witness", tmp_path / "older"
    module = Module(folder, witnesses=(witness,))
    module.close()
    shutil.copytree(folder / "log", older)
    module = Module(folder, witnesses=(witness,))
    module.issued(credit())
    module.engine.log.write_checkpoint()
    module.engine.log.witnesses.settle()
    shorter = (folder / "keys.stsks.head").read_text()
    module.issued(credit())
    module.engine.log.write_checkpoint()
    module.engine.log.witnesses.settle()
    longer = witness.read_text()
    module.close()
    shutil.rmtree(folder / "log")
    shutil.copytree(older, folder / "log")
    (folder / "keys.stsks.head").write_text(shorter)
    module = Module(folder, witnesses=(witness,))
    assert module.status().state == "behind"
    module.engine.log.witnesses.settle()
    assert witness.read_text() == longer
    assert (folder / "keys.stsks.head").read_text() == longer
    module.engine.log.abandon()


@pytest.mark.parametrize("offset", [-300, 0, 120, 840])
def test_after_a_fast_forward_a_group_ahead_of_utc_starts_above_what_was_lost(offset: int) -> None:
    """The floor is a minute of UTC; an identifier that was lost lies at most the lead ahead on the group's own clock."""
    from keystore.planning import LEAD_MINUTES, Moment, _identifier
    from keystore.state import State

    keying = meter()
    moment = Moment(1_800_000_000.0, {keying.sgc: offset})
    lost_at_most = moment.minute(keying.sgc) + LEAD_MINUTES
    state = State()
    state.floor = Moment(1_800_000_000.0, {}).minute(keying.sgc) + LEAD_MINUTES
    later = Moment(1_800_000_000.0 + 3600, {keying.sgc: offset})
    assert _identifier(keying, state, later)[0] > lost_at_most

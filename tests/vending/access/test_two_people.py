"""T-22: no act of two people is done by one. Every act, against every trick; and the honest way works.

Each trick is tried on each act that the server decides, and must end in a refusal with nothing done. For acts of the
security module the database can approve nothing at all; that is tried with the same tricks.
"""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from access_cast import SITE, add

from keystore import acts as module_acts
from vending.access import acts, approvals, people
from vending.access.acts import ACTS
from vending.access.errors import ApprovalRefused, ConfirmationNeeded
from vending.access.policy import SYSTEM, Actor, Grant
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret
from vending.access.tables import ApprovalRequest, ApprovalSignature
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import NotAllowed, VendingError

Enter = Callable[[Database, str], Signed]
CONTENT = {"figure": 7, "on": "this"}
SUBJECT = "thing:1"
SERVER_ACTS = [act.name for act in ACTS.values() if not act.by_module]
MODULE_ACTS = [act.name for act in ACTS.values() if act.by_module]


class Stage:
    """A site with two managers, a custodian, a cashier and a manager who is a tenant too; and one act on its way."""

    def __init__(self, db: Database, clock: FixedClock, vault: SiteSecret, enter: Enter) -> None:
        self.db, self.clock, self.vault, self.enter = db, clock, vault, enter
        self.maker = add(db, clock, "maker", "manager", "engineer")
        self.second = add(db, clock, "second", "manager")
        self.custodian = add(db, clock, "custodian", "key custodian")
        self.other_custodian = add(db, clock, "keeper", "key custodian", "engineer")
        self.cashier = add(db, clock, "cashier", "cashier")
        self.resident = add(db, clock, "resident", "manager", tenant="tenant-9")
        self.elsewhere = add(db, clock, "elsewhere", "manager", site="site-two")

    def maker_of(self, act: str) -> str:
        return self.other_custodian if ACTS[act].may_ask.value == "keys.act" else self.maker

    def second_of(self, act: str) -> str:
        return self.custodian if ACTS[act].may_decide.value == "keys.approve" else self.second

    def actor(self, key: str) -> Actor:
        return self.enter(self.db, key).actor

    def ask(
        self, act: str, *, beneficiary: str | None = None, by: str | None = None, subject: str = SUBJECT
    ) -> str:
        actor = self.actor(by or self.maker_of(act))
        text = None
        if ACTS[act].by_module:
            text = module_acts._act(
                ACTS[act].name_in_text,
                module="ampoule/test",
                maker=actor.key,
                reason="for the test",
                made=self.clock.now(),
                beneficiary=beneficiary,
            )
        with self.db.writing() as session:
            return approvals.ask(
                session,
                self.clock,
                actor,
                act,
                CONTENT,
                site=SITE,
                subject=subject,
                reason="for the test",
                beneficiary=beneficiary,
                text=text,
            )

    def decide(self, key: str, by: str, *, yes: bool = True) -> str:
        return approvals.decide(
            self.db,
            self.clock,
            self.vault,
            self.enter(self.db, by),
            key,
            yes=yes,
            remark="no" if not yes else None,
        )

    def use(
        self,
        key: str,
        act: str,
        *,
        by: str | None = None,
        content: dict[str, object] | None = None,
        subject: str = SUBJECT,
        site: str = SITE,
    ) -> None:
        actor = self.actor(by or self.maker_of(act))
        with self.db.writing() as session:
            approvals.use(
                session,
                self.clock,
                self.vault,
                actor,
                key,
                act,
                content or CONTENT,
                site=site,
                subject=subject,
            )

    def write(self, statement: sa.Executable) -> None:
        with self.db.writing() as session:
            session.execute(statement)


@pytest.fixture
def stage(database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter) -> Stage:
    return Stage(database, clock, vault, enter)


def test_the_honest_way_works_once_for_every_act(stage: Stage) -> None:
    for act in SERVER_ACTS:
        key = stage.ask(act)
        assert stage.decide(key, stage.second_of(act)) == "approved"
        with stage.db.reading() as session:
            assert approvals.agreed_by(session, key) == (stage.maker_of(act), stage.second_of(act))
        stage.use(key, act)
        with pytest.raises(ApprovalRefused, match="used"):
            stage.use(key, act)


def maker_decides(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.maker_of(act))
    stage.use(key, act)


def maker_decides_in_a_second_session(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.enter(stage.db, stage.maker_of(act))
    stage.decide(key, stage.maker_of(act))
    stage.use(key, act)


def nobody_decides(stage: Stage, act: str) -> None:
    stage.use(stage.ask(act), act)


def the_second_said_no(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act), yes=False)
    stage.use(key, act)


def the_beneficiary_decides(stage: Stage, act: str) -> None:
    key = stage.ask(act, beneficiary="tenant:tenant-9")
    stage.decide(key, stage.resident)
    stage.use(key, act)


def the_beneficiary_asks(stage: Stage, act: str) -> None:
    key = stage.ask(act, beneficiary="tenant:tenant-9", by=stage.resident)
    stage.decide(key, stage.second_of(act))
    stage.use(key, act, by=stage.resident)


def it_has_expired(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.clock.advance(timedelta(hours=24, seconds=1))
    stage.use(key, act)


def it_is_decided_too_late(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.clock.advance(timedelta(hours=25))
    stage.decide(key, stage.second_of(act))
    stage.use(key, act)


def used_on_another_object(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.use(key, act, subject="thing:2")


def used_with_other_content(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.use(key, act, content={**CONTENT, "figure": 8})


def used_for_another_act(stage: Stage, act: str) -> None:
    other = (
        SERVER_ACTS[(SERVER_ACTS.index(act) + 1) % len(SERVER_ACTS)] if act in SERVER_ACTS else SERVER_ACTS[0]
    )
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.use(key, other)


def used_at_another_site(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.use(key, act, site="site-two")


def edited_after_approval(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    with stage.db.reading() as session:
        text = session.scalars(sa.select(ApprovalRequest.text).where(ApprovalRequest.key == key)).one()
    edited = {**json.loads(text), "content": {**CONTENT, "figure": 8}}
    stage.write(
        sa.update(ApprovalRequest)
        .where(ApprovalRequest.key == key)
        .values(text=module_acts.canonical(edited))
    )
    stage.use(key, act, content={**CONTENT, "figure": 8})


def edited_with_its_hash(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    with stage.db.reading() as session:
        text = session.scalars(sa.select(ApprovalRequest.text).where(ApprovalRequest.key == key)).one()
    edited = module_acts.canonical({**json.loads(text), "content": {**CONTENT, "figure": 8}})
    stage.write(
        sa.update(ApprovalRequest)
        .where(ApprovalRequest.key == key)
        .values(text=edited, act_id=acts.id_of(edited))
    )
    stage.use(key, act, content={**CONTENT, "figure": 8})


def the_second_lost_the_role(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    second = stage.second_of(act)
    stage.decide(key, second)
    role = "key custodian" if second == stage.custodian else "manager"
    with stage.db.writing() as session:
        people.revoke_role(session, stage.clock, SYSTEM, second, role, SITE, reason="moved")
    try:
        stage.use(key, act)
    finally:
        with stage.db.writing() as session:
            people.grant_role(session, stage.clock, SYSTEM, second, role, SITE, approval=None)


def the_second_was_disabled(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    second = stage.second_of(act)
    stage.decide(key, second)
    with stage.db.writing() as session:
        people.disable_person(session, stage.clock, SYSTEM, second, reason="left")
    try:
        stage.use(key, act)
    finally:
        with stage.db.writing() as session:
            people.enable_person(session, stage.clock, SYSTEM, second, reason="back")


def somebody_without_the_right_decides(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.cashier)
    stage.use(key, act)


def a_manager_of_another_site_decides(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.elsewhere)
    stage.use(key, act)


def an_api_key_decides(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    signed = stage.enter(stage.db, stage.second_of(act))
    program = Actor(
        "api-key:1", "Program", frozenset({Grant("manager", SITE)}), scopes=frozenset({ACTS[act].may_decide})
    )
    approvals.decide(
        stage.db,
        stage.clock,
        stage.vault,
        Signed(
            program,
            signed.session_key,
            "x",
            "en",
            signed.began_at,
            signed.ends_at,
            signed.confirmed_at,
            None,
            frozenset(),
        ),
        key,
        yes=True,
    )
    stage.use(key, act)


def the_row_is_set_to_approved(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.write(sa.update(ApprovalRequest).where(ApprovalRequest.key == key).values(state="approved"))
    stage.use(key, act)


def a_signature_row_is_written_past_the_product(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    with stage.db.reading() as session:
        act_id = session.scalars(sa.select(ApprovalRequest.act_id).where(ApprovalRequest.key == key)).one()
    stage.write(
        sa.insert(ApprovalSignature).values(
            request_key=key,
            act_id=act_id,
            person_key=stage.second_of(act),
            person_name="Second",
            decision="yes",
            method="confirmed",
            proof={},
            at=stage.clock.now(),
            seal="0" * 64,
        )
    )
    stage.write(sa.update(ApprovalRequest).where(ApprovalRequest.key == key).values(state="approved"))
    stage.use(key, act)


def a_signature_is_copied_from_another_request(stage: Stage, act: str) -> None:
    good = stage.ask(act, subject="thing:other")
    stage.decide(good, stage.second_of(act))
    key = stage.ask(act)
    with stage.db.reading() as session:
        row = session.scalars(sa.select(ApprovalSignature).where(ApprovalSignature.request_key == good)).one()
        act_id = session.scalars(sa.select(ApprovalRequest.act_id).where(ApprovalRequest.key == key)).one()
    stage.write(
        sa.insert(ApprovalSignature).values(
            request_key=key,
            act_id=act_id,
            person_key=row.person_key,
            person_name=row.person_name,
            decision="yes",
            method=row.method,
            proof=row.proof,
            at=row.at,
            seal=row.seal,
        )
    )
    stage.write(sa.update(ApprovalRequest).where(ApprovalRequest.key == key).values(state="approved"))
    stage.use(key, act)


def a_used_request_is_set_back(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    stage.use(key, act)
    stage.write(
        sa.update(ApprovalRequest).where(ApprovalRequest.key == key).values(state="approved", used_at=None)
    )
    stage.use(key, act)


def it_was_withdrawn(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    stage.decide(key, stage.second_of(act))
    maker = stage.actor(stage.maker_of(act))
    with stage.db.writing() as session:
        approvals.withdraw(session, stage.clock, maker, key)
    stage.use(key, act)


def the_key_is_made_up(stage: Stage, act: str) -> None:
    stage.use("0123456789abcdef", act)


def the_second_has_not_confirmed(stage: Stage, act: str) -> None:
    key = stage.ask(act)
    signed = stage.enter(stage.db, stage.second_of(act))
    stage.clock.advance(timedelta(minutes=6))
    approvals.decide(stage.db, stage.clock, stage.vault, signed, key, yes=True)
    stage.use(key, act)


TRICKS = [
    maker_decides,
    maker_decides_in_a_second_session,
    nobody_decides,
    the_second_said_no,
    the_beneficiary_decides,
    the_beneficiary_asks,
    it_has_expired,
    it_is_decided_too_late,
    used_on_another_object,
    used_with_other_content,
    used_for_another_act,
    used_at_another_site,
    edited_after_approval,
    edited_with_its_hash,
    the_second_lost_the_role,
    the_second_was_disabled,
    somebody_without_the_right_decides,
    a_manager_of_another_site_decides,
    an_api_key_decides,
    the_row_is_set_to_approved,
    a_signature_row_is_written_past_the_product,
    a_signature_is_copied_from_another_request,
    a_used_request_is_set_back,
    it_was_withdrawn,
    the_key_is_made_up,
    the_second_has_not_confirmed,
]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__.replace("_", " "))
def test_a_trick_opens_no_act(stage: Stage, trick: Callable[[Stage, str], None]) -> None:
    # Every act on SQLite; on PostgreSQL one of each kind, because the acts differ in rows and not in statements.
    tried = [*SERVER_ACTS, *MODULE_ACTS] if stage.db.dialect == "sqlite" else [SERVER_ACTS[0], MODULE_ACTS[0]]
    for act in tried:
        with pytest.raises(VendingError) as refused:
            trick(stage, act)
        assert (
            isinstance(refused.value, NotAllowed | ConfirmationNeeded)
            or refused.value.code == "approval_unfit"
        ), act


def test_the_battery_catches_a_mechanism_that_forgets_who_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: without the rules, the maker's own yes opens the act, and the trick would be seen to succeed."""
    monkeypatch.setattr(acts, "refusal", lambda *_: None)
    monkeypatch.setattr(approvals, "_standing", lambda *_: True)
    maker_decides(stage, "meter-ratio")


def test_there_are_at_least_180_ways_that_were_tried() -> None:
    assert len(TRICKS) * len(ACTS) >= 180
    assert len(SERVER_ACTS) + len(MODULE_ACTS) >= 15


def test_an_act_of_the_module_is_carried_with_what_the_module_can_check(stage: Stage) -> None:
    key = stage.ask("open-budget")
    approvals.decide_by_key_file(
        stage.db,
        stage.clock,
        stage.vault,
        stage.actor(stage.custodian),
        key,
        approver="demo-first",
        signature="c2ln",
    )
    custodian = stage.actor(stage.custodian)
    with stage.db.writing() as session:
        text, signatures = approvals.carried(session, key, {})
        assert json.loads(text)["act"] == "open-budget"
        assert [(each.approver, each.signature) for each in signatures] == [("demo-first", "c2ln")]
        approvals.handed_in(session, stage.clock, custodian, key, effect="The budget is open.")
    with stage.db.reading() as session:
        assert approvals.one_request(session, stage.clock, custodian, key).state == "used"


def test_a_role_is_given_by_two_people_and_counts_at_the_next_request(stage: Stage) -> None:
    maker, second = stage.enter(stage.db, stage.maker), stage.enter(stage.db, stage.second)
    with stage.db.writing() as session:
        key = approvals.ask_role(
            session,
            stage.clock,
            maker.actor,
            stage.cashier,
            "supervisor",
            SITE,
            reason="promoted in November",
        )
    with stage.db.reading() as session:
        (waiting,) = approvals.list_requests(session, stage.clock, second.actor)
        assert waiting.why_not is None and waiting.content["role"] == "supervisor"
        (own,) = approvals.list_requests(session, stage.clock, maker.actor)
        assert own.why_not is not None
    approvals.decide(stage.db, stage.clock, stage.vault, second, key, yes=True)
    before = stage.enter(stage.db, stage.cashier)
    approvals.grant_role(stage.db, stage.clock, stage.vault, maker.actor, key)
    assert "supervisor" not in before.actor.roles
    assert "supervisor" in stage.actor(stage.cashier).roles

"""Signing in, and the life of a session: what ends it, what never opens one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
from access_cast import PASSWORD, SITE, add

from vending.access import passwords, people, service, throttle
from vending.access.errors import (
    ConfirmationNeeded,
    LastManager,
    LoginTaken,
    LoginUnfit,
    NotConfirmed,
    PasskeyNeeded,
    SecondFactorNeeded,
    SessionOver,
    SignInRefused,
    TooManyGuesses,
)
from vending.access.policy import SYSTEM, Grant, RolesConflict
from vending.access.service import Signed
from vending.access.site_secret import SiteSecret, SiteSecretMissing
from vending.access.tables import Passkey, Person, SignInSession
from vending.audit import AuditEntry
from vending.clock import FixedClock
from vending.db import Database
from vending.errors import InvalidInput, NotAllowed

Enter = Callable[[Database, str], Signed]


def sign_in(
    db: Database, clock: FixedClock, vault: SiteSecret, login: str = "thandi", **kw: str
) -> service.SignedIn:
    return service.sign_in(
        db, clock, vault, login=login, **{"password": PASSWORD, "address": "10.0.0.7", **kw}
    )  # type: ignore[arg-type]


def test_the_right_password_opens_a_session_of_which_only_a_hash_is_kept(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(database, clock, "thandi", "cashier")
    first, second = sign_in(database, clock, vault), sign_in(database, clock, vault, login=" THANDI ")
    assert first.secret != second.secret
    assert len(first.secret) >= 43
    assert first.secret not in repr(first)
    with database.reading() as session:
        stored = session.scalars(sa.select(SignInSession.secret_hash)).all()
        assert first.secret not in stored
        assert all(first.secret not in str(entry.detail) for entry in session.scalars(sa.select(AuditEntry)))
    actor = service.actor_of_session(database, clock, first.secret)
    assert actor is not None
    assert actor.roles == {"cashier"}
    assert service.actor_of_session(database, clock, "made up") is None


def test_one_answer_for_a_wrong_name_a_wrong_password_and_a_closed_account(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    key = add(database, clock, "thandi", "cashier")
    answers = set()
    for login, password in (("nobody", PASSWORD), ("thandi", "wrong words here")):
        with pytest.raises(SignInRefused) as refused:
            sign_in(database, clock, vault, login=login, password=password)
        answers.add(refused.value.sentence)
    with database.writing() as session:
        people.disable_person(session, clock, SYSTEM, key, reason="left")
    with pytest.raises(SignInRefused) as refused:
        sign_in(database, clock, vault)
    answers.add(refused.value.sentence)
    assert len(answers) == 1


def test_guesses_are_slowed_down_and_a_right_one_forgives_them(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(database, clock, "thandi", "cashier")
    for _ in range(throttle.FREE_GUESSES):
        with pytest.raises(SignInRefused):
            sign_in(database, clock, vault, password="wrong words here")
    with pytest.raises(TooManyGuesses, match="Wait"):
        sign_in(database, clock, vault)  # even the right one waits
    clock.advance(timedelta(minutes=15))
    sign_in(database, clock, vault)
    for _ in range(throttle.FREE_GUESSES):
        with pytest.raises(SignInRefused):
            sign_in(database, clock, vault, password="wrong words here")


def test_a_hundred_wrong_guesses_stop_the_password_until_a_manager_opens_it(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda _hash, typed: typed == PASSWORD)
    key = add(sqlite_database, clock, "thandi", "cashier")
    tried = 0
    for _ in range(throttle.HARD_STOP + 50):
        try:
            sign_in(sqlite_database, clock, vault, password="wrong words here", address="")
        except SignInRefused:
            tried += 1
        except TooManyGuesses:
            pass
        clock.advance(timedelta(minutes=16))
    assert tried == throttle.HARD_STOP
    with pytest.raises(TooManyGuesses):
        sign_in(sqlite_database, clock, vault, address="")
    service.reset_guesses(sqlite_database, clock, SYSTEM, key)
    sign_in(sqlite_database, clock, vault, address="")


def test_many_guesses_at_the_same_time_are_all_counted(
    database: Database, clock: FixedClock, vault: SiteSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted first and judged afterwards: a burst gets no more tries than a row of them."""
    monkeypatch.setattr(passwords, "matches", lambda _hash, _typed: False)
    add(database, clock, "thandi", "cashier")

    def guess(_number: int) -> str:
        try:
            sign_in(database, clock, vault, password="wrong words here")
        except (SignInRefused, TooManyGuesses) as refused:
            return refused.code
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(16)))
    assert outcomes.count("sign_in_refused") == throttle.FREE_GUESSES
    assert outcomes.count("too_many_guesses") == 16 - throttle.FREE_GUESSES


def test_the_wait_doubles_and_is_bounded(clock: FixedClock) -> None:
    count, waits = None, []
    for _ in range(40):
        count = throttle.after_wrong(count, clock.now())
        waits.append(throttle.seconds_to_wait(count, clock.now()))
    assert waits[: throttle.FREE_GUESSES - 1] == [0] * (throttle.FREE_GUESSES - 1)
    assert waits[throttle.FREE_GUESSES - 1 : throttle.FREE_GUESSES + 4] == [1, 2, 4, 8, 16]
    assert max(waits) == 900


def test_an_address_that_guesses_many_names_is_slowed_down_too(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda _hash, _typed: False)
    for number in range(throttle.ADDRESS_FREE_GUESSES):
        with pytest.raises(SignInRefused):
            sign_in(sqlite_database, clock, vault, login=f"person{number}")
    with pytest.raises(TooManyGuesses):
        sign_in(sqlite_database, clock, vault, login="yet-another")


def test_a_session_ends_by_rest_by_age_and_at_once_when_a_manager_says_so(
    database: Database, clock: FixedClock, vault: SiteSecret, enter: Enter
) -> None:
    cashier = add(database, clock, "thandi", "cashier")
    manager = add(database, clock, "john", "manager")
    rested = sign_in(database, clock, vault).secret
    clock.advance(timedelta(minutes=14))
    service.session_of(database, clock, rested)
    clock.advance(timedelta(minutes=14))
    service.session_of(database, clock, rested)  # being used keeps it alive
    clock.advance(timedelta(minutes=16))
    with pytest.raises(SessionOver, match="rested"):
        service.session_of(database, clock, rested)
    old = sign_in(database, clock, vault).secret
    for _ in range(51):
        clock.advance(timedelta(minutes=14))
        service.session_of(database, clock, old)
    clock.advance(timedelta(minutes=10))
    with pytest.raises(SessionOver, match="full time"):
        service.session_of(database, clock, old)
    taken = sign_in(database, clock, vault)
    boss = enter(database, manager)
    with database.reading() as session:
        seen = service.list_sessions(session, clock, boss.actor, cashier)
        assert [view.key for view in seen] == [taken.signed.session_key]
    service.end_session(database, clock, boss.actor, taken.signed.session_key, reason="till left open")
    with pytest.raises(SessionOver, match="manager"):
        service.session_of(database, clock, taken.secret)
    with pytest.raises(NotAllowed):
        service.end_session(
            database, clock, enter(database, cashier).actor, boss.session_key, reason="revenge"
        )
    out = sign_in(database, clock, vault).secret
    service.sign_out(database, clock, out)
    assert service.actor_of_session(database, clock, out) is None


def test_what_is_withdrawn_is_gone_at_the_next_request(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(database, clock, "john", "manager")
    key = add(database, clock, "thandi", "cashier", "supervisor")
    secret = sign_in(database, clock, vault).secret
    with database.writing() as session:
        people.revoke_role(session, clock, SYSTEM, key, "supervisor", SITE, reason="moved")
    assert service.session_of(database, clock, secret).actor.roles == {"cashier"}
    with database.writing() as session:
        people.disable_person(session, clock, SYSTEM, key, reason="left")
    with pytest.raises(SessionOver, match="closed"):
        service.session_of(database, clock, secret)


def totp_of(db: Database, clock: FixedClock, vault: SiteSecret, signed: Signed) -> pyotp.TOTP:
    address = service.begin_totp(db, clock, vault, signed, site_name="Site")
    totp = pyotp.parse_uri(address)
    assert isinstance(totp, pyotp.TOTP)
    service.confirm_totp(db, clock, vault, signed, totp.at(clock.now()))
    return totp


def test_a_code_is_asked_for_after_the_password_and_is_good_once(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(database, clock, "thandi", "supervisor")
    first = sign_in(database, clock, vault)
    assert first.signed.needs == {"second factor"}
    totp = totp_of(database, clock, vault, first.signed)
    with pytest.raises(SecondFactorNeeded):
        sign_in(database, clock, vault)
    with pytest.raises(SignInRefused):
        sign_in(database, clock, vault, password="wrong words here", code=totp.at(clock.now()))
    with pytest.raises(SignInRefused):
        sign_in(database, clock, vault, code=totp.at(clock.now()))  # used for setting it up
    clock.advance(timedelta(seconds=30))
    code = totp.at(clock.now())
    assert sign_in(database, clock, vault, code=code).signed.second_factor == "totp"
    with pytest.raises(SignInRefused):
        sign_in(database, clock, vault, code=code)
    clock.advance(timedelta(seconds=60))
    late = totp.at(clock.now() - timedelta(seconds=30))
    assert sign_in(database, clock, vault, code=late).signed.needs == set()
    clock.advance(timedelta(minutes=5))
    for wrong in ("000000", "12345", "abcdef", "١٢٣٤٥٦", totp.at(clock.now() - timedelta(minutes=3))):
        with pytest.raises((SignInRefused, TooManyGuesses)):
            sign_in(database, clock, vault, code=wrong)


def test_wrong_codes_are_counted_while_others_bring_no_code_at_all(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    """Who knows the password and sends it without a code, again and again, forgives himself no wrong code."""
    add(database, clock, "thandi", "supervisor")
    totp_of(database, clock, vault, sign_in(database, clock, vault).signed)

    class Meanwhile:
        """The database; while this sign-in looks at the person, another one brings a wrong code."""

        writing = database.writing

        @contextmanager
        def reading(self) -> Iterator[object]:
            with pytest.raises((SignInRefused, TooManyGuesses)):
                sign_in(database, clock, vault, code="000000", address="")
            with database.reading() as session:
                yield session

    for _ in range(throttle.FREE_GUESSES + 1):
        with pytest.raises((SecondFactorNeeded, TooManyGuesses)):
            sign_in(Meanwhile(), clock, vault, address="")  # type: ignore[arg-type]
    with pytest.raises(TooManyGuesses):
        sign_in(database, clock, vault, address="")


def test_the_secret_of_the_telephone_is_sealed_and_another_site_cannot_open_it(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret, tmp_path: Path
) -> None:
    add(sqlite_database, clock, "thandi", "supervisor")
    totp = totp_of(sqlite_database, clock, vault, sign_in(sqlite_database, clock, vault).signed)
    with sqlite_database.reading() as session:
        sealed = session.scalars(sa.select(Person.totp_sealed)).one()
    assert sealed is not None
    assert totp.secret not in sealed
    clock.advance(timedelta(seconds=60))
    stranger = SiteSecret.of_folder(tmp_path / "other")
    with pytest.raises(SiteSecretMissing):
        sign_in(sqlite_database, clock, stranger, code=totp.at(clock.now()))
    assert "…" in repr(vault)
    assert (tmp_path / "other" / "site.secret").stat().st_mode & 0o777 == 0o600


def test_on_a_production_site_nobody_of_weight_acts_without_a_second_factor(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(sqlite_database, clock, "thandi", "supervisor")
    secret = sign_in(sqlite_database, clock, vault).secret
    assert service.session_of(sqlite_database, clock, secret).actor.roles == {"supervisor"}
    strict = service.session_of(sqlite_database, clock, secret, strict=True)
    assert strict.actor.roles == set()
    assert strict.needs == {"second factor"}
    totp_of(sqlite_database, clock, vault, strict)
    assert service.session_of(sqlite_database, clock, secret, strict=True).actor.roles == {"supervisor"}


def test_a_code_is_set_up_only_by_who_has_just_shown_that_it_is_he(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    """Who finds a session open does not tie the account to his own telephone."""
    add(sqlite_database, clock, "thandi", "supervisor")
    secret = sign_in(sqlite_database, clock, vault).secret
    clock.advance(timedelta(minutes=6))
    with pytest.raises(ConfirmationNeeded):
        totp_of(sqlite_database, clock, vault, service.session_of(sqlite_database, clock, secret))
    again = service.confirm(sqlite_database, clock, vault, secret, password=PASSWORD)
    totp_of(sqlite_database, clock, vault, again)


def test_a_lost_telephone_is_reset_by_somebody_else(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    key = add(sqlite_database, clock, "thandi", "supervisor")
    signed_in = sign_in(sqlite_database, clock, vault)
    totp_of(sqlite_database, clock, vault, signed_in.signed)
    with pytest.raises(InvalidInput, match="already"):
        service.begin_totp(sqlite_database, clock, vault, signed_in.signed, site_name="Site")
    with sqlite_database.writing() as session:
        people.reset_second_factor(session, clock, SYSTEM, key, reason="telephone stolen")
    assert service.actor_of_session(sqlite_database, clock, signed_in.secret) is None
    assert sign_in(sqlite_database, clock, vault).signed.needs == {"second factor"}


def test_a_pin_confirms_in_a_living_session_and_opens_none(
    database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(database, clock, "thandi", "cashier", pin="4071")
    with pytest.raises(SignInRefused):
        sign_in(database, clock, vault, password="4071")
    secret = sign_in(database, clock, vault).secret
    clock.advance(timedelta(minutes=6))
    assert not service.session_of(database, clock, secret).is_confirmed(clock.now())
    with pytest.raises(NotConfirmed, match="4 more tries"):
        service.confirm(database, clock, vault, secret, pin="1111")
    assert service.confirm(database, clock, vault, secret, pin="4071").is_confirmed(clock.now())
    for _ in range(service.WRONG_PINS - 1):
        with pytest.raises(NotConfirmed):
            service.confirm(database, clock, vault, secret, pin="9999")
    with pytest.raises(SessionOver, match="wrong PINs"):
        service.confirm(database, clock, vault, secret, pin="9999")
    with pytest.raises(SessionOver):
        service.confirm(database, clock, vault, secret, pin="4071")


def test_changing_the_password_ends_the_other_sessions(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(sqlite_database, clock, "thandi", "cashier")
    here, there = sign_in(sqlite_database, clock, vault), sign_in(sqlite_database, clock, vault)
    with pytest.raises(InvalidInput, match="present password"):
        service.change_password(sqlite_database, clock, here.signed, old="no", new="quite another phrase")
    service.change_password(sqlite_database, clock, here.signed, old=PASSWORD, new="quite another phrase")
    assert service.actor_of_session(sqlite_database, clock, here.secret) is not None
    assert service.actor_of_session(sqlite_database, clock, there.secret) is None
    sign_in(sqlite_database, clock, vault, password="quite another phrase")


def test_the_present_password_is_not_guessed_in_a_session_that_was_left_open(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(sqlite_database, clock, "thandi", "cashier")
    left_open = sign_in(sqlite_database, clock, vault)
    for _ in range(service.WRONG_PINS - 1):
        with pytest.raises(InvalidInput):
            service.change_password(
                sqlite_database, clock, left_open.signed, old="no", new="quite another one"
            )
    with pytest.raises(SessionOver):
        service.change_password(sqlite_database, clock, left_open.signed, old="no", new="quite another one")
    with pytest.raises(SessionOver):
        service.change_password(
            sqlite_database, clock, left_open.signed, old=PASSWORD, new="quite another one"
        )
    assert service.actor_of_session(sqlite_database, clock, left_open.secret) is None
    sign_in(sqlite_database, clock, vault)


REFUSED_PASSWORDS = [
    ("short", "password_too_short"),
    ("x" * 200, "password_too_long"),
    ("password1234", "password_guessable"),
    ("aaaaaaaaaaaa", "password_guessable"),
    ("thandinkosi1", "password_guessable"),
    ("Ampoule-2026", "password_guessable"),
]


@pytest.mark.parametrize(("password", "code"), REFUSED_PASSWORDS)
def test_a_password_that_is_tried_first_is_refused(password: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check(password, "thandi", "Thandi Nkosi")
    assert refused.value.code == code


def test_a_long_phrase_in_any_script_is_accepted_in_either_spelling() -> None:
    passwords.check("quatre mots sans lien")
    passwords.check("مصباح الشارع القديم")
    hashed = passwords.hash_of("caf\u00e9 au lait doux")
    assert passwords.matches(hashed, "cafe\u0301 au lait doux")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not passwords.is_outdated(hashed)
    assert not passwords.matches(None, "anything")


@pytest.mark.parametrize("pin", ["123", "1111", "1234", "9876", "0123", "123456789", "12a4", "", "١٢٣٤"])
def test_an_unfit_pin_is_refused(pin: str) -> None:
    with pytest.raises(passwords.PinUnfit):
        passwords.check_pin(pin)


def test_people_are_added_once_under_a_fitting_name(sqlite_database: Database, clock: FixedClock) -> None:
    add(sqlite_database, clock, "thandi", "cashier")
    for login, error in (
        ("THANDI", LoginTaken),
        ("a b", LoginUnfit),
        ("x", LoginUnfit),
        ("<script>", LoginUnfit),
    ):
        with pytest.raises(error), sqlite_database.writing() as session:
            people.add_person(session, clock, SYSTEM, login=login, name="Another")
    with pytest.raises(InvalidInput), sqlite_database.writing() as session:
        people.add_person(session, clock, SYSTEM, login="fine", name="two\nlines\x00")


def test_the_last_manager_stays(sqlite_database: Database, clock: FixedClock) -> None:
    first = add(sqlite_database, clock, "john", "manager")
    with pytest.raises(LastManager), sqlite_database.writing() as session:
        people.disable_person(session, clock, SYSTEM, first, reason="left")
    with pytest.raises(LastManager), sqlite_database.writing() as session:
        people.revoke_role(session, clock, SYSTEM, first, "manager", SITE, reason="left")
    add(sqlite_database, clock, "grace", "manager")
    with sqlite_database.writing() as session:
        people.disable_person(session, clock, SYSTEM, first, reason="left")


def test_a_manager_of_one_site_has_no_say_over_people_of_another(
    database: Database, clock: FixedClock, enter: Enter
) -> None:
    here = add(database, clock, "john", "manager")
    add(database, clock, "grace", "manager", site="site-two")
    there = add(database, clock, "pieter", "cashier", site="site-two")
    actor = enter(database, here).actor
    with pytest.raises(NotAllowed), database.writing() as session:
        people.disable_person(session, clock, actor, there, reason="no")
    with database.reading() as session:
        assert [view.login for view in people.list_people(session, actor)] == ["john"]


def test_conflicting_roles_are_not_given(sqlite_database: Database, clock: FixedClock) -> None:
    key = add(sqlite_database, clock, "claire", "auditor")
    with pytest.raises(RolesConflict), sqlite_database.writing() as session:
        people.grant_role(session, clock, SYSTEM, key, "cashier", SITE, approval=None)
    manager = service.Actor("m", "Manager", frozenset({Grant("manager", SITE)}))
    with pytest.raises(AssertionError, match="two people"), sqlite_database.writing() as session:
        people.grant_role(session, clock, manager, key, "tenant", SITE, approval=None)


def test_every_act_on_people_is_in_the_trail(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    key = add(sqlite_database, clock, "thandi", "cashier")
    sign_in(sqlite_database, clock, vault)
    with pytest.raises(SignInRefused):
        sign_in(sqlite_database, clock, vault, password="wrong words here")
    with sqlite_database.reading() as session:
        acts = session.scalars(sa.select(AuditEntry.act).where(AuditEntry.subject == f"person:{key}")).all()
    assert acts == ["person added", "role given", "signed in", "sign-in refused"]


def test_old_sessions_and_guesses_are_forgotten(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    add(sqlite_database, clock, "thandi", "cashier")
    sign_in(sqlite_database, clock, vault)
    clock.advance(timedelta(days=200))
    assert service.forget_old_rows(sqlite_database, clock) == 1


def test_on_a_production_site_a_password_alone_does_not_go_past_a_passkey(
    sqlite_database: Database, clock: FixedClock, vault: SiteSecret
) -> None:
    for login, role in (("thandi", "supervisor"), ("sipho", "cashier")):
        person = add(sqlite_database, clock, login, role)
        with sqlite_database.writing() as session:
            session.add(
                Passkey(
                    key=f"passkey-{login}",
                    person_key=person,
                    credential_id=login,
                    public_key="",
                    sign_count=0,
                    label="Telephone",
                    created_at=clock.now(),
                )
            )

    def enter(login: str, password: str = PASSWORD) -> set[str]:
        entered = service.sign_in(
            sqlite_database, clock, vault, login=login, password=password, address="10.0.0.7", strict=True
        )
        return set(entered.signed.actor.roles)

    with pytest.raises(PasskeyNeeded):
        enter("thandi")
    with pytest.raises(SignInRefused):
        enter("thandi", "not the password")  # which of the two it was, a wrong password does not hear
    with sqlite_database.reading() as session:
        assert session.scalars(sa.select(SignInSession)).all() == []
    assert enter("sipho") == {"cashier"}
    with sqlite_database.writing() as session:
        lost = session.scalars(sa.select(Person.key).where(Person.login == "thandi")).one()
        people.reset_second_factor(session, clock, SYSTEM, lost, reason="telephone stolen")
        assert session.scalars(sa.select(Passkey.key).where(Passkey.removed_at.is_(None))).all() == [
            "passkey-sipho"
        ]
    clock.advance(timedelta(minutes=1))
    assert enter("thandi") == set()  # signed in, and holds no role before a new one is set up

"""T-22, the module's part: every act of two people against every trick to do it alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import keystore_cast as cast
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from keystore_cast import Module, credit, key_change, management, meter, signatures

from keystore import acts, demonstration, signing
from keystore.approvals import base64url
from keystore.module import ActSignature, Approved, Refused

BOTH = ("demo-first", "demo-second")
Make = Callable[[Module], str]


def told(module: Module) -> dict[str, object]:
    return {"module": module.name, "maker": "Test", "reason": "Test", "made": module.now()}


def open_budget(module: Module) -> str:
    return acts.open_budget(
        budget_id="another", sgc="600100", service="electricity", units=5, starts=module.now(),
        ends=module.now() + timedelta(days=1), **told(module),
    )  # fmt: skip


def open_counts(module: Module) -> str:
    return acts.open_count_budget(
        budget_id="counts", kind="free", sgc="600100", count=5, starts=module.now(),
        ends=module.now() + timedelta(days=1), **told(module),
    )  # fmt: skip


def enrol(module: Module) -> str:
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return acts.enrol(
        approver="third", person="Third", kind="ed25519", public_key=base64url(key), **told(module)
    )


def record_of(module: Module) -> str:
    return module.engine.ring.find(meter()).record_id


def resume(module: Module) -> str:
    return acts.resume_key(record_id=record_of(module), **told(module))


TWO_PEOPLE: dict[str, Make] = {
    "open a budget": open_budget,
    "open a count budget": open_counts,
    "top up": lambda m: acts.top_up(budget_id="demo-600100-electricity", amount=5, **told(m)),
    "higher limits": lambda m: acts.set_limits(
        meter_class="small", units_a_day=10**6, tokens_a_day=20, **told(m)
    ),
    "enrol an approver": enrol,
    "resume a key": resume,
    "free issue": lambda m: acts.approve_requests([credit(free=True)], **told(m)),
    "engineering token": lambda m: acts.approve_requests([management()], **told(m)),
    "key change": lambda m: acts.approve_requests([key_change(meter(), krn=2)], **told(m)),
    "set a meter's key": lambda m: acts.set_meter_key(keying=meter(), evidence="display", **told(m)),
    "set floors": lambda m: acts.set_floors(floors={cast.a_pan(): 5}, **told(m)),
    "fast-forward": lambda m: acts.fast_forward(note=m.checkpoint().note, **told(m)),
}

Trick = Callable[[Module, str], tuple[str, list[ActSignature]]]


def with_change(act: str, **changes: object) -> str:
    return acts.canonical(json.loads(act) | changes)


def second_name(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    """One person enrols a second key in his own name, with the other's consent, and then signs twice."""
    key = Ed25519PrivateKey.generate()
    module.act(
        acts.enrol(
            approver="first-phone", person="Demonstration approver one", kind="ed25519",
            public_key=base64url(key.public_key().public_bytes_raw()), **told(module),
        )
    )  # fmt: skip
    return act, [*signatures(act, "demo-first"), signing.sign(act, "first-phone", key)]


def unknown_person(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    stranger = Ed25519PrivateKey.generate()
    return act, [*signatures(act, "demo-first"), signing.sign(act, "stranger", stranger)]


def forged_name(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    stranger = Ed25519PrivateKey.generate()
    return act, [*signatures(act, "demo-first"), signing.sign(act, "demo-second", stranger)]


def other_act(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    return act, signatures(open_budget(module), *BOTH)


def edited(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    return with_change(act, reason="something else"), signatures(act, *BOTH)


def expired(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    made = module.now() - timedelta(hours=25)
    late = with_change(
        act,
        made=made.isoformat(timespec="seconds"),
        expires=(made + acts.LONGEST).isoformat(timespec="seconds"),
    )
    return late, signatures(late, *BOTH)


def too_long(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    late = with_change(act, expires=(module.now() + timedelta(days=9)).isoformat(timespec="seconds"))
    return late, signatures(late, *BOTH)


def future(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    made = module.now() + timedelta(hours=2)
    late = with_change(
        act,
        made=made.isoformat(timespec="seconds"),
        expires=(made + acts.LONGEST).isoformat(timespec="seconds"),
    )
    return late, signatures(late, *BOTH)


def beneficiary(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    own = with_change(act, beneficiary="Demonstration approver two")
    return own, signatures(own, *BOTH)


def dismissed(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    module.act(enrol(module))
    module.act(acts.dismiss(approver="demo-second", **told(module)))
    return act, signatures(act, *BOTH)


def replayed(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    module.act(act)
    module.restart()
    return act, signatures(act, *BOTH)


def not_canonical(module: Module, act: str) -> tuple[str, list[ActSignature]]:
    spaced = act.replace(",", ", ", 1)
    return spaced, signatures(spaced, *BOTH)


TRICKS: dict[str, tuple[Trick, tuple[str, ...]]] = {
    "one signature": (lambda m, a: (a, signatures(a, "demo-first")), ("two-people",)),
    "the same signature twice": (
        lambda m, a: (a, signatures(a, "demo-first", "demo-first")),
        ("two-people",),
    ),
    "two keys of one person": (second_name, ("two-people",)),
    "no signature": (lambda m, a: (a, []), ("signatures-missing",)),
    "a stranger's signature": (unknown_person, ("approver-unknown",)),
    "a forged signature": (forged_name, ("signature-wrong",)),
    "signatures of another act": (other_act, ("signature-wrong",)),
    "edited after signing": (edited, ("signature-wrong",)),
    "expired": (expired, ("act-expired",)),
    "valid for nine days": (too_long, ("act-too-long",)),
    "dated tomorrow": (future, ("act-not-yet",)),
    "for one's own benefit": (beneficiary, ("beneficiary-signs",)),
    "signed by somebody dismissed": (dismissed, ("approver-unknown",)),
    "handed in twice": (replayed, ("act-used",)),
    "written in another way": (not_canonical, ("act-invalid",)),
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("name", TWO_PEOPLE)
def test_no_act_of_two_people_can_be_done_by_a_trick(module: Module, name: str, trick: str) -> None:
    act = TWO_PEOPLE[name](module)
    play, codes = TRICKS[trick]
    if trick == "signed by somebody dismissed" and name == "enrol an approver":
        codes = ("approver-unknown",)
    act, signed = play(module, act)
    size, image = module.engine.log.size, json.dumps(module.engine.log.state.image(), sort_keys=True)
    found = module.approve(act, signed)
    assert isinstance(found, Refused)
    assert found.code in codes
    assert module.engine.log.size == size
    assert json.dumps(module.engine.log.state.image(), sort_keys=True) == image


@pytest.mark.parametrize("name", TWO_PEOPLE)
def test_two_people_can(module: Module, name: str) -> None:
    act = TWO_PEOPLE[name](module)
    assert isinstance(module.approve(act, demonstration.sign(act)), Approved)


def test_an_approval_serves_the_request_as_it_was_approved_and_once(module: Module) -> None:
    request = credit(free=True, units=50)
    approved = module.approved(request)
    assert module.refused(replace(approved, units=51)) == "approval-other"
    assert module.refused(replace(approved, order_id="another-order")) == "approval-other"
    assert module.refused(replace(approved, meter=meter())) == "approval-other"
    first = module.issued(approved)
    assert module.issued(approved).tokens == first.tokens
    other = module.approved(credit(free=True, units=50))
    assert module.refused(replace(approved, order_id="x" * 12, approval=other.approval)) == "approval-other"


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Module]:
    """A second module, in which the same two people are enrolled with the same keys."""
    cast.make(tmp_path / "another")
    found = Module(tmp_path / "another")
    yield found
    found.close()


def granted(act: str, module: Module) -> bool:
    return isinstance(module.approve(act, demonstration.sign(act)), Approved)


def test_an_act_is_good_for_the_one_module_that_it_names(
    module: Module, another: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_person: dict[str, Make] = {
        "close a budget": lambda m: acts.close_budget(budget_id="demo-600100-free", **told(m)),
        "confirm the clock": lambda m: acts.confirm_clock(now=m.now(), **told(m)),
    }
    for name, make in (TWO_PEOPLE | one_person).items():
        act = make(module)
        before = another.engine.log.size
        found = another.approve(act, demonstration.sign(act))
        assert isinstance(found, Refused), name
        assert found.code == "act-other-module"
        assert module.name in found.sentence
        assert another.name in found.sentence
        assert another.engine.log.size == before
    # The signatures of both people are good there: without the name, the second module would open the budget too.
    act = open_budget(module)
    assert granted(act, module)
    with monkeypatch.context() as planted:
        planted.setattr(another.engine.log, "name", module.name)
        assert granted(act, another), "this test cannot see an act that is taken twice"


def test_an_act_that_names_no_module_counts_nowhere(module: Module) -> None:
    for wrong in (None, "", 5):
        content = json.loads(open_budget(module)) | {"module": wrong}
        if wrong is None:
            del content["module"]
        act = acts.canonical(content)
        found = module.approve(act, demonstration.sign(act))
        assert isinstance(found, Refused)
        assert found.code == "act-invalid"


def test_an_approval_ends(module: Module, source: cast.SetTime) -> None:
    approved = module.approved(credit(free=True))
    source.pass_(hours=25)
    assert module.refused(approved) == "approval-expired"


def test_a_quorum_of_one_is_said_on_every_status(tmp_path: object) -> None:
    from pathlib import Path

    from keystore import store

    folder = Path(str(tmp_path))
    store.create(folder / demonstration.KEY_FILE, demonstration.new_file(quorum=1))
    module = Module(folder)
    act = open_budget(module)
    assert isinstance(module.approve(act, signatures(act, "demo-first")), Approved)
    assert any("quorum of one" in line for line in module.status().warnings)
    module.engine.log.abandon()


# --- passkeys -----------------------------------------------------------------------------------------------------------


def passkey(origin: str) -> tuple[str, Callable[..., ActSignature]]:
    """A software authenticator: its COSE key, and what its browser hands over for an act."""
    import hashlib
    from urllib.parse import urlsplit

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    cose = (
        bytes.fromhex("a5010203262001215820") + numbers.x.to_bytes(32, "big")
        + bytes.fromhex("225820") + numbers.y.to_bytes(32, "big")
    )  # fmt: skip

    def sign(
        act: str, *, said_origin: str = origin, flags: int = 0x05, kind: str = "webauthn.get"
    ) -> ActSignature:
        client = json.dumps(
            {"type": kind, "challenge": base64url(acts.challenge(act)), "origin": said_origin}
        ).encode()
        host = urlsplit(origin).hostname or ""
        data = hashlib.sha256(host.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big")
        value = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return ActSignature("manager-passkey", base64url(value), base64url(data), base64url(client))

    return base64url(cose), sign


def test_a_passkey_approves_through_the_same_door(module: Module) -> None:
    origin = "https://ampoule.example"
    cose, sign = passkey(origin)
    module.act(
        acts.enrol(
            approver="manager-passkey", person="Manager", kind="webauthn", public_key=cose, origin=origin,
            **told(module),
        )
    )  # fmt: skip
    act = open_budget(module)
    first = signatures(act, "demo-first")
    for wrong in (
        sign(act, said_origin="https://ampoule.example.evil"),
        sign(act, flags=0x01),
        sign(act, kind="webauthn.create"),
        sign(open_counts(module)),
        replace(sign(act), client_data=None),
        replace(sign(act), client_data=base64url(b"[" * 3000)),  # deeper than a reader can follow
        replace(sign(act), client_data=base64url(b"[]")),
        replace(sign(act), signature=base64url(b"x" * 70)),
    ):
        assert module.approve(act, [*first, wrong]).code == "signature-wrong"
    assert isinstance(module.approve(act, [*first, sign(act)]), Approved)

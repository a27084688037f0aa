"""Collecting the word of a second person: ask, decide, use. One mechanism for every act of two people.

`use` is called inside the transaction of the act itself, and checks everything again from the start: the text against its
hash, each signature against its seal, each signer as he is at this moment. So a row written past the product, an edited
text, a second use, or a signer who has lost his right in between opens nothing. For acts of the security module `carried`
gives what the module checks with keys of its own; there, nothing in this database counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.module import ActSignature
from vending import audit
from vending.access import acts, passkeys, people, policy
from vending.access.acts import Open, TwoPersonAct
from vending.access.errors import ApprovalRefused, ApprovalUnfit
from vending.access.policy import EVERYWHERE, Actor, Grant, Permission
from vending.access.service import Signed, require_confirmed
from vending.access.site_secret import SiteSecret
from vending.access.tables import ApprovalRequest, ApprovalSignature, Passkey, Person
from vending.clock import Clock
from vending.db import Database, new_key
from vending.errors import NotFound


@dataclass(frozen=True, slots=True)
class SignatureView:
    person_name: str
    decision: str
    remark: str | None
    method: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RequestView:
    key: str
    act: TwoPersonAct
    site: str
    subject: str
    text: str
    content: dict[str, Any]
    maker: str
    maker_name: str
    reason: str
    evidence: str
    beneficiary: str | None
    made_at: datetime
    expires_at: datetime
    state: str
    signatures: tuple[SignatureView, ...]
    why_not: str | None  # why the person who looks cannot decide on it


def ask(
    session: Session,
    clock: Clock,
    actor: Actor,
    act: str,
    content: Mapping[str, Any],
    *,
    site: str,
    subject: str,
    reason: str,
    evidence: str = "",
    beneficiary: str | None = None,
    text: str | None = None,
) -> str:
    """Writes the request; gives its key. `text` is the module's own canonical act, when the module decides."""
    kind = acts.one_act(act)
    policy.require(actor, kind.may_ask, site)
    reason = " ".join(reason.split())
    if len(reason) < 5:
        raise ApprovalUnfit("Say why, in a few words: the second person decides by it.", "reason")
    if beneficiary is not None and beneficiary in actor.interests:
        raise ApprovalRefused(
            "This act is for your own benefit; somebody without an interest in it asks for it."
        )
    now = clock.now()
    if kind.by_module != (text is not None):
        raise ApprovalUnfit("Acts of the security module are written by it, all others here.")
    if text is None:
        text = acts.text_of(
            act,
            content,
            site=site,
            subject=subject,
            maker=actor.key,
            reason=reason,
            evidence=evidence,
            beneficiary=beneficiary,
            made=now,
        )
    written = _parsed(text)
    expires = datetime.fromisoformat(written["expires"])
    if written["act"] != kind.name_in_text or not now < expires <= now + acts.LONGEST:
        raise ApprovalUnfit(
            "The act does not fit its request, or ends later than a day from now. Make it again."
        )
    row = ApprovalRequest(
        key=new_key(),
        act_id=acts.id_of(text),
        text=text,
        act=act,
        site=site,
        subject=subject,
        beneficiary=beneficiary,
        maker=actor.key,
        maker_name=actor.name,
        reason=reason,
        evidence=evidence,
        made_at=now,
        expires_at=expires,
        state="open",
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act=f"{act} asked for",
        subject=f"approval:{row.key}",
        detail={"on": subject, "hash": row.act_id},
        reason=reason,
    )
    return row.key


def decide(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    signed: Signed,
    key: str,
    *,
    yes: bool,
    remark: str | None = None,
) -> str:
    """The word of a person who has just confirmed to be there. Gives the new state. Not for acts of the module's."""
    if yes:
        require_confirmed(signed, clock)
    with db.writing() as session:
        row = _lock(session, key)
        if yes and acts.one_act(row.act).by_module:
            raise ApprovalUnfit(
                "The security module counts signatures only. Say yes with your passkey or your key file."
            )
        return _sign(
            session,
            clock,
            vault,
            signed.actor,
            row,
            yes=yes,
            remark=remark,
            method="confirmed",
            proof={"session": signed.session_key},
        )


def passkey_options(db: Database, signed: Signed, key: str, *, rp_id: str) -> str:
    """What the browser is asked to sign: the hash of the act itself, with one of the person's passkeys."""
    with db.reading() as session:
        row = _one(session, key)
        return passkeys.options_to_sign(session, signed.actor.key, acts.challenge_of(row.text), rp_id=rp_id)


def decide_by_passkey(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    signed: Signed,
    key: str,
    credential: str,
    *,
    rp_id: str,
    origin: str,
    remark: str | None = None,
) -> str:
    """A yes that carries a signature over the act: good for the module too, whose approvers have enrolled passkeys."""
    with db.writing() as session:
        row = _lock(session, key)
        proof = _passkey_proof(session, clock, row, signed, credential, rp_id=rp_id, origin=origin)
        return _sign(
            session, clock, vault, signed.actor, row, yes=True, remark=remark, method="passkey", proof=proof
        )


def decide_by_key_file(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    key: str,
    *,
    approver: str,
    signature: str,
    remark: str | None = None,
) -> str:
    """A yes made with an Ed25519 key file on the command line (`keystore approve`). For acts of the module only, which
    knows the key that belongs to the name; here the signature is kept and carried, and opens nothing."""
    with db.writing() as session:
        row = _lock(session, key)
        if not acts.one_act(row.act).by_module:
            raise ApprovalUnfit("Key files sign acts of the security module. Confirm this one on its page.")
        return _sign(
            session,
            clock,
            vault,
            actor,
            row,
            yes=True,
            remark=remark,
            method="key-file",
            proof={"approver": approver, "signature": signature},
        )


def maker_signs(
    db: Database,
    clock: Clock,
    vault: SiteSecret,
    signed: Signed,
    key: str,
    credential: str,
    *,
    rp_id: str,
    origin: str,
) -> None:
    """The maker's own signature under an act of the module's: it counts two people, and he is one of them."""
    with db.writing() as session:
        row = _lock(session, key)
        if (
            row.maker != signed.actor.key
            or not acts.one_act(row.act).by_module
            or row.state not in ("open", "approved")
        ):
            raise ApprovalUnfit("Only who made an act of the security module signs it as its maker.")
        proof = _passkey_proof(session, clock, row, signed, credential, rp_id=rp_id, origin=origin)
        proof["maker"] = True
        session.add(_sealed(vault, row, signed.actor, "yes", None, "passkey", proof, clock.now()))


def _passkey_proof(
    session: Session,
    clock: Clock,
    row: ApprovalRequest,
    signed: Signed,
    credential: str,
    *,
    rp_id: str,
    origin: str,
) -> dict[str, Any]:
    """What a passkey signed over the act, in the form in which the module reads it too."""
    challenge = acts.challenge_of(row.text)
    passkeys.verify(session, clock, signed.actor.key, credential, challenge, rp_id=rp_id, origin=origin)
    told = json.loads(credential)
    return {
        "credential": told["id"],
        "signature": told["response"]["signature"],
        "authenticator data": told["response"]["authenticatorData"],
        "client data": told["response"]["clientDataJSON"],
    }


def standing_of(session: Session, clock: Clock, key: str) -> tuple[str, str]:
    """Where a request stands at this moment, and the hash by which its act is known."""
    row = _one(session, key)
    expired = row.state in ("open", "approved") and row.expires_at <= clock.now()
    return "expired" if expired else row.state, row.act_id


def open_for(session: Session, clock: Clock, act: str, subject: str) -> str | None:
    """The key of the request for this act on this thing that still waits or was agreed to: a page that is sent twice asks
    once."""
    return session.scalar(
        sa.select(ApprovalRequest.key)
        .where(
            ApprovalRequest.act == act,
            ApprovalRequest.subject == subject,
            ApprovalRequest.state.in_(("open", "approved")),
            ApprovalRequest.expires_at > clock.now(),
        )
        .order_by(ApprovalRequest.id)
        .limit(1)
    )


def withdraw(session: Session, clock: Clock, actor: Actor, key: str) -> None:
    """The maker takes the request back."""
    row = _lock(session, key)
    if row.maker != actor.key or row.state not in ("open", "approved"):
        raise ApprovalRefused("Only who asked can withdraw a request, and only while it was not used.")
    row.state, row.decided_at = "withdrawn", clock.now()
    audit.record(session, clock, actor=actor, act=f"{row.act} withdrawn", subject=f"approval:{key}")


def use(
    session: Session,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    key: str,
    act: str,
    content: Mapping[str, Any],
    *,
    site: str,
    subject: str,
) -> str:
    """Turns an approved request into the permission for exactly this act on exactly this thing, once. A step in the
    act's own transaction. Gives the key, for the act's own record."""
    now = clock.now()

    def refuse(why: str) -> ApprovalRefused:
        return ApprovalRefused(f"This needs another person's yes: {why}")

    row = session.scalar(sa.select(ApprovalRequest).where(ApprovalRequest.key == key).with_for_update())
    if row is None:
        raise refuse("it was not asked for.")

    if acts.one_act(act).by_module or acts.one_act(row.act).by_module:
        raise refuse("the security module decides on this act; hand it in there.")
    if acts.id_of(row.text) != row.act_id:
        raise refuse("the act was changed after it was made. Ask for it again.")
    written = _parsed(row.text)
    wanted = (act, site, subject, json.loads(json.dumps(dict(content))))
    if (row.act, row.site, row.subject) != wanted[:3] or (
        written["act"],
        written["site"],
        written["subject"],
        written["content"],
    ) != wanted:
        raise refuse("what was agreed to is another act. Ask for this one.")
    if (written["maker"], written["beneficiary"]) != (row.maker, row.beneficiary):
        raise refuse("the act was changed after it was made. Ask for it again.")
    if row.state != "approved" or row.used_at is not None or _was_used(session, key):
        raise refuse(f"the request is {row.state}.")
    if datetime.fromisoformat(written["expires"]) <= now:
        raise refuse("the request has expired. Ask for it again.")
    if not _standing(session, vault, row):
        raise refuse("nobody who may decide has agreed to it.")
    row.state, row.used_at, row.used_for = "used", now, subject
    audit.record(
        session,
        clock,
        actor=actor,
        act=f"{act} carried out",
        subject=f"approval:{key}",
        detail={"on": subject, "hash": row.act_id},
        reason=row.reason,
    )
    return row.key


def agreed_by(session: Session, key: str) -> tuple[str, str]:
    """The keys of who asked and of who agreed, for the act's own record (a published tariff names both)."""
    row = _one(session, key)
    second = session.scalar(
        sa.select(ApprovalSignature.person_key)
        .where(
            ApprovalSignature.request_key == key,
            ApprovalSignature.decision == "yes",
            ApprovalSignature.person_key != row.maker,
        )
        .order_by(ApprovalSignature.id)
        .limit(1)
    )
    if second is None:
        raise ApprovalRefused("This needs another person's yes: nobody has agreed to it.")
    return row.maker, second


def carried(session: Session, key: str, approvers: Mapping[str, str]) -> tuple[str, list[ActSignature]]:
    """An act of the module's with its signatures, as the module wants them. `approvers`: credential id -> the approver's
    name in the module. Only the module decides whether they suffice."""
    row = _one(session, key)
    signatures = []
    for signature in session.scalars(
        sa.select(ApprovalSignature)
        .where(ApprovalSignature.request_key == key, ApprovalSignature.decision == "yes")
        .order_by(ApprovalSignature.id)
    ):
        proof = signature.proof
        if signature.method == "passkey":
            name = approvers.get(proof["credential"])
            if name is not None:
                signatures.append(
                    ActSignature(name, proof["signature"], proof["authenticator data"], proof["client data"])
                )
        elif signature.method == "key-file":
            signatures.append(ActSignature(proof["approver"], proof["signature"]))
    return row.text, signatures


def handed_in(session: Session, clock: Clock, actor: Actor, key: str, *, effect: str) -> None:
    """The module has accepted the act and logged it."""
    row = _lock(session, key)
    row.state, row.used_at, row.used_for = "used", clock.now(), row.subject
    audit.record(
        session,
        clock,
        actor=actor,
        act=f"{row.act} carried out",
        subject=f"approval:{key}",
        detail={"hash": row.act_id, "effect": effect},
    )


def list_requests(
    session: Session, clock: Clock, actor: Actor, *, states: tuple[str, ...] = ("open", "approved")
) -> list[RequestView]:
    """What waits at the sites where the actor may see it, and what he asked for himself; the newest first."""
    sites = policy.sites_where(actor, Permission.APPROVAL_READ)
    query = (
        sa.select(ApprovalRequest)
        .where(ApprovalRequest.state.in_(states))
        .order_by(ApprovalRequest.id.desc())
    )
    if EVERYWHERE not in sites:
        query = query.where(sa.or_(ApprovalRequest.site.in_(sites), ApprovalRequest.maker == actor.key))
    return [_view(session, clock, actor, row) for row in session.scalars(query.limit(500))]


def one_request(session: Session, clock: Clock, actor: Actor, key: str) -> RequestView:
    row = _one(session, key)
    if row.maker != actor.key and not policy.allowed(actor, Permission.APPROVAL_READ, row.site):
        raise NotFound("There is no such request here.")
    return _view(session, clock, actor, row)


def ask_role(
    session: Session,
    clock: Clock,
    actor: Actor,
    person_key: str,
    role: str,
    site: str,
    *,
    reason: str,
    evidence: str = "",
) -> str:
    """Asks that somebody be given a role. Refused at once when the roles conflict, so that nobody decides in vain."""
    held = people.grants_of(session, person_key).get(person_key, frozenset())
    policy.refuse_conflict({grant.role for grant in held}, policy.known_role(role))
    people.one_person(session, person_key)
    return ask(
        session,
        clock,
        actor,
        "role-grant",
        people.role_grant_content(person_key, role, site),
        site=site,
        subject=f"person:{person_key}",
        reason=reason,
        evidence=evidence,
        beneficiary=f"person:{person_key}",
    )


def grant_role(db: Database, clock: Clock, vault: SiteSecret, actor: Actor, key: str) -> None:
    """Carries out an approved request for a role."""
    with db.writing() as session:
        row = _one(session, key)
        content = acts.content_of(row.text)
        if row.act != "role-grant":
            raise ApprovalUnfit("This request is not for a role.")
        person, role, site = content["person"], content["role"], content["site_of_role"]
        use(
            session,
            clock,
            vault,
            actor,
            key,
            "role-grant",
            people.role_grant_content(person, role, site),
            site=site,
            subject=f"person:{person}",
        )
        people.grant_role(session, clock, actor, person, role, site, approval=key)


def _sign(
    session: Session,
    clock: Clock,
    vault: SiteSecret,
    decider: Actor,
    row: ApprovalRequest,
    *,
    yes: bool,
    remark: str | None,
    method: str,
    proof: dict[str, Any],
) -> str:
    why = acts.refusal(_open(session, row), decider, clock.now())
    if why is not None:
        raise ApprovalRefused(why[1])
    if not yes and not (remark or "").strip():
        raise ApprovalUnfit("Say why not, so that the other can correct it.", "remark")
    decision = "yes" if yes else "no"
    session.add(_sealed(vault, row, decider, decision, remark, method, proof, clock.now()))
    row.state = "approved" if yes else "refused"
    row.decided_at = clock.now()
    audit.record(
        session,
        clock,
        actor=decider,
        act=f"{row.act} {'agreed to' if yes else 'refused'}",
        subject=f"approval:{row.key}",
        detail={"hash": row.act_id, "method": method},
        reason=remark,
    )
    return row.state


def _sealed(
    vault: SiteSecret,
    row: ApprovalRequest,
    actor: Actor,
    decision: str,
    remark: str | None,
    method: str,
    proof: dict[str, Any],
    at: datetime,
) -> ApprovalSignature:
    signature = ApprovalSignature(
        request_key=row.key,
        act_id=row.act_id,
        person_key=actor.key,
        person_name=actor.name,
        decision=decision,
        remark=remark,
        method=method,
        proof=proof,
        at=at,
    )
    signature.seal = vault.row_seal(_columns(signature))
    return signature


def _columns(signature: ApprovalSignature) -> dict[str, Any]:
    return {
        "request": signature.request_key,
        "act": signature.act_id,
        "person": signature.person_key,
        "decision": signature.decision,
        "method": signature.method,
        "proof": signature.proof,
        "at": signature.at.isoformat(),
    }


def _standing(session: Session, vault: SiteSecret, row: ApprovalRequest) -> bool:
    """Whether at least one sealed yes of another person stands, and he may still decide; and nobody's no."""
    stands = False
    for signature in session.scalars(
        sa.select(ApprovalSignature).where(ApprovalSignature.request_key == row.key)
    ):
        if signature.act_id != row.act_id or not vault.seal_holds(_columns(signature), signature.seal):
            return False
        if signature.decision == "no":
            return False
        signer = _actor(session, signature.person_key)
        if signer is None or signer.key == row.maker:
            continue
        if row.beneficiary is not None and row.beneficiary in signer.interests:
            continue
        stands = stands or policy.allowed(signer, acts.one_act(row.act).may_decide, row.site)
    return stands


def _actor(session: Session, person_key: str) -> Actor | None:
    """A person as he is at this moment; None when the account is closed."""
    person = session.scalar(sa.select(Person).where(Person.key == person_key, Person.disabled_at.is_(None)))
    if person is None:
        return None
    grants: frozenset[Grant] = people.grants_of(session, person_key).get(person_key, frozenset())
    return Actor(person.key, person.name, grants, tenant=person.tenant_key)


def _was_used(session: Session, key: str) -> bool:
    """The trail is append only: a request whose row was set back is still known to have been used."""
    return (
        session.scalar(
            sa.select(audit.AuditEntry.id)
            .where(audit.AuditEntry.subject == f"approval:{key}", audit.AuditEntry.act.like("% carried out"))
            .limit(1)
        )
        is not None
    )


def _open(session: Session, row: ApprovalRequest) -> Open:
    decided = session.scalars(
        sa.select(ApprovalSignature.person_key).where(ApprovalSignature.request_key == row.key)
    )
    return Open(
        row.act,
        row.site,
        row.text,
        row.act_id,
        row.maker,
        row.beneficiary,
        row.state,
        row.expires_at,
        frozenset(decided),
    )


def _view(session: Session, clock: Clock, actor: Actor, row: ApprovalRequest) -> RequestView:
    why = acts.refusal(_open(session, row), actor, clock.now())
    signatures = session.scalars(
        sa.select(ApprovalSignature)
        .where(ApprovalSignature.request_key == row.key)
        .order_by(ApprovalSignature.id)
    )
    return RequestView(
        row.key,
        acts.one_act(row.act),
        row.site,
        row.subject,
        row.text,
        acts.content_of(row.text),
        row.maker,
        row.maker_name,
        row.reason,
        row.evidence,
        row.beneficiary,
        row.made_at,
        row.expires_at,
        "expired" if row.state in ("open", "approved") and row.expires_at <= clock.now() else row.state,
        tuple(SignatureView(s.person_name, s.decision, s.remark, s.method, s.at) for s in signatures),
        why[1] if why else None,
    )


def _one(session: Session, key: str) -> ApprovalRequest:
    row = session.scalar(sa.select(ApprovalRequest).where(ApprovalRequest.key == key))
    if row is None:
        raise NotFound("There is no such request here.")
    return row


def _lock(session: Session, key: str) -> ApprovalRequest:
    row = session.scalar(sa.select(ApprovalRequest).where(ApprovalRequest.key == key).with_for_update())
    if row is None:
        raise NotFound("There is no such request here.")
    return row


def _parsed(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def credential_names(session: Session) -> dict[str, str]:
    """credential id -> the person's key: for finding the module's approver of a passkey."""
    return {
        row.credential_id: row.person_key
        for row in session.scalars(sa.select(Passkey).where(Passkey.removed_at.is_(None)))
    }

"""Acts that the security module decides on, from the asking to the handing in: budgets, limits, approvers.

`access` writes them word for word as `keystore.acts` does, collects the signatures and carries both to the module; what
they are worth, the module says with keys of its own (decisions.md D8). Nothing in this database opens a budget.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import ActSignature, Refused, SecurityModule
from vending import audit
from vending.access import acts, approvals, policy
from vending.access.errors import ApprovalRefused, ApprovalUnfit
from vending.access.policy import Actor
from vending.access.tables import ApprovalRequest, Passkey
from vending.clock import Clock
from vending.db import Database


def approvers(session: Session) -> dict[str, str]:
    """credential id -> the name under which the module enrolled that passkey, from the acts of enrolment themselves."""
    enrolled: dict[str, str] = {}
    for row in session.scalars(
        sa.select(ApprovalRequest).where(ApprovalRequest.act == "enrol", ApprovalRequest.state == "used")
    ):
        content = acts.content_of(row.text)
        if content.get("kind") == "webauthn":
            enrolled[str(content["public_key"])] = str(content["approver"])
    return {
        row.credential_id: enrolled[row.public_key]
        for row in session.scalars(sa.select(Passkey).where(Passkey.removed_at.is_(None)))
        if row.public_key in enrolled
    }


def public_key_of(session: Session, passkey: str) -> tuple[str, str]:
    """The public key of a passkey, as the module enrols it, and whose it is."""
    row = session.scalars(
        sa.select(Passkey).where(Passkey.key == passkey, Passkey.removed_at.is_(None))
    ).one()
    return row.public_key, row.person_key


def name_of(module: SecurityModule) -> str:
    """The name by which acts are made out to this module: that of its log. Empty when the module does not answer. Asked
    before a transaction is opened, because no call to the module belongs inside one."""
    try:
        return module.status().log
    except KeystoreError:
        return ""


def ask(
    session: Session,
    clock: Clock,
    actor: Actor,
    act: str,
    write: Callable[[], str],
    *,
    site: str,
    subject: str,
    reason: str,
    evidence: str = "",
) -> str:
    """Asks for an act of the module whose text `write` makes. Gives the key of the request."""
    text = write()
    if not acts.content_of(text)["module"]:
        raise ApprovalUnfit(
            "The security module does not answer, and an act is made out to one module by its name. Start the module, then ask again."
        )
    return approvals.ask(
        session,
        clock,
        actor,
        act,
        {},
        site=site,
        subject=subject,
        reason=reason,
        evidence=evidence,
        text=text,
    )


def hand_in(db: Database, clock: Clock, module: SecurityModule, actor: Actor, key: str) -> str:
    """Carries the act and its signatures to the module; gives its answer as a sentence. A refusal leaves the request as
    it is, so that a missing signature can still come."""
    with db.reading() as session:
        text, signatures = approvals.carried(session, key, approvers(session))
    if not signatures:
        raise ApprovalRefused(
            "No signature under this act is of a passkey that the security module has enrolled. Enrol one at the keys' page, or sign with a key file."
        )
    answered = module.approve(text, signatures)
    if isinstance(answered, Refused):
        with db.writing() as session:
            audit.record(
                session,
                clock,
                actor=actor,
                act="act refused by the module",
                subject=f"approval:{key}",
                detail={"code": answered.code},
            )
        raise ApprovalRefused(answered.sentence)
    with db.writing() as session:
        approvals.handed_in(session, clock, actor, key, effect=answered.effect)
    return answered.effect


def hand_in_file(
    db: Database,
    clock: Clock,
    module: SecurityModule,
    actor: Actor,
    key: str,
    text: str,
    signatures: list[ActSignature],
) -> str:
    """The act as a file that was signed with key files on the command line (`keystore approve`) and brought back."""
    with db.reading() as session:
        view = approvals.one_request(session, clock, actor, key)
    if view.text != text:
        raise ApprovalUnfit(
            "This file holds another act. Save the act from its page again and sign that one.", "file"
        )
    if not view.act.by_module or view.state not in ("open", "approved"):
        raise ApprovalUnfit("This act is not open any more, or is not one of the security module.", "file")
    if actor.key != view.maker:
        policy.require(actor, view.act.may_decide, view.site)
    answered = module.approve(text, signatures)
    if isinstance(answered, Refused):
        raise ApprovalUnfit(answered.sentence, "file")
    with db.writing() as session:
        approvals.handed_in(session, clock, actor, key, effect=answered.effect)
    return answered.effect

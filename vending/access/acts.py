"""The acts that need two people: one table. Who may ask, who may be the second, and where the word finally counts.

Pure. An act is canonical text (`keystore.acts`), made once and never edited; what people say yes to is that text, byte for
byte. For an act of the security module the signatures are carried there and checked again by keys that the module knows;
for the others the server's own check counts (decisions.md D8).
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keystore import acts as canonical_acts
from vending.access.errors import ApprovalUnfit
from vending.access.policy import Actor, Permission, allowed
from vending.errors import said

P = Permission
LONGEST = canonical_acts.LONGEST


@dataclass(frozen=True, slots=True)
class TwoPersonAct:
    """One kind of act. With a `module_act` the security module decides on it, and only passkeys and key files count."""

    name: str
    says: str
    may_ask: Permission
    may_decide: Permission
    module_act: str | None = None

    @property
    def by_module(self) -> bool:
        return self.module_act is not None

    @property
    def name_in_text(self) -> str:
        """What the canonical text calls it: the module's word where the module decides."""
        return self.module_act or self.name


ACTS: dict[str, TwoPersonAct] = {
    act.name: act
    for act in (
        TwoPersonAct("role-grant", said("Give a person a role"), P.PEOPLE_GRANT, P.MANAGER_APPROVE),
        TwoPersonAct("tariff-publish", said("Publish a tariff version"), P.TARIFF_DRAFT, P.TARIFF_PUBLISH),
        TwoPersonAct("fee-publish", said("Publish a fee"), P.TARIFF_DRAFT, P.TARIFF_PUBLISH),
        TwoPersonAct("meter-ratio", said("Change a meter's transformer ratio"), P.METER_RATIO, P.MANAGER_APPROVE),
        TwoPersonAct("ledger-correction", said("Post a correcting entry"), P.LEDGER_CORRECT, P.MANAGER_APPROVE),
        TwoPersonAct("period-close", said("Close a period of the books"), P.LEDGER_CORRECT, P.MANAGER_APPROVE),
        TwoPersonAct("sale-reversal", said("Reverse a sale whose token was released"), P.SALE_REVERSE, P.DESK_APPROVE),
        TwoPersonAct("refund", said("Give a customer's money back"), P.SALE_REVERSE, P.DESK_APPROVE),
        TwoPersonAct("tender-correction", said("Correct the way a sale was paid"), P.SALE_REVERSE, P.DESK_APPROVE),
        TwoPersonAct("meter-swap", said("Credit a replaced meter's balance to the new one"), P.METER_COMMISSION, P.MANAGER_APPROVE),
        TwoPersonAct("move-out", said("Settle what a tenant leaves behind"), P.ESTATE_EDIT, P.MANAGER_APPROVE),
        TwoPersonAct("mass-disconnect", said("Disconnect many supplies"), P.SUPPLY_SWITCH, P.MANAGER_APPROVE),
        TwoPersonAct("supply-policy", said("Change when supplies are cut"), P.SUPPLY_POLICY, P.MANAGER_APPROVE),
        TwoPersonAct("api-key", said("Give a program an API key that can sell"), P.API_KEY_EDIT, P.MANAGER_APPROVE),
        TwoPersonAct("seller-terms", said("Give a third-party seller credit or a commission"), P.SELLER_EDIT, P.MANAGER_APPROVE),
        TwoPersonAct("free-issue", said("Issue a token without payment"), P.SALE_FREE, P.DESK_APPROVE, "issue"),
        TwoPersonAct("engineering-token", said("Issue engineering tokens"), P.ENGINEERING_TOKEN, P.DESK_APPROVE, "issue"),
        TwoPersonAct("key-change", said("Issue key-change tokens"), P.KEY_CHANGE, P.DESK_APPROVE, "issue"),
        TwoPersonAct("open-budget", said("Open a budget"), P.KEYS_ACT, P.KEYS_APPROVE, "open-budget"),
        TwoPersonAct("top-up", said("Top up a budget"), P.BUDGET_ASK, P.KEYS_APPROVE, "top-up"),
        TwoPersonAct("set-limits", said("Change the limits of a meter class"), P.BUDGET_ASK, P.KEYS_APPROVE, "set-limits"),
        TwoPersonAct("enrol", said("Enrol an approver"), P.KEYS_ACT, P.KEYS_APPROVE, "enrol"),
        TwoPersonAct("resume-key", said("Use a suspended key again"), P.KEYS_ACT, P.KEYS_APPROVE, "resume-key"),
        TwoPersonAct("set-meter-key", said("Believe that a meter is under another key"), P.KEY_CHANGE, P.KEYS_APPROVE, "set-meter-key"),
        TwoPersonAct("set-floors", said("Raise the floors of taken-over meters"), P.ESTATE_IMPORT, P.KEYS_APPROVE, "set-floors"),
        TwoPersonAct("fast-forward", said("Restore the module's log from an older copy"), P.KEYS_ACT, P.KEYS_APPROVE, "fast-forward"),
    )
}  # fmt: skip


def one_act(name: str) -> TwoPersonAct:
    if name not in ACTS:
        raise ApprovalUnfit(f"There is no act {name!r} for two people.")
    return ACTS[name]


def text_of(
    act: str,
    content: Mapping[str, Any],
    *,
    site: str,
    subject: str,
    maker: str,
    reason: str,
    evidence: str,
    beneficiary: str | None,
    made: datetime,
    lasts: timedelta = LONGEST,
) -> str:
    """The canonical text of an act that the server decides on. The module's own acts are written by `keystore.acts`."""
    return canonical_acts.canonical(
        {
            "act": act,
            "site": site,
            "subject": subject,
            "maker": maker,
            "reason": reason,
            "evidence": evidence,
            "beneficiary": beneficiary,
            "made": made.isoformat(timespec="seconds"),
            "expires": (made + lasts).isoformat(timespec="seconds"),
            "nonce": secrets.token_hex(12),
            "content": dict(content),
        }
    )


def id_of(text: str) -> str:
    return canonical_acts.act_id(text)


def challenge_of(text: str) -> bytes:
    """What a passkey signs to say yes."""
    return canonical_acts.challenge(text)


def content_of(text: str) -> dict[str, Any]:
    """The facts in a text: under `content` for the server's acts, the text itself for the module's."""
    value = json.loads(text)
    assert isinstance(value, dict)
    inner = value.get("content", value)
    assert isinstance(inner, dict)
    return inner


# The facts by which a decision is judged, and the reasons against it, in the order in which they are checked.


@dataclass(frozen=True, slots=True)
class Open:
    """A request as the rules see it."""

    act: str
    site: str
    text: str
    act_id: str
    maker: str
    beneficiary: str | None
    state: str
    expires_at: datetime
    decided_by: frozenset[str]


def refusal(request: Open, decider: Actor, now: datetime) -> tuple[str, str] | None:
    """Why this person's word does not count for this request, as code and sentence; None when it does."""
    if id_of(request.text) != request.act_id:
        return "act_edited", said("The act was changed after it was made. Make it again.")
    # The module counts signatures of its own quorum: an act of its own takes more of them until it is handed in.
    undecided = ("open", "approved") if one_act(request.act).by_module else ("open",)
    if request.state not in undecided:
        return "act_closed", said(f"This request is {request.state}; nothing is left to decide.")
    if request.expires_at <= now:
        return "act_expired", said("This request has expired. Ask for it again.")
    if decider.key == request.maker:
        return "own_request", said("You asked for this yourself; another person decides on it.")
    if decider.key in request.decided_by:
        return "decided_already", said("You have decided on this already.")
    if request.beneficiary is not None and request.beneficiary in decider.interests:
        return "own_benefit", said(
            "This act is for your own benefit; somebody without an interest in it decides."
        )
    if decider.scopes is not None:
        return "not_a_person", said("An API key cannot be the second person.")
    if not allowed(decider, one_act(request.act).may_decide, request.site):
        return (
            "no_right",
            said(f"Deciding on this needs the right “{one_act(request.act).may_decide.value}” at this site."),
        )
    return None

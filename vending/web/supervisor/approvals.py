"""What waits for a second person, oldest first: read it, say yes with a passkey or a confirmation, or no with a reason.

From a telephone too. A yes to an act of the security module is a signature over that act, which the module checks itself;
a yes to any other is kept with a seal (decisions.md D8). Own acts are shown and closed.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from keystore.errors import KeystoreError
from keystore.module import ActSignature
from vending.access import approvals, module_acts
from vending.access.approvals import RequestView
from vending.access.errors import ApprovalUnfit
from vending.errors import InvalidInput, VendingError
from vending.services import Services
from vending.web import carrying, confirming, forms, gate, places, words
from vending.web.supervisor import telling
from vending.web.supervisor.told import Told
from vending.web.words import _

room = Blueprint("approvals", __name__, url_prefix="/supervisor/approvals")

LARGEST_FILE = 128 * 1024


@room.get("")
@gate.needs("approval.read")
def desk() -> Any:
    return _page()


@room.get("/<key>")
@gate.needs("approval.read")
def one(key: str) -> Any:
    return _page(only=key)


def _page(
    *, only: str | None = None, refused: VendingError | None = None, at: str = "", typed: str = ""
) -> Any:
    services: Services = g.services
    place = places.of_request()
    passkey = confirming.has_passkey()
    confirmed = confirming.is_confirmed()
    with services.db.reading() as session:
        if only is not None:
            waiting = [approvals.one_request(session, services.clock, g.actor, only)]
            lately: list[RequestView] = []
        else:
            waiting = approvals.list_requests(session, services.clock, g.actor)[::-1]
            lately = approvals.list_requests(
                session, services.clock, g.actor, states=("used", "refused", "withdrawn")
            )[:12]
        acts = []
        for view in waiting:
            if view.state == "expired":
                lately.insert(0, view)
                continue
            said = telling.told(services, session, view, place.zone)
            acts.append(
                _act(view, said, passkey=passkey, confirmed=confirmed, refused=refused, at=at, typed=typed)
            )
        decided = [_decided(session, view) for view in lately[:12]]
    html = render_template(
        "supervisor/approvals.html",
        page={
            "title": _("Approvals"),
            "intro": "",
            "crumbs": [{"label": _("Approvals"), "url": url_for("approvals.desk")}, {"label": _("One act")}]
            if only
            else [],
        },
        acts=acts,
        decided=decided,
    )
    return html if refused is None else (html, 422)


def _act(
    view: RequestView,
    said: Told,
    *,
    passkey: bool,
    confirmed: bool,
    refused: VendingError | None,
    at: str,
    typed: str,
) -> dict[str, Any]:
    services: Services = g.services
    here = at == view.key and refused is not None
    field = getattr(refused, "field", None) if here else None
    agreed = view.state == "approved"
    signs = passkey or view.act.by_module
    return {
        "id": view.key,
        "sentence": said.sentence,
        "why": view.reason,
        "waits": _("agreed to, not carried out yet")
        if agreed
        else words.waits(view.made_at, services.clock.now()),
        "state": "on" if agreed else "half",
        "before": said.before,
        "after": said.after,
        "evidence": said.evidence,
        "approvers": [
            {
                "name": one.person_name,
                "state": "on" if one.decision == "yes" else "now",
                "text": one.remark or _methods().get(one.method, one.method),
            }
            for one in view.signatures
        ],
        "own": view.maker == g.actor.key,
        "closed": None
        if view.maker == g.actor.key or (agreed and view.why_not)
        else words.refusal(view.why_not or "") or None,
        "agreed": agreed and view.why_not is not None,
        "carry_url": url_for("approvals.carry", key=view.key)
        if agreed and carrying.is_carried(view.act.name)
        else "",
        "withdraw_url": url_for("approvals.withdraw", key=view.key) if view.maker == g.actor.key else "",
        "passkey": signs,
        "by_module": view.act.by_module,
        "no_passkey": view.act.by_module and not passkey,
        "account_url": url_for("account.show"),
        "file_url": url_for("approvals.as_file", key=view.key) if view.act.by_module else "",
        "signed_url": url_for("approvals.bring_signed", key=view.key) if view.act.by_module else "",
        "file_error": words.refusal(refused.sentence)
        if here and refused is not None and field == "file"
        else "",
        "challenge_url": url_for("approvals.challenge", key=view.key),
        "sign_url": url_for("approvals.sign_as_maker", key=view.key)
        if view.act.by_module and view.maker == g.actor.key
        else "",
        "confirm": not view.act.by_module and not confirmed,
        "approve_url": url_for("approvals.approve", key=view.key),
        "reject_url": url_for("approvals.reject", key=view.key),
        "reason": typed if here else "",
        "reason_error": words.refusal(refused.sentence)
        if here and refused is not None and field == "remark"
        else "",
        "confirm_error": words.refusal(refused.sentence)
        if here and refused is not None and field not in ("remark", "file")
        else "",
        "approve_label": said.verb,
    }


def _methods() -> dict[str, str]:
    return {
        "passkey": _("signed by passkey"),
        "key-file": _("signed by key file"),
        "confirmed": _("confirmed"),
    }


def _decided(session: Any, view: RequestView) -> dict[str, str]:
    services: Services = g.services
    place = places.of_request()
    states = {
        "used": ("on", _("carried out")),
        "refused": ("now", _("rejected")),
        "withdrawn": ("off", _("withdrawn")),
        "expired": ("off", _("expired")),
    }
    state, word = states.get(view.state, ("off", view.state))
    last = view.signatures[-1] if view.signatures else None
    return {
        "state": state,
        "sentence": f"{telling.told(services, session, view, place.zone).sentence} {word.capitalize()}.",
        "who": last.person_name if last else view.maker_name,
        "at": words.moment(last.at if last else view.made_at, place.zone),
        "remark": (last.remark or "") if last else "",
    }


@room.get("/<key>/challenge")
@gate.needs("approval.read")
def challenge(key: str) -> Response:
    """What the passkey signs: the hash of this act."""
    services: Services = g.services
    _seen(key)
    options = approvals.passkey_options(services.db, confirming.signed(), key, rp_id=confirming.rp_id())
    return Response(options, mimetype="application/json")


@room.post("/<key>/yes")
@gate.needs("approval.read")
def approve(key: str) -> Any:
    services: Services = g.services
    _seen(key)
    remark = forms.text("reason", most=500) or None
    assertion = request.form.get("assertion", "")
    try:
        if assertion:
            approvals.decide_by_passkey(
                services.db,
                services.clock,
                services.vault,
                confirming.signed(),
                key,
                assertion,
                rp_id=confirming.rp_id(),
                origin=confirming.origin(),
                remark=remark,
            )
        else:
            person = confirming.confirm(request.form.get("confirm", ""))
            approvals.decide(
                services.db, services.clock, services.vault, person, key, yes=True, remark=remark
            )
    except VendingError as refused:
        return _page(refused=refused, at=key, typed=request.form.get("reason", ""))
    return _carry(key)


@room.post("/<key>/carry")
@gate.needs("approval.read")
def carry(key: str) -> Any:
    """Once more, where an approved act could not be carried out the first time."""
    view = _seen(key)
    if view.state != "approved" or (view.maker != g.actor.key and not _may_decide(view)):
        raise ApprovalUnfit(_("This request is not waiting to be carried out."))
    return _carry(key)


def _may_decide(view: RequestView) -> bool:
    return places.can(g.actor, view.act.may_decide.value)


def _carry(key: str) -> Any:
    services: Services = g.services
    view = _seen(key)
    try:
        sentence = carrying.carry_out(services, g.actor, view)
    except (VendingError, KeystoreError) as refused:
        return forms.done(
            _(
                "Your yes is kept. It could not be carried out yet: %(why)s",
                why=words.refusal(refused.sentence),
            ),
            url_for("approvals.one", key=key),
        )
    return forms.done(sentence, url_for("approvals.desk"))


@room.post("/<key>/no")
@gate.needs("approval.read")
def reject(key: str) -> Any:
    services: Services = g.services
    _seen(key)
    try:
        approvals.decide(
            services.db,
            services.clock,
            services.vault,
            confirming.signed(),
            key,
            yes=False,
            remark=forms.text("reason", most=500),
        )
    except VendingError as refused:
        return _page(refused=refused, at=key, typed=request.form.get("reason", ""))
    return forms.done(_("Rejected. Who asked sees your reason."), url_for("approvals.desk"))


@room.post("/<key>/withdraw")
@gate.needs("approval.read")
def withdraw(key: str) -> Any:
    services: Services = g.services
    with services.db.writing() as session:
        approvals.withdraw(session, services.clock, g.actor, key)
    return forms.done(_("The request is withdrawn."), url_for("approvals.desk"))


@room.post("/<key>/sign")
@gate.needs("approval.read")
def sign_as_maker(key: str) -> Any:
    """Of two signatures under an act of the module, the maker's may be one."""
    services: Services = g.services
    _seen(key)
    try:
        if not request.form.get("assertion"):
            raise ApprovalUnfit(_("No signature came. Add a passkey under your name first."))
        approvals.maker_signs(
            services.db,
            services.clock,
            services.vault,
            confirming.signed(),
            key,
            request.form["assertion"],
            rp_id=confirming.rp_id(),
            origin=confirming.origin(),
        )
    except VendingError as refused:
        return _page(refused=refused, at=key)
    return forms.done(_("Your signature is kept. A second person signs too."), url_for("approvals.desk"))


@room.get("/<key>/act.json")
@gate.needs("approval.read")
def as_file(key: str) -> Response:
    """The act for `keystore approve`, which signs it with a key file."""
    view = _seen(key)
    if not view.act.by_module:
        raise ApprovalUnfit(_("Key files sign acts of the security module. Confirm this one on its page."))
    text = json.dumps({"act": view.text, "signatures": []}, indent=1) + "\n"
    return Response(
        text,
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="act-{key[:8]}.json"'},
    )


@room.post("/<key>/signed")
@gate.needs("approval.read")
def bring_signed(key: str) -> Any:
    """The same file, signed."""
    services: Services = g.services
    _seen(key)
    try:
        text, signatures = _read_signed()
        effect = module_acts.hand_in_file(
            services.db, services.clock, services.module, g.actor, key, text, signatures
        )
    except VendingError as refused:
        return _page(refused=refused, at=key)
    return forms.done(effect, url_for("approvals.desk"))


def _read_signed() -> tuple[str, list[ActSignature]]:
    wrong = InvalidInput(
        _("This is not an act signed by `keystore approve`. Choose the file that it wrote."), "file"
    )
    file = request.files.get("file")
    if file is None:
        raise wrong
    try:
        content = json.loads(file.stream.read(LARGEST_FILE))
        rows = [ActSignature(**row) for row in content["signatures"]]
        act = content["act"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise wrong from None
    if not isinstance(act, str) or not all(isinstance(row.approver, str) for row in rows):
        raise wrong
    return act, rows


def _seen(key: str) -> RequestView:
    """The request, where this person may see it; NotFound otherwise, the same as for none."""
    services: Services = g.services
    with services.db.reading() as session:
        return approvals.one_request(session, services.clock, g.actor, key)

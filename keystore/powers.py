"""What each act does, and how many people it takes. One row per act; an act without a row does not exist.

`examine` runs before an act is logged and may reject it; `carry_out` runs on the logged entry, when it is made and
whenever the log is read again, and cannot fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from keystore import acts, limits, messages, notes
from keystore.approvals import KINDS, ONE_IS_ENOUGH, Act, Approver, Rejected, from_base64url, require
from keystore.errors import MessageInvalid
from keystore.limits import Account, ClassLimit
from keystore.state import State, key_name

Json = dict[str, Any]

SERVICES = {"electricity": 0, "water": 1, "gas": 2, "time": 3}
_LARGEST = 2**53
LEAD_MINUTES = 60


class Surroundings:
    """What an examination may need besides the state: the log's name and key, its size, the clock's doubt."""

    def __init__(
        self,
        log: str,
        public_key: bytes,
        quorum: int,
        now: float,
        minute: int,
        clock_needs: str,
        records: set[str],
    ) -> None:
        self.log = log
        self.public_key = public_key
        self.quorum = quorum
        self.now = now
        self.minute = minute
        self.clock_needs = clock_needs
        self.records = records


def examine(state: State, act: Act, around: Surroundings) -> tuple[Json, str]:
    """The public part of the act's entry and a sentence for the screen; raises `Rejected`."""
    row = _ACTS.get(act.name)
    if row is None:
        raise Rejected("act-unknown", f"The module knows no act {act.name!r}.")
    if act.act_id in state.acts:
        raise Rejected("act-used", "This act was handed in before. An act counts once; make a new one.")
    require(act, 1 if act.name in ONE_IS_ENOUGH else needed(state, act, around))
    try:
        return row(state, act.content, around)
    except (KeyError, TypeError, ValueError, MessageInvalid):
        raise Rejected(
            "act-invalid", f"The act {act.name!r} lacks a field or has one of the wrong kind."
        ) from None


def needed(state: State, act: Act, around: Surroundings) -> int:
    """The number of people: the quorum, but one where an act only takes away or only vouches for the clock."""
    if act.name == "confirm-clock" and around.clock_needs == "one":
        return 1
    if act.name == "set-limits":
        old = state.limits.get(str(act.content.get("meter_class")))
        new = _limit(act.content)
        if old is not None and new is not None and limits.is_lower(new, old):
            return 1
    return around.quorum


def carry_out(state: State, public: Json, private: Json) -> None:
    """The effect of a logged act."""
    content = acts_content(private)
    state.acts.add(public["act_id"])
    _EFFECTS[public["act"]](state, content, public)


def acts_content(private: Json) -> Json:
    found: Json = json.loads(private["act"])
    return found


# --- budgets ----------------------------------------------------------------------------------------------------


def _seconds(text: Any) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("offset")
    return int(moment.timestamp())


def _amount(value: Any) -> int:
    if type(value) is not int or not 0 < value <= _LARGEST:
        raise Rejected("amount-invalid", "The amount of a budget is a whole number above zero.")
    return value


def _name(value: Any) -> str:
    if type(value) is not str or not 1 <= len(value) <= 64 or not value.isprintable():
        raise ValueError("name")
    return value


def _open_budget(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    account = _account(content)
    _amount(account.allotted)
    if account.budget_id in state.budgets:
        raise Rejected(
            "budget-exists", f"There is a budget {account.budget_id} already. Top it up or choose a name."
        )
    if account.kind == "units":
        if account.service not in SERVICES:
            raise Rejected("service-unknown", "A budget of units is for electricity, water, gas or time.")
    elif account.kind not in acts.COUNTS or account.service is not None:
        raise Rejected("budget-kind", "A budget counts units, or free, management or key-change acts.")
    if account.period not in acts.PERIODS:
        raise Rejected("budget-period", "A budget is for once, day or month.")
    if account.ends <= max(account.starts, around.now):
        raise Rejected("budget-over", "The budget would end before it begins or before now.")
    if len(account.sgc) != 6 or not account.sgc.isascii() or not account.sgc.isdigit():
        raise Rejected("sgc-invalid", "A supply group code has six digits.")
    public = {
        "budget": account.budget_id,
        "budget_kind": account.kind,
        "sgc": account.sgc,
        "service": account.service,
        "allotted": account.allotted,
        "period": account.period,
    }
    often = {"once": "in all", "day": "each day", "month": "each month"}[account.period]
    return public, f"The {limits.name_of(account)} is open: {account.allotted} {often}."


def _account(content: Mapping[str, Any]) -> Account:
    return Account(
        _name(content["budget_id"]),
        _name(content["kind"]),
        _name(content["sgc"]),
        content["service"],
        content["allotted"],
        content["period"],
        _seconds(content["starts"]),
        _seconds(content["ends"]),
    )


def _opened(state: State, content: Json, public: Json) -> None:
    state.add_budget(_account(content))


def _top_up(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    account = _one_budget(state, content)
    amount = _amount(content["amount"])
    if account.closed or account.ends <= around.now:
        raise Rejected("budget-over", "This budget is closed or has ended. Open a new one.")
    if account.allotted + amount > _LARGEST:
        raise Rejected("amount-invalid", "The budget would be larger than any budget may be.")
    return {
        "budget": account.budget_id,
        "amount": amount,
    }, f"The {limits.name_of(account)} grows by {amount}."


def _topped_up(state: State, content: Json, public: Json) -> None:
    state.budgets[content["budget_id"]].allotted += content["amount"]


def _close_budget(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    account = _one_budget(state, content)
    return {"budget": account.budget_id}, f"The {limits.name_of(account)} is closed."


def _closed(state: State, content: Json, public: Json) -> None:
    state.budgets[content["budget_id"]].closed = True


def _one_budget(state: State, content: Mapping[str, Any]) -> Account:
    account = state.budgets.get(_name(content["budget_id"]))
    if account is None:
        raise Rejected("budget-unknown", f"There is no budget {content['budget_id']}.")
    return account


# --- requests, limits, people -----------------------------------------------------------------------------------


def _issue(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    items = content["items"]
    if type(items) is not list or not 1 <= len(items) <= acts.MAX_ITEMS or len(set(items)) != len(items):
        raise Rejected("items-invalid", f"An act names 1 to {acts.MAX_ITEMS} different requests.")
    if not all(type(i) is str and len(i) == 64 for i in items):
        raise ValueError("item")
    return {"items": len(items)}, f"{len(items)} requests are approved, each once, until the act ends."


def _permitted(state: State, content: Json, public: Json) -> None:
    ends = _seconds(content["expires"])
    now = public["at"] // 1000
    for digest in [d for d, (_, end) in state.permits.items() if end <= now]:
        del state.permits[digest]
    for digest in content["items"]:
        state.permits[digest] = (public["act_id"], ends)


def _limit(content: Mapping[str, Any]) -> ClassLimit | None:
    units, tokens = content.get("units_a_day"), content.get("tokens_a_day")
    if type(units) is int and type(tokens) is int and 0 <= units <= _LARGEST and 0 <= tokens <= 1439:
        return ClassLimit(units, tokens)
    return None


def _set_limits(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    name, limit = _name(content["meter_class"]), _limit(content)
    if limit is None:
        raise ValueError("limit")
    public = {"meter_class": name, "units_a_day": limit.units_a_day, "tokens_a_day": limit.tokens_a_day}
    return (
        public,
        f"Meters of class {name} may get {limit.units_a_day} units and {limit.tokens_a_day} tokens a day.",
    )


def _limits_set(state: State, content: Json, public: Json) -> None:
    state.limits[content["meter_class"]] = ClassLimit(content["units_a_day"], content["tokens_a_day"])


def _enrol(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    approver = _approver(content)
    if approver.name in state.approvers or approver.name in state.dismissed:
        raise Rejected(
            "approver-exists", f"The name {approver.name} was used before. Choose another for this key."
        )
    if any(a.public_key == approver.public_key for a in state.approvers.values()):
        raise Rejected("key-enrolled", "This signing key is enrolled already. One key belongs to one person.")
    if approver.kind not in KINDS or (approver.kind == "webauthn" and not approver.origin.startswith("http")):
        raise ValueError("kind")
    if approver.kind == "ed25519" and len(approver.public_key) != 32:
        raise ValueError("key")
    return {"approver": approver.name}, f"{approver.person} may approve as {approver.name}."


def _approver(content: Mapping[str, Any]) -> Approver:
    origin = content["origin"]
    if type(origin) is not str:
        raise TypeError
    return Approver(
        _name(content["approver"]),
        _name(content["person"]),
        _name(content["kind"]),
        from_base64url(content["public_key"]),
        origin,
    )


def _enrolled(state: State, content: Json, public: Json) -> None:
    approver = _approver(content)
    state.approvers[approver.name] = approver


def _dismiss(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    name = _name(content["approver"])
    if name not in state.approvers:
        raise Rejected("approver-unknown", f"{name} is not an enrolled approver.")
    persons = {a.person for a in state.approvers.values() if a.name != name}
    if len(persons) < around.quorum:
        raise Rejected(
            "approvers-too-few", "Fewer people would remain than the quorum asks for. Enrol one first."
        )
    return {"approver": name}, f"{name} may no longer approve."


def _dismissed(state: State, content: Json, public: Json) -> None:
    state.approvers.pop(content["approver"], None)
    state.dismissed.add(content["approver"])


# --- keys, meters, clock ----------------------------------------------------------------------------------------


def _suspend(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    record_id = _known_record(content, around)
    return {"record": record_id}, "The vending key issues nothing until it is resumed."


def _suspended(state: State, content: Json, public: Json) -> None:
    state.suspended.add(content["record_id"])


def _resume(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    record_id = _known_record(content, around)
    return {"record": record_id}, "The vending key may issue again."


def _resumed(state: State, content: Json, public: Json) -> None:
    state.suspended.discard(content["record_id"])


def _known_record(content: Mapping[str, Any], around: Surroundings) -> str:
    record_id = _name(content["record_id"])
    if record_id not in around.records:
        raise Rejected("record-unknown", f"There is no key record {record_id}. `keystore list` shows them.")
    return record_id


def _set_meter_key(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    keying = messages.keying_in(content["meter"])
    _name(content["evidence"])
    return {}, f"Meter {keying.pan} is taken to be under {keying.sgc}/{keying.krn} from now on."


def _meter_key_set(state: State, content: Json, public: Json) -> None:
    state.meter(content["meter"]["pan"]).remember(key_name(content["meter"]))


def _set_floors(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    floors = content["floors"]
    if type(floors) is not dict or not floors:
        raise ValueError("floors")
    for pan, minute in floors.items():
        if (
            len(pan) != 18
            or not pan.isdigit()
            or type(minute) is not int
            or not 0 <= minute <= around.minute + 1440
        ):
            raise Rejected("floor-invalid", f"The floor of meter {pan} is not a minute up to tomorrow.")
    return {"meters": len(floors)}, f"{len(floors)} meters start above the tokens that they have."


def _floors_set(state: State, content: Json, public: Json) -> None:
    for pan, minute in content["floors"].items():
        meter = state.meter(pan)
        meter.last = max(meter.last, minute)


def _confirm_clock(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    if abs(_seconds(content["now"]) - around.now) > 300:
        raise Rejected("clock-differs", "The act names another time than the module's clock. Make it again.")
    if around.clock_needs == "none":
        raise Rejected("clock-behind", "A clock behind the log is set right; nobody can confirm it.")
    return {}, "The clock is taken to be right."


def _fast_forward(state: State, content: Mapping[str, Any], around: Surroundings) -> tuple[Json, str]:
    head = notes.opened(content["note"], around.log, around.public_key)
    if head is None:
        raise Rejected("note-wrong", "The checkpoint in the act was not signed by this log.")
    public = {"lost_size": head.size, "lost_root": head.root.hex(), "floor": around.minute + LEAD_MINUTES}
    return public, (
        "The lost entries are given up: every meter starts one hour ahead, and all budgets are closed. Open new ones."
    )


def _forwarded(state: State, content: Json, public: Json) -> None:
    """Tokens of the lost entries may be out: start above all of them, and let approvers decide on money again."""
    # A lost token's identifier is at most the lead ahead of the moment it was issued at, on its own group's clock; the
    # identifier adds the group's offset to this floor. What a meter is known to have had, its own memory keeps.
    state.floor = max(state.floor, public["floor"])
    for account in state.budgets.values():
        account.closed = True
    state.forwarded = (public["lost_size"], public["lost_root"])


def _nothing(state: State, content: Json, public: Json) -> None:
    """The entry itself is all that this act leaves."""


Examination = Callable[[State, Mapping[str, Any], Surroundings], tuple[Json, str]]

_ACTS: dict[str, Examination] = {
    "open-budget": _open_budget,
    "top-up": _top_up,
    "close-budget": _close_budget,
    "issue": _issue,
    "set-limits": _set_limits,
    "enrol": _enrol,
    "dismiss": _dismiss,
    "suspend-key": _suspend,
    "resume-key": _resume,
    "set-meter-key": _set_meter_key,
    "set-floors": _set_floors,
    "confirm-clock": _confirm_clock,
    "fast-forward": _fast_forward,
}
_EFFECTS: dict[str, Callable[[State, Json, Json], None]] = {
    "open-budget": _opened,
    "top-up": _topped_up,
    "close-budget": _closed,
    "issue": _permitted,
    "set-limits": _limits_set,
    "enrol": _enrolled,
    "dismiss": _dismissed,
    "suspend-key": _suspended,
    "resume-key": _resumed,
    "set-meter-key": _meter_key_set,
    "set-floors": _floors_set,
    "confirm-clock": _nothing,
    "fast-forward": _forwarded,
}

"""May this request be carried out, and as which entry? Pure: the request, the state, the keys and a moment in;
a `Plan` or a `Refused` out. The order of the guards is the order of the sentences that a till shows.

    shape of the request -> key of the meter -> state and time of that key -> approval -> limits -> budget -> identifier

Not here: whether the order is known already (`engine.py`), the digits (`minting.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from keystore import lifecycle, limits, messages
from keystore.keyring import KeyRing, VendingRecord
from keystore.limits import Account
from keystore.minting import ACTIONS
from keystore.module import CreditRequest, KeyChangeRequest, ManagementRequest, MeterKeying, Refused, Request
from keystore.powers import LEAD_MINUTES, SERVICES
from keystore.state import State, key_name, private_digest
from sts import amount, fast, keys, pan, tid
from sts.errors import StsError

Json = dict[str, Any]

_ORDER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{7,63}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_EPOCH = datetime(1993, 1, 1, tzinfo=UTC).timestamp()
_COUNTED = {"management": "engineering tokens", "free": "free issues", "key-change": "key changes"}

# Which key a meter may be changed to, by key type (reference, section 7): never back to the factory's key.
MOVES = {0: (1, 2, 3), 1: (1, 2, 3), 2: (1, 2), 3: (1, 2, 3)}


class No(Exception):
    """A guard that closes, with a code and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(slots=True)
class Plan:
    """Both halves of the entry to be, before it has a place in the log."""

    order_id: str
    public: Json
    private: Json
    account: Account | None = None
    budget_left: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as the module believes it."""

    seconds: float
    offsets: dict[str, int]  # minutes east of UTC, by supply group: fixed at the ceremony

    @property
    def milliseconds(self) -> int:
        return int(self.seconds * 1000)

    def minute(self, sgc: str) -> int:
        """Absolute minute of the supply group's clock."""
        return int((self.seconds - _EPOCH) // 60) + self.offsets.get(sgc, 0)


def plan(request: Request, state: State, ring: KeyRing, moment: Moment) -> Plan | Refused:
    """The one way from a request to an entry."""
    try:
        check_shape(request)
        if isinstance(request, CreditRequest):
            return _credit(request, state, ring, moment)
        if isinstance(request, ManagementRequest):
            return _management(request, state, ring, moment)
        return _key_change(request, state, ring, moment)
    except No as no:
        return Refused(request.order_id, no.code, no.sentence)
    except StsError as error:
        return Refused(request.order_id, error.code.replace("_", "-"), error.sentence)


# --- shape ------------------------------------------------------------------------------------------------------


def check_order_id(order_id: str) -> None:
    if not _ORDER.match(order_id):
        raise No(
            "order-id-invalid",
            "An order id has 8 to 64 letters, digits, dots, colons, dashes or underscores.",
        )


def check_shape(request: Request) -> None:
    check_order_id(request.order_id)
    if not _HASH.match(request.content_hash):
        raise No(
            "content-hash-invalid", "The content hash of the slip is 64 hexadecimal digits in lower case."
        )
    _check_keying(request.meter)
    if isinstance(request, KeyChangeRequest):
        _check_keying(request.to)


def _check_keying(keying: MeterKeying) -> None:
    if not fast.is_pan(keying.pan):
        pan.validate(keying.pan)  # says what is wrong
    _check_key(
        keying.sgc,
        keying.krn,
        keying.ti,
        keying.key_type,
        keying.ken,
        keying.base_date,
        keying.ea,
        keying.dkga,
    )


@lru_cache(maxsize=4096)
def _check_key(
    sgc: str, krn: int, ti: str, key_type: int, ken: int, base_date: int, ea: str, dkga: str
) -> None:
    """Remembered, because meters share their keys' names; a refusal is an exception and is not remembered."""
    keys.supply_group(sgc)
    keys.revision(krn)
    keys.tariff_index(ti)
    keys.key_type(key_type)
    keys.expiry(ken)
    tid.base_date(base_date)
    keys.algorithm(ea)
    if dkga not in keys.VENDING_KEY_BYTES:
        raise No("dkga-invalid", "The key derivation of the meter is 02 or 04 (01 and 03 for old meters).")
    keys.require_pairing(dkga, ea)


# --- the three kinds --------------------------------------------------------------------------------------------


def _credit(request: CreditRequest, state: State, ring: KeyRing, moment: Moment) -> Plan:
    keying = request.meter
    if SERVICES.get(request.service) != request.subclass:
        raise No("service-mismatch", "Service and subclass of the credit do not belong together.")
    if keying.key_type == 3:
        raise No(
            "common-key",
            "Credit under a common key (DCTK) is not sold for keypad meters. Change the meter to its own key first.",
        )
    if keying.key_type != 2:
        raise No(
            "key-type",
            "Credit needs the meter's own key (DUTK). Commission the meter: change it from the factory key.",
        )
    if not 0 < request.units <= amount.LARGEST_UNITS or not amount.is_exact(request.units):
        raise No(
            "units-not-encodable",
            f"A token cannot carry exactly {request.units} units. Quantise the amount before it is priced.",
        )
    limit = state.limits.get(request.meter_class)
    if limit is None:
        raise No(
            "meter-class-unknown", f"The module has no limits for meters of class {request.meter_class!r}."
        )
    record = _usable_record(keying, state, ring, moment)
    _is_present_key(keying, state)
    counted = _approved(request, "free", state, moment) if request.free else None
    minute, number = _identifier(keying, state, moment)
    meter = state.meters.get(keying.pan)
    day_units, day_tokens = (meter.units, meter.tokens) if meter and meter.day == minute // 1440 else (0, 0)
    if day_units + request.units > limit.units_a_day or day_tokens >= limit.tokens_a_day:
        raise No(
            "day-limit",
            f"The meter had {day_units} units in {day_tokens} tokens today; a {request.meter_class} meter may have "
            f"{limit.units_a_day} in {limit.tokens_a_day}. Sell less, or change the limit by an act.",
        )
    private = _private(request, record, minute)
    if request.free:
        month = limits.period_name("month", int(moment.seconds))
        if meter and meter.month == month and meter.free >= limits.FREE_A_MONTH:
            raise No("free-limit", f"The meter had its {limits.FREE_A_MONTH} free issues this month.")
        private["free_month"] = month
    account = _budget(state, "units", keying.sgc, request.service, request.units, moment)
    public = _public("credit", request, moment) | {
        "tid": number,
        "class": 0,
        "sub": request.subclass,
        "units": request.units,
        "budget": account.budget_id,
    }
    if counted is not None:
        public |= {"count_budget": counted.budget_id, "act_id": request.approval, "free": True}
    return Plan(request.order_id, public, private, account)


def _management(request: ManagementRequest, state: State, ring: KeyRing, moment: Moment) -> Plan:
    if request.action == "meter-test":
        if not 0 < request.value < 1 << 36:
            raise No("value-invalid", "The control mask of a meter test has 1 to 36 bits.")
        check_unpaid("meter-test", state, int(moment.seconds))
        public = {
            "kind": "meter-test",
            "order": request.order_id,
            "at": moment.milliseconds,
            "class": 1,
            "sub": 0,
        }
        return Plan(request.order_id, public, {"request": messages.request_out(request)})
    action = ACTIONS.get(request.action)
    if action is None:
        raise No(
            "action-unknown",
            "Engineering tokens are power-limit, clear-credit, clear-tamper, phase-unbalance-limit and meter-test; "
            "tariff-rate and water-factor tokens are reserved by the standard and not offered.",
        )
    keying = request.meter
    if keying.key_type == 0:
        raise No("key-type", "A meter under its factory key (DITK) takes key changes only.")
    action(0, 0, request.value)  # raises if the value does not fit its field
    record = _usable_record(keying, state, ring, moment)
    _is_present_key(keying, state)
    account = _approved(request, "management", state, moment)
    minute, number = _identifier(keying, state, moment)
    public = _public("management", request, moment) | {
        "tid": number,
        "class": 2,
        "sub": action.subclass,
        "value": request.value,
        "count_budget": account.budget_id,
        "act_id": request.approval,
    }
    return Plan(request.order_id, public, _private(request, record, minute), account)


def _key_change(request: KeyChangeRequest, state: State, ring: KeyRing, moment: Moment) -> Plan:
    old, new = request.meter, request.to
    old_name = key_name(messages.keying_out(old))
    new_name = key_name(messages.keying_out(new))
    if old.pan != new.pan or old.ea != new.ea or old.tct != new.tct:
        raise No("key-change-meter", "A key change keeps the meter, its algorithm and its token carrier.")
    if new.key_type not in MOVES[old.key_type]:
        raise No("key-type-move", "A meter is never changed to this type of key from the one that it has.")
    if old_name == new_name and old.ken == new.ken:
        raise No("key-change-same", "The meter has this key already. There is nothing to change.")
    if request.rollover and old_name == new_name:
        raise No(
            "rollover-same-key", "Roll-over goes only with a changed key, else used tokens would live again."
        )
    if old.base_date != new.base_date and not request.rollover:
        raise No(
            "base-date-rollover",
            "A change of base date always clears the meter's token memory: set roll-over.",
        )
    meter = state.meters.get(old.pan)
    if request.rollover and meter is not None and new_name in meter.held:
        raise No(
            "rollover-held-key",
            "This meter has held that key before; roll-over to it would make used tokens live again. "
            "Change it to a key that it never had.",
        )
    record = _record(old, ring)
    _refuse_state(record, state, key_change=True)
    to_record = _usable_record(new, state, ring, moment)
    _is_present_key(old, state)
    _identifier_of(new, moment.minute(new.sgc))  # the new key must still have time
    account = _approved(request, "key-change", state, moment)
    public = _public("key-change", request, moment) | {
        "class": 2,
        "to_sgc": new.sgc,
        "to_krn": new.krn,
        "to_kt": new.key_type,
        "to_base": new.base_date,
        "to_ken": new.ken,
        "rollover": request.rollover,
        "count_budget": account.budget_id,
        "act_id": request.approval,
    }
    private = _private(request, record, None) | {"to_record": to_record.record_id}
    return Plan(request.order_id, public, private, account)


# --- guards -----------------------------------------------------------------------------------------------------


def _record(keying: MeterKeying, ring: KeyRing) -> VendingRecord:
    record = ring.find(keying)
    if record is None:
        raise No(
            "key-unknown",
            f"The module holds no vending key for supply group {keying.sgc}, revision {keying.krn}, key type "
            f"{keying.key_type}, base date {keying.base_date}, DKGA{keying.dkga}. The key manager imports it.",
        )
    if keying.ea not in record.algorithms:
        raise No("key-algorithm", f"The vending key may not be used with EA{keying.ea}.")
    return record


def _refuse_state(record: VendingRecord, state: State, *, key_change: bool = False) -> None:
    held = "suspended" if record.record_id in state.suspended and record.state == "active" else record.state
    refused = lifecycle.refusal(held, key_change=key_change)
    if refused is not None:
        raise No(*refused)


def _usable_record(keying: MeterKeying, state: State, ring: KeyRing, moment: Moment) -> VendingRecord:
    record = _record(keying, ring)
    _refuse_state(record, state)
    if record.active_from is None and record.issue_until is None:
        return record
    now = datetime.fromtimestamp(moment.seconds, UTC)
    if record.active_from is not None and now < record.active_from:
        raise No(
            "key-not-active", f"The vending key becomes active on {record.active_from:%Y-%m-%d %H:%M} UTC."
        )
    if record.issue_until is not None and now > record.issue_until:
        raise No("key-expired", "The vending key's time to issue is over. Change the meter to the next key.")
    return record


def _is_present_key(keying: MeterKeying, state: State) -> None:
    meter = state.meters.get(keying.pan)
    if meter is None or not meter.held:
        return
    if meter.held[-1] != key_name(messages.keying_out(keying)):
        sgc, krn, _, ti, base, *_ = meter.held[-1].split("/")
        raise No(
            "key-not-present",
            f"This meter was changed to supply group {sgc}, revision {krn}, tariff index {ti}, base date {base}: sell "
            "under that key and hand out the key-change tokens again. Another key needs an act with evidence.",
        )


def _identifier(keying: MeterKeying, state: State, moment: Moment) -> tuple[int, int]:
    """The next absolute minute of this meter and its number under the meter's base date (decisions.md D6)."""
    now = moment.minute(keying.sgc)
    meter = state.meters.get(keying.pan)
    # The floor of a fast-forward is a minute of UTC; this group's clock may run ahead of it.
    floor = state.floor + moment.offsets.get(keying.sgc, 0) if state.floor >= 0 else -1
    minute = max(now, floor + 1, 0 if meter is None else meter.last + 1)
    if minute % tid.MINUTES_A_DAY == tid.RESERVED_MINUTE:
        minute += 1
    if minute > now + LEAD_MINUTES:
        wait = minute - now - LEAD_MINUTES
        raise No(
            "lead-exceeded",
            f"This meter's token time runs {minute - now} minutes ahead of the clock; at most {LEAD_MINUTES} are "
            f"allowed. Try again in {wait} minutes.",
        )
    return minute, _identifier_of(keying, minute)


@cache
def _base_minute(base_date: int) -> int:
    return tid.BaseDate(base_date).absolute_minute


def _identifier_of(keying: MeterKeying, minute: int) -> int:
    number = minute - _base_minute(keying.base_date)
    if number < 0:
        raise No(
            "time-before-base", f"The time lies before the base date {keying.base_date} of the meter's key."
        )
    last = lifecycle.last_tid(keying.ken)
    if number > last:
        end = tid.decode(last, keying.base_date)
        raise No(
            "key-expired",
            f"The meter's key ended at {end:%Y-%m-%d %H:%M} (base date {keying.base_date}, KEN {keying.ken}). "
            "It sells nothing more; change the meter to a key with time.",
        )
    return number


def _approved(
    request: CreditRequest | ManagementRequest | KeyChangeRequest, kind: str, state: State, moment: Moment
) -> Account:
    """Two people's act names this request, and the count budget has room for it."""
    if request.approval is None:
        raise No(
            "approval-missing",
            f"This needs an act of the approvers: collect their signatures and name the act ({_COUNTED[kind]}).",
        )
    permit = state.permits.get(private_digest(messages.request_out(request)))
    if permit is None or permit[0] != request.approval:
        raise No(
            "approval-other", "The act named does not approve this request as it stands. Approve it as it is."
        )
    if permit[1] <= moment.seconds:
        raise No("approval-expired", "The approval has expired. Collect the signatures again.")
    return _budget(state, kind, request.meter.sgc, None, 1, moment)


def check_unpaid(kind: str, state: State, now: int) -> None:
    """Room for one more entry that no budget pays for."""
    allowance = limits.UNPAID[kind]
    wait = allowance.wait(state.unpaid.get(kind, 0), now)
    if wait:
        what = "Meter tests" if kind == "meter-test" else "Cancels of orders that the module does not know"
        raise No(
            "entries-limit",
            f"{what} stay in the log for ever without a budget, so at most {allowance.burst} are taken at once, then one "
            f"every {allowance.every_s} seconds. Nothing was done; repeat it in {wait} seconds.",
        )


def _budget(state: State, kind: str, sgc: str, service: str | None, amount_: int, moment: Moment) -> Account:
    accounts = state.by_group.get((kind, sgc, service), [])
    now = int(moment.seconds)
    account = limits.choose(accounts, amount_, now)
    if account is not None:
        return account
    left = max((a.left_at(now) for a in accounts), default=0)
    what = f"{service} units" if kind == "units" else _COUNTED[kind]
    raise No(
        "budget-exhausted" if accounts else "budget-missing",
        f"No open budget of supply group {sgc} holds {amount_} more {what}"
        + (f"; the largest has {left} left. " if accounts else ". ")
        + "Two approvers open or top up a budget.",
    )


# --- halves -----------------------------------------------------------------------------------------------------


def _public(kind: str, request: Request, moment: Moment) -> Json:
    keying = request.meter
    return {
        "kind": kind,
        "order": request.order_id,
        "at": moment.milliseconds,
        "sgc": keying.sgc,
        "krn": keying.krn,
        "kt": keying.key_type,
        "base": keying.base_date,
    }


def _private(request: Request, record: VendingRecord, minute: int | None) -> Json:
    private: Json = {"request": messages.request_out(request), "record": record.record_id}
    if minute is not None:
        private["minute"] = minute
    return private

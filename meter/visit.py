"""Visit files: work orders for a meter room without a network, and the results that come back. Pure but for keys' use.

The office seals a *visit* (`seal`): orders with their meter numbers, pre-issued engineering tokens, an expiry, and the
seed of a key for this visit's results. The laptop opens it against the office's public key (`open_visit`), works
through it (`work`), and saves its *results* after every step, signed with the visit's key. The office reads them back
(`open_results`) and closes each order once (`newly_closed`), however often the same file is brought.

What this is not: secrecy. A visit file holds tokens in clear, each good for one meter only; the file is written for its
owner alone, expires, and is deleted when the results are in. Both files are one JSON object with `content` as text and
a signature over exactly that text, so that nothing depends on how JSON is spelled.
"""

from __future__ import annotations

import binascii
import enum
import json
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meter.driver import (
    Capability,
    MeterDriver,
    MeterInfo,
    Quantity,
    Reading,
    switching,
    token_digits,
    token_history,
)
from meter.errors import MeterError, MeterTimedOut, MeterUnreachable, OutcomeUnknown

VISIT, RESULTS = "ampoule visit 1", "ampoule visit results 1"
LONGEST_FILE = 4_000_000
MOST_ORDERS = 5_000


class VisitRefused(MeterError):
    """The file cannot be used; nothing in it was believed."""

    code = "visit_refused"


class VisitSignatureWrong(VisitRefused):
    code = "visit_signature_wrong"


class VisitExpired(VisitRefused):
    code = "visit_expired"


class Act(enum.StrEnum):
    READ = "read"
    TOKEN = "token"  # noqa: S105 - the name of an act
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"


class Status(enum.StrEnum):
    """Where one order stands. STARTED is saved before anything is written to a meter."""

    STARTED = "started"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WRONG_METER = "wrong meter"
    NOT_REACHED = "not reached"


FINAL = frozenset({Status.DONE, Status.REFUSED})
"""Closes the order. The others stay open: the same visit can be gone through again."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One thing to do at one meter. The token is left out of the repr: it is a bearer instrument until it is used."""

    order_id: str
    pan: str
    act: Act
    place: str = ""
    note: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    visit_id: str
    site: str
    made_at: datetime
    expires_at: datetime
    orders: tuple[WorkOrder, ...]
    result_seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one order. `number` is the token result register; amounts are what the meter showed afterwards."""

    order_id: str
    status: Status
    at: datetime
    sentence: str = ""
    number: int | None = None
    credit: Quantity | None = None
    relay: str = ""
    totals: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    visit_id: str
    done: tuple[Done, ...] = ()

    def of(self, order_id: str) -> Done | None:
        return next((each for each in self.done if each.order_id == order_id), None)

    def with_(self, done: Done) -> Results:
        kept = tuple(each for each in self.done if each.order_id != done.order_id)
        return replace(self, done=(*kept, done))


# The two files.


def seal(visit: Visit, office: Ed25519PrivateKey) -> str:
    """The visit as a file, signed by the office."""
    content = {
        "visit": visit.visit_id,
        "site": visit.site,
        "made_at": visit.made_at.isoformat(),
        "expires_at": visit.expires_at.isoformat(),
        "result_seed": visit.result_seed.hex(),
        "orders": [
            {
                "order": each.order_id,
                "pan": each.pan,
                "act": each.act.value,
                "place": each.place,
                "note": each.note,
                "token": each.token,
            }
            for each in visit.orders
        ],
    }
    return _signed(VISIT, content, office)


def open_visit(text: str, office: Ed25519PublicKey, now: datetime) -> Visit:
    """The visit in a file, when the office signed it and it has not expired."""
    content = _verified(VISIT, text, office)
    try:
        visit = Visit(
            visit_id=_text(content, "visit"),
            site=_text(content, "site"),
            made_at=_moment(content["made_at"]),
            expires_at=_moment(content["expires_at"]),
            orders=tuple(_order(each) for each in content["orders"][: MOST_ORDERS + 1]),
            result_seed=bytes.fromhex(_text(content, "result_seed")),
        )
    except (KeyError, TypeError, ValueError):
        raise VisitRefused(
            "The visit file is signed and does not read. It was made by another version."
        ) from None
    ids = {each.order_id for each in visit.orders}
    if len(visit.result_seed) != 32 or len(ids) != len(visit.orders) or len(ids) > MOST_ORDERS:
        raise VisitRefused("The visit file is signed and does not read. It was made by another version.")
    if not visit.made_at <= now:
        raise VisitExpired(
            "The visit was made in the future of this computer. Set its clock, then try again."
        )
    if now >= visit.expires_at:
        raise VisitExpired(
            f"The visit expired on {visit.expires_at:%Y-%m-%d %H:%M}Z. Fetch a new one from the office."
        )
    return visit


def seal_results(results: Results, visit: Visit) -> str:
    """The results as a file, signed with the key of this visit."""
    content = {
        "visit": results.visit_id,
        "done": [
            {
                "order": each.order_id,
                "status": each.status.value,
                "at": each.at.isoformat(),
                "sentence": each.sentence,
                "number": each.number,
                "credit": None if each.credit is None else [each.credit.amount, each.credit.unit],
                "relay": each.relay,
                "totals": [list(total) for total in each.totals],
            }
            for each in results.done
        ],
    }
    return _signed(RESULTS, content, _result_key(visit))


def open_results(text: str, visit: Visit) -> Results:
    """The results in a file, when they are of this visit and were signed with its key."""
    content = _verified(RESULTS, text, _result_key(visit).public_key())
    try:
        results = Results(_text(content, "visit"), tuple(_done(each) for each in content["done"]))
    except (KeyError, TypeError, ValueError):
        raise VisitRefused(
            "The results file is signed and does not read. It was made by another version."
        ) from None
    known = {each.order_id for each in visit.orders}
    if results.visit_id != visit.visit_id or not {each.order_id for each in results.done} <= known:
        raise VisitRefused("These results belong to another visit.")
    return results


def newly_closed(results: Results, closed: Set[str]) -> tuple[Done, ...]:
    """The orders that these results close and that are not closed yet: the same file twice closes nothing twice."""
    return tuple(each for each in results.done if each.status in FINAL and each.order_id not in closed)


# The work.


def work(
    visit: Visit,
    results: Results,
    open_meter: Callable[[WorkOrder], MeterDriver],
    save: Callable[[Results], None],
    now: Callable[[], datetime],
) -> Iterator[tuple[WorkOrder, Done]]:
    """Go through the open orders. Results are saved before and after each write, so that a flat battery loses nothing."""
    for order in visit.orders:
        before = results.of(order.order_id)
        if before is not None and before.status in FINAL:
            continue
        if now() >= visit.expires_at:
            raise VisitExpired("The visit has expired in the middle. What is done is saved; fetch a new one.")
        meter: MeterDriver | None = None
        try:
            meter = open_meter(order)
            info = meter.info()
            if not _is_meant(info, order.pan):
                done = Done(
                    order.order_id,
                    Status.WRONG_METER,
                    now(),
                    f"Another meter answers: {info.pan or info.number}.",
                )
            else:
                was_started = before is not None and before.status in (Status.STARTED, Status.UNKNOWN)
                results = results.with_(Done(order.order_id, Status.STARTED, now()))
                save(results)
                done = _carry_out(order, meter, was_started, now)
        except OutcomeUnknown as error:
            done = Done(order.order_id, Status.UNKNOWN, now(), error.sentence)
        except (MeterUnreachable, MeterTimedOut) as error:
            done = Done(order.order_id, Status.NOT_REACHED, now(), error.sentence)
        except MeterError as error:
            done = Done(order.order_id, Status.NOT_REACHED, now(), f"{error.sentence} [{error.code}]")
        finally:
            if meter is not None:
                meter.close()
        results = results.with_(done)
        save(results)
        yield order, done


def _carry_out(order: WorkOrder, meter: MeterDriver, was_started: bool, now: Callable[[], datetime]) -> Done:
    number: int | None = None
    status, sentence = Status.DONE, ""
    match order.act:
        case Act.TOKEN:
            known = _already_entered(order, meter) if was_started else None
            if known is None:
                outcome = meter.enter_token(order.token)
                number, sentence = outcome.number, outcome.advice
                status = Status.DONE if outcome.accepted else Status.REFUSED
            else:
                number, sentence = known, "Entered before this computer stopped; the result was read back."
        case Act.DISCONNECT:
            switching(meter).disconnect()
        case Act.RECONNECT:
            switching(meter).reconnect()
        case Act.READ:
            pass
    done = Done(order.order_id, status, now(), sentence, number)
    try:
        return _with_reading(done, meter.read())
    except MeterError as error:
        if order.act is Act.READ:
            raise
        return replace(done, sentence=f"{sentence} Not read afterwards: {error.sentence}".strip())


def _already_entered(order: WorkOrder, meter: MeterDriver) -> int | None:
    """The result, when the meter's memory says that this token was accepted in an earlier try."""
    if Capability.HISTORY not in meter.capabilities:
        return None
    tail = order.token[-4:]
    good = (
        each for each in token_history(meter).last_tokens() if each.tail == tail and each.status in (1, 2, 3)
    )
    found = next(good, None)
    return None if found is None else found.status


def _with_reading(done: Done, reading: Reading) -> Done:
    return replace(
        done,
        credit=reading.credit,
        relay=reading.relay.state.value,
        totals=tuple((each.obis, each.quantity.amount, each.quantity.unit) for each in reading.registers),
    )


def _is_meant(info: MeterInfo, pan: str) -> bool:
    """By its PAN; a meter that cannot tell it, by its decoder reference number inside the PAN."""
    return info.pan == pan if info.pan else info.number == pan[6:17]


# Signed text.


def _signed(kind: str, content: dict[str, Any], key: Ed25519PrivateKey) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    signature = key.sign(f"{kind}\n{text}".encode())
    return json.dumps({"format": kind, "content": text, "signature": signature.hex()}, indent=1) + "\n"


def _verified(kind: str, text: str, key: Ed25519PublicKey) -> dict[str, Any]:
    if len(text) > LONGEST_FILE:
        raise VisitRefused("The file is too large for a visit.")
    try:
        envelope = json.loads(text)
        content, signature = envelope["content"], bytes.fromhex(envelope["signature"])
        if envelope["format"] != kind or not isinstance(content, str):
            raise ValueError
    except (KeyError, TypeError, ValueError, RecursionError, binascii.Error):
        raise VisitRefused(
            f"This is not a file of the kind “{kind}”. Fetch it again from the office."
        ) from None
    try:
        key.verify(signature, f"{kind}\n{content}".encode())
    except InvalidSignature:
        raise VisitSignatureWrong(
            "The signature does not fit: the file was changed, or another office made it."
        ) from None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise VisitRefused("The file is signed and does not read. It was made by another version.")
    return found


def _result_key(visit: Visit) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(visit.result_seed)


def _order(content: dict[str, Any]) -> WorkOrder:
    act = Act(content["act"])
    token = _text(content, "token")
    if act is Act.TOKEN:
        token_digits(token)
    return WorkOrder(
        _text(content, "order"),
        _text(content, "pan"),
        act,
        _text(content, "place"),
        _text(content, "note"),
        token,
    )


def _done(content: dict[str, Any]) -> Done:
    credit = content["credit"]
    number = content["number"]
    if number is not None and not isinstance(number, int):
        raise ValueError
    return Done(
        order_id=_text(content, "order"),
        status=Status(content["status"]),
        at=_moment(content["at"]),
        sentence=_text(content, "sentence"),
        number=number,
        credit=None if credit is None else Quantity(int(credit[0]), str(credit[1])),
        relay=_text(content, "relay"),
        totals=tuple((str(obis), int(amount), str(unit)) for obis, amount, unit in content["totals"]),
    )


def _text(content: dict[str, Any], name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise TypeError
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)

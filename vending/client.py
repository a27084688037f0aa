"""A client of the API for programs in Python, in one file that imports nothing but the standard library: copy it and use it.

    from ampoule_client import Ampoule, Order

    site = Ampoule("http://localhost:8800", key="ampoule_…")
    meter = site.look_up("00000000018")
    order = Order.for_money(meter.number, 5000, meter.currency)   # write order.order_id down before the next line
    vend = site.sell(order)
    for token in vend.tokens:
        print(token.kind, token.digits)
    site.confirm(order.order_id)

`sell` is the only act with a state of its own. It never makes an order id itself after an error: it asks what became of the
order, and sends the same one again when it never arrived. What it cannot find out in its patience it says: OutcomeUnknown
carries the id to ask with later. Money is an integer of minor units, energy an integer of tenths.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
import types
import typing
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

Told = TypeVar("Told")


# --- what is said and heard: fields of answers that are not here are ignored, so that new ones do no harm --------------


@dataclass(frozen=True, slots=True)
class Order:
    """One order for one meter. Its id is made before it is sent, and stays."""

    order_id: str
    meter: str
    amount: dict[str, Any]

    @classmethod
    def for_money(cls, meter: str, money_minor: int, currency: str, *, order_id: str | None = None) -> Order:
        return cls(order_id or str(uuid.uuid4()), meter, {"money_minor": money_minor, "currency": currency})

    @classmethod
    def for_energy(cls, meter: str, units: int, *, order_id: str | None = None) -> Order:
        return cls(order_id or str(uuid.uuid4()), meter, {"units": units})


@dataclass(frozen=True, slots=True)
class SellerPosition:
    code: str
    currency: str
    deposit_minor: int
    credit_limit_minor: int
    remaining_minor: int
    commission_minor: int


@dataclass(frozen=True, slots=True)
class Arrears:
    label: str
    owed_minor: int


@dataclass(frozen=True, slots=True)
class OlderToken:
    """Bought before a key change, and entered before it, or lost. Its digits are told by its own order."""

    order_id: str
    receipt: str
    made_at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Meter:
    number: str
    pan: str
    service: str
    unit: str
    credit_in: str
    place: str
    owner: str
    tariff: str | None
    for_sale: bool
    why_not: str | None
    currency: str
    minimum_minor: int | None
    maximum_minor: int | None
    maximum_units: int | None
    arrears: list[Arrears]
    arrears_minor: int
    kept_minor: int
    free_issue_due_units: int
    key_change_due: bool
    older_tokens: list[OlderToken]
    seller: SellerPosition | None


@dataclass(frozen=True, slots=True)
class Line:
    id: str
    kind: str
    label: str
    amount_minor: int
    why: str


@dataclass(frozen=True, slots=True)
class Quote:
    meter: str
    service: str
    unit: str
    currency: str
    pays_minor: int
    units: int
    free_units: int
    carried_minor: int
    tariff: str
    lines: list[Line]
    seller: SellerPosition | None


@dataclass(frozen=True, slots=True)
class Token:
    position: int
    kind: str
    digits: str
    units: int | None
    tid: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Vend:
    order_id: str
    kind: str
    state: str
    receipt: str
    sold_at: datetime
    currency: str
    paid_minor: int
    meter: str
    service: str
    unit: str
    units: int
    free_units: int
    tariff: str
    tokens: list[Token]
    lines: list[Line]
    carried_minor: int
    returned_minor: int
    commission_minor: int
    copy_number: int
    handed_over_at: datetime | None
    refusal: Refusal | None
    seller: SellerPosition | None

    @property
    def is_open(self) -> bool:
        """Paid, and not decided yet."""
        return self.state == "paid"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was refused. `code` is for programs and never changes its meaning, `detail` for people."""

    status: int
    code: str
    title: str
    detail: str
    request_id: str
    remaining_minor: int | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    order_id: str
    status: int
    vend: Vend | None
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Batch:
    sold: int
    open: int
    refused: int
    results: list[BatchResult]
    seller: SellerPosition | None


@dataclass(frozen=True, slots=True)
class Reversal:
    order_id: str
    reversal: str
    state: str
    amount_minor: int
    currency: str
    credit_note: str | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Seller:
    code: str
    name: str
    commission: str
    position: SellerPosition


@dataclass(frozen=True, slots=True)
class StatementRow:
    at: datetime
    kind: str
    source: str
    note: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    code: str
    currency: str
    since: datetime
    until: datetime
    opening_minor: int
    paid_in_minor: int
    sold_minor: int
    returned_minor: int
    other_minor: int
    closing_minor: int
    commission_earned_minor: int
    commission_paid_minor: int
    commission_closing_minor: int
    rows: list[StatementRow]


@dataclass(frozen=True, slots=True)
class Status:
    ready: bool
    reason: str
    now: datetime
    version: str
    sandbox: bool
    site: str
    currency: str
    client: str
    scopes: list[str]


# --- what goes wrong --------------------------------------------------------------------------------------------------


class AmpouleError(Exception):
    """The root of what this client raises."""


class Refused(AmpouleError):
    """The site understood and said no; asking the same again changes nothing."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class Unavailable(AmpouleError):
    """No usable answer came. For everything but a sale: try again later."""

    def __init__(self, why: str, problem: Problem | None = None, wait_s: float = 1.0) -> None:
        super().__init__(why)
        self.problem = problem
        self.wait_s = wait_s


class OutcomeUnknown(AmpouleError):
    """What became of the order could not be found out in time. Keep the money; ask `advise(order_id)` later."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            f"The outcome of order {order_id} is not known yet. Ask again with this id, never with a new one."
        )
        self.order_id = order_id


# --- the client -------------------------------------------------------------------------------------------------------


class Ampoule:
    """One site, one key. Safe to use from several threads: it keeps nothing between calls."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = 20.0,
        patience_s: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._root = url.rstrip("/") + "/api/v1"
        self._key = key
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._sleep = sleep
        # A redirect would carry the key to another address, and a proxy of the environment would read it.
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))

    def status(self) -> Status:
        return _read(Status, self._get("/status"))

    def look_up(self, number: str) -> Meter:
        return _read(Meter, self._get(f"/meters/{_part(number)}"))

    def quote_money(self, meter: str, money_minor: int, currency: str) -> Quote:
        amount = {"money_minor": money_minor, "currency": currency}
        return _read(Quote, self._post("/trials", {"meter": meter, "amount": amount})[1])

    def quote_energy(self, meter: str, units: int) -> Quote:
        return _read(Quote, self._post("/trials", {"meter": meter, "amount": {"units": units}})[1])

    def sell(self, order: Order) -> Vend:
        """The sale, brought to its end. Refused: nothing was sold. OutcomeUnknown: money may have been taken."""
        end = time.monotonic() + self._patience_s
        asked = dataclasses.asdict(order)
        while True:
            try:
                status, told = self._post("/vends", asked)
                vend = _read(Vend, told)
                return vend if status == 200 else self._decided(order.order_id, end)
            except Unavailable as failed:
                if failed.problem is None or failed.problem.code != "api_key_too_fast":
                    found = self._find_out(order.order_id, end)
                    if found is not None:
                        return found
                self._wait(failed.wait_s, end, order.order_id)

    def _find_out(self, order_id: str, end: float) -> Vend | None:
        """What became of it; None when it never arrived, so that it may be sent again with the same id."""
        while True:
            try:
                vend = self.advise(order_id)
            except Refused as refused:
                if refused.problem.code == "order_unknown":
                    return None
                raise
            except Unavailable as failed:
                self._wait(failed.wait_s, end, order_id)
                continue
            return self._decided(order_id, end) if vend.is_open else _given(vend)

    def _decided(self, order_id: str, end: float) -> Vend:
        """Asks until the order is decided."""
        pause = 0.5
        while True:
            self._wait(pause, end, order_id)
            pause = min(pause * 2, 5.0)
            try:
                vend = self.advise(order_id)
            except Unavailable:
                continue
            if not vend.is_open:
                return _given(vend)

    def _wait(self, seconds: float, end: float, order_id: str) -> None:
        if time.monotonic() + seconds > end:
            raise OutcomeUnknown(order_id)
        self._sleep(seconds)

    def sell_many(self, orders: Sequence[Order]) -> Batch:
        """Up to 1,000 orders in one request. After Unavailable send the same list again: what was sold answers the same."""
        return _read(
            Batch, self._post("/batches", {"orders": [dataclasses.asdict(one) for one in orders]})[1]
        )

    def advise(self, order_id: str) -> Vend:
        """What became of an order. Refused with `order_unknown`: it never arrived."""
        return _read(Vend, self._get(f"/vends/{_part(order_id)}"))

    def last(self, meter: str | None = None) -> Vend:
        return _read(Vend, self._get("/vends/last", meter=meter))

    def vends(self, meter: str | None = None) -> Iterator[Vend]:
        """Every sale that this key may see, the newest first."""
        cursor: str | None = None
        while True:
            page = self._get("/vends", meter=meter, cursor=cursor, limit="100")
            yield from (_read(Vend, item) for item in page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def confirm(self, order_id: str) -> Vend:
        """The customer has the tokens."""
        return _read(Vend, self._post(f"/vends/{_part(order_id)}/confirmation", {})[1])

    def reprint(self, order_id: str) -> Vend:
        """The same tokens once more; `copy_number` goes onto the paper."""
        return _read(Vend, self._post(f"/vends/{_part(order_id)}/copies", {})[1])

    def request_reversal(
        self, order_id: str, reason: str, *, why: str = "other", evidence: str = ""
    ) -> Reversal:
        asked = {"why": why, "reason": reason, "evidence": evidence}
        return _read(Reversal, self._post(f"/vends/{_part(order_id)}/reversal", asked)[1])

    def seller(self) -> Seller:
        return _read(Seller, self._get("/seller"))

    def statement(self, since: datetime, until: datetime) -> Statement:
        return _read(
            Statement, self._get("/seller/statement", since=since.isoformat(), until=until.isoformat())
        )

    # --- one request

    def _get(self, path: str, **query: str | None) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path + (f"?{urllib.parse.urlencode(given)}" if given else ""), None)[1]

    def _post(self, path: str, body: Any) -> tuple[int, Any]:
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        request = urllib.request.Request(  # noqa: S310 — the address is the caller's own setting
            self._root + path,
            data=body,
            method=method,
            headers={
                "Authorization": f"Bearer {self._key}",
                "Accept": "application/json",
                **({"Content-Type": "application/json"} if body is not None else {}),
            },
        )
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return int(answer.status), json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"No whole answer came ({type(error).__name__}).") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


def _given(vend: Vend) -> Vend:
    """A decided order that gave something; otherwise the refusal that `sell` would have met at once."""
    if vend.state in ("refused", "cancelled"):
        why = vend.refusal or Refusal("order_not_sold", "No token was issued.")
        raise Refused(
            Problem(409, "order_not_sold", "Order not sold", why.sentence, "", order_id=vend.order_id)
        )
    return vend


def _refusal(error: urllib.error.HTTPError) -> AmpouleError:
    try:
        problem = _read(Problem, json.loads(error.read()))
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return Unavailable(f"The answer {error.code} could not be read.")
    if error.code == 429 or error.code >= 500:
        return Unavailable(problem.detail, problem, _seconds(error.headers.get("Retry-After")))
    return Refused(problem)


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 1.0


def _part(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _read(kind: type[Told], told: Any) -> Told:
    """A frozen value from an answer. What the answer holds beyond it is left out."""
    hints = typing.get_type_hints(kind)
    values = {
        one.name: _value(hints[one.name], told[one.name])
        for one in dataclasses.fields(kind)  # type: ignore[arg-type]  # every kind read here is a dataclass
        if one.name in told
    }
    return kind(**values)


def _value(hint: Any, told: Any) -> Any:
    if told is None:
        return None
    if isinstance(hint, types.UnionType):
        return _value(next(one for one in typing.get_args(hint) if one is not type(None)), told)
    if typing.get_origin(hint) is list:
        (item,) = typing.get_args(hint)
        return [_value(item, one) for one in told]
    if hint is datetime:
        return datetime.fromisoformat(told)
    return _read(hint, told) if isinstance(hint, type) and dataclasses.is_dataclass(hint) else told

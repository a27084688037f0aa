"""What each address does: one call of the desk, one value. The table that names them is `operations`."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from vending.errors import InvalidInput, VendingError
from vending.web import errors as table
from vending.web.api import schemas as s
from vending.web.api.errors import problem_of
from vending.web.refusals import AddressUnknown, OrderNotSold, OrderTwice

if TYPE_CHECKING:
    from vending.web.api.call import Call

LONGEST_STATEMENT = timedelta(days=400)


def look_up_meter(call: Call) -> s.Meter:
    return call.at.look_up(call.parts["number"])


def try_vend(call: Call) -> s.Quote:
    return call.at.quote(call.body)


def vend(call: Call) -> tuple[int, s.Vend]:
    (answer,) = call.at.sell([call.body])
    if isinstance(answer, VendingError):
        raise answer
    return _standing(answer)


def _standing(vend: s.Vend) -> tuple[int, s.Vend]:
    """200 is a release and nothing else; an order that came to nothing is a problem, however often it is asked for."""
    if vend.state in ("refused", "cancelled"):
        raise OrderNotSold(
            vend.order_id, vend.refusal.sentence if vend.refusal else "The order was cancelled."
        )
    return (202 if vend.state == "paid" else 200), vend


def vend_batch(call: Call) -> s.BatchAnswer:
    orders: list[s.Order] = call.body.orders
    if len({order.order_id for order in orders}) < len(orders):
        raise OrderTwice(
            "Two orders of this batch carry the same id, so nothing was sold. Give each an id of its own.",
            "orders",
        )
    results = [
        _result(call, order.order_id, answer)
        for order, answer in zip(orders, call.at.sell(orders), strict=True)
    ]
    statuses = [result.status for result in results]
    return s.BatchAnswer(
        sold=statuses.count(200),
        open=statuses.count(202),
        refused=sum(status not in (200, 202) for status in statuses),
        results=results,
        seller=call.at.position(),
    )


def _result(call: Call, order_id: str, answer: s.Vend | VendingError) -> s.BatchResult:
    try:
        if isinstance(answer, VendingError):
            raise answer
        status, told = _standing(answer)
    except VendingError as refused:
        problem = problem_of(refused, request_id=call.request_id)
        return s.BatchResult(order_id=order_id, status=problem.status, vend=None, problem=problem)
    return s.BatchResult(order_id=order_id, status=status, vend=told, problem=None)


def list_vends(call: Call) -> s.Vends:
    return call.at.list_vends(call.query)


def last_vend(call: Call) -> s.Vend:
    return call.at.last(call.query.meter)


def advise_vend(call: Call) -> s.Vend:
    return call.at.advise(call.parts["order_id"])


def confirm_vend(call: Call) -> s.Vend:
    return call.at.confirm(call.parts["order_id"])


def reprint_vend(call: Call) -> s.Vend:
    return call.at.reprint(call.parts["order_id"])


def request_reversal(call: Call) -> tuple[int, s.Reversal]:
    told = call.at.ask_reversal(call.parts["order_id"], call.body)
    return (200 if told.state == "reversed" else 202), told


def read_seller(call: Call) -> s.SellerAnswer:
    return call.at.seller()


def read_statement(call: Call) -> s.SellerStatement:
    span: s.Span = call.query
    if span.since.tzinfo is None or span.until.tzinfo is None:
        raise InvalidInput("Write each moment with its offset, such as 2026-11-01T00:00:00Z.", "since")
    try:
        span.since.astimezone(UTC), span.until.astimezone(UTC)
    except OverflowError:
        raise InvalidInput("No clock shows that moment. Write one of this century.", "since") from None
    if not span.since < span.until or span.until - span.since > LONGEST_STATEMENT:
        raise InvalidInput("A statement covers up to 400 days, from `since` to a later `until`.", "until")
    return call.at.statement(span)


def list_meters(call: Call) -> s.Meters:
    return call.at.list_meters(call.query)


def list_tenants(call: Call) -> s.Tenants:
    return call.at.list_tenants(call.query)


def read_balances(call: Call) -> s.Balances:
    return call.at.balances(call.parts["key"])


def read_status(call: Call) -> s.Status:
    return call.at.status()


def list_problems(_call: Call) -> s.ProblemKinds:
    return s.ProblemKinds(items=[_problem_kind(kind) for kind in table.kinds()])


def read_problem(call: Call) -> s.ProblemKind:
    for kind in table.kinds():
        if kind.code == call.parts["code"]:
            return _problem_kind(kind)
    raise AddressUnknown("There is no problem with that code. /api/v1/problems lists all.")


def _problem_kind(kind: Any) -> s.ProblemKind:
    return s.ProblemKind(
        code=kind.code,
        title=table.title_of(kind),
        status=table.status_of_kind(kind),
        says=" ".join((vars(kind).get("__doc__") or "").split()),
    )


def read_document(call: Call) -> s.AnyDocument:
    return s.AnyDocument.model_validate(call.document())

"""The table of the API: every address, who may use it, what it takes, what it answers. Nothing is served that is not here.

`app` makes the URL map from it, `document` the OpenAPI document, `web/developers` the page, and the tests the fuzzing and
the matrix of rights. A key needs one of the scopes in `needs`; an empty tuple is public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from vending.access.policy import Permission as P
from vending.web.api import schemas as s
from vending.web.api import views
from vending.web.api.call import Call

KIB = 1024
SMALL, LARGE = 16 * KIB, 512 * KIB  # a batch of 1,000 orders is about 180 KiB
# What any address that asks for a key may answer, besides its own.
KEYED = (400, 401, 403, 429, 500, 503)
SELLS = (P.SALE_MAKE,)
KNOWS_METERS = (P.SALE_MAKE, P.ESTATE_READ)
SEES_SALES = (P.SALE_MAKE, P.SALE_READ)


@dataclass(frozen=True, slots=True)
class Operation:
    """`parts`: the pattern of each part of the path that varies. `problems`: the statuses it may answer besides KEYED."""

    name: str
    method: str
    path: str
    says: str
    tells: str
    needs: tuple[P, ...]
    view: Callable[[Call], Any]
    answers: dict[int, type[BaseModel]]
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    parts: dict[str, str] = field(default_factory=dict)
    most_bytes: int = SMALL

    @property
    def is_public(self) -> bool:
        return not self.needs

    @property
    def has_idempotency_key(self) -> bool:
        """The order's own id is the key; the header may repeat it."""
        return self.body is s.Order

    @property
    def statuses(self) -> tuple[int, ...]:
        keyed = () if self.is_public else KEYED
        sized = (413, 415) if self.method == "POST" else ()
        return tuple(sorted({*keyed, *self.problems, *sized, 500}))


_METER = {"number": s.METER_PATTERN}
_ORDER = {"order_id": s.UUID_PATTERN}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "look_up_meter",
        "GET",
        "/meters/{number}",
        "Look up a meter",
        "What a seller must know before he takes money: whether it can be sold to, the least and the most, arrears, a free "
        "issue or a key change that is due. The owner is masked.",
        KNOWS_METERS,
        views.look_up_meter,
        {200: s.Meter},
        (404, 422),
        parts=_METER,
    ),
    Operation(
        "try_vend",
        "POST",
        "/trials",
        "Try a sale (trial vend)",
        "The price and every line of the receipt, without selling. The sale itself counts anew.",
        SELLS,
        views.try_vend,
        {200: s.Quote},
        (404, 409, 422),
        body=s.Trial,
    ),
    Operation(
        "vend",
        "POST",
        "/vends",
        "Sell",
        "Takes the money from the seller's limit, and answers with the tokens. 200: issued. 202: paid, and the outcome is "
        "not known yet; ask GET /vends/{order_id}. After a time-out or a 5xx ask the same, and if no order arrived, send it "
        "again with the same id. The same id with the same content is the same sale, for ever; with other content it is "
        "refused.",
        SELLS,
        views.vend,
        {200: s.Vend, 202: s.Vend},
        (404, 409, 422),
        body=s.Order,
    ),
    Operation(
        "vend_batch",
        "POST",
        "/batches",
        "Sell up to 1,000 orders",
        "Each order is sold on its own by the same path as a single one, and answered in the order sent. Send the whole "
        "batch again after a time-out: what was sold answers the same.",
        SELLS,
        views.vend_batch,
        {200: s.BatchAnswer},
        (409, 422),
        body=s.Batch,
        most_bytes=LARGE,
    ),
    Operation(
        "list_vends",
        "GET",
        "/vends",
        "List sales, the newest first",
        "A seller sees his own; a key of the site that reads sales sees all.",
        SEES_SALES,
        views.list_vends,
        {200: s.Vends},
        (404, 422),
        query=s.VendPage,
    ),
    Operation(
        "last_vend",
        "GET",
        "/vends/last",
        "The last response",
        "The newest sale of this seller, or of one meter by this seller, in full. For a client that lost its memory.",
        SEES_SALES,
        views.last_vend,
        {200: s.Vend},
        (404, 422),
        query=s.LastVend,
    ),
    Operation(
        "advise_vend",
        "GET",
        "/vends/{order_id}",
        "What became of an order (advice)",
        "Ask this first after a time-out. 404 `order_unknown` means that it never arrived: send it, with the same id.",
        SEES_SALES,
        views.advise_vend,
        {200: s.Vend},
        (404,),
        parts=_ORDER,
    ),
    Operation(
        "confirm_vend",
        "POST",
        "/vends/{order_id}/confirmation",
        "Confirm that the customer has the tokens",
        "Said once; it stands as evidence when a reversal is asked for. Doing it again changes nothing.",
        SELLS,
        views.confirm_vend,
        {200: s.Vend},
        (404, 409),
        body=s.Nothing,
        parts=_ORDER,
    ),
    Operation(
        "reprint_vend",
        "POST",
        "/vends/{order_id}/copies",
        "Print again",
        "The same tokens and the same content, counted: print COPY and `copy_number` on it.",
        (P.SALE_REPRINT,),
        views.reprint_vend,
        {200: s.Vend},
        (404, 409),
        body=s.Nothing,
        parts=_ORDER,
    ),
    Operation(
        "request_reversal",
        "POST",
        "/vends/{order_id}/reversal",
        "Ask for a reversal",
        "200: it is reversed, because the token was never issued and now never can be, or because the meter proves that it "
        "cannot take it. 202: a token that was released cannot be called back, so a second person of the site decides, with "
        "your reason and evidence; nothing moves before. Asking again answers the same.",
        (P.SALE_REVERSE,),
        views.request_reversal,
        {200: s.Reversal, 202: s.Reversal},
        (404, 409, 422),
        body=s.ReversalRequest,
        parts=_ORDER,
    ),
    Operation(
        "read_seller",
        "GET",
        "/seller",
        "The seller's limit",
        "What the seller of this key has paid in, may owe and can still sell, and the commission earned.",
        SELLS,
        views.read_seller,
        {200: s.SellerAnswer},
        (409,),
    ),
    Operation(
        "read_statement",
        "GET",
        "/seller/statement",
        "The settlement statement",
        "Every movement of the seller's account in a span of at most 400 days, and his commission on lines of its own.",
        SELLS,
        views.read_statement,
        {200: s.SellerStatement},
        (409, 422),
        query=s.Span,
    ),
    Operation(
        "list_meters",
        "GET",
        "/meters",
        "List meters of the site",
        "For programs of the site. A seller looks meters up by number instead.",
        (P.ESTATE_READ,),
        views.list_meters,
        {200: s.Meters},
        (422,),
        query=s.Page,
    ),
    Operation(
        "list_tenants",
        "GET",
        "/tenants",
        "List tenants of the site",
        "Names are masked for keys that belong to a seller.",
        (P.ESTATE_READ,),
        views.list_tenants,
        {200: s.Tenants},
        (422,),
        query=s.Page,
    ),
    Operation(
        "read_balances",
        "GET",
        "/tenants/{key}/balances",
        "Balances of a tenant",
        "Money not spent, money kept, deposit and debts.",
        (P.LEDGER_READ,),
        views.read_balances,
        {200: s.Balances},
        (404,),
        parts={"key": s.KEY_PATTERN},
    ),
    Operation(
        "read_status",
        "GET",
        "/status",
        "Can I sell now?",
        "Whether a sale would be taken, the server's time, and what this key may do. Cheap: ask it when a till opens.",
        tuple(P),
        views.read_status,
        {200: s.Status},
    ),
    Operation(
        "list_problems",
        "GET",
        "/problems",
        "Every problem there is",
        "Code, status and sentence of each, from the table that the program itself works by.",
        (),
        views.list_problems,
        {200: s.ProblemKinds},
    ),
    Operation(
        "read_problem",
        "GET",
        "/problems/{code}",
        "One problem",
        "What a problem's `type` points to.",
        (),
        views.read_problem,
        {200: s.ProblemKind},
        (400, 404),
        parts={"code": "^[a-z][a-z0-9_-]{1,60}$"},
    ),
    Operation(
        "read_document",
        "GET",
        "/openapi.json",
        "This document",
        "OpenAPI 3.1, made from the same table as the addresses.",
        (),
        views.read_document,
        {200: s.AnyDocument},
    ),
)

MOST_BYTES = max(operation.most_bytes for operation in OPERATIONS)

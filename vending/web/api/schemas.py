"""What goes in and what comes out: strict models. A field too much, a number as text, a float for money: refused.

Money is an integer of minor units beside its currency; energy an integer in tenths of the service's unit, as a token
carries it. The OpenAPI document is made from these classes, so their sentences are what an integrator reads.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

UUID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
METER_PATTERN = "^([0-9]{11}|[0-9]{13}|[0-9]{18})$"
KEY_PATTERN = "^[0-9a-f]{16}$"
MOST_ORDERS = 1000
LARGEST_MINOR = 10**12

OrderId = Annotated[
    str,
    Field(
        pattern=UUID_PATTERN,
        description="The order's id: a UUID in small letters that the client makes before it sends. It is the idempotency "
        "key, for ever: the same id gives the same token, with whatever delay.",
        examples=["6f0c2a34-5b1e-4d0f-9a77-1c2d3e4f5a6b"],
    ),
]
MeterNumber = Annotated[
    str,
    Field(
        pattern=METER_PATTERN,
        description="The meter's number as it stands on the meter (11 or 13 digits), or the long one of its barcode (18).",
        examples=["00000000018"],
    ),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["ZAR"])]
Cursor = Annotated[
    str,
    Field(min_length=1, max_length=200, description="`next` of the page before; opaque."),
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """What we answer. Fields may be added within v1; a client ignores what it does not know."""

    model_config = ConfigDict(frozen=True)


# --- in ---------------------------------------------------------------------------------------------------------------


class MoneyAmount(Strict):
    """Buy for so much money."""

    money_minor: Annotated[int, Field(ge=1, le=LARGEST_MINOR, description="In minor units: 5000 is 50.00.")]
    currency: Currency


class EnergyAmount(Strict):
    """Buy so much energy."""

    units: Annotated[
        int, Field(ge=1, le=1_000_000_000, description="In tenths of the unit: 486 is 48.6 kWh.")
    ]


Amount = MoneyAmount | EnergyAmount


class Order(Strict):
    """One order for one meter. Everything that decides what is sold is here; nothing is taken from elsewhere."""

    order_id: OrderId
    meter: MeterNumber
    amount: Amount


class Trial(Strict):
    """A question: what would this buy? Nothing is sold and nothing is kept."""

    meter: MeterNumber
    amount: Amount


class Batch(Strict):
    """Up to 1,000 orders. Each is sold on its own: a bad one never fails its neighbours, and each keeps its own id."""

    orders: Annotated[list[Order], Field(min_length=1, max_length=MOST_ORDERS)]


class ReversalRequest(Strict):
    """Asks the site to take a sale back. An order that was never issued ends at once; any other waits for two people."""

    why: Literal["wrong-meter", "wrong-amount", "not-accepted", "meter-replaced", "other"] = "other"
    reason: Annotated[
        str,
        Field(
            min_length=3, max_length=300, pattern=r"\S.*\S.*\S", description="Why, for the people who decide."
        ),
    ]
    evidence: Annotated[
        str,
        Field(
            max_length=300,
            description="What proves that the token was not and cannot be used, if anything does.",
        ),
    ] = ""


class Nothing(Strict):
    """No body, or an empty object."""


class Page(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=200, description="How many rows at most.")] = 50


class VendPage(Page):
    meter: MeterNumber | None = None


class LastVend(BaseModel):
    model_config = ConfigDict(extra="forbid")

    meter: Annotated[MeterNumber | None, Field(description="Of this meter; without it, of the seller.")] = (
        None
    )


class Span(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Annotated[
        datetime, Field(description="From this moment on, with its offset, such as 2026-11-01T00:00:00Z.")
    ]
    until: Annotated[datetime, Field(description="Up to, not including, this moment.")]


# --- out --------------------------------------------------------------------------------------------------------------


class SellerPosition(Told):
    """Where the seller stands after this act."""

    code: str
    currency: str
    deposit_minor: Annotated[
        int, Field(description="What the seller has paid in and not spent; below zero he owes it.")
    ]
    credit_limit_minor: int
    remaining_minor: Annotated[
        int, Field(description="What he can still sell: deposit, less what is set aside, plus credit.")
    ]
    commission_minor: Annotated[int, Field(description="Earned and not paid out.")]


class Arrears(Told):
    label: str
    owed_minor: int


class Keying(Told):
    """What the meter's key is named by (never the key): supply group, revision, tariff index, algorithm, technology."""

    sgc: str
    krn: int
    ti: str
    ea: str
    tct: str


class OlderToken(Told):
    """A token that was bought before a key change and may still lie on paper. Its digits are told by its own order."""

    order_id: str
    receipt: str
    made_at: datetime
    units: Annotated[int, Field(description="In tenths.")]


class Meter(Told):
    """What a seller must know before he takes money."""

    number: str
    pan: str
    service: Literal["electricity", "water", "gas", "time", "cooling"]
    unit: Annotated[str, Field(description="What `units` counts tenths of.", examples=["kWh"])]
    credit_in: Annotated[
        Literal["meter", "account"],
        Field(
            description="`meter`: a token is typed in. `account`: the balance is kept at the site, and no token is needed."
        ),
    ]
    place: Annotated[str, Field(description="The unit where the meter hangs.")]
    owner: Annotated[
        str, Field(description="Masked: enough to ask “is it you?”, not enough to tell who it is.")
    ]
    tariff: str | None
    for_sale: bool
    why_not: Annotated[str | None, Field(description="A sentence for the customer when nothing can be sold.")]
    currency: str
    minimum_minor: Annotated[
        int | None, Field(description="The smallest payment that buys anything now, debts included.")
    ]
    maximum_minor: Annotated[
        int | None, Field(description="The most this key may sell at once to this meter now.")
    ]
    maximum_units: Annotated[int | None, Field(description="The most energy in one order.")]
    arrears: list[Arrears]
    arrears_minor: int
    kept_minor: Annotated[int, Field(description="Left over from earlier purchases; spent first.")]
    free_issue_due_units: Annotated[
        int, Field(description="Free energy due this month and not yet issued, in tenths.")
    ]
    key_change_due: Annotated[
        bool, Field(description="The next sale brings key-change tokens, to be typed in first.")
    ]
    older_tokens: Annotated[
        list[OlderToken],
        Field(
            description="Where a key change is due: what was bought for the old key and is entered before it, or lost."
        ),
    ]
    keying: Keying
    seller: SellerPosition | None


class Line(Told):
    """One line of the receipt. The lines of an order sum to what is paid."""

    id: str
    kind: str
    label: str
    amount_minor: int
    why: Annotated[str, Field(description="The arithmetic, in figures.")]


class Quote(Told):
    """The answer to a trial. A price, not a promise: the sale counts anew."""

    meter: str
    service: str
    unit: str
    currency: str
    pays_minor: int
    units: Annotated[int, Field(description="Bought, in tenths.")]
    free_units: Annotated[int, Field(description="What comes free beside them.")]
    carried_minor: Annotated[int, Field(description="Kept for next time, because the meter cannot count it.")]
    tariff: str
    lines: list[Line]
    seller: SellerPosition | None


class Token(Told):
    """Twenty digits for the keypad, in the order of `position`."""

    position: int
    kind: Annotated[str, Field(examples=["credit", "allowance", "key-change"])]
    digits: Annotated[str, Field(pattern="^[0-9]{20}$")]
    units: int | None
    tid: int | None


class Proof(Told):
    """The security module's signed entry for this order: what a receipt's square holds."""

    log: str
    sequence: int
    leaf: str
    salt: str
    signature: str
    content_hash: str


class Refusal(Told):
    code: str
    sentence: str


class Vend(Told):
    """One order with all that became of it."""

    order_id: str
    kind: Annotated[
        str,
        Field(
            description="`credit`, or `account` where the credit is kept at the site. A key that reads a site's sales also "
            "sees `allowance`, `charge`, `free-issue`, `replacement`, `engineering` and `key-change`."
        ),
    ]
    state: Annotated[
        Literal["asked", "withdrawn", "paid", "issued", "partly", "refused", "cancelled", "reversed"],
        Field(
            description="`issued`: done, the tokens are here. `paid`: money taken, outcome not known yet; ask again with "
            "the same id. `partly`: some of its tokens came; `returned_minor` is kept for the customer's next purchase. "
            "`refused`, `cancelled`: no token will ever come, and the money is back with the seller. `reversed`: taken back "
            "by people of the site. `asked`, `withdrawn`: acts without money, waiting for a second person or given up."
        ),
    ]
    receipt: str
    sold_at: datetime
    currency: str
    paid_minor: int
    meter: str
    service: str
    unit: str
    units: Annotated[int, Field(description="Bought, in tenths.")]
    free_units: Annotated[int, Field(description="Given free beside them.")]
    tariff: str
    tokens: list[Token]
    lines: list[Line]
    carried_minor: int
    returned_minor: int
    commission_minor: Annotated[int, Field(description="What the seller earns by it, on his own account.")]
    copy_number: Annotated[int, Field(description="0 is the first print; above, print COPY and this number.")]
    handed_over_at: datetime | None
    refusal: Refusal | None
    proof: Proof | None
    seller: SellerPosition | None


class Problem(Told):
    """RFC 9457. `code` never changes its meaning; `detail` is a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: Annotated[
        list[dict[str, str]] | None, Field(description="Which fields were refused, by path, and why.")
    ] = None
    remaining_minor: Annotated[int | None, Field(description="With seller_limit_reached: what is left.")] = (
        None
    )
    least_minor: Annotated[
        int | None, Field(description="With sale_too_small: the least that buys something.")
    ] = None
    order_id: Annotated[str | None, Field(description="The order that this is about.")] = None


class BatchResult(Told):
    """`vend` when the order was sold or is on its way, else `problem`, with the status it would have had alone."""

    order_id: str
    status: int
    vend: Vend | None
    problem: Problem | None


class BatchAnswer(Told):
    sold: int
    open: int
    refused: int
    results: list[BatchResult]
    seller: SellerPosition | None


class Reversal(Told):
    """Where the reversal of an order stands. An order has one, so asking again gives the same."""

    order_id: str
    reversal: Annotated[str, Field(description="The reversal's own id, by which the site's people find it.")]
    state: Annotated[
        Literal["asked", "reversed", "withdrawn"],
        Field(
            description="`asked`: a second person of the site has to agree, and nothing has moved. `reversed`: the money is "
            "back with the seller. `withdrawn`: the site did not take it up."
        ),
    ]
    amount_minor: int
    currency: str
    credit_note: str | None
    asked_at: datetime


class Vends(Told):
    items: list[Vend]
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last.")]


class MeterRow(Told):
    key: str
    number: str
    pan: str
    service: str
    label: str
    place: str
    tenant: str | None
    state: str
    credit_in: str
    tariff: str | None


class Meters(Told):
    items: list[MeterRow]
    next: str | None


class TenantRow(Told):
    key: str
    number: str
    name: Annotated[str, Field(description="Masked for keys that sell.")]
    kind: str


class Tenants(Told):
    items: list[TenantRow]
    next: str | None


class Balance(Told):
    account: Annotated[
        str, Field(description="customer, kept, deposit or debt, with its name.", examples=["debt/last-year"])
    ]
    balance_minor: int
    set_aside_minor: int


class Balances(Told):
    tenant: str
    currency: str
    balances: list[Balance]


class SellerAnswer(Told):
    code: str
    name: str
    commission: Annotated[str, Field(examples=["1.5 %"])]
    position: SellerPosition


class StatementRow(Told):
    at: datetime
    kind: str
    source: str
    note: str
    amount_minor: int
    balance_minor: int


class SellerStatement(Told):
    """opening + paid_in − sold + returned + other = closing, exactly; commission has lines of its own."""

    code: str
    name: str
    currency: str
    since: datetime
    until: datetime
    opening_minor: int
    paid_in_minor: int
    sold_minor: int
    returned_minor: int
    other_minor: int
    closing_minor: int
    commission_opening_minor: int
    commission_earned_minor: int
    commission_paid_minor: int
    commission_closing_minor: int
    rows: list[StatementRow]


class Status(Told):
    ready: Annotated[bool, Field(description="Whether a sale would be taken now.")]
    reason: str
    now: datetime
    version: str
    sandbox: bool
    site: str
    currency: str
    client: Annotated[str, Field(description="The name of the key that asked.")]
    scopes: list[str]


class ProblemKind(Told):
    code: str
    title: str
    status: int
    says: str


class ProblemKinds(Told):
    items: list[ProblemKind]


class AnyDocument(Told):
    """The OpenAPI document itself."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]

"""Looks at sales: frozen values for pages, papers and commands. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.errors import NotFound
from vending.payments import service as payments
from vending.payments.tender import Taken
from vending.rows import among
from vending.vends.plan import COUNTS, GAVE, Settlement
from vending.vends.tables import KeyChange, Sale, Token, Vend


@dataclass(frozen=True, slots=True)
class TokenView:
    position: int
    kind: str  # requests.PARTS
    digits: str
    tid: int | None
    base_date: int
    units: int | None
    sequence: int
    logged_at: datetime
    log: str
    salt: str
    leaf: str
    signature: str
    order_id: str  # the order that it was issued for: another one's, where a key change is carried again
    keying: dict[str, Any]  # the key under which the meter takes it


@dataclass(frozen=True, slots=True)
class VendView:
    """One order. Without a meter (a charge, a top-up) `meter_key`, `pan` and `service` are empty."""

    order_id: str
    position: int
    kind: str  # plan.KINDS
    meter_key: str
    pan: str
    tenant_key: str | None
    service: str
    units: int
    free_units: int
    paid_minor: int
    returned_minor: int
    state: str
    refusal_code: str | None
    refusal_sentence: str | None
    keying: dict[str, Any]
    tariff_version: str
    carried_minor: int
    priced: dict[str, Any]
    decided_at: datetime | None
    tokens: tuple[TokenView, ...]  # its own, in the order of entry
    carried: tuple[
        TokenView, ...
    ]  # key-change tokens to be entered before them, should the meter not have them yet
    commission_minor: int = 0  # what a third-party seller earns by it


@dataclass(frozen=True, slots=True)
class SaleView:
    key: str
    receipt: str
    site_key: str
    till: str
    cashier_key: str
    cashier_name: str
    currency: str
    total_minor: int
    content: dict[str, Any]
    content_hash: str
    copies: int
    sold_at: datetime
    vends: tuple[VendView, ...]
    taken: tuple[Taken, ...]

    @property
    def state(self) -> str:
        """`asked` or `paid` while any order is open, else `issued` if anything was given, else how the orders ended."""
        states = ["issued" if vend.state in GAVE else vend.state for vend in self.vends]
        for state in ("asked", "paid", "issued", "reversed", "refused", "cancelled", "withdrawn"):
            if state in states:
                return state
        raise AssertionError("a sale has at least one order")

    @property
    def tokens(self) -> tuple[tuple[VendView, TokenView], ...]:
        """Every token on the slip in the order of entry (rules.md 13): a key change first, then what was bought."""
        return tuple((vend, token) for vend in self.vends for token in (*vend.carried, *vend.tokens))


def one_sale(session: Session, key: str) -> SaleView:
    sale = session.scalars(sa.select(Sale).where(Sale.key == key)).one_or_none()
    if sale is None:
        raise NotFound("There is no sale under that number. Look at the last sales of the till.")
    return _views(session, [sale])[0]


def count_open(session: Session) -> int:
    """Orders that are paid and wait for their token; an index of its own keeps the answer quick."""
    return session.scalar(sa.select(sa.func.count()).select_from(Vend).where(Vend.state == "paid")) or 0


def sale_of_order(session: Session, order_id: str) -> SaleView | None:
    key = session.scalar(sa.select(Vend.sale_key).where(Vend.order_id == order_id))
    return one_sale(session, key) if key is not None else None


def one_by_receipt(session: Session, receipt: str) -> SaleView:
    sale = session.scalars(sa.select(Sale).where(Sale.receipt == receipt)).one_or_none()
    if sale is None:
        raise NotFound(f"There is no receipt {receipt}. Its number stands at the top of the paper.")
    return _views(session, [sale])[0]


def list_sales(session: Session, keys: list[str]) -> list[SaleView]:
    """These sales, whole."""
    if not keys:
        return []
    return _views(session, list(session.scalars(sa.select(Sale).where(among(Sale.key, keys)))))


def whole_sales(session: Session, keys: Sequence[str]) -> list[SaleView]:
    """The same, and each of them has to be there."""
    found = list_sales(session, list(keys))
    if len(found) < len(set(keys)):
        raise NotFound("There is no sale under that number. Look at the last sales of the till.")
    return found


def list_last_of_till(session: Session, site_key: str, till: str, *, most: int = 6) -> list[SaleView]:
    sales = session.scalars(
        sa.select(Sale)
        .where(Sale.till == till, Sale.site_key == site_key)
        .order_by(Sale.id.desc())
        .limit(most)
    ).all()
    return _views(session, list(sales))


def list_of_meter(session: Session, meter_key: str, *, most: int = 3) -> list[SaleView]:
    """The newest sales to this meter that were not refused, the newest first."""
    keys = session.scalars(
        sa.select(Vend.sale_key)
        .where(Vend.meter_key == meter_key, Vend.kind.in_(("credit", "account")), Vend.state.in_(COUNTS))
        .order_by(Vend.id.desc())
        .limit(most)
    ).all()
    found = {sale.key: sale for sale in list_sales(session, list(keys))}
    return [found[key] for key in dict.fromkeys(keys)]


def find_sale(session: Session, key: str) -> SaleView | None:
    """The sale that a page's basket has become, if it was sold: they have one id."""
    return next(iter(list_sales(session, [key])), None)


def find_receipt(session: Session, receipt: str) -> SaleView | None:
    """The sale of a paper's number, if it is one of ours."""
    key = session.scalar(sa.select(Sale.key).where(Sale.receipt == receipt))
    return find_sale(session, key) if key is not None else None


def _views(session: Session, sales: list[Sale]) -> list[SaleView]:
    keys = [sale.key for sale in sales]
    vends = session.scalars(sa.select(Vend).where(among(Vend.sale_key, keys)).order_by(Vend.position)).all()
    of_sale: dict[str, list[Vend]] = {key: [] for key in keys}
    for vend in vends:
        of_sale[vend.sale_key].append(vend)
    carried = {name for vend in vends for name in vend.carries}
    tokens: dict[str, list[Token]] = {}
    for token in session.scalars(
        sa.select(Token)
        .where(among(Token.order_id, [*(vend.order_id for vend in vends), *carried]))
        .order_by(Token.position)
    ):
        tokens.setdefault(token.order_id, []).append(token)
    before: dict[str, dict[str, Any]] = {}
    if carried:
        before = dict(
            session.execute(
                sa.select(KeyChange.order_id, KeyChange.before).where(KeyChange.order_id.in_(carried))
            )
            .tuples()
            .all()
        )
    taken = payments.list_of_sales(session, keys)
    return [_view(sale, of_sale[sale.key], tokens, before, taken.get(sale.key, ())) for sale in sales]


def as_written(
    sale: Mapping[str, Any],
    vends: Sequence[Mapping[str, Any]],
    tokens: Mapping[str, Sequence[Mapping[str, Any]]],
    taken: Sequence[Taken],
) -> SaleView:
    """The same view of a sale whose rows were written a moment ago, by whom they are still at hand: no look, and no JSON
    read back. Orders that carry another order's tokens are not at hand whole; those are looked at."""
    assert not any(vend["carries"] for vend in vends)
    return _view(
        SimpleNamespace(**sale),
        [SimpleNamespace(**vend) for vend in vends],
        {order_id: [SimpleNamespace(**token) for token in some] for order_id, some in tokens.items()},
        {},
        taken,
    )


def _view(
    sale: Any,
    vends: Sequence[Any],
    tokens: Mapping[str, Sequence[Any]],
    before: dict[str, dict[str, Any]],
    taken: Sequence[Taken],
) -> SaleView:
    return SaleView(
        sale.key,
        sale.receipt,
        sale.site_key,
        sale.till,
        sale.cashier_key,
        sale.cashier_name,
        sale.currency,
        sale.total_minor,
        sale.content,
        sale.content_hash,
        sale.copies,
        sale.sold_at,
        tuple(_vend(vend, tokens, before) for vend in vends),
        tuple(taken),
    )


def _vend(row: Any, tokens: Mapping[str, Sequence[Any]], before: dict[str, dict[str, Any]]) -> VendView:
    # Nothing shows a token before the commit that released it; the state says that it happened.
    released = row.state in (*GAVE, "reversed")
    own = [_token(token, row.keying) for token in tokens.get(row.order_id, [])] if released else []
    carried = [
        _token(token, before[name])
        for name in row.carries
        for token in tokens.get(name, [])
        if row.state in GAVE
    ]
    return VendView(
        row.order_id,
        row.position,
        row.kind,
        row.meter_key or "",
        row.pan or "",
        row.tenant_key,
        row.service,
        row.units,
        row.free_units,
        row.paid_minor,
        row.returned_minor,
        row.state,
        row.refusal_code,
        row.refusal_sentence,
        row.keying,
        row.tariff_version,
        row.carried_minor,
        row.priced,
        row.decided_at,
        tuple(own),
        tuple(carried),
        _earned(row),
    )


def _earned(row: Any) -> int:
    """What a third-party seller earns by this order: a leg of the entry that ended it."""
    settlement = Settlement.from_json(row.settlement)
    short = next((one.legs for one in settlement.shorts if one.returned_minor == row.returned_minor), ())
    legs = short if row.returned_minor else settlement.legs
    return sum(amount for account, _unit, amount in legs if account.startswith("cost/commission/"))


def _token(row: Any, keying: dict[str, Any]) -> TokenView:
    return TokenView(
        row.position,
        row.kind,
        row.digits,
        row.tid,
        row.base_date,
        row.units,
        row.sequence,
        row.logged_at,
        row.log,
        row.salt,
        row.leaf,
        row.signature,
        row.order_id,
        keying,
    )

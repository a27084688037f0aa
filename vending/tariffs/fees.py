"""Fees: what a site takes without a token, such as reconnection, tamper, management and parking (rules.md 20).

Data of the site, each with its amount and its tax, changed by two people like a tariff. A fee is booked to `fees/<code>`,
its tax to `tax/<its code>`. Debts and deposits are no fees: they have accounts of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import policy
from vending.access.policy import SYSTEM, Actor, Permission
from vending.clock import Clock
from vending.errors import InvalidInput, NotFound
from vending.tariffs.tables import Fee

_CODE = re.compile(r"[a-z][a-z0-9-]{1,30}\Z")
RESERVED = ("deposit", "debt")  # what a charge is called that is no fee


class FeeUnfit(InvalidInput):
    code = "fee_unfit"


class FeeUnknown(NotFound):
    code = "fee_unknown"


@dataclass(frozen=True, slots=True)
class FeeView:
    code: str
    label: str
    currency: str
    amount_minor: int | None
    tax_code: str = ""
    tax_label: str = ""
    tax_percent: Decimal = Decimal(0)
    tax_included: bool = True

    def content(self, *, retired: bool = False) -> dict[str, Any]:
        """What two people agree to (the act `fee-publish`)."""
        return {
            "code": self.code,
            "label": self.label,
            "currency": self.currency,
            "amount_minor": self.amount_minor,
            "tax": [self.tax_code, self.tax_label, str(self.tax_percent), self.tax_included],
            "retired": retired,
        }

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> FeeView:
        code, label, percent, included = content["tax"]
        return cls(
            content["code"], content["label"], content["currency"], content["amount_minor"],
            code, label, Decimal(percent), included,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeePrice:
    """`net_minor` + `tax_minor` = `total_minor`, exactly; the tax is rounded once, half up."""

    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def price(fee: FeeView, *, quantity: int = 1, money_minor: int | None = None) -> FeePrice:
    """What is due: the fee's amount so many times, or the typed money where the fee has no amount of its own."""
    if fee.amount_minor is None:
        if money_minor is None:
            raise FeeUnfit(f"{fee.label} has no fixed amount. Type how much is paid.", "amount")
        return _inside(fee, money_minor)
    if money_minor is not None and quantity == 1 and money_minor != _priced(fee, 1).total_minor:
        raise FeeUnfit(
            f"{fee.label} has a fixed amount. Leave the amount out, or say how many times.", "amount"
        )
    return _priced(fee, quantity)


def _priced(fee: FeeView, quantity: int) -> FeePrice:
    assert fee.amount_minor is not None
    amount = fee.amount_minor * quantity
    return (
        _inside(fee, amount) if fee.tax_included else FeePrice(amount, _share(amount, fee.tax_percent, 100))
    )


def _inside(fee: FeeView, amount: int) -> FeePrice:
    tax = _share(amount, fee.tax_percent, 100 + fee.tax_percent)
    return FeePrice(amount - tax, tax)


def _share(amount: int, percent: Decimal, whole: Decimal | int) -> int:
    return int((amount * percent / whole).quantize(Decimal(1), ROUND_HALF_UP))


def refuse_unfit(fee: FeeView) -> None:
    """Before two people are asked for it, and again when it is published."""
    if not _CODE.match(fee.code) or fee.code in RESERVED:
        raise FeeUnfit(
            "A fee's code is a short word of small letters and hyphens, and not deposit or debt.", "code"
        )
    if not fee.label.strip():
        raise FeeUnfit("A fee needs a name as it stands on the receipt.", "label")
    if fee.amount_minor is not None and not 0 < fee.amount_minor <= 10**11:
        raise FeeUnfit("A fee's amount must be above zero.", "amount")
    try:
        taxed = Decimal(0) <= Decimal(fee.tax_percent) < Decimal(100)
    except InvalidOperation:
        taxed = False
    if not taxed or bool(fee.tax_code) != bool(fee.tax_percent):
        raise FeeUnfit("A tax has a code and a percentage between 0 and 100.", "tax")


def publish(
    session: Session,
    clock: Clock,
    actor: Actor,
    site: str,
    fee: FeeView,
    *,
    approval: str | None,
    reason: str,
    retired: bool = False,
) -> None:
    """Puts a fee in force from now on, or retires its code. The caller has used the request of two people (`fee-publish`);
    `approval` is its key. Only set-up goes without."""
    assert approval is not None or actor.key == SYSTEM.key, "a fee is published by two people"
    policy.require(actor, Permission.TARIFF_DRAFT, site)
    refuse_unfit(fee)
    session.add(
        Fee(
            site_key=site,
            code=fee.code,
            label=fee.label.strip(),
            currency=fee.currency,
            amount_minor=fee.amount_minor,
            tax_code=fee.tax_code,
            tax_label=fee.tax_label,
            tax_percent=str(fee.tax_percent),
            tax_included=fee.tax_included,
            retired=retired,
            published_at=clock.now(),
            published_by=actor.key,
            approval_key=approval,
            reason=reason,
        )
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="fee retired" if retired else "fee published",
        subject=f"fee:{site}/{fee.code}",
        detail=fee.content(retired=retired) | {"approval": approval},
        reason=reason,
    )


def list_fees(session: Session, site: str) -> list[FeeView]:
    """The fees in force at this site, by name."""
    newest = sa.select(sa.func.max(Fee.id)).where(Fee.site_key == site).group_by(Fee.code)
    rows = session.scalars(
        sa.select(Fee).where(Fee.id.in_(newest), Fee.retired.is_(False)).order_by(Fee.label)
    )
    return [_view(row) for row in rows]


def one_fee(session: Session, site: str, code: str) -> FeeView:
    row = session.scalar(
        sa.select(Fee).where(Fee.site_key == site, Fee.code == code).order_by(Fee.id.desc()).limit(1)
    )
    if row is None or row.retired:
        raise FeeUnknown("There is no such fee at this site. Choose one from the list.")
    return _view(row)


def _view(row: Fee) -> FeeView:
    return FeeView(
        row.code,
        row.label,
        row.currency,
        row.amount_minor,
        row.tax_code,
        row.tax_label,
        Decimal(row.tax_percent),
        row.tax_included,
    )

"""Third-party sellers: kiosks, shops and networks that sell for the site through the API (rules.md 29).

A seller pays each sale from the money he left with the site (`seller/<code>` in the ledger), down to a floor that is minus
his credit. The floor is the wall: it is checked on the account's own row in the transaction that takes the money, so a
limit cannot be passed by two sales at once. What he earns is booked on its own lines when the token is released
(`cost/commission/<code>` against `commission/<code>`) and never taken out of a sale's money.

Not here: API keys (access), the sale (vends). Terms that cost money are agreed by two people.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending import audit
from vending.access import approvals, policy
from vending.access.policy import EVERYWHERE, Actor, Permission
from vending.access.site_secret import SiteSecret
from vending.clock import Clock
from vending.db import new_key
from vending.errors import InvalidInput, NotFound, VendingError
from vending.ledger import queries as ledger_queries
from vending.ledger import service as ledger
from vending.ledger.entries import transfer
from vending.money import plain
from vending.payments import transfers
from vending.payments.tables import Seller, SellerHandover
from vending.payments.tender import SELLER, same_paper
from vending.payments.tender import account_of as account_of_tender
from vending.rows import among, ask

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,11}\Z")


class SellerUnknown(NotFound):
    code = "seller_unknown"


class SellerBlocked(VendingError):
    """A manager blocked the seller; what he sold before stays valid."""

    code = "seller_blocked"


class SellerMissing(VendingError):
    """The API key belongs to no seller, so nobody's money would pay for the sale."""

    code = "seller_missing"


class SellerLimitReached(VendingError):
    """The seller's deposit and credit do not cover this sale; nothing was sold."""

    code = "seller_limit_reached"

    def __init__(self, remaining_minor: int, currency: str) -> None:
        super().__init__(
            f"The seller's limit leaves {plain(max(remaining_minor, 0), currency)}, which is less than this sale costs. "
            "Nothing was sold. Pay in at the site, or sell a smaller amount."
        )
        self.remaining_minor = remaining_minor


class SellerUnfit(InvalidInput):
    code = "seller_unfit"


class CommissionUnfit(InvalidInput):
    code = "commission_unfit"


@dataclass(frozen=True, slots=True)
class Commission:
    """A share of a sale, in hundredths of a per cent. Typed, so that 10 is never taken for 0.1 (it is refused)."""

    basis_points: int

    MOST = 2500

    def __post_init__(self) -> None:
        if not 0 <= self.basis_points <= self.MOST:
            raise CommissionUnfit("A commission lies between 0 % and 25 %. Check the point.", "commission")

    @classmethod
    def read(cls, text: str) -> Commission:
        """From what a person typed: `1.5 %`. The sign is needed, because 0.015 and 1.5 would both be numbers."""
        number = text.strip()
        if not number.endswith("%"):
            raise CommissionUnfit(
                f"{text.strip()!r} has no per cent sign. Write it like “1.5 %”.", "commission"
            )
        try:
            points = Decimal(number[:-1].strip()) * 100
        except ArithmeticError:  # no figure, or one beyond all figures
            raise CommissionUnfit(
                f"{text.strip()!r} is not a percentage. Write it like “1.5 %”.", "commission"
            ) from None
        if (
            points.is_finite() and abs(points) > 10_000
        ):  # before it is made whole: 1e99999999 has a hundred million digits
            raise CommissionUnfit("A commission lies between 0 % and 25 %. Check the point.", "commission")
        if not points.is_finite() or points != int(points):
            raise CommissionUnfit("A commission has at most two decimals.", "commission")
        return cls(int(points))

    def of(self, paid_minor: int) -> int:
        """Of one order, rounded down: the part of a cent that is left stays with the site."""
        return paid_minor * self.basis_points // 10_000

    def __str__(self) -> str:
        return f"{Decimal(self.basis_points) / 100:f} %"


@dataclass(frozen=True, slots=True)
class SellerView:
    key: str
    code: str
    name: str
    site_key: str
    currency: str
    commission: Commission
    credit_limit_minor: int
    blocked_why: str | None

    @property
    def account(self) -> str:
        return account_of(self.code)

    @property
    def commission_account(self) -> str:
        return f"commission/{self.code.lower()}"

    def refuse_if_blocked(self) -> None:
        if self.blocked_why is not None:
            raise SellerBlocked(
                f"{self.name} is blocked from selling: {self.blocked_why}. A manager of the site can lift it."
            )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a seller stands: what he left, what he may owe, and what is left of both."""

    currency: str
    deposit_minor: int  # below zero: he owes it
    credit_limit_minor: int
    remaining_minor: int
    commission_minor: int  # earned and not paid out


@dataclass(frozen=True, slots=True)
class StatementRow:
    at: datetime
    kind: str
    source: str
    note: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """A seller's account over a half-open span: opening + rows = closing, and his commission beside it."""

    seller: SellerView
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
    rows: tuple[StatementRow, ...]


def account_of(code: str) -> str:
    """His money. The code stands where a desk's sale has its till, so that his receipts have a series of their own."""
    return account_of_tender(SELLER, code)


# --- acts -------------------------------------------------------------------------------------------------------------


def register(
    session: Session, clock: Clock, actor: Actor, *, code: str, name: str, site: str, currency: str
) -> str:
    """A new seller, without credit and without commission: he sells from what he pays in."""
    policy.require(actor, Permission.SELLER_EDIT, site)
    code, name = code.strip().upper(), " ".join(name.split())
    if not _CODE.match(code):
        raise SellerUnfit(
            "A seller's code has 2 to 12 letters and digits and begins with a letter, such as KIOSK7. It heads his receipts.",
            "code",
        )
    if not 1 <= len(name) <= 80:
        raise SellerUnfit("Give the seller's name, in at most 80 characters.", "name")
    if session.scalar(sa.select(Seller.id).where(Seller.code == code)) is not None:
        raise SellerUnfit(f"There is a seller {code} already. Choose another code.", "code")
    now, key = clock.now(), new_key()
    session.add(
        Seller(
            key=key,
            code=code,
            name=name,
            site_key=site,
            currency=currency,
            commission_basis_points=0,
            credit_limit_minor=0,
            made_at=now,
            changed_at=now,
        )
    )
    session.flush()
    audit.record(
        session,
        clock,
        actor=actor,
        act="seller entered",
        subject=f"seller:{key}",
        detail={"code": code, "name": name, "site": site, "currency": currency},
    )
    return key


def terms(seller: SellerView, *, commission: Commission, credit_limit_minor: int) -> dict[str, Any]:
    """What two people agree to."""
    if not 0 <= credit_limit_minor <= 10**12:
        raise SellerUnfit("A credit limit is an amount of at least zero.", "credit_limit")
    return {
        "seller": seller.code,
        "commission_basis_points": commission.basis_points,
        "credit_limit_minor": credit_limit_minor,
        "currency": seller.currency,
    }


def set_terms(
    session: Session,
    clock: Clock,
    vault: SiteSecret,
    actor: Actor,
    wanted: dict[str, Any],
    *,
    approval: str | None,
) -> None:
    """Commission and credit, from `terms`. Holds from the next sale; earlier ones keep what they earned."""
    row = _row(session, str(wanted["seller"]))
    policy.require(actor, Permission.SELLER_EDIT, row.site_key)
    approvals.use(
        session,
        clock,
        vault,
        actor,
        approval or "",
        "seller-terms",
        wanted,
        site=row.site_key,
        subject=f"seller:{row.key}",
    )
    put_terms(session, clock, actor, wanted, reason=f"approval {approval}")


def put_terms(session: Session, clock: Clock, actor: Actor, wanted: dict[str, Any], *, reason: str) -> None:
    """The step itself, for `set_terms` and for demonstrations; it asks nobody."""
    row = _row(session, str(wanted["seller"]))
    row.commission_basis_points = Commission(wanted["commission_basis_points"]).basis_points
    row.credit_limit_minor = wanted["credit_limit_minor"]
    row.changed_at = clock.now()
    session.flush()
    ledger.set_bounds(
        session,
        clock,
        account=account_of(row.code),
        unit=row.currency,
        bounds=ledger.Bounds(floor=-row.credit_limit_minor),
        actor=actor,
        reason=reason,
    )
    audit.record(
        session,
        clock,
        actor=actor,
        act="seller's terms set",
        subject=f"seller:{row.key}",
        detail=wanted,
        reason=reason,
    )


def block(session: Session, clock: Clock, actor: Actor, code: str, *, reason: str) -> None:
    """From now on nothing is sold by him, whatever keys he holds."""
    _set_block(session, clock, actor, code, blocked=True, reason=reason)


def unblock(session: Session, clock: Clock, actor: Actor, code: str, *, reason: str) -> None:
    _set_block(session, clock, actor, code, blocked=False, reason=reason)


def _set_block(
    session: Session, clock: Clock, actor: Actor, code: str, *, blocked: bool, reason: str
) -> None:
    row = _row(session, code)
    policy.require(actor, Permission.SELLER_EDIT, row.site_key)
    if not reason.strip():
        raise SellerUnfit("Say why, in a few words.", "reason")
    row.blocked_why = reason.strip() if blocked else None
    row.changed_at = clock.now()
    audit.record(
        session,
        clock,
        actor=actor,
        act="seller blocked" if blocked else "seller unblocked",
        subject=f"seller:{row.key}",
        reason=reason.strip(),
    )


def pay_in(
    session: Session, clock: Clock, actor: Actor, code: str, amount_minor: int, *, reference: str
) -> None:
    """Money of the seller came to the site's bank. The bank's line pays once: no other seller, no sale at a desk, and asked
    again it is booked already."""
    row = _row(session, code)
    policy.require(actor, Permission.SELLER_EDIT, row.site_key)
    reference = _fit(amount_minor, reference)
    transfers.use_for(session, reference, f"seller/{row.code}", clock.now())
    entry = transfer(
        "seller-paid-in",
        f"seller/{row.code}/{reference}",
        row.currency,
        amount_minor,
        debited="bank/main",
        credited=account_of(row.code),
        note=reference,
    )
    ledger.post(session, clock, [entry])
    _record(session, clock, actor, row, "seller paid in", amount_minor, reference)


def settle_commission(
    session: Session, clock: Clock, actor: Actor, code: str, amount_minor: int, *, reference: str
) -> None:
    """Commission earned goes to the seller's deposit: not more than he earned. His row is held while that is looked at,
    because his commission may fall below zero by a reversal and so has no floor of its own."""
    row = _row(session, code, hold=True)
    policy.require(actor, Permission.SELLER_EDIT, row.site_key)
    reference = _fit(amount_minor, reference)
    seller = _view(row)
    earned = ledger_queries.balance(session, seller.commission_account, row.currency)
    entry = transfer(
        "commission-settled",
        f"seller/{row.code}/{reference}",
        row.currency,
        amount_minor,
        debited=seller.commission_account,
        credited=seller.account,
        note=reference,
    )
    if amount_minor > earned and not _posted(session, seller, reference):
        raise SellerUnfit(
            f"{row.name} has earned {plain(earned, row.currency)} that is not paid out; more cannot be.",
            "amount",
        )
    ledger.post(session, clock, [entry])
    _record(session, clock, actor, row, "commission settled", amount_minor, reference)


def _posted(session: Session, seller: SellerView, reference: str) -> bool:
    statement = ledger_queries.statement(session, seller.account, seller.currency)
    return any(line.source == f"seller/{seller.code}/{reference}" for line in statement.lines)


def _fit(amount_minor: int, reference: str) -> str:
    """The reference as the register of transfers has it: in other letters it is the same line of the bank."""
    if amount_minor <= 0:
        raise SellerUnfit("The amount must be above zero.", "amount")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{2,59}", reference):
        raise SellerUnfit(
            "The reference has 3 to 60 letters, digits, points and hyphens, such as the number of the bank's line.",
            "reference",
        )
    return same_paper(reference)


def _record(
    session: Session, clock: Clock, actor: Actor, row: Seller, act: str, amount_minor: int, reference: str
) -> None:
    audit.record(
        session,
        clock,
        actor=actor,
        act=act,
        subject=f"seller:{row.key}",
        detail={"amount_minor": amount_minor, "currency": row.currency, "reference": reference},
    )


def confirm(session: Session, clock: Clock, actor: Actor, order_id: str, code: str) -> datetime:
    """The seller says that the customer has the token. Said once; a second time gives the first moment."""
    there = handed_over(session, [order_id])
    if order_id in there:
        return there[order_id]
    now = clock.now()
    session.add(SellerHandover(order_id=order_id, seller=code, said_by=actor.key, at=now))
    audit.record(session, clock, actor=actor, act="token handed over", subject=f"order:{order_id}")
    return now


# --- looks ------------------------------------------------------------------------------------------------------------


def handed_over(session: Session, order_ids: Collection[str]) -> dict[str, datetime]:
    rows = session.execute(
        sa.select(SellerHandover.order_id, SellerHandover.at).where(among(SellerHandover.order_id, order_ids))
    )
    return {row.order_id: row.at for row in rows}


def find(session: Session, code: str) -> SellerView | None:
    row = session.scalar(sa.select(Seller).where(Seller.code == code.upper()))
    return _view(row) if row is not None else None


def one(session: Session, code: str) -> SellerView:
    return _view(_row(session, code))


def list_sellers(session: Session, sites: Collection[str]) -> list[SellerView]:
    rows = session.scalars(sa.select(Seller).order_by(Seller.code))
    return [_view(row) for row in rows if EVERYWHERE in sites or row.site_key in sites]


def stamp(session: Session) -> tuple[Any, ...]:
    """Changes whenever a seller does. Counted besides, because a clock that was set back may have no later moment."""
    return tuple(
        session.execute(
            sa.select(
                sa.func.count(), sa.func.count(Seller.blocked_why), sa.func.max(Seller.changed_at)
            ).select_from(Seller)
        ).one()
    )


_COMMISSIONS = sa.select(Seller.code, Seller.commission_basis_points).where(among(Seller.code))
_SELLERS = sa.select(*Seller.__table__.c).where(among(Seller.code))


def commissions(session: Session, codes: Collection[str]) -> dict[str, Commission]:
    """What these sellers earn now, for the sale that plans their orders."""
    if not codes:
        return {}
    found = ask(session, _COMMISSIONS, names=codes)
    return {row.code: Commission(row.commission_basis_points) for row in found}


def commission_legs(
    code: str, commission: Commission, currency: str, paid_minor: int
) -> tuple[tuple[str, str, int], ...]:
    """What an order adds to the settlement that releases it: the site's cost against what the seller has earned."""
    earned = commission.of(paid_minor)
    if not earned:
        return ()
    name = code.lower()
    return ((f"cost/commission/{name}", currency, earned), (f"commission/{name}", currency, -earned))


def position(session: Session, seller: SellerView) -> Position:
    return _positions(session, [seller])[seller.code]


def positions(session: Session, codes: Collection[str]) -> dict[str, Position]:
    """Where each of these sellers stands now, all of them at one look."""
    if not codes:
        return {}
    return _positions(session, [_view(row) for row in ask(session, _SELLERS, names=codes)])


def _positions(session: Session, sellers: Sequence[SellerView]) -> dict[str, Position]:
    places = [(account, one.currency) for one in sellers for account in (one.account, one.commission_account)]
    standing = iter(ledger_queries.standing(session, places))
    found = {}
    for one in sellers:
        money, earned = next(standing), next(standing)
        found[one.code] = Position(
            one.currency,
            money.balance,
            one.credit_limit_minor,
            money.available + one.credit_limit_minor,
            earned.balance,
        )
    return found


def settlement(session: Session, seller: SellerView, since: datetime, until: datetime) -> Settlement:
    """The statement by which site and seller settle: every movement, and the sums by what they were."""
    money = ledger_queries.statement(session, seller.account, seller.currency, since=since, until=until)
    earned = ledger_queries.statement(
        session, seller.commission_account, seller.currency, since=since, until=until
    )

    def total(*kinds: str) -> int:
        return sum(line.amount for line in money.lines if line.kind in kinds)

    paid_in, sold = total("seller-paid-in"), total("payment")
    returned = total("vend-refused", "vend-cancelled", "sale-reversed")
    paid_out = sum(line.amount for line in earned.lines if line.kind == "commission-settled")
    return Settlement(
        seller,
        since,
        until,
        money.opening,
        paid_in,
        -sold,
        returned,
        money.closing - money.opening - paid_in - sold - returned,
        money.closing,
        earned.opening,
        earned.closing - earned.opening - paid_out,
        -paid_out,
        earned.closing,
        tuple(
            StatementRow(line.posted_at, line.kind, line.source, line.note, line.amount, line.balance)
            for line in money.lines
        ),
    )


def _row(session: Session, code: str, *, hold: bool = False) -> Seller:
    wanted = sa.select(Seller).where(Seller.code == code.upper())
    row = session.scalar(wanted.with_for_update() if hold else wanted)
    if row is None:
        raise SellerUnknown(f"There is no seller {code!r}. `ampoule seller list` shows all.")
    return row


def _view(row: Any) -> SellerView:
    return SellerView(
        row.key,
        row.code,
        row.name,
        row.site_key,
        row.currency,
        Commission(row.commission_basis_points),
        row.credit_limit_minor,
        row.blocked_why,
    )

"""What an auditor takes away: sales, tokens and acts of some days, as lines, and each token with what proves it.

Reads only. A token is proved by the module's signature over its entry, which the stand-alone verifier checks from these
values alone; inclusion in the log is proved by the module itself (`module.proof`), which the page asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.vends.tables import Sale, Token, Vend

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Proved:
    """One entry of the issuance log with its tokens, as the verifier of receipts reads it."""

    receipt: str
    sold_at: datetime
    kind: str
    units: int
    pan: str
    tokens: tuple[str, ...]
    log: str
    sequence: int
    leaf: str
    salt: str
    signature: str
    content_hash: str

    def as_receipt(self) -> dict[str, Any]:
        return {
            "log": self.log,
            "sequence": self.sequence,
            "leaf": self.leaf,
            "salt": self.salt,
            "pan": self.pan,
            "tokens": list(self.tokens),
            "content_hash": self.content_hash,
            "signature": self.signature,
        }


def slips(session: Session, site: str, since: datetime, until: datetime) -> Iterator[tuple[Any, ...]]:
    """(receipt, moment, till, person, currency, money, content, hash of the content) of each sale."""
    query = (
        sa.select(
            Sale.receipt, Sale.sold_at, Sale.till, Sale.cashier_name, Sale.currency, Sale.total_minor, Sale.content, Sale.content_hash
        )
        .where(Sale.site_key == site, Sale.sold_at >= since, Sale.sold_at < until)
        .order_by(Sale.id)
    )  # fmt: skip
    for row in session.execute(query.execution_options(yield_per=CHUNK)):
        yield tuple(row)


def proved(session: Session, site: str, since: datetime, until: datetime) -> list[Proved]:
    """Every entry of the log that gave a token in these days, in the order of the log."""
    rows = session.execute(
        sa.select(
            Sale.receipt, Sale.sold_at, Sale.content_hash, Token.kind, Token.units, Token.pan, Token.digits,
            Token.log, Token.sequence, Token.leaf, Token.salt, Token.signature,
        )
        .join(Vend, Vend.sale_key == Sale.key)
        .join(Token, Token.order_id == Vend.order_id)
        .where(Sale.site_key == site, Sale.sold_at >= since, Sale.sold_at < until)
        .order_by(Token.sequence, Token.position)
    )  # fmt: skip
    found: dict[int, Proved] = {}
    for row in rows:
        before = found.get(row.sequence)
        found[row.sequence] = Proved(
            row.receipt,
            row.sold_at,
            row.kind,
            row.units or 0,
            row.pan,
            (*(before.tokens if before else ()), row.digits),
            row.log,
            row.sequence,
            row.leaf,
            row.salt,
            row.signature,
            row.content_hash,
        )
    return list(found.values())

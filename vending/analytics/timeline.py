"""Everything that happened to one meter, in one order of time: sales, tokens, key changes, ratios, and what people did.

Reads only; the words are the page's. A later source is one more function in `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.audit import AuditEntry
from vending.estate.tables import MeterKeyData, MeterRatio
from vending.vends.tables import Sale, Token, Vend
from vending.work.tables import WorkOrder, WorkResult

MOST = 200


@dataclass(frozen=True, slots=True)
class Event:
    """`kind`: sale, token, key, ratio, visit, act. `facts` are plain values for the sentence of that kind."""

    at: datetime
    kind: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    ref: str = ""  # the key of what it leads to


Source = Callable[[Session, str, int], list[Event]]


def of_meter(
    session: Session, meter_key: str, *, kinds: frozenset[str] | None = None, most: int = MOST
) -> list[Event]:
    """The newest first. `kinds` narrows to some sources."""
    events: list[Event] = []
    for kind, source in SOURCES.items():
        if kinds is None or kind in kinds:
            events += source(session, meter_key, most)
    events.sort(key=lambda event: event.at, reverse=True)
    return events[:most]


def _sales(session: Session, meter_key: str, most: int) -> list[Event]:
    rows = session.execute(
        sa.select(Vend, Sale.receipt, Sale.cashier_name, Sale.till)
        .join(Sale, Sale.key == Vend.sale_key)
        .where(Vend.meter_key == meter_key)
        .order_by(Vend.paid_at.desc())
        .limit(most)
    ).all()
    return [
        Event(
            vend.paid_at,
            "sale",
            vend.state,
            {
                "units": vend.units,
                "service": vend.service,
                "paid_minor": vend.paid_minor,
                "currency": vend.currency,
                "receipt": receipt,
                "cashier": cashier,
                "till": till,
            },
            vend.sale_key,
        )
        for vend, receipt, cashier, till in rows
    ]


def _tokens(session: Session, meter_key: str, most: int) -> list[Event]:
    """Tokens that are no sale: free, engineering, key change."""
    rows = session.execute(
        sa.select(Token, Vend.sale_key)
        .join(Vend, Vend.order_id == Token.order_id)
        .where(Vend.meter_key == meter_key, Token.kind != "credit")
        .order_by(Token.id.desc())
        .limit(most)
    ).all()
    return [
        Event(
            token.logged_at,
            "token",
            token.kind,
            {"units": token.units, "sequence": token.sequence, "tid": token.tid},
            sale_key,
        )
        for token, sale_key in rows
    ]


def _keys(session: Session, meter_key: str, most: int) -> list[Event]:
    rows = session.scalars(
        sa.select(MeterKeyData)
        .where(MeterKeyData.meter_key == meter_key)
        .order_by(MeterKeyData.id.desc())
        .limit(most)
    )
    return [
        Event(
            row.at,
            "key",
            "key data",
            {"sgc": row.sgc, "krn": row.krn, "ti": row.ti, "ea": row.ea, "base_date": row.base_date, "evidence": row.evidence, "reason": row.reason},
        )
        for row in rows
    ]  # fmt: skip


def _ratios(session: Session, meter_key: str, most: int) -> list[Event]:
    rows = session.scalars(
        sa.select(MeterRatio)
        .where(MeterRatio.meter_key == meter_key, MeterRatio.approval_key.is_not(None))
        .order_by(MeterRatio.id.desc())
        .limit(most)
    )
    return [
        Event(
            row.at,
            "ratio",
            "ratio",
            {"ct": f"{row.ct_primary}/{row.ct_secondary}", "vt": f"{row.vt_primary}/{row.vt_secondary}", "reason": row.reason},
        )
        for row in rows
    ]  # fmt: skip


def _acts(session: Session, meter_key: str, most: int) -> list[Event]:
    told_elsewhere = ("key data changed", "ratio changed")
    rows = session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.subject == f"meter:{meter_key}", AuditEntry.act.not_in(told_elsewhere))
        .order_by(AuditEntry.id.desc())
        .limit(most)
    )
    return [
        Event(row.at, "act", row.act, {"who": row.actor_name, "reason": row.reason, "detail": row.detail})
        for row in rows
    ]


def _visits(session: Session, meter_key: str, most: int) -> list[Event]:
    """What a laptop brought back from the meter: a reading, a token entered, a relay switched."""
    rows = session.execute(
        sa.select(WorkResult, WorkOrder.number, WorkOrder.title)
        .join(WorkOrder, WorkOrder.key == WorkResult.order_key)
        .where(WorkResult.meter_key == meter_key)
        .order_by(WorkResult.at.desc())
        .limit(most)
    ).all()
    return [
        Event(
            result.at,
            "visit",
            result.status,
            {"number": number, "title": title, "sentence": result.sentence, "readings": result.readings},
            result.order_key,
        )
        for result, number, title in rows
    ]


SOURCES: dict[str, Source] = {
    "visit": _visits,
    "sale": _sales,
    "token": _tokens,
    "key": _keys,
    "ratio": _ratios,
    "act": _acts,
}

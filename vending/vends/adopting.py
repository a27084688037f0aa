"""Takes orders of the module's log into a database that does not know them: after a restore, each by name.

The log says which meter, how much energy, when and which token; it does not say who sold it or for how much, because it names
nobody and knows no money. So an adopted order stands in the books with its energy, its token and the price of its tariff in
suspense (`adopted_money`), under a receipt of its own series, until somebody finds the paper and books what was paid. Asked
twice, nothing happens twice.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.module import MAX_REQUESTS, Issued, SecurityModule
from vending import audit, outbox
from vending.clock import Clock
from vending.db import Database
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.ledger import service as ledger
from vending.ledger.entries import Entry, Leg
from vending.vends import adopted_money
from vending.vends import service as vends
from vending.vends.adopted_money import SERIES
from vending.vends.content import FORM, content_hash
from vending.vends.errors import ModuleNotReady
from vending.vends.log_fence import Missing
from vending.vends.plan import ENTRIES
from vending.vends.releasing import token_rows
from vending.vends.tables import Sale, Token, TokenRequest, Vend

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Adopted:
    """An order with the names that this database can give it."""

    order_id: str
    sequence: int
    logged_at: datetime
    pan: str
    unit: str
    tenant: str
    service: str
    units: int
    receipt: str
    worth_minor: int = 0  # what stands in suspense for it; 0: free, or nobody can say
    currency: str = ""


def adopt(
    db: Database, clock: Clock, module: SecurityModule, missing: Sequence[Missing], *, actor: Any
) -> list[Adopted]:
    """All of them, in groups of one transaction each."""
    with db.reading() as session:
        numbers = estate.list_numbers(session)
    adopted: list[Adopted] = []
    for begin in range(0, len(missing), MAX_REQUESTS):
        group = missing[begin : begin + MAX_REQUESTS]
        answers = module.replay([entry.order_id for entry in group])
        with db.writing() as session:
            for entry, answer in zip(group, answers, strict=True):
                if not isinstance(answer, Issued):
                    raise ModuleNotReady(
                        f"Entry {entry.sequence} of the log cannot be replayed: {answer.sentence} Nothing of this group was adopted."
                    )
                if (
                    session.scalar(
                        sa.select(TokenRequest.part_id).where(TokenRequest.part_id == entry.order_id)
                    )
                    is None
                ):
                    adopted.append(_write(session, clock, entry, answer, numbers, actor))
    return adopted


def pan_of(salt: str, commitment: str, numbers: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The key and the number of the meter that this commitment was made of: tried out with the meters of the estate."""
    for key, pan in numbers:
        made = hmac.digest(bytes.fromhex(salt), f"meter\n{pan}".encode(), "sha256").hex()
        if hmac.compare_digest(made, commitment):
            return key, pan
    return None


def _keying(meter: MeterView | None, pan: str, answer: Issued) -> dict[str, Any]:
    """The meter's key as it is known now; of a meter that is not known here, what the answer says of it."""
    if meter is not None:
        return asdict(meter.keying)
    nothing: dict[str, Any] = {"ea": "", "tct": "", "dkga": "", "sgc": "", "ti": ""}
    return nothing | {"pan": pan, "krn": 0, "key_type": 0, "ken": 0, "base_date": answer.base_date}


def _write(
    session: Session,
    clock: Clock,
    entry: Missing,
    answer: Issued,
    numbers: Sequence[tuple[str, str]],
    actor: Any,
) -> Adopted:
    named = pan_of(answer.salt, entry.meter, numbers)
    meter = next(iter(estate.list_meters(session, clock, [named[0]])), None) if named else None
    site = estate.one_site(session, meter.site_key) if meter else estate.list_sites(session)[0]
    # A meter that this database does not know: told apart by its commitment, which a later import of it can open.
    key, pan = named or (UNKNOWN, f"?{entry.meter[:17]}")
    service, units = (meter.service if meter else "electricity"), answer.units or 0
    (receipt,) = vends.next_numbers(session, [SERIES])
    sale_key, now = str(uuid.uuid4()), clock.now()
    content = {
        "form": FORM,
        "receipt": receipt,
        "sold_at": answer.logged_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "currency": site.currency,
        "total_minor": 0,
        "adopted": True,
        "orders": [
            {
                "order": entry.order_id,
                "kind": "free-issue" if entry.free else "credit",
                "meter": pan,
                "service": service,
                "units": 0 if entry.free else units,
                "free_units": units if entry.free else 0,
                "tariff": "",
                "paid_minor": 0,
                "lines": [],
            }
        ],
    }
    fixed = content_hash(content)
    # Free credit took an approval of two people and no money then either; it stays what it was.
    kind, source = ("free-issue", "free") if entry.free else ("credit", "sold")
    legs = ((f"energy/meter/{key}", service, units), (f"energy/{source}/{service}", service, -units))
    session.add(
        Sale(
            key=sale_key,
            receipt=receipt,
            site_key=site.key,
            till=SERIES,
            cashier_key=actor.key,
            cashier_name=actor.name,
            currency=site.currency,
            total_minor=0,
            fingerprint=UNKNOWN,
            content=content,
            content_hash=fixed,
            copies=0,
            sold_at=answer.logged_at,
        )
    )
    session.flush()
    session.add(
        Vend(
            order_id=entry.order_id,
            sale_key=sale_key,
            position=1,
            kind=kind,
            meter_key=key,
            pan=pan,
            tenant_key=meter.tenant.key if meter and meter.tenant else None,
            service=service,
            units=0 if entry.free else units,
            free_units=units if entry.free else 0,
            paid_minor=0,
            returned_minor=0,
            currency=site.currency,
            carried_minor=0,
            tariff_version="",  # no tariff is known to have priced it
            priced={},
            keying=_keying(meter, pan, answer),
            carries=[],
            approval=entry.act_id,
            settlement={"legs": [list(leg) for leg in legs]},
            state="issued",
            paid_at=answer.logged_at,
            decided_at=max(now, answer.logged_at),
        )
    )
    session.flush()
    session.add(
        TokenRequest(
            part_id=entry.order_id,
            order_id=entry.order_id,
            position=1,
            kind=kind,
            units=units,
            asked={"adopted": entry.sequence},
        )
    )
    session.flush()
    session.execute(sa.insert(Token), token_rows(entry.order_id, pan, entry.order_id, kind, answer))
    ledger.post(
        session,
        clock,
        [
            Entry(
                ENTRIES[kind],
                f"order/{entry.order_id}",
                tuple(Leg(*leg) for leg in legs),
                note="adopted from the issuance log; what was paid is not known",
            )
        ],
    )
    tenant = meter.tenant.name if meter and meter.tenant else ""
    unit = meter.space.code if meter and meter.space else ""
    quoted = None
    if meter is not None and units and not entry.free:
        quoted = adopted_money.worth(session, meter.key, site, units, answer.logged_at)
    if quoted is not None:
        names = ", ".join(word for word in (receipt, unit, tenant) if word)
        adopted_money.post(session, clock, entry.order_id, quoted, names=names)
    audit.record(
        session,
        clock,
        actor=actor,
        act="order.adopted",
        subject=f"sale:{sale_key}",
        detail={"order": entry.order_id, "entry": entry.sequence, "meter": pan, "units": units},
    )
    outbox.emit(session, clock, "order adopted", {"order_id": entry.order_id, "sale": sale_key})
    return Adopted(
        entry.order_id,
        entry.sequence,
        answer.logged_at,
        pan,
        unit,
        tenant,
        service,
        units,
        receipt,
        quoted.paid_minor if quoted is not None else 0,
        site.currency,
    )

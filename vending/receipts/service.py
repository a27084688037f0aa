"""Papers of sales, kept: what stood around a sale is taken once, and each PDF that is given leaves its hash.

A copy in ten years is made from the same rows, so it says what the first paper said. It has the same bytes as long as the
fonts and libraries are those that were recorded (`Made.same_tools`); after an update it still has the same words.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.db import Database
from vending.estate import queries as estate
from vending.languages import first_known
from vending.payments import service as payments
from vending.receipts import pdf, tax, typeset
from vending.receipts.slip import Around, MeterFacts, Month, Party, Slip, credit_note_of, slip_of
from vending.receipts.tables import ReceiptAround, ReceiptPaper
from vending.receipts.wording import Paper, worded
from vending.shifts import queries as shifts
from vending.tariffs import service as tariffs
from vending.vends import facts, queries, reversing
from vending.vends.queries import SaleView, VendView


@dataclass(frozen=True, slots=True)
class Made:
    """A PDF, and whether it is the one that was given before."""

    data: bytes
    sha256: str
    first: str  # the hash of the first one of this size and copy
    same_tools: bool

    @property
    def same_bytes(self) -> bool:
        return self.sha256 == self.first


def keep(db: Database, clock: Clock, sale_key: str, *, test: bool) -> Around:
    """What stands around the sale, taken now unless it was taken before. May be called again and by several at once."""
    with db.reading() as session:
        known = session.get(ReceiptAround, sale_key)
        if known is not None:
            return around_from(known.around)
        around = _around(session, clock, queries.one_sale(session, sale_key), test=test)
    try:
        with db.writing() as session:
            session.add(ReceiptAround(sale_key=sale_key, around=asdict(around), kept_at=clock.now()))
    except sa.exc.IntegrityError:
        # Somebody was faster: his is the one that counts.
        with db.reading() as session:
            row = session.get(ReceiptAround, sale_key)
            assert row is not None, "the row that stood in the way is there"
            return around_from(row.around)
    return around


def slip(db: Database, clock: Clock, sale_key: str, *, test: bool, copy: int | None = None) -> Slip:
    """The slip of a sale. The first print is the receipt; every later one says which copy it is."""
    around = keep(db, clock, sale_key, test=test)
    with db.reading() as session:
        sale = queries.one_sale(session, sale_key)
    return slip_of(sale, around, copy=max(sale.copies - 1, 0) if copy is None else copy)


def paper(db: Database, clock: Clock, sale_key: str, *, test: bool, copy: int | None = None) -> Paper:
    return worded(slip(db, clock, sale_key, test=test, copy=copy))


def credit_notes(db: Database, clock: Clock, sale_key: str, *, test: bool) -> dict[str, Paper]:
    """The credit notes of a sale's orders, by their numbers: stored contents, in what stood around the sale."""
    around = keep(db, clock, sale_key, test=test)
    with db.reading() as session:
        sale = queries.one_sale(session, sale_key)
        found = reversing.of_orders(session, [vend.order_id for vend in sale.vends])
    notes = [one for one in found.values() if one.credit_note and one.decided_at]
    return {
        str(one.credit_note): worded(
            credit_note_of(sale, around, one.content, one.decided_at, one.asked_by_name)
        )
        for one in notes
        if one.decided_at is not None
    }


def make_pdf(
    db: Database, clock: Clock, sale_key: str, size: str, *, test: bool, copy: int | None = None
) -> Made:
    """The PDF, and its hash kept with what made it. A paper that still waits for a token is not kept: it will say more."""
    content = slip(db, clock, sale_key, test=test, copy=copy)
    data = pdf.render(worded(content), size)
    if content.waiting:
        digest = hashlib.sha256(data).hexdigest()
        return Made(data, digest, digest, same_tools=True)
    return _kept(db, clock, data, sale_key=sale_key, number="", size=size, copy_number=content.copy)


def make_credit_note(
    db: Database, clock: Clock, sale_key: str, number: str, size: str, *, test: bool
) -> Made | None:
    """The PDF of one of the sale's credit notes, its hash kept as a receipt's is; none if the sale has no such note."""
    found = credit_notes(db, clock, sale_key, test=test).get(number)
    if found is None:
        return None
    data = pdf.render(found, size)
    return _kept(db, clock, data, sale_key=sale_key, number=number, size=size, copy_number=0)


def _kept(db: Database, clock: Clock, data: bytes, **paper: Any) -> Made:
    """Against the hash of the first one of this paper, which is written now if there was none."""
    digest, tools = hashlib.sha256(data).hexdigest(), typeset.made_with()
    first = _recorded(db, paper)
    if first is None:
        try:
            with db.writing() as session:
                session.add(ReceiptPaper(**paper, sha256=digest, made_with=tools, made_at=clock.now()))
        except sa.exc.IntegrityError:
            first = _recorded(db, paper)  # somebody was faster
    if first is None:
        return Made(data, digest, digest, same_tools=True)
    return Made(data, digest, first[0], same_tools=first[1] == tools)


def _recorded(db: Database, paper: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    with db.reading() as session:
        found = session.execute(
            sa.select(ReceiptPaper.sha256, ReceiptPaper.made_with).filter_by(**paper)
        ).first()
    return (found.sha256, found.made_with) if found is not None else None


# --- what stands around a sale ----------------------------------------------------------------------------------------


def around_from(told: dict[str, Any]) -> Around:
    """What `asdict` made of it, back."""
    return Around(
        seller=Party(**told["seller"]),
        buyer=Party(**told["buyer"]) if told["buyer"] else None,
        meters={
            pan: MeterFacts(**{**one, "ct": tuple(one["ct"]), "vt": tuple(one["vt"])})
            for pan, one in told["meters"].items()
        },
        months={
            order: Month(one["units_before"], tuple((start, rate) for start, rate in one["steps"]))
            for order, one in told["months"].items()
        },
        language=told["language"],
        zone=told["zone"],
        country=told["country"],
        test=told["test"],
        shift=told["shift"],
    )


def _around(session: Session, clock: Clock, sale: SaleView, *, test: bool) -> Around:
    site = estate.one_site(session, sale.site_key)
    keys = list(dict.fromkeys(vend.meter_key for vend in sale.vends if vend.meter_key))
    meters = {meter.key: meter for meter in estate.list_meters(session, clock, keys)}
    tenants = list(dict.fromkeys(vend.tenant_key for vend in sale.vends if vend.tenant_key))
    tenant = estate.one_tenant(session, tenants[0]) if tenants else None
    shift = payments.shift_of_sale(session, sale.key)
    return Around(
        seller=seller_of(site),
        buyer=Party(
            tenant.name,
            address=site.address or site.operator.address,
            tax_number=tenant.tax_number,
            phone=tenant.phone,
            email=tenant.email,
            unit=_unit_of(next(iter(meters.values()))) if meters else "",
            number=tenant.number,
        )
        if tenant
        else None,
        meters={meter.pan: meter_facts(session, meter) for meter in meters.values()},
        months={
            vend.order_id: _month(session, vend) for vend in sale.vends if vend.tariff_version and vend.priced
        },
        language=first_known([tenant.language if tenant else "", *site.languages]),
        zone=site.time_zone,
        country=tax.country_of(site.currency),
        test=test,
        shift=shifts.one_shift(session, shift).number if shift else "",
    )


def seller_of(site: estate.SiteView) -> Party:
    operator = site.operator
    return Party(
        site.name,
        operator.name if operator.name != site.name else "",
        site.address or operator.address,
        operator.tax_number,
        operator.phone,
        operator.email,
    )


def meter_facts(session: Session, meter: estate.MeterView) -> MeterFacts:
    return MeterFacts(
        drn=meter.drn,
        unit=_unit_of(meter),
        tenant=meter.tenant.name if meter.tenant else "",
        source=_source(session, meter),
        ct=(meter.ratio.ct_primary, meter.ratio.ct_secondary),
        vt=(meter.ratio.vt_primary, meter.ratio.vt_secondary),
        ratio_applied_by=meter.ratio.applied_by,
    )


def _unit_of(meter: estate.MeterView) -> str:
    return meter.space.code if meter.space else meter.label


def _source(session: Session, meter: estate.MeterView) -> str:
    """Said only where there is something to tell apart: mains and generator on one meter."""
    sources = list(dict.fromkeys(register.source for register in estate.registers_of(session, meter.key)))
    return ", ".join(source for source in sources if source) if len(sources) > 1 else ""


def _month(session: Session, vend: VendView) -> Month:
    """The counter before this purchase, and the tariff's steps; a tariff without a counter has no month to show."""
    tariff = version_of(session, vend.tariff_version).tariff
    steps = facts.ladder_of(tariff)
    shown = tuple((f"{start:g}", str(rate)) for start, rate in steps) if len(steps) > 1 else ()
    return Month(int(vend.priced.get("units_before", 0)), shown)


def version_of(session: Session, name: str) -> tariffs.Version:
    """The stored version that a slip names: `code version 3`."""
    code, _word, number = name.rpartition(" version ")
    return next(version for version in tariffs.list_versions(session, code) if version.number == int(number))

"""Papers of sales, kept: what stood around a sale is taken once, and each PDF that is given leaves its hash.

A copy in ten years is made from the same rows, so it says what the first paper said. It has the same bytes as long as the
fonts and libraries are those that were recorded (`Made.same_tools`); after an update it still has the same words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.db import Database
from vending.estate import queries as estate
from vending.estate.views import MeterView, RegisterView, SiteView, TenantView
from vending.languages import first_known
from vending.payments import service as payments
from vending.receipts import pdf, tax, typeset
from vending.receipts.slip import Around, MeterFacts, Month, Party, Slip, credit_note_of, slip_of
from vending.receipts.tables import ReceiptAround, ReceiptPaper
from vending.receipts.wording import Paper, worded
from vending.rows import among
from vending.shifts import queries as shifts
from vending.tariffs import service as tariffs
from vending.tariffs.structure import Tariff
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
    return keep_all(db, clock, [sale_key], test=test)[sale_key]


def keep_all(db: Database, clock: Clock, sale_keys: Sequence[str], *, test: bool) -> dict[str, Around]:
    """The same for many sales, by one look and one commit."""
    with db.reading() as session:
        kept = _those_kept(session, sale_keys)
        fresh = [key for key in dict.fromkeys(sale_keys) if key not in kept]
        if not fresh:
            return kept
        around = _all_around(session, clock, queries.whole_sales(session, fresh), test=test)
    try:
        with db.writing() as session:
            session.add_all(
                ReceiptAround(sale_key=key, around=asdict(one), kept_at=clock.now())
                for key, one in around.items()
            )
    except sa.exc.IntegrityError:
        # Somebody was faster with one of them: his is the one that counts. The others are tried each alone.
        if len(fresh) > 1:
            return kept | {key: keep(db, clock, key, test=test) for key in fresh}
        with db.reading() as session:
            around = _those_kept(session, fresh)
        assert fresh[0] in around, "the row that stood in the way is there"
    return kept | around


def _those_kept(session: Session, sale_keys: Sequence[str]) -> dict[str, Around]:
    rows = session.scalars(sa.select(ReceiptAround).where(among(ReceiptAround.sale_key, sale_keys)))
    return {row.sale_key: around_from(row.around) for row in rows}


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


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stands around many sales, read once for all of them; the rare rest is read when it is asked for."""

    session: Session
    sites: Mapping[str, SiteView]
    meters: Mapping[str, MeterView]
    registers: Mapping[str, Sequence[RegisterView]]
    shifts: Mapping[str, str]
    tenants: dict[str, TenantView]
    versions: dict[str, tariffs.Version] = field(default_factory=dict)

    def version(self, name: str) -> tariffs.Version:
        if name not in self.versions:
            self.versions[name] = version_of(self.session, name)
        return self.versions[name]

    def tenant(self, key: str) -> TenantView:
        """Most often he who has one of the meters."""
        if key not in self.tenants:
            self.tenants[key] = estate.one_tenant(self.session, key)
        return self.tenants[key]


def _all_around(
    session: Session, clock: Clock, sales: Sequence[SaleView], *, test: bool
) -> dict[str, Around]:
    keys = list({vend.meter_key for sale in sales for vend in sale.vends if vend.meter_key})
    meters = estate.list_meters(session, clock, keys)
    ground = _Ground(
        session,
        {site.key: site for site in estate.list_sites(session, {sale.site_key for sale in sales})},
        {meter.key: meter for meter in meters},
        estate.registers_of_all(session, keys),
        payments.shifts_of_sales(session, [sale.key for sale in sales]),
        {meter.tenant.key: meter.tenant for meter in meters if meter.tenant is not None},
    )
    return {sale.key: _around(ground, sale, test=test) for sale in sales}


def _around(ground: _Ground, sale: SaleView, *, test: bool) -> Around:
    site = ground.sites[sale.site_key]
    keys = dict.fromkeys(vend.meter_key for vend in sale.vends if vend.meter_key)
    meters = [ground.meters[key] for key in keys if key in ground.meters]
    tenants = list(dict.fromkeys(vend.tenant_key for vend in sale.vends if vend.tenant_key))
    tenant = ground.tenant(tenants[0]) if tenants else None
    shift = ground.shifts.get(sale.key)
    return Around(
        seller=seller_of(site),
        buyer=Party(
            tenant.name,
            address=site.address or site.operator.address,
            tax_number=tenant.tax_number,
            phone=tenant.phone,
            email=tenant.email,
            unit=_unit_of(meters[0]) if meters else "",
            number=tenant.number,
        )
        if tenant
        else None,
        meters={meter.pan: meter_facts(meter, ground.registers[meter.key]) for meter in meters},
        months={
            vend.order_id: _month(ground.version(vend.tariff_version).tariff, vend)
            for vend in sale.vends
            if vend.tariff_version and vend.priced
        },
        language=first_known([tenant.language if tenant else "", *site.languages]),
        zone=site.time_zone,
        country=tax.country_of(site.currency),
        test=test,
        shift=shifts.one_shift(ground.session, shift).number if shift else "",
    )


def seller_of(site: SiteView) -> Party:
    operator = site.operator
    return Party(
        site.name,
        operator.name if operator.name != site.name else "",
        site.address or operator.address,
        operator.tax_number,
        operator.phone,
        operator.email,
    )


def meter_facts(meter: MeterView, registers: Sequence[RegisterView]) -> MeterFacts:
    return MeterFacts(
        drn=meter.drn,
        unit=_unit_of(meter),
        tenant=meter.tenant.name if meter.tenant else "",
        source=_source(registers),
        ct=(meter.ratio.ct_primary, meter.ratio.ct_secondary),
        vt=(meter.ratio.vt_primary, meter.ratio.vt_secondary),
        ratio_applied_by=meter.ratio.applied_by,
    )


def _unit_of(meter: MeterView) -> str:
    return meter.space.code if meter.space else meter.label


def _source(registers: Sequence[RegisterView]) -> str:
    """Said only where there is something to tell apart: mains and generator on one meter."""
    sources = list(dict.fromkeys(register.source for register in registers))
    return ", ".join(source for source in sources if source) if len(sources) > 1 else ""


def _month(tariff: Tariff, vend: VendView) -> Month:
    """The counter before this purchase, and the tariff's steps; a tariff without a counter has no month to show."""
    steps = facts.ladder_of(tariff)
    shown = tuple((f"{start:g}", str(rate)) for start, rate in steps) if len(steps) > 1 else ()
    return Month(int(vend.priced.get("units_before", 0)), shown)


def version_of(session: Session, name: str) -> tariffs.Version:
    """The stored version that a slip names: `code version 3`."""
    code, _word, number = name.rpartition(" version ")
    return next(version for version in tariffs.list_versions(session, code) if version.number == int(number))

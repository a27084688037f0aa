"""The papers that are no receipts, from the rows: of a shift and a bag, of an act without money, a tenant's statement.

What stands on the papers of shifts and bags is decided in `vending/shifts/slip.py`; `slips.py` words it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, NotFound
from vending.estate import queries as estate
from vending.estate.views import SiteView
from vending.languages import first_known
from vending.receipts import service, slips
from vending.receipts.slip import MeterFacts, Party
from vending.receipts.slips import Desk
from vending.receipts.statement import Statement
from vending.receipts.writing import Writing
from vending.shifts import queries as shifts
from vending.shifts import slip as shift_slips
from vending.vends import acting, key_changes, older_tokens
from vending.vends.purchases import list_purchases
from vending.vends.queries import one_sale

MOST_MONTHS = 36


class NoActPaper(NotFound):
    code = "no_act_paper"


class PeriodUnfit(InvalidInput):
    code = "period_unfit"


def desk_of(site: SiteView, *, test: bool, language: str = "") -> Desk:
    """For whom a paper of the desk is written: without a reader, in the first language of the site that we know."""
    return Desk(site.name, site.zone, language or first_known(list(site.languages)), test)


def shift_paper(
    session: Session, clock: Clock, found: shifts.ShiftView, desk: Desk, *, blind: bool, log_head: str
) -> Writing:
    """X or Z. `blind`: its reader counts this drawer and has not locked the count."""
    ways = shifts.reading(session, found)
    content = shift_slips.shift_slip(
        found,
        ways,
        shifts.differences_of(session, found) if found.counts else (),
        printed_at=clock.now(),
        blind=blind,
        log_head=log_head,
    )
    return slips.shift(content, tuple((one.way, one.payments) for one in ways), desk)


def deposit_paper(batch: shifts.BatchView, desk: Desk, *, log_head: str) -> Writing:
    return slips.deposit(shift_slips.deposit_slip(batch, log_head=log_head), desk)


def act_paper(db: Database, clock: Clock, order_id: str, *, test: bool) -> Writing:
    """The slip of an engineering token, a free issue or a key change that was released."""
    with db.reading() as session:
        act = acting.find_act(session, order_id)
        if act is None:
            raise NoActPaper(
                "There is no act without money under that number. Look at the list of tokens without payment."
            )
        sale = one_sale(session, order_id)
        change = next(
            (
                one
                for one in key_changes.list_key_changes(
                    session,
                    sale.site_key,
                    states=("released", "confirmed", "returned"),
                    meter_key=act.meter_key,
                )
                if one.order_id == order_id
            ),
            None,
        )
        zone = estate.one_site(session, sale.site_key).zone
        older = (
            older_tokens.of_meter(session, act.meter_key, change.before, change.released_at) if change else ()
        )
    if not sale.tokens:
        raise NoActPaper(
            "This act has no token yet, so there is nothing to print. Its paper is there as soon as the token is released."
        )
    why = slips.Act(
        act.kind,
        act.number,
        act.work_order,
        act.reason,
        act.asked_by,
        f"{change.before.get('sgc')} · {change.before.get('krn')}" if change else "",
        f"{change.after.get('sgc')} · {change.after.get('krn')}" if change else "",
        tuple(
            slips.Older(
                one.receipt, f"{one.made_at.astimezone(zone):%Y-%m-%d}", one.units, one.service, one.digits
            )
            for one in older
        ),
    )
    return slips.act(service.slip(db, clock, order_id, test=test), why)


def statement(
    session: Session, clock: Clock, tenant_key: str, first: date, last: date, *, test: bool
) -> Statement:
    """What the tenant bought from the first to the last day, both whole days of the site's clock."""
    if last < first:
        raise PeriodUnfit("The last day lies before the first. Exchange the two.", "last")
    if (last.year - first.year) * 12 + last.month - first.month >= MOST_MONTHS:
        raise PeriodUnfit(
            f"A statement covers at most {MOST_MONTHS} months. Choose a later first day.", "first"
        )
    tenant = estate.one_tenant(session, tenant_key)
    site = estate.one_site(session, tenant.site_key)
    since = _midnight(first, site)
    until = _midnight(last + timedelta(days=1), site)
    purchases = tuple(list_purchases(session, tenant_key, since, until))
    keys = list(dict.fromkeys(one.meter_key for one in purchases if one.meter_key))
    return Statement(
        seller=service.seller_of(site),
        buyer=Party(tenant.name, tax_number=tenant.tax_number, number=tenant.number),
        first=first,
        last=last,
        made_at=clock.now(),
        currency=site.currency,
        language=first_known([tenant.language, *site.languages]),
        zone=site.time_zone,
        test=test,
        meters=_meters(session, clock, keys),
        purchases=purchases,
    )


def _meters(session: Session, clock: Clock, keys: Sequence[str]) -> dict[str, MeterFacts]:
    registers = estate.registers_of_all(session, keys)
    return {
        meter.key: service.meter_facts(meter, registers[meter.key])
        for meter in estate.list_meters(session, clock, keys)
    }


def _midnight(day: date, site: SiteView) -> datetime:
    return datetime.combine(day, time(), site.zone)

"""Judging the rows of a list that is to be imported: against each other, and against what is there already.

Pure but for the looks it takes at the beginning; each judge remembers the rows before, so that a double entry is seen.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sts import tid
from vending.clock import Clock
from vending.errors import InvalidInput
from vending.estate import checks, columns, service
from vending.estate.errors import LeaseOverlaps
from vending.estate.tables import Lease, Meter, Site, Space, Tenant

KEYING_COLUMNS = ("ea", "tct", "dkga", "sgc", "krn", "ti", "key_type", "ken", "base_date")


class FormulaInCell(InvalidInput):
    code = "formula_in_cell"


class RowTwice(InvalidInput):
    code = "row_twice"


Faults = Iterator[tuple[str, InvalidInput]]
Judge = Callable[[int, dict[str, Any]], Faults]


def _judge_units(session: Session, _clock: Clock, site: str, _offset: int) -> Judge:
    there = set(session.scalars(sa.select(Space.code).where(Space.site_key == site)))
    seen: dict[str, int] = {}

    def judge(row: int, values: dict[str, Any]) -> Faults:
        code = values["unit"]
        if code in there:
            yield (
                "unit",
                RowTwice(f"Unit {code} is there already. Remove the row, or change the unit on its page."),
            )
        elif code in seen:
            yield "unit", RowTwice(f"Unit {code} stands in row {seen[code]} too. Remove one of the two.")
        seen[code] = row
        if values["floor"] and not values["building"]:
            yield "building", InvalidInput("A floor belongs to a building. Name it.")

    return judge


def _judge_tenants(session: Session, clock: Clock, site: str, _offset: int) -> Judge:
    there = set(session.scalars(sa.select(Tenant.number).where(Tenant.site_key == site)))
    units = dict(session.execute(sa.select(Space.code, Space.key).where(Space.site_key == site)).all())
    taken = set(
        session.scalars(sa.select(Lease.space_key).where(Lease.site_key == site, Lease.ended_at.is_(None)))
    )
    today = service.today_at(session, clock, site)
    seen: dict[str, int] = {}
    let: dict[str, int] = {}

    def judge(row: int, values: dict[str, Any]) -> Faults:
        number, unit = values["number"], values["unit"]
        if number and number in there:
            yield (
                "number",
                RowTwice(
                    f"Customer {number} is there already. Remove the row, or change the tenant on its page."
                ),
            )
        elif number and number in seen:
            yield (
                "number",
                RowTwice(f"Customer {number} stands in row {seen[number]} too. Remove one of the two."),
            )
        seen[number] = row
        if not unit:
            return
        if unit not in units:
            yield (
                "unit",
                InvalidInput(f"There is no unit {unit}. Import the units first, or correct the name."),
            )
        elif units[unit] in taken:
            yield "unit", LeaseOverlaps(f"Unit {unit} is let already. End that lease first.")
        elif unit in let:
            yield (
                "unit",
                LeaseOverlaps(f"Unit {unit} stands in row {let[unit]} too. A unit has one tenant at a time."),
            )
        let[unit] = row
        if values["lease_start"] is None:
            yield "lease_start", InvalidInput("A lease needs its first day.")
            return
        try:
            service.check_term(values["lease_start"], values["lease_end"], today)
        except InvalidInput as error:
            yield "lease_end" if values["lease_end"] else "lease_start", error

    return judge


def _judge_meters(session: Session, clock: Clock, site: str, offset: int) -> Judge:
    there = set(session.scalars(sa.select(Meter.pan)))
    units = set(session.scalars(sa.select(Space.code).where(Space.site_key == site)))
    zone = ZoneInfo(session.scalars(sa.select(Site.time_zone).where(Site.key == site)).one())
    latest = clock.now() + timedelta(minutes=60)
    seen: dict[str, int] = {}

    def judge(row: int, values: dict[str, Any]) -> Faults:
        pan = values["number"]
        if pan in there:
            yield (
                "number",
                RowTwice(
                    "This meter is registered already. Remove the row, or change the meter on its page."
                ),
            )
        elif pan in seen:
            yield "number", RowTwice(f"This meter stands in row {seen[pan]} too. Remove one of the two.")
        seen[pan] = row
        if values["unit"] and values["unit"] not in units:
            yield (
                "unit",
                InvalidInput(
                    f"There is no unit {values['unit']}. Import the units first, or correct the name."
                ),
            )
        try:
            columns.check_keying(*(values[name] for name in KEYING_COLUMNS))
        except InvalidInput as error:
            yield error.field or "ea", error
        try:
            columns.check_ratio(values["ct_primary"], values["ct_secondary"])
        except InvalidInput as error:
            yield "ct_primary", error
        if values["credit_in"] == "meter" and values["service"] not in checks.TOKEN_SUBCLASS:
            yield (
                "credit_in",
                InvalidInput(
                    f"There are no tokens for {values['service']}; its credit is kept in the account."
                ),
            )
        if (
            values["state"] == "in service"
            and values["credit_in"] == "meter"
            and values["key_type"] in (0, 1)
        ):
            yield (
                "state",
                InvalidInput("A meter under a factory key cannot be in service. Make its key change first."),
            )
        sold_at = values["last_token_at"]
        if sold_at is not None and sold_at.replace(tzinfo=zone) > latest:
            yield (
                "last_token_at",
                InvalidInput(
                    "The last sale lies in the future. Check the date and the clock it was read from."
                ),
            )
        floor = floor_of({**values, "last_token_at": None}, zone, offset)
        if floor is not None and floor > minute_of(latest, offset) + 60:
            yield (
                "last_tid",
                InvalidInput(
                    "The last token's identifier lies in the future. Check the identifier and its base date."
                ),
            )

    return judge


JUDGES: dict[str, Callable[[Session, Clock, str, int], Judge]] = {
    "units": _judge_units,
    "tenants": _judge_tenants,
    "meters": _judge_meters,
}


def minute_of(moment: datetime, offset_minutes: int) -> int:
    """Minutes since the first base date, on the token clock of a supply group."""
    return int((moment - datetime(1993, 1, 1, tzinfo=UTC)) / timedelta(minutes=1)) + offset_minutes


def floor_of(values: dict[str, Any], zone: ZoneInfo, offset_minutes: int) -> int | None:
    """The absolute minute up to which the former vendor may have sold: the higher of what it told."""
    minutes = []
    if values["last_tid"] is not None:
        minutes.append(tid.absolute_minute(values["last_tid"], values["base_date"]))
    if values["last_token_at"] is not None:
        # The list has no seconds and the former vendor may have taken the next free minute.
        minutes.append(
            minute_of(values["last_token_at"].replace(tzinfo=zone).astimezone(UTC), offset_minutes) + 1
        )
    return max(minutes, default=None)

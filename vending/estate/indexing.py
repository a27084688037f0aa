"""Keeps the search words in step with the facts: a step of every act that changes a name, a unit or a number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.estate import search
from vending.estate.tables import (
    Building,
    Floor,
    Lease,
    Meter,
    SearchEntry,
    SearchWord,
    Space,
    Tenant,
    TenantContact,
)

CHUNK = 1000
_ENTRIES: Any = SearchEntry.__table__  # the plain table: nobody asks for objects back


@dataclass(frozen=True, slots=True)
class Findable:
    """One thing as it is to be found."""

    kind: str  # meter, tenant
    key: str
    site_key: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...]


def write(session: Session, things: Sequence[Findable]) -> None:
    """Writes the entries of things that have none yet. Sorted by word, so that the index grows in order."""
    if not things:
        return
    session.flush()
    ids: dict[str, int] = {}
    for start in range(0, len(things), CHUNK):
        chunk = things[start : start + CHUNK]
        session.execute(
            sa.insert(_ENTRIES),
            [
                {
                    "kind": t.kind,
                    "subject_key": t.key,
                    "site_key": t.site_key,
                    "text": search.entry_text(t.numbers, t.texts),
                }
                for t in chunk
            ],
        )
        query = sa.select(SearchEntry.subject_key, SearchEntry.id).where(
            SearchEntry.subject_key.in_([t.key for t in chunk])
        )
        ids.update((row.subject_key, row.id) for row in session.execute(query))
    _insert_words(
        session,
        sorted(
            (word, ids[thing.key])
            for thing in things
            for word in search.entry_words(thing.numbers, thing.texts)
        ),
    )


def _insert_words(session: Session, rows: list[tuple[str, int]]) -> None:
    """By the driver's own fastest way: a list of a hundred thousand meters has two million words."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        if rows:
            connection.exec_driver_sql("INSERT INTO search_word (word, entry_id) VALUES (?, ?)", rows)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY search_word (word, entry_id) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def forget(session: Session, keys: Iterable[str]) -> None:
    ids = list(session.scalars(sa.select(SearchEntry.id).where(SearchEntry.subject_key.in_(list(keys)))))
    if not ids:
        return
    words: set[str] = set()
    for line in session.scalars(sa.select(SearchEntry.text).where(SearchEntry.id.in_(ids))):
        words |= search.words_of_line(line)
    session.execute(sa.delete(SearchWord).where(SearchWord.word.in_(words), SearchWord.entry_id.in_(ids)))
    session.execute(sa.delete(SearchEntry).where(SearchEntry.id.in_(ids)))


def refresh_meters(session: Session, meter_keys: Sequence[str]) -> None:
    """Writes the entries of these meters anew, with their unit and whoever is in it."""
    session.flush()
    forget(session, meter_keys)
    rows = session.execute(
        sa.select(
            Meter.key,
            Meter.site_key,
            Meter.drn,
            Meter.pan,
            Meter.label,
            Space.code,
            Floor.name,
            Building.name,
            Meter.space_key,
        )
        .outerjoin(Space, Space.key == Meter.space_key)
        .outerjoin(Floor, Floor.key == Space.floor_key)
        .outerjoin(Building, Building.key == Floor.building_key)
        .where(Meter.key.in_(meter_keys))
    ).all()
    people = people_of(session, [row[8] for row in rows if row[8]])
    write(
        session,
        [
            Findable(
                "meter",
                key,
                site_key,
                (drn + pan[-1], *people.get(space_key, ((), ()))[0]),
                (label, code or "", floor or "", building or "", *people.get(space_key, ((), ()))[1]),
            )
            for key, site_key, drn, pan, label, code, floor, building, space_key in rows
        ],
    )


def refresh_tenants(session: Session, tenant_keys: Sequence[str]) -> None:
    """Writes the entries of these tenants anew, and those of every meter in their units."""
    session.flush()
    forget(session, tenant_keys)
    contacts: dict[str, list[TenantContact]] = {}
    for contact in session.scalars(sa.select(TenantContact).where(TenantContact.tenant_key.in_(tenant_keys))):
        contacts.setdefault(contact.tenant_key, []).append(contact)
    things = []
    for tenant in session.scalars(sa.select(Tenant).where(Tenant.key.in_(tenant_keys))):
        mine = contacts.get(tenant.key, [])
        things.append(
            Findable(
                "tenant",
                tenant.key,
                tenant.site_key,
                (
                    *search.as_dialled(tenant.phone),
                    *(n for contact in mine for n in search.as_dialled(contact.phone)),
                ),
                (
                    tenant.name,
                    tenant.number,
                    tenant.tax_number,
                    tenant.email,
                    *(contact.name for contact in mine),
                ),
            )
        )
    write(session, things)
    meters = session.scalars(
        sa.select(Meter.key)
        .join(Lease, Lease.space_key == Meter.space_key)
        .where(Lease.tenant_key.in_(tenant_keys), Lease.ended_at.is_(None))
    ).all()
    if meters:
        refresh_meters(session, meters)


def refresh_space(session: Session, space_key: str) -> None:
    """The unit got another name or another tenant: its meters are found under the new words."""
    session.flush()
    meters = session.scalars(sa.select(Meter.key).where(Meter.space_key == space_key)).all()
    if meters:
        refresh_meters(session, meters)


def people_of(
    session: Session, space_keys: Sequence[str]
) -> dict[str | None, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Numbers and texts of whoever has each space now."""
    found: dict[str | None, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    rows = session.execute(
        sa.select(Lease.space_key, Tenant.key, Tenant.name, Tenant.number, Tenant.phone)
        .join(Tenant, Tenant.key == Lease.tenant_key)
        .where(Lease.space_key.in_(space_keys), Lease.ended_at.is_(None))
    ).all()
    keys = {row[1] for row in rows}
    contacts: dict[str, list[tuple[str, str]]] = {}
    for tenant_key, name, phone in session.execute(
        sa.select(TenantContact.tenant_key, TenantContact.name, TenantContact.phone).where(
            TenantContact.tenant_key.in_(keys)
        )
    ):
        contacts.setdefault(tenant_key, []).append((name, phone))
    for space_key, tenant_key, name, number, phone in rows:
        mine = contacts.get(tenant_key, [])
        numbers, texts = found.get(space_key, ((), ()))
        found[space_key] = (
            (*numbers, *search.as_dialled(phone), *(each for _n, p in mine for each in search.as_dialled(p))),
            (*texts, name, number, *(n for n, _p in mine)),
        )
    return found

"""One look at the database for a whole group of orders: a handful of statements, whatever the size of the group.

Planning is pure and cheap, and a round trip costs more than a row; so what the orders of a group need to know (meters, keys,
tariffs in force, balances, what was bought this month) is read for all of them at once. What was not read ahead is read
when it is asked for, by the same statements for a list of one. A look belongs to one transaction and is never kept:
what earlier orders of the group take is counted by `facts.Spent`, and nothing is written while it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from vending.clock import Clock
from vending.estate import queries as estate
from vending.estate.views import MeterView, SiteView
from vending.ledger import queries as ledger
from vending.payments.sellers import account_of
from vending.rows import among, ask
from vending.tariffs import service as tariffs
from vending.tariffs.calendar import counter_window
from vending.vends.plan import COUNTS, VendOrder, held
from vending.vends.tables import AllowanceClaim, KeyChange, Vend

Key = TypeVar("Key")
Found = TypeVar("Found")
Window = tuple[datetime, datetime]
Claim = tuple[str, str]


# Built once: putting a statement together takes longer than the server needs for it.
_COUNTED = (Vend.kind == "credit", Vend.state.in_(COUNTS))
_CHANGES = (
    sa.select(KeyChange.meter_key, KeyChange.order_id, KeyChange.after)
    .where(among(KeyChange.meter_key), KeyChange.state == "released")
    .order_by(KeyChange.released_at, KeyChange.order_id)
)
_BOUGHT = (
    sa.select(Vend.meter_key, sa.func.sum(Vend.units).label("units"))
    .where(
        among(Vend.meter_key),
        Vend.paid_at >= sa.bindparam("begin"),
        Vend.paid_at < sa.bindparam("end"),
        *_COUNTED,
    )
    .group_by(Vend.meter_key)
)
_CHARGED = (
    sa.select(Vend.meter_key, sa.func.max(Vend.paid_at).label("last"))
    .where(among(Vend.meter_key), *_COUNTED)
    .group_by(Vend.meter_key)
)
_CLAIMS = sa.select(AllowanceClaim.entitlement, AllowanceClaim.month).where(
    among(AllowanceClaim.entitlement), AllowanceClaim.given_back_at.is_(None)
)


class Asked(Protocol):
    """What is looked at: a basket, or an order that somebody wants to know the price of."""

    @property
    def site(self) -> str: ...

    @property
    def till(self) -> str: ...

    @property
    def orders(self) -> tuple[VendOrder, ...]: ...


class Look:
    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self.now = clock.now()
        self._sites: dict[str, SiteView] = {}
        self._meters: dict[str, MeterView | None] = {}
        self._changes: dict[str, tuple[tuple[str, dict[str, object]], ...]] = {}
        self._versions: dict[tuple[str, ZoneInfo], tariffs.Version | None] = {}
        self._standing: dict[tuple[str, str], ledger.Standing] = {}
        self._debts: dict[tuple[str, str], tuple[str, ...]] = {}
        self._bought: dict[tuple[str, Window], int] = {}
        self._charged: dict[str, datetime | None] = {}
        self._claims: dict[Claim, bool] = {}

    @classmethod
    def ahead(cls, session: Session, clock: Clock, baskets: Sequence[Asked], *, lock: bool) -> Look:
        """Reads for all orders of these baskets at once. `lock` (a sale, not a quote): until the transaction ends, nobody
        else plans a sale for the same meters, so that no two of them find the same units bought this month."""
        look = cls(session, clock)
        names = list(
            dict.fromkeys(order.meter for basket in baskets for order in basket.orders if order.meter)
        )
        look._meet(names, lock=lock)
        _fill(look._sites, [basket.site for basket in baskets], look._read_sites)
        meters = [meter for meter in look._meters.values() if meter is not None]
        keys = [meter.key for meter in meters]
        _fill(look._changes, keys, look._read_changes)
        _fill(look._charged, keys, look._read_charged)
        zones = {site.key: site.zone for site in look._sites.values()}
        sold = [meter for meter in meters if meter.site_key in zones]
        _fill(
            look._versions,
            [(meter.tariff, zones[meter.site_key]) for meter in sold if meter.tariff],
            look._read_versions,
        )
        windows, claims, tenants = [], [], []
        for meter in sold:
            version = look._versions.get((meter.tariff or "", zones[meter.site_key]))
            if version is None or meter.tenant is None or meter.lease is None:
                continue
            window = counter_window(version.tariff.counter, look.now, zones[meter.site_key])
            if window is not None:
                windows.append((meter.key, window))
            if version.tariff.allowance is not None:
                month = f"{look.now.astimezone(zones[meter.site_key]):%Y-%m}"
                claims.append((f"{meter.lease.key}/{meter.service}", month))
            tenants.append((meter.tenant.key, version.tariff.currency))
        for basket in baskets:
            if basket.site in look._sites:
                currency = look._sites[basket.site].currency
                tenants += [(order.tenant, currency) for order in basket.orders if order.tenant]
        _fill(look._bought, windows, look._read_bought)
        _fill(look._claims, claims, look._read_claims)
        _fill(look._debts, tenants, look._read_debts)
        places = [(path, unit) for (_t, unit), paths in look._debts.items() for path in paths]
        places += [(f"{root}/{tenant}", unit) for tenant, unit in tenants for root in ("kept", "customer")]
        if lock:
            # What a sale posts to besides, so that its steps find these accounts read.
            ledger.meet(
                session,
                [
                    *(path for path, _unit in places),
                    *(held(tenant) for tenant, _unit in tenants),
                    *(account_of(basket.till) for basket in baskets if basket.till),
                ],
            )
        _fill(look._standing, places, look._read_standing)
        return look

    # --- what may be asked ----------------------------------------------------------------------------------------

    def site(self, key: str) -> SiteView:
        found = _fill(self._sites, [key], self._read_sites).get(key)
        return found if found is not None else estate.one_site(self._session, key)

    def meter(self, name: str, site: SiteView) -> MeterView:
        """By key, or by number as `estate.one_meter` takes it. A meter of another site is as good as none."""
        if name not in self._meters:
            self._meet([name], lock=False)
        found = self._meters[name]
        if found is not None and found.site_key == site.key:
            return found
        return estate.one_meter(self._session, self._clock, name, sites=(site.key,))

    def key_changes(self, meter_key: str) -> tuple[tuple[str, dict[str, object]], ...]:
        """Key changes whose tokens are released and not confirmed, the oldest first: (order id, the key after it)."""
        return _fill(self._changes, [meter_key], self._read_changes)[meter_key]

    def version(self, code: str, zone: ZoneInfo) -> tariffs.Version:
        found = _fill(self._versions, [(code, zone)], self._read_versions)[code, zone]
        return found if found is not None else tariffs.in_force(self._session, code, self.now, zone)

    def balance(self, account: str, unit: str) -> int:
        return self._one_standing(account, unit).balance

    def available(self, account: str, unit: str) -> int:
        """What may still be spent: orders that are paid and not released have set aside their part."""
        return self._one_standing(account, unit).available

    def debts(self, tenant_key: str, currency: str) -> list[tuple[str, int]]:
        """The accounts of this customer's debts, and what is open on each."""
        paths = _fill(self._debts, [(tenant_key, currency)], self._read_debts)[tenant_key, currency]
        _fill(self._standing, [(path, currency) for path in paths], self._read_standing)
        found = [(path, self._standing[path, currency].available) for path in paths]
        return [(path, open_minor) for path, open_minor in found if open_minor]

    def units_bought(self, meter_key: str, window: Window) -> int:
        return _fill(self._bought, [(meter_key, window)], self._read_bought)[meter_key, window]

    def last_bought(self, meter_key: str) -> datetime | None:
        return _fill(self._charged, [meter_key], self._read_charged)[meter_key]

    def is_claimed(self, claim: Claim) -> bool:
        return _fill(self._claims, [claim], self._read_claims)[claim]

    # --- the statements -------------------------------------------------------------------------------------------

    def _one_standing(self, account: str, unit: str) -> ledger.Standing:
        return _fill(self._standing, [(account, unit)], self._read_standing)[account, unit]

    def _read_sites(self, keys: list[str]) -> Iterable[tuple[str, SiteView]]:
        return [(site.key, site) for site in estate.list_sites(self._session, keys)]

    def _meet(self, names: list[str], *, lock: bool) -> None:
        """Reads these meters, and knows each by its key from then on too."""
        keys = estate.keys_of(self._session, names)
        if lock:
            estate.lock_meters(self._session, list(keys.values()))
        found = {
            view.key: view for view in estate.list_meters(self._session, self._clock, list(keys.values()))
        }
        self._meters |= {name: found.get(keys.get(name, "")) for name in names} | found

    def _read_changes(
        self, keys: list[str]
    ) -> Iterable[tuple[str, tuple[tuple[str, dict[str, object]], ...]]]:
        found: dict[str, list[tuple[str, dict[str, object]]]] = {key: [] for key in keys}
        for row in ask(self._session, _CHANGES, names=keys):
            found[row.meter_key].append((row.order_id, row.after))
        return [(key, tuple(changes)) for key, changes in found.items()]

    def _read_versions(
        self, wanted: list[tuple[str, ZoneInfo]]
    ) -> Iterable[tuple[tuple[str, ZoneInfo], tariffs.Version | None]]:
        for zone in {zone for _code, zone in wanted}:
            codes = [code for code, its_zone in wanted if its_zone == zone]
            found = tariffs.list_in_force(self._session, codes, self.now, zone)
            yield from (((code, zone), found.get(code)) for code in codes)

    def _read_standing(
        self, places: list[tuple[str, str]]
    ) -> Iterable[tuple[tuple[str, str], ledger.Standing]]:
        return zip(places, ledger.standing(self._session, places), strict=True)

    def _read_debts(self, wanted: list[tuple[str, str]]) -> Iterable[tuple[tuple[str, str], tuple[str, ...]]]:
        found = ledger.paths_under(self._session, [f"debt/{tenant}/" for tenant, _currency in wanted])
        return [((tenant, unit), tuple(found[f"debt/{tenant}/"])) for tenant, unit in wanted]

    def _read_bought(self, wanted: list[tuple[str, Window]]) -> Iterable[tuple[tuple[str, Window], int]]:
        for window in {window for _meter, window in wanted}:
            keys = [meter for meter, its_window in wanted if its_window == window]
            begin, end = window
            sums = {
                row.meter_key: int(row.units)
                for row in ask(self._session, _BOUGHT, names=keys, begin=begin, end=end)
            }
            yield from (((key, window), sums.get(key, 0)) for key in keys)

    def _read_charged(self, keys: list[str]) -> Iterable[tuple[str, datetime | None]]:
        last = {row.meter_key: row.last for row in ask(self._session, _CHARGED, names=keys)}
        return [(key, last.get(key)) for key in keys]

    def _read_claims(self, claims: list[Claim]) -> Iterable[tuple[Claim, bool]]:
        there = {
            (row.entitlement, row.month)
            for row in ask(self._session, _CLAIMS, names=[entitlement for entitlement, _month in claims])
        }
        return [(claim, claim in there) for claim in claims]


def _fill(
    known: dict[Key, Found],
    wanted: Iterable[Key],
    read: Callable[[list[Key]], Iterable[tuple[Key, Found]]],
) -> dict[Key, Found]:
    """Reads what is not known yet, all of it at once."""
    missing = [key for key in dict.fromkeys(wanted) if key not in known]
    if missing:
        known.update(read(missing))
    return known

"""What the estate tells about itself: frozen views, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from keystore.module import MeterKeying
from vending.errors import said


@dataclass(frozen=True, slots=True)
class OperatorView:
    key: str
    name: str
    address: str
    tax_number: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class SiteView:
    key: str
    name: str
    address: str
    time_zone: str
    currency: str
    languages: tuple[str, ...]
    taxes: tuple[dict[str, Any], ...]
    operator: OperatorView

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class SpaceView:
    key: str
    site_key: str
    code: str
    format: str
    area_cm2: int
    floor: str
    building: str


@dataclass(frozen=True, slots=True)
class TenantView:
    key: str
    site_key: str
    number: str
    name: str
    kind: str
    parent_key: str | None
    phone: str
    email: str
    tax_number: str
    language: str


@dataclass(frozen=True, slots=True)
class LeaseView:
    key: str
    space_key: str
    tenant_key: str
    starts_on: date
    ends_on: date | None
    deposit_minor: int
    tariffs: dict[str, str]
    shares: dict[str, int]
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ratio:
    ct_primary: int
    ct_secondary: int
    vt_primary: int
    vt_secondary: int
    applied_by: str

    @property
    def vendor_factor(self) -> tuple[int, int]:
        """By what pricing multiplies what the meter counts: 1 when the meter applies the ratio itself."""
        if self.applied_by == "meter":
            return 1, 1
        return self.ct_primary * self.vt_primary, self.ct_secondary * self.vt_secondary


@dataclass(frozen=True, slots=True)
class RegisterView:
    key: str
    name: str
    service: str
    source: str
    unit: str
    subclass: int
    tariff: str | None


@dataclass(frozen=True, slots=True)
class MeterView:
    """All that a sale, a till and a building need to know about a meter at this moment."""

    key: str
    site_key: str
    pan: str
    drn: str
    label: str
    service: str
    credit_in: str  # meter: sold by token; account: the balance is ours
    profile: str
    meter_class: str
    driver: str
    state: str
    blocked_why: str | None
    power_limit_w: int | None
    ratio: Ratio
    keying: MeterKeying
    tid_floor: int | None
    circuit_key: str | None
    own_tariff: str | None
    space: SpaceView | None
    tenant: TenantView | None
    lease: LeaseView | None
    commissioned_at: datetime | None
    token_limit_units: int | None = None

    @property
    def tariff(self) -> str | None:
        """The lease's tariff for this service goes before the meter's own."""
        return (self.lease.tariffs.get(self.service) if self.lease else None) or self.own_tariff

    @property
    def not_for_sale(self) -> str | None:
        """Why the till cannot sell to this meter now, and what changes that; None when it can."""
        if self.state == "removed":
            return said(
                f"Meter {self.drn} was taken off the wall ({self.blocked_why}). Use the number of the new meter."
            )
        if self.state == "blocked":
            return said(f"Meter {self.drn} is blocked: {self.blocked_why}. A manager can unblock it.")
        if self.state == "registered":
            return said(
                f"Meter {self.drn} is not in service yet. Commission it first: see its display test and its key."
            )
        if self.tenant is None:
            if self.space is None:
                return said("This meter has no tenant, so nothing is sold there. Enter who moves in first.")
            return said(
                f"Unit {self.space.code} has no tenant, so nothing is sold there. Enter who moves in first."
            )
        if self.tariff is None:
            return said(
                f"No tariff is named for {self.service} of {self.tenant.name}. A manager chooses it on the lease."
            )
        if self.credit_in == "meter" and self.keying.key_type == 3:
            return said(
                f"Meter {self.drn} is under a common key, to which no credit is sold. Make the key change first."
            )
        if self.credit_in == "meter" and self.keying.key_type in (0, 1):
            return said(
                f"Meter {self.drn} is under a factory key, to which no credit can be sold. Make the key change first."
            )
        return None


@dataclass(frozen=True, slots=True)
class ContactView:
    key: str
    name: str
    role: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class KeyDataView:
    """One configuration that a meter had, since when and why."""

    at: datetime
    keying: MeterKeying
    actor: str
    evidence: str
    reason: str

    @property
    def key_type(self) -> int:
        return self.keying.key_type


@dataclass(frozen=True, slots=True)
class RatioView:
    at: datetime
    ratio: Ratio
    approval_key: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class CircuitView:
    key: str
    parent_key: str | None
    name: str
    service: str
    rating_amperes: int | None
    measured_by: str | None
    depth: int


@dataclass(frozen=True, slots=True)
class HistoryLine:
    at: datetime
    actor_name: str
    act: str
    detail: dict[str, Any]
    reason: str | None

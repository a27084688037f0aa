"""How an act is told: the value that its page shows, and the telling of an act field by field where nothing better is known.

Not here: the acts themselves, which stand in `telling.py` and its two neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from vending.access.approvals import RequestView
from vending.access.policy import EVERYWHERE
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.services import Services
from vending.web import words
from vending.web.words import _

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    sentence: str
    before: Pairs
    after: Pairs
    evidence: list[dict[str, str]]
    verb: str  # what the button says


def site_name(session: Session, key: str) -> str:
    if key == EVERYWHERE:
        return _("all sites")
    try:
        return estate.one_site(session, key).name
    except VendingError:
        return key


def moment_of(text: str, zone: ZoneInfo) -> str:
    return words.moment(datetime.fromisoformat(text), zone)


def name_of(view: RequestView) -> str:
    """What kind of act it is, in the page's language."""
    return words.refusal(view.act.says)


# What every act of the module carries besides its facts; the page shows it in other places.
_ENVELOPE = {"act", "module", "maker", "reason", "made", "nonce", "beneficiary", "expires", "items"}


def plainly(_services: Services, session: Session, view: RequestView, zone: ZoneInfo) -> Told:
    """By its fields, so that nothing is hidden: what the act is about may be gone since, or may never have had a page."""
    currency = str(view.content.get("currency") or _currency(session, view.site))
    after = [
        (_label(name), _value(name, value, currency, zone))
        for name, value in sorted(view.content.items())
        if name not in _ENVELOPE and name != "currency"
    ]
    says = name_of(view)
    return Told(_("%(who)s asks: %(what)s", who=view.maker_name, what=says), [], after, [], says)


def _currency(session: Session, site: str) -> str:
    try:
        return estate.one_site(session, site).currency
    except VendingError:
        return ""


def _label(name: str) -> str:
    names = {
        "amount_minor": _("Amount"),
        "till": _("Till"),
        "way": _("Way to pay"),
        "reference": _("Reference"),
        "name": _("Name"),
        "scopes": _("What it may do"),
        "days": _("Valid for, in days"),
        "calls_a_minute": _("Calls a minute"),
        "sale_limit_minor": _("Limit of one sale"),
        "seller": _("Seller"),
        "month": _("Month"),
        "until": _("Until"),
        "note": _("Note"),
        "evidence": _("Evidence"),
    }
    said = name.removesuffix("_minor").replace("_", " ").replace("-", " ").capitalize()
    return names.get(name, said)


def _value(name: str, value: Any, currency: str, zone: ZoneInfo) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_minor") and currency:
        return words.total(value, currency)
    if isinstance(value, str) and "T" in value:
        try:
            return moment_of(value, zone)
        except ValueError:
            return value
    return "; ".join(_parts(value)) or "–"


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"{name} {'; '.join(_parts(one))}" for name, one in value.items())
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _parts(one)
    elif isinstance(value, bool):
        yield _("yes") if value else _("no")
    elif value is not None:
        yield str(value)

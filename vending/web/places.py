"""Where a page is: the site and the till. Both are kept in this browser's cookies, because tills are places; a person with
several sites chooses one of them, and a cookie that names any other site is not believed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request

from vending.access import policy
from vending.errors import NotFound
from vending.estate import queries as estate
from vending.estate.views import SiteView
from vending.services import Services

TILL_COOKIE = "till"
SITE_COOKIE = "site"
DEFAULT_TILL = "N1"
_TILL = re.compile(r"^[A-Z][A-Z0-9]{0,5}$")


@dataclass(frozen=True, slots=True)
class Place:
    site: SiteView
    till: str
    sites: tuple[tuple[str, str], ...] = ()  # (key, name) of each site where this person works

    @property
    def site_key(self) -> str:
        return self.site.key

    @property
    def currency(self) -> str:
        return self.site.currency

    @property
    def zone(self) -> ZoneInfo:
        return self.site.zone


def of_request() -> Place:
    """The place of this request, looked up once; a person without any site has no page that needs one."""
    found = find()
    if found is None:
        raise NotFound("There is no site here for your work yet. A manager gives you a role at one.")
    return found


def find() -> Place | None:
    if "place" not in g:
        g.place = _look_up(g.services)
    found = g.place
    assert found is None or isinstance(found, Place)
    return found


def _look_up(services: Services) -> Place | None:
    till = request.cookies.get(TILL_COOKIE, DEFAULT_TILL)
    actor = g.get("actor")
    if actor is None:
        return None
    with services.db.reading() as session:
        sites = estate.list_sites(session, actor.sites)
    if not sites:
        return None
    wanted = request.cookies.get(SITE_COOKIE, "")
    chosen = next((site for site in sites if site.key == wanted), sites[0])
    return Place(
        chosen,
        till if _TILL.match(till) else DEFAULT_TILL,
        tuple((site.key, site.name) for site in sites),
    )


def refuse_elsewhere(site_key: str) -> None:
    """A row of another site is not there for somebody who has no work at that site: the same answer as for no row."""
    if site_key != of_request().site_key:
        raise NotFound("There is nothing under that number at this site.")


def can(actor: Any, permission: str) -> bool:
    place = find()
    return (
        actor is not None
        and place is not None
        and policy.allowed(actor, policy.Permission(permission), place.site_key)
    )

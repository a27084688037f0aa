"""The people of the shop as actors, a safe with money in it, and the steps of a shift in one line each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shop import Shop

from vending.access import people
from vending.access.policy import SYSTEM, Actor
from vending.shifts import service
from vending.vends.plan import Basket


@dataclass
class Desk:
    shop: Shop
    cast: dict[str, Actor]

    @property
    def site(self) -> str:
        return self.shop.site

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.cast[name]
        except KeyError:
            raise AttributeError(name) from None

    def open(
        self,
        who: str = "thandi",
        *,
        till: str = "N1",
        float_minor: int = 50_000,
        witness: str | None = "amina",
    ) -> str:
        return service.open_shift(
            self.shop.db,
            self.shop.clock,
            self.cast[who],
            site=self.site,
            currency="ZAR",
            till=till,
            float_minor=float_minor,
            witness=self.cast[witness] if witness else None,
        )

    def basket(
        self, shift: str, minor: int, *, who: str = "thandi", till: str = "N1", unit: str = "G-03"
    ) -> Basket:
        actor = self.cast[who]
        return replace(
            self.shop.basket(self.shop.order(unit, minor), till=till),
            cashier_key=actor.key,
            cashier_name=actor.name,
            shift=shift,
        )


def actors(shop: Shop) -> dict[str, Actor]:
    found = {}
    with shop.db.reading() as session:
        grants = people.grants_of(session)
        for login in ("thandi", "pieter", "amina", "john", "grace", "claire", "coffee"):
            person = people.find_person(session, login)
            assert person is not None
            found[login] = Actor(
                person.key, person.name, grants.get(person.key, frozenset()), tenant=person.tenant_key
            )
    return found


def open_desk(shop: Shop) -> Desk:
    service.bring_to_safe(
        shop.db,
        shop.clock,
        SYSTEM,
        site=shop.site,
        currency="ZAR",
        amount_minor=1_000_000,
        reason="First float",
    )
    return Desk(shop, actors(shop))

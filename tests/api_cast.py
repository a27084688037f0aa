"""Keys and a seller for tests of the API, over the furnished shop."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from shop import Shop
from werkzeug.test import TestResponse

from vending.access import api_keys
from vending.access.policy import ROLES, SYSTEM
from vending.payments import sellers

EVERY_SCOPE = tuple(sorted(permission.value for permission in ROLES["API client"]))
SELLS = ("sale.make", "sale.read", "sale.reprint", "sale.reverse", "tariff.read")


def add_seller(
    shop: Shop, code: str = "KIOSK7", *, paid_in: int = 5_000_00, credit: int = 0, commission: str = "1.5 %"
) -> None:
    with shop.db.writing() as session:
        sellers.register(
            session, shop.clock, SYSTEM, code=code, name=f"Kiosk {code}", site=shop.site, currency="ZAR"
        )
        wanted = sellers.terms(
            sellers.one(session, code),
            commission=sellers.Commission.read(commission),
            credit_limit_minor=credit,
        )
        sellers.put_terms(session, shop.clock, SYSTEM, wanted, reason="test")
        if paid_in:
            sellers.pay_in(session, shop.clock, SYSTEM, code, paid_in, reference=f"bank-{code}")


def add_key(
    shop: Shop,
    *,
    site: str | None = None,
    scopes: tuple[str, ...] = SELLS,
    seller: str | None = "KIOSK7",
    calls_a_minute: int = 60_000,
    sale_limit_minor: int = 2_000_00,
) -> str:
    secret = f"ampoule_{uuid.uuid4().hex}"
    wanted = api_keys.content(
        name="Till bridge",
        site=site or shop.site,
        scopes=scopes,
        calls_a_minute=calls_a_minute,
        sale_limit_minor=sale_limit_minor if "sale.make" in scopes else 0,
        days=90,
        seller=seller,
    )
    with shop.db.writing() as session:
        api_keys.load_public(session, shop.clock, SYSTEM, wanted, secret)
    return secret


@dataclass
class Program:
    """A client of the API, as a program would be one."""

    client: FlaskClient
    secret: str

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", query_string=query, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.client.post(
            f"/api/v1{path}",
            data=json.dumps(body) if body is not None else None,
            content_type="application/json" if body is not None else None,
            headers={**self.headers, **headers},
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def program(app: Flask, secret: str) -> Program:
    return Program(app.test_client(), secret)


def order(meter: str, money_minor: int = 50_00, order_id: str | None = None) -> dict[str, Any]:
    return {
        "order_id": order_id or str(uuid.uuid4()),
        "meter": meter,
        "amount": {"money_minor": money_minor, "currency": "ZAR"},
    }


def number_of(shop: Shop, unit: str, service: str = "electricity") -> str:
    from vending.estate import queries as estate

    with shop.db.reading() as session:
        return estate.one_meter(session, shop.clock, shop.meter(unit, service)).drn

"""A passkey is bound to the address that the settings and the certificate give this site, never to what a request calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shop import Shop
from web_app import open_app

from vending import certificates

HERE = "Passkeys of this site work at"


@pytest.mark.parametrize(
    ("settings", "host", "bound_to"),
    [
        ({}, "localhost:8800", "localhost"),
        ({}, "evil.example", None),
        ({}, "localhost.evil.example", None),
        ({}, "[::1]:8800", None),
        ({"public_address": "https://till.mall.local"}, "till.mall.local", "till.mall.local"),
        ({"public_address": "https://till.mall.local"}, "localhost:8800", None),
        ({"public_address": "https://till.mall.local"}, "evil.example", None),
        ({"host": "10.0.0.5", "certificate": True}, "till.mall.local:8800", "till.mall.local"),
        ({"host": "10.0.0.5", "certificate": True}, "other.mall.local", None),
    ],
)
def test_the_name_is_the_sites_own(
    shop: Shop, tmp_path: Path, settings: dict[str, object], host: str, bound_to: str | None
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    if settings.pop("certificate", None):
        certificates.make(folder / "tls", ["till.mall.local"], datetime.now(UTC))
    app = open_app(shop, folder, **settings)
    public = app.test_client().get("/account/sign-in/passkey", base_url=f"https://{host}")
    if bound_to is None:
        assert public.status_code == 403
        assert HERE in public.get_data(as_text=True)
    else:
        assert json.loads(public.get_data(as_text=True))["rpId"] == bound_to

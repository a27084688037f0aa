"""T-17: the running API against its own document: no 5xx, no undeclared answer, nothing accepted that the document refuses,
nothing refused by shape that it allows, no address open without its key; and books without a fault afterwards.

The short form runs here; `pytest -m long tests/web/api/test_fuzz.py` asks for many more examples.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_cast import EVERY_SCOPE, add_key, add_seller, number_of
from flask import Flask
from served import served
from shop import Shop, furnish, open_shop
from web_app import open_app

from vending.access.api_keys import SANDBOX
from vending.auditor.report import run
from vending.clock import FixedClock
from vending.db import Database
from vending.sandbox.meters import RESERVED
from vending.web.api import sandbox_desk, schemas
from vending.web.api.site_desk import SiteDesk

# What a rule of the business may say to a request that fits its schema.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 404, 409, 422]
"""


def fuzz(
    url: str, secret: str, examples: int, meters: list[str], folder: Path, *more: str
) -> tuple[int, str]:
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            f"--config-file={config}",
            "run",
            f"{url}/api/v1/openapi.json",
            f"--header=Authorization: Bearer {secret}",
            f"--max-examples={examples}",
            "--phases=examples,coverage,fuzzing",
            "--checks=all",
            "--suppress-health-check=all",
            "--generation-database=none",
            "--seed=1",
            "--no-color",
            *more,
        ],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(Path(__file__).parent), "FUZZ_METERS": ",".join(meters)},
        capture_output=True,
        text=True,
        timeout=3600,
        cwd=folder,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def faults_of_books(shop: Shop) -> list[str]:
    with shop.db.reading() as session:
        report = run(session.connection(), now=shop.clock.now())
    return [fault for result in report.results for fault in result.faults]


@pytest.fixture
def site(app: Flask, shop: Shop) -> Iterator[tuple[str, str, list[str]]]:
    add_seller(shop, paid_in=10_000_000_00)
    secret = add_key(shop, scopes=EVERY_SCOPE, calls_a_minute=60_000, sale_limit_minor=10**12)
    with served(app) as url:
        yield url, secret, [number_of(shop, unit) for unit in ("G-03", "G-04", "G-05")]


def test_a_site_answers_as_its_document_says(
    site: tuple[str, str, list[str]], shop: Shop, tmp_path: Path
) -> None:
    status, told = fuzz(*site[:2], 3, site[2], tmp_path)
    assert status == 0, told
    assert faults_of_books(shop) == []
    with shop.db.reading() as session:
        from vending.vends import listing

        assert listing.last_order(session, site=shop.site, seller="KIOSK7") is not None, (
            "nothing was ever sold"
        )


@pytest.fixture
def postgresql_site(
    postgresql_database: Database, clock: FixedClock, tmp_path: Path
) -> Iterator[tuple[Shop, str, str, list[str]]]:
    """The same site on PostgreSQL: its shop, its address, a key, and meters."""
    furnish(postgresql_database)
    shop = open_shop(postgresql_database, clock)
    add_seller(shop, paid_in=10_000_000_00)
    secret = add_key(shop, scopes=EVERY_SCOPE, calls_a_minute=60_000, sale_limit_minor=10**12)
    with served(open_app(shop, tmp_path / "site")) as url:
        yield shop, url, secret, [number_of(shop, unit) for unit in ("G-03", "G-04", "G-05")]


def test_on_postgresql_what_sells_answers_as_the_document_says(
    postgresql_site: tuple[Shop, str, str, list[str]], tmp_path: Path
) -> None:
    shop, url, secret, meters = postgresql_site
    status, told = fuzz(url, secret, 1, meters, tmp_path, "--include-path-regex=vends$|batches|copies|meters")
    assert status == 0, told
    assert faults_of_books(shop) == []


@pytest.mark.long
def test_on_postgresql_a_site_answers_as_its_document_says_at_length(
    postgresql_site: tuple[Shop, str, str, list[str]], tmp_path: Path
) -> None:
    shop, url, secret, meters = postgresql_site
    status, told = fuzz(url, secret, 300, meters, tmp_path)
    assert status == 0, told
    assert faults_of_books(shop) == []


@pytest.mark.long
def test_a_site_answers_as_its_document_says_at_length(
    site: tuple[str, str, list[str]], shop: Shop, tmp_path: Path
) -> None:
    status, told = fuzz(*site[:2], 300, site[2], tmp_path)
    assert status == 0, told
    assert faults_of_books(shop) == []


def test_the_sandbox_answers_as_the_document_says(
    app: Flask, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_desk, "SLOW_S", 0.0)
    secret = add_key(shop, site=SANDBOX, scopes=EVERY_SCOPE, seller=None, sale_limit_minor=10**12)
    # What the sandbox breaks off or fails on purpose cannot fit a document.
    whole = [
        meter.number
        for meter in RESERVED
        if meter.outcome not in ("lost-after", "lost-before", "fault", "away")
    ]
    with served(app) as url:
        status, told = fuzz(url, secret, 1, whole, tmp_path, "--include-path-regex=vends|trials")
    assert status == 0, told


def test_the_fuzzing_notices_a_fault_and_an_answer_that_does_not_fit(
    site: tuple[str, str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted faults: one address that breaks, and one whose answer is not what the document says."""

    def broken(_self: SiteDesk) -> schemas.Status:
        raise RuntimeError("planted")

    def unfit(_self: SiteDesk, _page: schemas.Page) -> schemas.Tenants:
        return schemas.Tenants.model_construct(items="none")

    monkeypatch.setattr(SiteDesk, "status", broken)
    monkeypatch.setattr(SiteDesk, "list_tenants", unfit)
    status, told = fuzz(*site[:2], 1, site[2], tmp_path, "--include-path-regex=status|tenants$")
    assert status == 1
    assert "Server error" in told
    assert "Response violates schema" in told

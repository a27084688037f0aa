"""`/readyz` and `/metrics`: who may read them, what they give, and that every alert looks at a figure that exists."""

from __future__ import annotations

import re
from pathlib import Path

from shop import Shop
from web_app import open_app

from vending import certificates

ROOT = Path(__file__).parents[3]
FIGURE = re.compile(r"\bampoule_[a-z_]+")


def test_ready_says_which_part_is_not(shop: Shop, tmp_path: Path) -> None:
    client = open_app(shop, tmp_path).test_client()
    good = client.get("/readyz")
    assert good.json is not None
    assert set(good.json["parts"]) == {"database", "migrations", "module", "clock", "disk"}
    shop.module.away = True
    bad = client.get("/readyz")
    assert bad.status_code == 503
    assert bad.json is not None
    assert bad.json["parts"]["module"] is False
    # No detail for strangers: no version, no path, no sentence.
    assert set(bad.json) == {"status", "parts"}


def test_metrics_are_for_this_machine_and_for_whoever_has_the_key(shop: Shop, tmp_path: Path) -> None:
    app = open_app(shop, tmp_path)
    client = app.test_client()
    assert client.get("/metrics").status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.168.1.77"}
    assert client.get("/metrics", environ_base=elsewhere).status_code == 403
    passed_on = {"X-Forwarded-For": "192.168.1.77"}
    assert client.get("/metrics", headers=passed_on).status_code == 403
    for guess in ("Bearer ", "Bearer x", "Basic eA=="):
        asked = client.get("/metrics", environ_base=elsewhere, headers={"Authorization": guess})
        assert asked.status_code == 403
    keyed = open_app(shop, tmp_path, metrics_key="k" * 24).test_client()
    right = {"Authorization": f"Bearer {'k' * 24}"}
    assert keyed.get("/metrics", environ_base=elsewhere, headers=right).status_code == 200


def test_a_sale_and_a_refused_page_are_counted_without_names_or_numbers(shop: Shop, tmp_path: Path) -> None:
    client = open_app(shop, tmp_path).test_client()
    client.get("/no-such-page/57309841263748501926")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'ampoule_requests_total{route="(none)",status="404"}' in text
    assert "57309841263748501926" not in text
    assert 'ampoule_part_up{part="database"} 1.0' in text
    assert "ampoule_orders_open 0.0" in text
    shop.module.away = True
    assert 'ampoule_part_up{part="module"} 0.0' in client.get("/metrics").get_data(as_text=True)


def test_every_alert_looks_at_a_figure_that_is_given(shop: Shop, tmp_path: Path) -> None:
    certificates.make(tmp_path / "tls", ["till.mall"], shop.clock.now())
    text = open_app(shop, tmp_path).test_client().get("/metrics").get_data(as_text=True)
    given = set(re.findall(r"^# TYPE (ampoule_[a-z_]+)", text, re.MULTILINE))
    # Families of counters are named without their ending in one form and with it in the other.
    given |= {f"{name}_total" for name in given}
    rules = (ROOT / "docs" / "operations" / "ampoule.rules.yml").read_text(encoding="utf-8")
    expressions = re.findall(r"expr: (.+)", rules)
    wanted = {name for expression in expressions for name in FIGURE.findall(expression)}
    assert len(wanted) >= 8
    assert wanted - given == set()
    assert FIGURE.findall("ampoule_no_such_figure > 0")[0] not in given

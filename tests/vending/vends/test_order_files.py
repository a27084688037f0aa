"""The module's service cannot run, its keys can be opened: paid orders become tokens by an order file (decisions.md D14)."""

from __future__ import annotations

import json
from pathlib import Path

import keystore_cast
import pytest
from click.testing import CliRunner
from shop import Shop, migrated

from keystore import batch, order_files
from vending.sale_commands import sale
from vending.vends import queries, service


def issue_batch(module: keystore_cast.Module, orders: Path, answers: Path) -> dict[str, list[str]]:
    """The tokens of the answers, by order id."""
    count, wanted = batch.read_orders(orders)
    with answers.open("wb") as out:
        issued, refused = batch.issue(module.engine, wanted, out, lambda n: None)
    assert (issued, refused) == (count, 0)
    told = [json.loads(line) for line in answers.read_text().splitlines()]
    return {one["order_id"]: one["tokens"] for one in told}


def tokens_of(shop: Shop, sale_key: str) -> list[str]:
    with shop.db.reading() as session:
        (sale,) = queries.list_sales(session, [sale_key])
    return [token.digits for vend in sale.vends for token in vend.tokens]


def test_what_waited_has_the_tokens_of_the_batch_and_no_others(
    shop: Shop, module: keystore_cast.Module, tmp_path: Path
) -> None:
    shop.module.away_for_issue = True  # after the money was taken
    baskets = [shop.basket(shop.order("G-05", 2_000)), shop.basket(shop.order("G-03", 3_000))]
    shop.sell(*baskets)
    path = tmp_path / "orders.jsonl"
    assert order_files.write(path, service.requests_waiting(shop.db, shop.clock)) >= 2
    assert path.stat().st_mode & 0o077 == 0
    made = issue_batch(module, path, tmp_path / "answers")
    # Interrupted and started again, with the same file or a new one: the same tokens.
    assert issue_batch(module, path, tmp_path / "answers") == made
    order_files.write(path, service.requests_waiting(shop.db, shop.clock))
    assert issue_batch(module, path, tmp_path / "answers") == made

    entries = module.engine.log.size
    for basket in baskets:
        (order,) = basket.orders
        service.complete(shop.db, shop.clock, module, [order.order_id])
        found = tokens_of(shop, basket.sale_id)
        assert made[order.order_id][0] in found
    # What the file could not ask for (the second token of an order) was asked for now; nothing was made twice.
    assert module.engine.log.size - entries < len(made) + 2
    assert list(service.requests_waiting(shop.db, shop.clock)) == []


def test_a_changed_file_is_no_order_file(shop: Shop, module: keystore_cast.Module, tmp_path: Path) -> None:
    shop.module.away_for_issue = True  # after the money was taken
    shop.sell(shop.basket(shop.order("G-05", 2_000)))
    path = tmp_path / "orders.jsonl"
    order_files.write(path, service.requests_waiting(shop.db, shop.clock))
    path.write_bytes(path.read_bytes().replace(b'"units":', b'"units":9', 1))
    with pytest.raises(Exception, match="was changed"):
        batch.read_orders(path)


def test_the_command_writes_the_file_and_says_who_does_what_next(
    sqlite_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = migrated(sqlite_shop)
    shop.module.away_for_issue = True
    shop.sell(shop.basket(shop.order("G-05", 2_000)))
    monkeypatch.setenv("AMPOULE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("AMPOULE_DATABASE_URL", shop.db.url.render_as_string(hide_password=False))
    path = tmp_path / "orders.jsonl"
    said = CliRunner().invoke(sale, ["export-orders", str(path)])
    assert said.exit_code == 0, said.output
    assert "asks for 1 tokens of paid orders" in said.output
    assert "keystore issue-batch" in said.output
    assert batch.read_orders(path)[0] == 1
    nowhere = CliRunner().invoke(sale, ["export-orders", str(tmp_path / "no" / "such")])
    assert nowhere.exit_code == 1
    assert "Choose another folder" in nowhere.output

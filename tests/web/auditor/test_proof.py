"""The proof pack, from a real security module to the stand-alone program in the pack: it holds, and one changed digit shows."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from keystore_cast import Module, SetTime
from shop import MORNING, Shop
from web_app import form_word, open_app, sign_in

from keystore import demonstration


@pytest.fixture
def sold(shop: Shop, tmp_path: Path) -> Flask:
    demonstration.init(tmp_path / "module", source=SetTime(MORNING))
    module = Module(tmp_path / "module", SetTime(MORNING))
    shop.module = module  # type: ignore[assignment]
    for unit, money in (("G-03", 50_000), ("G-05", 30_000), ("G-03", 20_000)):
        (outcome,) = shop.sell(shop.basket(shop.order(unit, money)))
        assert not isinstance(outcome, Exception), outcome
    return open_app(shop, tmp_path / "site")


def packed(app: Flask, **days: str) -> bytes:
    client = sign_in(app, "auditor")
    word = form_word(client.get("/auditor/proof").get_data(as_text=True))
    answer = client.post("/auditor/proof/pack", data={"csrf_token": word, **days})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data()


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    key = (folder / "README.txt").read_text().split("--key ")[1].split()[0]
    return subprocess.run(
        [sys.executable, "-I", str(folder / "verify_log.py"), "pack", str(folder), "--key", key],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def test_the_pack_is_checked_by_its_own_program_and_a_changed_token_shows(
    sold: Flask, tmp_path: Path
) -> None:
    folder = tmp_path / "taken"
    with zipfile.ZipFile(io.BytesIO(packed(sold, **{"from": "2026-11-20", "to": "2026-11-20"}))) as pack:
        pack.extractall(folder)
    good = checked(folder)
    assert good.returncode == 0, good.stderr
    assert "3 slips" in good.stdout
    tokens = folder / "tokens.csv"
    lines = tokens.read_text(encoding="utf-8-sig").splitlines()
    row = lines[1].split(",")
    row[5] = row[5][:-1] + ("1" if row[5][-1] != "1" else "2")
    tokens.write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n", encoding="utf-8")
    assert "is not an entry that the module signed" in checked(folder).stderr
    tokens.write_text("\n".join([lines[0], *lines[2:]]) + "\n", encoding="utf-8")
    assert "missing in tokens.csv" in checked(folder).stderr
    tokens.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert checked(folder).returncode == 0
    slip = sorted((folder / "slips").iterdir())[0]
    slip.write_bytes(slip.read_bytes().replace(b'"total_minor":', b'"total_minor":1'))
    assert "not in the pack" in checked(folder).stderr


def test_days_without_a_sale_give_a_pack_that_holds(sold: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    with zipfile.ZipFile(io.BytesIO(packed(sold, **{"from": "2026-10-01", "to": "2026-10-02"}))) as pack:
        pack.extractall(folder)
    assert checked(folder).returncode == 0


def test_every_check_is_carried_out_from_the_page_and_a_planted_fault_is_named(
    sold: Flask, shop: Shop
) -> None:
    import sqlalchemy as sa

    client = sign_in(sold, "auditor")
    word = form_word(client.get("/auditor/proof").get_data(as_text=True))
    page = client.post("/auditor/proof/check", data={"csrf_token": word}).get_data(as_text=True)
    assert "checks hold" in page
    with shop.db.writing() as session:
        session.execute(sa.text("UPDATE sale SET total_minor = total_minor + 1 WHERE id = 1"))
    page = client.post("/auditor/proof/check", data={"csrf_token": word}).get_data(as_text=True)
    assert "found" in page


def test_days_that_are_none_are_refused_in_a_sentence(sold: Flask) -> None:
    client = sign_in(sold, "auditor")
    word = form_word(client.get("/auditor/proof").get_data(as_text=True))
    for first, last in (("", ""), ("2026-11-20", "2026-11-01"), ("2020-01-01", "2026-01-01")):
        answer = client.post("/auditor/proof/pack", data={"csrf_token": word, "from": first, "to": last})
        assert answer.status_code == 422

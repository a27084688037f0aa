"""T-04: the disk of the database, then that of the log, fills up while a site sells: refused before money moves, in one
sentence, and sold again without a restart as soon as there is room.

The disks are small ones of their own: ext4 in a file, mounted over a loop device, because a real file system says *full* in
other places than memory does. Where nothing may be mounted the battery is skipped with that reason, which fails where
skipping is forbidden (`.ci/run`); nothing stands in for the disk.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from product import PROGRAMS, Desk, Product, token_on, wait_for
from shop import Shop, open_shop

from vending.clock import FixedClock
from vending.db import Database, DiskFull
from vending.reserve import Reserve
from vending.vends import service as vends
from vending.vends.tables import Sale, Token, Vend


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of this size, or a skip that says what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    # Elsewhere: the file of one disk must not lie on another that is filled up.
    with tempfile.NamedTemporaryFile(suffix=".disk") as image:
        for command in (
            ["truncate", "-s", size, image.name],
            ["mkfs.ext4", "-q", "-m", "0", image.name],
            ["mount", "-o", "loop", image.name, str(folder)],
        ):
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                pytest.skip(f"needs {command[0]} (e2fsprogs, mount)")
            if done.returncode:
                pytest.skip(f"needs root and loop devices: {command[0]} says {done.stderr.strip()}")
        folder.chmod(0o700)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path, leave: int = 0) -> Path:
    """Takes all the room but so much."""
    filler = folder / "filler"
    disk = os.statvfs(folder)
    room = disk.f_bavail * disk.f_frsize - leave
    # A disk that is full already may not even take the filler's name.
    with suppress(OSError), open(filler, "ab") as file:
        left = room
        while left > 0:
            left -= file.write(bytes(min(left, 65536)))
            file.flush()
    return filler


def totals(db: Database) -> tuple[int, int, int]:
    with db.reading() as session:
        return tuple(session.scalar(sa.select(sa.func.count()).select_from(each)) for each in (Sale, Vend, Token))  # type: ignore[return-value] # fmt: skip


@pytest.fixture
def shop(furnished_shop: Path, clock: FixedClock, tmp_path: Path) -> Iterator[Shop]:
    with small_disk(tmp_path / "disk", "36m") as folder:
        shutil.copy(furnished_shop, folder / "ampoule.db")
        database = Database.open(f"sqlite:///{folder / 'ampoule.db'}")
        yield open_shop(database, clock)
        database.close()


@pytest.fixture(scope="module")
def furnished_shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from shop import furnish

    path = tmp_path_factory.mktemp("shop") / "ampoule.db"
    shutil.copy(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    furnish(database)
    database.close()
    return path


def sell(shop: Shop) -> vends.SaleOutcome | Exception:
    (outcome,) = shop.sell(shop.basket(shop.order("G-03", 5_000)))
    return outcome


def test_nothing_is_sold_on_a_full_disk_and_sales_go_on_when_there_is_room(
    shop: Shop, tmp_path: Path
) -> None:
    folder = tmp_path / "disk"
    assert isinstance(sell(shop), vends.SaleOutcome)
    for _ in range(3):
        before = totals(shop.db)
        filler = fill(folder)
        refused = sell(shop)
        while isinstance(refused, vends.SaleOutcome):  # the journal had a little room of its own
            before = totals(shop.db)
            refused = sell(shop)
        assert isinstance(refused, DiskFull)
        assert "no money is due" in refused.sentence
        assert totals(shop.db) == before, "half a sale was left"
        filler.unlink(missing_ok=True)
        sold = sell(shop)
        assert isinstance(sold, vends.SaleOutcome)
        assert sold.states == ("issued",)


def test_what_was_paid_is_ended_on_the_reserve(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    reserve = Reserve(folder / "ampoule.db")
    assert isinstance(sell(shop), vends.SaleOutcome)
    assert reserve.path.exists()
    real, filled = shop.module.issue, []

    def issue_on_a_filling_disk(requests):  # type: ignore[no-untyped-def]
        filled.append(fill(folder))  # between the two commits
        return real(requests)

    shop.module.issue = issue_on_a_filling_disk  # type: ignore[method-assign] — the fake stands in for a slow moment
    outcomes = [sell(shop) for _ in range(40)]
    sold = [one for one in outcomes if isinstance(one, vends.SaleOutcome)]
    assert all(one.states == ("issued",) for one in sold), "somebody paid and has no token"
    assert any(isinstance(one, DiskFull) for one in outcomes)
    assert not reserve.path.exists()
    shop.module.issue = real  # type: ignore[method-assign] — as above
    filled[0].unlink(missing_ok=True)
    assert isinstance(sell(shop), vends.SaleOutcome)
    assert reserve.path.exists(), "the reserve is made again by itself"


def test_an_order_that_even_the_reserve_cannot_end_waits_and_ends_later(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "disk"
    real, left = shop.module.issue, []
    sell(shop)

    def issue_without_reserve(requests):  # type: ignore[no-untyped-def]
        Reserve(folder / "ampoule.db").path.unlink(missing_ok=True)
        left.append(fill(folder))
        return real(requests)

    shop.module.issue = issue_without_reserve  # type: ignore[method-assign] — the fake stands in for a slow moment
    outcomes = [sell(shop) for _ in range(40)]
    waiting = [one for one in outcomes if isinstance(one, vends.SaleOutcome) and one.is_open]
    shop.module.issue = real  # type: ignore[method-assign] — as above
    left[0].unlink(missing_ok=True)
    shop.clock.advance(timedelta(minutes=1))
    vends.complete(shop.db, shop.clock, shop.module, vends.list_open(shop.db, shop.clock))  # type: ignore[arg-type] — the fake has the verbs that a seller uses
    assert vends.list_open(shop.db, shop.clock) == []
    sales, orders, tokens = totals(shop.db)
    assert sales == orders == tokens
    assert waiting or any(isinstance(one, DiskFull) for one in outcomes)


def words(answer) -> str:  # type: ignore[no-untyped-def]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_the_page_says_so_in_a_sentence_for_the_database_and_for_the_log(tmp_path: Path) -> None:
    with small_disk(tmp_path / "var", "72m") as folder, small_disk(folder / "module", "120m") as module:
        product = Product(folder)
        made = tmp_path / "made"
        subprocess.run([PROGRAMS / "keystore", "demo-init", "--into", made], check=True, capture_output=True)
        shutil.copytree(made, module, dirs_exist_ok=True)
        product.start_module()
        product.start_server()
        try:
            desk = Desk(product)
            desk.sign_in()

            def sold_at(unit: str):  # type: ignore[no-untyped-def]
                return desk.sell(desk.open_unit(unit), "20", "20")

            page = desk.open_unit("G-03")
            filler = fill(folder)
            answer = desk.sell(page, "20", "20")
            for _ in range(20):
                if answer.status_code != 303:
                    break
                page = desk.open_unit("G-03")
                answer = desk.sell(page, "20", "20")
            assert answer.status_code in (200, 409, 422, 503)
            assert "is full" in words(answer)
            assert "Something in the program failed" not in words(answer)
            filler.unlink(missing_ok=True)
            assert desk.sell(desk.open_unit("G-03"), "20", "20").status_code == 303, "no restart is needed"

            filler = fill(module, leave=8 << 20)
            # An answer of 400 and more counts as false, so it travels in a list.
            (refused,) = wait_for(
                lambda: [one for one in [sold_at("G-05")] if one.status_code != 303],
                what="the log's disk to be noticed",
            )
            assert "disk of the issuance log" in words(refused)
            assert "no money is due" in words(refused)
            filler.unlink(missing_ok=True)
            (sold,) = wait_for(
                lambda: [one for one in [sold_at("G-05")] if one.status_code == 303],
                what="a sale after there was room",
            )
            location = sold.headers["Location"]
            assert wait_for(lambda: token_on(desk.get(location).text), seconds=20, what="the token")
        finally:
            product.stop()

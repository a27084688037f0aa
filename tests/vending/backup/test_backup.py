"""A back-up of each engine comes back whole, and what cannot be done is said in one sentence and leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import Shop, migrated, open_shop

from keystore import archive
from vending.backup import making, nightly, restoring, standing
from vending.backup.making import BackupFailed, BackupNotSet, BackupRuns
from vending.backup.snapshot import BackupDamaged, RestoreRefused
from vending.db import Database
from vending.services import Services
from vending.settings import Settings
from vending.vends.tables import Sale


@pytest.fixture
def site(tmp_path: Path) -> tuple[Settings, Path]:
    """Settings with a folder for back-ups and a pair of keys."""
    folder, disk = tmp_path / "var", tmp_path / "usb"
    folder.mkdir()
    disk.mkdir()
    secret, public = archive.new_identity()
    identity = tmp_path / "offline.key"
    identity.write_text(secret)
    (folder / "site.secret").write_bytes(b"s" * 32)
    return Settings(var=folder, backup_to=str(disk), backup_recipient=public, backup_keep=2), identity


@pytest.fixture
def empty_postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    import psycopg
    from sqlalchemy.engine import make_url

    server, name = request.getfixturevalue("postgresql_server"), f"restored_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def totals(db: Database) -> dict[str, int]:
    with db.reading() as session:
        connection = session.connection()
        return {
            name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()
            for name in sorted(sa.inspect(connection).get_table_names())
        }


def restored(shop: Shop, made: making.Made, identity: Path, into: Path, empty: str, **more: bool) -> str:
    """Restores, and gives the address of what came back."""
    on_postgresql = shop.db.dialect == "postgresql"
    restoring.restore(
        made.path,
        identity,
        into,
        database=empty if on_postgresql else "",
        drill=more.get("drill", False),
        keep_module=False,
        say=making.silent,
    )
    return empty if on_postgresql else f"sqlite:///{into / 'ampoule.db'}"


def test_it_comes_back_whole_although_sales_went_on(
    shop: Shop, site: tuple[Settings, Path], tmp_path: Path, empty_postgresql: str
) -> None:
    settings, identity = site
    migrated(shop).sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(40)])
    before, stop = totals(shop.db), threading.Event()

    def sell_on() -> None:
        while not stop.is_set():
            shop.sell(shop.basket(shop.order("G-03", 2_000)))

    selling = threading.Thread(target=sell_on)
    selling.start()
    try:
        made = making.make(settings, shop.db, shop.clock)
    finally:
        stop.set()
        selling.join()
    assert made.standing.sales >= 40
    assert not made.standing.holds_module
    assert not (settings.folder / making.WORK).exists()
    assert any("ampoule-keys-backup.timer" in told for told in standing.last(settings).warnings())
    keys = replace(settings, keys_backup_to=str(tmp_path / "keys"))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/keys-20261120T000000Z.age").touch()
    assert not any("keys" in told for told in standing.last(keys).warnings())
    os.utime(tmp_path / "keys/keys-20261120T000000Z.age", (1, 1))
    assert any("newest back-up of the keys" in told for told in standing.last(keys).warnings())
    address = restored(shop, made, identity, tmp_path / "new", empty_postgresql)
    assert (tmp_path / "new/site.secret").read_bytes() == b"s" * 32
    back = Database.open(address)
    try:
        after = totals(back)
        assert after["sale"] == made.standing.sales
        assert all(after[name] >= count for name, count in before.items())
        again = Shop(back, shop.clock, shop.module, shop.site)
        again.sell(again.basket(again.order("G-03", 2_000)))  # numbers go on above those that came back
        with back.reading() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(Sale)) == after["sale"] + 1
    finally:
        back.close()


def test_a_drill_leaves_nothing(
    shop: Shop, site: tuple[Settings, Path], tmp_path: Path, empty_postgresql: str
) -> None:
    settings, identity = site
    made = making.make(settings, migrated(shop).db, shop.clock)
    restored(shop, made, identity, tmp_path / "drill", empty_postgresql, drill=True)
    assert not (tmp_path / "drill").exists()
    left = Database.open(empty_postgresql)
    assert [name for name in totals(left) if name != "alembic_version"] == []
    left.close()


def test_the_oldest_go_when_a_new_one_is_read_back(site_shop: Shop, site: tuple[Settings, Path]) -> None:
    settings, _identity = site
    names = []
    for _ in range(4):
        names.append(making.make(settings, site_shop.db, site_shop.clock).path)
        site_shop.clock.advance(timedelta(days=1))
    disk = Path(settings.backup_to)
    assert making.list_archives(disk) == [names[3], names[2]]
    assert sorted(path.name for path in disk.iterdir()) == sorted(
        name for path in names[2:] for name in (path.name, archive.beside(path).name)
    )


def test_what_is_known_of_the_last_one(site_shop: Shop, site: tuple[Settings, Path]) -> None:
    settings, _identity = site
    assert standing.last(settings).made_at is None
    assert "no back-up" in standing.last(settings).warnings()[0]
    making.make(settings, site_shop.db, site_shop.clock)
    told = standing.last(settings)
    assert told.age_s(site_shop.clock.now() + timedelta(hours=1)) == 3600
    assert told.same_disk, "tmp is one disk"
    assert any("one dead disk" in line for line in told.warnings())
    with pytest.raises(BackupFailed, match="is not there"):
        making.make(settings, site_shop.db, site_shop.clock, to=Path("/nowhere"))
    told = standing.last(settings)
    assert told.made_at is not None
    assert "is not there" in told.warnings()[-1]
    (settings.folder / standing.FILE).write_text("{half")
    assert standing.last(settings).made_at is None


def test_it_needs_a_folder_and_a_key(site_shop: Shop, site: tuple[Settings, Path]) -> None:
    settings, _identity = site
    for lacking in (replace(settings, backup_to=""), replace(settings, backup_recipient="")):
        with pytest.raises(BackupNotSet, match="ampoule backup key"):
            making.make(lacking, site_shop.db, site_shop.clock)
    with pytest.raises(BackupFailed, match="age public key"):
        making.make(replace(settings, backup_recipient="age1x"), site_shop.db, site_shop.clock)


def test_one_at_a_time(site_shop: Shop, site: tuple[Settings, Path]) -> None:
    settings, _identity = site
    with making._alone(settings), pytest.raises(BackupRuns, match="already"):
        making.make(settings, site_shop.db, site_shop.clock)


def test_a_damaged_database_is_not_taken_for_a_back_up(
    site_shop: Shop, site: tuple[Settings, Path], tmp_path: Path
) -> None:
    settings, identity = site
    made = making.make(settings, site_shop.db, site_shop.clock)
    out = tmp_path / "out"
    found = archive.unpack(made.path, identity, out)
    path = out / "database/ampoule.db"
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 20_000):
        data[place] ^= 0x55
    path.write_bytes(data)
    pieces = [archive.Piece.of_file(name, out / name) for name in found.names]
    forged = archive.write(tmp_path / "forged.age", settings.backup_recipient, pieces, found.facts)
    with pytest.raises(BackupDamaged, match="not sound"):
        restoring.restore(
            forged.path,
            identity,
            tmp_path / "new",
            database="",
            drill=False,
            keep_module=False,
            say=making.silent,
        )
    assert not (tmp_path / "new").exists()


def test_books_that_were_changed_are_found_by_the_audit(
    site_shop: Shop, site: tuple[Settings, Path], tmp_path: Path
) -> None:
    import sqlite3

    settings, identity = site
    site_shop.sell(site_shop.basket(site_shop.order("G-03", 50_000)))
    made = making.make(settings, site_shop.db, site_shop.clock)
    out = tmp_path / "out"
    found = archive.unpack(made.path, identity, out)
    with sqlite3.connect(out / "database/ampoule.db") as connection:
        connection.execute("UPDATE vend SET units = units + 1")
    pieces = [archive.Piece.of_file(name, out / name) for name in found.names]
    forged = archive.write(tmp_path / "forged.age", settings.backup_recipient, pieces, found.facts)
    with pytest.raises(BackupDamaged, match="faults"):
        restoring.restore(
            forged.path,
            identity,
            tmp_path / "new",
            database="",
            drill=True,
            keep_module=False,
            say=making.silent,
        )


def test_a_restore_refuses_what_would_overwrite_or_not_fit(
    site_shop: Shop, site: tuple[Settings, Path], tmp_path: Path
) -> None:
    settings, identity = site
    made = making.make(settings, site_shop.db, site_shop.clock)

    def attempt(**more: object) -> None:
        asked = {"database": "", "drill": False, "keep_module": False, "say": making.silent, **more}
        restoring.restore(made.path, identity, tmp_path / "new", **asked)  # type: ignore[arg-type] — as the command gives them

    with pytest.raises(RestoreRefused, match="database copy"):
        attempt(database="postgresql://nobody@localhost/x")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/note").write_text("mine")
    with pytest.raises(RestoreRefused, match="not empty"):
        attempt()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["note"]
    shutil.rmtree(tmp_path / "new")
    data = made.path.read_bytes()
    made.path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BackupDamaged, match="damaged or was cut off"):
        attempt()
    assert not (tmp_path / "new").exists()


def test_a_back_up_of_a_newer_release_is_refused(
    site_shop: Shop, site: tuple[Settings, Path], tmp_path: Path
) -> None:
    from vending.migrating import DatabaseNewer

    settings, identity = site
    with site_shop.db.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    made = making.make(settings, site_shop.db, site_shop.clock)
    with pytest.raises(DatabaseNewer, match="newer than this release"):
        restoring.restore(
            made.path,
            identity,
            tmp_path / "new",
            database="",
            drill=True,
            keep_module=False,
            say=making.silent,
        )


def test_the_worker_makes_it_once_a_night(site_shop: Shop, site: tuple[Settings, Path]) -> None:
    settings, _identity = site
    services = Services(
        settings=settings,
        clock=site_shop.clock,
        db=site_shop.db,
        module=site_shop.module,  # type: ignore[arg-type] — the fake has the verbs that a seller uses
        vault=None,  # type: ignore[arg-type] — the back-up reads the file
        sales=None,  # type: ignore[arg-type] — nothing is sold
        quotes=None,  # type: ignore[arg-type] — nor quotes
    )
    night = nightly.Nightly(services)
    assert night.look()
    night.wait(30)
    assert standing.last(settings).made_at == site_shop.clock.now()
    night = nightly.Nightly(services)
    assert not night.look()
    assert json.loads((settings.folder / standing.FILE).read_text())["sales"] == 0


@pytest.fixture
def site_shop(furnished_sqlite: Path, tmp_path: Path, clock) -> Iterator[Shop]:  # type: ignore[no-untyped-def]
    path = tmp_path / "shop.db"
    shutil.copy(furnished_sqlite, path)
    database = Database.open(f"sqlite:///{path}")
    yield migrated(open_shop(database, clock))
    database.close()

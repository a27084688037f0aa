"""T-27: a release with one more migration meets an old database, and is killed in the middle of it, at every step.

The next release is made up here: the migrations of this one and one after them, which adds a column, fills it, makes a table and
copies rows into it. Killed anywhere it leaves the old version whole, so the old server goes on; run again it ends; and then the
old server refuses the newer tables in one sentence.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import Shop, migrated

from vending import migrating
from vending.db import Database
from vending.vends import service as vends

STEPS = 5
NEXT = '''"""The migration of a release that does not exist."""
import os, signal
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"

def step(number):
    if os.environ.get("KILLED_AT") == str(number):
        os.kill(os.getpid(), signal.SIGKILL)

def upgrade():
    step(1)
    op.add_column("sale", sa.Column("channel", sa.Text(), nullable=True))
    step(2)
    op.execute("UPDATE sale SET channel = till")
    step(3)
    op.create_table("channel", sa.Column("name", sa.Text(), primary_key=True), sa.Column("sales", sa.BigInteger(), nullable=False))
    step(4)
    op.execute("INSERT INTO channel SELECT channel, count(*) FROM sale GROUP BY channel")
    step(5)

def downgrade():
    op.drop_table("channel")
    op.drop_column("sale", "channel")
'''
DRIVER = """
import sys
from pathlib import Path
from vending import migrating
from vending.db import Database
migrating.folder = lambda: Path(sys.argv[1])
db = Database.open(sys.argv[2])
migrating.bring_up_to_date(db)
db.close()
"""


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next") / "migrations"
    shutil.copytree(migrating.folder(), folder)
    before = migrating.revisions()[-1]
    after = f"{int(before) + 1:04d}"
    (folder / "versions" / f"{after}_next.py").write_text(NEXT.format(revision=after, before=before))
    return folder


def upgrade(folder: Path, address: str, killed_at: int = 0) -> int:
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder), address],
        env={**os.environ, "KILLED_AT": str(killed_at)},
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
    ).returncode


@pytest.fixture
def site(shop: Shop) -> tuple[Shop, str]:
    """A site of this release with some sales, and its address for the next release's process."""
    migrated(shop).sell(*[shop.basket(shop.order("G-05", 2_000)) for _ in range(5)])
    return shop, shop.db.url.set(drivername=shop.db.dialect).render_as_string(hide_password=False)


def reopened(shop: Shop, address: str) -> Shop:
    return Shop(Database.open(address), shop.clock, shop.module, shop.site)


def sales(db: Database) -> int:
    with db.reading() as session:
        return int(session.execute(sa.text("SELECT count(*) FROM sale")).scalar_one())


def tables(db: Database) -> set[str]:
    with db.reading() as session:
        return set(sa.inspect(session.connection()).get_table_names())


def test_killed_in_a_migration_the_old_release_goes_on_and_the_new_one_ends_it(
    site: tuple[Shop, str], next_release: Path
) -> None:
    shop, address = site
    old = shop
    for step in range(1, STEPS + 1):
        old.db.close()
        assert upgrade(next_release, address, step) == -signal.SIGKILL
        old = reopened(shop, address)
        assert not migrating.bring_up_to_date(old.db), "the old version is whole"
        assert "channel" not in tables(old.db)
        (outcome,) = old.sell(old.basket(old.order("G-03", 2_000)))
        assert isinstance(outcome, vends.SaleOutcome), "the old server sells on"
    old.db.close()
    assert upgrade(next_release, address) == 0
    assert upgrade(next_release, address) == 0, "a second start finds nothing to do"
    late = Database.open(address)
    try:
        assert "channel" in tables(late)
        assert sales(late) == 5 + STEPS
        with pytest.raises(migrating.DatabaseNewer, match="newer than this release"):
            migrating.bring_up_to_date(late)
        with pytest.raises(migrating.DatabaseNewer, match="newer than this release"):
            migrating.refuse_unless_current(late)
    finally:
        late.close()


def test_the_battery_sees_a_migration_that_is_not_one_transaction(
    site: tuple[Shop, str], next_release: Path, tmp_path: Path
) -> None:
    """Its planted fault: a migration that keeps half of its work, killed after that half."""
    shop, address = site
    folder = tmp_path / "migrations"
    shutil.copytree(next_release, folder)
    (path,) = folder.glob("versions/*_next.py")
    path.write_text(path.read_text().replace("    step(4)\n", '    op.execute("COMMIT")\n    step(4)\n'))
    shop.db.close()
    assert upgrade(folder, address, 4) == -signal.SIGKILL
    late = Database.open(address)
    try:
        assert "channel" in tables(late), "half of it was kept, and the battery would say so"
    finally:
        late.close()

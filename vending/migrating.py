"""Brings a database to the tables of this release, and refuses one that is newer.

Revisions are the four digits at the head of each file in migrations/versions, in order. The common case (nothing to do) is
one SELECT, so that a start does not pay for Alembic.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

import vending
from vending.db import Database
from vending.errors import VendingError


class DatabaseNewer(VendingError):
    code = "database_newer"


class DatabaseOlder(VendingError):
    code = "database_older"


class DatabaseStrange(VendingError):
    code = "database_strange"


def folder() -> Path:
    root = Path(vending.__file__).parent
    packed = root / "_assets" / "migrations"
    return packed if packed.is_dir() else root.parent / "migrations"


def revisions() -> list[str]:
    return sorted(path.name[:4] for path in (folder() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def current(db: Database) -> str | None:
    with db.reading() as session:
        connection = session.connection()
        tables = sa.inspect(connection).get_table_names()
        if "alembic_version" not in tables:
            if tables:
                raise DatabaseStrange(
                    "This database has tables but no version, so Ampoule did not make it. Name an empty one in AMPOULE_DATABASE_URL."
                )
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def bring_up_to_date(db: Database) -> bool:
    """True when something was migrated."""
    standing = current(db)
    if standing == revisions()[-1]:
        return False
    _refuse_newer(standing)
    _run(db, "upgrade", "head")
    return True


def _refuse_newer(standing: str | None) -> None:
    known = revisions()
    if standing is not None and standing not in known:
        raise DatabaseNewer(
            f"The database is of version {standing}, newer than this release knows (up to {known[-1]}). "
            "Start the release that wrote it, or restore the back-up made before the upgrade."
        )


def bring_to(db: Database, revision: str) -> None:
    """An empty database to the tables of one version, so that a back-up of that version finds its places."""
    if revision not in revisions():
        raise DatabaseNewer(
            f"The back-up is of version {revision}, newer than this release knows (up to {revisions()[-1]}). "
            "Install the release that made it, or a later one, then restore."
        )
    if current(db) is not None:
        raise DatabaseStrange("This database holds tables already. Give an empty one.")
    _run(db, "upgrade", revision)


def refuse_unless_current(db: Database) -> None:
    """For processes that do not migrate: they work on the tables of this release or not at all."""
    standing = current(db)
    if standing != revisions()[-1]:
        _refuse_newer(standing)
        raise DatabaseOlder(
            f"The database is of version {standing or 'none'}, and this release needs {revisions()[-1]}. "
            "Run `ampoule database upgrade` once, then start again."
        )


def take_back(db: Database, revision: str) -> None:
    """Down to a revision, `base` for an empty database; for rehearsals. Data of dropped tables is gone."""
    _run(db, "downgrade", revision)


def _run(db: Database, verb: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    with db.migrating() as connection:
        config.attributes["connection"] = connection
        # One transaction on both engines: a migration that is cut off leaves the old version whole.
        getattr(command, verb)(config, revision)
        connection.commit()

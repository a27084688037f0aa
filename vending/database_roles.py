"""On PostgreSQL: the role that owns the tables and changes them by migrations, and the one that the server runs under, which
adds rows to money and trail and can never change them, whatever its code does.

Grants are made again after every upgrade, so that new tables have theirs. SQLite knows no roles; its guards are triggers alone.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from vending import migrating, schema
from vending.backup.snapshot import quoted, tables_of
from vending.db import APPEND_ONLY_TABLES, Database
from vending.errors import InvalidInput, Unavailable
from vending.ledger.wall import role_statements
from vending.settings import Settings


class RoleUnusable(InvalidInput):
    code = "role_unusable"


class RoleMissing(Unavailable):
    code = "role_missing"


def owner_address(settings: Settings) -> str:
    """The database as its owner enters it; where no owner is named, the server's own role is the owner."""
    return settings.database_owner_url or settings.database_address


def is_owner(db: Database) -> bool:
    """Whether this connection may change tables: always on SQLite, on PostgreSQL the owner of what is there."""
    if db.dialect == "sqlite":
        return True
    with db.reading() as session:
        return bool(
            session.scalar(
                sa.text(
                    "SELECT NOT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema()"
                    " AND NOT pg_has_role(current_user, tableowner, 'MEMBER'))"
                )
            )
        )


def prepare(db: Database) -> None:
    """At the start of a server: the owner brings the tables to this release, anybody else works on those or not at all."""
    if is_owner(db):
        migrating.bring_up_to_date(db)
    else:
        migrating.refuse_unless_current(db)


def warning(db: Database, settings: Settings) -> str:
    """What doctor and the start say when a production server could change its own books; empty when it could not."""
    if settings.is_demonstration or db.dialect == "sqlite" or not is_owner(db):
        return ""
    return (
        "The server connects to PostgreSQL as the owner of its tables and could change booked rows. Give it a role of its own in "
        "AMPOULE_DATABASE_URL, name the owner in AMPOULE_DATABASE_OWNER_URL, and run `ampoule database roles`."
    )


def server_role(settings: Settings) -> tuple[str, str]:
    """Name and password of the server's role, out of its address."""
    url = make_url(settings.database_address)
    name = url.username or ""
    if url.get_backend_name() != "postgresql":
        raise RoleUnusable("SQLite has no roles: its tables guard themselves. Nothing is to be done.")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise RoleUnusable(
            "AMPOULE_DATABASE_URL names no role for the server, or one that is not small letters, digits and underscores: "
            "postgresql://ampoule_server@host/name."
        )
    return name, url.password or ""


def grant(db: Database, role: str, password: str = "") -> bool:
    """As the owner: makes the role if it is missing, and gives it exactly what the server needs. True when it was made."""
    schema.metadata()
    with db.migrating() as connection:
        made = _make(connection, role, password)
        owner = connection.exec_driver_sql("SELECT current_user").scalar_one()
        if owner == role:
            raise RoleUnusable(
                f"{role} owns the tables. Name another role for the server in AMPOULE_DATABASE_URL, and the owner in AMPOULE_DATABASE_OWNER_URL."
            )
        for statement in _grants(connection, role):
            connection.exec_driver_sql(statement)
        db.keep_migration(connection)
    return made


def _make(connection: Connection, role: str, password: str) -> bool:
    if connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar() is not None:
        return False
    try:
        secret = "" if not password else " PASSWORD '" + password.replace("'", "''") + "'"
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN{secret}".replace("%", "%%"))
    except sa.exc.ProgrammingError:
        # The statement may hold the password, so nothing of it is repeated.
        raise RoleMissing(
            f"The role {role} does not exist, and the owner may not make it. As an administrator: CREATE ROLE {role} LOGIN; then again."
        ) from None
    return True


def _grants(connection: Connection, role: str) -> list[str]:
    tables = tables_of(connection)
    kept = [name for name in tables if name in APPEND_ONLY_TABLES]
    edited = ", ".join(quoted(name) for name in tables if name not in APPEND_ONLY_TABLES)
    schema_name = quoted(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    return [
        f"GRANT USAGE ON SCHEMA {schema_name} TO {role}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema_name} FROM {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema_name} TO {role}",
        f"GRANT SELECT ON alembic_version TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {edited} TO {role}",
        *role_statements(role, kept),
    ]

"""The ground: every table, index and guard of the first release, as SQL for each engine beside this file.

Written by tools/ground.py while nothing was released; never edited after that.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    text = Path(__file__).with_name(f"0001_ground.{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in text.split("\n--;;\n"):
        connection.exec_driver_sql(statement.strip())


def downgrade() -> None:
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for name in tables:
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
        return
    for name in tables:
        connection.exec_driver_sql(f'DROP TABLE "{name}" CASCADE')
    functions = connection.exec_driver_sql(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = current_schema() AND p.proname LIKE 'ampoule%%'"
    ).scalars()
    for signature in list(functions):
        connection.exec_driver_sql(f"DROP FUNCTION {signature}")

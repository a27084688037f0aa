"""The database keeps what it acknowledged, refuses what is unsafe, and one process alone writes."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from vending import audit, outbox
from vending.clock import FixedClock
from vending.db import Database, DatabaseInUse, DatabaseUnreachable, DatabaseUnsafe


def test_a_block_that_ends_well_is_stored_and_one_that_raises_leaves_nothing(
    database: Database, clock: FixedClock
) -> None:
    with database.writing() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="kept", subject="test:1")
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="lost", subject="test:2")
        session.flush()
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.scalars(sa.select(audit.AuditEntry.act)).all() == ["kept"]
        assert session.scalars(sa.select(audit.AuditEntry.at)).one() == clock.now()


def test_what_is_added_while_reading_is_refused(database: Database, clock: FixedClock) -> None:
    with pytest.raises(sa.exc.DBAPIError), database.reading() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="sneaked", subject="test:1")
        session.flush()


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET act = 'x'", "DELETE FROM audit_entry"])
def test_append_only_rows_are_never_edited_or_deleted(
    database: Database, clock: FixedClock, statement: str
) -> None:
    with database.writing() as session:
        audit.record(session, clock, actor=audit.SYSTEM, act="kept", subject="test:1")
    with pytest.raises(sa.exc.DBAPIError, match="append only"), database.writing() as session:
        session.execute(sa.text(statement))


def test_a_second_process_is_refused_with_the_number_of_the_first(sqlite_database: Database) -> None:
    with pytest.raises(DatabaseInUse, match="already works on"):
        Database.open(sqlite_database.url.render_as_string())


def test_sqlite_runs_in_wal_with_full_sync_and_readers_cannot_write(sqlite_database: Database) -> None:
    with sqlite_database.writing() as session:
        assert session.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert session.execute(sa.text("PRAGMA synchronous")).scalar_one() == 2
    with sqlite_database.reading() as session:
        assert session.execute(sa.text("PRAGMA query_only")).scalar_one() == 1


def test_strict_tables_refuse_text_in_an_integer_column(sqlite_database: Database) -> None:
    with (
        pytest.raises(sa.exc.IntegrityError, match="cannot store TEXT"),
        sqlite_database.writing() as session,
    ):
        session.execute(
            sa.text(
                "INSERT INTO outbox (event, payload, created_at, due_at, tries) VALUES ('e', '{}', 'x', 'x', 'many')"
            )
        )


def test_what_was_sent_to_the_database_stands_in_no_error(database: Database, clock: FixedClock) -> None:
    """An error goes into the log with its text; a hash or a name that was sent does not."""
    with pytest.raises(sa.exc.DBAPIError) as refused, database.writing() as session:
        session.execute(sa.text("SELECT :secret FROM no_such_table"), {"secret": "argon2-hash-of-somebody"})
    assert "no_such_table" in str(refused.value)
    assert "argon2" not in str(refused.value)


def test_unsafe_or_unknown_databases_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnsafe, match="memory"):
        Database.open("sqlite://")
    with pytest.raises(DatabaseUnsafe, match="not a database Ampoule knows"):
        Database.open("mysql://localhost/x")
    wrong = tmp_path / "notes.db"
    wrong.write_text("this is no database, however long it may be " * 100)
    with pytest.raises(DatabaseUnreachable, match="could not be opened"):
        Database.open(f"sqlite:///{wrong}")
    Database.open(f"sqlite:///{tmp_path / 'fine.db'}").close()
    assert sqlite3.connect(tmp_path / "fine.db").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_trail_is_chained_in_batches_and_every_changed_column_shows(
    sqlite_database: Database, clock: FixedClock
) -> None:
    with sqlite_database.writing() as session:
        for number in range(5):
            audit.record(
                session, clock, actor=audit.SYSTEM, act=f"act {number}", subject="test:1", reason="why"
            )
    with sqlite_database.writing() as session:
        assert audit.close_batch(session, clock, most=3) is not None
        second = audit.close_batch(session, clock)
        assert second is not None
        assert (second.first_entry, second.last_entry) == (4, 5)
        assert audit.close_batch(session, clock) is None
    with sqlite_database.reading() as session:
        entries = session.scalars(sa.select(audit.AuditEntry).where(audit.AuditEntry.id > 3)).all()
        assert audit.chained(second.previous_head, entries) == second.head
        for column, value in (
            ("actor", "x"),
            ("actor_name", "x"),
            ("act", "x"),
            ("subject", "x"),
            ("reason", None),
        ):
            kept = getattr(entries[0], column)
            setattr(entries[0], column, value)
            assert audit.chained(second.previous_head, entries) != second.head, column
            setattr(entries[0], column, kept)


def test_a_message_that_fails_waits_longer_each_time_and_at_last_stays_as_a_dead_letter(
    sqlite_database: Database, clock: FixedClock
) -> None:
    with sqlite_database.writing() as session:
        outbox.emit(session, clock, "vend issued", {"vend": "1"})
    waits = []
    for _ in range(outbox.TRIES):
        with sqlite_database.writing() as session:
            (message,) = outbox.list_due(session, clock)
            outbox.failed(session, clock, message, "no answer")
        with sqlite_database.reading() as session:
            row = session.scalars(sa.select(outbox.OutboxMessage)).one()
            waits.append(row.due_at - clock.now())
            clock.set(row.due_at)
    assert waits == sorted(waits)
    with sqlite_database.writing() as session:
        assert outbox.list_due(session, clock) == []
        (dead,) = outbox.list_dead(session)
        outbox.send_again(session, clock, dead.id)
    with sqlite_database.writing() as session:
        (message,) = outbox.list_due(session, clock)
        outbox.delivered(session, clock, [message])
    with sqlite_database.reading() as session:
        assert outbox.list_due(session, clock) == []

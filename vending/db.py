"""The database: the declarative base, the two ways in (`reading`, `writing`), and the only commits of the product.

SQLite runs exactly as decided in ADR 0001: one connection of one process alone writes and checkpoints, in WAL with
synchronous FULL; readers are query-only. A lock file keeps a second process out. The settings are read back after they
are made, and anything else is refused, because the usual defaults lose acknowledged sales when the power fails.
PostgreSQL runs with its own durable defaults, and they are read back too.
"""

import copy
import fcntl
import json
import logging
import os
import secrets
import select
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import StaticPool

from vending.errors import Unavailable, VendingError
from vending.reserve import Reserve

log = logging.getLogger(__name__)


class DatabaseInUse(VendingError):
    code = "database_in_use"


class DatabaseUnsafe(VendingError):
    code = "database_unsafe"


class DatabaseUnreachable(Unavailable):
    code = "database_unreachable"


class DiskFull(Unavailable):
    """The database's disk has no room. What was being written left no trace."""

    code = "disk_full"


class DiskFailing(Unavailable):
    """The disk gave an error on reading or writing. What was being written left no trace."""

    code = "disk_failing"


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, stored in UTC: as ISO text that sorts on SQLite, as timestamptz on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        assert value.tzinfo is not None, "only aware moments are stored"
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)


class JsonText(sa.types.TypeDecorator[Any]):
    """A JSON value with sorted keys, as text on SQLite and jsonb on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB())
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return json.loads(value) if isinstance(value, str) and dialect.name != "postgresql" else value


# SQLite's STRICT tables refuse text in an integer column, which is what a money column needs; they know five type names
# only, so the others are spelt with those.
@compiles(sa.String, "sqlite")
@compiles(sa.Text, "sqlite")
@compiles(sa.Unicode, "sqlite")
@compiles(sa.Date, "sqlite")
def _text(_type: Any, _compiler: Any, **_kw: Any) -> str:
    return "TEXT"


@compiles(sa.BigInteger, "sqlite")
@compiles(sa.SmallInteger, "sqlite")
@compiles(sa.Boolean, "sqlite")
def _integer(_type: Any, _compiler: Any, **_kw: Any) -> str:
    return "INTEGER"


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, int: sa.BigInteger, dict[str, Any]: JsonText}  # noqa: RUF012 — SQLAlchemy reads it from the class


@event.listens_for(sa.Table, "after_parent_attach")
def _strict(table: sa.Table, _parent: Any) -> None:
    table.dialect_options["sqlite"]["strict"] = True


def new_key() -> str:
    """A public name for a row, for addresses and papers. Random, because integer ids can be walked."""
    return secrets.token_hex(8)


def append_only_statements(table: str, dialect: str) -> list[str]:
    """The second wall round rows that are never edited: the database itself refuses. Used by create and by migrations."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE OR REPLACE FUNCTION ampoule_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END$$",
        f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ampoule_append_only()",
    ]


APPEND_ONLY_TABLES: set[str] = set()


# (table, trigger): what judges rows even while many are loaded that another database has judged already, because it
# stands in the place of references.
GUARDS_THAT_STAY: list[tuple[str, str]] = []


def append_only(table: Any) -> None:
    """Declares that rows of this table are only ever added."""
    assert isinstance(table, sa.Table)
    APPEND_ONLY_TABLES.add(table.name)

    def create(target: sa.Table, connection: Connection, **_kw: Any) -> None:
        for statement in append_only_statements(target.name, connection.dialect.name):
            connection.exec_driver_sql(
                statement.replace("%", "%%") if connection.dialect.name != "sqlite" else statement
            )

    event.listen(table, "after_create", create)


# What keeps writers out of a table for a moment. A role that may only add rows may not lock them either, so the owner's
# function does it, for the two tables that need it and for no other.
HOLD_FUNCTION = """CREATE OR REPLACE FUNCTION ampoule_hold(held text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
  IF held NOT IN ('audit_entry', 'ledger_entry') THEN
    RAISE EXCEPTION '% is not held by anybody', held;
  END IF;
  EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', held);
END$$"""


def hold_writers(session: Session, table: str) -> None:
    """Rows of transactions that are still open have lower ids than some that are committed: waits for them, and keeps new
    ones out until this transaction ends. On SQLite there is one writer, and this is he."""
    if session.connection().dialect.name == "postgresql":
        session.execute(sa.text("SELECT ampoule_hold(:held)"), {"held": table})


def refresh_statistics(session: Session) -> None:
    """After many rows at once: without fresh statistics PostgreSQL plans the next search as if the tables were empty,
    which was seen to take minutes."""
    if session.connection().dialect.name == "postgresql":
        session.flush()
        session.execute(sa.text("ANALYZE"))


_LENT: "ContextVar[Database | None]" = ContextVar("lent database", default=None)
_FULL = (
    "{} is full. Nothing was stored and no money is due. Make room there, then do the same again; nothing needs to be "
    "started anew."
)
# The shared memory beside the database could not be extended: what a full disk looks like to a reader.
_NO_ROOM_BESIDE = (sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN)
_NOT_SYNCED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)


def _end_after_a_failed_sync(error: Exception) -> None:
    """After a sync that failed the kernel may have dropped the pages and forgotten the error: the next sync would report
    success for data that is not there. Only a process that begins anew, from what the disk really holds, can be believed."""
    log.critical("the disk did not confirm a write (%s); the process ends, start it again", error)
    logging.shutdown()
    os._exit(74)


class Database:
    """One open database. Everything that commits goes through `writing`."""

    def __init__(
        self, url: URL, readers: Engine, writer: Engine, lock: IO[str] | None, *, writable: bool
    ) -> None:
        self.url = url
        self._readers = readers
        self._writer = writer
        self._lock_file = lock
        self._write_lock = threading.RLock() if url.get_backend_name() == "sqlite" else None
        self._writable = writable
        self._is_lent = False
        self._groups: Engine | None = None
        self._reserve = (
            Reserve(Path(url.database)) if writable and lock is not None and url.database else None
        )

    @property
    def dialect(self) -> str:
        return self.url.get_backend_name()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Within this block and this thread, `open` with the same address gives this database, whose owner closes it:
        for commands that the server carries out."""
        before = _LENT.set(self)
        try:
            yield
        finally:
            _LENT.reset(before)

    @classmethod
    def open(cls, url: str, *, writable: bool = True) -> "Database":
        try:
            parsed = make_url(url)
        except sa.exc.ArgumentError:
            # The address may hold a password, so it is not repeated.
            raise DatabaseUnsafe(
                "AMPOULE_DATABASE_URL is not an address of a database. Write sqlite:////path/file.db or postgresql://user@host/name."
            ) from None
        owner = _LENT.get()
        if owner is not None and owner.url.database == parsed.database and parsed.host == owner.url.host:
            borrowed = copy.copy(owner)
            borrowed._is_lent = True
            return borrowed
        if parsed.get_backend_name() == "sqlite":
            return cls._open_sqlite(parsed, writable=writable)
        if parsed.get_backend_name() == "postgresql":
            return cls._open_postgresql(parsed.set(drivername="postgresql+psycopg"), writable=writable)
        raise DatabaseUnsafe(
            f"{parsed.get_backend_name()} is not a database Ampoule knows. Use sqlite:///… or postgresql://…."
        )

    @classmethod
    def _open_sqlite(cls, url: URL, *, writable: bool) -> "Database":
        if not url.database or url.database == ":memory:":
            raise DatabaseUnsafe(
                "A database in memory keeps no sale. Give a file: sqlite:////path/ampoule.db."
            )
        path = Path(url.database)
        lock = _take_lock(path) if writable else None
        try:
            writer = sa.create_engine(
                url, poolclass=StaticPool, hide_parameters=True, connect_args={"check_same_thread": False}
            )
            event.listen(writer, "connect", _make_durable if writable else _make_query_only)
            event.listen(writer, "begin", _begin_immediate if writable else _begin)
            if writable:
                with writer.connect() as connection:
                    _refuse_unsafe_sqlite(connection)
            # What was sent to the database stands in no error, and so in no log: it may be a secret's hash or a name.
            readers = sa.create_engine(
                url,
                pool_size=8,
                max_overflow=24,
                hide_parameters=True,
                connect_args={"check_same_thread": False},
            )
            event.listen(readers, "connect", _make_query_only)
            event.listen(readers, "begin", _begin)
            return cls(url, readers, writer, lock, writable=writable)
        except sa.exc.DatabaseError as error:
            if lock is not None:
                lock.close()
            raise DatabaseUnreachable(
                f"The database {path} could not be opened: {error.orig}. Check that the file is an Ampoule database and may be written."
            ) from error

    @classmethod
    def _open_postgresql(cls, url: URL, *, writable: bool) -> "Database":
        # Statements of pages and reports are planned anew each time, for what they ask and for the tables as they are.
        engine = _postgresql_engine(
            url, pool_size=8, max_overflow=8, connect_args={"prepare_threshold": None}
        )
        try:
            with engine.connect() as connection:
                for name in ("fsync", "synchronous_commit", "full_page_writes"):
                    value = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                    if value not in ("on", "remote_apply", "remote_write"):
                        raise DatabaseUnsafe(
                            f"PostgreSQL runs with {name} = {value}, which loses acknowledged sales in a power cut. Set it to on."
                        )
        except sa.exc.OperationalError as error:
            raise DatabaseUnreachable(
                f"PostgreSQL at {url.host or 'the local socket'} does not answer. Check AMPOULE_DATABASE_URL and that the server runs."
            ) from error
        return cls(url, _readers_of(engine), engine, None, writable=writable)

    def for_groups(self) -> "Database":
        """The same database for work that comes in groups and by the same statements again and again (sales, quotes). The
        owner closes it.

        On PostgreSQL by connections of its own, which keep their statements prepared with their plans: planning took as
        long as the work. A plan that is kept must stay right when the tables grow, and one made while they were empty
        would read them whole for ever after, those of the references among them; hence no sequential scans."""
        if self.dialect == "sqlite":
            return self
        if self._groups is None:
            self._groups = _postgresql_engine(
                self.url,
                pool_size=4,
                max_overflow=4,
                connect_args={
                    "prepare_threshold": 0,
                    "options": "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off",
                },
            )
        borrowed = copy.copy(self)
        borrowed._readers, borrowed._writer = _readers_of(self._groups), self._groups
        borrowed._is_lent = True
        return borrowed

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent look; nothing that is added here is ever stored."""
        try:
            with self._readers.connect() as connection:
                connection.begin()
                with Session(
                    connection,
                    expire_on_commit=False,
                    autoflush=False,
                    join_transaction_mode="rollback_only",
                ) as session:
                    yield session
                # Not taken back: the driver would forget the statements that it has prepared.
                connection.commit()
        except sa.exc.DBAPIError as error:
            raise self._named(error) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: commits when the block ends well, leaves nothing behind when it does not."""
        assert self._writable, "this database was opened for reading only"
        if self._write_lock is not None:
            with self._write_lock:
                yield from self._transaction()
        else:
            yield from self._transaction()

    def _transaction(self) -> Iterator[Session]:
        with self._writer.connect() as connection, Session(connection, expire_on_commit=False) as session:
            try:
                with session.begin():
                    yield session
                connection.commit()
            except sa.exc.DBAPIError as error:
                named = self._named(error)
                connection.rollback()
                raise named from error
            except BaseException:
                connection.rollback()
                raise

    def _named(self, error: sa.exc.DBAPIError) -> Exception:
        """What the disk says, in a sentence; everything else as it is."""
        if getattr(error.orig, "sqlstate", None) == "53100":
            return DiskFull(_FULL.format("PostgreSQL's disk"))
        code = getattr(error.orig, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_FULL or code in _NO_ROOM_BESIDE:
            return DiskFull(_FULL.format(f"The disk of {self.url.database}"))
        if code in _NOT_SYNCED:
            _end_after_a_failed_sync(error)
        if code & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DiskFailing(
                f"The disk of {self.url.database} gave an error, and nothing was stored. Look at the disk (dmesg), and have "
                "the last back-up at hand."
            )
        return error

    def refuse_unless_room(self) -> None:
        """Before money moves: is there room to end what is about to begin?"""
        if self._reserve is not None and not self._reserve.is_whole():
            raise DiskFull(_FULL.format(f"The disk of {self.url.database}"))

    def give_up_reserve(self) -> bool:
        """For what must still be written although the disk is full: the end of an order that is paid."""
        return self._reserve is not None and self._reserve.give_up()

    def create_all(self) -> None:
        """Makes every table of the metadata; for tests. A site is made by migrations."""
        with self._writer.connect() as connection:
            Base.metadata.create_all(connection)
            connection.commit()

    @contextmanager
    def loading(self, tables: Iterable[str]) -> Iterator[Connection]:
        """One transaction that fills empty tables with rows that another database has judged already (PostgreSQL).

        The guards of single acts rest meanwhile, such as the one that refuses entries of closed periods; keys, checks,
        references and what stands in their place do not. Needs the owner of the tables."""
        assert self._writable
        assert self.dialect == "postgresql"
        tables = list(tables)
        names = ['"' + table.replace('"', '""') + '"' for table in tables]
        stay = [(table, trigger) for table, trigger in GUARDS_THAT_STAY if table in tables]
        with self._writer.connect() as connection:
            try:
                for name in names:
                    connection.exec_driver_sql(f"ALTER TABLE {name} DISABLE TRIGGER USER")
                for table, trigger in stay:
                    connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
                yield connection
                connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
                for name in names:
                    connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE TRIGGER USER")
                connection.commit()
                # Without fresh statistics the first searches are planned as if the tables were empty.
                connection.exec_driver_sql("ANALYZE")
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """The writing connection itself, for Alembic."""
        with self._writer.connect() as connection:
            yield connection

    def alone(self) -> Connection:
        """A connection outside every transaction, for locks that outlive one. PostgreSQL only; the caller closes it."""
        assert self.dialect == "postgresql", "SQLite has one process and needs no lock of the server"
        return self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")

    def keep_migration(self, connection: Connection) -> None:
        """Commits what was done on the connection of `migrating`."""
        connection.commit()

    def close(self) -> None:
        if self._is_lent:
            return
        # The readers go first: the last connection to close writes the journal back, and that is the writer's work.
        self._readers.dispose()
        self._writer.dispose()
        if self._groups is not None:
            self._groups.dispose()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


def _postgresql_engine(url: URL, **more: Any) -> Engine:
    # The connection that was used last comes first: what it has prepared is the most.
    engine = sa.create_engine(url, pool_use_lifo=True, hide_parameters=True, **more)
    _ask_the_rested(engine)
    return engine


def _readers_of(engine: Engine) -> Engine:
    """The same connections; a reading transaction says so in its BEGIN, which costs no message of its own."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


RESTED_S = 1.0


def _ask_the_rested(engine: Engine) -> None:
    """A connection that has rested is asked whether it still lives before it is used, so that nobody hears of a server that
    was started anew meanwhile. One that was used a moment ago is not: the question would cost as much as a statement. It is
    looked whether its socket has something to say, which costs no message: a server that ends a session says so."""

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: Any) -> None:
        record.info["rests since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _wakes(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("rests since")
        if since is not None and _has_something_to_say(connection):
            raise sa.exc.DisconnectionError("the server ended this connection")
        if since is None or time.monotonic() - since < RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DisconnectionError("the server ended this connection") from error


def _has_something_to_say(connection: Any) -> bool:
    """Nothing was asked on this connection, so whatever is there to read is its end (or a notice: a new one does as well)."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


def _take_lock(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path.with_name(path.name + ".lock"), "a+", encoding="ascii")  # noqa: SIM115 — held until close()
    except OSError as error:
        raise DatabaseUnreachable(
            f"{path.parent} cannot be written ({error.strerror}). Give the folder to the user that runs Ampoule, or choose another with AMPOULE_VAR."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise DatabaseInUse(
            f"Another Ampoule process (number {holder}) already works on {path}. Use that one, or stop it first."
        ) from None
    try:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    except OSError as error:
        raise DatabaseUnreachable(
            f"{path.parent} cannot be written ({error.strerror}). Make room there or look at the disk, then start again."
        ) from error
    return lock


def _make_durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_immediate
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA mmap_size = 0")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()


def _make_query_only(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.execute("PRAGMA wal_autocheckpoint = 0")
    cursor.execute("PRAGMA mmap_size = 0")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _refuse_unsafe_sqlite(connection: Connection) -> None:
    def pragma(name: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    found = (str(pragma("journal_mode")), int(pragma("synchronous")), int(pragma("foreign_keys")))
    connection.rollback()
    if found != ("wal", 2, 1):
        raise DatabaseUnsafe(
            f"SQLite came up with journal {found[0]}, synchronous {found[1]}, foreign keys {found[2]}; Ampoule needs wal, 2 and 1. "
            "A network drive cannot hold the database: move it to a local disk."
        )

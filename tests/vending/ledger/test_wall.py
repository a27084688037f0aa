"""The role under which a server runs on PostgreSQL may add rows to the books and not change them."""

import pytest
import sqlalchemy as sa

from vending.clock import FixedClock
from vending.db import APPEND_ONLY_TABLES, Database
from vending.ledger import service
from vending.ledger.entries import transfer
from vending.ledger.wall import role_statements

PAYMENT = transfer("payment", "payment/1", "ZAR", 5, debited="cash/till-1", credited="customer/t1")


def test_the_servers_role_adds_and_never_changes(postgresql_database: Database, clock: FixedClock) -> None:
    with postgresql_database.migrating() as connection:
        for statement in (
            "CREATE ROLE ampoule_clerk",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO ampoule_clerk",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ampoule_clerk",
            *role_statements("ampoule_clerk", sorted(APPEND_ONLY_TABLES)),
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
    try:
        with postgresql_database.writing() as session:
            session.execute(sa.text("SET LOCAL ROLE ampoule_clerk"))
            service.post(session, clock, [PAYMENT])
        for statement in (
            "UPDATE ledger_leg SET amount = 6",
            "DELETE FROM ledger_entry",
            "TRUNCATE ledger_leg",
        ):
            with (
                pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
                postgresql_database.writing() as session,
            ):
                session.execute(sa.text("SET LOCAL ROLE ampoule_clerk"))
                session.execute(sa.text(statement))
        with pytest.raises(sa.exc.DBAPIError, match="append only"), postgresql_database.writing() as session:
            session.execute(sa.text("SET LOCAL ROLE ampoule_clerk"))
            session.execute(sa.text("UPDATE ledger_account SET opened_at = now()"))
    finally:
        with postgresql_database.migrating() as connection:
            connection.exec_driver_sql("DROP OWNED BY ampoule_clerk")
            connection.exec_driver_sql("DROP ROLE ampoule_clerk")
            connection.commit()


def test_a_role_with_a_strange_name_is_our_own_fault() -> None:
    with pytest.raises(AssertionError):
        role_statements("a; DROP TABLE person", ["ledger_leg"])

"""`ampoule reconcile`: holds log, database, books and receipts against each other, names each difference, and takes in what
the database lacks when told to.

Looking changes nothing and may be done at any time; the matching itself is the auditor's (`auditor/matching.py`). Taking in writes, so on SQLite the server is stopped first; its sales are
closed anyway while something is missing.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy.engine import Connection

from keystore.errors import KeystoreError
from keystore.module import MAX_REQUESTS, SecurityModule
from vending import audit, bootstrap, migrating
from vending import settings as settings_module
from vending.auditor import opening, records, second_process
from vending.auditor.reconciliation import Log, Reconciled, Window
from vending.auditor.reconciliation import reconcile as match
from vending.clock import SystemClock
from vending.db import Database
from vending.errors import InvalidInput, NotFound, Unavailable
from vending.estate import queries as estate
from vending.money import parse_amount, plain
from vending.services import Services
from vending.user_commands import looking, opened
from vending.vends import adopted_money, adopting, log_fence
from vending.vends import queries as sale_queries
from vending.vends.log_fence import Finding, Missing


class ModuleAway(Unavailable):
    code = "module_away"


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day of the site on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="To this day of the site, with it.")
@click.option(
    "--log",
    "copy",
    type=click.Path(path_type=Path, exists=True),
    help="A copy of the log (entries.log or its folder) instead of the running module.",
)
@click.option("--adopt", is_flag=True, help="Take the missing orders into the database, each by name.")
@click.option(
    "--head", is_flag=True, help="Print the newest signed head that this database keeps, for a fast-forward."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def reconcile(
    since: datetime | None, until: datetime | None, copy: Path | None, adopt: bool, head: bool, as_json: bool
) -> None:
    """Do the module's log, the database, the books and the receipts agree? Exits 1 with a sentence for each difference."""
    window = Window(since.date() if since else None, until.date() if until else None)
    if window.since and window.until and window.since > window.until:
        raise InvalidInput("--since is after --until. Give the earlier day first.")
    settings = settings_module.load()
    db = Database.open(settings.database_address, writable=adopt)
    try:
        migrating.refuse_unless_current(db)
        if head:
            _print_head(db)
            return
        if copy is not None:
            if adopt:
                raise InvalidInput("Orders are adopted from the running module, not from a copy of its log.")
            _tell(None, look_at_copy(settings.database_address, copy, window), as_json=as_json)
            return
        services = bootstrap.open_services(settings, db=db)
        try:
            _reconcile(services, window, adopt=adopt, as_json=as_json)
        finally:
            services.sales.close()
    except KeystoreError as error:
        raise ModuleAway(f"The log could not be looked at: {error.sentence}") from error
    finally:
        db.close()


def _print_head(db: Database) -> None:
    with db.reading() as session:
        note = log_fence.head_note(session)
    if not note:
        raise NotFound(
            "This database keeps no signed head yet. Use the one of a cash-up slip or of another witness."
        )
    click.echo(note, nl=False)


def look_at_all(address: str, module: SecurityModule, window: Window) -> Reconciled:
    """The log of the running module against the database at that address."""
    status = module.status()  # before the look at the database: what is logged later is not asked for

    def fetch(first: int, limit: int) -> list[bytes]:
        return [entry.leaf_data.encode() for entry in module.entries(first, limit)]

    log = Log(
        status.log,
        status.now - _JUST_NOW,
        lambda since, until: records.log_of_module(fetch, status.sequence, MAX_REQUESTS, since, until),
    )
    with opening.opened(address) as connection:
        return _match(address, connection, log, now=max(datetime.now(UTC), status.now), window=window)


def _match(address: str, connection: Connection, log: Log, *, now: datetime, window: Window) -> Reconciled:
    with second_process.beside(address, connection, now=now, window=window) as beside:
        return match(connection, log, now=now, window=window, beside=beside)


_JUST_NOW = timedelta(minutes=1)


def look_at_copy(address: str, copy: Path, window: Window) -> Reconciled:
    """A copy of the log against the database; what the copy is too old for is not compared."""
    file = copy / "entries.log" if copy.is_dir() else copy
    if not file.is_file():
        raise NotFound(f"There is no entries.log in {copy}. Name the log's folder or its file.")
    complete_to = records.last_of_file(file)
    if complete_to is None:
        raise NotFound(f"{file} has no whole entry. Copy it again from the module's log folder.")
    with opening.opened(address) as connection:
        name = records.Records(connection).newest_log()
        log = Log(name, complete_to, lambda since, _until: records.log_of_file(file, since))
        return _match(address, connection, log, now=datetime.now(UTC), window=window)


def _reconcile(services: Services, window: Window, *, adopt: bool, as_json: bool) -> None:
    found = log_fence.look(services.db, services.module, services.module.status())
    if adopt and found.missing:
        adopted = adopting.adopt(
            services.db, services.clock, services.module, found.missing, actor=audit.SYSTEM
        )
        for each in adopted:
            where = ", ".join(word for word in (each.unit, each.tenant) if word) or "a meter not known here"
            click.echo(
                f"{each.receipt}: entry {each.sequence}, {each.logged_at:%Y-%m-%d %H:%M} UTC, meter {each.pan} ({where}), "
                f"{each.units} units of {each.service}, "
                + (
                    f"worth {plain(each.worth_minor, each.currency)}"
                    if each.worth_minor
                    else "without a price"
                ),
                err=as_json,
            )
        click.echo(
            f"{len(adopted)} orders adopted. Their worth stands in suspense: look for their papers, then "
            "`ampoule adopted found`.",
            err=as_json,
        )
        found = log_fence.look(services.db, services.module, services.module.status())
    if adopt and not found.missing:
        with services.db.writing() as session:
            log_fence.keep(session, services.clock, found.mark)
    _tell(found, look_at_all(services.settings.database_address, services.module, window), as_json=as_json)


def _tell(found: Finding | None, reconciled: Reconciled, *, as_json: bool) -> None:
    """What the fence says, when the module was asked, and what the matching found; the exit status of both."""
    if as_json:
        told = {**(_as_json(found) if found is not None else {}), **reconciled.as_json()}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join([*(_lines(found) if found is not None else ()), *reconciled.lines()]))
    sys.exit(1 if (found is not None and found.reason) or not reconciled.clean else 0)


def _lines(found: Finding) -> list[str]:
    lines = [f"The log {found.log} has {found.size} entries."]
    if found.others:
        lines.append(
            "Acts move no money. A key change among them: see that the meter's key here is the one it has."
        )
    lines.append(found.reason or "The database knows every order of it.")
    return lines


def _as_json(found: Finding) -> dict[str, object]:
    return {
        "log": found.log,
        "entries": found.size,
        "fits": not found.reason,
        "reason": found.reason,
        "missing": [_entry(entry) for entry in found.missing],
        "others": [_entry(entry) for entry in found.others],
    }


def _entry(entry: Missing) -> dict[str, object]:
    return {
        "entry": entry.sequence,
        "order": entry.order_id,
        "kind": entry.kind,
        "units": entry.units,
        "at": datetime.fromtimestamp(entry.logged_at_ms / 1000, UTC).isoformat(),
    }


# --- the money of adopted orders --------------------------------------------------------------------------------------


@click.group()
def adopted() -> None:
    """Orders taken in from the log after a restore: whose money is still looked for, and what was found."""


@adopted.command("list")
def list_adopted() -> None:
    """Every adopted order whose money was not found yet. Works while the server runs."""
    with looking() as db, db.reading() as session:
        waiting = adopted_money.list_waiting(session, SystemClock(), estate.list_sites(session))
    for one in waiting:
        who = ", ".join(word for word in (one.unit, one.tenant) if word) or "a meter not known here"
        click.echo(
            f"{one.receipt}  {one.sold_at:%Y-%m-%d %H:%M} UTC  {who}: {one.units / 10:,.1f} of {one.service}, "
            f"worth {plain(one.worth_minor, one.currency)}"
        )
    click.echo(f"{len(waiting)} to be found." if waiting else "Nothing is to be found.")


@adopted.command()
@click.argument("receipt")
@click.argument("paid")
@click.option(
    "--account",
    required=True,
    help="Where the money is: bank/main, safe/…, suspense/… of a counted drawer, loss/adopted.",
)
@click.option(
    "--evidence", required=True, help="What shows how much was paid: the paper's number, a bank line."
)
def found(receipt: str, paid: str, account: str, evidence: str) -> None:
    """Book what was paid for an adopted order, and where that money is; it becomes the sale that it was."""
    with opened() as (db, clock), db.writing() as session:
        currency = sale_queries.one_by_receipt(session, receipt.upper()).currency
        minor = parse_amount(paid, currency)
        adopted_money.found(
            session, clock, audit.SYSTEM, receipt, paid_minor=minor, account=account, evidence=evidence
        )
    click.echo(f"{receipt.upper()}: {plain(minor, currency)} booked to {account}.")

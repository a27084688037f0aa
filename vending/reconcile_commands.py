"""`ampoule reconcile`: holds the module's log against the database, names what is missing, and takes it in when told to.

Looking changes nothing and may be done at any time. Taking in writes, so on SQLite the server is stopped first; its sales are
closed anyway while something is missing.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click

from keystore.errors import KeystoreError
from vending import audit, bootstrap, migrating
from vending import settings as settings_module
from vending.db import Database
from vending.errors import NotFound, Unavailable
from vending.services import Services
from vending.vends import adopting, log_fence
from vending.vends.log_fence import Finding, Missing


class ModuleAway(Unavailable):
    code = "module_away"


@click.command()
@click.option("--adopt", is_flag=True, help="Take the missing orders into the database, each by name.")
@click.option(
    "--head", is_flag=True, help="Print the newest signed head that this database keeps, for a fast-forward."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def reconcile(adopt: bool, head: bool, as_json: bool) -> None:
    """Which orders of the module's log does the database not know?"""
    settings = settings_module.load()
    db = Database.open(settings.database_address, writable=adopt)
    try:
        migrating.refuse_unless_current(db)
        if head:
            with db.reading() as session:
                note = log_fence.head_note(session)
            if not note:
                raise NotFound(
                    "This database keeps no signed head yet. Use the one of a cash-up slip or of another witness."
                )
            click.echo(note, nl=False)
            return
        services = bootstrap.open_services(settings, db=db)
        try:
            _reconcile(services, adopt=adopt, as_json=as_json)
        finally:
            services.sales.close()
    except KeystoreError as error:
        raise ModuleAway(f"The log could not be looked at: {error.sentence}") from error
    finally:
        db.close()


def _reconcile(services: Services, *, adopt: bool, as_json: bool) -> None:
    found = log_fence.look(services.db, services.module, services.module.status())
    if adopt and found.missing:
        adopted = adopting.adopt(
            services.db, services.clock, services.module, found.missing, actor=audit.SYSTEM
        )
        for each in adopted:
            where = ", ".join(word for word in (each.unit, each.tenant) if word) or "a meter not known here"
            click.echo(
                f"{each.receipt}: entry {each.sequence}, {each.logged_at:%Y-%m-%d %H:%M} UTC, meter {each.pan} ({where}), "
                f"{each.units} units of {each.service}"
            )
        click.echo(
            f"{len(adopted)} orders adopted. What was paid for them is not known here: look for their papers."
        )
        found = log_fence.look(services.db, services.module, services.module.status())
    if adopt and not found.missing:
        with services.db.writing() as session:
            log_fence.keep(session, services.clock, found.mark)
    click.echo(json.dumps(_as_json(found), indent=2) if as_json else "\n".join(_lines(found)))
    sys.exit(1 if found.reason else 0)


def _lines(found: Finding) -> list[str]:
    lines = [f"The log {found.log} has {found.size} entries."]
    lines += [_line(entry, "order") for entry in found.missing]
    lines += [_line(entry, "act") for entry in found.others]
    if found.others:
        lines.append(
            "Acts move no money. A key change among them: see that the meter's key here is the one it has."
        )
    lines.append(found.reason or "The database knows every order of it.")
    return lines


def _line(entry: Missing, what: str) -> str:
    at = datetime.fromtimestamp(entry.logged_at_ms / 1000, UTC)
    units = f", {entry.units} units" if entry.units else ""
    return f"Entry {entry.sequence}, {at:%Y-%m-%d %H:%M} UTC: {what} {entry.order_id} ({entry.kind}{units}) is not in the database."


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

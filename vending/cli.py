"""The command `ampoule`. Each subcommand is imported when it is called, so that `--help` answers at once.

Errors of ours end as one sentence on stderr and exit status 1; a traceback means a fault of ours.
"""

import importlib
import sys
from typing import Any

import click

# name: (module, object, one line of help). The help stands here so that nothing is imported to print it.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("vending.supervisor", "up", "Start the whole product: module, server and a simulated building."),
    "setup": ("vending.setup.command", "setup", "Set a site up, with questions or from a file."),
    "serve": ("vending.server", "serve", "Run the server alone (the module must already run)."),
    "worker": ("vending.server", "worker", "Run the worker alone, beside WSGI processes on PostgreSQL."),
    "database": ("vending.database_commands", "database", "The database: version, upgrade, roles, copy."),
    "demo": ("vending.demo_commands", "demo", "Demonstrations; `demo reset` starts over."),
    "backup": ("vending.backup_commands", "backup", "Back the whole site up into one enciphered file."),
    "restore": (
        "vending.backup_commands",
        "restore",
        "Bring a back-up into an empty folder, or rehearse it.",
    ),
    "reconcile": (
        "vending.reconcile_commands",
        "reconcile",
        "Hold the module's log against the database; take in what is missing.",
    ),
    "adopted": (
        "vending.reconcile_commands",
        "adopted",
        "Orders taken in after a restore: find their money.",
    ),
    "audit": (
        "vending.auditor.command",
        "audit",
        "Check every invariant of the database, with code of its own.",
    ),
    "user": ("vending.user_commands", "user", "People: add, roles, passwords, sessions."),
    "estate": ("vending.estate_commands", "estate", "Units, tenants and meters: import, export, find."),
    "sale": ("vending.sale_commands", "sale", "Sell a whole list from a file, with a dry run."),
    "tariff": ("vending.tariffs.command", "tariff", "Tariff files: read in words, compare, try, export."),
    "doctor": (
        "vending.doctor.command",
        "doctor",
        "Look at everything that a site needs, and say what to do next.",
    ),
    "seller": ("vending.seller_commands", "seller", "Third-party sellers: money, terms, statements."),
    "api-key": ("vending.api_key_commands", "api_key", "Keys of programs; one for the sandbox."),
    "conformance": (
        "vending.conformance.command",
        "conformance",
        "Play each outcome for a client of the API and judge it.",
    ),
    "jobs": ("vending.jobs_commands", "group", "Work in the background: see it, send it again."),
    "tls": ("vending.tls_commands", "tls", "The certificate of the pages: make, take, renew, show."),
    "receipt": ("vending.receipt_commands", "receipt", "Receipts: explain, make again, print, verify."),
    "print-agent": (
        "vending.print_agent",
        "print_agent",
        "On a till's PC: print that till's papers on the printer there.",
    ),
    "statement": (
        "vending.statement_commands",
        "statement",
        "Statements of purchases with charts, for one tenant or all.",
    ),
    "notify": ("vending.notify_commands", "notify", "Messages to tenants: try a channel."),
    "config": ("vending.config_commands", "config", "Show the settings and where each came from."),
}


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _help = COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ampoule")
def ampoule() -> None:
    """Prepaid energy in buildings: desk, token, ledger, meter and bill as one chain."""


def main(arguments: list[str] | None = None) -> Any:
    try:
        words = sys.argv[1:] if arguments is None else arguments
        if words[:1] in (["user"], ["jobs"]) and (status := _through_the_server(words)) is not None:
            sys.exit(status)
        return ampoule.main(args=arguments, prog_name="ampoule", standalone_mode=True)
    except Exception as error:
        from vending.errors import VendingError

        if not isinstance(error, VendingError):
            raise
        print(f"ampoule: {error.sentence}", file=sys.stderr)
        sys.exit(1)


def _through_the_server(words: list[str]) -> int | None:
    """The running server carries the command out, because it alone writes; None when it does not do this one."""
    from vending import local_door, settings

    answer = local_door.ask(settings.load(), words)
    if answer is None:
        return None
    sys.stdout.write(answer.out)
    sys.stderr.write(answer.err)
    return answer.status

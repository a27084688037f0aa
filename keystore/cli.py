"""The key manager's command line. Each command is small; what it does is in the modules that it names.

Secrets come from a hidden prompt or a file descriptor, never from arguments or the environment.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path

import click

from keystore import cli_acts, cli_ceremony, cli_keys, cli_log
from keystore import server as serving
from keystore.errors import KeystoreError
from keystore.hardening import harden
from keystore.opening import HsmSource
from keystore.terminal import Secrets, Told, secrets_option, told

_AS_JSON = "keystore.json"


class Commands(click.Group):
    """Errors of ours end a command with their sentence and a stable exit status; no traceback reaches a terminal."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeystoreError as error:
            self._say(ctx, error.sentence, error.code)
        except OSError as error:
            what = f"{error.filename}: " if error.filename else ""
            self._say(ctx, f"{what}{error.strerror or error}.", "file")
        raise SystemExit(1)

    def _say(self, ctx: click.Context, sentence: str, code: str) -> None:
        if ctx.meta[_AS_JSON]:
            click.echo(json.dumps({"error": {"code": code, "sentence": sentence}}), err=True)
        else:
            click.echo(f"keystore: {sentence} [{code}]", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ampoule", prog_name="keystore")
def main() -> None:
    """Keys nobody can take, issues nobody can hide."""


@main.command("demo-init")
@click.option("--into", "folder", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option("--simulated-clock", default=None, help="Open the budgets at this time.")
@click.option("--budget-units", type=click.IntRange(1), help="Units of each budget, instead of the usual.")
@click.option("--budget-days", type=click.IntRange(1), help="How many days the budgets last.")
def demo_init(
    folder: Path, simulated_clock: str | None, budget_units: int | None, budget_days: int | None
) -> None:
    """Make the demonstration key file, its log and its budgets from public test keys."""
    from keystore import demonstration

    path = demonstration.init(
        folder, simulated_clock=simulated_clock, budget_units=budget_units, budget_days=budget_days
    )
    click.echo(f"Made {path} with public test keys, its log and open budgets. It opens no real meter.")


@main.group()
def demo() -> None:
    """Demonstrations on public test keys."""


@demo.command()
@click.option("--socket", "socket_path", type=click.Path(path_type=Path), required=True)
@click.option(
    "--log",
    "log_folder",
    type=click.Path(path_type=Path, exists=True),
    default=None,
    help="Name the tokens from it.",
)
@click.option("--sgc", default="600100", show_default=True)
def ghost(socket_path: Path, log_folder: Path | None, sgc: str) -> None:
    """With the web server's rights: mint the budget, stop to the unit, and be named by the log."""
    from keystore import demonstrations
    from keystore.client import SocketModule

    with SocketModule(socket_path) as module:
        if not module.status().test:
            raise KeystoreError("The demonstration runs on a module with public test keys only.", code="live")
        haul = demonstrations.ghost(module, click.echo, sgc=sgc)
    if log_folder is not None:
        demonstrations.name_every_token(haul, log_folder, click.echo)


@demo.command()
def rollover() -> None:
    """A meter of 1993 at its last minute."""
    from keystore import demonstrations

    demonstrations.rollover(click.echo)


@main.command()
@click.option("--file", "key_file", type=click.Path(path_type=Path), required=True)
@click.option("--log", "log_folder", type=click.Path(path_type=Path), required=True)
@click.option("--socket", "socket_path", type=click.Path(path_type=Path), required=True)
@click.option(
    "--unlock-test-keys", is_flag=True, help="Open an all-test file by itself, with its public passphrases."
)
@click.option(
    "--simulated-clock", default=None, help="A time to start from, or a file that says it. Test keys only."
)
@click.option(
    "--witness",
    "witnesses",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A file outside (another disk, another machine): read at start, kept up to date. Repeatable.",
)
@click.option(
    "--pkcs11",
    "library",
    type=click.Path(path_type=Path),
    default=None,
    help="A PKCS#11 library, when keys are in a token.",
)
@click.option("--token", "token_label", default="ampoule", show_default=True, help="The token's label.")
@click.option("--seller", "sellers", multiple=True, help="A user who may sell (name or number). Repeatable.")
@click.option("--looker", "lookers", multiple=True, help="A user who may also verify tokens. Repeatable.")
@click.option(
    "--officer", "officers", multiple=True, help="A user who may unlock, lock and load. Repeatable."
)
def serve(
    key_file: Path,
    log_folder: Path,
    socket_path: Path,
    unlock_test_keys: bool,
    simulated_clock: str | None,
    witnesses: tuple[Path, ...],
    sellers: tuple[str, ...],
    lookers: tuple[str, ...],
    officers: tuple[str, ...],
    library: Path | None,
    token_label: str,
) -> None:
    """Run the security module."""
    from keystore import demonstration, seal, store
    from keystore.errors import KeyFileUnusable
    from keystore.opening import Options

    described = store.describe(key_file)  # a file that is not there, or is no key file, is said at once
    for line in harden():
        serving.to_stderr(line)
    options = Options(
        log_folder=log_folder,
        anchor=key_file.with_name(key_file.name + ".head"),
        simulated_clock=simulated_clock,
        witnesses=witnesses,
        hsm=_token_source(library, token_label),
    )
    door = serving.Door(socket_path, _roles(sellers, lookers, officers))
    server = serving.Server(key_file, options, door, serving.to_stderr)
    if unlock_test_keys:
        if not described.all_test:
            raise KeyFileUnusable(
                "Only a key file with test keys opens by itself. Start without --unlock-test-keys."
            )
        data = store.read(key_file)
        server.open(seal.unlock(data, demonstration.passphrases()[:2]), data)
        serving.to_stderr("Open, with public test keys.")
    else:
        serving.to_stderr("Locked. Key holders unlock it with `keystore unlock`.")
    sys.exit(server.run())


@main.command("issue-batch")
@click.option("--file", "key_file", type=click.Path(path_type=Path), required=True)
@click.option("--log", "log_folder", type=click.Path(path_type=Path), required=True)
@click.option(
    "--orders", type=click.Path(path_type=Path, exists=True), required=True, help="Exported by `ampoule`."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="JSON lines; it holds tokens, keep it closed.",
)
@click.option("--unlock-test-keys", is_flag=True)
@secrets_option
@told
def issue_batch(
    key_file: Path, log_folder: Path, orders: Path, out: Path, unlock_test_keys: bool, secrets: Secrets
) -> Told:
    """Issue a whole order file under a budget, with the module stopped. Interrupted, it goes on when started again."""
    from keystore import batch, demonstration, opening, seal, store, terminal

    held = store.lock(key_file)
    count, wanted = batch.read_orders(orders)
    if unlock_test_keys and store.describe(key_file).all_test:
        opened = seal.unlock(store.read(key_file), demonstration.passphrases()[:2])
    else:
        opened = terminal.unlock(key_file, secrets)
    anchor = key_file.with_name(key_file.name + ".head")
    engine = opening.open_module(opened, store.read(key_file), opening.Options(log_folder, anchor=anchor))
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as answers,
        click.progressbar(length=count, label="Issuing", file=sys.stderr) as bar,
    ):
        issued, refused = batch.issue(engine, wanted, answers, bar.update)
    engine.log.close()
    os.close(held)
    return Told(
        {"file": out, "issued": issued, "refused": refused, "entries": engine.log.size},
        f"{issued} orders have their tokens in {out}, {refused} were refused. The log has {engine.log.size} entries.",
    )


def _token_source(library: Path | None, label: str) -> HsmSource | None:
    """Keys in a hardware token; its PIN is in the key file. The library is loaded only where there is one."""
    if library is None:
        return None
    from keystore.pkcs11 import Slot, Token, TokenKeys

    slot = Slot(library, label)
    return lambda labels, pin: TokenKeys(Token(slot, pin), labels)


def _roles(
    sellers: tuple[str, ...], lookers: tuple[str, ...], officers: tuple[str, ...]
) -> dict[int, frozenset[str]]:
    """Without names, the module's own user has every role: a demonstration, not separation (decisions.md D16)."""
    roles: dict[int, frozenset[str]] = {
        os.geteuid(): frozenset((serving.SELL, serving.LOOK, serving.OFFICER))
    }
    for names, given in (
        (sellers, (serving.SELL,)),
        (lookers, (serving.SELL, serving.LOOK)),
        (officers, (serving.SELL, serving.LOOK, serving.OFFICER)),
    ):
        for name in names:
            user = _user(name)
            roles[user] = roles.get(user, frozenset()) | frozenset(given)
    return roles


def _user(name: str) -> int:
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise KeystoreError(f"There is no user {name!r} on this machine.", code="user-unknown") from None


for _command in (
    cli_ceremony.ceremony,
    cli_keys.init,
    cli_keys.share,
    cli_keys.import_,
    cli_keys.list_,
    cli_keys.expiring,
    cli_keys.rotate,
    cli_acts.approver,
    cli_acts.budget,
    cli_acts.approve,
    cli_acts.status,
    cli_acts.unlock,
    cli_acts.lock,
    cli_acts.load,
    cli_acts.zeroise,
    cli_log.log_,
    cli_log.backup,
    cli_log.restore,
):
    main.add_command(_command)
main.add_command(cli_keys.compromise, "compromise")
main.add_command(cli_keys.destroy, "destroy")
main.add_command(cli_keys.activate, "activate")
main.add_command(cli_keys.suspend, "suspend")
main.add_command(cli_keys.retire, "retire")

"""`keystore approver, budget, approve, status, unlock, lock`: approvers and the running module."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keystore import acts, signing
from keystore.approvals import base64url
from keystore.client import SocketModule
from keystore.errors import KeystoreError
from keystore.journal import write_whole
from keystore.module import ActSignature, Budget, Refused, Status
from keystore.terminal import JSON, SOCKET, Secrets, Told, moment, secrets_option, show, strong, table, told

ACT_FILE = click.argument("act_file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def approver() -> None:
    """An approver's signing key on the command line."""


@approver.command("new")
@click.option("--out", "path", type=click.Path(path_type=Path), required=True)
@click.option("--name", required=True, help="The name under which signatures are known.")
@click.option("--person", required=True, help="Who it is; several keys of one person count once.")
@secrets_option
@told
def approver_new(path: Path, name: str, person: str, secrets: Secrets) -> Told:
    """Make a key file of your own and print what the ceremony needs to enrol you."""
    if path.exists():
        raise KeystoreError(f"{path} exists already. Choose another name.", code="file-exists")
    key = Ed25519PrivateKey.generate()
    signing.write_key(path, name, key, passphrase=strong(secrets.ask("Passphrase of your key", twice=True)))
    line = f"{name}:{person}:{base64url(key.public_key().public_bytes_raw())}"
    text = f"Made {path}. To be enrolled, give this line to the ceremony:\n{line}"
    return Told({"file": path, "name": name, "person": person, "approver": line}, text)


@click.group()
def budget() -> None:
    """Budgets: what may still be issued. Opening and topping up are acts that two approvers sign."""


@budget.command("list")
@SOCKET
@click.option("--sgc", default=None, help="Of this supply group only; without it, the first 64 of all.")
@JSON
def budget_list(socket_path: Path, sgc: str | None, as_json: bool) -> None:
    """Open budgets, their use and how long they last."""
    with SocketModule(socket_path) as module:
        if sgc is None:
            status = module.status()
            budgets, warnings = list(status.budgets), status.warnings
        else:
            budgets = module.budgets(sgc)
            warnings = tuple(w for b in budgets for w in b.warnings)
    rows = [
        (b.budget_id, b.sgc, b.service or b.kind, b.allotted, b.used, b.left, b.period, f"{b.expires:%Y-%m-%d}",
         f"{b.lasts_until:%A %H:%M}" if b.lasts_until else "")
        for b in budgets
    ]  # fmt: skip
    columns = ("budget", "group", "for", "allotted", "used", "left", "period", "expires", "lasts until")
    text = table(columns, rows) if rows else "No budget is open."
    show(as_json, [_plain(b) for b in budgets], "\n".join((text, *warnings)))


def _plain(value: Budget | Status) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in fields(value)}


def _act_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--out", "act_file", type=click.Path(path_type=Path), required=True, help="The act, to be signed."
        ),
        click.option("--reason", required=True),
        click.option("--maker", default=None, help="Who makes the act; default: this user."),
    ):
        function = option(function)
    return function


def _for_module(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--module` or `--socket`, given to the command as the module's name."""

    @click.option(
        "--module",
        "name",
        default=None,
        help="The module that the act is for, as `keystore status` names it.",
    )
    @click.option(
        "--socket",
        "socket_path",
        type=click.Path(path_type=Path),
        default=None,
        help="Ask the module here for its name.",
    )
    @wraps(function)
    def command(*arguments: Any, name: str | None, socket_path: Path | None, **options: Any) -> Any:
        if (name is None) == (socket_path is None):
            raise KeystoreError(
                "Say which module the act is for: --module with its name (`keystore status` shows it), or --socket to ask "
                "the one that runs.",
                code="module-unnamed",
            )
        if socket_path is not None:
            with SocketModule(socket_path) as running:
                name = running.status().log
        return function(*arguments, module=name, **options)

    return command


def _write(act_file: Path, act: str) -> Told:
    if act_file.exists():
        raise KeystoreError(
            f"{act_file} exists already. An act is made once; choose another name.", code="file-exists"
        )
    write_whole(act_file, (json.dumps({"act": act, "signatures": []}, indent=1) + "\n").encode())
    return Told(
        {"file": act_file, "act_id": acts.act_id(act)},
        f"Wrote {act_file}. Approvers sign it with `keystore approve {act_file} --key …` within 24 hours.",
    )


def _said_by(module: str, maker: str | None, reason: str) -> dict[str, Any]:
    return {
        "module": module,
        "maker": maker or getpass.getuser(),
        "reason": reason,
        "made": datetime.now(UTC),
    }


@budget.command("open")
@click.option("--id", "budget_id", required=True)
@click.option("--sgc", required=True)
@click.option("--service", type=click.Choice(["electricity", "water", "gas", "time"]), default=None)
@click.option(
    "--count", "kind", type=click.Choice(acts.COUNTS), default=None, help="Count acts instead of units."
)
@click.option(
    "--amount", type=click.IntRange(1), required=True, help="Units (0.1 kWh, 0.1 m³), or a number of acts."
)
@click.option("--period", type=click.Choice(acts.PERIODS), default="once", show_default=True)
@click.option("--starts", default=None, help="A time; default: now. A refill may be approved for a date.")
@click.option("--days", type=click.IntRange(1, 1100), default=31, show_default=True)
@_for_module
@_act_options
@told
def budget_open(
    budget_id: str,
    sgc: str,
    service: str | None,
    kind: str | None,
    amount: int,
    period: str,
    starts: str | None,
    days: int,
    act_file: Path,
    reason: str,
    maker: str | None,
    module: str,
) -> Told:
    """Write the act that opens a budget."""
    said = _said_by(module, maker, reason)
    begin = moment(starts, "--starts", said["made"])
    ends = begin + timedelta(days=days)
    if (service is None) == (kind is None):
        raise KeystoreError("Give --service for units, or --count for acts.", code="budget-kind")
    if service is not None:
        act = acts.open_budget(
            budget_id=budget_id,
            sgc=sgc,
            service=service,
            units=amount,
            starts=begin,
            ends=ends,
            period=period,
            **said,
        )
    else:
        assert kind is not None
        act = acts.open_count_budget(
            budget_id=budget_id,
            kind=kind,
            sgc=sgc,
            count=amount,
            starts=begin,
            ends=ends,
            period=period,
            **said,
        )
    return _write(act_file, act)


@budget.command("top-up")
@click.option("--id", "budget_id", required=True)
@click.option("--amount", type=click.IntRange(1), required=True)
@_for_module
@_act_options
@told
def budget_top_up(
    budget_id: str, amount: int, act_file: Path, reason: str, maker: str | None, module: str
) -> Told:
    """Write the act that adds to a budget."""
    return _write(
        act_file, acts.top_up(budget_id=budget_id, amount=amount, **_said_by(module, maker, reason))
    )


@budget.command("close")
@click.option("--id", "budget_id", required=True)
@_for_module
@_act_options
@told
def budget_close(budget_id: str, act_file: Path, reason: str, maker: str | None, module: str) -> Told:
    """Write the act that closes a budget. One signature is enough."""
    return _write(act_file, acts.close_budget(budget_id=budget_id, **_said_by(module, maker, reason)))


@budget.command("fast-forward")
@click.option(
    "--note", "note_file", type=click.Path(path_type=Path, exists=True), required=True, help="The lost head."
)
@_act_options
@told
def fast_forward(note_file: Path, act_file: Path, reason: str, maker: str | None) -> Told:
    """Write the act that gives up the lost end of a log which was restored from an older copy."""
    note = note_file.read_text(encoding="utf-8")
    module = note.partition("\n")[0]  # a head names its log, and the act is for the module of that log
    return _write(act_file, acts.fast_forward(note=note, **_said_by(module, maker, reason)))


@budget.command("confirm-clock")
@_for_module
@_act_options
@told
def confirm_clock(act_file: Path, reason: str, maker: str | None, module: str) -> Told:
    """Write the act that vouches for the module's clock."""
    said = _said_by(module, maker, reason)
    return _write(act_file, acts.confirm_clock(now=said["made"], **said))


@click.command()
@ACT_FILE
@click.option(
    "--key", "keys", type=click.Path(path_type=Path, exists=True), multiple=True, help="Your key file."
)
@click.option(
    "--socket", "socket_path", type=click.Path(path_type=Path), default=None, help="Hand the act in."
)
@click.option("--yes", is_flag=True, help="Do not ask whether the act is meant.")
@JSON
@secrets_option
def approve(
    act_file: Path,
    keys: tuple[Path, ...],
    socket_path: Path | None,
    yes: bool,
    as_json: bool,
    secrets: Secrets,
) -> None:
    """Read an act, sign it, and hand it in when enough people have signed."""
    try:
        content = json.loads(act_file.read_text(encoding="utf-8"))
        act, signatures = str(content["act"]), [ActSignature(**row) for row in content["signatures"]]
        said = json.loads(act)
    except (OSError, ValueError, KeyError, TypeError):
        raise KeystoreError(
            f"{act_file} is not an act. `keystore budget open` writes one.", code="act-invalid"
        ) from None
    if socket_path is not None:
        _refuse_other_module(socket_path, said)
    rows = [(k, v if isinstance(v, str | int) else json.dumps(v)) for k, v in sorted(said.items())]
    # What is signed is seen before the question; with --json it stands apart from the answer.
    click.echo("The act says:\n" + table(("", ""), rows), err=as_json)
    for path in keys:
        if not yes:
            click.confirm(f"Sign this with {path.name}?", abort=True, err=True)
        passphrase = secrets.ask(f"Passphrase of {path.name}") if signing.needs_passphrase(path) else None
        name, key = signing.read_key(path, passphrase)
        signatures = [s for s in signatures if s.approver != name] + [signing.sign(act, name, key)]
        click.echo(f"Signed as {name}.", err=as_json)
    kept = [{f.name: getattr(s, f.name) for f in fields(s)} for s in signatures]
    write_whole(act_file, (json.dumps({"act": act, "signatures": kept}, indent=1) + "\n").encode())
    report: dict[str, Any] = {"act": said, "signed_by": [s.approver for s in signatures]}
    if socket_path is not None:
        with SocketModule(socket_path) as module:
            found = module.approve(act, signatures)
        if isinstance(found, Refused):
            raise KeystoreError(found.sentence, code=found.code)
        click.echo(f"{found.effect} Entry {found.sequence} of the log.", err=as_json)
        report |= {"act_id": found.act_id, "effect": found.effect, "sequence": found.sequence}
    if as_json:
        show(as_json, report, "")


def _refuse_other_module(socket_path: Path, said: dict[str, Any]) -> None:
    """Before anybody signs: is the module that the act would be handed to the one that it names?"""
    with SocketModule(socket_path) as module:
        here = module.status().log
    if said.get("module") != here:
        raise KeystoreError(
            f"This act is for the module {said.get('module', 'nobody named')}, and {here} answers at {socket_path}. "
            "Nothing was signed. Make the act again for this one, or give the socket of the other.",
            code="act-other-module",
        )


@click.command()
@SOCKET
@JSON
def status(socket_path: Path, as_json: bool) -> None:
    """Where the module stands."""
    with SocketModule(socket_path) as module:
        found = module.status()
    lines = [
        f"{found.log}: {found.state}" + (f". {found.reason}" if found.reason else ""),
        f"{found.sequence} entries, head {found.head[:16]}" if found.head else "locked",
        f"key file generation {found.generation}, {'TEST keys' if found.test else 'live keys'}, quorum {found.quorum}",
        f"public key {found.public_key}",
    ]
    if found.simulated_clock:
        lines.append(f"simulated clock: {found.now:%Y-%m-%d %H:%M} UTC")
    show(as_json, _plain(found), "\n".join((*lines, *found.warnings)))


@click.command()
@SOCKET
@secrets_option
@told
def unlock(socket_path: Path, secrets: Secrets) -> Told:
    """Give one share to the module. It opens when it has as many as its file asks for."""
    with SocketModule(socket_path, timeout_s=60) as module:
        found = module.unlock(secrets.ask("Your share (words or passphrase)"))
    text = "The module is open." if found.state != "locked" else found.reason
    return Told({"state": found.state, "reason": found.reason}, text)


@click.command()
@SOCKET
@told
def lock(socket_path: Path) -> Told:
    """Lock the module: its process ends, and nothing of the keys stays in memory."""
    with SocketModule(socket_path) as module:
        module.lock()
    return Told({"state": "locked"}, "Locked. The module's process has ended.")


@click.command()
@SOCKET
@told
def load(socket_path: Path) -> Told:
    """Let the running module read its key file again."""
    with SocketModule(socket_path) as module:
        found = module.load()
    return Told({"generation": found.generation}, f"Generation {found.generation} is loaded.")


@click.command()
@SOCKET
@click.option("--confirm", required=True, help="The name of the log, as `keystore status` shows it.")
@told
def zeroise(socket_path: Path, confirm: str) -> Told:
    """Destroy the key file and end the module."""
    with SocketModule(socket_path) as module:
        module.zeroise(confirm)
    return Told({"destroyed": True}, "The key file is destroyed.")

"""`keystore log verify, export, prove, head, cut` and `keystore backup, restore`."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from keystore import archive, cutting, entries, minting, opening, store, verify_log
from keystore.client import SocketModule
from keystore.errors import ArchiveDamaged, KeystoreError, LogDamaged
from keystore.journal import hold, write_whole
from keystore.seal import Opened
from keystore.terminal import FILE, JSON, SOCKET, Secrets, Told, secrets_option, told, unlock

LOG = click.option("--log", "log_folder", type=click.Path(path_type=Path, exists=True), required=True)


@click.group("log")
def log_() -> None:
    """The issuance log."""


@log_.command()
@LOG
@click.option("--key", default=None, help="The log's public key, base64 (`keystore status` shows it).")
@click.option(
    "--head", "heads", multiple=True, help="'SIZE ROOT' from a cash-up slip or a witness. Repeatable."
)
@JSON
def verify(log_folder: Path, key: str | None, heads: tuple[str, ...], as_json: bool) -> None:
    """Check the whole log with code that shares nothing with its writer."""
    arguments = ["log", str(log_folder / "entries.log"), *(f"--head={head}" for head in heads)]
    if (log_folder / "checkpoints").exists():
        arguments += ["--checkpoints", str(log_folder / "checkpoints")]
    if key:
        arguments += ["--key", key]
    if as_json:
        arguments.append("--json")
    raise SystemExit(verify_log.main(arguments))


@log_.command()
@SOCKET
@click.argument("sequence", type=int)
def prove(socket_path: Path, sequence: int) -> None:
    """A proof file for one entry; `verify_log.py proof` checks it on any machine."""
    with SocketModule(socket_path) as module:
        found = module.proof(sequence)
    content = {
        "leaf_data": found.leaf_data,
        "leaf": found.leaf,
        "path": list(found.path),
        "note": found.checkpoint.note,
    }
    click.echo(json.dumps(content, indent=1))


@log_.command()
@SOCKET
@told
def head(socket_path: Path) -> Told:
    """A signed head, for witnesses; the short form is printed on cash-up slips."""
    with SocketModule(socket_path) as module:
        found = module.checkpoint()
    content = {"note": found.note, "size": found.size, "root": found.root, "short": found.short}
    return Told(content, f"{found.note}\nshort: {found.short}")


@log_.command()
@LOG
@click.option("--yes", is_flag=True, help="Cut without asking.")
@told
def cut(log_folder: Path, yes: bool) -> Told:
    """Give up the damaged end of a log that no copy can replace. The module then waits for a fast-forward."""
    held = hold(log_folder / "lock", "this issuance log")
    try:
        damage = _damage(log_folder, yes)
        kept = cutting.cut(log_folder, damage)
    finally:
        os.close(held)
    return Told(
        {"entry": damage.sequence, "lines": damage.lines, "kept": kept},
        f"Cut. The end is in {kept}; keep it. Next: start the module and `keystore budget fast-forward`.",
    )


def _damage(log_folder: Path, yes: bool) -> cutting.Damage:
    damage = cutting.first_damage(log_folder)
    if damage is None:
        raise KeystoreError("Every entry of this log holds. There is nothing to cut.", code="nothing-to-cut")
    click.echo(
        f"Entry {damage.sequence} does not hold. With it {damage.lines} lines would be given up; they are kept aside. "
        "Tokens of lost entries may be out, so the module sells nothing afterwards until two approvers fast-forward it.",
        err=True,
    )
    if not yes:
        click.confirm(
            "Is there no back-up and no witness with these entries, and shall they be cut?",
            abort=True,
            err=True,
        )
    return damage


@log_.command()
@FILE
@LOG
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A CSV file; it holds tokens, keep it closed.",
)
@secrets_option
@told
def export(key_file: Path, log_folder: Path, out: Path, secrets: Secrets) -> Told:
    """Every token that any key ever produced, listed from the log alone. Needs the shares."""
    opened = unlock(key_file, secrets)
    lines, count = io.StringIO(), 0
    writer = csv.writer(lines)
    writer.writerow(
        [
            "sequence",
            "at_ms",
            "kind",
            "order",
            "pan",
            "sgc",
            "krn",
            "base_date",
            "tid",
            "units",
            "value",
            "tokens",
        ]
    )
    started = time.monotonic()
    for row in tokens_of(opened, log_folder):
        writer.writerow(row)
        count += 1
    write_whole(out, lines.getvalue().encode())
    return Told(
        {"file": out, "token_entries": count},
        f"{count} token entries listed in {time.monotonic() - started:.1f} s. The file holds tokens: keep it closed.",
    )


def tokens_of(opened: Opened, log_folder: Path) -> Iterator[list[Any]]:
    """The token entries of a log in order, each token made again and held against its commitment."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from sts import ciphers

    ring = opening.ring_of(opened)
    secret = AESGCM(opening.log_secrets(opened)[1])
    previous, sequence = entries.GENESIS, 0
    for line in verify_log.read_lines(str(log_folder / "entries.log")):
        entry = entries.read(line, 0, secret)
        public, private = entry.public, entry.private
        if public["n"] != sequence or public["prev"] != previous:
            raise LogDamaged(
                f"Entry {sequence} does not follow the one before it. Run `keystore log verify`."
            )
        previous, sequence = entry.leaf.hex(), sequence + 1
        if "tokens" not in public:
            continue
        digits = minting.mint(public, private, ring, ciphers.DEFAULT)
        if entries.commitment(bytes.fromhex(private["salt"]), "tokens", ",".join(digits)) != public["tokens"]:
            raise LogDamaged(f"The token of entry {public['n']} is not the one that was logged.")
        request = private["request"]
        yield [
            public["n"], public["at"], public["kind"], public["order"], request["meter"]["pan"], public.get("sgc"),
            public.get("krn"), public.get("base"), public.get("tid"), public.get("units"), public.get("value"),
            " ".join(digits),
        ]  # fmt: skip


# --- back-up --------------------------------------------------------------------------------------------------------


@click.command()
@FILE
@LOG
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="The back-up file to write, or a folder that is there: the file is then named after the time.",
)
@click.option(
    "--keep",
    default=0,
    type=click.IntRange(min=0),
    help="How many files stay in that folder; older ones go when a new one is verified. 0: all.",
)
@click.option(
    "--recipient", required=True, help="An age public key (age1…) whose secret half is kept offline."
)
@told
def backup(key_file: Path, log_folder: Path, target: Path, recipient: str, keep: int) -> Told:
    """Key file and log into one file, enciphered to an offline key. The module may go on working meanwhile."""
    folder = target if target.is_dir() else None
    if folder is not None:
        target = folder / f"keys-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.age"
    archive.write(target, recipient, pieces(key_file, log_folder), {"holds": "keystore"})
    if folder is not None and keep:
        # Names sort by time, and only names of this kind are ours to remove.
        for old in sorted(folder.glob("keys-????????T??????Z.age"))[:-keep]:
            archive.beside(old).unlink(missing_ok=True)
            old.unlink()
    return Told(
        {"file": target},
        f"Wrote {target} and read it back. Restore it with M custodians; rehearse that: keystore restore --drill.",
    )


def pieces(key_file: Path, log_folder: Path) -> list[archive.Piece]:
    """What a module keeps. The checkpoints are measured before the log, so that they are never ahead of it."""
    return [
        archive.Piece.of_lines("log/checkpoints", log_folder / "checkpoints"),
        archive.Piece.of_bytes("keys.stsks", store.read(key_file)),
        archive.Piece.of_lines("log/entries.log", log_folder / "entries.log"),
    ]


@click.command()
@click.argument("backup_file", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The offline age key file.",
)
@click.option("--into", "folder", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option("--head", "heads", multiple=True, help="'SIZE ROOT' that a witness holds.")
@click.option(
    "--drill", is_flag=True, help="Check everything, say how long it took, and leave nothing behind."
)
@secrets_option
@told
def restore(
    backup_file: Path, identity: Path, folder: Path, heads: tuple[str, ...], drill: bool, secrets: Secrets
) -> Told:
    """Bring key file and log back, and prove that they open, verify and agree with the heads that witnesses hold."""
    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise KeystoreError(f"{folder} is not empty. Restore into an empty folder.", code="folder-not-empty")
    try:
        found = archive.unpack(backup_file, identity, folder)
        if set(found.names) != {"keys.stsks", "log/entries.log", "log/checkpoints"}:
            raise ArchiveDamaged("It is not a back-up of a module. `ampoule restore` opens those of a site.")
        opened = unlock(folder / "keys.stsks", secrets)
        signing_key = opening.log_secrets(opened)[0]
        report = _verified(folder / "log", signing_key, heads)
        listed = sum(1 for _ in tokens_of(opened, folder / "log"))
    except (KeystoreError, verify_log.Bad) as problem:
        _empty(folder)
        raise KeystoreError(f"The back-up does not restore: {problem}", code="restore-failed") from None
    keys = sum(r.kind.startswith("vending") for r in opened.file.records)
    content = {
        "generation": opened.file.generation,
        "keys": keys,
        "entries": report.entries,
        "root": report.root,
        "token_entries": listed,
        "drill": drill,
        "seconds": round(time.monotonic() - started, 1),
    }
    lines = [
        f"The key file opens: generation {opened.file.generation}, {keys} vending keys.",
        f"The log verifies: {report.entries} entries, root {report.root[:16]}; {listed} token entries made again, all equal.",
    ]
    if drill:
        _empty(folder)
        lines.append(f"Drill passed in {content['seconds']} s. Nothing was left in {folder}.")
    else:
        lines.append(
            "Start the module on it with --witness and the newest head that a witness holds. If entries were lost, it "
            "refuses until two people fast-forward it; token identifiers then begin above the lost ones."
        )
    return Told(content, "\n".join(lines))


def _verified(log_folder: Path, signing_seed: bytes, heads: tuple[str, ...]) -> verify_log.Report:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(signing_seed).public_key().public_bytes_raw()
    checkpoints = verify_log.read_checkpoints(str(log_folder / "checkpoints"))
    try:
        wanted = [(int(h.split()[0]), h.split()[1].lower()) for h in heads]
    except (ValueError, IndexError):
        raise KeystoreError(
            "A head is 'SIZE ROOT', as a cash-up slip shows it.", code="head-invalid"
        ) from None
    return verify_log.verify_log(
        verify_log.read_lines(str(log_folder / "entries.log")), checkpoints, key, wanted
    )


def _empty(folder: Path) -> None:
    for path in (folder / "keys.stsks", folder / "log" / "entries.log", folder / "log" / "checkpoints"):
        path.unlink(missing_ok=True)
    for path in (folder / "log", folder):
        if path.exists() and not any(path.iterdir()):
            path.rmdir()

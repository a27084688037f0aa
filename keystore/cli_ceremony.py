"""`keystore ceremony`: the guided ceremony, and its rehearsal with public test keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from keystore import demonstration, format
from keystore.approvals import Approver
from keystore.ceremony import Ceremony, Wishes
from keystore.cli_keys import approver_from
from keystore.errors import KeystoreError
from keystore.making import KeyToLoad
from keystore.terminal import Secrets, secrets_option


@click.command()
@click.option("--into", "folder", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option("--custodian", "custodians", multiple=True, required=True, help="Repeat for each.")
@click.option("--officer", required=True)
@click.option("--witness", required=True)
@click.option("--threshold", default=2, show_default=True)
@click.option("--quorum", type=click.IntRange(1, 5), default=2, show_default=True)
@click.option(
    "--approver", "approvers", multiple=True, help="NAME:PERSON:PUBLIC-KEY, from `keystore approver new`."
)
@click.option("--sgc", default=None, help="The supply group of the first key.")
@click.option("--krn", default=1, show_default=True)
@click.option("--base-date", type=click.Choice(["2014", "2035"]), default="2014", show_default=True)
@click.option("--dkga", type=click.Choice(["02", "04"]), default="04", show_default=True)
@click.option("--label", default="")
@click.option(
    "--tid-offset", default=0, show_default=True, help="The token clock, minutes east of UTC; fixed for ever."
)
@click.option("--rehearse", is_flag=True, help="Practise with public test keys.")
@secrets_option
def ceremony(
    folder: Path,
    custodians: tuple[str, ...],
    officer: str,
    witness: str,
    threshold: int,
    quorum: int,
    approvers: tuple[str, ...],
    sgc: str | None,
    krn: int,
    base_date: str,
    dkga: str,
    label: str,
    tid_offset: int,
    rehearse: bool,
    secrets: Secrets,
) -> None:
    """Make a key file with the people whose file it is, step by step."""
    if folder.exists() and any(folder.iterdir()):
        raise KeystoreError(
            f"{folder} is not empty. A ceremony begins in an empty folder.", code="folder-not-empty"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if rehearse:
        key, components = _rehearsal()
        people = _demonstration_approvers()
    else:
        if sgc is None:
            raise KeystoreError("Name the supply group of the first key with --sgc.", code="sgc-missing")
        algorithms = ("07", "11") if dkga == "04" else ("07",)
        key = KeyToLoad(
            b"", sgc, krn, 2, 255, int(base_date), dkga, algorithms, label or f"Supply group {sgc}"
        )
        components = None
        people = [approver_from(text) for text in approvers]
    wishes = Wishes(
        key_file=folder / "keys.stsks",
        log_folder=folder / "log",
        record_file=folder / "ceremony.json",
        nature="test" if rehearse else "live",
        threshold=threshold,
        custodians=custodians,
        officer=officer,
        witness=witness,
        kdf=format.TEST_FLOOR if rehearse else format.FULL,
        quorum=quorum,
        approvers=tuple(people),
        key=key,
        tid_offset_minutes=tid_offset,
        rehearsal_components=components,
    )
    click.echo("Rehearsal with public test keys." if rehearse else "Ceremony with live keys.")
    Ceremony(wishes, secrets, click.echo).run()
    click.echo(f"\nThe ceremony is complete. Its signed record is {wishes.record_file}.")


def _rehearsal() -> tuple[KeyToLoad, tuple[bytes, bytes]]:
    """The first public test key, as two components that are printed on the rehearsal sheets."""
    found = demonstration.key_to_load(demonstration.public()["keys"][0])
    first = hashlib.sha256(b"rehearsal component one").digest()[: len(found.value)]
    second = bytes(a ^ b for a, b in zip(found.value, first, strict=True))
    empty = KeyToLoad(
        b"",
        found.sgc,
        found.krn,
        found.key_type,
        found.ken,
        found.base_date,
        found.dkga,
        found.algorithms,
        found.label,
    )
    return empty, (first, second)


def _demonstration_approvers() -> list[Approver]:
    return [
        Approver(row["name"], row["person"], "ed25519", key.public_key().public_bytes_raw())
        for row, (_, key) in zip(demonstration.public()["approvers"], demonstration.signers(), strict=True)
    ]

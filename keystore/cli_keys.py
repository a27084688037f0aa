"""`keystore init, share, import, list, activate, suspend, retire, …, expiring, rotate`: the key file by hand."""

from __future__ import annotations

import secrets as randomness
from datetime import UTC, datetime
from pathlib import Path

import click

from keystore import check_value, lifecycle, making, opening, seal, store
from keystore.errors import ComponentInvalid, KeystoreError, SharesInvalid
from keystore.format import FULL, SMALL_DEVICE, TEST_FLOOR, Kdf
from keystore.keyring import VendingRecord
from keystore.making import Custodian, KeyToLoad
from keystore.terminal import (
    FILE,
    JSON,
    Secrets,
    Told,
    moment,
    secrets_option,
    show,
    strong,
    table,
    told,
    unlock,
)

_COSTS = {"full": FULL, "small": SMALL_DEVICE, "test": TEST_FLOOR}
_TYPES = {1: "DDTK", 2: "DUTK", 3: "DCTK"}


@click.command()
@FILE
@click.option(
    "--nature",
    type=click.Choice(["live", "test"]),
    required=True,
    help="All keys of a file are one or the other.",
)
@click.option("--threshold", default=2, show_default=True, help="How many custodians open it.")
@click.option(
    "--custodian", "names", multiple=True, required=True, help="A custodian's name; repeat for each."
)
@click.option(
    "--cost",
    type=click.Choice(sorted(_COSTS)),
    default="full",
    show_default=True,
    help="Of each unlock attempt.",
)
@click.option(
    "--quorum", type=click.IntRange(1, 5), default=2, show_default=True, help="People for an act of approval."
)
@click.option(
    "--approver",
    "approvers",
    multiple=True,
    help="NAME:PERSON:PUBLIC-KEY of an approver; see `keystore approver`.",
)
@click.option("--words", is_flag=True, help="Also print each share as words for paper.")
@secrets_option
@told
def init(
    key_file: Path,
    nature: str,
    threshold: int,
    names: tuple[str, ...],
    cost: str,
    quorum: int,
    approvers: tuple[str, ...],
    words: bool,
    secrets: Secrets,
) -> Told:
    """Make an empty key file whose root is split among custodians."""
    kdf = _cost(cost, nature)
    custodians = ask_custodians(names, nature, secrets)
    opened, shares = making.new_file(
        nature=nature,
        threshold=threshold,
        custodians=custodians,
        kdf=kdf,
        quorum=quorum,
        approvers=[approver_from(text) for text in approvers],
    )
    store.create(key_file, opened)
    lines = [f"Made {key_file}: {nature} keys, {threshold} of {len(names)} custodians open it."]
    if quorum < 2:
        lines.append("One person approves alone here; every report will say so.")
    if words:
        lines.append(_on_paper(names, shares))
    content = {
        "file": key_file,
        "nature": nature,
        "threshold": threshold,
        "custodians": len(names),
        "quorum": quorum,
    }
    return Told(content, "\n".join(lines))


def _cost(cost: str, nature: str) -> Kdf:
    if nature == "live" and cost == "test":
        raise KeystoreError(
            "A live file is sealed at full cost, or at the cost for small devices.", code="cost"
        )
    return _COSTS[cost]


def ask_custodians(names: tuple[str, ...], nature: str, secrets: Secrets) -> list[Custodian]:
    if len(set(names)) != len(names):
        raise KeystoreError("Each custodian is another person.", code="custodian-twice")
    found = []
    for name in names:
        passphrase = secrets.ask(f"Passphrase of {name}", twice=True)
        found.append(Custodian(name, strong(passphrase) if nature == "live" else passphrase))
    if len({c.passphrase for c in found}) != len(found):
        raise KeystoreError(
            "Two custodians typed the same passphrase. Each chooses his own.", code="passphrase-twice"
        )
    return found


def approver_from(text: str):  # type: ignore[no-untyped-def]
    from keystore.approvals import Approver, from_base64url

    try:
        name, person, public_key = text.split(":")
        return Approver(name, person, "ed25519", from_base64url(public_key))
    except ValueError:
        raise KeystoreError(
            "An approver is NAME:PERSON:PUBLIC-KEY, as `keystore approver new` prints it."
        ) from None


def _on_paper(names: tuple[str, ...], shares: list[str]) -> str:
    """The words of each share, to be written down. For people only: they are in no JSON."""
    lines = []
    for name, share in zip(names, shares, strict=True):
        lines.append(f"\nShare of {name}. Write it down, keep it apart from the others, show it to nobody:")
        words = share.split()
        lines += [f"  {at + 1:2}  " + "  ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
    return "\n".join(lines)


@click.group()
def share() -> None:
    """A custodian's share."""


@share.command()
@FILE
@secrets_option
@told
def prove(key_file: Path, secrets: Secrets) -> Told:
    """Check that a share is complete and belongs to this file. It opens nothing by itself."""
    file = store.describe(key_file)
    text = secrets.ask("Your share (words or passphrase)")
    words = seal.find_share(file, text)
    set_id, number, threshold = seal.share_place(words)
    if set_id != file.policy.get("share_set"):
        raise SharesInvalid(
            "This is a share of another key file, or from before the last rotation. Keep it apart."
        )
    text = f"This is share {number} of this key file; {threshold} shares open it."
    return Told({"share": number, "threshold": threshold}, text)


@click.command("import")
@FILE
@click.argument("key_load_file", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--sgc", help="Supply group, six digits.")
@click.option("--krn", type=int, default=1, show_default=True)
@click.option("--key-type", type=click.IntRange(1, 3), default=2, show_default=True)
@click.option("--ken", type=click.IntRange(0, 255), default=255, show_default=True)
@click.option("--base-date", type=click.Choice(["1993", "2014", "2035"]), default="2014", show_default=True)
@click.option("--dkga", type=click.Choice(["02", "04"]), default="04", show_default=True)
@click.option("--ea", "algorithms", multiple=True, help="Permitted algorithms; default all that fit.")
@click.option("--label", default="", help="What people call this key.")
@click.option(
    "--tid-offset",
    type=int,
    default=0,
    show_default=True,
    help="Token clock, minutes east of UTC; never edited later.",
)
@click.option("--components", type=click.IntRange(2, 5), default=2, show_default=True)
@click.option("--generate", is_flag=True, help="Make a new random key instead of typing components.")
@click.option(
    "--pkcs11",
    "library",
    type=click.Path(path_type=Path),
    default=None,
    help="Keep the key in a PKCS#11 token.",
)
@click.option("--token", "token_label", default="ampoule", show_default=True, help="The token's label.")
@secrets_option
@told
def import_(
    key_file: Path,
    key_load_file: Path | None,
    sgc: str | None,
    krn: int,
    key_type: int,
    ken: int,
    base_date: str,
    dkga: str,
    algorithms: tuple[str, ...],
    label: str,
    tid_offset: int,
    components: int,
    generate: bool,
    library: Path | None,
    token_label: str,
    secrets: Secrets,
) -> Told:
    """Load a vending key: components typed by different people, each with its check value."""
    if key_load_file is not None:
        raise ComponentInvalid(
            "This is a key-load file of a key management centre. It is enciphered for one certified security module "
            "and opens only there; no software can load it. Attach that module, or ask for components.",
            code="key-load-file",
        )
    if sgc is None:
        raise ComponentInvalid("Name the supply group with --sgc.", code="sgc-missing")
    opened = unlock(key_file, secrets)
    length = 20 if dkga == "04" else 8
    value = randomness.token_bytes(length) if generate else _join(length, components, secrets)
    opened = making.with_group(opened, sgc, label, tid_offset)
    key = KeyToLoad(
        value=value,
        sgc=sgc,
        krn=krn,
        key_type=key_type,
        ken=ken,
        base_date=int(base_date),
        dkga=dkga,
        algorithms=algorithms or (("07", "11") if dkga == "04" else ("07",)),
        label=label,
    )
    before = unlock_again(key_file, opened)
    if library is None:
        after, record_id = making.with_key(opened, key)
    else:
        from keystore.pkcs11 import Slot, Token, store_key

        name = f"{sgc}-{krn}-{key_type}-{base_date}-{dkga}"
        pin = opening.token_pin(opened)
        if pin is None:
            pin = secrets.ask("PIN of the token")
            opened = making.with_pin(opened, pin)
        after, record_id = making.with_hsm_key(opened, key, name)
        store_key(Token(Slot(library, token_label), pin), name, value, dkga)
    store.save(key_file, before, after)
    kcv = check_value.of(value)
    return Told(
        {"record_id": record_id, "sgc": sgc, "krn": krn, "kcv": kcv, "state": "pre-active"},
        f"Loaded {sgc}/{krn} with check value {kcv} as {record_id}, pre-active.",
    )


def unlock_again(path: Path, opened: seal.Opened) -> seal.Opened:
    """The file as it is on disk, opened with the same root, to notice a change by somebody else."""
    return seal.open_with_root(store.read(path), opened.root)


def _join(length: int, components: int, secrets: Secrets) -> bytes:
    """XOR of components, each typed by another person and checked by its own check value."""
    value, people = bytes(length), set()
    for number in range(1, components + 1):
        person = secrets.line(f"Who types component {number}")
        if person in people:
            raise ComponentInvalid(
                "One person types one component, so that nobody ever knows the whole key.",
                code="component-person",
            )
        people.add(person)
        text = secrets.ask(f"Component {number}, {2 * length} hexadecimal digits")
        try:
            part = bytes.fromhex(text)
        except ValueError:
            part = b""
        if len(part) != length:
            raise ComponentInvalid(
                f"Component {number} is not {2 * length} hexadecimal digits. Type it again.",
                code="component-length",
            )
        said = secrets.line(f"Check value of component {number}").strip().upper()
        if said != check_value.of(part):
            raise ComponentInvalid(
                f"Component {number} does not have the check value {said}. A digit is wrong; type it again.",
                code="component-check",
            )
        value = bytes(a ^ b for a, b in zip(value, part, strict=True))
    said = secrets.line("Check value of the whole key").strip().upper()
    if said != check_value.of(value):
        raise ComponentInvalid(
            f"The components together do not have the check value {said}. One of them belongs to another key.",
            code="key-check",
        )
    return value


def records_of(path: Path) -> list[VendingRecord]:
    return [
        VendingRecord.from_about(r.record_id, r.about)
        for r in store.describe(path).records
        if r.kind.startswith("vending")
    ]


@click.command("list")
@FILE
@JSON
def list_(key_file: Path, as_json: bool) -> None:
    """The keys as people may know them: no bytes, only check values."""
    rows, content = [], []
    for r in records_of(key_file):
        line = r.line(suspended=False)
        rows.append(
            (r.record_id[:8], r.sgc, r.krn, _TYPES[r.key_type], r.base_date, r.ken, f"DKGA{r.dkga}", r.kcv, r.state,
             f"{line.last_minute:%Y-%m-%d}", "TEST" if r.test else "", "weak" if r.weak else "", r.label)
        )  # fmt: skip
        content.append({name: getattr(line, name) for name in line.__slots__} | {"label": r.label})
    columns = (
        "record",
        "group",
        "krn",
        "type",
        "base",
        "ken",
        "derivation",
        "kcv",
        "state",
        "ends",
        "",
        "",
        "label",
    )
    show(as_json, content, table(columns, rows))


def _move(state: str, sentence: str) -> click.Command:
    @click.command(help=sentence)
    @FILE
    @click.argument("record")
    @secrets_option
    @told
    def command(key_file: Path, record: str, secrets: Secrets) -> Told:
        matching = [
            r for r in records_of(key_file) if record in (f"{r.sgc}/{r.krn}", r.record_id[: len(record)])
        ]
        if len(matching) != 1:
            raise KeystoreError(
                "Name one record by the beginning of its id, or as 123456/1; `keystore list` shows them.",
                code="record-unknown",
            )
        opened = unlock(key_file, secrets)
        store.save(key_file, opened, making.with_state(opened, matching[0].record_id, state))
        key = matching[0]
        content = {"record_id": key.record_id, "sgc": key.sgc, "krn": key.krn, "kcv": key.kcv, "state": state}
        return Told(content, f"Key {key.sgc}/{key.krn} ({key.kcv}) is {state} now.")

    return command


activate = _move("active", "Let a key issue tokens.")
suspend = _move("suspended", "Stop a key for now.")
retire = _move("deactivated", "End a key's time: replay and key changes only.")
compromise = _move(
    "compromised", "Mark a key as known to others: it issues nothing but key changes away from it."
)
destroy = _move("destroyed", "Overwrite a key's bytes; its description stays.")


@click.command()
@FILE
@JSON
@click.option("--now", "at", default=None, help="As of this time.")
def expiring(key_file: Path, as_json: bool, at: str | None) -> None:
    """Keys by the horizon of their end: 5 years, 2 years, 1 year, 90 days; base-date end and expiry number."""
    now = moment(at, "--now", datetime.now(UTC))
    rows = []
    for r in records_of(key_file):
        if r.state in ("deactivated", "destroyed"):
            continue
        end = lifecycle.last_minute(r.time)
        horizon = lifecycle.horizon(end, now)
        if horizon is not None:
            rows.append((horizon, f"{end:%Y-%m-%d %H:%M}", r.sgc, r.krn, r.base_date, r.ken, r.label))
    rows.sort(key=lambda row: row[1])
    columns = ("within", "last minute", "group", "krn", "base", "ken", "label")
    text = table(columns, rows) if rows else "No key ends within five years."
    show(as_json, [dict(zip(columns, row, strict=True)) for row in rows], text)


@click.command()
@FILE
@click.option("--threshold", default=2, show_default=True)
@click.option("--custodian", "names", multiple=True, required=True)
@click.option("--cost", type=click.Choice(sorted(_COSTS)), default="full", show_default=True)
@click.option("--words", is_flag=True)
@secrets_option
@told
def rotate(
    key_file: Path, threshold: int, names: tuple[str, ...], cost: str, words: bool, secrets: Secrets
) -> Told:
    """Seal the same keys anew under new shares: when a custodian leaves."""
    opened = unlock(key_file, secrets)
    kdf = _cost(cost, opened.file.nature)
    custodians = ask_custodians(names, opened.file.nature, secrets)
    after, shares = making.rewrapped(opened, threshold=threshold, custodians=custodians, kdf=kdf)
    before = {r.record_id: r.kcv for r in records_of(key_file)}
    saved = store.save(key_file, opened, after)
    for record in saved.file.records:
        if record.kind == "vending" and record.about["state"] != "destroyed":
            secret = seal.open_record(saved.root, saved.file, record)
            assert check_value.of(secret) == before[record.record_id], "a check value changed in rotation"
    removed = 0
    for old in key_file.parent.glob(f"{key_file.name}.g*"):
        old.unlink()
        removed += 1
    text = (
        f"Sealed anew: {threshold} of {len(names)} new custodians open it; every check value is as before.\n"
        f"{removed} older generations were removed here. Back-ups still open with the old shares: if those who leave "
        "could hold enough of them, rotate the vending keys as well."
    )
    content = {
        "generation": saved.file.generation,
        "threshold": threshold,
        "custodians": len(names),
        "removed": removed,
    }
    return Told(content, "\n".join((text, _on_paper(names, shares))) if words else text)

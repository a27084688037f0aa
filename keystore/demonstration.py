"""The demonstration's key file, log and budgets, made from the public `demonstration.toml`.

Everything here is public by design and marked as test keys: a live key file refuses these keys, and a module says
on every status that it runs on test keys. Not here: anything that a live site uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keystore import acts, making, opening, signing, store
from keystore.approvals import Approver
from keystore.clock import TimeSource
from keystore.engine import Engine, Group
from keystore.errors import KeystoreError
from keystore.format import TEST_FLOOR
from keystore.making import Custodian, KeyToLoad
from keystore.module import Refused
from keystore.opening import Options
from keystore.public_keys import public as public
from keystore.seal import Opened

KEY_FILE = "keys.stsks"
LOG_FOLDER = "log"
APPROVERS = "approvers"
SERVICES = ("electricity", "water", "gas", "time")


def passphrases() -> list[str]:
    """What `--unlock-test-keys` gives to the module."""
    found: list[str] = public()["passphrases"]
    return found


def signers() -> list[tuple[str, Ed25519PrivateKey]]:
    """The two demonstration approvers and their (public) signing keys."""
    return [
        (row["name"], Ed25519PrivateKey.from_private_bytes(bytes.fromhex(row["seed"])))
        for row in public()["approvers"]
    ]


def sign(act: str) -> list[Any]:
    """Both approvers' signatures."""
    return [signing.sign(act, name, key) for name, key in signers()]


def new_file(*, quorum: int = 2) -> Opened:
    """The all-test key file, open."""
    approvers = [
        Approver(row["name"], row["person"], "ed25519", key.public_key().public_bytes_raw())
        for row, (_, key) in zip(public()["approvers"], signers(), strict=True)
    ]
    custodians = [Custodian(f"custodian {n}", text) for n, text in enumerate(passphrases(), 1)]
    opened, _ = making.new_file(
        nature="test", threshold=2, custodians=custodians, kdf=TEST_FLOOR, approvers=approvers, quorum=quorum
    )
    for group in public()["groups"]:
        opened = making.with_group(opened, group["sgc"], group["label"], group["tid_offset_minutes"])
    for key in public()["keys"]:
        opened, _ = making.with_key(opened, key_to_load(key))
    return opened


def key_to_load(row: dict[str, Any]) -> KeyToLoad:
    return KeyToLoad(
        value=bytes.fromhex(row["value"]),
        sgc=row["sgc"],
        krn=row["krn"],
        key_type=row["key_type"],
        ken=row["ken"],
        base_date=row["base_date"],
        dkga=row["dkga"],
        algorithms=tuple(row["algorithms"]),
        label=row["label"],
        state="active",
    )


def init(
    folder: Path,
    *,
    simulated_clock: str | None = None,
    source: TimeSource | None = None,
    budget_units: int | None = None,
    budget_days: int | None = None,
) -> Path:
    """Key file, log with open budgets, and the approvers' signing keys; the path of the key file."""
    path = folder / KEY_FILE
    opened = new_file()
    store.create(path, opened)
    for name, key in signers():
        signing.write_key(folder / APPROVERS / f"{name}.key", name, key, passphrase=None)
    options = Options(folder / LOG_FOLDER, simulated_clock=simulated_clock)
    engine = opening.open_module(opened, store.read(path), options, source)
    now = datetime.fromtimestamp(engine.clock.now(), UTC)
    hand_in(engine, opening_acts(engine.log.name, now, units=budget_units, days=budget_days))
    engine.log.close()
    return path


def opening_acts(
    module: str, now: datetime, *, units: int | None = None, days: int | None = None
) -> list[str]:
    """Budgets of units for each service, and counts for the rest, in every supply group."""
    budget = public()["budget"]
    until = now + timedelta(days=days or budget["days"])
    told: dict[str, Any] = {
        "module": module,
        "maker": "Demonstration",
        "reason": "Opened for the demonstration",
        "made": now,
    }
    found = []
    for group in public()["groups"]:
        sgc = group["sgc"]
        for service in SERVICES:
            found.append(
                acts.open_budget(
                    budget_id=f"demo-{sgc}-{service}",
                    sgc=sgc,
                    service=service,
                    units=units or budget["units"],
                    starts=now,
                    ends=until,
                    **told,
                )
            )
        for kind in acts.COUNTS:
            found.append(
                acts.open_count_budget(
                    budget_id=f"demo-{sgc}-{kind}",
                    kind=kind,
                    sgc=sgc,
                    count=budget["counts"],
                    starts=now,
                    ends=until,
                    **told,
                )
            )
    return found


def hand_in(engine: Engine, wanted: Sequence[str]) -> None:
    """Sign acts with the demonstration approvers and log them, all with one sync."""
    group = Group()
    answers = [engine.approve(group, act, sign(act)) for act in wanted]
    engine.commit(group)
    for answer in answers:
        found = answer()
        if isinstance(found, Refused):
            raise KeystoreError(found.sentence, code=found.code)

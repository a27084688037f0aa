"""The key ceremony: written steps, each carried out by the named role and confirmed by the witness, none skipped.

The script makes a key file with people present: roles, host, program, self-tests, root and shares, proofs of re-entry,
approvers, keys by components, a trial token, the unlock with every set of custodians, and a signed record whose hash
enters the log. A step that is not confirmed ends the ceremony and is in the record too. `--rehearse` does
everything with public test keys, so that people practise what they will do.

Not here: how a share is split (`seal.py`), what a record holds (`making.py`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore import check_value, making, opening, seal, store
from keystore.approvals import Approver
from keystore.errors import CeremonyStopped, KeystoreError
from keystore.format import Kdf
from keystore.journal import write_whole
from keystore.making import Custodian, KeyToLoad
from keystore.module import MeterKeying
from keystore.seal import Opened
from keystore.terminal import Secrets, strong
from sts import drn, engine, pan, tokens
from sts.keys import DecoderKey
from sts.tid import BaseDate

# Known answers: IEC 62055-41 as two independent implementations agree on it (tests/vectors has all of them).
_STA = ("0abc12def3456789", "0b19eb230100c207", "c45ed1619406df95")
_MISTY1 = ("00112233445566778899aabbccddeeff", "0123456789abcdef", "8b1da5f56ab3d07c")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the ceremony is to make."""

    key_file: Path
    log_folder: Path
    record_file: Path
    nature: str
    threshold: int
    custodians: tuple[str, ...]
    officer: str
    witness: str
    kdf: Kdf
    quorum: int
    approvers: tuple[Approver, ...]
    key: KeyToLoad  # its value is empty: it comes from components
    tid_offset_minutes: int
    rehearsal_components: tuple[bytes, bytes] | None = None


@dataclass(slots=True)
class Ceremony:
    """One run of the script; `record` grows step by step."""

    wishes: Wishes
    secrets: Secrets
    say: Callable[[str], None]
    record: list[dict[str, Any]] = field(default_factory=list)
    custodians: list[Custodian] = field(default_factory=list, repr=False)
    opened: Opened | None = field(default=None, repr=False)
    record_id: str = ""

    def run(self) -> None:
        """All steps in order. Whatever happens, the record is written."""
        steps: tuple[tuple[str, str, Callable[[], str]], ...] = (
            ("officer", "Name the roles; nobody has two", self._roles),
            ("officer", "The machine has no network", self._host),
            ("witness", "The program is the one that was announced", self._program),
            ("officer", "Self-tests of every algorithm", self._self_tests),
            ("custodians", "Root secret and shares", self._shares),
            ("custodians", "Each custodian proves his share", self._prove),
            ("officer", "Approvers are enrolled", self._approvers),
            ("custodians", "The vending key, by components", self._key),
            ("officer", "A trial token decodes", self._trial),
            ("officer", "The key is activated", self._activate),
            ("officer", "Every set of custodians opens the file", self._subsets),
            ("witness", "The record is signed and enters the log", self._close),
        )
        try:
            for number, (role, title, step) in enumerate(steps, 1):
                self.say(f"\nStep {number} of {len(steps)}, {role}: {title}.")
                detail = step()
                self.say(f"  {detail}")
                self._confirmed(number, title, role, detail)
        except KeystoreError as problem:
            self._note(len(self.record) + 1, "stopped", "", problem.sentence)
            self._write("stopped")
            raise
        self._write("complete")

    def _confirmed(self, number: int, title: str, role: str, detail: str) -> None:
        said = self.secrets.line(f"{self.wishes.witness}, type 'done {number}' when you have seen this")
        if said.strip() != f"done {number}":
            raise CeremonyStopped(
                f"Step {number} ({title}) was not confirmed. The ceremony ends here; begin again from step 1."
            )
        self._note(number, title, role, detail)

    def _note(self, number: int, title: str, role: str, detail: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.record.append({"step": number, "title": title, "role": role, "outcome": detail, "at": at})

    def _file(self) -> Opened:
        assert self.opened is not None
        return self.opened

    # --- steps ------------------------------------------------------------------------------------------------------

    def _roles(self) -> str:
        w = self.wishes
        people = [*w.custodians, w.officer, w.witness]
        if len(set(people)) != len(people):
            raise CeremonyStopped("One person has two roles. Name another officer, witness or custodian.")
        if len(w.custodians) < w.threshold or w.threshold < 2:
            raise CeremonyStopped(
                "At least two custodians open a file, and there are as many as the threshold."
            )
        return f"Custodians {', '.join(w.custodians)}; officer {w.officer}; witness {w.witness}."

    def _host(self) -> str:
        routes = (
            Path("/proc/net/route").read_text().splitlines()[1:] if Path("/proc/net/route").exists() else []
        )
        online = any(line.split()[1] == "00000000" for line in routes if len(line.split()) > 1)
        if online and self.wishes.nature == "live":
            raise CeremonyStopped("The machine has a way to a network. Take the cable out and begin again.")
        return "No route to a network." if not online else "Rehearsal: the network is left as it is."

    def _program(self) -> str:
        digest = program_digest()
        self.say(f"  The officer reads aloud: {digest[:16]}")
        said = self.secrets.line(f"{self.wishes.witness}, type the first 8 digits that you heard")
        if said.strip().lower() != digest[:8]:
            raise CeremonyStopped(
                "The program is not the one that was announced. Fetch it again and check its signature."
            )
        return f"Program {digest}."

    def _self_tests(self) -> str:
        return f"Passed: {', '.join(self_tests())}."

    def _shares(self) -> str:
        w = self.wishes
        for name in w.custodians:
            text = self.secrets.ask(f"{name}, your passphrase", twice=True)
            self.custodians.append(Custodian(name, strong(text) if w.nature == "live" else text))
        if len({c.passphrase for c in self.custodians}) < len(self.custodians):
            raise CeremonyStopped("Two custodians chose the same passphrase. Begin again, each with his own.")
        self.opened, _ = making.new_file(
            nature=w.nature,
            threshold=w.threshold,
            custodians=self.custodians,
            kdf=w.kdf,
            approvers=w.approvers,
            quorum=w.quorum,
        )
        return f"{w.threshold} of {len(w.custodians)} shares; key file {self.opened.file.keystore_id}."

    def _prove(self) -> str:
        file = self._file().file
        for slot in file.slots:
            seal.open_slot(
                slot, self.secrets.ask(f"{slot.holder}, your passphrase once more"), file.keystore_id
            )
        return f"{len(file.slots)} shares proved."

    def _approvers(self) -> str:
        w = self.wishes
        people = {a.person for a in w.approvers}
        if len(people) < w.quorum:
            raise CeremonyStopped(
                f"{w.quorum} different people approve; {len(people)} are named. Enrol more."
            )
        alone = " ONE PERSON APPROVES ALONE; every report will say so." if w.quorum < 2 else ""
        return f"{', '.join(a.name for a in w.approvers)}; quorum {w.quorum}.{alone}"

    def _key(self) -> str:
        w = self.wishes
        sheets = w.rehearsal_components
        value = bytes(20 if w.key.dkga == "04" else 8)
        for number, person in enumerate(w.custodians[:2], 1):
            if sheets is not None:
                self.say(
                    f"  Rehearsal sheet of {person}: {sheets[number - 1].hex()}, check value {check_value.of(sheets[number - 1])}"
                )
            try:
                part = bytes.fromhex(self.secrets.ask(f"{person}, component {number}"))
            except ValueError:
                part = b""
            said = self.secrets.line(f"{person}, check value of component {number}").strip().upper()
            if len(part) != len(value) or said != check_value.of(part):
                raise CeremonyStopped(f"Component {number} and its check value do not belong together.")
            value = bytes(a ^ b for a, b in zip(value, part, strict=True))
        kcv = check_value.of(value)
        self.say(f"  Check value of the key: {kcv}")
        for person in (w.officer, w.witness):
            if self.secrets.line(f"{person}, type the check value that you read").strip().upper() != kcv:
                raise CeremonyStopped("The check value was not read alike by two people.")
        key = KeyToLoad(
            value=value, sgc=w.key.sgc, krn=w.key.krn, key_type=w.key.key_type, ken=w.key.ken,
            base_date=w.key.base_date, dkga=w.key.dkga, algorithms=w.key.algorithms, label=w.key.label,
        )  # fmt: skip
        opened = making.with_group(self._file(), key.sgc, key.label, w.tid_offset_minutes)
        self.opened, self.record_id = making.with_key(opened, key)
        return f"Key {key.sgc}/{key.krn} with check value {kcv}; token clock {w.tid_offset_minutes} minutes from UTC."

    def _trial(self) -> str:
        ring = opening.ring_of(self._file())
        record = ring.by_id[self.record_id]
        meter = MeterKeying(
            pan.of("600727", drn.of("0000000000")), record.algorithms[-1], "02", record.dkga, record.sgc, record.krn,
            "01", record.key_type, record.ken, record.base_date,
        )  # fmt: skip
        key = ring.decoder_key(self.record_id, meter)
        token = tokens.PowerLimit(5, 1, 1000)
        digits = engine.encode(token, key)
        if engine.decode(digits, key) != token:
            raise CeremonyStopped("The trial token does not decode. The key is not used.")
        return f"Trial token {digits} for meter {meter.pan} decodes to what was asked for (1000 W)."

    def _activate(self) -> str:
        self.opened = making.with_state(self._file(), self.record_id, "active")
        return "The key is active."

    def _subsets(self) -> str:
        data = seal.write(self._file())
        passphrases = [c.passphrase or "" for c in self.custodians]
        sets = list(itertools.combinations(passphrases, self.wishes.threshold))
        for chosen in sets:
            seal.unlock(data, chosen)
        if self.wishes.threshold > 1:
            try:
                seal.unlock(data, passphrases[: self.wishes.threshold - 1])
            except KeystoreError:
                return f"{len(sets)} sets of custodians open it; one custodian fewer does not."
        raise CeremonyStopped("Fewer custodians than the threshold opened the file.")

    def _close(self) -> str:
        w = self.wishes
        store.create(w.key_file, self._file())
        engine_ = opening.open_module(self._file(), store.read(w.key_file), opening.Options(w.log_folder))
        engine_.note_ceremony(self._digest())
        engine_.log.close()
        return f"Wrote {w.key_file} and began the log {engine_.log.name}."

    # --- record -----------------------------------------------------------------------------------------------------

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()

    def _write(self, outcome: str) -> None:
        content: dict[str, Any] = {"outcome": outcome, "nature": self.wishes.nature, "steps": self.record}
        if self.opened is not None:
            key = Ed25519PrivateKey.from_private_bytes(opening.log_secrets(self.opened)[0])
            text = json.dumps(content, sort_keys=True).encode()
            content["public_key"] = b64encode(key.public_key().public_bytes_raw()).decode()
            content["signature"] = b64encode(key.sign(b"ampoule ceremony 1\n" + text)).decode()
        write_whole(self.wishes.record_file, (json.dumps(content, indent=1) + "\n").encode())


def program_digest() -> str:
    """One hash over the source of the module and of the standard's package, in order of their paths."""
    import sts

    found = hashlib.sha256()
    for package in (Path(__file__).parent, Path(str(sts.__file__)).parent):
        for path in sorted(package.rglob("*.py")):
            found.update(
                f"{path.relative_to(package.parent)}\n".encode() + hashlib.sha256(path.read_bytes()).digest()
            )
    return found.hexdigest()


def self_tests() -> list[str]:
    """Known answers of every algorithm, and the refusals that must come; raises on the first that fails."""
    from sts import ciphers, dkga
    from sts.keys import KeyType, VendingKey

    for name, ea, (key, block, answer) in (("STA", "07", _STA), ("MISTY1", "11", _MISTY1)):
        if ciphers.DEFAULT[ea].encipher(bytes.fromhex(key), int(block, 16)) != int(answer, 16):
            raise CeremonyStopped(f"The self-test of {name} failed. Do not use this machine.")
    vending = VendingKey(bytes(range(20)), KeyType.DUTK, "123456", 1, 255, BaseDate.Y2014, "04")
    derived: DecoderKey = dkga.derive(vending, pan=pan.of("600727", drn.of("0000000000")), ti="01", ea="11")
    if len(derived.value) != 16:
        raise CeremonyStopped("The self-test of DKGA04 failed. Do not use this machine.")
    nonce, cipher = os.urandom(12), AESGCM(os.urandom(32))
    sealed = cipher.encrypt(nonce, b"text", b"about")
    try:
        cipher.decrypt(nonce, sealed, b"other")
    except InvalidTag:
        pass
    else:
        raise CeremonyStopped(
            "The self-test of AES-GCM failed: it opened what it must not. Do not use this machine."
        )
    sample = os.urandom(4096)
    if len(set(sample)) < 200 or sample[:2048] == sample[2048:]:
        raise CeremonyStopped("The random numbers of this machine look wrong. Do not use it.")
    root = seal.new_root()
    if seal.combine(seal.split(root, 2, 3)[1:]) != root:
        raise CeremonyStopped("The self-test of the shares failed. Do not use this machine.")
    return ["STA", "MISTY1", "DKGA04", "AES-GCM and its refusal", "random numbers", "shares"]

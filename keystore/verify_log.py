"""A stand-alone verifier of the issuance log. It imports nothing of Ampoule: copy this one file to another machine.

    python verify_log.py log     entries.log [--checkpoints FILE] [--key BASE64] [--head "SIZE ROOT8"]...
    python verify_log.py proof   proof.json  [--key BASE64]
    python verify_log.py receipt receipt.json --key BASE64
    python verify_log.py pack    FOLDER      --key BASE64

`log` checks every line: numbers without a gap, each entry holding the hash of the one before it, each sealed half
matching its hash, groups and time never going back, the Merkle root at every checkpoint, and heads that you kept
elsewhere (a cash-up slip, a mailbox). `proof` checks that one entry is in the log of a checkpoint. `receipt` checks
the module's signature from what a receipt says. `pack` checks a proof pack of Ampoule that was unpacked into FOLDER:
every receipt and proof in it, that each line of tokens.csv is one of them, and that each slip has the hash that was
signed. Exit status 0: everything holds; 1: something does not.

Formats: a line is `public JSON <tab> base64 <line feed>`; leaf = SHA-256(00 || public JSON), node = SHA-256(01 || left || right)
as in RFC 6962; checkpoints are C2SP signed notes. Only the standard library is needed, and `cryptography` for
Ed25519 signatures. The code shares nothing with the writer, on purpose.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

TIME_STEP_BACK_MS = 130_000


class Bad(Exception):
    """Something does not hold; the message names the place."""


@dataclass
class Report:
    entries: int = 0
    root: str = ""
    checkpoints: int = 0
    heads: int = 0
    issued: int = 0
    units: dict[str, int] = field(default_factory=dict)
    simulated: int = 0
    log: str = ""


class Frontier:
    """The roots of the complete subtrees to the left: all that a growing Merkle tree needs to remember."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        carry, n = leaf, self.size
        while n & 1:
            carry = hashlib.sha256(b"\x01" + self.peaks.pop() + carry).digest()
            n >>= 1
        self.peaks.append(carry)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        value = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            value = hashlib.sha256(b"\x01" + peak + value).digest()
        return value


def open_note(note: str, key: bytes | None) -> tuple[str, int, bytes]:
    """Name, size and root of a signed note; the signature is checked when a key is given."""
    text, gap, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) < 3 or not lines[1].isdigit():
        raise Bad("A checkpoint is not a signed note.")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error:
        raise Bad("A checkpoint is not a signed note.") from None
    if key is not None:
        wanted = hashlib.sha256(lines[0].encode() + b"\n\x01" + key).digest()[:4]
        for line in signatures.split("\n"):
            if line.startswith(f"— {lines[0]} "):
                try:
                    value = base64.b64decode(line.rsplit(" ", 1)[1], validate=True)
                except binascii.Error:
                    continue
                if value[:4] == wanted and signed(key, value[4:], (text + "\n").encode()):
                    break
        else:
            raise Bad(f"The checkpoint of size {lines[1]} is not signed by the key given.")
    return lines[0], int(lines[1]), root


def signed(key: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_log(
    lines: Iterable[bytes],
    checkpoints: Iterable[str] = (),
    key: bytes | None = None,
    heads: Iterable[tuple[int, str]] = (),
) -> Report:
    """Read a whole log; raises `Bad` at the first thing that does not hold. `heads` are (size, root beginning in hex)."""
    report = Report()
    wanted: dict[int, list[tuple[str, bytes | str]]] = {}
    for note in checkpoints:
        name, size, root = open_note(note, key)
        if report.log and name != report.log:
            raise Bad("The checkpoints belong to different logs.")
        report.log = name
        wanted.setdefault(size, []).append(("checkpoint", root))
        report.checkpoints += 1
    for size, beginning in heads:
        wanted.setdefault(size, []).append(("head", beginning))
        report.heads += 1
    tree, previous, group, last_time = Frontier(), "0" * 64, 0, 0
    sha256, loads, b64decode = hashlib.sha256, json.loads, base64.b64decode
    _meet(wanted, tree)
    for line in lines:
        n = tree.size
        data, tab, sealed = line.partition(b"\t")
        if not tab or not sealed.endswith(b"\n"):
            raise Bad(f"Entry {n} is not a whole line.")
        try:
            entry = loads(data)
            blob = b64decode(sealed[:-1], validate=True)
            number, before, first, at = entry["n"], entry["prev"], entry["g"], entry["at"]
            digest = entry["sealed"]
        except (ValueError, KeyError, TypeError):
            raise Bad(f"Entry {n} cannot be read.") from None
        if number != n:
            raise Bad(f"Entry {n} says that it is entry {number}: something was taken out, put in or moved.")
        if before != previous:
            raise Bad(f"Entry {n} does not follow entry {n - 1}: one of them was altered.")
        if sha256(blob).hexdigest() != digest or base64.b64encode(blob) != sealed[:-1]:
            raise Bad(f"The sealed half of entry {n} was altered.")
        if first != n and first != group:
            raise Bad(f"Entry {n} is in a group that does not exist.")
        if at < last_time - TIME_STEP_BACK_MS:
            raise Bad(f"Entry {n} is older than the entries before it.")
        leaf = sha256(b"\x00" + data).digest()
        tree.add(leaf)
        previous, group, last_time = leaf.hex(), first, max(last_time, at)
        if "units" in entry:
            report.issued += 1
            where = f"{entry['sgc']}/{entry['krn']}"
            report.units[where] = report.units.get(where, 0) + entry["units"]
        elif entry["kind"] in ("management", "key-change"):
            report.issued += 1
        if entry.get("sim"):
            report.simulated += 1
        if wanted and tree.size in wanted:
            _meet(wanted, tree)
    if wanted:
        size = max(wanted)
        raise Bad(
            f"The log has {tree.size} entries, but a {wanted[size][0][0]} names {size}: its end is missing."
        )
    report.entries, report.root = tree.size, tree.root().hex()
    return report


def _meet(wanted: dict[int, list[tuple[str, bytes | str]]], tree: Frontier) -> None:
    for what, expected in wanted.pop(tree.size, ()):
        root = tree.root()
        fits = root == expected if isinstance(expected, bytes) else root.hex().startswith(expected)
        if not fits:
            raise Bad(
                f"The log at {tree.size} entries is not the one of the {what}: it was altered or replaced."
            )


def verify_proof(proof: dict[str, object], key: bytes | None = None) -> dict[str, object]:
    """The entry of a proof file, if its path leads to the root of its checkpoint."""
    data = str(proof["leaf_data"]).encode()
    path = [bytes.fromhex(str(step)) for step in _list(proof["path"])]
    _, size, root = open_note(str(proof["note"]), key)
    entry: dict[str, object] = json.loads(data)
    index = entry["n"]
    if type(index) is not int or not 0 <= index < size:
        raise Bad("The entry's number does not lie in the log of the checkpoint.")
    value = hashlib.sha256(b"\x00" + data).digest()
    place, last = index, size - 1
    for step in path:
        if last == 0:
            raise Bad("The path is too long.")
        if place & 1 or place == last:
            value = hashlib.sha256(b"\x01" + step + value).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\x01" + value + step).digest()
        place, last = place >> 1, last >> 1
    if last != 0 or value != root:
        raise Bad("The path does not lead to the root of the checkpoint: this entry is not in that log.")
    return entry


def verify_receipt(receipt: dict[str, object], key: bytes) -> None:
    """What a receipt says against the module's signature: meter, tokens and slip, all as printed."""
    salt = bytes.fromhex(str(receipt["salt"]))
    tokens = ",".join("".join(str(token).split()) for token in _list(receipt["tokens"]))

    def committed(what: str, value: object) -> str:
        return hmac.new(salt, f"{what}\n{value}".encode(), hashlib.sha256).hexdigest()

    statement = (
        f"ampoule entry 1\n{receipt['log']}\n{receipt['sequence']}\n{receipt['leaf']}\n"
        f"{committed('meter', receipt['pan'])}\n{committed('tokens', tokens)}\n"
        f"{committed('content', receipt['content_hash'])}\n"
    )
    try:
        signature = base64.b64decode(str(receipt["signature"]), validate=True)
    except binascii.Error:
        signature = b""
    if not signed(key, signature, statement.encode()):
        raise Bad(
            "The receipt does not fit its signature: a figure on it was changed, or another module made it."
        )


def verify_pack(folder: str, key: bytes) -> tuple[int, int, int]:
    """(entries with a genuine signature, proofs of inclusion, slips) of an unpacked proof pack."""
    signed_tokens: dict[tuple[str, str], str] = {}
    hashes: set[str] = set()
    receipts = sorted(os.listdir(os.path.join(folder, "entries")))
    for name in receipts:
        content = _json(os.path.join(folder, "entries", name))
        verify_receipt(content, key)
        for token in _list(content["tokens"]):
            signed_tokens[(str(content["pan"]), str(token))] = str(content["sequence"])
        hashes.add(str(content["content_hash"]))
    with open(os.path.join(folder, "tokens.csv"), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = signed_tokens.pop((row["meter"], row["token"]), None)
        if found != row["log entry"]:
            raise Bad(
                f"A token of meter {row['meter']} in tokens.csv is not an entry that the module signed."
            )
    if signed_tokens:
        raise Bad(f"{len(signed_tokens)} signed tokens are missing in tokens.csv.")
    proofs = sorted(os.listdir(os.path.join(folder, "proofs")))
    for name in proofs:
        verify_proof(_json(os.path.join(folder, "proofs", name)), key)
    slips = sorted(os.listdir(os.path.join(folder, "slips")))
    for name in slips:
        with open(os.path.join(folder, "slips", name), "rb") as slip:
            hashes.discard(hashlib.sha256(slip.read()).hexdigest())
    if hashes:
        raise Bad(f"{len(hashes)} entries were signed for a slip that is not in the pack.")
    return len(receipts), len(proofs), len(slips)


def _json(path: str) -> dict[str, object]:
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not isinstance(content, dict):
        raise Bad(f"{os.path.basename(path)} is not of this kind.")
    return content


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Bad("The file is not of this kind.")
    return value


def read_lines(path: str) -> Iterator[bytes]:
    """The lines of a log. One that a module works with has zeros ahead of its end; they are no line."""
    with open(path, "rb", buffering=1 << 20) as file:
        for line in file:
            if line.strip(b"\0"):
                yield line


def read_checkpoints(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return [str(json.loads(line)["note"]) for line in file if line.strip()]


def _say(as_json: bool, text: str) -> None:
    print(json.dumps({"holds": True, "text": text}) if as_json else text)  # noqa: T201


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an issuance log, a proof or a receipt.")
    parts = parser.add_subparsers(dest="what", required=True)
    log = parts.add_parser("log")
    log.add_argument("file")
    log.add_argument("--checkpoints")
    log.add_argument("--head", action="append", default=[], metavar="'SIZE ROOT'")
    for name in ("proof", "receipt", "pack"):
        parts.add_parser(name).add_argument("file")
    for part in parts.choices.values():
        part.add_argument("--key", help="the log's public key, base64")
        part.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args(arguments)
    try:
        key = base64.b64decode(given.key, validate=True) if given.key else None
        if given.what == "log":
            heads = [(int(h.split()[0]), h.split()[1].lower()) for h in given.head]
            notes = read_checkpoints(given.checkpoints) if given.checkpoints else []
            report = verify_log(read_lines(given.file), notes, key, heads)
            if given.json:
                print(json.dumps({"holds": True, **asdict(report)}, indent=1))  # noqa: T201
                return 0
            print(  # noqa: T201
                f"The log holds: {report.entries} entries, {report.issued} token entries, root {report.root[:16]}, "
                f"{report.checkpoints} checkpoints and {report.heads} heads met."
            )
            for where, units in sorted(report.units.items()):
                print(f"  {where}: {units} units")  # noqa: T201
        elif given.what == "pack":
            if key is None:
                raise Bad("Give the log's public key: a pack proves nothing without it.")
            entries, proofs, slips = verify_pack(given.file, key)
            print(  # noqa: T201
                f"The pack holds: {entries} entries signed by the module, {proofs} proofs of inclusion, {slips} slips."
            )
        else:
            content = _json(given.file)
            if given.what == "proof":
                entry = verify_proof(content, key)
                _say(given.json, f"Entry {entry['n']} ({entry['kind']}) is in the log of the checkpoint.")
            else:
                if key is None:
                    raise Bad("Give the log's public key: a receipt proves nothing without it.")
                verify_receipt(content, key)
                _say(given.json, "The receipt is genuine: the module signed exactly this.")
    except (Bad, OSError, ValueError, KeyError, IndexError) as problem:
        if given.json:
            print(json.dumps({"holds": False, "problem": str(problem)}))  # noqa: T201
            return 1
        print(f"DOES NOT HOLD: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

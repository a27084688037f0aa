"""The ceremony in a terminal: `keystore ceremony --rehearse` with three custodians, typed and read as people do."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keystore import check_value, verify_log
from keystore.ceremony import program_digest, self_tests

PEOPLE = {
    "Amina": "the lamp by the river",
    "Bongani": "a quiet northern sea",
    "Chen": "old trains never leave",
}
_QUESTION = re.compile(r"([^\n]*?): $")


class Terminal:
    """A pseudo-terminal: what the program prints comes as text, what people type goes back."""

    def __init__(self, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "keystore"), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.text = ""
        self.read_to = 0

    def question(self) -> str | None:
        """The next prompt; None when the program has ended."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = _QUESTION.search(self.text, self.read_to)
            if found:
                self.read_to = len(self.text)
                return found.group(1)
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                try:
                    piece = os.read(self.master, 65536)
                except OSError:
                    return None
                self.text += piece.decode().replace("\r\n", "\n")
        raise AssertionError(f"no question came: {self.text[-500:]}")

    def type(self, line: str) -> None:
        os.write(self.master, f"{line}\n".encode())

    def status(self) -> int:
        os.close(self.master)
        return self.process.wait(20)


def rehearse(folder: Path, answer: dict[str, str] | None = None) -> tuple[Terminal, int]:
    """Answer every question as the roles would; `answer` replaces some answers."""
    terminal = Terminal(
        "ceremony", "--rehearse", "--into", str(folder), "--officer", "Otto", "--witness", "Wanda",
        *(x for name in PEOPLE for x in ("--custodian", name)),
    )  # fmt: skip
    while (question := terminal.question()) is not None:
        terminal.type(reply(question, terminal.text, answer or {}))
    return terminal, terminal.status()


def reply(question: str, text: str, instead: dict[str, str]) -> str:
    for part, said in instead.items():
        if part in question:
            return said
    if found := re.search(r"type 'done (\d+)'", question):
        return f"done {found.group(1)}"
    if "first 8 digits" in question:
        return re.findall(r"reads aloud: ([0-9a-f]+)", text)[-1][:8]
    if found := re.search(r"(\w+), component \d", question):
        return re.findall(rf"Rehearsal sheet of {found.group(1)}: ([0-9a-f]+)", text)[-1]
    if found := re.search(r"(\w+), check value of component", question):
        sheet = re.findall(rf"Rehearsal sheet of {found.group(1)}: ([0-9a-f]+)", text)[-1]
        return check_value.of(bytes.fromhex(sheet))
    if "type the check value" in question:
        return re.findall(r"Check value of the key: (\w+)", text)[-1]
    if "Repeat for confirmation" in question:
        names = re.findall(r"(\w+), your passphrase", text)
        return PEOPLE[names[-1]]
    name = question.split(",")[0]
    return PEOPLE[name]


def test_a_rehearsal_runs_through(tmp_path: Path) -> None:
    terminal, status = rehearse(tmp_path / "c")
    assert status == 0, terminal.text
    assert "The ceremony is complete" in terminal.text
    assert "3 sets of custodians open it; one custodian fewer does not." in terminal.text
    for passphrase in PEOPLE.values():
        assert passphrase not in terminal.text, "secrets are typed hidden"
    record = json.loads((tmp_path / "c" / "ceremony.json").read_text())
    assert record["outcome"] == "complete"
    assert [step["step"] for step in record["steps"]] == list(range(1, 13))
    signed = {name: record[name] for name in ("outcome", "nature", "steps")}
    Ed25519PublicKey.from_public_bytes(base64.b64decode(record["public_key"])).verify(
        base64.b64decode(record["signature"]),
        b"ampoule ceremony 1\n" + json.dumps(signed, sort_keys=True).encode(),
    )
    lines = list(verify_log.read_lines(str(tmp_path / "c" / "log" / "entries.log")))
    assert [json.loads(line.partition(b"\t")[0])["kind"] for line in lines] == ["start", "ceremony"]


@pytest.mark.parametrize(
    ("part", "said", "step"),
    [
        ("'done 2'", "skip", 2),
        ("first 8 digits", "00000000", 3),
        ("Amina, check value of component 1", "000000", 8),
        ("Wanda, type the check value", "000000", 8),
    ],
)
def test_a_skipped_or_wrong_step_ends_the_ceremony_and_is_on_record(
    tmp_path: Path, part: str, said: str, step: int
) -> None:
    terminal, status = rehearse(tmp_path / "c", {part: said})
    assert status == 1
    record = json.loads((tmp_path / "c" / "ceremony.json").read_text())
    assert record["outcome"] == "stopped"
    assert record["steps"][-1]["step"] == step
    assert not (tmp_path / "c" / "keys.stsks").exists(), terminal.text


def test_one_person_has_one_role(tmp_path: Path) -> None:
    terminal = Terminal("ceremony", "--rehearse", "--into", str(tmp_path / "c"), "--officer", "Amina", "--witness",
                        "Wanda", "--custodian", "Amina", "--custodian", "Bongani")  # fmt: skip
    assert terminal.question() is None
    assert terminal.status() == 1
    assert "One person has two roles" in terminal.text


def test_the_self_tests_pass_and_the_program_has_one_digest() -> None:
    assert "MISTY1" in self_tests()
    assert len(program_digest()) == 64

"""Whole sessions of the key manager, as transcripts (tests/keystore/sessions/*.txt).

    $ command          as it is typed; {dir} is a fresh folder, {socket} the module's socket
    < line             a secret or an answer, given through --passphrase-fd
    > line             what is printed; … stands for what differs from run to run
    ! 1                the exit status, when it is not 0
    % serve            start the module on {dir}/m (again with other words after it: its options)
    % serve-locked     the same, waiting for its shares
    % sell N           sell N tokens
    % orders FILE N    an order file with N requests, as `ampoule` exports it
    % note FILE        the module's newest signed head, as a file
    % stop             end the module's process
    % tamper FILE      flip one bit in the middle of a file
    % alter FILE N     alter one letter in the sealed half of entry N of a log; every entry stays readable

`AMPOULE_WRITE_SESSIONS=1 pytest tests/keystore/test_sessions.py` writes the output anew; read the difference before
committing it.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import keystore_cast as cast
import pytest
from click.testing import CliRunner

from keystore import demonstration, order_files
from keystore.cli import main

SESSIONS = sorted((Path(__file__).parent / "sessions").glob("*.txt"))
_MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "…"),
    (r"\b[0-9a-f]{8,}\b", "…"),
    (r"\b[A-Za-z0-9+/_-]{40,}=*", "…"),
    (r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?(\+00:00| UTC)?)?", "…"),
    (r"\d+\.\d+ s\b", "… s"),
    (r"Trial token \d{20}", "Trial token …"),
    (r'\\"tid\\":\d+', r'\\"tid\\":…'),
)


class Session:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: cast.Process | None = None

    def fill(self, text: str) -> str:
        return text.replace("{dir}", str(self.folder)).replace(
            "{socket}", str(self.folder / "m" / "module.socket")
        )

    def run(self, command: str, answers: list[str]) -> tuple[list[str], int]:
        arguments = shlex.split(self.fill(command))[1:]
        read = None
        if answers:
            read, write = os.pipe()
            os.write(write, "".join(f"{self.fill(a)}\n" for a in answers).encode())
            os.close(write)
            arguments += ["--passphrase-fd", str(read)]
        result = CliRunner().invoke(main, arguments)
        if read is not None:
            os.close(read)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        lines = [line.rstrip() for line in result.output.replace(str(self.folder), "{dir}").splitlines()]
        return [line for line in lines if line], result.exit_code

    def direct(self, words: list[str]) -> None:
        if words[0] in ("serve", "serve-locked"):
            if not (self.folder / "m").exists():
                demonstration.init(self.folder / "m")
            self.process = cast.Process(self.folder / "m", *words[1:], unlock=words[0] == "serve")
        elif words[0] == "stop":
            self.close()
        elif words[0] == "orders":
            order_files.write(Path(self.fill(words[1])), [cast.credit() for _ in range(int(words[2]))])
        elif words[0] == "note":
            assert self.process is not None
            with self.process.client() as client:
                Path(self.fill(words[1])).write_text(client.checkpoint().note, encoding="utf-8")
        elif words[0] == "tamper":
            path = Path(self.fill(words[1]))
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(bytes(data))
        elif words[0] == "alter":
            path, number = Path(self.fill(words[1])), int(words[2])
            lines = path.read_text(encoding="ascii").split("\n")
            clear, sealed = lines[number].split("\t")
            middle = len(sealed) // 2
            other = "B" if sealed[middle] == "A" else "A"
            lines[number] = f"{clear}\t{sealed[:middle]}{other}{sealed[middle + 1 :]}"
            path.write_text("\n".join(lines), encoding="ascii")
        elif words[0] == "sell":
            assert self.process is not None
            assert len(self.process.client().issue([cast.credit() for _ in range(int(words[1]))])) == int(
                words[1]
            )
        elif words[0] == "write":
            Path(self.fill(words[1])).write_text(" ".join(words[2:]) + "\n")

    def close(self) -> None:
        if (
            self.process is not None
            and self.process.process is not None
            and self.process.process.poll() is None
        ):
            self.process.stop()


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{word} ")
        else:
            yield f"{name}{word}", command


def test_every_command_speaks_to_programs() -> None:
    """Not those that are watched while they run, nor the proof, which is JSON anyway."""
    watched = {"serve", "ceremony", "demo-init", "demo ghost", "demo rollover", "log prove"}
    without = {name for name, c in commands(main) if all("--json" not in p.opts for p in c.params)}
    assert without == watched


def masked(line: str) -> str:
    for pattern, put in _MASKS:
        line = re.sub(pattern, put, line)
    return line


def matches(expected: str, line: str) -> bool:
    return re.fullmatch(re.escape(expected).replace("…", ".*?"), line) is not None


@pytest.mark.parametrize("path", SESSIONS, ids=lambda p: p.stem)
def test_session(path: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    written, lines, at = [], path.read_text(encoding="utf-8").splitlines(), 0
    rewriting = bool(os.environ.get("AMPOULE_WRITE_SESSIONS"))
    try:
        while at < len(lines):
            line = lines[at]
            at += 1
            if not line.startswith("$ "):
                if line.startswith("% "):
                    session.direct(shlex.split(line[2:]))
                if line[:2] not in ("> ", "! "):
                    written.append(line)
                continue
            answers, expected, status = [], [], 0
            while at < len(lines) and lines[at][:2] in ("< ", "> ", "! "):
                kind, text = lines[at][0], lines[at][2:]
                at += 1
                if kind == "<":
                    answers.append(text)
                elif kind == ">":
                    expected.append(text)
                else:
                    status = int(text)
            said, code = session.run(line[2:], answers)
            written += [line, *(f"< {a}" for a in answers), *(f"> {masked(s)}" for s in said)]
            written += [f"! {code}"] if code else []
            if not rewriting:
                assert code == status, (line, said)
                assert len(said) == len(expected), (line, said)
                for wanted, found in zip(expected, said, strict=True):
                    assert matches(wanted, found), (line, wanted, found)
    finally:
        session.close()
    if rewriting:
        path.write_text("\n".join(written) + "\n", encoding="utf-8")

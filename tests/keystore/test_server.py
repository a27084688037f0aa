"""The module as a process: the socket, the roles, locking, what a bad message gets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keystore_cast as cast
import pytest
from keystore_cast import Process, credit, meter

from keystore import demonstration, making, messages, seal, store
from keystore.client import SocketModule
from keystore.errors import ModuleRefused, ModuleUnreachable, OutcomeUnknown
from keystore.module import Issued


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("served")
    demonstration.init(folder / "m")
    found = Process(folder / "m")
    yield found
    assert found.stop() == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Process]:
    demonstration.init(tmp_path / "m")
    found = Process(tmp_path / "m")
    yield found
    if found.process is not None and found.process.poll() is None:
        found.stop()


def ask(process: Process, data: bytes, *, timeout_s: float = 5) -> dict[str, object]:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(timeout_s)
    line.connect(str(process.socket))
    line.send(data)
    answer = messages.unpack(line.recv(messages.MAX_ANSWER_BYTES), messages.MAX_ANSWER_BYTES)
    line.close()
    return answer


BAD_MESSAGES = {
    "not JSON": (b"issue", "message-invalid"),
    "not UTF-8": (b"\xff\xfe{}", "message-invalid"),
    "a list": (b"[]", "message-invalid"),
    "no verb": (b'{"v":1,"body":{}}', "message-invalid"),
    "a field given twice": (b'{"v":1,"v":1,"verb":"status","body":{}}', "message-invalid"),
    "another version": (b'{"v":2,"verb":"status","body":{}}', "version"),
    "version true": (b'{"v":true,"verb":"status","body":{}}', "version"),
    "an unknown verb": (b'{"v":1,"verb":"export-key","body":{}}', "verb-unknown"),
    "a verb that is a list": (b'{"v":1,"verb":[],"body":{}}', "verb-unknown"),
    "set a clock": (b'{"v":1,"verb":"set-clock","body":{}}', "verb-unknown"),
    "encipher": (b'{"v":1,"verb":"encipher","body":{}}', "verb-unknown"),
    "no requests": (b'{"v":1,"verb":"issue","body":{"requests":[]}}', "message-invalid"),
    "65 requests": (
        b'{"v":1,"verb":"issue","body":{"requests":[' + b"{}," * 64 + b"{}]}}",
        "message-invalid",
    ),
    "65 KiB": (b'{"v":1,"verb":"' + b"x" * 65536 + b'"}', "message-invalid"),
    "deeply nested": (b"[" * 30000 + b"]" * 30000, "message-invalid"),
    "not a number": (b'{"v":1,"verb":"proof","body":{"sequence":NaN}}', "message-invalid"),
    "a true sequence": (b'{"v":1,"verb":"proof","body":{"sequence":true}}', "message-invalid"),
    "an order id that is a number": (b'{"v":1,"verb":"replay","body":{"order_ids":[5]}}', "message-invalid"),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_bad_message_gets_one_sentence(process: Process, name: str) -> None:
    data, code = BAD_MESSAGES[name]
    answer = ask(process, data)
    assert answer["ok"] is False
    assert answer["error"]["code"] == code  # type: ignore[index]
    assert process.client().status().state == "ready"


def test_a_request_may_not_carry_an_identifier(process: Process) -> None:
    request = messages.request_out(credit()) | {"tid": 5}
    answer = ask(process, messages.pack({"v": 1, "verb": "issue", "body": {"requests": [request]}}))
    assert answer["body"][0]["code"] == "message-invalid"  # type: ignore[index]


def test_a_request_that_cannot_be_read_is_refused_alone(process: Process) -> None:
    good = messages.request_out(credit())
    bad: list[object] = [{}, 5, good | {"kind": []}, good | {"units": "100"}, good | {"order_id": "\n" * 9}]
    answer = ask(process, messages.pack({"v": 1, "verb": "issue", "body": {"requests": [*bad, good]}}))
    assert [item["is"] for item in answer["body"]] == ["refused"] * 5 + ["issued"]  # type: ignore[attr-defined]


def test_a_silent_caller_does_not_hold_up_the_others(process: Process) -> None:
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
    for line in silent:
        line.connect(str(process.socket))
    assert isinstance(process.client(2).issue([credit()])[0], Issued)
    for line in silent:
        line.close()


def test_a_caller_that_never_reads_is_dropped(process: Process) -> None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.setblocking(False)
    line.connect(str(process.socket))
    for _ in range(3000):
        try:
            line.send(b'{"v":1,"verb":"status","body":{}}')
        except OSError:
            break
    assert process.client().status().state == "ready"
    line.close()


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(ModuleUnreachable, match="keystore serve"):
        SocketModule(tmp_path / "nothing").status()


def test_an_answer_that_does_not_come_is_unknown_and_asking_again_gives_the_token(fresh: Process) -> None:
    request = credit()
    fresh.stop()
    fresh.environment = {
        "AMPOULE_CRASH_AT": "keystore.before-answer:2"
    }  # the status of the start passes once
    fresh.start()
    with pytest.raises(OutcomeUnknown):
        fresh.client().issue([request])
    assert fresh.wait() == -9
    fresh.environment = {}
    fresh.start()
    found = fresh.client().issue([request])[0]
    assert isinstance(found, Issued)
    assert found.replayed


def test_a_connection_from_before_a_restart_is_replaced(fresh: Process) -> None:
    client = fresh.client()
    client.status()
    fresh.stop()
    fresh.start()
    assert client.status().state == "ready"


def test_locking_ends_the_process_and_shares_open_it_again(fresh: Process) -> None:
    request = credit()
    issued = fresh.client().issue([request])[0]
    fresh.client().lock()
    assert fresh.wait() == 0
    fresh._unlock = False
    fresh.start()
    client = fresh.client()
    assert client.status().state == "locked"
    with pytest.raises(ModuleRefused) as refused:
        client.issue([request])
    assert refused.value.code == "locked"
    with pytest.raises(ModuleRefused, match="do not open"):
        client.unlock("a wrong passphrase")
    one, two, _ = demonstration.passphrases()
    assert client.unlock(one).state == "locked"
    assert client.unlock(one).state == "locked"
    assert client.unlock(two).state == "ready"
    assert client.issue([request])[0].tokens == issued.tokens


def test_a_key_suspended_in_the_file_stops_within_a_second(fresh: Process) -> None:
    keying = meter()
    client = fresh.client()
    client.issue([credit(keying)])
    path = fresh.folder / demonstration.KEY_FILE
    opened = seal.unlock(store.read(path), demonstration.passphrases()[:2])
    for record in opened.file.records:
        if record.kind == "vending":
            opened = making.with_state(opened, record.record_id, "compromised")
    store.save(path, seal.unlock(store.read(path), demonstration.passphrases()[:2]), opened)
    client.load()
    assert client.issue([credit(keying)])[0].code == "key-compromised"


def test_two_modules_on_one_file(fresh: Process) -> None:
    with pytest.raises(AssertionError, match="Another process works with this key file"):
        Process(fresh.folder)


def test_zeroise_needs_the_log_name_and_leaves_no_key_file(fresh: Process) -> None:
    client = fresh.client()
    with pytest.raises(ModuleRefused):
        client.zeroise("yes")
    client.zeroise(client.status().log)
    assert fresh.wait() == 0
    assert not (fresh.folder / demonstration.KEY_FILE).exists()


def test_the_simulated_clock_marks_every_entry(tmp_path: Path) -> None:
    import json

    folder = tmp_path / "m"
    demonstration.init(folder, simulated_clock="2045-11-24T20:10:00Z")
    process = Process(folder, "--simulated-clock", "2045-11-24T20:14:00Z")
    issued = process.client().issue([credit()])[0]
    assert isinstance(issued, Issued)
    assert issued.tid >= 2**24 - 2
    assert process.client().status().simulated_clock
    process.stop()
    lines = (folder / "log" / "entries.log").read_text().splitlines()
    assert all(json.loads(line.partition("\t")[0])["sim"] for line in lines)


def test_a_user_without_a_role_finds_the_door_shut() -> None:
    """With two system users, as install.sh sets them up: one sells, another is nobody here."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as two other users")
    with cast.of_other_users("--seller", "65534", "--officer", "65533") as process:

        def as_user(user: int, verb: str) -> str:
            def act() -> str:
                answer = ask(process, messages.pack({"v": 1, "verb": verb, "body": {}}))
                return str(answer)

            return cast.as_user(user, act)

        assert "'state': 'ready'" in as_user(65534, "status")
        assert "'role'" in as_user(65534, "lock")
        assert "'role'" in as_user(65534, "verify")
        assert "'ok'" not in as_user(65532, "status")
        assert "'ok': True" in as_user(65533, "lock")
        assert process.wait() == 0


def test_one_users_connections_leave_room_for_the_others_and_do_not_drown_them() -> None:
    """A web server gone bad holds every line that it gets and never stops asking: the key manager is still heard."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as two other users")
    with cast.of_other_users("--seller", "65534", "--officer", "65533") as process:
        ready, say = os.pipe()
        flood = os.fork()
        if flood == 0:
            try:
                os.setgid(65534)
                os.setuid(65534)
                lines = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(200)]
                for line in lines:
                    line.settimeout(2)
                    with contextlib.suppress(OSError):
                        line.connect(str(process.socket))
                    line.setblocking(False)
                for turn in range(1_000_000):
                    for line in lines:
                        with contextlib.suppress(OSError):
                            line.send(b'{"v":1,"verb":"status","body":{}}')
                        with contextlib.suppress(OSError):
                            line.recv(messages.MAX_ANSWER_BYTES)
                    if turn == 2:
                        os.write(say, b"x")
            finally:
                os._exit(0)
        os.close(say)
        try:
            assert os.read(ready, 1) == b"x"

            def lock() -> str:
                data = messages.pack({"v": 1, "verb": "lock", "body": {}})
                return str(ask(process, data, timeout_s=60))

            assert "'ok': True" in cast.as_user(65533, lock)
        finally:
            os.kill(flood, signal.SIGKILL)
            os.waitpid(flood, 0)
        assert process.wait() == 0


def test_the_module_process_brings_few_packages(fresh: Process) -> None:
    """T-19: what the module's process has loaded from others."""
    code = (
        "import sys,keystore.server,keystore.opening,keystore.demonstration\n"
        "from pathlib import Path\n"
        "names={n.split('.')[0] for n,m in sys.modules.items() if 'site-packages' in (getattr(m,'__file__',None) or '')}\n"
        "print(sorted(n for n in names if not n.startswith('_')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    others = set(eval(found)) - {"keystore", "sts"}
    assert others <= {"cryptography", "shamir_mnemonic", "Crypto", "click", "numpy", "colorama", "orjson"}, (
        others
    )
    assert len(others) <= 5
    assert cast


def test_budgets_of_one_supply_group(fresh: Process) -> None:
    client = fresh.client()
    client.issue([credit(units=700)])
    found = client.budgets("600100")
    assert {b.sgc for b in found} == {"600100"}
    told = [b.budget_id for b in client.status().budgets if b.sgc == "600100"]
    assert [b.budget_id for b in found] == told
    assert next(b for b in found if b.service == "electricity").used == 700
    assert client.budgets("999999") == []

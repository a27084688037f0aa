"""T-20: a web server that belongs to somebody else now. It speaks to the socket as it likes; it mints the budget and stops.

Any verb, any field, floods, replayed acts, restarts in between, as the web server's own user. Afterwards the log alone
says what was minted: never above the budget, and, once drained, the budget exactly, to the unit.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keystore_cast as cast
import pytest
from keystore_cast import Process, credit, management, meter

from keystore import acts, demonstration, messages, verify_log

WEB_USER = 65534
BUDGET = 3_456_789
SEEDS = json.dumps(demonstration.public()["keys"])


@pytest.fixture
def site() -> Iterator[Process]:
    """A module whose only budget is exact; it sells to the web server's user."""
    with cast.of_other_users("--seller", str(WEB_USER)) as process:
        only_an_exact_budget(process)
        yield process


def only_an_exact_budget(process: Process) -> None:
    with process.client() as client:
        now = datetime.now(UTC)
        status = client.status()
        told: dict[str, Any] = {"module": status.log, "maker": "T", "reason": "T", "made": now}
        for budget in status.budgets:
            act = acts.close_budget(budget_id=budget.budget_id, **told)
            client.approve(act, demonstration.sign(act))
        act = acts.open_budget(
            budget_id="exact", sgc="600100", service="electricity", units=BUDGET,
            starts=now, ends=now + timedelta(days=5), **told,
        )  # fmt: skip
        client.approve(act, demonstration.sign(act))


def hostile_message(chance: random.Random, captured: list[str]) -> bytes:
    """One message of a web server gone bad."""
    kind = chance.randrange(10)
    verbs = ["issue", "replay", "cancel", "approve", "status", "proof", "verify", "lock", "zeroise", "load", "unlock",
             "rotate", "export", "set-tid", "set-clock", "present-head", "checkpoint", "consistency"]  # fmt: skip
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 2000))
    if kind == 1:
        body = {
            chance.choice(["share", "confirm", "note", "sequence", "x"]): chance.choice(
                [1, "a", None, [], {}]
            )
        }
        return messages.pack({"v": 1, "verb": chance.choice(verbs), "body": body})
    if kind == 2 and captured:
        act = chance.choice(captured)
        signed = [{"approver": s.approver, "signature": s.signature, "authenticator_data": None, "client_data": None}
                  for s in demonstration.sign(act)]  # fmt: skip
        if chance.random() < 0.5:
            act = act.replace("exact", "other")
        return messages.pack({"v": 1, "verb": "approve", "body": {"act": act, "signatures": signed}})
    requests = []
    for _ in range(chance.choice([1] * 18 + [8, 64])):
        wanted: Any = chance.choice(
            [
                lambda: credit(meter(chance.randrange(10**6)), chance.choice([1, 100, 16000, 1_818_624])),
                lambda: credit(free=True, approval="0" * 64),
                lambda: management(),
                lambda: credit(units=-5),
                lambda: credit(meter_class="large", subclass=chance.randrange(-1, 17)),
            ]
        )()
        request = messages.request_out(wanted)
        if chance.random() < 0.2:
            name = chance.choice(list(request))
            request[name] = chance.choice([None, -1, "", "9" * 70, {}, [], True, 2**70, "\x00"])
        if chance.random() < 0.05:
            request[chance.choice(["tid", "rnd", "now", "key"])] = 1
        requests.append(request)
    message = {"v": 1, "verb": "issue", "body": {"requests": requests[:40]}}
    return json.dumps(message).encode()  # with numbers that our own client does not write


def attack(process: Process, count: int, seed: int, captured: list[str]) -> str:
    """Send messages as the web user; the units and tokens that came back, and what was said besides."""

    def act() -> str:
        chance = random.Random(seed)
        cast._numbers = iter(range(seed * 10**6, seed * 10**6 + 10**6))  # type: ignore[assignment]
        minted, crashes, told = {}, 0, 0
        line = None
        for _ in range(count):
            if line is None:
                line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                line.settimeout(10)
                line.connect(str(process.socket))
            data = hostile_message(chance, captured)
            try:
                line.send(data)
                answer = line.recv(messages.MAX_ANSWER_BYTES)
            except OSError:
                answer = b""
            if not answer:
                crashes += 1
                line.close()
                line = None
                continue
            if any(key["value"].encode() in answer for key in demonstration.public()["keys"]):
                told += 1
            found = json.loads(answer)
            body = found.get("body")
            for item in body if isinstance(body, list) else ():
                if isinstance(item, dict) and item.get("is") == "issued":
                    minted[item["order_id"]] = item["units"]
        return json.dumps(
            {"units": sum(minted.values()), "tokens": len(minted), "crashes": crashes, "told": told}
        )

    return cast.as_user(WEB_USER, act)


def logged_units(process: Process) -> int:
    lines = verify_log.read_lines(str(process.folder / "log" / "entries.log"))
    return sum(verify_log.verify_log(lines).units.values())


def run(process: Process, messages_in_all: int, rounds: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to act as the web server's own user")
    now = datetime.now(UTC)
    client = process.client()
    told: dict[str, Any] = {"module": client.status().log, "maker": "T"}
    captured = [
        acts.top_up(budget_id="exact", amount=1000, reason="once", made=now - timedelta(hours=30), **told),
        acts.top_up(
            budget_id="exact",
            amount=1000,
            reason="elsewhere",
            made=now,
            **told | {"module": "ampoule/another"},
        ),
    ]
    used = acts.close_budget(budget_id="demo-600100-free", reason="again", made=now, **told)
    client.approve(used, demonstration.sign(used))
    captured.append(used)
    kept = process.folder / "attacked"  # how far an attack of hours had come when it was broken off
    done = int(kept.read_text()) if kept.exists() else 0
    minted = logged_units(process)  # of a round that was broken off, the log alone knows
    for n in range(done, rounds):
        found = json.loads(attack(process, messages_in_all // rounds, n + 1, captured))
        minted += found["units"]
        assert found["told"] == 0
        assert found["crashes"] == 0
        assert minted <= BUDGET
        if n % 2:
            process.kill()
        else:
            assert process.stop() == 0, process.errors
        kept.write_text(str(n + 1))
        process.start()
        (process.folder).chmod(0o755)
    client = process.client()
    left = next(b for b in client.status().budgets if b.budget_id == "exact").left
    assert minted == BUDGET - left
    while left:
        units = min(left, 16000)
        found = client.issue([credit(meter(), units)])[0]
        assert found.units == units, found
        left -= units
    assert client.issue([credit(units=1)])[0].code == "budget-exhausted"
    process.stop()
    assert logged_units(process) == BUDGET, "to the unit, from the log alone"


def test_twenty_thousand_messages(site: Process) -> None:
    run(site, 20_000, 4)


def test_the_battery_catches_a_budget_kept_in_memory_only(site: Process) -> None:
    """The planted fault: if use were not derived from the log, a restart would give the budget again."""
    client = site.client()
    first = client.issue([credit(meter(), 16000)])[0]
    site.kill()
    log = site.folder / "log" / "entries.log"
    lines = list(verify_log.read_lines(str(log)))
    log.write_bytes(b"".join(lines[:-1]))  # as if the entry had not been durable
    (site.folder / "keys.stsks.head").unlink(missing_ok=True)
    (site.folder / "log" / "acknowledged").unlink()
    site.start()
    left = next(b for b in site.client().status().budgets if b.budget_id == "exact").left
    assert left == BUDGET
    assert first.units == 16000
    site.stop()
    assert logged_units(site) != 16000, "the count against the log sees it"


def test_other_callers_are_served_during_a_flood(site: Process) -> None:
    floods = []
    for _ in range(30):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.setblocking(False)
        line.connect(str(site.socket))
        floods.append(line)
    client = site.client(5)
    end = time.monotonic() + 1
    served = 0
    while time.monotonic() < end:
        for line in floods:
            with contextlib.suppress(OSError):
                line.send(b'{"v":1,"verb":"status","body":{}}')
        client.issue([credit(units=1)])
        served += 1
    assert served > 3
    for line in floods:
        line.close()


@pytest.mark.long
def test_ten_million_messages() -> None:
    """Hours. With `HOSTILE_FOLDER` (a folder that others may enter) it goes on where it was broken off, round by round;
    `HOSTILE_MESSAGES` makes it shorter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        folder = Path(os.environ.get("HOSTILE_FOLDER", name)) / "m"
        fresh = not folder.exists()
        for process in cast.opened_to_others(folder, "--seller", str(WEB_USER)):
            if fresh:
                only_an_exact_budget(process)
            run(process, int(os.environ.get("HOSTILE_MESSAGES", 10_000_000)), 50)

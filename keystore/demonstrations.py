"""Two demonstrations that convince: `keystore demo ghost` and `keystore demo rollover`.

`ghost` is a script with the web server's rights and nothing else: the socket. It tries the ways of the trade's great thefts,
mints what the budget allows and stops to the unit; then the log, read by other code, names every token. `rollover`
takes a meter of 1993 through its last minute, with a module whose clock the simulator sets.

They use the socket alone; the second starts a module of its own on public test keys.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keystore import acts, demonstration, verify_log
from keystore.client import SocketModule
from keystore.errors import KeystoreError, ModuleRefused, ModuleUnreachable, OutcomeUnknown
from keystore.module import CreditRequest, Issued, KeyChangeRequest, MeterKeying, Refused, Request
from sts import drn, pan

Say = Callable[[str], None]

_LARGEST_TOKEN = 1_818_624  # units that a token can carry exactly
_SLIP = "0" * 64
LAST_MINUTE_OF_1993 = datetime(2024, 11, 24, 20, 15, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Haul:
    """What the thief got, and what stopped him."""

    budget_before: int
    units: int
    tokens: int
    sequences: tuple[int, ...]
    stopped_by: Refused


def ghost(module: SocketModule, say: Say, *, sgc: str = "600100", service: str = "electricity") -> Haul:
    """Mint with the web server's rights until the module says no."""
    before = _left(module, sgc, service)
    say(
        f"The web server is ours. Open budgets of {sgc} {service}: {before} units. No keys here, so we ask the module."
    )
    for verb in ("export-key", "encipher", "set-clock", "set-tid", "delete-log"):
        try:
            module.ask(verb, {})
        except ModuleRefused as no:
            say(f"  {verb}: {no.sentence}")
    _refused_act(module, sgc, service, say)
    minted: list[Issued] = []
    stopped: Refused | None = None
    size, number = _LARGEST_TOKEN, uuid.uuid4().int % 10**7
    while size:
        number += 1
        found = module.issue([_credit(number, sgc, size, service)])[0]
        if isinstance(found, Issued):
            minted.append(found)
        elif found.code == "budget-exhausted":
            stopped = found
            left = _largest_left(module, sgc, service)
            size = min(size, left) if left < size else size - 1
            if size > 16383:
                size -= (size - 16384) % 10 if size < 180224 else (size - 180224) % 100
        else:
            raise KeystoreError(f"The demonstration cannot go on: {found.sentence}", code=found.code)
    assert stopped is not None
    units = sum(i.units or 0 for i in minted)
    say(f"Minted {units} units in {len(minted)} tokens, and not one unit more: {stopped.sentence}")
    return Haul(before, units, len(minted), tuple(i.sequence for i in minted), stopped)


def _refused_act(module: SocketModule, sgc: str, service: str, say: Say) -> None:
    """A budget of our own, signed by nobody."""
    now = datetime.now(UTC)
    act = acts.open_budget(
        budget_id="ghost", sgc=sgc, service=service, units=10**9, starts=now, ends=now + timedelta(days=30),
        module=module.status().log, maker="ghost", reason="ghost", made=now,
    )  # fmt: skip
    from keystore.module import ActSignature

    found = module.approve(act, [ActSignature("demo-first", "A" * 86), ActSignature("demo-second", "A" * 86)])
    assert isinstance(found, Refused)
    say(f"  open a budget: {found.sentence}")


def name_every_token(haul: Haul, log_folder: Path, say: Say) -> None:
    """The log, read by the stand-alone verifier, against what the thief holds."""
    report = verify_log.verify_log(verify_log.read_lines(str(log_folder / "entries.log")))
    import json

    found = {}
    for line in verify_log.read_lines(str(log_folder / "entries.log")):
        entry = json.loads(line.partition(b"\t")[0])
        if entry["n"] in haul.sequences:
            found[entry["n"]] = entry["units"]
    assert len(found) == haul.tokens
    assert sum(found.values()) == haul.units
    say(
        f"The log has {report.entries} entries without a gap and names each of the {haul.tokens} tokens, {haul.units} units:"
    )
    for number, units in list(found.items())[:5]:
        say(f"  entry {number}: {units} units")
    if len(found) > 5:
        say(f"  … and {len(found) - 5} more. No sale in the books belongs to them: reconcile shows them all.")


def _left(module: SocketModule, sgc: str, service: str) -> int:
    return sum(b.left for b in module.status().budgets if b.sgc == sgc and b.service == service)


def _largest_left(module: SocketModule, sgc: str, service: str) -> int:
    return max((b.left for b in module.status().budgets if b.sgc == sgc and b.service == service), default=0)


def _credit(number: int, sgc: str, units: int, service: str) -> CreditRequest:
    meter = MeterKeying(
        pan.of("600727", drn.of(f"09{number % 10**8:08d}")), "11", "02", "04", sgc, 1, "01", 2, 255, 2014
    )
    subclass = demonstration.SERVICES.index(service)
    return CreditRequest(f"ghost-{uuid.uuid4()}", meter, service, subclass, units, "large", _SLIP)


# --- rollover ---------------------------------------------------------------------------------------------------------


def rollover(say: Say) -> None:
    """A meter of 1993 at its last minute, on a module of its own with a simulated clock."""
    start = LAST_MINUTE_OF_1993 - timedelta(minutes=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "m"
        demonstration.init(folder, simulated_clock=start.isoformat())
        path = folder / "socket"
        process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "keystore"), "serve", "--file", str(folder / "keys.stsks"),
                "--log", str(folder / "log"), "--socket", str(path), "--unlock-test-keys",
                "--simulated-clock", start.isoformat(),
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with SocketModule(path) as module:
                _wait(module)
                _rollover(module, say)
        finally:
            process.terminate()
            process.wait()


def _rollover(module: SocketModule, say: Say) -> None:
    old = MeterKeying(
        pan.of("600727", drn.of("0919930001")), "07", "02", "02", "600200", 1, "01", 2, 255, 1993
    )
    new = replace(old, krn=2, base_date=2014)
    say(
        f"A meter of 1993, {old.pan}, supply group {old.sgc}, revision {old.krn}. It is {start_text(module)}."
    )
    while True:
        found = module.issue([_sale(old)])[0]
        if isinstance(found, Refused):
            say(f"  refused: {found.sentence}")
            break
        moment = datetime(1993, 1, 1, tzinfo=UTC) + timedelta(minutes=found.tid or 0)
        say(
            f"  sold 10 kWh, token {_grouped(found.tokens[0])}, identifier {found.tid} ({moment:%Y-%m-%d %H:%M})"
        )
    without = KeyChangeRequest(f"rollover-{uuid.uuid4()}", old, new, False, _SLIP)
    say(f"  a key change without roll-over: {_sentence(module.issue([without])[0])}")
    change = KeyChangeRequest(f"rollover-{uuid.uuid4()}", old, new, True, _SLIP)
    status = module.status()
    act = acts.approve_requests(
        [change], module=status.log, maker="Demonstration", reason="base date 1993 ends", made=status.now
    )
    module.approve(act, demonstration.sign(act))
    found = module.issue([replace(change, approval=acts.act_id(act))])[0]
    assert isinstance(found, Issued), found
    say("  two people approve the change to revision 2, base date 2014, with roll-over; enter in this order:")
    for number, token in enumerate(found.tokens, 1):
        say(f"    key change {number} of {len(found.tokens)}: {_grouped(token)}")
    say(f"  the old key sells no more: {_sentence(module.issue([_sale(old)])[0])}")
    sold = module.issue([_sale(new)])[0]
    assert isinstance(sold, Issued), sold
    say(
        f"  sold 10 kWh under the new key, token {_grouped(sold.tokens[0])}, identifier {sold.tid} (base date 2014)"
    )
    back = KeyChangeRequest(f"rollover-{uuid.uuid4()}", new, old, True, _SLIP)
    say(f"  and back again with roll-over: {_sentence(module.issue([back])[0])}")


def _sale(meter: MeterKeying) -> Request:
    return CreditRequest(f"rollover-{uuid.uuid4()}", meter, "electricity", 0, 100, "small", _SLIP)


def _sentence(found: Issued | Refused) -> str:
    assert isinstance(found, Refused), "this must be refused"
    return found.sentence


def _grouped(token: str) -> str:
    return " ".join(token[at : at + 4] for at in range(0, 20, 4))


def start_text(module: SocketModule) -> str:
    return f"{module.status().now:%Y-%m-%d %H:%M} UTC, by the simulator's clock"


def _wait(module: SocketModule) -> None:
    for _ in range(1000):
        try:
            module.status()
            return
        except (ModuleUnreachable, OutcomeUnknown):
            time.sleep(0.01)
    raise ModuleUnreachable("The module of the demonstration did not start.")

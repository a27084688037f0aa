"""What people do to bring a production site to its first sale, in a throw-away root: ceremony, unlocking, a budget, its file.

Live keys of a made-up supply group, typed by a script where people would type; everything goes through the commands.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from product import wait_for
from throw_away_root import Root

from sts import dkga, engine, pan, tid, tokens
from sts.keys import KeyType, VendingKey

PROGRAMS = "/opt/ampoule/.venv/bin"
KEYSTORE = f"{PROGRAMS}/keystore"
SOCKET = "/run/ampoule-module/module.sock"
OFFICER, ACTS = "keymanager", "/run/acts"  # the officer's user, and a folder of his for acts and keys
PHRASES = {
    "Amina": "correct horse battery staple lamp river",
    "Bongani": "seven wonders of the quiet northern sea",
    "Chen": "old trains never leave before the rain",
}
COMPONENTS = (
    ("00112233445566778899aabbccddeeff01234567", "B1BF0E"),
    ("f0e1d2c3b4a5968778695a4b3c2d1e0fdeadbeef", "AB2865"),
)
WHOLE = "496CED"  # the check value of the key that the two make
METER = "07000000120"
SITE = f"""
tariffs = ["/src/vending/demonstration/tariffs/karoo-business.toml"]
printer = "browser"
trial = false

[operator]
name = "Harbour Properties"
address = "1 Quay Street"
tax_number = "4012345678"

[site]
name = "Harbour Mall"
time_zone = "Africa/Johannesburg"
currency = "ZAR"
languages = ["en"]

[[site.taxes]]
name = "VAT"
rate = "15"
included = true

[[person]]
login = "maria"
name = "Maria Silva"
roles = ["manager"]

[[person]]
login = "david"
name = "David Cohen"
roles = ["manager"]

[[person]]
login = "lerato"
name = "Lerato Dube"
roles = ["cashier"]

[supply]
sgc = "123456"

[[unit]]
code = "G-01"
area = "86.5"
meter = "{METER}"
tenant = "Blue Cup"
tariff = "karoo-business"
seen = "all segments lit"
"""


def well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _phrase(approver: str) -> str:
    return f"six words that only the {approver} would choose\n"


def hold_ceremony(root: Root) -> None:
    """Twelve steps, the roles' lines typed one after another, on a machine whose cable is out."""
    approvers = []
    root.run("install", "-d", "-m", "700", "-o", OFFICER, ACTS)
    for name in ("first", "second"):
        made = root.run(
            *(KEYSTORE, "approver", "new", "--out", f"{ACTS}/{name}.key", "--name", name),
            *("--person", f"The {name}", "--passphrase-fd", "0"),
            user=OFFICER,
            given=_phrase(name),
        )
        line = next(one for one in well(made).splitlines() if one.startswith(f"{name}:"))
        approvers += ["--approver", line]
    told = "from keystore.ceremony import program_digest; print(program_digest())"
    digest = well(root.run(f"{PROGRAMS}/python", "-c", told))
    typed = [
        *("done 1", "done 2", digest[:8], "done 3", "done 4"),
        *(*PHRASES.values(), "done 5", *PHRASES.values(), "done 6", "done 7"),
        *(part for component in COMPONENTS for part in component),
        *(WHOLE, WHOLE, "done 8", "done 9", "done 10", "done 11", "done 12"),
    ]
    done = root.run(
        *("unshare", "--net", "runuser", "-u", "ampoule-module", "--", KEYSTORE, "ceremony"),
        *("--into", "/var/lib/ampoule-module", "--officer", "Otto", "--witness", "Wanda", "--sgc", "123456"),
        *("--tid-offset", "120", "--label", "Harbour mall", "--passphrase-fd", "0"),
        *(word for name in PHRASES for word in ("--custodian", name)),
        *approvers,
        given="".join(f"{line}\n" for line in typed),
    )
    assert "The ceremony is complete" in well(done)


def open_module(root: Root, service: dict[str, str], out: Path) -> subprocess.Popen[bytes]:
    """The service as the installer wrote it: it starts locked, and two custodians open it as the officer's user."""
    user = service["User"]
    root.run("install", "-d", "-m", "755", "-o", user, "-g", user, "/run/ampoule-module")
    words = shlex.split(service["ExecStart"])
    process = root.start(*words, user=user, out=out, environment={"PYTHONUNBUFFERED": "1"})
    wait_for(
        lambda: root.run("test", "-S", SOCKET).returncode == 0 or process.poll() is not None,
        what="the module",
        seconds=90,
    )
    assert process.poll() is None, out.read_text()
    unlock = (KEYSTORE, "unlock", "--socket", SOCKET, "--passphrase-fd", "0")
    for name in ("Amina", "Chen"):
        well(root.run(*unlock, user="keymanager", given=f"{PHRASES[name]}\n"))
    return process


def open_budget(root: Root) -> None:
    """Made by one, signed by two, handed in by the officer's user: the module serves its own users and not root."""
    act = f"{ACTS}/first.act"
    what = (
        "--id",
        "first",
        "--sgc",
        "123456",
        "--service",
        "electricity",
        "--amount",
        "500000",
        "--socket",
        SOCKET,
    )
    why = ("--reason", "The first month", "--maker", "Maria", "--out", act)
    well(root.run(KEYSTORE, "budget", "open", *what, *why, user=OFFICER))
    for name in ("first", "second"):
        key = ("--key", f"{ACTS}/{name}.key", "--yes", "--passphrase-fd", "0")
        well(root.run(KEYSTORE, "approve", act, *key, user=OFFICER, given=_phrase(name)))
    well(root.run(KEYSTORE, "approve", act, "--socket", SOCKET, user=OFFICER))
    refused = root.run(KEYSTORE, "status", "--socket", SOCKET)
    assert refused.returncode == 1
    assert "serve this user" in refused.stderr, refused.stderr


def units_of(digits: str) -> int:
    """What the token says, by the standard alone and the key that the two components make."""
    first, second = (bytes.fromhex(part) for part, _check in COMPONENTS)
    value = bytes(a ^ b for a, b in zip(first, second, strict=True))
    key = VendingKey(value, KeyType.DUTK, "123456", 1, 255, tid.BaseDate(2014), "04")
    meter = pan.of("600727", METER)
    token = engine.decode(digits, dkga.derive(key, pan=meter, ti="01", ea="11"))
    assert isinstance(token, tokens.Credit)
    return token.units

"""`install.sh` in a throw-away root: what it makes, twice the same as once, a sale between its two users, and what it leaves."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import production_site as site
import pytest
from product import Desk, Product, free_port, wait_for
from throw_away_root import Root, throw_away_root

PROGRAMS = "/opt/ampoule/.venv/bin"
SOCKET = "/run/ampoule-module/module.sock"
KEYS, DATABASE = "/var/lib/ampoule-module", "/var/lib/ampoule/ampoule.db"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make system users in a throw-away root")
    try:
        with throw_away_root(tmp_path_factory.mktemp("root")) as made:
            yield made
    except OSError as error:
        pytest.skip(f"needs a kernel that may mount an overlay here: {error}")


@pytest.fixture(scope="module")
def installed(root: Root) -> Root:
    done = root.run("sh", "/src/install.sh", "--no-packages")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Next: the ceremony" in done.stdout
    return root


def settings_of(unit: str) -> dict[str, str]:
    """The lines of a unit's service, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", unit)
    return dict(
        line.split("=", 1) for line in joined.splitlines() if "=" in line and not line.startswith("#")
    )


def mode_and_owner(root: Root, path: str) -> str:
    return root.run("stat", "-c", "%a %U:%G", path).stdout.strip()


def test_it_makes_two_users_who_cannot_sign_in_and_folders_for_each_alone(installed: Root) -> None:
    for user in ("ampoule", "ampoule-module", "keymanager"):
        assert installed.run("getent", "passwd", user).stdout.rstrip().endswith("/usr/sbin/nologin")
    assert {
        path: mode_and_owner(installed, path)
        for path in (
            *("/var/lib/ampoule", "/var/lib/ampoule-module", "/etc/ampoule", "/etc/ampoule/ampoule.toml"),
            "/opt/ampoule",
        )
    } == {
        "/var/lib/ampoule": "700 ampoule:ampoule",
        "/var/lib/ampoule-module": "700 ampoule-module:ampoule-module",
        "/etc/ampoule": "750 root:ampoule",
        "/etc/ampoule/ampoule.toml": "640 root:ampoule",
        "/opt/ampoule": "755 root:root",
    }
    writable = installed.run("find", "/opt/ampoule", "-perm", "/022", "-not", "-type", "l", "-print", "-quit")
    assert writable.stdout == ""


def test_the_units_are_sound_and_run_as_those_users(installed: Root) -> None:
    for unit, user in (
        *(("ampoule.service", "ampoule"), ("ampoule-worker.service", "ampoule")),
        *(("ampoule-module.service", "ampoule-module"), ("ampoule-doctor.service", "ampoule")),
        ("ampoule-keys-backup.service", "ampoule-module"),
    ):
        service = settings_of(installed.read(f"/etc/systemd/system/{unit}"))
        assert service["User"] == user
        assert service["NoNewPrivileges"] == "yes"
        assert service["ProtectSystem"] == "strict"
        program = shlex.split(service["ExecStart"])[0]
        assert installed.run("test", "-x", program).returncode == 0
    if installed.run("sh", "-c", "command -v systemd-analyze").returncode == 0:
        units = [
            f"ampoule{name}"
            for name in (
                ".service",
                "-module.service",
                "-worker.service",
                "-doctor.timer",
                "-keys-backup.timer",
            )
        ]
        seen = installed.run("systemd-analyze", "verify", *(f"/etc/systemd/system/{unit}" for unit in units))
        ours = [line for line in (seen.stderr + seen.stdout).splitlines() if "ampoule" in line]
        assert ours == []


def test_a_second_run_changes_no_setting_and_a_user_who_is_not_root_is_told(installed: Root) -> None:
    installed.run("sh", "-c", "echo 'port = 8811' >> /etc/ampoule/ampoule.toml")
    again = installed.run("sh", "/src/install.sh", "--no-packages")
    assert again.returncode == 0, again.stderr
    assert "port = 8811" in installed.read("/etc/ampoule/ampoule.toml")
    assert (
        "from /etc/ampoule/ampoule.toml" in installed.run("/usr/local/bin/ampoule", "config", "show").stdout
    )
    refused = installed.run("sh", "/src/install.sh", user="nobody")
    assert refused.returncode == 1
    assert (
        refused.stderr
        == "install.sh: This needs root, because it makes users and services: sudo sh install.sh\n"
    )
    assert installed.run("sh", "/src/install.sh", "--frobnicate").returncode == 1


def test_a_sale_between_the_two_users_and_a_third_who_gets_nowhere(installed: Root, tmp_path: Path) -> None:
    port = free_port()
    # A demonstration of the installation: test keys. Everything else is as the installer left it.
    toml = f'profile = "demonstration"\\nvar = "/var/lib/ampoule"\\nmodule_socket = "{SOCKET}"\\nport = {port}\\n'
    assert installed.run("sh", "-c", f"printf '{toml}' > /etc/ampoule/ampoule.toml").returncode == 0
    made = installed.run(
        f"{PROGRAMS}/keystore", "demo-init", "--into", "/var/lib/ampoule-module", user="ampoule-module"
    )
    assert made.returncode == 0, made.stdout + made.stderr
    processes = []
    try:
        for unit, more in (("ampoule-module.service", ["--unlock-test-keys"]), ("ampoule.service", [])):
            service = settings_of(installed.read(f"/etc/systemd/system/{unit}"))
            if "RuntimeDirectory" in service:
                mode, user = service["RuntimeDirectoryMode"], service["User"]
                folder = f"/run/{service['RuntimeDirectory']}"
                installed.run("install", "-d", "-m", mode, "-o", user, "-g", user, folder)
            environment = dict(word.split("=", 1) for word in shlex.split(service.get("Environment", "")))
            processes.append(
                installed.start(
                    *shlex.split(service["ExecStart"]),
                    *more,
                    user=service["User"],
                    out=tmp_path / f"{unit}.out",
                    environment={"PYTHONUNBUFFERED": "1", **environment},
                )
            )

        def said() -> str:
            return "".join(path.read_text() for path in tmp_path.glob("*.out"))

        wait_for(
            lambda: "serving on" in said() or any(one.poll() is not None for one in processes),
            what="the services",
            seconds=90,
        )
        assert all(one.poll() is None for one in processes), said()

        desk = Desk(Product(tmp_path, port=port))
        desk.sign_in()
        sold = desk.sell(desk.open_unit("G-03"), "50")
        assert sold.status_code == 303, sold.text[:500] + said()
        token = desk.token_of(sold.headers["Location"])
        assert token is not None
        assert len(token) == 20

        # The server's user sells and reads no key; a stranger finds both doors shut.
        for user, path in (
            ("ampoule", "/var/lib/ampoule-module/keys.stsks"),
            ("ampoule", "/var/lib/ampoule-module/log"),
            ("nobody", "/var/lib/ampoule/ampoule.db"),
            ("nobody", "/etc/ampoule/ampoule.toml"),
            ("ampoule-module", "/var/lib/ampoule/ampoule.db"),
        ):
            assert "Permission denied" in installed.run("cat", path, user=user).stderr, (user, path)
        status = [f"{PROGRAMS}/keystore", "status", "--socket", SOCKET]
        assert installed.run(*status, user="ampoule").returncode == 0
        assert installed.run(*status, user="nobody").returncode != 0
        lock = [f"{PROGRAMS}/keystore", "lock", "--socket", SOCKET]
        assert installed.run(*lock, user="ampoule").returncode != 0, "only an officer may lock"
    finally:
        for one in processes:
            one.terminate()
        for one in processes:
            one.wait(30)


@pytest.fixture
def lived_in(installed: Root) -> Root:
    """With keys, a log and a database, whoever made them: a test of this file may run alone."""
    made = installed.run(
        *("sh", "-c", f"test -s {KEYS}/keys.stsks || {PROGRAMS}/keystore demo-init --into {KEYS}"),
        user="ampoule-module",
    )
    assert made.returncode == 0, made.stdout + made.stderr
    installed.run("sh", "-c", f"test -s {DATABASE} || echo a database > {DATABASE}", user="ampoule")
    return installed


def test_the_modules_user_backs_up_its_keys_by_its_own_timer(lived_in: Root) -> None:
    """The service's own command line, as the timer starts it; the server sees how old the file is and cannot open it."""
    installed, folder = lived_in, "/var/backups/ampoule-keys"
    installed.run("install", "-d", "-m", "755", "-o", "ampoule-module", folder)
    for day in range(1, 32):
        installed.run(
            "install", "-o", "ampoule-module", "/dev/null", f"{folder}/keys-202001{day:02d}T000000Z.age"
        )
    made = installed.run(f"{PROGRAMS}/ampoule", "backup", "key", "--out", "/root/backup.key")
    recipient = re.search(r"age1[0-9a-z]+", made.stdout + made.stderr)
    assert recipient, made.stdout + made.stderr
    service = settings_of(installed.read("/etc/systemd/system/ampoule-keys-backup.service"))
    told = service["ExecStart"].replace("${TO}", folder).replace("${RECIPIENT}", recipient[0])
    done = installed.run(*shlex.split(told), user=service["User"])
    assert done.returncode == 0, done.stdout + done.stderr
    files = [name for name in installed.run("ls", folder).stdout.split() if name.endswith(".age")]
    assert len(files) == 30
    assert files[0] == "keys-20200103T000000Z.age"
    newest = f"{folder}/{files[-1]}"
    assert "Permission denied" in installed.run("cat", newest, user="ampoule").stderr
    assert installed.run("stat", "-c", "%Y", newest, user="ampoule").returncode == 0
    refused = installed.run(*shlex.split(told), user="ampoule")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


def test_removing_it_keeps_what_the_site_owns(lived_in: Root) -> None:
    installed = lived_in
    gone = installed.run("sh", "/src/install.sh", "--uninstall")
    assert gone.returncode == 0, gone.stderr
    for path in ("/opt/ampoule", "/usr/local/bin/ampoule", "/etc/systemd/system/ampoule.service"):
        assert installed.run("test", "-e", path).returncode == 1, path
    for path in (
        "/var/lib/ampoule/ampoule.db",
        "/var/lib/ampoule-module/keys.stsks",
        "/etc/ampoule/ampoule.toml",
    ):
        assert installed.run("test", "-s", path).returncode == 0, path
    assert installed.run("sh", "/src/install.sh", "--uninstall").returncode == 0


def test_a_production_site_on_live_keys_sells_through_the_socket_as_another_user(
    installed: Root, tmp_path: Path
) -> None:
    """From nothing: installer, ceremony, budget, `ampoule setup` from a file, a token that the key itself opens."""
    root = installed
    root.run(
        "sh", "-c", "rm -rf /var/lib/ampoule/* /var/lib/ampoule-module/* /etc/ampoule /run/ampoule-module"
    )
    site.well(root.run("sh", "/src/install.sh", "--no-packages"))
    ampoule = "/usr/local/bin/ampoule"  # as root it acts as the server's user
    site.hold_ceremony(root)
    service = settings_of(root.read("/etc/systemd/system/ampoule-module.service"))
    module = site.open_module(root, service, tmp_path / "module.out")
    try:
        root.run("sh", "-c", "cat > /run/site.toml", given=site.SITE)
        setup = (ampoule, "setup", "--from", "/run/site.toml", "--passwords", "/var/lib/ampoule/first")
        waiting = root.run(*setup)
        assert waiting.returncode == 2, waiting.stdout + waiting.stderr
        assert "budget" in waiting.stdout
        site.open_budget(root)
        assert "The site is ready" in site.well(root.run(*setup))
        root.run("sh", "-c", "cat > /run/list.csv", given=f"meter,amount\n{site.METER},100.00\n")
        sold = "/var/lib/ampoule/sold.csv"
        site.well(
            root.run(
                ampoule,
                "sale",
                "bulk",
                "/run/list.csv",
                "--by",
                "lerato",
                "--reference",
                "EFT-1",
                "--results",
                sold,
            )
        )
        row = root.read(sold).splitlines()[1]
        digits = re.search(r"\d{20}", re.sub(r"(?<=\d{4})[ -](?=\d{4})", "", row))
        assert digits, row
        assert site.units_of(digits[0]) > 0
        site.well(root.run(ampoule, "audit"))
        site.well(root.run(ampoule, "reconcile"))
        status = site.well(root.run(site.KEYSTORE, "status", "--socket", SOCKET, user="ampoule"))
        assert "TEST" not in status
        for path in ("keys.stsks", "log"):
            read = root.run("cat", f"/var/lib/ampoule-module/{path}", user="ampoule")
            assert "Permission denied" in read.stderr
    finally:
        module.terminate()
        module.wait(30)

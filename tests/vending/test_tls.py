"""Pages over TLS: a real server with the site's certificate, clients that trust the site's authority, and ones that do not."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from product import free_port, wait_for

from vending import certificates
from vending.certificates import CertificateUnfit, Files, NameWrong
from vending.clock import SystemClock
from vending.tls import Certificate, TlsServer

PROGRAMS = Path(sys.executable).parent
NAMES = ("localhost", "127.0.0.1")


def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    body = environ["wsgi.input"].read()
    answer = (
        b"x" * 3_000_000 if environ["PATH_INFO"] == "/large" else hashlib.sha256(body).hexdigest().encode()
    )
    start("200 OK", [("X-Scheme", environ["wsgi.url_scheme"]), ("Content-Length", str(len(answer)))])
    return [answer]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    certificates.make(tmp_path / "tls", NAMES, SystemClock().now())
    return Files(tmp_path / "tls")


@pytest.fixture
def address(files: Files) -> Iterator[str]:
    port = free_port()
    server = TlsServer(
        application,
        Certificate(files.server, files.server_key),
        f"https://localhost:{port}",
        host="127.0.0.1",
        port=port,
        threads=4,
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"https://localhost:{port}"
    server.task_dispatcher.shutdown()
    # The loop ends when nothing is left to look at.
    for channel in list(server._map.values()):
        channel.close()
    thread.join(5)


def test_a_page_a_large_page_and_a_large_form_pass_whole(address: str, files: Files) -> None:
    with requests.Session() as web:
        web.trust_env = False  # a machine's own list of authorities would win otherwise
        web.verify = str(files.authority)
        first = web.get(address + "/")
        assert first.headers["X-Scheme"] == "https"
        assert len(web.get(address + "/large").content) == 3_000_000
        form = os.urandom(600_000)
        assert web.post(address + "/", data=form).text == hashlib.sha256(form).hexdigest()


def test_many_at_once_get_their_own_answers(address: str, files: Files) -> None:
    wrong: list[int] = []

    def ask(number: int) -> None:
        body = str(number).encode() * 9000
        answer = requests.post(address + "/", data=body, verify=str(files.authority))
        if answer.text != hashlib.sha256(body).hexdigest():
            wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_somebody_who_says_nothing_keeps_nobody_waiting(address: str, files: Files) -> None:
    port = int(address.rsplit(":", 1)[1])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    half = socket.create_connection(("127.0.0.1", port))
    half.sendall(b"\x16\x03\x01")
    rubbish = socket.create_connection(("127.0.0.1", port))
    rubbish.sendall(b"\x16" + b"\xff" * 300)
    assert requests.get(address + "/", verify=str(files.authority), timeout=5).status_code == 200
    for each in (*silent, half, rubbish):
        each.close()


def test_plain_http_is_sent_to_the_secure_address(address: str) -> None:
    plain = address.replace("https", "http")
    answer = requests.get(plain + "/cashier/till", allow_redirects=False, timeout=5)
    assert answer.status_code == 308
    assert answer.headers["Location"] == address + "/"


def test_a_client_that_does_not_trust_the_site_is_refused_by_itself(address: str) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(address + "/", timeout=5)


def test_old_versions_of_tls_are_refused(address: str, files: Files) -> None:
    context = ssl.create_default_context(cafile=str(files.authority))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    port = int(address.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_renewed_certificate_is_used_without_a_restart(address: str, files: Files) -> None:
    port = int(address.rsplit(":", 1)[1])
    before = ssl.get_server_certificate(("127.0.0.1", port))
    certificates.renew(files.folder, SystemClock().now())
    after = ssl.get_server_certificate(("127.0.0.1", port))
    assert before != after
    assert after == files.server.read_text()


def test_the_authority_vouches_for_the_site_alone(files: Files) -> None:
    now = SystemClock().now()
    with pytest.raises(NameWrong, match="--new-authority"):
        certificates.make(files.folder, ["bank.example"], now)
    # Somebody with the authority's key cannot use it for another name either: the constraint is in its certificate.
    from cryptography import x509

    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    constraint = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.critical
    assert len(constraint.value.permitted_subtrees or []) == len(NAMES)
    certificates.make(files.folder, ["till.mall.local"], now, new_authority=True)
    assert certificates.look(files.server).names == ("till.mall.local",)


def test_keys_are_for_their_owner_alone(files: Files) -> None:
    assert files.folder.stat().st_mode & 0o077 == 0
    for path in (files.authority_key, files.server_key):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["https://till.local", "till local", "-x", "", "a..b"])
def test_a_name_that_no_browser_types_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NameWrong):
        certificates.make(tmp_path, [name], SystemClock().now())


def test_a_certificate_from_outside_is_looked_at_first(files: Files, tmp_path: Path) -> None:
    now = SystemClock().now()
    other = Files(tmp_path / "other")
    certificates.make(other.folder, NAMES, now)
    with pytest.raises(CertificateUnfit, match="does not belong"):
        certificates.use(files.folder, other.server, files.server_key, now)
    with pytest.raises(CertificateUnfit, match="today is outside"):
        certificates.use(files.folder, other.server, other.server_key, now + timedelta(days=500))
    with pytest.raises(CertificateUnfit, match="could not be read"):
        certificates.use(files.folder, other.server_key, other.server_key, now)
    taken = certificates.use(files.folder, other.server, other.server_key, now)
    assert taken == certificates.look(other.server)
    assert not files.authority_key.exists()


def test_it_is_due_thirty_days_before_its_end(files: Files) -> None:
    now = SystemClock().now()
    seen = certificates.look(files.server)
    assert not certificates.due(seen, now)
    assert certificates.due(seen, now + timedelta(days=certificates.SERVER_DAYS - 29))


def test_the_server_serves_its_pages_over_tls_with_secure_cookies(tmp_path: Path) -> None:
    """`ampoule tls make`, then `ampoule serve`, as a site does it."""
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AMPOULE_")}
    settings = {**clean, "AMPOULE_VAR": str(tmp_path), "AMPOULE_PORT": str(port), "AMPOULE_HOST": "0.0.0.0"}
    command = [str(PROGRAMS / "ampoule")]
    refused = subprocess.run([*command, "serve"], env=settings, capture_output=True, text=True, timeout=60)
    assert "in clear" in refused.stderr
    made = subprocess.run(
        [*command, "tls", "make", "--name", "localhost", "--name", "127.0.0.1"],
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    authority = tmp_path / "tls" / "ca.pem"
    assert certificates.look(authority).fingerprint in made.stdout
    with open(tmp_path / "out", "wb") as out:
        server = subprocess.Popen([*command, "serve"], env=settings, stdout=out, stderr=out)
    try:
        ready = tmp_path / "run" / "server.ready"
        wait_for(lambda: ready.exists() or server.poll() is not None, what="the server", seconds=60)
        assert server.poll() is None, (tmp_path / "out").read_text()
        page = requests.get(f"https://localhost:{port}/sign-in", verify=str(authority), timeout=20)
        assert page.status_code == 200
        assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
        assert all("Secure" in cookie for cookie in page.headers["Set-Cookie"].split(", ampoule"))
    finally:
        server.terminate()
        server.wait(20)

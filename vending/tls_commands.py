"""`ampoule tls`: the certificate of the pages, and how a till PC comes to trust it."""

from __future__ import annotations

from pathlib import Path

import click

from vending import certificates, settings
from vending.certificates import Files, Seen
from vending.clock import SystemClock


@click.group()
def tls() -> None:
    """The certificate of the pages: make, take, renew, show."""


@tls.command()
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="A name or address as tills type it; repeat for each.",
)
@click.option("--site", default="Ampoule", help="How the authority calls itself in a browser's list.")
@click.option(
    "--new-authority", is_flag=True, help="Begin again with another authority; every till PC trusts it anew."
)
def make(names: tuple[str, ...], site: str, new_authority: bool) -> None:
    """Make a certificate by an authority of this site, which vouches for these names alone."""
    files = _files()
    seen = certificates.make(files.folder, names, SystemClock().now(), site=site, new_authority=new_authority)
    _say(files, seen)


@tls.command()
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="PEM, the server's own first.",
)
@click.option(
    "--key", type=click.Path(path_type=Path, exists=True), required=True, help="PEM, without a passphrase."
)
def use(certificate: Path, key: Path) -> None:
    """Take a certificate that another authority gave."""
    files = _files()
    _say(files, certificates.use(files.folder, certificate, key, SystemClock().now()))


@tls.command()
def renew() -> None:
    """Renew the certificate; a running server uses it from the next connection on."""
    files = _files()
    _say(files, certificates.renew(files.folder, SystemClock().now()))


@tls.command()
def show() -> None:
    """The names, the end and the fingerprint, and how a till PC comes to trust the site."""
    files = _files()
    _say(files, certificates.look(files.server))


def _files() -> Files:
    return Files(settings.load().tls_folder)


def _say(files: Files, seen: Seen) -> None:
    click.echo(f"Names        {', '.join(seen.names)}")
    click.echo(f"Valid until  {seen.expires_at:%Y-%m-%d}")
    click.echo(f"SHA-256      {seen.fingerprint}")
    click.echo(f"Files        {files.server} and {files.server_key}")
    if not files.authority.exists():
        return
    authority = certificates.look(files.authority)
    click.echo("")
    click.echo("The authority of this site (its own certificate):")
    click.echo(f"SHA-256      {authority.fingerprint}")
    click.echo(f"File         {files.authority}")
    click.echo("")
    click.echo("Each till PC trusts it once. Carry the file there on a stick, compare the fingerprint, then:")
    click.echo(
        "  Debian, Ubuntu   cp ca.pem /usr/local/share/ca-certificates/ampoule.crt && update-ca-certificates"
    )
    click.echo("  Chromium, Linux  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Ampoule -i ca.pem")
    click.echo("  Windows          certutil -addstore Root ca.pem")
    click.echo("  Firefox          Settings, Privacy & Security, Certificates, View, Authorities, Import")
    click.echo(
        "Passkeys need a name in the address bar; they do not work on a bare address. One-time codes work everywhere."
    )

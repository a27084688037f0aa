"""The certificate of a site's pages: from a small authority of the site's own, or one that was given.

The authority vouches for the names and addresses of this site and for nothing else (name constraints), so that a till PC
that trusts it trusts it for these pages alone. Its key never leaves the folder `tls`. Keys of the standard are another
matter altogether and another package.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vending.errors import InvalidInput, VendingError

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397  # browsers refuse longer ones
RENEW_DAYS = 30


class NameWrong(InvalidInput):
    code = "tls_name_wrong"


class CertificateUnfit(VendingError):
    code = "certificate_unfit"


class CertificateMissing(VendingError):
    code = "certificate_missing"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the folder `tls` keeps what."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person wants to know about a certificate."""

    names: tuple[str, ...]
    expires_at: datetime
    fingerprint: str
    issuer: str


def make(
    folder: Path, names: Sequence[str], now: datetime, *, site: str = "Ampoule", new_authority: bool = False
) -> Seen:
    """A certificate for these names, by the authority of the site, which is made at the first time."""
    wanted = [_general(name) for name in dict.fromkeys(name.strip() for name in names) if name]
    if not wanted:
        raise NameWrong(
            "Name at least one name or address that tills will type: --name till.mall.local --name 192.168.1.10."
        )
    files = Files(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if new_authority or not files.authority.exists():
        _make_authority(files, wanted, now, site)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    _refuse_outside(authority, wanted)
    authority_key = _private(files.authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    first = str(wanted[0].value)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, first[:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A till whose clock is a little behind must not refuse it.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(min(now + timedelta(days=SERVER_DAYS), authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_use(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    _write(files.server_key, _pem(key), 0o600)
    _write(files.server, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return look(files.server)


def renew(folder: Path, now: datetime) -> Seen:
    """A new certificate for the same names, by the same authority."""
    seen = look(Files(folder).server)
    if not Files(folder).authority_key.exists():
        raise CertificateMissing(
            "This certificate was given from outside, so its authority renews it. Take the new one with `ampoule tls use`."
        )
    return make(folder, seen.names, now)


def due(seen: Seen, now: datetime) -> bool:
    return seen.expires_at - now < timedelta(days=RENEW_DAYS)


def use(folder: Path, certificate: Path, key: Path, now: datetime) -> Seen:
    """Takes a certificate that somebody else made, after looking whether the two files belong together and are in date."""
    try:
        chain = certificate.read_bytes()
        found = x509.load_pem_x509_certificates(chain)[0]
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise CertificateUnfit(
            "The two files could not be read as a certificate (PEM, the server's own first) and a key without a "
            f"passphrase: {type(error).__name__}. Convert them with openssl, then try again."
        ) from error
    if private.public_key() != found.public_key():
        raise CertificateUnfit(
            "The key does not belong to that certificate. Give the pair that was made together."
        )
    if not found.not_valid_before_utc <= now < found.not_valid_after_utc:
        raise CertificateUnfit(
            f"That certificate is valid from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}, "
            "and today is outside. Get a new one, or set the clock."
        )
    files = Files(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # From now on another authority vouches: a key that could still sign would be a danger without a use.
    files.authority_key.unlink(missing_ok=True)
    files.authority.unlink(missing_ok=True)
    _write(files.server_key, key.read_bytes(), 0o600)
    _write(files.server, chain, 0o644)
    return look(files.server)


def look(path: Path) -> Seen:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except FileNotFoundError:
        raise CertificateMissing(
            f"There is no certificate at {path}. Make one: `ampoule tls make --name till.mall.local`."
        ) from None
    except (OSError, ValueError, IndexError) as error:
        raise CertificateUnfit(
            f"{path} cannot be read as a certificate ({type(error).__name__}). Make a new one: `ampoule tls renew`."
        ) from error
    try:
        said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(name.value) for name in said)
    except x509.ExtensionNotFound:
        names = ()
    digest = found.fingerprint(hashes.SHA256()).hex().upper()
    return Seen(
        names,
        found.not_valid_after_utc,
        ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
        found.issuer.rfc4514_string(),
    )


def _make_authority(files: Files, names: Sequence[x509.GeneralName], now: datetime, site: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{site}: pages of this site"[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_use(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=[_alone(name) for name in names], excluded_subtrees=None),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    _write(files.authority_key, _pem(key), 0o600)
    _write(files.authority, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _refuse_outside(authority: x509.Certificate, names: Sequence[x509.GeneralName]) -> None:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    allowed = {str(name.value) for name in constraints.permitted_subtrees or ()}
    outside = [str(name.value) for name in names if str(_alone(name).value) not in allowed]
    if outside:
        raise NameWrong(
            f"The site's authority vouches for {', '.join(sorted(allowed))} alone, not for {', '.join(outside)}. "
            "Make a new one with --new-authority, and let the till PCs trust it once more."
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not re.fullmatch(
        r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", name.lower()
    ):
        raise NameWrong(
            f"{name!r} is neither a host name nor an address. Write it as it is typed at a till, without https://.",
            "name",
        )
    return x509.DNSName(name.lower())


def _alone(name: x509.GeneralName) -> x509.GeneralName:
    """The constraint that permits this one name; an address becomes a network of one."""
    if isinstance(name, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(str(name.value)))
    return name


def _use(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise CertificateMissing(
            f"The authority's key {path} cannot be read ({type(error).__name__}). Make a new authority: `ampoule tls make --new-authority`."
        ) from error
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, with its mode from the first byte on."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)

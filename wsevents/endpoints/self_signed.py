"""Self-signed certificates for the embedded default, for the Debian package, and for temporary servers."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.internet.ssl import PrivateCertificate

from wsevents.api.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from twisted.internet.ssl import CertificateOptions

# Some browsers reject certificates with a longer validity.
_DAYS = 397
_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")


def ensure_certificate(folder: Path, now: datetime | None = None) -> bool:
    """Create `server.key` and `server.crt` in a folder, unless it has a valid pair.

    Returns whether it created a new pair.

    Raises:
        StartError: the folder is unusable.
    """
    now = now or datetime.now(UTC)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_valid(folder, now):
            return False
        key, certificate = _pair(now)
        _write(folder / "server.key", key)
        _write(folder / "server.crt", certificate)
    except OSError as error:
        raise StartError(
            f"{folder}: cannot store the certificate of the embedded default: {error.strerror}; "
            "name a writable folder in WSEVENTS_STATE"
        ) from None
    return True


def make_certificate(folder: Path, host: str, days: int) -> None:
    """Write a new `server.key` and `server.crt` for a host into an existing folder. Raises OSError."""
    key, certificate = _pair(datetime.now(UTC), host, days)
    _write(folder / "server.key", key)
    _write(folder / "server.crt", certificate)


def temporary_tls_options() -> CertificateOptions:
    """Return TLS options with a new key and certificate, for a temporary server. Stores nothing."""
    key, certificate = _pair(datetime.now(UTC))
    options: CertificateOptions = PrivateCertificate.loadPEM(key + certificate).options()
    return options


def _pair(now: datetime, host: str = "", days: int = _DAYS) -> tuple[bytes, bytes]:
    """Return a new key and its certificate in PEM, for this machine and for `host` if it is not empty."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, _certificate(key, now, host, days).public_bytes(Encoding.PEM)


def _is_valid(folder: Path, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((folder / "server.crt").read_bytes())
        return (folder / "server.key").stat().st_size > 0 and certificate.not_valid_after_utc > now
    except (FileNotFoundError, ValueError):
        return False


def _certificate(key: EllipticCurvePrivateKey, now: datetime, host: str, days: int) -> x509.Certificate:
    # A common name has at most 64 characters (RFC 5280, appendix A.1). Clients check the subjectAltName.
    subject = host[:64] or "wsevents embedded default"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    hosts = dict.fromkeys(filter(None, (host, *_NAMES)))
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in hosts]
    names += [x509.IPAddress(ip_address(address)) for address in _ADDRESSES]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _write(file: Path, data: bytes) -> None:
    """Write a file atomically, readable only by its owner."""
    new = file.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    new.replace(file)

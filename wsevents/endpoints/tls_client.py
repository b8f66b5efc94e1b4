"""TLS for every outgoing connection of wsevents.

The client accepts a server under two conditions: its certificate chain is trusted and currently valid, and
its subjectAltName contains the host's name or address (RFC 9525; the common name is ignored). Any error
during this check rejects the server: the handshake fails, and the client sends no application data.

Why not `optionsForClientTLS`: its verify callback (Twisted 26.10, `_sslverify._verifyCB`) rejects a server
only on service-identity's VerificationError. It logs any other exception and keeps OpenSSL's result for the
chain. A certificate without a subjectAltName raises CertificateError, so it was accepted for any host.

Why not OpenSSL's own check of the name (X509_VERIFY_PARAM_set1_host): pyOpenSSL 26.4 has this function only
in its private bindings, and SSL_get0_param is missing. So the name can only be set for a whole certificate
store. The check also falls back to the common name. It reports every mismatch with the same code, without
the names that an operator needs.

Three independent checks protect a connection:

* The verify callback fails the handshake on every exception.
* `do_handshake` fails if the callback has not accepted the server's own certificate. For example, OpenSSL
  does not call the callback for a resumed session.
* `send` accepts no application data before the certificate is accepted.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)
from OpenSSL.crypto import FILETYPE_PEM
from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER, Connection, Error, WantReadError
from service_identity.exceptions import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)
from twisted.internet import ssl
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from wsevents.endpoints.strings import split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from OpenSSL.crypto import X509
    from OpenSSL.SSL import Context
    from twisted.internet.interfaces import IStreamClientEndpoint

_TLS_PARTS = (
    "host",
    "port",
    "timeout",
    "bindAddress",
    "certificate",
    "privateKey",
    "trustRoots",
    "endpoint",
)
"""The parts of a `tls:` string, in Twisted's order of positional arguments."""
_TIMEOUT = "30"
"""Twisted's default timeout of a `tls:` connection attempt, in seconds."""
_NAMES_SHOWN = 3
_NAME_SHOWN_MAX = 100
"""Maximum length of a certificate's name in an error. The peer chooses the name."""


class Fault(Enum):
    """Why a certificate was rejected. The value is the remedy that suits every client."""

    NAME = "connect with a name that it contains, or issue it for the name of the host"
    UNNAMED = "issue it again with the host in its subjectAltName"
    TRUST = "name the CA certificate that signed it, or use a certificate of a trusted CA"
    TIME = "renew it, or correct the clock"
    DATA = "issue it again"


class CertificateRefusedError(Error):
    """A server's certificate was rejected. The text is one line with host, reason and remedy.

    It subclasses OpenSSL's `Error` with its argument format, because Twisted ends a handshake on this error.

    Attributes:
        host: name or address that the certificate must contain.
        why: the reason, as a clause about the certificate ("it has expired").
        fault: the category of the reason.
    """

    def __init__(self, host: str, why: str, fault: Fault) -> None:
        self.host, self.why, self.fault = host, why, fault
        super().__init__([("wsevents", "", str(self))])

    def __str__(self) -> str:
        return self.explained()

    def explained(self, remedies: Mapping[Fault, str] | None = None, place: str | None = None) -> str:
        """Return the error as one line.

        Args:
            remedies: more specific remedies, such as the name of a setting.
            place: shown instead of the host, such as `host:port`.
        """
        remedy = (remedies or {}).get(self.fault, self.fault.value)
        return f"the certificate of {place or self.host} is not accepted: {self.why}; {remedy}"


_UNTRUSTED = "is not signed by a trusted CA"
_CHAIN = {  # X509_verify_cert_error_string(3)
    9: ("is not valid yet", Fault.TIME),
    10: ("has expired", Fault.TIME),
    18: ("is self-signed and not trusted", Fault.TRUST),
    19: (_UNTRUSTED, Fault.TRUST),
    20: (_UNTRUSTED, Fault.TRUST),
    21: (_UNTRUSTED, Fault.TRUST),
}
_DATES = {9: "not_valid_before_utc", 10: "not_valid_after_utc"}


@frozen
class _Reference:
    """The reference identifier of a host (RFC 9525, section 6.1).

    Attributes:
        host: the host as the user wrote it.
        id: DNS name or IP address that the certificate must contain.
        server_name: Server Name Indication; None for an address (RFC 6066, section 3).
    """

    host: str
    id: DNS_ID | IPAddress_ID
    server_name: bytes | None

    @classmethod
    def to(cls, host: str) -> _Reference:
        """Return the reference identifier of a host. Raises ValueError for an invalid host."""
        try:
            # The zone of an address (fe80::1%eth0) is local and not part of a certificate.
            return cls(host, IPAddress_ID(str(ip_address(host)).partition("%")[0]), None)
        except ValueError:
            pass
        ssl.optionsForClientTLS(host)  # raises ValueError for an invalid name, as connecting would
        name = DNS_ID(host.removesuffix("."))  # a certificate never has the final dot of an absolute name
        return cls(host, name, name.hostname)

    def fault_of(self, certificate: Certificate) -> CertificateRefusedError | None:
        """Return why a certificate is not for this host, or None. A malformed one may raise any exception."""
        try:
            value = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        except ExtensionNotFound:
            return self.refused("it has no subjectAltName", Fault.UNNAMED)
        names = value.get_values_for_type(DNSName)
        addresses = value.get_values_for_type(IPAddress)
        patterns = [pattern for name in names for pattern in _patterns(name)]
        patterns += [
            IPAddressPattern(address)
            for address in addresses
            if isinstance(address, IPv4Address | IPv6Address)
        ]
        if not patterns:
            return self.refused("its subjectAltName has no usable host name or address", Fault.UNNAMED)
        try:
            verify_service_identity(patterns, [self.id], [])
        except VerificationError:
            shown = _shown([*names, *map(str, addresses)])
            return self.refused(f"it is for {shown} and not for {self.host}", Fault.NAME)
        return None

    def refused(self, why: str, fault: Fault) -> CertificateRefusedError:
        """Return the error for this host."""
        return CertificateRefusedError(self.host, why, fault)


def _patterns(name: str) -> list[Any]:
    """Return the pattern of a DNS name in a certificate, or an empty list if the name is invalid."""
    try:
        return [DNSPattern.from_bytes(name.encode("ascii"))]
    except (CertificateError, UnicodeError):
        return []


def _shown(names: list[str]) -> str:
    """Return the names of a certificate for a log line: printable and bounded in length."""
    cut = [name[:_NAME_SHOWN_MAX].encode("unicode_escape").decode("ascii") for name in names]
    return ", ".join([*cut[:_NAMES_SHOWN], *(["…"] if len(cut) > _NAMES_SHOWN else [])])


class _CheckedConnection(Connection):
    """A TLS connection that completes its handshake and sends only after accepting the certificate."""

    def __init__(self, context: Context, reference: _Reference) -> None:
        super().__init__(context)
        self._reference = reference
        self._examined = False
        self._refusal: CertificateRefusedError | None = None
        if reference.server_name is not None:
            self.set_tlsext_host_name(reference.server_name)
        self.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, _verify)

    def examine(self, certificate: X509, code: int, depth: int, chain_ok: bool) -> bool:
        """Return whether to accept a certificate of the chain; depth 0 is the server's own.

        OpenSSL calls it once per error, and once per certificate without errors.
        """
        try:
            refusal = self._fault_of(certificate, code, depth, chain_ok)
        except Exception:  # noqa: BLE001 any error rejects the server
            refusal = self._reference.refused("it cannot be read", Fault.DATA)
        self._refusal = self._refusal or refusal
        self._examined = self._examined or depth == 0
        return self._refusal is None

    def do_handshake(self) -> None:
        """Continue the handshake, see `Connection`. Raises CertificateRefusedError."""
        try:
            super().do_handshake()
        except Error:
            if self._refusal is not None:
                raise self._refusal from None
            raise
        if not self._trusted():
            raise self._refusal or self._reference.refused("the server did not send it", Fault.DATA)

    def send(self, buf: Any, flags: int = 0) -> int:
        """Send, see `Connection`. Raises WantReadError before the server is accepted; Twisted retries."""
        if not self._trusted():
            raise WantReadError
        return super().send(buf, flags)

    def _trusted(self) -> bool:
        return self._examined and self._refusal is None

    def _fault_of(
        self, certificate: X509, code: int, depth: int, chain_ok: bool
    ) -> CertificateRefusedError | None:
        """Return the error of a certificate, or None. A malformed one may raise any exception."""
        if chain_ok:
            return self._reference.fault_of(certificate.to_cryptography()) if depth == 0 else None
        reason, fault = _CHAIN.get(code, (f"cannot be verified (OpenSSL error {code})", Fault.TRUST))
        if code in _DATES:
            date = getattr(certificate.to_cryptography(), _DATES[code])
            reason += f" ({date:%Y-%m-%d %H:%M} UTC)"
        subject = "it" if depth == 0 or reason == _UNTRUSTED else "the certificate of its CA"
        return self._reference.refused(f"{subject} {reason}", fault)


def _verify(connection: Connection, certificate: X509, code: int, depth: int, chain_ok: int) -> bool:
    """Verify callback of pyOpenSSL, which treats an exception as a rejection."""
    return isinstance(connection, _CheckedConnection) and connection.examine(
        certificate, code, depth, bool(chain_ok)
    )


@implementer(IOpenSSLClientConnectionCreator)
@frozen(eq=False)
class _Verified:
    """Creates connections that verify the certificate of a host."""

    reference: _Reference
    options: ssl.CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        return _CheckedConnection(self.options.getContext(), self.reference)


@implementer(IOpenSSLClientConnectionCreator)
@frozen(eq=False)
class _Unverified:
    """Creates connections that do not verify the certificate of a host."""

    reference: _Reference
    options: ssl.CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        connection = Connection(self.options.getContext())
        if self.reference.server_name is not None:
            connection.set_tlsext_host_name(self.reference.server_name)
        return connection


def check_host(host: str) -> None:
    """Check the syntax of a host name or IP address, as connecting with or without TLS would.

    Raises:
        ValueError: the host is invalid; the text names the permitted forms.
    """
    try:
        _Reference.to(host)
    except ValueError:
        raise ValueError("must be a host name or an IP address, without a port") from None


def trust_in(path: str) -> Any:
    """Return a Twisted trust root with only the CA certificates of a PEM file.

    Raises:
        ValueError: the file is unreadable or has no certificate; the text names the file.
    """
    try:
        certificates = load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{path} must hold CA certificates in PEM format") from None
    return _trust(certificates)


def _trust(certificates: list[Certificate]) -> Any:
    return ssl.trustRootFromCertificates(
        [ssl.Certificate.loadPEM(certificate.public_bytes(Encoding.PEM)) for certificate in certificates]
    )


def tls_for(
    host: str, trust: Any = None, *, verify: bool = True, own: ssl.PrivateCertificate | None = None
) -> IOpenSSLClientConnectionCreator:
    """Return the TLS settings for connections to a host.

    Args:
        host: name or address, which the certificate of the server must contain.
        trust: trusted CAs, from `trust_in`; None for those of the system.
        verify: whether to verify the certificate.
        own: the client's certificate, for servers that request one.

    Raises:
        ValueError: the host is invalid.
    """
    reference = _Reference.to(host)
    if not verify:
        return _Unverified(reference, ssl.CertificateOptions(verify=False))
    pair = {"privateKey": own.privateKey.original, "certificate": own.original} if own else {}
    trusted = ssl.platformTrust() if trust is None else trust
    return _Verified(reference, ssl.CertificateOptions(trustRoot=trusted, **pair))


def over_tls(
    endpoint: IStreamClientEndpoint, creator: IOpenSSLClientConnectionCreator
) -> IStreamClientEndpoint:
    """Return an endpoint that wraps another one in TLS; `creator` comes from `tls_for`."""
    secure: IStreamClientEndpoint = wrapClientTLS(creator, endpoint)
    return secure


def client_endpoint(reactor: Any, string: str) -> IStreamClientEndpoint:
    """Return the endpoint of a client endpoint string.

    `tls:` strings have Twisted's syntax and meaning, but this module verifies the certificate. Their host
    may also be an IPv6 address, which Twisted rejects as a host name. Twisted parses every other kind.

    Raises:
        ValueError: a part of a `tls:` string is unusable.
        OSError: a file cannot be read.
        Exception: the parser of Twisted or of a plug-in rejects the string.
    """
    kind, arguments, named = split(string)
    if kind.lower() != "tls":
        endpoint: IStreamClientEndpoint = clientFromString(reactor, string)
        return endpoint
    parts = _tls_parts(arguments, named)
    trust = _trust_in_folder(parts["trustRoots"]) if "trustRoots" in parts else None
    own = _pair(parts["certificate"], parts.get("privateKey")) if "certificate" in parts else None
    return over_tls(_transport(reactor, parts), tls_for(parts["host"], trust, own=own))


def _tls_parts(arguments: list[str], named: dict[str, str]) -> dict[str, str]:
    """Return the parts of a `tls:` string by name. Raises ValueError for unknown or missing parts."""
    positional = dict(zip(_TLS_PARTS, arguments, strict=False))
    unexpected = [
        *arguments[len(_TLS_PARTS) :],
        *(set(named) - set(_TLS_PARTS)),
        *(set(named) & set(positional)),
    ]
    if unexpected:
        raise ValueError(f"unexpected argument {min(unexpected)!r}")
    parts = positional | named
    missing = {"host", "port"} - set(parts)
    if missing:
        raise ValueError(f"missing argument {min(missing)!r}")
    return parts


def _transport(reactor: Any, parts: dict[str, str]) -> IStreamClientEndpoint:
    """Return the endpoint below the TLS layer of a `tls:` string."""
    port, timeout = int(parts["port"]), int(parts.get("timeout", _TIMEOUT))
    if "endpoint" in parts:
        return client_endpoint(reactor, parts["endpoint"])
    endpoint: IStreamClientEndpoint = HostnameEndpoint(
        reactor,
        parts["host"],
        port,
        timeout,
        (parts["bindAddress"], 0) if "bindAddress" in parts else None,
    )
    return endpoint


def _pair(certificate: str, key: str | None) -> ssl.PrivateCertificate:
    """Return the client's certificate with its key. Without a key file, both come from one file."""
    pem = Path(certificate).read_bytes()
    if key is None:
        whole: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(pem)
        return whole
    own = ssl.Certificate.loadPEM(pem)
    pair = ssl.KeyPair.load(Path(key).read_bytes(), FILETYPE_PEM)
    joined: ssl.PrivateCertificate = ssl.PrivateCertificate.fromCertificateAndKeyPair(own, pair)
    return joined


def _trust_in_folder(path: str) -> Any:
    """Return a trust root with the first certificate of each readable *.pem file of a folder."""
    found = []
    for file in sorted(Path(path).iterdir()):
        if file.name.split(".")[-1].lower() != "pem":
            continue
        try:
            content = file.read_bytes()
        except OSError:
            continue
        found.append(ssl.Certificate.loadPEM(content))
    return ssl.trustRootFromCertificates(found)

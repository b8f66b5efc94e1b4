"""TLS to servers: the one place that every outgoing TLS connection of wsevents uses.

A server is accepted if its certificate chain is trusted and valid now, and its subjectAltName has the
host's name or address (RFC 9525; the common name does not count). Whatever goes wrong while that is
checked refuses the server: the handshake fails, and no application byte is sent.

Why not `optionsForClientTLS`: its verify callback (Twisted 26.10, `_sslverify._verifyCB`) refuses a server
only at service-identity's VerificationError. Any other exception is logged, and OpenSSL's answer for the
chain stands. A certificate without a subjectAltName raises CertificateError: it was accepted for any host.

Why not OpenSSL's own check of the name (X509_VERIFY_PARAM_set1_host): pyOpenSSL 26.4 has it in its private
bindings only, without SSL_get0_param, so that it could be set for a whole certificate store alone. It also
falls back to the common name, and gives one code for every mistake, where an operator needs the names.

So three things hold a connection back, each without the others:

* The verify callback fails the handshake for every exception.
* `do_handshake` fails if the callback has not accepted the server's own certificate; OpenSSL does not call
  it for a resumed session, for example.
* `send` takes no application byte before that.
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
"""The parts of a `tls:` string in the order that Twisted takes them without names."""
_TIMEOUT = "30"
"""Seconds for an attempt to connect, as Twisted has it for `tls:`."""
_NAMES_SHOWN = 3
_NAME_SHOWN_MAX = 100
"""Characters of a certificate's name that an error shows; the peer chose them."""


class Fault(Enum):
    """What is wrong with a certificate, and the remedy that holds for every client."""

    NAME = "connect by a name that it has, or have it issued for the name that is connected to"
    UNNAMED = "have it issued again, with the host in its subjectAltName"
    TRUST = "name the CA certificate that it is signed by, or have it issued by a trusted CA"
    TIME = "renew it, or correct the clock"
    DATA = "have it issued again"


class CertificateRefusedError(Error):
    """A server's certificate was refused; the text is one line that names host, reason and remedy.

    It is an error of OpenSSL's, in the shape that Twisted expects of those, so that it ends a handshake.

    Attributes:
        host: the name or address that the certificate had to be for.
        why: the reason, as the predicate of a sentence about "it".
        fault: the kind of reason.
    """

    def __init__(self, host: str, why: str, fault: Fault) -> None:
        self.host, self.why, self.fault = host, why, fault
        super().__init__([("wsevents", "", str(self))])

    def __str__(self) -> str:
        return self.explained()

    def explained(self, remedies: Mapping[Fault, str] | None = None, place: str | None = None) -> str:
        """Return the error as one line.

        Args:
            remedies: those that a client knows better, because it has a setting for them.
            place: in place of the host, such as one with a port.
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
    """A host as its certificate must name it (RFC 9525, section 6.1).

    Attributes:
        host: what the user wrote.
        id: its name or address.
        server_name: what the client tells the server; None for an address (RFC 6066, section 3).
    """

    host: str
    id: DNS_ID | IPAddress_ID
    server_name: bytes | None

    @classmethod
    def to(cls, host: str) -> _Reference:
        """Return the reference to a host. Raises ValueError: there cannot be such a host."""
        try:
            # The zone of an address (fe80::1%eth0) is this machine's own.
            return cls(host, IPAddress_ID(str(ip_address(host)).partition("%")[0]), None)
        except ValueError:
            pass
        ssl.optionsForClientTLS(host)  # Twisted's check of names; the connection to the host makes it too
        name = DNS_ID(host.removesuffix("."))  # the dot of an absolute name is in no certificate
        return cls(host, name, name.hostname)

    def fault_of(self, certificate: Certificate) -> CertificateRefusedError | None:
        """Return why a certificate is not for this host; None: it is. Raises anything: it is malformed."""
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
        """Return the error that refuses this host."""
        return CertificateRefusedError(self.host, why, fault)


def _patterns(name: str) -> list[Any]:
    """Return what a DNS name of a certificate matches: nothing if it is none. Other names are unaffected."""
    try:
        return [DNSPattern.from_bytes(name.encode("ascii"))]
    except (CertificateError, UnicodeError):
        return []


def _shown(names: list[str]) -> str:
    """Return the names of a certificate for a line of the log: printable, and not too long."""
    cut = [name[:_NAME_SHOWN_MAX].encode("unicode_escape").decode("ascii") for name in names]
    return ", ".join([*cut[:_NAMES_SHOWN], *(["…"] if len(cut) > _NAMES_SHOWN else [])])


class _CheckedConnection(Connection):
    """A TLS connection that neither ends its handshake nor sends before the server's name is accepted."""

    def __init__(self, context: Context, reference: _Reference) -> None:
        super().__init__(context)
        self._reference = reference
        self._examined = False
        self._refusal: CertificateRefusedError | None = None
        if reference.server_name is not None:
            self.set_tlsext_host_name(reference.server_name)
        self.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, _verify)

    def examine(self, certificate: X509, code: int, depth: int, chain_ok: bool) -> bool:
        """Return whether to go on with a certificate of the chain; depth 0 is the server's own.

        OpenSSL asks once for each mistake, and once for each certificate that has none.
        """
        try:
            refusal = self._fault_of(certificate, code, depth, chain_ok)
        except Exception:  # noqa: BLE001 whatever goes wrong, the server is not known
            refusal = self._reference.refused("it cannot be read", Fault.DATA)
        self._refusal = self._refusal or refusal
        self._examined = self._examined or depth == 0
        return self._refusal is None

    def do_handshake(self) -> None:
        """Go on with the handshake, as of `Connection`. Raises CertificateRefusedError."""
        try:
            super().do_handshake()
        except Error:
            if self._refusal is not None:
                raise self._refusal from None
            raise
        if not self._trusted():
            raise self._refusal or self._reference.refused("it was not shown", Fault.DATA)

    def send(self, buf: Any, flags: int = 0) -> int:
        """Send, as of `Connection`; before the server is accepted, Twisted has to keep the bytes."""
        if not self._trusted():
            raise WantReadError
        return super().send(buf, flags)

    def _trusted(self) -> bool:
        return self._examined and self._refusal is None

    def _fault_of(
        self, certificate: X509, code: int, depth: int, chain_ok: bool
    ) -> CertificateRefusedError | None:
        """Return what is wrong with a certificate; None: nothing. Raises anything: it is malformed."""
        if chain_ok:
            return self._reference.fault_of(certificate.to_cryptography()) if depth == 0 else None
        said, fault = _CHAIN.get(code, (f"cannot be verified (OpenSSL's code {code})", Fault.TRUST))
        if code in _DATES:
            date = getattr(certificate.to_cryptography(), _DATES[code])
            said += f" ({date:%Y-%m-%d %H:%M} UTC)"
        whose = "it" if depth == 0 or said == _UNTRUSTED else "the certificate of its CA"
        return self._reference.refused(f"{whose} {said}", fault)


def _verify(connection: Connection, certificate: X509, code: int, depth: int, chain_ok: int) -> bool:
    """Answer OpenSSL. pyOpenSSL takes an exception for a no."""
    return isinstance(connection, _CheckedConnection) and connection.examine(
        certificate, code, depth, bool(chain_ok)
    )


@implementer(IOpenSSLClientConnectionCreator)
@frozen(eq=False)
class _Verified:
    """TLS to a host whose certificate is checked."""

    reference: _Reference
    options: ssl.CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        """Return a connection that checks the certificate."""
        return _CheckedConnection(self.options.getContext(), self.reference)


@implementer(IOpenSSLClientConnectionCreator)
@frozen(eq=False)
class _Unverified:
    """TLS to a host whose certificate is not looked at."""

    reference: _Reference
    options: ssl.CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        """Return a connection that names the host but does not verify it."""
        connection = Connection(self.options.getContext())
        if self.reference.server_name is not None:
            connection.set_tlsext_host_name(self.reference.server_name)
        return connection


def check_host(host: str) -> None:
    """Check the name or address of a host as Twisted does when it connects, with TLS or without.

    Raises:
        ValueError: there cannot be such a host; the text says what there can be.
    """
    try:
        _Reference.to(host)
    except ValueError:
        raise ValueError("must be a host name or an IP address, without a port") from None


def trust_in(path: str) -> Any:
    """Return trust in the CA certificates of a PEM file and in no others, as Twisted takes it.

    Raises:
        ValueError: the file cannot be read, or holds no certificate; the text names it.
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
    """Return how to speak TLS to a host.

    Args:
        host: its name or address, which its certificate must be for.
        trust: in which CAs, from `trust_in`; None: those of the system.
        verify: whether to look at its certificate at all.
        own: the client's certificate, if the server asks for one.

    Raises:
        ValueError: there cannot be such a host.
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
    """Return an endpoint that speaks TLS, from `tls_for`, over another one."""
    secure: IStreamClientEndpoint = wrapClientTLS(creator, endpoint)
    return secure


def client_endpoint(reactor: Any, string: str) -> IStreamClientEndpoint:
    """Return the endpoint of a client endpoint string as Twisted does, except that names are checked here.

    Twisted reads every kind but `tls:`. That has Twisted's syntax and meaning; its host may also be an
    IPv6 address, which Twisted takes for a name that cannot be.

    Raises:
        ValueError: the parts of a `tls:` string cannot be used.
        OSError: a file cannot be read.
        Exception: Twisted's parser, or a plug-in's, cannot use the string.
    """
    kind, arguments, named = split(string)
    if kind.lower() != "tls":
        endpoint: IStreamClientEndpoint = clientFromString(reactor, string)
        return endpoint
    parts = _tls_parts(arguments, named)
    trust = _trust_in_folder(parts["trustRoots"]) if "trustRoots" in parts else None
    own = _pair(parts["certificate"], parts.get("privateKey")) if "certificate" in parts else None
    return over_tls(_below(reactor, parts), tls_for(parts["host"], trust, own=own))


def _tls_parts(arguments: list[str], named: dict[str, str]) -> dict[str, str]:
    """Return the parts of a `tls:` string by name. Raises ValueError: there are wrong ones."""
    positional = dict(zip(_TLS_PARTS, arguments, strict=False))
    wrong = [*arguments[len(_TLS_PARTS) :], *(set(named) - set(_TLS_PARTS)), *(set(named) & set(positional))]
    if wrong:
        raise ValueError(f"unexpected argument {min(wrong)!r}")
    parts = positional | named
    missing = {"host", "port"} - set(parts)
    if missing:
        raise ValueError(f"missing argument {min(missing)!r}")
    return parts


def _below(reactor: Any, parts: dict[str, str]) -> IStreamClientEndpoint:
    """Return what the TLS of a `tls:` string goes over."""
    port, timeout = int(parts["port"]), int(parts.get("timeout", _TIMEOUT))
    if "endpoint" in parts:
        return client_endpoint(reactor, parts["endpoint"])
    below: IStreamClientEndpoint = HostnameEndpoint(
        reactor,
        parts["host"],
        port,
        timeout,
        (parts["bindAddress"], 0) if "bindAddress" in parts else None,
    )
    return below


def _pair(certificate: str, key: str | None) -> ssl.PrivateCertificate:
    """Return the client's certificate with its key, which the same file has if no other is named."""
    pem = Path(certificate).read_bytes()
    if key is None:
        whole: ssl.PrivateCertificate = ssl.PrivateCertificate.loadPEM(pem)
        return whole
    own = ssl.Certificate.loadPEM(pem)
    pair = ssl.KeyPair.load(Path(key).read_bytes(), FILETYPE_PEM)
    joined: ssl.PrivateCertificate = ssl.PrivateCertificate.fromCertificateAndKeyPair(own, pair)
    return joined


def _trust_in_folder(path: str) -> Any:
    """Return trust in the first certificate of each *.pem file of a folder that can be read."""
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

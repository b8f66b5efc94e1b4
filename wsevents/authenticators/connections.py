"""Every TCP connection to one server, plain or over TLS, so that all can be ended at once."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection
    from twisted.internet.protocol import Factory


class _Abrupt(ProtocolWrapper):
    """A connection that is dropped rather than closed politely.

    A client closes when it has all it wants or will not wait any longer; over TLS the polite way would
    wait for a peer that may never answer.
    """

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.abortConnection()  # the transport's own


class _Registering(WrappingFactory[_Abrupt]):
    """Registers each connection for as long as it is there."""

    protocol = _Abrupt
    noisy = False

    def __init__(self, wrapped: Factory, connections: Connections) -> None:
        wrapped.noisy = False
        super().__init__(wrapped)
        self._connections = connections

    def registerProtocol(self, p: _Abrupt) -> None:
        self._connections.add(p)

    def unregisterProtocol(self, p: _Abrupt) -> None:
        self._connections.remove(p)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
@define(eq=False)
class Connections:
    """Every connection to the server: an endpoint that knows what it has connected."""

    endpoint: Any
    _open: set[_Abrupt] = field(factory=set)
    _over: Deferred[None] | None = None

    def endpointForURI(self, uri: object) -> Connections:
        """Return itself: there is one server."""
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect; as of IStreamClientEndpoint."""
        connected: Deferred[Any] = self.endpoint.connect(_Registering(factory, self))
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)

    def add(self, connection: _Abrupt) -> None:
        """Take note of a new connection."""
        self._open.add(connection)

    def remove(self, connection: _Abrupt) -> None:
        """Take note that a connection is over."""
        self._open.discard(connection)
        if self._over is not None and not self._open:
            over, self._over = self._over, None
            over.callback(None)

    async def close(self) -> None:
        """Drop every connection; return when all are gone."""
        if self._open:
            over: Deferred[None] = Deferred()
            self._over = over
            for connection in tuple(self._open):
                connection.loseConnection()
            await over


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class _Unverified:
    """TLS to whoever answers."""

    host: str
    options: CertificateOptions

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        """Return a connection that names the host but does not verify it."""
        connection = self.options.clientConnectionForTLS(tlsProtocol)
        if not _is_address(self.host):
            connection.set_tlsext_host_name(self.host.encode("idna"))
        return connection


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def check_host(host: str) -> None:
    """Check the name or address of a host as Twisted does when it connects, with TLS or without.

    Raises:
        ValueError: there cannot be such a host; the text says what there can be.
    """
    try:
        optionsForClientTLS(host)
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
    return trustRootFromCertificates(
        [Certificate.loadPEM(certificate.public_bytes(Encoding.PEM)) for certificate in certificates]
    )


def tls_for(host: str, trust: Any, *, verify: bool) -> IOpenSSLClientConnectionCreator:
    """Return how to speak TLS to a host.

    Args:
        host: its name or address, which its certificate must be for.
        trust: whom to believe it, from `trust_in`; None: the CA certificates of the system.
        verify: whether to look at its certificate at all.

    Raises:
        ValueError: there cannot be such a host.
    """
    if verify:
        return optionsForClientTLS(host, trustRoot=trust)
    return _Unverified(host, CertificateOptions(verify=False))

"""Connecting: the WebSocket factory and the endpoint for a URL, and a factory for one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketClientFactory
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory

from wsevents.endpoints.tls_client import over_tls, tls_for

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
    from twisted.internet.protocol import Protocol

PORT_MAX = 65535


class SingleUseFactory(Factory):
    """Returns one protocol, once. An endpoint may try several addresses; the first to connect gets it."""

    noisy = False

    def __init__(self, connection: Protocol) -> None:
        self._connection: Protocol | None = connection

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        connection, self._connection = self._connection, None
        return connection


def autobahn_factory(url: str, reactor: Any, message_max: int, frame_max: int = 0) -> WebSocketClientFactory:
    """Return Autobahn's factory for connections to a URL.

    Args:
        url: ws: or wss: URL.
        reactor: reactor for timers.
        message_max: maximum bytes of a received message; a longer message ends the connection.
        frame_max: maximum bytes of a sent frame; longer messages are fragmented. 0: no maximum.

    Raises:
        ValueError: the URL is not valid.
    """
    if not url:  # Autobahn's default is localhost
        raise ValueError("the URL is empty")
    try:
        factory = WebSocketClientFactory(url, reactor=reactor, useragent="wsevents")
    except Exception as error:  # noqa: BLE001 Autobahn raises Exception itself
        raise ValueError(f"the URL is not valid: {error}") from None
    if not 0 < factory.port <= PORT_MAX:
        raise ValueError(f"the port of the URL is not from 1 to {PORT_MAX}")
    factory.setProtocolOptions(
        autoFragmentSize=frame_max,
        maxMessagePayloadSize=message_max,
        maxFramePayloadSize=message_max,
        # Autobahn's timers ignore the `reactor` argument. The connection classes have their own.
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
    )
    return factory


def endpoint_for(factory: WebSocketClientFactory, reactor: Any, tls: Any) -> IStreamClientEndpoint:
    """Return the endpoint for the host of the URL; with TLS, it verifies the certificate for this host."""
    plain = HostnameEndpoint(reactor, factory.host, factory.port)
    if not factory.isSecure:
        return plain
    return over_tls(plain, tls or tls_for(factory.host))

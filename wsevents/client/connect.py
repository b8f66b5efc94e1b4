"""How the clients dial: what Autobahn is told of a URL, its endpoint, and one protocol for each call."""

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
    """Hands out the connection that was made for one attempt, to the first address that answers."""

    noisy = False

    def __init__(self, connection: Protocol) -> None:
        self._connection: Protocol | None = connection

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Return it, once."""
        connection, self._connection = self._connection, None
        return connection


def autobahn_factory(url: str, reactor: Any, message_max: int, frame_max: int = 0) -> WebSocketClientFactory:
    """Return what Autobahn wants to know of a connection.

    Args:
        url: ws: or wss:.
        reactor: time.
        message_max: bytes of a message; a longer one ends the connection.
        frame_max: longer messages are sent in frames of so many bytes; 0: none are.

    Raises:
        ValueError: the URL is none.
    """
    if not url:  # Autobahn would take it for localhost
        raise ValueError("the URL is empty")
    try:
        factory = WebSocketClientFactory(url, reactor=reactor, useragent="wsevents")
    except Exception as error:  # noqa: BLE001 Autobahn raises Exception itself
        raise ValueError(f"the URL cannot be used: {error}") from None
    if not 0 < factory.port <= PORT_MAX:
        raise ValueError("the URL has a port that does not exist")
    factory.setProtocolOptions(
        autoFragmentSize=frame_max,
        maxMessagePayloadSize=message_max,
        maxFramePayloadSize=message_max,
        # Autobahn's timers are the reactor's own, whichever one is passed in; a connection has its own.
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
    )
    return factory


def endpoint_for(factory: WebSocketClientFactory, reactor: Any, tls: Any) -> IStreamClientEndpoint:
    """Return how to reach the host of the URL; its certificate must be for its name."""
    plain = HostnameEndpoint(reactor, factory.host, factory.port)
    if not factory.isSecure:
        return plain
    return over_tls(plain, tls or tls_for(factory.host))

"""The HTTP request that opens a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Request:
    """The HTTP request that asks for a WebSocket.

    Attributes:
        path: the path of the target, percent-decoded.
        query: the values of each key of the query in order; blank values are omitted.
        headers: header values by name in lower case.
        address: IP address of the client, as text. Behind a trusted proxy it is the address that the proxy
            reports.
        port: TCP port of the client; 0: not known.
        listener: name of the listener that accepted the connection.
        secure: the client uses TLS, to the gateway or to a trusted proxy.
    """

    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    address: str = ""
    port: int = 0
    listener: str = ""
    secure: bool = True

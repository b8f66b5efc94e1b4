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
        path: percent-decoded, without the query.
        query: every value of each key in order; blank values are left out.
        headers: names in lower case.
        address: IP address of the peer, as text; of the real one, as far as trusted proxies tell.
        port: its port; 0: not known.
        listener: name of the listener it came by.
        secure: it came over TLS, here or to a trusted proxy.
    """

    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    address: str = ""
    port: int = 0
    listener: str = ""
    secure: bool = True

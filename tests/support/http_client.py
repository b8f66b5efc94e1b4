"""An HTTP client of the real site, in memory and without a port."""

from __future__ import annotations

import json

from attrs import frozen
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure


@frozen
class Answer:
    status: int
    phrase: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Visitor:
    """Connects to a site, and reconnects for a request after the site has closed the connection."""

    def __init__(self, site):
        self.site = site
        self.connect()

    def connect(self):
        self.transport = StringTransport()
        self.channel = self.site.buildProtocol(IPv4Address("TCP", "192.0.2.1", 4321))
        self.channel.makeConnection(self.transport)

    def send(self, data):
        self.channel.dataReceived(data)

    def ask(self, method, path, headers=None, body=b""):
        """Send a request and return the response, or None if it is not complete."""
        if self.reason:
            self.leave()
            self.connect()
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return self.answer()

    def answer(self):
        text = self.transport.value()
        self.transport.clear()
        if not text:
            return None
        head, _, body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        _, status, phrase = first.split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(status), phrase, headers, body)

    @property
    def reason(self):
        return self.transport.disconnecting

    def leave(self):
        self.channel.connectionLost(Failure(ConnectionDone()))

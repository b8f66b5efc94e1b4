"""A fake of wazo-auth: the part of its HTTP API that the gateway uses, on a loopback port.

It issues and revokes tokens, and can be told to fail, hang, stall, answer nonsense, stop and start
again on the same port. Every request is recorded.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.ssl import PrivateCertificate
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from wsevents.core.acl import compile_acl

if TYPE_CHECKING:
    from tests.support.certificates import Pair

MASTER = "00000000-0000-4000-8000-000000000001"
"""UUID of the tenant of the service accounts."""


DEADLINE = 30
"""Timeout of a wait, in seconds."""


@frozen
class Recorded:
    """A received request; `token` is the decoded one of the path, `account` that of Basic authentication."""

    method: str
    path: str
    token: str | None
    scope: str | None
    headers: dict[str, str]
    account: tuple[str, str] | None
    body: bytes


def utc_text(when: float, separator: str = "T") -> str:
    """Return a time as wazo-auth writes it: ISO 8601, in UTC, without a time zone."""
    return datetime.fromtimestamp(when, UTC).replace(tzinfo=None).isoformat(sep=separator)


def document(token: str, **fields: Any) -> dict[str, Any]:
    """Return a token document; see `WazoAuth.issue` for the fields."""
    uuid = fields.get("uuid", "11111111-1111-4111-8111-111111111111")
    expires = fields.get("expires", time.time() + 7200)
    return {
        "token": token,
        "auth_id": uuid,
        "xivo_user_uuid": uuid,
        "xivo_uuid": "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee",
        "issued_at": utc_text(expires - 7200),
        "utc_issued_at": utc_text(expires - 7200),
        "expires_at": utc_text(expires),
        "utc_expires_at": utc_text(expires),
        "acl": fields.get("acl", ["websocketd", "events.#"]),
        "metadata": {
            "uuid": uuid,
            "tenant_uuid": fields.get("tenant", "22222222-2222-4222-8222-222222222222"),
            "auth_id": uuid,
            "pbx_user_uuid": uuid,
            "xivo_uuid": "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee",
            "purpose": fields.get("purpose", "user"),
            "admin": fields.get("admin", False),
        },
        "session_uuid": fields.get("session", "33333333-3333-4333-8333-333333333333"),
        "remote_addr": "127.0.0.1",
        "user_agent": "tests",
    }


class _Site(Site):
    """A site that can drop its connections and writes no access log, which would contain tokens."""

    def __init__(self, resource: Resource, reactor: Any) -> None:
        super().__init__(resource, reactor=reactor)
        self.displayTracebacks = False
        self.noisy = False
        self.connections: set[Any] = set()
        self.accepted = 0
        self._empty: list[Deferred[None]] = []

    def buildProtocol(self, addr):
        channel = super().buildProtocol(addr)
        original = channel.connectionLost

        def lost(reason):
            self.connections.discard(channel)
            original(reason)
            if not self.connections:
                waiting, self._empty = self._empty, []
                for empty in waiting:
                    empty.callback(None)

        channel.connectionLost = lost
        self.connections.add(channel)
        self.accepted += 1
        return channel

    def log(self, request):
        pass

    async def deserted(self):
        if self.connections:
            empty: Deferred[None] = Deferred()
            self._empty.append(empty)
            await empty.addTimeout(DEADLINE, self.reactor)


@define(eq=False)
class WazoAuth(Resource):
    """The server. Set the attributes at any time; they take effect with the next request.

    Attributes:
        reactor: where it listens.
        prefix: beginning of its paths.
        certificate: to speak TLS with; None: plain HTTP.
        interface: address that it listens on.
        port: where it listens, or did last.
        tokens: the `data` of the documents of all tokens, by token; incomplete ones are given as they are.
        brief: tokens whose time begins when they are first given out, and how many seconds they have.
        accounts: service id -> key.
        users: name -> password, of people who log in; each time they get another token.
        lifetime: seconds that a person's token has, whatever was asked for.
        master: tenant of the service accounts.
        status: answer every request with this status.
        body: answer every request about a token with 200 and this body.
        hang: take requests and do not answer until `release`.
        stall: begin an answer and never end it.
        requests: what came in.
    """

    reactor: Any
    prefix: str = "/api/auth"
    certificate: Pair | None = None
    interface: str = "127.0.0.1"
    port: int = 0
    tokens: dict[str, dict[str, Any]] = field(factory=dict)
    brief: dict[str, float] = field(factory=dict)
    accounts: dict[str, str] = field(factory=lambda: {"gateway": "opensesame"})
    users: dict[str, str] = field(factory=dict)
    lifetime: float = 7200
    master: str = MASTER
    status: int | None = None
    body: bytes | None = None
    hang: bool = False
    stall: bool = False
    requests: list[Recorded] = field(factory=list)
    site: Any = None
    _listener: Any = None
    _held: list[Any] = field(factory=list)
    _expected: list[tuple[int, Deferred[None]]] = field(factory=list)

    isLeaf = True

    def __attrs_post_init__(self) -> None:
        Resource.__init__(self)

    # -- the server

    def start(self) -> None:
        """Listen on a free port, or on the port it had."""
        self.site = _Site(self, self.reactor)
        if self.certificate is None:
            self._listener = self.reactor.listenTCP(self.port, self.site, interface=self.interface)
        else:
            options = PrivateCertificate.loadPEM(self.certificate.key + self.certificate.public).options()
            self._listener = self.reactor.listenSSL(self.port, self.site, options, interface=self.interface)
        self.port = self._listener.getHost().port

    async def stop(self) -> None:
        """Stop listening and drop every connection; new connections are refused."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        await maybeDeferred(listener.stopListening)
        await self.drop()

    async def drop(self) -> None:
        """Drop every connection."""
        for channel in tuple(self.site.connections):
            channel._channel.transport.abortConnection()
        await self.site.deserted()
        self._held.clear()

    # -- tokens

    def issue(self, token: str, **fields: Any) -> None:
        """Add a token.

        Args:
            token: the token.
            fields: any of uuid, tenant, acl, purpose, admin, session, expires (seconds since the epoch) or
                lasts (seconds from when it is first given out).
        """
        if "lasts" in fields:
            self.brief[token] = fields["lasts"]
        self.tokens[token] = document(token, **fields)

    def revoke(self, token: str) -> None:
        """Remove a token."""
        del self.tokens[token]

    # -- requests

    async def requested(self, count: int) -> None:
        """Wait until this number of requests was received."""
        if len(self.requests) < count:
            enough: Deferred[None] = Deferred()
            self._expected.append((count, enough))
            await enough.addTimeout(DEADLINE, self.reactor)

    def release(self) -> None:
        """Answer the pending requests, and do not hold later ones."""
        self.hang = False
        held, self._held = self._held, []
        for request in held:
            self._answer(request)

    def render(self, request: Any) -> Any:
        """Record a request, and answer it unless requests are held."""
        self._record(request)
        if self.stall:
            request.setHeader("content-length", "1000")
            request.write(b'{"data": ')
        elif self.hang:
            self._held.append(request)
        else:
            self._answer(request)
        return NOT_DONE_YET

    def _record(self, request: Any) -> None:
        request.notifyFinish().addErrback(lambda _: request in self._held and self._held.remove(request))
        path = request.path.decode("ascii")
        before, found, token = path.partition(f"{self.prefix}/0.1/token/")
        account = request.getHeader("authorization")
        pair = b64decode(account.removeprefix("Basic ")).decode().partition(":") if account else None
        self.requests.append(
            Recorded(
                method=request.method.decode("ascii"),
                path=path,
                token=unquote(token) if found and not before else None,
                scope=request.args.get(b"scope", [b""])[0].decode() or None,
                headers={
                    name.decode().lower(): values[-1].decode()
                    for name, values in request.requestHeaders.getAllRawHeaders()
                },
                account=(pair[0], pair[2]) if pair else None,
                body=request.content.read(),
            )
        )
        request.recorded = self.requests[-1]
        due = [enough for count, enough in self._expected if count <= len(self.requests)]
        self._expected = [pair for pair in self._expected if pair[0] > len(self.requests)]
        for enough in due:
            enough.callback(None)

    def _answer(self, request: Any) -> None:
        status, body = self._decide(request.recorded)
        request.setResponseCode(status)
        request.setHeader("content-type", "application/json")
        if status in {301, 302, 307, 308}:
            request.setHeader("location", f"{self.prefix}/elsewhere")
        if request.method != b"HEAD" and status != 204:
            request.setHeader("content-length", str(len(body)))
            request.write(body)
        request.finish()

    def _decide(self, recorded: Recorded) -> tuple[int, bytes]:
        if self.status is not None:
            return _refusal(self.status)
        if recorded.path == f"{self.prefix}/0.1/token" and recorded.method == "POST":
            return self._login(recorded)
        if recorded.token is None or recorded.method not in {"GET", "HEAD"}:
            return _refusal(404)
        if self.body is not None:
            return 200, self.body
        return self._token(recorded.method, recorded.token, recorded.scope)

    def _token(self, method: str, token: str, scope: str | None) -> tuple[int, bytes]:
        status = self._verdict(token, scope)
        if status != 200:
            return _refusal(status)
        if method == "HEAD":
            return 204, b""
        if token in self.brief:
            self.tokens[token]["utc_expires_at"] = utc_text(time.time() + self.brief.pop(token))
        return 200, json.dumps({"data": self.tokens[token]}).encode()

    def _verdict(self, token: str, scope: str | None) -> int:
        data = self.tokens.get(token)
        if data is None:
            return 404
        expires = data.get("utc_expires_at")
        if isinstance(expires, str) and datetime.fromisoformat(expires).replace(tzinfo=UTC) <= datetime.now(
            UTC
        ):
            return 404
        acl = data.get("acl", data.get("acls"))
        me = data.get("metadata", {}).get("uuid") or ""
        if (
            scope
            and isinstance(acl, list)
            and not compile_acl(tuple(acl)).may_see(scope, me, data.get("session_uuid"))
        ):
            return 403
        return 200

    def _login(self, recorded: Recorded) -> tuple[int, bytes]:
        name, secret = recorded.account or ("", "")
        if name in self.users and self.users[name] == secret:
            token = f"T-{name}-{len(self.tokens)}"
            self.issue(token, expires=time.time() + self.lifetime)
            return 200, json.dumps({"data": self.tokens[token]}).encode()
        if name in self.accounts and self.accounts[name] == secret:
            return self._service_token(recorded)
        return _refusal(401)

    def _service_token(self, recorded: Recorded) -> tuple[int, bytes]:
        seconds = json.loads(recorded.body)["expiration"]
        data = document("service", tenant=self.master, purpose="internal", expires=time.time() + seconds)
        return 200, json.dumps({"data": deepcopy(data)}).encode()


def _refusal(status: int) -> tuple[int, bytes]:
    body = {"reason": ["as told"], "timestamp": [time.time()], "status_code": status}
    return status, json.dumps(body).encode()

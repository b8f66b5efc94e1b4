"""`POST /publish`: an event by hand, for trying things out on the in-memory bus."""

from __future__ import annotations

import json
from http import HTTPStatus
from time import localtime
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from wsevents.api.errors import BusError
from wsevents.api.identity import Identity, Unavailable, WhoIs
from wsevents.api.strict_json import parse_object
from wsevents.core.wazo_publication import NewEvent, body, headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure
    from twisted.web.server import Request

    from wsevents.api.interfaces import IAuthority, IBus

_KEYS = {"name", "data", "tenant_uuid", "user_uuid", "required_acl"}
_TEXT_MAX = 255
"""Longest name, uuid or ACL, in bytes of UTF-8: what an AMQP short string takes."""


class PublishError(Exception):
    """Why nothing is published; the text is for whoever asked."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@frozen
class Target:
    """Where events are published: a bus, its exchange, and the installation they are said to be from."""

    bus: IBus
    exchange: str
    origin: str | None


class PublishResource(Resource):
    """Publishes the event in the body of a POST, for whoever has a token.

    The token comes in the header `X-Auth-Token`; the body is a JSON object:

    * `name`: of the event;
    * `data`: an object;
    * `tenant_uuid`: default: the token's; another only with a token that sees all tenants;
    * `user_uuid`: for whom; null or absent: every user of the tenant;
    * `required_acl`: default: "events." and the name; null: everybody may see it.

    Answers 202 with the body that was published, or an error with `{"error": …}`.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, target: Target, authority: IAuthority, now: Callable[[], float]) -> None:
        super().__init__()
        self._target = target
        self._authority = authority
        self._now = now

    def render_POST(self, request: Request) -> int:
        """Answer later."""
        answer = Deferred.fromCoroutine(self._answer(request))
        # When whoever asked goes away, nobody awaits the answer any more.
        request.notifyFinish().addErrback(lambda _gone: answer.cancel())
        answer.addCallbacks(lambda said: _say(request, *said), lambda failure: self._fail(request, failure))
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> tuple[HTTPStatus, bytes]:
        try:
            _check_kind(request)
            identity = await self._identify(request.getHeader("X-Auth-Token") or "")
            happening = read(_content(request), identity)
            return HTTPStatus.ACCEPTED, await self._publish(happening)
        except PublishError as refusal:
            return refusal.status, json.dumps({"error": str(refusal)}).encode()

    async def _identify(self, token: str) -> Identity:
        if not token:
            raise PublishError(HTTPStatus.UNAUTHORIZED, "a token is needed in the header X-Auth-Token")
        answer = await self._authority.answer(WhoIs(token), self._now())
        if isinstance(answer, Unavailable):
            raise PublishError(HTTPStatus.SERVICE_UNAVAILABLE, "tokens cannot be checked now")
        if not isinstance(answer, Identity):
            raise PublishError(
                HTTPStatus.UNAUTHORIZED, "the token is invalid, has expired, or lacks the right to connect"
            )
        return answer

    async def _publish(self, happening: NewEvent) -> bytes:
        target, now = self._target, self._now()
        head = headers(happening, target.origin, now, localtime(now).tm_gmtoff)
        try:
            payload = body(head, happening.data)
        except (ValueError, RecursionError):
            raise _bad("data holds a number that is too large, or is nested too deep") from None
        try:
            await target.bus.publish(target.exchange, happening.key, head, payload)
        except BusError as error:
            raise PublishError(HTTPStatus.SERVICE_UNAVAILABLE, f"the bus did not take it: {error}") from None
        return payload

    def _fail(self, request: Request, failure: Failure) -> None:
        if failure.check(CancelledError):  # whoever asked has gone
            return
        self._log.failure("publishing failed", failure)
        _say(request, HTTPStatus.INTERNAL_SERVER_ERROR, b'{"error": "the gateway made a mistake"}')


def read(text: bytes, identity: Identity) -> NewEvent:
    """Return what is to be published for somebody.

    Args:
        text: the body of the request.
        identity: who asks for it.

    Raises:
        Refusal: it is not understood, or not allowed.
    """
    try:
        order = parse_object(text)
    except ValueError as error:
        raise _bad(f"the body must be a JSON object: {error}") from None
    unknown = sorted(order.keys() - _KEYS)
    if unknown:
        raise _bad(f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(_KEYS))}")
    name = _text(order, "name")
    data = order.get("data")
    if not isinstance(data, dict):
        raise _bad("data must be an object")
    tenant = _text(order, "tenant_uuid", identity.tenant)
    if tenant != identity.tenant and identity.reach != "all":
        raise PublishError(HTTPStatus.FORBIDDEN, "the token is of another tenant")
    user = None if order.get("user_uuid") is None else _text(order, "user_uuid")
    required = (
        None if order.get("required_acl", "") is None else _text(order, "required_acl", f"events.{name}")
    )
    return NewEvent(name, tenant, data, required, () if user is None else (user,), name)


def _text(order: dict[str, Any], key: str, default: str | None = None) -> str:
    value = order.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise _bad(f"{key} must be a text")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _bad(f"{key} has half a character") from None
    if size > _TEXT_MAX:
        raise _bad(f"{key} must not be longer than {_TEXT_MAX} bytes")
    return value


def _bad(why: str) -> PublishError:
    return PublishError(HTTPStatus.BAD_REQUEST, why)


def _check_kind(request: Request) -> None:
    """Refuse any other kind of body: a foreign page could have sent it unasked (CORS "simple" requests)."""
    kind = (request.getHeader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise PublishError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/json")


def _content(request: Request) -> bytes:
    return b"" if request.content is None else request.content.read()


def _say(request: Request, status: HTTPStatus, text: bytes) -> None:
    if request.channel is None:
        return  # type: ignore[unreachable] # Twisted makes it None when the connection is lost
    request.setResponseCode(status, status.phrase.encode())
    request.setHeader("Content-Type", "application/json")
    request.setHeader("Content-Length", str(len(text)))
    request.write(text)
    request.finish()

"""`POST /publish`: publishes an event from an HTTP request, for trials with the in-memory bus."""

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
"""Bytes of a name, uuid or ACL in UTF-8, at most: the limit of an AMQP short string."""


class PublishError(Exception):
    """A request is rejected. The text is for the client.

    Attributes:
        status: of the response.
    """

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@frozen
class Target:
    """Where events are published.

    Attributes:
        bus: the bus.
        exchange: name of the exchange.
        origin: uuid of the installation that the events name as their origin; None: they name none.
    """

    bus: IBus
    exchange: str
    origin: str | None


class PublishResource(Resource):
    """Publishes the event in the body of a POST request with a valid token.

    The token is in the header `X-Auth-Token`. The body is a JSON object:

    * `name`: name of the event;
    * `data`: an object;
    * `tenant_uuid`: default: the tenant of the token; another tenant needs a token for all tenants;
    * `user_uuid`: the user that the event is for; null or missing: all users of the tenant;
    * `required_acl`: default: "events." and the name; null: the event needs no ACL.

    The response is 202 with the published body, or an error with `{"error": …}`.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, target: Target, authority: IAuthority, now: Callable[[], float]) -> None:
        super().__init__()
        self._target = target
        self._authority = authority
        self._now = now

    def render_POST(self, request: Request) -> int:
        answer = Deferred.fromCoroutine(self._answer(request))
        # When the client closes the connection, the answer is not needed.
        request.notifyFinish().addErrback(lambda _: answer.cancel())
        answer.addCallbacks(
            lambda result: _respond(request, *result), lambda failure: self._fail(request, failure)
        )
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> tuple[HTTPStatus, bytes]:
        try:
            _check_content_type(request)
            identity = await self._identify(request.getHeader("X-Auth-Token") or "")
            event = read(_content(request), identity)
            return HTTPStatus.ACCEPTED, await self._publish(event)
        except PublishError as error:
            return error.status, json.dumps({"error": str(error)}).encode()

    async def _identify(self, token: str) -> Identity:
        if not token:
            raise PublishError(HTTPStatus.UNAUTHORIZED, "the header X-Auth-Token must contain a token")
        answer = await self._authority.answer(WhoIs(token), self._now())
        if isinstance(answer, Unavailable):
            raise PublishError(HTTPStatus.SERVICE_UNAVAILABLE, "the token cannot be checked now")
        if not isinstance(answer, Identity):
            raise PublishError(
                HTTPStatus.UNAUTHORIZED, "the token is invalid, has expired, or lacks the right to connect"
            )
        return answer

    async def _publish(self, event: NewEvent) -> bytes:
        target, now = self._target, self._now()
        head = headers(event, target.origin, now, localtime(now).tm_gmtoff)
        try:
            payload = body(head, event.data)
        except (ValueError, RecursionError):
            raise _bad_request("data has a number that is too large, or is nested too deeply") from None
        try:
            await target.bus.publish(target.exchange, event.key, head, payload)
        except BusError as error:
            raise PublishError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"the bus did not accept the event: {error}"
            ) from None
        return payload

    def _fail(self, request: Request, failure: Failure) -> None:
        if failure.check(CancelledError):  # the client has closed the connection
            return
        self._log.failure("publishing failed", failure)
        _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, b'{"error": "internal error of the gateway"}')


def read(text: bytes, identity: Identity) -> NewEvent:
    """Return the event in a request.

    Args:
        text: the body of the request.
        identity: of the token.

    Raises:
        PublishError: the body is invalid, or the identity may not publish for this tenant.
    """
    try:
        fields = parse_object(text)
    except ValueError as error:
        raise _bad_request(f"the body must be a JSON object: {error}") from None
    unknown = sorted(fields.keys() - _KEYS)
    if unknown:
        raise _bad_request(f"unknown: {', '.join(unknown)}; the known keys are {', '.join(sorted(_KEYS))}")
    name = _text(fields, "name")
    data = fields.get("data")
    if not isinstance(data, dict):
        raise _bad_request("data must be an object")
    tenant = _text(fields, "tenant_uuid", identity.tenant)
    if tenant != identity.tenant and identity.reach != "all":
        raise PublishError(HTTPStatus.FORBIDDEN, "the token belongs to another tenant")
    user = None if fields.get("user_uuid") is None else _text(fields, "user_uuid")
    required = (
        None if fields.get("required_acl", "") is None else _text(fields, "required_acl", f"events.{name}")
    )
    return NewEvent(name, tenant, data, required, () if user is None else (user,), name)


def _text(fields: dict[str, Any], key: str, default: str | None = None) -> str:
    value = fields.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise _bad_request(f"{key} must be a text that is not blank")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _bad_request(f"{key} has an unpaired surrogate") from None
    if size > _TEXT_MAX:
        raise _bad_request(f"{key} must not be longer than {_TEXT_MAX} bytes")
    return value


def _bad_request(why: str) -> PublishError:
    return PublishError(HTTPStatus.BAD_REQUEST, why)


def _check_content_type(request: Request) -> None:
    """Require JSON: a page of another origin can send other types without a preflight (CORS)."""
    kind = (request.getHeader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise PublishError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/json")


def _content(request: Request) -> bytes:
    return b"" if request.content is None else request.content.read()


def _respond(request: Request, status: HTTPStatus, text: bytes) -> None:
    if request.channel is None:
        return  # type: ignore[unreachable] # Twisted makes it None when the connection is lost
    request.setResponseCode(status, status.phrase.encode())
    request.setHeader("Content-Type", "application/json")
    request.setHeader("Content-Length", str(len(text)))
    request.write(text)
    request.finish()

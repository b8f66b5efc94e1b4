"""Authentication by wazo-auth, over its HTTP API.

Rule 1: every question is answered within `timeout`, including the time in the queue.
Rule 2: this module sends the requests; `wazo_token.py` interprets the responses.
Rule 3: no log line contains a token or a key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.errors import ConfigurationError
from wsevents.api.identity import Check, Denied, Describe, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthenticator
from wsevents.api.settings import Auth, filled, key, positive, within
from wsevents.api.strict_json import parse_object
from wsevents.auth.http_client import HttpClient, UnreachableError
from wsevents.auth.key_file import account_in
from wsevents.auth.master_tenant import EXPIRATION, MasterTenant
from wsevents.auth.outage_log import OutageLog
from wsevents.auth.semaphore import Semaphore
from wsevents.auth.wazo_requests import WazoRequests
from wsevents.auth.wazo_token import answer_of, confirmation_of, plausible, tenant_of, with_reach
from wsevents.endpoints.tls_client import check_host, tls_for, trust_in

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

    from wsevents.api.identity import Answer, Identity
    from wsevents.auth.http_client import Reply

REMEDY = "start it, or correct auth.host, port, https and prefix"
"""The remedy for a wazo-auth that does not answer."""

_OK = 200
_CONNECT_SCOPE = "?scope=websocketd"
_REJECTED = frozenset({401, 403})
_PREFIX = re.compile(r"[\w.~%/-]*", re.ASCII)


def _host(_: object, __: Any, value: str) -> None:
    check_host(value)


def _path(_: object, __: Any, value: str) -> None:
    if not _PREFIX.fullmatch(value):
        raise ValueError(f"must be the prefix of a path, such as /api/auth, not {value!r}")


def _trusted(auth: WazoAuth, attribute: Any, value: bool | str) -> None:
    """Attrs validator: the file of CA certificates is usable, if one is configured and used."""
    if isinstance(value, str):
        filled(auth, attribute, value)
        if auth.https:
            trust_in(value)


def _paired(auth: WazoAuth, attribute: Any, value: str | None) -> None:
    if (value is None) != (auth.service_id is None):
        raise ValueError("must be given together with service_id")
    filled(auth, attribute, value)


def _account(auth: WazoAuth, attribute: Any, value: str | None) -> None:
    """Attrs validator: the key file is usable, if one is configured and used."""
    filled(auth, attribute, value)
    if value is not None and auth.service_id is None:
        account_in(value)


@frozen(kw_only=True)
class WazoAuth(Auth):
    """`auth:` of type wazo."""

    host: str = key("localhost", "Host of wazo-auth.", check=_host)
    port: int = key(80, "Port of wazo-auth.", check=within(1, 65535))
    https: bool = key(False, "Connect with TLS.")
    prefix: str = key(
        "/api/auth", "Path prefix; empty without a reverse proxy before wazo-auth.", check=_path
    )
    verify_certificate: bool | str = key(
        True,
        "How the server certificate is verified: true (the system's CA certificates), a PEM file of CA "
        "certificates, or false (not at all).",
        check=_trusted,
    )
    timeout: float = key(
        10.0, "Timeout of a token lookup in seconds, including the time in the queue.", check=within(1, 3600)
    )
    concurrent_lookups: int = key(32, "Concurrent requests to wazo-auth.", check=positive)
    waiting_lookups: int = key(
        10000,
        "Queued lookups; further ones fail at once, as if wazo-auth were down.",
        check=positive,
    )
    service_id: str | None = key(
        None,
        "Id of the gateway's service account, whose tenant is the master tenant; null for no account.",
        check=filled,
    )
    service_key: str | None = key(None, "Key of the service account.", secret=True, check=_paired)
    key_file: str | None = key(
        None,
        "Key file of Wazo (YAML with service_id and service_key), read if service_id is null.",
        check=_account,
    )


def _credentials(settings: WazoAuth) -> tuple[str, str] | None:
    """Return the id and the key of the configured service account, or None.

    Raises:
        ValueError: the key file is no longer usable.
    """
    if settings.service_id is not None and settings.service_key is not None:
        return settings.service_id, settings.service_key
    return None if settings.key_file is None else account_in(settings.key_file)


def _tls(settings: WazoAuth) -> IOpenSSLClientConnectionCreator | None:
    """Return the TLS settings for wazo-auth; None for plain HTTP.

    Raises:
        ValueError: the file of CA certificates is no longer usable.
    """
    if not settings.https:
        return None
    file = settings.verify_certificate
    trust = trust_in(file) if isinstance(file, str) else None
    return tls_for(settings.host, trust, verify=file is not False)


@implementer(IAuthenticator)
class WazoAuthenticator(Service):
    """Looks up tokens at wazo-auth, and keeps a service token to know the master tenant."""

    settings = WazoAuth
    _log = Logger()

    def __init__(self, settings: WazoAuth, reactor: Any) -> None:
        """Prepare; nothing is asked before `startService`.

        Args:
            settings: the `auth:` section.
            reactor: has time and TCP.

        Raises:
            ValueError: a file that the settings name cannot be used any more.
        """
        self._credentials = _credentials(settings)
        self._client = HttpClient.create(
            reactor,
            host=settings.host,
            port=settings.port,
            prefix=settings.prefix,
            tls=_tls(settings),
            kept=settings.concurrent_lookups,
        )
        self._requests = WazoRequests(
            settings.timeout,
            reactor,
            OutageLog(f"wazo-auth at {self._client.base}", reactor, self._log, f"; {REMEDY}"),
            Semaphore(settings.concurrent_lookups, settings.waiting_lookups),
        )
        self._master = MasterTenant(
            lambda: Deferred.fromCoroutine(self._service_tenant()), reactor, self._notify
        )
        self._watchers: list[Callable[[], None]] = []

    @classmethod
    def create(cls, settings: WazoAuth, reactor: Any) -> WazoAuthenticator:
        """Return an authenticator.

        Raises:
            ConfigurationError: a configured file has become unusable since the settings were checked.
        """
        try:
            return cls(settings, reactor)
        except ValueError as error:
            raise ConfigurationError(f"auth: {error}") from None

    def startService(self) -> None:
        """Accept questions, and fetch a service token if a service account is configured."""
        super().startService()
        self._requests.open()
        if self._credentials is not None:
            self._master.startService()

    def stopService(self) -> Deferred[None]:
        """Answer pending questions with Unavailable; fires when every connection is closed."""
        super().stopService()
        if self._master.running:
            self._master.stopService()
        self._requests.close()
        return Deferred.fromCoroutine(self._client.close())

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer a question within `timeout`. If cancelled, it fires with Unavailable at once."""
        if not self.running:
            return succeed(Unavailable("the authenticator is not running"))
        if not isinstance(question, WhoIs | Check | Describe):
            return succeed(Unavailable(f"wazo-auth does not answer {type(question).__name__}"))
        if not plausible(question.token):
            return succeed(Denied("the token is malformed"))
        return self._requests.run(self._look_up(question))

    def revise(self, identity: Identity) -> Answer:
        """Return the identity with the reach that the current master tenant gives it."""
        return with_reach(identity, self._master.tenant)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change of the master tenant."""
        self._watchers.append(changed)

    async def _look_up(self, question: WhoIs | Check | Describe) -> Answer:
        if isinstance(question, Check):
            return confirmation_of((await self._request("HEAD", question.token, _CONNECT_SCOPE)).status)
        scope = _CONNECT_SCOPE if isinstance(question, WhoIs) else ""
        reply = await self._request("GET", question.token, scope)
        return answer_of(reply.status, reply.body, self._master.tenant)

    async def _request(self, method: str, token: str, scope: str) -> Reply:
        path = f"/0.1/token/{quote(token, safe='')}{scope}"
        reply: Reply = await self._requests.with_slot(lambda: self._client.ask(method, path))
        return reply

    def _notify(self) -> None:
        for changed in tuple(self._watchers):
            try:
                changed()
            except Exception:  # noqa: BLE001 the other watchers must be called too
                self._log.failure("a watcher of the master tenant failed")

    async def _service_tenant(self) -> str:
        """Create a service token and return its tenant.

        Raises:
            UnreachableError: wazo-auth created no token; the text names the remedy.
        """
        request = self._client.ask(
            "POST", "/0.1/token", json={"expiration": EXPIRATION}, auth=self._credentials
        )
        try:
            reply: Reply = await self._requests.within_time(request)
        except UnreachableError as error:
            raise UnreachableError(f"wazo-auth at {self._client.base}: {error}; {REMEDY}") from None
        if reply.status in _REJECTED:
            raise UnreachableError(
                f"wazo-auth rejected the service account (HTTP status {reply.status}); "
                "check auth.service_id and auth.service_key, or the key file"
            )
        if reply.status != _OK:
            raise UnreachableError(f"wazo-auth answered with HTTP status {reply.status}")
        try:
            tenant = tenant_of(parse_object(reply.body))
        except ValueError:
            tenant = None
        if tenant is None:
            raise UnreachableError("wazo-auth answered without metadata.tenant_uuid")
        return tenant

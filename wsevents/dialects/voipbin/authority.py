"""Authenticates VoIPBIN's credentials: verifies JWTs, and finds access keys in the settings or over HTTP.

Rule 1: a JWT is verified before its claims are used, and only with HS256.
Rule 2: a look-up sends the access key in the request body, so that no URL and no log of URLs contains it.
Rule 3: `claims.py` maps claims and records to identities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.errors import ConfigurationError
from wsevents.api.identity import Denied, Unavailable
from wsevents.api.interfaces import IAuthority
from wsevents.api.strict_json import parse_object
from wsevents.auth.http_client import HttpClient
from wsevents.auth.outage_log import OutageLog
from wsevents.auth.semaphore import Semaphore
from wsevents.auth.token_digest import TokenDigest
from wsevents.auth.wazo_requests import WazoRequests
from wsevents.dialects.voipbin.claims import identity_of, key_holder, record_holder
from wsevents.dialects.voipbin.credential import Bearer, KeyHolder
from wsevents.dialects.voipbin.identifier import canonical
from wsevents.dialects.voipbin.moment import moment
from wsevents.endpoints.tls_client import check_host, tls_for, trust_in

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from wsevents.api.identity import Answer, Identity
    from wsevents.auth.http_client import Reply
    from wsevents.dialects.voipbin.settings import Acl, Lookup, VoipbinSettings

_OK = 200
_DENIALS = frozenset({401, 403, 404})
_MAX_KEY_CHARACTERS = 4096
_MIN_KEY_BYTES = 32
_ALGORITHM = "HS256"
_UNKNOWN = Denied("the access key is not known")


@implementer(IAuthority)
class VoipbinAuthority(Service):
    """Answers the questions `Bearer` and `KeyHolder`."""

    _log = Logger()

    def __init__(self, settings: VoipbinSettings, reactor: Any) -> None:
        """Create the authority. It sends no request before `startService`.

        Raises:
            ValueError: the settings of the look-up are invalid.
        """
        self._key = settings.jwt_key
        self._acl = settings.acl
        self._jws = _verifier()
        if self._key is not None and len(self._key.encode()) < _MIN_KEY_BYTES:
            self._log.warn(
                "dialects.voipbin.jwt_key is shorter than {size} bytes, against RFC 7518 section 3.2; "
                "use a longer key",
                size=_MIN_KEY_BYTES,
            )
        self._digest = TokenDigest()
        self._keys = {self._digest.of(text): entry for text, entry in settings.access_keys.items()}
        self._lookup = (
            None if settings.lookup is None else AccessKeyLookup(settings.lookup, settings.acl, reactor)
        )

    @classmethod
    def create(cls, settings: VoipbinSettings, reactor: Any) -> VoipbinAuthority:
        """Return the authority for a section `dialects.voipbin`.

        Raises:
            ConfigurationError: the settings of the look-up are invalid.
        """
        try:
            return cls(settings, reactor)
        except ValueError as error:
            raise ConfigurationError(f"dialects.voipbin.lookup: {error}") from None

    def startService(self) -> None:
        super().startService()
        if self._lookup is not None:
            self._lookup.requests.open()

    def stopService(self) -> Deferred[None] | None:
        """Answer pending questions with Unavailable; the Deferred fires when all connections are closed."""
        super().stopService()
        return None if self._lookup is None else Deferred.fromCoroutine(self._lookup.close())

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer without delay, unless the access key needs a look-up. A cancelled answer is Unavailable."""
        if not self.running:
            return succeed(Unavailable("not running"))
        if isinstance(question, Bearer) and "." in question.token:
            return succeed(self._verified(question.token, now))
        if isinstance(question, Bearer | KeyHolder):
            return self._holder(question.token, now)
        return succeed(Unavailable(f"VoIPBIN's authority does not answer {type(question).__name__}"))

    def revise(self, identity: Identity) -> Answer:
        """Return the identity unchanged: VoIPBIN checks a credential once."""
        return identity

    def watch(self, changed: Callable[[], None]) -> None:
        """Do nothing: identities do not change."""

    def _verified(self, token: str, now: float) -> Identity | Denied:
        """Return the identity of a JWT (RFC 7519), or Denied."""
        if self._key is None:
            return Denied("no key for tokens is configured")
        try:
            content = self._jws.decode(token, self._key, algorithms=[_ALGORITHM])
            claims = parse_object(content)
        except Exception as error:  # noqa: BLE001 the input is untrusted, and the library may raise anything
            return Denied(f"the token cannot be verified: {type(error).__name__}")
        return identity_of(claims, self._acl, now)

    def _holder(self, text: str, now: float) -> Deferred[Answer]:
        """Return the answer for an access key, from the settings or else from the look-up."""
        entry = self._keys.get(self._digest.of(text))
        if entry is not None:
            acl = self._acl.access_key if entry.acl is None else entry.acl
            customer = canonical(entry.customer_id) or entry.customer_id
            return succeed(key_holder(customer, acl, moment(entry.expires_at), now))
        if self._lookup is None or len(text) > _MAX_KEY_CHARACTERS or not text.strip():
            return succeed(_UNKNOWN)
        return self._lookup.find(text, now)


class AccessKeyLookup:
    """Looks up access keys on an HTTP server.

    Attributes:
        requests: the pending requests.
    """

    _log = Logger()

    def __init__(self, settings: Lookup, acl: Acl, reactor: Any) -> None:
        """Create the client. Raises ValueError if the settings are invalid."""
        parts = urlsplit(settings.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        check_host(host)
        self._acl = acl
        self._path = parts.path or "/"
        self._client = HttpClient.create(
            reactor,
            host=host,
            port=parts.port or (443 if secure else 80),
            prefix="",
            tls=_tls(host, settings.verify_certificate) if secure else None,
            kept=settings.concurrent_lookups,
        )
        self.requests = WazoRequests(
            settings.timeout,
            reactor,
            OutageLog(f"the look-up of access keys at {self._client.base}", reactor, self._log),
            Semaphore(settings.concurrent_lookups, settings.waiting_lookups),
        )

    def find(self, text: str, now: float) -> Deferred[Answer]:
        """Return the answer for an access key, within the timeout, or else Unavailable."""
        return self.requests.run(self._find(text, now))

    async def close(self) -> None:
        """Cancel all requests; return when all connections are closed."""
        self.requests.close()
        await self._client.close()

    async def _find(self, text: str, now: float) -> Answer:
        reply: Reply = await self.requests.with_slot(
            lambda: self._client.ask("POST", self._path, json={"accesskey": text})
        )
        if reply.status in _DENIALS:
            return _UNKNOWN
        if reply.status != _OK:
            return Unavailable(f"it answered with HTTP status {reply.status}")
        try:
            holder = record_holder(parse_object(reply.body), self._acl, now)
        except ValueError:
            return Unavailable("it answered with something that is not a JSON object")
        return (
            Unavailable("it answered without a usable customer_id or tm_expire") if holder is None else holder
        )


class _AnyLength(HMACAlgorithm):
    """HMAC with a key of any length: VoIPBIN sets the length. The authority logs a warning if it is short."""

    def check_key_length(self, key: Any) -> None:
        """Accept any length."""


def _verifier() -> PyJWS:
    """Return a verifier of signatures (RFC 7515) that accepts only HS256."""
    jws = PyJWS(algorithms=[_ALGORITHM])
    jws.unregister_algorithm(_ALGORITHM)
    jws.register_algorithm(_ALGORITHM, _AnyLength(_AnyLength.SHA256))
    return jws


def _tls(host: str, verify: bool | str) -> Any:
    trust = trust_in(verify) if isinstance(verify, str) else None
    return tls_for(host, trust, verify=verify is not False)

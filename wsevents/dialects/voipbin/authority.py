"""Who a VoIPBIN credential belongs to: JWTs are verified here, access keys listed or looked up over HTTP.

Rule 1: a JWT is verified before anything in it is believed, and by no other algorithm than HS256.
Rule 2: of a look-up the key travels in the body, so that no URL, and no log of one, has it.
Rule 3: what claims and records mean is decided in `claims.py`.
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
_REFUSALS = frozenset({401, 403, 404})
_LONGEST_KEY = 4096
_SAFE_KEY = 32
_ALGORITHM = "HS256"
_UNKNOWN = Denied("the access key is not known")


@implementer(IAuthority)
class VoipbinAuthority(Service):
    """Answers `Bearer` and `KeyHolder` questions."""

    _log = Logger()

    def __init__(self, settings: VoipbinSettings, reactor: Any) -> None:
        """Prepare; nothing is asked before `startService`.

        Raises:
            ValueError: the look-up cannot be made as it is configured.
        """
        self._key = settings.jwt_key
        self._acl = settings.acl
        self._jws = _verifier()
        if self._key is not None and len(self._key.encode()) < _SAFE_KEY:
            self._log.warn(
                "dialects.voipbin.jwt_key has fewer than the {size} bytes that RFC 7518 section 3.2 asks for",
                size=_SAFE_KEY,
            )
        self._digest = TokenDigest()
        self._keys = {self._digest.of(text): entry for text, entry in settings.access_keys.items()}
        self._records = None if settings.lookup is None else Records(settings.lookup, settings.acl, reactor)

    @classmethod
    def create(cls, settings: VoipbinSettings, reactor: Any) -> VoipbinAuthority:
        """Return the authority of a `dialects.voipbin:` section.

        Raises:
            ConfigurationError: the look-up cannot be made as it is configured.
        """
        try:
            return cls(settings, reactor)
        except ValueError as error:
            raise ConfigurationError(f"dialects.voipbin.lookup: {error}") from None

    def startService(self) -> None:
        """Begin to answer."""
        super().startService()
        if self._records is not None:
            self._records.requests.open()

    def stopService(self) -> Deferred[None] | None:
        """Answer what is pending with Unavailable; fires when every connection is gone."""
        super().stopService()
        return None if self._records is None else Deferred.fromCoroutine(self._records.close())

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer at once, but for a key that has to be looked up. Cancelled, it fires with Unavailable."""
        if not self.running:
            return succeed(Unavailable("not running"))
        if isinstance(question, Bearer) and "." in question.token:
            return succeed(self._verified(question.token, now))
        if isinstance(question, Bearer | KeyHolder):
            return self._holder(question.token, now)
        return succeed(Unavailable(f"VoIPBIN's authority does not answer {type(question).__name__}"))

    def revise(self, identity: Identity) -> Answer:
        """Return it as it is: VoIPBIN does not look again."""
        return identity

    def watch(self, changed: Callable[[], None]) -> None:
        """Do nothing: `revise` never says anything new."""

    def _verified(self, token: str, now: float) -> Identity | Denied:
        """Return whose JWT (RFC 7519) it is."""
        if self._key is None:
            return Denied("no key for tokens is configured")
        try:
            content = self._jws.decode(token, self._key, algorithms=[_ALGORITHM])
            claims = parse_object(content)
        except Exception as error:  # noqa: BLE001 whatever a stranger's token makes a library raise
            return Denied(f"the token cannot be verified: {type(error).__name__}")
        return identity_of(claims, self._acl, now)

    def _holder(self, text: str, now: float) -> Deferred[Answer]:
        """Answer whose access key it is."""
        entry = self._keys.get(self._digest.of(text))
        if entry is not None:
            acl = self._acl.access_key if entry.acl is None else entry.acl
            customer = canonical(entry.customer_id) or entry.customer_id
            return succeed(key_holder(customer, acl, moment(entry.expires_at), now))
        if self._records is None or len(text) > _LONGEST_KEY or not text.strip():
            return succeed(_UNKNOWN)
        return self._records.find(text, now)


class Records:
    """The access keys that a server knows.

    Attributes:
        inquiry: what it is being asked.
    """

    _log = Logger()

    def __init__(self, settings: Lookup, acl: Acl, reactor: Any) -> None:
        """Prepare. Raises ValueError: it cannot be asked as the settings say."""
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
        """Answer whose access key it is, within the timeout."""
        return self.requests.put(self._find(text, now))

    async def close(self) -> None:
        """End everything; return when every connection is gone."""
        self.requests.close()
        await self._client.close()

    async def _find(self, text: str, now: float) -> Answer:
        reply: Reply = await self.requests.in_turn(
            lambda: self._client.ask("POST", self._path, json={"accesskey": text})
        )
        if reply.status in _REFUSALS:
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
    """HMAC with a key of any length: which one is VoIPBIN's choice, and told to the operator once."""

    def check_key_length(self, key: Any) -> None:
        """Find no fault."""


def _verifier() -> PyJWS:
    """Return what verifies signatures (RFC 7515) by HS256 and nothing else."""
    jws = PyJWS(algorithms=[_ALGORITHM])
    jws.unregister_algorithm(_ALGORITHM)
    jws.register_algorithm(_ALGORITHM, _AnyLength(_AnyLength.SHA256))
    return jws


def _tls(host: str, verify: bool | str) -> Any:
    trust = trust_in(verify) if isinstance(verify, str) else None
    return tls_for(host, trust, verify=verify is not False)

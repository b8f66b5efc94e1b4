"""A cache between the sessions and an authenticator: equal concurrent questions cause one lookup.

Rule 1: while a lookup is pending, further callers with the same question share its answer.
Rule 2: the cache keeps identities for some seconds, but only while the bus is down. Then thousands of
peers reconnect repeatedly, and each attempt would cause a lookup. The gateway closes these sessions
with 1011, so a slightly outdated identity gives no access to events.
Rule 3: if an authenticator raises an error, against its interface, the answer is Unavailable.
Rule 4: when the last caller cancels, the cache cancels the lookup. So peers that disconnect at once
cannot fill the queue of the authenticator.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.identity import Identity, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthority
from wsevents.auth.token_digest import TokenDigest
from wsevents.core.histogram import Histogram
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from twisted.python.failure import Failure

    from wsevents.api.identity import Answer


_CANCELLED = "the lookup was cancelled"


@frozen
class _IdentityCache:
    """Identities by token digest, each with the time of its lookup."""

    size: int
    seconds: float
    digest: TokenDigest = field(factory=TokenDigest)
    entries: OrderedDict[bytes, tuple[float, Identity]] = field(factory=OrderedDict, repr=False)

    def store(self, token: str, identity: Identity, now: float) -> None:
        """Store an identity; remove the oldest entries above `size`."""
        key = self.digest.of(token)
        self.entries.pop(key, None)
        self.entries[key] = now, identity
        while len(self.entries) > self.size:
            self.entries.popitem(last=False)

    def get(self, token: str, now: float) -> Identity | None:
        """Return a stored identity, or None if it is missing, too old, or its token has expired."""
        entry = self.entries.get(self.digest.of(token))
        if entry is None:
            return None
        since, identity = entry
        expired = identity.expires is not None and identity.expires <= now
        return None if expired or not 0 <= now - since < self.seconds else identity


@define(eq=False)
class _Lookup:
    """A pending lookup: the callers in order, and the Deferred of the authenticator."""

    callers: OrderedDict[Deferred[Answer], None] = field(factory=OrderedDict)
    answered: Deferred[Any] | None = None


@implementer(IAuthority)
class LookupCache(MultiService):
    """An authority that shares lookups of an authenticator and, while the bus is down, caches identities.

    It starts and stops the authenticator. The bus listener calls `bus_lost` and `bus_back`.

    Attributes:
        label: name of the authenticator in metrics and the status page.
        answers: number of answers by type, such as "identity" or "denied"; without cancelled lookups.
        latency: duration of these lookups, in seconds.
        last_error: reason of the last answer if that was Unavailable, else None.
    """

    _log = Logger()

    def __init__(
        self,
        authenticator: Any,
        remembered: int = 20000,
        seconds: float = 10.0,
        *,
        label: str = "authenticator",
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """Wrap an authenticator.

        Args:
            authenticator: IAuthenticator; it becomes a child of this service.
            label: name of the authenticator in metrics and messages.
            elapsed: monotonic clock in seconds, for `latency`.
            remembered: cached identities, at most.
            seconds: lifetime of a cached identity.
        """
        super().__init__()
        self.label, self.latency = label, Histogram()
        self.answers: Counter[str] = Counter()
        self.last_error: str | None = None
        self._elapsed = elapsed
        self._authenticator = authenticator
        IService(authenticator).setServiceParent(self)
        self._cache = _IdentityCache(remembered, seconds)
        self._caching = False
        self._lookups: dict[Hashable, _Lookup] = {}

    def bus_lost(self) -> None:
        """Start to cache identities. Repeated calls have no effect."""
        self._caching = True

    def bus_back(self) -> None:
        """Stop caching and clear the cache."""
        self._caching = False
        self._cache.entries.clear()

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer from the cache, from a pending lookup, or by a new lookup.

        If the caller cancels the Deferred, it fires with Unavailable at once.
        """
        cached = self._cached(question, now)
        if cached is not None:
            return succeed(cached)
        lookup = self._lookups.get(question)
        new = lookup is None
        if lookup is None:
            lookup = self._lookups[question] = _Lookup()
        caller: Deferred[Answer] = Deferred(lambda caller: self._cancel(caller, question, lookup))
        lookup.callers[caller] = None
        if new:
            began = self._elapsed()
            answered = maybeDeferred(self._authenticator.answer, question, now)
            lookup.answered = answered.addErrback(self._failed, lookup)
            answered.addCallback(self._measure, lookup, began)
            answered.addCallback(self._deliver, question, lookup, now)
        return caller

    def revise(self, identity: Identity) -> Answer:
        answer: Answer = self._authenticator.revise(identity)
        return answer

    def watch(self, changed: Callable[[], None]) -> None:
        self._authenticator.watch(changed)

    def _cached(self, question: Hashable, now: float) -> Answer | None:
        if not self._caching or not isinstance(question, WhoIs) or not self.running:
            return None
        identity = self._cache.get(question.token, now)
        return None if identity is None else self.revise(identity)

    def _cancel(self, caller: Deferred[Answer], question: Hashable, lookup: _Lookup) -> None:
        """Remove a caller; after the last, cancel the lookup too."""
        del lookup.callers[caller]
        if not lookup.callers and self._lookups.get(question) is lookup:
            del self._lookups[question]
            if lookup.answered is not None:
                lookup.answered.cancel()
        caller.callback(Unavailable(_CANCELLED))

    def _measure(self, answer: Answer, lookup: _Lookup, began: float) -> Answer:
        """Count an answer unless every caller has cancelled."""
        if lookup.callers:
            self.latency.observe(self._elapsed() - began)
            self.answers[type(answer).__name__.lower()] += 1
            self.last_error = answer.why if isinstance(answer, Unavailable) else None
        return answer

    def _deliver(self, answer: Answer, question: Hashable, lookup: _Lookup, now: float) -> None:
        if self._lookups.get(question) is lookup:
            del self._lookups[question]
        if self._caching and isinstance(question, WhoIs) and isinstance(answer, Identity):
            self._cache.store(question.token, answer, now)
        while lookup.callers:  # a callback may cancel another caller
            caller, _ = lookup.callers.popitem(last=False)
            caller.callback(answer)

    def _failed(self, failure: Failure, lookup: _Lookup) -> Answer:
        """Log an error of the authenticator, unless cancelling the lookup caused it."""
        if not lookup.callers:
            return Unavailable(_CANCELLED)
        self._log.error(
            "the authenticator raised an error: {safe_location}",
            safe_location=safe_location(failure),
        )
        return Unavailable("the authenticator failed")
